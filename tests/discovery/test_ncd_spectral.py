"""NCD spectral clustering: the worked example and the invariants of its embedding."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.base import clone
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skdeepcluster import NCDSpectralClustering
from skdeepcluster.discovery._spectral_embedding import (
    NeighborGraph,
    SpanningTreeGraph,
    SpectralEmbedding,
)
from skdeepcluster.metrics import clustering_accuracy

# The worked example: two known pairs below, two novel pairs above.
X = np.array(
    [[0, 0], [0, 1], [4, 0], [4, 1], [0, 5], [0, 6], [4, 5], [4, 6]], dtype=float
)
Y = np.array([0, 0, 1, 1, -1, -1, -1, -1])
OUTER = [0, 2, 5, 7]
INNER = [1, 3, 4, 6]


def tree_graph(self_loops, s_min=0.5):
    return SpanningTreeGraph(X, np.ones(8), s_min, self_loops)


def test_worked_example_width():
    graph = tree_graph(self_loops=False)
    assert graph.d_max == 4
    np.testing.assert_allclose(graph.sigma**2, 11.541560, rtol=1e-7)
    # The convention of the authors' program: the square of s_min.
    np.testing.assert_allclose(
        tree_graph(False, s_min=np.sqrt(0.5)).sigma ** 2, 23.083121, rtol=1e-7
    )
    np.testing.assert_allclose(graph.degrees[OUTER], 2.759587, rtol=1e-6)
    np.testing.assert_allclose(graph.degrees[INNER], 3.194251, rtol=1e-6)


def test_worked_example_without_loops():
    basis = SpectralEmbedding(tree_graph(self_loops=False), 7)
    np.testing.assert_allclose(
        1 - basis.values,
        [0.684606, 0.890002, 1.122497, 1.313216, 1.326742, 1.331360, 1.331576],
        atol=1e-6,
    )
    vectors = np.abs(basis.at_rows[:, :3])
    np.testing.assert_allclose(
        vectors[OUTER], np.tile([0.391487, 0.326556, 0.366441], (4, 1)), atol=1e-6
    )
    np.testing.assert_allclose(
        vectors[INNER], np.tile([0.311028, 0.378631, 0.340178], (4, 1)), atol=1e-6
    )


def test_worked_example_with_loops():
    basis = SpectralEmbedding(tree_graph(self_loops=True), 4)
    np.testing.assert_allclose(
        basis.values, [0.490524, 0.333333, 0.163508, 0.019304], atol=1e-6
    )
    at_row, between = np.abs(basis.extend(np.array([[0, 0], [0, 0.5]]))[:, :3])
    np.testing.assert_allclose(at_row, [0.399966, 0.343757, 0.399966], atol=1e-6)
    np.testing.assert_allclose(between, [0.355537, 0.354405, 0.355537], atol=1e-6)
    np.testing.assert_allclose(basis.extend(X), basis.at_rows, atol=1e-12)


@pytest.mark.parametrize("self_loops", [True, False])
def test_worked_example_classes(self_loops):
    model = NCDSpectralClustering(
        2,
        affinity="mst",
        s_min=0.5,
        n_components=3,
        self_loops=self_loops,
        row_normalize=self_loops,
        random_state=0,
    )
    np.testing.assert_array_equal(model.fit(X, Y).labels_, [0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(model.predict(X[4:]), model.labels_[4:])
    assert model.d_max_ == pytest.approx(4)
    np.testing.assert_allclose(np.exp(-(4**2) / (2 * model.sigma_**2)), 0.5)


def test_embedding_of_neighbours_extends_by_nystrom():
    rows, _ = make_blobs(150, 3, centers=4, cluster_std=2, random_state=0)
    graph = NeighborGraph(rows, np.ones(150), 149)
    basis = SpectralEmbedding(graph, 5)
    # With everybody a neighbour, the graph is complete and the formula exact.
    np.testing.assert_allclose(basis.extend(rows), basis.at_rows, atol=1e-5)


@pytest.mark.parametrize("make", ["tree", "neighbors"])
def test_vectors_are_those_of_the_laplacian(make):
    rows, _ = make_blobs(200, 3, centers=3, cluster_std=3, random_state=0)
    if make == "tree":
        graph = SpanningTreeGraph(rows, np.ones(200), 0.6, self_loops=True)
        dense = graph._matrix / np.sqrt(np.outer(graph.degrees, graph.degrees))
    else:
        graph = NeighborGraph(rows, np.ones(200), 7)
        dense = graph._matrix.toarray()
    np.testing.assert_allclose(dense, dense.T)
    roots = np.sqrt(graph.degrees)
    np.testing.assert_allclose(dense @ roots, roots)
    values, vectors = graph.eigenvectors(6)
    np.testing.assert_allclose(dense @ vectors, vectors * values, atol=1e-6)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(dense)[::-1][1:7], atol=1e-9)
    np.testing.assert_allclose(vectors.T @ roots, 0, atol=1e-6)


def test_affinities_between_neighbours():
    rows = np.array([[0.0], [1.0], [3.0], [7.0]])
    graph = NeighborGraph(rows, np.ones(4), 1)
    # Distances to the nearest: 1, 1, 2, 4. Edges 0-1, 1-2 and 2-3.
    edges = np.exp([-1.0, -4 / 2, -16 / 8])
    expected = np.eye(4)
    for place, affinity in enumerate(edges):
        expected[place, place + 1] = expected[place + 1, place] = affinity
    degrees = expected.sum(axis=1)
    np.testing.assert_allclose(graph.degrees, degrees)
    np.testing.assert_array_equal(np.diff(graph._matrix.indptr), [2, 3, 3, 2])


@pytest.mark.parametrize("affinity", ["neighbors", "mst"])
def test_equal_rows_are_one_row_of_their_weight(affinity):
    rows = np.vstack([X, X[:3], X[5:6]])
    y = np.concatenate([Y, Y[:3], Y[5:6]])
    model = NCDSpectralClustering(2, affinity=affinity, n_neighbors=3, random_state=0)
    labels = model.fit(rows, y).labels_
    np.testing.assert_array_equal(labels[8:], labels[[0, 1, 2, 5]])
    np.testing.assert_array_equal(model.embedding_[8:], model.embedding_[[0, 1, 2, 5]])


@pytest.mark.parametrize("affinity", ["neighbors", "mst"])
def test_rigid_motions_change_nothing(affinity):
    rows, truth = make_blobs(120, 3, centers=4, cluster_std=2, random_state=0)
    y = np.where(truth < 2, truth, -1)
    turn = ortho_group.rvs(3, random_state=np.random.RandomState(0))
    model = NCDSpectralClustering(2, affinity=affinity, random_state=0)
    plain = model.fit(rows, y).labels_
    moved = model.fit(3 * rows @ turn + 5, y).labels_
    assert adjusted_rand_score(plain, moved) == 1


@pytest.mark.parametrize("affinity", ["neighbors", "mst"])
def test_only_the_unlabeled_rows_matter_to_the_embedding(affinity):
    rows, truth = make_blobs(120, 3, centers=4, cluster_std=2, random_state=0)
    y = np.where(truth < 2, truth, -1)
    model = NCDSpectralClustering(2, affinity=affinity, n_components=5, random_state=0)
    plain = model.fit(rows, y).labels_
    # Other classes for the same labeled rows.
    other = model.fit(rows, np.where(y >= 0, np.arange(120) % 7, -1)).labels_
    assert adjusted_rand_score(plain[y == -1], other[y == -1]) == 1


@pytest.mark.parametrize("affinity", ["neighbors", "mst"])
def test_fewer_components_are_the_first_of_more(affinity):
    rows, _ = make_blobs(120, 3, centers=4, cluster_std=2, random_state=0)
    few, many = (
        NCDSpectralClustering(
            2,
            affinity=affinity,
            n_components=width,
            row_normalize=False,
            random_state=0,
        )
        .fit(rows)
        .embedding_
        for width in (4, 9)
    )
    np.testing.assert_allclose(np.abs(few), np.abs(many[:, :4]), atol=1e-5)


def test_laplacian_eigenvalues_are_between_0_and_2():
    model = NCDSpectralClustering(2, random_state=0).fit(make_moons(80)[0])
    assert np.all(np.diff(model.eigenvalues_) >= 0)
    assert model.eigenvalues_.min() >= -1e-9
    assert model.eigenvalues_.max() <= 2
    assert model.embedding_.shape == (80, model.n_components_)


def test_classes_need_not_be_balls():
    rows, moon = make_moons(200, noise=0.05, random_state=0)
    known = np.random.default_rng(0).normal([0.5, 3.0], 0.3, size=(50, 2))
    y = np.repeat([-1, 0], [200, 50])
    model = NCDSpectralClustering(2, random_state=0).fit(np.vstack([rows, known]), y)
    assert adjusted_rand_score(moon, model.labels_[:200]) == 1


def test_a_sample_stands_for_many_rows():
    rows, truth = make_blobs(900, 3, centers=5, cluster_std=0.7, random_state=1)
    y = np.where(truth < 2, truth, -1)
    for affinity in ("neighbors", "mst"):
        whole, sampled = (
            NCDSpectralClustering(
                3, affinity=affinity, max_samples=most, random_state=0
            ).fit(rows, y)
            for most in (900, 200)
        )
        assert adjusted_rand_score(whole.labels_, sampled.labels_) > 0.98


def test_what_cannot_be_combined():
    with pytest.raises(ValueError, match="self_loops=False needs affinity='mst'"):
        NCDSpectralClustering(2, self_loops=False).fit(X, Y)
    with pytest.raises(ValueError, match="raise max_samples"):
        NCDSpectralClustering(2, affinity="mst", self_loops=False, max_samples=7).fit(
            X, Y
        )


DIGITS = load_digits(return_X_y=True)


@pytest.mark.parametrize(("s_min", "width"), [(0.6, 10), (0.3, 20), (0.3, 40)])
def test_digits(s_min, width):
    # The test half of the published protocol on handwritten digits.
    rows, truth = DIGITS
    rows = rows[:, rows.std(axis=0) > 0]
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    y = np.where(np.isin(truth, [1, 2, 7, 8, 9]), truth, -1)
    model = NCDSpectralClustering(
        5, affinity="mst", s_min=s_min, n_components=width, random_state=0
    ).fit(rows, y)
    assert model.d_max_ == pytest.approx(44.424, abs=1e-3)
    novel = y == -1
    assert clustering_accuracy(truth[novel], model.labels_[novel]) >= 0.94


@pytest.mark.parametrize("affinity", ["neighbors", "mst"])
def test_other_labels_on_the_same_embedding(affinity):
    rows, truth = make_blobs(200, 4, centers=7, cluster_std=0.7, random_state=0)
    first, second = np.where(truth < 5, truth, -1), np.where(truth > 2, truth, -1)
    model = NCDSpectralClustering(2, affinity=affinity, random_state=0).fit(rows, first)
    fresh = clone(model).set_params(n_novel=3).fit(rows, second)
    model.set_params(n_novel=3).relabel(second)
    np.testing.assert_array_equal(model.labels_, fresh.labels_)
    np.testing.assert_array_equal(model.predict(rows), fresh.predict(rows))


def test_labels_that_cannot_be_taken_leave_the_estimator():
    rows, truth = make_blobs(60, 2, centers=4, random_state=0)
    model = NCDSpectralClustering(2).fit(rows, np.where(truth < 2, truth, -1))
    before = model.labels_
    with pytest.raises(ValueError, match="n_novel=2"):
        model.relabel(truth)
    with pytest.raises(ValueError, match="inconsistent"):
        model.relabel(truth[1:])
    assert model.labels_ is before
    with pytest.raises(ValueError, match="encoder=None"):
        model.set_params(encoder=StandardScaler()).relabel(truth)
