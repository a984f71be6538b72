"""The summary of a stream: exact while it can be, then a fair sample."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster._rows import distinct_rows
from skdeepcluster.streaming._stream_sample import Summary


@pytest.fixture
def rows():
    return np.random.default_rng(0).integers(0, 9, (3000, 3)).astype(float)


def test_below_the_capacity_it_is_the_distinct_rows(rows):
    summary = Summary(capacity=729)
    for chunk in np.array_split(rows, 11):
        summary.add(chunk)
    assert not summary.is_sample
    for found, expected in zip(summary.table(), distinct_rows(rows), strict=True):
        assert_array_equal(found, expected)


def test_neither_chunks_nor_order_nor_merging_matter():
    rows = np.random.default_rng(0).standard_normal((5000, 2))
    whole = Summary(capacity=300).add(rows)
    assert whole.is_sample
    assert len(whole.table()[0]) == 300
    order = np.random.default_rng(1).permutation(5000)
    for n_chunks in (2, 13, 400):
        chunks = np.array_split(rows[order], n_chunks)
        left, right = Summary(capacity=300), Summary(capacity=300)
        for k, chunk in enumerate(chunks):
            (left if k % 3 else right).add(chunk)
        merged = left.merge(right)
        for found, expected in zip(merged.table(), whole.table(), strict=True):
            assert_array_equal(found, expected)


def test_merging_leaves_the_other_as_it_was(rows):
    first, second = Summary().add(rows[:1000]), Summary().add(rows[1000:])
    before = second.table()
    first.merge(second)
    for found, expected in zip(second.table(), before, strict=True):
        assert_array_equal(found, expected)
    first.merge(Summary())
    assert_array_equal(first.table()[1].sum(), 3000)


def test_the_sample_is_fair():
    # A share of 0.3 among 2,000 sampled rows: 4 standard errors are 0.04.
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40_000, 2))
    rows[:12_000] += 10
    sample, weights = Summary(capacity=2000).add(rows).table()
    share = weights[sample[:, 0] > 5].sum() / weights.sum()
    assert abs(share - 0.3) < 0.04
    # A row that stands for itself alone counts as about one.
    assert_allclose(weights, 1, atol=0.05)


@pytest.mark.parametrize("n_chunks", [1, 50])
def test_a_heavy_row_keeps_its_share(n_chunks):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((60_000, 2))
    rows[::3] = 0.0
    summary = Summary(capacity=3000)
    for chunk in np.array_split(rows, n_chunks):
        summary.add(chunk)
    sample, weights = summary.table()
    share = weights[~sample.any(axis=1)] / weights.sum()
    # The others are 2,000 sampled rows or more.
    assert_allclose(share, 1 / 3, atol=0.03)


def test_weights_count_as_rows(rows):
    weights = np.random.default_rng(1).integers(0, 3, len(rows)).astype(float)
    weighted = Summary(capacity=100).add(rows, weights)
    repeated = Summary(capacity=100).add(np.repeat(rows, weights.astype(int), axis=0))
    for found, expected in zip(weighted.table(), repeated.table(), strict=True):
        assert_allclose(found, expected)


def test_negative_zero_is_zero():
    summary = Summary().add(np.array([[0.0], [-0.0]]))
    assert_array_equal(summary.table()[1], [2])


def test_single_precision_is_kept(rows):
    summary = Summary().add(rows.astype(np.float32))
    assert summary.table()[0].dtype == np.float32
    single = Summary(capacity=50).add(rows.astype(np.float32)).table()[0]
    assert_array_equal(single, Summary(capacity=50).add(rows).table()[0])
