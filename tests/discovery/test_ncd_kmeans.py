"""NCD k-means: seeding beside known centres, Lloyd on unlabeled rows alone."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs
from sklearn.decomposition import PCA

from skdeepcluster import NCDKMeans
from skdeepcluster._kmeans import lloyd
from skdeepcluster.discovery.ncd_kmeans import draw_centers
from skdeepcluster.metrics import clustering_accuracy

# The worked example: two known pairs below, two novel pairs above.
X = np.array(
    [[0, 0], [0, 1], [4, 0], [4, 1], [0, 5], [0, 6], [4, 5], [4, 6]], dtype=float
)
Y = np.array([0, 0, 1, 1, -1, -1, -1, -1])
KNOWN_CENTERS = np.array([[0, 0.5], [4, 0.5]])


class Draws:
    """Stand-in for a generator that hands out given numbers."""

    def __init__(self, *numbers):
        self.numbers = np.array(numbers)

    def random(self, size):
        return self.numbers[:size]


@pytest.mark.parametrize(
    ("power", "shares"),
    [(2, [0.200495, 0.299505, 0.200495, 0.299505]), (1, [0.225, 0.275, 0.225, 0.275])],
)
def test_first_draw_is_by_the_distance_to_the_known_centres(power, shares):
    edges = np.cumsum(shares)
    for place in range(4):
        for draw in (edges[place] - shares[place] + 1e-5, edges[place] - 1e-5):
            drawn = draw_centers(
                X[4:], np.ones(4), KNOWN_CENTERS, 1, power, Draws(draw)
            )
            np.testing.assert_array_equal(drawn, X[4 + place : 5 + place])


def test_later_draws_know_the_earlier_ones():
    # After row 4, the distances to the nearest centre are 0, 1, 16 and 17.
    for draw, row in ((0.02, 5), (0.4, 6), (0.6, 7)):
        drawn = draw_centers(X[4:], np.ones(4), KNOWN_CENTERS, 2, 2, Draws(0.1, draw))
        np.testing.assert_array_equal(drawn, X[[4, row]])


def test_rows_on_known_centres_are_drawn_uniformly():
    rows = np.zeros((3, 2))
    drawn = draw_centers(rows, np.ones(3), rows[:1], 2, 2, Draws(0.5, 0.99))
    np.testing.assert_array_equal(drawn, np.zeros((2, 2)))


def test_worked_example():
    model = NCDKMeans(2, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(model.labels_, [0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_allclose(model.cluster_centers_[:2], KNOWN_CENTERS, atol=1e-15)
    np.testing.assert_allclose(model.cluster_centers_[2:], [[0, 5.5], [4, 5.5]])
    np.testing.assert_allclose(model.inertia_, 4 * 0.25)


def test_known_rows_have_no_part_after_the_start():
    rows, truth = make_blobs(200, 3, centers=5, random_state=0)
    y = np.where(truth < 2, truth, -1)
    model = NCDKMeans(3, random_state=0).fit(rows, y)
    unlabeled = rows[y == -1]
    start = model.cluster_centers_[2:].copy()
    run = lloyd(unlabeled, np.ones(len(unlabeled)), start, max_iter=10, tol=0.0)
    np.testing.assert_allclose(run.centers, start)


def test_more_steps_never_raise_the_inertia():
    rows, _ = make_blobs(300, 4, centers=8, cluster_std=4, random_state=0)
    inertias = [
        NCDKMeans(6, n_init=1, max_iter=steps, tol=0, random_state=3).fit(rows).inertia_
        for steps in range(1, 12)
    ]
    assert np.all(np.diff(inertias) <= 1e-9 * inertias[0])


def test_the_best_start_is_kept():
    rows, _ = make_blobs(300, 2, centers=12, random_state=0)
    few, many = (
        NCDKMeans(12, n_init=n_init, selection="squared", random_state=0)
        .fit(rows)
        .inertia_
        for n_init in (1, 20)
    )
    assert many < few


def test_predict_known_allows_known_classes():
    model = NCDKMeans(2, predict_known=True, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    novel = NCDKMeans(2, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(novel.predict(X), [2, 2, 3, 3, 2, 2, 3, 3])


def test_encoder():
    encoded = NCDKMeans(2, encoder=PCA(2), random_state=0).fit(X, Y)
    plain = NCDKMeans(2, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(encoded.labels_, plain.labels_)
    np.testing.assert_allclose(encoded.cluster_centers_, plain.cluster_centers_)


def test_digits():
    # The test half of the published protocol on handwritten digits.
    rows, truth = load_digits(return_X_y=True)
    rows = rows[:, rows.std(axis=0) > 0]
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    y = np.where(np.isin(truth, [1, 2, 7, 8, 9]), truth, -1)
    novel = y == -1
    accuracies = [
        clustering_accuracy(
            truth[novel],
            NCDKMeans(5, seeding_power=1, selection="unsquared", random_state=seed)
            .fit(rows, y)
            .labels_[novel],
        )
        for seed in range(3)
    ]
    assert min(accuracies) > 0.93
