"""Gaps of an encoded table filled from a few axes: regularised low-rank completion.

    Z <- encoded table, gaps 0 (the mean)
    r <- number of eigenvalues of Z'Z / n above their mean, at most 8
    repeat: V, lambda <- leading r eigenvectors of Z'Z / n
            sigma^2   <- mean of the other eigenvalues that are not zero
            gaps of Z <- those of Z V diag((lambda - sigma^2) / lambda) V'
    until the largest change is below 1e-3, or 60 times
    last:   gaps of each row <- probabilistic-PCA mean given its observed cells

The last step depends on one row alone, so fitted and new rows are filled alike.
Josse, Husson: missMDA (Journal of Statistical Software 70, 2016), section 2;
Tipping, Bishop: Probabilistic principal component analysis (JRSS B 61, 1999).
"""

from typing import NamedTuple

import numpy as np

from .._fitted_state import check_arrays
from ..kernels.low_rank_fill import fill_gaps

MOST_AXES = 8
MOST_STEPS, LARGEST_CHANGE = 60, 1e-3
# With fewer rows for each encoded column, or more columns, axes are noise.
ROWS_PER_COLUMN, WIDEST = 5, 60
# Axes whose noise is nil would make the system of a row singular.
LEAST_RIDGE = 1e-9
# Eigenvalues below this share of the largest are rounding.
ZERO_SHARE = 1e-10


class GapAxes(NamedTuple):
    """Axes that gaps are filled from, and how much noise lies over them."""

    axes: np.ndarray  # (n_features, n_axes)
    ridge: np.ndarray  # (n_axes,)

    def _check_state(self):
        check_arrays(
            "GapAxes", axes=(self.axes, "f", "pk"), ridge=(self.ridge, "f", "k")
        )

    def fill(self, rows, observed):
        """Return encoded rows with the gaps filled; see `fill_gaps`."""
        rows = rows.copy()
        fill_gaps(rows, observed, self.axes, self.ridge)
        return rows


def fit_gap_axes(fixed, rows, gaps, weights, n_rows):
    """Find the axes to fill gaps from, or None where the table is too small.

    Parameters
    ----------
    fixed : ndarray of shape (n_features, n_features), dtype=float64
        Sum of the outer products of the encoded rows without gaps.
    rows : ndarray of shape (n_incomplete, n_features), dtype=float64
        Encoded rows with gaps, centred; 0 in the gaps.
    gaps : ndarray of shape (n_incomplete, n_features), dtype=bool
        Mask of the gaps.
    weights : ndarray of shape (n_incomplete,)
        Weights of these rows.
    n_rows : float
        Weight of all rows.

    Returns
    -------
    GapAxes or None
    """
    heights = weights[:, np.newaxis]
    values, vectors = sorted_eigh((fixed + rows.T @ (heights * rows)) / n_rows)
    n_axes = min(int(np.sum(values > values[values > 0].mean())), MOST_AXES)
    if n_axes == 0:
        return None
    for _ in range(MOST_STEPS if len(rows) else 0):
        axes, signal, _ = split_signal(values, vectors, n_axes)
        filled = (rows @ axes * (signal / values[:n_axes])) @ axes.T
        change = np.abs(filled - rows)[gaps].max()
        rows = np.where(gaps, filled, rows)
        values, vectors = sorted_eigh((fixed + rows.T @ (heights * rows)) / n_rows)
        if change < LARGEST_CHANGE:
            break
    axes, signal, noise = split_signal(values, vectors, n_axes)
    ridge = np.maximum(noise / np.maximum(signal, LEAST_RIDGE), LEAST_RIDGE)
    return GapAxes(axes, ridge)


def sorted_eigh(covariance):
    """Eigenvalues, the largest first, rounding set to zero, and eigenvectors."""
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1].copy(), vectors[:, ::-1]
    values[values < ZERO_SHARE * values[0]] = 0.0
    return values, vectors


def split_signal(values, vectors, n_axes):
    """Leading axes, the variance of signal along each, and that of the noise."""
    rest = values[n_axes:]
    noise = float(rest[rest > 0].mean()) if np.any(rest > 0) else 0.0
    signal = np.maximum(values[:n_axes] - noise, 0.0)
    return np.ascontiguousarray(vectors[:, :n_axes]), signal, noise
