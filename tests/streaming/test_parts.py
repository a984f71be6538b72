"""Tables in parts: what is found does not depend on the parts."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from skdeepcluster import PPP
from skdeepcluster.streaming import (
    RowSummary,
    fit_batches,
    merge_all,
    predict_batches,
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    corners = 9.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]])
    return corners[np.arange(1200) % 4] + rng.standard_normal((1200, 3))


ESTIMATORS = [
    PPP(),
    PPP(encoder=PCA(2)),
    KMeans(4, n_init=1, random_state=0),
    GaussianMixture(4, random_state=0),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_parts_give_what_the_whole_gives(estimator, X):
    whole = fit_batches(estimator, [X])
    assert whole is estimator
    labels = whole.predict(X)
    assert len(set(labels)) == 4
    rng = np.random.default_rng(1)
    for n_parts in (2, 7, 400):
        parts = np.array_split(X, n_parts)
        shuffled = [parts[k] for k in rng.permutation(n_parts)]
        found = fit_batches(estimator, iter(shuffled))
        assert_array_equal(np.concatenate([*predict_batches(found, parts)]), labels)


def test_ppp_is_the_one_that_fits_in_memory(X):
    assert_array_equal(
        fit_batches(PPP(), np.array_split(X, 5)).predict(X), PPP().fit(X).labels_
    )


def test_a_summary_may_be_fitted(X):
    found = fit_batches(RowSummary(100), np.array_split(X, 5))
    assert_array_equal(found.rows_, RowSummary(100).fit(X).rows_)


def test_parts_without_rows(X):
    found = fit_batches(PPP(), [X[:0], X, X[:0]])
    assert_array_equal(found.cluster_centers_, PPP().fit(X).cluster_centers_)
    assert [len(part) for part in predict_batches(found, [X[:0], X[:5]])] == [0, 5]
    for nothing in ([], [X[:0]]):
        with pytest.raises(ValueError, match="No batch has a row"):
            fit_batches(PPP(), nothing)


@pytest.mark.parametrize("estimator", [PPP(), KMeans(2)], ids=repr)
def test_a_bad_part_is_named_and_changes_nothing(estimator, X):
    fit_batches(estimator, [X])
    before = dict(vars(estimator))
    gap = X.copy()
    gap[3, 1] = np.nan
    for bad, said in [(gap, "Batch 1: Column 1 of X"), (X[:, :2], "Batch 1: X has 2")]:
        with pytest.raises(ValueError, match=said):
            fit_batches(estimator, [X, bad])
    with pytest.raises(ValueError, match="Batch 1: X has 2"):
        list(predict_batches(estimator, [X, X[:, :2]]))
    assert vars(estimator) == before


def test_merging_changes_no_model(X):
    parts = [PPP().partial_fit(part) for part in np.array_split(X, 6)]
    alone = PPP().fit(X[:200]).predict(X)
    for models in (parts, parts[::-1], iter(parts)):
        merged = merge_all(models)
        assert_array_equal(merged.predict(X), PPP().fit(X).labels_)
    assert_array_equal(parts[0].predict(X), alone)
    with pytest.raises(ValueError, match="no model to merge"):
        merge_all([])
