"""ILASDP: the relaxation against its definition, and the groups it finds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from skdeepcluster import ILASDP
from skdeepcluster.metrics import clustering_accuracy
from skdeepcluster.sdp import _admm as pairs
from skdeepcluster.sdp import _cvxpy as reference
from skdeepcluster.sdp import ilasdp
from skdeepcluster.sdp._alternation import Alternation, recut
from skdeepcluster.sdp._covariances import CovarianceFamily, fit_groups, hard_cost
from skdeepcluster.sdp._likelihood import GroupRelaxation
from skdeepcluster.sdp._sampled_alternation import row_sample, weighted_sample


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def stretched(n, rng):
    y = np.arange(n) % 3
    return rng.normal(size=(n, 2)) * [3, 0.4] + np.array([0, 2.4]) * y[:, None], y


def crossed(n, rng):
    y = np.arange(n) % 2
    scale = np.array([[2.5, 0.2], [0.2, 2.5]])[y]
    return rng.normal(size=(n, 2)) * scale + np.array([0.5, 2.5]) * y[:, None], y


def covariances_of(rng, k, p):
    factors = rng.normal(size=(k, p, 2 * p))
    return factors @ factors.transpose(0, 2, 1) / (2 * p)


def solved(X, labels, covariances, n_iter=600):
    relaxation = GroupRelaxation(X, labels, len(covariances))
    relaxation.set_covariances(covariances)
    relaxation.iterate(n_iter)
    return relaxation


def value_of(relaxation, covariances):
    scatters, sizes = relaxation.scatters()
    return hard_cost(scatters, sizes, covariances)


def test_cost_of_a_partition_is_its_likelihood(rng):
    X, y = crossed(40, rng)
    family = CovarianceFamily("full", X)
    fit = fit_groups(X, y, family)
    expected = 0.0
    for c in range(2):
        rows = X[y == c]
        law = multivariate_normal(rows.mean(axis=0), fit.covariances[c])
        expected -= law.logpdf(rows).sum()
    assert_allclose(fit.cost, expected - len(X) * np.log(2 * np.pi), rtol=1e-10)


@pytest.mark.needs("cvxpy")
def test_program_agrees_with_cvxpy(rng):
    X, y = crossed(30, rng)
    covariances = covariances_of(rng, 2, 2)
    exact = reference.ReferenceGroups(X, y, 2)
    exact.set_covariances(covariances)
    exact.iterate(1)
    found = solved(X, y, covariances)
    assert_allclose(value_of(found, covariances), exact.lower_bound(), rtol=1e-4)
    assert_allclose(found.lower_bound(), exact.lower_bound(), rtol=1e-4)
    assert_allclose(value_of(exact, covariances), exact.lower_bound(), rtol=1e-4)
    assert_allclose(found.memberships(), exact.memberships(), atol=0.02)


def test_bound_is_below_every_partition_and_holds_early(rng):
    X, y = crossed(24, rng)
    covariances = covariances_of(rng, 2, 2)
    early, late = (solved(X, y, covariances, n).lower_bound() for n in (10, 400))
    assert early <= late + 1e-3
    for _ in range(50):
        labels = rng.integers(2, size=24)
        centred = X - np.stack([X[labels == c].mean(axis=0) for c in (0, 1)])[labels]
        scatters = np.stack(
            [centred[labels == c].T @ centred[labels == c] for c in (0, 1)]
        )
        cost = hard_cost(scatters, np.bincount(labels).astype(float), covariances)
        assert late <= cost


def test_equal_covariances_give_the_value_of_whitened_kmeans(rng):
    X, y = crossed(30, rng)
    covariance = covariances_of(rng, 1, 2)
    whitened = X @ np.linalg.inv(np.linalg.cholesky(covariance[0])).T
    found = solved(X, y, np.repeat(covariance, 2, axis=0), 1500)
    kmeans = pairs.solve(whitened, np.ones(30), 2, y, tol=1e-5, max_iter=3000)
    expected = kmeans.objective / 2 + 30 * np.linalg.slogdet(covariance[0])[1] / 2
    assert_allclose(found.lower_bound(), expected, rtol=1e-3)


def test_value_shifts_by_the_determinant_under_affine_maps(rng):
    X, y = crossed(30, rng)
    covariances = covariances_of(rng, 2, 2)
    A = np.array([[2.0, 0.3], [-0.5, 0.7]])
    plain = solved(X, y, covariances).lower_bound()
    mapped = solved(X @ A.T + [3, -1], y, A @ covariances @ A.T).lower_bound()
    shift = 30 * np.log(abs(np.linalg.det(A)))
    assert_allclose(mapped, plain + shift, atol=1e-2)


def test_permuted_groups_permute_the_solution(rng):
    X, y = crossed(30, rng)
    covariances = covariances_of(rng, 2, 2)
    left = solved(X, y, covariances)
    right = solved(X, 1 - y, covariances[::-1])
    assert_allclose(left.memberships(), right.memberships()[:, ::-1], atol=1e-2)
    assert_allclose(left.lower_bound(), right.lower_bound(), rtol=1e-3)


@pytest.mark.needs("cvxpy")
def test_exact_steps_never_raise_the_objective(rng):
    X, y = stretched(24, rng)
    family = CovarianceFamily("full", X)
    family.ridge = 0.0
    run = Alternation(
        X, rng.permutation(y), 3, family, 0, reference.ReferenceGroups
    ).run(4, 0.0)
    values = [entry["objective"] for entry in run.trace]
    assert np.all(np.diff(values) <= 1e-3 * np.abs(values[:-1]))


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_families_are_definite_and_of_their_form(kind, rng):
    X = rng.normal(size=(9, 5))
    fit = fit_groups(
        X, np.array([0, 0, 0, 0, 0, 0, 0, 1, 2]), CovarianceFamily(kind, X)
    )
    if kind in ("diag", "spherical"):
        assert fit.covariances.shape == (3, 5)
        assert fit.covariances.min() > 0
    else:
        assert np.linalg.eigvalsh(fit.covariances).min() > 0
    if kind == "tied":
        assert_array_equal(fit.covariances[0], fit.covariances[1])
    if kind == "spherical":
        assert_allclose(fit.covariances, fit.covariances[:, :1] * np.ones(5))


def test_small_groups_are_mixed_with_the_pooled_covariance(rng):
    """By n / (n + p + 1) up to p + 1 rows, and not at all beyond."""
    X = rng.normal(size=(40, 3))
    labels = np.repeat([0, 1, 2], [4, 5, 31])
    family = CovarianceFamily("full", X)
    rows = [X[labels == c] - X[labels == c].mean(axis=0) for c in range(3)]
    scatters = np.array([part.T @ part for part in rows])
    sizes = np.bincount(labels).astype(float)
    own = scatters / sizes[:, np.newaxis, np.newaxis]
    pooled = scatters.sum(axis=0) / 40
    expected = [own[0] / 2 + pooled / 2, own[1], own[2]]
    found = family.estimate(scatters, sizes)
    assert_allclose(found, expected + family.ridge * np.eye(3))


def test_indefinite_scatters_are_lifted(rng):
    family = CovarianceFamily("full", rng.normal(size=(50, 3)))
    scatters = np.diag([20.0, 1.0, -5.0])[np.newaxis]
    (covariance,) = family.estimate(scatters, np.array([20.0]))
    values = np.linalg.eigvalsh(covariance)
    assert_allclose(values[0], family.ridge / 2)
    assert_allclose(values[2], 1 + family.ridge)


@pytest.mark.parametrize("draw", [stretched, crossed])
def test_groups_of_other_shapes_than_balls(draw):
    errors = []
    for seed in range(4):
        X, y = draw(150, np.random.default_rng(seed))
        model = ILASDP(len(set(y)), random_state=seed).fit(X)
        errors.append(1 - clustering_accuracy(y, model.labels_))
        assert model.gap_ >= 0
    assert np.mean(errors) < 0.05


@pytest.mark.needs("cvxpy")
def test_cvxpy_gives_the_same_groups(rng):
    X, _ = crossed(24, rng)
    model = ILASDP(2, solver="cvxpy", n_init=1, max_iter=5, tol=0.1, random_state=0)
    labels = model.fit(X).labels_
    assert clustering_accuracy(labels, ILASDP(2, random_state=0).fit_predict(X)) > 0.9
    assert model.solver_ == "cvxpy"
    with pytest.raises(ValueError, match="at most 100 distinct rows, found 101"):
        ILASDP(3, solver="cvxpy").fit(rng.normal(size=(101, 2)))


def test_large_tables_are_lifted_from_a_sample(rng):
    X, y = stretched(3000, rng)
    model = ILASDP(3, random_state=0).fit(X)
    assert model.solver_ == "sample"
    assert len(model.solved_rows_) == len(model.membership_) <= 300
    assert clustering_accuracy(y, model.labels_) > 0.98
    assert_array_equal(model.predict(X), model.labels_)


def test_many_clusters_get_a_sample_that_fits_into_memory(rng):
    rows = rng.normal(size=(5000, 2))
    drawn = row_sample(rows, 50, rng)
    assert 600 < len(drawn) <= (20e6 / 50) ** 0.5
    assert len(row_sample(rows, 4, rng)) in range(390, 401)


def test_layers_that_are_cut_across_are_cut_again(rng):
    X, y = stretched(300, rng)
    family = CovarianceFamily("full", X)
    # The two upper layers, cut in left and right halves.
    halves = fit_groups(X, np.where(y == 0, 0, 1 + (X[:, 0] > 0)), family)
    labels = recut(X, halves, family)
    assert clustering_accuracy(y, labels) > 0.99
    assert fit_groups(X, labels, family).cost < halves.cost
    assert recut(X, fit_groups(X, labels, family), family) is None


def test_groups_with_fewer_rows_than_parameters_are_not_cut_again(rng):
    X = rng.normal(size=(60, 12))
    family = CovarianceFamily("full", X)
    assert recut(X, fit_groups(X, np.arange(60) % 2, family), family) is None


def test_bic_finds_the_family():
    rng = np.random.default_rng(3)
    y = np.arange(240) % 3
    X = rng.normal(size=(240, 4)) + 6 * np.eye(4)[y]
    model = ILASDP(3, covariance_type="auto", random_state=0).fit(X)
    assert model.covariance_type_ in ("tied", "spherical")
    assert clustering_accuracy(y, model.labels_) > 0.99


def test_parameters_are_those_of_the_clusters_in_input_units(rng):
    X, _ = crossed(300, rng)
    X = 1000 * X + 5
    model = ILASDP(2, random_state=0).fit(X)
    for c in range(2):
        rows = X[model.labels_ == c]
        assert_allclose(model.means_[c], rows.mean(axis=0), rtol=0.2, atol=100)
        assert_allclose(model.covariances_[c], np.cov(rows.T), rtol=0.5, atol=2e5)
    assert_allclose(model.weights_.sum(), 1)
    refined = ILASDP(2, refine=True, random_state=0).fit(X)
    assert clustering_accuracy(model.labels_, refined.labels_) > 0.97


def test_constant_columns_are_kept_in_the_means(rng):
    X, y = crossed(60, rng)
    X = np.column_stack([X, np.full(60, 7.0)])
    model = ILASDP(2, random_state=0).fit(X)
    assert_allclose(model.means_[:, 2], 7)
    assert_array_equal(model.covariances_[:, 2], 0)
    assert clustering_accuracy(y, model.labels_) > 0.9


def test_nuisance_directions_behind_pca():
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    X = rng.normal(size=(150, 30))
    X[:, :3] += 6 / np.sqrt(2) * np.eye(3)[y]
    X[:, 3:8] += 4 * rng.normal(size=(150, 5))
    model = ILASDP(3, encoder=PCA(10, random_state=0), random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) > 0.95
    assert model.cluster_centers_.shape == (3, 30)
    assert model.means_.shape == (3, 10)


@pytest.mark.filterwarnings("ignore:The objective still moved")
def test_an_outlier_of_its_own_is_named(rng):
    X, _ = crossed(60, rng)
    X[17] = 300
    with pytest.warns(ConvergenceWarning, match="Row 17 is a cluster of its own"):
        ILASDP(3, random_state=0).fit(X)


def test_stopping_early_is_said(rng):
    X, _ = crossed(60, rng)
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        model = ILASDP(2, max_iter=1, tol=0, random_state=0).fit(X)
    assert model.n_iter_ == 1


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_no_column_that_varies(kind):
    with pytest.warns(ConvergenceWarning, match="Only 1 of the 2 clusters"):
        model = ILASDP(2, covariance_type=kind).fit(np.ones((9, 3)))
    assert_array_equal(model.labels_, 0)
    assert_array_equal(model.covariances_, np.zeros((1, 3, 3)))


def test_one_cluster_is_one_gaussian(rng):
    X = rng.normal(size=(40, 3))
    model = ILASDP(1).fit(X)
    assert_allclose(model.means_[0], X.mean(axis=0))
    assert_allclose(model.predict_proba(X), 1)
    assert model.gap_ == 0


def test_weighted_samples_follow_the_weights(rng):
    rows = rng.normal(size=(50, 2))
    weights = np.where(np.arange(50) < 5, 9.0, 0.1)
    drawn = weighted_sample(rows, weights, 2, 400, rng)
    counts = np.bincount(drawn, minlength=50)
    share = 0.5 * weights / weights.sum()
    assert len(drawn) == 300
    assert np.all(counts >= np.floor(300 * share))


def test_uneven_weights_move_the_clusters(rng):
    X, y = crossed(120, rng)
    weights = rng.uniform(0.5, 1.5, size=120)
    model = ILASDP(2, random_state=0).fit(X, sample_weight=weights)
    assert clustering_accuracy(y, model.labels_) > 0.9
    for c in range(2):
        mine = model.labels_ == c
        mean = np.average(X[mine], axis=0, weights=weights[mine])
        assert_allclose(model.means_[c], mean, atol=0.2)
    shares = np.bincount(model.labels_, weights) / weights.sum()
    assert_allclose(model.weights_, shares, atol=0.05)


@pytest.mark.parametrize("unit", [1e-30, 0.5, 1e30])
def test_rows_without_weight_have_no_say(unit, rng):
    X, _ = crossed(80, rng)
    weights = unit * rng.uniform(0.5, 1.5, size=80)
    weights[60:] = 0
    model = ILASDP(2, refine=True, random_state=0)
    with_them = model.fit(X, sample_weight=weights)
    means, labels = with_them.means_, with_them.labels_
    model.fit(X[:60], sample_weight=weights[:60])
    assert_array_equal(model.means_, means)
    assert_array_equal(model.predict(X), labels)


def wide(rng, n_columns=60):
    """Three groups of 8 rows, and columns of which one is constant."""
    centers = rng.normal(size=(3, n_columns))
    X = 2 * centers[np.arange(24) % 3] + rng.normal(size=(24, n_columns))
    X[:, 4] = 7.0
    return 100 * X + 30, np.arange(24) % 3


@pytest.mark.parametrize("kind", ["full", "tied"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_span_of_few_rows_is_all_that_matters(kind, weighted, rng, monkeypatch):
    """Against the same mathematics in all columns."""
    X, y = wide(rng)
    new = rng.normal(size=(50, 60)) * 300
    weights = rng.uniform(0.5, 1.5, size=24) if weighted else None
    model = ILASDP(3, covariance_type=kind, refine=True, random_state=0)
    found = clone(model).fit(X, sample_weight=weights)
    assert found._groups.means.shape == (3, 23)
    monkeypatch.setattr(ilasdp, "span_axes", lambda rows: None)
    expected = model.fit(X, sample_weight=weights)
    assert expected._groups.means.shape == (3, 59)
    assert clustering_accuracy(y, found.labels_) == 1
    assert_array_equal(found.labels_, expected.labels_)
    assert_allclose(found.means_, expected.means_)
    assert_allclose(found.covariances_, expected.covariances_, atol=1e-6)
    for rows in (X, new):
        assert_array_equal(found.predict(rows), expected.predict(rows))
        assert_allclose(found.predict_proba(rows), expected.predict_proba(rows))
        assert_allclose(found.score_samples(rows), expected.score_samples(rows))
    assert_allclose(found.bic(X), expected.bic(X))
    assert_allclose(found.objective_, expected.objective_, rtol=1e-3)


@pytest.mark.parametrize("kind", ["full", "diag", "spherical", "auto"])
def test_a_row_beside_the_span_is_answered_by_itself(kind, rng):
    X, _ = wide(rng)
    model = ILASDP(3, covariance_type=kind, random_state=0).fit(X)
    new = np.r_[X[:3] + rng.normal(size=(3, 60)), np.full((1, 60), 1e250), -X[:1]]
    for method in (model.predict, model.predict_proba, model.score_samples):
        every = method(new)
        assert np.isfinite(every).all()
        for i, row in enumerate(new):
            assert_array_equal(method(row[np.newaxis])[0], every[i])
    assert_array_equal(model.predict(new[:3]), model.labels_[:3])


def test_drawn_rows_leave_the_span(rng):
    X, _ = wide(rng, n_columns=30)
    model = ILASDP(1).fit(X)
    rows, _ = model.sample(40_000, random_state=0)
    assert_allclose(rows.mean(axis=0), model.means_[0], atol=5)
    variances = np.diag(model.covariances_[0])
    allowed = 0.05 * np.sqrt(np.outer(variances, variances)) + 1e-9
    assert np.all(np.abs(np.cov(rows.T) - model.covariances_[0]) <= allowed)
    varying = np.arange(30) != 4
    beside = np.linalg.svd((X - X.mean(axis=0))[:, varying])[2][23:]
    drawn = (rows[:, varying] @ beside.T).var(axis=0)
    expected = beside @ model.covariances_[0][np.ix_(varying, varying)] @ beside.T
    assert_allclose(drawn, np.diag(expected), rtol=0.05)


def test_covariances_too_large_to_write_out_say_so(rng):
    X, y = wide(rng, n_columns=4000)
    model = ILASDP(3, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) == 1
    assert not hasattr(model, "covariances_")
    with pytest.raises(AttributeError, match="4000 columns in 3 clusters"):
        _ = model.covariances_
    with pytest.raises(AttributeError, match="not fitted yet"):
        _ = ILASDP().covariances_


def test_density_is_that_of_scipy(rng):
    X, _ = crossed(90, rng)
    X = 1000 * np.column_stack([X, np.full(90, 0.007)])
    model = ILASDP(2, random_state=0).fit(X)
    expected = 0.0
    for c in range(2):
        gaussian = multivariate_normal(
            model.means_[c, :2], model.covariances_[c, :2, :2]
        )
        expected += model.weights_[c] * gaussian.pdf(X[:, :2])
    assert_allclose(model.score_samples(X), np.log(expected))
    assert_allclose(model.score(X), np.log(expected).mean())
    weights = rng.uniform(size=90)
    assert_allclose(
        model.score(X, sample_weight=weights),
        np.average(np.log(expected), weights=weights),
    )
    # Two weights, means and covariances of two columns: 1 + 4 + 6.
    assert_allclose(model.aic(X), 22 - 2 * np.log(expected).sum())
    assert_allclose(model.bic(X), 11 * np.log(90) - 2 * np.log(expected).sum())


def test_drawn_rows_have_the_moments_of_the_clusters(rng):
    X, _ = crossed(150, rng)
    model = ILASDP(2, random_state=0).fit(X + 70)
    rows, labels = model.sample(20_000, random_state=0)
    assert_allclose(np.bincount(labels) / 20_000, model.weights_, atol=0.02)
    for c in range(2):
        drawn = rows[labels == c]
        assert_allclose(drawn.mean(axis=0), model.means_[c], atol=0.1)
        assert_allclose(np.cov(drawn.T), model.covariances_[c], atol=0.3)
    assert model.sample()[0].shape == (1, 2)
    with pytest.raises(ValueError, match="n_samples"):
        model.sample(0)


@pytest.mark.parametrize(("n_samples", "n_clusters"), [(1000, 4), (1000, 8)])
def test_the_work_is_bounded_by_rows_and_clusters(n_samples, n_clusters):
    X, _ = make_blobs(n_samples, 3, centers=n_clusters, random_state=2)
    model = ILASDP(n_clusters, n_init=1, tol=10.0, random_state=0).fit(X)
    assert model.solver_ == "sample"
    assert n_clusters * len(model.solved_rows_) ** 2 <= 2_000_000
