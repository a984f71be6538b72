"""Neighbours of large tables, looked for in a few cells."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors

from skdeepcluster.neighbors import _cell_search
from skdeepcluster.neighbors._cell_search import CellIndex

X, _ = make_blobs(6000, 5, centers=10, random_state=0)


def shared_with_the_truth(rows, queries, found):
    search = NearestNeighbors(n_neighbors=found.shape[1]).fit(rows)
    true = search.kneighbors(queries, return_distance=False)
    pairs = zip(found, true, strict=True)
    return np.mean([len(set(a) & set(b)) / len(a) for a, b in pairs])


def test_most_neighbours_are_the_nearest_and_none_is_the_row_itself():
    found, distances = CellIndex(X).nearest_others(X, 5)
    assert found.shape == distances.shape == (6000, 5)
    assert not (found == np.arange(6000)[:, np.newaxis]).any()
    assert shared_with_the_truth(X, None, found) > 0.99
    by_hand = np.linalg.norm(X[:, np.newaxis] - X[found], axis=2)
    assert_allclose(distances, by_hand, rtol=1e-9)
    assert np.all(np.diff(distances, axis=1) >= 0)
    assert_array_equal(found, CellIndex(X).nearest_others(X, 5)[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_new_rows_one_by_one_or_together(dtype):
    rows, new = X[1000:].astype(dtype), X[:1000].astype(dtype)
    index = CellIndex(rows)
    found, squares = index.nearest(new, 7)
    assert shared_with_the_truth(rows, new, found) > 0.99
    for i in (0, 1, 500, 999):
        alone, their = index.nearest(new[i : i + 1], 7)
        assert_array_equal(alone[0], found[i])
        assert_array_equal(their[0], squares[i])


def test_many_cells_in_parts(monkeypatch):
    """Where only the cells near a row's part are compared with it."""
    monkeypatch.setattr(_cell_search, "_LEAST_NEAR", 1)
    monkeypatch.setattr(_cell_search, "ROWS_PER_CELL", 10)
    index = CellIndex(X)
    assert index.near.shape[1] < len(index.starts) - 1
    assert shared_with_the_truth(X, None, index.nearest_others(X, 5)[0]) > 0.97


NOISE = np.random.default_rng(0).normal(size=(4000, 40))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_more_cells_where_noise_needs_them(monkeypatch, dtype):
    rows = NOISE.astype(dtype)
    monkeypatch.setattr(_cell_search, "ROWS_PER_CELL", 25)
    index = CellIndex(rows)
    few = index.nearest(rows, 6)[0][:, 1:]
    assert shared_with_the_truth(rows, None, few) < 0.8
    found, distances = index.nearest_others(rows, 5)
    assert shared_with_the_truth(rows, None, found) > 0.94
    assert_array_equal(distances, CellIndex(rows).nearest_others(rows, 5)[1])


def test_too_few_found_is_said(monkeypatch):
    monkeypatch.setattr(_cell_search, "ROWS_PER_CELL", 5)
    with pytest.warns(ConvergenceWarning, match="nearest rows, about") as caught:
        found, _ = CellIndex(NOISE).nearest_others(NOISE, 5)
    said = int(re.search(r"(\d+)%", str(caught[0].message))[1]) / 100
    true = shared_with_the_truth(NOISE, None, found)
    assert true < 0.9
    assert abs(said - true) < 0.05
    assert caught[0].filename == __file__


def test_all_cells_where_few_rows_are_asked_for_many(monkeypatch):
    monkeypatch.setattr(_cell_search, "CELLS_LOOKED_AT", 1)
    found, squares = CellIndex(X[:400]).nearest(X[:3], 400)
    for row in found:
        assert_array_equal(np.sort(row), np.arange(400))
    assert np.all(np.isfinite(squares))


@pytest.mark.parametrize("n_distinct", [1, 3])
def test_equal_rows(n_distinct):
    rows = np.arange(n_distinct, dtype=float)[np.arange(3000) % n_distinct, np.newaxis]
    found, distances = CellIndex(rows).nearest_others(rows, 4)
    assert not (found == np.arange(3000)[:, np.newaxis]).any()
    assert_array_equal(rows[found][:, :, 0], np.repeat(rows, 4, axis=1))
    assert_array_equal(distances, 0)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("order", lambda a: a + 1),
        ("near", lambda a: a - 1),
        ("starts", lambda a: a + 1),
        ("blocks", lambda a: a[:-1]),
        ("centers", lambda a: a[:, :, :-1]),
    ],
)
def test_forged_state_is_refused(name, change):
    index = CellIndex(X)
    index._check_state()
    setattr(index, name, change(getattr(index, name)))
    with pytest.raises(ValueError, match="CellIndex"):
        index._check_state()
