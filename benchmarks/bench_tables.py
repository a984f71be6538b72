"""Reading of tables as people write them: 500 dirty variants of ten clean ones.

A clean table of numbers, words, dates and truth values is written in the ways that
files come in: other separators, decimal commas, marks of thousands, units, marks of
absence, other encodings, comments, missing names, names of rows, totals. Each kind
comes alone, then in pairs. What is read must be the clean table, column by column,
or a line must name the column and what is uncertain about it.

Beside it, CPU seconds of reading and encoding a file, over those of pandas' read_csv.

With --data, a folder of CSV files with a last column ``__class__``: the clusters of
these tables in place of all that, on a page of its own.
"""

import csv
import io
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
from runner import (
    Results,
    cpu_of,
    format_table,
    in_process,
    page_parser,
    rise_of,
    versions,
    write_page,
)
from runner import command as command_line
from table_accuracy import pages_of_accuracy

from skdeepcluster import TableEncoder
from skdeepcluster.tables import read_table

N_TABLES, N_VARIANTS, N_ROWS = 10, 50, 120
NUMBERS = ("height", "income", "score")
# What a line must say that owns up to a column that is not as in the clean table.
UNCERTAIN = ("to be confirmed", "not understood", "kept as words")


class Sheet(NamedTuple):
    """How a table is written."""

    sep: str = ","
    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    before: bool = False  # the unit stands before the number
    mark: str = ""
    date: str = "%Y-%m-%d"
    truths: tuple = ("False", "True")
    quote_all: bool = False
    spaces: bool = False
    encoding: str = "utf-8"
    newline: str = "\n"
    top: str = ""
    header: bool = True
    rownames: str = ""  # "R": without a name; "index": an empty name
    trailing: bool = False
    total: bool = False


# Kind -> what it changes.
KINDS = {
    "semicolons": {"sep": ";"},
    "tabs": {"sep": "\t"},
    "bars": {"sep": "|"},
    "decimal commas": {"decimal": ",", "sep": ";"},
    "decimal commas in quotes": {"decimal": ","},
    "thousands by commas": {"thousands": ","},
    "thousands by points": {"thousands": ".", "decimal": ",", "sep": ";"},
    "thousands by spaces": {"thousands": " "},
    "kg": {"unit": " kg"},
    "$": {"unit": "$", "before": True},
    "€": {"unit": " €"},
    "%": {"unit": "%"},
    "?": {"mark": "?"},
    "n/a": {"mark": "n/a"},
    "NA": {"mark": "NA"},
    "-": {"mark": "-"},
    "-9999": {"mark": "-9999"},
    "days first": {"date": "%d.%m.%Y"},
    "months first": {"date": "%m/%d/%Y"},
    "months in words": {"date": "%d %b %Y"},
    "lower-case truths": {"truths": ("false", "true")},
    "all in quotes": {"quote_all": True},
    "spaces around cells": {"spaces": True},
    "Windows-1252": {"encoding": "cp1252"},
    "UTF-16": {"encoding": "utf-16"},
    "UTF-8 with a mark": {"encoding": "utf-8-sig"},
    "lines of Windows": {"newline": "\r\n"},
    "comments": {"top": "# exported\n# by a machine\n"},
    "a title": {"top": "Report of the year\n"},
    "no names": {"header": False},
    "names of rows": {"rownames": "R"},
    "an index": {"rownames": "index"},
    "a separator at the end": {"trailing": True},
    "a row of totals": {"total": True},
}


