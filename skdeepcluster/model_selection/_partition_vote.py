"""Many cheap partitions of one table vote, and the one that agrees best with all wins.

::

    inputs = rows in the space of the neighbours
    C, S, B = graphs of one search: fuzzy weights, shared neighbours, edges alone
    partitions = communities of each graph at 12 resolutions,
                 HDBSCAN at 4 sizes on 2 layouts of C, PPP of the columns
    agreement = adjusted Rand index of all pairs
    score     = mean agreement with the others, families weighted
    labels    = PPP's, if it finds three clusters and one dominates, or else
                the partition of the largest score

Nothing is refitted on parts of the rows, and no network is trained.
"""

import time
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import HDBSCAN

from .._fitted_state import check_arrays, check_indices
from .._rows import in_chunks
from ..kernels.graph import communities
from ..kernels.kmeans import center_sums
from ..kernels.neighbors import nearest_rows as nearest_fitted
from ..neighbors._neighbor_graph import nearest_rows, weighted_graph
from ..neighbors._neighbor_layout import lay_out
from ..neighbors._neighbor_noise import noise_shrinkage
from ..neighbors._neighbor_space import NeighborSpace
from ..ppp.ppp import MANY_COLUMNS
from ._fitted import NOISE, extend_labels

N_NEIGHBORS = 15
RESOLUTIONS = np.geomspace(0.06, 2.5, 12)
# Least share of common neighbours of an edge in the second graph.
LEAST_SHARED = 1 / 15
LAYOUT_COMPONENTS = 5
LAYOUT_EPOCHS = 200
N_LAYOUTS = 2
# The smallest cluster that HDBSCAN looks for is one in so many rows, or five rows.
DENSITY_SHARES = (100, 50, 25, 12)
SMALLEST_CLUSTER = 5
# So many rows, at most, are laid out for HDBSCAN, whose time grows with their square.
MAX_DENSITY_ROWS = 5000
# Communities come in like sizes, and cut a cluster of very many rows; PPP tests for
# gaps. That it finds no third cluster may be for want of rows; and of very many columns
# it sees the first axes only. What the bounds are worth: bench_vote_weights.py.
FEWEST_FOR_PPP = 3
DOMINANT_SHARE = 0.4
# Weight of each family of partitions, in the order in which the first of equals wins.
FAMILIES = {
    "communities": 1.0,
    "shared": 0.5,
    "edges": 0.5,
    "density": 1.0,
    "ppp": 1.0,
}


class Ballot(NamedTuple):
    """Partitions of the rows, and how well each agrees with the others.

    Parameters
    ----------
    families : list of str
        Family of each partition.
    partitions : ndarray of shape (n_partitions, n_samples), dtype=int64
        Cluster of each row, from 0 on.
    n_clusters : ndarray of shape (n_partitions,)
        Clusters of each.
    scores : ndarray of shape (n_partitions,)
        Weighted mean of the adjusted Rand indices with all others; -1 for one
        cluster, which votes but cannot win.
    seconds : dict of str to float
        What each family took.
    space : NeighborSpace
        Where neighbours were looked for.
    inputs : ndarray of shape (n_samples, n_columns)
        The rows there.
    """

    families: list
    partitions: np.ndarray
    n_clusters: np.ndarray
    scores: np.ndarray
    seconds: dict
    space: NeighborSpace
    inputs: np.ndarray

    def family(self, name):
        """Numbers of the partitions of a family."""
        return np.flatnonzero(np.array(self.families) == name)

    def levels(self, sound, coordinates):
        """The best partition of every number of clusters above one, ascending.

        `sound` says which partitions may win; the others rank behind. Means of the
        clusters are those of the rows' `coordinates`.
        """
        order = np.lexsort((-self.scores, ~sound, self.n_clusters))
        numbers, first = np.unique(self.n_clusters[order], return_index=True)
        return {
            int(number): {
                "name": self.families[i],
                "score": float(self.scores[i]),
                "labels": self.partitions[i],
                "centers": _means(coordinates, self.partitions[i]),
            }
            for number, i in zip(numbers, order[first], strict=True)
            if number > 1
        }

    def preferred(self, rows, weights):
        """Which partitions the vote does not overrule: PPP's, if one cluster dominates.

        That is, where of not too many columns PPP finds several clusters, one of
        which has very many of the rows.
        """
        places = self.family("ppp")
        sizes = np.bincount(self.partitions[places[0]], weights)
        chosen = np.zeros(len(self.families), dtype=bool)
        chosen[places] = (
            rows.shape[1] <= MANY_COLUMNS
            and len(sizes) >= FEWEST_FOR_PPP
            and sizes.max() > DOMINANT_SHARE * sizes.sum()
        )
        return chosen

    def elected(self, sound, preferred):
        """Number of the partition that wins: the first of equals."""
        first = -np.arange(len(self.scores))
        return int(np.lexsort((first, self.scores, preferred, sound))[-1])

    def neighbor_labels(self, index):
        """Label rows as the fitted rows that are nearest have it in a partition."""
        return NeighborLabels(self.space, self.inputs, self.partitions[index])


