"""ConstrainedKMeans: k-means that keeps limits of sizes and links between rows."""

from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._param_validation import Options as ExactOptions

from .._fitted_state import check_arrays, check_indices
from .._labels import PartialLabels, has_unlabeled
from .._row_links import Links, checked_links, joined_rows, links_were, violations
from .._rows import canonical_order, distinct_rows
from .._scaling import TableScaling, power_of_two
from .._validation import check_table, check_weights, draw_seed
from .._warnings import warn, warn_if_collapsed
from ..base import BaseClusterer, unchanged_on_error
from ..exceptions import LinkWarning, SizeLimitWarning
from ..kernels._same_width import check_same_width
from ..kernels.kmeans import nearest_centers
from ..kernels.projection import project
from ._constrained_fit import fit_rows
from ._constrained_lloyd import Options
from ._link_conflicts import check_hard_links, check_heavy_groups
from ._pair_queries import PairQuestions
from ._size_limits import size_limits
from ._told_examples import Prototypes, refused_groups, told_rows

_SIZE = [
    Interval(Integral, 0, None, closed="left"),
    Interval(RealNotInt, 0, 1, closed="both"),
    "array-like",
    None,
]


class ConstrainedKMeans(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseClusterer
):
    """K-means with bounds on cluster sizes, must-links and cannot-links.

    Sizes are exact: each assignment of Lloyd's algorithm is a minimum-cost flow.
    Rows may be known to belong together or apart, for certain or with some doubt, and
    rows of which much is known stand as examples of their clusters.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.
    size_min : int, float or array-like of shape (n_clusters,), default=None
        Least weight of each cluster, which is its number of rows without
        `sample_weight`. An int is a weight; a float in [0, 1] is a share of the weight
        of all rows, rounded down to whole rows. An array holds a bound for each
        cluster, in the order of the labels. None is no bound.
    size_max : int, float or array-like of shape (n_clusters,), default=None
        Largest weight of each cluster, likewise; shares are rounded up to whole rows.
        ``size_max=1`` is one row, ``1.0`` is all of them.
    balance : float, default=0.0
        How much unequal sizes cost. 0 is plain k-means, infinity makes sizes as equal
        as the bounds allow. In between the mean squared distance of rows to the
        nearest centres, times `balance`, is paid for each row by which the
        Kullback-Leibler divergence of sizes to `size_prior` grows.
    size_prior : array-like of shape (n_clusters,), default=None
        Sizes that cost nothing, up to a factor. None means equal ones.
    link_strength : float, default=inf
        Infinity keeps every link, and links that contradict each other are an error.
        Otherwise a link is broken where keeping it costs more than so many mean
        squared distances: 3 where some links may be wrong.
    examples : "auto" or False, default="auto"
        "auto" lets rows that are named by links stand as examples of their clusters,
        if at least half of them are in the ``n_clusters`` largest groups that are
        joined inside and kept apart from each other: so where pairs were asked for
        (:func:`~skdeepcluster.model_selection.ask_pairs`), not where they are random.
    metric : {"euclidean", "within"}, default="euclidean"
        "within" measures distances by the pooled covariance within clusters, which is
        computed along with them.
    encoder : transformer, default=None
        What embeds the rows first, such as :class:`NeighborEncoder`,
        :class:`AutoEncoder` or scikit-learn's PCA; None clusters the columns as
        they are. One that takes partial labels is told the groups of rows that are
        known to differ.
    n_init : int, default=3
        Number of starts. The one of least cost is kept.
    max_iter : int, default=100
        Largest number of steps of one start.
    tol : float, default=1e-4
        A start ends when the squared distances that the centres moved sum to at most
        this share of the table's mean variance.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts. With an int, the same table gives the same clusters bit
        for bit, whatever the order of its rows, up to which of several equal rows goes
        where.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row. 0 is the largest cluster, but where bounds or priors
        differ between clusters these keep their numbers.
    n_clusters_ : int
        Number of clusters that hold rows; `n_clusters` where bounds or priors differ
        between clusters.
    cluster_centers_ : ndarray of shape (n_clusters_, n_features_in_)
        Means of the clusters, in input units and dtype. With an encoder they are
        decoded, and absent where it has no ``inverse_transform``.
    sizes_ : ndarray of shape (n_clusters_,)
        Weight of each cluster.
    size_prices_ : ndarray of shape (n_clusters_,)
        What a unit more of room in a cluster would save (positive), or a unit less
        to be filled (negative), in squared units of the table; 0 without limits.
    inertia_ : float
        Weighted sum of squared distances of the rows (encoded ones with an encoder)
        to the centres of their clusters, in squared units of the table; in pooled
        variances for ``metric="within"``.
    examples_ : ndarray of shape (n_examples,), dtype=int64
        Rows that stand as examples of their clusters; none without links.
    example_labels_ : ndarray of shape (n_examples,), dtype=int64
        Their clusters.
    n_violated_ : int
        Number of links that were not kept; 0 where links are hard.
    violated_ : ndarray of shape (n_violated_, 2), dtype=int64
        Their rows. The link that would cost most to keep comes first.
    violated_kind_ : ndarray of shape (n_violated_,)
        "must_link", "cannot_link", or "y".
    assignment_gap_ : float
        0 where no assignment to the last centres costs less. Otherwise its cost is
        above that of the best one by at most this share; NaN where that is unknown.
    metric_ : ndarray of shape (n_columns, n_columns)
        For ``metric="within"``, the inverse of the pooled covariance, shrunk, of the
        table over `scale_`; absent otherwise.
    scale_ : float
        Unit that distances are measured in: the root of the mean variance of columns.
    n_iter_ : int
        Steps of the best start.
    converged_ : bool
        Whether it ended before `max_iter`.
    encoder_ : transformer
        The fitted encoder, where one was given.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    InfeasibleConstraintsError
        If no partition keeps all limits and hard links; it names rows that show so.
    ValueError
        If a parameter, the table, the labels or the links are not as described.

    Warns
    -----
    ConvergenceWarning
        If fewer clusters than asked for hold rows, or no start ended before `max_iter`.
    LinkWarning
        If soft links were not kept, or links name rows without weight.
    SizeLimitWarning
        If sizes of weighted rows could not be brought within their bounds.

    See Also
    --------
    SemiSupervisedKMeans : Known classes, and novel ones whose number is found.
    SDPKMeans : K-means with a proof.

    Notes
    -----
    A fit takes O(n_init · steps · (n_samples · k · n_features + paths · k²)) time for k
    clusters; a path of the flow moves one row, and there are few once centres settle.
    Limits hold for the rows of `fit`. :meth:`predict` knows only prototypes: on the
    rows of `fit` it differs from ``labels_`` exactly where a limit or a link moved a
    row. Under limits, a weight of 2 is not two equal rows: those may be divided.

    Links are pairs of row numbers. A search by cross-validation that cuts rows cannot
    cut them: it takes :class:`~skdeepcluster.model_selection.WholeData`, or partial
    labels `y`. Numbers beyond the rows of a part are refused; small ones would be
    taken for rows of the part, which cannot be noticed.

    Hard links without limits are kept at the least cost, component by component, by
    branch and bound as long as components are small; with limits, the prices of the
    flow choose the items that a mixed-integer program decides on. `assignment_gap_`
    says what that leaves open. Ctrl-C leaves the estimator as it was before the call.

    References
    ----------
    .. [1] P. S. Bradley, K. P. Bennett and A. Demiriz, "Constrained k-means
       clustering", Microsoft Research technical report MSR-TR-2000-65, 2000.
    .. [2] K. Wagstaff, C. Cardie, S. Rogers and S. Schrödl, "Constrained k-means
       clustering with background knowledge", International Conference on Machine
       Learning, 2001.
    .. [3] S. Basu, A. Banerjee and R. J. Mooney, "Active semi-supervision for pairwise
       constrained clustering", SIAM International Conference on Data Mining, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster import ConstrainedKMeans
    >>> X = np.array([[0.0], [0.1], [0.2], [0.3], [10.0], [10.1]])
    >>> ConstrainedKMeans(2, size_min=3, random_state=0).fit(X).labels_
    array([0, 0, 0, 1, 1, 1])
    >>> model = ConstrainedKMeans(2, random_state=0)
    >>> model.fit(X, must_link=[[3, 4]], cannot_link=[[2, 3]]).labels_
    array([0, 0, 0, 1, 1, 1])
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "size_min": _SIZE,
        "size_max": _SIZE,
        "balance": [Interval(Real, 0, None, closed="both")],
        "size_prior": ["array-like", None],
        "link_strength": [Interval(Real, 0, None, closed="right")],
        "examples": [StrOptions({"auto"}), ExactOptions(bool, {False})],
        "metric": [StrOptions({"euclidean", "within"})],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        size_min: Any = None,
        size_max: Any = None,
        balance: float = 0.0,
        size_prior: ArrayLike | None = None,
        link_strength: float = np.inf,
        examples: Literal["auto", False] = "auto",
        metric: Literal["euclidean", "within"] = "euclidean",
        encoder: Any = None,
        n_init: int = 3,
        max_iter: int = 100,
        tol: float = 0.0001,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.size_min = size_min
        self.size_max = size_max
        self.balance = balance
        self.size_prior = size_prior
        self.link_strength = link_strength
        self.examples = examples
        self.metric = metric
        self.encoder = encoder
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        must_link: ArrayLike | None = None,
        cannot_link: ArrayLike | None = None,
    ) -> Self:
        """Find clusters that keep the limits of their sizes, and the links.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, other dtypes become float64.
        y : array-like of shape (n_samples,), default=None
            Partial labels: rows of equal labels belong together, and those of
            different labels apart. With finite `link_strength` and more labels than
            both 50 and `n_clusters`, only so many, those of most rows, are kept apart.
            A row of which nothing is known is marked by -1, or by a missing value. A
            `y` without such a row is ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 0 leaves the row out. None
            means 1 for all.
        must_link, cannot_link : array-like of shape (n_links, 2), default=None
            Pairs of row numbers that belong together, and apart.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            weights = check_weights(sample_weight, X)
            if len(X) < self.n_clusters:
                raise ValueError(
                    f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}: "
                    "ask for fewer clusters or give more rows."
                )
            known = PartialLabels(y if has_unlabeled(y) else None, X)
            known.warn_if_unlikely()
            links = checked_links(must_link, cannot_link, known.codes, weights)
            limits = self._limits(len(X), weights, links)
            groups = refused_groups(links, self.n_clusters)
            is_told = groups.max() >= 1
            Z = self._fit_encoder(X, groups if is_told else None, weights)
            self._fit_clusters(Z, weights, links, limits)
        return self

    def _limits(self, n_samples, weights, links):
        """Limits of the sizes, checked, and held against hard links."""
        whole = weights is None or bool(np.all(weights == 1))
        total = float(n_samples if weights is None else weights.sum())
        limits = size_limits(
            int(self.n_clusters),
            total,
            whole,
            self.size_min,
            self.size_max,
            self.balance,
            self.size_prior,
        )
        if np.isinf(self.link_strength) and not links.are_none:
            components = joined_rows(links)
            check_hard_links(links, components, self.n_clusters)
            check_heavy_groups(components, weights, limits.upper.max())
        elif weights is not None:
            check_heavy_groups(np.arange(n_samples), weights, limits.upper.max())
        return limits

    def _fit_clusters(self, Z, sample_weight, links, limits):
        weights = np.ones(len(Z)) if sample_weight is None else sample_weight
        # A power of two changes no digit, and keeps sums in the range of float64.
        unit = 1.0 if sample_weight is None else power_of_two(weights)
        whole = bool(np.all(weights == 1))
        weights = weights if whole else weights / unit
        limits = limits if whole else limits.in_unit(unit)
        scaling = TableScaling(*distinct_rows(Z, weights))
        hard = bool(np.isinf(self.link_strength))
        told = np.empty(0, np.intp)
        if self.examples:
            told = told_rows(links, int(self.n_clusters), hard=hard)
        found = fit_rows(
            Z,
            scaling,
            weights,
            links,
            limits,
            told,
            Options(
                int(self.n_clusters),
                float(self.link_strength),
                self.n_init,
                self.max_iter,
                self.tol,
            ),
            whole=whole,
            within=self.metric == "within",
            seed=draw_seed(self.random_state),
        )
        self._scaling, self._axes = scaling, found.axes
        found = _renumbered(found, weights, limits)
        self._publish(found, 1.0 if whole else unit, Z)
        is_free = links.are_none and limits.are_none
        left_out = np.arange(len(Z)) if is_free else np.flatnonzero(found.labels < 0)
        self.labels_ = found.labels.astype(np.int64)
        if len(left_out):
            self.labels_[left_out] = self._predict_labels(Z[left_out])
        sizes = np.bincount(self.labels_, weights, self.n_clusters_)
        self.sizes_ = sizes * (1.0 if whole else unit)
        self._links = tuple(links)
        self._publish_violated(Z, links)
        self._warn(found, limits, unit)

    def _publish(self, found, unit, Z):
        scaling = self._scaling
        self._prototypes, self._prototype_labels = found.prototypes
        self.n_clusters_ = self._n_features_out = len(found.centers)
        for name in ("metric_", "cluster_centers_"):
            vars(self).pop(name, None)
        centers = found.centers
        if found.spread is not None:
            self.metric_ = found.spread
            centers = centers @ np.linalg.inv(found.axes)
        self._set_cluster_centers(scaling.inverse_transform(centers, Z.dtype))
        self.scale_ = float(scaling.scale) * float(scaling.unit)
        self.size_prices_ = np.array([self._in_units(g) for g in found.prices])
        self.inertia_ = self._in_units(found.inertia) * float(unit)
        self.examples_ = found.examples.astype(np.int64)
        self.example_labels_ = found.labels[found.examples].astype(np.int64)
        self.assignment_gap_ = float(found.gap)
        self.n_iter_ = found.n_iter
        self.converged_ = bool(found.converged)

    def _in_units(self, squares):
        """Squared distances in units of the table, or in pooled variances."""
        if self._axes is not None:
            return float(squares)
        return self._scaling.inverse_squares(squares)

    def _publish_violated(self, Z, links):
        squares = self._squares(Z) if not links.are_none else None
        self.violated_, self.violated_kind_ = violations(links, self.labels_, squares)
        self.n_violated_ = len(self.violated_)

    def _warn(self, found, limits, unit):
        if limits.are_none:
            warn_if_collapsed(
                self.n_clusters_,
                self.n_clusters,
                "There are too few distinct rows, or too many are joined by links.",
            )
        if not found.converged:
            warn(
                f"The best start stopped after max_iter={self.max_iter} steps while "
                "centres still moved: raise max_iter or tol. Limits and hard links "
                "hold all the same."
            )
        if self.n_violated_:
            warn(
                f"{links_were(self.n_violated_)} not kept: see violated_, the one that "
                "would cost most to keep first.",
                LinkWarning,
            )
        if found.excess:
            warn(
                "No assignment of whole rows within the limits was found: a size is "
                f"outside of them by {found.excess * unit:.6g}. Widen the limits by so "
                "much, or split heavy rows.",
                SizeLimitWarning,
            )

    def _in_metric(self, Z):
        rows = self._scaling.transform(Z)
        return rows if self._axes is None else project(rows, self._axes)

    def _squares(self, Z):
        """Squared distances to the nearest prototype of every cluster, scaled."""
        rows = self._in_metric(Z)
        check_same_width(rows, self._prototypes)
        prototypes = Prototypes(self._prototypes, self._prototype_labels)
        return prototypes.squares(rows, self.n_clusters_)

    def _predict_labels(self, Z):
        numbers = nearest_centers(self._in_metric(Z), self._prototypes)[0]
        return self._prototype_labels[numbers].astype(np.int64)

    def fit_predict(
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        must_link: ArrayLike | None = None,
        cannot_link: ArrayLike | None = None,
    ) -> NDArray[Any]:
        """Find clusters under constraints, and return those of the rows.

        Parameters
        ----------
        X, y, sample_weight, must_link, cannot_link : array-like
            See :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            The attribute `labels_`.
        """
        return self.fit(
            X, y, sample_weight, must_link=must_link, cannot_link=cannot_link
        ).labels_

    def transform(self, X: ArrayLike) -> Any:
        """Measure the distances of rows to what stands for the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters_)
            Euclidean distances to the centre of each cluster, or to its nearest
            prototype where it has examples, in the units of the table or of what the
            encoder made of it; in pooled standard deviations for ``metric="within"``.
            In the dtype of `X`.
        """
        Z = self._embed(X)
        squares = self._squares(Z)
        if self._axes is None:
            return self._scaling.inverse_distances(squares, Z.dtype)
        return np.sqrt(squares).astype(Z.dtype)

    def query_pairs(
        self, X: ArrayLike, n_pairs: int = 10, *, return_gain: bool = False
    ) -> Any:
        """Find pairs of rows whose answer, together or apart, would tell most.

        Each pair is a row that stands for many others, of which nothing is known,
        and the nearest row of which something is. Rows that were refused before come
        first, with the next nearest group.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The table of `fit`, rows in the same order.
        n_pairs : int, default=10
            Number of pairs.
        return_gain : bool, default=False
            Whether gains are returned as well.

        Returns
        -------
        pairs : ndarray of shape (n, 2), dtype=int64
            Row numbers, the most useful pair first; fewer than `n_pairs` where nothing
            more is to be gained.
        gains : ndarray of shape (n,)
            By how much the squared distances to the rows of which something is known
            would fall, doubtful rows counted more, in squared units of the table;
            infinite for a row that was refused before. Only with ``return_gain=True``.

        Raises
        ------
        ValueError
            If `X` has another number of rows than in `fit`, or `n_pairs` is no positive
            whole number.

        See Also
        --------
        skdeepcluster.model_selection.ask_pairs : Asks, and fits again with the answers.

        Notes
        -----
        O(m² · n_features + n_pairs · m²) time for m distinct rows; of more than 2000,
        as many are drawn.
        """
        validate_parameter_constraints(
            {
                "n_pairs": [Interval(Integral, 1, None, closed="left")],
                "return_gain": ["boolean"],
            },
            {"n_pairs": n_pairs, "return_gain": return_gain},
            caller_name="query_pairs",
        )
        pairs, gains = self._pair_questions(X).propose(n_pairs)
        return (pairs, gains) if return_gain else pairs

    def _pair_questions(self, X):
        """Questions that answers can be given to without another fit."""
        Z = self._embed(X)
        if len(Z) != len(self.labels_):
            raise ValueError(
                f"X has {len(Z)} rows, but the table of fit had {len(self.labels_)}: "
                "pairs are row numbers of that table."
            )
        hard = bool(np.isinf(self.link_strength))
        # Hard links are the groups, and without these nothing else depends on a fit.
        # Limits and links may exclude each other, which a fit alone finds out.
        is_fixed = hard and self.encoder is None and self.metric == "euclidean"
        is_free = self.size_min is None and self.size_max is None and not self.balance
        return PairQuestions(
            self._in_metric(Z),
            Links(*self._links),
            self.labels_,
            int(self.n_clusters),
            hard=hard,
            unit=self._in_units(1.0),
            needs_fit=not (is_fixed and is_free),
        )

    def score(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Negative inertia of a table: the higher, the nearer are rows to clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None means 1 for all.

        Returns
        -------
        score : float
            Minus the weighted sum of squared distances to the nearest prototypes, in
            squared units of the table, or in pooled variances. Limits and links are
            not regarded.
        """
        Z = self._embed(X)
        weights = check_weights(sample_weight, Z)
        squares = nearest_centers(self._in_metric(Z), self._prototypes)[1]
        total = squares.sum() if weights is None else np.sum(weights * squares)
        return -self._in_units(total)

    def _check_state(self):
        super()._check_state()
        if not hasattr(self, "_prototypes"):
            return
        name = "ConstrainedKMeans"
        lengths = check_arrays(
            name,
            prototypes=(self._prototypes, "f", "mp"),
            prototype_labels=(self._prototype_labels, "i", "m"),
            labels=(self.labels_, "i", "n"),
            examples=(self.examples_, "i", "e"),
            example_labels=(self.example_labels_, "i", "e"),
        )
        must, cannot, codes = self._links
        check_arrays(
            name,
            must_link=(must, "i", "a2"),
            cannot_link=(cannot, "i", "b2"),
            codes=(codes, "i", "n"),
            labels=(self.labels_, "i", "n"),
        )
        check_indices(name, lengths["n"], must_link=must, cannot_link=cannot)
        if len(must) + len(cannot) and {must.shape[1], cannot.shape[1]} != {2}:
            raise ValueError(f"links of {name} are no pairs")
        clusters = {
            "prototype_labels": self._prototype_labels,
            "labels": self.labels_,
            "example_labels": self.example_labels_,
        }
        check_indices(name, self.n_clusters_, **clusters)
        check_indices(name, lengths["n"], examples=self.examples_)
        present = np.unique(self._prototype_labels)
        if len(present) != self.n_clusters_:
            raise ValueError(f"prototypes of {name} do not stand for every cluster")
        if self._axes is not None:
            check_arrays(
                name,
                prototypes=(self._prototypes, "f", "mp"),
                axes=(self._axes, "f", "qp"),
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _renumbered(found, weights, limits):
    """Number clusters by size, and drop empty ones, unless they differ in limits."""
    if limits.by_slot:
        return found
    k, used = len(found.centers), found.labels >= 0
    sizes = np.bincount(found.labels[used], weights[used], k)
    order = canonical_order(sizes, found.centers)
    order = order[sizes[order] > 0]
    numbers = np.full(k, -1)
    numbers[order] = np.arange(len(order))
    own = numbers[found.prototypes.labels]
    return found._replace(
        labels=np.where(used, numbers[found.labels], -1),
        centers=found.centers[order],
        prices=found.prices[order],
        prototypes=_in_order(
            Prototypes(found.prototypes.rows[own >= 0], own[own >= 0])
        ),
    )


def _in_order(prototypes):
    """Prototypes by cluster: of equally near ones the first decides."""
    order = np.argsort(prototypes.labels, kind="stable")
    return Prototypes(
        np.ascontiguousarray(prototypes.rows[order]), prototypes.labels[order]
    )
