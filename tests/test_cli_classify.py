"""``skdeepcluster classify``, and the pages of classify and discover."""

import numpy as np
import pandas as pd
import pytest
from test_cli_report import Reader

import skdeepcluster
from skdeepcluster.cli import main

TRUTH = np.repeat(["ant", "bee", "cat"], [60, 50, 40])


@pytest.fixture
def table():
    """Three groups, of which ten rows each are labeled."""
    rng = np.random.default_rng(0)
    place = np.unique(TRUTH, return_inverse=True)[1]
    labeled = np.concatenate([np.flatnonzero(n == TRUTH)[:10] for n in set(TRUTH)])
    return pd.DataFrame(
        {
            "length": np.array([1.0, 9.0, 5.0])[place] + rng.normal(size=150) / 2,
            "width": np.array([1.0, 1.0, 9.0])[place] + rng.normal(size=150) / 2,
            "kind": np.where(np.isin(np.arange(150), labeled), TRUTH, None),
        }
    ).round(3)


@pytest.fixture
def run(table, tmp_path, capsys):
    """Write the table, run a command, return status, stdout and stderr."""

    def run(*options, command="classify", **changes):
        source = tmp_path / "table.csv"
        table.assign(**changes).to_csv(source, index=False)
        arguments = [command, source, "--label", "kind", *options]
        return main([str(arg) for arg in arguments]), *capsys.readouterr()

    return run


def test_cells_are_filled(run, tmp_path):
    out = tmp_path / "out.csv"
    status, said, _ = run("--out", out)
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == "3 classes for 120 unlabeled of 150 rows"
    counts = [line.split()[:3] for line in lines[3:] if line[:5].strip()]
    assert counts[:3] == [["ant", "60", "50"], ["bee", "50", "40"], ["cat", "40", "30"]]
    assert lines[-1] == (
        "of 30 labeled rows that were hidden in turn, 100% got their class again"
    )
    found = pd.read_csv(out)
    assert found["found_class"].tolist() == TRUTH.tolist()
    assert (found["found_confidence"][found["kind"].notna()] == 1).all()
    assert found["found_confidence"].between(0.3, 1).all()
    assert [*found][-2:] == ["found_class", "found_confidence"]


def test_model_classifies_further_rows(run, tmp_path):
    model, out = tmp_path / "model.skdc", tmp_path / "out.csv"
    assert run("--save", model)[0] == 0
    table = str(tmp_path / "table.csv")
    assert main(["predict", str(model), table, "--out", str(out)]) == 0
    assert pd.read_csv(out)["found_class"].tolist() == TRUTH.tolist()
    loaded = skdeepcluster.load(model)
    assert loaded.predict(pd.read_csv(table)).tolist() == TRUTH.tolist()


def test_strangers_are_named(run, tmp_path):
    out = tmp_path / "out.csv"
    kind = np.where(TRUTH == "cat", None, TRUTH)
    kind[np.arange(150) % 3 > 0] = None
    status, said, _ = run("--reject", "--out", out, kind=kind)
    assert status == 0
    assert "unlabeled rows are rejected: of 3 groups in the table" in said
    found = pd.read_csv(out)
    assert found["found_is_none"][TRUTH == "cat"].all()
    assert not found["found_is_none"][found["kind"].notna()].any()


def test_words_and_gaps(run, tmp_path):
    rng = np.random.default_rng(1)
    words = {"ant": ["red", "green"], "bee": ["blue", "grey"], "cat": ["blue", "pink"]}
    colour = np.array([rng.choice(words[name]) for name in TRUTH], dtype=object)
    colour[::9] = None
    out = tmp_path / "out.csv"
    assert run("--out", out, colour=colour)[0] == 0
    assert (pd.read_csv(out)["found_class"] == TRUTH).mean() > 0.95


def test_page_and_picture_of_the_classes(run, tmp_path):
    page, picture = tmp_path / "page.html", tmp_path / "plot.png"
    status, _, _ = run("--report", page, "--plot", picture)
    assert status == 0
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    text = "\n".join(Reader(page.read_text("utf-8")).said)
    assert "3 classes for 120 unlabeled of 150 rows" in text
    assert "Rows found, against rows labeled" in text
    assert "nothing that stands out" in text
    assert "hidden in turn" in text
    assert "TransductiveClassifier(" in text
    assert "nearest known class" not in text


