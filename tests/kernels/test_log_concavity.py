"""The test of log-concavity: signs, likelihoods, and what it tells apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from weighted import coordinates

from skdeepcluster.kernels.gaussians import moments
from skdeepcluster.kernels.log_concavity import (
    dent,
    dent_between_halves,
    dents_between,
    dents_within,
    discriminants,
    weighted_quantile,
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(coordinates, st.integers(1, 4)), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.01, 0.3, 0.5, 0.75, 0.99, 1.0]),
)
def test_weighted_quantile_is_that_of_repeated_values(pairs, share):
    values, weights = (np.array(part, dtype=float) for part in zip(*pairs, strict=True))
    found = weighted_quantile(values.copy(), weights.copy(), share)
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) >= share * weights.sum()
    assert found == values[order][np.argmax(reached)]


counts = st.integers(0, 60).map(float)


@settings(deadline=None)
@given(counts, counts, counts)
def test_dent_has_the_sign_of_the_gap_and_no_side(lower, middle, upper):
    z = dent(lower, middle, upper)
    gap = lower * upper - middle**2
    assert z == pytest.approx(dent(upper, middle, lower), abs=1e-9)
    if gap == 0:
        assert abs(z) < 1e-6
    else:
        assert np.sign(z) == np.sign(gap)


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.integers(1, 60).map(float)] * 3))
def test_dent_is_a_likelihood_ratio(windows):
    lower, _middle, upper = windows

    def deviance(logs):
        means = np.array([np.exp(logs[0]), np.exp(logs.mean()), np.exp(logs[1])])
        observed = np.array(windows)
        return 2 * np.sum(means - observed + observed * np.log(observed / means))

    best = minimize(deviance, np.log([lower, upper]), tol=1e-12).fun
    assert dent(*windows) ** 2 == pytest.approx(best, rel=1e-4, abs=1e-6)


def halves_of(n):
    return np.arange(n) % 2 == 1


def test_test_of_one_population_finds_a_gap_and_nothing_else(rng):
    positions = rng.standard_normal(4000)
    weights, halves = np.ones(4000), halves_of(4000)
    z, _ = dent_between_halves(positions, weights, halves, True, 0.0, False)
    assert z < 3
    positions[:2000] += 5
    z, log_depth = dent_between_halves(positions, weights, halves, True, 2.5, False)
    assert z > 10
    assert log_depth < np.log(0.2)


def test_a_cut_elsewhere_hides_the_gap(rng):
    positions = np.r_[rng.standard_normal(2000), rng.standard_normal(2000) + 5]
    weights, halves = np.ones(4000), rng.random(4000) < 0.5
    assert dent_between_halves(positions, weights, halves, True, -40.0, False)[0] == 0


def test_heavy_tails_are_unimodal(rng):
    positions = np.exp(rng.standard_normal(20_000))
    weights, halves = np.ones(20_000), rng.random(20_000) < 0.5
    free, _ = dent_between_halves(positions, weights, halves, True, np.nan, False)
    strict, _ = dent_between_halves(positions, weights, halves, True, np.nan, True)
    assert free > 2
    assert strict <= 0


def test_equal_positions_are_one_population():
    z, log_depth = dent_between_halves(
        np.ones(10), np.ones(10), halves_of(10), True, 1.0, False
    )
    assert (z, log_depth) == (0, 0)


def test_discriminants_are_those_of_fisher(covariances, rng):
    gaps = rng.standard_normal((5, 3))
    # Of very many rows, so that the prior does not count.
    axes = discriminants(np.full((5, 2), 1e12), gaps, covariances)
    assert_allclose(axes, np.linalg.solve(covariances, gaps[..., np.newaxis])[..., 0])
    assert not discriminants(np.array([[2.0, 50.0]]), gaps[:1], covariances[:1]).any()
    assert_allclose(
        discriminants(np.full((1, 2), 9.0), gaps[:1], np.zeros((1, 3, 3))), gaps[:1]
    )


def groups_apart(rng, distance, n=300):
    X = rng.standard_normal((n, 3))
    second = np.arange(n) >= n // 2
    X[second, 1] += distance
    halves, weights = rng.random((2, n)) < 0.5, np.ones(n)
    parts = [moments(X, weights, 2 * second + split, 4) for split in halves]
    sides = [
        tuple(
            np.stack([part[k][2 * side : 2 * side + 2] for part in parts])
            for k in range(3)
        )
        for side in (0, 1)
    ]
    z, log_depths = dents_between(X, weights, halves, np.arange(n), False, *sides)
    return z.mean(), log_depths.mean()


def test_groups_far_apart_are_two_populations(rng):
    z, log_depth = groups_apart(rng, 6.0)
    assert z > 4
    assert log_depth < np.log(0.3)
    assert groups_apart(rng, 0.0)[0] < 3


def test_groups_of_few_rows_give_no_evidence(rng):
    assert groups_apart(rng, 6.0, n=8) == (0.0, 0.0)


def test_cells_of_two_populations_are_impure(rng):
    X = rng.standard_normal((600, 2))
    X[300:450] += 5
    weights, halves = np.ones(600), rng.random(600) < 0.5
    sets = np.repeat([0, 2], 300)
    parts = moments(X, weights, sets + halves, 4)
    half_moments = [part.reshape(2, 2, *part.shape[1:]) for part in parts]
    starts = np.array([0, 300, 600])
    z = dents_within(X, weights, halves, starts, False, *half_moments)
    assert z[0] < 2.5 < z[1]


def test_cells_of_a_few_rows_leave_nothing_within(rng):
    """Each half is two rows: all of its scatter is between them, up to rounding."""
    n_sets = 10_000
    X = rng.standard_normal((4 * n_sets, 12))
    # In a column that hardly varies, rounding leaves more than there is.
    X[:, 0] = 1 + 1e-10 * X[:, 0]
    weights, numbers = np.ones(len(X)), np.arange(len(X))
    parts = moments(X, weights, numbers // 2, 2 * n_sets)
    half_moments = [part.reshape(n_sets, 2, *part.shape[1:]) for part in parts]
    starts, halves = 4 * np.arange(n_sets + 1), numbers // 2 % 2 == 1
    z = dents_within(X, weights, halves, starts, False, *half_moments)
    assert_array_equal(z, 0)
