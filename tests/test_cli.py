"""The command line, run in this process but where a fresh one is the point."""

import errno
import gzip
import io
import os
import re
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

import skdeepcluster
from skdeepcluster.cli import main
from skdeepcluster.cli.clusters import FIND_NUMBER, METHODS
from skdeepcluster.cli.files import write_table
from skdeepcluster.datasets import load_penguins

TRUTH = np.repeat([0, 1, 2], [60, 40, 20])


@pytest.fixture
def table():
    """Three groups, far apart in numbers and in colour."""
    rng = np.random.default_rng(0)
    weight = np.array([10.0, 3000.0, 6000.0])[TRUTH] + rng.normal(size=120)
    height = np.array([1.0, 8.0, 2.0])[TRUTH] + rng.normal(size=120) / 10
    return pd.DataFrame(
        {
            "name": [f"row {i}" for i in range(120)],
            "weight": weight.round(3),
            "height": height.round(3),
            "noise": rng.normal(size=120).round(3),
            "colour": np.array(["red", "red", "blue"])[TRUTH],
        }
    )


@pytest.fixture
def source(table, tmp_path):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def run(capsys):
    """Run the command and return its status, stdout and stderr."""

    def run(*args):
        status = main([str(arg) for arg in args])
        return status, *capsys.readouterr()

    return run


class HardKMeans(KMeans):
    """Stand-in for a method, quick and sure of itself."""

    def predict_proba(self, X):
        return np.eye(self.n_clusters)[self.predict(X)]


def use_method(monkeypatch, fit=None):
    """Make --method tell a stand-in that first calls `fit`."""

    class StandIn(HardKMeans):
        def fit(self, X, y=None):
            if fit is not None:
                fit()
            return super().fit(X)

    monkeypatch.setitem(
        METHODS, "tell", lambda k, seed: StandIn(k or 3, n_init=1, random_state=seed)
    )
    monkeypatch.setattr(
        "skdeepcluster.cli.commands.default_method", lambda *table: "tell"
    )
    monkeypatch.setattr("skdeepcluster.cli.commands.FIND_NUMBER", ("tell",))


# What comes out -------------------------------------------------------------


def test_summary_names_what_sets_the_groups_apart(source, run):
    status, out, _ = run("cluster", source, "--n-clusters", 3)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "3 clusters of 120 rows"
    first = [line.split()[:3] for line in lines[3:] if line[:7].strip().isdigit()]
    assert first == [
        ["0", "60", "50.0%"],
        ["1", "40", "33.3%"],
        ["2", "20", "16.7%"],
    ]
    weight = pd.read_csv(source)["weight"]
    # Four digits, and thousands without decimals.
    assert f"weight: mean {weight[:60].mean():.4g} vs {weight.mean():,.0f}" in out
    assert f"weight: mean {weight[100:].mean():,.0f} vs {weight.mean():,.0f}" in out
    assert "colour = blue: 100% vs 17% overall" in out
    assert "colour = red: 100%" not in out  # 83 % overall: no half deviation
    assert out.count("1.00 (6 of 6)") == 3
    assert "found again: 1 is always, 0 no more surely than in tables" in out
    assert "how many of 6 samples of the rows show the cluster" in out
    assert "noise:" not in out


def test_groups_and_stabilities_are_written(source, table, run, tmp_path):
    out = tmp_path / "out.csv"
    status, _, err = run("cluster", source, "--n-clusters", 3, "--out", out)
    assert status == 0
    assert f"wrote {out}" in err
    result = pd.read_csv(out)
    assert [*result] == [*table, "cluster", "cluster_stability"]
    assert result["cluster"].tolist() == TRUTH.tolist()
    assert (result["cluster_stability"] == 1).all()


