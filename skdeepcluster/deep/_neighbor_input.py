"""The space in which the neighbours of a row are looked for."""

import numpy as np
import torch

from .._scaling import power_of_two
from ..nn.modules import principal_axes

# From so many columns on, neighbours are looked for among principal components.
MAX_COLUMNS = 60
N_AXES = 50


class NeighborSpace:
    """Standardised columns with outliers drawn in, or directions of the rows.

    For Euclidean neighbours every column is standardised and passed through
    ``2 tanh(z / 2)``, so that no outlier and no rarely used column rules the
    distances. For cosine neighbours rows are divided by their lengths, after
    which Euclidean neighbours are cosine neighbours. Columns without variation
    are left out, the rest is centred and divided by one number. More than 60
    columns are brought to 50 principal components.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    metric : {"euclidean", "cosine"}
        What makes rows neighbours.
    """

    def __init__(self, X, weights, metric):
        self.metric = metric
        # The columns' own powers of two keep squares in range.
        self.units = power_of_two(X, axis=0)
        if metric == "cosine":
            self.units[:] = 1.0
        # Less spread than this is rounding.
        least = 4 * np.finfo(X.dtype).eps
        shrunk = self._shrink(X)
        self.mean = np.average(shrunk, axis=0, weights=weights)
        self.deviation = _deviation(shrunk, self.mean, weights)
        self.kept = self.deviation > least * np.abs(shrunk).max(axis=0)
        if not self.kept.any():
            self.kept[0] = True
        if metric == "cosine":
            self.deviation[:] = 1.0
        self.deviation[self.deviation == 0] = 1.0
        self.center, self.scale, self.axes = 0.0, 1.0, None
        scaled = self._standardize(shrunk)
        self.center = np.average(scaled, axis=0, weights=weights)
        scaled -= self.center
        variance = np.average(np.square(scaled).mean(axis=1), weights=weights)
        self.scale = float(np.sqrt(variance)) or 1.0
        if scaled.shape[1] > MAX_COLUMNS:
            rows = torch.from_numpy(scaled * np.sqrt(weights)[:, np.newaxis])
            n_axes = max(1, min(N_AXES, len(rows) - 1))
            self.axes = principal_axes(rows, n_axes).contiguous()

    def _shrink(self, X):
        """Bring entries to the order of 1, or rows to length 1."""
        if self.metric == "euclidean":
            # Far beyond the table's range an entry may become infinite: the
            # hyperbolic tangent takes it in.
            with np.errstate(over="ignore"):
                return np.multiply(X, 1.0 / self.units, dtype=np.float64)
        largest = np.abs(X).max(axis=1, keepdims=True).astype(np.float64)
        shrunk = X / np.where(largest > 0, largest, 1.0)
        lengths = np.sqrt(np.square(shrunk).sum(axis=1, keepdims=True))
        return shrunk / np.where(lengths > 0, lengths, 1.0)

    def _standardize(self, shrunk):
        scaled = (shrunk[:, self.kept] - self.mean[self.kept]) / self.deviation[
            self.kept
        ]
        return 2 * np.tanh(scaled / 2) if self.metric == "euclidean" else scaled

    def then(self, matrix):
        """Multiply rows by a square float64 tensor from now on."""
        self.axes = matrix if self.axes is None else self.axes @ matrix

    def transform(self, X):
        """Bring rows into the space; the result is float64."""
        scaled = (self._standardize(self._shrink(X)) - self.center) / self.scale
        if self.axes is None:
            return scaled
        return (torch.from_numpy(scaled) @ self.axes).numpy()


def _deviation(X, mean, weights):
    return np.sqrt(np.average(np.square(X - mean), axis=0, weights=weights))
