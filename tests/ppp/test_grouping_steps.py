"""Single steps of PPP, held against what they promise."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import f_oneway

from skdeepcluster import PPP
from skdeepcluster._rows import distinct_rows
from skdeepcluster.ppp._bisection import BisectingTree, Table
from skdeepcluster.ppp._density_clusters import FEATURE_ALPHA, explained_columns
from skdeepcluster.ppp._merging import _join
from skdeepcluster.ppp._vote import vote, weighted_rand


def test_columns_are_judged_by_their_analysis_of_variance():
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    verdicts = set()
    for effect in np.linspace(0.0, 4.0, 30):
        rows = rng.normal(size=(24, 1)) + effect * labels[:, None]
        share, separable = explained_columns(rows, np.ones(24), labels)
        test = f_oneway(rows[labels == 0, 0], rows[labels == 1, 0])
        ratio = share[0] / ((1 - share[0]) / 22)
        assert ratio == pytest.approx(test.statistic)
        assert separable[0] == (test.pvalue < FEATURE_ALPHA)
        verdicts.add(bool(separable[0]))
    assert verdicts == {False, True}


def test_a_constant_column_explains_nothing():
    rows = np.column_stack([np.arange(8.0), np.full(8, 0.1), np.zeros(8)])
    share, separable = explained_columns(rows, np.ones(8), np.arange(8) // 4)
    assert_allclose(share, [16 / 21, 0, 0])
    assert separable.tolist() == [True, False, False] or not separable[1:].any()


def test_columns_are_dropped_until_none_goes():
    rng = np.random.default_rng(0)
    y = np.arange(900) % 3
    rows = np.column_stack([9.0 * y, 9.0 * (y == 1)]) + rng.normal(size=(900, 2))
    every = PPP(feature_selection=True).fit(rows)
    assert [step["n_features"] for step in every.selection_path_] == [2]
    noisy = np.column_stack([rows, rng.normal(size=(900, 3))])
    some = PPP(feature_selection=True).fit(noisy)
    assert [step["n_features"] for step in some.selection_path_] == [5, 2]


def test_a_frozen_copy_has_no_labels():
    rows = np.random.default_rng(0).normal(size=(200, 2))
    model = PPP().fit(rows + 12.0 * (np.arange(200)[:, None] % 2))
    frozen = model.frozen()
    for name in ("labels_", "separable_samples_"):
        assert hasattr(model, name)
        assert not hasattr(frozen, name)


def test_what_lies_between_two_groups_and_a_third_adds_up():
    neighbours = {
        0: {1: (1.0, 2.0), 2: (3.0, 4.0)},
        1: {0: (1.0, 2.0), 2: (5.0, 6.0), 3: (7.0, 8.0)},
        2: {0: (3.0, 4.0), 1: (5.0, 6.0)},
        3: {1: (7.0, 8.0)},
    }
    forest = SimpleNamespace(merge=lambda a, b: 10 * a + b + 9)
    assert _join(forest, neighbours, 0, 1) == 10
    assert neighbours == {
        2: {10: (8.0, 10.0)},
        3: {10: (7.0, 8.0)},
        10: {2: (8.0, 10.0), 3: (7.0, 8.0)},
    }


def grouping(labels, n_cells=8):
    labels = np.array(labels)
    cells = SimpleNamespace(n_cells=n_cells, n_nominal=n_cells)
    return SimpleNamespace(labels=labels, n_groups=labels.max() + 1, cells=cells)


def test_agreement_is_the_mean_over_the_others():
    partitions = [[0, 0, 1, 1, 0], [0, 0, 1, 1, 1], [0, 1, 1, 0, 1]]
    weights = np.array([1.0, 2.0, 1.0, 1.0, 3.0])
    groupings = [grouping(labels) for labels in partitions]
    for n in (1, 2, 3):
        found = vote(groupings[:n], weights)[1]
        for i in range(n):
            others = [
                weighted_rand(groupings[i].labels, groupings[j].labels, weights)
                for j in range(n)
                if j != i
            ]
            assert found[i] == pytest.approx(np.mean(others) if others else 1)
        assert len(found) == n


def test_small_numbers_are_cut_as_large_ones_are():
    X = np.random.default_rng(0).normal(size=(400, 2))
    sizes = []
    for unit in (2.0**-10, 1.0, 2.0**10):
        table = Table(*distinct_rows(X * unit))
        leaves = BisectingTree(table).partition(8)
        sizes.append([len(members) for members in leaves])
    assert sizes[0] == sizes[1] == sizes[2]
    assert len(sizes[0]) == 8
