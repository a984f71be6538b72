"""New rows are drawn to where their neighbours among the fitted rows lie."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsTransformer

from skdeepcluster import NeighborEncoder
from skdeepcluster.deep._neighbor_anchors import Anchors, choose_anchors

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(200, 20))
CODES = RNG.normal(size=(200, 2)).astype(np.float32)
ALL = np.arange(200)
NEW = RNG.normal(size=(30, 20))
GUESSES = RNG.normal(size=(30, 2)).astype(np.float32)


def anchors(rows=ROWS, codes=CODES, n_neighbors=10):
    return Anchors(rows, codes, n_neighbors)


def test_rows_of_the_fit_stay():
    # Whatever the network says of them now.
    assert_array_equal(anchors().draw(ROWS[:30], GUESSES), CODES[:30])
    placed = anchors().draw(np.vstack([ROWS[:5], NEW]), np.vstack([CODES[:5], GUESSES]))
    assert_array_equal(placed[:5], CODES[:5])
    assert not np.any(np.all(placed[5:] == GUESSES, axis=1))


def test_neighbours_decide():
    where = np.repeat([[0.0], [10.0]], 100, axis=0)
    rows = RNG.normal(size=(200, 3)) + where
    codes = (5 * where + RNG.normal(size=(200, 2))).astype(np.float32)
    between = np.full((2, 2), 25, np.float32)
    placed = anchors(rows, codes).draw(np.array([[0.5] * 3, [9.5] * 3]), between)
    assert_allclose(placed, [[0, 0], [50, 50]], atol=3)


@pytest.mark.parametrize("n_columns", [3, 20])
def test_each_row_by_itself(n_columns):
    ours = anchors(ROWS[:, :n_columns])
    together = ours.draw(NEW[:, :n_columns], GUESSES)
    for i in range(len(NEW)):
        alone = ours.draw(NEW[i : i + 1, :n_columns], GUESSES[i : i + 1])
        assert_array_equal(alone[0], together[i])


def test_ties_are_no_matter_of_order():
    rows = np.unique(RNG.integers(0, 3, size=(150, 6)), axis=0).astype(float)
    codes = RNG.normal(size=(len(rows), 2)).astype(np.float32)
    new = RNG.integers(0, 3, size=(30, 6)) + 0.5
    order = RNG.permutation(len(rows))
    assert_array_equal(
        anchors(rows, codes).draw(new, GUESSES),
        anchors(rows[order], codes[order]).draw(new, GUESSES),
    )


def test_equal_rows_count_once():
    twice = anchors(np.repeat(ROWS, 2, axis=0), np.repeat(CODES, 2, axis=0))
    assert_array_equal(twice.draw(NEW, GUESSES), anchors().draw(NEW, GUESSES))


def test_zero_has_no_sign():
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    ours = anchors(rows, CODES[:3])
    assert_array_equal(ours.draw(np.array([[-0.0, 1.0]]), GUESSES[:1]), CODES[:1])


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_few_rows(n_rows):
    placed = anchors(ROWS[:n_rows], CODES[:n_rows]).draw(NEW, GUESSES)
    assert np.isfinite(placed).all()


class TestEncoder:
    X = load_digits().data[:400]
    params = {"random_state": 0, "layout_epochs": 30, "max_steps": 60}

    def test_new_rows_lie_nearer_to_their_neighbours(self):
        drawn, free = (
            NeighborEncoder(keep_rows=keep, **self.params).fit(self.X[:300])
            for keep in (True, False)
        )
        assert_array_equal(drawn.transform(self.X[:300]), free.transform(self.X[:300]))
        codes, space = drawn.transform(self.X[:300]), drawn._space
        gaps = np.linalg.norm(
            space.transform(self.X[300:])[:, np.newaxis]
            - space.transform(self.X[:300]),
            axis=2,
        )
        nearest = codes[gaps.argmin(axis=1)]
        near, far = (
            np.median(np.linalg.norm(model.transform(self.X[300:]) - nearest, axis=1))
            for model in (drawn, free)
        )
        assert near < 0.9 * far

    def test_rows_may_be_forgotten(self):
        model = NeighborEncoder(keep_rows=False, **self.params).fit(self.X[:300])
        assert model._anchors is None
        assert model.transform(self.X[300:]).shape == (100, 2)

    def test_a_row_nearly_of_the_fit_lies_where_that_does(self):
        model = NeighborEncoder(**self.params).fit(self.X[:300])
        codes = model.transform(self.X[:300])
        moved = self.X[:300] + 1e-5 * RNG.normal(size=self.X[:300].shape)
        assert_allclose(model.transform(moved), codes, atol=1e-3)


class TestChoice:
    def test_all_where_there_is_room(self):
        codes = np.full(200, -1)
        for most in (None, 200, 1000):
            assert_array_equal(choose_anchors(ROWS, ALL, codes, most), np.arange(200))

    def test_values_decide(self):
        codes = np.full(200, -1)
        chosen = choose_anchors(ROWS, ALL, codes, 50)
        order = RNG.permutation(200)
        again = order[choose_anchors(ROWS[order], ALL, codes, 50)]
        assert len(chosen) == 50
        assert_array_equal(np.sort(again), chosen)
        zeros = np.array([[0.0, 1.0], [-0.0, 2.0], [3.0, 0.0]])
        assert_array_equal(
            choose_anchors(zeros, ALL[:3], codes[:3], 2),
            choose_anchors(zeros + 0.0, ALL[:3], codes[:3], 2),
        )

    @pytest.mark.parametrize(("n_known", "n_kept"), [(0, 0), (5, 5), (100, 25)])
    def test_rows_of_known_classes(self, n_known, n_kept):
        codes = np.where(np.arange(200) < n_known, 3, -1)
        chosen = choose_anchors(ROWS, ALL, codes, 50)
        assert len(chosen) == 50
        assert np.count_nonzero(codes[chosen] == 3) == n_kept

    def test_rows_beyond_them_are_embedded_as_new_rows(self):
        X, _ = load_digits(return_X_y=True)
        settings = {"layout_epochs": 20, "max_steps": 60, "random_state": 0}
        model = NeighborEncoder(max_anchors=600, **settings)
        codes = model.fit_transform(X)
        assert_array_equal(codes, model.transform(X))
        chosen = choose_anchors(X, np.arange(len(X)), np.full(len(X), -1), 600)
        alone = NeighborEncoder(**settings).fit(X[chosen])
        assert_array_equal(codes, alone.transform(X))
        order = RNG.permutation(len(X))
        assert_array_equal(model.fit_transform(X[order]), codes[order])

    def test_a_graph_is_of_all_rows(self):
        graph = KNeighborsTransformer(n_neighbors=5).fit_transform(ROWS)
        settings = {"layout_epochs": 5, "max_steps": 20, "random_state": 0}
        few = NeighborEncoder(n_neighbors=5, max_anchors=20, **settings)
        many = NeighborEncoder(n_neighbors=5, **settings)
        assert_array_equal(
            few.fit(ROWS, neighbors=graph).transform(ROWS),
            many.fit(ROWS, neighbors=graph).transform(ROWS),
        )


def test_cells_place_new_rows_alike():
    X, _ = load_digits(return_X_y=True)
    settings = {"layout_epochs": 20, "max_steps": 60, "random_state": 0}
    exact = NeighborEncoder(search="exact", **settings).fit(X[:1500])
    cells = NeighborEncoder(search="approximate", **settings).fit(X[:1500])
    assert exact.score(X[1500:]) == pytest.approx(cells.score(X[1500:]), abs=0.05)
    together = cells.transform(X[1500:])
    alone = [cells.transform(X[i : i + 1])[0] for i in range(1500, 1520)]
    assert_array_equal(together[:20], alone)


def test_fitted_rows_are_drawn_too_where_asked():
    where = np.repeat([[0.0], [10.0]], 100, axis=0)
    rows = RNG.normal(size=(200, 3)) + where
    codes = (5 * where + RNG.normal(size=(200, 2))).astype(np.float32)
    codes[7] = 50
    assert_array_equal(anchors(rows, codes).draw(rows, codes), codes)
    drawn = Anchors(rows, codes, 10, draws_all=True).draw(rows, codes)
    assert_allclose(drawn[7], 0, atol=3)


def test_all_rows_drawn_or_only_new_ones():
    X, _ = load_digits(return_X_y=True)
    settings = {"layout_epochs": 20, "max_steps": 60, "random_state": 0}
    new, both = (
        NeighborEncoder(placed=placed, **settings) for placed in ("new", "all")
    )
    codes = both.fit_transform(X[:900])
    assert np.any(codes != new.fit_transform(X[:900]))
    assert_array_equal(codes, both.transform(X[:900]))
    assert both.score(X[:900]) > new.score(X[:900])
    assert_array_equal(both.transform(X[900:910])[3], both.transform(X[903:904])[0])
    one = NeighborEncoder(placed="all", **settings).fit_transform(X[:1])
    assert np.isfinite(one).all()
