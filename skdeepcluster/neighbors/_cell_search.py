"""Nearest rows of large tables, looked for in the cells nearest to each row."""

import numpy as np

from .._fitted_state import check_arrays, check_indices
from .._kmeans import kmeans
from .._threads import one_blas_thread
from .._warnings import warn
from ..kernels.kmeans import nearest_centers
from ..kernels.neighbors import nearest_in_cells, nearest_rows

# Larger tables are searched in cells, unless all pairs are asked for.
MOST_EXACT = 20_000
# Rows of a cell, and the cells that are looked at: so many that nearly all neighbours
# are found where noise fills 50 columns (benchmarks/bench_topics.py).
ROWS_PER_CELL, CELLS_LOOKED_AT = 100, 24
# Where fewer of the neighbours of some rows are found, twice as many cells are looked
# at, and again; where even these find too few, the user is told.
ENOUGH_FOUND, TOO_FEW_FOUND = 0.95, 0.9
_DOUBLINGS, _ROWS_ASKED = 2, 200
# The cells near a row are looked for among those near its part of the table: so many
# for each square root of all cells, and all of small tables.
_CELLS_PER_ROOT, _LEAST_NEAR = 8, 256
# Steps of k-means, and rows for each part that it is run on.
_ITERATIONS, _ROWS_PER_PART = 5, 256


def looks_at_cells(n_rows, search):
    """Tell whether neighbours are looked for in cells, for a way of searching."""
    return search == "approximate" or (search == "auto" and n_rows > MOST_EXACT)


class CellIndex:
    """Rows of a table in cells, in which the neighbours of any row are looked for.

    Cells are found by k-means in two steps: the table is cut into as many parts as
    the parts are cut into cells. A row is compared with the rows of the cells whose
    centres are nearest to it.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Rows, float32 or float64.
    seed : int, default=0
        Draws the starts of k-means.

    Notes
    -----
    O(n_samples^1.5 / 10 * n_columns) time, in vector operations.
    """

    def __init__(self, rows, seed=0):
        rng = np.random.default_rng(seed)
        cells, centers, parts = _cut_twice(np.ascontiguousarray(rows), rng)
        self.order = np.argsort(cells, kind="stable")
        n_cells = len(centers)
        self.starts = np.searchsorted(cells[self.order], np.arange(n_cells + 1))
        cut = np.split(rows[self.order], self.starts[1:-1])
        self.blocks = np.concatenate([block.T.ravel() for block in cut])
        n_near = min(n_cells, max(_LEAST_NEAR, int(_CELLS_PER_ROOT * n_cells**0.5)))
        self.parts = np.ascontiguousarray(parts.T)
        self.near = nearest_rows(parts, centers, n_near)[0]
        self.centers = np.ascontiguousarray(centers[self.near].transpose(0, 2, 1))

    def _check_state(self):
        n = check_arrays(
            "CellIndex",
            order=(self.order, "i", "n"),
            parts=(self.parts, "f", "pa"),
            near=(self.near, "i", "ak"),
            centers=(self.centers, "f", "apk"),
            blocks=(self.blocks, "f", "b"),
            starts=(self.starts, "i", "c"),
        )
        check_indices("CellIndex", n["n"], order=self.order)
        check_indices("CellIndex", n["c"] - 1, near=self.near)
        sizes = np.diff(self.starts)
        if self.starts[0] != 0 or sizes.min() < 0 or self.starts[-1] != n["n"]:
            raise ValueError("starts of CellIndex are no borders of its rows")
        if n["b"] != n["n"] * n["p"]:
            raise ValueError("blocks of CellIndex hold other rows")

    def nearest(self, X, n_neighbors, n_cells=None):
        """Find the nearest rows of the index.

        Parameters
        ----------
        X : ndarray of shape (n_queries, n_columns)
            Rows of the dtype of the index, each looked up by itself.
        n_neighbors : int
            How many, at most the rows of the index.
        n_cells : int, default=None
            How many cells are looked at; None for 24.

        Returns
        -------
        places : ndarray of shape (n_queries, n_neighbors), dtype int64
            Their numbers in the table, nearest first; a few of the true ones may
            be missing.
        squared_distances : ndarray of shape (n_queries, n_neighbors), dtype float64
            Squared Euclidean distances to them.

        Notes
        -----
        O((24 * 100 + sqrt(n_samples)) * n_columns) time for each row.
        """
        places, squares = nearest_in_cells(
            X,
            self.blocks,
            self.starts,
            (self.parts, self.near, self.centers),
            n_cells or CELLS_LOOKED_AT,
            n_neighbors,
        )
        return self.order[places], squares

    def nearest_others(self, rows, n_neighbors):
        """Find the nearest other rows of each row of the index.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_columns)
            The rows of the index.
        n_neighbors : int
            How many, fewer than the rows of the index.

        Returns
        -------
        neighbors, distances : ndarrays of shape (n_samples, n_neighbors)
            Their numbers, and Euclidean distances to them, nearest first.

        Warns
        -----
        ConvergenceWarning
            If many are not the nearest, by a check of 200 rows.
        """
        n_cells = self._cells_to_look_at(rows, n_neighbors)
        places, squares = self.nearest(rows, n_neighbors + 1, n_cells)
        others, shape = are_others(places), (len(rows), n_neighbors)
        return places[others].reshape(shape), np.sqrt(squares[others]).reshape(shape)

    def _cells_to_look_at(self, rows, n_neighbors):
        """So many that some rows find their neighbours; warn where none suffice.

        In many columns of noise the rows nearest to a row are spread over more cells
        than in any that have a shape.
        """
        n_asked = min(_ROWS_ASKED, len(rows))
        asked = rows[np.random.default_rng(0).permutation(len(rows))[:n_asked]]
        farthest = nearest_rows(asked, rows, n_neighbors + 1)[1][:, -1:]
        # Sums in another order differ by rounding.
        farthest *= 1 + 4 * rows.shape[1] * np.finfo(rows.dtype).eps
        for doubling in range(_DOUBLINGS + 1):
            n_cells = CELLS_LOOKED_AT << doubling
            squares = self.nearest(asked, n_neighbors + 1, n_cells)[1]
            # The nearest of all is the row itself.
            found = float(np.mean(squares[:, 1:] <= farthest))
            if found >= ENOUGH_FOUND:
                return n_cells
        if found < TOO_FEW_FOUND:
            warn(
                f"Of the nearest rows, about {found:.0%} were found, by a check of "
                f"{n_asked} rows: in many columns of noise the cells of a table do not "
                "hold them. Give fewer columns, such as principal components, or "
                'compare all pairs by search="exact" where there is such a parameter.'
            )
        return n_cells


