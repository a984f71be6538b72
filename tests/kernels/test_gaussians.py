"""Densities, moments and marginals of Gaussians against slow references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, multivariate_t
from weighted import reference_moments, weighted_rows

from skdeepcluster.kernels.gaussians import (
    add_diagonal_moments,
    add_full_moments,
    cholesky,
    diagonal_log_densities,
    full_log_densities,
    full_log_marginals,
    gaussian_factors,
    moments,
    near_log_densities,
    pool_moments,
    share_rows,
    softmax_rows,
    sum_by_group,
)

LOG_TWO_PI = np.log(2 * np.pi)


def mixture(rng, n_components, n_features):
    means = rng.normal(size=(n_components, n_features))
    roots = rng.normal(size=(n_components, n_features, n_features))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(n_features)
    factors, log_determinants = gaussian_factors(covariances)
    constants = -0.5 * (log_determinants + n_features * LOG_TWO_PI)
    return means, covariances, constants, factors


def full_moments(X, shares):
    n_features, n_components = X.shape[1], shares.shape[1]
    parts = (
        np.zeros(n_components),
        np.zeros((n_components, n_features)),
        np.zeros((n_components, n_features, n_features)),
    )
    add_full_moments(X, shares, np.zeros(parts[1].shape), *parts)
    return parts


def marginals(X, labels, prior, pairs=None):
    """Log marginals of the rows of each label."""
    n_sets = labels.max() + 1
    if pairs is None:
        pairs = np.repeat(np.arange(n_sets)[:, np.newaxis], 2, axis=1)
    return full_log_marginals(*full_moments(X, np.eye(n_sets)[labels]), pairs, *prior)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 150), st.integers(1, 6), st.integers(1, 4), st.integers(0, 99))
def test_log_densities_are_those_of_scipy(n, p, k, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    means, covariances, constants, factors = mixture(rng, k, p)
    expected = np.column_stack(
        [
            np.atleast_1d(multivariate_normal(mean, covariance).logpdf(X))
            for mean, covariance in zip(means, covariances, strict=True)
        ]
    )

    assert_allclose(full_log_densities(X, means, constants, factors), expected)

    variances = np.diagonal(covariances, axis1=1, axis2=2)
    constants = -0.5 * (np.log(variances).sum(axis=1) + p * LOG_TWO_PI)
    expected = np.column_stack(
        [
            np.atleast_1d(multivariate_normal(mean, np.diag(variance)).logpdf(X))
            for mean, variance in zip(means, variances, strict=True)
        ]
    )
    found = diagonal_log_densities(X, means, constants, 1 / np.sqrt(variances))
    assert_allclose(found, expected)


def test_a_row_has_the_same_bits_wherever_it_stands():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 7))
    means, _, constants, factors = mixture(rng, 3, 7)
    whole = full_log_densities(X, means, constants, factors)
    for row in (0, 63, 64, 130, 199):
        alone = full_log_densities(X[row : row + 1], means, constants, factors)
        assert_array_equal(alone[0], whole[row])
    order = rng.permutation(200)
    shuffled = full_log_densities(X[order], means, constants, factors)
    assert_array_equal(shuffled, whole[order])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 50), st.integers(1, 6), st.integers(0, 99))
def test_shares_are_weighted_responsibilities(n, k, seed):
    rng = np.random.default_rng(seed)
    logs, weights = rng.normal(scale=30, size=(n, k)), rng.uniform(size=n)
    totals = logsumexp(logs, axis=1)
    expected = weights[:, np.newaxis] * np.exp(logs - totals[:, np.newaxis])

    shares = logs.copy()
    likelihood = share_rows(shares, weights)

    assert_allclose(shares, expected, atol=1e-15)
    assert_allclose(likelihood, weights @ totals)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_moments_are_weighted_sums(n, p, k, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    shares = rng.uniform(size=(n, k)) * rng.integers(0, 2, size=(n, k))

    sizes, sums, squares = full_moments(X, shares)

    assert_allclose(sizes, shares.sum(axis=0))
    assert_allclose(sums, shares.T @ X, atol=1e-12)
    expected = np.einsum("ik,ij,il->kjl", shares, X, X)
    assert_allclose(np.tril(squares), np.tril(expected), atol=1e-12)

    diagonal = np.zeros(k), np.zeros((k, p)), np.zeros((k, p))
    add_diagonal_moments(X, shares, np.zeros((k, p)), *diagonal)
    assert_array_equal(diagonal[0], sizes)
    assert_array_equal(diagonal[1], sums)
    assert_allclose(diagonal[2], np.einsum("kjj->kj", expected), atol=1e-12)


def test_moments_of_parts_add_up():
    rng = np.random.default_rng(0)
    X, shares = rng.normal(size=(90, 4)), rng.uniform(size=(90, 3))
    parts = [full_moments(X[i : i + 30], shares[i : i + 30]) for i in (0, 30, 60)]
    for whole, *pieces in zip(full_moments(X, shares), *parts, strict=True):
        assert_allclose(whole, sum(pieces), rtol=1e-12)


CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [5, 5], [6, 5], [5, 6], [6, 6.0]])
CORNER_PRIOR = np.array([3.0, 3.0]), 1.0, 4.0, np.eye(2)


def test_marginals_of_eight_points():
    halves = np.repeat([0, 1], 4)
    both = np.array([[0, 0], [1, 1], [0, 1]])
    first, second, union = marginals(CORNERS, halves, CORNER_PRIOR, both)
    assert_allclose([first, second], -15.787057468013, atol=1e-11)
    assert_allclose(union, -36.889023377482, atol=1e-11)


@pytest.mark.parametrize("order", [np.arange(8), np.array([6, 1, 4, 0, 7, 3, 5, 2])])
def test_marginal_is_a_product_of_students(order):
    mean, kappa, dof, scale = CORNER_PRIOR
    total = 0.0
    for x in CORNERS[order]:
        freedom = dof - 1
        shape = scale * (kappa + 1) / (kappa * freedom)
        total += multivariate_t(mean, shape, freedom).logpdf(x)
        away = x - mean
        scale = scale + kappa / (kappa + 1) * np.outer(away, away)
        mean, kappa, dof = (kappa * mean + x) / (kappa + 1), kappa + 1, dof + 1
    found = marginals(CORNERS, np.zeros(8, dtype=int), CORNER_PRIOR)
    assert_allclose(found, total, rtol=1e-12)


def test_marginal_of_nothing_is_one():
    sets = np.zeros(1), np.zeros((1, 2)), np.zeros((1, 2, 2))
    assert full_log_marginals(*sets, np.array([[0, 0]]), *CORNER_PRIOR) == 0


@settings(deadline=None)
@given(weighted_rows(), st.integers(0, 2**31))
def test_moments_about_the_mean_are_weighted_sums(data, seed):
    X, weights = data
    labels = np.random.default_rng(seed).integers(0, 3, len(X))
    found = moments(X, weights, labels, 3)
    for label in range(3):
        held = labels == label
        if held.any():
            expected = reference_moments(X[held], weights[held])
        else:
            expected = 0, 0, 0
        for part, value in zip(found, expected, strict=True):
            assert_allclose(part[label], value, rtol=1e-10, atol=1e-6)


def test_pooled_moments_are_those_of_all_rows(rng):
    X, weights = rng.standard_normal((100, 3)), rng.integers(1, 4, 100).astype(float)
    labels = rng.integers(0, 6, 100)
    parts = [
        part.reshape(3, 2, *part.shape[1:]) for part in moments(X, weights, labels, 6)
    ]
    pooled = pool_moments(*(tuple(part[:, side] for part in parts) for side in (0, 1)))
    for c in range(3):
        held = labels // 2 == c
        expected = reference_moments(X[held], weights[held])
        for found, value in zip(pooled, expected, strict=True):
            assert_allclose(found[c], value, atol=1e-12)


def test_pooling_with_an_empty_set_changes_nothing(rng):
    labels = np.zeros(10, dtype=np.intp)
    full = moments(rng.standard_normal((10, 2)), np.ones(10), labels, 1)
    empty = tuple(np.zeros_like(part) for part in full)
    for pair in ((full, empty), (empty, full)):
        for found, expected in zip(pool_moments(*pair), full, strict=True):
            assert_allclose(found, expected)


def test_factors_invert_covariances(covariances):
    inverses, log_determinants = gaussian_factors(covariances)
    for covariance, inverse, log_determinant in zip(
        covariances, inverses, log_determinants, strict=False
    ):
        factor = np.zeros((3, 3))
        cholesky(covariance, factor)
        assert_allclose(factor @ factor.T, covariance, atol=1e-12)
        assert_allclose(inverse @ factor, np.eye(3), atol=1e-12)
        assert log_determinant == pytest.approx(np.linalg.slogdet(covariance)[1])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 80), st.integers(1, 6), st.integers(1, 30), st.integers(0, 99))
def test_near_log_densities_are_those_of_all_components_that_matter(n, p, k, seed):
    rng = np.random.default_rng(seed)
    X = 5 * rng.normal(size=(n, p))
    means, covariances, constants, factors = mixture(rng, k, p)
    means *= 5
    precisions = 1 / np.trace(covariances, axis1=1, axis2=2)
    columns = np.ascontiguousarray(means.T)

    found = near_log_densities(X, means, columns, constants, factors, precisions)

    expected = full_log_densities(X, means, constants, factors)
    near = found > -np.inf
    assert_allclose(found[near], expected[near], rtol=1e-9)
    assert_allclose(found.max(axis=1), expected.max(axis=1), rtol=1e-9)
    far = np.broadcast_to(expected.max(axis=1, keepdims=True) - 39.9, expected.shape)
    assert np.all(expected[~near] < far[~near])


def test_sums_by_group_are_those_of_densities():
    logs = np.array([[0.0, 1.0, -np.inf, 2.0], [-900.0, -np.inf, -901.0, -np.inf]])
    totals = np.empty((2, 3))
    sum_by_group(logs, np.array([0, 1, 1, 0]), totals)
    expected = [[np.logaddexp(0, 2), 1, -np.inf], [-900, -901, -np.inf]]
    assert_allclose(totals, expected)


def test_components_far_below_the_best_count_as_nothing():
    logs = np.array([[5.0, 5.0 - 39.9, 5.0 - 40.1]])
    totals = np.empty((1, 3))
    sum_by_group(logs, np.arange(3), totals)
    assert_allclose(totals, [[5, -34.9, -np.inf]])
    shares = logs.copy()
    assert share_rows(shares, np.array([2.0])) == 10
    assert_array_equal(shares, [[2, 0, 0]])


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_shares_of_rows_are_those_of_scipy(n, k, seed):
    rng = np.random.default_rng(seed)
    logs = 300 * rng.normal(size=(n, k))
    logs[:, 1:][rng.random((n, k - 1)) < 0.3] = -np.inf
    expected = softmax(logs, axis=1)
    softmax_rows(logs)
    assert_allclose(logs, expected, rtol=1e-12)


def test_moments_about_any_origin_are_those_of_shifted_rows():
    rng = np.random.default_rng(0)
    X, shares = rng.normal(size=(40, 3)), rng.uniform(size=(40, 2))
    origins = rng.normal(size=(2, 3))
    found = np.zeros(2), np.zeros((2, 3)), np.zeros((2, 3, 3))
    add_full_moments(X, shares, origins, *found)
    for c in range(2):
        expected = full_moments(X - origins[c], shares[:, c : c + 1])
        for part, whole in zip(found, expected, strict=True):
            assert_allclose(part[c], whole[0], atol=1e-12)
