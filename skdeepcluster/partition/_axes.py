"""From a table to the coordinates in which cells are grown."""

import numpy as np

from ..base import FARTHEST, GlobalScaling
from ..kernels.partition import hash_rows, project, uniform_numbers

# Columns beyond this number are replaced by as many principal axes.
MAX_AXES = 20


def fill_steps(X, weights, n_most):
    """Spread tied values over the steps between neighbouring ones.

    A column of few distinct values has a gap at every step, which says nothing
    about groups. The step is the
    median distance of neighbouring tied values; a column without ties stays as
    it is. The noise is a hash of the row's place and the column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Distinct rows in value order.
    weights : ndarray of shape (n_samples,)
        Their weights.
    n_most : int
        Most rows wanted; more only where `X` has more.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The rows with noise in the columns that have steps; a row of weight 2 is
        two rows then.
    row_weights : ndarray of shape (n_rows,)
        Their weights.
    """
    steps = np.array([_step(column) for column in X.T])
    if not steps.any():
        return X, weights
    n_copies = np.floor(weights * min(1.0, n_most / weights.sum()))
    n_copies = np.maximum(n_copies, 1).astype(np.intp)
    source = np.repeat(np.arange(len(X)), n_copies)
    rows = X[source].astype(np.float64)
    places = np.arange(len(rows), dtype=np.uint64)
    for j in np.flatnonzero(steps):
        # Two uniform numbers: the density between two values is then a straight
        # line. With one it would be a stair, and a stair has a dent.
        first, second = (
            uniform_numbers(
                hash_rows(np.stack([places, np.full_like(places, 2 * j + k)], axis=1))
            )
            for k in range(2)
        )
        rows[:, j] += steps[j] * (first + second - 1)
    return rows, weights[source] / n_copies[source]


def _step(column):
    """Median distance between neighbouring values that several rows share."""
    values, counts = np.unique(column, return_counts=True)
    is_tied = counts > 1
    between = np.diff(values)[is_tied[1:] & is_tied[:-1]]
    return np.median(between) if len(between) else 0.0


class ColumnScaling:
    """Centring and division by the standard deviation, column by column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    """

    def __init__(self, X, weights):
        # Powers of two near the largest entries keep squares in range and
        # change no digit.
        largest = np.maximum(X.max(axis=0), -X.min(axis=0)).astype(np.float64)
        self.unit = 2.0 ** np.clip(np.frexp(largest)[1], -1000, 1000)
        self.mean = np.zeros(X.shape[1])
        self.scale = np.ones(X.shape[1])
        scaled = self.apply(X)
        total = weights.sum()
        self.mean = np.sum(weights[:, np.newaxis] * scaled, axis=0) / total
        scaled -= self.mean
        scaled *= scaled
        variance = np.sum(weights[:, np.newaxis] * scaled, axis=0) / total
        self.scale = np.sqrt(variance)

    def apply(self, X):
        """Scale rows; the result is float64."""
        scaled = np.multiply(X, 1.0 / self.unit, dtype=np.float64)
        scaled -= self.mean
        scaled /= self.scale
        return scaled


class Axes:
    """Scaled columns that are not constant, or their first principal axes.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    weights : ndarray of shape (n_samples,)
        Their weights.
    scale : bool
        Whether columns are divided by their standard deviation.
    columns : ndarray of shape (n_features,), dtype=bool
        Columns in use.
    """

    def __init__(self, X, weights, *, scale, columns):
        self.columns = columns & (X.max(axis=0) > X.min(axis=0))
        self.rotation = None
        self.n_axes = int(self.columns.sum())
        if self.n_axes == 0:
            return
        used = np.ascontiguousarray(X[:, self.columns])
        make = ColumnScaling if scale else GlobalScaling
        self.scaling = make(used, weights)
        if self.n_axes > MAX_AXES:
            self.n_axes = min(MAX_AXES, len(X))
            self.rotation = _principal_axes(
                self.scaling.apply(used), weights, self.n_axes
            )

    def apply(self, X):
        """Coordinates of rows, float64; each row's depend on it alone."""
        with np.errstate(over="ignore"):
            Z = self.scaling.apply(np.ascontiguousarray(X[:, self.columns]))
        np.clip(Z, -FARTHEST, FARTHEST, out=Z)
        return Z if self.rotation is None else project(Z, self.rotation)


def _principal_axes(Z, weights, n_axes):
    """Leading eigenvectors of the covariance of centred rows, in columns.

    Signs make the largest entry of each positive.
    """
    Z *= np.sqrt(weights / weights.sum())[:, np.newaxis]
    n_rows, n_columns = Z.shape
    if n_columns <= n_rows:
        _, vectors = np.linalg.eigh(Z.T @ Z)
        axes = vectors[:, : -n_axes - 1 : -1]
    else:
        squares, vectors = np.linalg.eigh(Z @ Z.T)
        positive = squares[-n_axes:] > squares[-1] * n_rows * np.finfo(float).eps
        axes = Z.T @ vectors[:, -n_axes:][:, positive][:, ::-1]
        axes /= np.linalg.norm(axes, axis=0)
    largest = np.abs(axes).argmax(axis=0)
    signs = np.sign(axes[largest, np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * signs)
