"""The k-means family of discovery: weights, distances, score."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA

from skdeepcluster import NCDKMeans, SemiSupervisedKMeans


@pytest.fixture(params=[NCDKMeans, SemiSupervisedKMeans])
def estimator(request):
    return request.param(3, random_state=0)


def problem():
    X, truth = make_blobs(
        240, 3, centers=5, cluster_std=2.0, center_box=(-9, 9), random_state=1
    )
    # Whole numbers, whose sums have no rounding.
    return np.round(X * 4), np.where(truth < 2, truth, -1)


@pytest.mark.parametrize("n_novel", [3, "auto"])
def test_weights_are_rows(estimator, n_novel):
    X, y = problem()
    weights = np.random.default_rng(0).integers(0, 4, size=len(X))
    estimator.set_params(n_novel=n_novel)
    weighted = estimator.fit(X, y, sample_weight=weights)
    centers, inertia = weighted.cluster_centers_, weighted.inertia_
    proba = weighted.predict_proba(X)
    rows = np.repeat(np.arange(len(X)), weights)
    repeated = estimator.fit(X[rows], y[rows])
    assert_allclose(repeated.cluster_centers_, centers)
    assert_allclose(repeated.inertia_, inertia)
    assert_allclose(repeated.predict_proba(X), proba)


def test_rows_without_weight_have_classes_too(estimator):
    X, y = problem()
    weights = np.where(y == 0, 0.0, 0.5)
    fitted = estimator.fit(X, y, sample_weight=weights)
    assert_array_equal(fitted.labels_[y >= 0], y[y >= 0])
    assert np.isfinite(fitted.cluster_centers_).all()
    # Nothing is left to be novel.
    fitted.fit(X, y, sample_weight=np.where(y < 0, 0.0, 1.0))
    assert fitted.n_novel_ == 0
    assert_array_equal(fitted.labels_, fitted.predict(X))


def test_no_weight_at_all_is_an_error(estimator):
    X, y = problem()
    with pytest.raises(ValueError, match="at least one non-zero"):
        estimator.fit(X, y, sample_weight=np.zeros(len(X)))


def test_transform_gives_distances(estimator):
    X, y = problem()
    fitted = estimator.fit(X, y)
    expected = np.linalg.norm(X[:, np.newaxis] - fitted.cluster_centers_, axis=2)
    assert_allclose(fitted.transform(X), expected, rtol=1e-9, atol=1e-9)
    assert_array_equal(fitted.fit_transform(X, y), fitted.transform(X))
    assert len(fitted.get_feature_names_out()) == len(fitted.classes_)
    single = fitted.fit(X.astype(np.float32), y).transform(X.astype(np.float32))
    assert single.dtype == np.float32


def test_score_is_minus_the_inertia(estimator):
    X, y = problem()
    fitted = estimator.fit(X, y)
    novel = X[fitted.is_novel(X) & (y < 0)]
    distances = fitted.transform(novel)[:, 2:].min(axis=1)
    assert_allclose(fitted.score(novel), -np.sum(distances**2))
    weights = np.arange(1.0, len(novel) + 1)
    expected = -np.sum(weights * distances**2)
    assert_allclose(fitted.score(novel, sample_weight=weights), expected)


def test_without_labels_score_is_that_of_the_inertia(estimator):
    X, _ = problem()
    fitted = estimator.fit(X)
    assert_allclose(fitted.score(X), -fitted.inertia_)
    assert fitted.converged_


def test_one_step_has_not_converged(estimator):
    X, y = problem()
    estimator.set_params(max_iter=1, tol=0)
    assert not estimator.fit(X, y).converged_


def test_centres_are_decoded(estimator):
    X, y = problem()
    fitted = estimator.set_params(encoder=PCA(3)).fit(X, y)
    # A turn of all columns keeps distances.
    expected = np.linalg.norm(X[:, np.newaxis] - fitted.cluster_centers_, axis=2)
    assert_allclose(fitted.transform(X), expected, atol=1e-9)
