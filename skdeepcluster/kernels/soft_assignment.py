"""Distances to all centres, and soft assignments made of them."""

import numpy as np

from ._jit import jit, read_only
from ._same_width import check_same_width
from .distances import squared_distance


def pairwise_squared_distances(X, centers):
    """Squared Euclidean distances of rows to centres, one row at a time.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    centers : ndarray of shape (n_clusters, n_features)
        Centres.

    Returns
    -------
    ndarray of shape (n_samples, n_clusters), dtype=float64
        The distances. O(n_samples · n_clusters · n_features).
    """
    check_same_width(X, centers)
    return _squared_distances(read_only(X), read_only(centers))


@jit()
def _squared_distances(X, centers):
    n_samples, n_clusters = len(X), len(centers)
    distances = np.empty((n_samples, n_clusters))
    for i in range(n_samples):
        for j in range(n_clusters):
            distances[i, j] = squared_distance(X[i], centers[j])
    return distances


@jit()
def soft_assignments(distances, temperature):
    """Softmax over the negative distances of a row.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_clusters)
        Squared distances.
    temperature : float
        Distance over which a weight falls by the factor e.

    Returns
    -------
    ndarray of shape (n_samples, n_clusters), dtype=float64
        Weights; rows sum to 1.
    """
    n_samples, n_clusters = distances.shape
    weights = np.empty((n_samples, n_clusters))
    for i in range(n_samples):
        nearest = distances[i].min()
        total = 0.0
        for j in range(n_clusters):
            weights[i, j] = np.exp((nearest - distances[i, j]) / temperature)
            total += weights[i, j]
        for j in range(n_clusters):
            weights[i, j] /= total
    return weights
