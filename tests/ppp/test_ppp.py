"""PPP: what it finds, what must not change it, and what it says."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_blobs,
)
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import FunctionTransformer

from skdeepcluster.ppp import PPP
from skdeepcluster.streaming import _stream_sample
from skdeepcluster.streaming._stream_sample import CAPACITY

one_cluster = pytest.mark.filterwarnings("ignore:No evidence of more than one cluster")


def blobs(n_clusters=5, n_samples=600, n_features=3, seed=0, distance=8.0):
    """Gaussian groups of standard deviation 1 around corners of a cube."""
    rng = np.random.default_rng(seed)
    corners = np.array(
        [[(c >> f) & 1 for f in range(n_features)] for c in range(n_clusters)]
    )
    labels = np.arange(n_samples) % n_clusters
    X = distance * corners[labels] + rng.standard_normal((n_samples, n_features))
    return X, labels


@pytest.mark.parametrize("n_clusters", [2, 5, 8])
def test_groups_apart_are_found(n_clusters):
    X, y = blobs(n_clusters)
    model = PPP().fit(X)
    assert model.n_clusters_ == n_clusters
    assert adjusted_rand_score(y, model.labels_) == 1
    assert model.validated_
    assert model.stability_ > 0.9


def test_forty_groups_are_found():
    rng = np.random.default_rng(0)
    y = np.arange(4000) % 40
    centers = 7.0 * np.stack([np.arange(40) // 7, np.arange(40) % 7], axis=1)
    X = centers[y] + rng.standard_normal((4000, 2))
    model = PPP().fit(X)
    assert model.n_clusters_ == 40
    assert adjusted_rand_score(y, model.labels_) > 0.98
    # Coarse sizes were tried and found impure.
    assert model.sizes_tried_[0]["n_clusters"] is None
    assert max(size["n_cells"] for size in model.sizes_tried_) > 64


@pytest.mark.parametrize(
    ("load", "n_clusters", "agreement"), [(load_wine, 3, 0.9), (load_digits, 13, 0.6)]
)
def test_real_tables(load, n_clusters, agreement):
    X, y = load(return_X_y=True)
    labels = PPP().fit_predict(X)
    assert abs(labels.max() + 1 - n_clusters) <= 2
    assert adjusted_rand_score(y, labels) > agreement


DRAWS = {
    "uniform": lambda rng, shape: rng.uniform(size=shape),
    "Gaussian": lambda rng, shape: rng.standard_normal(shape),
    "exponential": lambda rng, shape: rng.standard_exponential(shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "t5": lambda rng, shape: rng.standard_t(5, shape),
}


@pytest.mark.parametrize("shape", [(100, 2), (300, 50), (2000, 5)])
@pytest.mark.parametrize("distribution", DRAWS)
def test_one_population_is_one_cluster_and_says_so(distribution, shape):
    X = DRAWS[distribution](np.random.default_rng(3), shape)
    with pytest.warns(ConvergenceWarning, match="No evidence of more than one"):
        model = PPP().fit(X)
    assert model.n_clusters_ == 1
    assert not model.labels_.any()
    assert_allclose(model.cluster_centers_, [X.mean(axis=0)])
    assert not model.separable_features_.any()
    assert not model.feature_separability_.any()


def test_heavy_tails_are_one_cluster_where_unimodal_is_assumed():
    rng = np.random.default_rng(0)
    draws = [np.exp(0.7 * rng.standard_normal((2000, 5))) for _ in range(6)]
    for X in draws:
        with pytest.warns(ConvergenceWarning):
            PPP(assume="unimodal").fit(X)


def test_overlapping_gaussians_need_the_assumption():
    X, y = blobs(4, n_samples=2000, n_features=2, distance=2.8)
    with pytest.warns(ConvergenceWarning):
        assert PPP().fit(X).n_clusters_ == 1
    model = PPP(assume="gaussian").fit(X)
    assert model.n_clusters_ == 4
    assert adjusted_rand_score(y, model.labels_) > 0.6
    assert_array_equal(model.predict(X), model.labels_)
    assert PPP(assume="gaussian", max_clusters=3).fit(X).n_clusters_ == 3


def test_one_gaussian_is_one_cluster_under_that_assumption():
    X = np.random.default_rng(0).standard_normal((1000, 3))
    with pytest.warns(ConvergenceWarning):
        PPP(assume="gaussian").fit(X)


def test_steps_of_a_column_are_no_gaps():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 3))
    X[:, 1] = np.round(X[:, 1])
    X[:, 2] = X[:, 2] > 0
    for table in (X, np.round(X)):
        with pytest.warns(ConvergenceWarning):
            PPP().fit(table)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_row_order_does_not_matter_to_the_bit(load):
    X = load().data
    model = PPP().fit(X)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(X))
        permuted = PPP().fit(X[order])
        assert_array_equal(permuted.labels_, model.labels_[order])
        assert_array_equal(permuted.cluster_centers_, model.cluster_centers_)
        assert permuted.merges_ == model.merges_
        assert permuted.sizes_tried_ == model.sizes_tried_
        assert_array_equal(permuted.predict_proba(X), model.predict_proba(X))


def test_unit_and_order_of_columns_do_not_matter():
    X = load_wine().data
    labels = PPP().fit_predict(X)
    assert_array_equal(PPP().fit_predict(X * 1000), labels)
    assert adjusted_rand_score(PPP().fit_predict(X[:, ::-1]), labels) > 0.95


def test_offset_loses_no_digits():
    X, _ = blobs()
    assert_array_equal(PPP().fit_predict(X + 1e6), PPP().fit_predict(X))


def test_weight_two_is_two_rows():
    X = load_wine().data
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = PPP().fit(X, sample_weight=weights)
    repeated = PPP().fit(np.repeat(X, weights, axis=0))
    assert_array_equal(weighted.predict(X), repeated.predict(X))
    assert_array_equal(weighted.cluster_centers_, repeated.cluster_centers_)
    assert weighted.merges_ == repeated.merges_


def test_predict_on_the_training_rows_is_labels():
    X = load_digits().data
    model = PPP().fit(X)
    assert_array_equal(model.predict(X), model.labels_)
    probabilities = model.predict_proba(X)
    assert_array_equal(probabilities.argmax(axis=1), model.labels_)
    assert_allclose(probabilities.sum(axis=1), 1)
    confident = probabilities.max(axis=1) >= 0.95
    assert_array_equal(model.separable_samples_, confident)
    assert 0.5 < confident.mean() < 1


def test_clusters_are_numbered_by_size():
    model = PPP().fit(load_digits().data)
    sizes = np.bincount(model.labels_)
    assert_array_equal(sizes, np.sort(sizes)[::-1])


def test_centers_are_means_in_input_units():
    X, _ = blobs()
    X = X * [1, 1e3, 1e-3] + 5
    model = PPP().fit(X)
    for k, center in enumerate(model.cluster_centers_):
        assert_allclose(center, X[model.labels_ == k].mean(axis=0))


def test_float32_is_kept():
    X, y = blobs()
    model = PPP().fit(X.astype(np.float32))
    assert model.cluster_centers_.dtype == np.float32
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert model.score_samples(X.astype(np.float32)).dtype == np.float32
    assert adjusted_rand_score(y, model.labels_) == 1


def test_score_of_a_gaussian_is_its_log_density():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5000, 2))
    with pytest.warns(ConvergenceWarning):
        model = PPP(scale=False).fit(X)
    expected = multivariate_normal([0, 0], np.eye(2)).logpdf(X)
    scores = model.score_samples(X)
    assert np.corrcoef(scores, expected)[0, 1] > 0.97
    # The density is one of scaled coordinates, here by about 1.
    assert abs(np.mean(scores - expected)) < 0.1


def test_score_and_criteria_follow_from_the_densities():
    X, _ = blobs(3)
    model = PPP().fit(X)
    scores = model.score_samples(X)
    assert model.score(X) == pytest.approx(scores.mean())
    n_parameters = (model.aic(X) + 2 * scores.sum()) / 2
    expected = n_parameters * np.log(len(X)) - 2 * scores.sum()
    assert model.bic(X) == pytest.approx(expected)
    # As many components as cells, each with a mean and a share.
    n_cells = model.merges_[0]["node"]
    assert 4 * n_cells - 1 < n_parameters < 10 * n_cells - 1
    assert PPP(max_clusters=1).fit(np.ones((9, 2))).bic(np.ones((9, 2))) == 0


@pytest.mark.parametrize(("scale", "units"), [(True, [1, 1e3, 1e-3]), (False, 1)])
def test_samples_look_like_the_table(scale, units):
    X, _ = blobs(3)
    X = np.c_[X * units + 5, np.full(len(X), 7.0)]
    model = PPP(scale=scale).fit(X)
    drawn, labels = model.sample(20_000, random_state=0)
    assert_array_equal(model.sample(20_000, random_state=0)[0], drawn)
    assert np.all(np.diff(labels) >= 0)
    assert_allclose(drawn.mean(axis=0), X.mean(axis=0), rtol=0.02)
    assert_allclose(drawn.std(axis=0), X.std(axis=0), rtol=0.05)
    assert np.mean(model.predict(drawn) == labels) > 0.98


def test_samples_of_an_embedding_are_decoded():
    X, _ = blobs(4, n_features=8)
    drawn, labels = PPP(encoder=PCA(3)).fit(X).sample(50, random_state=0)
    assert drawn.shape == (50, 8)
    assert labels.max() <= 3


def test_nothing_to_sample():
    X, _ = blobs()
    with pytest.raises(ValueError, match="n_samples"):
        PPP().fit(X).sample(0)
    with pytest.raises(NotFittedError):
        PPP().sample()


def test_most_clusters():
    X, y = blobs(8)
    model = PPP(max_clusters=3).fit(X)
    assert model.n_clusters_ == 3
    assert not model.validated_
    # Whole groups were merged.
    assert len(set(zip(y, model.labels_, strict=True))) == 8
    assert PPP(max_clusters=8).fit(X).validated_


def test_a_single_cluster_may_be_asked_for():
    X, _ = blobs()
    model = PPP(max_clusters=1).fit(X)
    assert model.n_clusters_ == 1
    assert not model.validated_


@pytest.mark.parametrize("n_samples", [10, 40, 300])
def test_fewest_clusters(n_samples):
    X = np.random.default_rng(0).standard_normal((n_samples, 2))
    model = PPP(min_clusters=3).fit(X)
    assert model.n_clusters_ >= 3
    assert not model.validated_


def test_fewer_distinct_rows_than_clusters_asked_for():
    X = np.repeat([[0.0], [1.0]], 50, axis=0)
    with pytest.warns(ConvergenceWarning, match="Only 2 of the 3"):
        assert PPP(min_clusters=3).fit(X).n_clusters_ == 2


def test_strict_saddle_merges_more():
    X, _ = blobs(2, n_samples=3000, distance=3.7)
    assert PPP().fit(X).n_clusters_ == 2
    with pytest.warns(ConvergenceWarning):
        assert PPP(max_saddle=0.1).fit(X).n_clusters_ == 1


def test_history_leads_to_the_clusters():
    X, _ = blobs()
    model = PPP().fit(X)
    elected = max(
        (size for size in model.sizes_tried_ if size["n_clusters"]),
        key=lambda size: size["agreement"],
    )
    kept = [step for step in model.merges_ if step["kept"]]
    assert elected["n_clusters"] == model.n_clusters_
    n_cells = model.merges_[0]["node"]
    assert n_cells - len(kept) == model.n_clusters_
    for step in model.merges_:
        assert max(step["left"], step["right"]) < step["node"]
    assert all(step["separation"] is not None for step in model.merges_[:1])


def test_many_columns_are_reduced():
    X, y = blobs(4, n_features=2)
    noise = 0.01 * np.random.default_rng(1).standard_normal((len(X), 60))
    model = PPP(scale=False).fit(np.hstack([X, noise]))
    assert adjusted_rand_score(y, model.labels_) > 0.99


def test_more_columns_than_rows():
    X, y = blobs(3, n_samples=90, n_features=4)
    wide = X @ np.random.default_rng(0).standard_normal((4, 200))
    assert adjusted_rand_score(y, PPP().fit_predict(wide)) > 0.9


def test_constant_columns_do_not_matter():
    X, _ = blobs()
    constant = np.full((len(X), 2), 3.0)
    with_constant = PPP().fit(np.hstack([constant, X]))
    assert_array_equal(with_constant.labels_, PPP().fit_predict(X))
    assert not with_constant.separable_features_[:2].any()


@one_cluster
@pytest.mark.parametrize("X", [np.ones((50, 3)), np.ones((1, 2)), np.eye(5)])
def test_tables_without_structure_to_see(X):
    model = PPP().fit(X)
    assert not model.labels_.any()
    assert_allclose(model.cluster_centers_, [X.mean(axis=0)])
    assert_allclose(model.predict_proba(X), 1)
    assert_allclose(model.score_samples(X), 0)


def test_few_distinct_rows_are_clusters():
    X = np.repeat([[0.0, 0], [1, 0], [0, 1]], [60, 50, 40], axis=0)
    model = PPP().fit(X)
    assert_array_equal(np.bincount(model.labels_), [60, 50, 40])


def test_encoder_is_fitted_first():
    X, y = blobs(4, n_features=8)
    model = PPP(encoder=PCA(3)).fit(X)
    assert model.encoder_.n_components_ == 3
    assert adjusted_rand_score(y, model.labels_) == 1
    assert_array_equal(model.predict(X), model.labels_)
    assert model.cluster_centers_.shape == (4, 8)
    expected = model.encoder_.inverse_transform(
        [model.encoder_.transform(X)[model.labels_ == k].mean(axis=0) for k in range(4)]
    )
    assert_allclose(model.cluster_centers_, expected)
    assert len(model.feature_separability_) == 3


def test_columns_without_clusters_are_dropped():
    rng = np.random.default_rng(0)
    X, y = make_blobs(400, 5, centers=4, cluster_std=0.8, random_state=1)
    X = np.hstack([X, rng.standard_normal((400, 12))])
    model = PPP(feature_selection=True).fit(X)
    assert_array_equal(model.separable_features_, np.arange(17) < 5)
    assert model.selection_path_[0]["n_features"] == 17
    assert model.selection_path_[-1]["n_features"] == 5
    assert adjusted_rand_score(y, model.labels_) > 0.95
    assert_array_equal(model.predict(X), model.labels_)


def test_separability_is_the_share_of_variance_explained():
    X = load_wine().data
    model = PPP().fit(X)
    means = model.cluster_centers_[model.labels_]
    assert_allclose(model.feature_separability_, means.var(axis=0) / X.var(axis=0))
    assert model.separable_features_.any()


def test_errors_leave_the_estimator_as_it_was():
    X, _ = blobs()
    model = PPP().fit(X)
    before = dict(vars(model))
    for arguments in [{"X": [[np.nan]]}, {"X": X, "sample_weight": np.zeros(len(X))}]:
        with pytest.raises(ValueError, match=r"NaN|at least one non-zero"):
            model.fit(**arguments)
        assert vars(model) == before


@one_cluster
@pytest.mark.parametrize("assume", ["log-concave", "unimodal", "gaussian"])
@pytest.mark.parametrize("weight", [1e5, 1e7, 1e15, 1e45])
def test_any_heavy_rows(weight, assume):
    X, _ = blobs(3, n_samples=120)
    rng = np.random.default_rng(0)
    all_heavy = np.full(120, weight)
    half_heavy = np.where(np.arange(120) % 2, weight, 0)
    one_light = np.where(np.arange(120) > 0, weight, 1)
    one_heavy = np.where(np.arange(120) > 0, 1, weight)
    any_weight = weight ** rng.uniform(-0.2, 1, 120)
    for weights in (all_heavy, half_heavy, one_light, one_heavy, any_weight):
        model = PPP(assume=assume).fit(X, sample_weight=weights)
        assert_array_equal(model.predict(X), model.labels_)
        assert np.isfinite(model.score_samples(X)).all()
        assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("assume", ["log-concave", "unimodal"])
@pytest.mark.parametrize("weight", [1e5, 1e7, 1e15, 1e45])
def test_groups_of_heavy_rows_are_found(weight, assume):
    X, y = blobs(3, n_samples=120)
    for lightest in (weight, 1):
        weights = np.where(np.arange(120) > 0, weight, lightest)
        model = PPP(assume=assume).fit(X, sample_weight=weights)
        assert adjusted_rand_score(y, model.labels_) == 1


def test_beyond_a_weight_evidence_grows_no_more():
    X, _ = blobs(3, n_samples=120)
    whole, more = (
        PPP().fit(X, sample_weight=np.full(120, 2.0**power)) for power in (30, 90)
    )
    assert_array_equal(whole.labels_, more.labels_)
    assert_array_equal(whole.score_samples(X), more.score_samples(X))
    assert whole.merges_ == more.merges_


def test_limits_must_fit_together():
    with pytest.raises(ValueError, match="max_clusters=2 should be >= min_clusters=3"):
        PPP(min_clusters=3, max_clusters=2).fit(np.ones((5, 1)))


@pytest.mark.parametrize("n_rows", [37, 250, 600])
def test_chunks_give_what_the_whole_table_gives(n_rows):
    X, _ = blobs()
    whole, model = PPP().fit(X), PPP()
    for start in range(0, len(X), n_rows):
        model.partial_fit(X[start : start + n_rows])
    assert not hasattr(model, "labels_")
    assert_array_equal(model.predict(X), whole.labels_)
    assert_array_equal(model.cluster_centers_, whole.cluster_centers_)
    assert model.merges_ == whole.merges_


def test_chunks_of_a_table_above_the_capacity():
    X, y = blobs(6, n_samples=CAPACITY + 50_000)
    whole = PPP().fit(X)
    assert adjusted_rand_score(y, whole.labels_) > 0.99
    assert_array_equal(whole.predict(X), whole.labels_)
    chunks = np.array_split(np.random.default_rng(0).permutation(X), 7)
    parts = [PPP().partial_fit(chunk) for chunk in chunks]
    merged = parts[3]
    for part in (*parts[:3], *parts[4:]):
        merged.merge(part)
    assert_array_equal(merged.predict(X), whole.labels_)
    assert_array_equal(merged.cluster_centers_, whole.cluster_centers_)


def test_repeated_rows_that_come_late_change_nothing(monkeypatch):
    # The fifth group is made of values that two hundred rows share.
    monkeypatch.setattr(_stream_sample, "MOST_NUMBERS", 24_000)
    X, _ = blobs(4, n_samples=30_000)
    values = np.random.default_rng(1).normal([8, 8, 4], 1, (30, 3))
    late = np.repeat(values, 200, axis=0)
    X = np.concatenate([X, late])
    whole = PPP().fit(X)
    assert whole._summary.is_sample
    assert whole.n_clusters_ == 5
    assert_array_equal(whole.predict(X), whole.labels_)
    order = np.random.default_rng(0).permutation(len(X))
    for rows in (X[::-1], X[order]):
        assert_array_equal(PPP().fit(rows).predict(X), whole.labels_)
    for n_chunks in (3, 40):
        model = PPP()
        for chunk in np.array_split(X, n_chunks):
            model.partial_fit(chunk)
        assert_array_equal(model.predict(X), whole.labels_)
        assert_array_equal(model.cluster_centers_, whole.cluster_centers_)
        assert model.merges_ == whole.merges_
    parts = [PPP().partial_fit(chunk) for chunk in np.array_split(X[order], 5)]
    merged = parts[2].merge(parts[4]).merge(parts[0].merge(parts[3]).merge(parts[1]))
    assert_array_equal(merged.predict_proba(X), whole.predict_proba(X))


def test_weights_of_chunks():
    X = load_wine().data
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    model = PPP()
    for part in np.array_split(np.arange(len(X)), 4):
        model.partial_fit(X[part], sample_weight=weights[part])
    expected = PPP().fit(X, sample_weight=weights)
    assert_array_equal(model.predict(X), expected.labels_)


def test_threads_may_ask_a_stream_at_once():
    X, _ = blobs()
    right = PPP().fit(X)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(5):
                model = PPP()
                for chunk in np.array_split(X, 6):
                    model.partial_fit(chunk)
                for labels in pool.map(model.predict, [X] * 4):
                    assert_array_equal(labels, right.labels_)
                assert_array_equal(model.cluster_centers_, right.cluster_centers_)
    finally:
        sys.setswitchinterval(interval)


def test_clusters_of_a_stream_are_found_when_asked_for():
    X, y = blobs(4)
    model = PPP().partial_fit(X[y < 2])
    assert model.partial_fit().n_clusters_ == 2
    model.partial_fit(X[y >= 2])
    assert adjusted_rand_score(model.predict(X), y) == 1
    assert model.n_clusters_ == 4


def test_chunk_that_cannot_be_taken_up_leaves_what_was_there(monkeypatch):
    X, _ = blobs()
    model, other = PPP().fit(X), PPP().fit(X[:300])
    before, summary = dict(vars(model)), dict(vars(model._summary))

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # Equal rows are put together as soon as there are many.
        patch.setattr(model._summary, "capacity", 10)
        patch.setattr("skdeepcluster.streaming._stream_sample.gather", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(X)
        with pytest.raises(KeyboardInterrupt):
            model.merge(other.partial_fit(X))
    assert vars(model) == before
    assert vars(model._summary) == summary


def test_a_chunk_may_be_overwritten():
    X, _ = blobs()
    memory = X.copy()
    model = PPP().partial_fit(memory)
    memory[:] = 0
    assert_array_equal(model.predict(X), PPP().fit_predict(X))


def test_nothing_was_seen():
    X, _ = blobs()
    with pytest.raises(NotFittedError):
        PPP().partial_fit()
    with pytest.raises(NotFittedError):
        PPP().fit(X).merge(PPP())


def test_other_tables_do_not_merge():
    X, _ = blobs()
    with pytest.raises(ValueError, match="3 and 2 columns"):
        PPP().fit(X).merge(PPP().fit(X[:, :2]))


def test_encoders_fitted_apart_do_not_merge():
    X, _ = blobs(4, n_features=8)
    first = PPP(encoder=PCA(3)).partial_fit(X)
    same = pickle.loads(pickle.dumps(first))
    assert first.merge(same).n_features_in_ == 8
    for other in (PPP(encoder=PCA(3)).partial_fit(X[:300]), PPP().partial_fit(X)):
        with pytest.raises(ValueError, match="fitted apart"):
            first.merge(other)


@pytest.mark.parametrize("encoder", [None, PCA(2)])
def test_a_frozen_copy_answers_the_same_and_takes_up_nothing(encoder):
    X, _ = blobs(n_samples=5000)
    model = PPP(encoder=encoder).fit(X)
    frozen = model.frozen()
    assert len(pickle.dumps(frozen)) < len(pickle.dumps(model)) / 5
    for method in ("predict", "predict_proba", "score_samples"):
        assert_array_equal(getattr(frozen, method)(X), getattr(model, method)(X))
    for drawn in zip(
        frozen.sample(9, random_state=0), model.sample(9, random_state=0), strict=True
    ):
        assert_array_equal(*drawn)
    assert frozen.partial_fit() is frozen
    before = dict(vars(frozen))
    for ask, what in [
        (frozen.partial_fit, X),
        (model.merge, frozen),
        (frozen.merge, model),
    ]:
        with pytest.raises(ValueError, match="frozen copy"):
            ask(what)
    assert vars(frozen) == before
    assert hasattr(model, "labels_")
    assert_array_equal(frozen.fit(X).labels_, model.labels_)


def test_a_stream_is_frozen_with_what_came():
    X, y = blobs(4)
    assert PPP().partial_fit(X[y < 2]).frozen().n_clusters_ == 2


def test_few_rows_of_many_columns_are_told_what_to_do():
    rng = np.random.default_rng(0)
    groups, centers = np.arange(80) % 3, np.zeros((3, 3000))
    centers[:, :60] = 1.2 * rng.normal(size=(3, 60))
    X = centers[groups] + rng.normal(size=(80, 3000))
    with pytest.warns(ConvergenceWarning, match=r"3000 columns of so few .* PCA\(5\)"):
        assert PPP().fit(X).n_clusters_ == 1
    found = PPP().fit(PCA(5, svd_solver="full").fit_transform(X))
    assert found.n_clusters_ == 3
    assert adjusted_rand_score(groups, found.labels_) > 0.9


def test_the_axes_of_many_columns_are_said_where_one_cluster_is_found():
    """Groups in columns of little variance, which 20 axes pass over."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(600, 30))
    X = np.hstack([shared[:, np.arange(210) % 30], rng.normal(size=(600, 4))])
    X += 0.1 * rng.normal(size=X.shape)
    groups = np.arange(600) % 2
    X[:, 210:] += 3 * groups[:, np.newaxis]
    said = r"Of 214 standardised columns, 20 .* PPP\(encoder=NeighborEncoder\(10\)\)"
    with pytest.warns(ConvergenceWarning, match=said):
        assert PPP().fit(X).n_clusters_ == 1
    assert adjusted_rand_score(groups, PPP().fit_predict(X[:, 210:])) > 0.9


