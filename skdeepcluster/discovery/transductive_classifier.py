"""TransductiveClassifier: a few labels, and all rows labeled at once.

::

    rows = the table, embedded where there is an encoder, in the neighbour space
    u    = log probabilities of a classifier of the labeled rows, or minus the
           squared distances to the means of the classes
    w    = normalised graph of nearest rows, plus the identity
    z    = distributions over classes of least energy           _mean_field.py
    n_refits times: the classifier again, of all rows; z again
    a row whose class lies no nearer than other groups is rejected  _rejection.py
"""

from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from scipy.special import softmax
from sklearn.base import ClassifierMixin, _fit_context, clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from .._fitted_state import check_arrays
from .._labels import PartialLabels
from .._rows import in_chunks
from .._scaling import TableScaling
from .._threads import one_blas_thread
from .._validation import check_table, draw_seed
from .._warnings import warn
from ..base import EncodedEstimator, unchanged_on_error
from ..kernels.neighbors import nearest_rows
from ..neighbors._cell_search import CellIndex, looks_at_cells
from ..neighbors._neighbor_space import NeighborSpace
from ._mean_field import (
    SparseParts,
    checked_graph,
    mean_field,
    neighbor_edges,
    normalized,
    with_self,
)
from ._prototypes import Prototypes, fit_prototypes, transported
from ._rejection import count_groups, fit_one_versus_all

# Probabilities of a classifier below this are rounding.
LEAST_PROBABILITY = 1e-6
# Unlabeled rows together weigh at most so many times what the labeled ones do.
REFIT_WEIGHT = 3.0
# If more than this share of the rows is rejected, the number of groups is doubtful.
MOST_REJECTED = 0.6


