"""Over-partitions: the tree, its cells and their moments, the sizes tried."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster._rows import distinct_rows
from skdeepcluster.ppp._bisection import (
    ADMISSIBLE_SHARE,
    BASE_SIZES,
    VOTERS,
    BisectingTree,
    OverPartition,
    Table,
    admissible_partitions,
    moments_by_half,
    pool_halves,
    sizes_for,
)


def table_of(n_samples=400, n_features=3, seed=0, n_groups=1):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    X[:, 0] += 9.0 * (np.arange(n_samples) % n_groups)
    return Table(*distinct_rows(X, rng.integers(1, 4, n_samples).astype(float)))


def test_halves_depend_neither_on_scale_nor_on_rotation():
    table = table_of()
    assert table.halves.shape == (3, 400)
    assert np.all(np.abs(table.halves.mean(axis=1) - 0.5) < 0.1)
    scaled = Table(7 * table.rows + 100, table.weights)
    turned = Table(table.rows[:, ::-1] * [1, -1, 1], table.weights)
    for other in (scaled, turned):
        assert_array_equal(other.halves, table.halves)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 20), st.integers(0, 99))
def test_leaves_are_a_partition_that_only_grows_finer(n_cells, seed):
    table = table_of(120, 2, seed)
    tree = BisectingTree(table)
    coarse = tree.partition(n_cells)
    fine = tree.partition(n_cells + 5)
    for leaves in (coarse, fine):
        assert_array_equal(np.sort(np.concatenate(leaves)), np.arange(len(table.rows)))
    parents = np.empty(len(table.rows), dtype=int)
    for number, leaf in enumerate(coarse):
        parents[leaf] = number
    assert all(len(set(parents[leaf])) == 1 for leaf in fine)
    assert len(fine) > len(coarse)


def test_the_cut_with_the_largest_gain_comes_first():
    table = table_of(n_groups=3, seed=1)
    parts = BisectingTree(table).partition(3)
    groups = np.round(table.rows[:, 0] / 9)
    assert all(len(set(groups[part])) == 1 for part in parts)


def test_nodes_of_little_weight_are_not_cut():
    table = Table(np.arange(8.0)[:, np.newaxis], np.ones(8))
    assert len(BisectingTree(table).partition(4)) == 1
    assert len(BisectingTree(table, 0, 0).partition(4)) == 4


def test_cells_are_nearest_their_centers_and_know_their_neighbours():
    table = table_of()
    cells = OverPartition(table, BisectingTree(table).partition(8), 8)
    assert cells.n_cells == 8
    # Rows were sorted by cell: cell c holds rows starts[c]:starts[c + 1].
    assert_array_equal(table.rows[cells.order], cells.rows)
    order = cells.labels[cells.order]
    assert_array_equal(np.repeat(np.arange(8), np.diff(cells.starts)), order)
    distances = np.linalg.norm(table.rows[:, np.newaxis] - cells.centers, axis=2)
    assert np.mean(distances.argmin(axis=1) == cells.labels) > 0.98
    assert np.all(cells.pairs[:, 0] < cells.pairs[:, 1])
    assert len(np.unique(cells.pairs, axis=0)) == len(cells.pairs)
    assert set(cells.pairs.ravel()) == set(range(8))


def test_moments_of_cells_are_those_of_their_rows():
    table = table_of()
    cells = OverPartition(table, BisectingTree(table).partition(8), 8)
    for c in range(8):
        belongs = cells.labels == c
        rows, weights = table.rows[belongs], table.weights[belongs]
        mean = np.average(rows, axis=0, weights=weights)
        centred = rows - mean
        assert cells.sizes[c] == weights.sum()
        assert_allclose(cells.centers[c], mean)
        assert_allclose(
            cells.scatters[c], (weights[:, np.newaxis] * centred).T @ centred
        )
    sizes, means, scatters = cells.moments_by_split()
    assert sizes.shape == (8, 3, 2)
    for split in range(3):
        parts = sizes[:, split], means[:, split], scatters[:, split]
        for part, whole in zip(
            pool_halves(*parts), (cells.sizes, cells.centers), strict=False
        ):
            assert_allclose(part, whole)


def test_a_cell_without_rows_in_a_half_has_no_moments_there():
    sizes, means, scatters = moments_by_half(
        np.arange(4.0)[:, np.newaxis],
        np.ones(4),
        np.array([True, True, False, True]),
        np.array([0, 2, 4]),
    )
    assert_array_equal(sizes, [[0, 2], [1, 1]])
    assert_array_equal(means[..., 0], [[0, 0.5], [2, 3]])
    assert_array_equal(scatters[..., 0, 0], [[0, 0.5], [0, 0]])


def test_cells_across_a_gap_are_impure():
    table = table_of(1200, n_groups=4)
    tree = BisectingTree(table)
    coarse = OverPartition(table, tree.partition(2), 2)
    fine = OverPartition(table, tree.partition(4), 4)
    assert coarse.impure_share(False) == 1
    assert fine.impure_share(False) < 0.3


@pytest.mark.parametrize(
    ("weight", "base"), [(20, []), (30, [2]), (80, [3, 4, 6]), (1e6, [*BASE_SIZES])]
)
def test_a_cell_of_any_size_has_twelve_rows(weight, base):
    found, further = sizes_for(weight, 1)
    assert found == base
    assert all(size <= weight / 12 for size in (*found, *further))


def test_as_many_cells_as_clusters_are_wanted():
    assert sizes_for(1e6, 40)[0] == [45, 64]
    assert sizes_for(1e6, 100)[0] == [128]
    assert sizes_for(20, 7) == ([7], [])


def test_partitions_are_admissible_where_most_cells_are_pure():
    partitions, shares = admissible_partitions(table_of(2000, n_groups=16))
    assert len(partitions) == VOTERS
    assert all(shares[cells.n_nominal] <= ADMISSIBLE_SHARE for cells in partitions)
    assert [*shares] == sorted(shares)
    assert shares[8] > ADMISSIBLE_SHARE
    assert admissible_partitions(table_of(5)) == ([], {})
