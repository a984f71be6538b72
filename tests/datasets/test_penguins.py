"""The table that comes with the package."""

import csv
from pathlib import Path

import numpy as np
import pytest
from extras import pd

from skdeepcluster import datasets
from skdeepcluster.datasets import load_penguins


def test_bunch():
    penguins = load_penguins()
    assert penguins.data.shape == (342, 4)
    assert penguins.data.dtype == np.float64
    assert np.isfinite(penguins.data).all()
    assert penguins.feature_names[3] == "body_mass_g"
    assert penguins.target_names.tolist() == ["Adelie", "Chinstrap", "Gentoo"]
    assert np.bincount(penguins.target).tolist() == [151, 68, 123]
    assert penguins.frame is None
    assert "CC0" in penguins.DESCR


def test_agrees_with_the_file():
    penguins = load_penguins()
    table = pd.read_csv(penguins.filename)
    assert table.shape == (344, 8)
    measured = table.dropna(subset="body_mass_g")
    np.testing.assert_array_equal(penguins.data, measured[penguins.feature_names])
    np.testing.assert_array_equal(
        penguins.target_names[penguins.target], measured["species"]
    )


def test_description_counts_what_is_missing():
    penguins = load_penguins()
    with Path(penguins.filename).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for name in rows[0]:
        line = next(
            line
            for line in penguins.DESCR.splitlines()
            if line.startswith(f"| `{name}`")
        )
        n_missing = sum(row[name] == "NA" for row in rows)
        assert line.rstrip(" |").endswith(f"| {n_missing}")


def test_return_X_y():
    X, y = load_penguins(return_X_y=True)
    penguins = load_penguins()
    np.testing.assert_array_equal(X, penguins.data)
    np.testing.assert_array_equal(y, penguins.target)


def test_as_frame():
    penguins = load_penguins(as_frame=True)
    X, y = load_penguins(as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, penguins.data)
    pd.testing.assert_series_equal(y, penguins.target)
    pd.testing.assert_frame_equal(penguins.frame[penguins.feature_names], X)
    assert penguins.frame.columns[-1] == "target"
    np.testing.assert_array_equal(X, load_penguins().data)


def test_unknown_name():
    with pytest.raises(AttributeError, match="load_ostriches"):
        _ = datasets.load_ostriches
    assert dir(datasets) == [
        "load_penguins",
        "make_attributed_graph",
        "make_category_pairs",
        "make_discovery_problem",
    ]
