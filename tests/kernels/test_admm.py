"""Kernels of the alternating directions against dense formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.kernels.admm import (
    absolute_product,
    balance_rows,
    capped_simplex,
    combine,
    krylov_space,
    leading_pairs,
    positive_product,
    scale_multiplier,
    update_copy,
)
from skdeepcluster.kernels.jacobi import small_eigh


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def symmetric(rng, n, dtype=np.float32):
    T = rng.normal(size=(n, n))
    return (T + T.T).astype(dtype)


@pytest.mark.parametrize("n_vectors", [1, 4, 7])
def test_products_with_parts_of_a_matrix(n_vectors, rng):
    T = symmetric(rng, 30)
    V = rng.normal(size=(n_vectors, 30)).astype(np.float32)
    absolute_product(T, V, out := np.empty_like(V))
    assert_allclose(out, V @ np.abs(T), rtol=1e-4, atol=1e-4)
    assert_allclose(positive_product(T, V), V @ np.maximum(T, 0), rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_small_eigh(n, seed):
    A = symmetric(np.random.default_rng(seed), n, np.float64)
    values, vectors = small_eigh(A.copy())
    assert np.all(np.diff(values) <= 0)
    assert_allclose(values, np.linalg.eigvalsh(A)[::-1], atol=1e-8)
    assert_allclose(vectors @ vectors.T, np.eye(n), atol=1e-10)
    assert_allclose(vectors.T * values @ vectors, A, atol=1e-8)


def test_small_eigh_of_equal_and_zero_eigenvalues():
    values, vectors = small_eigh(np.zeros((3, 3)))
    assert_array_equal(values, 0)
    assert_allclose(vectors @ vectors.T, np.eye(3))
    assert_allclose(small_eigh(2 * np.eye(4))[0], 2)


@settings(deadline=None)
@given(
    arrays(np.float64, st.integers(1, 8), elements=st.floats(-5, 5)),
    st.integers(1, 8),
)
def test_capped_simplex_is_the_nearest_point(values, total):
    values, total = np.sort(values)[::-1].copy(), min(total, len(values))
    weights = capped_simplex(values, total)
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert_allclose(weights.sum(), total, atol=1e-9)
    # Optimal: no weight moves from one entry to another at a gain.
    slack = values - weights
    can_fall, can_rise = slack[weights > 1e-9], slack[weights < 1 - 1e-9]
    if len(can_fall) and len(can_rise):
        assert can_rise.max() <= can_fall.min() + 1e-8


def test_krylov_space_is_orthonormal_and_leading_pairs_converge(rng):
    n, q = 40, np.full(40, 40**-0.5, np.float32)
    T, s = symmetric(rng, n), rng.normal(size=n).astype(np.float32)
    F = (3 * rng.normal(size=(2, n))).astype(np.float32)
    V = rng.normal(size=(10, n)).astype(np.float32)
    basis, matrix = krylov_space(T, F, s, q, V, 4)
    assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-4)
    assert_allclose(basis @ q, 0, atol=1e-4)
    dense = (np.abs(T) + F.T @ F + s[:, None] + s).astype(np.float64)
    assert_allclose(matrix, basis @ dense @ basis.T, atol=1e-2)

    P = np.eye(n) - np.outer(q, q)
    values, vectors = np.linalg.eigh(P @ dense @ P)
    expected = capped_simplex(values[::-1].copy(), 2)
    n_vectors = 4
    for _ in range(60):
        weights = leading_pairs(T, F, s, q, V, n_vectors, 2)
        n_vectors = len(weights)
    assert_allclose(weights, expected[:n_vectors], atol=1e-3)
    Z = V[:n_vectors].T * weights @ V[:n_vectors]
    assert_allclose(Z, vectors[:, ::-1] * expected @ vectors[:, ::-1].T, atol=1e-2)


def test_combine(rng):
    coefficients = rng.normal(size=(2, 3))
    basis = rng.normal(size=(3, 5)).astype(np.float32)
    out = np.ones((4, 5), np.float32)
    combine(coefficients, basis, out)
    assert_allclose(out[:2], coefficients @ basis, rtol=1e-5, atol=1e-6)
    assert_array_equal(out[2:], 1)


def test_update_copy_and_scale_multiplier(rng):
    T, q = symmetric(rng, 9), np.zeros(9, np.float32)
    q[0] = 1
    V, weights = rng.normal(size=(3, 9)).astype(np.float32), np.array([0.5, 0.2, 0])
    before, Z = T.copy(), np.outer(q, q) + V.T * weights @ V
    copy = np.maximum(before, 0)
    primal, dual = update_copy(T, weights, V, q, 1.6)
    expected = 1.6 * Z - 0.6 * copy + np.minimum(before, 0)
    assert_allclose(T, expected, rtol=1e-4, atol=1e-4)
    assert_allclose(primal, np.square(Z - copy).sum(), rtol=1e-4)
    assert_allclose(dual, np.square(np.maximum(expected, 0) - copy).sum(), rtol=1e-4)
    scale_multiplier(T, 0.5)
    assert_allclose(T, np.where(expected < 0, expected / 2, expected), atol=1e-4)


def test_balanced_rows_sum_to_one(rng):
    states = np.stack([symmetric(rng, 25) / 25 for _ in range(3)])
    before = states.copy()
    shift = balance_rows(states, 30, 100, 1e-6)
    expected = before + (shift[:, None] + shift) / 2
    assert_allclose(states, expected, atol=1e-5)
    assert_allclose(np.maximum(states, 0).sum(axis=(0, 2)), 1, atol=1e-4)


def test_rows_that_are_balanced_are_left_alone():
    states = np.stack([np.eye(5, dtype=np.float32)] * 2) / np.float32(2)
    assert_array_equal(balance_rows(states, 5, 10, 1e-4), 0)
