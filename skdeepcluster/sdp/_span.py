"""Rows of more columns than rows, in the few directions that they span."""

import numpy as np

from .._scaling import principal_axes
from .._threads import one_blas_thread


def span_axes(X):
    """Orthonormal axes of the differences of rows, where columns are more than rows.

    Groups with matrices as covariances are the same in the coordinates along them:
    beside the span no row differs from another.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.

    Returns
    -------
    ndarray of shape (n_features, n_axes) or None
        At most n_samples - 1 axes, in columns; None where there are as many rows as
        columns. O(n_samples² n_features) time.
    """
    if X.shape[1] <= len(X):
        return None
    with one_blas_thread():
        return principal_axes(X - X.mean(axis=0), None, len(X))


def with_few_columns(X):
    """Rows with the same distances, with no more columns than rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.

    Returns
    -------
    ndarray of shape (n_samples, min(n_samples, n_features))
        The rows themselves where they have no more columns.
    """
    if X.shape[1] <= len(X):
        return X
    with one_blas_thread():
        centred = X - X.mean(axis=0)
        squares, vectors = np.linalg.eigh(centred @ centred.T)
    return vectors * np.sqrt(np.maximum(squares, 0))