def test_many_rows_are_not_sent_to_principal_components():
    with pytest.warns(ConvergenceWarning, match=r"all the same\.$"):
        PPP().fit(np.random.default_rng(0).normal(size=(80, 3)))


def nested_groups():
    """Six groups, two near each of three places."""
    rng = np.random.default_rng(0)
    places = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 40.0]])
    centers = np.concatenate([places, places + 10 * np.eye(2)[0]])
    y = np.arange(900) % 6
    return centers[y] + rng.normal(size=(900, 2)), y


def test_coarse_levels_join_what_is_near_and_are_nested():
    X, y = nested_groups()
    model = PPP().fit(X)
    assert adjusted_rand_score(model.labels_at(3), y % 3) == 1
    np.testing.assert_array_equal(model.labels_at(6), model.labels_)
    for n_clusters in range(1, 7):
        labels = model.labels_at(n_clusters)
        np.testing.assert_array_equal(model.predict_at(X, n_clusters), labels)
        sizes = np.bincount(labels)
        assert len(sizes) == n_clusters
        assert (np.diff(sizes) <= 0).all()
        # One coarse cluster for each of the finer ones.
        finer = model.labels_at(min(n_clusters + 1, 6))
        assert len(np.unique(np.stack([labels, finer]), axis=1).T) == finer.max() + 1
    order = np.random.default_rng(1).permutation(len(X))
    again = PPP().fit(X[order])
    np.testing.assert_array_equal(again.labels_at(3), model.labels_at(3)[order])


