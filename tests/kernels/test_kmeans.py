"""Nearest centers and weighted means, as plain functions."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris

from skdeepcluster.kernels import kmeans as assignment
from skdeepcluster.kernels._simd import ROW_BYTES
from skdeepcluster.kernels.kmeans import (
    _transpose,
    center_sums,
    nearest_centers,
    update_centers,
)

DTYPES = [np.float32, np.float64]

dtypes = st.sampled_from(DTYPES)
seeds = st.integers(0, 2**32 - 1)
# Around the 8 and 16 rows of a vector, and the 6 centers of a tile.
row_counts = st.integers(1, 40)
feature_counts = st.integers(1, 36)
cluster_counts = st.integers(1, 20)


def all_squared_distances(X, centers):
    differences = X[:, np.newaxis].astype(np.float64) - centers.astype(np.float64)
    return np.square(differences).sum(axis=2)


@settings(deadline=None)
@given(row_counts, feature_counts, cluster_counts, dtypes, seeds)
def test_nearest_centers_agrees_with_all_distances(n, p, k, dtype, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)).astype(dtype)
    centers = rng.normal(size=(k, p)).astype(dtype)

    labels, distances = nearest_centers(X, centers)

    expected = all_squared_distances(X, centers)
    assert labels.dtype == np.intp
    assert distances.dtype == dtype
    chosen = expected[np.arange(n), labels]
    assert_allclose(distances, chosen, rtol=4 * np.finfo(dtype).eps)
    # Centers closer than the rounding of the score may be taken for each other.
    scale = np.square(X).sum(axis=1).max() + np.square(centers).sum(axis=1).max()
    assert_allclose(chosen, expected.min(axis=1), atol=8 * np.finfo(dtype).eps * scale)


@settings(deadline=None)
@given(row_counts, feature_counts, cluster_counts, dtypes, seeds)
def test_ties_of_whole_numbers_go_to_the_lowest_center(n, p, k, dtype, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-2, 3, size=(n, p)).astype(dtype)
    centers = rng.integers(-2, 3, size=(k, p)).astype(dtype)

    labels, distances = nearest_centers(X, centers)

    expected = all_squared_distances(X, centers)
    assert_array_equal(labels, expected.argmin(axis=1))
    assert_array_equal(distances, expected.min(axis=1))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0, 1e6])
def test_a_row_equal_to_centers_gets_the_first_of_them_and_distance_zero(offset, dtype):
    rng = np.random.default_rng(0)
    centers = (offset + 100 * rng.normal(size=(17, 13))).astype(dtype)

    labels, distances = nearest_centers(centers, np.vstack([centers, centers]))

    assert_array_equal(labels, np.arange(17))
    assert_array_equal(distances, 0)


def test_a_common_offset_costs_no_digits():
    rng = np.random.default_rng(0)
    X, centers = rng.integers(-9, 10, size=(500, 5)), rng.integers(-9, 10, size=(8, 5))

    labels, distances = nearest_centers(
        (X + 1e6).astype(np.float32), (centers + 1e6).astype(np.float32)
    )

    expected = all_squared_distances(X, centers)
    assert_array_equal(labels, expected.argmin(axis=1))
    assert_array_equal(distances, expected.min(axis=1))


@settings(deadline=None)
@given(row_counts, feature_counts, cluster_counts, dtypes, seeds)
def test_no_bit_depends_on_the_company_of_a_row(n, p, k, dtype, seed):
    rng = np.random.default_rng(seed)
    # Nearly equal centers: any other rounding would change labels as well.
    X = rng.normal(size=(n, p)).astype(dtype)
    centers = (1 + np.finfo(dtype).eps * rng.normal(size=(k, p))).astype(dtype)
    labels, distances = nearest_centers(X, centers)

    order = rng.permutation(n)
    start, stop = np.sort(rng.integers(0, n + 1, size=2))
    for rows in (order, slice(start, stop), *([i] for i in range(n))):
        some_labels, some_distances = nearest_centers(X[rows], centers)
        assert_array_equal(some_labels, labels[rows])
        assert_array_equal(some_distances, distances[rows])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_features", [1, 3, 7, 8, 9, 16, 17, 40])
def test_blocks_read_nothing_behind_the_last_row(n_features, dtype):
    n_lanes = ROW_BYTES // np.dtype(dtype).itemsize
    n_padded = -(-n_features // n_lanes) * n_lanes
    memory = np.full((100, n_features), np.nan, dtype=dtype)
    memory[:50] = 1
    for start in range(50):
        columns = np.zeros((n_padded, n_lanes), dtype=dtype)
        n_rows = min(n_lanes, 50 - start)

        _transpose(memory[:50], start, n_rows, np.zeros(n_padded, dtype), columns)

        assert_array_equal(columns[:n_features, :n_rows], 1)
        assert not np.isnan(columns).any()


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_samples", [1, 7, 1001])
def test_no_bit_depends_on_the_number_of_threads(
    n_samples, dtype, n_threads, monkeypatch
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 19)).astype(dtype)
    centers = rng.normal(size=(11, 19)).astype(dtype)
    labels, distances = nearest_centers(X, centers)

    monkeypatch.setattr(assignment, "_THREADING_WORK", 0)
    monkeypatch.setattr(assignment, "_n_threads", lambda: n_threads)
    threaded_labels, threaded_distances = nearest_centers(X, centers)

    assert_array_equal(threaded_labels, labels)
    assert_array_equal(threaded_distances, distances)


def test_threads_are_those_of_numba_and_stay_as_they_are():
    script = """
