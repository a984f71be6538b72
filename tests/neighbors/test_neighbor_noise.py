"""Shrinking directions in which neighbours differ by chance."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import eigh
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine
from sklearn.metrics import adjusted_rand_score, pairwise_distances

from skdeepcluster import NeighborEncoder
from skdeepcluster.neighbors import _neighbor_noise
from skdeepcluster.neighbors._neighbor_noise import noise_shrinkage


def shrinkage(rows):
    return noise_shrinkage(rows, 0)


def nearest(rows, k):
    distances = pairwise_distances(rows)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :k]


def blobs(distance, n_samples=1000):
    rng, y = np.random.default_rng(1), np.arange(n_samples) % 5
    centers = distance / np.sqrt(2) * np.eye(20)[:5]
    X = centers[y] + rng.standard_normal((n_samples, 20))
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def standardised(load):
    X = load().data[:500]
    X = X[:, X.std(axis=0) > 0]
    return (X - X.mean(axis=0)) / X.std(axis=0)


def ring():
    angles = np.linspace(0, 6, 300)
    noise = np.random.default_rng(0).normal(size=(300, 3))
    return np.column_stack([np.cos(angles), np.sin(angles), 0.3 * noise])


def test_slow_reference(monkeypatch):
    monkeypatch.setattr(_neighbor_noise, "_PASSES", 1)
    rows, _ = blobs(6.0)
    total = rows.T @ rows / 1000
    differences = (rows[:, np.newaxis] - rows[nearest(rows, 15)]).reshape(-1, 20)
    shares, axes = eigh(differences.T @ differences / 2 / len(differences), total)
    expected = axes * (1 - shares) @ axes.T @ total
    expected *= np.sqrt(np.square(rows).sum() / np.square(rows @ expected).sum())
    assert_allclose(shrinkage(rows), expected, atol=1e-9)


@pytest.mark.parametrize("distance", [6.0, 4.5])
def test_round_groups_in_many_columns(distance):
    rows, y = blobs(distance)
    moved = rows @ shrinkage(rows)
    before, after = (np.mean(y == y[nearest(Z, 15)].T) for Z in (rows, moved))
    assert after > before + 0.15
    # Columns without groups shrink for those with.
    assert moved[:, :5].std(axis=0).min() > 1
    assert moved[:, 5:].std(axis=0).max() < 1
    assert_allclose(np.square(moved).mean(), 1)


def test_encoder_keeps_round_groups_apart():
    rows, y = blobs(6.0)
    scores = [
        adjusted_rand_score(y, KMeans(5, n_init=5, random_state=0).fit_predict(Z))
        for Z in (rows, NeighborEncoder(random_state=0).fit_transform(rows))
    ]
    assert scores[1] > scores[0] - 0.02


@pytest.mark.parametrize(
    "rows", [ring(), standardised(load_wine), standardised(load_digits)]
)
def test_tables_with_a_clear_direction_stay(rows):
    assert noise_shrinkage(rows, 0) is None


@pytest.mark.parametrize(
    "rows", [blobs(6.0)[0][:9], blobs(6.0)[0][:39], np.zeros((40, 3)), np.zeros((1, 1))]
)
def test_too_little_to_tell(rows):
    assert noise_shrinkage(rows, 0) is None


def test_rotation():
    rows, _ = blobs(4.5)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(20, 20)))[0]
    expected = rows @ shrinkage(rows) @ turn
    assert_allclose(rows @ turn @ shrinkage(rows @ turn), expected, atol=0.05)


def test_columns_that_depend_on_each_other():
    rows, _ = blobs(6.0)
    doubled = np.hstack([rows, rows])
    expected = np.hstack([rows @ shrinkage(rows)] * 2)
    assert_allclose(doubled @ shrinkage(doubled), expected, atol=0.05)


def test_more_rows_than_are_asked():
    rows, _ = blobs(4.5, 3000)
    assert_array_equal(shrinkage(rows), shrinkage(rows))
    assert_allclose(shrinkage(rows), shrinkage(rows[:2000]), atol=0.2)
