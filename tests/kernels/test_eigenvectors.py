"""Leading eigenvectors against LAPACK's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import random as random_sparse

from skdeepcluster.kernels.eigenvectors import (
    inner_product,
    leading_eigenvectors,
    matrix_product,
    sparse_product,
    symmetric_eigen,
)


def symmetric(values, seed=0):
    """A matrix with given eigenvalues, and its eigenvectors."""
    rng = np.random.default_rng(seed)
    vectors, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    matrix = (vectors * values) @ vectors.T
    return (matrix + matrix.T) / 2, vectors


def same_spaces(found, expected):
    """Cosines of the angles between two spaces are 1."""
    cosines = np.linalg.svd(found.T @ expected, compute_uv=False)
    np.testing.assert_allclose(cosines, 1, atol=1e-9)


@pytest.mark.parametrize("n_samples", [1, 2, 30, 300])
@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_agrees_with_lapack(n_samples, decay):
    values = decay ** np.arange(n_samples)
    matrix, vectors = symmetric(values)
    n_vectors = min(5, n_samples)
    found, basis, residual = leading_eigenvectors(
        lambda block: matrix_product(matrix, block), n_samples, n_vectors
    )
    np.testing.assert_allclose(found, values[:n_vectors], atol=1e-10)
    same_spaces(basis, vectors[:, :n_vectors])
    assert residual <= 1e-7
    np.testing.assert_allclose(basis.T @ basis, np.eye(n_vectors), atol=1e-10)


def test_multiple_and_negative_eigenvalues():
    values = np.concatenate([np.ones(12), np.linspace(0.3, -1, 188)])
    matrix, vectors = symmetric(values)
    found, basis, _ = leading_eigenvectors(matrix.__matmul__, 200, 12)
    np.testing.assert_allclose(found, 1)
    same_spaces(basis, vectors[:, :12])


def test_a_matrix_of_low_rank():
    values = np.concatenate([[1.0, 0.5], np.zeros(198)])
    matrix, vectors = symmetric(values)
    found, basis, _ = leading_eigenvectors(matrix.__matmul__, 200, 4)
    np.testing.assert_allclose(found, values[:4], atol=1e-12)
    same_spaces(basis[:, :2], vectors[:, :2])
    np.testing.assert_allclose(basis.T @ basis, np.eye(4), atol=1e-10)


def test_says_when_it_has_not_converged():
    matrix, _ = symmetric(np.linspace(1, 0, 300))
    _, _, residual = leading_eigenvectors(matrix.__matmul__, 300, 3, max_blocks=2)
    assert residual > 1e-4


@given(st.integers(1, 40), st.integers(0, 2**31))
def test_small_matrices(n, seed):
    rng = np.random.default_rng(seed)
    values = np.sort(rng.uniform(-1, 1, n).round(1))[::-1]
    matrix, _ = symmetric(values, seed)
    found, vectors = symmetric_eigen(matrix)
    np.testing.assert_allclose(found, values, atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-10)
    np.testing.assert_allclose(matrix @ vectors, vectors * found, atol=1e-10)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((5, 5)),
        np.eye(4),
        np.ones((6, 6)),
        np.diag([0.0, 3.0, 0.0, -2.0]),
        1e-200 * np.ones((4, 4)),
        np.kron(np.eye(3), [[0.0, 1.0], [1.0, 0.0]]),
    ],
)
def test_degenerate_small_matrices(matrix):
    found, vectors = symmetric_eigen(matrix)
    n = len(matrix)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(matrix)[::-1], atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(matrix @ vectors, vectors * found, atol=1e-12)


def test_products():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(9, 11)), rng.normal(size=(11, 3))
    np.testing.assert_allclose(matrix_product(left, right), left @ right)
    np.testing.assert_allclose(inner_product(left.T.copy(), right), left @ right)
    sparse = random_sparse(9, 11, density=0.3, format="csr", random_state=0)
    np.testing.assert_allclose(
        sparse_product(sparse.indptr, sparse.indices, sparse.data, right),
        sparse @ right,
    )
