"""ClusterSampler: the rows of a table to look at first, drawn from its clusters.

::

    rows = distinct rows, in order, with how often each one stands in the table
    parts = k-means, progressive cuts, leaves of a tree, or any clusterer
    quotas = rows for each part, equal or by its share of the table
    cells = each part cut into as many as its quota, by k-means
    sample = the row nearest the mean of each cell, or random rows of each part
"""

from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .._kmeans import weighted_means
from .._rows import numbered_rows
from .._validation import check_table, draw_seed
from ..base import DocumentedEstimator, unchanged_on_error
from ..metrics._matching import distinct_labels
from ._candidates import fit_candidate, seeded
from ._fitted import labels_of
from ._sampled_rows import in_unit, unit_of_squares
from ._sampling_parts import (
    kmeans_parts,
    numbered,
    progressive_parts,
    quotas,
    tree_parts,
)
from ._table_axes import TableAxes

# Rows for each cluster, where the number of clusters is not given.
ROWS_PER_CLUSTER = 4


class _Drawn(NamedTuple):
    """What is drawn of some distinct rows."""

    parts: np.ndarray  # part of each row
    rows: np.ndarray  # index of each row that is drawn
    centers: np.ndarray  # mean of what it stands for, in the units of the table
    sizes: np.ndarray  # how many rows it stands for
    rules: list


