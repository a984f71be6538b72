"""Coordinates: scaled columns, filled steps, principal axes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster._rows import distinct_rows
from skdeepcluster.ppp._jitter import fill_steps
from skdeepcluster.ppp._joint_axes import joint_axes


@pytest.fixture
def X():
    return np.random.default_rng(0).standard_normal((200, 4))


def every(X):
    return np.ones(X.shape[1], dtype=bool)


def filled(X):
    return fill_steps(X, np.ones(len(X)), 1000)[0]


def test_rows_without_ties_have_no_steps(X):
    assert_array_equal(filled(X), X)


def test_steps_are_filled_to_the_next_value(X):
    whole = np.column_stack([np.round(2 * X[:, 0]) / 2, X[:, 1], X[:, 2] > 0])
    noise = filled(whole) - whole
    assert_array_equal(noise[:, 1], 0)
    for column, step in ((0, 0.5), (2, 1.0)):
        assert np.abs(noise[:, column]).max() < step
        # Four standard errors of the mean, and of the square, of 200 sums of two
        # uniform numbers.
        assert abs(noise[:, column].mean() / step) < 0.12
        assert abs(np.square(noise[:, column] / step).mean() - 1 / 6) < 0.06
    # Neither chance nor the unit plays a part.
    assert_array_equal(filled(8 * whole), 8 * filled(whole))


def test_a_wide_gap_is_no_step():
    values = np.repeat([0.0, 1.0, 10.0, 11.0], 20)
    rows = np.column_stack([values, np.arange(80.0)])
    assert np.abs(filled(rows) - rows).max() < 1


@pytest.mark.parametrize("n_most", [1000, 100])
def test_copies_of_a_row_are_spread_each(n_most):
    rows = np.array([[i, j] for i in range(5) for j in range(5)], dtype=float)
    weights = np.arange(1.0, 26.0)
    spread, spread_weights = fill_steps(rows, weights, n_most)
    assert len(spread) == len(np.unique(spread, axis=0))
    assert 25 < len(spread) <= min(n_most + 25, 325)
    # The copies stand in the order of the rows.
    n_copies = np.maximum(1, np.floor(weights * min(1, n_most / weights.sum())))
    source = np.repeat(np.arange(25), n_copies.astype(int))
    assert np.abs(spread - rows[source]).max() < 1
    assert_allclose(np.bincount(source, spread_weights), weights)


def test_columns_with_joint_axes_are_spread_along_these():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=300)
    binary = (rng.random((300, 8)) < np.where(y, 0.9, 0.1)[:, np.newaxis]) * 1.0
    rows, weights = distinct_rows(np.c_[binary, np.round(rng.standard_normal(300), 1)])
    joint = joint_axes(rows, weights, every(rows), by_column=True, n_most=20)
    spread, _ = fill_steps(rows, weights, 1000, joint)
    source = np.repeat(np.arange(len(rows)), weights.astype(int))
    noise = spread - rows[source]
    shift = joint.shifts[0]
    assert joint.shifts.shape == (1, 9)
    along = noise[:, :8] @ shift[:8] / np.sum(shift**2)
    assert_allclose(noise[:, :8], np.outer(along, shift[:8]), atol=1e-12)
    assert 0.5 < np.abs(along).max() < 1
    # Four standard errors of the mean of 300 sums of two uniform numbers.
    assert abs(along.mean()) < 0.1
    alone, _ = fill_steps(rows, weights, 1000)
    assert_array_equal(spread[:, 8], alone[:, 8])
