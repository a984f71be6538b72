"""The number of clusters by a scan."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster.model_selection import estimate_n_clusters, get_unsupervised_scorer
from skdeepcluster.model_selection._n_clusters import rank_average

X, _ = make_blobs(150, 2, centers=4, cluster_std=0.6, random_state=3)


@pytest.mark.parametrize("scoring", ["silhouette", "dbcv", "consensus"])
def test_the_number_of_blobs(scoring):
    found = estimate_n_clusters(X, scoring=scoring)
    assert found.n_clusters == 4
    assert list(found.scores) == list(range(2, 11))
    assert max(found.scores, key=found.scores.get) == 4


@pytest.mark.parametrize(
    "estimator",
    [
        AgglomerativeClustering(),
        GaussianMixture(random_state=0),
        make_pipeline(StandardScaler(), KMeans(random_state=0)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_any_estimator_with_a_number_which_is_left_as_it_is(estimator):
    before = str(estimator.get_params())
    found = estimate_n_clusters(X, estimator=estimator, scoring="silhouette")
    assert found.n_clusters == 4
    assert str(estimator.get_params()) == before


def test_own_numbers_and_scores():
    found = estimate_n_clusters(
        X, min_clusters=3, max_clusters=5, scoring=lambda model, _: -1.0
    )
    assert found == {"n_clusters": 3, "scores": {3: -1.0, 4: -1.0, 5: -1.0}}
    mixture = GaussianMixture(random_state=0)
    noise = np.random.default_rng(0).normal(size=(200, 2))
    found = estimate_n_clusters(
        noise, estimator=mixture, min_clusters=1, max_clusters=3, scoring="bic"
    )
    assert found.n_clusters == 1
    single = GaussianMixture(1, random_state=0).fit(noise)
    assert found.scores[1] == get_unsupervised_scorer("bic")(single, noise)


def test_tables_with_nothing_to_count():
    assert estimate_n_clusters([[1.0]]) == {"n_clusters": 1, "scores": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for scoring in ("silhouette", "consensus"):
            found = estimate_n_clusters(np.zeros((9, 2)), scoring=scoring)
            assert found.n_clusters == 1


def test_rank_average_by_hand():
    scores = {"a": np.array([1.0, 5.0, 3.0]), "b": np.array([2.0, 2.0, 9.0])}
    assert_allclose(rank_average(scores), [0.125, 0.625, 0.75])
    assert_allclose(rank_average({"a": np.array([7.0])}), [0.0])


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match="DBSCAN has neither n_clusters nor n_comp"):
        estimate_n_clusters(X, estimator=DBSCAN())
    for least, most in ((0, 2), (3, 2)):
        with pytest.raises(
            ValueError, match=f"min_clusters={least} and max_cl.*{most}"
        ):
            estimate_n_clusters(X, min_clusters=least, max_clusters=most)
    with pytest.raises(TypeError, match=r"min_clusters and max_clusters .* not 2\.5"):
        estimate_n_clusters(X, max_clusters=2.5)
