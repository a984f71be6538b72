"""Validity of clusters of any shape: density-based cluster validation."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from .._scaling import power_of_two
from ..kernels.spanning_tree import spanning_tree

CHUNK_ROWS = 256


def dbcv_score(X: ArrayLike, labels: ArrayLike) -> Any:
    """Density-based cluster validation (DBCV) of a partition.

    For each cluster, the sparsest spot inside it is compared with the densest
    spot on the way to its nearest neighbour. Other than the silhouette, this
    does not ask for round clusters.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Table of finite numbers.
    labels : array-like of shape (n_samples,)
        Cluster of each row, as integers; -1 marks noise.

    Returns
    -------
    score : float
        Between -1 and 1, higher is better: the mean validity of the clusters,
        weighted by their shares of all rows. Noise, and a cluster of one row,
        count as 0. With fewer than two clusters the score is -1.

    Raises
    ------
    ValueError
        If `X` is not finite, or `labels` are not as many integers.

    Notes
    -----
    The definitions leave open which of the many minimum spanning trees of equal
    mutual reachability is meant. Here it is the one of the least distances, so
    that the score does not depend on the order of the rows.

    O(n_samples² · n_features) time and O(n_samples) memory.

    References
    ----------
    .. [1] D. Moulavi, P. A. Jaskowiak, R. J. G. B. Campello, A. Zimek and
       J. Sander (2014). "Density-based clustering validation." SIAM
       International Conference on Data Mining, definitions 1 to 8.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_moons
    >>> from skdeepcluster.metrics import dbcv_score
    >>> X, moon = make_moons(300, noise=0.05, random_state=0)
    >>> halves = KMeans(2, n_init=1, random_state=0).fit_predict(X)
    >>> dbcv_score(X, moon) > 0 > dbcv_score(X, halves)
    True
    """
    X = check_array(X, dtype=np.float64)
    labels = column_or_1d(labels)
    check_consistent_length(X, labels)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers, got {labels.dtype}.")
    # A power of two keeps squares in range and changes no digit.
    X = X / power_of_two(X)
    names = np.unique(labels[labels >= 0])
    if len(names) < 2:
        return -1.0
    clusters = [_Cluster(X[labels == name]) for name in names]
    separations = _separations(clusters)
    score = 0.0
    for cluster, separation in zip(clusters, separations, strict=True):
        larger = max(separation, cluster.sparseness)
        if cluster.size > 1 and larger > 0:
            score += cluster.size * (separation - cluster.sparseness) / larger
    return float(score / len(X))


class _Cluster:
    """Rows in the inside of a cluster, and how sparse it is there."""

    def __init__(self, X):
        self.size = len(X)
        cores = _core_distances(X)
        edges, lengths = spanning_tree(X, cores)
        inside = np.bincount(edges.ravel(), minlength=len(X)) > 1
        between_inner = inside[edges].all(axis=1)
        # The tree of two or three rows, or a star, has no inner edge.
        if not inside.any():
            inside[:] = True
        if between_inner.any():
            lengths = lengths[between_inner]
        self.rows, self.cores = X[inside], cores[inside]
        self.sparseness = lengths.max(initial=0.0)


def _core_distances(X):
    """All-points core distances: inverse densities of the rows of a cluster."""
    n_samples, n_features = X.shape
    if n_samples == 1:
        return np.zeros(1)
    cores = np.empty(n_samples)
    for start in range(0, n_samples, CHUNK_ROWS):
        distances = cdist(X[start : start + CHUNK_ROWS], X)
        places = np.arange(len(distances))
        distances[places, start + places] = np.inf
        # The mean of (1 / distance) ** n_features, relative to its largest term:
        # such powers leave the range of numbers.
        nearest = distances.min(axis=1)
        safe = np.where(nearest > 0, nearest, 1.0)[:, np.newaxis]
        terms = (safe / np.maximum(distances, safe)) ** n_features
        means = terms.sum(axis=1) / (n_samples - 1)
        cores[start : start + CHUNK_ROWS] = nearest * means ** (-1 / n_features)
    return cores


def _separations(clusters):
    """Least mutual reachability from the inside of each cluster to another's."""
    rows = np.concatenate([cluster.rows for cluster in clusters])
    cores = np.concatenate([cluster.cores for cluster in clusters])
    owners = np.repeat(np.arange(len(clusters)), [len(c.rows) for c in clusters])
    separations = np.full(len(clusters), np.inf)
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        reach = np.maximum(cdist(rows[chunk], rows), cores)
        np.maximum(reach, cores[chunk, np.newaxis], out=reach)
        reach[owners[chunk, np.newaxis] == owners] = np.inf
        np.minimum.at(separations, owners[chunk], reach.min(axis=1))
    return separations
