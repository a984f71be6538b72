"""Affinities, spanning trees and extensions against plain numpy."""

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from skdeepcluster.kernels.affinity import (
    extend_eigenvectors,
    extend_from_neighbors,
    extend_over_affinities,
    gaussian_affinities,
    spanning_tree_edges,
)
from skdeepcluster.kernels.neighbors import nearest_rows


def rows(n_samples=40, n_features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


@pytest.mark.parametrize("n_samples", [1, 2, 40])
def test_spanning_tree_agrees_with_scipy(n_samples):
    X = rows(n_samples)
    tree = minimum_spanning_tree(cdist(X, X)).data
    np.testing.assert_allclose(spanning_tree_edges(X), np.sort(tree))


def test_equal_rows_are_no_distance_apart():
    np.testing.assert_array_equal(spanning_tree_edges(np.zeros((3, 2))), [0, 0])


@pytest.mark.parametrize("self_loops", [True, False])
def test_affinities_are_those_of_repeated_rows(self_loops):
    X, weights = rows(12), np.arange(12) % 3 + 1.0
    matrix, degrees = gaussian_affinities(X, weights, 0.3, self_loops=self_loops)
    copies = np.repeat(np.arange(12), weights.astype(int))
    whole = np.exp(-0.3 * cdist(X, X, "sqeuclidean"))[copies][:, copies]
    if not self_loops:
        np.fill_diagonal(whole, 0)
    all_degrees = whole.sum(axis=1)
    np.testing.assert_allclose(degrees[copies], all_degrees)
    whole /= np.sqrt(np.outer(all_degrees, all_degrees))
    values = np.linalg.eigvalsh(whole)
    roots = np.sqrt(weights / degrees)
    matrix *= np.outer(roots, roots)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(matrix)[::-1][:6], values[::-1][:6], atol=1e-12
    )


def test_a_row_without_neighbours_has_degree_1():
    X = np.array([[0.0], [1e9]])
    matrix, degrees = gaussian_affinities(X, np.ones(2), 1.0, self_loops=False)
    np.testing.assert_array_equal(degrees, [1, 1])
    np.testing.assert_array_equal(matrix, np.zeros((2, 2)))


def test_extension_agrees_with_its_formula():
    X, new = rows(), rows(7, seed=1)
    weights = np.arange(40) % 2 + 1.0
    projection = np.random.default_rng(2).normal(size=(40, 5))
    affinities = np.exp(-0.7 * cdist(new, X, "sqeuclidean"))
    expected = affinities @ projection / np.sqrt(affinities @ weights)[:, np.newaxis]
    np.testing.assert_allclose(
        extend_eigenvectors(new, X, weights, 0.7, projection), expected
    )
    everyone = np.tile(np.arange(40), (7, 1))
    exponents = 0.7 * cdist(new, X, "sqeuclidean")
    np.testing.assert_allclose(
        extend_from_neighbors(everyone, exponents, weights, projection), expected
    )


def test_extension_to_own_rows_needs_no_distances():
    X, weights = rows(), np.arange(40) % 2 + 1.0
    projection = np.random.default_rng(2).normal(size=(40, 5))
    matrix, _ = gaussian_affinities(X, weights, 0.7, self_loops=True)
    np.testing.assert_allclose(
        extend_over_affinities(matrix, weights, projection),
        extend_eigenvectors(X, X, weights, 0.7, projection),
        rtol=1e-13,
    )


def test_extension_of_a_far_row_is_finite():
    found = extend_eigenvectors(
        np.full((1, 3), 1e100), rows(), np.ones(40), 1.0, np.ones((40, 2))
    )
    np.testing.assert_array_equal(found, np.zeros((1, 2)))


@pytest.mark.parametrize("n_neighbors", [1, 4, 40])
@pytest.mark.parametrize("n_features", [3, 32, 70])
def test_nearest_rows_agree_with_sorting(n_neighbors, n_features):
    X, new = rows(40, n_features), rows(9, n_features, seed=1)
    places, squares = nearest_rows(new, X, n_neighbors)
    distances = cdist(new, X, "sqeuclidean")
    np.testing.assert_array_equal(places, distances.argsort(axis=1)[:, :n_neighbors])
    np.testing.assert_allclose(squares, np.sort(distances, axis=1)[:, :n_neighbors])


def test_of_equally_near_rows_the_earliest_is_taken():
    places, _ = nearest_rows(np.zeros((1, 1)), np.array([[1.0], [-1.0], [1.0]]), 2)
    np.testing.assert_array_equal(places, [[0, 1]])
