"""How a text file holds a table: encoding, separator, quotes, header.

The first lines are looked at; what is found is a :class:`Layout`, and one note in
words for whatever is not as in the plainest of files (commas, UTF-8, one line of
names).
"""

import csv
import re
from collections import Counter
from typing import NamedTuple

SAMPLE_BYTES = 1 << 17
# Of these, rows that a line of names is compared with.
ROWS_LOOKED_AT = 500
SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Share of the lines that must have the same number of cells.
CONSISTENT = 0.8
PLAIN_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)*|[.,]\d+)([eE][-+]?\d+)?\s*%?")
# A number with a unit or a currency, a date, a time.
QUANTITY = re.compile(r"[-+(]?\s*([$€£¥]|[A-Z]{3})?\s*[.,]?\d[\d.,' ]*\S{0,12}\)?")
WORDS_OF_A_LINE = re.compile(r'"[^"]*"|\S+')


class NoRowsError(ValueError):
    """There is nothing in a file, or nothing but names."""

    def __init__(self):
        super().__init__("it holds no rows")


class Layout(NamedTuple):
    """How a text file holds a table."""

    sep: str
    quote: str
    body_line: int  # line that the first row is on, from 0
    width: int  # cells of a row
    names: list  # of the columns; a row may end in a further cell, always empty
    written: list  # the same as they are written in the file
    spaced: bool  # whether runs of spaces separate the cells
    comment: str  # what comment lines begin with, empty where there are none
    notes: list


