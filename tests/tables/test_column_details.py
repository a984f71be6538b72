"""Decisions about single columns, asked one by one."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skdeepcluster import TableEncoder
from skdeepcluster.tables import read_table
from skdeepcluster.tables._columns import (
    LEAST_COUNTED,
    check_texts,
    parsed,
    suspected_marks,
    why_no_quantity,
)
from skdeepcluster.tables._csv_layout import preamble
from skdeepcluster.tables._frames import Cells
from skdeepcluster.tables._gap_filling import fit_gap_axes
from skdeepcluster.tables._text_forms import (
    LEAST_NUMBERS,
    TextForm,
    find_form,
    number_form,
    read_number,
)

NUMBERS = TextForm("number", ".", "")


def said_of(values, in_order=True, weight=1, name="size", kind="whole"):
    values = np.asarray(values, dtype=np.float64)
    distinct = np.unique(values)
    column = SimpleNamespace(kind=kind, name=name)
    counts = np.full(len(distinct), weight)
    return why_no_quantity(column, values, distinct, counts, in_order)


def test_whole_numbers_that_count_the_rows():
    shuffled = np.random.default_rng(0).permutation(LEAST_COUNTED)
    assert said_of(shuffled) == "counts the rows"
    assert said_of(shuffled[shuffled > 0]) is None
    assert said_of(range(3)) == "counts the rows"
    assert said_of(range(2)) is None
    assert said_of(range(3), in_order=False) is None
    assert said_of([0, 2, 4]) is None
    # A row of weight 2 is two rows, and two equal numbers count nothing.
    assert said_of(shuffled, weight=2) is None
    assert said_of(shuffled, kind="number") is None


def test_few_rows_in_order_are_counted_by_an_encoder():
    frame = pd.DataFrame({"a": [1, 2, 3, 4, 5], "b": [0.3, 0.1, 0.9, 0.4, 0.7]})
    assert TableEncoder().fit(frame).unused_columns_ == {"a": "counts the rows"}


def test_marks_are_looked_for_among_numbers_only():
    values = np.array([*np.tile(np.arange(1.0, 8.0), 20), *[-999.0] * 9])
    column = SimpleNamespace(role="number", sentinels=())
    cells = Cells("a", "number", values)
    assert suspected_marks(cells, column) == (-999.0,)
    for kind in ("date", "duration"):
        assert suspected_marks(cells._replace(kind=kind), column) == ()
    category = SimpleNamespace(role="category", sentinels=())
    assert suspected_marks(cells, category) == ()


@pytest.mark.parametrize(
    ("levels", "kind"), [(("1", "2"), "whole"), (("1.5", "2"), "number")]
)
def test_texts_become_numbers_and_gaps_stay(levels, kind):
    cells = Cells("a", "text", np.array([1, 0, -1]), levels=levels)
    found = parsed(cells, NUMBERS)
    assert found.kind == kind
    np.testing.assert_array_equal(found.values, [2.0, float(levels[0]), np.nan])
    # A gap is of every form; a word is not.
    column = SimpleNamespace(name="a", form=NUMBERS)
    check_texts(cells, column)
    with pytest.raises(ValueError, match="much"):
        check_texts(cells._replace(levels=("1", "much")), column)


def test_powers_belong_to_numbers():
    assert read_number("1.5e3", NUMBERS) == 1500
    assert read_number("-2E-1", NUMBERS) == -0.2
    assert find_form(["1.5", "2.5", "20"], np.ones(3)).kind == "number"


def test_titles_alone_are_no_titles():
    assert preamble([["report", "", ""]] * 3, 3) == 0
    assert preamble([["report", "", ""], ["a", "b", "c"]], 3) == 1


def test_axes_name_two_columns_that_are_used():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    names = TableEncoder(reduce=2).fit(frame).get_feature_names_out()
    assert [name.count(",") for name in names] == [1, 1]
    one = frame[["a"]].assign(same=1.0)
    assert list(TableEncoder(reduce=1).fit(one).get_feature_names_out()) in (
        [["axis1 (a)"], ["a"]]
    )


def gappy_rows(n_rows=300, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 6))
    rows += 0.1 * rng.normal(size=rows.shape)
    return rows - rows.mean(axis=0), rng.random(rows.shape) < 0.15


def test_axes_of_gaps_are_those_of_the_table_they_fill():
    rows, gaps = gappy_rows()
    some = gaps.any(axis=1)
    fixed = rows[~some].T @ rows[~some]
    start = np.where(gaps[some], 0.0, rows[some])
    heights = np.ones(len(start))
    found = fit_gap_axes(fixed, start, gaps[some], heights, len(rows))
    filled = found.fill(start, ~gaps[some])
    moments = (fixed + filled.T @ filled) / len(rows)
    values = np.einsum("pk,pq,qk->k", found.axes, moments, found.axes)
    np.testing.assert_allclose(moments @ found.axes, found.axes * values, atol=0.05)
    assert np.abs(filled - rows[some])[gaps[some]].mean() < 0.25


def test_axes_of_a_table_with_gaps_are_uncorrelated():
    rows, gaps = gappy_rows()
    frame = pd.DataFrame(np.where(gaps, np.nan, rows), columns=list("abcdef"))
    Z = TableEncoder(gaps="axes", reduce=4).fit_transform(frame)
    moments = np.cov(Z.T)
    np.testing.assert_allclose(moments, np.diag(np.diag(moments)), atol=0.05)


def test_rare_levels_are_one_level():
    words = ["x"] * 30 + ["y"] * 20 + ["p", "q", "r", "s"]
    frame = pd.DataFrame({"a": words, "b": np.arange(54.0) % 7})
    encoder = TableEncoder(max_levels=3, reduce=None)
    Z = encoder.fit(frame).transform(frame)
    last = list(encoder.get_feature_names_out()).index("a = (rare levels)")
    assert set(np.flatnonzero(Z[:, last] == Z[:, last].max())) == {51, 52, 53}


def read(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    return read_table(tmp_path / "t.csv").frame


def test_a_row_of_totals_may_be_the_third(tmp_path):
    assert len(read(tmp_path, "a,b\nx,1\ny,2\nTotal,3\n")) == 2
    # A name that was there before is a name.
    assert len(read(tmp_path, "a,b\nx,1\nTotal,2\nTotal,3\n")) == 3
    assert len(read(tmp_path, "a,b\nx,1\nTotal,3\n")) == 2


def test_a_separator_at_the_end_opens_a_column_where_one_cell_is_filled(tmp_path):
    assert list(read(tmp_path, "x,\n1,\n3,\n")) == ["x"]
    assert list(read(tmp_path, "x,\n1,2\n3,4\n")) == ["x", "Unnamed: 1"]


def test_a_word_among_few_numbers_makes_words_of_them():
    texts = ["1.5", "much"]
    for n_numbers, is_form in ((LEAST_NUMBERS, True), (LEAST_NUMBERS - 0.5, False)):
        found = number_form(texts, np.array([n_numbers, 0.1]), None, None)
        assert (found is not None) == is_form
    assert number_form(texts, np.array([80.0, 20.0]), None, None) is None
