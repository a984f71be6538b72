"""Eigenvalues of small symmetric matrices by Jacobi rotations."""

import numpy as np

from ._jit import jit

SWEEPS = 30
"""Jacobi sweeps; about five are needed."""

PRECISION = 1e-20
"""Squares off the diagonal, as a share of all, at which they end."""


@jit()
def small_eigh(matrix):
    """Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi.

    Faster than LAPACK's driver below order 20, and its bits depend on no thread
    count.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), dtype=float64
        Symmetric; destroyed.

    Returns
    -------
    values : ndarray of shape (n,)
        Eigenvalues in descending order.
    vectors : ndarray of shape (n, n)
        Orthonormal eigenvectors, in rows.
    """
    n = matrix.shape[0]
    rotation = np.zeros((n, n))
    size = 0.0
    for i in range(n):
        rotation[i, i] = 1.0
        for j in range(n):
            size += matrix[i, j] * matrix[i, j]
    for _ in range(SWEEPS):
        rest = 0.0
        for i in range(n):
            for j in range(i):
                rest += matrix[i, j] * matrix[i, j]
        if rest <= PRECISION * size:
            break
        for i in range(n):
            for j in range(i):
                entry = matrix[i, j]
                if entry == 0.0:
                    continue
                tau = 0.5 * (matrix[i, i] - matrix[j, j]) / entry
                t = 1.0 / (abs(tau) + np.sqrt(1.0 + tau * tau))
                t = t if tau >= 0.0 else -t
                c = 1.0 / np.sqrt(1.0 + t * t)
                s = t * c
                for k in range(n):
                    a, b = matrix[k, i], matrix[k, j]
                    matrix[k, i], matrix[k, j] = c * a + s * b, c * b - s * a
                for k in range(n):
                    a, b = matrix[i, k], matrix[j, k]
                    matrix[i, k], matrix[j, k] = c * a + s * b, c * b - s * a
                    a, b = rotation[i, k], rotation[j, k]
                    rotation[i, k], rotation[j, k] = c * a + s * b, c * b - s * a
    values = np.empty(n)
    vectors = np.empty((n, n))
    for place in range(n):
        largest = 0
        for i in range(n):
            if matrix[i, i] > matrix[largest, largest]:
                largest = i
        values[place] = matrix[largest, largest]
        for k in range(n):
            vectors[place, k] = rotation[largest, k]
        matrix[largest, largest] = -np.inf
    return values, vectors
