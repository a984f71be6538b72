"""Anchors: fitted rows that new rows are drawn to."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from .._fitted_state import check_arrays
from ..kernels.neighbor_layout import place_points


class Anchors:
    """Fitted rows with their codes, which correct the network's codes of new rows.

    A network that has learned the codes of the fitted rows misses those of new
    rows by more: it puts some of them between two groups, where none of their
    neighbours among the fitted rows is. A row of the fit has the network's own
    code, and a row that comes close to it comes close to that code.

    Parameters
    ----------
    inputs : ndarray of shape (n_samples, n_columns)
        Fitted rows in the neighbour space.
    codes : ndarray of shape (n_samples, n_components), dtype float32
        The network's codes of them.
    n_neighbors : int
        Neighbours of a new row that draw it.
    """

    def __init__(self, inputs, codes, n_neighbors):
        keys, first = np.unique(_keys(_narrow(inputs)), return_index=True)
        self.rows = keys.view(np.float32).reshape(len(keys), -1)
        self.codes = codes[first]
        self.n_neighbors = n_neighbors

    def _check_state(self):
        check_arrays(
            "Anchors", rows=(self.rows, "f", "np"), codes=(self.codes, "f", "nc")
        )

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
        inputs = _narrow(inputs)
        new = np.flatnonzero(~self._hold(inputs))
        if new.size == 0:
            return codes
        # One more: the farthest does not count.
        n_neighbors = min(self.n_neighbors + 1, len(self.rows))
        search = NearestNeighbors(n_neighbors=n_neighbors).fit(self.rows)
        neighbors = search.kneighbors(inputs[new], return_distance=False)
        # In an order that does not depend on the rounding of the search.
        neighbors.sort(axis=1)
        placed = codes.copy()
        placed[new] = place_points(
            codes[new].astype(np.float64),
            inputs[new],
            self.rows,
            neighbors,
            self.codes.astype(np.float64),
        )
        return placed

    def _hold(self, inputs):
        """Tell which rows are among those of the fit."""
        ours, theirs = _keys(self.rows), _keys(inputs)
        found = np.minimum(np.searchsorted(ours, theirs), len(ours) - 1)
        return ours[found] == theirs


def _narrow(inputs):
    """Round to float32: digits beyond depend on where in its chunk a row stands."""
    # The sum turns a zero with a minus into one without.
    return np.ascontiguousarray(inputs, dtype=np.float32) + np.float32(0)


def _keys(rows):
    """View rows as single items that can be sorted and searched."""
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
