"""SDPKMeans: bounds, proofs, tiers and hard tables."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from skdeepcluster import ILASDP, SDPKMeans
from skdeepcluster._kmeans import kmeans, weighted_means
from skdeepcluster.metrics import clustering_accuracy
from skdeepcluster.sdp import (
    _admm as pairs,
)
from skdeepcluster.sdp import (
    _cvxpy as reference,
)
from skdeepcluster.sdp import (
    _dual_bound as certificate,
)
from skdeepcluster.sdp import (
    _low_rank as low_rank,
)
from skdeepcluster.sdp import (
    _relaxation as _relaxation,
)
from skdeepcluster.sdp._heuristics import improve


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def mixture(n, k, distance, rng, p=3):
    y = np.arange(n) % k
    centers = np.zeros((k, p))
    centers[np.arange(k), np.arange(k) % p] = distance * (1 + np.arange(k) // p)
    return centers[y] + rng.normal(size=(n, p)), y


def improved(X, weights, k, rng):
    run = kmeans(X, weights, k, rng, n_init=5, tol=0.0)
    return improve(X, weights, run.labels, k)


def weighted_case(rng, distance=3.0, n=40, k=3):
    X, _ = mixture(n, k, distance, rng)
    weights = rng.integers(1, 4, size=n).astype(float)
    labels, inertia = improved(X, weights, k, rng)
    return X, weights, labels, inertia


@pytest.mark.parametrize("distance", [1.0, 3.0, 8.0])
def test_matrix_free_bound_is_the_dense_bound(distance, rng):
    X, weights, labels, inertia = weighted_case(rng, distance)
    bound = certificate.certify(X, weights, labels, 3, inertia)
    dual = certificate.dual_matrix(X, weights, labels)
    assert dual.min() >= 0
    assert_allclose(dual, dual.T, atol=1e-10 * dual.max())
    partition = certificate._Partition.of(X, weights, labels, 3)
    multiplier = certificate.smallest_multiplier(*partition.to_centers())
    damped = dual_of(X, weights, labels, multiplier, True)
    dense = max(
        certificate.dual_bound(X, weights, matrix, 3) for matrix in (dual, damped)
    )
    assert_allclose(bound.value, min(dense, inertia), rtol=1e-8)


def dual_of(X, weights, labels, multiplier, is_damped):
    """The dual matrix of a multiplier, from its definition."""
    k = labels.max() + 1
    centers, sizes = weighted_means(X, weights, labels, k)
    squares = np.square(X[:, np.newaxis] - centers).sum(axis=2)
    own = sizes[labels][:, np.newaxis]
    excess = squares - squares[np.arange(len(X)), labels][:, np.newaxis]
    rates = np.maximum(sizes * excess / 2 - multiplier * (own + sizes) / (2 * own), 0)
    rates[np.arange(len(X)), labels] = 0
    roots = np.sqrt(weights)
    dual = np.zeros((len(X), len(X)))
    for c, m in zip(*np.nonzero(~np.eye(k, dtype=bool)), strict=True):
        parts = []
        for home, other in ((c, m), (m, c)):
            share = np.where(labels == home, weights, 0)
            rate = rates[:, other] * (labels == home)
            damping = np.zeros(len(X))
            if is_damped and rate.any():
                level = brentq(
                    lambda level, rate=rate, share=share: (
                        share @ np.maximum(rate - level, -rate)
                    ),
                    0,
                    2 * rate.max() + 1,
                    xtol=1e-13,
                )
                damping = np.maximum(rate - level, -rate) * (labels == home)
            parts.append((roots * rate, roots * damping, share @ rate))
        (left, left_damping, total), (right, right_damping, other_total) = parts
        block = np.outer(left, right) - np.outer(left_damping, right_damping)
        if total * other_total > 0:
            dual += block / np.sqrt(total * other_total)
    return dual


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
@pytest.mark.parametrize("is_damped", [False, True])
def test_clipped_bound_is_the_dense_bound(share, is_damped, rng):
    X, weights, labels, _ = weighted_case(rng, 3.0)
    partition = certificate._Partition.of(X, weights, labels, 3)
    clusters = np.arange(3)
    multiplier = share * certificate.smallest_multiplier(
        partition.centers, clusters, partition.centers, partition.sizes
    )
    found = partition.dual(multiplier)
    if is_damped:
        found = partition.damped(found)
    dual = dual_of(X, weights, labels, multiplier, is_damped)
    assert dual.min() >= -1e-12
    assert_allclose(found.dense(labels), dual, atol=1e-9)
    assert_allclose(dual, dual.T, atol=1e-9)
    dense = certificate.dual_bound(X, weights, dual, 3)
    assert_allclose(partition.value(found), dense, rtol=1e-9)


def test_searched_bound_is_tighter_and_below_the_optimum(rng):
    X, weights, labels, inertia = weighted_case(rng, 3.5, n=150)
    bound = certificate.certify(X, weights, labels, 3, inertia)
    searched = certificate.search_bound(X, weights, labels, 3, bound, inertia)
    solution = pairs.solve(X, weights, 3, labels, tol=1e-5, max_iter=5000)
    assert solution.converged
    assert searched.value <= solution.objective * (1 + 1e-4)
    assert searched.gap < bound.gap / 2


def test_a_partition_that_lloyd_would_change_gets_the_bound_of_the_axes(rng):
    X, y = mixture(40, 3, 8.0, rng)
    y[:2] = y[1::-1]
    weights = np.ones(40)
    bound = certificate.certify(X, weights, y, 3, 1e3)
    assert_allclose(bound.value, certificate.axes_bound(X, weights, 3))


def test_bound_in_few_rows_of_many_columns(rng):
    X = np.vstack([rng.normal(size=(4, 30)) + 9 * c for c in range(2)])
    weights = np.ones(8)
    labels = np.repeat([0, 1], 4)
    centers, _ = weighted_means(X, weights, labels, 2)
    inertia = np.square(X - centers[labels]).sum()
    bound = certificate.certify(X, weights, labels, 2, inertia)
    assert bound.is_proof
    dual = certificate.dual_matrix(X, weights, labels)
    assert_allclose(certificate.dual_bound(X, weights, dual, 2), inertia, rtol=1e-8)


@pytest.mark.parametrize("distance", [1.0, 3.0])
def test_no_partition_is_below_the_bounds(distance, rng):
    X, _ = mixture(9, 2, distance, rng, p=2)
    weights = np.ones(9)
    codes = (np.arange(1, 2**8)[:, np.newaxis] >> np.arange(9)) & 1
    inertias = [
        sum(np.square(X[c == s] - X[c == s].mean(axis=0)).sum() for s in (0, 1))
        for c in codes
    ]
    labels, inertia = improved(X, weights, 2, rng)
    assert_allclose(inertia, min(inertias), rtol=1e-10)
    assert certificate.certify(X, weights, labels, 2, inertia).value <= inertia
    assert certificate.axes_bound(X, weights, 2) <= min(inertias)
    solution = pairs.solve(X, weights, 2, labels, tol=1e-5, max_iter=2000)
    assert solution.lower_bound <= min(inertias) * (1 + 1e-12)


@pytest.mark.needs("cvxpy")
def test_bounds_are_below_the_optimum_of_cvxpy(rng):
    X, weights, labels, inertia = weighted_case(rng, 2.0)
    exact = reference.solve(X, weights, 3, max_iter=20_000)
    assert exact.converged
    bound = certificate.certify(X, weights, labels, 3, inertia)
    assert bound.value <= exact.objective * (1 + 1e-6)
    solution = pairs.solve(X, weights, 3, labels, tol=1e-5, max_iter=5000)
    assert_allclose(solution.objective, exact.objective, rtol=1e-4)
    assert_allclose(solution.lower_bound, exact.objective, rtol=1e-4)
    # The multipliers that cvxpy reports prove the same bound.
    assert_allclose(
        certificate.dual_bound(X, weights, exact.dual, 3), exact.objective, rtol=1e-4
    )
    start = low_rank.indicator_factor(weights, labels, 3, 9, 0.3, rng)
    factor = low_rank.solve(X, weights, 3, start, tol=1e-4, max_iter=50)
    assert factor.objective >= exact.objective * (1 - 1e-3)
    assert factor.infeasibility < 1e-4


@pytest.mark.needs("cvxpy")
def test_certificate_agrees_with_the_dual_of_cvxpy_where_it_is_tight(rng):
    X, weights, labels, inertia = weighted_case(rng, 9.0, n=30)
    bound = certificate.certify(X, weights, labels, 3, inertia)
    assert bound.is_proof
    exact = reference.solve(X, weights, 3, max_iter=20_000, backend="CLARABEL")
    assert_allclose(exact.objective, inertia, rtol=1e-6)
    dual = certificate.dual_bound(X, weights, exact.dual, 3)
    assert_allclose(dual, inertia, rtol=1e-5)
    same = labels[:, np.newaxis] == labels
    assert_allclose(exact.Z[~same], 0, atol=1e-5)


def test_low_rank_factor_of_a_tight_relaxation_is_the_partition(rng):
    X, weights, labels, inertia = weighted_case(rng, 9.0)
    start = low_rank.indicator_factor(weights, labels, 3, 6, 0.3, rng)
    for tol in (1e-5, 1e-7):
        solution = low_rank.solve(X, weights, 3, start, tol=tol, max_iter=50)
        assert solution.converged
        assert solution.infeasibility < tol
        assert solution.factor.min() >= 0
        assert_allclose(np.square(solution.factor).sum(), 3, rtol=1e-6)
        assert_allclose(solution.objective, inertia, rtol=100 * tol)
    found = low_rank.round_factor(X, weights, solution.factor, 3, rng)
    assert clustering_accuracy(labels, found) == 1


def test_weight_of_two_is_two_rows():
    X, _ = make_blobs(60, centers=4, cluster_std=3.0, random_state=2)
    twice = np.vstack([X, X])
    once, repeated = (SDPKMeans(4, random_state=0).fit(Z) for Z in (X, twice))
    assert_array_equal(once.labels_, repeated.labels_[:60])
    assert_allclose(2 * once.lower_bound_, repeated.lower_bound_, rtol=1e-3)


def test_wide_separation_is_recovered_and_proven():
    for seed in range(10):
        X, y = mixture(200, 4, 9.0, np.random.default_rng(seed), p=5)
        model = SDPKMeans(4, random_state=seed).fit(X)
        assert clustering_accuracy(y, model.labels_) == 1
        assert model.certified_
        assert model.gap_ <= 1e-7
        assert_allclose(model.lower_bound_, model.inertia_, rtol=1e-6)


@pytest.mark.parametrize(
    "solver",
    [
        *("auto", "low_rank", "admm"),
        pytest.param("cvxpy", marks=pytest.mark.needs("cvxpy")),
    ],
)
def test_every_solver(solver, rng):
    X, y = mixture(60, 3, 4.5, rng)
    model = SDPKMeans(3, solver=solver, random_state=0, max_iter=50).fit(X)
    assert model.solver_ == ("certificate" if solver == "auto" else solver)
    assert model.lower_bound_ <= model.inertia_
    assert clustering_accuracy(y, model.labels_) > 0.9
    assert model.membership_.shape[0] == 60
    member = model.membership_ @ model.membership_.T
    assert_allclose(member.sum(axis=1), 1, atol=1e-2)
    assert {"tier", "objective", "infeasibility"} <= model.trace_[-1].keys()


def test_inertia_is_at_most_that_of_kmeans():
    X, _ = make_blobs(600, 5, centers=12, cluster_std=1.5, random_state=0)
    peer = KMeans(12, n_init=10, random_state=0).fit(X)
    # How soon the solver ends depends on the processor.
    model = SDPKMeans(12, solver="low_rank", max_iter=100, random_state=0).fit(X)
    assert model.inertia_ <= peer.inertia_ * (1 + 1e-9)


def test_small_clusters_are_found_with_equal_weight():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [3000, 100, 40])
    X = np.eye(6)[y] * 6.0 + rng.normal(size=(len(y), 6))
    model = SDPKMeans(3, balance_sizes=True, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) > 0.99


def test_beyond_max_rows_the_bound_is_that_of_all_rows(rng):
    X, y = mixture(4500, 3, 9.0, rng)
    model = SDPKMeans(3, max_samples=3000, random_state=0).fit(X)
    assert clustering_accuracy(y, model.labels_) == 1
    assert model.certified_
    assert model.membership_.shape == (4500, 3)


@pytest.mark.needs("cvxpy")
def test_too_many_rows_for_cvxpy_are_refused(rng):
    with pytest.raises(ValueError, match="at most 300 distinct rows, found 301"):
        SDPKMeans(2, solver="cvxpy").fit(rng.normal(size=(301, 2)))


def test_stopping_early_is_said_and_the_bound_holds(rng):
    X, _ = mixture(80, 4, 1.0, rng)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        model = SDPKMeans(4, solver="low_rank", max_iter=1, random_state=0).fit(X)
    assert 0 < model.lower_bound_ <= model.inertia_


@pytest.mark.parametrize("tol", [1e-6, 1e-3])
def test_stopping_early_blames_the_criterion_that_was_missed(tol):
    X = np.random.default_rng(0).normal(size=(80, 5))
    with pytest.warns(ConvergenceWarning, match="raise max_iter or tol") as caught:
        model = SDPKMeans(10, solver="admm", tol=tol, max_iter=1, random_state=0).fit(X)
    message = str(caught[0].message)
    assert ("infeasibility" in message) == (model.infeasibility_ >= tol)
    assert ("still changed" in message) == (model.infeasibility_ < tol)


def test_an_outlier_of_its_own_is_named(rng):
    X, _ = mixture(60, 3, 6.0, rng)
    X[17] = 1e6
    with pytest.warns(ConvergenceWarning, match="Row 17 is a cluster of its own"):
        model = SDPKMeans(4, random_state=0).fit(X)
    assert model.certified_


def test_encoder_and_decoded_centers(rng):
    X, y = mixture(90, 3, 9.0, rng, p=5)
    model = SDPKMeans(3, encoder=PCA(2), random_state=0).fit(X)
    assert model.cluster_centers_.shape == (3, 5)
    assert clustering_accuracy(y, model.labels_) == 1
    assert_array_equal(model.predict(X), model.labels_)


def test_one_cluster_and_as_many_as_rows(rng):
    X = rng.normal(size=(12, 2))
    for solver in ("auto", "low_rank", "admm"):
        one = SDPKMeans(1, solver=solver, random_state=0).fit(X)
        assert_allclose(one.inertia_, np.square(X - X.mean(axis=0)).sum())
        assert one.certified_
        every = SDPKMeans(12, solver=solver, random_state=0).fit(X)
        assert every.inertia_ == 0
        assert len(set(every.labels_)) == 12


def test_transform_and_score_are_those_of_kmeans(rng):
    X, _ = mixture(90, 3, 6.0, rng)
    weights = rng.uniform(size=90)
    model = SDPKMeans(3, random_state=0).fit(X)
    peer = KMeans(3, init=model.cluster_centers_, n_init=1).fit(X)
    peer.cluster_centers_ = model.cluster_centers_
    assert_allclose(model.transform(X), peer.transform(X))
    assert_allclose(model.score(X), peer.score(X))
    assert_allclose(
        model.score(X, sample_weight=weights), peer.score(X, sample_weight=weights)
    )
    assert_allclose(model.score(X), -model.inertia_)
    assert list(model.get_feature_names_out()) == [f"sdpkmeans{c}" for c in range(3)]


@pytest.mark.parametrize("unit", [1e-40, 1.0, 1e40])
def test_bounds_are_in_units_of_the_weights(unit, rng):
    X, _ = mixture(60, 3, 3.0, rng)
    weights = rng.uniform(size=60)
    weights[50:] = 0
    model = SDPKMeans(3, random_state=0).fit(X, sample_weight=unit * weights)
    scored = model.score(X, sample_weight=unit * weights)
    assert_allclose(model.inertia_, -scored)
    assert 0 < model.lower_bound_ <= model.inertia_
    assert model.converged_
    sizes = np.bincount(model.labels_, unit * weights)
    own = np.square(model.membership_[:50]).sum(axis=1)
    if model.solver_ == "certificate":
        assert_allclose(own, 1 / sizes[model.labels_[:50]])
    assert_array_equal(model.membership_[50:], 0)


@pytest.mark.parametrize("estimator", [SDPKMeans(2), ILASDP(2)])
def test_a_missing_cvxpy_is_named_with_its_extra(estimator, rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    with pytest.raises(ImportError, match=r"pip install skdeepcluster\[sdp\]"):
        estimator.set_params(solver="cvxpy").fit(rng.normal(size=(20, 2)))


@pytest.mark.parametrize(("n_clusters", "solve"), [(5, "relax"), (6, "relax_summary")])
def test_many_clusters_are_solved_on_fewer_rows(n_clusters, solve, monkeypatch):
    """The work grows with rows times clusters, and so does the bound on it."""
    called = []
    for name in ("relax", "relax_summary"):
        whole = getattr(_relaxation, name)

        def noting(*args, name=name, whole=whole, **options):
            called.append(name)
            return whole(*args, **options)

        monkeypatch.setattr(_relaxation, name, noting)
    X = np.random.default_rng(0).normal(size=(100, 2))
    model = SDPKMeans(n_clusters, max_samples=100, random_state=0).fit(X)
    assert called[0] == solve
    assert model.lower_bound_ <= model.inertia_


def test_a_bound_that_costs_too_much_is_not_searched_for(monkeypatch):
    X = np.random.default_rng(0).normal(size=(300, 2))
    model = SDPKMeans(4, solver="low_rank", random_state=0)
    searched = model.fit(X).lower_bound_
    assert model.bound_searched_
    monkeypatch.setattr(_relaxation, "MOST_BOUND_WORK", 300 * (2 + 4) ** 2 - 1)
    model.fit(X)
    assert not model.bound_searched_
    assert model.lower_bound_ < searched <= model.inertia_


def test_what_is_proven_needs_no_search():
    X, _ = make_blobs(200, centers=3, cluster_std=0.5, random_state=1)
    model = SDPKMeans(3, random_state=0).fit(X)
    assert model.certified_
    assert not model.bound_searched_
