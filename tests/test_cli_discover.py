"""``skdeepcluster discover``: what it finds, what it writes, what it refuses."""

import numpy as np
import pandas as pd
import pytest

from skdeepcluster.cli import main
from skdeepcluster.cli.discovering import METHODS

TRUTH = np.repeat(["ant", "bee", "cat"], [30, 25, 15])


@pytest.fixture
def table():
    """Three groups far apart, of which the first is labeled."""
    rng = np.random.default_rng(0)
    place = np.unique(TRUTH, return_inverse=True)[1]
    return pd.DataFrame(
        {
            "name": [f"row {i}" for i in range(70)],
            "length": np.array([1.0, 9.0, 5.0])[place] + rng.normal(size=70) / 4,
            "width": np.array([1.0, 1.0, 9.0])[place] + rng.normal(size=70) / 4,
            "kind": np.where(TRUTH == "ant", "ant", None),
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
        status = main([str(arg) for arg in ("discover", *args)])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("method", METHODS)
def test_finds_and_writes_the_classes(source, table, run, tmp_path, method):
    out = tmp_path / "out.csv"
    status, said, notes = run(
        source, "--label", "kind", "--method", method, "--out", out
    )
    assert status == 0
    lines = said.splitlines()
    assert lines[0] == "2 new classes beside 1 known, for 40 unlabeled of 70 rows"
    rows = [line.split()[:4] for line in lines[3:] if line[:7].strip()]
    assert rows == [
        ["ant", "no", "30", "0"],
        ["novel_0", "yes", "25", "25"],
        ["novel_1", "yes", "15", "15"],
    ]
    assert f"wrote {out}" in notes
    assert "kind (--label)" in notes
    found = pd.read_csv(out)
    pd.testing.assert_frame_equal(found[table.columns], pd.read_csv(source))
    expected = pd.Series(TRUTH).replace({"bee": "novel_0", "cat": "novel_1"})
    assert (found["found_class"] == expected).all()
    assert (found["found_is_new"] == (TRUTH != "ant")).all()
    assert (found["found_posterior"][TRUTH == "ant"] == 1).all()
    assert found["found_posterior"].between(0.5, 1).all()


def test_integer_labels_and_parquet(table, run, tmp_path):
    numbers = np.unique(TRUTH, return_inverse=True)[1]
    table["kind"] = np.where(numbers == 1, -1, numbers)
    table.to_parquet(tmp_path / "table.parquet", index=False)
    out = tmp_path / "out.parquet"
    status, said, _ = run(
        tmp_path / "table.parquet", "--label", "kind", "--n-novel", 1, "--out", out
    )
    assert status == 0
    assert said.startswith("1 new class beside 2 known, for 25 unlabeled of 70 rows")
    found = pd.read_parquet(out)["found_class"]
    np.testing.assert_array_equal(found, np.where(numbers == 1, 3, numbers))


def test_predict_speaks_of_classes(source, table, run, tmp_path, capsys):
    model, table["kind"] = tmp_path / "kinds.model", np.where(TRUTH == "ant", TRUTH, "")
    table.replace({"ant": "the red wood ant"}).to_csv(source, index=False)
    assert run(source, "--label", "kind", "--save", model)[0] == 0
    assert main(["predict", str(model), str(source), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 classes of 70 rows"
    rows = [line[:32].rsplit(maxsplit=2) for line in lines[3:] if line[:16].strip()]
    names = ["novel_0 (new)", "novel_1 (new)", "the red wood ant"]
    assert [row[0].strip() for row in rows] == names
    # All remarks begin in the same column.
    begin = lines[2].index("what sets it apart")
    assert {line[begin - 1] for line in lines[3:]} == {" "}
    assert all(line[begin] != " " for line in lines[3:])


def test_same_seed_same_file(source, run, tmp_path):
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file in files:
        assert run(source, "--label", "kind", "--out", file)[0] == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_columns_that_are_set_aside(source, run):
    status, said, notes = run(
        source, "--label", "kind", "--id", "name", "--drop", "width", "--n-novel", "2"
    )
    assert status == 0
    assert "width (--drop), name (--id), kind (--label)" in notes
    assert "typical: row " in said


def test_quiet(source, run):
    status, said, notes = run(source, "--label", "kind", "--quiet")
    assert status == 0
    assert notes == ""
    assert said


def test_no_label_at_all_is_said(table, run, tmp_path):
    table["kind"] = None
    table.to_csv(tmp_path / "table.csv", index=False)
    status, said, notes = run(tmp_path / "table.csv", "--label", "kind")
    assert status == 0
    assert "no row has a label: all classes are new" in notes
    assert said.startswith("3 new classes beside 0 known")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, ["--label", "sort"], "--label: there is no column 'sort' among name"),
        ({}, [], "one of the arguments --label --seeds is required"),
        ({"kind": TRUTH}, ["--label", "kind"], "kind: every row has a label"),
        ({}, ["--label", "kind", "--n-novel", "41"], "only 40 rows have no label"),
        ({}, ["--label", "kind", "--n-novel", "0"], "'0' is not a positive integer"),
        ({}, ["--label", "kind", "--method", "magic"], "invalid choice: 'magic'"),
        ({"found_class": 1}, ["--label", "kind"], "already has a column 'found_class'"),
        ({"kind": -5}, ["--label", "kind"], "kind: it holds the label -5, below -1"),
        (
            {},
            ["--label", "kind", "--drop", "length", "width"],
            "No column of X can be used",
        ),
        ({}, ["--label", "kind", "--out", "a.txt"], "must end in .csv"),
    ],
    ids=str,
)
def test_errors_are_one_line(table, run, tmp_path, change, options, message):
    table.assign(**change).to_csv(tmp_path / "table.csv", index=False)
    status, said, notes = run(tmp_path / "table.csv", *options)
    assert status == 2
    assert said == ""
    assert notes.splitlines()[-1].startswith("skdeepcluster: error: ")
    assert message in notes.splitlines()[-1]


def test_the_mixture_sees_principal_axes_of_many_columns():
    build = METHODS["mixture"]
    assert build("auto", 0, np.zeros((50, 5))).encoder is None
    assert build("auto", 0, np.zeros((50, 40))).encoder.n_components == 20
    assert build("auto", 0, np.zeros((7, 40))).encoder.n_components == 7


def test_gaps_and_words_are_observed_as_they_are(table, run, tmp_path):
    rng = np.random.default_rng(1)
    words = {"ant": ["red", "green"], "bee": ["blue", "grey"], "cat": ["blue", "pink"]}
    table["colour"] = [rng.choice(words[name]) for name in TRUTH]
    table.loc[::7, "length"] = np.nan
    table.loc[5::14, "colour"] = None
    table["kind"] = np.where(np.arange(70) % 2 == 0, table["kind"], None)
    source, out, model = (tmp_path / name for name in ("t.csv", "out.csv", "m.skdc"))
    table.to_csv(source, index=False)
    status, said, notes = run(
        source, "--label", "kind", "--out", out, "--save", model, "--drop", "name"
    )
    assert status == 0
    assert "method: mixed, since there are categories or missing cells" in notes
    assert said.startswith("2 new classes beside 1 known, for 55 unlabeled of 70 rows")
    found = pd.read_csv(out)
    names = np.array(["ant", "novel_0", "novel_1"])[np.repeat([0, 1, 2], [30, 25, 15])]
    assert found["found_class"].tolist() == names.tolist()
    assert found["found_is_new"].tolist() == (TRUTH != "ant").tolist()
    assert found["found_posterior"].between(0.5, 1).all()
    again = tmp_path / "again.csv"
    assert main(["predict", str(model), str(source), "--out", str(again)]) == 0
    assert pd.read_csv(again)["found_class"].tolist() == names.tolist()


def test_number_of_new_classes_is_taken_with_gaps_too(table, run, tmp_path):
    table.loc[::7, "length"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ("--label", "kind", "--n-novel", 1, "--drop", "name")
    said = run(tmp_path / "t.csv", *options)[1]
    assert said.startswith("1 new class beside 1 known, for 40 unlabeled of 70 rows")


def test_minus_one_among_numbers_marks_rows_with_gaps(table, run, tmp_path):
    table["kind"] = np.where(TRUTH == "ant", 4, -1)
    table.loc[::7, "length"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    status, said, _ = run(tmp_path / "t.csv", "--label", "kind", "--drop", "name")
    assert status == 0
    assert said.startswith("2 new classes beside 1 known, for 40 unlabeled of 70 rows")
