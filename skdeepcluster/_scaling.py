"""Scalings of a table, its principal axes, and the way back to its units."""

import numpy as np

from ._fitted_state import check_arrays
from ._threads import one_blas_thread
from .kernels._same_width import check_same_width
from .kernels.projection import project

# Scaled rows that lie farther away are moved here: squares stay finite.
FARTHEST = 1e100


def power_of_two(X, axis=None):
    """Power of two near the largest entry of a table, or of each column.

    Division by it keeps squares in range and changes no digit, so numbers near
    1e300 and near 1e-300 are computed with as those near 1.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    axis : {0, None}, default=None
        0 for a power per column.

    Returns
    -------
    float or ndarray of shape (n_features,), dtype=float64
        Between 2**-1000 and 2**1000; 1 where all entries are zero.
    """
    X = np.asarray(X)
    largest = np.maximum(X.max(axis=axis), -X.min(axis=axis)).astype(np.float64)
    return 2.0 ** np.clip(np.frexp(largest)[1], -1000, 1000)


def unit_length(rows):
    """Bring rows to length 1, in float64; rows of zeros stay."""
    rows = rows / power_of_two(rows.T, axis=0)[:, np.newaxis]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def varying_columns(X):
    """Say of every column whether it holds more than one value."""
    return X.max(axis=0) > X.min(axis=0)


class TableScaling:
    """Centring, one scale for the table or one per column, and the way back.

    Networks and iterative methods see ``(X - mean) / scale``, computed in
    float64: an offset of 1e6 loses no digits, and one learning rate fits all
    units. With one scale for the table distances keep their proportions; with
    one per column, units do not matter.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    weights : ndarray of shape (n_samples,), default=None
        Weights of the rows.
    by_column : bool, default=False
        Whether every column is divided by its own standard deviation; a
        constant column is only centred.
    max_axes : int, default=None
        Tables of more columns, or directions, are brought to as many principal
        axes. None keeps them.
    columns : ndarray of shape (n_features,), dtype=bool, default=None
        Columns that take part, such as those of :func:`varying_columns`; None
        for all.
    directions : ndarray of shape (n_columns, n_directions), default=None
        Orthonormal directions that stand for the scaled columns; None for the
        columns themselves.

    Attributes
    ----------
    unit : float or ndarray of shape (n_columns,)
        Power of two that entries are divided by first.
    mean : ndarray of shape (n_columns,)
        Means, in units of `unit`.
    scale : float or ndarray of shape (n_columns,)
        What centred entries are divided by, in units of `unit`.
    axes : ndarray of shape (n_columns, n_axes) or None
        Directions given, or principal axes of the scaled rows.
    """

    def __init__(
        self,
        X,
        weights=None,
        *,
        by_column=False,
        max_axes=None,
        columns=None,
        directions=None,
    ):
        self.columns = columns
        X = self._used(X)
        axis = 0 if by_column else None
        self.unit = power_of_two(X, axis)
        self.axes = directions
        shrunk = np.multiply(X, 1.0 / self.unit, dtype=np.float64)
        self.mean = np.average(shrunk, axis=0, weights=weights)
        shrunk -= self.mean
        variance = np.average(np.square(shrunk), axis=0, weights=weights)
        self.scale = np.sqrt(variance if by_column else variance.mean())
        if by_column:
            # Rounding makes no column of equal values vary.
            constant = ~varying_columns(X) | (self.scale == 0)
            # A constant column has no scale but that of the whole table.
            units = self.unit / self.unit.max()
            overall = np.sqrt(np.mean(np.square(self.scale * units))) or 1.0
            self.scale[constant] = (overall / units)[constant]
        else:
            self.scale = float(self.scale) or 1.0
        if max_axes is not None and self.n_axes > max_axes:
            shrunk /= self.scale
            with one_blas_thread():
                if directions is None:
                    self.axes = principal_axes(shrunk, weights, max_axes)
                else:
                    shrunk = shrunk @ directions
                    self.axes = directions @ principal_axes(shrunk, weights, max_axes)

    def _check_state(self):
        lengths = check_arrays("TableScaling", mean=(self.mean, "f", "p"))
        for name in ("unit", "scale"):
            value = np.asarray(getattr(self, name))
            check_arrays(
                "TableScaling",
                mean=(self.mean, "f", "p"),
                **{name: (value, "f", "p" * value.ndim)},
            )
        if self.axes is not None:
            check_arrays(
                "TableScaling",
                mean=(self.mean, "f", "p"),
                axes=(self.axes, "f", "pa"),
            )
        if self.columns is not None:
            check_arrays("TableScaling", columns=(self.columns, "b", "n"))
            if np.count_nonzero(self.columns) != lengths["p"]:
                raise ValueError("columns of TableScaling are not those of its means")

    def _used(self, X):
        return X if self.columns is None else np.ascontiguousarray(X[:, self.columns])

    @property
    def n_axes(self):
        """Width of scaled rows."""
        return len(self.mean) if self.axes is None else self.axes.shape[1]

    def transform(self, X):
        """Scale rows; the result is float64, and its squares are finite.

        A row's result depends on that row alone, bit for bit.
        """
        X = self._used(np.asarray(X))
        check_same_width(X, self.mean)
        with np.errstate(over="ignore"):
            scaled = np.multiply(X, 1.0 / self.unit, dtype=np.float64)
            scaled -= self.mean
            scaled /= self.scale
        # Rows that came after fit may lie anywhere.
        np.clip(scaled, -FARTHEST, FARTHEST, out=scaled)
        return scaled if self.axes is None else project(scaled, self.axes)

    def inverse_transform(self, scaled, dtype=np.float64):
        """Give scaled rows their centre and units back.

        What a network makes of its codes may lie beyond the largest number of
        the dtype, which it then becomes.
        """
        rows = np.asarray(scaled, np.float64)
        if self.axes is not None:
            rows = rows @ self.axes.T
        rows = rows * self.scale + self.mean
        largest = float(np.finfo(dtype).max)
        limit = largest / np.maximum(self.unit, 1.0)
        # One rounding may go past the limit again.
        rows = np.clip(np.clip(rows, -limit, limit) * self.unit, -largest, largest)
        return rows.astype(dtype, copy=False)

    def inverse_covariances(self, covariances):
        """Give covariances, or variances, of scaled columns their units back.

        Parameters
        ----------
        covariances : ndarray of shape (..., n_features, n_features) or (..., \
                n_features)
            Covariances; variances where there are as many axes as of means.

        Returns
        -------
        ndarray of the same shape
            Infinite where they leave the range of float64.
        """
        spread = np.broadcast_to(np.float64(self.scale), self.mean.shape)
        with np.errstate(over="ignore", under="ignore"):
            spread = spread * self.unit
            if covariances.ndim < 3:
                return covariances * spread * spread
            return covariances * spread[:, np.newaxis] * spread

    def inverse_squares(self, squares):
        """Give squared distances their units back, with one scale for the table."""
        # Of Python floats, which go to infinity without a warning.
        unit = float(self.scale) * float(self.unit)
        return float(squares) * unit * unit

    def inverse_distances(self, squares, dtype=np.float64):
        """Distances in units of the table, from squared ones of scaled rows.

        The scale must be one for the table. What leaves the range of the dtype
        becomes its largest number.
        """
        unit = float(self.scale) * float(self.unit)
        with np.errstate(over="ignore"):
            distances = np.sqrt(squares) * unit
        return np.minimum(distances, np.finfo(dtype).max).astype(dtype)

    @property
    def log_volume(self):
        """Log of the volume in the table of one unit of volume of scaled rows."""
        spread = np.broadcast_to(np.log(self.scale), self.mean.shape)
        return float(np.sum(spread + np.log(self.unit)))