def test_page_of_discovery_names_what_was_swallowed(run, tmp_path, table):
    """Rows far from the labeled ones of a class are said, and so is the nearest."""
    page, picture = tmp_path / "page.html", tmp_path / "plot.png"
    kind = np.where(TRUTH == "cat", None, TRUTH)
    kind[np.arange(150) % 3 > 0] = None
    status, said, _ = run(
        "--report", page, "--plot", picture, command="discover", kind=kind
    )
    assert status == 0
    assert said.startswith("1 new class beside 2 known, for 113 unlabeled of 150")
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    text = "\n".join(Reader(page.read_text("utf-8")).said)
    assert "New classes, and the nearest known one" in text
    width = table["width"]
    new, others = (width[TRUTH == "cat"].mean(), width[TRUTH == "bee"].mean())
    assert f"width: mean {new:.4g} against {others:.4g}" in text


def test_what_was_found_is_compared_with_what_was_labeled(run, tmp_path):
    """One class of two separate groups, of which one alone is labeled."""
    page = tmp_path / "page.html"
    kind = np.where(TRUTH == "cat", None, TRUTH)
    kind[np.arange(150) % 3 > 0] = None
    assert run("--report", page, kind=kind)[0] == 0
    text = "\n".join(Reader(page.read_text("utf-8")).said)
    assert "width: mean" in text.split("found against labeled")[1]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (TRUTH, "every row has a label"),
        ([None] * 150, "no row has a label"),
    ],
)
def test_columns_that_leave_nothing_to_do(run, kind, said):
    status, _, err = run(kind=kind)
    assert status != 0
    assert said in err


def test_one_label_a_class_says_that_nothing_is_known(run):
    kind = np.where(np.isin(np.arange(150), [0, 70, 130]), TRUTH, None)
    status, said, _ = run(kind=kind)
    assert status == 0
    assert "no class has a second label that could be hidden" in said


@pytest.mark.parametrize("command", ["discover", "classify"])
def test_columns_in_place_of_labels(table, tmp_path, capsys, command):
    rng = np.random.default_rng(0)
    place = np.unique(TRUTH, return_inverse=True)[1]
    words = rng.poisson(np.kron(np.eye(3), np.full((1, 4), 4.0))[place] + 0.2)
    names = [f"w{j}" for j in range(12)]
    source, seeds, out = (tmp_path / n for n in ("t.csv", "seeds.json", "out.csv"))
    pd.DataFrame(words, columns=names).to_csv(source, index=False)
    seeds.write_text('{"ant": ["w0", "w1"], "bee": ["w4"], "cat": ["w8", "w11"]}')
    options = ["--numeric", *names, "--seeds", str(seeds), "--out", str(out)]
    assert main([command, str(source), *options]) == 0
    _, err = capsys.readouterr()
    assert "rows labeled by --seeds: ant (4), bee (4), cat (4)" in err
    found = pd.read_csv(out)["found_class"]
    known = found.isin(["ant", "bee", "cat"])
    assert known.sum() >= 12  # discover may find further classes
    assert command == "discover" or known.all()
    assert (found == TRUTH)[known].mean() > 0.9


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[1]", "a list of columns for each class"),
        ("{", "is no JSON"),
        ('{"a": ["length"], "b": ["nothing"]}', "topic 'b' has no column"),
        ('{"a": ["length"]}', "topics has 1 entries"),
        (None, "there is no file"),
    ],
)
def test_seeds_that_are_none(table, tmp_path, capsys, written, said):
    source, seeds = tmp_path / "t.csv", tmp_path / "seeds.json"
    table.drop(columns="kind").to_csv(source, index=False)
    if written is not None:
        seeds.write_text(written)
    assert main(["classify", str(source), "--seeds", str(seeds)]) != 0
    assert said in capsys.readouterr().err
