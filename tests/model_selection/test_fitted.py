"""Labels of a fitted estimator: for which rows, and of what kind."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import (
    DBSCAN,
    HDBSCAN,
    OPTICS,
    AgglomerativeClustering,
    KMeans,
    SpectralClustering,
)
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster.model_selection import (
    get_unsupervised_scorer,
)
from skdeepcluster.model_selection._fitted import labels_of

X = load_iris().data


@pytest.mark.parametrize(
    "model",
    [
        AgglomerativeClustering(3),
        DBSCAN(),
        HDBSCAN(copy=True),
        OPTICS(),
        SpectralClustering(3, random_state=0),
        make_pipeline(StandardScaler(), AgglomerativeClustering(3)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_labels_without_predict_are_for_the_rows_of_fit(model):
    model.fit(X)
    last = model[-1] if hasattr(model, "steps") else model
    found = labels_of(model, X)
    assert_array_equal(found == -1, last.labels_ == -1)
    assert len(np.unique(found)) == len(np.unique(last.labels_))
    with pytest.raises(ValueError, match="100 rows are not the 150 that it was fitted"):
        labels_of(model, X[:100])


@pytest.mark.parametrize(
    "model",
    [
        AgglomerativeClustering(3),
        AgglomerativeClustering(3, linkage="single"),
        DBSCAN(),
        HDBSCAN(copy=True),
        make_pipeline(StandardScaler(), DBSCAN()),
    ],
    ids=str,
)
def test_other_rows_of_the_same_shape_are_refused_where_it_shows(model):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="cv=WholeData"):
        labels_of(model.fit(X), rng.permutation(X))


def test_other_columns_are_refused():
    with pytest.raises(ValueError, match="are not the 150 that it was fitted on"):
        labels_of(OPTICS().fit(X), X[:, :2])


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="StandardScaler has neither predict nor"):
        get_unsupervised_scorer("silhouette")(StandardScaler().fit(X), X)


def test_predict_is_for_any_rows_and_labels_of_any_kind():
    class Named(KMeans):
        def predict(self, X):
            return np.array(["a", "b", "c"])[super().predict(X)]

    plain, named = (kind(3, random_state=0).fit(X) for kind in (KMeans, Named))
    scorer = get_unsupervised_scorer("silhouette")
    assert scorer(named, X[::2]) == scorer(plain, X[::2])
