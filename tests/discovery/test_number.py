"""The rule behind ``n_novel="auto"``."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score, silhouette_score

from skdeepcluster.discovery import _number
from skdeepcluster.discovery._number import best_kmeans, choose_n_clusters


def blobs(n_groups, n_samples=150, seed=0):
    centers = 10 * np.random.default_rng(seed).normal(size=(n_groups, 5))
    return make_blobs(
        n_samples, centers=centers, random_state=np.random.RandomState(seed)
    )


@pytest.mark.parametrize("n_groups", [2, 3, 5, 8])
def test_clear_groups_are_counted(n_groups):
    X, _ = blobs(n_groups)
    number, scores = choose_n_clusters(X, 0)
    assert number == n_groups
    assert list(scores) == list(range(2, 31))
    best = KMeans(n_groups, n_init=10, random_state=0).fit_predict(X)
    assert scores[n_groups] == pytest.approx(silhouette_score(X, best))


@pytest.mark.parametrize(
    ("X", "number"),
    [
        (np.empty((0, 2)), 0),
        (np.zeros((1, 2)), 1),
        (np.zeros((9, 2)), 1),
        (np.eye(2), 1),
        (np.array([[0.0], [1.0], [9.0]]), 2),
    ],
    ids=["no row", "one row", "equal rows", "two rows", "three rows"],
)
def test_few_rows(X, number):
    assert choose_n_clusters(X, 0)[0] == number


def test_order_and_copies_of_rows_do_not_matter():
    X, _ = blobs(4)
    shuffled = np.random.default_rng(0).permutation(len(X))
    assert choose_n_clusters(X, 0) == choose_n_clusters(X[shuffled], 0)
    labels, centers = best_kmeans(X, 4, 0)
    again, same = best_kmeans(X[shuffled], 4, 0)
    assert_array_equal(labels[shuffled], again)
    assert_array_equal(centers, same)


def test_large_tables_are_represented_by_a_sample(monkeypatch):
    monkeypatch.setattr(_number, "_SILHOUETTE_ROWS", 60)
    X, _ = blobs(4, 500)
    assert choose_n_clusters(X, 0)[0] == 4


def test_clusters_are_canonical_and_those_of_kmeans():
    X, y = blobs(4, 202)
    labels, centers = best_kmeans(X, 4, 0)
    assert adjusted_rand_score(y, labels) == 1
    assert np.all(np.diff(np.bincount(labels)) <= 0)
    for number, center in enumerate(centers):
        np.testing.assert_allclose(center, X[labels == number].mean(axis=0))


def test_fewer_distinct_rows_than_clusters():
    labels, centers = best_kmeans(np.repeat(np.eye(2), [2, 3], axis=0), 4, 0)
    assert_array_equal(labels, [1, 1, 0, 0, 0])
    assert len(centers) == 2
