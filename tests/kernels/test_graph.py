"""Communities and diffusion, against networkx, leading cases and the equations."""

import numpy as np
import pytest
from extras import nx
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from skdeepcluster.kernels.graph import (
    by_size,
    communities,
    lazy_zeros,
    modularity,
    push,
    sweep,
)


def from_edges(edges, n, weights=None):
    heads, tails = np.transpose(edges)
    weights = np.ones(len(edges)) if weights is None else weights
    A = coo_array((weights, (heads, tails)), shape=(n, n))
    return csr_array(A + A.T)


def random_graph(rng, n, p):
    upper = np.triu(rng.random((n, n)) < p, 1) * rng.integers(1, 4, (n, n))
    return csr_array((upper + upper.T).astype(float))


def planted(rng, n_groups, size, p_in, p_out):
    truth = np.repeat(np.arange(n_groups), size)
    same = truth == truth[:, np.newaxis]
    upper = np.triu(rng.random(same.shape) < np.where(same, p_in, p_out), 1)
    return csr_array((upper + upper.T).astype(float)), truth


def arrays(A):
    return A.indptr, A.indices, A.data


TRIANGLES = from_edges([(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)], 6)
PATH = from_edges([(0, 1), (1, 2), (2, 3)], 4)


def test_modularity_of_two_triangles():
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert modularity(*arrays(TRIANGLES), labels) == pytest.approx(5 / 14, abs=1e-15)
    assert_array_equal(communities(*arrays(TRIANGLES)), labels)


@pytest.mark.parametrize("resolution", [0.3, 1.0, 2.5])
def test_modularity_is_that_of_networkx(rng, resolution):
    A = random_graph(rng, 60, 0.1)
    labels = rng.integers(0, 5, 60)
    groups = [set(np.flatnonzero(labels == c)) for c in range(5)]
    graph = nx.from_scipy_sparse_array(A)
    expected = nx.community.modularity(graph, groups, resolution=resolution)
    assert modularity(*arrays(A), labels, resolution) == pytest.approx(expected, 1e-12)


@pytest.mark.parametrize("resolution", [0.5, 1.0, 2.0])
def test_communities_are_as_good_as_those_of_networkx(rng, resolution):
    graph = nx.karate_club_graph()
    graphs = [
        nx.to_scipy_sparse_array(graph, dtype=float),
        random_graph(rng, 200, 0.03),
    ]
    graphs.append(planted(rng, 6, 40, 0.2, 0.02)[0])
    for A in graphs:
        found = nx.community.louvain_communities(
            nx.from_scipy_sparse_array(csr_array(A)), resolution=resolution, seed=0
        )
        theirs = np.empty(A.shape[0], int)
        for number, members in enumerate(found):
            theirs[list(members)] = number
        ours = communities(*arrays(A), resolution)
        least = modularity(*arrays(A), theirs, resolution) - 0.005
        assert modularity(*arrays(A), ours, resolution) >= least


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.floats(0.02, 0.5), st.floats(0.1, 4), st.integers(0, 99))
def test_no_move_of_one_vertex_gains_and_communities_are_connected(n, p, gamma, seed):
    A = random_graph(np.random.default_rng(seed), n, p)
    labels = communities(*arrays(A), gamma, seed=seed, n_rounds=50)
    own = modularity(*arrays(A), labels, gamma)
    for vertex in range(n):
        for group in range(labels.max() + 2):
            moved = labels.copy()
            moved[vertex] = group
            assert modularity(*arrays(A), moved, gamma) <= own + 1e-9
    for group in range(labels.max() + 1):
        members = np.flatnonzero(labels == group)
        assert connected_components(A[members][:, members])[0] == 1


def test_planted_groups_are_found_in_any_order_of_the_vertices(rng):
    A, truth = planted(rng, 4, 50, 0.4, 0.01)
    order = rng.permutation(200)
    assert_array_equal(communities(*arrays(A)), truth)
    shuffled = communities(*arrays(csr_array(A[order][:, order])))
    assert_array_equal(by_size(shuffled), by_size(truth[order]))


def test_larger_resolutions_cut_finer(rng):
    A, _ = planted(rng, 8, 30, 0.4, 0.05)
    counts = [communities(*arrays(A), g).max() + 1 for g in np.geomspace(0.05, 6, 8)]
    assert counts[0] < 8 < counts[-1]
    assert 8 in counts
    assert counts == sorted(counts)


