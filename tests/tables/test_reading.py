"""read_table: files as people have them, and what is said about each."""

import csv
import gzip
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdeepcluster import TableEncoder
from skdeepcluster.tables import read_table

N_ROWS = 60
THIN = "\u202f"


def clean_table(seed=0, n_rows=N_ROWS):
    """Numbers of several kinds, words and gaps, as a plain file holds them."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "kind": np.array(["oak", "elm", "ash"])[rng.integers(0, 3, n_rows)],
            "height": rng.normal(20, 4, n_rows).round(2),
            "income": rng.integers(200, 90_000, n_rows),
            "share": rng.uniform(0, 1, n_rows).round(3),
            "rooms": rng.integers(1, 9, n_rows),
            "town": np.array(["Ulm", "Bonn", "Köln", "Trier"])[
                rng.integers(0, 4, n_rows)
            ],
        }
    )


@pytest.fixture
def read(tmp_path):
    """Write a text to a file and read it as a table."""

    def read(text, name="table.csv", encoding="utf-8", **options):
        data = text if isinstance(text, bytes) else text.encode(encoding)
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return read_table(path, **options)

    return read


def assert_values(found, expected):
    """The same columns and values; whole numbers may have become floats."""
    assert [*found] == [*expected]
    for name, column in expected.items():
        if column.dtype.kind in "biuf":
            values = found[name].to_numpy(dtype=np.float64, na_value=np.nan)
            np.testing.assert_allclose(values, column.astype(float), err_msg=name)
        else:
            assert found[name].fillna("(gap)").tolist() == (
                column.fillna("(gap)").tolist()
            ), name


# Single kinds of dirt ---------------------------------------------------------


def test_plain_file_needs_no_word(read):
    table = clean_table()
    found = read(table.to_csv(index=False))
    assert_values(found.frame, table)
    assert found.notes == []
    assert found.source["income"].to_pylist() == [str(n) for n in table["income"]]


@pytest.mark.parametrize(
    ("sep", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
def test_separators(read, sep, name):
    table = clean_table()
    found = read(table.to_csv(index=False, sep=sep))
    assert_values(found.frame, table)
    assert found.notes == [f"cells are separated by {name}"]


def test_spaces_as_separators(read):
    lines = clean_table().to_string(index=False)
    found = read(lines)
    assert_values(found.frame, clean_table())
    assert found.notes == ["cells are separated by spaces"]


def test_german_numbers(read):
    table = clean_table()
    text = table.to_csv(index=False, sep=";", decimal=",")
    dots = table["income"].map("{:,}".format).str.replace(",", ".")
    found = read(text)
    assert_values(found.frame, table)
    assert "decimal commas: height, share" in found.notes
    assert_values(
        read(table.assign(income=dots).to_csv(index=False, sep=";", decimal=",")).frame,
        table,
    )


def test_points_of_thousands(read):
    numbers = [693, 651, 764, 2575, 2606, 12_400]
    text = "umsatz,kunden\n" + "\n".join(
        f"{n:,},{k}".replace(",", ".", f"{n:,}".count(","))
        for k, n in enumerate(numbers)
    )
    found = read(text)
    assert found.frame["umsatz"].tolist() == numbers
    assert found.notes == ["mark of thousands '.': umsatz"]
    told = read(text, decimal=".")
    assert told.frame["umsatz"].tolist()[3] == 2.575


def test_decimals_of_three_digits_are_said_to_be_such(read):
    found = read("a,b\n1.234,1\n2.345,2\n9.101,4\n")
    assert found.frame["a"].tolist() == [1.234, 2.345, 9.101]
    assert found.notes == [
        "to be confirmed by --decimal, --thousands or --date: a: '1.234' is read with "
        "a decimal mark"
    ]
    assert read("a,b\n1.234,1\n0.345,2\n9.101,4\n").notes == []


@pytest.mark.parametrize(
    ("cells", "unit", "values"),
    [
        (["19.9 kg", "3 kg", "4.25 kg"], "kg", [19.9, 3, 4.25]),
        (["$1,200.50", "$3.00", "-$4.00"], "$", [1200.5, 3, -4]),
        (["5 €", "6,5 €", "7 €"], "€", [5, 6.5, 7]),
        (["12 %", "13.5%", "9%"], "%", [12, 13.5, 9]),
        (["37.2 °C", "36 °C", "38 °C"], "°C", [37.2, 36, 38]),
        (["90 km/h", "100 km/h", "50 km/h"], "km/h", [90, 100, 50]),
    ],
)
def test_units(read, cells, unit, values):
    rows = "\n".join(f'"{cell}",{j}' for j, cell in enumerate(cells))
    found = read(f"a,b\n{rows}\n")
    assert found.frame["a"].tolist() == values
    assert f"units: a ({unit})" in found.notes
    assert TableEncoder(numeric=["b"]).fit(found.frame).columns_[0].unit == unit


def test_units_that_differ_stay_words(read):
    found = read("a,b\n12 kg,1\n500 g,2\n1 kg,5\n")
    assert found.frame["a"].tolist() == ["12 kg", "500 g", "1 kg"]


@pytest.mark.parametrize("mark", ["?", "n/a", "-", "NA", "null", "#N/A", "."])
def test_marks_of_absence(read, mark):
    text = f"a,b\n1.5,1\n{mark},2\n2.25,4\n"
    found = read(text)
    np.testing.assert_array_equal(found.frame["a"], [1.5, np.nan, 2.25])
    assert found.notes == [f"marks of absence: {mark!r} in a"]


def test_a_mark_among_words_is_a_word_unless_told(read):
    text = "kind,b\nnone,1\n(missing),2\n-,4\n+,5\n?,3\n"
    found = read(text).frame["kind"]
    assert found.tolist()[:4] == ["none", "(missing)", "-", "+"]
    assert found.isna().tolist() == [False] * 4 + [True]
    told = read(text, missing=["none"]).frame["kind"]
    assert told.isna().tolist() == [True] + [False] * 4


def test_numbers_that_stand_for_a_gap(read):
    table = clean_table()
    marked = table.assign(height=table["height"].where(table.index % 9 > 0, -9999))
    found = read(marked.to_csv(index=False))
    assert found.frame["height"].isna().sum() == 7
    assert found.notes == ["numbers that stand for a gap: -9999 in height (7 rows)"]
    kept = read(marked.to_csv(index=False), missing=[])
    assert kept.frame["height"].isna().sum() == 0
    told = read(marked.to_csv(index=False), missing=["-9999"])
    assert told.frame["height"].isna().sum() == 7


@pytest.mark.parametrize("where", ["rows", "rows and names"])
def test_trailing_separator(read, where):
    table = clean_table()
    lines = table.to_csv(index=False).splitlines()
    lines = [line + "," * (j > 0 or where != "rows") for j, line in enumerate(lines)]
    found = read("\n".join(lines))
    assert_values(found.frame, table)
    assert found.notes == ["a separator at the end of each line opens no column"]


def test_no_line_of_names(read):
    table = clean_table()
    text = table.to_csv(index=False, header=False)
    found = read(text)
    names = [f"column_{j + 1}" for j in range(6)]
    assert_values(found.frame, table.set_axis(names, axis=1))
    assert "no line of names was found" in found.notes[0]
    assert len(read(text, header=True).frame) == N_ROWS - 1
    assert len(read(table.to_csv(index=False), header=False).frame) == N_ROWS + 1


def test_years_may_be_names(read):
    found = read("country,2019,2020\nA,5.5,7\nB,6.1,8\nC,1.4,9\n")
    assert [*found.frame] == ["country", "2019", "2020"]


def test_names_of_rows_as_r_writes_them(read):
    table = clean_table()
    named = table.set_axis([f"row {i}" for i in table.index])
    text = named.to_csv(sep=" ", quoting=csv.QUOTE_NONNUMERIC)
    found = read(text.replace('"" ', "", 1))
    assert [*found.frame] == ["rownames", *table]
    assert found.frame["rownames"].tolist() == [f"row {i}" for i in table.index]
    assert "the first column has no name: taken as names of the rows" in found.notes
    assert_values(found.frame[[*table]], table)


def test_index_without_a_name(read):
    table = clean_table().sample(frac=1, random_state=0)
    found = read(table.to_csv())
    assert [*found.frame] == ["Unnamed: 0", *table]
    unused = TableEncoder().fit(found.frame).unused_columns_
    assert unused == {"Unnamed: 0": "counts the rows"}


@pytest.mark.parametrize("label", ["Total", "Sum", "Gesamt", "Grand total:"])
def test_row_of_totals(read, label):
    table = clean_table()
    sums = table.select_dtypes("number").sum().to_dict()
    text = pd.concat([table, pd.DataFrame([sums | {"kind": label}])])
    found = read(text.to_csv(index=False))
    assert_values(found.frame, table)
    assert found.notes == [
        f"last row left out: it holds totals (kind = {label.rstrip()!r})"
    ]


def test_comments_and_titles(read):
    table = clean_table()
    text = table.to_csv(index=False)
    found = read("# made by hand\n# in May, or June\n" + text)
    assert_values(found.frame, table)
    assert found.notes == ["comment lines left out: those that begin with '#'"]
    found = read("Trees of the town\n\n" + text)
    assert_values(found.frame, table)
    assert found.notes == ["lines above the names left out: 1"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(read, encoding):
    table = clean_table()
    found = read(table.to_csv(index=False), encoding=encoding)
    assert_values(found.frame, table)
    assert len(found.notes) == (encoding != "utf-8-sig")


def test_compressed_and_parquet(read, tmp_path):
    table = clean_table()
    assert_values(read(table.to_csv(index=False), name="t.csv.gz").frame, table)
    table.to_parquet(tmp_path / "t.parquet")
    assert_values(read_table(tmp_path / "t.parquet").frame, table)


def test_rows_that_end_early(read):
    found = read("a,b,c\n1,2,x\n3,4\n5,6,y\n")
    assert found.frame["c"].isna().tolist() == [False, True, False]
    assert found.notes == [
        "1 rows end early, the first in line 3: what they lack is missing"
    ]


def test_a_row_too_long_is_named(read):
    with pytest.raises(ValueError, match=r"line 3 has 4 cells, and others have 3"):
        read("a,b,c\n1,2,x\n3,4,y,z\n5,6,y\n7,8,z\n9,1,q\n")


def test_quotes_and_line_breaks_in_cells(read):
    found = read('a,b\n"x, y",1\n"one ""two""\nthree",3\n')
    assert found.frame["a"].tolist() == ["x, y", 'one "two"\nthree']


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (["2024-03-01", "2024-03-02"], 86400),
        (["01.03.2024", "13.03.2024"], 12 * 86400),
        (["3/14/2024", "3/15/2024"], 86400),
        (["14 Mar 2024", "15 Mar 2024"], 86400),
        (["March 14, 2024", "March 15, 2024"], 86400),
        (["2024-03-01T10:00:00Z", "2024-03-01T12:00:00+01:00"], 3600),
        (["10:30", "11:00"], 1800),
        (["9:30 AM", "1:30 PM"], 4 * 3600),
    ],
)
def test_dates_and_times(read, cells, seconds):
    found = read("when,b\n" + "\n".join(f'"{cell}",1' for cell in cells))
    when = found.frame["when"]
    assert (when[1] - when[0]).total_seconds() == seconds
    assert any(note in ("dates: when", "times of day: when") for note in found.notes)


def test_an_unsure_order_of_day_and_month_is_said(read):
    found = read("when,b\n03/04/2024,1\n05/06/2024,2\n")
    assert "'03/04/2024' is read with the month first" in found.notes[-1]


def test_long_whole_numbers_and_codes_stay_words(read):
    rows = "\n".join(f"{10**24 + i},{i:05},{i % 2 == 0}" for i in range(20))
    found = read(f"number,zip,even\n{rows}\n")
    assert found.frame["number"][3] == str(10**24 + 3)
    assert found.frame["zip"][3] == "00003"
    assert found.frame["even"].dtype == bool
    assert "whole numbers of more than 15 digits, kept as words: number" in found.notes
    assert "digits with leading zeros, kept as words: zip" in found.notes


def test_spaces_around_words(read):
    found = read("a,b\nred,1\nred ,2\n blue,3\n")
    assert found.frame["a"].tolist() == ["red", "red", "blue"]
    assert found.notes == ["spaces around words left out: a"]


def test_a_cell_not_understood_is_said(read):
    numbers = clean_table()["height"].astype(str).tolist()
    numbers[4] = "about 20"
    found = read("a,b\n" + "\n".join(f"{n},{j}" for j, n in enumerate(numbers)))
    assert found.frame["a"].isna().sum() == 1
    assert found.notes == [
        "cells not understood, taken as missing: a (1: 'about 20' in row 5)"
    ]


def test_columns_are_what_the_user_says(read):
    text = "zip,day,size\n10115,20240301,7\n20095,20240302,8\n80331,20240305,9\n"
    assert read(text, categorical=["zip"]).frame["zip"].tolist()[0] == "10115"
    with pytest.raises(ValueError, match="numeric: there is no column 'hat'"):
        read(text, numeric=["hat"])
    with pytest.raises(ValueError, match="'kind' holds no numbers, such as"):
        read(clean_table().to_csv(index=False), numeric=["kind"])


def test_forms_of_an_earlier_file_hold(read):
    first = read("a,b\n693,1\n2.575,2\n3.100,3\n")
    second = read("a,b\n2.575,1\n2.606,2\n", forms=first.forms)
    assert second.frame["a"].tolist() == [2575, 2606]


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n", "# nothing\n"])
def test_no_rows(read, text):
    with pytest.raises(ValueError, match="it holds no rows"):
        read(text)


# Kinds of dirt, alone and in pairs --------------------------------------------


def grouped(cell, mark):
    """Write a whole number with a mark of thousands."""
    return f"{int(cell):,}".replace(",", mark)


# Name -> column, and what it makes of the text of a cell.
CELLS = {
    "unit": ("height", lambda cell, rng, mark: f"{cell} m"),
    "bare unit": ("height", lambda cell, rng, mark: f"{cell}m"),
    "money": ("income", lambda cell, rng, mark: "$" + grouped(cell, mark)),
    "percent": ("share", lambda cell, rng, mark: f"{cell}%"),
    "thousands": ("income", lambda cell, rng, mark: grouped(cell, mark)),
    "apostrophes": ("income", lambda cell, rng, mark: grouped(cell, "'")),
    "thin spaces": (
        "income",
        lambda cell, rng, mark: f"{int(cell):,}".replace(",", THIN),
    ),
    "spaces": ("kind", lambda cell, rng, mark: cell + " " * rng.integers(0, 2)),
    "spaced numbers": ("rooms", lambda cell, rng, mark: f" {cell} "),
}
# Name -> mark of absence in a tenth of the cells of one column.
GAPS = {
    "question mark": ("height", "?"),
    "not available": ("rooms", "n/a"),
    "dash": ("income", "-"),
    "sentinel": ("height", "-9999"),
    "words": ("town", "NA"),
}
# Name -> function of the text of the file.
FILES = {
    "comments": lambda text, sep: f"# one\n# two{sep} three\n{text}",
    "trailing": lambda text, sep: text.replace("\n", f"{sep}\n"),
    "title": lambda text, sep: f"A title\n\n{text}",
    "bom": lambda text, sep: f"\ufeff{text}",
    "windows": lambda text, sep: text.replace("\n", "\r\n"),
    "sep line": lambda text, sep: f"sep={sep}\n{text}",
}


def dirty(table, rng, cells, gap, file, sep, decimal):
    """Text of a file with the values of a table, and the table with its gaps."""
    text, mark = table.astype(str), "." if decimal == "," else ","
    for column, change in {CELLS[kind][0]: CELLS[kind][1] for kind in cells}.items():
        text[column] = [change(cell, rng, mark) for cell in text[column]]
    expected = table.copy()
    if gap is not None:
        name, sign = GAPS[gap]
        holes = rng.random(len(table)) < 0.1
        holes[:2] = True
        text[name] = text[name].where(~holes, sign)
        expected[name] = expected[name].where(~holes)
    if decimal == ",":
        for name in ("height", "share"):
            text[name] = text[name].str.replace(".", ",")
    written = text.to_csv(index=False, sep=sep)
    return (FILES[file](written, sep) if file else written), expected


@settings(max_examples=500, deadline=None)
@given(
    seed=st.integers(0, 9),
    cells=st.lists(st.sampled_from(sorted(CELLS)), max_size=2, unique=True),
    gap=st.none() | st.sampled_from(sorted(GAPS)),
    file=st.none() | st.sampled_from(sorted(FILES)),
    style=st.sampled_from([",.", ";.", ";,", "\t,", "|."]),
)
def test_dirty_variants(seed, cells, gap, file, style, tmp_path_factory):
    """The values of the clean table, in whatever dress they come."""
    table, rng = clean_table(seed), np.random.default_rng(seed)
    text, expected = dirty(table, rng, cells, gap, file, *style)
    path = tmp_path_factory.getbasetemp() / "dirty.csv"
    path.write_text(text, encoding="utf-8", newline="")
    found = read_table(path)
    assert_values(found.frame, expected)
    # Whatever is not plain is said, and nothing else.
    plain_cells = {*cells} <= {"spaced numbers"}
    plain_file = style == ",." and file in (None, "bom", "windows", "sep line")
    assert bool(read_table(path).notes) != (plain_cells and plain_file and gap is None)


@pytest.mark.parametrize("module", ["pandas", "pyarrow"])
def test_what_is_not_installed_is_named(module, read, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{module}.*skdeepcluster\[cli\]"):
        read("a,b\n1,2\n3,4\n")


def test_numbers_after_a_first_word_are_words_and_words_after_numbers_are_said(read):
    """The first cells decide at once; the rest is looked at all the same."""
    numbers = [str(j + 0.5) for j in range(150)]
    late = read("x,y\n" + "".join(f"{n},a\n" for n in numbers) + "hello,b\n")
    assert "not understood, taken as missing: x" in " ".join(late.notes)
    assert np.isnan(late.frame["x"].iloc[-1])
    gaps = read("x,y\n" + ",a\n" * 120 + "".join(f"{n},b\n" for n in numbers))
    assert gaps.frame["x"].iloc[120:].tolist() == [float(n) for n in numbers]
