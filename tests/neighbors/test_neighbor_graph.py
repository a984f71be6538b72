"""Neighbours, their weights, and what known classes change."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import KNeighborsTransformer

from skdeepcluster.kernels.neighbor_layout import neighbor_weights
from skdeepcluster.neighbors._neighbor_graph import (
    heed_classes,
    nearest_rows,
    neighbors_of_graph,
    weighted_graph,
    within_classes,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n_columns", [2, 30])
def test_neighbours_are_exact(n_columns):
    rows = RNG.normal(size=(300, n_columns))
    neighbors, distances = nearest_rows(rows, 7, np.random.default_rng(0))
    full = pairwise_distances(rows) + np.diag(np.full(300, np.inf))
    assert_array_equal(neighbors, np.argsort(full, axis=1)[:, :7])
    assert_allclose(distances, np.sort(full, axis=1)[:, :7], atol=1e-4)


def test_ties_make_no_hubs():
    rows = np.eye(400)[:, :20].repeat(2, axis=1)
    neighbors, _ = nearest_rows(rows, 5, np.random.default_rng(0))
    # 380 equal rows: taking the first five would give them all the edges.
    assert np.bincount(neighbors.ravel()).max() < 30


def test_graph_of_distances():
    rows = RNG.normal(size=(40, 3))
    graph = KNeighborsTransformer(n_neighbors=9).fit_transform(rows)
    found = neighbors_of_graph(graph, 40, 6)
    expected = nearest_rows(rows, 6, np.random.default_rng(0))
    assert_array_equal(found[0], expected[0])
    assert_allclose(found[1], expected[1], atol=1e-5)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.ones((4, 4)), r"sparse matrix of distances of shape \(4, 4\)"),
        (csr_array(np.ones((3, 3))), r"got \(3, 3\)"),
        (csr_array(-np.ones((4, 4))), "negative"),
        (csr_array(np.full((4, 4), np.nan)), "not finite"),
        (csr_array(np.triu(np.ones((4, 4)))), "0 neighbours of row 3, but n_neigh"),
    ],
)
def test_bad_graph(graph, message):
    with pytest.raises(ValueError, match=message):
        neighbors_of_graph(graph, 4, 3)


def test_weights_are_joined():
    rows = RNG.normal(size=(30, 3))
    neighbors, distances = nearest_rows(rows, 4, np.random.default_rng(0))
    one_way = np.zeros((30, 30))
    np.put_along_axis(one_way, neighbors, neighbor_weights(distances), axis=1)
    expected = one_way + one_way.T - one_way * one_way.T
    assert_allclose(weighted_graph(neighbors, distances).toarray(), expected)


class TestClasses:
    weights = np.zeros((40, 40))
    weights[RNG.integers(0, 40, 200), RNG.integers(0, 40, 200)] = 0.3
    weights = np.maximum(weights, weights.T)
    codes = np.repeat([0, 1, -1, 1], 10)

    def heed(self, codes):
        rng = np.random.default_rng(0)
        return heed_classes(csr_array(self.weights), codes, rng).toarray()

    def test_tied_and_cut(self):
        heeded = self.heed(self.codes)
        same = np.equal.outer(self.codes, self.codes)
        known = np.logical_and.outer(self.codes >= 0, self.codes >= 0)
        unknown = np.logical_and.outer(self.codes < 0, self.codes < 0)
        assert_array_equal(heeded[unknown], self.weights[unknown])
        unsure = ~known & ~unknown
        assert_array_equal(heeded[unsure], self.weights[unsure] / 2)
        assert_array_equal(heeded[known & ~same], 0)
        inside = heeded[known & same]
        assert np.all(inside >= self.weights[known & same])
        assert set(inside) == {0.0, 0.3, 1.0}
        # Every row of a class has links, among them to the class's other part.
        assert np.all((heeded == 1.0).sum(axis=1)[self.codes >= 0] >= 1)
        assert np.any(heeded[10:20, 30:] == 1.0)

    def test_without_labels_nothing_changes(self):
        assert_array_equal(self.heed(np.full(40, -1)), self.weights)

    def test_numbers_of_classes_do_not_matter(self):
        renamed = np.where(self.codes < 0, -1, 1 - self.codes)
        assert_array_equal(self.heed(renamed), self.heed(self.codes))

    def test_lone_member_is_its_own_mate(self):
        codes = np.full(40, -1)
        codes[3] = 0
        expected = self.weights.copy()
        expected[3] /= 2
        expected[:, 3] /= 2
        expected[3, 3] = 1.0
        assert_array_equal(self.heed(codes), expected)


def test_strangers_are_replaced_by_the_row_itself():
    neighbors = np.array([[1, 2], [3, 0], [0, 3], [0, 1]])
    codes = np.array([0, 0, 1, -1])
    expected = [[1, 0], [3, 0], [2, 3], [0, 1]]
    assert_array_equal(within_classes(neighbors, codes), expected)
