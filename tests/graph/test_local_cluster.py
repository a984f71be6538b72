"""One group around seeds: the flow, its sweep, and what may come in."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import block_diag, csr_array

from skdeepcluster.datasets import make_attributed_graph
from skdeepcluster.graph import local_cluster


def bridged(*sizes):
    """Cliques, each joined with the next by one edge."""
    A = block_diag([np.ones((n, n)) - np.eye(n) for n in sizes]).tolil()
    for border in np.cumsum(sizes)[:-1]:
        A[border - 1, border] = A[border, border - 1] = 1
    return csr_array(A)


def f1(members, truth):
    hits = np.count_nonzero(truth[members])
    return 2 * hits / (len(members) + np.count_nonzero(truth))


@pytest.mark.parametrize("seed", [0, 7, 19])
def test_clique_around_a_seed(seed):
    graph = bridged(8, 9, 10)
    border = np.array([0, 8, 17, 27])
    group = np.searchsorted(border, seed, side="right") - 1
    found = local_cluster(graph, seed)
    assert_array_equal(found.members, np.arange(border[group], border[group + 1]))
    inner = (border[group + 1] - border[group]) * (
        border[group + 1] - border[group] - 1
    )
    n_bridges = 2 if group == 1 else 1
    assert found.conductance == pytest.approx(n_bridges / (inner + n_bridges))
    assert np.all(found.scores[found.members] > 0)


def test_noisy_labels_help():
    scores = {"labels": [], "flow alone": [], "flow": [], "smooth": []}
    for seed in range(5):
        table = make_attributed_graph(
            400, n_clusters=5, p_within=0.1, p_between=0.019, random_state=seed
        )
        truth = table.target == 1
        labels = truth ^ (np.random.default_rng(seed).random(400) < 0.2)
        start = np.flatnonzero(truth)[0]
        found = {
            "labels": np.flatnonzero(labels),
            "flow alone": local_cluster(table.graph, start).members,
            "flow": local_cluster(table.graph, start, labels=labels).members,
            "smooth": local_cluster(
                table.graph, start, labels=labels, method="smooth"
            ).members,
        }
        for name, members in found.items():
            scores[name].append(f1(members, truth))
    means = {name: np.mean(values) for name, values in scores.items()}
    assert means["flow"] > means["flow alone"] + 0.05
    assert means["smooth"] > means["labels"] + 0.15


def test_averaged_labels_are_those_of_the_formula():
    graph = bridged(4, 5)
    labels = np.array([1, 1, 0, 1, 0, 0, 1, 0, 0])
    found = local_cluster(graph, [0], labels=labels, method="smooth")
    P = graph.toarray() / graph.toarray().sum(axis=1, keepdims=True)
    assert_allclose(found.scores, P @ P @ P @ labels)
    assert_array_equal(found.members, [0, 1, 2, 3])
    # 2 differs from its three neighbours, and so do the ends of the bridge.
    assert found.conductance == pytest.approx(0.05 / (6 + 6 * 0.05 + 0.05))


def test_labels_of_any_kind_and_weight_one_without_effect():
    graph = bridged(8, 9, 10)
    labels = np.arange(27) < 5
    plain = local_cluster(graph, 0, labels=np.ones(27), mass=0.5, label_weight=1)
    for kind in (labels, labels.astype(int), labels.astype(float), labels.tolist()):
        found = local_cluster(graph, 0, labels=kind, mass=2.7, label_weight=1)
        assert_allclose(found.scores, plain.scores, rtol=1e-12)


def test_a_seed_is_of_the_group_whatever_its_label():
    graph, labels = bridged(8, 9, 10), np.arange(27) < 8
    right = local_cluster(graph, 3, labels=labels)
    given = labels.copy()
    given[3] = False
    wrong = local_cluster(graph, 3, labels=given)
    assert_array_equal(wrong.scores, right.scores)
    assert not given[3]


def test_only_the_neighbourhood_is_touched():
    graph = bridged(*[10] * 500)
    found = local_cluster(graph, 2502, mass=0.3, check_input=False)
    assert_array_equal(found.members, np.arange(2500, 2510))
    assert np.count_nonzero(found.scores) < 40


def test_more_mass_than_fits_fills_the_graph():
    found = local_cluster(bridged(5, 6), 0, mass=1e6)
    assert_array_equal(found.members, np.arange(5))


def test_a_component_is_a_group():
    graph = csr_array(block_diag([bridged(6), bridged(40)]))
    found = local_cluster(graph, [1, 3])
    assert_array_equal(found.members, np.arange(6))
    assert found.conductance == 0


def test_seeds_are_members():
    found = local_cluster(bridged(8, 9, 30), [0, 30], mass=0.01)
    assert set(found.members) >= {0, 30}


def test_few_pushes_are_said():
    with pytest.warns(UserWarning, match="after 3 pushes"):
        local_cluster(bridged(8, 9, 10), 0, max_push=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 27}, "from 0 to 26"),
        ({"seeds": [-1]}, "seeds"),
        ({"seeds": []}, "seeds must be"),
        ({"seeds": [0.5]}, "seeds must be"),
        ({"seeds": [[0]]}, "seeds must be"),
        ({"labels": np.ones(26)}, "labels has shape"),
        ({"labels": np.full(27, 2)}, "0 and 1"),
        ({"labels": np.full(27, np.nan)}, "0 and 1"),
        ({"graph": csr_array((27, 26))}, "square"),
        ({"graph": -bridged(8, 9, 10)}, "negative"),
        ({"graph": bridged(8, 9, 10) * np.nan}, "NaN"),
        ({"graph": csr_array((27, 27))}, "seed 0 has no edges"),
        ({"method": "smooth"}, "give labels"),
        ({"label_weight": 0}, "label_weight"),
        ({"mass": 0}, "mass"),
        ({"graph": np.zeros((27, 27)), "check_input": False}, "CSR"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        local_cluster(**{"graph": bridged(8, 9, 10), "seeds": 0} | arguments)


def test_directed_graphs_and_other_types():
    graph = bridged(8, 9, 10)
    with pytest.warns(UserWarning, match="directed"):
        found = local_cluster(csr_array(np.triu(graph.toarray())), 0)
    assert_array_equal(found.members, np.arange(8))
    for other in (
        graph.astype(bool),
        graph.astype(int),
        graph.tocsc(),
        graph.toarray(),
    ):
        assert_array_equal(local_cluster(other, 0).members, np.arange(8))
