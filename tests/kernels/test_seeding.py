"""Greedy k-means++, as a plain function of rows, weights and draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.datasets import make_blobs

from skdeepcluster.kernels.seeding import kmeans_plusplus, n_kmeans_plusplus_draws


def slow_kmeans_plusplus(X, weights, n_clusters, draws):
    """The same choice, from whole matrices of distances."""
    draws = iter(draws)
    distances = np.square(X[:, np.newaxis] - X).sum(axis=2)
    chosen = [np.flatnonzero(np.cumsum(weights) > next(draws) * weights.sum())[0]]
    for _ in range(n_clusters - 1):
        mass = weights * distances[chosen].min(axis=0)
        shares = np.cumsum(mass)
        candidates = [
            np.flatnonzero(shares > next(draws) * shares[-1])[0]
            for _ in range(2 + int(np.log(n_clusters)))
        ]
        left = [weights @ distances[[*chosen, row]].min(axis=0) for row in candidates]
        chosen.append(candidates[np.argmin(left)])
    return chosen


@settings(deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(1, 12),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**32 - 1),
)
def test_chosen_rows_are_valid_and_distinct_while_they_can_be(n, p, k, dtype, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, size=(n, p)).astype(dtype)
    weights = rng.integers(0, 3, size=n).astype(float)
    weights[rng.integers(n)] = 1

    chosen = kmeans_plusplus(X, weights, k, rng.random(n_kmeans_plusplus_draws(k)))

    assert chosen.shape == (k,)
    assert chosen.dtype == np.intp
    assert (weights[chosen] > 0).all()
    n_distinct = len(np.unique(X[weights > 0], axis=0))
    assert len(np.unique(X[chosen], axis=0)) == min(k, n_distinct)


@settings(deadline=None)
@given(st.integers(12, 60), st.integers(1, 20), st.integers(1, 12), st.integers(0, 99))
def test_agrees_with_whole_matrices_of_distances(n, p, k, seed):
    rng = np.random.default_rng(seed)
    X, weights = rng.normal(size=(n, p)), rng.uniform(size=n)
    draws = rng.random(n_kmeans_plusplus_draws(k))

    chosen = kmeans_plusplus(X, weights, k, draws)

    assert_array_equal(chosen, slow_kmeans_plusplus(X, weights, k, draws))


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 99))
def test_a_weight_of_two_is_two_rows(n, k, seed):
    rng = np.random.default_rng(seed)
    X, weights = rng.normal(size=(n, 3)), rng.integers(1, 4, size=n)
    draws = rng.random(n_kmeans_plusplus_draws(k))

    chosen = kmeans_plusplus(X, weights.astype(float), k, draws)
    repeated = X.repeat(weights, axis=0)
    repeated_chosen = kmeans_plusplus(repeated, np.ones(len(repeated)), k, draws)

    assert_array_equal(X[chosen], repeated[repeated_chosen])


@pytest.mark.parametrize("draw", [0.0, 0.9, np.nextafter(1, 0)])
@pytest.mark.parametrize("scale", [np.finfo(float).smallest_subnormal, 1.0, 1e300])
def test_a_row_without_weight_is_never_chosen(scale, draw):
    rng = np.random.default_rng(0)
    for n_rows in range(3, 40):
        X = rng.integers(0, 5, size=(n_rows, 2)).astype(float)
        weights = np.full(n_rows, scale)
        weights[[0, -1]] = 0
        draws = np.full(n_kmeans_plusplus_draws(3), draw)

        chosen = kmeans_plusplus(X, weights, 3, draws)

        assert (weights[chosen] > 0).all()


def test_well_separated_blobs_get_one_row_each():
    X, blobs = make_blobs(300, 3, centers=10, cluster_std=0.01, random_state=0)
    for seed in range(20):
        draws = np.random.default_rng(seed).random(n_kmeans_plusplus_draws(10))

        chosen = kmeans_plusplus(X, np.ones(300), 10, draws)

        assert_array_equal(np.sort(blobs[chosen]), np.arange(10))


@pytest.mark.parametrize("scale", [1e-320, 1e300])
def test_numbers_at_the_ends_of_the_range_give_valid_rows(scale):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(50, 3)) * scale

    chosen = kmeans_plusplus(X, np.ones(50), 6, rng.random(n_kmeans_plusplus_draws(6)))

    assert chosen.min() >= 0
    assert chosen.max() < 50


def test_inputs_need_not_be_writeable():
    rng = np.random.default_rng(0)
    X, weights, draws = rng.normal(size=(30, 2)), np.ones(30), rng.random(10)
    expected = kmeans_plusplus(X, weights, 4, draws)
    for array in (X, weights, draws):
        array.flags.writeable = False

    assert_array_equal(kmeans_plusplus(X, weights, 4, draws), expected)
