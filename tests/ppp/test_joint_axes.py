"""Axes of what columns of few values tell together."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import PPP
from skdeepcluster._rows import distinct_rows
from skdeepcluster.ppp._joint_axes import joint_axes


def latent_classes(n, shares, seed=0):
    """Draw binary columns, independent within classes of equal size."""
    rng = np.random.default_rng(seed)
    y = rng.integers(len(shares), size=n)
    return (rng.random((n, shares.shape[1])) < shares[y]).astype(float), y


def two_classes(n, n_columns=12):
    return latent_classes(n, np.repeat([[0.15], [0.85]], n_columns, axis=1))


def four_classes():
    shares = np.random.default_rng(1).beta(0.5, 0.5, size=(4, 20))
    return latent_classes(1000, shares)


def axes_of(X, weights=None, columns=None, by_column=True, n_most=20):
    columns = np.ones(X.shape[1], dtype=bool) if columns is None else columns
    weights = np.ones(len(X)) if weights is None else weights
    return joint_axes(X, weights, columns, by_column=by_column, n_most=n_most)


def quiet_fit(X, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return PPP(**parameters).fit(X)


def test_axes_are_those_of_the_correlations():
    X, _ = four_classes()
    joint = axes_of(X)
    values, vectors = np.linalg.eigh(np.corrcoef(X.T))
    n_axes = joint.loadings.shape[1]
    # Four classes span three directions.
    assert n_axes == 3
    cosines = np.abs(np.sum(joint.loadings * vectors[:, ::-1][:, :n_axes], axis=0))
    assert_allclose(cosines, 1)
    largest = np.abs(joint.loadings).argmax(axis=0)
    assert np.all(joint.loadings[largest, np.arange(n_axes)] > 0)
    # Chance gives at most (1 + sqrt(20 / 1000))^2, and a little.
    assert values[-n_axes] > 1.31 > values[-n_axes - 1]
    assert axes_of(X, n_most=2).loadings.shape[1] == 2


def test_latent_classes_are_found():
    X, y = four_classes()
    model = PPP().fit(X)
    assert model.n_clusters_ == 4
    assert adjusted_rand_score(y, model.labels_) > 0.9
    assert_array_equal(model.predict(X), model.labels_)
    some = np.random.default_rng(0).permutation(1000)[:37]
    assert_array_equal(model.predict(X[some]), model.labels_[some])


def test_latent_classes_are_found_beside_numbers_and_without_scaling():
    X, y = four_classes()
    numbers = np.random.default_rng(2).standard_normal((1000, 2))
    for table, scale in ((np.c_[numbers, X], True), (X, False)):
        model = PPP(scale=scale).fit(table)
        assert model.n_clusters_ == 4
        assert adjusted_rand_score(y, model.labels_) > 0.9


def test_parts_and_weights_find_what_all_rows_find():
    X, _ = two_classes(600, 6)
    whole = PPP().fit(X)
    assert whole.n_clusters_ == 2
    parts = PPP().partial_fit(X[400:]).merge(PPP().partial_fit(X[:400]))
    assert_array_equal(parts.predict(X), whole.labels_)
    rows, weights = distinct_rows(X)
    assert len(rows) < 64 + 1
    weighted = PPP().fit(rows, sample_weight=weights)
    assert_array_equal(weighted.predict(X), whole.labels_)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(50, 2000),
    n_columns=st.integers(2, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_independent_columns_hardly_ever_have_axes(n, n_columns, seed):
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.1, 0.9, n_columns)
    X = (rng.random((n, n_columns)) < shares).astype(float)
    joint = axes_of(X)
    # Where chance exceeds the edge, it is one axis, and one population all the same.
    assert joint is None or joint.loadings.shape[1] == 1
    assert quiet_fit(X).n_clusters_ == 1


def test_independent_columns_of_several_kinds_are_one_cluster():
    rng = np.random.default_rng(0)
    n = 500
    one_hot = np.hstack([np.eye(4)[rng.integers(4, size=n)] for _ in range(6)])
    tables = {
        "one-hot": one_hot,
        "one-hot, numbers": np.c_[one_hot, rng.standard_normal((n, 3))],
        "counts": rng.poisson(0.4, (n, 10)).astype(float),
        "rounded": np.round(rng.standard_normal((n, 8))),
    }
    found = {name: quiet_fit(X).n_clusters_ for name, X in tables.items()}
    assert found == dict.fromkeys(tables, 1)
    # Columns of one category exclude each other, which is no dependence.
    assert axes_of(one_hot) is None


def test_coding_and_order_of_columns_do_not_matter():
    X, _ = two_classes(300)
    joint = axes_of(X)
    rng = np.random.default_rng(0)
    scales, order = rng.uniform(0.1, 1e9, 12), rng.permutation(12)
    other = axes_of((X * scales - 7.0)[:, order])
    assert_allclose(other.loadings, joint.loadings[order], atol=1e-6)
    assert_allclose(other.shifts, (joint.shifts * scales)[:, order], rtol=1e-5)
    huge = axes_of(np.where(X > 0, 1e307, -1e307))
    assert_allclose(huge.loadings, joint.loadings)
    assert np.isfinite(huge.shifts).all()


def test_weights_are_counts():
    X, _ = two_classes(300, 6)
    rows, weights = distinct_rows(X)
    joint, other = axes_of(X), axes_of(rows, weights)
    assert_allclose(other.loadings, joint.loadings)
    assert_allclose(other.shifts, joint.shifts)
    # Few rows may correlate by chance.
    assert axes_of(X[:30, :2]) is None


@pytest.mark.parametrize("n_values", [2, 3, 4, 5])
def test_columns_of_up_to_four_values_take_part(n_values):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 200)
    values = rng.binomial(n_values - 1, np.where(y, 0.9, 0.1)[:, np.newaxis], (400, 6))
    rare = np.zeros((400, 2))
    rare[:7] = 1
    X = np.c_[values, rng.standard_normal(400), rare]
    joint = axes_of(X)
    if n_values > 4:
        assert joint is None
        return
    assert_array_equal(np.flatnonzero(joint.columns), np.arange(6))
    assert_array_equal(np.flatnonzero(joint.left_out), [7, 8])
    kept = ~joint.left_out
    directions = joint.directions(kept)
    assert directions.shape == (7, 1 + joint.loadings.shape[1])
    assert_allclose(directions.T @ directions, np.eye(directions.shape[1]), atol=1e-12)
    assert_array_equal(directions[:, 0], np.arange(7) == 6)
    chosen = kept & (np.arange(9) > 0)
    assert not axes_of(X, columns=chosen).columns[0]


def test_one_binary_column_is_no_structure():
    X = np.random.default_rng(0).standard_normal((300, 3))
    assert axes_of(np.c_[X, X[:, 0] > 0]) is None


@pytest.mark.parametrize("by_column", [True, False])
def test_a_shift_is_a_typical_step_along_its_axis(by_column):
    # Equal columns: the axis is their mean, and one of them moves it by its step.
    X, _ = two_classes(20_000, 5)
    joint = axes_of(3 * X, by_column=by_column)
    assert joint.loadings.shape[1] == 1
    scales = 3 * X.std(axis=0) if by_column else np.ones(5)
    moved = joint.shifts / scales @ joint.loadings
    one_step = np.mean(3 / scales) / np.sqrt(5)
    assert_allclose(moved, one_step, rtol=0.01)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_groups", [2, 3, 4, 6])
def test_groups_of_one_distinct_row_each_are_found(n_groups):
    """A category that is there twice, as a country and its code: no spread in it."""
    groups = np.random.default_rng(0).integers(n_groups, size=1000)
    X = np.tile(np.eye(n_groups)[groups], 2)
    model = PPP().fit(X)
    assert adjusted_rand_score(groups, model.labels_) == 1
    assert_allclose(model.predict_proba(X).max(axis=1), 1)
    assert np.isfinite(model.score_samples(X)).all()
