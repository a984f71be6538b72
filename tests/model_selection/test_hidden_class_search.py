"""A search that hides known classes: its results, and what it may look at."""

import warnings

import numpy as np
import pytest
from extras import pd
from numpy.testing import assert_array_equal
from scipy.stats import randint
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import NCDKMeans, NCDSpectralClustering
from skdeepcluster.exceptions import FitInterruptedWarning
from skdeepcluster.model_selection import HiddenClassesSplit, HiddenClassSearchCV

X, truth = make_blobs(160, 4, centers=8, cluster_std=0.8, random_state=0)
y = np.where(truth < 6, truth, -1)


# A start that looks at nothing, against one that looks at distances.
# That a small table has fewer novel clusters than a candidate asks for is right.
calm = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
GRID = {"seeding_power": [0, 2], "n_init": [1, 3]}


def search(**options):
    options = {"n_splits": 3, "random_state": 0} | options
    return HiddenClassSearchCV(NCDKMeans(n_novel=2), GRID, **options)


def test_results_are_those_of_fits_by_hand():
    found = search().fit(X, y)
    results = found.cv_results_
    assert found.n_splits_ == len(found.hidden_classes_) == 3
    splits = list(HiddenClassesSplit(2, n_splits=3, random_state=0).split(X, y))
    for place, params in enumerate(results["params"]):
        scores = []
        for y_masked, rows, hidden in splits:
            # Not more than the two novel classes, which stay in training.
            assert len(hidden) == 2
            model = NCDKMeans(n_novel=4, random_state=0, **params).fit(X, y_masked)
            scores.append(adjusted_rand_score(truth[rows], model.labels_[rows]))
        assert results["mean_test_score"][place] == pytest.approx(np.mean(scores))
        assert results["std_test_score"][place] == pytest.approx(np.std(scores))
        assert results["split1_test_score"][place] == scores[1]
        assert results["mean_n_novel"][place] == 4
    best = results["mean_test_score"].argmax()
    assert found.best_index_ == best
    assert found.best_score_ == results["mean_test_score"][best]
    assert found.best_params_ == results["params"][best]
    assert results["rank_test_score"][best] == 1
    assert_array_equal(
        results["param_n_init"], [params["n_init"] for params in results["params"]]
    )


def test_the_best_is_fitted_with_all_known_labels():
    found = search().fit(X, y)
    by_hand = NCDKMeans(n_novel=2, random_state=0, **found.best_params_).fit(X, y)
    assert_array_equal(found.best_estimator_.labels_, by_hand.labels_)
    assert_array_equal(found.predict(X), by_hand.predict(X))
    assert_array_equal(found.predict_proba(X), by_hand.predict_proba(X))
    without = search(refit=False).fit(X, y)
    assert without.best_params_ == found.best_params_
    assert not hasattr(without, "best_estimator_")
    assert not hasattr(without, "predict_proba")
    with pytest.raises(AttributeError) as error:
        without.predict(X)
    assert "predict needs refit=True" in str(error.value.__cause__)


def test_classes_of_unlabeled_rows_are_never_read():
    scrambled = truth.copy()
    novel = truth >= 6
    scrambled[novel] = np.random.default_rng(0).permutation(truth[novel])
    partial = [np.where(labels < 6, labels, -1) for labels in (truth, scrambled)]
    results = [search().fit(X, labels).cv_results_ for labels in partial]
    assert_array_equal(partial[0], partial[1])
    assert_array_equal(results[0]["mean_test_score"], results[1]["mean_test_score"])


def test_any_number_of_jobs_gives_the_same():
    alone, both = (search(n_jobs=n_jobs).fit(X, y) for n_jobs in (None, 2))
    assert_array_equal(
        alone.cv_results_["mean_test_score"], both.cv_results_["mean_test_score"]
    )


def test_drawn_candidates_other_scores_and_a_pipeline():
    found = HiddenClassSearchCV(
        make_pipeline(StandardScaler(), NCDKMeans(n_novel=2)),
        {"ncdkmeans__n_init": randint(1, 5)},
        n_iter=2,
        n_splits=2,
        scoring="clustering_accuracy",
        random_state=0,
    ).fit(X, y)
    assert len(found.cv_results_["params"]) == 2
    assert 0.5 < found.best_score_ <= 1
    assert set(found.best_estimator_[-1].labels_[y < 0]) == {6, 7}

    def worst(y_true, y_pred):
        return -adjusted_rand_score(y_true, y_pred)

    assert search(scoring=worst).fit(X, y).best_score_ <= 0


