"""The command with bounds of sizes and links, and the command that asks."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from skdeepcluster.cli import main

IRIS = load_iris()


@pytest.fixture
def table(tmp_path):
    """Iris, with names of the rows."""
    frame = pd.DataFrame(IRIS.data, columns=["sl", "sw", "pl", "pw"])
    frame["plant"] = [f"plant{i}" for i in range(150)]
    path = tmp_path / "iris.csv"
    frame.to_csv(path, index=False)
    return path


def run(*args):
    return main([str(arg) for arg in args])


def pairs_file(path, *pairs):
    pd.DataFrame(pairs, columns=["a", "b"]).to_csv(path, index=False)
    return path


def test_sizes_and_links_hold(table, tmp_path, capsys):
    must = pairs_file(tmp_path / "must.csv", (1, 51), (2, 3))
    cannot = pairs_file(tmp_path / "cannot.csv", (1, 2))
    out = tmp_path / "out.csv"
    sizes = ["--size-min", "30%", "--size-max", "55"]
    links = ["--must-link", must, "--cannot-link", cannot]
    args = [table, "--n-clusters", 3, "--drop", "plant", *sizes, *links, "--out", out]
    assert run("cluster", *args) == 0
    labels = pd.read_csv(out)["cluster"].to_numpy()
    assert np.bincount(labels).min() >= 45
    assert np.bincount(labels).max() <= 55
    assert labels[0] == labels[50]
    assert labels[1] == labels[2] != labels[0]
    said = capsys.readouterr()
    assert "2 pairs of rows that belong together" in said.err
    assert "bounds of sizes and links are about all rows" in said.out


def test_rows_are_named_by_id(table, tmp_path):
    must = pairs_file(tmp_path / "must.csv", ("plant0", "plant50"))
    out, model = tmp_path / "out.csv", tmp_path / "model"
    args = ["--n-clusters", 3, "--id", "plant", "--must-link", must, "--save", model]
    assert run("cluster", table, *args, "--out", out) == 0
    labels = pd.read_csv(out)["cluster"]
    assert labels[0] == labels[50]
    assert run("predict", model, table) == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--size-min", "60"], "size-min can be at most 50"),
        (["--size-max", "2", "--n-clusters", "3"], "raise --size-max to at least 50"),
        (["--size-max", "x"], "neither a number of rows nor a share"),
        (["--size-max", "150%"], "neither a number of rows nor a share"),
        (["--size-max", "60", "--method", "ppp"], "do not go with --method ppp"),
        (["--some-wrong"], "--some-wrong needs"),
        (["--must-link", "PAIRS"], "151 in column 'b' is not a row number from 1"),
        (["--cannot-link", "SELF"], "Row 6 cannot be kept apart from itself"),
    ],
)
def test_what_cannot_be_is_said(args, message, table, tmp_path, capsys):
    files = {
        "PAIRS": pairs_file(tmp_path / "p.csv", (1, 151)),
        "SELF": pairs_file(tmp_path / "s.csv", (7, 7)),
    }
    args = [files.get(arg, arg) for arg in args]
    assert run("cluster", table, "--n-clusters", 3, "--drop", "plant", *args) == 2
    assert message in capsys.readouterr().err


def test_bounds_need_a_number_of_clusters(table, capsys):
    assert run("cluster", table, "--size-min", 10) == 2
    assert "need --n-clusters K" in capsys.readouterr().err


def test_questions_in_a_file(table, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    answers, out = tmp_path / "answers.csv", tmp_path / "out.csv"
    args = ["ask", table, "--n-clusters", 3, "--drop", "plant", "--answers", answers]
    args += ["--n", 10, "--out", out]
    for _ in range(6):
        assert run(*args) == 0
        said = capsys.readouterr().out
        frame = pd.read_csv(answers, keep_default_na=False, dtype=str)
        assert frame.columns.tolist() == ["row", "other", "together"]
        waiting = frame["together"] == ""
        assert waiting.sum() == 10
        assert "10 questions: write yes, no or ?" in said
        rows = frame[["row", "other"]].astype(int).to_numpy() - 1
        assert f"row {rows[-1, 0] + 1}" in said
        same = IRIS.target[rows[:, 0]] == IRIS.target[rows[:, 1]]
        frame["together"] = np.where(same, "yes", "no")
        frame.to_csv(answers, index=False)
    assert run(*args) == 0
    assert "by 60 answers" in capsys.readouterr().out
    labels = pd.read_csv(out)["cluster"].to_numpy()
    assert (labels[rows[:, 0]] == labels[rows[:, 1]]).tolist() == same.tolist()


class Person(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self):
        return True


def test_questions_in_a_terminal(table, tmp_path, capsys, monkeypatch):
    answers = tmp_path / "answers.csv"
    args = ["ask", table, "--n-clusters", 3, "--id", "plant", "--answers", answers]
    monkeypatch.setattr("sys.stdin", Person("no\nperhaps\n?\nyes\nq\n"))
    assert run(*args) == 0
    said = capsys.readouterr().out
    assert said.count("question ") == 4
    assert "plant" in said
    frame = pd.read_csv(answers)
    assert frame["together"].tolist() == ["no", "?", "yes"]
    assert frame["row"].str.startswith("plant").all()
    # It goes on where it ended, until there is nothing more to read.
    monkeypatch.setattr("sys.stdin", Person("no\n"))
    assert run(*args) == 0
    assert len(pd.read_csv(answers)) == 4
    assert "by 3 answers" in capsys.readouterr().out


def test_contradicting_answers_are_kept_and_said(table, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    answers = tmp_path / "answers.csv"
    rows = [(1, 2, "yes"), (2, 3, "y"), (1, 3, "no")]
    pd.DataFrame(rows, columns=["row", "other", "together"]).to_csv(
        answers, index=False
    )
    args = ["ask", table, "--n-clusters", 3, "--drop", "plant", "--answers", answers]
    assert run(*args) == 2
    said = capsys.readouterr().err
    assert "Rows 0 and 2 must not be together" in said
    assert (
        "give --some-wrong if some links may be wrong. Rows are counted from 0" in said
    )
    assert len(pd.read_csv(answers)) == 3
    assert run(*args, "--some-wrong") == 0
    assert "1 of them not kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "message"),
    [([(1, 2, "maybe")], "'maybe' is no answer"), ([(1, 999, "yes")], "999")],
)
def test_bad_files_of_answers(rows, message, table, tmp_path, capsys):
    answers = tmp_path / "answers.csv"
    pd.DataFrame(rows, columns=["row", "other", "together"]).to_csv(
        answers, index=False
    )
    args = ["ask", table, "--n-clusters", 3, "--drop", "plant", "--answers", answers]
    assert run(*args) == 2
    assert message in capsys.readouterr().err
