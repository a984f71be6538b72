"""AutoCluster: what it tries, what it keeps, and what it says of it."""

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib._parallel_backends import ThreadingBackend
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import get_config
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs, make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdeepcluster import PPP, AutoCluster, TableEncoder, load, save
from skdeepcluster.model_selection import auto_cluster, get_unsupervised_scorer_names
from skdeepcluster.model_selection._candidates import (
    default_candidates,
    rows_checked_for,
)

X, truth = make_blobs(150, 3, centers=4, cluster_std=0.7, random_state=3)


class Failing(ClusterMixin, BaseEstimator):
    """A candidate that says no."""

    def fit(self, X, y=None):
        raise RuntimeError("not today")


class Interrupting(ClusterMixin, BaseEstimator):
    """A candidate during which somebody loses patience."""

    def fit(self, X, y=None):
        raise KeyboardInterrupt


def auto(*candidates, **options):
    options = {"scoring": "silhouette", "random_state": 0} | options
    return AutoCluster(list(candidates) or "default", **options)


def test_finds_the_groups_and_lists_what_was_tried():
    model = AutoCluster(random_state=0).fit(X)
    assert adjusted_rand_score(truth, model.labels_) > 0.95
    board = model.leaderboard_
    assert sorted(board["name"]) == ["hdbscan", "ppp"]
    assert board["score"].is_monotonic_decreasing
    assert {"stability", "n_clusters", "noise", "seconds"} <= set(board)
    assert (model.best_name_, model.best_score_) == tuple(board.loc[0, :"score"])
    assert (board["error"] == "").all()


def test_rings_go_to_the_density_method():
    rings, ring = make_circles(400, factor=0.4, noise=0.04, random_state=0)
    model = AutoCluster(random_state=0).fit(rings)
    assert adjusted_rand_score(ring, model.labels_) == 1


def test_shapes_go_to_the_density_method():
    moons, half = make_moons(300, noise=0.04, random_state=0)
    kinds = KMeans(2), ("density", DBSCAN(0.2))
    model = auto(*kinds, scoring="dbcv").fit(moons)
    assert model.best_name_ == "density"
    assert adjusted_rand_score(half, model.labels_) == 1
    # New rows go to the nearest clustered row.
    fresh, half = make_moons(300, noise=0.04, random_state=1)
    assert adjusted_rand_score(half, model.predict(fresh)) > 0.98


def test_noise_rows_get_the_cluster_of_the_nearest_row():
    table = np.vstack([X, [[30.0, 30.0, 30.0]]])
    model = auto(DBSCAN(1.5)).fit(table)
    assert model.best_estimator_.labels_.min() == -1
    assert model.labels_.min() == 0
    assert model.leaderboard_.loc[0, "noise"] > 0
    nearest = np.linalg.norm(X - 30, axis=1).argmin()
    assert model.labels_[-1] == model.labels_[nearest]
    assert_array_equal(model.predict(table), model.labels_)


def test_the_best_score_wins_and_the_first_of_equals():
    kinds = [KMeans(k, n_init=3) for k in (2, 4, 7)]
    model = auto(*kinds).fit(X)
    assert model.best_estimator_.n_clusters == 4
    twins = [("one", KMeans(4, n_init=3)), ("two", KMeans(4, n_init=3))]
    assert auto(*twins).fit(X).best_name_ == "one"
    assert auto(*twins[::-1]).fit(X).best_name_ == "two"
    # The candidates that were handed in stay as they are.
    assert kinds[0].random_state is None
    assert not hasattr(kinds[1], "labels_")

    def few(model, rows):
        return -float(model.n_clusters)

    assert auto(*kinds, scoring=few).fit(X).n_clusters_ == 2


@pytest.mark.parametrize(
    "scoring", sorted(set(get_unsupervised_scorer_names()) - {"bic", "aic"})
)
def test_every_score_can_choose(scoring):
    model = auto(KMeans(4), AgglomerativeClustering(4), scoring=scoring).fit(X)
    assert model.n_clusters_ == 4


