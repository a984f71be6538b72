"""Gaps of a row, filled from the axes that its other cells lie along."""

import numpy as np

from ._jit import jit


@jit()
def fill_gaps(Z, observed, axes, ridge):
    """Fill the gaps of centred rows with their probabilistic-PCA mean.

    With V the axes, V_o those of the observed cells of a row, the scores are
    t = (V_o' V_o + diag(ridge))^-1 V_o' z_o, and a gap becomes V_m t. Each row is
    computed alone. Time is O(n p r^2) for n rows of p columns and r axes.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features), dtype=float64
        Centred rows; the gaps are overwritten.
    observed : ndarray of shape (n_samples, n_features), dtype=bool
        Mask of the cells that are no gaps.
    axes : ndarray of shape (n_features, n_axes), dtype=float64
        Orthonormal axes in columns.
    ridge : ndarray of shape (n_axes,), dtype=float64
        Variance of the noise over that of the signal along each axis, positive.
    """
    n_samples, n_features = Z.shape
    n_axes = axes.shape[1]
    gram = np.empty((n_axes, n_axes))
    scores = np.empty(n_axes)
    for i in range(n_samples):
        gram[:] = 0.0
        scores[:] = 0.0
        for f in range(n_features):
            if observed[i, f]:
                for a in range(n_axes):
                    scores[a] += axes[f, a] * Z[i, f]
                    for b in range(a + 1):
                        gram[a, b] += axes[f, a] * axes[f, b]
        for a in range(n_axes):
            gram[a, a] += ridge[a]
        _solve(gram, scores)
        for f in range(n_features):
            if not observed[i, f]:
                value = 0.0
                for a in range(n_axes):
                    value += axes[f, a] * scores[a]
                Z[i, f] = value


@jit()
def _solve(matrix, vector):
    """Solve by Cholesky's factors; `matrix` holds the lower half, both overwritten."""
    n = len(vector)
    for j in range(n):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] * matrix[j, k]
        matrix[j, j] = np.sqrt(matrix[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for i in range(n):
        for k in range(i):
            vector[i] -= matrix[i, k] * vector[k]
        vector[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            vector[i] -= matrix[k, i] * vector[k]
        vector[i] /= matrix[i, i]
