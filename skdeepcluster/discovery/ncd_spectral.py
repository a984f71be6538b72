"""NCD spectral clustering: known and unlabeled rows in one spectral embedding."""

from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._fitted_state import check_arrays, check_indices
from .._kmeans import kmeans
from .._labels import UNLABELED, PartialLabels
from .._rows import canonical_order, distinct_rows, lexicographic_order
from .._scaling import TableScaling, unit_length
from .._validation import draw_seed
from .._warnings import warn_if_collapsed
from ..base import unchanged_on_error
from ..kernels.kmeans import nearest_centers
from ..kernels.neighbors import nearest_rows
from ._base import N_NOVEL, DiscoveryEstimator
from ._n_novel import MOST_NOVEL, estimate_in_embeddings, sample_rows
from ._novel_centers import Centers, class_means
from ._spectral_embedding import (
    NeighborGraph,
    SpanningTreeGraph,
    SpectralEmbedding,
)

WIDTH_STEP = 16


class Embedding(NamedTuple):
    """Eigenvectors of a graph, and all rows in them.

    Parameters
    ----------
    width : int
        Number of eigenvectors asked for.
    basis : SpectralEmbedding
        The eigenvectors.
    coordinates : ndarray of shape (n_samples, n_found)
        All rows, embedded.
    lengths : tuple of float or None
        Longest edge of the minimum spanning tree and standard deviation of the
        Gaussian, among scaled rows.
    """

    width: int
    basis: SpectralEmbedding
    coordinates: np.ndarray
    lengths: tuple


class SpectralTraining(NamedTuple):
    """The table in its order, and the widest embedding that was needed so far."""

    known: PartialLabels
    rows: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    places: np.ndarray
    scaling: TableScaling
    seed: int
    dtype: np.dtype
    embedding: Embedding

    def _check_state(self):
        lengths = check_arrays(
            "SpectralTraining",
            rows=(self.rows, "f", "np"),
            codes=(self.known.codes, "i", "n"),
            order=(self.order, "i", "n"),
            places=(self.places, "i", "n"),
            starts=(self.starts, "i", "d"),
        )
        n, d = lengths["n"], lengths["d"]
        check_indices("SpectralTraining", n, order=self.order, starts=self.starts)
        check_indices("SpectralTraining", d, places=self.places)


class SpectralFit(NamedTuple):
    """Classes found in an embedding of the width that they ask for."""

    codes: np.ndarray
    centers: Centers
    embedding: Embedding
    embedded: np.ndarray
    temperature: float
    n_iter: int
    n_wanted: int


def order_by_rows(training, codes):
    """Number clusters of unlabeled rows by their size, then by their means.

    The means are those of the table's rows: eigenvectors have no sign.
    """
    everywhere = np.full(len(training.rows), UNLABELED)
    everywhere[~training.known.labeled] = codes
    everywhere = everywhere[training.order]
    sizes = np.bincount(codes)
    means = [
        training.rows[training.order[everywhere == code]].mean(axis=0)
        for code in range(len(sizes))
    ]
    return canonical_order(sizes, np.array(means))