def clean_table(seed):
    """A table of numbers, words, dates, and truth values, with gaps in the numbers."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, N_ROWS)
    days = np.datetime64("2021-01-01") + rng.integers(0, 900, N_ROWS)
    table = pd.DataFrame(
        {
            "place": np.array(["Zürich", "Oslo", "Łódź" if seed % 2 else "Bonn"])[kind],
            "height": (20.0 + 9 * kind + rng.normal(size=N_ROWS)).round(2),
            "income": np.exp(rng.normal(9.5, 0.8, N_ROWS)).round(2),
            "score": np.round(rng.gamma(2, 900, N_ROWS)),
            "since": days.astype("M8[ns]"),
            "member": rng.random(N_ROWS) < 0.4,
        }
    )
    for name in NUMBERS[:2]:
        table.loc[rng.random(N_ROWS) < 0.05, name] = np.nan
    return table


def number_text(value, sheet, digits):
    """Write a number as the sheet does."""
    if np.isnan(value):
        return sheet.mark
    text = f"{value:,.{digits}f}"
    marks = {",": sheet.thousands, ".": sheet.decimal}
    text = "".join(marks.get(c, c) for c in text)
    return sheet.unit + text if sheet.before else text + sheet.unit


def written(table, sheet):
    """The bytes of a file."""
    digits = {"height": 2, "income": 2, "score": 0}
    rows = []
    for row in table.itertuples(index=False):
        cells = []
        for name, value in zip(table.columns, row, strict=True):
            if name in digits:
                value = number_text(value, sheet, digits[name])
            elif name == "since":
                value = value.strftime(sheet.date)
            elif name == "member":
                value = sheet.truths[int(value)]
            cells.append(f" {value} " if sheet.spaces and value else value)
        rows.append(cells)
    names = list(table.columns)
    if sheet.total:
        sums = [number_text(table[name].sum(), sheet, digits[name]) for name in NUMBERS]
        rows.append(["Total", *sums, "", ""])
    if sheet.rownames:
        order = np.random.default_rng(0).permutation(len(rows)) + 1
        rows = [[str(j), *cells] for j, cells in zip(order, rows, strict=True)]
        names = ["", *names] if sheet.rownames == "index" else names
    lines = ([names] if sheet.header else []) + rows
    if sheet.trailing:
        lines = [[*cells, ""] for cells in lines]
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if sheet.quote_all else csv.QUOTE_MINIMAL
    csv.writer(
        text, delimiter=sheet.sep, lineterminator=sheet.newline, quoting=quoting
    ).writerows(lines)
    return (sheet.top + text.getvalue()).encode(sheet.encoding, errors="replace")


def differences(table, sheet, found):
    """Names of the columns that are not as in the clean table."""
    frame = found.frame
    names = list(table.columns)
    if not sheet.header:
        frame = frame.iloc[:, -len(names) :].set_axis(names, axis=1)
    if len(frame) != len(table) or not set(names) <= set(frame):
        return ["the table"]
    wrong = []
    for name in names:
        cells, expected = frame[name], table[name]
        if name in NUMBERS:
            same = cells.dtype.kind in "fi" and np.allclose(
                cells.to_numpy(float), expected.to_numpy(float), equal_nan=True
            )
        elif name == "place":
            encoded = expected.str.encode(sheet.encoding, errors="replace")
            same = cells.tolist() == encoded.str.decode(sheet.encoding).tolist()
        else:
            same = cells.dtype.kind in "Mb" and bool(
                (cells.to_numpy() == expected.to_numpy()).all()
            )
        if not same:
            wrong.append(name)
    return wrong


def outcome(table, sheet, folder):
    """What became of a variant: "same", "said", or what is false in silence."""
    path = Path(folder, "table.csv")
    path.write_bytes(written(table, sheet))
    try:
        found = read_table(path)
    except ValueError as error:
        return f"refused: {error}"
    wrong = differences(table, sheet, found)
    if not wrong:
        return "same"
    owned = " ".join(n for n in found.notes if any(word in n for word in UNCERTAIN))
    silent = [name for name in wrong if name not in owned]
    return f"{', '.join(silent)} differ in silence" if silent else "said"


def variants():
    """Yield a table's seed, the names of its kinds, and its sheet: 50 a table."""
    pairs = [
        (one, other)
        for one, other in combinations(KINDS, 2)
        if not KINDS[one].keys() & KINDS[other].keys()
        # One mark cannot be both.
        and not (
            {**KINDS[one], **KINDS[other]}.items()
            >= {"decimal": ",", "thousands": ","}.items()
        )
    ]
    rng = np.random.default_rng(0)
    alone = [(kind,) for kind in KINDS]
    for seed in range(N_TABLES):
        drawn = rng.choice(len(pairs), N_VARIANTS - len(alone), replace=False)
        for kinds in alone + [pairs[j] for j in drawn]:
            changes = {}
            for kind in kinds:
                changes |= KINDS[kind]
            yield seed, kinds, Sheet(**changes)


