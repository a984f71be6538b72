"""What the command line says of clusters and classes, line by line."""

import base64
import datetime
import gzip
import io
import re
import struct
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Bunch

from skdeepcluster.cli.asking import summary
from skdeepcluster.cli.classes import class_summary, found_section
from skdeepcluster.cli.classifying import classifier_for
from skdeepcluster.cli.columns import Prepared, column_notes, written
from skdeepcluster.cli.comparing import compared, count_lines
from skdeepcluster.cli.descriptions import (
    answer_notes,
    as_numbers,
    column_remarks,
    correlation_lines,
    described,
    gap_remarks,
    is_skewed,
    notable_remarks,
    other_differences,
    remarks_on,
    spread_in_words,
)
from skdeepcluster.cli.files import identifiers, write_whole
from skdeepcluster.cli.messages import CommandError
from skdeepcluster.cli.mixtures import coarser_levels
from skdeepcluster.cli.out_of_core import (
    labels_and_confidence,
    sizes_table,
    writer_of,
)
from skdeepcluster.cli.outputs import check_outputs
from skdeepcluster.cli.parser import memory_size
from skdeepcluster.cli.report import (
    column_section,
    draw_profile,
    figure,
    map_section,
    rule_section,
)
from skdeepcluster.cli.row_map import HEIGHT, LEGEND, WIDTH, row_map
from skdeepcluster.cli.stability import often, stability_notes
from skdeepcluster.tables import TableEncoder
from skdeepcluster.tables._columns import Column


def prepared_of(frame, names=None, **options):
    """A table made ready, with what the encoder decides about its columns."""
    encoder = TableEncoder(**options)
    return Prepared(frame, encoder.fit_transform(frame), encoder, {}, {}, names)


def column_of(prepared, name):
    return next(column for column in prepared.columns if column.name == name)


def members_of(n_rows, n_members):
    return np.arange(n_rows) < n_members


def test_columns_that_say_the_same_share_a_line():
    rng = np.random.default_rng(0)
    inside = members_of(60, 20)
    weight = (10 * inside + rng.normal(size=60)).round(2)
    frame = pd.DataFrame(
        {"kg": weight, "g": 1000 * weight, "other": rng.normal(size=60).round(3)}
    )
    (line,) = notable_remarks(prepared_of(frame), inside)
    assert re.fullmatch(r"(kg|g): mean .* overall; likewise (kg|g)", line)


def test_a_rare_level_is_told_where_it_says_most():
    words = [*"bbbbcccc", *"aaaaaaaa"]
    frame = pd.DataFrame({"word": words, "x": np.arange(16.0)})
    prepared = prepared_of(frame)
    column = column_of(prepared, "word")
    told = column_remarks(column, frame["word"], members_of(16, 8))
    assert [r.text for r in told] == [
        "word = b: 50% vs 25% overall",
        "word = c: 50% vs 25% overall",
        "word = a: 0% vs 50% overall",
    ]


def test_a_rare_level_is_not_told_where_a_frequent_one_says_as_much():
    # Against a quarter of all rows each: half, none, three eighths, one eighth.
    words = [*"aaaa", *"ccc", *"d", *"bbbb", *"c", *"ddd"]
    frame = pd.DataFrame({"word": words, "x": np.arange(16.0)})
    prepared = prepared_of(frame)
    column = column_of(prepared, "word")
    told = column_remarks(column, frame["word"], members_of(16, 8))
    assert [r.text for r in told] == [
        "word = a: 50% vs 25% overall",
        "word = c: 38% vs 25% overall",
    ]


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_the_median_is_for_skewed_numbers(unit):
    even = np.linspace(-1, 1, 101)
    assert not is_skewed(unit * even)
    assert is_skewed(unit * np.exp(4 * even))
    assert is_skewed(-unit * np.exp(4 * even))
    assert not is_skewed(np.full(9, unit))


