"""Single steps of the relaxations, held against what they promise."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_blobs

from skdeepcluster import ILASDP
from skdeepcluster.sdp import _admm
from skdeepcluster.sdp._alternation import _starts, recut
from skdeepcluster.sdp._covariances import CovarianceFamily, fit_groups
from skdeepcluster.sdp._dual_bound import Bound, bound_of, certify, search_bound
from skdeepcluster.sdp._heuristics import systematic_sample
from skdeepcluster.sdp._likelihood import FIRST_DIRECTIONS, GroupRelaxation
from skdeepcluster.sdp._sampled_alternation import _shares


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_groups_start_as_their_indicators(rng):
    X, labels = rng.normal(size=(7, 2)), np.array([0, 0, 0, 1, 1, 1, 1])
    relaxation = GroupRelaxation(X, labels, 3)
    for c, members in enumerate((labels == 0, labels == 1, labels < 2)):
        share = members / members.sum()
        assert_allclose(relaxation.states[c], np.outer(share, members), rtol=1e-6)
        indicator = members / np.sqrt(members.sum())
        assert_allclose(relaxation.vectors[c, 0], indicator, rtol=1e-6)
        n_first = min(FIRST_DIRECTIONS, 2)
        for f in range(n_first):
            expected = indicator * X[:, f]
            assert_allclose(relaxation.vectors[c, 1 + f], expected, rtol=1e-6)
        assert relaxation.n_vectors[c] == 1 + n_first


def test_half_of_a_sample_is_the_same_of_every_cluster(rng):
    X = np.concatenate([rng.normal(size=(90, 2)), 50 + rng.normal(size=(10, 2))])
    share = _shares(X, np.ones(100), 2, rng)
    assert_allclose([share[:90].sum(), share[90:].sum()], [0.9 + 0.5, 0.1 + 0.5])


def test_systematic_draws_are_as_many_as_the_shares_say(rng):
    for share in ([1.0, 1.0], [3.0, 1.0, 1.0], np.arange(1.0, 12.0)):
        share = np.asarray(share)
        for _ in range(20):
            counts = np.bincount(
                systematic_sample(share, 10, rng), minlength=len(share)
            )
            assert np.abs(counts - 10 * share / share.sum()).max() < 1


def test_eigenvalues_below_half_of_the_ridge_are_lifted():
    family = CovarianceFamily("full", np.eye(2))
    unit = family.ridge
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    for given, lifted in ((-0.6, 0.5), (-0.4, 0.6), (1.0, 2.0)):
        covariance = turn @ np.diag([1.0, given * unit]) @ turn.T
        found = family._definite(covariance[np.newaxis])[0]
        smallest = np.linalg.eigvalsh(found)[0]
        assert smallest == pytest.approx(lifted * unit, rel=1e-6)


def test_bounds_say_how_far_they_are_from_the_inertia():
    assert bound_of(0.0, 0.0) == Bound(0.0, 0.0)
    assert bound_of(4.0, 3.0) == Bound(3.0, 0.25)
    assert bound_of(4.0, -1.0) == Bound(0.0, 1.0)
    assert bound_of(4.0, 5.0) == Bound(4.0, 0.0)


def test_a_search_raises_the_bound_and_keeps_its_gap():
    X, labels = make_blobs(60, 3, centers=3, cluster_std=2.0, random_state=1)
    X -= X.mean(axis=0)
    means = np.array([X[labels == c].mean(axis=0) for c in range(3)])
    labels = np.square(X[:, None] - means).sum(axis=2).argmin(axis=1)
    means = np.array([X[labels == c].mean(axis=0) for c in range(3)])
    inertia = float(np.square(X - means[labels]).sum())
    weights = np.ones(60)
    first = certify(X, weights, labels, 3, inertia)
    found = search_bound(X, weights, labels, 3, first, inertia)
    assert first.value <= found.value <= inertia
    assert found.gap == pytest.approx((inertia - found.value) / inertia)
    assert not found.is_proof or found.gap < 1e-3


def test_small_tables_are_solved_whole():
    X, _ = make_blobs([42, 8], 2, random_state=0)
    solved = ILASDP(2, random_state=0).fit(X).solved_rows_
    assert_array_equal(np.sort(solved), np.arange(50))


def test_starts_do_not_depend_on_where_the_table_lies(rng):
    X = rng.normal(size=(80, 2)) * [5.0, 0.3] + np.arange(80)[:, None] % 2 * [0.0, 3.0]
    starts = [
        list(_starts(rows, 2, 2, np.random.default_rng(0))) for rows in (X, X + 512.0)
    ]
    for near, far in zip(*starts, strict=True):
        assert_array_equal(near, far)


@pytest.mark.parametrize("smaller", [5, 6])
def test_a_cut_leaves_more_rows_than_a_gaussian_has_parameters(smaller, rng):
    """In two columns a mean and a covariance have five."""
    truth = np.repeat([0, 1], [smaller, 12 - smaller])
    X = rng.normal(size=(12, 2)) * 0.1 + truth[:, None] * [9.0, 0.0]
    labels = np.arange(12) % 2
    family = CovarianceFamily("full", X)
    found = recut(X, fit_groups(X, labels, family), family)
    if smaller == 5:
        assert found is None
    else:
        assert len(np.unique(2 * found + truth)) == 2


def test_step_sizes_are_balanced_in_a_share_of_the_iterations(monkeypatch, rng):
    """Beyond it they stay, so that the steps converge."""
    found = []
    balance = _admm._State.balance
    monkeypatch.setattr(
        _admm._State,
        "balance",
        lambda state, *residuals: (
            found.append(state.n_iter),
            balance(state, *residuals),
        ),
    )
    X, labels = rng.normal(size=(30, 2)), np.arange(30) % 3
    max_iter = 10 * _admm.STRIDE
    _admm.solve(X, np.ones(30), 3, labels, max_iter=max_iter, tol=0.0)
    every = np.arange(1, 11) * _admm.STRIDE
    assert found == every[every < _admm.ADAPTIVE_SHARE * max_iter].tolist()
    assert len(found) == 6