def principal_axes(Z, weights, n_axes):
    """Leading eigenvectors of the covariance of centred rows.

    Signs make the largest entry of each positive. Time is
    O(n p min(n, p) + min(n, p)^3) for n rows of p columns.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features), dtype=float64
        Centred rows; overwritten.
    weights : ndarray of shape (n_samples,) or None
        Their weights.
    n_axes : int
        Axes wanted; fewer come back where the rows span fewer.

    Returns
    -------
    ndarray of shape (n_features, n_axes)
        Orthonormal axes in columns, the one of most variance first.
    """
    n_rows, n_columns = Z.shape
    if weights is not None:
        Z *= np.sqrt(weights / weights.sum())[:, np.newaxis]
    else:
        Z /= np.sqrt(n_rows)
    if n_columns <= n_rows:
        _, vectors = np.linalg.eigh(Z.T @ Z)
        axes = vectors[:, : -n_axes - 1 : -1]
    else:
        n_axes = min(n_axes, n_rows)
        squares, vectors = np.linalg.eigh(Z @ Z.T)
        positive = squares[-n_axes:] > squares[-1] * n_rows * np.finfo(float).eps
        axes = Z.T @ vectors[:, -n_axes:][:, positive][:, ::-1]
        axes /= np.linalg.norm(axes, axis=0)
    largest = np.abs(axes).argmax(axis=0)
    signs = np.sign(axes[largest, np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * signs)
