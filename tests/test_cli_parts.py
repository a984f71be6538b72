"""``cluster`` and ``predict`` on folders, patterns, and files past --memory."""

import errno
import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skdeepcluster import MixedMixture, load
from skdeepcluster.cli import main, out_of_core, source_files
from skdeepcluster.streaming import _stream_sample
from skdeepcluster.tables import reading_in_blocks

MANIFEST = "_skdeepcluster.json"


def table_of(kind, n_rows=900, seed=0):
    """Four groups; of numbers alone, or with words and gaps as well."""
    rng = np.random.default_rng(seed)
    centers = 9 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]])
    truth = rng.choice(4, n_rows, p=[0.4, 0.3, 0.2, 0.1])
    numbers = centers[truth] + rng.standard_normal((n_rows, 3))
    frame = pd.DataFrame(numbers.round(3), columns=["a", "b", "c"])
    if kind == "mixed":
        frame["word"] = np.array(["red", "green", "blue", "grey"])[truth]
        frame.loc[::7, "b"] = np.nan
    return frame.assign(key=[f"row {k}" for k in range(n_rows)])


def split(n_rows, n_parts):
    return np.array_split(np.arange(n_rows), n_parts)


def write(frame, folder, suffix, n_parts=3, names="abcdefgh"):
    """Write a table in parts, which are named in another order than that of rows."""
    folder.mkdir(exist_ok=True)
    for rows, name in zip(split(len(frame), n_parts), names, strict=False):
        path = folder / f"{name}.{suffix}"
        part = frame.iloc[rows]
        if suffix == "parquet":
            part.to_parquet(path, index=False)
        else:
            part.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    return folder


def read(path):
    if path.name.endswith("parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")


def results(out):
    """Cluster by key of the row, whatever file it is in."""
    files = [path for path in out.iterdir() if path.name != MANIFEST]
    return pd.concat(map(read, files)).set_index("key").sort_index()


@pytest.fixture
def run(capsys):
    """Run the command and return its status, stdout and stderr."""

    def run(*args):
        status = main([str(arg) for arg in args])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def done(run):
    """Run the command, which must succeed, and return its stdout and stderr."""

    def done(*args):
        status, out, err = run(*args)
        assert status == 0, err
        return out, err

    return done


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz", "tsv"])
@pytest.mark.parametrize("kind", ["numbers", "mixed"])
def test_a_folder_has_the_clusters_of_the_table(kind, suffix, done, tmp_path):
    frame = table_of(kind)
    write(frame, tmp_path / "whole", suffix, 1)
    whole, folder = tmp_path / f"whole/a.{suffix}", tmp_path / "parts"
    done("cluster", whole, "--id", "key", "--out", tmp_path / "whole.csv")
    expected = pd.read_csv(tmp_path / "whole.csv").set_index("key").cluster.sort_index()
    write(frame, folder, suffix)
    said, notes = done("cluster", folder, "--id", "key", "--out", tmp_path / "out")
    found = results(tmp_path / "out")
    assert (found.cluster == expected).all()
    assert found.cluster_confidence.between(0.5, 1).all()
    assert said.startswith(f"{expected.nunique()} clusters of 900 rows\n")
    assert "read 900 rows of 3 files, a." in notes
    assert f"method: {'mixed' if kind == 'mixed' else 'ppp'}, since" in notes
    for name in "abc":
        source = read(folder / f"{name}.{suffix}").key
        assert (source == read(tmp_path / f"out/{name}.{suffix}").key).all()


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("capacity", [100_000, 150])
def test_neither_batches_nor_files_nor_their_order_count(
    suffix, capacity, done, tmp_path, monkeypatch
):
    monkeypatch.setattr(_stream_sample, "CAPACITY", capacity)
    frame, found = table_of("mixed"), []
    for n_parts, names, size in [
        (1, "a", 1 << 21),
        (3, "cab", 700),
        (7, "gfedcba", 50),
    ]:
        monkeypatch.setattr(source_files, "BATCH_CELLS", size)
        monkeypatch.setattr(reading_in_blocks, "BLOCK_BYTES", 5000 + size)
        folder = write(frame, tmp_path / f"in{size}", suffix, n_parts, names)
        out = tmp_path / f"out{size}"
        _, notes = done("cluster", folder, "--id", "key", "--out", out)
        assert ("decided on by a sample of 150 distinct rows" in notes) == (
            capacity == 150
        )
        found.append(results(out))
    for other in found[1:]:
        pd.testing.assert_frame_equal(other, found[0])


