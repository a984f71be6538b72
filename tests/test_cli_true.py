"""Every figure that the command prints, computed again from the cells of the file."""

import re

import numpy as np
import pandas as pd
import pytest

from skdeepcluster.cli import main
from skdeepcluster.cli.descriptions import readable

MEAN = re.compile(
    r"(?P<column>\w+): (?P<what>mean|median) (?P<here>[\d.,e+-]+)(?: \w+)? vs "
    r"(?P<all>[\d.,e+-]+)(?: \w+)? overall(?: \((?P<cells>[\d,]+) of [\d,]+ cells\))?"
    r"(?:; likewise (?P<likewise>.*))?"
)
SHARE = re.compile(
    r"(?P<column>\w+) = (?P<level>.+): (?P<here>\d+)% vs (?P<all>\d+)% overall"
    r"(?: \((?P<cells>[\d,]+) of [\d,]+ cells\))?"
)
GAPS = re.compile(
    r"(?P<column>\w+): missing in (?P<here>\d+)%, elsewhere in (?P<all>\d+)%"
)


def trees(rng):
    """Three kinds in two numbers and a category, cells missing at random."""
    kind = rng.integers(0, 3, 150)
    frame = pd.DataFrame(
        {
            "height": np.array([5.0, 20.0, 20.0])[kind] + rng.normal(size=150),
            "age": np.array([9.0, 9.0, 60.0])[kind] + rng.normal(size=150),
            "leaf": np.array(["needle", "needle", "broad"])[kind],
        }
    ).round(2)
    return frame.mask(rng.random(frame.shape) < 0.1)


def storms(rng):
    """A column that is there in one kind of rows only, and a skewed one."""
    strong = rng.random(160) < 0.4
    size = np.where(strong, rng.normal(90, 9, 160), np.nan)
    frame = pd.DataFrame(
        {
            "wind": np.where(strong, 60.0, 25.0) + rng.normal(0, 4, 160),
            "pressure": np.where(strong, 950.0, 1005.0) + rng.normal(0, 5, 160),
            "width": size,
            "deaths": np.exp(np.where(strong, 4, 1) + rng.normal(size=160)),
        }
    )
    return frame.round(1)


def sales(rng):
    """Numbers only, two of which say the same."""
    kind = rng.integers(0, 2, 200)
    net = np.array([1000.0, 9000.0])[kind] + rng.normal(0, 90, 200)
    return pd.DataFrame(
        {"net": net, "gross": 1.19 * net, "stores": 5 + rng.poisson(3, 200)}
    ).round(2)


def remarks_of(printed):
    """Pairs of a cluster and a line about it."""
    lines = printed.splitlines()
    begin, cluster = lines[2].index("what sets it apart"), None
    for line in lines[3:]:
        if not line:
            return
        cluster = int(line[:7]) if line[:7].strip() else cluster
        yield cluster, line[begin:]


def check(text, frame, members):
    """Whether a line is one of those known, with the right figures."""
    match = MEAN.fullmatch(text)
    if match:
        average = {"mean": np.nanmean, "median": np.nanmedian}[match["what"]]
        values = frame[match["column"]]
        assert match["here"] == readable(average(values[members]))
        assert match["all"] == readable(average(values))
        for other in (match["likewise"] or "").split(", ") if match["likewise"] else ():
            assert frame[[match["column"], other]].corr().iloc[0, 1] > 0.95
    elif SHARE.fullmatch(text):
        match = SHARE.fullmatch(text)
        values = frame[match["column"]].dropna()
        inside = values[members[values.index]]
        assert match["here"] == f"{(inside == match['level']).mean():.0%}"[:-1]
        assert match["all"] == f"{(values == match['level']).mean():.0%}"[:-1]
    else:
        match = GAPS.fullmatch(text)
        assert match is not None, text
        gaps = frame[match["column"]].isna()
        assert match["here"] == f"{gaps[members].mean():.0%}"[:-1]
        assert match["all"] == f"{gaps[~members].mean():.0%}"[:-1]
        return
    n_seen = int(frame.loc[members, match["column"]].notna().sum())
    assert match["cells"] == (None if n_seen == members.sum() else f"{n_seen:,}")


@pytest.mark.parametrize("make", [trees, storms, sales])
def test_every_figure_is_that_of_the_cells(make, tmp_path, capsys):
    source, out, profile = (tmp_path / name for name in ("a.csv", "o.csv", "t.csv"))
    make(np.random.default_rng(0)).to_csv(source, index=False)
    files = ["--out", str(out), "--table", str(profile)]
    assert main(["cluster", str(source), "--quiet", *files]) == 0
    printed = capsys.readouterr().out
    frame, labels = pd.read_csv(source), pd.read_csv(out)["cluster"]
    found = list(remarks_of(printed))
    assert {cluster for cluster, _ in found} == set(labels)
    for cluster, text in found:
        check(text, frame, labels == cluster)
    averages = pd.read_csv(profile, dtype={"cluster": str}).dropna(subset="mean")
    for row in averages.itertuples():
        mine = labels.astype(str) == row.cluster
        cells = frame[row.column][mine | (row.cluster == "all")].dropna()
        assert row.cells == len(cells)
        np.testing.assert_allclose(
            [row.mean, row.median, row.standard_deviation],
            [cells.mean(), cells.median(), cells.std(ddof=0)],
            atol=1e-12,
        )


