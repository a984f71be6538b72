"""Rows that are linked: smoothing, spectra, communities, and what may come in."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import block_diag, coo_array, csr_array, csr_matrix
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import GraphClusterer, load, save
from skdeepcluster.datasets import make_attributed_graph
from skdeepcluster.graph import graph_clusterer
from skdeepcluster.graph._adjacency import check_graph, filter_matrix
from skdeepcluster.graph._smoothing import (
    explained_share,
    left_vectors,
    mean_distance_within,
    smoothed,
)
from skdeepcluster.graph._spectrum import spectral_coordinates
from skdeepcluster.kernels.graph import by_size, communities

METHODS = ["smoothing", "spectral", "augmented"]


def from_edges(edges, n):
    heads, tails = np.transpose(edges)
    A = coo_array((np.ones(len(edges)), (heads, tails)), shape=(n, n))
    return csr_array(A + A.T)


def cliques(*sizes):
    return csr_array(block_diag([np.ones((n, n)) - np.eye(n) for n in sizes]))


@pytest.fixture(scope="module")
def easy():
    return make_attributed_graph(
        200, p_within=0.2, p_between=0.01, column_signal=1.0, random_state=0
    )


def test_smoothing_on_a_path_is_that_of_the_formula():
    smooth = filter_matrix(from_edges([(0, 1), (1, 2)], 3))
    once, twice = smoothed(np.array([[1.0], [0.0], [0.0]]), smooth, (1, 2))
    assert_allclose(once[:, 0], [0.75, 1 / np.sqrt(24), 0], atol=1e-15)
    assert_allclose(twice[:, 0], [29 / 48, 1.4166666 / np.sqrt(24), 1 / 24], atol=1e-6)


def test_without_edges_nothing_is_smoothed():
    X = np.random.default_rng(0).normal(size=(20, 3))
    (after,) = smoothed(X, filter_matrix(csr_array((20, 20))), (5,))
    assert_allclose(after, X)


def test_left_vectors_are_those_of_numpy():
    X = np.random.default_rng(0).normal(size=(30, 6))
    rows = X / np.linalg.norm(X, axis=1, keepdims=True)
    expected = np.linalg.svd(rows, full_matrices=False)[0][:, :4] * np.sqrt(30)
    found = left_vectors(X, 4)
    assert_allclose(np.abs(found), np.abs(expected))
    assert np.all(found[np.abs(found).argmax(axis=0), np.arange(4)] > 0)
    assert left_vectors(np.zeros((5, 2)), 3).shape == (5, 1)


def test_explained_share_and_distances_are_those_of_their_definitions():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(40, 3)), np.arange(40) % 3
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    within = sum(
        unit[labels == c].var(axis=0).sum() * np.sum(labels == c) for c in range(3)
    )
    expected = 1 - within / (40 * unit.var(axis=0).sum())
    assert explained_share(X, np.ones(40), labels) == pytest.approx(expected)
    assert explained_share(np.ones((4, 2)), np.ones(4), np.array([0, 0, 1, 1])) == 0
    pairs = np.square(X[:, np.newaxis] - X).sum(axis=2)
    means = [
        pairs[np.ix_(labels == c, labels == c)].sum()
        / (np.sum(labels == c) * (np.sum(labels == c) - 1))
        for c in range(3)
    ]
    assert mean_distance_within(X, np.ones(40), labels) == pytest.approx(np.mean(means))


def test_spectral_coordinates_are_those_of_the_whole_matrix(easy):
    graph = make_attributed_graph(400, random_state=1).graph
    degrees = graph.sum(axis=1)
    tau = degrees.mean()
    scale = 1 / np.sqrt(degrees + tau)
    matrix = (graph.toarray() + tau / 400) * np.outer(scale, scale)
    vectors = np.linalg.eigh(matrix)[1][:, :-4:-1]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = spectral_coordinates(graph, 3)
    assert_allclose(np.abs(found), np.abs(vectors), atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_cliques_are_clusters(method):
    graph = cliques(12, 9, 7)
    y = np.repeat([0, 1, 2], [12, 9, 7])
    X = np.eye(3)[y] + 0.01 * np.arange(28)[:, np.newaxis]
    model = GraphClusterer(3, method=method, random_state=0).fit(X, graph=graph)
    assert_array_equal(model.labels_, y)
    degrees = np.array([12 * 11, 9 * 8, 7 * 6])
    expected = 1 - np.sum((degrees / degrees.sum()) ** 2)
    assert model.modularity_ == pytest.approx(expected)


def test_modularity_is_the_communities_of_the_kernel(easy):
    model = GraphClusterer(method="modularity", resolution=2.0, random_state=3)
    model.fit(easy.data, graph=easy.graph)
    A = check_graph(easy.graph)
    expected = communities(A.indptr, A.indices, A.data, 2.0, seed=3)
    assert_array_equal(model.labels_, expected)
    assert not hasattr(model, "embedding_")


def test_order_zero_is_k_means_on_singular_vectors_of_the_rows(easy):
    model = GraphClusterer(4, order=0, random_state=0).fit(easy.data, graph=easy.graph)
    vectors = left_vectors(StandardScaler().fit_transform(easy.data), 4)
    assert_allclose(model.embedding_, vectors, atol=1e-10)
    means = np.array([vectors[model.labels_ == c].mean(axis=0) for c in range(4)])
    inertia = np.square(vectors - means[model.labels_]).sum()
    plain = KMeans(4, n_init=10, random_state=0).fit(vectors)
    assert inertia <= plain.inertia_ * 1.001
    assert model.order_ == 0


def test_auto_takes_what_graph_and_columns_agree_on(easy):
    model = GraphClusterer(4, random_state=0).fit(easy.data, graph=easy.graph)
    assert adjusted_rand_score(model.labels_, easy.target) > 0.97
    assert set(model.orders_) == {0, 1, 2, 4, 8, 16, 32, 64, "spectral"}
    assert model.modularity_ == model.orders_[model.order_]
    best = max(model.orders_.values()), max(model.explained_.values())
    scores = {
        order: model.orders_[order] / best[0] + model.explained_[order] / best[1] / 3
        for order in model.orders_
    }
    assert model.order_ == max(scores, key=scores.get)


@pytest.mark.parametrize("seed", range(3))
def test_misleading_columns_do_not_hide_what_the_graph_says(seed):
    table = make_attributed_graph(
        300, p_within=0.15, p_between=0.02, misleading=0.7, random_state=seed
    )
    model = GraphClusterer(4, random_state=0).fit(table.data, graph=table.graph)
    alone = GraphClusterer(4, method="spectral", random_state=0)
    alone.fit(table.data, graph=table.graph)
    graph_score = adjusted_rand_score(table.target, alone.labels_)
    assert adjusted_rand_score(table.target, model.labels_) > graph_score - 0.03


def test_order_by_distance_is_between_one_and_the_last(easy):
    model = GraphClusterer(4, order="distance", random_state=0)
    model.fit(easy.data, graph=easy.graph)
    assert 1 <= model.order_ <= 60
    assert adjusted_rand_score(model.labels_, easy.target) > 0.9


def test_number_of_clusters_is_that_of_communities(easy):
    model = GraphClusterer(random_state=0).fit(easy.data, graph=easy.graph)
    assert model.n_clusters_ == 4


@pytest.mark.parametrize("method", METHODS)
def test_other_order_of_the_vertices_gives_the_same_groups(easy, method):
    order = np.random.default_rng(0).permutation(200)
    X = np.maximum(easy.data, 0)
    model = GraphClusterer(4, method=method, random_state=0)
    labels = model.fit(X, graph=easy.graph).labels_
    graph = csr_array(easy.graph[order][:, order])
    shuffled = model.fit(X[order], graph=graph).labels_
    assert_array_equal(by_size(shuffled), by_size(labels[order]))


def test_columns_of_no_weight_leave_the_spectrum_alone(easy):
    X = np.abs(easy.data)
    plain = GraphClusterer(4, method="spectral", random_state=0)
    augmented = GraphClusterer(
        4, method="augmented", attribute_weight=0, random_state=0
    )
    ours = augmented.fit(X, graph=easy.graph).labels_
    theirs = plain.fit(X, graph=easy.graph).labels_
    assert adjusted_rand_score(ours, theirs) > 0.99


def test_sparse_and_dense_counts_of_words():
    rng = np.random.default_rng(0)
    table = make_attributed_graph(90, n_clusters=3, p_within=0.2, random_state=0)
    y, graph = table.target, table.graph
    X = rng.poisson(0.1 + 2.0 * (np.arange(30) % 3 == y[:, np.newaxis]))
    for sparse in (
        csr_array(X),
        csr_matrix(X.astype(np.float32)),
        csr_array(X).tocsc(),
    ):
        model = GraphClusterer(3, random_state=0).fit(sparse, graph=graph)
        assert adjusted_rand_score(y, model.labels_) > 0.9
        assert_array_equal(model.predict(X.astype(float)), model.predict(sparse))
        assert adjusted_rand_score(y, model.predict(sparse)) > 0.9
    # Without a graph as well.
    alone = GraphClusterer(3, random_state=0).fit(csr_array(X))
    assert adjusted_rand_score(y, alone.labels_) > 0.9


def test_new_rows_by_columns_and_by_edges(easy):
    new = np.arange(200) >= 150
    model = GraphClusterer(4, random_state=0)
    model.fit(easy.data[~new], graph=csr_array(easy.graph[~new][:, ~new]))
    links = csr_array(easy.graph[new][:, ~new])
    by_columns = adjusted_rand_score(easy.target[new], model.predict(easy.data[new]))
    both = model.predict(easy.data[new], links=links)
    assert adjusted_rand_score(easy.target[new], both) > by_columns > 0.5
    # A row's answer is its own.
    alone = [
        model.predict(easy.data[new][i : i + 1], links=links[[i]])[0] for i in range(50)
    ]
    assert_array_equal(alone, both)
    # A row without an edge is judged by its columns.
    none = csr_array((50, 150))
    assert_array_equal(
        model.predict(easy.data[new], links=none), model.predict(easy.data[new])
    )


def test_new_rows_where_all_are_one_cluster(easy):
    model = GraphClusterer(1, random_state=0).fit(easy.data, graph=easy.graph)
    assert_array_equal(model.predict(easy.data[:5]), 0)


def test_two_clusters_are_predicted_as_they_were_found():
    y = np.repeat([0, 1], [12, 8])
    X = np.column_stack([y + 0.01 * np.arange(20), np.zeros(20)])
    model = GraphClusterer(2, random_state=0).fit(X, graph=cliques(12, 8))
    assert_array_equal(model.predict(X), model.labels_)


def test_many_rows_are_clustered_from_a_sample(easy, monkeypatch):
    monkeypatch.setattr(graph_clusterer, "MAX_DRAWN", 60)
    monkeypatch.setattr(graph_clusterer, "LEAST_DRAWN", 5)
    model = GraphClusterer(4, random_state=0).fit(easy.data, graph=easy.graph)
    assert adjusted_rand_score(model.labels_, easy.target) > 0.97
    assert adjusted_rand_score(model.predict(easy.data), easy.target) > 0.5
    drawn = graph_clusterer._drawn_rows(np.repeat([0, 1], [1000, 7]))
    assert len(np.unique(drawn)) == len(drawn) >= 60
    assert np.count_nonzero(drawn >= 1000) >= 5


def test_graph_is_routed_through_a_pipeline(easy):
    with sklearn.config_context(enable_metadata_routing=True):
        clusterer = GraphClusterer(4, random_state=0).set_fit_request(graph=True)
        model = make_pipeline(StandardScaler(), clusterer)
        labels = model.fit_predict(easy.data, graph=easy.graph)
    plain = GraphClusterer(4, random_state=0)
    assert_array_equal(labels, plain.fit_predict(easy.data, graph=easy.graph))


def test_graph_comes_back_symmetric_and_from_a_file(easy, tmp_path):
    model = GraphClusterer(4, random_state=0).fit(easy.data, graph=easy.graph)
    assert (model.graph_ != easy.graph).nnz == 0
    save(model, tmp_path / "a.model")
    again = load(tmp_path / "a.model")
    assert (again.graph_ != easy.graph).nnz == 0
    links = csr_array(easy.graph[:9])
    assert_array_equal(
        again.predict(easy.data[:9], links=links),
        model.predict(easy.data[:9], links=links),
    )


# What may come in -------------------------------------------------------------

X6 = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.3]])
TRIANGLES = from_edges([(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)], 6)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (csr_array((6, 5)), "square"),
        (csr_array((5, 5)), "5 vertices, but X has 6 rows"),
        (-TRIANGLES, "negative weights"),
        (TRIANGLES * np.nan, "NaN"),
        (TRIANGLES * np.inf, "infinity"),
        ("edges", "convert string"),
        (np.zeros(6), "2D array"),
    ],
    ids=["not square", "other rows", "negative", "nan", "inf", "text", "1-D"],
)
def test_bad_graphs_are_refused_and_change_nothing(graph, message):
    model = GraphClusterer(2, random_state=0).fit(X6, graph=TRIANGLES)
    before = dict(vars(model))
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X6, graph=graph)
    assert all(vars(model)[name] is value for name, value in before.items())


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float32])
def test_weights_of_any_type(dtype):
    model = GraphClusterer(2, random_state=0).fit(X6, graph=TRIANGLES.astype(dtype))
    assert_array_equal(model.labels_, [0, 0, 0, 1, 1, 1])
    assert model.modularity_ == pytest.approx(5 / 14)
    dense = TRIANGLES.toarray().astype(dtype)
    assert_array_equal(model.fit(X6, graph=dense).labels_, [0, 0, 0, 1, 1, 1])


def test_self_loops_do_not_count_and_the_graph_is_not_written_to():
    looped = csr_array(TRIANGLES + csr_array(5 * np.eye(6)))
    before = looped.copy()
    model = GraphClusterer(2, random_state=0).fit(X6, graph=looped)
    assert model.modularity_ == pytest.approx(5 / 14)
    assert_array_equal(looped.toarray(), before.toarray())


def test_directed_graphs_are_symmetrised_and_that_is_said():
    upper = csr_array(np.triu(TRIANGLES.toarray()))
    with pytest.warns(UserWarning, match="graph is directed") as said:
        model = GraphClusterer(2, random_state=0).fit(X6, graph=upper)
    assert said[0].filename == __file__
    assert model.modularity_ == pytest.approx(5 / 14)


@pytest.mark.parametrize("method", [*METHODS, "modularity"])
@pytest.mark.parametrize(
    "graph",
    [
        csr_array((6, 6)),
        from_edges([(0, 1)], 6),
        from_edges([(0, 1), (0, 2), (1, 2), (3, 4)], 6),
        from_edges([(0, i) for i in range(1, 6)], 6),
    ],
    ids=["no edge", "isolated vertices", "disconnected", "star"],
)
def test_poor_graphs(method, graph):
    number = "auto" if method == "modularity" else 2
    model = GraphClusterer(number, method=method, random_state=0).fit(X6, graph=graph)
    assert model.labels_.shape == (6,)
    assert model.n_clusters_ == model.labels_.max() + 1
    assert np.isfinite(model.modularity_)
    assert model.predict(X6).shape == (6,)
    if method == "smoothing" and graph.nnz == 0:
        assert_array_equal(model.labels_, [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("method", [*METHODS, "modularity"])
def test_one_vertex(method):
    model = GraphClusterer(method=method).fit([[3.0]], graph=csr_array((1, 1)))
    assert_array_equal(model.labels_, [0])
    assert_array_equal(model.predict([[8.0]]), [0])


def test_parameters_that_do_not_fit_together(easy):
    with pytest.raises(ValueError, match=r"n_samples=6 .* n_clusters=7"):
        GraphClusterer(7).fit(X6, graph=TRIANGLES)
    with pytest.raises(ValueError, match="raise or lower resolution"):
        GraphClusterer(2, method="modularity").fit(X6, graph=TRIANGLES)
    with pytest.raises(ValueError, match="Negative values in data"):
        GraphClusterer(2, method="augmented").fit(-X6, graph=TRIANGLES)
    fitted = GraphClusterer(2, random_state=0).fit(X6, graph=TRIANGLES)
    with pytest.raises(ValueError, match=r"shape \(6, 5\)"):
        fitted.predict(X6, links=csr_array((6, 5)))
    with pytest.raises(ValueError, match="fit had no graph"):
        GraphClusterer(2, random_state=0).fit(X6).predict(X6, links=TRIANGLES)
