"""Neighbours of large tables, looked for in a few cells."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.neighbors import NearestNeighbors

from skdeepcluster.neighbors._cell_search import nearest_in_cells


def test_most_neighbours_are_the_nearest_and_none_is_the_row_itself():
    X, _ = make_blobs(6000, 5, centers=10, random_state=0)
    found = nearest_in_cells(X, 5)
    assert found.shape == (6000, 5)
    assert not (found == np.arange(6000)[:, np.newaxis]).any()
    true = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(return_distance=False)
    shared = [len(set(a) & set(b)) for a, b in zip(found, true, strict=True)]
    assert np.mean(shared) > 0.95 * 5
    distances = np.linalg.norm(X[:, np.newaxis] - X[found], axis=2)
    assert np.all(np.diff(distances, axis=1) >= 0)
    np.testing.assert_array_equal(found, nearest_in_cells(X, 5))


@pytest.mark.parametrize("n_distinct", [1, 3])
def test_equal_rows(n_distinct):
    X = np.arange(n_distinct, dtype=float)[np.arange(3000) % n_distinct, np.newaxis]
    found = nearest_in_cells(X, 4)
    assert not (found == np.arange(3000)[:, np.newaxis]).any()
    np.testing.assert_array_equal(X[found][:, :, 0], np.repeat(X, 4, axis=1))
