"""Read a table from a file, and say in words whatever is not plain about it.

The file is read once, as text; the cells of each column then become what they all
are: numbers (with decimal commas, marks of thousands, units), dates, times, truth
values, or words. No cell changes its meaning without a note.
"""

import csv
import gzip
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._lazy import remedy
from ._columns import Column, known_names, suspected_marks, without_sentinels
from ._csv_layout import (
    NoRowsError,
    as_utf8,
    find_layout,
    first_lines,
    spaces_to_tabs,
)
from ._frames import LARGEST, LARGEST_EXACT, Cells, give_back_memory
from ._text_forms import MARKS_ANYWHERE, find_form, parse_texts, tidied

TOTAL = re.compile(
    r"(grand |sub)?-?(total|totals|sum|summe|gesamt|insgesamt|totale|suma|overall|"
    r"average|mean|mittelwert)\b.{0,20}",
    re.IGNORECASE,
)
# Bytes of a file that are parsed at once.
BLOCK = 1 << 20
# Cells that tell at once whether a column may be one of numbers.
FIRST_CELLS = 100
SUFFIXES = ("csv", "csv.gz", "tsv", "txt", "data", "parquet")


class TableFile(NamedTuple):
    """A table as it was read from a file.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table: numbers, dates, truth values and words; gaps are NaN.
    notes : list of str
        What was decided on the way, one line each.
    forms : dict of str to TextForm
        How the cells of columns that are no plain numbers were read, for
        ``forms=`` of a later file.
    source : pyarrow.Table
        The same rows as they are in the file: text, or the types of Parquet.
    is_text : bool
        Whether the file is one of text.
    """

    frame: object
    notes: list
    forms: dict
    source: object
    is_text: bool

    @property
    def unreadable(self):
        """Names of columns whose cells are lists, maps or bytes, in order."""
        import pyarrow as pa

        opaque = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary)
        opaque += (pa.types.is_fixed_size_binary,)
        fields = self.source.schema
        return [f.name for f in fields if any(is_one(f.type) for is_one in opaque)]


def read_table(
    path: Any,
    *,
    sep: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    header: bool | None = None,
    missing: Sequence[str] | None = None,
    numeric: Sequence[str] = (),
    categorical: Sequence[str] = (),
    date: Sequence[str] = (),
    identifiers: Sequence[str] = (),
    forms: Any = None,
) -> Any:
    """Read a table from a CSV or Parquet file.

    Separator, encoding, quotes, comment lines, a missing line of names, names of
    rows, trailing separators and a row of totals are recognised; so are, in the
    cells, decimal commas, marks of thousands, units, currencies, percentages,
    dates, times, truth values and marks of absence. Each decision is a note.

    Parameters
    ----------
    path : str or Path
        A file that ends in .csv, .csv.gz, .tsv, .txt, .data or .parquet; or a pipe,
        whose content tells which of them it is. It is read once.
    sep : str, default=None
        What separates cells; a space stands for any run of spaces. None to find it.
    decimal, thousands : str, default=None
        Marks in numbers. None to find them, column by column.
    header : bool, default=None
        Whether the first line holds the names of the columns. None to find out.
    missing : list of str, default=None
        Cells that stand for a gap, beside empty ones: texts such as "n/a" and
        numbers such as "-999". None for the usual texts, and numbers such as -999
        that lie far from all others.
    numeric, categorical, date : list of str, default=()
        Columns that are numbers, words, or dates, whatever they look like.
    identifiers : list of str, default=()
        Columns that name rows or classes: their cells stay as they are written, be
        they numbers or not. Names that the file lacks are passed over.
    forms : dict of str to TextForm, default=None
        How columns of an earlier file were read, which is then how these are.

    Returns
    -------
    TableFile
        With `frame`, `notes`, `forms`, `source` and `is_text`.

    Raises
    ------
    ValueError
        If the file holds no table; the message says what to do.
    OSError
        If the file cannot be opened.
    ImportError
        If pandas or pyarrow is not installed, which the extra "cli" brings.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skdeepcluster.tables import read_table
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("who;weight\\nA;71,5 kg\\nB;n/a\\nC;1.064,2 kg\\n")
    ...     table = read_table(path)
    >>> table.frame["weight"].tolist()
    [71.5, nan, 1064.2]
    >>> print(*table.notes, sep="\\n")
    cells are separated by semicolons
    decimal commas: weight
    mark of thousands '.': weight
    units: weight (kg)
    marks of absence: 'n/a' in weight
    """
    require_frames()
    kind, content = kind_and_content(Path(path))
    if kind == "parquet":
        return read_parquet(content)
    data, note = as_utf8(content)
    del content
    notes = [note] if note else []
    layout = find_layout(first_lines(data), sep=sep, header=header)
    notes += layout.notes
    columns = split_columns(data, layout, notes)
    del data
    columns = without_totals(columns, layout.names, notes)
    options = CellOptions(decimal, thousands, missing, date, categorical, numeric)
    for option in ("numeric", "categorical", "date"):
        names = known_names(getattr(options, option), layout.names, option)
        options = options._replace(**{option: names})
    options.categorical.extend(identifiers)
    table = typed_table(columns, layout, options, forms or {}, notes)
    give_back_memory()
    return table


