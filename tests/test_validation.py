"""Errors at the estimators' door name the column and the row of a bad cell."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from extras import torch
from sklearn import config_context
from sklearn.base import BaseEstimator

from skdeepcluster import PPP
from skdeepcluster._validation import check_table


def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(50, 3)), columns=["temp", "load", "speed"])


@pytest.mark.parametrize(
    ("column", "row", "value", "said"),
    [
        ("load", 4, np.nan, r"'load' of X holds nan in row 4: .*TableEncoder"),
        ("load", 0, "a", r"'load' of X holds 'a' in row 0: .*TableEncoder"),
        ("speed", 49, "7,5", r"'speed' of X holds '7,5' in row 49: .*TableEncoder"),
        ("speed", 9, np.inf, r"'speed' of X holds inf in row 9: correct it"),
    ],
)
def test_first_bad_cell_is_named(column, row, value, said):
    frame = table().astype({column: object})
    frame.loc[row, column] = value
    for X in (frame, frame.convert_dtypes()):
        with pytest.raises(ValueError, match=said):
            PPP().fit(X)
    by_position = said.replace(f"'{column}'", str([*frame].index(column)))
    for X in (frame.to_numpy(), frame.to_numpy().tolist()):
        with pytest.raises(ValueError, match=by_position):
            PPP().fit(X)
    if not isinstance(value, str):
        with pytest.raises(ValueError, match=said):
            PPP().fit(pl.from_pandas(frame.astype({column: float})))


def test_other_errors_are_left_as_they_are():
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        PPP().fit(np.zeros((0, 3)))


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint8])
def test_short_numbers_take_single_precision(dtype):
    X = np.arange(12).reshape(4, 3).astype(dtype)
    checked = check_table(PPP(), X, reset=True)
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, X)
    assert check_table(PPP(), X.astype(np.int16), reset=True).dtype == np.float64


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow", "nullable"])
def test_single_precision_of_frames_is_kept(kind):
    values = {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    single = {
        "polars": lambda: pl.DataFrame(values).cast(pl.Float32),
        "lazy": lambda: pl.LazyFrame(values).cast(pl.Float32),
        "arrow": lambda: pl.DataFrame(values).cast(pl.Float32).to_arrow(),
        "nullable": lambda: pd.DataFrame(values).astype("Float32"),
    }[kind]()
    checked = check_table(BaseEstimator(), single, reset=True)
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, [[1, 3], [2, 4]])
    # One column of double precision decides for all.
    double = pl.DataFrame(values).cast({"a": pl.Float32})
    assert check_table(BaseEstimator(), double, reset=True).dtype == np.float64


@pytest.mark.parametrize("dispatch", [False, True])
def test_tensor_becomes_an_array(dispatch):
    with config_context(array_api_dispatch=dispatch):
        checked = check_table(BaseEstimator(), torch.ones((2, 3)), reset=True)
    assert type(checked) is np.ndarray
    np.testing.assert_array_equal(checked, np.ones((2, 3)))


VECTORS = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(list(VECTORS)),
        pd.Series(VECTORS.tolist()),
        pd.Series(list(VECTORS)).to_numpy(),
        pl.Series(VECTORS.tolist()),
        pl.Series(VECTORS),
    ],
)
def test_a_column_of_vectors_is_a_table(column):
    np.testing.assert_array_equal(check_table(PPP(), column, reset=True), VECTORS)


def test_vectors_in_half_precision_take_single_precision():
    column = pd.Series(list(VECTORS.astype(np.float16)))
    assert check_table(PPP(), column, reset=True).dtype == np.float32


def test_a_vector_of_another_length_is_named():
    with pytest.raises(ValueError, match="Row 2 of X is no vector of 3 numbers"):
        check_table(PPP(), pd.Series([*VECTORS[:2], VECTORS[2, :2]]), reset=True)
    with pytest.raises(ValueError, match="Row 1 of X is no vector"):
        check_table(PPP(), pd.Series([VECTORS[0], None]), reset=True)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_a_vector_among_other_columns_is_refused(kind):
    frame = kind({"id": [1, 2], "vector": [[0.0, 1.0], [2.0, 3.0]]})
    with pytest.raises(ValueError, match=r"a vector in row 0: .* as X\['vector'\]"):
        check_table(PPP(), frame, reset=True)


@pytest.mark.parametrize(
    ("values", "said"), [([1.0, 2.0], "2-dimensional"), ([1, "a"], "to float: 'a'")]
)
def test_a_column_of_numbers_or_words_is_no_table(values, said):
    with pytest.raises(ValueError, match=said):
        check_table(PPP(), pd.Series(values), reset=True)
