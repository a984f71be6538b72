"""Searches over clusterers, without folds and labels."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import randint
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP
from skdeepcluster.model_selection import WholeData, get_unsupervised_scorer

X, y = make_blobs(160, 3, centers=4, cluster_std=0.7, random_state=3)
GRID = {"n_clusters": [2, 3, 4, 5, 8]}
ONE = {"cv": WholeData(), "scoring": get_unsupervised_scorer("silhouette")}


def test_both_sides_are_all_rows_in_order():
    splits = list(WholeData().split(X, y))
    assert len(splits) == WholeData().get_n_splits(X) == 1
    for side in splits[0]:
        assert_array_equal(side, np.arange(160))
    assert repr(WholeData()) == "WholeData()"


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "model", [KMeans(random_state=0), AgglomerativeClustering()], ids=repr
)
def test_grid_search(model, n_jobs):
    search = GridSearchCV(model, GRID, n_jobs=n_jobs, error_score="raise", **ONE)
    search.fit(X)
    assert search.best_params_ == {"n_clusters": 4}
    # What was scored is what is returned: all rows, once.
    assert search.best_score_ == ONE["scoring"](search.best_estimator_, X)
    assert search.n_splits_ == 1


def test_randomized_search():
    search = RandomizedSearchCV(
        KMeans(random_state=0),
        {"n_clusters": randint(2, 8)},
        n_iter=12,
        random_state=0,
        **ONE,
    )
    assert search.fit(X).best_params_ == {"n_clusters": 4}


@pytest.mark.parametrize("kind", [HalvingGridSearchCV, HalvingRandomSearchCV])
@pytest.mark.parametrize(
    "model", [KMeans(random_state=0), AgglomerativeClustering()], ids=repr
)
def test_halving_searches_with_an_integer_seed(kind, model):
    search = kind(
        model, GRID, min_resources=40, random_state=0, error_score="raise", **ONE
    )
    assert search.fit(X).best_params_ == {"n_clusters": 4}
    assert search.n_resources_[0] == 40


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
@pytest.mark.parametrize(
    "model", [AgglomerativeClustering(), HDBSCAN(copy=True)], ids=repr
)
def test_halving_search_without_an_integer_seed_is_refused(model, random_state):
    grid = (
        GRID if hasattr(model, "n_clusters") else {"min_cluster_size": [5, 6, 7, 8, 9]}
    )
    search = HalvingGridSearchCV(
        model,
        grid,
        min_resources=40,
        random_state=random_state,
        error_score="raise",
        **ONE,
    )
    with pytest.raises(ValueError, match="in a halving search with an int random_sta"):
        search.fit(X)


def test_several_scores_at_once():
    search = GridSearchCV(
        KMeans(random_state=0),
        GRID,
        cv=WholeData(),
        scoring={
            name: get_unsupervised_scorer(name) for name in ("dbcv", "davies_bouldin")
        },
        refit="dbcv",
    ).fit(X)
    assert search.best_params_ == {"n_clusters": 4}
    assert search.cv_results_["mean_test_davies_bouldin"].argmax() == 2


def test_collapsed_candidates_lose_without_a_warning():
    # One cluster of 40 rows at least, up to all of them noise.
    grid = {"min_cluster_size": [10, 90, 160]}
    search = GridSearchCV(HDBSCAN(copy=True), grid, error_score="raise", **ONE)
    assert search.fit(X).best_params_ == {"min_cluster_size": 10}
    assert search.cv_results_["mean_test_score"][-1] == -1


def test_pipeline_and_cross_validate():
    model = make_pipeline(StandardScaler(), PPP())
    search = GridSearchCV(
        model, {"ppp__assume": ["log-concave", "gaussian"]}, **ONE
    ).fit(X)
    assert search.best_estimator_[-1].n_clusters_ == 4
    found = cross_validate(model, X, **ONE)
    assert found["test_score"] == [ONE["scoring"](model.fit(X), X)]
