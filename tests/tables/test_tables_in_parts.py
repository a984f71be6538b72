"""TableEncoder on tables in parts: the same encoding however they were cut."""

import functools
from copy import deepcopy

import numpy as np
import pytest
from extras import pd
from mixed_tables import frame
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import skdeepcluster
from skdeepcluster import TableEncoder
from skdeepcluster.streaming import _heavy_rows, fit_batches, merge_all
from skdeepcluster.tables import _table_sample, table_encoder
from skdeepcluster.tables._frames import table_cells
from skdeepcluster.tables._table_sample import TableSample


def parts_of(X, n_parts, seed):
    rng = np.random.default_rng(seed)
    return [X.iloc[rows] for rows in np.array_split(rng.permutation(len(X)), n_parts)]


@pytest.fixture
def X():
    table, _ = frame(0, n=600)
    # Rows that repeat, and a column that must not count.
    table = table.assign(x0=table.x0.round(1)).iloc[np.arange(900) % 600]
    return table.assign(row_id=np.arange(900)).reset_index(drop=True)


@pytest.mark.parametrize("capacity", [100_000, 200])
def test_neither_parts_nor_order_change_a_bit(X, capacity, monkeypatch):
    monkeypatch.setattr(table_encoder, "CAPACITY", capacity)
    whole = TableEncoder().partial_fit(X)
    rows = whole.transform(X)
    for n_parts in (2, 7, 90):
        chunked = fit_batches(TableEncoder(), parts_of(X, n_parts, n_parts))
        assert_array_equal(chunked.transform(X), rows)
        parts = [TableEncoder().partial_fit(p) for p in parts_of(X, n_parts, 1)]
        assert_array_equal(merge_all(parts).transform(X), rows)
        assert_array_equal(
            functools.reduce(TableEncoder.merge, parts[::-1]).transform(X), rows
        )
    assert [*whole.unused_columns_] == ["row_id"]
    assert whole.columns_ == chunked.columns_


def test_a_table_that_fits_is_encoded_as_by_fit(X):
    whole, parts = TableEncoder().fit(X), TableEncoder().partial_fit(X[:500])
    parts.partial_fit(X[500:])
    assert_allclose(np.abs(parts.transform(X)), np.abs(whole.transform(X)), atol=1e-8)
    assert whole.columns_[:-1] == parts.columns_[:-1]
    plain = TableEncoder(reduce=None, gaps="mean")
    assert_array_equal(plain.fit(X).transform(X), fit_batches(plain, [X]).transform(X))


def test_a_weight_of_two_is_two_rows(X):
    X = X.drop(columns="row_id")[:600]
    weights = np.arange(600) % 3
    twice = X.loc[np.repeat(np.arange(600), weights)]
    by_weight = TableEncoder().fit(X, sample_weight=weights)
    assert_allclose(
        by_weight.transform(X), TableEncoder().fit(twice).transform(X), atol=1e-8
    )
    encoder = TableEncoder()
    rows = encoder.fit_transform(X, sample_weight=weights)
    assert_array_equal(rows, by_weight.transform(X))
    assert_array_equal(
        encoder.partial_fit(X, sample_weight=weights).transform(X),
        TableEncoder().partial_fit(twice).transform(X),
    )


def test_fit_forgets_parts_and_cannot_be_merged(X):
    fitted, parts = TableEncoder().partial_fit(X[:50]).fit(X), TableEncoder()
    parts.partial_fit(X)
    assert_array_equal(fitted.transform(X), TableEncoder().fit(X).transform(X))
    for one, other in [(fitted, parts), (parts, fitted)]:
        with pytest.raises(ValueError, match="by partial_fit"):
            one.merge(other)
    for call in (TableEncoder().partial_fit, lambda: TableEncoder().merge(parts)):
        with pytest.raises(NotFittedError):
            call()


def test_bad_parts_change_nothing(X):
    encoder = TableEncoder().partial_fit(X)
    before = encoder.transform(X)
    for bad, said in [
        (X.assign(x0="many"), "Column 'x0' of X held number values before"),
        (X.assign(x1=np.inf), "Column 'x1' of X holds an infinite"),
        (X.drop(columns="x2"), "x2"),
        (X[:0], "0 sample"),
    ]:
        with pytest.raises(ValueError, match=said):
            encoder.partial_fit(bad)
    with pytest.raises(ValueError, match="do not merge"):
        encoder.merge(TableEncoder().partial_fit(X[["x0", "c0"]]))
    assert_array_equal(encoder.partial_fit().transform(X), before)


def test_late_gaps_and_late_levels(X):
    head, tail = X[:450], X[450:].assign(x1=np.nan, c0="late")
    encoder = fit_batches(TableEncoder(reduce=None), [head, tail])
    late = {column.name: column for column in encoder.columns_}
    assert "late" in late["c0"].levels
    assert late["x1"].share_missing >= 0.5


