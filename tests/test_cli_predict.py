"""``cluster --save`` and ``predict``: the same groups for further tables."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from forgery import forge_tree

import skdeepcluster
from skdeepcluster.cli import main

TRUTH = np.repeat([0, 1, 2], [60, 40, 20])


@pytest.fixture
def table():
    """Three groups, far apart in numbers and in colour."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "name": [f"row {i}" for i in range(120)],
            "weight": np.array([10.0, 3000.0, 6000.0])[TRUTH] + rng.normal(size=120),
            "height": np.array([1.0, 8.0, 2.0])[TRUTH] + rng.normal(size=120) / 10,
            "noise": rng.normal(size=120),
            "colour": np.array(["red", "red", "blue"])[TRUTH],
        }
    ).round(3)


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


@pytest.fixture
def model(source, tmp_path, run, fitted):
    """A model of the table; `fit.csv` beside it has what `cluster` said."""
    paths = tmp_path / "groups.model", tmp_path / "fit.csv"
    if not fitted:
        command = ["cluster", source, "--n-clusters", 3]
        status, *_ = run(*command, "--save", paths[0], "--out", paths[1])
        assert status == 0
        fitted += [path.read_bytes() for path in paths]
    for path, content in zip(paths, fitted, strict=True):
        path.write_bytes(content)
    return paths[0]


@pytest.fixture(scope="module")
def fitted():
    """The files that the first test has made for all."""
    return []


def groups(path):
    found = pd.read_csv(path)
    return found["cluster"].to_numpy()


@pytest.mark.parametrize(
    "method", ["kmeans", "tell", "ppp", "mixed", "tell-autoencoder"]
)
def test_rows_of_the_fit_get_their_groups(method, source, tmp_path, run):
    path, fit, again = (tmp_path / name for name in ("m", "fit.csv", "again.csv"))
    first = ["--method", method, "--save", path, "--out", fit]
    first += ["--n-clusters", 3] if method not in ("ppp", "mixed") else []
    _, summary, err = run("cluster", source, *first)
    assert f"wrote {path}" in err
    status, out, err = run("predict", path, source, "--out", again)
    assert status == 0
    assert out.splitlines()[0] == summary.splitlines()[0]
    assert err == f"skdeepcluster: wrote {again}\n"
    np.testing.assert_array_equal(groups(again), groups(fit))
    assert not pd.read_csv(again)["cluster_unlike"].any()


def test_same_options_same_model(source, model, tmp_path, run):
    again = tmp_path / "again.model"
    run("cluster", source, "--n-clusters", 3, "--save", again)
    np.testing.assert_array_equal(
        skdeepcluster.load(again)[-1].weights_,
        skdeepcluster.load(model)[-1].weights_,
    )


def test_rows_do_not_depend_on_their_table(source, table, model, tmp_path, run):
    run("predict", model, source, "--out", tmp_path / "all.csv")
    labels = groups(tmp_path / "all.csv")
    for rows in ([0], [119], [5, 70, 110]):
        table.iloc[rows].to_csv(tmp_path / "few.csv", index=False)
        status, *_ = run(
            "predict", model, tmp_path / "few.csv", "--out", tmp_path / "out.csv"
        )
        assert status == 0
        np.testing.assert_array_equal(groups(tmp_path / "out.csv"), labels[rows])


def test_model_serves_in_python(table, model, tmp_path, run):
    pipeline = skdeepcluster.load(model)
    labels = groups(tmp_path / "fit.csv")
    np.testing.assert_array_equal(pipeline.predict(table), labels)
    with pytest.raises(ValueError, match=r"lacks columns .*: weight"):
        pipeline.predict(table.drop(columns="weight"))


def changed(table, how):
    """A further table, and what is said of it."""
    table = table.copy()
    if how == "reordered":
        return table[table.columns[::-1]], None
    if how == "new column":
        return table.assign(extra=1), "the model does not know them: extra"
    if how == "unused column gone":
        return table.drop(columns="name"), None
    if how == "unseen category":
        table.loc[3:5, "colour"] = "mauve"
        return table, "has never seen: colour (mauve: 3 rows)"
    if how == "missing values":
        table.loc[3:5, ["weight", "colour"]] = None
        return table, "missing values: weight (3), colour (3)"
    if how == "empty column":
        return table.assign(weight=None), "missing values: weight (120)"
    if how == "text of numbers":
        table["colour"] = 7.0
        return table, "the model has never seen: colour (7: 120 rows)"
    return table.astype({"weight": int}), "outside the fitted range: weight ("