def test_a_file_past_memory_is_read_in_parts(done, tmp_path):
    frame = table_of("numbers")
    write(frame, tmp_path, "parquet", 1)
    done("cluster", tmp_path / "a.parquet", "--id", "key", "--out", tmp_path / "a.csv")
    _, notes = done(
        *("cluster", tmp_path / "a.parquet", "--memory", "1K"),
        *("--id", "key", "--out", tmp_path / "out"),
    )
    expected = pd.read_csv(tmp_path / "a.csv").set_index("key").cluster.sort_index()
    assert (results(tmp_path / "out").cluster == expected).all()
    assert "read 900 rows of a.parquet" in notes


def test_a_pattern_names_files_of_several_folders(done, tmp_path):
    frame = table_of("numbers")
    for number in (1, 2):
        write(frame, tmp_path / f"y{number}", "csv", 2)
    (tmp_path / "y1/notes.md").write_text("none of the table")
    out = tmp_path / "out"
    said, _ = done("cluster", f"{tmp_path}/y*/*.csv", "--drop", "key", "--out", out)
    assert "of 1,800 rows" in said
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.csv")}
    assert names == {"y1/a.csv", "y1/b.csv", "y2/a.csv", "y2/b.csv"}


def test_a_saved_model_labels_folders(done, tmp_path):
    folder = write(table_of("mixed"), tmp_path / "in", "parquet")
    model = tmp_path / "groups.model"
    done("cluster", folder, "--id", "key", "--save", model, "--out", tmp_path / "one")
    assert load(model).named_steps["clusters"].__class__ is MixedMixture
    new = table_of("mixed", 300, seed=1).assign(extra=1.0)
    new.loc[0, "a"] = 1e4
    write(new, tmp_path / "new", "parquet", 2)
    done(
        "predict", model, tmp_path / "new", "--copy-columns", "--out", tmp_path / "two"
    )
    found = results(tmp_path / "two")
    assert [*found] == [
        *("a", "b", "c", "word", "extra"),
        *("cluster", "cluster_confidence", "cluster_unlike"),
    ]
    write(new, tmp_path / "new1", "parquet", 1)
    done("predict", model, tmp_path / "new1/a.parquet", "--out", tmp_path / "new.csv")
    expected = pd.read_csv(tmp_path / "new.csv").set_index("key").sort_index()
    assert (found.cluster == expected.cluster).all()
    assert (found.cluster_unlike == expected.cluster_unlike).all()
    assert found.cluster_unlike["row 0"]


@pytest.mark.parametrize("method", ["kmeans", "vote"])
def test_other_methods_are_fitted_to_the_sample(method, done, tmp_path):
    folder = write(table_of("numbers", 300), tmp_path / "in", "parquet")
    options = ["--method", method, "--n-clusters", "4", "--id", "key"]
    _, notes = done("cluster", folder, *options, "--out", tmp_path / "out")
    assert "method: " not in notes
    sizes = results(tmp_path / "out").cluster.value_counts(sort=False).sort_index()
    assert len(sizes) == 4
    assert sizes.is_monotonic_decreasing


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_labelled_is_kept_and_the_rest_made_up(done, tmp_path, monkeypatch):
    folder = write(table_of("numbers"), tmp_path / "in", "parquet")
    command = ["cluster", folder, "--id", "key", "--out", tmp_path / "out"]
    done(*command)
    whole = content(tmp_path / "out")
    (tmp_path / "out/b.parquet").unlink()
    labelled, label_file = [], out_of_core.label_file
    monkeypatch.setattr(
        out_of_core,
        "label_file",
        lambda *args: (labelled.append(args[-1].name), label_file(*args))[1],
    )
    _, notes = done(*command)
    assert labelled == ["b.parquet"]
    assert "kept, since labelled before: 2 of 3 files\n" in notes
    assert "wrote 1 file and" in notes
    assert content(tmp_path / "out") == whole
    # Other columns, another model, another source: all anew.
    done(*command, "--copy-columns")
    assert labelled[1:] == ["a.parquet", "b.parquet", "c.parquet"]
    done(*command, "--copy-columns", "--method", "kmeans", "--n-clusters", "2")
    assert len(labelled) == 7
    os.utime(folder / "c.parquet", (1, 1))
    done(*command, "--copy-columns", "--method", "kmeans", "--n-clusters", "2")
    assert labelled[7:] == ["c.parquet"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), "Ctrl-C"])