def test_correlations_that_differ():
    rng = np.random.default_rng(0)
    inside = members_of(400, 200)
    a = rng.normal(size=400)
    frame = pd.DataFrame(
        {
            "a": a,
            "everywhere": a + 0.3 * rng.normal(size=400),
            "inside": np.where(inside, a, rng.normal(size=400)),
        }
    )
    prepared = prepared_of(frame)
    lines = correlation_lines(frame, prepared.columns, inside)
    here, overall = frame[inside].corr(), frame.corr()
    assert [text.partition(":")[0] for _, text in lines] == [
        "inside and a",
        "inside and everywhere",
    ]
    for strength, text in lines:
        one, other = text.partition(":")[0].split(" and ")
        r, s = here.loc[one, other], overall.loc[one, other]
        assert strength == pytest.approx(abs(r - s))
        assert text.endswith(f"correlation {r:.2f} vs {s:.2f} overall")
    assert other_differences(prepared, inside) == [
        text for _, text in sorted(lines, reverse=True)
    ]


def test_spreads_that_differ():
    rng = np.random.default_rng(0)
    inside = members_of(400, 200)
    noise = rng.normal(size=(2, 400))
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(
        np.where(inside, 3, 30) * noise[1], unit="D"
    )
    frame = pd.DataFrame({"x": np.where(inside, 5, 1) * noise[0], "day": days})
    prepared = prepared_of(frame)
    lines = other_differences(prepared, inside)
    here, overall = frame.day[inside].std(ddof=0), frame.day.std(ddof=0)
    day = pd.Timedelta(1, "D")
    assert lines == [
        f"day: standard deviation {here / day:.4g} days vs "
        f"{overall / day:.4g} days overall"
    ]
    assert spread_in_words(column_of(prepared, "x"), 1.5) == "1.5"


def test_clusters_are_described_one_by_one():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [40, 20])
    names = pd.Series([f"row {i}" for i in range(60)])
    frame = pd.DataFrame({"x": (9.0 * labels + rng.normal(size=60)).round(2)})
    prepared = prepared_of(frame, names)
    one, other = described(prepared, labels)
    assert (one.cluster, one.n_rows, one.share) == (0, 40, pytest.approx(2 / 3))
    assert one.found_again is None
    assert other.remarks[0].startswith("x: mean")
    assert other.remarks[1].startswith("typical: row ")
    assert all(int(k) >= 40 for k in re.findall(r"row (\d+)", other.remarks[1]))
    measured = {0: (0.9, 6, 6), 1: (0.5, 3, 6)}
    told = [cluster.found_again for cluster in described(prepared, labels, measured)]
    assert told == [*measured.values()]
    assert remarks_on(prepared, np.ones(60, dtype=bool))[0] == "all rows"


@pytest.mark.parametrize("known", [None, ["a"]])
def test_what_sets_a_class_apart_stands_in_one_column(known):
    classes = np.array(["a", "a long name"])
    labels = np.repeat(classes, [40, 20])
    inside = labels == "a"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: 9 * inside + rng.normal(size=60) for name in "xy"})
    frame["y"] += rng.normal(size=60)
    _, _, head, *lines = class_summary(
        *("head", prepared_of(frame), classes, labels, np.arange(60) % 2 > 0),
        *(np.full(60, 0.75), "how sure", known),
    )
    place = head.index("what sets it apart")
    assert len(lines) == 4
    assert all(re.match("[xy]: mean", line[place:]) for line in lines)
    assert all(line[:place].strip() == "" for line in lines[1::2])
    told = [line[:place].replace("a long name", "b").split() for line in lines[::2]]
    marks = [[], []] if known is None else [["no"], ["yes"]]
    assert told == [
        ["a", *marks[0], "40", "20", "0.75"],
        ["b", *marks[1], "20", "10", "0.75"],
    ]