@pytest.mark.parametrize(
    "how",
    [
        "reordered",
        "new column",
        "unused column gone",
        "unseen category",
        "missing values",
        "empty column",
        "text of numbers",
        "whole numbers",
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_other_columns_are_said(how, suffix, table, model, tmp_path, run):
    frame, message = changed(table, how)
    path, out = tmp_path / f"new.{suffix}", tmp_path / "out.csv"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    status, _, err = run("predict", model, path, "--out", out)
    assert status == 0
    lines = err.replace(f"skdeepcluster: wrote {out}\n", "").splitlines()
    assert not lines if message is None else message in err
    labels = groups(out)
    assert set(labels) <= {0, 1, 2}
    if message is None:
        np.testing.assert_array_equal(labels, groups(tmp_path / "fit.csv"))


def test_codes_that_look_like_numbers_stay_the_same_codes(tmp_path, run):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"code": np.repeat(["1", "2", "x"], 30), "size": rng.normal(size=90)}
    )
    frame.loc[frame["code"] == "x", "size"] += 50
    frame.to_csv(tmp_path / "a.csv", index=False)
    run("cluster", tmp_path / "a.csv", "--n-clusters", 2, "--save", tmp_path / "m")
    numbers = frame[:60].copy()
    numbers.loc[7, "code"] = None
    numbers.to_csv(tmp_path / "b.csv", index=False)
    status, _, err = run("predict", tmp_path / "m", tmp_path / "b.csv")
    assert status == 0
    assert "never seen" not in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda frame: frame.drop(columns=["weight", "colour"]),
            "the table lacks columns that the model needs: weight, colour; it has "
            "name, height, noise",
        ),
        (
            lambda frame: frame.assign(weight=["heavy"] * 60 + ["2.5"] * 60),
            "Column 'weight' of X held numbers at fit and holds 'heavy' in row 0 now",
        ),
        (
            lambda frame: frame.assign(weight=np.inf),
            "column 'weight' holds inf in row 1",
        ),
        (lambda frame: frame.assign(cluster=1), "already has a column 'cluster'"),
        (lambda frame: frame[:0], "holds no rows"),
    ],
)
def test_tables_that_do_not_fit(change, message, table, model, tmp_path, run):
    change(table).to_csv(tmp_path / "new.csv", index=False)
    status, out, err = run(
        "predict", model, tmp_path / "new.csv", "--out", tmp_path / "out.csv"
    )
    assert (status, out) == (2, "")
    assert err.startswith("skdeepcluster: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "out.csv").exists()


def test_one_row_is_one_row(table, model, tmp_path, run):
    table[:1].to_csv(tmp_path / "new.csv", index=False)
    _, out, _ = run("predict", model, tmp_path / "new.csv")
    assert out.startswith("1 cluster of 1 row\n")


def test_nothing_is_written_over_what_is_read(source, model, tmp_path, run):
    before = {path: path.read_bytes() for path in (source, model)}
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    folder = tmp_path / "." / ".." / tmp_path.name
    for command in (
        ["cluster", source, "--save", source],
        ["cluster", source, "--save", tmp_path / "link.csv"],
        ["cluster", source, "--save", tmp_path / "hard.csv"],
        ["cluster", source, "--save", folder / source.name],
        ["cluster", source, "--save", tmp_path / "x.csv", "--out", folder / "x.csv"],
        [
            "cluster",
            source,
            "--save",
            tmp_path / "x.html",
            "--report",
            folder / "x.html",
        ],
    ):
        status, out, err = run(*command)
        assert (status, out) == (2, "")
        assert "are one file" in err
        assert err.count("\n") == 1
    assert before == {path: path.read_bytes() for path in before}
    assert not list(tmp_path.glob("x.*"))
    (tmp_path / "model.csv").hardlink_to(model)
    status, _, err = run("predict", model, source, "--out", tmp_path / "model.csv")
    assert status == 2
    assert "MODEL and --out are one file" in err


def test_models_that_are_none(source, model, tmp_path, run):
    other = tmp_path / "other.model"
    skdeepcluster.save(skdeepcluster.PPP(), other)
    damaged = tmp_path / "damaged.model"
    damaged.write_bytes(model.read_bytes()[:-1])
    forged = tmp_path / "forged.model"
    forged.write_bytes(model.read_bytes())
    mixture = '"MixedMixture","__module__":"skdeepcluster.mixture.mixed_mixture"'
    forge_tree(forged, mixture, '"x","__module__":"os"')
    for path, message in (
        (other, "was not saved by this command"),
        (damaged, "it was damaged"),
        (forged, "needs os.x, which a model file may not hold"),
        (source, "it is not a model file"),
        (tmp_path, "cannot read the model"),
        (tmp_path / "none", "there is no file"),
    ):
        status, out, err = run("predict", path, source)
        assert (status, out) == (2, "")
        assert message in err
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: MODEL, TABLE"),
        (["m"], "are required: TABLE; see skdeepcluster predict --help\n"),
        (["m", "t.csv", "--out", "o.txt"], "must end in .csv"),
        (["m", "t.csv", "--method", "ppp"], "unrecognized arguments"),
    ],
)
def test_bad_arguments(arguments, message, run):
    status, _, err = run("predict", *arguments)
    assert status == 2
    assert message in err


