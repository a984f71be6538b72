"""Cuts and Lloyd's algorithm with bounds against slow, obvious references."""

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal
from weighted import reference_moments, weighted_rows

from skdeepcluster.kernels.bisection import cut_in_two, leading_axes


def test_leading_axes_are_eigenvectors(covariances):
    axes = leading_axes(covariances)
    for found, covariance in zip(axes, covariances, strict=True):
        vectors = np.linalg.eigh(covariance)[1]
        assert_allclose(np.abs(found @ vectors), np.eye(3)[:0:-1], atol=1e-9)
        assert np.all(found.max(axis=1) == np.abs(found).max(axis=1))


def test_no_axis_without_spread():
    assert_array_equal(leading_axes(np.diag([0.0, 4.0, 0.0])), [[0, 1, 0], [0, 0, 0]])
    assert_array_equal(leading_axes(np.full((2, 1, 1), 3.0)), np.ones((2, 1, 1)))


@settings(deadline=None)
@given(weighted_rows(min_rows=2, max_columns=1))
def test_cut_of_numbers_is_the_best_of_all_cuts(data):
    X, weights = data
    upper, gain = cut_in_two(X, weights)
    total = weights.sum()
    best = 0.0
    for threshold in X[:, 0]:
        above = X[:, 0] > threshold
        if above.any() and not above.all():
            a, b = weights[~above].sum(), weights[above].sum()
            low, high = (
                np.average(X[side, 0], weights=weights[side])
                for side in (~above, above)
            )
            best = max(best, a * b / total * (high - low) ** 2)
    assert gain == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert upper.any() == (gain > 0)


@settings(deadline=None)
@given(weighted_rows(min_rows=2))
def test_gain_of_a_cut_is_the_fall_of_the_inertia(data):
    X, weights = data
    upper, gain = cut_in_two(X, weights)

    def inertia(side):
        return (
            np.trace(reference_moments(X[side], weights[side])[2]) if side.any() else 0
        )

    fall = inertia(np.ones(len(X), bool)) - inertia(upper) - inertia(~upper)
    assert gain == pytest.approx(fall, rel=1e-6, abs=1e-3)


def test_cut_separates_two_groups(rng):
    X = rng.standard_normal((60, 4))
    X[:20] += 10
    upper, _ = cut_in_two(X, np.ones(60))
    assert_array_equal(upper, np.arange(60) < 20)


def test_weight_two_is_two_rows(rng):
    X = rng.standard_normal((30, 2))
    weights = np.where(np.arange(30) % 3, 1.0, 2.0)
    upper, gain = cut_in_two(X, weights)
    repeated = np.repeat(X, weights.astype(int), axis=0)
    upper_repeated, gain_repeated = cut_in_two(repeated, np.ones(len(repeated)))
    assert_array_equal(np.repeat(upper, weights.astype(int)), upper_repeated)
    assert gain == pytest.approx(gain_repeated)