def test_a_part_is_whole_or_absent(error, run, done, tmp_path, monkeypatch):
    folder = write(table_of("numbers"), tmp_path / "in", "parquet")
    command = ["cluster", folder, "--id", "key", "--out", tmp_path / "out"]
    done(*command[:-1], tmp_path / "whole")
    written, write_table = [], pq.ParquetWriter.write_table

    def failing(writer, table):
        written.append(len(table))
        if len(written) == 2:
            raise KeyboardInterrupt if error == "Ctrl-C" else error
        write_table(writer, table)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", failing)
    status, said, message = run(*command)
    assert status == (130 if error == "Ctrl-C" else 2)
    assert said == ""
    assert error == "Ctrl-C" or "No space left" in message
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a.parquet",
        MANIFEST,
    }
    monkeypatch.undo()
    _, notes = done(*command)
    assert "kept, since labelled before: 1 of 3 files\n" in notes
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def broken(name):
    """Change the second of three files, and say what the command answers."""

    def other_columns(path, frame):
        frame.drop(columns="b").to_parquet(path)

    def more_columns(path, frame):
        frame.assign(d=1).to_parquet(path)

    def other_type(path, frame):
        frame.astype({"b": str}).to_parquet(path)

    def ends_early(path, frame):
        frame.to_parquet(path)
        path.write_bytes(path.read_bytes()[:-40])

    def no_bytes(path, frame):
        path.write_bytes(b"")

    def infinite(path, frame):
        frame.assign(b=np.r_[np.zeros(len(frame) - 1), np.inf]).to_parquet(path)

    return locals()[name]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("other_columns", "b.parquet lacks the column 'b' that .*a.parquet has"),
        ("more_columns", "a.parquet lacks the column 'd' that .*b.parquet has"),
        ("other_type", "b.parquet: the column 'b' is of type"),
        ("ends_early", "cannot read .*b.parquet: "),
        ("no_bytes", "cannot read .*b.parquet: "),
        ("infinite", "b.parquet, rows from 1: Column 'b' .* infinite .* row 299"),
    ],
)
def test_a_bad_file_is_named_and_nothing_written(change, said, run, tmp_path):
    frame = table_of("numbers")
    folder = write(frame, tmp_path / "in", "parquet")
    broken(change)(folder / "b.parquet", frame[:300])
    status, _, err = run("cluster", folder, "--drop", "key", "--out", tmp_path / "out")
    assert status == 2
    assert err.count("\n") == err.count("skdeepcluster: ")
    assert re.search(said, err.splitlines()[-1])
    assert not (tmp_path / "out").exists()


def test_files_may_differ_in_what_says_nothing(done, tmp_path):
    frame = table_of("numbers").assign(b=lambda table: table.b.round())
    folder = write(frame, tmp_path / "in", "parquet")
    done("cluster", folder, "--id", "key", "--out", tmp_path / "one")
    first = pd.read_parquet(folder / "a.parquet")
    # Whole numbers, another order of columns, no rows, nothing but gaps.
    first.astype({"b": int})[["key", "c", "b", "a"]].to_parquet(folder / "a.parquet")
    first[:0].to_parquet(folder / "0.parquet")
    (folder / "_SUCCESS").write_bytes(b"")
    done("cluster", folder, "--id", "key", "--out", tmp_path / "two")
    pd.testing.assert_frame_equal(results(tmp_path / "two"), results(tmp_path / "one"))
    empty = pq.read_table(tmp_path / "two/0.parquet")
    assert empty.schema == pq.read_table(tmp_path / "two/a.parquet").schema
    gaps = pa.table({**{name: pa.nulls(2) for name in "abc"}, "key": ["x", "y"]})
    pq.write_table(gaps, folder / "1.parquet")
    _, notes = done("cluster", folder, "--id", "key", "--out", tmp_path / "three")
    assert "missing values: a (0.2%), b (0.2%), c (0.2%)" in notes