@pytest.mark.parametrize("out_format", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("in_format", ["csv", "csv.gz", "parquet"])
def test_round_trip(in_format, out_format, table, tmp_path, run, monkeypatch):
    use_method(monkeypatch)
    source, out = tmp_path / f"in.{in_format}", tmp_path / f"out.{out_format}"
    table.loc[3, ["name", "weight"]] = None
    write_table(table, source, in_format)
    assert run("cluster", source, "--n-clusters", 3, "--out", out)[0] == 0
    result = pd.read_parquet(out) if out_format == "parquet" else pd.read_csv(out)
    pd.testing.assert_frame_equal(result[[*table]], table, check_dtype=False)
    assert adjusted_rand_score(result["cluster"], TRUTH) > 0.9


def test_cells_of_a_csv_file_stay_as_they_are(tmp_path, run, monkeypatch):
    use_method(monkeypatch)
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [
        "code,number,said,level",
        '007,1.10,"a, b",NA',
        "008,1e3,\u00e9,x",
        "008,,None,x",
        "007,5,,NA",
    ]
    source.write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    assert run("cluster", source, "--n-clusters", 2, "--out", out)[0] == 0
    written = out.read_text(encoding="utf-8").splitlines()
    assert [line.rsplit(",", 2)[0] for line in written] == rows


@pytest.mark.parametrize("header", ["a,a,a.1", ",b,", '"x, y",1.0,1'])
def test_header_of_a_csv_file_stays_as_it_is(header, tmp_path, run, monkeypatch):
    use_method(monkeypatch)
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [header, "1,5,x", "2,6,y", "4,5,x", "9,,y"]
    source.write_text("\n".join(rows) + "\n", encoding="utf-8-sig")
    assert run("cluster", source, "--n-clusters", 2, "--out", out)[0] == 0
    written = [line.rsplit(",", 2) for line in out.read_text().splitlines()]
    assert [line[0] for line in written] == rows
    assert written[0][1:] == ["cluster", "cluster_stability"]


def test_index_of_a_parquet_file_becomes_columns(table, tmp_path, run, monkeypatch):
    use_method(monkeypatch)
    source, out = tmp_path / "in.parquet", tmp_path / "out.csv"
    table.set_index("name").to_parquet(source)
    assert run("cluster", source, "--n-clusters", 3, "--out", out)[0] == 0
    assert pd.read_csv(out)["name"].tolist() == table["name"].tolist()


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet", "out.png"])
def test_same_seed_same_bytes(name, source, tmp_path, run):
    option = "--plot" if name.endswith(".png") else "--out"
    written = []
    for folder in ("first", "second"):
        path = tmp_path / folder / name
        path.parent.mkdir()
        assert run("cluster", source, option, path, "--random-state", 5)[0] == 0
        written.append(path.read_bytes())
    assert written[0] == written[1]


def test_plot(source, tmp_path, run):
    path = tmp_path / "picture.png"
    assert run("cluster", source, "--plot", path)[0] == 0
    assert plt.imread(path).shape == (960, 1280, 4)
    assert plt.get_fignums() == []


def test_shipped_table_shows_species_and_sexes(tmp_path, run):
    out = tmp_path / "out.csv"
    penguins = load_penguins().filename
    arguments = ["--drop", "species", "year", "--n-clusters", 6, "--out", out]
    assert run("cluster", penguins, *arguments)[0] == 0
    result = pd.read_csv(out).dropna(subset="sex")
    groups = result["species"] + result["sex"]
    assert adjusted_rand_score(groups, result["cluster"]) > 0.95


def test_id_names_typical_rows(source, run):
    _, out, err = run("cluster", source, "--n-clusters", 3, "--id", "name")
    assert "not used: name (--id)" in err
    typical = [line.split(": ")[1] for line in out.splitlines() if "typical" in line]
    assert len(typical) == 3
    for cluster, names in enumerate(typical):
        rows = [int(name.removeprefix("row ")) for name in names.split(", ")]
        assert len(set(rows)) == 3
        assert TRUTH[rows].tolist() == [cluster] * 3


def test_overwrites_a_file_but_never_the_source(source, run, monkeypatch):
    use_method(monkeypatch)
    before, out = source.read_bytes(), source.with_name("out.csv")
    out.touch(mode=0o640)
    assert run("cluster", source, "--n-clusters", 3, "--out", out)[0] == 0
    assert "cluster_stability" in pd.read_csv(out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    message = "TABLE and --out are one file"
    check_error(*run("cluster", source, "--out", source), message)
    assert source.read_bytes() == before
    assert sorted(os.listdir(source.parent)) == ["out.csv", source.name]


def test_writes_through_a_link_and_keeps_the_mode(source, tmp_path, run, monkeypatch):
    use_method(monkeypatch)
    target, link = tmp_path / "elsewhere" / "private.csv", tmp_path / "link.csv"
    target.parent.mkdir()
    target.touch()
    target.chmod(0o600)
    link.symlink_to(target)
    assert run("cluster", source, "--n-clusters", 3, "--out", link)[0] == 0
    assert link.is_symlink()
    assert "cluster_stability" in pd.read_csv(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert os.listdir(target.parent) == [target.name]


def test_writes_files_of_the_longest_name(source, tmp_path, run, monkeypatch):
    use_method(monkeypatch)
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    names = ["x" * (longest - 4) + suffix for suffix in (".csv", ".png")]
    files = ["--out", tmp_path / names[0], "--plot", tmp_path / names[1]]
    assert run("cluster", source, "--n-clusters", 3, *files)[0] == 0
    assert sorted(os.listdir(tmp_path)) == sorted([source.name, *names])


def test_stdout_that_lacks_letters(table, tmp_path, monkeypatch):
    use_method(monkeypatch)
    source = tmp_path / "in.csv"
    table.assign(name="n\u00e4me\U0001f600").to_csv(source, index=False)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["cluster", str(source), "--n-clusters", "3", "--id", "name"]) == 0
    stream.flush()
    assert rb"typical: n\xe4me\U0001f600" in stream.buffer.getvalue()


def test_stdout_may_be_any_object_with_write(source, monkeypatch):
    use_method(monkeypatch)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["cluster", str(source), "--n-clusters", "3"]) == 0
    assert stream.getvalue().startswith("3 clusters of 120 rows")


def test_quiet(source, run):
    status, out, err = run("cluster", source, "--n-clusters", 3, "--quiet")
    assert status == 0
    assert out.startswith("3 clusters of 120 rows")
    assert err == ""


def test_one_cluster_is_all_rows(source, run):
    _, out, _ = run("cluster", source, "--n-clusters", 1)
    assert out.startswith("1 cluster of 120 rows")
    assert out.splitlines()[3].endswith("all rows")


# Number of clusters ---------------------------------------------------------


def test_without_options_the_number_of_clusters_is_found(source, tmp_path, run):
    out = tmp_path / "out.csv"
    status, summary, _ = run("cluster", source, "--out", out)
    assert status == 0
    assert summary.startswith("3 clusters of 120 rows")
    result = pd.read_csv(out)
    assert adjusted_rand_score(TRUTH, result["cluster"]) == 1
    assert result["cluster_stability"].between(0.5, 1).all()


@pytest.mark.parametrize("arguments", [[], ["--method", "ppp"]])
def test_a_number_that_is_given_is_taken(source, run, arguments):
    status, out, _ = run("cluster", source, "--n-clusters", 2, *arguments)
    assert status == 0
    assert out.startswith("2 clusters of 120 rows")


def test_a_table_of_one_kind_is_one_cluster_and_says_so(tmp_path, run):
    source = tmp_path / "in.csv"
    rows = np.random.default_rng(0).normal(size=(300, 2))
    pd.DataFrame(rows, columns=["a", "b"]).to_csv(source, index=False)
    status, out, err = run("cluster", source)
    assert status == 0
    assert out.startswith("1 cluster of 300 rows")
    assert "No evidence of more than one cluster" in err
    assert "one cluster: the rows show no evidence of more than one" in out
    few = tmp_path / "few.csv"
    pd.DataFrame(rows[:50], columns=["a", "b"]).to_csv(few, index=False)
    assert "one cluster: 50 rows are few" in run("cluster", few)[1]
    status, out, _ = run("cluster", source, "--min-clusters", 2)
    assert status == 0
    assert not out.startswith("1 cluster")


@pytest.mark.parametrize("method", sorted(set(METHODS) - {*FIND_NUMBER, "graph"}))
def test_other_methods_need_the_number(source, run, method):
    status, _, err = run("cluster", source, "--method", method)
    assert status == 2
    assert (
        f"--method {method} needs --n-clusters K; ppp or mixed or auto or vote finds"
        in err
    )


def test_auto_takes_the_best_of_several_methods(source, run, tmp_path):
    status, out, _ = run("cluster", source, "--method", "auto")
    assert status == 0
    assert out.startswith("3 clusters of")
    found = tmp_path / "found.csv"
    options = ("--method", "auto", "--n-clusters", "2", "--out", found)
    status, out, err = run("cluster", source, *options)
    assert status == 0
    assert out.startswith("2 clusters of")
    assert "skdeepcluster: chosen by stability: " in err
    assert "; tried: " in err
    assert pd.read_csv(found)["cluster"].nunique() == 2


# Columns --------------------------------------------------------------------


def test_decisions_are_said(tmp_path, run):
    table = pd.DataFrame(
        {
            "row": range(200),
            "size": np.arange(200.0) % 7,
            "kind": ["a", "b"] * 99 + [None, "c"],
            "cm": 1,
            "mark": range(200, 0, -1),
        }
    )
    table.loc[4:6, "size"] = np.nan
    source = tmp_path / "in.csv"
    table.to_csv(source, index=False)
    _, _, err = run("cluster", source, "--n-clusters", 2, "--drop", "mark")
    assert err.splitlines() == [
        "skdeepcluster: numbers, scaled: size",
        "skdeepcluster: categories, each of the weight of one number: kind (3 levels)",
        "skdeepcluster: not used: mark (--drop), row (counts the rows), cm (constant)",
        "skdeepcluster: missing values: size (3), kind (1); every figure is of the "
        "cells that are there",
        "skdeepcluster: method: mixed, since there are categories or missing cells; "
        "--method takes another: kmeans, sdp, tell, tell-autoencoder, ppp, auto, vote",
    ]


def test_every_column_is_in_the_file_of_columns(table, tmp_path, run):
    table["income"] = [f"${value:,}" for value in range(20_000, 140_000, 1_000)]
    source, path = tmp_path / "in.csv", tmp_path / "columns.csv"
    table.to_csv(source, index=False)
    assert run("cluster", source, "--id", "name", "--columns", path)[0] == 0
    found = pd.read_csv(path).set_index("column")
    assert found.index.tolist() == [*table]
    assert found.loc["income", "unit"] == "$"
    assert found.loc["colour", "levels"] == "red | blue"
    assert found.loc["name", "why_unused"] == "--id"
    assert found["role"].tolist() == ["unused"] + ["number"] * 3 + [
        "category",
        "number",
    ]


def test_long_lists_of_columns_are_cut(tmp_path, run):
    source = tmp_path / "in.csv"
    numbers = np.random.default_rng(0).normal(size=(20, 40))
    pd.DataFrame(numbers, columns=[f"x{i}" for i in range(40)]).to_csv(
        source, index=False
    )
    _, _, err = run("cluster", source, "--n-clusters", 2)
    assert err.splitlines()[0].endswith("x10, x11 and 28 more (all in --columns FILE)")


# What goes wrong ------------------------------------------------------------


def check_error(status, out, err, message):
    assert status == 2
    assert out == ""
    assert err.startswith("skdeepcluster: error: ")
    assert err.count("\n") == 1
    assert message in err


GOOD = "a,b\n1,5\n2,6\n4,5\n9,9\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", None, "there is no file"),
        ("in.csv", b"", "it holds no rows"),
        ("in.csv", b"a,b\n", "it holds no rows"),
        ("in.csv", b"a,b\n1,2\n3,4,5\n4,5\n", "line 3 has 3 cells, and others have 2"),
        ("in.csv", b"a,b\n1,2\n-inf,3\n", "column 'a' holds -inf in row 2"),
        ("in.csv", b"a,b\ninf,2\n1,3\n", "column 'a' holds inf in row 1"),
        ("in.csv", b"a,b\n-1e308,2\n1e308,3\n", "column 'a' holds -1e+308 in row 1"),
        ("in.csv", b"a,b\n1,x\n1,y\n", "'a' (constant), 'b' (text, 2 different"),
        ("in.csv", b"a,cluster\n1,2\n2,3\n", "already has a column 'cluster'"),
        ("in.csv", b"a,cluster_stability\n1,2\n", "column 'cluster_stability'"),
        ("in.csv.gz", GOOD.encode(), "Not a gzipped file"),
        ("in.csv.gz", gzip.compress(GOOD.encode() * 99, mtime=0)[:-20], "cannot read"),
        ("in.parquet", b"PAR1 nothing", "cannot read"),
        ("in.parquet", None, "there is no file"),
        ("in.xlsx", b"PK", "the name must end in .csv, .csv.gz, .tsv"),
    ],
)
def test_bad_table(name, content, message, tmp_path, run):
    source, out = tmp_path / name, tmp_path / "out.csv"
    out.write_text("precious")
    if content is not None:
        source.write_bytes(content)
    before = sorted(os.listdir(tmp_path))
    check_error(*run("cluster", source, "--out", out), message)
    assert sorted(os.listdir(tmp_path)) == before
    assert out.read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "arguments are required: COMMAND; see skdeepcluster --help"),
        (["explode"], "invalid choice: 'explode'"),
        (["cluster"], "arguments are required: TABLE"),
        (
            ["discover", "{source}"],
            "--label --seeds is required; see skdeepcluster discover --help",
        ),
        (["cluster", "--drop", "a", "{source}"], "TABLE; it comes before --drop"),
        (["cluster", "{source}", "--colour"], "unrecognized arguments: --colour"),
        (["cluster", "{source}", "--method", "magic"], "invalid choice: 'magic'"),
        (["cluster", "{source}", "--drop", "hue"], "--drop: there is no column 'hue'"),
        (["cluster", "{source}", "--id", "hue"], "--id: there is no column 'hue'"),
        (["cluster", "{source}", "--n-clusters", "121"], "has only 120 rows"),
        (["cluster", "{source}", "--n-clusters", "0"], "not a positive integer"),
        (["cluster", "{source}", "--n-clusters", "x"], "not a positive integer"),
        (["cluster", "{source}", "--random-state", "-1"], "not an integer from 0"),
        (["cluster", "{source}", "--random-state", "4294967296"], "from 0 to"),
        (["cluster", "{source}", "--out", "{folder}/out.txt"], "must end in .csv"),
        (["cluster", "{source}", "--out", "{folder}/no/out.csv"], "no folder"),
        (["cluster", "{source}", "--out", "{folder}/dir.csv"], "not a regular file"),
        (["cluster", "{source}", "--out", "{folder}/pipe.csv"], "not a regular file"),
        (["cluster", "{source}", "--out", "{folder}/loop.csv"], "symbolic links"),
        (["cluster", "{source}", "--out", f"{'x' * 5000}.csv"], "name too long"),
        (["cluster", "{source}", "--plot", "{folder}/out.jpg"], "must end in .png"),
        (["cluster", "{source}", "--plot", "{folder}/no/out.png"], "no folder"),
        (["cluster", "{folder}"], "is read in parts: say --out FOLDER"),
        (["cluster", "{folder}/dir.csv"], "there is no .parquet"),
    ],
)
def test_bad_arguments(arguments, message, source, tmp_path, run):
    (tmp_path / "dir.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    before = sorted(os.listdir(tmp_path))
    arguments = [a.format(source=source, folder=tmp_path) for a in arguments]
    check_error(*run(*arguments), message)
    assert sorted(os.listdir(tmp_path)) == before


def test_two_columns_of_one_name(tmp_path, run):
    source = tmp_path / "in.parquet"
    columns = [pyarrow.array([1, 2, 2]), pyarrow.array([3, 3, 4])]
    parquet.write_table(pyarrow.table(columns, names=["a", "a"]), source)
    check_error(*run("cluster", source), "cannot read")


def test_folder_without_permission(source, tmp_path, run, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = run("cluster", source, "--out", tmp_path / "out.csv")
    check_error(*result, "the folder is not writable")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("pandas", []),
        ("pyarrow", ["--out", "out.parquet"]),
        ("matplotlib", ["--plot", "out.png"]),
    ],
)
def test_missing_extra(module, arguments, source, run, monkeypatch):
    monkeypatch.chdir(source.parent)
    monkeypatch.setitem(sys.modules, module, None)
    result = run("cluster", source, *arguments)
    check_error(*result, f'{module} is not installed: pip install "skdeepcluster[cli]"')
    assert os.listdir() == [source.name]


