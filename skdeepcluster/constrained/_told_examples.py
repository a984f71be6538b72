"""Rows that somebody told something of, as examples of their clusters.

::

    examples = rows of the largest groups that are known to differ (hard links), or all
        rows named by a link, in the clusters of the fit (soft links)
    repeat until no label changes, at most 15 times:
        center of each cluster = mean of all its rows
        prototype of an example = (1 - a) row + a center, where a = 1 / number of
            examples of its cluster
        cost of a row in a cluster = squared distance to its nearest prototype
        assign under the constraints; examples stay where they are

One example of a cluster is its center; many are nearly themselves.
"""

from typing import NamedTuple

import numpy as np

from .._kmeans import weighted_means
from .._row_links import joined_rows, refused_pairs
from ..kernels.kmeans import nearest_centers

MAX_ROUNDS = 15
# Examples that stand for themselves; of more, as many are chosen evenly.
MOST_EXAMPLES = 2_000
# Share of the named rows that the groups must hold to stand as examples.
LEAST_SHARE = 0.5


class Prototypes(NamedTuple):
    """What stands for the clusters.

    Parameters
    ----------
    rows : ndarray of shape (n_prototypes, n_features), dtype=float64
        Prototypes.
    labels : ndarray of shape (n_prototypes,), dtype=intp
        Their clusters.
    """

    rows: np.ndarray
    labels: np.ndarray

    def squares(self, Z, n_clusters):
        """Squared distance of every row to the nearest prototype of each cluster."""
        squares = np.empty((len(Z), n_clusters))
        for cluster in range(n_clusters):
            own = np.ascontiguousarray(self.rows[self.labels == cluster])
            squares[:, cluster] = nearest_centers(Z, own)[1]
        return squares


def refused_groups(links, n_clusters):
    """Groups of most rows that are pairwise kept apart.

    Where there are as many as clusters, what is kept apart from all but one of them
    belongs to that one.

    Parameters
    ----------
    links : Links
        Links between rows.
    n_clusters : int
        Number of groups at most.

    Returns
    -------
    groups : ndarray of shape (n_samples,), dtype=int64
        Group of each row, the largest first; -1 for a row in none.
    """
    apart = refused_pairs(links, n_clusters)
    if len(apart) == 0:
        return np.full(len(links.codes), -1)
    components = joined_rows(links)
    ends = components[apart]
    ends = ends[ends[:, 0] != ends[:, 1]]
    neighbors = {}
    for i, j in ends.tolist():
        neighbors.setdefault(i, set()).add(j)
        neighbors.setdefault(j, set()).add(i)
    n_rows = np.bincount(components)
    chosen = []
    for one in sorted(neighbors, key=lambda one: (-n_rows[one], one)):
        if len(chosen) < n_clusters and all(one in neighbors[two] for two in chosen):
            chosen.append(one)
    places = np.full(len(n_rows), -1)
    places[chosen] = np.arange(len(chosen))
    if len(chosen) == n_clusters:
        for one in neighbors:
            left = [two for two in chosen if two not in neighbors[one]]
            if places[one] < 0 and len(left) == 1:
                places[one] = places[left[0]]
    return places[components]


def told_rows(links, n_clusters, *, hard):
    """Rows to stand as examples: none unless most named rows are in a few groups."""
    groups, named = refused_groups(links, n_clusters), links.named
    grouped = groups >= 0
    if groups.max(initial=-1) < 1 or grouped.sum() < LEAST_SHARE * named.sum():
        return np.empty(0, np.intp)
    return np.flatnonzero(grouped if hard else named)


def _thinned(told, labels, order):
    """Keep at most so many examples, evenly over each cluster."""
    if len(told) <= MOST_EXAMPLES:
        return told
    told = told[np.lexsort((order[told], labels[told]))]
    return np.sort(told[:: -(-len(told) // MOST_EXAMPLES)])


def prototypes_of(Z, told, told_labels, centers):
    """Prototypes of examples, and the centers of clusters that have none."""
    n_told = np.bincount(told_labels, minlength=len(centers))
    share = 1.0 / np.maximum(n_told, 1)[told_labels, np.newaxis]
    rows = (1 - share) * Z[told] + share * centers[told_labels]
    others = np.flatnonzero(n_told == 0)
    return Prototypes(
        np.concatenate([rows, centers[others]]), np.concatenate([told_labels, others])
    )


def fit_examples(Z, weights, assigner, run, told):
    """Assign by prototypes, in turn with the means, until nothing changes.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features), dtype=float64
        Scaled rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    assigner : Assigner
        Assigns the items under the constraints.
    run : ConstrainedRun
        The fit without examples.
    told : ndarray of shape (n_told,), dtype=intp
        Rows that stand as examples.

    Returns
    -------
    run : ConstrainedRun
        Clusters by prototypes.
    prototypes : Prototypes
        What stands for the clusters.
    told : ndarray of shape (n_examples,)
        The examples kept.
    """
    items, k = assigner.items, len(run.centers)
    told = told[items.numbers[told] >= 0]
    order = np.empty(len(Z), np.intp)
    order[np.lexsort(Z.T[::-1])] = np.arange(len(Z))
    row_labels = run.labels[np.maximum(items.numbers, 0)]
    told = _thinned(told, row_labels, order)
    # The same sums whatever the order of the rows.
    told = told[np.argsort(order[told], kind="stable")]
    told_labels = run.labels[items.numbers[told]]
    fixed = np.unique(items.numbers[told])
    found = run
    for _ in range(MAX_ROUNDS):
        centers, sizes = weighted_means(items.means, items.weights, found.labels, k)
        centers = np.where(sizes[:, np.newaxis] > 0, centers, found.centers)
        prototypes = prototypes_of(Z, told, told_labels, centers)
        costs = _item_costs(prototypes, k, Z, weights, items)
        stay = run.labels[fixed]
        costs[fixed] = 1e3 * (1.0 + costs.max())
        costs[fixed, stay] = 0.0
        step = assigner(costs, found.labels, found.prices, final=True)
        before = found.labels
        found = run._replace(
            labels=step.labels, prices=step.prices, gap=step.gap, centers=centers
        )
        if np.array_equal(before, step.labels):
            break
    return found, prototypes, told


def _item_costs(prototypes, n_clusters, Z, weights, items):
    """Mean cost of the rows of each item."""
    costs = prototypes.squares(items.means, n_clusters)
    numbers = items.numbers
    # Most items are one row, which is its mean.
    is_joint = np.bincount(numbers[numbers >= 0], minlength=len(costs)) > 1
    rows = np.flatnonzero((numbers >= 0) & is_joint[numbers])
    if len(rows):
        squares = prototypes.squares(np.ascontiguousarray(Z[rows]), n_clusters)
        squares *= weights[rows, np.newaxis]
        for cluster in range(n_clusters):
            total = np.bincount(numbers[rows], squares[:, cluster], len(costs))
            costs[is_joint, cluster] = (total / items.weights)[is_joint]
    return costs
