"""Distributions of least energy, against figures worked out by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from skdeepcluster.discovery._mean_field import (
    checked_graph,
    mean_field,
    neighbor_edges,
    normalized,
    symmetric,
    with_self,
)

PATH = csr_array(np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1))
FREE = np.full(4, -1)
EXACT = {"max_iter": 1000, "tol": 1e-13}


@pytest.mark.parametrize(
    ("smoothness", "first"),
    [
        (0, (0.9, 0.6, 0.4, 0.1)),
        (1, (0.972425, 0.797564, 0.202436, 0.027575)),
        (2, (0.995557, 0.935753, 0.064247, 0.004443)),
    ],
)
def test_four_rows_on_a_path(smoothness, first):
    p = np.array([0.9, 0.6, 0.4, 0.1])
    scores = np.log(np.column_stack([p, 1 - p]))
    affinities = with_self(normalized(PATH))
    found = mean_field(scores, affinities, smoothness, FREE, **EXACT)
    np.testing.assert_allclose(found.distributions[:, 0], first, atol=1e-6)
    assert found.converged
    assert np.all(np.diff(found.energies) <= 1e-12)


@pytest.mark.parametrize(
    ("smoothness", "first", "energy"),
    [
        (0, (0.731059, 0.549834, 0.450166, 0.268941), -1.502801),
        (0.5, (0.748169, 0.588871, 0.411129, 0.251831), -2.281308),
        (1, (0.776913, 0.623883, 0.376117, 0.223087), -3.075742),
    ],
)
def test_energies_of_rows_between_two_prototypes(smoothness, first, energy):
    x = np.array([0, 0.4, 0.6, 1])
    scores = -np.column_stack([x**2, (x - 1) ** 2])
    found = mean_field(scores, PATH, smoothness, FREE, **EXACT)
    np.testing.assert_allclose(found.distributions[:, 0], first, atol=1e-6)
    assert found.energies[-1] == pytest.approx(energy, abs=1e-6)
    assert np.all(np.diff(found.energies) <= 1e-12)


def test_labeled_rows_never_move():
    x = np.array([0, 0.4, 0.6, 1])
    scores = -np.column_stack([x**2, (x - 1) ** 2])
    codes = np.array([0, -1, -1, 1])
    found = mean_field(scores, PATH, 1.0, codes, **EXACT).distributions
    np.testing.assert_allclose(found[:, 0], [1, 0.692973, 0.307027, 0], atol=1e-6)
    turned = mean_field(scores, PATH, 1.0, np.array([1, -1, -1, 0]), **EXACT)
    np.testing.assert_array_equal(turned.distributions[[0, 3]], [[0, 1], [1, 0]])


def test_two_rows_swap_for_ever_without_themselves():
    pair = csr_array(np.array([[0.0, 1.0], [1.0, 0.0]]))
    free, scores = np.full(2, -1), np.zeros((2, 2))
    mirrored = np.array([[0.9, 0.1], [0.1, 0.9]])
    alone = mean_field(scores, pair, 10.0, free, mirrored, max_iter=50, tol=1e-4)
    assert not alone.converged
    affinities = with_self(normalized(pair))
    level = mean_field(scores, affinities, 10.0, free, mirrored, **EXACT)
    np.testing.assert_allclose(level.distributions, 0.5)
    tilted = np.array([[0.9, 0.1], [0.3, 0.7]])
    found = mean_field(scores, affinities, 10.0, free, tilted, **EXACT)
    np.testing.assert_allclose(found.distributions[:, 0], 0.999999998, atol=1e-9)
    assert np.all(np.diff(found.energies) <= 1e-12)


def test_normalised_graph_with_itself_is_positive_semi_definite():
    rng = np.random.default_rng(0)
    neighbors = np.array([rng.permutation(30)[:4] for _ in range(30)])
    graph = normalized(neighbor_edges(neighbors))
    np.testing.assert_array_equal(graph.toarray(), graph.toarray().T)
    assert np.all(graph.diagonal() == 0)
    assert np.linalg.eigvalsh(with_self(graph).toarray()).min() >= -1e-12


def test_isolated_rows_and_loops():
    graph = symmetric(csr_array(np.array([[5.0, 2, 0], [1, 0, 0], [0, 0, 3.0]])))
    np.testing.assert_array_equal(graph.toarray(), [[0, 2, 0], [2, 0, 0], [0, 0, 0]])
    lone = normalized(graph)
    np.testing.assert_allclose(lone.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_graphs_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"graph has the shape \(4, 4\), .*=5 rows"):
        checked_graph(PATH, 5)
    with pytest.raises(ValueError, match="graph has the shape list"):
        checked_graph([[1]], 1)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="negative or not finite"):
            checked_graph(csr_array(np.array([[0, bad], [1.0, 0]])), 2)
