"""Gaussians against scikit-learn's mixtures and scipy's densities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from skdeepcluster import _gaussians
from skdeepcluster._gaussians import (
    CHUNK_ROWS,
    FEW_COMPONENTS,
    Gaussians,
    aic,
    bic,
    expected_log_densities,
    expected_moments,
    group_log_densities,
    log_densities,
    log_likelihood,
    n_free_parameters,
    sample,
    shrunk_covariances,
)

SHAPES = st.integers(1, 6), st.integers(1, 4), st.integers(0, 99)


def mixture(n_components, n_features, seed=0, full=True):
    """Overlapping Gaussians with weights of their own."""
    rng = np.random.default_rng(seed)
    means = 3 * rng.normal(size=(n_components, n_features))
    roots = rng.normal(size=(n_components, n_features, n_features))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(n_features)
    if not full:
        covariances = np.diagonal(covariances, axis1=1, axis2=2).copy()
    weights = rng.uniform(1, 9, n_components)
    return Gaussians.of_weights(weights, means, covariances)


def reference_logs(gaussians, X):
    """Joint log densities by scipy."""
    return np.column_stack(
        [
            log_weight
            + multivariate_normal(
                mean, covariance if gaussians.full else np.diag(covariance)
            ).logpdf(X)
            for log_weight, mean, covariance in zip(
                gaussians.log_weights,
                gaussians.means,
                gaussians.covariances,
                strict=True,
            )
        ]
    )


@settings(deadline=None, max_examples=30)
@given(*SHAPES, st.booleans())
def test_log_densities_are_those_of_scipy(k, p, seed, full):
    gaussians = mixture(k, p, seed, full)
    X = 3 * np.random.default_rng(seed).normal(size=(7, p))
    assert_allclose(log_densities(gaussians, X), reference_logs(gaussians, X))


def test_weights_are_shares_and_may_be_zero():
    means, covariances = np.zeros((2, 1)), np.ones((2, 1, 1))
    gaussians = Gaussians.of_weights(np.array([6.0, 2.0]), means, covariances)
    assert_allclose(np.exp(gaussians.log_weights), [0.75, 0.25])
    # A part keeps its weights, so that its densities are those of the whole.
    assert_array_equal(gaussians[1:].log_weights, gaussians.log_weights[1:])
    assert len(gaussians[1:]) == 1
    empty = gaussians.reweighted(np.array([1.0, 0.0]))
    assert_array_equal(empty.log_weights, [0, -np.inf])
    assert_array_equal(log_densities(empty, np.zeros((1, 1)))[:, 1], -np.inf)


@settings(deadline=None, max_examples=30)
@given(*SHAPES)
def test_densities_of_groups_are_sums_over_components(k, p, seed):
    gaussians = mixture(k, p, seed)
    rng = np.random.default_rng(seed)
    X = 3 * rng.normal(size=(20, p))
    groups = np.r_[0, rng.integers(0, 2, k - 1)].astype(np.intp)
    groups = np.unique(groups, return_inverse=True)[1]
    logs = reference_logs(gaussians, X)
    expected = np.column_stack(
        [logsumexp(logs[:, groups == g], axis=1) for g in range(groups.max() + 1)]
    )
    found = group_log_densities(gaussians, X, groups)
    assert_allclose(found.max(axis=1), expected.max(axis=1))
    best = expected.max(axis=1, keepdims=True)
    assert_allclose(np.exp(found - best), np.exp(expected - best), atol=1e-12)


def test_many_components_give_what_few_would(monkeypatch):
    gaussians = mixture(FEW_COMPONENTS + 20, 3)
    X = 3 * np.random.default_rng(1).normal(size=(200, 3))
    groups = np.arange(len(gaussians)) % 5
    found = group_log_densities(gaussians, X, groups)
    moments = expected_moments(gaussians, X, np.ones(200))
    monkeypatch.setattr(_gaussians, "FEW_COMPONENTS", len(gaussians))
    assert_allclose(found, group_log_densities(gaussians, X, groups), rtol=1e-9)
    expected = expected_moments(gaussians, X, np.ones(200))
    for one, other in zip(moments, expected, strict=True):
        assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_row_has_the_same_bits_in_any_company():
    gaussians = mixture(4, 3)
    X = 3 * np.random.default_rng(1).normal(size=(CHUNK_ROWS + 90, 3))
    groups = np.array([0, 1, 0, 2])
    whole = group_log_densities(gaussians, X, groups)
    for row in (0, CHUNK_ROWS - 1, CHUNK_ROWS, len(X) - 1):
        alone = group_log_densities(gaussians, X[row : row + 1], groups)
        assert_array_equal(alone[0], whole[row])


@settings(deadline=None, max_examples=30)
@given(*SHAPES)
def test_expected_moments_share_every_row(k, p, seed):
    gaussians = mixture(k, p, seed)
    rng = np.random.default_rng(seed)
    X, weights = 3 * rng.normal(size=(50, p)), rng.uniform(0.5, 2, 50)
    logs = reference_logs(gaussians, X)
    totals = logsumexp(logs, axis=1)
    shares = weights[:, np.newaxis] * np.exp(logs - totals[:, np.newaxis])

    found = expected_moments(gaussians, X, weights)

    assert_allclose(found.sizes, shares.sum(axis=0), atol=1e-12)
    assert found.log_likelihood == pytest.approx(weights @ totals)
    assert log_likelihood(gaussians, X, weights) == found.log_likelihood
    for c in np.flatnonzero(found.sizes > 1e-6):
        mean = np.average(X, axis=0, weights=shares[:, c])
        assert_allclose(found.means[c], mean, atol=1e-6)
        scatter = (shares[:, c, np.newaxis] * (X - mean)).T @ (X - mean)
        assert_allclose(found.scatters[c], scatter, atol=1e-6)


def test_moments_of_independent_columns_are_the_diagonal_ones():
    rng = np.random.default_rng(0)
    X, weights = 3 * rng.normal(size=(700, 4)), rng.uniform(0.5, 2, 700)
    variances = rng.uniform(0.5, 2, size=(3, 4))
    parts = np.ones(3), rng.normal(size=(3, 4))
    apart = Gaussians.of_weights(*parts, variances)
    whole = Gaussians.of_weights(*parts, variances[:, np.newaxis] * np.eye(4))
    found = expected_moments(apart, X, weights)
    expected = expected_moments(whole, X, weights)
    assert_allclose(found.sizes, expected.sizes)
    assert_allclose(found.means, expected.means)
    assert_allclose(found.scatters, np.einsum("kjj->kj", expected.scatters))
    assert found.log_likelihood == pytest.approx(expected.log_likelihood)


def test_an_em_step_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(700, 3)), rng.normal(3, 2, size=(300, 3))] + 1e4
    start = Gaussians.of_weights(
        np.ones(2), X[[0, 900]], np.repeat(np.eye(3)[np.newaxis], 2, axis=0)
    )
    found = expected_moments(start, X, np.ones(len(X)))
    model = GaussianMixture(
        2,
        means_init=start.means,
        weights_init=[0.5, 0.5],
        precisions_init=start.covariances,
        max_iter=1,
        reg_covar=0,
    )
    with pytest.warns(UserWarning, match="did not converge"):
        model.fit(X)
    assert_allclose(found.means, model.means_)
    assert_allclose(found.sizes / len(X), model.weights_)
    covariances = found.scatters / found.sizes[:, np.newaxis, np.newaxis]
    assert_allclose(covariances, model.covariances_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("full", [True, False])
def test_expected_log_densities_are_means_over_the_rows_of_a_set(full):
    gaussians = mixture(3, 2, full=full)
    X = np.random.default_rng(0).normal(size=(40, 2))
    centred = X - X.mean(axis=0)
    scatter = centred.T @ centred if full else np.square(centred).sum(axis=0)
    moments = np.array([40.0]), X.mean(axis=0)[np.newaxis], scatter[np.newaxis]
    found = expected_log_densities(gaussians, *moments)
    assert_allclose(found[0], log_densities(gaussians, X).mean(axis=0))


def test_shrinkage_is_a_weighted_mean_of_covariances():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 2, 5))
    scatters, sizes = roots @ roots.transpose(0, 2, 1), np.array([5.0, 50.0, 0.0])
    scatters[2] = 0
    target = np.array([[2.0, 0.5], [0.5, 1.0]])
    found = shrunk_covariances(sizes, scatters, target, np.array([5.0, 0.0, 3.0]))
    assert_allclose(found[0], (scatters[0] / 5 + target) / 2)
    assert_allclose(found[1], scatters[1] / 50)
    assert_allclose(found[2], target)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_criteria_are_those_of_scikit_learn(covariance_type):
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    n_parameters = n_free_parameters(covariance_type, 2, 3)
    total = model.score_samples(X).sum()
    assert bic(total, n_parameters, len(X)) == pytest.approx(model.bic(X))
    assert aic(total, n_parameters) == pytest.approx(model.aic(X))


@pytest.mark.parametrize("full", [True, False])
def test_samples_have_the_moments_of_the_mixture(full):
    gaussians = mixture(3, 2, full=full)
    rows, components = sample(gaussians, 60_000, np.random.default_rng(0))
    assert np.all(np.diff(components) >= 0)
    shares = np.bincount(components) / len(rows)
    assert_allclose(shares, np.exp(gaussians.log_weights), atol=0.01)
    for c in range(3):
        drawn = rows[components == c]
        covariance = gaussians.covariances[c]
        covariance = covariance if full else np.diag(covariance)
        assert_allclose(drawn.mean(axis=0), gaussians.means[c], atol=0.1)
        error = 5 * np.trace(covariance) * np.sqrt(2 / len(drawn))
        assert_allclose(np.cov(drawn.T), covariance, atol=error)
