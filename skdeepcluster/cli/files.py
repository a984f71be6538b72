"""Tables in and out: CSV and Parquet files."""

import gzip
import os
import warnings
from contextlib import contextmanager, suppress
from importlib import import_module

from .messages import CommandError, first_line

SAVE_IT = "save it with commas between columns, and points in numbers"
RESULT_COLUMNS = ("cluster", "cluster_confidence")


def require(module):
    """Import a module of the extra `cli`, or say how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise CommandError(
            f'{module} is not installed: pip install "skdeepcluster[cli]"'
        ) from error


def table_format(path):
    """Return "csv", "csv.gz" or "parquet", by the suffix of a path."""
    for suffix in ("csv", "csv.gz", "parquet"):
        if path.name.lower().endswith(f".{suffix}"):
            return suffix
    raise CommandError(f"{path}: the name must end in .csv, .csv.gz or .parquet")


def read_csv(path, **options):
    """Read a CSV file; a row with more fields than the header is an error."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            compression="gzip" if table_format(path) == "csv.gz" else None,
            encoding="utf-8-sig",
            # Else one field too many in every row would silently make an
            # index of the first column.
            index_col=False,
            low_memory=False,
            **options,
        )


def other_separator(path):
    """Name the mark that separates the columns of a text file if it is no comma."""
    opened = gzip.open if table_format(path) == "csv.gz" else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    marks = {"semicolons": header.count(";"), "tabs": header.count("\t")}
    mark = max(marks, key=marks.get)
    return mark if marks[mark] > header.count(",") else None


def why_unreadable(path, error):
    """Say in one line why a table could not be read, and what to do if it is known."""
    from pandas.errors import ParserError, ParserWarning

    if isinstance(error, (ParserError, ParserWarning)):
        mark = other_separator(path)
        if mark is not None:
            return f"its columns are separated by {mark}: {SAVE_IT}"
    if isinstance(error, ParserWarning):
        return (
            "rows have more cells than the header has names: put cells that hold "
            "commas in quotes"
        )
    return getattr(error, "strerror", None) or first_line(error)


def read_parquet(path):
    """Read a Parquet file, with its index as columns."""
    import pandas as pd

    table = pd.read_parquet(path)
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index()
    return table.set_axis(table.columns.map(str), axis=1)


def read_table(path, new_columns=RESULT_COLUMNS):
    """Read a table; it has rows, and the new columns' names are free."""
    require("pandas")
    if not path.exists():
        raise CommandError(f"there is no file {path}")
    reader = read_csv
    if table_format(path) == "parquet":
        require("pyarrow")
        reader = read_parquet
    try:
        table = reader(path)
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text: save it as UTF-8") from error
    # pandas, pyarrow and zlib raise errors of many types.
    except Exception as error:
        reason = why_unreadable(path, error)
        raise CommandError(f"cannot read {path}: {reason}") from error
    if table.empty:
        raise CommandError(f"{path} holds no rows")
    if reader is read_csv and len(table.columns) == 1:
        mark = other_separator(path)
        if mark is not None:
            raise CommandError(
                f"{path}: its columns are separated by {mark}: {SAVE_IT}"
            )
    for name in table.columns.intersection(new_columns):
        raise CommandError(
            f"{path} already has a column {name!r}: rename it, since the result "
            "takes this name"
        )
    return table


def write_table(table, path, file_format):
    """Write a table; the same table gives the same bytes."""
    if file_format == "parquet":
        pyarrow = require("pyarrow")
        try:
            table.to_parquet(path, index=False)
        except (pyarrow.ArrowException, OverflowError) as error:
            raise CommandError(
                f"Parquet cannot hold this table: {first_line(error)}"
            ) from error
    elif file_format == "csv.gz":
        # gzip would note the time in its header.
        table.to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})
    else:
        table.to_csv(path, index=False, compression=None)


def check_writable(path):
    """Refuse a path before any work is done for it."""
    # A name that is too long or a link to itself is an OSError of its own.
    with suppress(FileNotFoundError, NotADirectoryError):
        path.stat()
    folder = path.resolve().parent
    # To put a file in the place of a device would harm the whole machine.
    if path.exists() and not path.is_file():
        raise CommandError(f"cannot write {path}: it is not a regular file")
    if not folder.is_dir():
        raise CommandError(f"cannot write {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise CommandError(f"cannot write {path}: the folder is not writable")


@contextmanager
def written_aside(path):
    """Lend a path; the file that is there at the end takes the place of `path`."""
    from ..persistence._files import whole_or_absent

    try:
        with whole_or_absent(path) as aside:
            yield aside
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise CommandError(f"cannot write {path}: {reason}") from error


def result_table(source, table, out, *results, names=RESULT_COLUMNS):
    """Return the table with one more column for each of the names.

    From CSV to CSV every cell is copied as it is written in the source, so that
    007 stays 007 and NA stays NA; so is the header, be its names empty or equal.
    """
    if "parquet" not in (table_format(source), table_format(out)):
        cells = read_csv(source, dtype=str, na_filter=False, header=None)
        table = cells.iloc[1:].set_axis(cells.iloc[0], axis=1)
    return table.assign(**dict(zip(names, results, strict=True)))
