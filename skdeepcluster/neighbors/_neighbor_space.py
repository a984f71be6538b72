"""The space in which the neighbours of a row are looked for."""

import numpy as np
from sklearn.utils.extmath import randomized_svd

from .._fitted_state import check_arrays
from .._scaling import TableScaling, unit_length, varying_columns
from .._threads import one_blas_thread
from ..kernels.projection import project

# From so many columns on, neighbours are looked for among principal components.
MAX_COLUMNS = 60
N_AXES = 50
# Iterations of the randomised algorithm that finds them: exact enough.
_N_ITER = 4


class NeighborSpace:
    """Standardised columns with outliers drawn in, or directions of the rows.

    For Euclidean neighbours every column is standardised and passed through
    ``2 tanh(z / 2)``, so that no outlier and no rarely used column rules the
    distances. For cosine neighbours rows are divided by their lengths, after
    which Euclidean neighbours are cosine neighbours. Unscaled rows keep the
    proportions of their distances. Columns without variation
    are left out, the rest is centred and divided by one number. More than 60
    columns are brought to 50 principal components.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    metric : {"euclidean", "unscaled", "cosine"}
        What makes rows neighbours.
    """

    def __init__(self, X, weights, metric):
        self.metric = metric
        rows = unit_length(X) if metric == "cosine" else X
        by_column = metric != "unscaled"
        scaling = TableScaling(rows, weights, by_column=by_column)
        # Less spread than this is rounding.
        least = 4 * np.finfo(X.dtype).eps * np.abs(rows).max(axis=0) / scaling.unit
        self.kept = varying_columns(rows) & (scaling.scale > least)
        if not self.kept.any():
            self.kept[0] = True
        self.standardization, self.mean = None, None
        if metric == "cosine":
            self.mean = (scaling.mean * scaling.unit)[self.kept]
        elif self.kept.all():
            self.standardization = scaling
        else:
            self.standardization = TableScaling(
                rows, weights, by_column=by_column, columns=self.kept
            )
        self.axes = None
        scaled = self._columns(X)
        self.center = np.average(scaled, axis=0, weights=weights)
        scaled -= self.center
        variance = np.average(np.square(scaled).mean(axis=1), weights=weights)
        self.scale = float(np.sqrt(variance)) or 1.0
        if scaled.shape[1] > MAX_COLUMNS:
            n_axes = max(1, min(N_AXES, len(scaled) - 1))
            rows = scaled * np.sqrt(weights)[:, np.newaxis]
            with one_blas_thread():
                axes = randomized_svd(rows, n_axes, n_iter=_N_ITER, random_state=0)[2]
            self.axes = np.ascontiguousarray(axes.T)

    def _check_state(self):
        axes = self.center[:, np.newaxis] if self.axes is None else self.axes
        check_arrays(
            "NeighborSpace",
            kept=(self.kept, "b", "f"),
            center=(self.center, "f", "p"),
            axes=(axes, "f", "pd"),
        )
        if int(self.kept.sum()) != len(self.center):
            raise ValueError("center of NeighborSpace is of other columns")

    def _columns(self, X):
        """Columns that vary, scaled; or directions, centred."""
        if self.metric == "cosine":
            return unit_length(X)[:, self.kept] - self.mean
        # Contiguous columns are summed pairwise.
        scaled = np.asfortranarray(self.standardization.transform(X))
        return scaled if self.metric == "unscaled" else 2 * np.tanh(scaled / 2)

    def then(self, matrix):
        """Multiply rows by a square matrix from now on."""
        with one_blas_thread():
            self.axes = matrix if self.axes is None else self.axes @ matrix

    def transform(self, X):
        """Bring rows into the space; the result is float64."""
        scaled = (self._columns(X) - self.center) / self.scale
        return scaled if self.axes is None else project(scaled, self.axes)
