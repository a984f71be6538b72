"""Kernels of mixed tables against the slow way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import entr, softmax
from scipy.stats import norm

from skdeepcluster.kernels.mixed import (
    add_independent_logs,
    add_independent_statistics,
    entropy_of_unions,
    share_rows_of_known,
)
from skdeepcluster.kernels.mixed_cells import nearest_cells
from skdeepcluster.mixture._cells import _encoding, _squared_lengths, divide_into_cells
from skdeepcluster.mixture._statistics import Rows

N_LEVELS = (3, 2)


@st.composite
def mixed_rows(draw, most=25):
    """Rows of two numbers and two categories, with gaps."""
    n = draw(st.integers(1, most))
    numbers = draw(
        arrays(
            np.float64, (n, 2), elements=st.sampled_from([np.nan, -1.5, 0.0, 0.25, 3.0])
        )
    )
    first = draw(arrays(np.int32, n, elements=st.integers(-1, 2)))
    second = draw(arrays(np.int32, n, elements=st.sampled_from([-1, 3, 4])))
    weights = draw(arrays(np.float64, n, elements=st.integers(1, 4).map(float)))
    return Rows(numbers, np.column_stack([first, second]), weights, np.full(n, -1))


def indicators(levels):
    """Columns of 0 and 1, one for each level; a gap is 0 in all."""
    table = np.zeros((len(levels), sum(N_LEVELS)))
    for column in levels.T:
        seen = np.flatnonzero(column >= 0)
        table[seen, column[seen]] = 1.0
    return table


@settings(deadline=None)
@given(mixed_rows())
def test_logs_of_independent_columns(rows):
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=(2, 3)), rng.uniform(0.5, 2, (2, 3))
    level_logs = np.log(rng.uniform(0.1, 1, (5, 3)))
    logs = np.zeros((len(rows.numbers), 3))
    constants = norm.logpdf(0, 0, deviations)
    add_independent_logs(
        rows.numbers,
        rows.levels,
        constants,
        means,
        0.5 / deviations**2,
        level_logs,
        logs,
    )
    densities = norm.logpdf(rows.numbers[:, :, np.newaxis], means, deviations)
    expected = np.nansum(densities, axis=1) + indicators(rows.levels) @ level_logs
    np.testing.assert_allclose(logs, expected, rtol=1e-12, atol=1e-12)


@settings(deadline=None)
@given(mixed_rows())
def test_statistics_of_independent_columns(rows):
    shares = np.random.default_rng(0).uniform(size=(len(rows.numbers), 3))
    sizes, counts = np.zeros(3), np.zeros((5, 3))
    observed, sums, squares = np.zeros((3, 2, 3))
    add_independent_statistics(
        rows.numbers, rows.levels, shares, sizes, counts, observed, sums, squares
    )
    seen, values = ~np.isnan(rows.numbers), np.nan_to_num(rows.numbers)
    np.testing.assert_allclose(sizes, shares.sum(axis=0))
    np.testing.assert_allclose(counts, indicators(rows.levels).T @ shares)
    np.testing.assert_allclose(observed, seen.T @ shares)
    np.testing.assert_allclose(sums, values.T @ shares)
    np.testing.assert_allclose(squares, (values**2).T @ shares)


logs_of_rows = arrays(
    np.float64,
    st.tuples(st.integers(1, 20), st.integers(1, 5)),
    elements=st.floats(-30, 30),
)


@settings(deadline=None)
@given(logs_of_rows)
def test_responsibilities_and_their_entropy(logs):
    weights = 1.0 + np.arange(len(logs)) % 3
    known = np.where(np.arange(len(logs)) % 4 == 3, logs.shape[1] - 1, -1)
    shares = logs.copy()
    entropy = share_rows_of_known(shares, weights, known)
    expected = softmax(logs, axis=1)
    expected[known >= 0] = np.eye(logs.shape[1])[-1]
    np.testing.assert_allclose(shares, expected, atol=1e-16, rtol=1e-9)
    reference = (weights[:, np.newaxis] * entr(expected)).sum()
    assert entropy == pytest.approx(reference, abs=1e-10, rel=1e-9)


@settings(deadline=None)
@given(logs_of_rows)
def test_entropy_of_unions(logs):
    weights = 1.0 + np.arange(len(logs)) % 3
    shares = softmax(logs, axis=1)
    changes = entropy_of_unions(shares, weights)
    for a in range(logs.shape[1]):
        for b in range(a + 1, logs.shape[1]):
            both = shares[:, a] + shares[:, b]
            change = entr(both) - entr(shares[:, a]) - entr(shares[:, b])
            assert changes[a, b] == pytest.approx(weights @ change, abs=1e-9)


def encoded(rows):
    """The table that the cells are cut in, written out."""
    shares, scales, columns = _encoding(rows, N_LEVELS)
    table = indicators(rows.levels)
    seen = np.zeros_like(table)
    for j, column in enumerate(rows.levels.T):
        seen[np.ix_(column >= 0, columns == j)] = 1.0
    table = (table - seen * shares) / scales[columns]
    return np.hstack([np.nan_to_num(rows.numbers), table])


@settings(deadline=None)
@given(mixed_rows())
def test_encoded_lengths(rows):
    lengths = _squared_lengths(rows, *_encoding(rows, N_LEVELS))
    np.testing.assert_allclose(lengths, (encoded(rows) ** 2).sum(axis=1), atol=1e-12)


def test_a_category_has_the_variance_of_a_number():
    levels = np.random.default_rng(0).integers(3, size=(500, 1)).astype(np.int32)
    levels = np.hstack([levels, np.full((500, 1), -1, np.int32)])
    rows = Rows(np.zeros((500, 2)), levels, np.ones(500), np.full(500, -1))
    assert encoded(rows).var(axis=0).sum() == pytest.approx(1.0)


@settings(deadline=None)
@given(mixed_rows())
def test_nearest_centres(rows):
    shares, scales, columns = _encoding(rows, N_LEVELS)
    centers = np.random.default_rng(1).normal(size=(4, 7))
    # Scores of the levels on a centre, as the inner product of their codes.
    codes = (np.eye(5) - shares * (columns[:, None] == columns)) / scales[columns]
    codes *= columns[:, None] == columns
    labels = np.zeros(len(rows.numbers), dtype=np.intp)
    nearest_cells(
        rows.numbers,
        rows.levels,
        np.ascontiguousarray(centers[:, :2].T),
        codes @ centers[:, 2:].T,
        0.5 * (centers**2).sum(axis=1),
        np.zeros(len(labels), dtype=bool),
        labels,
    )
    apart = ((encoded(rows)[:, np.newaxis] - centers) ** 2).sum(axis=2)
    chosen = apart[np.arange(len(labels)), labels]
    np.testing.assert_allclose(chosen, apart.min(axis=1), rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(mixed_rows(most=60))
def test_cells_keep_equal_rows_and_known_ones_together(rows):
    known = np.where(np.arange(len(rows.numbers)) % 5 == 4, 0, -1)
    rows = rows._replace(known=known)
    cells = divide_into_cells(rows, N_LEVELS)
    assert set(cells) == set(range(cells.max() + 1))
    of_known = set(cells[known >= 0])
    assert of_known <= {0}
    assert not of_known & set(cells[known < 0])
    table = np.column_stack([known, np.nan_to_num(rows.numbers, nan=9.0), rows.levels])
    distinct, of_row = np.unique(table, axis=0, return_inverse=True)
    for row in range(len(distinct)):
        assert len(set(cells[of_row.ravel() == row])) == 1


def test_cells_separate_what_is_apart():
    numbers = np.repeat(np.array([[-5.0, 0.0], [0.0, 5.0], [5.0, 0.0]]), 50, axis=0)
    numbers += 0.1 * np.random.default_rng(0).normal(size=numbers.shape)
    levels = np.repeat(np.array([[0, 3], [1, 4], [2, 3]], np.int32), 50, axis=0)
    rows = Rows(numbers, levels, np.ones(150), np.full(150, -1))
    cells = divide_into_cells(rows, N_LEVELS)
    groups = np.repeat(np.arange(3), 50)
    for cell in range(cells.max() + 1):
        assert len(set(groups[cells == cell])) == 1
    assert 10 <= cells.max() + 1 <= 30