def test_no_more_candidates_are_drawn_than_there_are():
    whole, drawn = (search(n_iter=n_iter).fit(X, y) for n_iter in (None, 50))
    assert len(drawn.cv_results_["params"]) == len(whole.cv_results_["params"])
    assert drawn.best_params_ == whole.best_params_


def test_the_number_of_classes_can_be_left_to_the_estimator():
    found = HiddenClassSearchCV(
        NCDKMeans(), {"n_init": [2]}, n_splits=2, random_state=0
    ).fit(X, y)
    # Three hidden classes and two novel ones.
    assert found.cv_results_["mean_n_novel"][0] == pytest.approx(5, abs=1)


def test_other_discoveries():
    found = HiddenClassSearchCV(
        NCDSpectralClustering(n_novel=2), n_splits=2, random_state=0
    ).fit(X, y)
    assert found.best_params_ == {}
    assert found.best_score_ > 0.5


@pytest.mark.parametrize("labels", [None, np.where(truth < 3, truth, -1)])
def test_without_classes_to_hide_the_first_candidate_is_taken(labels):
    with pytest.warns(ConvergenceWarning, match="the first candidate is taken as it"):
        found = search().fit(X, labels)
    assert found.best_params_ == {"n_init": 1, "seeding_power": 0}
    assert found.n_splits_ == found.best_index_ == 0
    assert np.isnan(found.best_score_)
    assert_array_equal(found.cv_results_["rank_test_score"], 1)
    assert found.best_estimator_.n_novel_ == 2


def test_frames_names_and_errors():
    frame = pd.DataFrame(X, columns=list("abcd"))
    found = search().fit(frame, pd.Series(y))
    assert list(found.feature_names_in_) == list("abcd")
    assert_array_equal(found.predict(frame), search().fit(X, y).predict(X))
    before = dict(vars(found))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        found.fit(frame, y[:5])
    assert all(vars(found)[name] is value for name, value in before.items())
    assert clone(found).get_params()["estimator__n_novel"] == 2


@calm
@pytest.mark.parametrize("bad", [-3, "wide", 2.5])
def test_a_bad_candidate_is_named_though_another_was_fitted(bad):
    search = HiddenClassSearchCV(
        NCDSpectralClustering(2), {"n_components": [4, bad]}, random_state=0
    )
    with pytest.raises(ValueError, match="n_components"):
        search.fit(X, y)


def test_ctrl_c_in_a_candidate_ends_the_search():
    class Interrupted(NCDKMeans):
        """Keeps its best so far, as those that train a network do."""

        def fit(self, X, y=None):
            warnings.warn("interrupted", FitInterruptedWarning, stacklevel=2)
            return super().fit(X, y)

    with pytest.raises(KeyboardInterrupt):
        HiddenClassSearchCV(Interrupted(2), {"n_init": [1, 2]}, n_splits=2).fit(X, y)


@calm
def test_one_embedding_serves_all_splits_and_sizes(monkeypatch):
    grid = [
        {"n_neighbors": [6, 12], "n_components": [3, 9, 5]},
        {"row_normalize": [False]},
    ]
    model = NCDSpectralClustering(2, random_state=0)
    fits = []
    fit = NCDSpectralClustering.fit

    def counted(self, X, y=None):
        fits.append(self.get_params())
        return fit(self, X, y)

    monkeypatch.setattr(NCDSpectralClustering, "fit", counted)
    search = HiddenClassSearchCV(model, grid, n_splits=3, refit=False, random_state=0)
    scores = search.fit(X, y).cv_results_["mean_test_score"]
    assert len(fits) == 3
    monkeypatch.delattr(NCDSpectralClustering, "relabel")
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    assert len(fits) == 3 + 7 * 3
    np.testing.assert_allclose(scores, alone)


@calm
def test_half_of_the_known_classes_are_hidden_but_no_more_than_are_novel():
    for n_novel, n_hidden in ((5, 3), (2, 2)):
        model = NCDKMeans(n_novel=n_novel, n_init=1)
        found = HiddenClassSearchCV(model, {}, n_splits=2, random_state=0).fit(X, y)
        assert [len(hidden) for hidden in found.hidden_classes_] == [n_hidden] * 2


def test_a_search_offers_what_its_estimator_offers():
    assert hasattr(HiddenClassSearchCV(NCDKMeans(), {}), "predict_proba")
    assert not hasattr(HiddenClassSearchCV(StandardScaler(), {}), "predict_proba")
    unfitted = HiddenClassSearchCV(NCDKMeans(), {}, refit=False)
    assert not hasattr(unfitted, "predict_proba")