def test_what_comes_late_counts(done, tmp_path):
    frame = table_of("numbers")
    write(frame, tmp_path / "in", "parquet", names="abc")
    late = table_of("mixed", 300, seed=1).assign(word=lambda t: "late " + t.word)
    frame["word"] = "early"
    folder = write(frame, tmp_path / "in", "parquet", names="abc")
    late.to_parquet(folder / "d.parquet", index=False)
    columns = tmp_path / "columns.csv"
    options = ["--id", "key", "--columns", columns, "--out", tmp_path / "out"]
    done("cluster", folder, *options)
    decided = pd.read_csv(columns).set_index("column")
    assert "late red" in decided.levels["word"]
    assert decided.share_missing["b"] == pytest.approx(43 / 1200)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("many", "column 'b' holds numbers at .*'many' in row 8[0-9][0-9]: correct it"),
        ("inf", "'b' .*inf"),
        ("caf\xe9", "begins as UTF-8"),
        ("1,2,3", "cells"),
    ],
)
def test_a_text_that_does_not_go_on_as_it_begins(
    cell, said, run, tmp_path, monkeypatch
):
    monkeypatch.setattr(reading_in_blocks, "BLOCK_BYTES", 4000)
    folder = write(table_of("numbers"), tmp_path / "in", "csv", 1)
    lines = (folder / "a.csv").read_text().splitlines()
    lines[850] = f"1.0,{cell},2.0,row 849"
    (folder / "a.csv").write_bytes("\n".join(lines).encode("latin-1"))
    status, _, err = run("cluster", folder, "--drop", "key", "--out", tmp_path / "out")
    assert status == 2
    assert re.search(said, err.splitlines()[-1])
    assert not (tmp_path / "out").exists()


def test_marks_units_and_quotes_in_blocks(done, tmp_path, monkeypatch):
    frame = table_of("mixed")
    frame["price"] = [f"{x:.2f} kg".replace(".", ",") for x in frame.a]
    frame["text"] = np.where(np.arange(900) % 2, 'one "line"', "two\nlines, or so")
    frame = frame.astype({"b": object})
    frame.loc[800:, "b"] = frame.b[800:].fillna("n/a")
    frame.loc[850, "c"] = -999
    whole = write(frame, tmp_path / "whole", "csv", 1)
    options = ["--id", "key", "--missing", "n/a", "-999", "--columns"]
    done("cluster", whole / "a.csv", *options, tmp_path / "1.csv")
    monkeypatch.setattr(reading_in_blocks, "BLOCK_BYTES", 3000)
    options += [tmp_path / "2.csv", "--copy-columns"]
    done("cluster", whole, *options, "--out", tmp_path / "out")
    assert (tmp_path / "1.csv").read_text() == (tmp_path / "2.csv").read_text()
    written = pd.read_csv(tmp_path / "out/a.csv", dtype=str, keep_default_na=False)
    read = pd.read_csv(whole / "a.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(written[[*read]], read)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "say --out FOLDER, --save MODEL or both"),
        (["--out", "OUT", "--plot", "x.png"], "--plot needs all rows in memory"),
        (["--out", "OUT", "--table", "x.csv"], "--table needs all rows in memory"),
        (["--out", "OUT", "--compare", "key"], "--compare needs all rows in memory"),
        (["--out", "OUT", "--size-min", "5"], "--size-min needs all rows in memory"),
        (["--out", "IN/a.parquet"], "name a folder"),
        (["--out", "IN/labels"], "lies within"),
        (["--out", "OUT.csv"], "name a folder"),
        (["--out", "TAKEN/a.parquet/labels"], "a.parquet is no writable folder"),
        (["--out", "OUT", "--edge-columns", "a"], "--edge-columns needs --edges"),
        (["--out", "OUT", "--method", "graph"], "--method graph needs --edges"),
        (["--out", "OUT", "--some-wrong"], "--some-wrong needs --must-link"),
        (["--save", "IN/a.parquet"], "is read, and would be lost"),
        (["--save", "OTHER"], "is read, and would be lost"),
        (["--save", "NOWHERE/m"], "there is no folder"),
        (["--out", "OUT", "--save", "OUT/b.parquet"], "no folder"),
        (["--out", "DONE", "--save", "DONE/b.parquet"], "is a file of --out"),
        (["--save", "OUT", "--columns", "IN/a.parquet"], "must end in .csv"),
        (["--save", "OUT", "--columns", "IN/columns.csv"], "read as a part"),
        (["--save", "OUT.csv", "--columns", "OUT.csv"], "are one file"),
        (["--out", "TAKEN"], "a.parquet is there, and no result of this command"),
        (["--out", "OUT", "--id", "nothing"], "there is no column 'nothing'"),
        (["--out", "OUT", "--method", "kmeans"], "needs --n-clusters"),
        (["--out", "OUT", "--memory", "much"], "'much' is no size"),
        (["--out", "OUT", "--copy-columns"], "already"),
    ],
)
def test_wrong_options(options, said, run, tmp_path):
    frame = table_of("numbers", 60).assign(cluster=1)
    places = {"IN": write(frame, tmp_path / "in", "parquet"), "OUT": tmp_path / "out"}
    places["TAKEN"] = write(frame, tmp_path / "taken", "parquet")
    places |= {name: tmp_path / name.lower() for name in ("DONE", "OTHER", "NOWHERE")}
    places["DONE"].mkdir()
    places["OTHER"].symlink_to(places["IN"] / "a.parquet")
    before = [content(places[name]) for name in ("IN", "TAKEN")]
    for place, path in places.items():
        options = [option.replace(place, str(path)) for option in options]
    status, out, err = run("cluster", places["IN"], *options)
    assert (status, out) == (2, "")
    assert said in err.splitlines()[-1]
    assert [content(places[name]) for name in ("IN", "TAKEN")] == before