class ClusterSampler(DocumentedEstimator):
    """Choose rows that stand for a table, from its clusters.

    What to label first, a small table that covers rare situations, weights against
    regions that are over-represented, few rows in place of the many of one entity:
    rows near the middle of many small clusters show more of a table than as many
    random ones.

    Parameters
    ----------
    n_samples : int, default=100
        Rows to choose. Fewer are chosen where there are fewer distinct rows, more
        where there are more groups.
    partition : {"kmeans", "progressive", "tree"} or clusterer, default="kmeans"
        "kmeans" cuts the table into clusters of k-means. "progressive" cuts the
        cluster of the largest sum of squares in two, until the rows of each point
        in one direction (mean cosine above 0.9), or there are ``2 * n_samples``.
        "tree" cuts along columns and says so in ``rules_``. All three see
        standardised columns or, of more than 20, the first 20 principal axes; a
        clusterer sees the columns as they are.
    kind : {"medoids", "random", "centroids"}, default="medoids"
        Which rows of a cluster: those nearest the means of as many parts of it,
        random ones, or these means themselves.
    weights : {"balanced", "proportional", "likelihood"}, default="balanced"
        How many rows of each cluster, and the weights of all rows: equal numbers,
        numbers in proportion to sizes, or between the two: a row's weight is
        ``(1 - p) ** gamma`` for the share `p` of the table in its cluster.
    gamma : float, default=1.0
        That power.
    n_clusters : int, default=None
        Number of clusters ("kmeans" and "tree"). None takes `n_samples`, one row
        of each, for medoids and centroids of k-means, and a quarter otherwise.
    min_per_cluster : int, default=1
        What every cluster is given first, the largest before the others.
    random_state : int, RandomState or None, default=None
        Seed of what is drawn. None draws a new seed at each fit.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row of the table; 0 is the largest.
    sample_indices_ : ndarray of shape (n_chosen,), dtype=int64
        Rows that are chosen, cluster by cluster. For centroids the nearest ones.
    sample_sizes_ : ndarray of shape (n_chosen,)
        How many rows of the table each one stands for.
    sample_weight_ : ndarray of shape (n_samples,)
        Weight of every row of the table, 1 on average.
    cluster_likelihood_ : ndarray of shape (n_clusters_,)
        Share of the table in each cluster.
    n_clusters_ : int
        Number of clusters.
    rules_ : list of str
        What holds for the rows of each cluster and for no other, where
        ``partition="tree"`` and there are no groups; otherwise empty.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described, or the clusterer fails.

    See Also
    --------
    VotingClusterer : Rows on which several clusterers agree.

    Notes
    -----
    Equal rows are one: none is chosen twice. ``n_samples`` of at least the number
    of rows chooses all of them once. With groups, each gets its share of
    `n_samples`, at least one row, and is clustered by itself. The order of the
    rows does not matter.

    Of many rows k-means is run on 20 for each cluster, once. Time is that of the
    clusterer, and O(n_samples log n_samples). Ctrl-C leaves the estimator as it was.

    References
    ----------
    .. [1] A. Shrivastava et al. (2023). "DatasetEquity: are all samples created
       equal? In the quest for equity within datasets." IEEE/CVF International
       Conference on Computer Vision Workshops.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import ClusterSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> few, species = ClusterSampler(12, random_state=0).fit_resample(X, y)
    >>> few.shape, sorted(set(species.tolist()))
    ((12, 4), [0, 1, 2])
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "partition": [
            StrOptions({"kmeans", "progressive", "tree"}),
            HasMethods(["fit", "get_params"]),
        ],
        "kind": [StrOptions({"medoids", "random", "centroids"})],
        "weights": [StrOptions({"balanced", "proportional", "likelihood"})],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "min_per_cluster": [Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_samples: int = 100,
        *,
        partition: Any = "kmeans",
        kind: Literal["medoids", "random", "centroids"] = "medoids",
        weights: Literal["balanced", "proportional", "likelihood"] = "balanced",
        gamma: float = 1.0,
        n_clusters: int | None = None,
        min_per_cluster: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_samples = n_samples
        self.partition = partition
        self.kind = kind
        self.weights = weights
        self.gamma = gamma
        self.n_clusters = n_clusters
        self.min_per_cluster = min_per_cluster
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: ArrayLike, y: Any = None, *, groups: ArrayLike | None = None
    ) -> Self:
        """Choose rows of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : Ignored
            Not used, present for API consistency by convention.
        groups : array-like of shape (n_samples,), default=None
            Which entity each row belongs to: rows are chosen of each.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            codes = np.zeros(len(X), dtype=np.int64)
            if groups is not None:
                check_consistent_length(X, groups)
                codes = distinct_labels(groups)[1]
            self._fit(X, codes)
        return self

    def fit_resample(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Any:
        """Choose rows of a table and return them, as imbalanced-learn does.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : array-like of shape (n_samples,), default=None
            Anything about the rows. It does not decide which are chosen.
        groups : array-like of shape (n_samples,), default=None
            Which entity each row belongs to: rows are chosen of each.

        Returns
        -------
        X_resampled : array-like of shape (n_chosen, n_features)
            The rows, in the type of `X`; an array of their means for centroids.
        y_resampled : array-like of shape (n_chosen,) or None
            What `y` says of them; None where there is none.
        """
        if y is not None:
            check_consistent_length(X, y)
        self.fit(X, groups=groups)
        chosen = self.sample_indices_
        y = None if y is None else _safe_indexing(y, chosen)
        if self.kind == "centroids":
            return self._centers, y
        return _safe_indexing(X, chosen), y

    def _fit(self, X, groups):
        seed = draw_seed(self.random_state)
        n_rows, n_groups = len(X), groups.max() + 1
        if self.n_samples >= n_rows:
            every = np.arange(n_rows)
            self._publish(X, every, [_all_rows(X)], [every], every)
            return
        unit = unit_of_squares(X)
        keyed = np.column_stack([groups, in_unit(X, unit)]).astype(np.float64)
        keyed, weights, numbers = numbered_rows(keyed)
        rows = np.ascontiguousarray(keyed[:, 1:])
        axes = TableAxes().fit(rows)
        first = np.unique(numbers, return_index=True)[1]
        drawn, members = [], []
        for group in range(n_groups):
            own = np.flatnonzero(keyed[:, 0] == group)
            share = weights[own].sum() / n_rows
            quota = int(np.ceil(self.n_samples * share - 1e-9))
            Z = axes.transform(rows[own])
            found = self._draw(rows[own], Z, weights[own], quota, seed, unit)
            drawn.append(found._replace(centers=found.centers * unit))
            members.append(own)
        self._publish(X, numbers, drawn, members, first)

    def _draw(self, X, Z, weights, n_samples, seed, unit):
        """Cut distinct rows into parts, and draw rows of each."""
        rng = np.random.default_rng(seed)
        parts, rules = self._parts(X, Z, weights, n_samples, rng, seed, unit)
        sizes = np.bincount(parts, weights)
        given = quotas(
            self._shares(sizes / sizes.sum()),
            np.bincount(parts),
            n_samples,
            self.min_per_cluster,
        )
        rows, cells = [], np.full(len(X), -1)
        for part, quota in enumerate(given.tolist()):
            own = np.flatnonzero(parts == part)
            if quota and self.kind == "random":
                chance = weights[own] / weights[own].sum()
                rows.append(np.sort(rng.choice(own, quota, replace=False, p=chance)))
            elif quota:
                place = np.ascontiguousarray(Z[own])
                finer = kmeans_parts(place, weights[own], quota, rng)
                cells[own] = cells.max() + 1 + finer
        if self.kind == "random":
            rows = np.concatenate(rows)
            counts = np.bincount(parts[rows], minlength=len(sizes))
            stands_for = (sizes / np.maximum(counts, 1))[parts[rows]]
            return _Drawn(parts, rows, X[rows], stands_for, rules)
        return _Drawn(parts, *_middle_rows(X, Z, weights, cells), rules)

    def _parts(self, X, Z, weights, n_samples, rng, seed, unit):
        """Number the rows by the partition that was asked for; its rules, if any."""
        n_parts = self.n_clusters
        if n_parts is None:
            fine = self.partition == "kmeans" and self.kind != "random"
            n_parts = n_samples if fine else max(1, n_samples // ROWS_PER_CLUSTER)
        if self.partition == "kmeans":
            return kmeans_parts(Z, weights, n_parts, rng), []
        if self.partition == "progressive":
            return progressive_parts(Z, weights, 2 * n_samples), []
        if self.partition == "tree":
            names = getattr(self, "feature_names_in_", None)
            if names is None:
                names = [f"column {j}" for j in range(X.shape[1])]
            return tree_parts(X * unit, Z, weights, n_parts, list(names), seed)
        model, error = fit_candidate(seeded(self.partition, seed), X)
        if model is None:
            raise ValueError(f"The partition could not be fitted: {error}")
        return numbered(Z, weights, labels_of(model, X)), []

    def _shares(self, likelihood):
        """What quotas are proportional to, for the share of the table in each part."""
        if self.weights == "balanced":
            return np.ones(len(likelihood))
        return likelihood * _row_weights(self.weights, likelihood, self.gamma)

    def _publish(self, X, numbers, drawn, members, first):
        """Join the groups: number all clusters by size, and weigh all rows."""
        parts, offset = np.empty(numbers.max() + 1, dtype=np.int64), 0
        for own, found in zip(members, drawn, strict=True):
            parts[own] = found.parts + offset
            offset += found.parts.max() + 1
        rows = np.concatenate([m[f.rows] for m, f in zip(members, drawn, strict=True)])
        sizes = np.concatenate([found.sizes for found in drawn])
        centers = np.concatenate([found.centers for found in drawn])
        counts = np.bincount(parts[numbers])
        rank = np.argsort(np.argsort(-counts, kind="stable"))
        order = np.argsort(rank[parts[rows]], kind="stable")
        self.labels_ = rank[parts][numbers]
        self.sample_indices_ = first[rows[order]]
        self.sample_sizes_ = sizes[order]
        self._centers = centers[order].astype(X.dtype)
        self.n_clusters_ = len(counts)
        self.cluster_likelihood_ = np.bincount(self.labels_) / len(X)
        weights = _row_weights(self.weights, self.cluster_likelihood_, self.gamma)
        self.sample_weight_ = weights[self.labels_]
        rules = drawn[0].rules if len(drawn) == 1 else []
        self.rules_ = [rules[part] for part in np.argsort(rank)] if rules else []


def _all_rows(X):
    """Each row once, and a cluster of its own."""
    every = np.arange(len(X))
    return _Drawn(every, every, X, np.ones(len(X)), [])


def _row_weights(kind, likelihood, gamma):
    """Weights of the rows of each cluster, 1 on average over the rows."""
    if kind == "proportional" or len(likelihood) == 1:
        return np.ones(len(likelihood))
    if kind == "balanced":
        return 1 / (len(likelihood) * likelihood)
    weights = (1 - likelihood) ** gamma
    return weights / (likelihood @ weights)


def _middle_rows(X, Z, weights, cells):
    """Row nearest the mean of each cell, that mean, and how many rows it has."""
    own = np.flatnonzero(cells >= 0)
    Z, weights, cells = np.ascontiguousarray(Z[own]), weights[own], cells[own]
    n_cells = cells.max() + 1
    means, sizes = weighted_means(Z, weights, cells, n_cells)
    away = np.square(Z - means[cells]).sum(axis=1)
    nearest = np.lexsort((away, cells))
    starts = np.searchsorted(cells[nearest], np.arange(n_cells))
    X = np.ascontiguousarray(X[own])
    centers = weighted_means(X, weights, cells, n_cells)[0]
    return own[nearest[starts]], centers, sizes