def as_utf8(data):
    """Turn the bytes of a text file into UTF-8.

    Returns
    -------
    data : bytes
        The text.
    note : str or None
        What was found, where it is not UTF-8.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16").encode(), "encoding: UTF-16"
    if data.isascii():  # known at once, and without a copy
        return data, None
    try:
        data.decode()
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        return text.encode(), "encoding: Windows-1252, since the file is not UTF-8"
    return data.removeprefix(b"\xef\xbb\xbf"), None


def first_lines(data):
    """Text of the first lines that a layout is found from."""
    if len(data) > SAMPLE_BYTES:
        data = data[: data.rfind(b"\n", 0, SAMPLE_BYTES) + 1]
    return data.decode()


def find_layout(text, *, sep=None, header=None):
    """Find how a text holds a table.

    Parameters
    ----------
    text : str
        The first lines of the file.
    sep : str, default=None
        What separates cells; None to find it.
    header : bool, default=None
        Whether the first row holds names; None to find it.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        If there is no row, or the header does not fit the rows.
    """
    lines = text.splitlines(keepends=True)
    notes, first = [], 0
    told = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None
    if told:
        sep, first = sep or told[1], 1
    comment = find_comment(lines[first:])
    kept = [
        (number, line)
        for number, line in enumerate(lines)
        if number >= first
        and line.strip()
        and not (comment and line.startswith(comment))
    ]
    if comment:
        notes.append(f"comment lines left out: those that begin with {comment!r}")
    if not kept:
        raise NoRowsError
    quote = find_quote([line for _, line in kept])
    sep, spaced = find_separator([line for _, line in kept], sep, quote)
    rows, numbers = split_rows(kept, sep, quote, spaced)
    width = Counter(map(len, rows[1:] or rows)).most_common(1)[0][0]
    skipped = preamble(rows, width)
    if skipped:
        notes.append(f"lines above the names left out: {skipped}")
    rows, numbers = rows[skipped:], numbers[skipped:]
    if spaced:
        notes.append("cells are separated by spaces")
    elif sep != "," and width > 1:
        notes.append(f"cells are separated by {SEPARATOR_NAMES.get(sep, repr(sep))}")
    if header is None:
        header = has_names(rows)
        if not header:
            notes.append(
                "no line of names was found, so columns are named column_1, column_2, "
                "… by position"
            )
    names = names_of(rows, width, header, notes)
    body_line = numbers[1] if header and len(numbers) > 1 else numbers[0]
    if header and len(numbers) == 1:
        body_line = len(lines)
    written = rows[0][: len(names)] if header else names
    if len(written) < len(names):
        written = names
    return Layout(sep, quote, body_line, width, names, written, spaced, comment, notes)


def find_comment(lines):
    """What comment lines at the top begin with; empty where there are none."""
    top = [line for line in lines if line.strip()][:1]
    if not top or not top[0].startswith("#"):
        return ""
    rest = [line for line in lines if line.strip() and not line.startswith("#")]
    above = sum(1 for line in lines if line.startswith("#"))
    # A line of names may begin with the mark as well.
    fits = rest and any(
        top[0].count(mark) == rest[0].count(mark) > 0 for mark in SEPARATORS
    )
    return "" if fits and above == 1 else "#"


def find_quote(lines):
    """The mark that cells are quoted with."""
    doubles = sum(line.count('"') for line in lines)
    singles = sum(
        len(re.findall(r"(?:^|[,;\t|])'[^']*'(?=$|[,;\t|])", line.strip()))
        for line in lines
    )
    return "'" if singles > len(lines) and not doubles else '"'


def find_separator(lines, sep, quote):
    """What separates the cells, and whether that is a run of spaces."""
    if sep is not None:
        return ("\t", True) if sep.isspace() and sep != "\t" else (sep, False)
    best, best_score = ",", (CONSISTENT, 1)
    for mark in SEPARATORS:
        widths = [
            len(row) for row in csv.reader(lines, delimiter=mark, quotechar=quote)
        ]
        width, n_lines = Counter(widths).most_common(1)[0]
        score = (n_lines / len(widths), width)
        if width > 1 and score > best_score:
            best, best_score = mark, score
    if best_score[1] > 1:
        return best, False
    words = [WORDS_OF_A_LINE.findall(line) for line in lines]
    widths = set(map(len, words[1:] or words))
    numeric = any(PLAIN_NUMBER.fullmatch(word) for word in words[-1])
    is_spaced = (
        len(widths) == 1
        and (width := widths.pop()) > 1
        and len(words[0]) in (width, width - 1)
        and numeric
    )
    return ("\t", True) if is_spaced else (",", False)


def spaces_to_tabs(line):
    """Separate the words of a line by tabs, those in quotes kept together."""
    return "\t".join(WORDS_OF_A_LINE.findall(line)) + "\n"


def split_rows(kept, sep, quote, spaced):
    """Cells of each row of the sample, and the line that it begins on."""
    lines = [spaces_to_tabs(line) if spaced else line for _, line in kept]
    reader = csv.reader(lines, delimiter=sep, quotechar=quote)
    rows, numbers, before = [], [], 0
    for row in reader:
        rows.append(row)
        numbers.append(kept[before][0])
        before = reader.line_num
    return rows, numbers


def preamble(rows, width):
    """How many rows above the names are titles: nothing behind their first cell."""
    if width < 3:
        return 0
    for place, row in enumerate(rows):
        is_title = len(row) < width - 1 or (
            row[0].strip() and not any(cell.strip() for cell in row[1:])
        )
        if not is_title:
            return place
    return 0


def has_names(rows):
    """Whether the first row holds the names of the columns."""
    first, body = rows[0], rows[1:ROWS_LOOKED_AT]
    if not body:
        return True
    if [cell.strip() for cell in first] == [str(j) for j in range(len(first))]:
        return True
    if len(set(first)) < len(first):
        repeated = [cell for cell in first if first.count(cell) > 1]
        return not all(PLAIN_NUMBER.fullmatch(cell.strip()) for cell in repeated)
    is_number, is_known = [], []
    for j, cell in enumerate(first):
        below = [row[j].strip() for row in body if j < len(row) and row[j].strip()]
        # An empty cell is a gap, or the name that an index lacks.
        if not below or not cell.strip():
            continue
        numeric = sum(bool(QUANTITY.fullmatch(value)) for value in below)
        if numeric > 0.9 * len(below):
            is_number.append(bool(QUANTITY.fullmatch(cell.strip())))
        else:
            is_known.append(cell.strip() in below)
    if is_number:
        return not all(is_number) or bool(is_known and not any(is_known))
    return not (is_known and all(is_known))


def names_of(rows, width, has_header, notes):
    """Names of the columns, as many as a row has cells, trailing ones left out."""
    body = rows[1:] if has_header else rows
    never_filled = width > 1 and all(
        not row[-1].strip() for row in body if len(row) == width
    )
    if not has_header:
        if never_filled and body:
            notes.append("a separator at the end of each line opens no column")
            width -= 1
        return [f"column_{j + 1}" for j in range(width)]
    header = [cell.strip() for cell in rows[0]]
    if len(header) > 1 and not header[-1] and (never_filled or len(header) > width):
        notes.append("a separator at the end of each line opens no column")
        header = header[:-1]
    elif len(header) == width - 1:
        if never_filled:
            notes.append("a separator at the end of each line opens no column")
        else:
            notes.append("the first column has no name: taken as names of the rows")
            header = ["rownames", *header]
    elif len(header) != width:
        raise ValueError(
            f"rows have {width} cells, and the header has {len(header)} names: put "
            "cells that hold the separator in quotes"
        )
    return unique_names(header, notes)


def unique_names(header, notes):
    """Names without gaps and repetitions."""
    names, changed = [], []
    for place, name in enumerate(header):
        unique = name or f"Unnamed: {place}"
        number = 2
        while unique in names or (unique != name and unique in header):
            unique = f"{name or 'Unnamed'}.{number}"
            number += 1
        if name and unique != name:
            changed.append(f"{name} (the second is {unique})")
        names.append(unique)
    if changed:
        notes.append(f"names that occur twice: {', '.join(changed)}")
    return names
