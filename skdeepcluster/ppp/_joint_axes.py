"""Axes of what columns of few values tell together.

A column of few values has a gap at every step, groups or not. Several of them that
depend on each other are evidence, as in latent class analysis::

    standardise the columns of at most four values that are not nearly constant
    correlate them; pairs of binary columns that are never both 1 count as uncorrelated
    keep the axes whose eigenvalue exceeds what independent columns give
        (the Marchenko-Pastur edge, and the fluctuation of Tracy and Widom)
    replace the columns by their coordinates on these axes

The columns of one category, one-hot, exclude each other by construction: that is no
dependence.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from .._scaling import power_of_two
from .._threads import one_blas_thread
from ._merging import MIN_GROUP

# Filling a step of n equal shares adds 2 / (n^2 - 1) of a column's variance: more than
# a tenth of it up to four values.
MOST_VALUES = 4
# 99.9 % quantile of Tracy and Widom's distribution of the largest eigenvalue.
TRACY_WIDOM = 3.27
# Less than any row's share of a table.
NO_SHARE = 1e-9


class JointAxes(NamedTuple):
    """Axes of the correlations of columns of few values.

    Parameters
    ----------
    columns : ndarray of shape (n_features,), dtype=bool
        Columns that the axes replace.
    left_out : ndarray of shape (n_features,), dtype=bool
        Columns of few values that hardly ever leave one of them.
    loadings : ndarray of shape (n_columns, n_axes)
        Orthonormal axes of the scaled columns, the strongest first.
    shifts : ndarray of shape (n_axes, n_features)
        What moves a row of the table by a typical step of each axis.
    """

    columns: np.ndarray
    left_out: np.ndarray
    loadings: np.ndarray
    shifts: np.ndarray

    def directions(self, columns):
        """Orthonormal directions among some columns: the others, and the axes.

        Parameters
        ----------
        columns : ndarray of shape (n_features,), dtype=bool
            Columns, those of the axes among them.

        Returns
        -------
        ndarray of shape (n_columns, n_others + n_axes)
        """
        is_joint = self.columns[columns]
        n_others = np.count_nonzero(~is_joint)
        directions = np.zeros((len(is_joint), n_others + self.loadings.shape[1]))
        directions[~is_joint, :n_others] = np.eye(n_others)
        directions[is_joint, n_others:] = self.loadings
        return directions


def joint_axes(rows, weights, columns, *, by_column, n_most):
    """Find the axes along which columns of few values depend on each other.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Distinct rows.
    weights : ndarray of shape (n_rows,)
        Their weights.
    columns : ndarray of shape (n_features,), dtype=bool
        Columns that take part.
    by_column : bool
        Whether columns are scaled each.
    n_most : int
        Most axes wanted.

    Returns
    -------
    JointAxes or None
        None where no axis exceeds what independent columns give.

    Notes
    -----
    Time is O(n q^2 + q^3) for n rows of q such columns.
    """
    few, is_rare, n_values = _few_values(rows, weights, columns)
    joint = few & ~is_rare
    if np.count_nonzero(joint) < 2:
        return None
    # In units of powers of two, and then of the range, squares stay in range.
    units = power_of_two(rows[:, joint], axis=0)
    block = rows[:, joint] / units
    lower = block.min(axis=0)
    ranges = block.max(axis=0) - lower
    block = (block - lower) / ranges
    is_binary = n_values[joint] == 2
    with one_blas_thread():
        means, deviations, correlations = _correlations(block, weights)
        correlations[_exclude(means, deviations, correlations, is_binary)] = 0
        loadings = _axes_above(correlations, weights.sum(), n_most)
    if loadings.shape[1] == 0:
        return None
    # Coordinates are in standard deviations, or in units of the table.
    scales = deviations * ranges * units if by_column else np.ones(len(units))
    steps = ranges * units / (n_values[joint] - 1) / scales
    parts = np.square(loadings.T * (deviations * ranges * units / scales))
    typical = np.average(np.square(loadings.T * steps), axis=1, weights=parts)
    shifts = np.zeros((len(typical), len(joint)))
    shifts[:, joint] = np.sqrt(typical)[:, np.newaxis] * loadings.T * scales
    return JointAxes(joint, few & is_rare, loadings, shifts)


def _few_values(rows, weights, columns):
    """Columns of few values, which of them are nearly constant, numbers of values."""
    few = np.zeros(len(columns), dtype=bool)
    is_rare, n_values = few.copy(), np.zeros(len(columns))
    for j in np.flatnonzero(columns):
        # A few rows show that most columns have many values.
        some = rows[:: max(1, len(rows) // 64), j]
        if len(np.unique(some)) > MOST_VALUES:
            continue
        values, numbers = np.unique(rows[:, j], return_inverse=True)
        few[j] = len(values) <= MOST_VALUES
        n_values[j] = len(values)
        is_rare[j] = weights.sum() - np.bincount(numbers, weights).max() < MIN_GROUP
    return few, is_rare, n_values


def _correlations(block, weights):
    """Means, standard deviations and correlations of columns."""
    means = np.average(block, axis=0, weights=weights)
    centred = block - means
    deviations = np.sqrt(np.average(np.square(centred), axis=0, weights=weights))
    centred *= np.sqrt(weights / weights.sum())[:, np.newaxis]
    centred /= deviations
    return means, deviations, centred.T @ centred


def _exclude(means, deviations, correlations, is_binary):
    """Pairs of binary columns of 0 and 1 that no row has both 1."""
    together = correlations * np.outer(deviations, deviations) + np.outer(means, means)
    return (together < NO_SHARE) & np.outer(is_binary, is_binary)


def _axes_above(correlations, weight, n_most):
    """Eigenvectors beyond those of independent columns, the strongest first.

    Signs make the largest entry of each positive.
    """
    n_columns = len(correlations)
    root = np.sqrt(weight - 1) + np.sqrt(n_columns)
    spread = root * np.cbrt(1 / np.sqrt(weight - 1) + 1 / np.sqrt(n_columns))
    edge = (root**2 + TRACY_WIDOM * spread) / weight
    n_most = min(n_most, n_columns)
    top = [n_columns - n_most, n_columns - 1]
    values, vectors = eigh(correlations, subset_by_index=top)
    axes = vectors[:, values > edge][:, ::-1]
    largest = np.abs(axes).argmax(axis=0)
    signs = np.sign(axes[largest, np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * signs)
