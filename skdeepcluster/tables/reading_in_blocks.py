"""Read a text file that is larger than memory, block by block.

The first block decides how cells are read, as :func:`read_table` decides it for a
whole file; the others follow, and a cell that does not is an error. So what a cell
means depends on the file alone.
"""

import gzip
from typing import NamedTuple

import numpy as np

from ._columns import known_names
from ._csv_layout import NoRowsError, as_utf8, find_layout, first_lines
from ._frames import LARGEST_EXACT
from ._text_forms import MARKS_AMONG_NUMBERS, MARKS_ANYWHERE, tidied
from .reading import (
    SAID,
    CellOptions,
    read_by_form,
    split_columns,
    typed_table,
    without_totals,
)

BLOCK_BYTES = 1 << 23
WORDS, NUMBERS = "words", "numbers"


class BlockOptions(NamedTuple):
    """What the user said about a file, as in :func:`read_table`."""

    sep: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    header: bool | None = None
    missing: object = None
    numeric: tuple = ()
    categorical: tuple = ()
    date: tuple = ()
    identifiers: tuple = ()


class BlockReader:
    """How the text files of one table are read.

    Parameters
    ----------
    path : Path
        File whose first block decides.
    options : BlockOptions
        What the user said.
    forms : dict of str to TextForm, default=None
        How columns of an earlier file were read, which is then how these are.

    Attributes
    ----------
    names : list of str
        Names of the columns.
    notes : list of str
        What was decided, one line each.
    forms : dict of str to TextForm
        How the cells of columns that are no plain numbers are read.
    units : dict of str to str
        Units of columns of numbers.
    written : list of str
        Names of the columns as they are in the file.
    marks : dict of str to tuple of float
        Numbers that stand for a gap, by column. Which these are cannot be read off
        one block, so there are none until someone who saw more puts them here.
    """

    def __init__(self, path, options, forms=None):
        self._options = options
        data, _ = next(blocks_of(path), (b"", True))
        _, note = as_utf8(data)
        self._encoding = encoding_of(note)
        layout, columns, notes = self._first_block(data)
        if columns is None:
            raise NoRowsError
        self.names, self.written = layout.names, layout.written
        cells = CellOptions(
            options.decimal,
            options.thousands,
            options.missing,
            *(
                known_names(getattr(options, option), layout.names, option)
                for option in ("date", "categorical", "numeric")
            ),
        )
        cells.categorical.extend(options.identifiers)
        self.marks = {}
        self._cells = cells._replace(missing=options.missing or ())
        notes = [note] * bool(note) + layout.notes + notes
        head = typed_table(columns, layout, cells, forms or {}, notes)
        self.notes = [n for n in notes if not n.startswith(SAID["sentinel"])]
        self.forms, self.units = head.forms, head.frame.attrs["units"]
        self._kinds = {
            name: head.forms.get(name)
            or (NUMBERS if head.frame[name].dtype.kind in "iuf" else WORDS)
            for name in layout.names
        }

    def _first_block(self, data):
        """Layout, columns and notes of a block; no columns where there are no rows."""
        options, notes, layout = self._options, [], None
        data, is_named = decoded(data, self._encoding), options.header
        try:
            layout = find_layout(first_lines(data), sep=options.sep, header=is_named)
            return layout, split_columns(data, layout, notes), notes
        except NoRowsError:
            return layout, None, notes

    def frames(self, path):
        """Yield the blocks of a file as data frames, cells as words and as meant.

        Yields
        ------
        frame : pandas.DataFrame
            Rows, as :func:`read_table` types them.
        written : pyarrow.Table
            The same rows as they are written.
        """
        layout, n_rows = None, 0
        for data, is_last in blocks_of(path):
            if layout is None:
                layout, columns, _ = self._first_block(data)
                if layout is not None:
                    self._check_names(layout)
                if columns is None:
                    if not is_last:
                        raise NoRowsError
                    return
                rest = layout._replace(body_line=0)
            else:
                text = decoded(data, self._encoding)
                if not text.strip():
                    continue
                columns = split_columns(text, rest, [])
            if is_last:
                columns = without_totals(columns, layout.names, [])
            yield self._typed(columns, layout, n_rows)
            n_rows += len(columns[0])

    def _check_names(self, layout):
        if layout.names != self.names:
            raise ValueError(
                f"its columns are {', '.join(layout.names)}, and those of the first "
                f"file {', '.join(self.names)}"
            )

    def _typed(self, columns, layout, n_rows):
        import pandas as pd
        import pyarrow as pa

        frame = {}
        columns = [
            column.combine_chunks() if hasattr(column, "chunks") else column
            for column in columns
        ]
        for name, column in zip(layout.names, columns, strict=True):
            kind = self._kinds[name]
            if kind is NUMBERS:
                frame[name] = self._numbers(name, column, n_rows)
            else:
                frame[name] = self._by_text(name, column, kind, n_rows)
            if name in self.marks:
                is_gap = np.isin(frame[name], self.marks[name])
                frame[name] = np.where(is_gap, np.nan, frame[name])
        return pd.DataFrame(frame), pa.Table.from_arrays(columns, layout.written)

    def _numbers(self, name, column, n_rows):
        """Numbers of cells that are written as Python does, gaps by their marks."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = pc.utf8_trim(column, " \t\r\n\u00a0")
        column = pc.if_else(pc.equal(column, ""), None, column)
        try:
            values = pc.cast(column, pa.float64())
        except pa.ArrowInvalid:
            values = self._marked_numbers(name, column, n_rows)
        values = values.to_numpy(zero_copy_only=False)
        told = self._options.missing or ()
        marks = [float(text) for text in told if is_number(text)]
        values = np.where(np.isin(values, marks), np.nan, values) if marks else values
        if np.all(np.abs(values) <= LARGEST_EXACT) and np.all(
            values == np.rint(values)
        ):
            return values.astype(np.int64)
        return values

    def _marked_numbers(self, name, column, n_rows):
        """The same where some cells are no numbers: marks of absence, or errors."""
        import pyarrow as pa

        absent = self._absent(MARKS_AMONG_NUMBERS)
        encoded = column.dictionary_encode()
        values = []
        for text in encoded.dictionary.to_pylist():
            is_gap = text is None or tidied(text) in absent
            if not (is_gap or is_number(text)):
                row = column.index(text).as_py()
                raise ValueError(
                    f"column {name!r} holds numbers at the beginning of the first "
                    f"file, and {text!r} in row {n_rows + row + 1:,}: correct it, name "
                    "it by --missing, or make words of the column by --categorical"
                )
            values.append(None if is_gap else float(text))
        return pa.array(values, pa.float64()).take(encoded.indices)

    def _absent(self, usual):
        """Marks of absence: the usual ones, or those that were told."""
        told = self._options.missing
        return usual if told is None else {*map(tidied, told), ""}

    def _by_text(self, name, column, form, n_rows):
        """Words, or what a form makes of texts."""
        import pandas as pd
        import pyarrow as pa
        import pyarrow.compute as pc

        trimmed = pc.utf8_trim(column, " \t\r\n\u00a0").dictionary_encode()
        texts, codes = trimmed.dictionary.to_pylist(), trimmed.indices
        if form is WORDS:
            absent = self._absent(MARKS_ANYWHERE)
            words = [None if tidied(text) in absent else text for text in texts]
            return pd.Series(pa.array(words, pa.string()).take(codes).to_pandas())
        typed = read_by_form(name, texts, codes.to_numpy(), form, self._cells)
        odd = [said for kind, said in typed.said if kind == "odd"]
        if odd:
            raise ValueError(
                f"in the rows from {n_rows + 1:,}, cells are not of the form that "
                f"those at the beginning have: {odd[0]}"
            )
        return typed.values


def encoding_of(note):
    """Name of an encoding, from the note about it."""
    if note is None:
        return "utf-8"
    if "UTF-16" in note:
        raise ValueError("a file in UTF-16 is not read in blocks: turn it into UTF-8")
    return "cp1252"


def decoded(data, encoding):
    """UTF-8 of the bytes of a block."""
    if encoding == "utf-8":
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise ValueError(
                "it begins as UTF-8 and does not go on so: turn it into UTF-8"
            ) from error
        return data.removeprefix(b"\xef\xbb\xbf")
    return data.decode(encoding, errors="replace").encode()


def blocks_of(path):
    """Yield blocks of whole lines of a text file, and whether each is the last.

    A line feed within quotes ends no line.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        data = file.read(BLOCK_BYTES)
        if not data.strip():
            return
        while True:
            more = file.read(BLOCK_BYTES)
            if not more:
                yield data, True
                return
            end = end_of_lines(data)
            if end:
                yield data[:end], False
            data = data[end:] + more


def end_of_lines(data):
    """Where the last line of a block ends that begins and ends outside quotes."""
    end = data.rfind(b"\n") + 1
    while end and data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, data.rfind(b'"', 0, end)) + 1
    return end


def is_number(text):
    """Whether Arrow and Python read a text as a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