class TransductiveClassifier(ClassifierMixin, EncodedEstimator):
    """Classify all rows of a table jointly from a few labeled ones.

    Every row gets the class that a classifier of the labeled rows, its nearest
    neighbours and the labels that are fixed agree on best: the minimum of an energy
    of all rows, found by mean-field steps. Where there may be classes that no label
    names, rows can be rejected. New rows are classified by the same rule, one by one.

    Parameters
    ----------
    unary : "logistic", "prototype" or classifier, default="logistic"
        What speaks for the classes at a row: a logistic regression of the labeled
        rows, the distances to the means of the classes, which move with the rows
        that join them, or any classifier with `predict_proba`.
    smoothness : float, default=2.0
        Weight of the neighbours; 0 leaves the classifier alone.
    n_neighbors : int, default=10
        Neighbours of a row.
    encoder : transformer, default=None
        What embeds the rows first, such as :class:`NeighborEncoder`; it learns from
        all rows, and from the labels where it takes partial ones.
    reject : "one_vs_all", int or clusterer, default=None
        Whether rows may be of no known class, and how many groups the table has,
        known classes and others: "one_vs_all" takes the number by which k-means
        puts labeled rows together best, an int is the number, and a clusterer such
        as :class:`PPP` finds it. None rejects no row.
    alignment : "transport", default=None
        Whether the means of ``unary="prototype"`` are moved to the unlabeled rows
        by optimal transport first, where labeled and unlabeled rows differ as a
        whole. It harms where they do not.
    n_refits : int, default=0
        How often the classifier is fitted again, to all rows and the classes found.
    max_iter : int, default=1000
        Most steps.
    tol : float, default=1e-4
        Steps end when no probability changes by more.
    n_jobs : int, default=None
        Jobs of the search for neighbours, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Seed of the rejection; nothing else is drawn.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Classes, in the order of the columns of :meth:`predict_proba`.
    transduction_ : ndarray of shape (n_samples,)
        Class of every row of :meth:`fit`: labeled rows keep theirs. Of a rejected
        row, that of the known classes which is most probable.
    label_distributions_ : ndarray of shape (n_samples, n_classes)
        Probability of each class at each row of :meth:`fit`.
    rejected_ : ndarray of shape (n_samples,), dtype=bool
        Whether a row is of none of the classes; all False without `reject`.
    n_groups_ : int
        Number of groups that the rejection goes by, where `reject` is set.
    unary_ : object
        The fitted classifier, or the means.
    graph_ : sparse array of shape (n_samples, n_samples)
        Normalised affinities of the rows.
    energy_ : list of float
        Energy at the start and after each step; it never rises, but starts anew with
        every refit and whenever means move.
    n_iter_ : int
        Steps.
    converged_ : bool
        Whether the last ones ended by `tol`.
    encoder_ : transformer
        The fitted encoder, where one was given.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter, the table, the labels or the graph are not as described, or
        no row has a class.

    Warns
    -----
    ConvergenceWarning
        If the steps ended at `max_iter`.
    UserWarning
        If a class is a string that often marks a missing value, all labels are -1 and
        1, or most rows are rejected.

    See Also
    --------
    SemiSupervisedGaussianMixture : Finds the classes that no label names.
    sklearn.semi_supervised.LabelSpreading : Neighbours alone, without a classifier.

    Notes
    -----
    A class without a labeled row cannot be found here, but rejected. Rejection has
    its price: it takes one in nine to one in two rows of known classes with it, the
    more the more groups there are.

    Columns are standardised, their outliers drawn in, and more than 60 are brought
    to 50 principal components; sparse rows are brought to length 1. Units of the
    columns do not matter, but those of an encoder do.

    A step takes O(n k c) time for n rows, k neighbours and c classes, memory is
    O(n (k + c)), and the search for neighbours O(n² p) time for more than some 15
    columns. Of more than 20,000 dense rows, neighbours are looked for in the ten
    nearest cells of 250 rows alone, and some are missed. A new row is compared with
    all rows of the fit. `predict` on rows of the fit need not repeat
    `transduction_`: there they are new rows, without a label, that nobody else's
    class depends on.

    The energy and its minimisation are those of [1]_, its classes' means being
    ``unary="prototype"``; the rejection is that of [2]_, `alignment` the transport
    of prototypes in [3]_. A large `smoothness` gives all rows of a connected graph
    one class.

    Ctrl-C during `fit` leaves the estimator as it was.

    References
    ----------
    .. [1] I. Ziko, M. Boudiaf, J. Dolz, E. Granger and I. Ben Ayed, "Transductive
       few-shot learning: clustering is all you need?", arXiv:2106.09516.
    .. [2] S. Qu, T. Zou, F. Röhrbein, C. Lu, G. Chen, D. Tao and C. Jiang, "Upcycling
       models under domain and category shift", Conference on Computer Vision and
       Pattern Recognition, 2023.
    .. [3] S. G. Poulakakis-Daktylidis and H. Jamali-Rad, "BECLR: batch enhanced
       contrastive few-shot learning", International Conference on Learning
       Representations, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from skdeepcluster import TransductiveClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> y_partial = np.full(178, -1)
    >>> y_partial[::20] = y[::20]
    >>> model = TransductiveClassifier().fit(X, y_partial)
    >>> round(float((model.transduction_ == y).mean()), 2)
    0.95
    """

    _parameter_constraints: ClassVar[dict] = {
        "unary": [StrOptions({"logistic", "prototype"}), HasMethods("predict_proba")],
        "smoothness": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
        "reject": [
            StrOptions({"one_vs_all"}),
            Interval(Integral, 2, None, closed="left"),
            HasMethods("fit"),
            None,
        ],
        "alignment": [StrOptions({"transport"}), None],
        "n_refits": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        unary: Any = "logistic",
        *,
        smoothness: float = 2.0,
        n_neighbors: int = 10,
        encoder: Any = None,
        reject: Any = None,
        alignment: Literal["transport"] | None = None,
        n_refits: int = 0,
        max_iter: int = 1000,
        tol: float = 1e-4,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.unary = unary
        self.smoothness = smoothness
        self.n_neighbors = n_neighbors
        self.encoder = encoder
        self.reject = reject
        self.alignment = alignment
        self.n_refits = n_refits
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: Any, *, graph: Any = None) -> Self:
        """Find the classes of the rows that have none.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, all else becomes float64.
        y : array-like of shape (n_samples,)
            Known classes. A row without a class is marked by -1, or by a missing
            value (None, NaN, pandas' NA). Where all that is there is -1 and 1, both
            are classes.
        graph : sparse matrix of shape (n_samples, n_samples), default=None
            Affinities of the rows, in place of those of nearest neighbours; the
            larger of both directions counts, and loops do not.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_error(self):
            if self.alignment is not None and not self._by_prototypes:
                raise ValueError(
                    f"alignment={self.alignment!r} moves the means of the classes: it "
                    "needs unary='prototype'."
                )
            X = self._check_rows(X, reset=True)
            known = self._check_labels(y, X)
            if graph is not None:
                graph = checked_graph(graph, X.shape[0])
            self._fit(X, known, graph)
        return self

    @property
    def _by_prototypes(self):
        return isinstance(self.unary, str) and self.unary == "prototype"

    def _check_rows(self, X, *, reset):
        if not issparse(X):
            return check_table(self, X, reset=reset)
        return validate_data(
            self, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32]
        )

    def _check_labels(self, y, X):
        """Read partial labels, of one class at least."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None: give the known classes, and -1 or a missing value for rows "
                "without one."
            )
        # A column of labels is taken with scikit-learn's warning.
        y = column_or_1d(y, warn=True)
        known = PartialLabels(y, X)
        if known.classes.dtype.kind == "O" and isinstance(known.classes[0], float):
            raise ValueError(
                "Unknown label type: y holds numbers that are not whole. Classes are "
                "integers or strings."
            )
        if known.classes.tolist() == [1] and known.n_unlabeled:
            known = _both_signs(y, X, known)
        if known.n_known == 0:
            raise ValueError(
                "y has no labeled row: give one of each class at least, or look for "
                "clusters."
            )
        known.warn_if_unlikely()
        return known

    def _fit(self, X, known, graph):
        self.classes_ = known.classes
        self._dtype = X.dtype
        Z = self._fit_encoder(X, known.codes)
        rows = self._fit_space(Z)
        self._rows = SparseParts.of(rows) if issparse(rows) else rows
        if graph is None:
            graph = neighbor_edges(self._neighbors_of_all(rows))
        graph = normalized(graph)
        self._graph = SparseParts.of(graph)
        affinities = with_self(graph)
        self.energy_, self.n_iter_, z = [], 0, None
        find = self._find_by_prototypes if self._by_prototypes else self._find
        z = find(rows, known, affinities)
        self._distributions = z
        self.label_distributions_ = z.astype(self._dtype)
        codes = z.argmax(axis=1)
        self.transduction_ = self.classes_[codes]
        self.rejected_ = np.zeros(len(codes), dtype=bool)
        if not self.converged_:
            warn(
                f"The steps ended at max_iter={self.max_iter} before no probability "
                f"changed by more than tol={self.tol:g}: allow more."
            )
        if self.reject is not None:
            self._fit_rejection(rows, known, codes)

    def _fit_space(self, Z):
        """Find the space of neighbours, and bring the rows into it."""
        self._space = None
        if not issparse(Z) and self.encoder is not None:
            # Distances in an embedding mean something as they are.
            self._space = TableScaling(Z)
        elif not issparse(Z):
            self._space = NeighborSpace(Z, np.ones(len(Z)), "euclidean")
        return self._in_space(Z)

    def _in_space(self, Z):
        if self._space is None:
            return normalize(Z.astype(np.float64))
        return self._space.transform(Z)

    @property
    def graph_(self):
        """Normalised affinities of the rows of fit."""
        check_is_fitted(self)
        return self._graph.joined()

    def _neighbors_of_all(self, rows):
        number = min(self.n_neighbors, rows.shape[0] - 1)
        if number == 0:
            return np.zeros((rows.shape[0], 0), dtype=np.int64)
        if not issparse(rows) and looks_at_cells(len(rows), "auto"):
            return CellIndex(rows).nearest_others(rows, number)[0]
        search = NearestNeighbors(n_neighbors=number, n_jobs=self.n_jobs).fit(rows)
        with one_blas_thread():
            return search.kneighbors(return_distance=False)

    def _find(self, rows, known, affinities):
        """Distributions by a classifier, fitted again as often as asked for."""
        labeled = known.labeled
        self.unary_ = self._new_unary()
        self._fit_unary(rows[labeled], known.codes[labeled], None)
        z = self._steps(self._scores(rows), affinities, known.codes)
        for _ in range(self.n_refits):
            codes = z.argmax(axis=1)
            self._fit_unary(rows, codes, _refit_weights(z, labeled))
            z = self._steps(self._scores(rows), affinities, known.codes)
        return z

    def _find_by_prototypes(self, rows, known, affinities):
        """Distributions by means that move with the rows, until they stay."""
        labeled = known.labeled
        means = fit_prototypes(
            rows[labeled], np.eye(known.n_known)[known.codes[labeled]]
        )
        self.unary_ = Prototypes.of(means, rows)
        if self.alignment == "transport" and known.n_unlabeled:
            self.unary_ = transported(self.unary_, rows, ~labeled)
        z = None
        for _ in range(self.max_iter):
            z = self._steps(self.unary_.scores(rows), affinities, known.codes, z)
            means = fit_prototypes(rows, z)
            moved = np.abs(means - self.unary_.means).max()
            self.unary_ = Prototypes.of(means, rows)
            if moved <= self.tol:
                break
        return z

    def _steps(self, scores, affinities, codes, start=None):
        found = mean_field(
            scores,
            affinities,
            self.smoothness,
            codes,
            start,
            max_iter=self.max_iter,
            tol=self.tol,
        )
        self.energy_ += found.energies
        self.n_iter_ += len(found.energies) - 1
        self.converged_ = found.converged
        return found.distributions

    def _new_unary(self):
        if isinstance(self.unary, str):
            return LogisticRegression(max_iter=1000)
        return clone(self.unary)

    def _fit_unary(self, rows, codes, weights):
        """Fit the classifier to codes; of one class there is nothing to learn."""
        if len(self.classes_) == 1:
            return
        if weights is not None and not has_fit_parameter(self.unary_, "sample_weight"):
            raise ValueError(
                f"n_refits={self.n_refits} needs a classifier whose fit takes "
                f"sample_weight, which {type(self.unary_).__name__} does not."
            )
        options = {} if weights is None else {"sample_weight": weights}
        with one_blas_thread():
            self.unary_.fit(rows, codes, **options)

    def _scores(self, rows):
        """Log probabilities of the classes by the classifier."""
        if self._by_prototypes:
            return self.unary_.scores(rows)
        n_classes = len(self.classes_)
        if n_classes == 1:
            return np.zeros((rows.shape[0], 1))
        found = _probabilities(self.unary_, rows)
        probabilities = np.zeros((rows.shape[0], n_classes))
        probabilities[:, self.unary_.classes_] = found
        return np.log(np.maximum(probabilities, LEAST_PROBABILITY))

    def _unary_distributions(self):
        """What the classifier alone says of the rows of fit."""
        rows = self._rows if self._space is not None else self._rows.joined()
        return softmax(self._scores(rows), axis=1)

    def _fit_rejection(self, rows, known, codes):
        """Reject unlabeled rows that lie no nearer to their class than to others."""
        seed = draw_seed(self.random_state)
        rows = _dense(rows)
        self.n_groups_ = count_groups(self.reject, rows, known, seed)
        self._rejection = fit_one_versus_all(
            rows, self._distributions, self.n_groups_, seed
        )
        self.rejected_ = self._rejection.rejects(rows, codes) & ~known.labeled
        share = self.rejected_.sum() / max(1, known.n_unlabeled)
        if share > MOST_REJECTED:
            warn(
                f"{share:.0%} of the unlabeled rows are rejected, by {self.n_groups_} "
                "groups in the table: a smaller int `reject` rejects fewer.",
                UserWarning,
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _distributions_of(self, X):
        """Rows in the neighbour space, and their distributions, one by one."""
        check_is_fitted(self)
        rows = self._in_space(self._encoded(self._check_rows(X, reset=False)))
        scores = self._scores(rows)
        alone = softmax(scores, axis=1)
        pull = alone + self._distributions[self._neighbors(rows)].mean(axis=1)
        return rows, softmax(scores + self.smoothness * pull, axis=1)

    def _check_state(self):
        super()._check_state()
        if not hasattr(self, "_distributions"):
            return
        n_rows = len(self._distributions)
        check_arrays("TransductiveClassifier", shares=(self._distributions, "f", "nc"))
        if self._space is not None:
            check_arrays("TransductiveClassifier", rows=(self._rows, "f", "np"))
        shapes = [self._rows.shape[:1], self._graph.shape]
        if shapes != [(n_rows,), (n_rows, n_rows)]:
            raise ValueError("TransductiveClassifier has rows and links of two tables")

    def _neighbors(self, rows):
        number = min(self.n_neighbors, len(self._distributions))
        if self._space is not None:
            return nearest_rows(rows, self._rows, number)[0]
        search = NearestNeighbors(n_neighbors=number).fit(self._rows.joined())
        return search.kneighbors(rows, return_distance=False)

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Give the probability of every class at each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Rows sum to 1.
        """
        return self._distributions_of(X)[1].astype(self._dtype)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give every row its most probable class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        classes : ndarray of shape (n_samples,)
            One of `classes_` for each row; :meth:`is_rejected` tells which of them
            are of none.
        """
        _, distributions = self._distributions_of(X)
        return self.classes_[distributions.argmax(axis=1)]

    def is_rejected(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Say of every row whether it is of none of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        rejected : ndarray of shape (n_samples,), dtype=bool
            All False without `reject`.
        """
        rows, distributions = self._distributions_of(X)
        if self.reject is None:
            return np.zeros(len(distributions), dtype=bool)
        return self._rejection.rejects(_dense(rows), distributions.argmax(axis=1))


def _both_signs(y, X, known):
    """Read -1 and 1 as two classes: beside one class there is nothing to decide."""
    values = np.asarray(y)
    if values.dtype.kind not in "iuf" or not np.isin(values, (-1, 1)).all():
        return known
    warn(
        "y holds -1 and 1 only, and both were taken as classes, since rows of one "
        "class alone leave nothing to decide. If -1 marks rows without a class, mark "
        "them by NaN.",
        UserWarning,
    )
    both = PartialLabels(np.where(values > 0, 1, 0), X)
    both.classes = np.array([-1, 1])
    return both


def _refit_weights(z, labeled):
    """Weights of all rows, the unlabeled ones by how sure they are."""
    weights = np.where(labeled, 1.0, np.square(z.max(axis=1)))
    free = weights[~labeled].sum()
    n_labeled = labeled.sum()
    if free > 0:
        weights[~labeled] *= (REFIT_WEIGHT - 1) * n_labeled / free
    return weights


def _probabilities(classifier, rows):
    """Probabilities of rows, each by itself."""
    if issparse(rows):
        return classifier.predict_proba(rows)
    return in_chunks(classifier.predict_proba, rows)


def _dense(rows):
    return rows.toarray() if issparse(rows) else rows