def test_bounds_of_the_number_of_clusters():
    for bounds in ({"min_clusters": 5}, {"max_clusters": 3}):
        model = AutoCluster(random_state=0, **bounds).fit(X)
        assert model.n_clusters_ >= bounds.get("min_clusters", 2)
        assert model.n_clusters_ <= bounds.get("max_clusters", 20)
    exact = AutoCluster(min_clusters=3, max_clusters=3, random_state=0).fit(X)
    assert exact.n_clusters_ == 3
    # A candidate outside of them ranks behind the others, whatever its score.
    model = auto(KMeans(4), KMeans(9), min_clusters=6).fit(X)
    assert model.n_clusters_ == 9
    assert model.leaderboard_["score"].is_monotonic_increasing
    with pytest.raises(ValueError, match="max_clusters=2 should be >= min_clusters=3"):
        AutoCluster(min_clusters=3, max_clusters=2).fit(X)


def test_a_candidate_that_fails_is_listed_last():
    model = auto(Failing(), KMeans(4)).fit(X)
    assert list(model.leaderboard_["name"]) == ["KMeans", "Failing"]
    assert model.leaderboard_["error"][1] == "RuntimeError: not today"
    with pytest.raises(ValueError, match="could be fitted; Failing said: RuntimeErr"):
        auto(Failing()).fit(X)


def test_only_candidates_of_this_package_are_spared_the_checks():
    logarithm = make_pipeline(FunctionTransformer(np.log), PPP())
    for candidate, spared in ((PPP(), True), (logarithm, False), (KMeans(2), False)):
        with rows_checked_for(candidate):
            assert get_config()["assume_finite"] == spared
    with np.errstate(invalid="ignore"):
        model = auto(PPP(), logarithm).fit(X)
    assert "contains NaN" in model.leaderboard_["error"][1]
    assert not get_config()["assume_finite"]


def test_interruption_keeps_what_is_done():
    with pytest.warns(UserWarning, match="the best of the first 1 of 3 candidates"):
        model = auto(KMeans(4), Interrupting(), KMeans(3)).fit(X)
    assert model.n_clusters_ == 4
    with pytest.raises(KeyboardInterrupt):
        auto(Interrupting(), KMeans(4)).fit(X)


def test_no_candidate_begins_after_the_time_is_up():
    model = auto(KMeans(3), KMeans(4), max_time=1e-9).fit(X)
    assert list(model.leaderboard_["n_clusters"]) == [3]
    assert len(auto(KMeans(3), KMeans(4), max_time=1e9).fit(X).leaderboard_) == 2


def test_large_tables_are_sampled_and_all_rows_labelled():
    model = auto(KMeans(4, n_init=3), AgglomerativeClustering(4), max_samples=60).fit(X)
    assert len(model.best_estimator_.labels_) == 60
    assert len(model.labels_) == 150
    assert adjusted_rand_score(truth, model.labels_) > 0.95


def test_jobs_and_verbosity_change_nothing(capsys):
    alone = AutoCluster(random_state=0).fit(X)
    both = AutoCluster(random_state=0, n_jobs=2, verbose=True).fit(X)
    assert_array_equal(alone.labels_, both.labels_)
    scores = [model.leaderboard_.drop(columns="seconds") for model in (alone, both)]
    assert scores[0].equals(scores[1])
    assert "candidates: 100%" in capsys.readouterr().err


class AllAtOnce(ThreadingBackend):
    """Has no results before all are there, as Ray's backend."""

    supports_return_generator = False


def test_a_backend_that_answers_all_at_once(monkeypatch):
    monkeypatch.setitem(joblib.parallel.BACKENDS, "all-at-once", AllAtOnce)
    candidates = KMeans(4), KMeans(3)
    alone = auto(*candidates).fit(X)
    with joblib.parallel_config(backend="all-at-once"):
        both = auto(*candidates, n_jobs=2).fit(X)
    assert_array_equal(alone.labels_, both.labels_)


def test_probabilities_are_those_of_the_best():
    model = auto(GaussianMixture(4)).fit(X)
    soft = model.predict_proba(X)
    assert_allclose(soft.sum(axis=1), 1)
    assert_array_equal(soft.argmax(axis=1), model.labels_)
    assert not hasattr(auto(KMeans(4)).fit(X), "predict_proba")
    assert not hasattr(AutoCluster(), "predict_proba")


def test_a_cluster_without_training_rows_has_no_number():
    class Spare(KMeans):
        """Answers a number of its own far from all rows."""

        def predict(self, X):
            return np.where(np.asarray(X)[:, 0] > 100, 99, super().predict(X))

    model = auto(Spare(4, n_init=3)).fit(X)
    far = np.array([[200.0, 0.0, 0.0], *X[:2]])
    labels = model.predict(far)
    assert labels[0] in range(4)
    assert_array_equal(labels[1:], model.labels_[:2])