def test_labels_do_not_take_the_place_of_what_is_read(run, done, tmp_path):
    folder = write(table_of("numbers", 60), tmp_path / "in", "parquet")
    out, model = tmp_path / "out", tmp_path / "model"
    done("cluster", folder, "--drop", "key", "--out", out, "--save", model)
    (out / "a.parquet").unlink()
    (out / "a.parquet").symlink_to(folder / "a.parquet")
    (out / "b.parquet").unlink()
    model.rename(out / "b.parquet")
    before = content(folder), content(out)
    for names, said in [("a", "is read"), ("b", "is the model")]:
        status, _, err = run(
            *("predict", out / "b.parquet", f"{folder}/[{names}].parquet"),
            *("--out", out, "--copy-columns"),
        )
        assert status == 2
        assert f"{said}, and would be lost" in err
        assert (content(folder), content(out)) == before


def test_folders_that_hold_no_table(run, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for source, said in [(folder, "there is no .parquet"), ("in/*.csv", "there is no")]:
        status, _, err = run("cluster", source, "--out", tmp_path / "out")
        assert status == 2
        assert said in err
    write(table_of("numbers", 30), folder, "csv", 1)
    write(table_of("numbers", 30), folder, "parquet", 1)
    status, _, err = run("cluster", folder, "--out", tmp_path / "out")
    assert status == 2
    assert "it holds Parquet files and text files" in err


def test_the_manifest_says_what_was_done(done, run, tmp_path):
    folder = write(table_of("numbers"), tmp_path / "in", "parquet")
    command = ["cluster", folder, "--id", "key", "--out", tmp_path / "out"]
    done(*command)
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    parts = manifest["parts"]
    assert {*parts} == {"a.parquet", "b.parquet", "c.parquet"}
    sizes = results(tmp_path / "out").cluster.value_counts()
    for cluster, size in sizes.items():
        counted = sum(part["clusters"][str(cluster)] for part in parts.values())
        assert counted == size
    for damaged in [
        "{",
        "[]",
        '{"parts": []}',
        '{"parts": {"a.parquet": 1}}',
        '{"parts": {"a.parquet": {"source": [1, 2]}}}',
        '{"parts": {"a.parquet": {"source": [1, 2], "clusters": {"0": null}}}}',
    ]:
        (tmp_path / "out" / MANIFEST).write_text(damaged)
        status, _, err = run(*command)
        assert status == 2
        assert "cannot read" in err


def test_texts_without_rows_are_passed_over(run, done, tmp_path):
    folder = write(table_of("mixed"), tmp_path / "in", "csv")
    command = ["cluster", folder, "--id", "key", "--out"]
    done(*command, tmp_path / "one")
    empty = {"0.csv": "", "1.csv": "a,b,c,word,key\n", "d.csv": "\n", "e.csv": "# x\n"}
    for name, text in empty.items():
        (folder / name).write_text(text)
    _, notes = done(*command, tmp_path / "two")
    found = [results(tmp_path / name).cluster.to_dict() for name in ("one", "two")]
    assert found[0] == found[1]
    assert "read 900 rows of 7 files" in notes
    done(*command, tmp_path / "three", "--copy-columns")
    for out in ("two", "three"):
        first = (tmp_path / out / "a.csv").read_text().splitlines()[0]
        for name in empty:
            assert (tmp_path / out / name).read_text() == f"{first}\n"
    (folder / "1.csv").write_text("a,c,b,word,key\n")
    status, _, err = run(*command, tmp_path / "four")
    assert status == 2
    assert "1.csv: its columns are a, c, b" in err
    for name in "abc":
        (folder / f"{name}.csv").unlink()
    (folder / "1.csv").unlink()
    status, _, err = run(*command, tmp_path / "four")
    assert status == 2
    assert "it holds no rows" in err


def marked_table():
    frame = table_of("numbers").assign(s=lambda table: table.c.abs() + 1)
    frame.loc[::50, "s"] = -999
    return frame


def test_a_number_for_gaps_is_found_as_in_one_file(done, tmp_path, monkeypatch):
    monkeypatch.setattr(reading_in_blocks, "BLOCK_BYTES", 5000)
    frame = marked_table()
    folder = write(frame, tmp_path / "in", "csv")
    whole = write(frame, tmp_path / "whole", "csv", 1) / "a.csv"
    said, labels = [], []
    for source, out in [(whole, "one.csv"), (folder, "two")]:
        options = ["--id", "key", "--columns", tmp_path / f"{out}.columns.csv"]
        options += ["--save", tmp_path / f"{out}.model", "--out", tmp_path / out]
        said.append(done("cluster", source, *options)[1])
        assert "numbers that stand for a gap: -999 in s" in said[-1]
        assert "missing values: s" in said[-1]
    labels = pd.read_csv(tmp_path / "one.csv").set_index("key").cluster.sort_index()
    assert (results(tmp_path / "two").cluster == labels).all()
    columns = [tmp_path / f"{name}.columns.csv" for name in ("one.csv", "two")]
    assert columns[0].read_text() == columns[1].read_text()
    done("predict", tmp_path / "two.model", folder, "--out", tmp_path / "new")
    found = pd.concat(map(pd.read_csv, sorted((tmp_path / "new").glob("*.csv"))))
    before = pd.concat(map(pd.read_csv, sorted((tmp_path / "two").glob("*.csv"))))
    assert (found.cluster.to_numpy() == before.cluster.to_numpy()).all()
    assert not found.cluster_unlike.any()
    # Whoever says which cells are gaps has said it of all.
    _, notes = done("cluster", folder, *options[:2], "--missing", "x", *options[-2:])
    assert "stand for a gap:" not in notes
    assert "stands for a gap, say --missing -999 of a text file" in notes


@pytest.mark.parametrize("place", ["in", "in/a.parquet"])
@pytest.mark.parametrize("method", ["kmeans", "mixed"])
def test_advice_names_options_and_is_given_once(method, place, done, tmp_path):
    write(marked_table()[::5], tmp_path / "in", "parquet", 1)
    options = ["--id", "key", "--method", method, "--n-clusters", "2"]
    _, notes = done("cluster", tmp_path / place, *options, "--save", tmp_path / "model")
    assert notes.count("write nulls into one of Parquet") == 1
    assert "sentinels" not in notes


@pytest.mark.parametrize("command", ["cluster", "predict", "discover"])
def test_help_says_who_takes_folders(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert ("or a pattern in quotes" in said) == (command != "discover")
    assert ("(see --memory), a folder" in said) == (command != "discover")


@pytest.fixture
def small(done, tmp_path):
    """A folder of CSV files, and a model of it."""
    folder = write(table_of("numbers", 60), tmp_path / "in", "csv")
    options = ["--method", "kmeans", "--n-clusters", "2", "--id", "key"]
    done("cluster", folder, *options, "--save", tmp_path / "model")
    return tmp_path / "model", folder


@pytest.mark.parametrize(
    "options",
    [
        ["--missing", "-999"],
        ["--decimal", "."],
        ["--thousands", ","],
        ["--sep", ","],
        ["--copy-columns"],
    ],
)
def test_other_options_label_anew(options, small, done, tmp_path):
    command = ["predict", *small, "--out", tmp_path / "out"]
    done(*command)
    _, notes = done(*command)
    assert "kept, since labelled before: 3 of 3 files\n" in notes
    assert "wrote" not in notes
    _, notes = done(*command, *options)
    assert "kept" not in notes
    assert "wrote 3 files and" in notes


def test_plain_numbers_load_no_torch(small, tmp_path):
    _, folder = small
    code = (
        "import sys; from skdeepcluster.cli import main;"
        f"main(['cluster', {str(folder)!r}, '--out', {str(tmp_path / 'new')!r}]);"
        "print('loaded:', {'torch', 'skops', 'matplotlib'} & {*sys.modules})"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith("loaded: set()\n")


def test_results_of_files_that_are_gone_are_named(small, done, tmp_path):
    model, folder = small
    out = tmp_path / "out"
    command = ["predict", model, folder, "--out", out]
    done(*command)
    (folder / "b.csv").rename(tmp_path / "b.csv")
    said, notes = done(*command)
    assert "by this model: b.csv\n" in notes
    assert "of 40 rows" in said
    # Once it is back it is known.
    (tmp_path / "b.csv").rename(folder / "b.csv")
    _, notes = done(*command)
    assert "3 of 3 files\n" in notes
    (folder / "b.csv").unlink()
    for _ in range(2):
        _, notes = done(*command, "--missing", "-1")
        assert "by another model or other options: delete them: b.csv\n" in notes
    (out / "b.csv").unlink()
    _, notes = done(*command, "--missing", "-1")
    assert "earlier runs" not in notes


def test_decisions_are_those_of_the_whole_table(done, tmp_path):
    frame = table_of("mixed")
    rng = np.random.default_rng(0)
    sizes = pd.CategoricalDtype(["small", "middle", "large"], ordered=True)
    frame["size"] = pd.Series(rng.choice(sizes.categories, 900)).astype(sizes)
    frame["paid"] = np.where(rng.random(900) < 0.1, None, rng.random(900) < 0.5)
    frame["sure"] = rng.random(900) < 0.5
    frame["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(
        rng.integers(90, size=900), unit="D"
    )
    frame.loc[5, "day"] = pd.NaT
    frame["wait"] = pd.to_timedelta(rng.integers(1, 900, 900), unit="s")
    frame["amount"] = rng.lognormal(sigma=2, size=900)
    frame["zip"] = rng.integers(10, 30, 900)
    frame["number"] = np.arange(900)
    frame["one"] = 1
    folder = write(frame, tmp_path / "in", "parquet")
    whole = write(frame, tmp_path / "whole", "parquet", 1) / "a.parquet"
    written = []
    for source, out in [(whole, tmp_path / "out.csv"), (folder, tmp_path / "out")]:
        columns = tmp_path / f"{out.name}.columns.csv"
        options = ["--id", "key", "--date", "day", "--columns", columns]
        done("cluster", source, *options, "--out", out)
        written.append(pd.read_csv(columns))
    pd.testing.assert_frame_equal(*written)
    roles = written[0].set_index("column").role
    assert {*roles} == {"number", "category", "rank", "unused"}


@pytest.mark.parametrize("command", ["discover", "classify"])
def test_models_of_classes_label_folders(command, done, tmp_path):
    frame = table_of("numbers", 300)
    groups = frame.a.gt(4) * 2 + frame.b.gt(4)
    known = groups.map({0: "low", 1: "middle"})
    frame.assign(label=known).to_csv(tmp_path / "a.csv", index=False)
    model = tmp_path / "classes.model"
    options = ["--label", "label", "--drop", "key", "--save", model]
    done(command, tmp_path / "a.csv", *options)
    folder = write(frame, tmp_path / "in", "parquet")
    frame[:0].to_parquet(folder / "0.parquet", index=False)
    out = [tmp_path / "out", tmp_path / "out.csv"]
    said, _ = done("predict", model, folder, "--copy-columns", "--out", out[0])
    done("predict", model, tmp_path / "a.csv", "--out", out[1])
    expected = pd.read_csv(out[1]).set_index("key").sort_index()
    found = results(out[0])
    for name in ("found_class", "found_is_new", "cluster_unlike"):
        assert (name in found) == (name in expected)
        if name in found:
            assert (found[name].astype(str) == expected[name].astype(str)).all()
    assert f"class{'es' * (found.found_class.nunique() > 1)} of 300 rows" in said
