"""Generated graphs with columns, and pairs of ids, are as described."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdeepcluster.datasets import make_attributed_graph, make_category_pairs


def test_edges_have_the_probabilities_asked_for():
    table = make_attributed_graph(
        900, n_clusters=3, p_within=0.05, p_between=0.01, random_state=0
    )
    A, y = table.graph.toarray(), table.target
    assert_array_equal(A, A.T)
    assert set(np.unique(A)) == {0, 1}
    assert not A.diagonal().any()
    assert_array_equal(np.bincount(y), 300)
    same = y == y[:, np.newaxis]
    # Four standard deviations of a mean of so many draws.
    n_within, n_between = (same.sum() - 900) / 2, (~same).sum() / 2
    within = A[same].sum() / 2 / n_within
    between = A[~same].sum() / 2 / n_between
    assert within == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / n_within))
    assert between == pytest.approx(0.01, abs=4 * np.sqrt(0.01 * 0.99 / n_between))


def test_every_edge_is_there_with_probability_one():
    table = make_attributed_graph(
        11, n_clusters=2, p_within=1, p_between=0, random_state=0
    )
    same = table.target == table.target[:, np.newaxis]
    assert_array_equal(table.graph.toarray(), same & ~np.eye(11, dtype=bool))
    whole = make_attributed_graph(9, p_within=1, p_between=1, random_state=0).graph
    assert whole.nnz == 72


def test_misleading_rows_have_columns_of_another_group():
    signal = {"column_signal": 100.0, "n_samples": 400, "random_state": 0}
    plain = make_attributed_graph(**signal)
    means = [plain.data[plain.target == c].mean(axis=0) for c in range(4)]
    for share in (0.0, 0.3, 1.0):
        table = make_attributed_graph(misleading=share, **signal)
        gaps = np.square(table.data[:, np.newaxis] - means).sum(axis=2)
        wrong = np.mean(gaps.argmin(axis=1) != table.target)
        assert wrong == pytest.approx(share, abs=0.08)


def test_pairs_stay_within_groups_and_outcomes_depend_on_them():
    table = make_category_pairs(20000, n_levels=(300, 80), random_state=0)
    own, other = (
        groups[column]
        for groups, column in zip(table.groups, table.data.T, strict=True)
    )
    assert np.mean(own == other) > 0.7
    rates = [table.target[own == g].mean() for g in range(8)]
    assert np.ptp(rates) > 0.1
    faithful = make_category_pairs(500, within=1.0, random_state=0)
    pairs = [g[c] for g, c in zip(faithful.groups, faithful.data.T, strict=True)]
    assert_array_equal(*pairs)


@pytest.mark.parametrize("make", [make_attributed_graph, make_category_pairs])
def test_same_seed_same_table(make):
    first, second, third = (make(200, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first.data, second.data)
    assert_array_equal(first.target, second.target)
    assert not np.array_equal(first.data, third.data)


def test_bad_numbers_are_refused():
    with pytest.raises(ValueError, match="p_within"):
        make_attributed_graph(p_within=1.5)
    with pytest.raises(ValueError, match="n_groups"):
        make_category_pairs(n_groups=0)
