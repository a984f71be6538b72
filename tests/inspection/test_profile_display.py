"""Profiles: which columns set clusters apart."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.inspection import (
    ClusterProfileDisplay,
)


class TestProfile:
    def test_cells_are_means_in_input_units(self, tick_texts, iris, model):
        display = ClusterProfileDisplay.from_estimator(model, iris)
        labels = model.predict(iris)
        expected = iris.groupby(labels).mean()[display.feature_names]
        assert_allclose(display.means, expected)
        deviations = (expected - iris.mean()) / iris.std(ddof=0)
        assert_allclose(display.deviations, deviations[display.feature_names])
        assert_array_equal(display.image_.get_array(), display.deviations.T)
        assert_array_equal(display.sizes, np.bincount(labels))
        assert tick_texts(display.ax_.yaxis) == display.feature_names
        assert len(display.ax_.texts) == 12

    def test_most_telling_features_are_shown(self, iris):
        labels = (iris["petal width (cm)"] > 1).to_numpy()
        noise = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 9)))
        X = pd.concat([noise.add_prefix("noise"), iris], axis=1)
        display = ClusterProfileDisplay.from_predictions(X, labels, max_features=3)
        assert set(display.feature_names) == {
            "petal width (cm)",
            "petal length (cm)",
            "sepal length (cm)",
        }

    def test_constant_and_huge_columns(self):
        X = np.column_stack([np.full(6, 1e200), np.arange(6) * 1e200])
        display = ClusterProfileDisplay.from_predictions(X, [0, 0, 0, 1, 1, 1])
        assert display.feature_names == ["feature 1", "feature 0"]
        assert_allclose(display.deviations[:, 1], 0)
        assert_allclose(display.means[:, 0], [1e200, 4e200])

    def test_wrong_number_of_names(self, iris):
        with pytest.raises(ValueError, match="3 names for the 4 columns"):
            ClusterProfileDisplay.from_predictions(
                iris, np.zeros(150), feature_names=["a", "b", "c"]
            )