def test_a_column_that_tells_the_clusters_apart_is_named():
    two, four = np.repeat([0, 1], 40), np.repeat([0, 1, 2, 3], 20)
    frame = pd.DataFrame(
        {"half": np.where(two, "up", "down"), "x": np.arange(80.0) ** 2 % 17}
    )
    prepared = prepared_of(frame)
    (note,) = answer_notes(prepared, two)
    assert note == (
        "half almost alone tells the clusters apart: down in 100% of cluster 0, up in "
        "100% of cluster 1; --drop half clusters by the other columns"
    )
    # Of four clusters it tells but which two.
    assert [*answer_notes(prepared, four)] == []


@pytest.mark.parametrize(("n_rows", "n_notes"), [(14, 0), (15, 1)])
def test_a_column_of_few_rows_a_value_tells_nothing(n_rows, n_notes):
    labels = np.arange(n_rows) % 3
    frame = pd.DataFrame(
        {"word": np.array([*"abc"])[labels], "x": np.arange(n_rows) ** 2.0}
    )
    assert len([*answer_notes(prepared_of(frame), labels)]) == n_notes


def test_two_labeled_rows_of_a_class_are_compared():
    matrix = np.array([[0.0], [0.1], [5.0], [5.1], [5.2], [0.0], [0.0], [9.0]])
    labels = np.repeat(["a", "b"], [5, 3])
    labeled = np.array([1, 1, 0, 0, 0, 1, 0, 0], dtype=bool)
    said = found_section(matrix, ["x"], np.array(["a", "b"]), labels, labeled)
    assert "<td>a</td><td>x: mean 5.1 against 0.05</td>" in said
    # One labeled row has no spread.
    assert "<td>b</td>" not in said
    alone = found_section(matrix, ["x"], np.array(["b"]), labels, labeled)
    assert alone.startswith("<p>No class has two labeled rows")


@pytest.mark.parametrize("n_clusters", [1, 2])
def test_clusters_without_a_rule_are_named(n_clusters):
    matrix = np.random.default_rng(0).normal(size=(60, 1))
    labels = np.arange(60) % n_clusters
    said = rule_section(matrix, ["x"], labels)
    assert ("for: 0, 1.</p>" in said) == (n_clusters == 2)
    assert ("No rule of up to" in said) == (n_clusters == 2)


def test_the_page_says_which_logarithms_were_taken():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"income": rng.lognormal(size=50), "x": rng.normal(size=50)})
    page = column_section(prepared_of(frame, skew=["income"]))
    assert "<td>income</td><td>number</td><td></td><td>logarithm</td>" in page
    assert "<td>x</td><td>number</td><td></td><td></td>" in page


