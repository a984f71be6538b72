"""Merging of cells into groups: what holds apart, what a limit enforces."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_circles
from sklearn.metrics import adjusted_rand_score

from skdeepcluster._rows import distinct_rows
from skdeepcluster.ppp._bisection import BisectingTree, OverPartition, Table
from skdeepcluster.ppp._merging import Forest, MergeRules, group_cells


def cells_of(X, n_cells=16):
    table = Table(*distinct_rows(X))
    return OverPartition(table, BisectingTree(table).partition(n_cells), n_cells)


def groups_apart(n_groups, distance=8.0, n_samples=900, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 2))
    X[:, 0] += distance * (np.arange(n_samples) % n_groups)
    return X


def nearest_group(cells, distance):
    return np.round(cells.rows[:, 0] / distance).astype(int)


def labels_of_sorted_rows(grouping):
    return grouping.labels[grouping.cells.order]


@pytest.mark.parametrize("n_groups", [1, 2, 4])
def test_groups_apart_are_not_merged(n_groups):
    cells = cells_of(groups_apart(n_groups))
    grouping = group_cells(cells, MergeRules())
    assert grouping.n_groups == n_groups
    assert not grouping.is_forced
    expected = nearest_group(cells, 8.0)
    assert adjusted_rand_score(expected, labels_of_sorted_rows(grouping)) == 1


def test_a_curve_stays_whole():
    X, y = make_circles(1600, noise=0.03, factor=0.4, random_state=0)
    rows, inner = np.unique(X, axis=0, return_index=True)
    grouping = group_cells(cells_of(rows, 32), MergeRules())
    assert grouping.n_groups == 2
    assert adjusted_rand_score(y[inner], grouping.labels) == 1


def test_one_cell_is_one_group():
    grouping = group_cells(cells_of(groups_apart(1), 1), MergeRules())
    assert grouping.n_groups == 1
    assert grouping.merges == []


@pytest.mark.parametrize("n_wanted", [1, 2, 3])
def test_a_limit_merges_whole_groups(n_wanted):
    cells = cells_of(groups_apart(4))
    grouping = group_cells(cells, MergeRules(max_groups=n_wanted))
    assert grouping.n_groups == n_wanted
    assert grouping.is_forced
    pairs = zip(nearest_group(cells, 8.0), labels_of_sorted_rows(grouping), strict=True)
    assert len(set(pairs)) == 4


def test_a_lower_limit_undoes_merges():
    cells = cells_of(groups_apart(2))
    grouping = group_cells(cells, MergeRules(min_groups=5))
    assert grouping.n_groups == 5
    assert grouping.is_forced
    parents = group_cells(cells, MergeRules()).groups
    assert len(set(zip(grouping.groups, parents, strict=True))) == 5
    # There are no more groups than cells.
    assert group_cells(cells, MergeRules(min_groups=99)).n_groups == cells.n_cells


def test_groups_are_merged_across_a_high_saddle():
    cells = cells_of(groups_apart(2, 3.6, 3000))
    assert group_cells(cells, MergeRules()).n_groups == 2
    assert group_cells(cells, MergeRules(max_saddle=0.05)).n_groups == 1


def test_heavy_tails_are_one_unimodal_population():
    X = np.exp(np.random.default_rng(0).standard_normal((3000, 2)))
    cells = cells_of((X - X.mean(axis=0)) / X.std(axis=0))
    free = group_cells(cells, MergeRules()).n_groups
    assert group_cells(cells, MergeRules(unimodal=True)).n_groups == 1 < free


def test_a_forest_adds_up_its_cells():
    cells = cells_of(groups_apart(2))
    forest = Forest(cells, unimodal=False)
    node = forest.merge(0, 3, separation=1.5)
    top = forest.merge(node, 2)
    assert node == cells.n_cells
    assert forest.size(top) == pytest.approx(cells.sizes[[0, 2, 3]].sum())
    numbers = forest.row_numbers(top)
    assert set(cells.labels[cells.order][numbers]) == {0, 2, 3}
    assert len(set(numbers)) == len(numbers) == forest.size(top)
    merges = forest.merges([node, 2])
    assert [step["kept"] for step in merges] == [True, False]
    assert [step["separation"] for step in merges] == [1.5, None]


def test_evidence_is_the_same_from_either_side():
    cells = cells_of(groups_apart(2), 8)
    forest = Forest(cells, unimodal=False)
    low, high = cells.centers[:, 0].argmin(), cells.centers[:, 0].argmax()
    assert forest.dent(low, high) == forest.dent(high, low)
    z, depth = forest.dent(low, high)
    assert z > 3
    assert 0 < depth < 0.5


def test_grouping_does_not_depend_on_where_the_table_lies():
    X = groups_apart(3)
    first, second = (group_cells(cells_of(Y), MergeRules()) for Y in (X, X + 1000.0))
    assert_array_equal(first.groups, second.groups)
