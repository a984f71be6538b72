"""Anchors: fitted rows that new rows are drawn to."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from .._fitted_state import check_arrays, check_indices
from ..kernels.hashing import hash_rows
from ..kernels.neighbor_layout import place_points
from ..neighbors._cell_search import CellIndex, are_others

# Among more rows, the neighbours of new rows are looked for in cells: there it does
# not matter if one of them is missed, and half of the cells that the layout needs do.
_MOST_EXACT, _CELLS_LOOKED_AT = 5000, 12
# Least share of the rows that are kept for those of known classes, if they are many.
_KNOWN_SHARE = 0.1
# Rows that are hashed, and embedded, at a time.
_BLOCK_ROWS = 1 << 14


def choose_anchors(X, places, classes, max_anchors):
    """Choose the rows that are laid out, by hashes in place of random numbers.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Table.
    places : ndarray of shape (n_distinct,)
        Where its distinct rows are.
    classes : ndarray of shape (n_distinct,), dtype int64
        Known class of each of them, -1 where it has none.
    max_anchors : int or None
        Most rows to choose; None for all.

    Returns
    -------
    ndarray of shape (n_anchors,)
        Numbers of distinct rows, ascending. Which values they have depends on no
        order. Rows of known classes are among them in proportion, and all of them as
        long as they are no more than a tenth.
    """
    if max_anchors is None or len(places) <= max_anchors:
        return np.arange(len(places))
    hashes = [_hashes(X[places[block]]) for block in blocks(len(places))]
    order = np.argsort(np.concatenate(hashes), kind="stable")
    known = order[classes[order] >= 0]
    share = max(len(known) / len(places), _KNOWN_SHARE)
    known = known[: min(len(known), round(share * max_anchors))]
    unknown = order[classes[order] < 0][: max_anchors - len(known)]
    return np.sort(np.concatenate([known, unknown]))


def blocks(n_rows):
    """Slices of so many rows that work on one takes little memory."""
    return [slice(i, i + _BLOCK_ROWS) for i in range(0, n_rows, _BLOCK_ROWS)]


def _hashes(rows):
    # The sum turns a zero with a minus into one without.
    rows = rows + rows.dtype.type(0)
    return hash_rows(rows.astype(np.float64, copy=False).view(np.uint64))


class Anchors:
    """Fitted rows with their codes, which correct the network's codes of new rows.

    A network that has learned the codes of the fitted rows misses those of new
    rows by more: it puts some of them between two groups, where none of their
    neighbours among the fitted rows is. A row that comes close to a fitted one
    comes close to its code.

    Parameters
    ----------
    inputs : ndarray of shape (n_samples, n_columns)
        Fitted rows in the neighbour space.
    codes : ndarray of shape (n_samples, n_components), dtype float32
        The network's codes of them.
    n_neighbors : int
        Neighbours of a new row that draw it.
    search : {"auto", "exact", "approximate"}, default="auto"
        Whether all fitted rows are looked at, or those of cells; "auto" looks at
        up to 5,000 rows.
    draws_all : bool, default=False
        Whether the fitted rows are drawn to their neighbours too.
    """

    def __init__(self, inputs, codes, n_neighbors, *, search="auto", draws_all=False):
        keys, first = np.unique(_keys(_narrow(inputs)), return_index=True)
        self.rows = keys.view(np.float32).reshape(len(keys), -1)
        self.codes = codes[first]
        self.n_neighbors = n_neighbors
        self.index = None
        many = search == "auto" and len(self.rows) > _MOST_EXACT
        if many or search == "approximate":
            self.index = CellIndex(self.rows)
        if draws_all and len(self.rows) > 1:
            near = self._nearest(self.rows, min(n_neighbors + 2, len(self.rows)))
            others = near[are_others(near)].reshape(len(near), -1)
            self.codes = self._place(self.codes, self.rows, others)

    def _check_state(self):
        check_arrays(
            "Anchors", rows=(self.rows, "f", "np"), codes=(self.codes, "f", "nc")
        )
        if self.index is not None:
            check_indices("Anchors", len(self.rows), order=self.index.order)

    def draw(self, inputs, codes):
        """Draw new rows to their neighbours.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, n_columns)
            Rows in the neighbour space.
        codes : ndarray of shape (n_samples, n_components), dtype float32
            The network's codes of them.

        Returns
        -------
        ndarray of shape (n_samples, n_components), dtype float32
            Their codes.
        """
        inputs, placed = _narrow(inputs), codes.copy()
        found, is_held = self._find(inputs)
        placed[is_held] = self.codes[found[is_held]]
        new = np.flatnonzero(~is_held)
        if new.size:
            # One more: the farthest does not count.
            n_neighbors = min(self.n_neighbors + 1, len(self.rows))
            neighbors = self._nearest(inputs[new], n_neighbors)
            placed[new] = self._place(codes[new], inputs[new], neighbors)
        return placed

    def _place(self, codes, inputs, neighbors):
        # In an order that does not depend on the rounding of the search.
        neighbors.sort(axis=1)
        points = self.codes.astype(np.float64)
        starts = codes.astype(np.float64)
        placed = place_points(starts, inputs, self.rows, neighbors, points)
        return placed.astype(np.float32)

    def _nearest(self, inputs, n_neighbors):
        if self.index is not None:
            return self.index.nearest(inputs, n_neighbors, _CELLS_LOOKED_AT)[0]
        search = NearestNeighbors(n_neighbors=n_neighbors).fit(self.rows)
        return search.kneighbors(inputs, return_distance=False)

    def _find(self, inputs):
        """Where rows would be among those of the fit, and whether they are there."""
        ours, theirs = _keys(self.rows), _keys(inputs)
        found = np.minimum(np.searchsorted(ours, theirs), len(ours) - 1)
        return found, ours[found] == theirs


def _narrow(inputs):
    """Round to float32: digits beyond depend on where in its chunk a row stands."""
    # The sum turns a zero with a minus into one without.
    return np.ascontiguousarray(inputs, dtype=np.float32) + np.float32(0)


def _keys(rows):
    """View rows as single items that can be sorted and searched."""
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
