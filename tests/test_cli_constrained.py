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
    assert "1 pair of rows that are kept apart" in said.err
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
        (["--cannot-link", "SELF"], "Row 7 cannot be kept apart from itself"),
        (["--must-link", "PAIRS", "--cannot-link", "PAIRS"], "151 in column"),
        (["--must-link", "SELF", "--out", "SELF"], "--must-link and --out are one"),
        (["--cannot-link", "SELF", "--out", "SELF"], "--cannot-link and --out are"),
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
    assert "Rows 1 and 3 must not be together" in said
    assert "join them: 1 - 2 - 3. Drop one of these 3 pairs" in said
    assert "or give --some-wrong if some links may be wrong." in said
    assert len(pd.read_csv(answers)) == 3
    assert run(*args, "--some-wrong") == 0
    assert "1 of them not kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, 2, "maybe")], "'maybe' is no answer"),
        ([(1, 999, "yes")], "999"),
        ([(1, 2, "yes"), (1, 2, "no")], "both yes and no of rows 1 and 2"),
        ([(1, 2, "yes"), (2, 1, "no")], "both yes and no of rows 2 and 1"),
    ],
)
def test_bad_files_of_answers(rows, message, table, tmp_path, capsys):
    answers = tmp_path / "answers.csv"
    pd.DataFrame(rows, columns=["row", "other", "together"]).to_csv(
        answers, index=False
    )
    args = ["ask", table, "--n-clusters", 3, "--drop", "plant", "--answers", answers]
    assert run(*args) == 2
    assert message in capsys.readouterr().err


LINES = [(i, i + 1) for i in range(1, 5)]


@pytest.mark.parametrize(
    ("n_clusters", "must", "cannot", "said"),
    [
        (2, [], [(7, 7)], "Row g7 cannot be kept apart from itself"),
        (2, LINES, [(5, 1)], "Rows g1 and g5 must not be together"),
        (2, LINES, [(5, 1)], "g1 - g2 - g3 - g4 - g5. Drop one of these 5 pairs"),
        (1, [], [(3, 8)], "cannot keep rows g3 and g8 apart"),
        (2, [], [(3, 8), (3, 9), (9, 8)], "Rows g3, g8, g9 are pairwise apart"),
        (2, [], [*LINES, (5, 1)], "apart from the next: g"),
        (3, [], [(i, j) for i in range(1, 5) for j in range(1, i)], "Rows g1, g2, g"),
    ],
)
def test_errors_name_rows_as_the_table_does(
    n_clusters, must, cannot, said, tmp_path, capsys
):
    path = tmp_path / "table.csv"
    names = [f"g{i}" for i in range(1, 13)]
    pd.DataFrame({"name": names, "x": np.arange(12) ** 1.5}).to_csv(path, index=False)
    args = [path, "--id", "name", "--n-clusters", n_clusters]
    for kind, pairs in (("must", must), ("cannot", cannot)):
        pairs = [(f"g{i}", f"g{j}") for i, j in pairs]
        if pairs:
            args += [f"--{kind}-link", pairs_file(tmp_path / f"{kind}.csv", *pairs)]
    assert run("cluster", *args) == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def small(tmp_path):
    """Twelve rows in two groups, as a spreadsheet in German writes them."""
    path = tmp_path / "small.csv"
    lines = [f"{i:03d};{i % 6 + 40 * (i > 5)},5" for i in range(12)]
    path.write_text("name;x\n" + "\n".join(lines) + "\n")
    return path


def asked(small, answers, *args):
    options = ["--sep", ";", "--decimal", ",", "--id", "name", "--n-clusters", 2]
    return run("ask", small, *options, "--answers", answers, *args)


def test_answers_are_read_again_whatever_the_table_is_like(
    small, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    answers = tmp_path / "answers.csv"
    answers.write_text("left,right,same,remark\n000,001,yes,007\n000,006,no,\n")
    assert asked(small, answers, "--n", 1) == 0
    said = capsys.readouterr()
    assert "2 answers so far" in said.err
    assert "1 question: write" in said.out
    frame = pd.read_csv(answers, dtype=str, keep_default_na=False)
    assert frame.columns.tolist() == ["left", "right", "same", "remark"]
    assert frame.iloc[:2].to_numpy().tolist() == [
        ["000", "001", "yes", "007"],
        ["000", "006", "no", ""],
    ]
    assert len(frame) == 3
    assert frame["same"][2] == ""
    assert asked(small, answers, "--n", 1) == 0
    again = pd.read_csv(answers, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(again, frame)


def test_what_was_decided_on_columns_is_written(small, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    columns = tmp_path / "columns.csv"
    assert asked(small, tmp_path / "answers.csv", "--columns", columns) == 0
    assert pd.read_csv(columns)["column"].tolist() == ["name", "x"]


def test_unknown_answers_use_up_no_questions(small, tmp_path, capsys, monkeypatch):
    answers = tmp_path / "answers.csv"
    for typed in ("?\n?\n", "?\n?\n"):
        monkeypatch.setattr("sys.stdin", Person(typed))
        assert asked(small, answers, "--n", 2) == 0
        said = capsys.readouterr().out
        assert "question 2 of 2" in said
        assert "nothing more" not in said
    assert pd.read_csv(answers)["together"].tolist() == ["?"] * 4
    monkeypatch.setattr("sys.stdin", Person("?\n" * 50))
    assert asked(small, answers, "--n", 50) == 0
    assert "nothing more is to be asked" in capsys.readouterr().out
    assert pd.read_csv(answers)["row"].is_unique


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("u1", [], "must end in .csv"),
        ("u.parquet", [], "must end in .csv"),
        ("none/u.csv", [], "there is no folder"),
        ("small.csv", [], "TABLE and --answers are one file"),
        ("u.csv", ["--out", "OUT"], "--out and --answers are one file"),
    ],
)
def test_answers_that_cannot_be_written(name, args, message, small, tmp_path, capsys):
    before = small.read_bytes()
    answers = tmp_path / name
    args = [answers if arg == "OUT" else arg for arg in args]
    assert asked(small, answers, *args) == 2
    assert message in capsys.readouterr().err
    assert small.read_bytes() == before
    assert answers == small or not answers.exists()


def test_edges_are_not_written_over(small, tmp_path, capsys):
    edges = pairs_file(tmp_path / "edges.csv", ("000", "001"))
    before = edges.read_bytes()
    args = [small, "--id", "name", "--edges", edges, "--out", edges]
    assert run("cluster", *args) == 2
    assert "--edges and --out are one file" in capsys.readouterr().err
    assert edges.read_bytes() == before
