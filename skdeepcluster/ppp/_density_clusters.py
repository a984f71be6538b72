"""Clusters as groups of the components of a Gaussian mixture: how they are found.

Rows x with weights w, distinct and in value order::

    find axes along which columns of few values depend            _joint_axes
    spread tied values over the steps of their columns            _jitter
    scale the columns, turn them to these axes, and to principal axes
    cut the rows into cells, at 3 to 7 sizes                      _bisection
    for each size:
        one Gaussian per cell; separation of two groups =
            log(lower peak / density at the saddle point)
        merge the least separated neighbours                      _merging
        undo merges that a test of log-concavity refutes
        merge neighbours that the test does not hold apart
    elect the size that agrees best with the others               _vote
    take three EM steps from its Gaussians; a row belongs to the group
        of components with the largest density
    where Gaussians are assumed: a mixture of its own per group   _gaussian_split
    where features are selected: again with the columns that the clusters explain
    where links are given: cut and join groups by them            _linked_groups
"""

from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from scipy.stats import f as f_distribution

from .._fitted_state import check_arrays, check_indices
from .._gaussians import Gaussians, group_log_densities, sample
from .._rows import canonical_order
from .._scaling import TableScaling, varying_columns
from ..kernels.kmeans import center_sums
from ._bisection import Table, admissible_partitions
from ._cell_gaussians import em_step, n_shrunk_parameters
from ._gaussian_split import split_into_gaussians
from ._jitter import fill_steps
from ._joint_axes import joint_axes
from ._linked_groups import cut_gaussians, cut_groups, join_pieces
from ._merging import group_cells
from ._vote import vote

# Tables of more columns are clustered on as many principal axes.
MAX_AXES = 20
REFINING_STEPS = 3
SELECTION_ROUNDS = 6
FEATURE_ALPHA = 0.01


class GroupDensity(NamedTuple):
    """Density of every cluster, at rows of the table.

    Parameters
    ----------
    scaling : TableScaling or None
        From rows to the coordinates that were clustered.
    gaussians : Gaussians or None
        Components in these coordinates; None where there was no density to
        estimate, in which case all rows are one cluster.
    groups : ndarray of shape (n_components,), dtype=intp
        Cluster of each component.
    centers : ndarray of shape (n_clusters, n_features)
        Means of the clusters, in the units of the table.
    """

    scaling: TableScaling | None
    gaussians: Gaussians | None
    groups: np.ndarray
    centers: np.ndarray

    def _check_state(self):
        check_arrays("GroupDensity", centers=(self.centers, "f", "kp"))
        check_indices("GroupDensity", len(self.centers), groups=self.groups)
        if self.gaussians is not None and len(self.groups) != len(self.gaussians):
            raise ValueError("groups of GroupDensity are not of its Gaussians")

    def log_densities(self, rows):
        """Log of weight times density of every cluster at some rows."""
        if self.gaussians is None:
            return np.zeros((len(rows), 1))
        coordinates = self.scaling.transform(rows)
        return group_log_densities(self.gaussians, coordinates, self.groups)

    def sample(self, n_samples, rng):
        """Draw rows, and the cluster of each, cluster by cluster."""
        if self.gaussians is None:
            raise ValueError(
                "There is no density to draw from: the table had fewer than 24 "
                "rows, or all were equal."
            )
        coordinates, components = sample(self.gaussians, n_samples, rng)
        labels = self.groups[components]
        order = np.argsort(labels, kind="stable")
        rows, labels = self.centers[labels[order]], labels[order]
        columns = self.scaling.columns
        rows[:, columns] = self.scaling.inverse_transform(coordinates[order])
        return rows, labels

    def n_parameters(self, weight):
        """Free parameters of the mixture, fitted to rows of some weight."""
        if self.gaussians is None:
            return 0.0
        sizes = weight * np.exp(self.gaussians.log_weights)
        return n_shrunk_parameters(sizes, self.gaussians.means.shape[1])


class DensityClusters(NamedTuple):
    """What :func:`fit_ppp` found.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,), dtype=int64
        Cluster of each row.
    sizes : ndarray of shape (n_clusters,)
        Weights of the clusters.
    density : GroupDensity
        What labels further rows.
    merges, sizes_tried : list of dict
        See :class:`~skdeepcluster.PPP`.
    stability : float
        Mean agreement of the elected size with the others.
    validated : bool
        Whether no limit on the number of clusters decided.
    feature_separability : ndarray of shape (n_features,)
        Share of each column's variance that the clusters explain.
    separable_features : ndarray of shape (n_features,), dtype=bool
        Columns that they explain beyond chance.
    selection_path : list of dict
        ``n_features``, ``n_clusters`` of each round of selection.
    """

    labels: np.ndarray
    sizes: np.ndarray
    density: GroupDensity
    merges: list
    sizes_tried: list
    stability: float = 1.0
    validated: bool = True
    feature_separability: np.ndarray | None = None
    separable_features: np.ndarray | None = None
    selection_path: list = ()

    @property
    def n_clusters(self):
        """Number of clusters."""
        return len(self.sizes)