def test_words_of_rows_that_were_left_out_are_forgotten(monkeypatch):
    words = np.array([f"word {k}" for k in range(4000)], dtype=object)
    kept = []
    monkeypatch.setattr(_heavy_rows, "N_CANDIDATES", 16)
    for most in (20, 1 << 16):
        monkeypatch.setattr(_table_sample, "MOST_WORDS", most)
        sample = TableSample(10)
        for chunk in np.array_split(words, 40):
            sample.add(table_cells(pd.DataFrame({"w": chunk})), None)
        assert most > 20 or len(sample._words[0]) < 400
        (column,), _, _ = sample.table()
        kept.append([column.levels[code] for code in column.values])
    assert kept[0] == kept[1]


@pytest.mark.parametrize("order", [1, -1])
def test_single_precision_holds_a_table_where_it_can(order):
    single = pd.DataFrame({"a": np.float32([0.1, 0.7, np.nan]), "b": [1, 2, 3]})
    double = pd.DataFrame({"a": [0.1, 1e300], "b": [4, 5]})
    sample = TableSample(10).add(table_cells(single), None)
    assert sample._summary.held_rows()[0].dtype == np.float32
    sample = TableSample(10)
    for part in [single, double][::order]:
        sample.add(table_cells(part), None)
    (a, b), _, _ = sample.table()
    assert a.values.dtype == b.values.dtype == np.float64
    values = dict(zip(b.values.tolist(), a.values.tolist(), strict=True))
    assert np.isnan(values.pop(3.0))
    assert values == {1: np.float32(0.1), 2: np.float32(0.7), 4: 0.1, 5: 1e300}


def test_a_saved_encoder_takes_up_more(X, tmp_path):
    skdeepcluster.save(TableEncoder().partial_fit(X[:450]), tmp_path / "encoder")
    encoder = skdeepcluster.load(tmp_path / "encoder").partial_fit(X[450:])
    expected = TableEncoder().partial_fit(X).transform(X)
    assert_array_equal(encoder.transform(X), expected)


ATTRIBUTES = ("columns_", "unused_columns_", "axes_", "column_shares_")


def attributes(encoder):
    return {name: getattr(encoder, name) for name in ATTRIBUTES}


def test_attributes_are_of_all_rows_whenever_they_are_asked_for(X):
    assert not any(hasattr(TableEncoder(), name) for name in ATTRIBUTES)
    fitted = TableEncoder().fit(X[:450])
    encoder = clone(fitted).partial_fit(X[:450])
    assert encoder.columns_[:-1] == fitted.columns_[:-1]
    assert [*encoder.unused_columns_] == ["row_id"]
    assert encoder.column_shares_.shape == (encoder.axes_.shape[1], X.shape[1])
    late = X[450:].assign(c0="late")
    for both in (encoder.partial_fit(late), fitted.partial_fit(X)):
        assert_equal(attributes(both), attributes(both.partial_fit()))
        assert_equal(attributes(both), attributes(deepcopy(both)))
    whole = TableEncoder().partial_fit(late).partial_fit(X[:450])
    assert_equal(attributes(encoder), attributes(whole))
    assert any("late" in column.levels for column in encoder.columns_)
    assert not any("late" in column.levels for column in fitted.columns_)


def test_rows_that_come_while_columns_are_decided_on_are_not_lost(X, monkeypatch):
    """As when another thread takes up rows between two steps of this one."""
    encoder, decide = TableEncoder().partial_fit(X[:450]), table_encoder.read_columns

    def interrupted(*arguments, **options):
        monkeypatch.setattr(table_encoder, "read_columns", decide)
        encoder.partial_fit(X[450:].assign(c0="late"))
        # What is decided now on more rows must not be replaced by what is older.
        assert "late" in encoder.columns_[names.index("c0")].levels
        return decide(*arguments, **options)

    names = [*X]
    monkeypatch.setattr(table_encoder, "read_columns", interrupted)
    rows = encoder.transform(X[:450])
    assert_array_equal(rows, TableEncoder().partial_fit(X[:450]).transform(X[:450]))
    assert "late" in encoder.columns_[names.index("c0")].levels
    late = TableEncoder().partial_fit(X[:450]).partial_fit(X[450:].assign(c0="late"))
    assert_array_equal(encoder.transform(X), late.transform(X))


def test_attributes_are_absent_where_no_column_can_be_used_yet():
    """A notebook shows the encoder all the same, and asks it for them."""
    encoder = TableEncoder().partial_fit(pd.DataFrame({"a": [1.0, 1.0]}))
    for name in ("columns_", "unused_columns_", "axes_", "column_shares_"):
        assert not hasattr(encoder, name)
    with pytest.raises(AttributeError, match="No column of X can be used"):
        encoder.columns_  # noqa: B018
    assert "TableEncoder" in encoder._repr_html_()
    encoder.partial_fit(pd.DataFrame({"a": [2.0, 3.0]}))
    assert [column.role for column in encoder.columns_] == ["number"]
