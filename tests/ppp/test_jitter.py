"""Coordinates: scaled columns, filled steps, principal axes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.ppp._jitter import fill_steps


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
