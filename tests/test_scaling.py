"""One scale for the table or one per column, principal axes, and the way back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from skdeepcluster._scaling import (
    TableScaling,
    power_of_two,
    unit_length,
    varying_columns,
)


@pytest.fixture
def X():
    return np.random.default_rng(0).standard_normal((200, 4))


class TestTableScaling:
    @pytest.mark.parametrize("factor", [1e-300, 1e-8, 1.0, 1e8, 1e300])
    def test_scales_to_unit_variance_and_back(self, factor):
        X = np.random.default_rng(0).normal([1, 5, -3], [1, 2, 0.1], (200, 3)) * factor
        scaling = TableScaling(X)
        scaled = scaling.transform(X)
        assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
        assert_allclose(scaled.var(axis=0).mean(), 1)
        assert_allclose(scaling.inverse_transform(scaled), X, rtol=1e-9)

    def test_offset_loses_no_digits(self):
        X = np.random.default_rng(0).integers(0, 1000, (100, 3)) / 1024
        near, far = (
            TableScaling(X).transform(X),
            TableScaling(X + 2**20).transform(X + 2**20),
        )
        assert_allclose(near, far, atol=1e-9)

    def test_weight_of_two_is_two_rows(self):
        X = np.random.default_rng(0).normal(size=(20, 2))
        weights = np.arange(20) % 3
        one = TableScaling(X, weights)
        other = TableScaling(np.repeat(X, weights, axis=0))
        assert_allclose(one.mean * one.unit, other.mean * other.unit)
        assert_allclose(one.scale * one.unit, other.scale * other.unit)

    @pytest.mark.parametrize("spread", [1.0, 1e-150, 1e-320])
    def test_rows_from_far_away_have_finite_squares(self, spread):
        scaled = TableScaling(np.array([[0.0], [spread]])).transform(
            [[1e304], [-1e304]]
        )
        assert (np.sign(scaled) == [[1], [-1]]).all()
        assert np.isfinite(np.square(scaled)).all()

    def test_constant_table(self):
        scaled = TableScaling(np.full((5, 2), 7.0)).transform(np.full((5, 2), 7.0))
        assert_array_equal(scaled, 0)


def test_columns_get_mean_zero_and_deviation_one(X):
    weights = np.random.default_rng(1).integers(1, 4, len(X)).astype(float)
    X = X * [1, 1e150, 1e-150, 5] + [1, 0, 0, 1e6]
    Z = TableScaling(X, weights, by_column=True).transform(X)
    assert_allclose(np.average(Z, axis=0, weights=weights), 0, atol=1e-9)
    assert_allclose(np.average(Z**2, axis=0, weights=weights), 1)


def test_axes_are_those_of_principal_components():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 30)) * np.linspace(1, 4, 30)
    scaling = TableScaling(X, np.ones(300), max_axes=20)
    expected = np.abs(PCA(20, svd_solver="full").fit_transform(X))
    found = np.abs(scaling.transform(X)) * scaling.scale * scaling.unit
    assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_axes_of_more_columns_than_rows_are_the_same():
    X = np.random.default_rng(0).standard_normal((25, 40))
    scaling = TableScaling(X, by_column=True, max_axes=20)
    Z = TableScaling(X, by_column=True).transform(X)
    expected = PCA(20, svd_solver="full").fit_transform(Z)
    assert_allclose(np.abs(scaling.transform(X)), np.abs(expected), atol=1e-8)
    largest = np.abs(scaling.axes).argmax(axis=0)
    assert np.all(scaling.axes[largest, np.arange(scaling.n_axes)] > 0)


def test_all_axes_lead_back_to_the_table():
    X = np.random.default_rng(0).standard_normal((12, 40)) + 3
    scaling = TableScaling(X, by_column=True, max_axes=12)
    assert_allclose(scaling.inverse_transform(scaling.transform(X)), X, atol=1e-9)


def test_directions_stand_for_columns():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 30)) * np.linspace(1, 4, 30)
    directions = np.linalg.qr(rng.standard_normal((30, 8)))[0]
    Z = TableScaling(X, by_column=True).transform(X) @ directions
    scaling = TableScaling(X, by_column=True, max_axes=8, directions=directions)
    assert_allclose(scaling.transform(X), Z)
    fewer = TableScaling(X, by_column=True, max_axes=3, directions=directions)
    expected = PCA(3, svd_solver="full").fit_transform(Z)
    assert_allclose(np.abs(fewer.transform(X)), np.abs(expected), atol=1e-8)
    # What directions tell of a row comes back, and no more.
    there = fewer.transform(fewer.inverse_transform(fewer.transform(X)))
    assert_allclose(there, fewer.transform(X))


def test_columns_that_are_constant_or_not_wanted_are_left_out(X):
    X = np.column_stack([X, np.ones(len(X))])
    columns = varying_columns(X) & [True, False, True, True, True]
    assert_array_equal(columns, [True, False, True, True, False])
    assert TableScaling(X, columns=columns).transform(X).shape == (200, 3)


@pytest.mark.parametrize("by_column", [False, True])
def test_covariances_and_volumes_get_their_units_back(X, by_column):
    X = X * [1, 20, 3, 1e-3]
    scaling = TableScaling(X, by_column=by_column)
    Z = scaling.transform(X)
    expected = np.cov(X.T)
    found = scaling.inverse_covariances(np.cov(Z.T)[np.newaxis])[0]
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    variances = scaling.inverse_covariances(Z.var(axis=0)[np.newaxis])[0]
    assert_allclose(variances, X.var(axis=0), rtol=1e-9)
    log_ratio = np.linalg.slogdet(expected)[1] - np.linalg.slogdet(np.cov(Z.T))[1]
    assert_allclose(2 * scaling.log_volume, log_ratio)


def test_squared_distances_get_their_unit_back(X):
    scaling = TableScaling(X * 7)
    squared = np.square(np.diff(scaling.transform(X * 7)[:2], axis=0)).sum()
    expected = np.square(np.diff(X[:2] * 7, axis=0)).sum()
    assert_allclose(scaling.inverse_squares(squared), expected)


@pytest.mark.parametrize("factor", [1e-299, 1e-9, 0.7, 1.0, 2.0, 3e5, 1e300])
@pytest.mark.parametrize("axis", [None, 0])
def test_the_unit_is_a_power_of_two_and_changes_no_digit(X, factor, axis):
    X = X * factor
    unit = power_of_two(X, axis)
    assert_array_equal(np.frexp(unit)[0], 0.5)
    assert_array_equal(X / unit * unit, X)
    largest = np.abs(X / unit).max(axis=axis)
    assert np.all((largest >= 0.5) & (largest < 1))


@pytest.mark.parametrize("by_column", [True, False])
def test_doubled_units_change_no_bit_of_the_scaled_table(X, by_column):
    scaled = [
        TableScaling(table, by_column=by_column).transform(table)
        for table in (X, X * 2.0**40)
    ]
    assert_array_equal(*scaled)


@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e300])
def test_rows_of_length_one_and_rows_of_zeros(X, factor):
    rows = np.vstack([X, np.zeros((1, 4))])
    found = unit_length(rows * factor)
    assert_allclose(np.linalg.norm(found[:-1], axis=1), 1, rtol=1e-12)
    assert_allclose(found[:-1], X / np.linalg.norm(X, axis=1, keepdims=True))
    assert not found[-1].any()


def test_columns_of_another_table_are_no_fitted_state(X):
    kept = np.array([True, False, True, True])
    scaling = TableScaling(X, by_column=True, columns=kept)
    scaling._check_state()
    for wrong in (~kept, np.ones(4, dtype=bool), kept.astype(int)):
        scaling.columns = wrong
        with pytest.raises(ValueError, match="columns of TableScaling"):
            scaling._check_state()


def test_axes_do_not_depend_on_the_number_of_threads():
    X = np.random.default_rng(0).normal(size=(1500, 400))
    directions = np.eye(400)[:, 1:]
    for given in (None, directions):
        axes = []
        for n_threads in (1, 2, 3):
            with threadpool_limits(n_threads):
                axes.append(TableScaling(X, max_axes=20, directions=given).axes)
        assert_array_equal(axes[1], axes[0])
        assert_array_equal(axes[2], axes[0])
