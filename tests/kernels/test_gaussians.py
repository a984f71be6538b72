"""Densities, moments and marginals of Gaussians against slow references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, multivariate_t

from skdeepcluster.kernels.gaussians import (
    add_diagonal_moments,
    add_full_moments,
    diagonal_log_densities,
    full_log_densities,
    full_log_marginals,
    gaussian_factors,
    share_rows,
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
    moments = (
        np.zeros(n_components),
        np.zeros((n_components, n_features)),
        np.zeros((n_components, n_features, n_features)),
    )
    add_full_moments(X, shares, *moments)
    return moments


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
    add_diagonal_moments(X, shares, *diagonal)
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
