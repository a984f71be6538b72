"""The vote: agreement as scikit-learn counts it, and who is elected."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from skdeepcluster.ppp._vote import vote, weighted_rand


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 4)),
        min_size=2,
        max_size=30,
    )
)
def test_a_row_of_weight_three_counts_as_three_rows(rows):
    first, second, weights = np.array(rows).T
    expected = adjusted_rand_score(
        np.repeat(first, weights), np.repeat(second, weights)
    )
    found = weighted_rand(first, second, weights.astype(float))
    assert found == pytest.approx(expected, abs=1e-12)


def grouping(labels, n_cells):
    """What the vote looks at of the groups of one size."""
    labels = np.array(labels)
    cells = SimpleNamespace(n_cells=n_cells, n_nominal=n_cells)
    return SimpleNamespace(labels=labels, n_groups=labels.max() + 1, cells=cells)


HALVES, THIRDS = np.arange(12) // 6, np.arange(12) // 4


def test_the_size_that_agrees_with_the_others_is_elected():
    groupings = [grouping(HALVES, 8), grouping(THIRDS, 11), grouping(THIRDS, 16)]
    winner, agreement = vote(groupings, np.ones(12))
    assert winner == 1
    rand = adjusted_rand_score(HALVES, THIRDS)
    assert agreement == pytest.approx([rand, (1 + rand) / 2, (1 + rand) / 2])


def test_a_tie_goes_to_the_coarser_size():
    groupings = [grouping(THIRDS, n_cells) for n_cells in (16, 8, 11)]
    assert vote(groupings, np.ones(12)) == (1, [1, 1, 1])


def test_a_majority_of_single_groups_is_elected():
    one = np.zeros(12, dtype=int)
    groupings = [grouping(HALVES, 8), grouping(one, 11), grouping(one, 16)]
    assert vote(groupings, np.ones(12))[0] == 1


def test_a_size_that_kept_its_cells_apart_is_not_elected():
    groupings = [grouping(THIRDS, 3), grouping(THIRDS, 8), grouping(HALVES, 11)]
    assert vote(groupings, np.ones(12))[0] == 1
    # Unless all did.
    assert vote(groupings[:1], np.ones(12)) == (0, [1])
