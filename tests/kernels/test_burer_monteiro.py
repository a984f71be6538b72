"""Passes of the low-rank solver against dense formulas."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.kernels.burer_monteiro import (
    BLOCK,
    constrain,
    next_gradient,
    products,
    step,
)
from skdeepcluster.kernels.dual import dual_columns, dual_gram, smallest_multiplier
from skdeepcluster.kernels.transfer import transfer_rows


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def weighted_means(X, weights, labels):
    shares = weights * (labels == np.arange(3)[:, np.newaxis])
    return shares @ X / shares.sum(axis=1, keepdims=True)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 6), st.integers(1, 9), st.sampled_from([1, 7, BLOCK, BLOCK + 3]))
def test_products(n, m, n_samples):
    rng = np.random.default_rng(n * m)
    A, B = rng.normal(size=(n, n_samples)), rng.normal(size=(m, n_samples))
    assert_allclose(products(A, B), A @ B.T, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_samples", [9, BLOCK + 5])
@pytest.mark.parametrize("n_features", [3, 6])
@pytest.mark.parametrize(("dtype", "tol"), [(np.float64, 1e-9), (np.float32, 2e-4)])
def test_a_step_of_the_augmented_lagrangian(n_samples, n_features, dtype, tol, rng):
    rank, length, penalty = 5, 0.3, 2.0
    assert_close = partial(assert_allclose, rtol=tol, atol=tol)
    X = rng.normal(size=(n_features, n_samples))
    q = np.full(n_samples, n_samples**-0.5)
    U, y = rng.random((rank, n_samples)), rng.normal(size=n_samples)
    gradient = rng.normal(size=U.shape)
    X, q, U, y, gradient = (a.astype(dtype) for a in (X, q, U, y, gradient))
    V = np.empty_like(U)

    M, a, squared = step(X, q, U, gradient, length, V)
    expected = np.maximum(U - length * gradient, 0)
    assert_close(V, expected)
    assert_close(M, X @ expected.T)
    assert_close(a, expected @ q)
    assert_close(squared, np.square(expected).sum())

    scale, z = 0.7, np.empty_like(q)
    expected *= scale
    a *= scale
    squares, along_y, b, moved = constrain(V, scale, a, U, q, y, penalty, z)
    residual = expected.T @ a - q
    assert_close(V, expected)
    assert_close(squares, np.square(residual).sum())
    assert_close(along_y, residual @ y)
    assert_close(z, y + penalty * residual)
    assert_close(b, expected @ z)
    assert_close(moved, np.square(expected - U).sum())

    before, M = gradient.copy(), -2 * scale * M
    curved, free, pushing, along = next_gradient(X, q, z, a, b, M, V, U, gradient, -0.7)
    new = M.T @ X + np.outer(a, z) + np.outer(b, q)
    assert_close(gradient, new)
    assert_close(curved, ((V - U) * (new - before)).sum())
    rest = new + 0.7 * V
    assert_close(free, np.square(rest[V > 0]).sum())
    assert_close(pushing, np.square(new[(V == 0) & (new < 0)]).sum())
    assert_close(along, (V * rest).sum())


def test_gradient_is_that_of_the_lagrangian(rng):
    n_samples, rank, penalty = 12, 3, 1.5
    X = rng.normal(size=(4, n_samples))
    q = np.full(n_samples, n_samples**-0.5)
    y, U = rng.normal(size=n_samples), rng.random((rank, n_samples)) + 0.1

    def value(flat):
        V = flat.reshape(U.shape)
        residual = V.T @ (V @ q) - q
        objective = -np.square(X @ V.T).sum()
        return objective + y @ residual + penalty / 2 * residual @ residual

    M, a, _ = step(X, q, U, np.zeros_like(U), 0.0, V := np.empty_like(U))
    _, _, b, _ = constrain(V, 1.0, a, U, q, y, penalty, z := np.empty(n_samples))
    next_gradient(X, q, z, a, b, -2 * M, V, U, found := np.zeros_like(U), 0.0)
    shifts = 1e-6 * np.eye(U.size)
    slopes = [(value(U.ravel() + s) - value(U.ravel() - s)) / 2e-6 for s in shifts]
    assert_allclose(found.ravel(), slopes, rtol=1e-5, atol=1e-5)


def test_transfers_end_where_no_move_of_a_row_helps(rng):
    X, weights = rng.normal(size=(40, 2)), rng.integers(1, 4, size=40).astype(float)
    labels = rng.integers(3, size=40)

    def inertia(labels):
        total = 0.0
        for c in range(3):
            rows, row_weights = X[labels == c], weights[labels == c]
            mean = np.average(rows, axis=0, weights=row_weights)
            total += (row_weights * np.square(rows - mean).sum(axis=1)).sum()
        return total

    start = inertia(labels)
    sizes = np.bincount(labels, weights)
    centers = np.stack(
        [
            np.average(X[labels == c], axis=0, weights=weights[labels == c])
            for c in range(3)
        ]
    )
    assert transfer_rows(X, weights, labels, centers, sizes, 100) > 0
    end = inertia(labels)
    assert end < start
    assert_allclose(sizes, np.bincount(labels, weights))
    for row in range(40):
        for c in range(3):
            moved = labels.copy()
            moved[row] = c
            assert inertia(moved) >= end * (1 - 1e-9)


def test_a_row_alone_stays():
    X = np.array([[0.0], [0.1], [9.0]])
    labels, sizes = np.array([0, 0, 1]), np.array([2.0, 1.0])
    centers = np.array([[0.05], [9.0]])
    assert transfer_rows(X, np.ones(3), labels, centers, sizes, 5) == 0
    assert_array_equal(labels, [0, 0, 1])


def test_dual_columns_and_their_gram_matrix(rng):
    X, weights = rng.normal(size=(15, 2)), rng.integers(1, 3, size=15).astype(float)
    labels = np.arange(15) % 3
    sizes = np.bincount(labels, weights)
    centers = np.stack(
        [
            np.average(X[labels == c], axis=0, weights=weights[labels == c])
            for c in range(3)
        ]
    )
    squares = np.square(X[:, None] - centers).sum(axis=2)
    excess = squares - squares[np.arange(15), labels][:, None]
    own = sizes[labels][:, None]
    outside = labels[:, None] != np.arange(3)
    harmonic = own * sizes / (own + sizes)
    multiplier = smallest_multiplier(X, labels, centers, sizes)
    assert_allclose(multiplier, (harmonic * excess)[outside].min())

    residuals = np.empty((15, 3))
    sums = dual_columns(X, weights, labels, centers, sizes, multiplier, residuals)
    expected = sizes * excess / 2 - multiplier * (own + sizes) / (2 * own)
    expected = np.where(outside, expected, 0) * np.sqrt(weights)[:, None]
    assert_allclose(residuals, np.maximum(expected, 0), atol=1e-12)
    assert_allclose(sums, sums.T, atol=1e-10)

    columns = np.zeros((15, 2 + 9))
    indicators = np.sqrt(weights)[:, None] * ~outside / np.sqrt(sizes)
    columns[:, :2] = np.sqrt(weights)[:, None] * X
    for c in range(3):
        columns[labels == c, 2 + 3 * c : 5 + 3 * c] = residuals[labels == c]
    columns -= indicators @ (indicators.T @ columns)
    levels = sums / sizes[:, None]
    gram = dual_gram(X, weights, labels, centers, residuals, levels)
    assert_allclose(gram, columns.T @ columns, atol=1e-9)
