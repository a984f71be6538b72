"""TableEncoder: its geometry, its gaps, its names and the way back."""

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from skdeepcluster import PPP, TableEncoder, load, save
from skdeepcluster._rows import lexicographic_order
from skdeepcluster.tables._columns import MARKS
from skdeepcluster.tables._design import Design
from skdeepcluster.tables._frames import table_cells

N_ROWS = 400


def mixed_table(n_rows=N_ROWS, gaps=0.0, seed=0):
    """Three groups in two numbers, a skewed one, and two categories."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n_rows)
    frame = pd.DataFrame(
        {
            "size": 10 * group + rng.normal(size=n_rows),
            "income": np.exp(group + rng.normal(size=n_rows)),
            "depth": 5.0 - 4 * group + rng.normal(size=n_rows),
            "job": np.array(["clerk", "smith", "baker", "none"])[
                np.where(rng.random(n_rows) < 0.8, group, 3)
            ],
            "town": np.array(list("abcdef"))[rng.integers(0, 6, n_rows)],
        }
    )
    if gaps:
        frame = frame.mask(rng.random(frame.shape) < gaps)
    return frame


def pairs_apart(Z):
    """Mean squared distance of two rows drawn at random, with replacement."""
    return 2 * Z.var(axis=0).sum()


class TestGeometry:
    def test_every_column_has_variance_one(self):
        frame = mixed_table()
        encoder = TableEncoder(reduce=None)
        Z = encoder.fit_transform(frame)
        assert encoder.column_shares_.shape == (Z.shape[1], 5)
        variances = Z.var(axis=0) @ encoder.column_shares_
        np.testing.assert_allclose(variances, 1, atol=1e-12)
        assert pairs_apart(Z) == pytest.approx(2 * 5, abs=1e-10)

    def test_category_against_the_formula(self):
        levels = ["x"] * 5 + ["y"] * 3 + ["z"] * 2
        Z = TableEncoder(reduce=None).fit_transform(pd.DataFrame({"a": levels}))
        shares = np.array([0.5, 0.3, 0.2])
        expected = (np.eye(3)[[0] * 5 + [1] * 3 + [2] * 2] - shares) / np.sqrt(
            1 - (shares**2).sum()
        )
        np.testing.assert_allclose(Z, expected)

    def test_skewed_column_is_logged_and_a_normal_one_is_not(self):
        frame = mixed_table(2000)
        columns = {c.name: c for c in TableEncoder().fit(frame).columns_}
        assert columns["income"].log_shift == 0
        assert columns["size"].log_shift is None
        assert columns["depth"].log_shift is None
        logs = np.log(frame["income"])
        Z = TableEncoder(reduce=None).fit_transform(frame[["income"]])
        np.testing.assert_allclose(Z[:, 0], (logs - logs.mean()) / logs.std(ddof=0))

    def test_a_zero_among_skewed_numbers_is_shifted_by_half_the_median(self):
        numbers = np.array([0.0] + [10.0**k for k in range(-2, 5)])
        column = TableEncoder().fit(numbers[:, None]).columns_[0]
        assert column.log_shift == np.median(numbers[1:]) / 2

    @pytest.mark.parametrize(("skew", "logged"), [(None, []), (["size"], ["size"])])
    def test_skew_is_the_users_to_say(self, skew, logged):
        frame = mixed_table()
        frame["size"] += 10
        columns = TableEncoder(skew=skew).fit(frame).columns_
        assert [c.name for c in columns if c.log_shift is not None] == logged

    def test_weights_multiply_squared_distances(self):
        frame = mixed_table()
        weights = {"job": 4.0, "depth": 0.25}
        encoder = TableEncoder(reduce=None, column_weights=weights)
        Z = encoder.fit_transform(frame)
        variances = Z.var(axis=0) @ encoder.column_shares_
        np.testing.assert_allclose(variances, [1, 1, 0.25, 4, 1])
        listed = TableEncoder(reduce=None, column_weights=[1, 1, 0.25, 4, 1])
        np.testing.assert_array_equal(Z, listed.fit_transform(frame))

    def test_axes_are_principal_components_of_the_encoded_table(self):
        frame = mixed_table()
        Z = TableEncoder(reduce=None).fit_transform(frame)
        values = np.linalg.eigvalsh(np.cov(Z.T, bias=True))[::-1]
        kept = int(np.sum(values > values[values > 1e-10].mean()))
        A = TableEncoder().fit_transform(frame)
        assert A.shape == (N_ROWS, kept)
        np.testing.assert_allclose(A.var(axis=0), values[:kept])
        assert TableEncoder(reduce=2).fit_transform(frame).shape == (N_ROWS, 2)

    def test_rare_levels_are_taken_together(self):
        rng = np.random.default_rng(0)
        levels = np.array([f"level {i}" for i in range(40)])
        frame = pd.DataFrame({"a": levels[rng.integers(0, 40, 400)]})
        encoder = TableEncoder(reduce=None, max_levels=5).fit(frame)
        assert len(encoder.columns_[0].levels) == 6
        assert encoder.get_feature_names_out()[-1] == "a = (rare levels)"
        rare = encoder.columns_[0].rare
        Z = encoder.transform(pd.DataFrame({"a": [rare[0], rare[1], "new"]}))
        np.testing.assert_array_equal(Z[0], Z[1])
        np.testing.assert_array_equal(Z[2], np.zeros(6))

    def test_units_and_names_of_levels_change_nothing(self):
        frame = mixed_table(gaps=0.1)
        other = frame.assign(size=frame["size"] * 1000, job="the " + frame["job"])
        np.testing.assert_allclose(
            TableEncoder().fit_transform(frame),
            TableEncoder().fit_transform(other),
            atol=1e-9,
        )


class TestGaps:
    def test_transform_of_the_fitted_rows_is_fit_transform(self):
        frame = mixed_table(gaps=0.2)
        for options in ({}, {"reduce": None}, {"gaps": "mean"}):
            encoder = TableEncoder(**options)
            Z = encoder.fit_transform(frame)
            np.testing.assert_array_equal(Z, encoder.transform(frame))

    def test_mean_stands_for_a_gap(self):
        frame = mixed_table(gaps=0.2)
        Z = TableEncoder(reduce=None, gaps="mean").fit_transform(frame)
        np.testing.assert_array_equal(Z[frame["size"].isna(), 0], 0)
        np.testing.assert_array_equal(Z[frame["job"].isna(), 3:7], 0)

    def test_small_tables_take_the_mean(self):
        frame = mixed_table(50, gaps=0.2)
        np.testing.assert_array_equal(
            TableEncoder(gaps="axes").fit_transform(frame),
            TableEncoder(gaps="mean").fit_transform(frame),
        )

    def test_fill_is_the_probabilistic_pca_mean(self):
        frame = mixed_table(gaps=0.2)
        encoder = TableEncoder(reduce=None).fit(frame)
        Z = encoder.transform(frame)
        centred = TableEncoder(reduce=None, gaps="mean").fit_transform(frame)
        V, ridge = encoder._gap_axes.axes, encoder._gap_axes.ridge
        seen = np.repeat(frame.notna().to_numpy(), [1, 1, 1, 4, 6], axis=1)
        for row in np.flatnonzero(~seen.all(axis=1))[:30]:
            o = seen[row]
            t = np.linalg.solve(
                V[o].T @ V[o] + np.diag(ridge), V[o].T @ centred[row, o]
            )
            np.testing.assert_allclose(Z[row, ~o], V[~o] @ t, atol=1e-10)
            np.testing.assert_array_equal(Z[row, o], centred[row, o])

    def test_filled_cells_are_nearer_to_the_truth_than_means(self):
        whole = mixed_table(1000)
        rng = np.random.default_rng(1)
        holes = rng.random(len(whole)) < 0.3
        frame = whole.assign(size=whole["size"].mask(holes))
        filled = TableEncoder(reduce=None).fit(frame)
        truth = filled.columns_[0].standardized(whole["size"].to_numpy()[holes])
        Z = filled.transform(frame)[holes, 0]
        assert np.mean((Z - truth) ** 2) < 0.3 * np.mean(truth**2)

    def test_unknown_level_is_a_gap(self):
        frame = mixed_table()
        encoder = TableEncoder().fit(frame)
        rows = frame.head(3)
        np.testing.assert_array_equal(
            encoder.transform(rows.assign(job="astronaut")),
            encoder.transform(rows.assign(job=None)),
        )

    def test_sentinels_are_gaps(self):
        frame = mixed_table(gaps=0.1)
        marked = frame.fillna({"size": -999, "depth": -999})
        plain = TableEncoder().fit_transform(frame)
        for sentinels in ([-999], {"size": [-999], "depth": [-999]}):
            encoder = TableEncoder(sentinels=sentinels)
            np.testing.assert_array_equal(plain, encoder.fit_transform(marked))
            np.testing.assert_array_equal(plain, encoder.transform(marked))

    def test_a_likely_sentinel_is_warned_of(self):
        marked = mixed_table(gaps=0.1).fillna({"size": -999})
        with pytest.warns(UserWarning, match=r"'size' holds -999, .* sentinels="):
            TableEncoder().fit(marked)


class TestFrames:
    @pytest.mark.parametrize(
        "turn",
        [
            pl.from_pandas,
            lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
            lambda frame: frame.convert_dtypes(),
            lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
            lambda frame: frame.astype({"job": "category", "town": "category"}),
            lambda frame: frame.astype(object),
            lambda frame: frame.set_axis(np.arange(len(frame)) // 2),
        ],
        ids=[
            "polars",
            "arrow",
            "masked",
            "pandas-arrow",
            "category",
            "object",
            "index",
        ],
    )
    def test_all_libraries_give_the_same(self, turn):
        frame = mixed_table(gaps=0.1)
        plain = TableEncoder().fit(frame)
        other = turn(frame)
        fitted = TableEncoder().fit(other)
        assert fitted.feature_names_in_.tolist() == [*frame]
        np.testing.assert_array_equal(plain.transform(frame), fitted.transform(other))
        assert fitted.unused_columns_ == plain.unused_columns_

    def test_array_of_objects(self):
        frame = mixed_table(gaps=0.1)
        values = frame.to_numpy(dtype=object)
        encoder = TableEncoder().fit(values)
        Z = TableEncoder().fit_transform(frame)
        np.testing.assert_array_equal(Z, encoder.transform(values))
        np.testing.assert_array_equal(Z, encoder.transform(values.tolist()))

    def test_kinds_of_objects(self):
        days = [datetime.date(2024, 1, 1) + datetime.timedelta(i * i) for i in range(9)]
        columns = {
            "day": days,
            "money": [decimal.Decimal(i * i) / 3 for i in range(9)],
            "flag": [True, False, None] * 3,
            "time": [datetime.time(i, i) for i in range(9)],
            "span": [datetime.timedelta(hours=i**2) for i in range(9)],
            "stamp": pd.date_range("2024", periods=9, tz="Europe/Berlin"),
        }
        kinds = ["date", "number", "boolean", "time", "duration", "date"]
        for frame in (pd.DataFrame(columns), pl.DataFrame(columns)):
            found = TableEncoder().fit(frame).columns_
            assert [column.kind for column in found] == kinds
            roles = [column.role for column in found]
            assert roles == ["number"] * 2 + ["category"] + ["number"] * 3

    @pytest.mark.parametrize(
        ("column", "reason"),
        [
            (range(40), "counts the rows"),
            (np.random.default_rng(0).permutation(40), "counts the rows"),
            ([1.0] * 40, "constant"),
            ([None] * 40, "empty"),
            ([f"name {i}" for i in range(40)], "text, 40 different values"),
            ([f"{10**24 + i}" for i in range(40)], "text, 40 different values"),
        ],
    )
    def test_columns_of_no_use_are_left_out(self, column, reason):
        frame = mixed_table(40).assign(extra=list(column))
        encoder = TableEncoder().fit(frame)
        assert encoder.unused_columns_ == {"extra": reason}
        assert not any("extra" in name for name in encoder.get_feature_names_out())

    @pytest.mark.parametrize("is_sorted", [True, False])
    @pytest.mark.parametrize("n_rows", [9, 40])
    def test_different_whole_numbers_with_leaps_are_quantities(self, is_sorted, n_rows):
        rng = np.random.default_rng(0)
        ages = 20 + np.cumsum(rng.integers(1, 3, n_rows))
        ages = ages if is_sorted else rng.permutation(ages)
        assert set(np.diff(np.sort(ages))) == {1, 2}
        encoder = TableEncoder().fit(mixed_table(n_rows).assign(age=ages))
        assert "age" not in encoder.unused_columns_

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("customer_no", "identifies the rows"),
            ("orderID", "identifies the rows"),
            ("patient id", "identifies the rows"),
            ("Unnamed: 0", "an index without a name"),
        ],
    )
    def test_identifiers_are_left_out(self, name, reason):
        ids = 1000 + 7 * np.arange(40) ** 2
        frame = mixed_table(40).assign(**{name: ids})
        assert TableEncoder().fit(frame).unused_columns_ == {name: reason}
        kept = TableEncoder(numeric=[name]).fit(frame)
        assert kept.unused_columns_ == {}

    @pytest.mark.parametrize("name", ["zip", "store_no", "month", "dept"])
    def test_codes_are_categories(self, name):
        codes = np.random.default_rng(0).integers(1, 9, N_ROWS)
        frame = mixed_table().assign(**{name: codes})
        assert TableEncoder().fit(frame).columns_[-1].role == "category"
        told = TableEncoder(numeric=[name]).fit(frame)
        assert told.columns_[-1].role == "number"

    def test_options_name_columns(self):
        frame = mixed_table().assign(rooms=np.arange(N_ROWS) % 5)
        encoder = TableEncoder(
            categorical=["rooms"],
            drop=["town"],
            ordinal={"job": ["none", "clerk", "baker", "smith"]},
        ).fit(frame)
        roles = [column.role for column in encoder.columns_]
        assert roles == ["number"] * 3 + ["rank", "unused", "category"]
        assert encoder.unused_columns_ == {"town": "dropped"}

    def test_declared_order_is_a_rank(self):
        order = pd.CategoricalDtype(["low", "mid", "high", "top"], ordered=True)
        levels = pd.Series(["low", "mid", "top", "mid", "low"] * 9, dtype=order)
        for frame in (levels.to_frame("a"), pl.from_pandas(levels.to_frame("a"))):
            if isinstance(frame, pl.DataFrame):
                frame = frame.with_columns(pl.col("a").cast(pl.Enum(order.categories)))
            encoder = TableEncoder(reduce=None).fit(frame)
            Z = encoder.transform(frame)[:, 0]
            assert np.corrcoef(Z, [0, 1, 3, 1, 0] * 9)[0, 1] == pytest.approx(1)
            back = encoder.inverse_transform(Z[:, None])
            assert [str(level) for level in back["a"]] == levels.tolist()
        told = TableEncoder(categorical=["a"]).fit(levels.to_frame("a"))
        assert told.columns_[0].role == "category"


class TestErrors:
    def test_infinite_number_is_named(self):
        frame = mixed_table()
        frame.loc[7, "depth"] = np.inf
        with pytest.raises(ValueError, match=r"'depth' .*inf.* in row 7"):
            TableEncoder().fit(frame)

    def test_text_in_a_column_of_numbers_is_named(self):
        frame = mixed_table()
        encoder = TableEncoder().fit(frame)
        bad = frame.astype({"depth": object})
        bad.loc[5, "depth"] = "deep"
        with pytest.raises(ValueError, match=r"'depth' .*'deep' in row 5"):
            encoder.transform(bad)

    @pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"bytes", 1j])
    def test_what_is_neither_number_nor_word(self, value):
        frame = mixed_table().assign(odd=[value] * N_ROWS)
        with pytest.raises(TypeError, match="'odd'"):
            TableEncoder().fit(frame)

    def test_names_that_are_not_unique(self):
        frame = mixed_table().set_axis(list("abcda"), axis=1)
        with pytest.raises(ValueError, match="'a'"):
            TableEncoder().fit(frame)
        columns = [pa.array([1, 2, 4])] * 2
        with pytest.raises(ValueError, match="share a name: b"):
            table_cells(pa.Table.from_arrays(columns, names=["b", "b"]))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"categorical": ["hat"]}, "categorical: there is no column 'hat'"),
            ({"numeric": ["job"]}, "numeric: column 'job' holds text, such as"),
            ({"skew": ["depth"]}, "skew: column 'depth' holds -.* no logarithm"),
            ({"ordinal": {"job": ["clerk"]}}, "ordinal: column 'job' holds"),
            ({"column_weights": {"hat": 1}}, "there is no column 'hat'"),
            ({"column_weights": [1, 2]}, r"shape \(2,\), and X 5 columns"),
            ({"column_weights": {"job": -1}}, "positive numbers"),
            ({"reduce": 99}, "asks for more axes"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            TableEncoder(**options).fit(mixed_table())

    def test_codes_of_another_width(self):
        encoder = TableEncoder().fit(mixed_table())
        with pytest.raises(ValueError, match="X has 40 columns"):
            encoder.inverse_transform(np.zeros((2, 40)))


class TestWayBack:
    @pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "array"])
    def test_round_trip_without_axes(self, kind):
        frame = mixed_table().assign(
            day=pd.date_range("2020", periods=N_ROWS, freq="7h").astype("M8[ns]"),
            count=np.random.default_rng(0).integers(0, 99, N_ROWS),
            flag=np.random.default_rng(1).random(N_ROWS) < 0.3,
        )
        turn = {
            "pandas": lambda frame: frame,
            "polars": pl.from_pandas,
            "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
            "array": lambda frame: frame.to_numpy(dtype=object),
        }[kind]
        table = turn(frame)
        encoder = TableEncoder(reduce=None).fit(table)
        back = encoder.inverse_transform(encoder.transform(table))
        assert type(back) is type(table)
        if kind != "pandas":
            back = back.to_pandas() if kind != "array" else pd.DataFrame(back)
        for name, column in zip(frame, back, strict=True):
            if frame[name].dtype.kind in "f":
                np.testing.assert_allclose(back[column].astype(float), frame[name])
            elif name == "day" and kind == "array":
                seen = pd.to_datetime(back[column])
                assert (abs(seen - frame[name]) < pd.Timedelta("1ms")).all()
            elif name == "day":
                assert (abs(back[column] - frame[name]) < pd.Timedelta("1ms")).all()
            else:
                assert back[column].tolist() == frame[name].tolist()

    def test_unused_columns_come_back_as_gaps(self):
        frame = mixed_table().assign(same=1)
        encoder = TableEncoder().fit(frame)
        back = encoder.inverse_transform(encoder.transform(frame))
        assert [*back] == [*frame]
        assert back["same"].isna().all()

    def test_names(self):
        frame = mixed_table()[["size", "job"]]
        plain = TableEncoder(reduce=None).fit(frame)
        assert plain.get_feature_names_out().tolist() == ["size"] + [
            f"job = {level}" for level in plain.columns_[1].levels
        ]
        named = TableEncoder(reduce=2).fit(frame).get_feature_names_out()
        assert named[0] in ("axis1 (size, job)", "axis1 (job, size)")
        framed = TableEncoder(reduce=2).set_output(transform="pandas")
        assert [*framed.fit_transform(frame)] == named.tolist()


def test_saved_and_loaded(tmp_path):
    frame = mixed_table(gaps=0.1)
    model = make_pipeline(TableEncoder(), PPP(scale=False)).fit(frame)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(frame), again.predict(frame))
    assert again[0].columns_ == model[0].columns_


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(-1e6, 1e6),
            st.none() | st.sampled_from(["a", "b", "c"]),
            st.none() | st.integers(-(10**20), 10**20),
            st.none() | st.booleans(),
        ),
        min_size=3,
        max_size=40,
    )
)
def test_whatever_the_cells(rows):
    """Finite numbers, the same for fitted and for new rows, in any company."""
    table = np.array(rows, dtype=object).reshape(len(rows), 4)
    table = np.hstack([table, np.arange(len(rows))[:, None] % 2])
    # What may be a mark of absence is warned of.
    encoder = TableEncoder(sentinels=MARKS)
    Z = encoder.fit_transform(table)
    assert np.isfinite(Z).all()
    np.testing.assert_array_equal(Z, encoder.transform(table))
    np.testing.assert_array_equal(Z[::-1], encoder.transform(table[::-1]))
    np.testing.assert_array_equal(Z[:1], encoder.transform(table[:1]))


@pytest.mark.parametrize("kinds", ["numbers", "categories", "both"])
def test_rows_are_summed_in_the_order_of_all_their_cells(kinds):
    """Ties in the numbers are sorted by the levels, then by where gaps are."""
    rng = np.random.default_rng(0)
    n_numbers, n_codes = {"numbers": (2, 0), "categories": (0, 3), "both": (2, 3)}[
        kinds
    ]
    numbers = rng.integers(0, 3, (60, n_numbers)).astype(float)
    codes = rng.integers(0, 2, (60, n_codes))
    seen = np.hstack([rng.random(numbers.shape) < 0.8, codes > 0])
    numbers[~seen[:, :n_numbers]] = 0.0
    nothing = np.empty(0)
    rows = np.hstack([numbers, codes, seen])
    order = Design(numbers, codes, seen, nothing, nothing, nothing).order()
    expected, _ = lexicographic_order(rows)
    np.testing.assert_array_equal(rows[order], rows[expected])


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["2024-01-01", "1850-05-03"], {"2024-01-01", "1850-05-03"}),
        (["2024-01-01T06:00", "2024-01-01"], {"2024-01-01T06:00:00", "2024-01-01"}),
    ],
)
def test_two_dates_are_levels_written_as_such(cells, names):
    days = np.array(cells, dtype="M8[ns]")[np.arange(20) % 2]
    encoder = TableEncoder(reduce=None)
    Z = encoder.fit_transform(pd.DataFrame({"day": days}))
    assert set(encoder.columns_[0].levels) == names
    back = encoder.inverse_transform(Z)["day"].to_numpy()
    np.testing.assert_array_equal(back, days)


def test_two_durations_are_levels_written_as_such():
    spans = np.array([-3661, 90_000], dtype="m8[s]").astype("m8[ns]")[np.arange(20) % 2]
    encoder = TableEncoder(reduce=None)
    Z = encoder.fit_transform(pd.DataFrame({"span": spans}))
    assert set(encoder.columns_[0].levels) == {"-1:01:01", "25:00:00"}
    back = encoder.inverse_transform(Z)["span"].to_numpy()
    np.testing.assert_array_equal(back, spans)


@pytest.mark.parametrize("pair", [(-0.5, 1e-7), (1e300, -2.5e-9), (0.0, 3.0)])
def test_two_numbers_come_back(pair):
    values = np.array(pair)[np.arange(20) % 2]
    encoder = TableEncoder(reduce=None)
    Z = encoder.fit_transform(pd.DataFrame({"x": values}))
    back = encoder.inverse_transform(Z)["x"].to_numpy()
    np.testing.assert_array_equal(back, values)
