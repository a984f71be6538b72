"""Scores of a search beside the values that were tried."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV

from skdeepcluster.inspection import (
    SelectionDisplay,
)


class TestSelection:
    def test_scores_of_a_search(self, blobs):
        grid = {"n_clusters": [2, 3, 5], "init": ["random", "k-means++"]}
        search = GridSearchCV(KMeans(n_init=1, random_state=0), grid, cv=2).fit(blobs)
        display = SelectionDisplay.from_estimator(search)
        assert display.ax_.get_xlabel() == "n_clusters"
        scores = search.cv_results_["mean_test_score"]
        assert_allclose(display.points_.get_offsets()[:, 1], scores)
        values = np.array(search.cv_results_["param_n_clusters"], dtype=float)
        best = [scores[values == k].max() for k in (2, 3, 5)]
        assert_array_equal(display.line_.get_xdata(), [2, 3, 5])
        assert_array_equal(display.line_.get_ydata(), best)
        x, y = display.best_.get_offsets()[0]
        assert (x, y) == (search.best_params_["n_clusters"], scores.max())

    def test_several_scores(self, blobs):
        def size(model, X, y=None):
            return -model.n_clusters

        scoring = {"inertia": lambda model, X, y=None: model.score(X), "size": size}
        search = GridSearchCV(
            KMeans(n_init=1, random_state=0),
            {"n_clusters": [2, 3]},
            cv=2,
            scoring=scoring,
            refit="size",
        ).fit(blobs)
        display = SelectionDisplay.from_estimator(search)
        assert display.ax_.get_ylabel() == "size (higher is better)"
        assert_array_equal(display.best_.get_offsets(), [[2, -2]])
        other = SelectionDisplay.from_estimator(search, score_name="inertia")
        assert_array_equal(other.scores, search.cv_results_["mean_test_inertia"])
        search.refit = False
        with pytest.raises(ValueError, match=r"one of \['inertia', 'size'\]"):
            SelectionDisplay.from_estimator(search)

    def test_many_whole_numbers_have_no_fractions_between(self, tick_texts):
        display = SelectionDisplay.from_predictions(range(1, 19), np.arange(18.0))
        assert all(
            float(text.replace("\N{MINUS SIGN}", "-")).is_integer()
            for text in tick_texts(display.ax_.xaxis)
        )

    def test_values_without_an_order(self, tick_texts):
        values = ["full", None, "full", (1, 2)]
        display = SelectionDisplay.from_predictions(values, [1, 3, 2, np.nan])
        assert tick_texts(display.ax_.xaxis) == ["full", "None", "(1, 2)"]
        assert_array_equal(display.line_.get_ydata(), [2, 3])
        assert display.line_.get_linestyle() == "None"
        assert_array_equal(display.best_.get_offsets(), [[1, 3]])

    def test_bad_input(self, blobs):
        search = GridSearchCV(KMeans(n_init=1), {"n_clusters": [2, 3]}, cv=2).fit(blobs)
        with pytest.raises(ValueError, match="no parameter 'k'"):
            SelectionDisplay.from_estimator(search, param_name="k")
        with pytest.raises(ValueError, match=r"score_name is one of \['score'\]"):
            SelectionDisplay.from_estimator(search, score_name="ari")
        with pytest.raises(ValueError, match="2 values have 1 scores"):
            SelectionDisplay.from_predictions([1, 2], [0.5])
        with pytest.raises(ValueError, match="finite score"):
            SelectionDisplay.from_predictions([1, 2], [np.nan, -np.inf])
