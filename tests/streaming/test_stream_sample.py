"""The summary of a stream: exact while it can be, then a fair sample."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster._rows import distinct_rows
from skdeepcluster.streaming import _heavy_rows, _stream_sample
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


@pytest.mark.parametrize("reserve", [1, 8])
@pytest.mark.parametrize("n_more", [0, 1])
def test_a_capacity_that_is_just_enough(rows, reserve, n_more, monkeypatch):
    monkeypatch.setattr(_stream_sample, "RESERVE", reserve)
    expected = distinct_rows(rows[:300])
    capacity = len(expected[0]) - n_more
    summary = Summary(capacity)
    summary.add(rows[:300])
    assert summary.is_sample == bool(n_more)
    found = summary.table()
    assert len(found[0]) == capacity
    if not n_more:
        assert_array_equal(found[0], expected[0])
        assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("n_more", [0, 1])
def test_rows_that_are_just_held(n_more):
    rows = np.arange(40.0)[:, np.newaxis]
    summary = Summary(capacity=5).add(rows[: 40 - 1 + n_more])
    assert summary.is_sample
    assert len(summary.rows) == 39 + n_more
    assert summary.heavy.total[0, 0] == 0
    summary.add(rows + 100)
    assert len(summary.table()[0]) == 5
    assert len(summary.rows) == 40


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


def summary_of(parts, capacity):
    """Merge summaries of the parts of a table, in a random tree."""
    rng = np.random.default_rng(len(parts))
    summaries = [Summary(capacity).add(*part) for part in parts]
    while len(summaries) > 1:
        left = summaries.pop(rng.integers(len(summaries)))
        summaries[rng.integers(len(summaries))].merge(left)
    return summaries[0]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_values=st.integers(1, 60),
    capacity=st.integers(1, 50),
    reserve=st.sampled_from([1, 8]),
    weighted=st.booleans(),
    n_parts=st.integers(1, 9),
)
def test_any_parts_in_any_order_give_the_same_bytes(
    seed, n_values, capacity, reserve, weighted, n_parts
):
    rng = np.random.default_rng(seed)
    rows = np.round(rng.standard_normal((400, 2)) * n_values / 8)
    weights = rng.gamma(0.5, size=400) if weighted else np.ones(400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stream_sample, "RESERVE", reserve)
        expected = Summary(capacity).add(rows, weights).table()
        order = rng.permutation(400)
        cuts = np.sort(rng.integers(0, 401, n_parts - 1))
        parts = [(rows[i], weights[i]) for i in np.split(order, cuts)]
        merged = summary_of(parts, capacity).table()
        stream = Summary(capacity)
        for part in parts:
            stream.add(*part)
        streamed = stream.table()
    for found in (merged, streamed):
        for array, wanted in zip(found, expected, strict=True):
            assert array.tobytes() == wanted.tobytes()


def test_a_sample_is_weighed_exactly_where_copies_come_late():
    # A value of two hundred comes after the summary is full; the old rule let it
    # begin at nothing each time.
    rng = np.random.default_rng(0)
    fresh = rng.standard_normal((30_000, 2))
    repeated = np.repeat(rng.standard_normal((150, 2)) + 9, 200, axis=0)
    shares = []
    for rows in (
        np.concatenate([fresh, repeated]),
        np.concatenate([repeated, fresh]),
        rng.permutation(np.concatenate([fresh, repeated])),
    ):
        summary = Summary(capacity=1000)
        for chunk in np.array_split(rows, 60):
            summary.add(chunk)
        sample, weights = summary.table()
        shares.append(weights[sample[:, 0] > 5].sum() / weights.sum())
    assert shares[0] == shares[1] == shares[2]
    # Of 150 values, 40 are held: four standard errors of their share.
    assert abs(shares[0] - 0.5) < 0.25


def test_shares_are_right_on_average():
    shares = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        rows = rng.standard_normal((4000, 2))
        # Three in ten rows, in values that three rows share.
        rows[:1200] = np.repeat(rows[:400] + 20, 3, axis=0)
        sample, weights = Summary(capacity=100).add(rows).table()
        shares.append(weights[sample[:, 0] > 10].sum() / weights.sum())
    error = np.std(shares) / np.sqrt(200)
    assert abs(np.mean(shares) - 0.3) < 3 * error
    assert error < 0.01


@pytest.mark.parametrize("where", ["first", "last", "spread"])
def test_heavy_values_take_part_whichever_rows_are_held(where):
    rng = np.random.default_rng(0)
    fresh = rng.standard_normal((20_000, 2))
    # Twenty values of 2.5 % each; most are not among the 1,600 rows held.
    heavy = np.repeat(50.0 + np.arange(40).reshape(20, 2), 1000, axis=0)
    rows = {
        "first": np.concatenate([heavy, fresh]),
        "last": np.concatenate([fresh, heavy]),
        "spread": rng.permutation(np.concatenate([fresh, heavy])),
    }[where]
    parts = [(part,) for part in np.array_split(rows, 30)]
    sample, weights = summary_of(parts, 200).table()
    expected = Summary(200).add(np.concatenate([fresh, heavy])).table()
    assert_array_equal(sample, expected[0])
    assert_array_equal(weights, expected[1])
    is_heavy = sample[:, 0] >= 50
    assert is_heavy.sum() >= 18
    assert_allclose(weights[is_heavy].sum() / weights.sum(), 0.5, atol=0.15)


def test_rows_of_a_sample_count_as_no_more_than_they_are():
    rows = np.random.default_rng(0).standard_normal((1100, 2))
    for n_rows in (1001, 1100):
        _, weights = Summary(capacity=1000).add(rows[:n_rows]).table()
        assert_allclose(weights, 1)
    # Ten rows that are one value: the fewer are left out, the more they count.
    _, weights = Summary(capacity=1000).add(rows, np.full(1100, 10.0)).table()
    assert np.all((weights > 1) & (weights < 10))


def test_wide_tables_are_bounded_in_numbers(monkeypatch):
    monkeypatch.setattr(_stream_sample, "MOST_NUMBERS", 4000)
    rows = np.random.default_rng(0).standard_normal((300, 40))
    summary = Summary().add(rows)
    assert summary.is_sample
    assert summary.table()[0].shape == (100, 40)
    assert not Summary().add(rows[:100]).is_sample


def test_a_summary_ships_what_it_holds_and_no_more(monkeypatch):
    monkeypatch.setattr(_stream_sample, "MOST_NUMBERS", 1 << 16)
    rows = np.random.default_rng(0).standard_normal((9000, 256))
    summary = Summary()
    for part in np.array_split(rows, 100):
        summary.add(part)
    shipped = pickle.dumps(summary)
    # 256 rows of as many numbers, and counters of values that were left out.
    assert len(shipped) < 8 * (1 << 16) + 500_000
    again = pickle.loads(shipped)
    for found, expected in zip(again.table(), summary.table(), strict=True):
        assert_array_equal(found, expected)


@pytest.mark.parametrize("merged", [False, True])
def test_a_heavy_row_that_was_let_go_comes_back(merged, monkeypatch):
    monkeypatch.setattr(_heavy_rows, "N_CANDIDATES", 256)
    rng = np.random.default_rng(0)
    seen = Summary(20).add(rng.standard_normal((3000, 2)))
    # A value that is not held, once among many, then often.
    heavy = [[50.0, 1.0]]
    seen.add(np.concatenate([heavy, rng.standard_normal((3000, 2))]))
    assert 50.0 not in seen.heavy.rows[:, 0]
    often = np.repeat(heavy, 3000, axis=0)
    seen = seen.merge(Summary(20).add(often)) if merged else seen.add(often)
    _, weights, _ = seen.heavy.heavier_than(1000)
    assert_allclose(weights, 3001, atol=10)


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
    for zeros in ([[0.0], [-0.0]], [[-0.0], [0.0]]):
        rows, weights = Summary().add(np.array(zeros)).table()
        assert_array_equal(weights, [2])
        assert not np.signbit(rows).any()


def test_single_precision_is_kept(rows):
    summary = Summary().add(rows.astype(np.float32))
    assert summary.table()[0].dtype == np.float32
    single = Summary(capacity=50).add(rows.astype(np.float32)).table()[0]
    assert_array_equal(single, Summary(capacity=50).add(rows).table()[0])
