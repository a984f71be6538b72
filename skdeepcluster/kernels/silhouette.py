"""Mean silhouette of several labelings of the same rows."""

import numpy as np

from ._jit import jit, read_only
from .assignment import squared_distance


def mean_silhouettes(X, weights, labelings, n_clusters):
    """Compare labelings by how much nearer rows are to their own cluster.

    The silhouette of a row is ``(b - a) / max(a, b)``, where ``a`` is its mean
    distance to the other rows of its cluster and ``b`` the least mean distance
    to the rows of another one; 0 for a row alone in its cluster. A weight of 2
    is the same as two rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    weights : ndarray of shape (n_samples,), dtype float64
        Positive whole weight of each row.
    labelings : ndarray of shape (n_labelings, n_samples), dtype int64
        Cluster of each row, from 0, in each labeling.
    n_clusters : ndarray of shape (n_labelings,), dtype int64
        Number of clusters of each labeling; an empty one is passed over.

    Returns
    -------
    ndarray of shape (n_labelings,), dtype float64
        Weighted mean of the silhouettes; 0 where there is one cluster.

    Notes
    -----
    O(n_samples² · (n_features + n_labelings)) time: the distances serve all
    labelings. Memory O(n_samples · n_labelings), no matrix of distances.

    References
    ----------
    Rousseeuw, P. J. (1987). "Silhouettes: a graphical aid to the interpretation
    and validation of cluster analysis." Journal of Computational and Applied
    Mathematics 20.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.silhouette import mean_silhouettes
    >>> X = np.array([[0.0], [0.0], [2.0], [2.0]])
    >>> labelings = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
    >>> mean_silhouettes(X, np.ones(4), labelings, np.array([2, 2]))
    array([ 1. , -0.5])
    """
    # A row's labels lie side by side: the inner loop walks over them.
    labels = np.ascontiguousarray(np.asarray(labelings, np.int64).T)
    return _mean_silhouettes(
        read_only(X),
        read_only(weights),
        read_only(labels),
        read_only(np.asarray(n_clusters, np.int64)),
    )


@jit()
def _mean_silhouettes(X, weights, labels, n_clusters):
    n_samples, n_labelings = labels.shape
    counts = np.zeros((n_labelings, n_clusters.max()))
    for i in range(n_samples):
        for m in range(n_labelings):
            counts[m, labels[i, m]] += weights[i]
    totals = np.zeros(n_labelings)
    sums = np.empty(counts.shape)
    for i in range(n_samples):
        sums[:] = 0.0
        for j in range(n_samples):
            distance = weights[j] * np.sqrt(squared_distance(X[i], X[j]))
            for m in range(n_labelings):
                sums[m, labels[j, m]] += distance
        for m in range(n_labelings):
            own = labels[i, m]
            if n_clusters[m] > 1 and counts[m, own] > 1:
                inside = sums[m, own] / (counts[m, own] - 1)
                outside = np.inf
                for cluster in range(n_clusters[m]):
                    if cluster != own and counts[m, cluster] > 0:
                        mean = sums[m, cluster] / counts[m, cluster]
                        outside = min(outside, mean)
                larger = max(inside, outside)
                if 0 < larger < np.inf:
                    totals[m] += weights[i] * (outside - inside) / larger
    return totals / weights.sum()
