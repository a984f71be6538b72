"""Shrinking directions in which neighbours differ by chance."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import eigh
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, pairwise_distances

from skdeepcluster import NeighborEncoder
from skdeepcluster.deep._neighbor_noise import noise_shrinkage


def shrinkage(rows):
    return noise_shrinkage(rows, np.random.default_rng(0)).numpy()


def nearest(rows, k):
    distances = pairwise_distances(rows)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :k]


def blobs(distance, n_samples=1000):
    rng, y = np.random.default_rng(1), np.arange(n_samples) % 5
    centers = distance / np.sqrt(2) * np.eye(20)[:5]
    X = centers[y] + rng.standard_normal((n_samples, 20))
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def ring(n_noise):
    rng, angles = np.random.default_rng(0), np.linspace(0, 6, 300)
    noise = 0.3 * rng.normal(size=(300, n_noise))
    return np.column_stack([np.cos(angles), np.sin(angles), noise])


def test_slow_reference():
    rows = ring(3)
    centered = rows - rows.mean(axis=0)
    total = centered.T @ centered / 300
    differences = (rows[:, np.newaxis] - rows[nearest(rows, 15)]).reshape(-1, 5)
    shares, axes = eigh(differences.T @ differences / 2 / len(differences), total)
    # One pass is enough here.
    assert shares[0] < 0.2
    expected = axes * (1 - shares) @ axes.T @ total
    extents = np.square(centered).sum(), np.square(centered @ expected).sum()
    expected *= np.sqrt(extents[0] / extents[1])
    assert_allclose(shrinkage(rows), expected, atol=1e-9)


def test_noise_shrinks_and_shape_stays():
    moved = ring(3) @ shrinkage(ring(3))
    ratio = moved.std(axis=0) / ring(3).std(axis=0)
    assert ratio[:2].min() > 1
    assert ratio[2:].max() < 0.8
    assert_allclose(np.var(moved, axis=0).sum(), np.var(ring(3), axis=0).sum())


def test_rotation_and_units():
    rows = ring(3)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    assert_allclose(shrinkage(rows @ turn), turn.T @ shrinkage(rows) @ turn, atol=1e-9)


@pytest.mark.parametrize("distance", [6.0, 4.5])
def test_round_groups_in_many_columns(distance):
    rows, y = blobs(distance)
    same = [
        np.mean(y[nearest(Z, 15)] == y[:, np.newaxis])
        for Z in (rows, rows @ shrinkage(rows))
    ]
    assert same[1] > same[0] + 0.15


def test_encoder_keeps_round_groups_apart():
    rows, y = blobs(6.0)
    scores = [
        adjusted_rand_score(y, KMeans(5, n_init=5, random_state=0).fit_predict(Z))
        for Z in (rows, NeighborEncoder(random_state=0).fit_transform(rows))
    ]
    assert scores[1] > scores[0] - 0.02


def test_rows_without_noise_stay():
    # In no direction neighbours differ by more than in the other.
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), axis=-1)
    assert_allclose(shrinkage(grid.reshape(-1, 2)), np.eye(2), atol=0.01)
    line = np.arange(50.0)[:, np.newaxis]
    assert_allclose(shrinkage(line), [[1.0]])


@pytest.mark.parametrize(
    "rows", [ring(3)[:9], np.zeros((40, 3)), np.zeros((1, 1)), np.eye(12)]
)
def test_too_little_to_tell(rows):
    assert_array_equal(shrinkage(rows), np.eye(rows.shape[1]))


def test_columns_that_depend_on_each_other():
    rows = ring(2)
    doubled = np.hstack([rows, rows])
    expected = np.hstack([rows @ shrinkage(rows)] * 2)
    assert_allclose(doubled @ shrinkage(doubled), expected, atol=1e-6)


def test_more_rows_than_are_asked():
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.random((5000, 2)), 0.1 * rng.normal(size=(5000, 3))])
    whole, half = shrinkage(rows), shrinkage(rows[:2000])
    assert_allclose(whole, half, atol=0.1)
    assert_array_equal(whole, shrinkage(rows))