def test_columns_that_name_rows_or_classes():
    assert identifiers(Namespace(id="key", label=None)) == ["key"]
    assert identifiers(Namespace(id=None, label="kind", compare="y")) == ["kind", "y"]
    assert identifiers(Namespace()) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left"), "No space left"),
        (OSError("the disk is gone"), "the disk is gone"),
    ],
)
def test_what_stops_a_file_is_said(error, said, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")

    def write(aside):
        aside.write_text("half")
        raise error

    with pytest.raises(CommandError, match=said):
        write_whole({path: write})
    assert path.read_text() == "before"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("option", "name", "module"),
    [("out", "a.parquet", "pyarrow"), ("plot", "a.png", "matplotlib")],
)
def test_what_writing_needs_is_asked_for_first(option, name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(CommandError, match=f"{module} is not installed"):
        check_outputs(Namespace(**{option: Path(name)}))


def test_rows_of_no_class_are_one_group_more():
    args = Namespace(reject=True, random_state=3)
    prepared = prepared_of(pd.DataFrame({"x": np.arange(9.0) ** 2}))
    model = classifier_for(args, prepared, 3)
    assert (model.reject, model.random_state) == (4, 3)
    args.reject = False
    assert classifier_for(args, prepared, 3).reject is None


def test_the_picture_of_means_names_its_columns():
    axes = Figure().subplots()
    matrix = np.array([[0.0], [1.0], [5.0]])
    draw_profile(matrix, ["x"], np.array([0, 0, 1]), "class", axes)
    assert axes.get_xlabel() == "class (rows)"


def test_a_picture_has_the_size_that_was_asked_for():
    for options, inches in [({}, (6.4, 4.8)), ({"size": (8, 3)}, (8, 3))]:
        page = figure(lambda axes: axes.plot([0, 1]), "a line & more", **options)
        assert 'alt="a line &amp; more"' in page
        (data,) = re.findall(r"base64,([^\"]+)", page)
        width, height = struct.unpack(">II", base64.b64decode(data)[16:24])
        assert width / height == pytest.approx(inches[0] / inches[1], rel=0.01)


def test_rows_are_drawn_between_the_margins():
    points = np.array([[0.0, 0], [1, 2], [2, 1], [3, 3]])
    labels = np.array([0, 0, 1, 1])
    page = row_map(
        points, labels, ("across", "up"), lambda rows: [f"r{i}" for i in rows]
    )
    found = re.findall(r'cx="(.*?)" cy="(.*?)"[^>]*><title>r(\d)', page)
    assert [int(row) for *_, row in found] == [0, 1, 2, 3]
    x, y = np.array([place[:2] for place in found], dtype=float).T
    assert min(x) > 0
    assert max(x) < WIDTH - LEGEND
    assert min(y) > 0
    assert max(y) < HEIGHT
    np.testing.assert_allclose(np.diff(x), np.diff(x)[0], atol=0.2)
    assert (np.argsort(-y) == [0, 2, 1, 3]).all()
    assert "0 (2 rows)" in page
    assert "1 (2 rows)" in page


@pytest.mark.parametrize("takes_columns", [False, True])
def test_the_map_is_of_what_was_clustered(takes_columns):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 3)), columns=[*"abc"])
    prepared = prepared_of(frame)
    # Its transform turns the rows about: the last axis comes first.
    turned = FunctionTransformer(lambda rows: rows[:, ::-1])
    labels = (prepared.X[:, 0] > 0).astype(int)
    page = map_section(turned, prepared, labels, takes_columns, "group")
    x = np.array(re.findall(r'cx="([^"]*)"[^>]*><title>', page), dtype=float)
    same = [np.corrcoef(x, axis)[0, 1] for axis in prepared.X.T]
    assert np.argmax(np.abs(same)) == (0 if takes_columns else len(same) - 1)
    assert ("found in the columns themselves" in page) == takes_columns
    assert "coloured by group" in page


def test_comparison_with_numbers_words_and_gaps():
    labels = np.repeat([0, 1], 30)
    amount = np.r_[np.linspace(1, 3, 30), np.linspace(10, 40, 30)]
    frame = pd.DataFrame(
        {
            "x": np.random.default_rng(0).normal(size=60),
            "amount": amount,
            "grade": np.repeat([1, 2, 10], 20),
            "word": np.where(np.arange(60) < 50, "w", None),
        }
    )
    prepared = prepared_of(frame, drop=["amount", "grade", "word"])
    found = compared(prepared, labels, "amount")
    assert found.lines == ["compared with amount: median 2 in 0, 25 in 1"]
    assert found.counts is None
    found = compared(prepared, labels, "grade")
    assert found.counts.columns.tolist() == ["1", "2", "10"]
    assert found.counts.to_numpy().tolist() == [[20, 10, 0], [0, 10, 20]]
    found = compared(prepared, labels, "word")
    assert found.lines[0].startswith("compared with word in the 50 rows that have one")
    assert found.counts["w"].tolist() == [30, 20]