def test_missing_pyarrow_for_a_parquet_table(table, tmp_path, run, monkeypatch):
    source = tmp_path / "in.parquet"
    table.to_parquet(source)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    check_error(*run("cluster", source), "pyarrow is not installed")


def test_disk_full(source, tmp_path, run, monkeypatch):
    def write_half(table, path, file_format):
        path.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    use_method(monkeypatch)
    monkeypatch.setattr("skdeepcluster.cli.outputs.write_table", write_half)
    out = tmp_path / "out.csv"
    out.write_text("precious")
    check_error(*run("cluster", source, "--out", out, "--quiet"), "No space left")
    assert out.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["out.csv", "table.csv"]


def test_no_table_is_left_when_the_picture_fails(source, tmp_path, run, monkeypatch):
    def fail(points, axis_labels, labels, path):
        path.write_text("half")
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    use_method(monkeypatch)
    monkeypatch.setattr("skdeepcluster.cli.commands.draw", fail)
    files = ["--out", tmp_path / "out.csv", "--plot", tmp_path / "out.png"]
    message = f"error: cannot write {files[-1]}: {os.strerror(errno.EIO)}\n"
    check_error(*run("cluster", source, *files, "--quiet"), message)
    assert os.listdir(tmp_path) == [source.name]


def test_mistake_in_drawing_is_not_blamed_on_the_files(
    source, tmp_path, run, monkeypatch
):
    def fail(points, axis_labels, labels, path):
        raise IndexError("a mistake")

    use_method(monkeypatch)
    monkeypatch.setattr("skdeepcluster.cli.commands.draw", fail)
    files = ["--out", tmp_path / "out.csv", "--plot", tmp_path / "out.png"]
    with pytest.raises(IndexError, match="a mistake"):
        run("cluster", source, *files, "--quiet")
    assert os.listdir(tmp_path) == [source.name]


