"""Nearest rows by brute force, one row at a time."""

import numpy as np

from ._jit import jit, read_only
from ._same_width import check_same_width
from .distances import squared_distance


def nearest_rows(X, rows, n_neighbors):
    """Find the rows of a table that are nearest to other rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to find neighbours of, each by itself.
    rows : ndarray of shape (n_rows, n_features)
        Rows to find.
    n_neighbors : int
        How many, at most `n_rows`.

    Returns
    -------
    places : ndarray of shape (n_samples, n_neighbors), dtype int64
        The nearest rows, the nearest first; of equally near ones the earliest.
    squared_distances : ndarray of shape (n_samples, n_neighbors), dtype float64
        Squared Euclidean distances to them.

    Notes
    -----
    O(n_samples · n_rows · n_features) time.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.neighbors import nearest_rows
    >>> rows = np.array([[0.0], [5.0], [6.0]])
    >>> nearest_rows(np.array([[4.0]]), rows, 2)
    (array([[1, 2]]), array([[1., 4.]]))
    """
    check_same_width(X, rows)
    return _nearest_rows(read_only(X), read_only(rows), int(n_neighbors))


@jit()
def _nearest_rows(X, rows, n_neighbors):
    places = np.zeros((len(X), n_neighbors), dtype=np.int64)
    distances = np.full((len(X), n_neighbors), np.inf)
    for i in range(len(X)):
        for j in range(len(rows)):
            distance = squared_distance(X[i], rows[j])
            slot = n_neighbors - 1
            if distance >= distances[i, slot]:
                continue
            while slot > 0 and distance < distances[i, slot - 1]:
                distances[i, slot] = distances[i, slot - 1]
                places[i, slot] = places[i, slot - 1]
                slot -= 1
            distances[i, slot] = distance
            places[i, slot] = j
    return places, distances
