"""The step of Hamerly's k-means: rows whose nearest center cannot have changed."""

import numpy as np

from ._jit import jit
from .distances import row_distances


@jit()
def assign_within_bounds(
    X, weights, columns, labels, seconds, lower, drifts, sums, sizes
):
    """Label rows whose center may have changed, and sum the rows of every center.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Weight of each row.
    columns : ndarray of shape (n_features, n_clusters), dtype=float64
        Centers, in columns.
    labels, seconds : ndarray of shape (n_samples,), dtype=intp
        Written: the nearest center, and the second nearest when all were last
        looked at.
    lower : ndarray of shape (n_samples,)
        Written: no center but its own is nearer to a row than this; 0 to look at
        all centers.
    drifts : ndarray of shape (n_clusters,)
        How much the centers other than one moved at most since.
    sums : ndarray of shape (n_clusters, n_features)
        Weighted sums of the rows of each center are added here.
    sizes : ndarray of shape (n_clusters,)
        And their weights here.

    Returns
    -------
    n_changed : int
        Rows that changed their center.
    """
    n_samples, n_features = X.shape
    n_centers = columns.shape[1]
    distances = np.empty(n_centers)
    n_changed = 0
    for i in range(n_samples):
        label = labels[i]
        lower[i] -= drifts[label]
        own = 0.0
        for f in range(n_features):
            own += (X[i, f] - columns[f, label]) ** 2
        if np.sqrt(own) >= lower[i]:
            row_distances(X[i], columns, distances)
            nearest, runner_up = np.inf, np.inf
            best, other = 0, 0
            for j in range(n_centers):
                distance = distances[j]
                if distance < runner_up:
                    if distance < nearest:
                        runner_up, other = nearest, best
                        nearest, best = distance, j
                    else:
                        runner_up, other = distance, j
            if label != best:
                n_changed += 1
            labels[i], seconds[i] = best, other
            lower[i] = np.sqrt(runner_up)
            label = best
        sizes[label] += weights[i]
        for f in range(n_features):
            sums[label, f] += weights[i] * X[i, f]
    return n_changed
