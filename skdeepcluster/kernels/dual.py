"""Sums over rows behind the proof that a partition is a best one."""

import numpy as np

from ._jit import jit
from .distances import squared_distance


@jit()
def smallest_multiplier(X, labels, centers, sizes):
    """Largest eigenvalue that a nonnegative dual matrix can belong to.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    labels : ndarray of shape (n_samples,), dtype=intp
        Cluster of each row.
    centers : ndarray of shape (n_clusters, n_features)
        Means of the clusters.
    sizes : ndarray of shape (n_clusters,)
        Weights of the clusters.

    Returns
    -------
    float
        The smallest ``W_c W_l / (W_c + W_l) (|x - m_l|² - |x - m_c|²)`` of all
        rows x of a cluster c and other clusters l; inf for one cluster.
    """
    smallest = np.inf
    for i in range(X.shape[0]):
        c = labels[i]
        own = squared_distance(X[i], centers[c])
        for other in range(centers.shape[0]):
            if other != c:
                excess = squared_distance(X[i], centers[other]) - own
                harmonic = sizes[c] * sizes[other] / (sizes[c] + sizes[other])
                smallest = min(smallest, harmonic * excess)
    return smallest


@jit()
def dual_columns(X, weights, labels, centers, sizes, multiplier, residuals):
    """Fill the columns of which the dual matrix is made; return their sums.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,)
        Their weights.
    labels, centers, sizes
        See :func:`smallest_multiplier`.
    multiplier : float
        Its result, or any other number.
    residuals : ndarray of shape (n_samples, n_clusters)
        Receives R with ``R_il = sqrt(w_i) (W_l G_il / 2 - multiplier
        (W_c + W_l) / (2 W_c))`` where that is positive, and else 0, as in the
        row's own cluster c; G_il is the difference of squared distances.

    Returns
    -------
    ndarray of shape (n_clusters, n_clusters)
        Sums over the rows of c of ``sqrt(w_i) R_il``; symmetric up to the
        smallest multiplier.
    """
    n_clusters = centers.shape[0]
    sums = np.zeros((n_clusters, n_clusters))
    for i in range(X.shape[0]):
        c, root = labels[i], np.sqrt(weights[i])
        own = squared_distance(X[i], centers[c])
        for other in range(n_clusters):
            value = 0.0
            if other != c:
                value = 0.5 * sizes[other]
                value *= squared_distance(X[i], centers[other]) - own
                value -= 0.5 * multiplier * (sizes[c] + sizes[other]) / sizes[c]
                value = root * max(value, 0.0)
            residuals[i, other] = value
            sums[c, other] += root * value
    return sums


@jit()
def dual_gram(X, weights, labels, origins, columns, levels):
    """Gram matrix of the rows' columns and the dual columns, less an origin.

    A dual column is zero outside of one cluster, so those of all clusters share
    an array.

    Parameters
    ----------
    X, weights, labels
        See :func:`dual_columns`.
    origins : ndarray of shape (n_clusters, n_features)
        What is taken off the rows of each cluster.
    columns : ndarray of shape (n_samples, n_columns)
        Such as the residuals of :func:`dual_columns`.
    levels : ndarray of shape (n_clusters, n_columns)
        What is taken off ``columns / sqrt(weights)`` in each cluster.

    Returns
    -------
    ndarray of shape (m, m)
        ``m = n_features + n_clusters * n_columns``; column l of cluster c is
        number ``n_features + c * n_columns + l``.

    Notes
    -----
    O(n_samples (n_features + n_columns)²) time.
    """
    n_clusters, n_features = origins.shape
    n_columns = columns.shape[1]
    order = n_features + n_clusters * n_columns
    gram = np.zeros((order, order))
    row = np.empty(n_features + n_columns)
    for i in range(X.shape[0]):
        c, root = labels[i], np.sqrt(weights[i])
        for f in range(n_features):
            row[f] = root * (X[i, f] - origins[c, f])
        for a in range(n_columns):
            row[n_features + a] = columns[i, a] - root * levels[c, a]
        first = n_features + c * n_columns
        for a in range(n_features):
            for b in range(a + 1):
                gram[a, b] += row[a] * row[b]
        for a in range(n_columns):
            value = row[n_features + a]
            for b in range(n_features):
                gram[first + a, b] += value * row[b]
            for b in range(a + 1):
                gram[first + a, first + b] += value * row[n_features + b]
    for a in range(order):
        for b in range(a):
            gram[b, a] = gram[a, b]
    return gram
