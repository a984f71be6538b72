"""Links between rows cut and join the clusters that PPP found."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse.csgraph import connected_components
from sklearn import config_context
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP, load, save
from skdeepcluster._row_links import checked_links
from skdeepcluster.exceptions import InfeasibleConstraintsError, LinkWarning
from skdeepcluster.ppp._linked_groups import named_rows

IRIS, SPECIES = load_iris(return_X_y=True)
may_break = pytest.mark.filterwarnings("ignore:.* not kept")
FOUR = [[0, 0], [9, 0], [60, 60], [69, 60]]
OF_LINKS = ("n_violated_", "violated_", "violated_kind_")


def links_of(pairs, y):
    """Right answers about pairs."""
    pairs = np.reshape(pairs, (-1, 2))
    same = y[pairs[:, 0]] == y[pairs[:, 1]]
    return {"must_link": pairs[same], "cannot_link": pairs[~same]}


def random_links(n, y, seed=0):
    pairs = np.random.default_rng(seed).integers(0, len(y), (n, 2))
    return links_of(pairs[pairs[:, 0] != pairs[:, 1]], y)


def broken(labels, must_link, cannot_link):
    """Links that labels break, as a set of tuples."""
    return {
        (*sorted(pair), kind)
        for kind, pairs, kept in (
            ("must_link", must_link, True),
            ("cannot_link", cannot_link, False),
        )
        for pair in np.reshape(pairs, (-1, 2)).tolist()
        if pair[0] != pair[1] and (labels[pair[0]] == labels[pair[1]]) != kept
    }


def same_state(first, second):
    """Whether densities and labels are the same, bit for bit."""
    assert_array_equal(first.labels_, second.labels_)
    assert_array_equal(first.cluster_centers_, second.cluster_centers_)
    assert_array_equal(first.predict_proba(IRIS), second.predict_proba(IRIS))
    return first.validated_ == second.validated_


@pytest.mark.parametrize("links", [{}, {"must_link": []}, {"cannot_link": []}])
def test_no_link_changes_no_bit(links):
    plain, linked = PPP().fit(IRIS), PPP().fit(IRIS, **links)
    assert same_state(plain, linked)
    assert [hasattr(linked, name) for name in OF_LINKS] == [bool(links)] * 3
    assert not links or linked.n_violated_ == 0


def test_links_that_hold_anyway_change_no_bit():
    plain = PPP().fit(IRIS)
    linked = PPP().fit(IRIS, **random_links(80, plain.labels_))
    assert same_state(plain, linked)
    assert linked.n_violated_ == 0
    assert linked.violated_.shape == (0, 2)


@may_break
def test_answers_about_all_pairs_give_the_classes():
    for X, y in (load_iris(return_X_y=True), load_wine(return_X_y=True)):
        chosen = np.random.default_rng(0).permutation(len(X))[:100]
        links = links_of(list(combinations(chosen.tolist(), 2)), y)
        model = PPP().fit(X, **links)
        assert model.n_clusters_ == 3
        # Each cluster has the fifth at most that the rule leaves.
        for cluster in range(3):
            counts = np.bincount(y[chosen[model.labels_[chosen] == cluster]])
            assert counts.max() >= 0.8 * counts.sum()
        assert adjusted_rand_score(y, model.labels_) > 0.7


def test_one_group_that_links_part_in_three():
    y = np.arange(600) % 3
    X = np.array([[0.0, 0], [2.2, 0], [1.1, 2]])[y]
    X = X + np.random.default_rng(0).standard_normal((600, 2))
    plain = PPP(max_clusters=1).fit(X)
    assert plain.n_clusters_ == 1
    with pytest.warns(LinkWarning):
        model = PPP().fit(X, **random_links(300, y))
    assert model.n_clusters_ >= 3
    assert adjusted_rand_score(y, model.labels_) > 0.4
    assert_array_equal(model.predict(X), model.labels_)


def test_groups_apart_that_links_join():
    X, y = make_blobs(400, centers=FOUR, random_state=0)
    ends = [np.flatnonzero(y == blob)[0] for blob in range(4)]
    model = PPP().fit(X, must_link=[ends[:2]])
    assert model.n_clusters_ == 3
    assert model.n_violated_ == 0
    assert np.unique(model.labels_[y < 2]).size == 1
    # Joined through a third group, of which no pair is with the first.
    model = PPP().fit(X, must_link=[ends[:2], [ends[1], ends[2]]])
    assert np.unique(model.labels_[y < 3]).size == 1
    assert model.n_clusters_ == 2


def test_rows_are_counted_and_not_answers():
    X, y = make_blobs(300, centers=[[0, 0], [9, 0]], random_state=0)
    left, right = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    # One row of the left asks for all of the right; ten pairs of others refuse.
    hub = [(left[0], row) for row in right[:30]]
    apart = list(zip(left[1:41], right[60:100], strict=True))
    with pytest.warns(LinkWarning, match="30 links"):
        model = PPP().fit(X, must_link=hub, cannot_link=apart)
    assert model.n_clusters_ == 2


def test_contradictions_are_counted():
    X, _ = make_blobs(300, centers=[[0, 0], [9, 0]], random_state=0)
    both = [(0, 1), (2, 3), (0, 3)]
    with pytest.warns(LinkWarning, match="3 links"):
        model = PPP().fit(X, must_link=both, cannot_link=both)
    assert same_partition(model.labels_, PPP().fit(X).labels_)
    assert model.n_violated_ == 3
    with pytest.raises(InfeasibleConstraintsError, match="Row 4 cannot be kept"):
        PPP().fit(X, cannot_link=[(4, 4)])


def same_partition(first, second):
    return adjusted_rand_score(first, second) == 1


@may_break
@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_and_pairs_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    links = random_links(100, SPECIES, seed)
    model = PPP().fit(IRIS, **links)
    order = rng.permutation(len(IRIS))
    place = np.argsort(order)
    moved = {
        name: place[rng.permutation(pairs)][:, ::-1] for name, pairs in links.items()
    }
    again = PPP().fit(IRIS[order], **moved)
    assert_array_equal(again.labels_, model.labels_[order])
    assert_array_equal(again.cluster_centers_, model.cluster_centers_)
    assert again.n_violated_ == model.n_violated_


@may_break
def test_violated_links_are_those_that_labels_break_the_dearest_first():
    links = random_links(200, SPECIES)
    model = PPP().fit(IRIS, **links)
    told = {
        (*pair, kind)
        for pair, kind in zip(
            model.violated_.tolist(), model.violated_kind_.tolist(), strict=True
        )
    }
    assert len(told) == model.n_violated_ > 1
    assert told == broken(model.labels_, **links)
    logs, prices = model._log_joint(IRIS), []
    for pair, kind in zip(model.violated_, model.violated_kind_, strict=True):
        moves = []
        for row, other in (pair, pair[::-1]):
            own, there = model.labels_[[row, other]]
            rest = np.delete(logs[row], own).max()
            to = logs[row, there] if kind == "must_link" else rest
            moves.append(logs[row, own] - to)
        prices.append(min(moves))
    assert prices == sorted(prices, reverse=True)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 25))
def test_votes_against_counting(seed, n_rows, n_links):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n_rows, 2))
    pairs = rng.integers(0, n_rows, (n_links, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    if len(pairs) == 0:
        return
    is_must = rng.random(len(pairs)) < 0.4
    must, cannot = pairs[is_must], pairs[~is_must]
    named = named_rows(rows, checked_links(must, cannot, np.full(n_rows, -1), None))
    groups = rng.integers(0, 3, len(named.rows))
    # Joined sets, as a matrix of rows by rows; those that contradict themselves fall.
    graph = np.zeros((n_rows, n_rows))
    graph[must[:, 0], must[:, 1]] = 1
    sets = connected_components(graph, directed=False)[1]
    bad = {sets[i] for i, j in cannot if sets[i] == sets[j]}
    unit = [-1 - row if sets[row] in bad else sets[row] for row in range(n_rows)]
    given = [np.flatnonzero((rows == row).all(axis=1))[0] for row in named.rows]
    expected = np.zeros((len(given), 3))
    for a, i in enumerate(given):
        for b, j in enumerate(given):
            if i == j:
                continue
            between = [
                {unit[row] for row in pair} == {unit[i], unit[j]} for pair in pairs
            ]
            accepts = unit[i] == unit[j] or any(np.array(between) & is_must)
            refuses = unit[i] != unit[j] and any(np.array(between) & ~is_must)
            expected[a, groups[b]] += int(accepts) - int(refuses)
    assert_array_equal(named.votes(groups, 3), np.sign(expected))


@may_break
def test_limits_on_the_number_hold():
    links = random_links(150, SPECIES)
    assert PPP().fit(IRIS, **links).n_clusters_ > 2
    model = PPP(max_clusters=2).fit(IRIS, **links)
    assert model.n_clusters_ == 2
    assert not model.validated_
    X, y = make_blobs(300, centers=[[0, 0], [9, 0]], random_state=0)
    together = [[np.argmin(y), np.argmax(y)]]
    assert PPP().fit(X, must_link=together).n_clusters_ == 1
    model = PPP(min_clusters=2).fit(X, must_link=together)
    assert model.n_clusters_ == 2
    assert not model.validated_


def test_rows_without_weight_have_no_links():
    weights = np.ones(len(IRIS))
    weights[[3, 120]] = 0
    with pytest.warns(LinkWarning, match="1 link was left out"):
        model = PPP().fit(IRIS, sample_weight=weights, must_link=[(3, 120)])
    assert same_state(model, PPP().fit(IRIS, sample_weight=weights))


@may_break
@pytest.mark.parametrize("assume", ["unimodal", "gaussian"])
def test_other_assumptions_and_selected_columns(assume):
    X, y = load_wine(return_X_y=True)
    noise = np.random.default_rng(0).standard_normal((len(X), 2))
    X = np.hstack([X, noise])
    links = random_links(100, y)
    model = PPP(assume=assume, feature_selection=True).fit(X, **links)
    plain = PPP(assume=assume, feature_selection=True).fit(X)
    agreement = [adjusted_rand_score(y, each.labels_) for each in (plain, model)]
    assert agreement[1] >= agreement[0]
    assert_array_equal(model.predict(X), model.labels_)
    assert model.selection_path_ == plain.selection_path_


@pytest.mark.filterwarnings("ignore:No evidence of more than one cluster")
def test_few_rows_or_equal_ones_are_left_as_they_are():
    with pytest.warns(LinkWarning, match="1 link was not kept"):
        model = PPP().fit(IRIS[:9], cannot_link=[(0, 1)])
    assert model.n_clusters_ == 1
    equal = np.ones((50, 2))
    with pytest.warns(LinkWarning, match="1 link was not kept"):
        assert PPP().fit(equal, cannot_link=[(0, 1)]).n_clusters_ == 1
    # Equal rows of a table with groups cannot be told apart either.
    twice = np.concatenate([IRIS, IRIS])
    with pytest.warns(LinkWarning, match="1 link was not kept"):
        model = PPP().fit(twice, cannot_link=[(0, 150)])
    assert_array_equal(model.labels_, PPP().fit(twice).labels_)


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ({"must_link": [(0, 150)]}, "must_link names row 150, but X has 150 rows"),
        ({"cannot_link": [(-1, 2)]}, "cannot_link names row -1"),
        ({"must_link": [(0.5, 1)]}, "must_link holds .*0.5"),
        ({"cannot_link": [(0, 1, 2)]}, "cannot_link has shape"),
    ],
)
def test_no_pairs_of_rows(links, message):
    model = PPP().fit(IRIS)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(IRIS, **links)
    assert vars(model) == before


@may_break
def test_later_chunks_know_no_links():
    model = PPP().fit(IRIS, **random_links(100, SPECIES))
    frozen = model.frozen()
    assert_array_equal(frozen.predict(IRIS), model.labels_)
    assert not any(hasattr(frozen, name) for name in OF_LINKS)
    model.partial_fit(IRIS).partial_fit()
    assert not any(hasattr(model, name) for name in OF_LINKS)
    assert model.n_clusters_ == PPP().fit(np.concatenate([IRIS, IRIS])).n_clusters_
    with pytest.raises(TypeError, match="must_link"):
        model.partial_fit(IRIS, must_link=[(0, 1)])
    model.fit(IRIS)
    assert same_state(model, PPP().fit(IRIS))
    assert not hasattr(model, "n_violated_")


@may_break
def test_files_keep_what_links_made(tmp_path):
    model = PPP().fit(IRIS, **random_links(100, SPECIES))
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert same_state(model, again)
    assert_array_equal(again.violated_, model.violated_)
    assert_array_equal(again.violated_kind_, model.violated_kind_)


@may_break
def test_links_are_metadata():
    links = random_links(100, SPECIES)
    with config_context(enable_metadata_routing=True):
        clusterer = PPP().set_fit_request(must_link=True, cannot_link=True)
        pipe = make_pipeline(StandardScaler(), clusterer).fit(IRIS, **links)
    direct = PPP().fit(StandardScaler().fit_transform(IRIS), **links)
    assert_array_equal(pipe[-1].labels_, direct.labels_)
    assert_array_equal(
        PPP().fit_predict(IRIS, **links), PPP().fit(IRIS, **links).labels_
    )