def fit_ppp(
    rows,
    weights,
    rules,
    *,
    split_gaussians=False,
    scale=True,
    feature_selection=False,
    max_rows,
):
    """Find the clusters of a table, and their number.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Distinct rows in lexicographic order.
    weights : ndarray of shape (n_rows,), dtype=float64
        Their weights.
    rules : MergeRules
        What one population may look like, and how many are wanted.
    split_gaussians : bool, default=False
        Whether each group is split into as many Gaussians as the BIC wants.
    scale : bool, default=True
        Whether columns are divided by their standard deviation.
    feature_selection : bool, default=False
        Whether columns that the clusters do not explain are dropped.
    max_rows : int
        Most rows into which rows of tied values are spread.

    Returns
    -------
    DensityClusters
        Numbered canonically: 0 is the largest.

    Notes
    -----
    Time and memory are linear in the rows.
    """
    columns = np.ones(rows.shape[1], dtype=bool)
    path = []
    for _ in range(SELECTION_ROUNDS if feature_selection else 1):
        found = _find_groups(
            rows, weights, columns, rules, split_gaussians, scale, max_rows
        )
        share, is_separable = explained_columns(rows, weights, found.labels)
        path.append({"n_features": int(columns.sum()), "n_clusters": found.n_clusters})
        kept = columns & is_separable
        if found.n_clusters == 1 or (kept == columns).all() or not kept.any():
            break
        columns = kept
    found = found._replace(
        feature_separability=share,
        separable_features=is_separable,
        selection_path=path if feature_selection else [],
    )
    return _numbered(found)


def follow_links(found, rows, weights, named, rules):
    """Cut and join the clusters that were found, as links tell.

    Parameters
    ----------
    found : DensityClusters
        What :func:`fit_ppp` found.
    rows, weights : ndarray
        The table it was found in.
    named : NamedRows
        Rows that links name.
    rules : MergeRules
        How many clusters are wanted.

    Returns
    -------
    DensityClusters
        Numbered canonically; `found` itself where links change nothing.

    Notes
    -----
    Each cut costs 2-means of the rows of a cluster; each cut and join looks at all
    units of named rows and clusters.
    """
    density = found.density
    if density.gaussians is None:
        return found
    coordinates = density.scaling.transform(rows)
    pieces = cut_groups(
        named,
        density.scaling.transform(named.rows),
        density.log_densities(named.rows).argmax(axis=1),
        (coordinates, weights),
        found.labels,
        found.n_clusters,
        rules.max_groups,
    )
    joined, is_limited = join_pieces(
        named, pieces, (coordinates, weights), rules.min_groups
    )
    found = found._replace(
        validated=found.validated and not (is_limited or pieces.is_limited)
    )
    if np.array_equal(joined, np.arange(found.n_clusters)):
        return found
    gaussians, groups = cut_gaussians(
        density.gaussians, density.groups, pieces, joined, coordinates, weights
    )
    gaussians, groups, logs = _filled_groups(gaussians, groups, coordinates)
    labels = logs.argmax(axis=1)
    sizes, centers = sizes_and_means(rows, weights, labels, logs.shape[1])
    share, is_separable = explained_columns(rows, weights, labels)
    return _numbered(
        found._replace(
            labels=labels,
            sizes=sizes,
            density=GroupDensity(density.scaling, gaussians, groups, centers),
            feature_separability=share,
            separable_features=is_separable,
        )
    )


def _find_groups(rows, weights, columns, rules, split_gaussians, scale, max_rows):
    """Cells, groups, vote and densities, on some of the columns."""
    joint = joint_axes(rows, weights, columns, by_column=scale, n_most=MAX_AXES)
    spread, spread_weights = fill_steps(rows, weights, max_rows, joint)
    columns = columns & varying_columns(spread)
    if joint is not None:
        columns &= ~joint.left_out
    if not columns.any():
        return _one_cluster(rows, weights)
    scaling = TableScaling(
        spread,
        spread_weights,
        by_column=scale,
        max_axes=MAX_AXES,
        columns=columns,
        directions=None if joint is None else joint.directions(columns),
    )
    table = Table(scaling.transform(spread), spread_weights)
    partitions, impure = admissible_partitions(table, rules.min_groups, rules.unimodal)
    if not partitions:
        return _one_cluster(rows, weights)
    groupings = [group_cells(cells, rules) for cells in partitions]
    winner, agreement = vote(groupings, spread_weights)
    elected = groupings[winner]
    coordinates = scaling.transform(rows)
    gaussians, groups, logs = _refined(elected, coordinates, weights)
    if split_gaussians:
        shares = softmax(logs, axis=1)
        gaussians = split_into_gaussians(coordinates, weights, shares, rules.max_groups)
        groups = np.arange(len(gaussians))
        gaussians, groups, logs = _filled_groups(gaussians, groups, coordinates)
    labels = logs.argmax(axis=1)
    sizes, centers = sizes_and_means(rows, weights, labels, logs.shape[1])
    return DensityClusters(
        labels,
        sizes,
        GroupDensity(scaling, gaussians, groups, centers),
        elected.merges,
        _sizes_tried(impure, groupings, agreement),
        agreement[winner],
        not elected.is_forced,
    )


