"""Jitter of tied values, so that a column's own steps are no gaps."""

import numpy as np

from ..kernels.hashing import hash_rows, uniform_numbers


def fill_steps(X, weights, n_most, joint=None):
    """Spread tied values over the steps between neighbouring ones.

    A column of few distinct values has a gap at every step, which says nothing
    about groups. The step is the median distance of neighbouring tied values; a
    column without ties stays as it is. The noise is a hash of the row's number and
    the column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Distinct rows in value order.
    weights : ndarray of shape (n_samples,)
        Their weights.
    n_most : int
        Most rows wanted; more only where `X` has more.
    joint : JointAxes, default=None
        Columns that are not spread each, but together along these axes.

    Returns
    -------
    rows : ndarray of shape (n_rows, n_features)
        The rows with noise in the columns that have steps; a row of weight 2 is
        two rows then.
    row_weights : ndarray of shape (n_rows,)
        Their weights.
    """
    steps = np.array([_step(column) for column in X.T])
    if joint is not None:
        steps[joint.columns] = 0
    elif not steps.any():
        return X, weights
    n_copies = np.floor(weights * min(1.0, n_most / weights.sum()))
    n_copies = np.maximum(n_copies, 1).astype(np.intp)
    source = np.repeat(np.arange(len(X)), n_copies)
    rows = X[source].astype(np.float64)
    for j in np.flatnonzero(steps):
        rows[:, j] += steps[j] * _noise(len(rows), j)
    if joint is not None:
        for j, shift in enumerate(joint.shifts, start=X.shape[1]):
            rows[:, joint.columns] += np.outer(
                _noise(len(rows), j), shift[joint.columns]
            )
    return rows, weights[source] / n_copies[source]


def _noise(n_rows, j):
    """Noise of a column: sums of two uniform numbers.

    The density between two values is then a straight line. With one number it
    would be a stair, and a stair has a dent.
    """
    numbers = np.arange(n_rows, dtype=np.uint64)
    first, second = (
        uniform_numbers(
            hash_rows(np.stack([numbers, np.full_like(numbers, 2 * j + k)], axis=1))
        )
        for k in range(2)
    )
    return first + second - 1


def _step(column):
    """Median distance between neighbouring values that several rows share."""
    values, counts = np.unique(column, return_counts=True)
    is_tied = counts > 1
    between = np.diff(values)[is_tied[1:] & is_tied[:-1]]
    return np.median(between) if len(between) else 0.0
