"""The minimum spanning tree, against single linkage and a slow reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import cdist

from skdeepcluster.kernels.spanning_tree import spanning_tree


def slow_tree_lengths(distances):
    """Kruskal's algorithm on a matrix of lengths."""
    group = list(range(len(distances)))
    lengths = []
    pairs = zip(*np.triu_indices(len(distances), 1), strict=True)
    for i, j in sorted(pairs, key=lambda pair: distances[pair]):
        if group[i] != group[j]:
            lengths.append(distances[i, j])
            old, new = group[j], group[i]
            group = [new if number == old else number for number in group]
    return lengths


@settings(deadline=None, max_examples=50)
@given(
    st.integers(2, 30),
    st.integers(1, 6),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_lengths_are_those_of_kruskal(n, p, dtype, with_cores, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, size=(n, p)).astype(dtype)  # duplicates and ties
    cores = rng.integers(0, 3, size=n).astype(float) if with_cores else np.zeros(n)
    distances = np.maximum(cdist(X, X), np.maximum.outer(cores, cores))
    edges, lengths = spanning_tree(X, cores if with_cores else None)
    assert_allclose(np.sort(lengths), slow_tree_lengths(distances))
    assert_allclose(distances[tuple(edges.T)], lengths)
    # Every row is reached once, from one that was there before.
    assert_array_equal(np.sort(edges[:, 1]), np.arange(1, n))
    for step, (start, _) in enumerate(edges):
        assert start in [0, *edges[:step, 1]]


def test_lengths_are_the_heights_of_single_linkage():
    X = np.random.default_rng(0).normal(size=(300, 5))
    _, lengths = spanning_tree(X)
    assert_allclose(np.sort(lengths), linkage(X, "single")[:, 2], rtol=1e-9)


def test_tree_of_mutual_reachability_does_not_depend_on_row_order():
    rng = np.random.default_rng(0)
    X, order = rng.normal(size=(80, 2)), rng.permutation(80)
    cores = np.sort(cdist(X, X))[:, 9]  # many edges are of equal length
    edges, _ = spanning_tree(X, cores)
    shuffled, _ = spanning_tree(X[order], cores[order])
    trees = [{frozenset(edge) for edge in found} for found in (edges, order[shuffled])]
    assert trees[0] == trees[1]


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        ([[0.0], [1.0], [2.0], [10.0], [11.0], [13.0]], [8, 2, 1, 1, 1]),
        ([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0], [5.0, 0.0]], [5, 0, 0]),
        ([[7.0]], []),
    ],
    ids=["line", "duplicates", "one row"],
)
def test_small_tables(X, expected):
    _, lengths = spanning_tree(np.array(X))
    assert_array_equal(-np.sort(-lengths), expected)
