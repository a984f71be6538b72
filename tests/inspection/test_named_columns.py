"""Tables as they come, told to those who describe clusters."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeepcluster import TELL
from skdeepcluster.inspection import ClusterProfileDisplay, cluster_rules
from skdeepcluster.inspection._named_columns import MAX_LEVELS, named_table

CELLS = {
    "size": [1.0, None, 3.0, 8.0],
    "count": [1, 2, 3, 4],
    "flag": [True, False, True, True],
    "kind": ["b", "a", None, "b"],
    "empty": [None, None, None, None],
}
EXPECTED = {
    "size": [1, np.nan, 3, 8],
    "count": [1, 2, 3, 4],
    "flag": [1, 0, 1, 1],
    "kind = a": [0, 1, np.nan, 0],
    "kind = b": [1, 0, np.nan, 1],
}
DAY = np.array(["2024-01-01"] * 4, dtype="M8[ms]")
FRAMES = {
    "pandas": lambda: pd.DataFrame(CELLS | {"day": DAY}),
    "objects": lambda: pd.DataFrame(CELLS).astype(object),
    "nullable": lambda: pd.DataFrame(CELLS | {"day": DAY}).convert_dtypes(),
    "categories": lambda: pd.DataFrame(CELLS).astype({"kind": "category"}),
    "polars": lambda: pl.DataFrame(CELLS | {"day": DAY}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_column_as_numbers(kind):
    X, labels, names = named_table(FRAMES[kind](), [0, 1, 1, 0])
    assert names == list(EXPECTED)
    assert_array_equal(X, np.transpose(list(EXPECTED.values())))
    assert_array_equal(labels, [0, 1, 1, 0])


def test_names_that_are_given_stand_for_the_columns():
    frame = FRAMES["pandas"]()[["size", "kind"]]
    *_, names = named_table(frame, [0, 1, 1, 0], ["cm", "sort"])
    assert names == ["cm", "sort = a", "sort = b"]
    frame.columns = [7, 8]
    *_, names = named_table(frame, [0, 1, 1, 0])
    assert names[:2] == ["feature 0", "feature 1 = a"]
    with pytest.raises(ValueError, match="1 names for the 2 columns"):
        named_table(frame, [0, 1, 1, 0], ["cm"])


def test_rare_levels_say_nothing():
    sizes = np.r_[np.arange(10, 40), 1]
    cells = np.repeat([f"level {size}" for size in sizes], sizes)
    frame = pd.DataFrame({"text": cells, "number": 1.0})
    X, _, names = named_table(frame, np.zeros(len(frame)))
    frequent = [f"text = level {size}" for size in range(40 - MAX_LEVELS, 40)]
    assert names == [*frequent, "number"]
    assert_array_equal(X[:, :-1].sum(axis=0), range(40 - MAX_LEVELS, 40))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_with_gaps(dtype):
    X = np.array([[1, np.nan, 5], [np.nan, np.nan, 5], [4, np.nan, 5]], dtype=dtype)
    seen, _, names = named_table(X, [0, 0, 1])
    assert names == ["feature 0", "feature 2"]
    assert_array_equal(seen, [[1, 5], [np.nan, 5], [4, 5]])
    assert seen.dtype == dtype


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[np.inf], [1.0]], "infinity"),
        ([[np.nan], [np.nan]], "All numbers of X are missing"),
        (pd.DataFrame({"a": [np.inf, 1.0]}), "infinity"),
        (pd.DataFrame({"a": [1j, 1.0]}), "Complex data"),
        (pd.DataFrame({"day": DAY[:2]}), "no column of numbers or categories"),
    ],
)
def test_bad_tables(X, message):
    with pytest.raises(ValueError, match=message):
        named_table(X, [0, 1])


def test_clusters_of_a_mixed_table_in_its_own_words():
    rng = np.random.default_rng(0)
    heavy = np.arange(60) < 40
    frame = pd.DataFrame(
        {
            "weight": np.where(heavy, 80.0, 20.0) + rng.normal(size=60),
            "home": np.where(heavy, "sea", "land"),
        }
    )
    frame.loc[::9, "weight"] = np.nan
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (numbers, ["weight"]),
        (
            OneHotEncoder(sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    model = make_pipeline(columns, TELL(2, random_state=0)).fit(frame)
    first, second = cluster_rules(model, frame)
    assert {first.conditions, second.conditions} == {"home = land", "home != land"}
    assert first.coverage == second.coverage == 1
    display = ClusterProfileDisplay.from_estimator(model, frame)
    names = {"weight (53 cells)", "home = land", "home = sea"}
    assert set(display.feature_names) == names
    seen = frame["weight"].where(model.predict(frame) == 0).mean()
    assert display.means[0, display.feature_names.index("weight (53 cells)")] == seen
    shares = display.means[:, display.feature_names.index("home = sea")]
    assert_array_equal(shares, [1, 0])
