"""Links between rows, hard and soft, with and without limits of sizes."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris, make_blobs
from sklearn.model_selection import GridSearchCV

from skdeepcluster import ConstrainedKMeans
from skdeepcluster._row_links import checked_links
from skdeepcluster.constrained._assignment import Assigner
from skdeepcluster.constrained._items import items_of
from skdeepcluster.constrained._size_limits import size_limits
from skdeepcluster.exceptions import InfeasibleConstraintsError, LinkWarning

X, Y = load_iris(return_X_y=True)


def random_pairs(n, seed=0, y=Y):
    """Right pairs, as must-links and cannot-links."""
    pairs = np.random.default_rng(seed).integers(0, len(y), (n, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    same = y[pairs[:, 0]] == y[pairs[:, 1]]
    return {"must_link": pairs[same], "cannot_link": pairs[~same]}


def n_broken(labels, must_link, cannot_link):
    left, right = labels[np.reshape(must_link, (-1, 2)).astype(int)].T
    n = np.count_nonzero(left != right)
    left, right = labels[np.reshape(cannot_link, (-1, 2)).astype(int)].T
    return n + np.count_nonzero(left == right)


def assigner(n, k, must, cannot, strength, low=None, high=None):
    """An assigner of n rows on a line, which no link or limit knows of."""
    rows, weights = np.arange(float(n))[:, None], np.ones(n)
    links = checked_links(must, cannot, np.full(n, -1), None)
    items = items_of(rows, weights, links, k, hard=np.isinf(strength), merge=False)
    limits = size_limits(k, float(n), True, low, high, 0.0, None)
    return Assigner(items, limits, strength, True), items


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("strength", [0.7, np.inf])
@pytest.mark.parametrize("seed", range(20))
def test_assignment_against_enumeration(seed, strength, limited):
    rng = np.random.default_rng(seed)
    n, k = 7, 3
    hidden = rng.integers(0, k, n)
    pairs = np.array(
        [pair for pair in product(range(n), repeat=2) if pair[0] < pair[1]]
    )
    pairs = pairs[rng.random(len(pairs)) < 0.4]
    same = hidden[pairs[:, 0]] == hidden[pairs[:, 1]]
    if np.isfinite(strength):
        same ^= rng.random(len(same)) < 0.3
    sizes = np.bincount(hidden, minlength=k)
    low, high = (sizes, sizes + 1) if limited else (None, None)
    assign, items = assigner(n, k, pairs[same], pairs[~same], strength, low, high)
    by_row = rng.uniform(0, 1, (n, k))
    totals = np.array(
        [
            by_row[items.numbers == item].sum(axis=0)
            for item in range(items.numbers.max() + 1)
        ]
    )
    costs = totals / items.weights[:, None]
    found = assign(costs, costs.argmin(axis=1), np.zeros(k), final=True)
    labels = found.labels[items.numbers]
    spread = np.sum(items.weights * costs.min(axis=1)) / n

    def cost(labels):
        broken = n_broken(labels, pairs[same], pairs[~same])
        own = by_row[np.arange(n), labels].sum()
        counts = np.bincount(labels, minlength=k)
        if limited and ((counts < low) | (counts > high)).any():
            return np.inf
        return own + (strength * spread * broken if broken else 0.0)

    least = min(cost(np.array(labels)) for labels in product(range(k), repeat=n))
    assert cost(labels) == pytest.approx(least)
    assert found.cost == pytest.approx(least)
    assert found.gap == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("n_pairs", [20, 100, 300])
@pytest.mark.parametrize("limits", [{}, {"size_min": 45, "size_max": 55}])
def test_hard_links_hold(n_pairs, limits):
    links = random_pairs(n_pairs)
    model = ConstrainedKMeans(3, random_state=0, **limits).fit(X, **links)
    assert n_broken(model.labels_, **links) == 0
    assert model.n_violated_ == 0
    assert model.violated_.shape == (0, 2)
    if limits:
        assert model.sizes_.min() >= 45
        assert model.sizes_.max() <= 55


def test_strength_leads_from_none_to_hard():
    links = random_pairs(60)
    weak = ConstrainedKMeans(3, link_strength=1e-9, examples=False, random_state=0)
    free = ConstrainedKMeans(3, random_state=0).fit(X)
    with pytest.warns(LinkWarning, match="links were not kept"):
        np.testing.assert_array_equal(weak.fit(X, **links).labels_, free.labels_)
    assert weak.n_violated_ == n_broken(weak.labels_, **links)
    assert set(weak.violated_kind_) <= {"must_link", "cannot_link"}
    options = {"examples": False, "random_state": 0}
    strong = ConstrainedKMeans(3, link_strength=1e4, **options).fit(X, **links)
    hard = ConstrainedKMeans(3, **options).fit(X, **links)
    assert strong.n_violated_ == 0
    assert strong.inertia_ == pytest.approx(hard.inertia_)


def test_contradictions_are_broken_where_links_are_soft():
    links = {"must_link": [(0, 1), (1, 2)], "cannot_link": [(0, 2)]}
    model = ConstrainedKMeans(3, link_strength=3, random_state=0)
    with pytest.warns(LinkWarning, match="1 link was not kept"):
        model.fit(X, **links)
    assert model.violated_.tolist() == [[0, 2]]
    assert model.violated_kind_.tolist() == ["cannot_link"]


def test_same_pair_in_both_lists():
    links = {"must_link": [(0, 60)], "cannot_link": [(60, 0)]}
    with pytest.raises(InfeasibleConstraintsError, match="Rows 0 and 60"):
        ConstrainedKMeans(3).fit(X, **links)
    soft = ConstrainedKMeans(3, link_strength=3, random_state=0)
    with pytest.warns(LinkWarning):
        labels = soft.fit(X, **links).labels_
    free = ConstrainedKMeans(3, random_state=0).fit(X)
    np.testing.assert_array_equal(labels, free.labels_)


def test_order_direction_and_repeats_do_not_matter():
    links = random_pairs(100)
    rng = np.random.default_rng(1)
    model = ConstrainedKMeans(3, random_state=0)
    labels = model.fit(X, **links).labels_
    other = {
        kind: np.vstack([rng.permutation(pairs)[:, ::-1], pairs[:5]])
        for kind, pairs in links.items()
    }
    other["must_link"] = np.vstack([other["must_link"], [[3, 3]]])
    np.testing.assert_array_equal(model.fit(X, **other).labels_, labels)
    order = rng.permutation(len(X))
    place = np.argsort(order)
    moved = {kind: place[pairs] for kind, pairs in links.items()}
    again = model.fit(X[order], **moved).labels_[place]
    # Which of several equal rows goes where may differ.
    distinct = np.unique(X, axis=0, return_index=True)[1]
    assert np.mean(again[distinct] == labels[distinct]) > 0.98


@pytest.mark.parametrize("strength", [3.0, np.inf])
def test_partial_labels_are_links(strength):
    rows = np.arange(0, 150, 12)
    y = np.full(150, -1)
    y[rows] = Y[rows]
    pairs = np.array([(i, j) for i in rows for j in rows if i < j])
    same = Y[pairs[:, 0]] == Y[pairs[:, 1]]
    model = ConstrainedKMeans(3, link_strength=strength, random_state=0)
    told = model.fit(X, y).labels_
    linked = model.fit(X, must_link=pairs[same], cannot_link=pairs[~same]).labels_
    np.testing.assert_array_equal(told, linked)
    names = np.array(["a", "b", "c"], object)[Y]
    names[y < 0] = None
    np.testing.assert_array_equal(model.fit_predict(X, names), told)
    free = ConstrainedKMeans(3, random_state=0)
    np.testing.assert_array_equal(free.fit(X, Y).labels_, free.fit(X).labels_)


def test_all_rows_joined():
    pairs = np.column_stack([np.arange(149), np.arange(1, 150)])
    with pytest.warns(UserWarning, match="Only 1 of the 2 clusters"):
        model = ConstrainedKMeans(2, random_state=0).fit(X, must_link=pairs)
    assert not model.labels_.any()


def test_equal_rows_on_both_sides():
    rows = np.repeat([[0.0], [5.0]], 4, axis=0)
    model = ConstrainedKMeans(2, random_state=0)
    labels = model.fit(rows, cannot_link=[(0, 1)]).labels_
    assert labels[0] != labels[1]


def test_links_of_rows_without_weight_are_left_out():
    weights = np.ones(150)
    weights[0] = 0
    model = ConstrainedKMeans(3, random_state=0)
    with pytest.warns(LinkWarning, match="1 link was left out, of rows"):
        model.fit(X, sample_weight=weights, must_link=[(0, 100)])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([1, 2], "shape"),
        ([(1, 2, 3)], "shape"),
        ([(0.5, 1)], "whole numbers"),
        ([(0.0, 1.0)], "whole numbers"),
        ([(-1, 2)], "counted from 0"),
        ([(0, 150)], "names row 150, but X has 150 rows"),
        ([("a", "b")], "whole numbers"),
    ],
)
def test_bad_pairs(pairs, message):
    for kind in ("must_link", "cannot_link"):
        with pytest.raises(ValueError, match=f"{kind} .*{message}"):
            ConstrainedKMeans(3).fit(X, **{kind: pairs})


def error_of(n_clusters, must=None, cannot=None, **params):
    with pytest.raises(InfeasibleConstraintsError) as raised:
        ConstrainedKMeans(n_clusters, **params).fit(
            X, must_link=must, cannot_link=cannot
        )
    return raised.value


def test_contradiction_shows_the_chain():
    must = [(0, 1), (2, 1), (3, 2), (0, 9), (9, 8), (8, 7), (7, 3)]
    error = error_of(3, must, [(3, 0)])
    assert error.kind == "contradiction"
    assert "Rows 0 and 3 must not be together" in str(error)
    assert "0 - 1 - 2 - 3. Drop one of these 4 pairs" in str(error)
    assert "link_strength=3" in str(error)
    given = {tuple(sorted(pair)) for pair in must}
    assert all(tuple(sorted(step)) in given for step in pairwise(error.rows))


def test_contradiction_with_labels():
    y = np.full(150, -1)
    y[[3, 50]] = [7, 7]
    with pytest.raises(InfeasibleConstraintsError, match="equal labels in y") as error:
        ConstrainedKMeans(3).fit(X, y, cannot_link=[(3, 50)])
    assert error.value.rows == [3, 50]


def test_row_apart_from_itself():
    assert "Row 7 cannot be kept apart from itself" in str(error_of(3, [], [(7, 7)]))


def test_too_many_apart():
    rows = [3, 8, 21, 40]
    cannot = [(i, j) for i in rows for j in rows if i < j]
    error = error_of(3, None, cannot)
    assert error.kind == "too many apart"
    assert sorted(error.rows) == rows
    assert "n_clusters=1 cannot keep rows 3 and 8 apart" in str(
        error_of(1, None, [(3, 8)])
    )


def test_equal_rows_that_are_kept_apart():
    rows = np.zeros((10, 1))
    labels = ConstrainedKMeans(2).fit(rows, cannot_link=[(0, 1)]).labels_
    assert labels[0] != labels[1]
    y = [0, 1, 2, *[-1] * 7]
    for params in ({}, {"examples": False}, {"metric": "within"}):
        labels = ConstrainedKMeans(3, **params).fit(rows, y).labels_
        assert len(set(labels[:3])) == 3


def test_more_labels_than_clusters():
    rows = np.random.default_rng(0).normal(size=(6000, 2))
    y = np.arange(6000) // 2
    y[:40] = -1
    with pytest.raises(InfeasibleConstraintsError, match="at least 2980") as error:
        ConstrainedKMeans(3).fit(rows, y)
    assert error.value.kind == "too many apart"
    assert error.value.rows == list(range(40, 6000, 2))
    # Soft links hold what can be held; time grows with the rows.
    soft = ConstrainedKMeans(3, link_strength=1e3, n_init=1, random_state=0)
    labels = soft.fit(rows, y).labels_
    np.testing.assert_array_equal(labels[40::2], labels[41::2])


def test_many_rows_pairwise_apart():
    cannot = np.column_stack(np.triu_indices(120, 1))
    error = error_of(3, None, cannot)
    assert sorted(error.rows) == list(range(120))
    labels = ConstrainedKMeans(120, n_init=1).fit(X, cannot_link=cannot).labels_
    assert len(set(labels[:120])) == 120


@pytest.mark.parametrize("examples", [True, "always", None])
def test_examples_are_auto_or_none(examples):
    with pytest.raises(ValueError, match="'examples' parameter"):
        ConstrainedKMeans(3, examples=examples).fit(X)


def test_odd_cycle():
    cycle = [2, 1, 0, 4, 3]
    cannot = [*zip(cycle, cycle[1:] + cycle[:1], strict=True), (5, 6), (0, 9)]
    error = error_of(2, None, cannot)
    assert error.kind == "odd cycle"
    assert len(error.rows) % 2 == 1
    given = {tuple(sorted(pair)) for pair in cannot}
    assert all(tuple(sorted(pair)) in given for pair in error.pairs)
    assert len(error.pairs) == len(error.rows) == 5


def test_graph_without_a_coloring():
    # Mycielski's graph: no three are pairwise apart, and four clusters are needed.
    cannot = [(i, (i + 1) % 5) for i in range(5)]
    cannot += [(5 + i, (i + step) % 5) for i in range(5) for step in (1, 4)]
    cannot += [(5 + i, 10) for i in range(5)]
    error = error_of(3, None, [*cannot, (20, 0), (21, 20)])
    assert error.kind == "not colorable"
    assert sorted(error.rows) == list(range(11))
    model = ConstrainedKMeans(4, random_state=0).fit(X, cannot_link=cannot)
    assert n_broken(model.labels_, [], cannot) == 0


def test_joined_rows_larger_than_a_cluster():
    must = [(0, row) for row in range(1, 73)]
    error = error_of(3, must, size_max=60)
    assert "73 rows are joined by must-links (rows 0, 1, 2, 3, 4, ...)" in str(error)


def test_limits_and_links_exclude_each_other():
    # Four groups of 37 rows: three clusters of at most 60 rows hold one each.
    must = [(first, first + i) for first in (0, 37, 74, 111) for i in range(1, 37)]
    error = error_of(3, must, None, size_max=60)
    assert error.kind == "limits and links"


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_links_and_limits_hold_or_the_error_is_right(data):
    n = data.draw(st.integers(3, 7))
    k = data.draw(st.integers(1, 3))
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    must = data.draw(st.lists(pair, max_size=4))
    cannot = data.draw(st.lists(pair, max_size=5))
    low, high = data.draw(st.integers(0, 2)), data.draw(st.integers(2, 7))
    rows = np.random.default_rng(n).normal(size=(n, 2))

    def is_kept(labels):
        sizes = np.bincount(labels, minlength=k)
        within = (sizes >= low).all() and (sizes <= high).all()
        return within and n_broken(labels, must, cannot) == 0

    possible = any(is_kept(np.array(one)) for one in product(range(k), repeat=n))
    # Arrays, so that a cluster that holds no row keeps its number.
    model = ConstrainedKMeans(
        k, size_min=[low] * k, size_max=[high] * k, random_state=0
    )
    if possible and n >= k:
        labels = model.fit(rows, must_link=must, cannot_link=cannot).labels_
        assert is_kept(labels)
    else:
        with pytest.raises(ValueError, match=r"."):
            model.fit(rows, must_link=must, cannot_link=cannot)


def test_ten_thousand_rows_with_links_and_limits():
    rows, y = make_blobs(10_000, 4, centers=8, cluster_std=2.5, random_state=0)
    links = random_pairs(300, y=y)
    model = ConstrainedKMeans(
        8, size_min=1000, size_max=1500, examples=False, n_init=1, random_state=0
    ).fit(rows, **links)
    assert n_broken(model.labels_, **links) == 0
    assert model.sizes_.min() >= 1000
    assert model.sizes_.max() <= 1500
    assert model.assignment_gap_ < 5e-4


def test_pairs_cut_by_a_search_are_noticed():
    links = {"must_link": np.array([(0, 149)])}
    search = GridSearchCV(
        ConstrainedKMeans(3), {"n_clusters": [3]}, error_score="raise"
    )
    with pytest.raises(ValueError, match=r"names row 149.*cv=WholeData"):
        search.fit(X, **links)