@pytest.mark.parametrize("column", [[1, "x", b"y"], [1, 2**70, 2]])
def test_table_that_parquet_cannot_hold(column, source, tmp_path, run, monkeypatch):
    def result_table(*args):
        return pd.DataFrame({"a": column})

    use_method(monkeypatch)
    monkeypatch.setattr("skdeepcluster.cli.outputs.result_table", result_table)
    out = tmp_path / "out.parquet"
    result = run("cluster", source, "--n-clusters", 2, "--out", out, "--quiet")
    check_error(*result, "Parquet cannot hold this table: ")
    assert os.listdir(tmp_path) == [source.name]


def test_interrupt(source, tmp_path, run, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    use_method(monkeypatch, interrupt)
    arguments = ["--n-clusters", 3, "--out", tmp_path / "out.csv", "--quiet"]
    status, out, err = run("cluster", source, *arguments)
    assert (status, out, err) == (130, "", "skdeepcluster: interrupted\n")
    assert os.listdir(tmp_path) == [source.name]


def test_reader_who_has_had_enough(source):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "skdeepcluster", "cluster", source, "--quiet"]
    with open(writing, "wb") as stdout:
        result = subprocess.run(
            command, stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    assert (result.returncode, result.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no good\nat all"), "no good"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_errors_of_the_method(error, message, source, run, monkeypatch):
    def fail():
        raise error

    use_method(monkeypatch, fail)
    check_error(*run("cluster", source, "--n-clusters", 3, "--quiet"), message)


def test_warnings_of_the_method_become_notes(source, run, monkeypatch):
    def warn():
        for _ in range(2):
            warnings.warn("did not\nconverge", ConvergenceWarning, stacklevel=2)
        warnings.warn("will be renamed", FutureWarning, stacklevel=2)

    use_method(monkeypatch, warn)
    status, _, err = run("cluster", source, "--n-clusters", 3)
    assert status == 0
    assert err.count("skdeepcluster: did not\n") == 1
    assert "renamed" not in err


# Any table at all -----------------------------------------------------------

CELLS = st.one_of(
    st.sampled_from(["", "NA", "a", "b", "True", "False", "2020-01-01", '"x,y"']),
    st.integers(-3, 3).map(str),
    st.integers().map(str),
    st.floats().map(str),
    st.text("ab\u00e9 '", max_size=3),
)


@st.composite
def csv_texts(draw):
    n_columns = draw(st.integers(1, 4))
    n_rows = draw(st.integers(0, 12))
    # Columns draw from few kinds of cells, as columns do.
    pools = [draw(st.lists(CELLS, min_size=1, max_size=6)) for _ in range(n_columns)]
    header = ",".join(f"c{i}" for i in range(n_columns))
    rows = [
        ",".join(draw(st.sampled_from(pool)) for pool in pools) for _ in range(n_rows)
    ]
    return "\n".join([header, *rows]) + "\n"


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=csv_texts(), n_clusters=st.none() | st.integers(1, 4))
def test_any_table_is_clustered_or_refused(text, n_clusters, tmp_path, run):
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(text, encoding="utf-8")
    out.unlink(missing_ok=True)
    arguments = ["--quiet", "--out", out]
    if n_clusters is not None:
        arguments += ["--n-clusters", n_clusters]
    status, stdout, err = run("cluster", source, *arguments)
    if status == 0:
        assert err == ""
        result = pd.read_csv(out)
        assert len(result) == len(pd.read_csv(source))
        assert result["cluster"].between(0, 10).all()
        assert result["cluster_stability"].dropna().between(0, 1).all()
        assert stdout.splitlines()[0].endswith(f"of {len(result)} rows")
    else:
        check_error(status, stdout, err, "")
        assert not out.exists()


# The process ----------------------------------------------------------------


def run_process(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(skdeepcluster.__file__).parents[1],
    )


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"skdeepcluster {skdeepcluster.__version__}\n"


def test_every_option_and_status_is_on_the_page():
    from skdeepcluster.cli.parser import build_parser

    root = Path(skdeepcluster.__file__).parents[1]
    page = (root / "doc" / "user_guide" / "command_line.rst").read_text("utf-8")
    (commands,) = build_parser()._subparsers._group_actions
    for command in commands.choices.values():
        for action in command._actions:
            for option in action.option_strings:
                if option.startswith("--"):
                    assert f"``{option}" in page, option
    for status in ("0", "2", "129", "130", "141", "143"):
        assert f"\n``{status}``" in page


def test_the_notes_on_the_page_are_those_that_are_said(capsys, monkeypatch):
    root = Path(skdeepcluster.__file__).parents[1]
    page = (root / "doc" / "user_guide" / "command_line.rst").read_text("utf-8")
    block = page.partition("    $ skdeepcluster cluster ")[2].partition("\n\n")[0]
    command, *lines = block.split("\n")
    monkeypatch.chdir(root)
    assert main(["cluster", *command.split()]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said == [line.strip() for line in lines if "skdeepcluster: " in line]


def test_numbers_left_out_are_those_on_the_page():
    from skdeepcluster.cli.parser import build_parser

    root = Path(skdeepcluster.__file__).parents[1]
    page = (root / "doc" / "user_guide" / "command_line.rst").read_text("utf-8")
    said = " ".join(page.split())
    line = (
        r"``--n N`` \(sample\) [^;]*; (\d+), left out; \(ask\) [^;]*; (\d+), left out"
    )
    (numbers,) = re.findall(line, said)
    parse = build_parser().parse_args
    sample = parse(["sample", "table.csv", "--out", "out.csv"])
    ask = parse(["ask", "table.csv", "--answers", "a.csv", "--n-clusters", "2"])
    assert [sample.n, ask.n] == [*map(int, numbers)]
    (gigabytes,) = re.findall(r"when unpacked counts; (\d+)G, left out", said)
    assert parse(["cluster", "table.csv"]).memory == int(gigabytes) * 2**30


def test_help_loads_nothing_heavy():
    code = """
import sys
from skdeepcluster.cli import main
try:
    main(["cluster", "--help"])
except SystemExit as end:
    assert end.code == 0
heavy = {"numpy", "scipy", "pandas", "sklearn", "numba", "torch", "matplotlib"}
print("loaded:", sorted(heavy & set(sys.modules)))
"""
    process = run_process("-c", code)
    assert process.stdout.startswith("usage: skdeepcluster cluster")
    assert process.stdout.endswith("loaded: []\n")


def test_fresh_process_gives_the_same_bytes(source, tmp_path, run):
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    status, stdout, _ = run("cluster", source, "--out", here)
    process = run_process("-m", "skdeepcluster", "cluster", source, "--out", there)
    assert (status, process.returncode) == (0, 0), process.stderr
    assert process.stdout == stdout
    assert there.read_bytes() == here.read_bytes()


def test_error_of_a_fresh_process(tmp_path):
    process = run_process("-m", "skdeepcluster", "cluster", tmp_path / "no.csv")
    check_error(process.returncode, process.stdout, process.stderr, "there is no file")
