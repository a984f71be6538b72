"""Mean silhouettes of several partitions of the same rows, in one pass."""

import numpy as np

from ._jit import jit, read_only
from .distances import squared_distance


def mean_silhouettes(X, weights, partitions):
    """Score partitions by how much nearer rows are to their own cluster.

    The silhouette of a row is ``(b - a) / max(a, b)`` with its mean distance `a`
    to the other rows of its cluster, and the least mean distance `b` to the rows
    of another; 0 for a row alone in its cluster.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype float64
        How many equal rows each one stands for.
    partitions : ndarray of shape (n_partitions, n_samples), dtype int64
        Clusters of the rows, numbered from 0; at least two in each partition.

    Returns
    -------
    ndarray of shape (n_partitions,), dtype float64
        Mean silhouettes, between -1 and 1.

    Notes
    -----
    O(n_samples² (n_features + n_partitions)) time; no distance is kept.

    References
    ----------
    Rousseeuw, P. J. (1987). "Silhouettes: a graphical aid to the interpretation
    and validation of cluster analysis." Journal of Computational and Applied
    Mathematics 20.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.silhouettes import mean_silhouettes
    >>> X = np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> mean_silhouettes(X, np.ones(4), np.array([[0, 0, 1, 1], [0, 1, 1, 1]]))
    array([1., 0.])
    """
    return _mean_silhouettes(read_only(X), read_only(weights), read_only(partitions))


@jit()
def _mean_silhouettes(X, weights, partitions):
    n_samples, n_partitions = len(X), len(partitions)
    n_clusters = partitions.max() + 1
    sizes = np.zeros((n_partitions, n_clusters))
    for p in range(n_partitions):
        for i in range(n_samples):
            sizes[p, partitions[p, i]] += weights[i]
    scores = np.zeros(n_partitions)
    distances = np.empty(n_samples)
    sums = np.empty(n_clusters)
    for i in range(n_samples):
        for j in range(n_samples):
            distances[j] = weights[j] * np.sqrt(squared_distance(X[i], X[j]))
        for p in range(n_partitions):
            own = partitions[p, i]
            if sizes[p, own] <= 1.0:
                continue
            sums[:] = 0.0
            for j in range(n_samples):
                sums[partitions[p, j]] += distances[j]
            within = sums[own] / (sizes[p, own] - 1.0)
            between = np.inf
            for c in range(n_clusters):
                if c != own and sizes[p, c] > 0.0:
                    between = min(between, sums[c] / sizes[p, c])
            larger = max(within, between)
            if larger > 0.0:
                scores[p] += weights[i] * (between - within) / larger
    return scores / weights.sum()
