"""Coarser levels of a partition: clusters joined by the distance of their means."""

import numpy as np
from scipy.cluster.hierarchy import cut_tree, linkage


def joining_distances(centers):
    """Distances at which clusters are joined.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        Means of the clusters.

    Returns
    -------
    ndarray of shape (n_clusters,)
        For each number of clusters from 1 on, the distance at which the next finer
        level was joined to it; 0 for the last, which nothing was joined to.

    Notes
    -----
    Average linkage [1]_ of the means; how large the clusters are does not count.
    Time is O(k² p) for k clusters.

    References
    ----------
    .. [1] R. R. Sokal and C. D. Michener (1958). "A statistical method for evaluating
       systematic relationships." University of Kansas Science Bulletin 38.
    """
    return np.append(_tree(centers)[::-1, 2], 0.0)


def joined_clusters(centers, n_clusters):
    """Join clusters, the nearest first, until so many are left.

    Parameters
    ----------
    centers : ndarray of shape (n_fine, n_features)
        Means of the clusters.
    n_clusters : int
        Clusters wanted, at most `n_fine`.

    Returns
    -------
    ndarray of shape (n_fine,), dtype=int64
        Number of the joined cluster of each. Levels are nested.
    """
    if n_clusters == len(centers):
        return np.arange(n_clusters)
    return cut_tree(_tree(centers), n_clusters)[:, 0].astype(np.int64)


def _tree(centers):
    """Average linkage; no merges of one cluster."""
    return linkage(centers, "average") if len(centers) > 1 else np.empty((0, 4))