def test_weights_of_integers_and_a_factor_change_nothing(rng):
    A = random_graph(rng, 80, 0.08)
    labels = communities(*arrays(A))
    assert_array_equal(communities(*arrays(A.astype(int))), labels)
    assert_array_equal(communities(*arrays(A * 1024)), labels)
    assert_array_equal(communities(A.indptr.astype(np.int64), *arrays(A)[1:]), labels)


def test_graphs_without_edges():
    empty = csr_array((3, 3))
    assert_array_equal(communities(*arrays(empty)), [0, 1, 2])
    assert modularity(*arrays(empty), np.arange(3)) == 0
    assert_array_equal(communities(*arrays(csr_array((1, 1)))), [0])
    apart = from_edges([(0, 3), (1, 2)], 5)
    assert_array_equal(communities(*arrays(apart)), [0, 1, 1, 0, 2])


def diffuse(A, seeds, mass, labels=None, label_weight=1.0, max_push=10**6, tol=1e-10):
    labels = np.zeros(A.shape[0], bool) if labels is None else labels
    return push(
        arrays(A),
        labels,
        label_weight,
        np.array(seeds),
        mass,
        max_push=max_push,
        tol=tol,
    )


def test_mass_on_a_path_comes_to_rest_where_the_equations_say():
    flow = diffuse(PATH, [0], 6.0)
    assert_allclose(flow.potentials, [9, 4, 1, 0], atol=1e-8)
    assert_allclose(flow.held, [1, 2, 2, 1], atol=1e-8)
    assert flow.outcome == 0


@settings(deadline=None, max_examples=40)
@given(
    st.integers(5, 40), st.floats(0.15, 0.5), st.floats(0.05, 0.9), st.integers(0, 99)
)
def test_conditions_of_the_minimum(n, p, share, seed):
    """Mass is kept, and a potential is positive only where a vertex is full."""
    rng = np.random.default_rng(seed)
    A, labels = random_graph(rng, n, p), rng.random(n) < 0.5
    factor = np.where(labels == labels[:, np.newaxis], 1.0, 0.05)
    W = A.toarray() * factor
    degrees, seeds = W.sum(axis=1), np.flatnonzero(W.sum(axis=1))[:2]
    component = connected_components(A)[1]
    if len(seeds) < 2 or component[seeds[0]] != component[seeds[1]]:
        seeds = seeds[:1]
    if not len(seeds):
        return
    room = degrees[component == component[seeds[0]]].sum()
    flow = diffuse(A, seeds, share * room, labels, 0.05)
    start = np.bincount(seeds, minlength=n) * share * room / len(seeds)
    x = flow.potentials
    assert flow.outcome == 0
    assert_allclose(flow.held, start - degrees * x + W @ x, atol=1e-8 * room)
    assert_allclose(flow.held.sum(), share * room)
    assert np.all(flow.held <= degrees * (1 + 1e-9))
    assert_allclose(flow.held[x > 0], degrees[x > 0], rtol=1e-9)
    assert set(np.flatnonzero(flow.held)) <= set(flow.touched)


def test_only_what_mass_reaches_is_touched():
    ring = from_edges([(i, (i + 1) % 1000) for i in range(1000)], 1000)
    flow = diffuse(ring, [500], 20.0)
    assert len(flow.touched) < 15
    assert_array_equal(np.flatnonzero(flow.degrees), np.sort(flow.touched))


def test_why_a_diffusion_ends():
    assert diffuse(PATH, [0], 6.5).outcome == 2
    assert diffuse(PATH, [0], 5.0, max_push=3).outcome == 1


def test_sweep_finds_the_part_of_least_conductance(rng):
    A, labels = random_graph(rng, 30, 0.2), rng.random(30) < 0.5
    W = A.toarray() * np.where(labels == labels[:, np.newaxis], 1.0, 0.1)
    degrees, order = W.sum(axis=1), rng.permutation(30)[:20]
    expected = []
    for size in range(3, 21):
        inside = np.isin(np.arange(30), order[:size])
        expected.append(W[inside][:, ~inside].sum() / degrees[inside].sum())
    size, conductance = sweep(arrays(A), labels, 0.1, order, 3, degrees)
    assert conductance == pytest.approx(min(expected))
    assert size == 3 + int(np.argmin(expected))


@pytest.mark.parametrize("dtype", [float, bool])
def test_lazy_zeros_are_zeros_that_can_be_written_to(dtype):
    zeros = lazy_zeros(5, dtype)
    assert_array_equal(zeros, np.zeros(5, dtype))
    zeros[3] = 1
    assert_array_equal(lazy_zeros(5, dtype), np.zeros(5))
    assert lazy_zeros(0, dtype).shape == (0,)
