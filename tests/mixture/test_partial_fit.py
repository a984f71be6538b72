"""Tables in parts: the same clusters however they were cut."""

import functools

import numpy as np
import pytest
from extras import pd
from mixed_tables import frame
from sklearn.exceptions import NotFittedError

from skdeepcluster import MixedMixture
from skdeepcluster.tables._frames import table_cells
from skdeepcluster.tables._table_sample import TableSample


def parts_of(X, n_parts, seed=0):
    rng = np.random.default_rng(seed)
    return [X.iloc[rows] for rows in np.array_split(rng.permutation(len(X)), n_parts)]


def assert_same(left, right, X):
    np.testing.assert_array_equal(left.predict_proba(X), right.predict_proba(X))
    assert left.lower_bound_ == right.lower_bound_


@pytest.mark.parametrize("max_samples", [20_000, 200])
def test_parts_give_what_the_whole_gives(max_samples):
    X, _ = frame(0, n=600)
    model = MixedMixture(max_samples=max_samples)
    whole = model.partial_fit(X)
    chunked = MixedMixture(max_samples=max_samples)
    for part in parts_of(X, 5):
        chunked.partial_fit(part)
    assert_same(whole, chunked, X)
    parts = [
        MixedMixture(max_samples=max_samples).partial_fit(part)
        for part in parts_of(X, 4, seed=1)
    ]
    assert_same(whole, functools.reduce(MixedMixture.merge, parts), X)


def test_all_rows_kept_are_a_fit():
    X, _ = frame(0)
    fitted, partly = MixedMixture().fit(X), MixedMixture().partial_fit(X)
    assert not hasattr(partly, "labels_")
    np.testing.assert_array_equal(partly.predict(X), fitted.labels_)
    assert_same(fitted, partly, X)
    with pytest.raises(NotFittedError):
        partly.labels_at(2)


def test_rows_that_come_later_count():
    X, _ = frame(0, k=4, n=800)
    model = MixedMixture().fit(X[:500])
    model.partial_fit(X[500:])
    assert_same(model, MixedMixture().fit(X), X)
    weighted = MixedMixture().partial_fit(X, sample_weight=np.full(len(X), 2.0))
    twice = MixedMixture().partial_fit(X).partial_fit(X)
    assert_same(weighted, twice, X)


def test_merging_leaves_the_other_as_it_was():
    X, _ = frame(0)
    first, second = (MixedMixture().partial_fit(part) for part in parts_of(X, 2))
    before = second.predict_proba(X)
    first.merge(second)
    np.testing.assert_array_equal(second.predict_proba(X), before)


def test_levels_and_gaps_of_one_part_only():
    rng = np.random.default_rng(0)
    words = np.where(np.arange(300) < 150, "a", "b")
    X = pd.DataFrame({"x": rng.normal(np.where(words == "a", 0, 6)), "word": words})
    X["late"] = np.where(np.arange(300) < 150, None, rng.choice(["u", "v"], 300))
    model = MixedMixture().partial_fit(X[:150]).partial_fit(X[150:])
    assert_same(model, MixedMixture().fit(X), X)
    assert set(model.category_probabilities_["word"]) == {"a", "b"}


def test_errors_name_the_column_and_change_nothing():
    X, _ = frame(0)
    model = MixedMixture().partial_fit(X)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=r"Column 'x0' .* held number values before"):
        model.partial_fit(X.assign(x0="many"))
    with pytest.raises(ValueError, match="do not merge"):
        model.merge(MixedMixture().partial_fit(X[["x0", "c0"]]))
    with pytest.raises(NotFittedError):
        MixedMixture().partial_fit()
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_kinds_widen():
    tables = [
        pd.DataFrame({"x": part}) for part in ([True, False], [2, 3], [0.5, None])
    ]
    sample = TableSample(100)
    for table in tables:
        sample.add(table_cells(table), None, np.full(2, -1))
    (column,), weights, _ = sample.table()
    assert column.kind == "number"
    np.testing.assert_array_equal(column.values, [0, 0.5, 1, 2, 3, np.nan])
    np.testing.assert_array_equal(weights, 1.0)


def test_order_of_levels_is_kept_and_compared():
    sizes = pd.CategoricalDtype(["small", "medium", "large"], ordered=True)
    first = pd.DataFrame({"size": pd.Series(["large", None, "small"], dtype=sizes)})
    sample = TableSample(100)
    sample.add(table_cells(first), None, np.full(3, -1))
    (column,), _, _ = sample.table()
    assert column.levels == ("small", "medium", "large")
    assert sorted(column.values) == [-1, 0, 2]
    other = pd.CategoricalDtype(["large", "small"], ordered=True)
    second = pd.DataFrame({"size": pd.Series(["large"], dtype=other)})
    with pytest.raises(ValueError, match="levels"):
        sample.add(table_cells(second), None, np.full(1, -1))