def large_file(path, n_rows=100_000):
    """A file of 20 mixed columns."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 4, n_rows)
    table = {f"x{j}": (rng.normal(size=n_rows) + kind).round(4) for j in range(8)}
    table |= {
        "income": np.exp(rng.normal(10, 1, n_rows)).round(2),
        "price": rng.gamma(2, 50, n_rows).round(2),
        "age": rng.integers(18, 90, n_rows),
        "children": rng.poisson(1, n_rows),
        "visits": rng.integers(1, 5_000, n_rows),
        "member": rng.random(n_rows) < 0.3,
        "since": np.datetime64("2020-01-01") + rng.integers(0, 1500, n_rows),
    }
    for j, n_levels in enumerate((2, 4, 8, 20, 50)):
        levels = np.array([f"level {level}" for level in range(n_levels)])
        table[f"kind{j}"] = levels[rng.integers(0, n_levels, n_rows)]
    table = pd.DataFrame(table)
    for name in ("x3", "kind2", "income"):
        table.loc[rng.random(n_rows) < 0.1, name] = np.nan
    table.to_csv(path, index=False)


def read_and_encode(path):
    """What the command does before it clusters."""
    return TableEncoder().fit_transform(read_table(path).frame).shape


def cost(function, path, warm):
    """CPU seconds and rise of memory, kernels and modules being loaded."""
    function(warm)
    return rise_of(function, path)[1]


def page_of_cost(folder):
    """Reading and encoding beside pandas."""
    path, warm = Path(folder, "large.csv"), Path(folder, "small.csv")
    large_file(path)
    large_file(warm, 1_000)
    mib = path.stat().st_size / 2**20
    rows = []
    for name, function in (
        ("pandas.read_csv", pd.read_csv),
        ("read_table", read_table),
        ("read_table and TableEncoder", read_and_encode),
    ):
        found = min(
            (in_process(cost, function, path, warm) for _ in range(3)),
            key=lambda found: found["cpu_s"],
        )
        rise = found["peak_mib"] - found["base_mib"]
        rows.append([name, f"{found['cpu_s']:.2f}", f"{rise:.0f}", f"{rise / mib:.1f}"])
    head = ["", "CPU s", "MiB more", "of the file's size"]
    return f"A file of 100,000 x 20 cells, {mib:.0f} MiB; the least of three runs.", (
        format_table(head, rows)
    )


def main():
    """Measure, and write the page."""
    parser = page_parser(__doc__)
    parser.add_argument("--limit", type=int, default=60, help="seconds for each fit")
    arguments = parser.parse_args()
    if arguments.data:
        results = Results(arguments.raw, ("method", "table"))
        write_page(
            [
                "# Clusters of real tables",
                f"- Command: `{command_line()}`\n- Versions: {versions()}",
                *pages_of_accuracy(results, arguments.data, arguments.limit),
            ],
            arguments.out.with_stem(f"{arguments.out.stem}_accuracy"),
        )
        return
    tables = [clean_table(seed) for seed in range(N_TABLES)]
    counts, false = {}, []
    with TemporaryDirectory() as folder:
        for seed, kinds, sheet in variants():
            found, _ = cpu_of(outcome, tables[seed], sheet, folder)
            what = found if found in ("same", "said") else "false or refused"
            key = kinds[0] if len(kinds) == 1 else "pairs"
            counts.setdefault(key, {}).setdefault(what, 0)
            counts[key][what] += 1
            if what == "false or refused":
                false.append(f"- {' + '.join(kinds)}, table {seed}: {found}")
        costs = page_of_cost(folder)
    outcomes = ("same", "said", "false or refused")
    rows = [[k, *(str(n.get(o, 0)) for o in outcomes)] for k, n in counts.items()]
    total = [sum(n.get(o, 0) for n in counts.values()) for o in outcomes]
    rows.append(["all", *map(str, total)])
    write_page(
        [
            "# Reading tables",
            f"- Command: `{command_line()}`\n- Versions: {versions()}",
            __doc__.strip().split("\n\n")[1],
            format_table(["variant", *outcomes], rows),
            "\n".join(false) or "None is false, and none refused.",
            "## Cost",
            *costs,
        ],
        arguments.out,
    )


if __name__ == "__main__":
    main()