import numba, numpy as np
from skdeepcluster.kernels import kmeans

kmeans._THREADING_WORK = 0
X = np.random.default_rng(0).normal(size=(100, 3))
assert kmeans._n_threads() == 3
kmeans.nearest_centers(X, X[:4])
try:
    numba.threading_layer()
except ValueError:
    pass
else:
    raise AssertionError("numba's threads were started")
numba.set_num_threads(2)
assert kmeans._n_threads() == 2
kmeans.nearest_centers(X, X[:4])
assert numba.get_num_threads() == 2
"""
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        env=os.environ | {"NUMBA_NUM_THREADS": "3"},
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [-1, 1])
def test_numbers_at_the_ends_of_the_range_give_a_valid_answer(exponent, dtype):
    rng = np.random.default_rng(0)
    limits = np.finfo(dtype)
    scale = limits.smallest_subnormal * 4 if exponent < 0 else limits.max / 8
    X = (rng.uniform(-1, 1, size=(30, 4)) * scale).astype(dtype)

    labels, distances = nearest_centers(X, X[:5])

    assert labels.min() >= 0
    assert labels.max() < 5
    assert not np.isnan(distances).any()
    assert (distances >= 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_inputs_are_neither_written_nor_need_to_be_writeable(dtype):
    X = load_iris().data.astype(dtype)
    weights, centers = np.ones(len(X)), X[::50].copy()
    before = [array.copy() for array in (X, weights, centers)]

    def steps():
        labels, distances = nearest_centers(X, centers)
        return (
            labels,
            distances,
            *update_centers(X, weights, labels, distances, centers),
        )

    expected = steps()
    for array, copy in zip((X, weights, centers), before, strict=True):
        assert_array_equal(array, copy)
        assert array.flags.writeable
        array.flags.writeable = False

    for result, other in zip(steps(), expected, strict=True):
        assert_array_equal(result, other)


@settings(deadline=None)
@given(row_counts, feature_counts, cluster_counts, dtypes, seeds)
def test_center_sums_agrees_with_an_indicator_matrix(n, p, k, dtype, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)).astype(dtype)
    weights, labels = rng.uniform(size=n), rng.integers(0, k, size=n)

    sums, counts = center_sums(X, weights, labels, k)

    members = weights * (labels == np.arange(k)[:, np.newaxis])
    assert sums.dtype == counts.dtype == np.float64
    assert_allclose(sums, members @ X.astype(np.float64), atol=1e-13)
    assert_allclose(counts, members.sum(axis=1), atol=1e-13)


@settings(deadline=None)
@given(row_counts, feature_counts, cluster_counts, seeds)
def test_a_weight_of_two_is_two_rows(n, p, k, seed):
    rng = np.random.default_rng(seed)
    X, weights = rng.normal(size=(n, p)), rng.integers(0, 4, size=n)
    labels = rng.integers(0, k, size=n)

    sums, counts = center_sums(X, weights.astype(float), labels, k)
    repeated_sums, repeated_counts = center_sums(
        X.repeat(weights, axis=0), np.ones(weights.sum()), labels.repeat(weights), k
    )

    assert_allclose(sums, repeated_sums, atol=1e-12)
    assert_array_equal(counts, repeated_counts)


@pytest.mark.parametrize("dtype", DTYPES)
def test_update_centers_takes_weighted_means(dtype):
    X = np.array([[0, 0], [4, 0], [1, 1], [3, 5]], dtype=dtype)
    weights, labels = np.array([3.0, 1, 1, 1]), np.array([0, 0, 1, 1])
    centers = np.zeros((2, 2), dtype=dtype)
    distances = np.ones(4, dtype=dtype)

    means, counts, n_relocated = update_centers(X, weights, labels, distances, centers)

    assert means.dtype == dtype
    assert_array_equal(means, [[1, 0], [2, 3]])
    assert_array_equal(counts, [4, 2])
    assert n_relocated == 0


def test_empty_clusters_take_the_farthest_rows():
    X = np.array([[0.0], [2], [10], [4], [10]])
    labels = np.array([1, 1, 1, 1, 1])
    centers = np.array([[70.0], [0], [80], [90]])
    distances = np.square(X - centers[1]).ravel()

    means, counts, n_relocated = update_centers(
        X, np.array([1.0, 1, 2, 1, 1]), labels, distances, centers
    )

    # Rows 2 and 4 are equally far; row 2 comes first, with all of its weight.
    assert_array_equal(means, [[10], [1], [10], [4]])
    assert_array_equal(counts, [2, 2, 1, 1])
    assert n_relocated == 3


def test_equally_far_rows_are_taken_in_their_order():
    X = np.ones((1000, 1))
    X[::2] = -1
    centers = np.zeros((4, 1))
    labels, distances = nearest_centers(X, centers)

    means, _, n_relocated = update_centers(X, np.ones(1000), labels, distances, centers)

    assert_array_equal(means[1:], X[:3])
    assert n_relocated == 3


def test_rows_that_cannot_be_spared_are_not_relocated():
    X = np.array([[0.0], [0], [50], [90], [70]])
    weights = np.array([1.0, 1, 1, 0, 1])
    labels = np.array([0, 0, 1, 0, 3])
    centers = np.array([[0.0], [40], [30], [65]])
    distances = np.square(X - centers[labels]).ravel()

    means, counts, n_relocated = update_centers(X, weights, labels, distances, centers)

    # Rows 0 and 1 lie on their center, 2 and 4 are alone, and 3 has no weight.
    assert_array_equal(means, [[0], [50], [30], [70]])
    assert_array_equal(counts, [2, 1, 0, 1])
    assert n_relocated == 0


@settings(deadline=None)
@given(row_counts, st.integers(1, 5), cluster_counts, seeds)
def test_every_cluster_ends_with_weight_or_with_its_old_center(n, p, k, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 3, size=(n, p)).astype(float)
    weights = rng.integers(0, 3, size=n).astype(float)
    centers = rng.normal(size=(k, p))
    labels, distances = nearest_centers(X, centers)

    means, counts, n_relocated = update_centers(X, weights, labels, distances, centers)

    filled_before = np.bincount(labels, weights, minlength=k) > 0
    assert np.isfinite(means).all()
    assert counts.min() >= 0
    assert counts.sum() == weights.sum()
    assert (counts > 0).sum() == filled_before.sum() + n_relocated
    assert_array_equal(means[counts == 0], centers[counts == 0])
    assert_allclose(counts @ means, weights @ X, atol=1e-10)