def require_frames():
    """Say what is to be installed where pandas or pyarrow is not."""
    for module in ("pandas", "pyarrow"):
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise ImportError(remedy("read_table", error) or str(error)) from error


def kind_and_content(path):
    """Name the kind of a file by its suffix, of a pipe by its content; read it once."""
    kind = None if path.is_fifo() else table_suffix(path)
    content = path.read_bytes()
    if kind is None:
        is_parquet = content[:4] == content[-4:] == b"PAR1"
        kind = "parquet" if is_parquet else "csv"
        kind += ".gz" * (content[:2] == b"\x1f\x8b")
    return kind, gzip.decompress(content) if kind == "csv.gz" else content


def table_suffix(path):
    """Name the kind of a file by its suffix, or that of the file it links to."""
    for name in (path.name, path.resolve().name):
        for suffix in SUFFIXES:
            if name.lower().endswith(f".{suffix}"):
                return suffix
    raise ValueError(
        "the name must end in .csv, .csv.gz, .tsv, .txt, .data or .parquet"
    )


def read_parquet(content):
    """Read a Parquet file, with its index as columns; integers stay integers."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    source = parquet.read_table(pa.BufferReader(content))
    frame = source.to_pandas()
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    if frame.empty:
        raise ValueError("it holds no rows")
    frame = frame.set_axis(frame.columns.map(str), axis=1)
    for name in frame.columns.intersection(source.column_names):
        is_integer = pa.types.is_integer(source.schema.field(name).type)
        # Beside a gap, pandas would make floats of them.
        if is_integer and frame[name].dtype.kind == "f":
            integers = source[name].to_pandas(types_mapper=nullable_integers)
            frame[name] = integers.array
    return TableFile(frame, [], {}, source, False)


def nullable_integers(arrow_type):
    """pandas' type for integers with gaps."""
    import pandas as pd

    unsigned = str(arrow_type).startswith("u")
    return pd.UInt64Dtype() if unsigned else pd.Int64Dtype()


# Cells as they are written ---------------------------------------------------