def test_the_legend_stands_beside_the_rows():
    points = np.random.default_rng(0).normal(size=(30, 2))
    labels = np.arange(30) % 3
    page = row_map(points, labels, ("across", "up"), lambda rows: ["row"] * len(rows))
    marks = re.findall(r'cx="([^"]*)" cy="([^"]*)"[^>]*></circle>', page)
    texts = re.findall(r'x="(\d+)" y="(\d+)" text-anchor="start"', page)
    marks, texts = np.array(marks, dtype=float), np.array(texts, dtype=float)
    assert marks.shape == texts.shape == (3, 2)
    # Every name to the right of its mark, on the line of it.
    assert (texts[:, 0] > marks[:, 0] + 4).all()
    assert len({*(texts[:, 1] - marks[:, 1])}) == 1
    assert (np.diff(marks[:, 1]) > 8).all()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("7", 7),
        ("2K", 2 * 1024),
        ("1.5M", 3 * 2**19),
        ("3G", 3 * 2**30),
        ("1TiB", 2**40),
        ("5kb", 5 * 1024),
    ],
)
def test_sizes_of_memory(text, size):
    assert memory_size(text) == size


def test_shares_of_missing_cells_are_told_in_and_outside():
    inside = members_of(40, 20)
    cells = pd.Series(np.where(np.arange(40) % 20 < 5, np.nan, 1.0))
    cells[inside] = np.where(np.arange(20) < 15, np.nan, 1.0)
    column = Column("x", "number", "number")
    (remark,) = gap_remarks(column, cells.notna().to_numpy(), inside)
    assert remark.text == "x: missing in 75%, elsewhere in 25%"
    # Against the share of all rows, in its standard deviations.
    assert remark.strength == pytest.approx((0.75 - 0.5) / 0.5)
    # A quarter of difference is worth a line, less is none.
    seen = np.array([False] * 5 + [True] * 15 + [True] * 20)
    assert len([*gap_remarks(column, seen, inside)]) == 1
    seen[4] = True
    assert [*gap_remarks(column, seen, inside)] == []


def test_sizes_of_all_parts_are_added_in_order():
    said = sizes_table([{"10": 1, "2": 1000}, {"2": 200, "other": 3}])
    head, _, _, *lines = said
    assert head == "3 clusters of 1,204 rows"
    assert [line.split()[:2] for line in lines] == [
        ["2", "1,200"],
        ["10", "1"],
        ["other", "3"],
    ]
    assert [line.split()[2] for line in lines] == ["99.7%", "0.1%", "0.2%"]
    assert sizes_table([{"a": 1}], "class")[0] == "1 class of 1 rows"


def test_equal_chances_are_decided_as_predict_does():
    class Chances:
        def predict_proba(self, rows):
            return np.array([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]])[: len(rows)]

        def predict(self, rows):
            return np.ones(len(rows), dtype=int)

    rows = np.zeros((3, 1))
    for given in (rows, pd.DataFrame(rows)):
        labels, shares = labels_and_confidence(Chances(), given)
        assert labels.tolist() == [1, 1, 0]
        assert shares.tolist() == pytest.approx([0.5, 0.8, 0.9])


@pytest.mark.parametrize("n_violated", [0, 2])
def test_answers_that_are_not_kept_are_counted(n_violated):
    model = Bunch(sizes_=[5, 1200], n_clusters_=2, n_violated_=n_violated)
    answers = Bunch(links={"must_link": [(0, 1)], "cannot_link": [(0, 2), (1, 2)]})
    broken = ", 2 of them not kept" if n_violated else ""
    assert summary(model, answers) == (
        f"2 clusters of 5, 1,200 rows, by 3 answers{broken}"
    )


def test_levels_that_are_not_nested_say_of_how_many_rows_they_are_true():
    # Of the third cluster one row of four goes elsewhere when there are two.
    labels = np.repeat([0, 1, 2], [8, 8, 4])
    two = np.repeat([0, 1, 0], [8, 11, 1])
    model = Bunch(
        labels_=labels,
        n_clusters_=3,
        path_=[{"n_clusters": k, "objective": -5.0 * k} for k in (2, 3)],
        labels_at=lambda k: two,
    )
    assert coarser_levels(model) == [(2, -5.0, "0; 1 + 2 (true of 95.0% of the rows)")]
    two[-1] = 1
    assert coarser_levels(model) == [(2, -5.0, "0; 1 + 2")]