def test_nothing_to_find_is_said():
    with pytest.warns(ConvergenceWarning, match="No candidate found clusters"):
        model = AutoCluster(random_state=0).fit(np.zeros((20, 2)))
    assert model.n_clusters_ == 1


def test_rows_without_groups_are_said_to_have_none():
    cloud = np.random.default_rng(0).normal(size=(300, 6))
    with pytest.warns(ConvergenceWarning, match="he table may have no groups"):
        AutoCluster(random_state=0).fit(cloud)


def test_errors_name_the_candidate():
    with pytest.raises(ValueError, match="candidates is empty"):
        AutoCluster([]).fit(X)
    with pytest.raises(ValueError, match="candidate 'int' has no fit: 3"):
        AutoCluster([3]).fit(X)


def test_every_default_candidate_can_be_saved(tmp_path, monkeypatch):
    for winner in default_candidates(X.shape, 2, None):
        monkeypatch.setattr(
            auto_cluster, "default_candidates", lambda *_, only=winner: [only]
        )
        model = auto().fit(X)
        save(model, tmp_path / "winner.model")
        again = load(tmp_path / "winner.model")
        assert again.best_name_ == winner[0]
        assert_array_equal(again.predict(X), model.labels_)


@pytest.mark.parametrize("n_columns", [2, 6])
def test_unscaled_columns_keep_their_weight(n_columns):
    """Noise that is small beside the groups counts for as much as they do if scaled."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4
    X = rng.normal(size=(400, n_columns)) * 0.05
    X[:, 0] += y
    unscaled = AutoCluster(scale=False, random_state=0).fit(X)
    assert adjusted_rand_score(y, unscaled.labels_) == 1
    shrunk = AutoCluster(scale=False, random_state=0).fit(X * 1e-5)
    assert_array_equal(shrunk.labels_, unscaled.labels_)
    assert_array_equal(unscaled.predict(X), unscaled.labels_)


class TestFrames:
    """A frame with words and gaps is encoded first."""

    def frame(self):
        rng = np.random.default_rng(0)
        kind = np.repeat([0, 1, 2], 60)
        numbers = 6.0 * kind[:, np.newaxis] + rng.normal(size=(180, 4))
        numbers[::17, 1] = np.nan
        frame = pd.DataFrame(numbers, columns=["a", "b", "c", "d"])
        return frame.assign(colour=np.array(["red", "green", "blue"])[kind]), kind

    def test_as_behind_table_encoder(self):
        X, kind = self.frame()
        model = AutoCluster(random_state=0).fit(X)
        assert adjusted_rand_score(kind, model.labels_) > 0.95
        pipeline = make_pipeline(
            TableEncoder(), AutoCluster(scale=False, random_state=0)
        ).fit(X)
        assert_array_equal(model.labels_, pipeline[-1].labels_)
        assert_array_equal(model.predict(X), pipeline.predict(X))
        assert_array_equal(model.predict(X[5:6]), model.labels_[5:6])
        assert list(model.feature_names_in_) == list(X.columns)
        assert model.n_features_in_ == 5

    def test_a_table_of_numbers_forgets_the_encoder(self):
        X, _ = self.frame()
        model = AutoCluster(random_state=0).fit(X)
        numbers = X[["a", "c", "d"]].assign(e=X["a"])
        again = clone(model).fit(numbers)
        assert not hasattr(model.fit(numbers), "table_encoder_")
        assert_array_equal(model.labels_, again.labels_)

    def test_what_no_encoder_reads_leaves_the_model_as_it_was(self):
        X, _ = self.frame()
        model = AutoCluster(random_state=0).fit(X)
        labels = model.labels_
        with pytest.raises(TypeError, match="neither numbers nor words"):
            model.fit(X.assign(odd=[np.zeros(2)] * len(X)))
        assert model.labels_ is labels
        assert_array_equal(model.predict(X), labels)
        with pytest.raises(ValueError, match="could not convert string to float"):
            model.fit(X.to_numpy())

    def test_columns_are_checked(self):
        X, _ = self.frame()
        model = AutoCluster(random_state=0).fit(X)
        with pytest.raises(ValueError, match="colour"):
            model.predict(X.drop(columns="colour"))
        with pytest.warns(UserWarning, match="was fitted with feature names"):
            labels = model.predict(X.to_numpy())
        assert_array_equal(labels, model.labels_)
        with pytest.raises(ValueError, match="AutoCluster is expecting 5"):
            model.predict(X.iloc[:, :3].to_numpy())