class NCDSpectralClustering(DiscoveryEstimator):
    """Spectral clustering of novel classes, in the company of known ones.

    All unlabeled rows are taken to be of novel classes. Known and unlabeled
    rows together are embedded by the eigenvectors of a graph Laplacian; k-means
    then finds the novel classes among the embedded unlabeled rows. Classes need
    not be balls.

    Parameters
    ----------
    n_novel : int or "auto", default="auto"
        Number of novel classes; "auto" takes the number from 2 to 30 with the
        best silhouette, each in its own embedding (on a sample of 2000 unlabeled
        rows, where there are more).
    affinity : {"neighbors", "mst"}, default="neighbors"
        "neighbors" joins each row to its nearest ones, each distance measured
        by those of both rows to their last neighbour [3]_. "mst", the paper's,
        joins all rows by a Gaussian whose width the minimum spanning tree gives:
        its longest edge has the affinity `s_min`.
    n_components : int, default=None
        Width of the embedding; None takes the number of classes, known and
        novel, less 1, since the trivial eigenvector never counts; at least 2. With
        self-loops, eigenvalues of zero are left out.
    n_neighbors : int, default=10
        Neighbours of a row, where ``affinity="neighbors"``, or that vote in the
        prediction without self-loops.
    s_min : float, default=0.6
        Affinity over the longest edge of the minimum spanning tree, between 0
        and 1, where ``affinity="mst"``. Small values make a narrow kernel.
    row_normalize : bool, default=True
        Whether embedded rows are brought to length 1.
    self_loops : bool, default=True
        Whether rows have an affinity to themselves; may be False where
        ``affinity="mst"``. Then there is no formula that embeds further rows:
        their nearest training rows vote on their class, each with a weight of
        one over its distance.
    n_init : int, default=10
        Number of starts of k-means, of which the best is kept.
    max_samples : int, default=10000
        Largest number of distinct rows that the graph joins. Of more, a random
        sample of as many gives the eigenvectors, and Nyström's formula embeds
        all rows.
    predict_known : bool, default=False
        Whether `predict` may answer known classes too, or novel ones only.
    encoder : transformer, default=None
        What embeds the rows first, such as :class:`NeighborEncoder`,
        :class:`AutoEncoder` or scikit-learn's PCA; None clusters the columns as
        they are.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts and the sample. With an int, the same table gives the
        same clusters bit for bit, whatever the order of its rows.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Class of every row: known rows keep theirs.
    classes_ : ndarray of shape (n_known + n_novel_,)
        All classes, in the order of the columns of :meth:`predict_proba`: known
        ones, then novel ones.
    known_classes_ : ndarray of shape (n_known,)
        Known classes, sorted.
    novel_classes_ : ndarray of shape (n_novel_,)
        Novel classes, the largest first: integers from ``max(known_classes_) + 1``
        on where classes are integers, otherwise "novel_0", "novel_1" and so on.
    n_novel_ : int
        Number of novel classes found.
    embedding_ : ndarray of shape (n_samples, n_components_)
        Embedded rows, in which k-means ran, in the dtype of the table.
    n_components_ : int
        Width of the embedding.
    eigenvalues_ : ndarray of shape (n_components_,)
        Eigenvalues of the Laplacian, ascending, without the trivial one.
    d_max_ : float
        Longest edge of the minimum spanning tree, in units of the table; only
        where ``affinity="mst"``.
    sigma_ : float
        Standard deviation of the Gaussian, in units of the table; likewise.
    temperature_ : float
        Mean squared distance of the embedded unlabeled rows to their centres:
        the softness of :meth:`predict_proba`, with self-loops.
    n_iter_ : int
        Steps of the best start of k-means.
    encoder_ : transformer
        The fitted encoder, where one was given.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter, the table or the labels are not as described, or
        `n_novel` is larger than the number of unlabeled rows.

    Warns
    -----
    ConvergenceWarning
        If fewer classes than asked for hold rows.

    See Also
    --------
    NCDKMeans : Faster, for classes that are balls.

    Notes
    -----
    The labels do not enter the affinities: known rows help by making the graph
    denser, and by the width of the embedding. The paper writes ``sigma = d_max /
    sqrt(-2 log(s_min))``, as here; in the authors' program the same `s_min` is
    the square of this one. Their variant is ``affinity="mst", self_loops=False,
    row_normalize=False``; without the lengths of the rows, a few rows far out
    decide on the clusters. As in their program, the start of k-means is kept
    that has the least sum of distances, not of squares. The defaults were chosen
    by their accuracy on ten development tables, with classes hidden at random.

    The eigenvectors come from ARPACK on one BLAS thread, so their bits depend
    neither on threads nor on the order of the rows. Rows of the training table
    are embedded as any others, so `predict` gives them their ``labels_``.

    Up to `max_samples` distinct rows, O(n² · n_features) time and O(n)
    memory with neighbours; O(n² · (n_features + basis)) time, with a basis of a
    few times `n_components` vectors, and 8 n² bytes with "mst". Beyond it, the
    same in m for `max_samples`, and O(n · m · n_features) time to embed
    all rows. Prediction is O(m · n_features) a row.

    Ctrl-C leaves the estimator as it was before the call.

    References
    ----------
    .. [1] C. Troisemaine, A. Reiffers-Masson, S. Gosselin, V. Lemaire and
       S. Vaton, "A practical approach to novel class discovery in tabular
       data", Data Mining and Knowledge Discovery 38, 2024. Section 3.2.
    .. [2] A. Y. Ng, M. I. Jordan and Y. Weiss, "On spectral clustering:
       analysis and an algorithm", Advances in Neural Information Processing
       Systems 14, 2001.
    .. [3] L. Zelnik-Manor and P. Perona, "Self-tuning spectral clustering",
       Advances in Neural Information Processing Systems 17, 2004.
    .. [4] C. Fowlkes, S. Belongie, F. Chung and J. Malik, "Spectral grouping
       using the Nyström method", IEEE Transactions on Pattern Analysis and
       Machine Intelligence 26(2), 2004.

    Examples
    --------
    Two moons beside a known class:

    >>> import numpy as np
    >>> from sklearn.datasets import make_moons
    >>> from skdeepcluster import NCDSpectralClustering
    >>> X, y = make_moons(200, noise=0.05, random_state=0)
    >>> known = np.random.default_rng(0).normal([0.5, 3.0], 0.3, size=(50, 2))
    >>> X, y = np.vstack([X, known]), np.repeat([-1, 0], [200, 50])
    >>> model = NCDSpectralClustering(n_novel=2, random_state=0)
    >>> np.bincount(model.fit(X, y).labels_)
    array([ 50, 100, 100])
    """

    _parameter_constraints = {
        "n_novel": N_NOVEL,
        "affinity": [StrOptions({"neighbors", "mst"})],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "s_min": [Interval(Real, 0, 1, closed="neither")],
        "row_normalize": ["boolean"],
        "self_loops": ["boolean"],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "predict_known": ["boolean"],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_novel: Literal["auto"] | int = "auto",
        *,
        affinity: Literal["neighbors", "mst"] = "neighbors",
        n_components: int | None = None,
        n_neighbors: int = 10,
        s_min: float = 0.6,
        row_normalize: bool = True,
        self_loops: bool = True,
        n_init: int = 10,
        max_samples: int = 10000,
        predict_known: bool = False,
        encoder: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_novel = n_novel
        self.affinity = affinity
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.s_min = s_min
        self.row_normalize = row_normalize
        self.self_loops = self_loops
        self.n_init = n_init
        self.max_samples = max_samples
        self.predict_known = predict_known
        self.encoder = encoder
        self.random_state = random_state

    def _prepare(self, Z, known, weights):
        if self.affinity == "neighbors" and not self.self_loops:
            raise ValueError(
                "self_loops=False needs affinity='mst': a row is its own nearest "
                "neighbor."
            )
        seed = draw_seed(self.random_state)
        scaling = TableScaling(*distinct_rows(Z))
        rows = scaling.transform(Z)
        order, is_first = lexicographic_order(rows)
        # Of every row, the distinct row that it equals.
        places = np.empty(len(Z), dtype=np.intp)
        places[order] = np.cumsum(is_first) - 1
        starts = np.flatnonzero(is_first)
        return SpectralTraining(
            known, rows, order, starts, places, scaling, seed, Z.dtype, None
        )

    def _embedding_for(self, training, n_novel):
        """The eigenvectors of wide enough an embedding, those at hand if they do."""
        width = self.n_components
        if width is None:
            number = MOST_NOVEL if n_novel == "auto" else n_novel
            # In steps, so that near numbers share their eigenvectors.
            wanted = self._components(training.known, number)
            width = -(-wanted // WIDTH_STEP) * WIDTH_STEP
        at_hand = training.embedding
        if at_hand is not None and width <= at_hand.width:
            return at_hand
        rows = training.rows[training.order[training.starts]]
        rows = np.ascontiguousarray(rows)
        weights = np.bincount(training.places).astype(np.float64)
        n_most = int(self.max_samples)
        sampled = len(rows) > n_most
        if sampled:
            self._check_sampling(len(rows))
            rng = np.random.default_rng(training.seed)
            rows, weights = sample_rows(rows, weights, n_most, rng)
        lengths = None
        if self.affinity == "neighbors":
            graph = NeighborGraph(rows, weights, self.n_neighbors)
        else:
            graph = SpanningTreeGraph(rows, weights, self.s_min, self.self_loops)
            lengths = graph.d_max, graph.sigma
        basis = SpectralEmbedding(graph, width)
        coordinates = (
            basis.extend(training.rows) if sampled else basis.at_rows[training.places]
        )
        return Embedding(width, basis, coordinates, lengths)

    def relabel(self, y: Any) -> Any:
        """Take other labels for the rows of fit, without embedding them again.

        The embedding does not depend on the labels. What a search changes beside
        them is taken from the parameters, where the embedding does not depend on
        it either: `n_novel`, `n_init`, `row_normalize` and `predict_known`; and a
        smaller `n_components`.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Known classes, as in `fit`.

        Returns
        -------
        self : object
            The same estimator with other classes.

        Raises
        ------
        ValueError
            If the labels are not as described, or there is an encoder, which may
            have seen the labels of fit.
        """
        check_is_fitted(self)
        if self.encoder is not None:
            raise ValueError("relabel needs encoder=None: fit again.")
        # What a search has set since fit.
        self._validate_params()
        with unchanged_on_error(self):
            known = PartialLabels(y, self._training.rows)
            self._check_n_novel(self.n_novel, known)
            self._fit_published(self._training._replace(known=known), self.n_novel)
        return self

    def _check_sampling(self, n_distinct):
        if not self.self_loops:
            raise ValueError(
                f"The table has {n_distinct} distinct rows, more than "
                f"max_samples={self.max_samples}, and without self-loops "
                "a sample cannot stand for them: raise max_samples, or set "
                "self_loops=True."
            )

    @staticmethod
    def _components(known, n_novel):
        """Width of an embedding for so many novel classes."""
        # Of one coordinate, the length leaves but the sign.
        return max(known.n_known + n_novel - 1, 2)

    def _select(self, coordinates, known, n_novel):
        """Leave the coordinates that an embedding for so many classes has."""
        width = self.n_components or self._components(known, n_novel)
        selected = np.ascontiguousarray(coordinates[:, :width])
        return unit_length(selected) if self.row_normalize else selected

    def _fit_discovery(self, training, n_novel):
        known, unlabeled = training.known, ~training.known.labeled
        embedding = self._embedding_for(training, n_novel)
        rng = np.random.default_rng(training.seed)
        if n_novel == "auto" and known.n_unlabeled:
            n_novel = estimate_in_embeddings(
                *distinct_rows(embedding.coordinates[unlabeled]),
                rng,
                lambda rows, k: self._select(rows, known, k),
            )
        elif n_novel == "auto":
            n_novel = 0
        embedded = self._select(embedding.coordinates, known, n_novel)
        known_centers = class_means(embedded, known.codes, known.n_known)
        novel, temperature, n_iter = embedded[:0], 1.0, 1
        codes = known.codes.copy()
        if known.n_unlabeled:
            rows, weights = distinct_rows(embedded[unlabeled])
            run = kmeans(
                rows, weights, n_novel, rng, n_init=self.n_init, by_distance=True
            )
            novel, n_iter = run.filled_centers(weights), run.n_iter
            temperature = float(run.inertia / weights.sum()) or 1.0
            warn_if_collapsed(len(novel), n_novel, "Ask for fewer novel classes.")
            found = nearest_centers(embedded[unlabeled], novel)[0]
            novel = novel[order_by_rows(training, found)]
            only_novel = Centers(known_centers, novel, allow_known=False)
            codes[unlabeled] = only_novel.nearest(embedded[unlabeled])[0]
        return SpectralFit(
            codes,
            Centers(known_centers, novel, self.predict_known),
            embedding,
            embedded,
            temperature,
            n_iter,
            n_novel,
        )

    def _publish(self, training, result):
        # Kept for other numbers of classes.
        training = training._replace(embedding=result.embedding)
        super()._publish(training, result)
        self._scaling = training.scaling
        self._centers, self._basis = result.centers, result.embedding.basis
        self._n_wanted = result.n_wanted
        self.embedding_ = result.embedded.astype(training.dtype)
        self.n_components_ = result.embedded.shape[1]
        self.eigenvalues_ = 1.0 - self._basis.values[: self.n_components_]
        self.temperature_, self.n_iter_ = result.temperature, result.n_iter
        if result.embedding.lengths is not None:
            # Of Python floats, which go to infinity without a warning.
            unit = float(training.scaling.scale) * float(training.scaling.unit)
            self.d_max_, self.sigma_ = (
                length * unit for length in result.embedding.lengths
            )
        if not self.self_loops:
            self._set_voters(training.rows, result.codes)

    def _set_voters(self, rows, codes):
        """Keep the distinct rows that may vote, with their codes."""
        allowed = codes >= self._centers.first
        voters, _ = distinct_rows(np.column_stack([rows[allowed], codes[allowed]]))
        self._voters = np.ascontiguousarray(voters[:, :-1])
        self._votes = voters[:, -1].astype(np.int64)

    def _vote(self, Z):
        n_neighbors = min(self.n_neighbors, len(self._voters))
        places, squares = nearest_rows(
            self._scaling.transform(Z), self._voters, n_neighbors
        )
        # In units of the nearest: a row at no distance outvotes all others.
        nearest = squares[:, :1]
        votes = np.ones(squares.shape)
        np.divide(nearest, squares, out=votes, where=squares > nearest)
        shares = np.zeros((len(Z), len(self._centers.all)))
        rows = np.arange(len(Z))
        for neighbor in range(n_neighbors):
            shares[rows, self._votes[places[:, neighbor]]] += np.sqrt(
                votes[:, neighbor]
            )
        return shares / shares.sum(axis=1, keepdims=True)

    def _place(self, Z):
        """Embed rows that came after fit."""
        coordinates = self._basis.extend(self._scaling.transform(Z))
        return self._select(coordinates, self._training.known, self._n_wanted)

    def _predict_codes(self, Z):
        if not self.self_loops:
            return self._vote(Z).argmax(axis=1)
        return self._centers.nearest(self._place(Z))[0]

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Soft assignment of rows to classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known + n_novel_)
            Softmax of the negative squared distances to the centres over
            ``temperature_`` (shares of the votes, without self-loops), in the
            order of ``classes_``; 0 for classes that `predict_known=False` rules
            out. Rows sum to 1; in the dtype of `X`.
        """
        Z = self._embed(X)
        if not self.self_loops:
            return self._vote(Z).astype(Z.dtype)
        soft = self._centers.probabilities(self._place(Z), self.temperature_)
        return soft.astype(Z.dtype)
