"""The split of groups into Gaussians, by the BIC."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs

from skdeepcluster._gaussians import log_densities
from skdeepcluster._rows import distinct_rows
from skdeepcluster.ppp._gaussian_split import MAX_COMPONENTS, split_into_gaussians


def overlapping(n_groups, seed=0, n_samples=2400, distance=3.0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_groups
    X = rng.standard_normal((n_samples, 2))
    X[:, 0] += distance * y
    rows, weights = distinct_rows(X)
    return rows, weights


@pytest.mark.parametrize("n_groups", [1, 2, 4])
def test_the_bic_finds_how_many_overlap(n_groups):
    rows, weights = overlapping(n_groups)
    found = split_into_gaussians(rows, weights, np.ones((len(rows), 1)))
    assert len(found) == n_groups
    means = found.means[np.argsort(found.means[:, 0])]
    assert_allclose(means[:, 0], 3 * np.arange(n_groups), atol=0.4)
    assert_allclose(np.exp(found.log_weights).sum(), 1)


def test_components_of_all_groups_have_the_shares_of_their_rows():
    rows, weights = overlapping(2, distance=30)
    shares = np.stack([rows[:, 0] < 15, rows[:, 0] >= 15], axis=1).astype(float)
    found = split_into_gaussians(rows, weights, shares)
    assert_allclose(np.exp(found.log_weights), [0.5, 0.5], rtol=1e-3)
    assert_allclose(found.means[:, 0], [0, 30], atol=0.2)


def test_weight_two_is_two_rows():
    X = make_blobs(300, 2, centers=3, random_state=0)[0]
    weights = np.random.default_rng(0).integers(1, 4, len(X))
    rows, merged = distinct_rows(X, weights.astype(float))
    repeated, counts = distinct_rows(np.repeat(X, weights, axis=0))
    first = split_into_gaussians(rows, merged, np.ones((len(rows), 1)))
    second = split_into_gaussians(repeated, counts, np.ones((len(repeated), 1)))
    assert_array_equal(log_densities(first, X), log_densities(second, X))


@pytest.mark.parametrize("n_most", [1, 2, 3])
def test_no_more_components_than_wanted(n_most):
    rows, weights = overlapping(4)
    found = split_into_gaussians(rows, weights, np.ones((len(rows), 1)), n_most)
    assert len(found) == n_most


def test_few_distinct_rows_are_not_split():
    rows = np.array([[0.0, 0], [0, 1], [5, 5], [5, 6]])
    weights = np.full(4, 1e6)
    assert len(split_into_gaussians(rows, weights, np.ones((4, 1)))) == 1
    assert MAX_COMPONENTS > 4
