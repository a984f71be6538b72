"""What marks an unlabeled row, what a class may be, and how new ones are named."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from skdeepcluster._labels import PartialLabels


def read(y):
    return PartialLabels(y, np.zeros((len(y), 1)))


INTEGERS = [
    [2, -1, 5, 2],
    (2, -1, 5, 2),
    np.array([2, -1, 5, 2], dtype=np.int8),
    np.array([2.0, -1.0, 5.0, 2.0]),
    np.array([2.0, np.nan, 5.0, 2.0], dtype=np.float32),
    np.array([2, None, 5, 2], dtype=object),
    [2, None, 5, 2],
    [2.0, float("nan"), 5, 2],
    np.array([[2], [-1], [5], [2]]),
    np.ma.MaskedArray([2, 9, 5, 2], mask=[0, 1, 0, 0]),
    pd.Series([2, pd.NA, 5, 2], dtype="Int64"),
    pd.Series([2, -1, 5, 2], index=[9, 9, 9, 9]),
    pd.Categorical([2, None, 5, 2]),
    pl.Series([2, None, 5, 2]),
    pd.array([2, None, 5, 2], dtype="Float32"),
]
NAMES = [
    ["b", None, "c", "b"],
    ["b", float("nan"), "c", "b"],
    np.array(["b", None, "c", "b"], dtype=object),
    pd.Series(["b", None, "c", "b"]),
    pd.Series(["b", pd.NA, "c", "b"], dtype="string"),
    pd.Series(["b", None, "c", "b"], dtype="category"),
    pl.Series(["b", None, "c", "b"]),
    pl.Series(["b", None, "c", "b"], dtype=pl.Categorical),
]


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("y", INTEGERS, ids=lambda y: type(y).__name__)
def test_integer_classes(y):
    known = read(y)
    assert known.classes.dtype == np.int64
    np.testing.assert_array_equal(known.classes, [2, 5])
    np.testing.assert_array_equal(known.codes, [0, -1, 1, 0])
    np.testing.assert_array_equal(known.novel_names(2), [6, 7])
    assert known.novel_names(2).dtype == np.int64


FIRST, SECOND = 2**60, 2**60 + 1


@pytest.mark.parametrize(
    "y",
    [
        [SECOND, None, FIRST, SECOND],
        [SECOND, float("nan"), FIRST, SECOND],
        np.array([SECOND, -1, FIRST, SECOND]),
        pd.Series([SECOND, None, FIRST, SECOND], dtype="Int64"),
        pd.array([SECOND, None, FIRST, SECOND], dtype="Int64"),
        pd.Categorical([SECOND, None, FIRST, SECOND]),
        pl.Series([SECOND, None, FIRST, SECOND]),
        pa.array([SECOND, None, FIRST, SECOND]),
        pa.chunked_array([[SECOND, None], [FIRST, SECOND]]),
    ],
    ids=lambda y: type(y).__name__,
)
def test_large_integers_stay_apart(y):
    known = read(y)
    assert known.classes.tolist() == [FIRST, SECOND]
    np.testing.assert_array_equal(known.codes, [1, -1, 0, 1])
    assert known.novel_names(1).tolist() == [SECOND + 1]


def test_floats_that_lump_integers_are_refused():
    with pytest.raises(ValueError, match=r"1152921504606846976: beyond 2\*\*53 floats"):
        read(np.array([FIRST, SECOND, np.nan]))


@pytest.mark.parametrize("y", NAMES, ids=lambda y: type(y).__name__)
def test_named_classes(y):
    known = read(y)
    np.testing.assert_array_equal(known.classes, ["b", "c"])
    np.testing.assert_array_equal(known.codes, [0, -1, 1, 0])
    np.testing.assert_array_equal(known.novel_names(2), ["novel_0", "novel_1"])


@pytest.mark.parametrize(
    "y",
    [[True, False, None], np.array([True, False, None], dtype=object)],
    ids=["list", "array"],
)
def test_bools_are_integers(y):
    known = read(y)
    np.testing.assert_array_equal(known.classes, [0, 1])
    np.testing.assert_array_equal(known.codes, [1, 0, -1])


def test_bools_without_a_missing_value():
    known = read(np.array([True, False]))
    np.testing.assert_array_equal(known.classes, [0, 1])
    assert known.n_unlabeled == 0


def test_other_floats_are_names():
    known = read([0.5, np.nan, 1.0])
    np.testing.assert_array_equal(known.classes, [0.5, 1.0])
    np.testing.assert_array_equal(known.novel_names(1), ["novel_0"])
    assert list(np.concatenate([known.classes, known.novel_names(1)])) == [
        0.5,
        1.0,
        "novel_0",
    ]


@pytest.mark.parametrize(
    "y", [None, [-1, -1], [None, None], [np.nan, np.nan], ["", None][1:] * 2]
)
def test_nothing_labeled(y):
    known = PartialLabels(y, np.zeros((2, 1)))
    assert known.n_known == 0
    assert known.n_unlabeled == 2
    assert known.classes.dtype == np.int64
    np.testing.assert_array_equal(known.codes, [-1, -1])
    np.testing.assert_array_equal(known.novel_names(2), [0, 1])


def test_names_that_are_taken_are_skipped():
    known = read(["novel_1", None, "novel_0", "novel_3"])
    np.testing.assert_array_equal(known.novel_names(2), ["novel_2", "novel_4"])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, -2], "label -2, below -1"),
        ([0.0, -3.0], "label -3, below -1"),
        ([0.0, np.inf], "infinity"),
        ([0, "a"], "types int, str"),
        (np.array([b"a", b"b"]), "Unknown label type"),
        (np.array([1j, 2j]), "Complex data"),
        ([2**62 + 1, -1], "too large to number novel"),
        (np.array([2**63], dtype=np.uint64), "no int64 can hold"),
        (np.array([2**70, None], dtype=object), "no int64 can hold"),
        (np.zeros((2, 2)), "shape"),
    ],
    ids=str,
)
def test_what_is_no_label(y, message):
    with pytest.raises(ValueError, match=message):
        read(y)


def test_length_must_agree():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        PartialLabels([0, 1], np.zeros((3, 1)))


@given(
    arrays.arrays(
        np.int64, st.integers(1, 30), elements=st.integers(-1, 5), fill=st.nothing()
    )
)
def test_codes_find_their_classes(y):
    known = read(y)
    np.testing.assert_array_equal(known.classes[known.codes[y >= 0]], y[y >= 0])
    np.testing.assert_array_equal(known.labeled, y >= 0)
    assert known.n_unlabeled == (y == -1).sum()
    names = known.novel_names(3)
    assert not set(names) & set(known.classes)


@pytest.mark.parametrize(
    "y", [["a", -1, "b"], ["a", -1.0, "b"], np.array(["a", None, "b"], dtype=object)]
)
def test_the_number_minus_one_among_strings(y):
    known = read(y)
    assert list(known.classes) == ["a", "b"]
    np.testing.assert_array_equal(known.codes, [0, -1, 1])


def test_other_numbers_among_strings_are_refused():
    with pytest.raises(ValueError, match="of the types int, str"):
        read(["a", -1, 2])


@pytest.mark.parametrize("mark", ["-1", "", " ", "nan", "NaN", "None", "?", "N/A"])
def test_strings_like_missing_values_are_said(mark):
    with pytest.warns(UserWarning, match=re.escape(f"the string {mark!r}, which was")):
        read(["a", mark, None]).warn_if_unlikely()


def test_numbers_of_one_row_each_are_said():
    with pytest.warns(UserWarning, match="2 different numbers that are not whole"):
        read([0.5, 1.0, None]).warn_if_unlikely()


@pytest.mark.parametrize(
    "y",
    [
        None,
        [0, 1, -1],
        [0.0, 1.0, np.nan],
        [0.5, 0.5, 1.5],
        [0.5, None, None],
        ["a", "b", None],
        ["minus", "no", None],
    ],
)
def test_likely_labels_say_nothing(y):
    PartialLabels(y, np.zeros((3, 1))).warn_if_unlikely()
