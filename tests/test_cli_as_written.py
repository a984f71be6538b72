"""What users write stays as it is: labels, columns that are not used, names."""

import gzip
import os
import subprocess
import sys
import threading
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from pyarrow import parquet

from skdeepcluster._printing import shortened, visible
from skdeepcluster.cli import main
from skdeepcluster.cli.written_labels import partial_labels
from skdeepcluster.inspection import ClusterProfileDisplay, EmbeddingDisplay
from skdeepcluster.tables import read_table

PLACE = np.repeat([0, 1, 2, 3], 20)
COMMAND = [sys.executable, "-m", "skdeepcluster"]
ESCAPE = "\x1b[2J"


def table(labels):
    """Four groups far apart, with a label each; None for no label."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(80, 2)) / 4 + np.column_stack([PLACE * 5, PLACE % 2 * 7])
    frame = pd.DataFrame(numbers.round(3), columns=["length", "width"])
    return frame.assign(kind=pd.Series([labels[p] for p in PLACE], dtype=object))


def written(frame, path):
    """Write a table, integers as such, and return its path."""
    if path.suffix == ".parquet":
        columns = {name: frame[name].tolist() for name in frame}
        parquet.write_table(pa.table(columns), path)
    else:
        frame.to_csv(path, index=False)
    return path


# Labels that are there, and the classes that they should be.
IDENTIFIERS = {
    "large": ([2**60, 2**60 + 1, 2**60 + 2], [2**60, 2**60 + 1, 2**60 + 2]),
    "too large": ([2**62, 2**62 + 1, 2**62 + 2], [str(2**62 + i) for i in range(3)]),
    "zeros": (["007", "7", "0.7"], ["007", "7", "0.7"]),
    "forms": (["1e3", "1000", "5 kg"], ["1e3", "1000", "5 kg"]),
    "times": (["10:30", "11:30", "12:30"], ["10:30", "11:30", "12:30"]),
    "dates": (["2024-01-02", "2024-01-03", "now"], ["2024-01-02", "2024-01-03", "now"]),
    "same number": (["1", "1.0", "2"], ["1", "1.0", "2"]),
}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("labels", IDENTIFIERS.values(), ids=IDENTIFIERS)
def test_labels_are_identifiers(labels, suffix, tmp_path, capsys):
    given, expected = labels
    source = written(table([*given, None]), tmp_path / f"in.{suffix}")
    out, model, again = (tmp_path / f"{n}.parquet" for n in ("out", "model", "again"))
    options = ["--label", "kind", "--n-novel", "1", "--quiet"]
    assert (
        main(["discover", str(source), *options, f"--out={out}", f"--save={model}"])
        == 0
    )
    assert "1 new class beside 3 known" in capsys.readouterr().out
    found = pd.read_parquet(out)["found_class"]
    novel = expected[-1] + 1 if isinstance(expected[0], int) else "novel_0"
    assert found.tolist() == [[*expected, novel][p] for p in PLACE]
    predicted = ["predict", str(model), str(source), "--quiet", f"--out={again}"]
    assert main(predicted) == 0
    assert pd.read_parquet(again)["found_class"].equals(found)


@pytest.mark.parametrize(
    ("words", "expected", "said"),
    [
        (["3", "10", None, "-"], [3, 10, None, None], "the numbers of kind: '-'"),
        (["3.0", "10.0", None], [3, 10, None], ""),
        (["unknown", "none", None], ["unknown", "none", None], ""),
        (["3", "blue", "-"], ["3", "blue", "-"], ""),
        (["3", str(2**70), None, "-1"], ["3", str(2**70), None, -1], ""),
    ],
)
def test_words_become_numbers_where_none_is_changed(words, expected, said):
    notes = []
    y, labeled = partial_labels(pd.Series(words, name="kind"), notes.append)
    assert y.tolist() == expected
    assert labeled.tolist() == [label not in (None, -1) for label in expected]
    assert said in " ".join(notes)
    assert bool(said) == bool(notes)


def test_marks_of_absence_in_any_column_of_text_label_nothing(tmp_path):
    source = written(table(["a", "b", "n/a", None]), tmp_path / "in.csv")
    kinds = read_table(source, identifiers=["kind", "not there"]).frame["kind"]
    assert kinds.isna().tolist() == (PLACE > 1).tolist()


def unused():
    """Columns of types that no clusterer takes, with gaps."""
    return pa.table(
        {
            "map": pa.array([[("a", 1)], None] * 40, pa.map_(pa.string(), pa.int8())),
            "struct": pa.array([{"x": 1, "y": "b"}, None] * 40),
            "list": pa.array([[1, 2], [], None, [3]] * 20),
            "bytes": pa.array([b"\x00\xff", None] * 40),
            "price": pa.array([Decimal("1.10"), None] * 40, pa.decimal128(9, 2)),
            "number": pa.array([2**60 + 1, None] * 40),
            "day": pa.array([19000, None] * 40, pa.date32()),
            "one": pa.array(["x"] * 80).dictionary_encode(),
        }
    )


@pytest.mark.parametrize("index", [None, "length"])
def test_columns_of_parquet_come_out_as_they_went_in(index, tmp_path, capsys):
    frame = table(["a", "b", "c", None])
    frame = frame if index is None else frame.assign(i=range(80)).set_index("i")
    source = pa.Table.from_pandas(frame)
    for field, column in zip(unused().schema, unused().columns, strict=True):
        source = source.append_column(field, column)
    parquet.write_table(source, tmp_path / "in.parquet")
    args = [str(tmp_path / name) for name in ("in.parquet", "out.parquet", "model")]
    options = ["--n-clusters", "4", "--method", "kmeans", "--out", args[1]]
    drop = ["--drop", "kind", "price", "number"]
    assert main(["cluster", args[0], *options, "--save", args[2], *drop]) == 0
    assert "map (its cells are lists, maps or bytes)" in capsys.readouterr().err
    found = parquet.read_table(args[1])
    assert found.drop_columns(["cluster", "cluster_stability"]).equals(source)
    pd.testing.assert_frame_equal(
        found.to_pandas()[[*frame]], source.to_pandas()[[*frame]]
    )
    assert main(["predict", args[2], args[0], "--out", args[1]]) == 0
    again = parquet.read_table(args[1])
    assert again["cluster"].equals(found["cluster"])
    assert again.drop_columns(["cluster", "cluster_unlike"]).equals(source)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_a_pipe_is_read_like_the_file(kind, tmp_path, capsys):
    frame = table(["a", "b", "c", None])
    path = tmp_path / f"in.{kind}"
    if kind == "parquet":
        written(frame, path)
    else:
        content = frame.to_csv(index=False).encode()
        path.write_bytes(gzip.compress(content) if kind == "csv.gz" else content)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    options = ["--n-clusters", "4", "--method", "kmeans", "--drop", "kind"]
    printed = []
    for source in (pipe, path):
        assert main(["cluster", str(source), *options]) == 0
        printed.append(capsys.readouterr())
    writer.join()
    assert printed[0] == printed[1]


def test_stdin_that_is_a_file(tmp_path):
    source = written(table(["a", "b", "c", None]), tmp_path / "in.csv")
    options = ["--n-clusters", "2", "--method", "kmeans"]
    with open(source) as file:
        command = [*COMMAND, "cluster", "/dev/stdin", *options]
        done = subprocess.run(command, stdin=file, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("2 clusters of 80 rows")


# What a terminal, a browser or matplotlib would act on.
HOSTILE = [f"red{ESCAPE}", "\u202ederised", "a$_$", r"\$\frac{", "_hidden", "<b>&"]


def hostile(tmp_path):
    """A table with such names, ids and levels."""
    frame = table([HOSTILE[0], HOSTILE[2], "x" * 1_000_000, HOSTILE[4]])
    frame.columns = [*HOSTILE[1:3], "kind"]
    frame["id"] = [f"{HOSTILE[i % 6]}{i}" for i in range(80)]
    return written(frame, tmp_path / "in.csv")


def test_nothing_acts_on_a_terminal_or_a_page(tmp_path, capsys):
    source, page = hostile(tmp_path), tmp_path / "page.html"
    options = ["--n-clusters", "4", "--id", "id", "--report", str(page)]
    options += ["--plot", str(tmp_path / "plot.png"), "--method", "kmeans"]
    assert main(["cluster", str(source), *options]) == 0
    assert main(["discover", str(source), "--label", "kind", "--n-novel", "1"]) == 2
    printed = capsys.readouterr()
    for text in (printed.out, printed.err, page.read_text(encoding="utf-8")):
        assert all(c.isprintable() for c in text.replace("\n", ""))
        assert max(map(len, text.split("\n"))) < 1_000_000
    assert visible(HOSTILE[0]) in printed.out
    assert r"\u202ederised" in printed.out


@pytest.mark.parametrize("name", [*HOSTILE, "y" * 1_000_000])
def test_pictures_draw_names_unread(name):
    X = np.random.default_rng(0).normal(size=(12, 2))
    labels = np.array([name, "b"], dtype=object)[np.arange(12) % 2]
    axes = Figure().subplots(1, 2)
    EmbeddingDisplay.from_predictions(X, labels, ax=axes[0])
    means = np.ones((2, 2))
    ClusterProfileDisplay(
        means=means,
        deviations=means,
        clusters=[name, "b"],
        sizes=[6, 6],
        feature_names=[name, "b"],
    ).plot(ax=axes[1])
    axes[0].figure.canvas.draw()
    drawn = [text.get_text() for text in axes[0].get_legend().get_texts()]
    drawn += [label.get_text() for label in axes[1].get_yticklabels()]
    shown = [text.replace(r"\$", "$").strip() for text in drawn]
    assert f"{shortened(name)} (6)" in shown
    assert shortened(name) in shown
    assert all("$" not in text.replace(r"\$", "") for text in drawn)


def test_a_name_of_a_file_need_not_be_text(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9"
    frame = table(["a", "b", "c", None])
    (tmp_path / "in.csv").write_bytes(frame.to_csv(index=False).encode())
    os.rename(tmp_path / "in.csv", name + b".csv")
    outputs = [b"--out=%b.parquet", b"--report=%b.html", b"--save=%b.model"]
    command = [*COMMAND, "cluster", name + b".csv", "--n-clusters=4"]
    command += [output % name for output in outputs]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0
    assert rb"caf\udce9.parquet" in done.stderr
    with open(name + b".parquet", "rb") as file:
        assert len(parquet.read_table(file)) == 80


@pytest.mark.parametrize("header", ["a\0b,c", "\0,c", "a,c\0"])
def test_zero_bytes_in_a_header(header, tmp_path, capsys):
    path = tmp_path / "in.csv"
    path.write_text(f"{header}\n" + "1,2\n3,4\n5,9\n" * 9)
    assert main(["cluster", str(path), "--n-clusters", "2"]) in (0, 2)
    assert "\0" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("how", ["2>&-", "2> >(true)"])
def test_notes_that_nobody_reads_are_dropped(how, tmp_path):
    source = written(table(["a", "b", "c", None]), tmp_path / "in.csv")
    command = f'"{sys.executable}" -m skdeepcluster cluster "{source}" --n-clusters 4'
    done = subprocess.run(
        ["bash", "-c", f"{command} --out {tmp_path}/out.csv {how}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("4 clusters of 80 rows")
    assert "skdeepcluster: " not in done.stdout
    assert len(pd.read_csv(tmp_path / "out.csv")) == 80