def _one_cluster(rows, weights):
    """All rows together, without a density."""
    labels = np.zeros(len(rows), dtype=np.intp)
    sizes, centers = sizes_and_means(rows, weights, labels, 1)
    density = GroupDensity(None, None, np.zeros(1, dtype=np.intp), centers)
    return DensityClusters(labels, sizes, density, [], [])


def _refined(grouping, coordinates, weights):
    """Gaussians of a grouping after EM steps on rows without noise."""
    gaussians = grouping.gaussians
    for _ in range(REFINING_STEPS):
        gaussians = em_step(gaussians, coordinates, weights)
    return _filled_groups(gaussians, grouping.groups, coordinates)


def _filled_groups(gaussians, groups, coordinates):
    """Leave out groups that hold no row.

    Returns the components and groups left, and the joint log densities of the
    groups at each row.
    """
    while True:
        logs = group_log_densities(gaussians, coordinates, groups)
        held = np.bincount(logs.argmax(axis=1), minlength=logs.shape[1]) > 0
        if held.all():
            return gaussians, groups, logs
        kept = held[groups]
        gaussians = gaussians[kept].reweighted(np.exp(gaussians.log_weights[kept]))
        groups = (np.cumsum(held) - 1)[groups[kept]]


def _sizes_tried(impure, groupings, agreement):
    """Describe every size: its impure share, and its vote if it had one."""
    votes = {
        grouping.cells.n_nominal: (grouping.n_groups, mean)
        for grouping, mean in zip(groupings, agreement, strict=True)
    }
    tried = []
    for n_cells, share in impure.items():
        n_groups, mean = votes.get(n_cells, (None, None))
        tried.append(
            {
                "n_cells": n_cells,
                "impure": share,
                "n_clusters": n_groups,
                "agreement": mean,
            }
        )
    return tried


def sizes_and_means(rows, weights, labels, n_clusters):
    """Weights and means of the rows of each cluster."""
    rows = np.ascontiguousarray(rows)
    sums, sizes = center_sums(rows, weights, labels.astype(np.intp), n_clusters)
    return sizes, sums / sizes[:, np.newaxis]


def _numbered(found):
    """Number clusters canonically."""
    order = canonical_order(found.sizes, found.density.centers)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    density = found.density._replace(
        groups=number[found.density.groups], centers=found.density.centers[order]
    )
    return found._replace(
        labels=number[found.labels], sizes=found.sizes[order], density=density
    )


def explained_columns(rows, weights, labels):
    """Share of every column's variance that clusters explain, and an F test of it.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Rows.
    weights : ndarray of shape (n_rows,)
        Their weights.
    labels : ndarray of shape (n_rows,), dtype=intp
        Clusters, ``0..n_clusters - 1``.

    Returns
    -------
    share : ndarray of shape (n_features,)
        Shares of the variance.
    is_separable : ndarray of shape (n_features,), dtype=bool
        Whether chance explains less, at 0.01 over the number of columns.
    """
    n_features, n_clusters = rows.shape[1], int(labels.max()) + 1
    total = weights.sum()
    share = np.zeros(n_features)
    none = np.zeros(n_features, dtype=bool)
    if n_clusters == 1:
        return share, none
    centred = rows - (weights[:, np.newaxis] / total * rows).sum(axis=0)
    # In units of the largest, squares stay in range.
    largest = np.abs(centred).max(axis=0)
    centred /= np.where(largest > 0, largest, 1)
    spread = (weights[:, np.newaxis] * centred**2).sum(axis=0)
    sizes, means = sizes_and_means(centred, weights, labels, n_clusters)
    between = (sizes[:, np.newaxis] * means**2).sum(axis=0)
    # The mean of a constant column is not exact either.
    varies = varying_columns(rows)
    share[varies] = np.minimum(between[varies] / spread[varies], 1.0)
    within_freedom = total - n_clusters
    if within_freedom <= 0:
        return share, none
    with np.errstate(divide="ignore"):
        ratio = (share / (n_clusters - 1)) / ((1 - share) / within_freedom)
    p_values = f_distribution.sf(ratio, n_clusters - 1, within_freedom)
    return share, p_values < FEATURE_ALPHA / n_features
