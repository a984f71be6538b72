"""Gaussians of cells: shrinkage that keeps every covariance definite."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdeepcluster._gaussians import Gaussians, log_likelihood, n_free_parameters
from skdeepcluster.ppp._cell_gaussians import (
    cell_covariances,
    em_step,
    n_shrunk_parameters,
    within_covariance,
)


def test_pooled_covariance_is_that_within_the_cells():
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(n, 3)) + 9 * n for n in (20, 30)]
    scatters = np.array([len(part) * np.cov(part.T, ddof=0) for part in parts])
    found = within_covariance(np.array([20.0, 30.0]), scatters)
    centred = np.concatenate([part - part.mean(axis=0) for part in parts])
    assert_allclose(found, np.cov(centred.T, ddof=0), rtol=1e-6)


@pytest.mark.parametrize("weight", [1.0, 1e7, 1e15])
def test_no_weight_makes_a_covariance_singular(weight):
    # Two distinct rows span a line.
    scatters = np.array([np.diag([weight, 0.0, 0.0]), np.eye(3)])
    covariances = cell_covariances(np.array([2 * weight, 3.0]), scatters)
    for covariance in covariances:
        smallest, *_, largest = np.linalg.eigvalsh(covariance)
        assert smallest > 1e-14 * largest
    assert np.isfinite(np.linalg.cholesky(covariances)).all()
    assert np.linalg.cholesky(cell_covariances(np.ones(1), np.zeros((1, 2, 2)))).any()


def test_large_cells_keep_their_covariance_and_small_ones_take_the_pooled():
    scatters = np.array([1e8 * np.diag([1.0, 4.0]), np.diag([0.0, 0.0])])
    large, small = cell_covariances(np.array([1e8, 1.0]), scatters)
    assert_allclose(large, np.diag([1.0, 4.0]), rtol=1e-6)
    # The pooled covariance counts as p + 2 = 4 rows beside 1.
    assert_allclose(small, 0.8 * np.diag([1.0, 4.0]), rtol=1e-6)


def test_em_steps_raise_the_likelihood():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(300, 2)), rng.normal(4, 1, size=(300, 2))]
    weights = np.ones(600)
    gaussians = Gaussians.of_weights(
        np.ones(2), X[[0, 1]], np.repeat(np.eye(2)[np.newaxis], 2, axis=0)
    )
    values = []
    for _ in range(6):
        values.append(log_likelihood(gaussians, X, weights))
        gaussians = em_step(gaussians, X, weights)
    assert np.all(np.diff(values) > 0)


def test_parameters_of_large_components_all_count():
    sizes = np.full(4, 1e12)
    assert n_shrunk_parameters(sizes, 3) == pytest.approx(
        n_free_parameters("full", 4, 3)
    )
    assert n_shrunk_parameters(sizes, 3, tied=True) == n_free_parameters("tied", 4, 3)
    # A component as heavy as its prior has half a covariance of its own.
    assert n_shrunk_parameters(np.array([5.0]), 3) == 3 + 6 / 2
