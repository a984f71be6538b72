"""Nearest rows of large tables, looked for in a few cells near each row."""

import numpy as np

from .._kmeans import kmeans
from .._threads import one_blas_thread
from ..kernels.neighbors import nearest_rows

# Cells, one in so many rows; the nearest of them are looked at, and as many rows are
# drawn to find their centres.
ROWS_PER_CELL, CELLS_LOOKED_AT = 250, 10
ROWS_DRAWN, ITERATIONS = 20_000, 10


def nearest_in_cells(rows, n_neighbors, seed=0):
    """Find neighbours of each row among the rows of the cells nearest to its own.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns), dtype=float64
        Rows, many more than in a cell.
    n_neighbors : int
        Neighbours of a row, which is none of its own.
    seed : int, default=0
        Draws the rows that the centres are found from.

    Returns
    -------
    ndarray of shape (n_samples, n_neighbors)
        Their numbers, nearest first; a few of the true ones may be missing.

    Notes
    -----
    O(n_samples * (n_samples / 250 + 2500) * n_columns) time, where all pairs take
    O(n_samples² * n_columns).
    """
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(len(rows), min(len(rows), ROWS_DRAWN), replace=False))
    n_cells = len(rows) // ROWS_PER_CELL
    with one_blas_thread():
        sample = rows[drawn]
        run = kmeans(
            sample, np.ones(len(sample)), n_cells, rng, n_init=1, max_iter=ITERATIONS
        )
    cells = nearest_rows(rows, run.centers, 1)[0].ravel()
    near, _ = nearest_rows(run.centers, run.centers, min(CELLS_LOOKED_AT, n_cells))
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(n_cells + 1))
    found = np.empty((len(rows), n_neighbors), dtype=np.int64)
    for cell in range(n_cells):
        members = order[starts[cell] : starts[cell + 1]]
        if not len(members):
            continue
        others = np.concatenate(
            [order[starts[other] : starts[other + 1]] for other in near[cell]]
        )
        places, _ = nearest_rows(rows[members], rows[others], n_neighbors + 1)
        found[members] = _without_itself(others[places], members)
    return found


def _without_itself(neighbors, members):
    """Leave the row itself out, or the last neighbour where it is not there."""
    itself = neighbors == members[:, np.newaxis]
    itself[~itself.any(axis=1), -1] = True
    return neighbors[~itself].reshape(len(members), -1)