class NeighborLabels(ClusterMixin, BaseEstimator):
    """Labels of rows by the fitted rows that are nearest to them.

    Parameters
    ----------
    space : NeighborSpace
        Where neighbours are looked for.
    inputs : ndarray of shape (n_fitted, n_columns)
        Fitted rows there.
    labels : ndarray of shape (n_fitted,), dtype=int64
        Their clusters, from 0 on.
    """

    def __init__(self, space, inputs, labels):
        self.space = space
        self.inputs = inputs
        self.labels = labels

    def __sklearn_is_fitted__(self):
        return True

    def _check_state(self):
        check_arrays(
            "NeighborLabels",
            inputs=(self.inputs, "f", "nd"),
            labels=(self.labels, "i", "n"),
        )
        # Places for so many clusters are made.
        check_indices("NeighborLabels", len(self.labels), labels=self.labels)

    def nearest(self, X):
        """Numbers of the 15 nearest fitted rows, and squared distances to them."""
        Z = in_chunks(self.space.transform, X)
        return nearest_fitted(Z, self.inputs, min(N_NEIGHBORS, len(self.inputs)))

    def shares(self, places, squares):
        """Shares of the clusters among some fitted rows, by 1 / distance."""
        with np.errstate(divide="ignore"):
            closeness = 1 / np.sqrt(squares)
        # A fitted row has the cluster that it has.
        met = np.isinf(closeness)
        closeness = np.where(met.any(axis=1, keepdims=True), met, closeness)
        closeness /= closeness.sum(axis=1, keepdims=True)
        shares = np.zeros((len(places), int(self.labels.max()) + 1))
        rows = np.arange(len(places))[:, np.newaxis]
        np.add.at(shares, (rows, self.labels[places]), closeness)
        return shares

    def predict_proba(self, X):
        """Shares of the clusters among the 15 nearest fitted rows."""
        return self.shares(*self.nearest(X))

    def predict(self, X):
        """Cluster of the largest share."""
        return self.predict_proba(X).argmax(axis=1)


def hold_vote(rows, weights, ppp_labels, seed, scale=True):
    """Partition rows in many ways, and let the partitions vote.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct rows in lexicographic order.
    weights : ndarray of shape (n_samples,)
        Their weights, which count for the scale of the columns.
    ppp_labels : ndarray of shape (n_samples,)
        Partition by PPP.
    seed : int
        Seed of all draws.
    scale : bool, default=True
        Whether the columns are standardised before neighbours are looked for.

    Returns
    -------
    Ballot
        Partitions and scores.
    """
    space, inputs = _neighbor_space(rows, weights, seed, scale)
    rng = np.random.default_rng(seed)
    near, distances = nearest_rows(inputs, min(N_NEIGHBORS, len(rows) - 1), rng)
    fuzzy = weighted_graph(near, distances)
    makers = {
        "communities": lambda: _communities(fuzzy, seed),
        "shared": lambda: _communities(_shared_neighbors(near), seed),
        "edges": lambda: _communities(_unweighted(fuzzy), seed),
        "density": lambda: _density_clusters(fuzzy, inputs, seed),
        "ppp": lambda: [ppp_labels],
    }
    families, partitions, seconds = [], [], {}
    for family, make in makers.items():
        start = time.perf_counter()
        made = make()
        seconds[family] = time.perf_counter() - start
        families += [family] * len(made)
        partitions += made
    partitions = np.array(partitions)
    n_clusters = partitions.max(axis=1) + 1
    scores = _scores(partitions, _family_weights(families))
    scores[n_clusters == 1] = -1
    return Ballot(families, partitions, n_clusters, scores, seconds, space, inputs)


def _neighbor_space(rows, weights, seed, scale):
    """Space of the neighbours, with directions of noise shrunk, and the rows there."""
    space = NeighborSpace(rows, weights, "euclidean" if scale else "unscaled")
    inputs = in_chunks(space.transform, rows)
    shrinkage = noise_shrinkage(inputs, seed)
    if shrinkage is not None:
        space.then(shrinkage)
        inputs = in_chunks(space.transform, rows)
    return space, inputs


