"""Moving single rows between clusters where that lowers the inertia."""

import numpy as np

from ._jit import jit
from .distances import squared_distance


@jit()
def transfer_rows(X, weights, labels, centers, sizes, max_passes):
    """Hartigan's method: move a row wherever its move lowers the inertia.

    A move changes both means, which Lloyd's algorithm ignores: what it calls
    final may still be improved here, never the other way round.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    labels : ndarray of shape (n_samples,), dtype=intp
        Clusters; changed in place.
    centers : ndarray of shape (n_clusters, n_features), dtype=float64
        Means of the clusters; changed in place.
    sizes : ndarray of shape (n_clusters,), dtype=float64
        Weights of the clusters; changed in place.
    max_passes : int
        Largest number of passes over the rows.

    Returns
    -------
    n_moved : int
        Number of moves. O(n_samples * n_clusters * n_features) a pass.
    """
    n_clusters, n_features = centers.shape
    members = np.zeros(n_clusters, dtype=np.intp)
    for i in range(len(labels)):
        members[labels[i]] += 1
    n_moved = 0
    for _ in range(max_passes):
        before = n_moved
        for i in range(X.shape[0]):
            home, weight = labels[i], weights[i]
            if members[home] == 1:
                continue
            distance = squared_distance(X[i], centers[home])
            # A rounding error is no gain.
            saved = distance * sizes[home] / (sizes[home] - weight) * (1 - 1e-12)
            best, target = saved, home
            for c in range(n_clusters):
                if c != home:
                    cost = squared_distance(X[i], centers[c])
                    cost *= sizes[c] / (sizes[c] + weight)
                    if cost < best:
                        best, target = cost, c
            if target == home:
                continue
            for f in range(n_features):
                centers[home, f] -= (
                    (X[i, f] - centers[home, f]) * weight / (sizes[home] - weight)
                )
                centers[target, f] += (
                    (X[i, f] - centers[target, f]) * weight / (sizes[target] + weight)
                )
            sizes[home] -= weight
            sizes[target] += weight
            members[home] -= 1
            members[target] += 1
            labels[i] = target
            n_moved += 1
        if n_moved == before:
            break
    return n_moved