def test_a_pattern_of_gaps_is_said(tmp_path, capsys):
    source = tmp_path / "a.csv"
    storms(np.random.default_rng(0)).to_csv(source, index=False)
    assert main(["cluster", str(source), "--n-clusters", "2", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "width: missing in 100%, elsewhere in 0%" in printed


def test_a_column_that_is_the_answer_is_named(tmp_path, capsys):
    rng = np.random.default_rng(0)
    grade = np.repeat(["A", "B", "C"], 60)
    frame = pd.DataFrame(
        {
            "grade": grade,
            "rate": np.repeat([5.0, 12.0, 20.0], 60) + rng.normal(size=180) / 2,
        }
    ).round(3)
    source = tmp_path / "a.csv"
    frame.to_csv(source, index=False)
    assert main(["cluster", str(source), "--n-clusters", "3", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "grade almost alone tells the clusters apart: " in printed
    assert "--drop grade clusters by the other columns" in printed


def test_compared_with_a_column_that_is_not_used(tmp_path, capsys):
    source = tmp_path / "a.csv"
    frame = sales(np.random.default_rng(0))
    frame.assign(kind=np.where(frame["net"] > 5000, "large", "small")).to_csv(
        source, index=False
    )
    assert main(["cluster", str(source), "--compare", "kind"]) == 0
    said = capsys.readouterr()
    assert "compared with kind: adjusted Rand index 1.00" in said.out
    assert "not used: kind (--compare)" in said.err


def test_a_column_of_few_rows_is_no_answer(tmp_path, capsys):
    frame = pd.DataFrame({"size": [1, 2, 1, 9, 10, 9] * 2, "kind": list("aabccb") * 2})
    source = tmp_path / "a.csv"
    frame.to_csv(source, index=False)
    assert main(["cluster", str(source), "--n-clusters", "2", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "almost alone" not in printed
    assert "; - for clusters of too few rows to tell" in printed


def test_units_stand_where_people_write_them(tmp_path, capsys):
    rng = np.random.default_rng(0)
    paid = np.repeat([20, 900], 80) + rng.normal(size=160)
    share = np.repeat([60, 5], 80) + rng.normal(size=160)
    frame = pd.DataFrame(
        {
            "paid": [f"${value:.2f}" for value in paid],
            "share": [f"{value:.1f}%" for value in share],
        }
    )
    source = tmp_path / "a.csv"
    frame.to_csv(source, index=False)
    assert main(["cluster", str(source), "--n-clusters", "2", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert f"paid: mean ${readable(paid[:80].round(2).mean())} vs $" in printed
    assert f"share: mean {readable(share[:80].round(1).mean())}% vs " in printed


def test_times_of_day_are_written_as_such(tmp_path, capsys):
    rng = np.random.default_rng(0)
    minutes = np.repeat([8 * 60, 19 * 60], 60) + rng.integers(0, 90, 120)
    times = [f"{m // 60:02d}:{m % 60:02d}" for m in minutes]
    source = tmp_path / "a.csv"
    pd.DataFrame(
        {
            "at": times,
            "paid": np.repeat(["cash", "card"], 60),
            "guests": minutes // 60 + rng.normal(size=120).round(1),
        }
    ).to_csv(source, index=False)
    out = tmp_path / "page.html"
    arguments = ["--n-clusters", "2", "--quiet", "--report", str(out)]
    assert main(["cluster", str(source), *arguments]) == 0
    printed = capsys.readouterr().out
    mean = round(60 * minutes[60:].mean())
    said = f"{mean // 3600}:{mean // 60 % 60:02d}"
    assert re.search(rf"at: mean 0?{said}(:\d\d)? vs ", printed)


def test_two_times_of_day_are_levels_written_as_such(tmp_path, capsys):
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], 60)
    frame = pd.DataFrame(
        {
            "shift": np.array(["06:00", "14:30"])[kind],
            "pieces": (10 + 9 * kind + rng.normal(size=120)).round(1),
        }
    )
    source, profile = tmp_path / "a.csv", tmp_path / "t.csv"
    frame.to_csv(source, index=False)
    arguments = ["--n-clusters", "2", "--quiet", "--table", str(profile)]
    assert main(["cluster", str(source), *arguments]) == 0
    assert "shift = 14:30:00: 100% vs 50% overall" in capsys.readouterr().out
    assert set(pd.read_csv(profile)["level"].dropna()) == {"6:00:00", "14:30:00"}


def test_dates_are_written_as_such_in_all_files(tmp_path):
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(120), unit="D")
    frame = pd.DataFrame(
        {"day": days.strftime("%Y-%m-%d"), "x": rng.normal(size=120).round(2)}
    )
    source, profile, columns = (tmp_path / name for name in ("a.csv", "t.csv", "c.csv"))
    frame.to_csv(source, index=False)
    files = ["--table", str(profile), "--columns", str(columns)]
    asked = ["--date", "day", "--method", "ppp", "--quiet"]
    assert main(["cluster", str(source), *asked, *files]) == 0
    told = pd.read_csv(columns).set_index("column").loc["day"]
    assert [told["low"], told["high"]] == ["2024-01-01", "2024-04-29"]
    table = pd.read_csv(profile, dtype=str)
    row = table[(table["column"] == "day") & (table["cluster"] == "all")].iloc[0]
    assert row["mean"] == "2024-02-29"
    assert row["standard_deviation"] == f"{np.arange(120).std():.4g} days"


def test_rules_say_that_times_are_in_seconds(tmp_path):
    minutes = np.repeat([8 * 60, 19 * 60], 60) + np.arange(120) % 60
    times = [f"{m // 60:02d}:{m % 60:02d}" for m in minutes]
    source, out = tmp_path / "a.csv", tmp_path / "page.html"
    pd.DataFrame({"at": times, "x": np.arange(120) % 7 / 3}).to_csv(source, index=False)
    arguments = ["--n-clusters", "2", "--quiet", "--drop", "x", "--report", str(out)]
    assert main(["cluster", str(source), *arguments]) == 0
    assert "at (seconds) &lt;= " in out.read_text("utf-8")
