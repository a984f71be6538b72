"""Scores that fit again on halves of the rows."""

import numpy as np
import pytest
from sklearn.cluster import (
    DBSCAN,
    AgglomerativeClustering,
    KMeans,
)
from sklearn.datasets import make_blobs

from skdeepcluster.model_selection import (
    get_unsupervised_scorer,
)
from skdeepcluster.model_selection._resampling import _kept_together


def test_kept_together_by_hand():
    own = np.array([0, 0, 0, 1, 1, 1, 1, -1])
    foreign = np.array([0, 0, 1, 2, 2, 2, -1, 0])
    # Cluster 0 keeps 1 of 3 pairs, cluster 1 keeps 3 of 6; 7 of 8 rows count.
    assert _kept_together(own, foreign) == pytest.approx(7 / 8 / 3)


def test_stability_extends_labels_by_predict_or_by_nearest_rows():
    corners = 10 * np.eye(3)
    rows, _ = make_blobs(120, centers=corners, cluster_std=0.5, random_state=0)
    for model in (KMeans(3, random_state=0), AgglomerativeClustering(3), DBSCAN(1.0)):
        for name in ("stability", "prediction_strength"):
            assert get_unsupervised_scorer(name)(model.fit(rows), rows) > 0.8
    # Halves that are too small for the estimator agree with nothing.
    many = KMeans(8, n_init=1, random_state=0).fit(rows[:12])
    assert get_unsupervised_scorer("stability")(many, rows[:12]) == 0
    assert get_unsupervised_scorer("prediction_strength")(many, rows[:12]) == 0
