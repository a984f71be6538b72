"""The rules that find the number of novel classes."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_score

from skdeepcluster.discovery._n_novel import (
    estimate_in_embeddings,
    estimate_n_novel,
    sample_rows,
)


def blobs(n_known, n_novel, *, size=40, seed=0):
    """Well separated groups, of which the first are known classes."""
    n_groups = n_known + n_novel
    centers = 10.0 * np.random.default_rng(seed).permutation(np.eye(n_groups, 8))
    X, codes = make_blobs([size] * n_groups, 8, centers=centers, random_state=seed)
    return X, np.where(codes < n_known, codes, -1)


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("n_known", "n_novel"), [(3, 1), (1, 1), (2, 5), (0, 3)])
def test_finds_separated_classes(n_known, n_novel):
    assert estimate_n_novel(*blobs(n_known, n_novel), rng()) == n_novel


@pytest.mark.parametrize(("place", "n_novel"), [(4.0, 2), (200.0, 1)])
def test_known_classes_tell_how_wide_a_class_is(place, n_novel):
    # Two groups of unlabeled rows: a known class between them, or far from both.
    X, codes = make_blobs(
        [50] * 3, centers=[[0.0], [8.0], [place]], cluster_std=0.5, random_state=0
    )
    codes = np.where(codes == 2, 0, -1)
    assert estimate_n_novel(X, codes, rng()) == n_novel


def test_takes_the_best_mean_silhouette_of_all_rows():
    X, codes = make_blobs(200, 3, centers=6, cluster_std=2.5, random_state=1)
    codes = np.where(codes < 3, codes, -1)
    scores = []
    for number in range(1, 31):
        clusters = KMeans(number, n_init=10, random_state=0).fit(X[codes == -1])
        joined = codes.copy()
        joined[codes == -1] = 3 + clusters.labels_
        scores.append(silhouette_score(X, joined))
    found = estimate_n_novel(X, codes, rng())
    assert scores[found - 1] >= max(scores) - 0.01


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_few_distinct_rows(n_rows):
    X = np.repeat(np.arange(n_rows, dtype=np.float64), 3)[:, np.newaxis]
    codes = np.full(len(X), -1)
    assert estimate_n_novel(X, codes, rng()) == n_rows


def test_order_of_rows_and_names_of_classes_do_not_matter():
    X, codes = make_blobs(150, 4, centers=7, cluster_std=3, random_state=2)
    codes = np.where(codes < 4, codes, -1)
    order = np.random.default_rng(3).permutation(150)
    renamed = np.where(codes >= 0, 3 - codes, -1)
    found = estimate_n_novel(X, codes, rng())
    assert estimate_n_novel(X[order], codes[order], rng()) == found
    assert estimate_n_novel(X, renamed, rng()) == found


def test_each_number_in_its_own_space():
    X, _ = blobs(0, 4)
    seen = []

    def select(rows, number):
        seen.append(number)
        return np.ascontiguousarray(rows[:, :number])

    found = estimate_in_embeddings(X, np.ones(len(X)), rng(), select)
    assert seen == list(range(2, 31))
    assert 2 <= found <= 8


def test_samples_count_equal_rows():
    rows, weights = np.arange(5.0)[:, np.newaxis], np.array([1000.0, 1, 1, 1, 1])
    drawn, counts = sample_rows(rows, weights, 100, rng())
    assert counts.sum() == 100
    assert counts[0] >= 96
    np.testing.assert_array_equal(drawn[0], rows[0])
