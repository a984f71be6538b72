"""What PPP's functions find, and what they say of the columns."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, make_blobs
from sklearn.feature_selection import f_classif

from skdeepcluster._rows import distinct_rows
from skdeepcluster.ppp._density_clusters import (
    _numbered,
    explained_columns,
    fit_ppp,
)
from skdeepcluster.ppp._merging import MergeRules


def found_in(X, **options):
    rows, weights = distinct_rows(X)
    return rows, fit_ppp(rows, weights, MergeRules(), max_rows=10_000, **options)


def test_result_describes_the_rows():
    X = make_blobs(500, 3, centers=4, random_state=0)[0]
    rows, found = found_in(X)
    assert found.n_clusters == 4
    assert_array_equal(found.sizes, np.bincount(found.labels))
    assert np.all(np.diff(found.sizes) <= 0)
    assert_array_equal(found.density.log_densities(rows).argmax(axis=1), found.labels)
    for k, center in enumerate(found.density.centers):
        assert_allclose(center, rows[found.labels == k].mean(axis=0))
    voters = [size for size in found.sizes_tried if size["n_clusters"]]
    assert found.stability in [size["agreement"] for size in voters]
    assert found.selection_path == []


@pytest.mark.parametrize("X", [np.ones((50, 2)), np.eye(4)])
def test_without_a_density_all_rows_are_one_cluster(X):
    rows, found = found_in(X)
    assert found.n_clusters == 1
    assert_array_equal(found.density.log_densities(rows), np.zeros((len(rows), 1)))
    assert found.density.n_parameters(50.0) == 0
    with pytest.raises(ValueError, match="no density to draw from"):
        found.density.sample(3, np.random.default_rng(0))


def test_numbers_follow_the_sizes_given():
    X = make_blobs(300, 2, centers=3, random_state=1)[0]
    rows, found = found_in(X)
    sizes = np.array([1.0, 3.0, 2.0])
    other = _numbered(found._replace(sizes=sizes))
    assert_array_equal(other.sizes, [3, 2, 1])
    assert_array_equal(other.density.centers, found.density.centers[[1, 2, 0]])
    logs = found.density.log_densities(rows)[:, [1, 2, 0]]
    assert_allclose(other.density.log_densities(rows), logs)
    assert_array_equal(other.labels, logs.argmax(axis=1))


def test_explained_columns_are_an_analysis_of_variance():
    X, y = load_iris(return_X_y=True)
    share, is_separable = explained_columns(X, np.ones(len(X)), y)
    ratio, p_values = f_classif(X, y)
    assert_allclose(share / (1 - share) * (150 - 3) / (3 - 1), ratio)
    assert_array_equal(is_separable, p_values < 0.01 / 4)


def test_a_row_of_weight_two_explains_as_two_rows():
    X, y = load_iris(return_X_y=True)
    weights = np.arange(150) % 3 + 1
    first = explained_columns(X, weights.astype(float), y)
    repeated = np.repeat(X, weights, axis=0), np.repeat(y, weights)
    second = explained_columns(repeated[0], np.ones(weights.sum()), repeated[1])
    for found, expected in zip(first, second, strict=True):
        assert_allclose(found, expected)


def test_nothing_is_explained_by_one_cluster_or_of_a_constant_column():
    X = np.c_[np.arange(20.0), np.full(20, 0.1)]
    assert not explained_columns(X, np.ones(20), np.zeros(20, dtype=int))[0].any()
    share, is_separable = explained_columns(X, np.ones(20), np.arange(20) // 10)
    assert share[0] > 0.7
    assert share[1] == 0
    assert_array_equal(is_separable, [True, False])
