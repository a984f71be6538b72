"""Lloyd's algorithm, its restarts and Hamerly's bounds, against slow references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from skdeepcluster._kmeans import (
    best_of_starts,
    hamerly,
    kmeans,
    lloyd,
    plusplus_centers,
    weighted_means,
)
from skdeepcluster.kernels.kmeans import nearest_centers

DTYPES = [np.float32, np.float64]

dtypes = st.sampled_from(DTYPES)
seeds = st.integers(0, 2**32 - 1)
row_counts = st.integers(1, 40)
cluster_counts = st.integers(1, 20)


def all_squared_distances(X, centers):
    differences = X[:, np.newaxis].astype(np.float64) - centers.astype(np.float64)
    return np.square(differences).sum(axis=2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_lloyd_agrees_with_scikit_learn(dtype):
    X, _ = make_blobs(600, 7, centers=5, cluster_std=3, random_state=0)
    X = X.astype(dtype)
    weights = np.random.default_rng(0).uniform(size=len(X))
    start = X[:5].copy()

    centers, labels, distances, inertia, n_iter = lloyd(
        X, weights, start, max_iter=300, tol=0.0
    )

    expected = KMeans(5, init=start, n_init=1, tol=0, algorithm="lloyd").fit(
        X, sample_weight=weights
    )
    assert_array_equal(labels, expected.labels_)
    assert_allclose(centers, expected.cluster_centers_, rtol=1e-4)
    assert inertia == pytest.approx(expected.inertia_, rel=1e-5)
    assert inertia == pytest.approx(weights @ distances, rel=1e-5)
    assert 1 < n_iter <= expected.n_iter_


@settings(deadline=None)
@given(row_counts, st.integers(1, 4), cluster_counts, dtypes, st.integers(0, 5), seeds)
def test_lloyd_answers_for_the_centers_that_it_returns(n, p, k, dtype, n_iter, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, size=(n, p)).astype(dtype)
    weights, start = np.ones(n), rng.normal(size=(k, p)).astype(dtype)

    centers, labels, distances, inertia, done = lloyd(
        X, weights, start, max_iter=n_iter, tol=0.0
    )

    expected_labels, expected_distances = nearest_centers(X, centers)
    assert_array_equal(labels, expected_labels)
    assert_array_equal(distances, expected_distances)
    assert inertia == pytest.approx(distances.sum(dtype=np.float64))
    assert done <= n_iter
    assert inertia <= all_squared_distances(X, start).min(axis=1).sum() * (1 + 1e-6)


def test_lloyd_stops_where_centers_hardly_move():
    X, _ = make_blobs(500, 2, centers=1, random_state=0)
    weights, start = np.ones(500), X[:8].copy()

    *_, n_iter = lloyd(X, weights, start, max_iter=300, tol=0.0)
    early_centers, _, _, _, n_early = lloyd(X, weights, start, max_iter=300, tol=0.01)
    before, *_ = lloyd(X, weights, start, max_iter=n_early - 1, tol=0.0)

    assert n_early < n_iter
    assert np.square(early_centers - before).sum() <= 0.01


@settings(deadline=None)
@given(row_counts, st.integers(1, 4), cluster_counts, seeds)
def test_a_weight_of_two_is_two_rows(n, p, k, seed):
    # Whole numbers, whose sums are exact in any order.
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 9, size=(n, p)).astype(float)
    weights = rng.integers(1, 4, size=n)
    start = rng.integers(0, 9, size=(k, p)).astype(float)

    # An empty cluster takes one row with all of its weight, but one of equal rows.
    weighted = lloyd(X, weights.astype(float), start, max_iter=0, tol=0.0)
    repeated = lloyd(
        X.repeat(weights, axis=0), np.ones(weights.sum()), start, max_iter=0, tol=0.0
    )
    means, sizes = weighted_means(X, weights.astype(float), weighted.labels, k)
    repeated_means, repeated_sizes = weighted_means(
        X.repeat(weights, axis=0), np.ones(weights.sum()), repeated.labels, k
    )

    assert_array_equal(weighted.labels.repeat(weights), repeated.labels)
    assert weighted.inertia == repeated.inertia
    assert_array_equal(means, repeated_means)
    assert_array_equal(sizes, repeated_sizes)


def test_weighted_means_of_an_empty_cluster_are_zeros():
    X = np.array([[1.0, 2.0], [3.0, 6.0]])

    means, sizes = weighted_means(X, np.array([3.0, 1.0]), np.zeros(2, np.intp), 2)

    assert_array_equal(means, [[1.5, 3.0], [0, 0]])
    assert_array_equal(sizes, [4, 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_spherical_centers_have_length_one(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(dtype)

    run = kmeans(X, np.ones(200), 4, rng, spherical=True, tol=0.0)

    assert_allclose(np.linalg.norm(run.centers, axis=1), 1, rtol=1e-6)
    for number, center in enumerate(run.centers.astype(float)):
        mean = X[run.labels == number].astype(float).mean(axis=0)
        assert_allclose(center, mean / np.linalg.norm(mean), rtol=1e-5, atol=1e-6)


def test_the_best_of_several_starts_is_kept():
    X, _ = make_blobs(300, 3, centers=9, cluster_std=2, random_state=0)
    weights = np.random.default_rng(1).uniform(size=300)
    rng = np.random.default_rng(0)
    starts = [plusplus_centers(X, weights, 9, rng) for _ in range(6)]
    runs = [lloyd(X, weights, start, max_iter=300, tol=1e-4) for start in starts]

    tightest = kmeans(X, weights, 9, np.random.default_rng(0), n_init=6)
    nearest = best_of_starts(
        X, weights, starts, max_iter=300, tol=1e-4, by_distance=True
    )

    assert len({run.inertia for run in runs}) > 1
    assert tightest.inertia == min(run.inertia for run in runs)
    distances = [np.sum(weights * np.sqrt(run.squared_distances)) for run in runs]
    assert_array_equal(nearest.centers, runs[int(np.argmin(distances))].centers)


def test_filled_centers_leave_out_those_without_rows():
    X = np.array([[0.0], [0.0], [5.0], [5.0], [5.0]])
    start = np.array([[0.0], [5.0], [9.0]])

    run = lloyd(X, np.ones(5), start, max_iter=10, tol=0.0)

    assert len(run.centers) == 3
    assert_array_equal(run.filled_centers(np.ones(5)), [[5.0], [0.0]])
    assert_array_equal(run.filled_centers(np.array([9.0, 1, 1, 1, 1])), [[0.0], [5.0]])


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(0, 2**31))
def test_bounds_change_nothing(n_centers, n_columns, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((80, n_columns)) * rng.uniform(0.1, 3, n_columns)
    weights, starts = rng.integers(1, 4, 80).astype(float), X[:n_centers].copy()
    centers, labels = starts.copy(), None
    for _ in range(8):
        distances = np.linalg.norm(X[:, np.newaxis] - centers, axis=2)
        if labels is not None and np.array_equal(labels, distances.argmin(axis=1)):
            break
        labels = distances.argmin(axis=1)
        for c in np.unique(labels):
            mine = labels == c
            centers[c] = np.average(X[mine], axis=0, weights=weights[mine])
    found, first, second = hamerly(X, weights, starts, max_iter=8)
    assert_allclose(found, centers, atol=1e-9)
    order = np.argsort(np.linalg.norm(X[:, np.newaxis] - found, axis=2), axis=1)
    assert_array_equal(first, order[:, 0])
    if n_centers > 1:
        assert_array_equal(second, order[:, 1])
