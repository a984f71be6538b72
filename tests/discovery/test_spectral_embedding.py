"""Eigenvectors of normalised affinities, against LAPACK's of the whole matrix."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning

from skdeepcluster.discovery import _spectral_embedding as spectral
from skdeepcluster.discovery._spectral_embedding import nontrivial_eigenvectors


def affinities(n_components, n_rows, seed=0):
    """Normalised affinities of as many components, and the degrees of the rows."""
    rng = np.random.default_rng(seed)
    component = rng.integers(n_components, size=n_rows)
    rows = rng.normal(size=(n_rows, 2))
    squares = np.square(rows[:, np.newaxis] - rows).sum(axis=2)
    matrix = np.exp(-squares) * (component[:, np.newaxis] == component)
    degrees = matrix.sum(axis=1)
    return matrix / np.sqrt(np.outer(degrees, degrees)), degrees


@pytest.mark.parametrize("n_rows", [2, 5, 40, 300])
@pytest.mark.parametrize("n_components", [1, 2, 7])
def test_agrees_with_lapack(n_rows, n_components):
    matrix, degrees = affinities(n_components, n_rows)
    _, labels = connected_components(matrix)
    n_vectors = min(12, n_rows - 1)

    values, vectors = nontrivial_eigenvectors(
        matrix.__matmul__, degrees, labels, n_vectors
    )

    np.testing.assert_allclose(
        values, np.linalg.eigvalsh(matrix)[::-1][1 : n_vectors + 1], atol=1e-12
    )
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n_vectors), atol=1e-9)
    np.testing.assert_allclose(np.sqrt(degrees) @ vectors, 0, atol=1e-8)


def test_more_components_than_vectors():
    matrix, degrees = affinities(9, 80)
    _, labels = connected_components(matrix)
    values, vectors = nontrivial_eigenvectors(matrix.__matmul__, degrees, labels, 3)
    np.testing.assert_array_equal(values, 1)
    np.testing.assert_allclose(matrix @ vectors, vectors, atol=1e-12)


def test_a_single_row_has_the_trivial_vector():
    values, vectors = nontrivial_eigenvectors(
        np.eye(1).__matmul__, np.ones(1), np.zeros(1, np.intp), 3
    )
    np.testing.assert_array_equal(values, [1])
    np.testing.assert_array_equal(vectors, [[1]])


@pytest.mark.parametrize("n_rows", [30, 300])
def test_the_largest_entry_is_positive(n_rows):
    matrix, degrees = affinities(2, n_rows)
    _, labels = connected_components(matrix)
    _, vectors = nontrivial_eigenvectors(matrix.__matmul__, degrees, labels, 6)
    np.testing.assert_array_equal(vectors.max(axis=0), np.abs(vectors).max(axis=0))


def test_says_when_it_has_not_converged(monkeypatch):
    eigsh = spectral.eigsh

    def hurried(*args, **options):
        return eigsh(*args, maxiter=1, **options)

    monkeypatch.setattr(spectral, "eigsh", hurried)
    rows, _ = make_blobs(400, 2, centers=1, random_state=0)
    graph = spectral.NeighborGraph(rows, np.ones(400), 5)
    with pytest.warns(ConvergenceWarning, match="lower n_components"):
        graph.eigenvectors(10)


def test_groups_far_apart_are_told_apart_by_eigenvalues_of_one():
    rows, truth = make_blobs(300, 2, centers=4, cluster_std=0.01, random_state=0)
    graph = spectral.NeighborGraph(rows, np.ones(300), 10)
    values, vectors = graph.eigenvectors(3)
    np.testing.assert_array_equal(values, 1)
    embedded = vectors / np.sqrt(graph.degrees)[:, np.newaxis]
    for group in range(4):
        np.testing.assert_allclose(
            np.ptp(embedded[truth == group], axis=0), 0, atol=1e-12
        )