def split_columns(data, layout, notes):
    """Cells of each column as text in blocks; empty ones stay empty."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    body = body_bytes(data, layout)
    if not (bytes(body[:BLOCK]).strip() or bytes(body).strip()):
        raise NoRowsError
    names = [str(j) for j in range(layout.width)]
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            arrow_csv.ReadOptions(
                column_names=names, block_size=BLOCK, use_threads=False
            ),
            arrow_csv.ParseOptions(
                delimiter=layout.sep, quote_char=layout.quote, newlines_in_values=True
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
            ),
        )
        columns = table.columns
    except pa.ArrowInvalid:
        ragged = ragged_columns(bytes(body).decode(), layout, notes)
        columns = [pa.chunked_array([cells], pa.string()) for cells in ragged]
    return without_trailing(columns, layout)


def body_bytes(data, layout):
    """The lines of the rows, without comments, cells apart by the separator."""
    start = 0
    for _ in range(layout.body_line):
        start = data.find(b"\n", start) + 1 or len(data)
    if not (layout.comment or layout.spaced):
        return memoryview(data)[start:]  # not copied
    lines = data[start:].decode().splitlines(keepends=True)
    if layout.comment:
        lines = [line for line in lines if not line.startswith(layout.comment)]
    if layout.spaced:
        lines = [spaces_to_tabs(line) for line in lines if line.strip()]
    return "".join(lines).encode()


def ragged_columns(body, layout, notes):
    """Cells of each column where rows differ in length: short ones end in gaps."""
    rows, short, width = [], [], layout.width
    lines = body.splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=layout.sep, quotechar=layout.quote)
    for row in reader:
        if not row:
            continue
        if any(cell.strip() for cell in row[width:]):
            line = layout.body_line + reader.line_num
            raise ValueError(
                f"line {line} has {len(row)} cells, and others have {width}: put cells "
                f"that hold {layout.sep!r} in quotes"
            )
        if len(row) < min(width, len(layout.names)):
            short.append(layout.body_line + reader.line_num)
        rows.append(row[:width] + [""] * (width - len(row)))
    if short:
        notes.append(
            f"{len(short):,} rows end early, the first in line {short[0]}: what they "
            "lack is missing"
        )
    return list(zip(*rows, strict=True))


def without_trailing(columns, layout):
    """Leave out the column that a separator at the end of each line opens."""
    import pyarrow.compute as pc

    for column in columns[len(layout.names) :]:
        if pc.any(pc.not_equal(column, "")).as_py():
            raise ValueError(
                f"rows have {layout.width} cells, and the header has "
                f"{len(layout.names)} names: put cells with {layout.sep!r} in quotes"
            )
    return columns[: len(layout.names)]


def without_totals(columns, names, notes):
    """Leave out a last row that sums the others up."""
    last = [column[-1].as_py().strip() for column in columns]
    place = next((j for j, cell in enumerate(last) if TOTAL.fullmatch(cell)), None)
    if place is None or len(columns[0]) < 3:
        return columns
    before = set(columns[place].to_pylist()[:-1])
    numbers = [cell for j, cell in enumerate(last) if j != place and cell]
    if columns[place][-1].as_py() in before or not any(
        any(c.isdigit() for c in cell) for cell in numbers
    ):
        return columns
    notes.append(
        f"last row left out: it holds totals ({names[place]} = {last[place]!r})"
    )
    return [column.slice(0, len(column) - 1) for column in columns]


# Cells as what they mean -----------------------------------------------------


class CellOptions(NamedTuple):
    """What the user said about cells."""

    decimal: str | None
    thousands: str | None
    missing: object  # list of str, or None
    date: object
    categorical: object
    numeric: object


class Typed(NamedTuple):
    """A column with its type, and what to say about it."""

    values: object  # ndarray, or a Series of words
    form: object = None  # TextForm
    unit: str = ""
    said: tuple = ()  # pairs of a kind of note and its text


# What is said of columns, in this order, one line each.
SAID = {
    "decimal": "decimal commas",
    "thousands": "mark of thousands",
    "unit": "units",
    "date": "dates",
    "time": "times of day",
    "sure": "to be confirmed by --decimal, --thousands or --date",
    "marks": "marks of absence",
    "sentinel": "numbers that stand for a gap",
    "odd": "cells not understood, taken as missing",
    "spaces": "spaces around words left out",
    "long": "whole numbers of more than 15 digits, kept as words",
    "codes": "digits with leading zeros, kept as words",
}


def typed_table(columns, layout, options, forms, notes):
    """Make the frame of columns of text."""
    import pandas as pd
    import pyarrow as pa

    likely = "," if layout.sep == ";" else None
    found = {}
    for name, column in zip(layout.names, columns, strict=True):
        found[name] = typed_column(name, column, options, forms.get(name))
    certain = {sure_mark(typed) for typed in found.values()} - {None}
    likely = certain.pop() if len(certain) == 1 else likely
    for name, column in zip(layout.names, columns, strict=True):
        form = found[name].form
        if likely and form and form.kind == "number" and form.note:
            told = options._replace(decimal=likely, thousands=other_mark(likely))
            again = typed_column(name, column, told, None)
            how = f"{name}: read with the decimal mark {likely!r} of other columns"
            found[name] = again._replace(said=(*again.said, ("sure", how)))
    for kind, title in SAID.items():
        said = [text for t in found.values() for key, text in t.said if key == kind]
        if said and kind == "thousands":
            for mark in sorted({text[0] for text in said}):
                of_mark = [text[1:] for text in said if text[0] == mark]
                notes.append(f"{title} {mark!r}: {', '.join(of_mark)}")
        elif said:
            notes.append(f"{title}: {', '.join(said)}")
    values = {name: typed.values for name, typed in found.items()}
    frame = pd.DataFrame(values, copy=False)  # each column lies where it was read
    frame.attrs["units"] = {name: t.unit for name, t in found.items() if t.unit}
    source = pa.Table.from_arrays(columns, names=layout.written)
    forms = {name: typed.form for name, typed in found.items() if typed.form}
    return TableFile(frame, notes, forms, source, True)


def sure_mark(typed):
    """The decimal mark of a column, where it is beyond doubt; otherwise None."""
    form, values = typed.form, typed.values
    if form is not None and (form.kind != "number" or form.note):
        return None
    if form is not None and form.thousands in (".", ","):
        return form.decimal
    has_fractions = getattr(values, "dtype", None) == np.float64 and bool(
        np.any(values - np.floor(values) > 0)
    )
    # What is written as Python does has points.
    return (form.decimal if form else ".") if has_fractions else None


def other_mark(mark):
    return "," if mark == "." else "."


def typed_column(name, column, options, form):
    """Make numbers, dates, truth values or words of the text of a column."""
    import pyarrow.compute as pc

    column = column.combine_chunks()  # one at a time: never all cells twice
    if name not in options.categorical and name not in options.date and form is None:
        values = plain_numbers(column, options)
        if values is not None:
            return numbers_found(name, values, options, None, [])
    encoded = pc.utf8_trim(column, " \t\r\n\u00a0").dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy()
    counts = np.bincount(codes, minlength=len(texts))
    if name in options.categorical:
        form = None
    elif form is None or parse_texts(texts, form)[1].any():
        form = find_form(
            texts,
            counts,
            decimal=options.decimal,
            thousands=options.thousands,
            marks=None if options.missing is None else options.missing,
            date=name in options.date,
        )
        if form is None and name in (*options.numeric, *options.date):
            what = "numbers" if name in options.numeric else "dates"
            word = next(text for text in texts if text)
            raise ValueError(f"column {name!r} holds no {what}, such as {word!r}")
    if form is None:
        return words_found(name, column, texts, codes, options)
    return read_by_form(name, texts, codes, form, options)


def plain_numbers(column, options):
    """Numbers of cells that are written as Python does, or None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if options.decimal not in (None, ".") or options.thousands not in (None, ",", ""):
        return None
    gaps = pc.if_else(pc.equal(column, ""), None, column)
    try:
        # Arrow goes on after the first cell that is no number, at a high price.
        pc.cast(gaps.slice(0, FIRST_CELLS), pa.float64())
        values = pc.cast(gaps, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    seen = values[~np.isnan(values)]
    if np.isinf(seen).any():
        return values  # refused by whoever finishes the column
    marked = seen[seen != np.rint(seen)]
    if not seen.size or (not marked.size and np.any(np.abs(seen) > LARGEST_EXACT)):
        return None
    if not marked.size and pc.any(pc.match_substring_regex(column, r"^-?0\d")).as_py():
        return None
    # What may have marks of thousands is looked at as text.
    grouped = marked.size and np.all(
        np.abs(np.rint(marked * 1e3) - marked * 1e3) < 1e-6
    )
    if grouped and np.abs(marked).min() >= 1 and not has_decimals(column):
        return None
    return values


def has_decimals(column):
    """Whether a point has other than three digits behind it, so marks no thousands."""
    import pyarrow.compute as pc

    found = pc.match_substring_regex(column, r"\.(\d{0,2}|\d{4,})(\D|$)")
    return pc.any(found).as_py()


def read_by_form(name, texts, codes, form, options):
    """Read texts by a form, and note what is not plain about it."""
    values, odd = parse_texts(texts, form)
    said = []
    if form.decimal == "," and any("," in text for text in texts):
        said.append(("decimal", name))
    if form.thousands:
        said.append(("thousands", form.thousands + name))
    if form.unit:
        said.append(("unit", f"{name} ({form.unit})"))
    if form.kind in ("date", "time"):
        said.append((form.kind, name))
    if form.note:
        said.append(("sure", f"{name}: {form.note}"))
    marks = [text for text in texts if text and tidied(text) in form.marks]
    if marks:
        said.append(("marks", f"{', '.join(map(repr, marks))} in {name}"))
    if odd.any():
        rows = np.flatnonzero(odd[codes])
        said.append(
            (
                "odd",
                f"{name} ({len(rows):,}{', such as' if len(rows) > 1 else ':'} "
                f"{texts[codes[rows[0]]]!r} in row {rows[0] + 1})",
            )
        )
    values = values[codes]
    if form.kind == "number":
        return numbers_found(name, values, options, form, said)
    if form.kind == "boolean":
        if np.isnan(values).any():
            words = np.array(["False", "True", None], dtype=object)
            values = words[np.where(np.isnan(values), 2, values).astype(int)]
        else:
            values = values.astype(bool)
        return Typed(values, form, "", tuple(said))
    unit = "M8[ns]" if form.kind == "date" else "m8[ns]"
    gaps = np.isnan(values)
    whole = np.rint(np.where(gaps, 0, values) * 1e6).astype(np.int64) * 1000
    times = whole.view(unit)
    times[gaps] = np.array("NaT", unit)
    return Typed(times, form, "", tuple(said))


def numbers_found(name, values, options, form, said):
    """Finish a column of numbers: numbers that stand for a gap, whole numbers."""
    unit = form.unit if form else ""
    beyond = np.flatnonzero(np.abs(values) > LARGEST)
    if beyond.size:
        row = int(beyond[0])
        raise ValueError(
            f"column {name!r} holds {values[row]:g} in row {row + 1}: correct it, or "
            "leave the cell empty"
        )
    cells = Cells(name, "number", values)
    if options.missing is None:
        marks = suspected_marks(cells, Column(name, "number", "number"))
    else:
        marks = tuple(float(m) for m in options.missing if is_float(m))
    n_marked = int(np.isin(values, marks).sum())
    if n_marked:
        values = without_sentinels(cells, marks)[0].values
        named = ", ".join(f"{mark:g}" for mark in marks)
        said = [*said, ("sentinel", f"{named} in {name} ({n_marked:,} rows)")]
    if np.all(np.abs(values) <= LARGEST_EXACT) and np.all(values == np.rint(values)):
        values = values.astype(np.int64)
    return Typed(values, form, unit, tuple(said))


def is_float(text):
    """Whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def words_found(name, column, texts, codes, options):
    """Finish a column of words: marks of absence become gaps."""
    import pandas as pd
    import pyarrow as pa

    absent = MARKS_ANYWHERE
    if options.missing is not None:
        absent = {tidied(text) for text in options.missing} | {""}
    is_gap = [tidied(text) in absent for text in texts]
    said = []
    marks = [text for text, gap in zip(texts, is_gap, strict=True) if gap and text]
    if marks:
        said.append(("marks", f"{', '.join(map(repr, marks))} in {name}"))
    if len(column.dictionary_encode().dictionary) > len(texts):
        said.append(("spaces", name))
    digits = [text for text, gap in zip(texts, is_gap, strict=True) if not gap]
    asked = name in options.categorical
    if not asked and digits and all(text.isdigit() for text in digits):
        is_long = max(map(len, digits)) > 15
        said.append(("long" if is_long else "codes", name))
    words = pa.array(
        [None if gap else text for text, gap in zip(texts, is_gap, strict=True)],
        pa.string(),
    )
    values = words.take(pa.array(codes))
    return Typed(pd.Series(values.to_pandas()), None, "", tuple(said))