class Turning(TransformerMixin, BaseEstimator):
    """Keeps who is near, and puts clusters where they are not."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        side, place = X[:, 0] % 20 > 12, (X > 30) @ [1, 2]
        return np.column_stack([X[:, 0] % 20 + 40 * side, X[:, 1] % 20 + 10 * place])


def test_levels_behind_an_encoder_are_those_of_the_columns():
    X, y = nested_groups()
    X += 7
    model = PPP(encoder=Turning()).fit(X)
    assert adjusted_rand_score(model.labels_, y) > 0.99
    assert adjusted_rand_score(model.labels_at(3), y % 3) > 0.99
    assert len(model.levels_) == model.n_clusters_
    for scale in (1e-200, 1e200):
        far = PPP(encoder=FunctionTransformer(partial(np.multiply, 1 / scale)))
        assert adjusted_rand_score(far.fit(scale * X).labels_at(3), y % 3) == 1
    plain = PPP().fit(X)
    same = PPP(encoder=FunctionTransformer()).fit(X)
    order = np.random.default_rng(1).permutation(len(X))
    other = PPP(encoder=FunctionTransformer()).fit(X[order])
    for n_clusters in range(1, 7):
        np.testing.assert_array_equal(
            same.labels_at(n_clusters), plain.labels_at(n_clusters)
        )
    assert other.levels_ == same.levels_
    # Of parts, only codes are kept.
    codes = PPP().fit(Turning().transform(X))
    assert PPP(encoder=Turning()).partial_fit(X).levels_ == codes.levels_
    assert adjusted_rand_score(codes.labels_at(3), y % 3) < 0.9
    assert not hasattr(model.partial_fit(X), "_input_centers")


def test_distances_of_levels_jump_where_there_are_levels():
    model = PPP().fit(nested_groups()[0])
    distances = [level["distance"] for level in model.levels_]
    assert [level["n_clusters"] for level in model.levels_] == [1, 2, 3, 4, 5, 6]
    assert (np.diff(distances) <= 1e-9).all()
    assert distances[1] > 1.5 * distances[2]
    stream = PPP().partial_fit(nested_groups()[0])
    assert stream.levels_ == model.levels_


def test_levels_of_what_has_no_labels():
    stream = PPP().partial_fit(nested_groups()[0])
    with pytest.raises(AttributeError, match="come with fit"):
        stream.labels_at(2)
    with pytest.raises(NotFittedError):
        PPP().labels_at(2)
    with pytest.raises(TypeError, match="n_clusters must be an instance of int"):
        PPP().fit(nested_groups()[0]).labels_at(1.5)


@one_cluster
def test_one_cluster_has_one_level():
    model = PPP().fit(np.random.default_rng(0).normal(size=(30, 2)))
    assert model.levels_ == [{"n_clusters": 1, "distance": 0}]
    np.testing.assert_array_equal(model.labels_at(1), model.labels_)


@pytest.mark.parametrize("n_clusters", [0, 7])
def test_levels_that_are_not_there(n_clusters):
    model = PPP().fit(nested_groups()[0])
    with pytest.raises(ValueError, match="between 1 and the 6 found"):
        model.labels_at(n_clusters)
    with pytest.raises(ValueError, match="between 1 and the 6 found"):
        model.predict_at([[0.0, 0.0]], n_clusters)
