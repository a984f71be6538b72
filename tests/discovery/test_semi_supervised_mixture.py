"""The mixture: recovery, monotone steps, weights, streams, warm starts."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skdeepcluster import SemiSupervisedGaussianMixture, SemiSupervisedKMeans
from skdeepcluster._gaussians import Gaussians
from skdeepcluster.discovery._em import FreeCells, FreeRows, maximize_posterior
from skdeepcluster.discovery._micro_clusters import Cells
from skdeepcluster.discovery._niw import Moments, Prior
from skdeepcluster.metrics import discovery_accuracy


def gaussian_classes(seed, separation):
    """Ten Gaussians of eight columns; half of five of them are labeled."""
    rng = np.random.default_rng(seed)
    rows, truth = [], []
    for k in range(10):
        mean = rng.normal(size=8) * separation / np.sqrt(2)
        root = rng.normal(size=(8, 8))
        covariance = root @ root.T
        covariance *= 8 / np.trace(covariance)
        n_rows = 60 if k % 2 else 120
        rows.append(rng.multivariate_normal(mean, covariance, size=n_rows))
        truth.append(np.full(n_rows, k))
    truth = np.concatenate(truth)
    labeled = (truth < 5) & (rng.random(len(truth)) < 0.5)
    return np.concatenate(rows), truth, np.where(labeled, truth, -1)


def blobs(n_samples=400, seed=0):
    X, truth = make_blobs(
        n_samples, 3, centers=5, cluster_std=0.6, random_state=seed, center_box=(-9, 9)
    )
    labeled = (truth < 3) & (np.arange(n_samples) % 2 == 0)
    return X, truth, np.where(labeled, truth, -1)


@pytest.mark.parametrize("seed", range(3))
def test_recovers_gaussian_classes_and_their_number(seed):
    X, truth, y = gaussian_classes(seed, separation=3)
    model = SemiSupervisedGaussianMixture(random_state=seed).fit(X, y)
    free = y < 0
    assert model.n_novel_ == 5
    found = discovery_accuracy(truth[free], model.labels_[free], np.arange(5))
    assert found.all >= 0.99


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_every_kind_of_covariance(kind):
    X, truth, y = blobs()
    model = SemiSupervisedGaussianMixture(2, covariance_type=kind, random_state=0)
    model.fit(X, y)
    assert adjusted_rand_score(truth, model.labels_) > 0.98
    shape = (5, 3, 3) if kind in ("full", "tied") else (5, 3)
    assert model.covariances_.shape == shape
    assert_allclose(model.weights_.sum(), 1)
    if kind != "tied":
        assert model.recluster("auto").n_novel_ == 2


def test_tied_needs_a_count():
    X, _, y = blobs()
    model = SemiSupervisedGaussianMixture(covariance_type="tied")
    with pytest.raises(ValueError, match="'tied' needs an int n_novel"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="'tied' needs an int n_novel"):
        model.set_params(n_novel=2).fit(X, y).recluster("auto")
    with pytest.raises(ValueError, match="'tied' needs an int n_novel"):
        clone(model).set_params(n_novel="auto").partial_fit(X, y)


def test_the_bound_counts_labeled_rows():
    rows = np.random.default_rng(0).normal(size=(7, 2))
    covariance = np.array([[2.0, 0.3], [0.3, 1.0]])
    means, covariances = np.array([[0, 1], [2, 0.0]]), np.array([covariance] * 2)
    start = Gaussians.of(np.log([0.25, 0.75]), means, covariances)
    prior = Prior(np.zeros(2), 0.7, 5.0, np.eye(2))
    nobody = Moments.empty(1, 2, True)
    of_class = Moments.of_rows(rows, np.ones(7), np.zeros(7, dtype=int), 1, True)

    def bound(labeled):
        options = {"alpha": 1.0, "tied": False, "max_iter": 0, "tol": 0}
        free = FreeRows(rows, np.ones(7))
        return maximize_posterior(start, free, labeled, prior, **options).bounds[0]

    likelihood = multivariate_normal([0, 1], covariance).logpdf(rows).sum()
    difference = bound(of_class) - bound(nobody)
    assert_allclose(difference, likelihood + 7 * np.log(0.25))


def test_cells_of_another_length_are_refused():
    cells = Cells(Moments.empty(3, 2, True), np.array([0, -1, -1]))
    cells._check_state()
    for codes in (np.array([0, -1]), np.array([0.0, -1, -1])):
        with pytest.raises(ValueError, match="Cells"):
            Cells(cells.moments, codes)._check_state()


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_steps_of_em_never_lower_the_posterior(kind):
    X, _, y = gaussian_classes(0, separation=1)
    model = SemiSupervisedGaussianMixture(
        4, covariance_type=kind, tol=0, max_iter=25, random_state=0
    ).fit(X, y)
    bounds = np.array(model.lower_bounds_)
    assert len(bounds) > 5
    assert np.all(np.diff(bounds) >= -1e-10 * np.abs(bounds[1:]))


def test_moves_never_lower_the_log_posterior():
    X, _, y = gaussian_classes(0, separation=1.5)
    model = SemiSupervisedGaussianMixture(split_threshold=0.01, random_state=0).fit(
        X, y
    )
    values = np.array([entry["log_posterior"] for entry in model.merges_])
    assert np.all(np.diff(values) >= -1e-9 * np.abs(values[1:]))
    assert model.merges_[-1]["n_classes"] >= 5


def test_a_class_costs_what_was_asked_for():
    X, _, y = gaussian_classes(0, separation=3)
    counts = [
        SemiSupervisedGaussianMixture(split_threshold=cost, random_state=0)
        .fit(X, y)
        .n_novel_
        for cost in (0.0, 0.35, 1e6)
    ]
    assert counts[0] > counts[1] > counts[2] == 0


def test_density_is_that_of_the_mixture_in_units_of_the_table():
    X, _, y = blobs()
    X = X * [1.0, 30.0, 0.01] + [0, 5, 100]
    model = SemiSupervisedGaussianMixture(2, random_state=0).fit(X, y)
    expected = sum(
        weight * multivariate_normal(mean, covariance).pdf(X)
        for weight, mean, covariance in zip(
            model.weights_, model.means_, model.covariances_, strict=True
        )
    )
    assert_allclose(model.score_samples(X), np.log(expected), rtol=1e-6)
    n_parameters = 5 * 6 + 5 * 3 + 4
    bic = n_parameters * np.log(len(X)) - 2 * np.log(expected).sum()
    assert_allclose(model.bic(X), bic, rtol=1e-6)
    aic = 2 * n_parameters - 2 * np.log(expected).sum()
    assert_allclose(model.aic(X), aic, rtol=1e-6)
    assert_allclose(model.score(X), np.log(expected).mean(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_samples_have_the_moments_of_the_mixture(kind):
    X, _, y = blobs()
    model = SemiSupervisedGaussianMixture(2, covariance_type=kind, random_state=0)
    model.fit(X * [1.0, 30.0, 0.01] if kind != "spherical" else X, y)
    rows, classes = model.sample(60_000)
    again, _ = model.sample(60_000)
    assert_array_equal(rows, again)
    shares = np.array([np.mean(classes == name) for name in model.classes_])
    assert_allclose(shares, model.weights_, atol=0.01)
    for code, name in enumerate(model.classes_):
        found, scatter = rows[classes == name], model.covariances_[code]
        scatter = scatter if scatter.ndim == 2 else np.diag(scatter)
        deviations = np.sqrt(np.diag(scatter))
        away = (found.mean(axis=0) - model.means_[code]) / deviations
        assert np.abs(away).max() < 5 / np.sqrt(len(found))
        unit = np.cov(found.T) / np.outer(deviations, deviations)
        assert_allclose(unit, scatter / np.outer(deviations, deviations), atol=0.05)
    with pytest.raises(ValueError, match="'n_samples' parameter of sample"):
        model.sample(0)


def test_bic_prefers_the_number_of_classes():
    X, _, y = blobs()
    model = SemiSupervisedGaussianMixture(2, random_state=0).fit(X, y)
    scores = [model.recluster(n_novel).bic(X) for n_novel in (1, 2, 4)]
    assert np.argmin(scores) == 1


def test_units_of_columns_do_not_matter():
    X, _, y = gaussian_classes(1, separation=2)
    plain = SemiSupervisedGaussianMixture(random_state=0).fit(X, y)
    scaled = SemiSupervisedGaussianMixture(random_state=0).fit(
        X * 2.0 ** np.arange(8), y
    )
    assert_array_equal(plain.labels_, scaled.labels_)


def test_a_labeled_row_far_away_stays_in_its_class():
    X, _, y = blobs()
    X[np.flatnonzero(y == 0)[0]] = 100
    model = SemiSupervisedGaussianMixture(random_state=0).fit(X, y)
    assert_array_equal(model.labels_[y >= 0], y[y >= 0])


def test_weights_are_rows_of_labeled_classes_too():
    X, _, y = gaussian_classes(2, separation=2)
    weight = np.random.default_rng(0).integers(0, 3, size=len(X))
    model = SemiSupervisedGaussianMixture(random_state=0)
    once = model.fit(X, y, sample_weight=weight).predict_proba(X)
    rows, classes = np.repeat(X, weight, axis=0), np.repeat(y, weight)
    assert_array_equal(model.fit(rows, classes).predict_proba(X), once)


def test_a_class_without_weight_keeps_its_rows():
    X, _, y = blobs()
    weight = np.where(y == 0, 0.0, 1.0)
    model = SemiSupervisedGaussianMixture(2, random_state=0)
    model.fit(X, y, sample_weight=weight)
    assert_array_equal(model.labels_[y >= 0], y[y >= 0])
    assert_array_equal(model.known_classes_, [0, 1, 2])


def test_no_weight_at_all_is_an_error():
    X, _, y = blobs()
    model = SemiSupervisedGaussianMixture()
    for method in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="at least one non-zero"):
            method(X, y, sample_weight=np.zeros(len(X)))


def test_too_few_steps_are_said():
    X, _, y = gaussian_classes(0, separation=1)
    model = SemiSupervisedGaussianMixture(3, max_iter=1, tol=1e-12, random_state=0)
    with pytest.warns(ConvergenceWarning, match="EM did not converge in max_iter=1"):
        model.fit(X, y)


def test_warm_start_goes_on_from_the_classes_found():
    X, _, y = gaussian_classes(0, separation=3)
    half = np.random.default_rng(0).random(len(X)) < 0.5
    model = SemiSupervisedGaussianMixture(warm_start=True, n_init=1, random_state=0)
    first = model.fit(X[half], y[half]).means_[5:]
    model.fit(X, y)
    assert model.n_novel_ == 5
    assert model.merges_[0] == {"move": "start"} | {
        name: model.merges_[0][name] for name in ("n_classes", "log_posterior")
    }
    assert model.merges_[0]["n_classes"] == 10
    away = np.linalg.norm(model.means_[5:, np.newaxis] - first, axis=2)
    assert_array_equal(np.sort(away.argmin(axis=1)), np.arange(5))
    # Other classes, or other columns, start anew.
    model.fit(X[:, :4], np.where(y == 0, -1, y))
    assert_array_equal(model.known_classes_, [1, 2, 3, 4])


def test_chunks_find_what_the_table_has():
    X, truth, y = gaussian_classes(0, separation=3)
    order = np.random.default_rng(0).permutation(len(X))
    model = SemiSupervisedGaussianMixture(random_state=0)
    for chunk in np.array_split(order, 4):
        assert model.partial_fit(X[chunk], y[chunk]) is model
    assert model.n_novel_ == 5
    found = discovery_accuracy(truth, model.predict(X), np.arange(5))
    assert found.all > 0.98
    assert not hasattr(model, "labels_")
    assert len(model._cells.codes) < len(X) / 2


def test_classes_may_come_with_later_chunks():
    X, truth, _ = blobs(600)
    names = np.array(["ant", "bee", "cow", None, None], dtype=object)[truth]
    model = SemiSupervisedGaussianMixture(random_state=0)
    rest = ~np.isin(truth, (0, 1))
    model.partial_fit(X[rest], names[rest])
    assert_array_equal(model.known_classes_, ["cow"])
    model.partial_fit(X[truth == 1], names[truth == 1])
    model.partial_fit(X[truth == 0], names[truth == 0])
    assert_array_equal(model.known_classes_, ["ant", "bee", "cow"])
    assert_array_equal(model.novel_classes_, ["novel_0", "novel_1"])
    predicted = model.predict(X)
    for code, name in enumerate(["ant", "bee", "cow"]):
        assert np.mean(predicted[truth == code] == name) > 0.98
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), predicted)
    other = model.recluster(3)
    assert other.n_novel_ == 3
    assert_array_equal(again.recluster(3).predict(X), other.predict(X))
    assert_array_equal(model.predict(X), predicted)


def test_a_stream_goes_on_after_fit():
    X, truth, y = blobs(600)
    model = SemiSupervisedGaussianMixture(random_state=0).fit(X[:300], y[:300])
    model.partial_fit(X[300:], y[300:])
    assert adjusted_rand_score(truth, model.predict(X)) > 0.98
    assert_allclose(model._cells.moments.sizes.sum(), 600)


def test_a_refused_chunk_changes_nothing():
    X, _, y = blobs()
    model = SemiSupervisedGaussianMixture(random_state=0).partial_fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="below -1"):
        model.partial_fit(X, y - 5)
    with pytest.raises(ValueError, match="n_novel"):
        model.recluster(0)
    assert vars(model) == before


def test_an_encoder_reduces_many_columns():
    X, truth, y = blobs()
    rng = np.random.default_rng(0)
    wide = X @ rng.normal(size=(3, 40)) + 0.01 * rng.normal(size=(len(X), 40))
    model = SemiSupervisedGaussianMixture(
        encoder=PCA(3, random_state=0), random_state=0
    ).fit(wide, y)
    assert adjusted_rand_score(truth, model.labels_) > 0.98
    assert model.means_.shape == (5, 3)


def test_without_labels_it_finds_the_number_of_gaussians():
    X, truth, _ = blobs(500)
    model = SemiSupervisedGaussianMixture(random_state=0).fit(X)
    assert model.n_novel_ == 5
    assert adjusted_rand_score(truth, model.labels_) > 0.98
    assert model.split_threshold_ == pytest.approx(1 / 8)


def test_cells_that_are_rows_give_the_steps_of_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 2))
    moments = Moments.of_rows(rows, np.ones(40), np.arange(40), 40, True)
    components = Gaussians.of(
        np.log([0.3, 0.7]),
        rng.normal(size=(2, 2)),
        np.array([np.eye(2), 3 * np.eye(2)]),
    )
    found, bound = FreeCells(moments).expect(components)
    expected, likelihood = FreeRows(rows, np.ones(40)).expect(components)
    assert_allclose(bound, likelihood)
    for name, values in vars(expected).items():
        assert_allclose(np.tril(vars(found)[name]), np.tril(values), err_msg=name)


def test_cells_bound_the_likelihood_of_their_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 2))
    cells = Cells.of_rows(
        rows, np.ones(200), np.full(200, -1), np.eye(2), n_most=10, seed=0
    )
    components = Gaussians.of(
        np.log([0.3, 0.7]),
        rng.normal(size=(2, 2)),
        np.array([np.eye(2), 3 * np.eye(2)]),
    )
    bound = FreeCells(cells.moments).expect(components)[1]
    assert bound < FreeRows(rows, np.ones(200)).expect(components)[1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_means_of_a_stream_stay_in_the_range_of_its_dtype():
    model = SemiSupervisedGaussianMixture(2, random_state=0)
    model.partial_fit(np.zeros((1, 1), dtype=np.float32)).partial_fit([[3.5e38]])
    assert model.means_.dtype == np.float32
    assert np.isfinite(model.means_).all()
    assert model.means_.max() == np.finfo(np.float32).max


def digits_with_one_known_class():
    X, truth = load_digits(return_X_y=True)
    labeled = (truth == 0) & (np.random.default_rng(0).random(len(truth)) < 0.5)
    return X, truth, np.where(labeled, 0, -1)


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_many_columns_of_one_known_class_are_told(covariance_type):
    X, _, y = digits_with_one_known_class()
    model = SemiSupervisedGaussianMixture(covariance_type=covariance_type, n_init=1)
    with pytest.warns(ConvergenceWarning, match="64 columns.*PCA"):
        model.fit(X, y)


@pytest.mark.parametrize("covariance_type", ["diag", "spherical"])
def test_one_known_class_tells_how_much_independent_columns_vary(covariance_type):
    X, truth = load_breast_cancer(return_X_y=True)
    labeled = (truth == 0) & (np.random.default_rng(0).random(len(truth)) < 0.5)
    model = SemiSupervisedGaussianMixture(
        covariance_type=covariance_type, random_state=0
    ).fit(StandardScaler().fit_transform(X), np.where(labeled, 0, -1))
    # A weak prior would cut the two classes into eight and more.
    assert adjusted_rand_score(truth, model.labels_) > 0.6


@pytest.mark.parametrize("n_novel", ["auto", 9])
@pytest.mark.parametrize(
    "remedy",
    [
        SemiSupervisedGaussianMixture(encoder=PCA(20, random_state=0), random_state=0),
        SemiSupervisedKMeans(random_state=0),
    ],
)
def test_the_remedies_for_many_columns_help(remedy, n_novel):
    X, truth, y = digits_with_one_known_class()
    model = clone(remedy).set_params(n_novel=n_novel).fit(X, y)
    assert adjusted_rand_score(truth, model.labels_) > 0.55


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_wide_tables_get_the_covariances_that_rows_can_support(covariance_type):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    X = 0.8 * rng.normal(size=(3, 300))[truth] + rng.normal(size=(300, 300))
    y = np.where((truth == 0) & (rng.random(300) < 0.5), 0, -1)
    model = SemiSupervisedGaussianMixture(2, covariance_type=covariance_type)
    with pytest.warns(ConvergenceWarning, match="300 columns.*'diag' is used"):
        model.fit(X, y)
    assert model.covariance_type_ == "diag"
    assert model.covariances_.shape == (3, 300)
    assert adjusted_rand_score(truth, model.labels_) == 1


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_far_row_is_named(method):
    X, truth = make_blobs(200, 3, centers=3, random_state=0)
    X[17] *= 1e6
    y = np.where((truth == 0) & (np.arange(200) % 2 == 0), 0, -1)
    model = SemiSupervisedGaussianMixture(random_state=0)
    with pytest.warns(ConvergenceWarning, match="Row 17 .* column 0"):
        getattr(model, method)(X, y)
