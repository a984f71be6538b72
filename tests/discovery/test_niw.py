"""The prior of a class: posterior modes, marginals, and what units change."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import gammaln

from skdeepcluster._gaussians import Gaussians, log_densities
from skdeepcluster.discovery._niw import (
    Moments,
    Prior,
    mean_log_densities,
    prior_of_classes,
)

CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1.0]])


def one_set(rows, full=True):
    labels = np.zeros(len(rows), dtype=int)
    return Moments.of_rows(rows, np.ones(len(rows)), labels, 1, full)


def test_mode_of_four_points():
    prior = Prior(np.array([3.0, 3.0]), 1.0, 4.0, np.eye(2))
    means, covariances = prior.most_probable(one_set(CORNERS))
    assert_allclose(means, [[1, 1]])
    assert_allclose(covariances[0], [[7 / 12, 5 / 12], [5 / 12, 7 / 12]])


def priors():
    mean, scale = np.array([0.5, -1.0]), np.array([[2.0, 0.3], [0.3, 1.0]])
    yield Prior(mean, 0.7, 5.0, scale)
    yield Prior(mean, 0.7, 5.0, np.diagonal(scale).copy())
    yield Prior(mean, 0.7, 5.0, np.full(2, 1.5), shared=True)


def parameters_of(prior, free):
    """Mean and covariance from free numbers, as each kind has them."""
    mean = free[:2]
    if prior.full:
        root = np.array([[np.exp(free[2]), 0], [free[3], np.exp(free[4])]])
        return mean, root @ root.T
    if prior.shared:
        return mean, np.full(2, np.exp(free[2]))
    return mean, np.exp(free[2:4])


@pytest.mark.parametrize("prior", [*priors()], ids=["full", "diag", "spherical"])
def test_the_mode_is_where_the_posterior_is_largest(prior):
    rows = np.random.default_rng(0).normal(size=(9, 2))
    moments = one_set(rows, prior.full)

    def loss(free):
        mean, covariance = parameters_of(prior, free)
        component = Gaussians.of(np.zeros(1), mean[np.newaxis], covariance[np.newaxis])
        data = mean_log_densities(component, moments)[0, 0] * len(rows)
        return -data - prior.log_density(component)

    found = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-8})
    mean, covariance = parameters_of(prior, found.x)
    means, covariances = prior.most_probable(moments)
    assert_allclose(means[0], mean, atol=1e-5)
    assert_allclose(covariances[0], covariance, atol=1e-5)


def test_tied_mode_of_one_class_is_that_of_the_class():
    prior, moments = next(priors()), one_set(CORNERS)
    for plain, tied in zip(
        prior.most_probable(moments), prior.most_probable(moments, True), strict=True
    ):
        assert_allclose(plain, tied)


def test_marginal_of_one_column_is_an_integral():
    rows = np.array([[0.3], [1.9], [-0.4]])
    prior = Prior(np.array([0.2]), 0.5, 3.0, np.array([[1.7]]))

    means, log_variances = np.linspace(-30, 30, 3001), np.linspace(-6, 9, 1501)
    variances = np.exp(log_variances)[:, np.newaxis]
    logs = 1.5 * np.log(1.7 / 2) - gammaln(1.5)
    logs = logs - 2.5 * np.log(variances) - 1.7 / 2 / variances
    for x, precision in [(0.2, 0.5), *((x, 1.0) for x in rows[:, 0])]:
        logs = logs - 0.5 * precision * (x - means) ** 2 / variances
        logs = logs - 0.5 * np.log(2 * np.pi * variances / precision)
    cell = (means[1] - means[0]) * (log_variances[1] - log_variances[0])
    expected = np.sum(np.exp(logs) * variances) * cell
    found = prior.log_marginals(one_set(rows))[0]
    assert_allclose(found, np.log(expected), rtol=1e-3)
    for shared in (False, True):
        same = Prior(np.array([0.2]), 0.5, 3.0, np.array([1.7]), shared)
        found = same.log_marginals(one_set(rows, full=False))
        assert_allclose(found, prior.log_marginals(one_set(rows)))


def test_independent_columns_multiply():
    rows = np.random.default_rng(0).normal(size=(7, 3))
    mean, scale = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0])
    prior = Prior(mean, 0.5, 4.0, scale)
    columns = [
        Prior(mean[j : j + 1], 0.5, 4.0, scale[j : j + 1]).log_marginals(
            one_set(rows[:, j : j + 1], full=False)
        )
        for j in range(3)
    ]
    found = prior.log_marginals(one_set(rows, full=False))
    assert_allclose(found, sum(columns))


def test_shared_variance_is_a_chain_of_students():
    # All columns are one sample of the variance: by the marginal of its parts.
    rows = np.random.default_rng(1).normal(size=(6, 2))
    prior = Prior(np.zeros(2), 0.3, 4.0, np.array([1.0, 1.0]), shared=True)
    total, moments = 0.0, one_set(rows[:0], full=False)
    for x in rows:
        posterior_kappa = 0.3 + moments.sizes[0]
        dof = 4.0 + 2 * moments.sizes[0]
        center = moments.sums[0] / posterior_kappa
        scatter = prior._posterior_scales(moments)[0].sum()
        away = x - center
        ratio = posterior_kappa / (posterior_kappa + 1) * (away @ away) / scatter

        total += gammaln(dof / 2 + 1) - gammaln(dof / 2)
        total += np.log(posterior_kappa / (posterior_kappa + 1) / scatter / np.pi)
        total -= (dof / 2 + 1) * np.log1p(ratio)
        moments = moments + one_set(x[np.newaxis], full=False)
    assert_allclose(prior.log_marginals(moments)[0], total)


def test_affine_maps_change_no_comparison_under_a_prior_from_the_classes():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(20, 3)), rng.normal(size=(25, 3)) + 2])
    labels = np.repeat([0, 1], [20, 25])
    turn, shift = rng.normal(size=(3, 3)), rng.normal(size=3)

    def log_ratio(rows):
        classes = Moments.of_rows(rows, np.ones(45), labels, 2, True)
        pooled = classes.scatters().sum(axis=0) / 43
        prior = prior_of_classes(classes, rows.mean(axis=0), pooled, False)
        union = prior.log_marginals(classes, np.array([[0, 1]]))[0]
        return union - prior.log_marginals(classes).sum()

    assert_allclose(log_ratio(rows), log_ratio(rows @ turn + shift), atol=1e-7)


def test_prior_of_the_classes_is_the_best_of_its_grid():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 15)
    rows = 3 * rng.normal(size=(4, 2))[labels] + rng.normal(size=(60, 2))
    classes = Moments.of_rows(rows, np.ones(60), labels, 4, True)
    best = prior_of_classes(classes, rows.mean(axis=0), np.eye(2), False)
    evidence = best.log_marginals(classes).sum()
    for kappa in (1e-3, 0.1, 1.0):
        for dof in (1, 5, 100):
            other = Prior(best.mean, kappa, dof + 3.0, dof * np.eye(2))
            assert other.log_marginals(classes).sum() <= evidence


def test_far_cells_have_the_mean_density_of_their_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(11, 3))
    component = Gaussians.of(
        np.log([0.4, 0.6]),
        rng.normal(size=(2, 3)),
        np.array([np.eye(3), 2 * np.eye(3)]),
    )
    found = mean_log_densities(component, one_set(rows))
    assert_allclose(found[0], log_densities(component, rows).mean(axis=0))