def test_model_is_written_where_it_can_be(source, tmp_path, run):
    status, _, err = run("cluster", source, "--save", tmp_path / "no" / "m")
    assert status == 2
    assert "there is no folder" in err


PROGRAM = """
import os, signal, sys
from skdeepcluster.cli import main, outputs
def half(*args):
    path = args[-1] if "model" in sys.argv[1] else args[1]
    write(*args)
    os.truncate(path, os.path.getsize(path) // 2)
    os.kill(os.getpid(), signal.SIGKILL)
if "model" in sys.argv[1]:
    import skdeepcluster
    write = skdeepcluster.save
    skdeepcluster.save = half
else:
    write, outputs.write_table = outputs.write_table, half
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("what", ["model", "table"])
def test_killed_while_it_writes(what, source, tmp_path):
    paths = tmp_path / "m.model", tmp_path / "out.csv"
    old = paths[what == "table"]
    old.write_text("before")
    command = ["cluster", source, "--n-clusters", "2"]
    command += ["--save", paths[0], "--out", paths[1]]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, what, *map(str, command)],
        check=False,
        stderr=subprocess.DEVNULL,
    )
    assert done.returncode == -9
    assert old.read_text() == "before"
    assert [path.exists() for path in paths] == [path == old for path in paths]


def test_line_breaks_in_names_are_written_out(tmp_path, run):
    frame = pd.DataFrame({"a\nb": np.arange(20) % 7, "c": [1] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    status, _, err = run("cluster", tmp_path / "t.csv", "--n-clusters", 2)
    assert status == 0
    assert "numbers, scaled: a\\nb\n" in err
    assert all(line.startswith("skdeepcluster: ") for line in err.splitlines())


def test_another_scale_is_said(tmp_path, run):
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1, 2], 60)
    frame = pd.DataFrame(
        {
            "temp": np.array([10.0, 20.0, 15.0])[kind] + rng.normal(size=180),
            "load": np.array([200.0, 180.0, 260.0])[kind] + rng.normal(size=180),
        }
    ).round(2)
    frame.to_csv(tmp_path / "celsius.csv", index=False)
    model, out = tmp_path / "m", tmp_path / "out.csv"
    assert run("cluster", tmp_path / "celsius.csv", "--save", model)[0] == 0
    frame["temp"] = frame["temp"] * 9 / 5 + 32
    frame.to_csv(tmp_path / "fahrenheit.csv", index=False)
    status, said, err = run("predict", model, tmp_path / "fahrenheit.csv", "--out", out)
    assert status == 0
    for text in (said, err):
        assert "values outside the fitted range: temp (180 of 180 rows, 100%;" in text
        assert "rows unlike any that was fitted: 180 of 180" in text
    assert pd.read_csv(out)["cluster_unlike"].all()


def test_marks_of_an_earlier_file_are_kept(tmp_path, run):
    frame = pd.DataFrame(
        {"umsatz": [693, 2575, 711, 2412, 12400] * 20, "n": range(100)}
    )
    frame["n"] = frame["n"] % 7
    dots = frame["umsatz"].map("{:,}".format).str.replace(",", ".")
    frame.assign(umsatz=dots).to_csv(tmp_path / "a.csv", index=False)
    model = tmp_path / "m"
    assert (
        run("cluster", tmp_path / "a.csv", "--n-clusters", 2, "--save", model)[0] == 0
    )
    few = frame.assign(umsatz=dots)[frame["umsatz"] > 1000]
    few.to_csv(tmp_path / "b.csv", index=False)
    status, said, _ = run("predict", model, tmp_path / "b.csv")
    assert status == 0
    assert "outside the fitted range" not in said
