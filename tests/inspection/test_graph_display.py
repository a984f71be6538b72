"""A graph is drawn with its clusters, or as blocks where it is large."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import block_diag, csr_array

from skdeepcluster import GraphClusterer
from skdeepcluster.datasets import make_attributed_graph
from skdeepcluster.inspection import GraphDisplay

LINKED = make_attributed_graph(90, n_clusters=3, p_within=0.3, random_state=0)


def test_linked_vertices_lie_together():
    model = GraphClusterer(3, random_state=0).fit(LINKED.data, graph=LINKED.graph)
    display = GraphDisplay.from_estimator(model)
    (lines, *points) = display.ax_.collections
    assert len(lines.get_segments()) == LINKED.graph.nnz // 2
    assert [len(p.get_offsets()) for p in points] == [*np.bincount(model.labels_)]
    segments = np.array(lines.get_segments())
    linked = np.linalg.norm(segments[:, 0] - segments[:, 1], axis=1)
    apart = np.linalg.norm(display.positions[:, None] - display.positions, axis=2)
    assert np.median(linked) < 0.6 * np.median(apart[apart > 0])


def test_same_seed_same_picture():
    first, second = (
        GraphDisplay.from_predictions(LINKED.graph, LINKED.target) for _ in range(2)
    )
    assert_array_equal(first.positions, second.positions)


def test_large_graphs_are_blocks():
    graph = csr_array(block_diag([np.ones((4, 4)) - np.eye(4)] * 1200))
    labels = np.where(np.arange(4800) < 2400, "left", "right")
    graph = graph.tolil()
    graph[0, 4799] = graph[4799, 0] = 36.0
    display = GraphDisplay.from_predictions(graph.tocsr(), labels)
    assert display.positions is None
    share = 36 / (2400 * 3 + 36)
    assert_allclose(display.shares_, [[1 - share, share], [share, 1 - share]])
    written = [text.get_text() for text in display.ax_.texts]
    assert written == ["100%", "0%", "0%", "100%"]
    assert_allclose(display.ax_.images[0].get_array(), display.shares_)


def test_graphs_without_edges_and_of_one_vertex():
    display = GraphDisplay.from_predictions(csr_array((5, 5)), [0, 0, 1, 1, 1])
    assert_array_equal(display.shares_, np.zeros((2, 2)))
    assert np.isfinite(display.positions).all()
    alone = GraphDisplay.from_predictions(csr_array((1, 1)), ["x"])
    assert alone.positions.shape == (1, 2)


def test_one_label_for_each_vertex():
    with pytest.raises(ValueError, match="90 vertices, but there are 89 labels"):
        GraphDisplay.from_predictions(LINKED.graph, LINKED.target[:-1])
