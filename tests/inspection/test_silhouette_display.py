"""Silhouettes, sorted, cluster by cluster."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples
from sklearn.preprocessing import StandardScaler

from skdeepcluster.inspection import (
    SilhouetteDisplay,
)


class TestSilhouette:
    def test_blades_are_the_sorted_silhouettes(self, blobs):
        model = KMeans(3, n_init=1, random_state=0).fit(blobs)
        display = SilhouetteDisplay.from_predictions(blobs, model.labels_)
        expected = silhouette_samples(blobs, model.labels_)
        assert_allclose(display.silhouettes, expected)
        assert len(display.blades_) == 3
        assert_allclose(display.line_.get_xdata(), [expected.mean()] * 2)
        for cluster, blade in enumerate(display.blades_):
            reach = blade.get_paths()[0].vertices[:, 0].max()
            assert reach == pytest.approx(expected[model.labels_ == cluster].max())

    def test_distances_are_those_of_the_last_step(self, iris, model):
        display = SilhouetteDisplay.from_estimator(model, iris)
        scaled = StandardScaler().fit_transform(iris)
        expected = silhouette_samples(scaled, model[-1].labels_)
        assert_allclose(display.silhouettes, expected)

    def test_many_rows_are_sampled(self, blobs):
        labels = (blobs[:, 0] > 4).astype(int)
        first, second = (
            SilhouetteDisplay.from_predictions(blobs, labels, max_samples=100)
            for _ in range(2)
        )
        assert len(first.silhouettes) == 100
        assert_array_equal(first.silhouettes, second.silhouettes)

    @pytest.mark.parametrize("labels", [np.zeros(5), np.arange(5)])
    def test_nothing_to_compare(self, labels, blobs):
        with pytest.raises(ValueError, match="give 2 to n_samples - 1 clusters"):
            SilhouetteDisplay.from_predictions(blobs[:5], labels)
