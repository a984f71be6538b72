"""The space of the neighbours: columns of like weight, or directions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.neighbors._neighbor_space import NeighborSpace

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5)) * [1, 10, 0.1, 3, 1] + [0, 5, 0, -4, 100]


def space(X, metric="euclidean", weights=None):
    return NeighborSpace(X, np.ones(len(X)) if weights is None else weights, metric)


def test_columns_are_standardised_and_drawn_in():
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = 2 * np.tanh(z / 2)
    expected -= expected.mean(axis=0)
    expected /= np.sqrt(np.square(expected).mean())
    assert_allclose(space(X).transform(X), expected, atol=1e-12)


def test_weights_are_rows():
    weights = RNG.integers(1, 4, size=len(X)).astype(float)
    repeated = space(np.repeat(X, weights.astype(int), axis=0))
    assert_allclose(
        space(X, weights=weights).transform(X), repeated.transform(X), atol=1e-12
    )


@pytest.mark.parametrize("factor", [2.0**-900, 2.0**900])
def test_units_change_no_bit(factor):
    for column in (slice(None), slice(1, 3)):
        other = X.copy()
        other[:, column] *= factor
        assert_array_equal(space(other).transform(other), space(X).transform(X))


def test_columns_without_variation_are_left_out():
    wide = np.column_stack([X, np.full(len(X), 0.1), np.zeros(len(X))])
    assert_array_equal(space(wide).transform(wide), space(X).transform(X))
    rounding = np.column_stack([X, 1e6 + RNG.integers(0, 2, len(X)) * 1e-10])
    assert_array_equal(space(rounding).transform(rounding), space(X).transform(X))
    assert_array_equal(
        space(np.ones((4, 3))).transform(np.ones((4, 3))), np.zeros((4, 1))
    )


def test_outlier_does_not_rule():
    far = X.copy()
    far[0] = 1e12
    assert np.abs(space(X).transform(far)).max() < 3.5


def test_directions():
    lengths = RNG.gamma(2.0, size=(len(X), 1)) * 1e3
    left, right = space(X, "cosine"), space(X * lengths, "cosine")
    assert_allclose(left.transform(X), right.transform(X * lengths), atol=1e-10)
    units = X / np.linalg.norm(X, axis=1, keepdims=True)
    found = left.transform(X)
    ratio = np.linalg.norm(found[0] - found[1:], axis=1) / np.linalg.norm(
        units[0] - units[1:], axis=1
    )
    assert_allclose(ratio, ratio[0])
    assert_array_equal(left.transform(X * 2.0**900), left.transform(X))
    assert np.isfinite(left.transform(np.zeros((1, 5)))).all()


def test_many_columns_become_principal_components():
    wide = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 80))
    wide += 0.01 * RNG.normal(size=wide.shape)
    found = space(wide).transform(wide)
    assert found.shape == (300, 50)
    assert_allclose(found.mean(axis=0), 0, atol=1e-9)
    covariance = found.T @ found
    assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3)
    assert_allclose(np.square(found).sum(), 300 * 80, rtol=0.05)


def test_unscaled_rows_keep_the_proportions_of_their_distances():
    Z = space(X, "unscaled").transform(X)
    centred = X - X.mean(axis=0)
    assert_allclose(Z, centred / np.sqrt(np.square(centred).mean()), atol=1e-12)