def _communities(graph, seed):
    """Communities of a graph at all resolutions, coarse to fine."""
    arrays = graph.indptr, graph.indices, graph.data
    return [communities(*arrays, resolution, seed=seed) for resolution in RESOLUTIONS]


def _unweighted(graph):
    return csr_array((np.ones(graph.nnz), graph.indices, graph.indptr))


def _shared_neighbors(near):
    """Join rows that share neighbours, by the share of theirs that is common."""
    n_samples, k = near.shape
    starts = np.arange(n_samples + 1) * k
    ones = np.ones(near.size)
    lists = csr_array((ones, near.ravel(), starts), shape=(n_samples, n_samples))
    common = (lists @ lists.T).tocoo()
    others = common.row != common.col
    shares = common.data[others] / (2 * k - common.data[others])
    kept = shares >= LEAST_SHARED
    places = common.row[others][kept], common.col[others][kept]
    graph = csr_array((shares[kept], places), shape=(n_samples, n_samples))
    graph.sort_indices()
    return graph


def _density_clusters(graph, inputs, seed):
    """HDBSCAN at several sizes on layouts of a graph, or of that of some rows."""
    if len(inputs) <= MAX_DENSITY_ROWS:
        return _density_of_layouts(graph, inputs, seed)
    rng = np.random.default_rng([seed, N_LAYOUTS])
    some = inputs[np.sort(rng.choice(len(inputs), MAX_DENSITY_ROWS, replace=False))]
    graph = weighted_graph(*nearest_rows(some, N_NEIGHBORS, rng))
    nearest = nearest_fitted(inputs, some, 1)[0][:, 0]
    return [labels[nearest] for labels in _density_of_layouts(graph, some, seed)]


def _density_of_layouts(graph, inputs, seed):
    found = []
    for j in range(N_LAYOUTS):
        rng = np.random.default_rng([seed, j])
        layout, _ = lay_out(graph, inputs, LAYOUT_COMPONENTS, LAYOUT_EPOCHS, rng)
        found += [_hdbscan(layout, len(inputs) // share) for share in DENSITY_SHARES]
    return found


def _hdbscan(layout, size):
    """HDBSCAN; noise goes to the nearest clustered row."""
    model = HDBSCAN(min_cluster_size=max(SMALLEST_CLUSTER, size), copy=True)
    labels = model.fit(layout).labels_.astype(np.int64)
    noise = labels == NOISE
    if noise.all():
        return np.zeros(len(labels), dtype=np.int64)
    if noise.any():
        labels[noise] = extend_labels(layout[~noise], labels[~noise], layout[noise])
    return labels


def _means(rows, labels):
    """Mean of the rows of every cluster."""
    sums, sizes = center_sums(
        np.ascontiguousarray(rows), np.ones(len(rows)), labels, int(labels.max()) + 1
    )
    return sums / sizes[:, np.newaxis]


def _family_weights(families):
    """Weights of the partitions: those of a family share the family's weight."""
    names, codes, counts = np.unique(families, return_inverse=True, return_counts=True)
    return np.array([FAMILIES[name] for name in names])[codes] / counts[codes]


def _scores(partitions, weights):
    """Weighted mean agreement of each partition with the others."""
    agreement = pairwise_agreement(partitions)
    np.fill_diagonal(agreement, 0)
    return (agreement @ weights) / (weights.sum() - weights)


def pairwise_agreement(partitions):
    """Adjusted Rand index of every two partitions of the same rows.

    Parameters
    ----------
    partitions : ndarray of shape (n_partitions, n_samples), dtype=int64
        Clusters from 0 on.

    Returns
    -------
    ndarray of shape (n_partitions, n_partitions)
        The indices; 1 on the diagonal, and for any two that are both one cluster.
    """
    n_partitions, n_samples = partitions.shape
    sizes = partitions.max(axis=1) + 1
    pairs = np.array([_n_pairs(np.bincount(labels)) for labels in partitions])
    total = n_samples * (n_samples - 1) / 2
    result = np.eye(n_partitions)
    for i in range(n_partitions):
        for j in range(i):
            cells = np.bincount(partitions[i] * sizes[j] + partitions[j])
            expected = pairs[i] * pairs[j] / total
            largest = (pairs[i] + pairs[j]) / 2
            room = largest - expected
            agreed = (_n_pairs(cells) - expected) / room if room > 0 else 1.0
            result[i, j] = result[j, i] = agreed
    return result


def _n_pairs(counts):
    """Number of pairs of rows within groups of these sizes."""
    return float((counts * (counts - 1)).sum() / 2)