def are_others(places):
    """Tell which of the nearest rows of each row are others: all but one.

    Parameters
    ----------
    places : ndarray of shape (n_samples, n_places)
        The nearest rows of each row, itself among them. Where it is missing, as
        among many equal rows, the last one is left out.

    Returns
    -------
    ndarray of shape (n_samples, n_places), dtype bool
        False once in each row.
    """
    itself = places == np.arange(len(places))[:, np.newaxis]
    itself[~itself.any(axis=1), -1] = True
    return ~itself


def _cut_twice(rows, rng):
    """Cut a table into parts, and these into cells.

    Returns
    -------
    cells : ndarray of shape (n_samples,)
        Cell of each row.
    centers : ndarray of shape (n_cells, n_columns)
        Their centres.
    parts : ndarray of shape (n_parts, n_columns)
        Centres of the parts.
    """
    n_cells = max(1, len(rows) // ROWS_PER_CELL)
    n_parts = max(1, round(n_cells**0.5))
    drawn = np.sort(rng.permutation(len(rows))[: _ROWS_PER_PART * n_parts])
    parts = _centers(rows[drawn], n_parts, rng)
    part_of = nearest_centers(rows, parts)[0]
    cells, centers = np.zeros(len(rows), dtype=np.int64), []
    for part in range(len(parts)):
        members = np.flatnonzero(part_of == part)
        if not len(members):
            continue
        found = _centers(rows[members], max(1, len(members) // ROWS_PER_CELL), rng)
        cells[members] = len(centers) + nearest_centers(rows[members], found)[0]
        centers.extend(found)
    return cells, np.array(centers), parts


def _centers(rows, n_centers, rng):
    weights = np.ones(len(rows))
    with one_blas_thread():
        run = kmeans(rows, weights, n_centers, rng, n_init=1, max_iter=_ITERATIONS)
    return run.filled_centers(weights)
