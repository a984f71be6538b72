"""Rows along axes, each row's bits depending on it alone."""

import numpy as np

from ._jit import jit


@jit()
def project(X, axes):
    """Coordinates of rows along axes, one row at a time.

    A row's coordinates are the same bits in whatever company it comes, which a
    matrix product would not promise.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    axes : ndarray of shape (n_features, n_axes), dtype=float64
        Axes in columns.

    Returns
    -------
    ndarray of shape (n_samples, n_axes)
        The coordinates.
    """
    n_samples, n_features = X.shape
    n_axes = axes.shape[1]
    result = np.zeros((n_samples, n_axes))
    for i in range(n_samples):
        for f in range(n_features):
            value = X[i, f]
            for a in range(n_axes):
                result[i, a] += value * axes[f, a]
    return result
