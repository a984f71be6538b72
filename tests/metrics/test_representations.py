"""Representations held against each other."""

import numpy as np
import pytest

from skdeepcluster.metrics import representation_agreement


@pytest.fixture
def table():
    return np.random.default_rng(0).normal(size=(200, 4)) @ np.diag([1, 2, 1e-3, 1e5])


def test_permuted_and_mirrored_columns_are_found(table):
    order = [2, 0, 3, 1]
    found = representation_agreement(table, table[:, order] * [1, -1, -3, 5] + 7)
    assert found.score == pytest.approx(1)
    assert found.matching == [(j, order.index(j)) for j in range(4)]
    assert found.correlations.shape == (4, 4)
    assert found.correlations[0, 1] == pytest.approx(-1)


def test_rotation_is_one_subspace_and_no_matching(table):
    rows = table / table.std(axis=0)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    whole = representation_agreement(rows, rows @ turn, kind="subspace")
    assert whole.score == pytest.approx(1)
    assert representation_agreement(rows, rows @ turn).score < 0.95
    # Two of the four axes are all of the smaller one.
    part = representation_agreement(rows, rows @ turn[:, :2], kind="subspace")
    assert part.score == pytest.approx(1)
    assert len(part.correlations) == 2


def test_lasso_takes_five_columns_at_most():
    rng = np.random.default_rng(0)
    B = rng.normal(size=(300, 12))
    A = np.column_stack([B[:, [1, 4, 7]].sum(axis=1), rng.normal(size=300)])
    found = representation_agreement(A, B, kind="one_to_many")
    assert {1, 4, 7} <= set(found.matching[0][1])
    assert all(len(columns) <= 5 for _, columns in found.matching)
    assert found.correlations[0] > 0.9
    assert found.correlations[1] < 0.2
    assert found.score == pytest.approx(found.correlations.mean())


@pytest.mark.parametrize("kind", ["one_to_one", "one_to_many", "subspace"])
def test_hard_tables(kind):
    rows = np.random.default_rng(0).normal(size=(20, 3))
    constant = np.ones((20, 2))
    assert representation_agreement(constant, rows, kind=kind).score == 0
    assert representation_agreement(rows, constant, kind=kind).score == 0
    huge = representation_agreement(rows * 1e300, rows * 1e-300, kind=kind)
    assert huge.score == pytest.approx(1, abs=1e-6)
    twice = np.column_stack([rows, rows])
    assert representation_agreement(twice, rows, kind="subspace").score > 0.999


def test_clear_errors(table):
    with pytest.raises(ValueError, match="kind='many' is not one of one_to_one"):
        representation_agreement(table, table, kind="many")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        representation_agreement(table, table[1:])


def test_no_direction_is_no_correlation_and_none_is_above_one():
    rows = np.random.default_rng(0).normal(size=(60, 9))
    same = representation_agreement(rows, rows[:, ::-1], kind="subspace")
    assert same.correlations.max() <= 1
    none = representation_agreement(np.ones((60, 2)), rows, kind="subspace")
    assert len(none.correlations) == 0
