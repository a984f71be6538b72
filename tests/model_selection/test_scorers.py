"""Scores without labels: values, noise, degenerate partitions, labels, spaces."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import (
    KMeans,
)
from sklearn.datasets import load_iris, make_blobs
from sklearn.metrics import (
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster.metrics import dbcv_score
from skdeepcluster.model_selection import (
    get_unsupervised_scorer,
    get_unsupervised_scorer_names,
)

X = load_iris().data
PARTITION = ("silhouette", "calinski_harabasz", "davies_bouldin", "dbcv")
LABELS = (*PARTITION, "stability", "prediction_strength", "consensus")


class Given(ClusterMixin, BaseEstimator):
    """A clusterer without `predict` whose labels somebody else wrote down."""

    def __init__(self, labels=None):
        self.labels = labels

    def fit(self, X, y=None):
        self.labels_ = np.asarray(self.labels)[: len(X)]
        return self


def blobs(cluster_std):
    corners = 10 * np.eye(3)
    return make_blobs(120, centers=corners, cluster_std=cluster_std, random_state=0)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("silhouette", silhouette_score),
        ("calinski_harabasz", calinski_harabasz_score),
        ("davies_bouldin", lambda rows, labels: -davies_bouldin_score(rows, labels)),
        ("dbcv", dbcv_score),
    ],
)
def test_without_noise_scores_are_the_known_ones(name, reference):
    model = KMeans(3, random_state=0).fit(X)
    assert get_unsupervised_scorer(name)(model, X) == pytest.approx(
        reference(X, model.labels_)
    )
    # In whatever units, and far from the origin.
    far = KMeans(3, random_state=0).fit(1e-100 * X)
    assert get_unsupervised_scorer(name)(far, 1e-100 * X) == pytest.approx(
        reference(X, far.labels_), rel=1e-6
    )


@pytest.mark.parametrize("name", ["bic", "aic"])
def test_likelihood_scores_are_those_of_the_model(name):
    model = GaussianMixture(2, random_state=0).fit(X)
    assert get_unsupervised_scorer(name)(model, X) == -getattr(model, name)(X)
    piped = make_pipeline(StandardScaler(), clone(model)).fit(X)
    rows = StandardScaler().fit_transform(X)
    assert get_unsupervised_scorer(name)(piped, X) == -getattr(piped[-1], name)(rows)
    # One component is a model like any other.
    single = GaussianMixture(1, random_state=0).fit(X)
    assert get_unsupervised_scorer(name)(single, X) == -getattr(single, name)(X)
    with pytest.raises(ValueError, match=f"KMeans has no {name}: .* GaussianMixture"):
        get_unsupervised_scorer(name)(KMeans(2).fit(X), X)


@pytest.mark.parametrize("name", LABELS)
def test_right_number_of_clusters_scores_best(name):
    rows, _ = blobs(cluster_std=1.0)
    scores = [
        get_unsupervised_scorer(name)(
            KMeans(k, n_init=5, random_state=0).fit(rows), rows
        )
        for k in (2, 3, 8)
    ]
    assert scores[0] < scores[1] > scores[2]


@pytest.mark.parametrize("name", LABELS)
def test_rows_called_noise_win_nothing(name):
    rows, labels = blobs(cluster_std=0.8)
    scorer = get_unsupervised_scorer(name)
    scores = []
    for share in (0.0, 0.3, 0.6):
        noise = np.random.default_rng(0).random(120) < share
        estimator = Given(np.where(noise, -1, labels)).fit(rows)
        if name in PARTITION:
            scores.append(scorer(estimator, rows))
        else:
            noisy = _WithNoise(noise, rows).fit(rows)
            scores.append(scorer(noisy, rows))
    assert scores[0] > scores[1] > scores[2]


class _WithNoise(KMeans):
    """Three clusters; rows near to some given ones are called noise."""

    def __init__(self, noise=None, rows=None, n_clusters=3):
        super().__init__(n_clusters, n_init=3, random_state=0)
        self.noise, self.rows = noise, rows

    def predict(self, X):
        gaps = np.abs(np.asarray(X)[:, np.newaxis] - self.rows).sum(axis=2)
        return np.where(self.noise[gaps.argmin(axis=1)], -1, super().predict(X))


@pytest.mark.parametrize(
    "name", sorted(set(get_unsupervised_scorer_names()) - {"bic", "aic"})
)
@pytest.mark.parametrize(
    "labels",
    [
        np.zeros(40),
        np.arange(40),
        np.full(40, -1),
        np.where(np.arange(40) < 2, np.arange(40), -1),
        np.where(np.arange(40) < 9, 0, -1),
    ],
    ids=["one cluster", "singletons", "noise", "two rows", "one cluster and noise"],
)
def test_degenerate_partitions_get_the_worst_score(name, labels):
    scorer = get_unsupervised_scorer(name)
    rows = make_blobs(40, 2, random_state=0)[0]
    score = scorer(Given(labels.astype(int)).fit(rows), rows)
    assert score == scorer.worst
    assert np.isfinite(score)
    # No partition that says something can be worse.
    assert score < scorer(Given(np.arange(40) % 2).fit(rows), rows)


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((20, 2)),
        np.repeat([[0.0], [1.0]], 10, axis=0),
        np.vstack([np.zeros((19, 1)), [[1e300]]]),
        np.arange(3.0).reshape(-1, 1),
    ],
    ids=["one value", "two values", "outlier", "three rows"],
)
def test_hard_tables_have_finite_scores(name, rows):
    labels = np.arange(len(rows)) // 2 % 2
    assert np.isfinite(get_unsupervised_scorer(name)(Given(labels).fit(rows), rows))


def test_clusters_of_one_centre_are_as_bad_as_can_be():
    rows = np.array([[-1.0], [1.0], [-2.0], [2.0]])
    scorer = get_unsupervised_scorer("davies_bouldin")
    assert scorer(Given([0, 0, 1, 1]).fit(rows), rows) == scorer.worst
    # scikit-learn's index takes them for perfect.
    assert davies_bouldin_score(rows, [0, 0, 1, 1]) == 0


def test_separability_looks_at_the_representation_and_at_collapse():
    scorer = get_unsupervised_scorer("class_separability")
    apart, near = (blobs(cluster_std=std)[0] for std in (0.5, 9.0))
    models = [KMeans(3, random_state=0).fit(rows) for rows in (apart, near)]
    assert scorer(models[0], apart) > scorer(models[1], near)
    assert scorer(models[0], apart) == scorer(KMeans(2).fit(apart), apart)
    collapsed = np.repeat(np.eye(3), 10, axis=0)
    assert scorer(KMeans(3).fit(collapsed), collapsed) == scorer.worst


@pytest.mark.parametrize("name", LABELS)
def test_large_tables_are_sampled_by_the_seed(name):
    scorers = [
        get_unsupervised_scorer(name, max_samples=60, random_state=seed)
        for seed in (0, 0, 1)
    ]
    rows, _ = blobs(cluster_std=4.0)
    model = KMeans(4, n_init=1, random_state=0).fit(rows)
    scores = [scorer(model, rows) for scorer in scorers]
    assert scores[0] == scores[1] != scores[2]
    # A cluster that the sample lost is no error.
    labels = np.where(np.arange(120) == 7, 1, 0)
    assert np.isfinite(scorers[0](Given(labels).fit(rows), rows))


# ------------------------------------------------------------------ whose labels


# ---------------------------------------------------------------------- the space


def test_a_pipeline_is_scored_where_its_last_step_is_by_default():
    wide = X * [1, 1, 1, 1000]
    model = make_pipeline(StandardScaler(), KMeans(3, random_state=0)).fit(wide)
    scaler = StandardScaler().fit(wide)
    labels, scaled = model.predict(wide), scaler.transform(wide)
    expected = silhouette_score(scaled, labels)
    assert get_unsupervised_scorer("silhouette")(model, wide) == pytest.approx(expected)
    by_input = get_unsupervised_scorer("silhouette", space="input")
    assert by_input(model, wide) == pytest.approx(silhouette_score(wide, labels))
    # A fixed representation also serves what is no pipeline.
    fixed = get_unsupervised_scorer("silhouette", space=scaler)
    assert fixed(model, wide) == pytest.approx(expected)
    bare = KMeans(3, random_state=0).fit(wide)
    assert fixed(bare, wide) == pytest.approx(silhouette_score(scaled, bare.labels_))


def test_errors_name_what_is_allowed():
    with pytest.raises(ValueError, match="'best' is not one of aic, bic, calinski"):
        get_unsupervised_scorer("best")
    with pytest.raises(ValueError, match="neither 'last_step' nor 'input'"):
        get_unsupervised_scorer("silhouette", space="first_step")


@pytest.mark.parametrize("name", get_unsupervised_scorer_names())
def test_scorers_pickle_and_have_names(name):
    scorer = pickle.loads(pickle.dumps(get_unsupervised_scorer(name)))
    assert repr(scorer) == f"get_unsupervised_scorer('{name}')"
    model = GaussianMixture(2, random_state=0).fit(X)
    assert scorer(model, X) == get_unsupervised_scorer(name)(model, X)
