"""Semi-supervised k-means: a worked example, what never moves, what falls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import SemiSupervisedKMeans
from skdeepcluster._labels import PartialLabels
from skdeepcluster.discovery.semi_supervised_kmeans import (
    LabeledSums,
    constrained_lloyd,
    labeled_weight_right,
)

# Labeled rows of two classes, then unlabeled rows.
LINE = np.array([[0, 1, 10, 11, 0.5, 10.5, 20, 21]]).T
LABELS = np.array([0, 0, 1, 1, -1, -1, -1, -1])


def test_a_worked_example():
    model = SemiSupervisedKMeans(1, random_state=0).fit(LINE, LABELS)
    assert_allclose(model.cluster_centers_[:, 0], [0.5, 10.5, 20.5])
    assert_allclose(model.inertia_, 1.5)
    assert_array_equal(model.labels_, [0, 0, 1, 1, 0, 1, 2, 2])


def test_a_labeled_row_among_others_stays_in_its_class():
    X, y = np.append(LINE, [[10.2]], axis=0), np.append(LABELS, 0)
    model = SemiSupervisedKMeans(1, random_state=0).fit(X, y)
    assert model.labels_[-1] == 0
    assert model.predict([[10.2]]) == 1


def problem(seed, n=60, p=2, k=3):
    """Rows, codes and first centres, of which the first two are of classes."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, p)) + 3 * rng.integers(0, 3, size=(n, 1))
    codes = rng.integers(-1, 2, size=n)
    codes[:4] = [0, 1, -1, -1]
    known = PartialLabels(codes, rows)
    labeled = LabeledSums(rows, known)
    free = rows[codes < 0]
    centers = np.concatenate([labeled.means, free[: k - 2]])
    return rows, codes, free, labeled, centers


def inertia_of(rows, codes, centers):
    squares = ((rows[:, np.newaxis] - centers) ** 2).sum(axis=2)
    own = squares[codes >= 0, codes[codes >= 0]]
    return own.sum() + squares[codes < 0].min(axis=1).sum()


@settings(deadline=None, max_examples=25)
@given(st.integers(10, 60), st.integers(1, 4), st.integers(2, 4), st.integers(0, 99))
def test_inertia_falls_with_every_step(n, p, k, seed):
    rows, codes, free, labeled, centers = problem(seed, n, p, k)
    weights = np.ones(len(free))
    found = [inertia_of(rows, codes, centers)]
    for max_iter in range(1, 8):
        centers_now, inertia, n_iter = constrained_lloyd(
            free, weights, centers, labeled, max_iter=max_iter, tol=0.0
        )
        assert_allclose(inertia, inertia_of(rows, codes, centers_now))
        assert n_iter <= max_iter
        found.append(inertia)
    assert np.all(np.diff(found) <= 1e-9 * found[0])


def test_centers_are_the_means_of_all_their_rows():
    rows, codes, free, labeled, centers = problem(0)
    centers, _, _ = constrained_lloyd(
        free, np.ones(len(free)), centers, labeled, max_iter=100, tol=0.0
    )
    labels = codes.copy()
    squares = ((free[:, np.newaxis] - centers) ** 2).sum(axis=2)
    labels[codes < 0] = squares.argmin(axis=1)
    for code, center in enumerate(centers):
        assert_allclose(center, rows[labels == code].mean(axis=0))


def test_an_empty_novel_cluster_takes_the_farthest_row():
    _, _, free, labeled, centers = problem(0)
    centers[2] = 1e3
    found, _, _ = constrained_lloyd(
        free, np.ones(len(free)), centers, labeled, max_iter=50, tol=0.0
    )
    squares = ((free[:, np.newaxis] - found) ** 2).sum(axis=2)
    assert np.any(squares.argmin(axis=1) == 2)


def test_without_labels_it_is_k_means():
    X, _ = make_blobs(200, 3, centers=4, random_state=0)
    model = SemiSupervisedKMeans(4, random_state=0).fit(X)
    plain = KMeans(4, n_init=10, random_state=0).fit(X)
    assert adjusted_rand_score(plain.labels_, model.labels_) == 1
    assert_allclose(model.inertia_, plain.inertia_, rtol=1e-6)


@pytest.mark.parametrize("n_known", [0, 2, 3, 6])
def test_finds_the_number(n_known):
    X, truth = make_blobs(
        300, 3, centers=6, cluster_std=0.4, center_box=(-15, 15), random_state=2
    )
    y = np.where((truth < n_known) & (np.arange(300) % 2 == 0), truth, -1)
    model = SemiSupervisedKMeans(random_state=0).fit(X, y)
    assert len(model.classes_) == 6
    assert adjusted_rand_score(truth, model.labels_) == 1


def test_weight_that_is_right():
    codes = np.array([0, 0, 1, 1, -1])
    weights = np.array([1.0, 2, 1, 1, 9])
    right = labeled_weight_right(codes, np.array([1, 1, 0, 2, 1]), weights)
    assert right == 4
    assert labeled_weight_right(np.full(2, -1), np.array([0, 1]), np.ones(2)) == 0


@pytest.mark.parametrize(
    ("n_columns", "distance", "n_classes", "n_known"),
    [(500, 12, 3, 1), (2000, 20, 3, 1), (1000, 20, 8, 2)],
)
def test_finds_classes_of_wide_tables(n_columns, distance, n_classes, n_known):
    # A mean is nearer to every row than any other single row is.
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(n_classes, n_columns))
    centers *= distance / np.sqrt(2) / np.linalg.norm(centers, axis=1, keepdims=True)
    truth = rng.integers(0, n_classes, 300)
    X = centers[truth] + rng.normal(size=(300, n_columns))
    y = np.where((truth < n_known) & (rng.random(300) < 0.5), truth, -1)
    model = SemiSupervisedKMeans(n_classes - n_known, random_state=0).fit(X, y)
    assert adjusted_rand_score(truth, model.labels_) == 1.0
    known = model.labels_ < n_known
    assert_array_equal(model.labels_[known], truth[known])