def test_decisions_are_said_by_kind():
    rng = np.random.default_rng(0)
    size = pd.Categorical.from_codes(
        rng.integers(3, size=60), ["small", "middle", "large"], ordered=True
    )
    frame = pd.DataFrame(
        {"x": rng.normal(size=60), "size": size, "word": rng.choice([*"ab"], 60)}
    )
    said = [*column_notes(prepared_of(frame))]
    assert "categories with an order: size" in said
    assert "categories, each of the weight of one number: word (2 levels)" in said
    assert len([line for line in said if "categories" in line]) == 2


def test_ranges_of_moments_alone_are_written_as_such():
    days = pd.Series(pd.date_range("2026-01-01", periods=40)).sample(
        frac=1, random_state=0
    )
    frame = pd.DataFrame({"day": days.to_numpy(), "x": np.arange(40.0) ** 2})
    prepared = prepared_of(frame)
    day, number = (column_of(prepared, name) for name in ("day", "x"))
    assert (written(day, "low"), written(day, "high")) == ("2026-01-01", "2026-02-09")
    assert written(day, "n_distinct") == 40
    assert (written(number, "low"), written(number, "high")) == (0, 39**2)


def test_many_values_are_told_by_how_frequent_they_are():
    words = [f"w{i:02}" for i in range(30)]
    counts = pd.DataFrame([[0] * 29 + [5], [*range(1, 31)]], [0, 1], words)
    first, second = count_lines(counts)
    assert first == "cluster 0: w29 (5)"
    assert second.startswith("cluster 1: w29 (30), w28 (29), ")
    assert second.endswith(", w00 (1)")
    assert len([*count_lines(counts[words[:2]])]) == 3


@pytest.mark.parametrize("name", ["a.tsv", "a.csv.gz"])
def test_text_of_the_same_rows_is_the_same_bytes(name):
    table = pa.table({"x": [1, 2], "y": ["a", None]})
    file = io.BytesIO()
    writer = writer_of(Path(name), file, table.schema)
    writer.write_table(table)
    writer.close()
    said = file.getvalue()
    if name.endswith("gz"):
        # No name of a file, and no time.
        assert said[3:8] == bytes(5)
        said = gzip.decompress(said)
    assert said.replace(b"\t", b",") == b"x,y\n1,a\n2,\n"
    assert not file.closed


def test_how_often_a_cluster_is_found_again():
    assert often(None) == often((np.nan, 0, 6)) == "-"
    assert often((0.5, 3, 6)) == "0.50 (3 of 6)"


@pytest.mark.parametrize("n_clusters", [1, 2])
def test_one_cluster_is_not_said_to_be_found_again(n_clusters):
    found = Bunch(
        jaccard=np.ones((4, n_clusters)),
        stability=np.ones(n_clusters),
        n_found=np.array([n_clusters] * 3 + [5]),
    )
    labels = np.arange(6) % n_clusters
    said = [*stability_notes(found, labels, None)]
    counted = f"number of clusters in 4 samples of the rows: {n_clusters} in 3, 5 in 1"
    assert said[-1] == counted
    assert [line.partition(":")[0] for line in said[:-1]] == ["found again"] * (
        n_clusters - 1
    )
    assert said[:-1] == [*stability_notes(found, labels, n_clusters)]
    found.n_found[:] = 5
    assert [*stability_notes(found, labels, None)][-1].endswith(
        f": 5 in 4; {n_clusters} in none"
    )


def test_times_and_dates_are_seconds():
    times = pd.Series([datetime.time(1, 0, 5), None, datetime.time(0, 0, 1)])
    np.testing.assert_array_equal(as_numbers(times), [3605, np.nan, 1])
    zoned = pd.Series(pd.to_datetime(["1970-01-02", None]).tz_localize("UTC"))
    np.testing.assert_array_equal(as_numbers(zoned), [86_400, np.nan])
    spans = pd.Series(pd.to_timedelta([90, None], unit="s"))
    np.testing.assert_array_equal(as_numbers(spans), [90, np.nan])
    np.testing.assert_array_equal(as_numbers(pd.Series([1, None])), [1, np.nan])
