"""Nearest rows, for one row at a time: among all, or in the cells near it."""

import numpy as np

from ._jit import jit, read_only
from ._same_width import check_same_width
from .distances import row_distances, squared_distance


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


def nearest_in_cells(X, blocks, starts, cells, n_looked_at, n_neighbors):
    """Find the rows of a table that are nearest to other rows, in the cells near them.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to find neighbours of, each by itself.
    blocks : ndarray of shape (n_rows * n_features,)
        Rows to find, one cell after the other, each cell column by column.
    starts : ndarray of shape (n_cells + 1,), dtype int64
        First row of each cell, and `n_rows`.
    cells : tuple of ndarrays
        Centres of parts of the table, as columns, of shape (n_features, n_parts);
        the cells near each part, of shape (n_parts, n_near); and their centres, as
        columns, of shape (n_parts, n_features, n_near).
    n_looked_at : int
        The nearest of the cells near a row's part, which are looked at. More are
        where they hold fewer than `n_neighbors` rows.
    n_neighbors : int
        How many, at most the rows of the cells near any part.

    Returns
    -------
    places : ndarray of shape (n_samples, n_neighbors), dtype int64
        The nearest rows found, the nearest first; equally near ones as they come.
    squared_distances : ndarray of shape (n_samples, n_neighbors)
        Squared Euclidean distances to them, in the dtype of `X`.

    Notes
    -----
    O(n_parts + n_near + n_looked_at · n_rows / n_cells) distances for each row.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.neighbors import nearest_in_cells
    >>> blocks, starts = np.array([0.0, 1.0, 8.0, 9.0]), np.array([0, 2, 4])
    >>> cells = np.array([[4.0]]), np.array([[0, 1]]), np.array([[[0.5, 8.5]]])
    >>> nearest_in_cells(np.array([[7.0]]), blocks, starts, cells, 1, 1)
    (array([[2]]), array([[1.]]))
    """
    parts, near, centers = cells
    check_same_width(X, parts.T)
    arrays = X, blocks, starts, parts, near, centers
    return _nearest_in_cells(
        *map(read_only, arrays), int(n_looked_at), int(n_neighbors)
    )


@jit()
def _keep_nearest(distance, place, distances, places):
    """Put a place that is nearer than the last into a list of the nearest."""
    slot = len(distances) - 1
    while slot > 0 and distance < distances[slot - 1]:
        distances[slot] = distances[slot - 1]
        places[slot] = places[slot - 1]
        slot -= 1
    distances[slot] = distance
    places[slot] = place


@jit()
def _nearest_rows(X, rows, n_neighbors):
    places = np.zeros((len(X), n_neighbors), dtype=np.int64)
    distances = np.full((len(X), n_neighbors), np.inf)
    for i in range(len(X)):
        for j in range(len(rows)):
            distance = squared_distance(X[i], rows[j])
            # Most rows are farther than all that are kept.
            if distance < distances[i, n_neighbors - 1]:
                _keep_nearest(distance, j, distances[i], places[i])
    return places, distances


@jit()
def _nearest_in_cells(
    X, blocks, starts, parts, near, centers, n_looked_at, n_neighbors
):
    n_features, n_near = X.shape[1], near.shape[1]
    places = np.zeros((len(X), n_neighbors), dtype=np.int64)
    distances = np.full((len(X), n_neighbors), np.inf, X.dtype)
    to_parts, to_cells = np.empty(parts.shape[1], X.dtype), np.empty(n_near, X.dtype)
    to_rows = np.empty((starts[1:] - starts[:-1]).max(), X.dtype)
    for i in range(len(X)):
        row_distances(X[i], parts, to_parts)
        part = np.argmin(to_parts)
        row_distances(X[i], centers[part], to_cells)
        for j in _cells_in_order(
            to_cells, near[part], starts, n_looked_at, n_neighbors
        ):
            first, last = starts[near[part, j]], starts[near[part, j] + 1]
            block = blocks[first * n_features : last * n_features]
            row_distances(X[i], block.reshape(n_features, last - first), to_rows)
            for r in range(last - first):
                if to_rows[r] < distances[i, n_neighbors - 1]:
                    _keep_nearest(to_rows[r], first + r, distances[i], places[i])
    return places, distances


@jit()
def _cells_in_order(to_cells, near, starts, n_looked_at, n_neighbors):
    """The nearest cells, and more where these hold too few rows."""
    cells = np.zeros(min(n_looked_at, len(near)), dtype=np.int64)
    distances = np.full(len(cells), np.inf, to_cells.dtype)
    for j in range(len(to_cells)):
        if to_cells[j] < distances[-1]:
            _keep_nearest(to_cells[j], j, distances, cells)
    n_rows = 0
    for j in cells:
        n_rows += starts[near[j] + 1] - starts[near[j]]
    if n_rows >= n_neighbors or len(cells) == len(near):
        return cells
    # All are sorted only here: that takes longer than looking at a few cells.
    cells = np.argsort(to_cells)
    n_cells = n_rows = 0
    while n_cells < len(near) and n_rows < n_neighbors:
        j = near[cells[n_cells]]
        n_rows += starts[j + 1] - starts[j]
        n_cells += 1
    return cells[:n_cells]
