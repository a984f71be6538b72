"""Any table as columns of numbers or of codes, whatever library made it.

pandas and polars frames, pyarrow tables and arrays of numbers or objects come
out the same: one :class:`Cells` for each column. A gap (None, NaN, NaT, NA, null)
is NaN among numbers and -1 among codes.
"""

import datetime
import numbers
import sys
from decimal import Decimal
from importlib import import_module
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

from .._validation import collected, refuse_masked

# Floats hold every whole number up to here, and lump those beyond.
LARGEST_EXACT = 2.0**53
# Differences of larger numbers may leave the range of float64.
LARGEST = float(np.finfo(np.float64).max) * 2.0**-14
FRAME_LIBRARIES = ("pandas", "polars", "pyarrow")
# Kinds of columns whose cells are numbers; of the others they are codes.
NUMBER_KINDS = ("number", "whole", "boolean", "date", "duration", "time")


class Cells(NamedTuple):
    """The cells of one column, with no decision taken about them."""

    name: object  # label in the frame; the position in an array
    # "number", "whole" (numbers without fractions), "boolean", "date", "duration",
    # "time" (of day), "text" or "ordered".
    kind: str
    # Numbers: float64, NaN is a gap; dates in seconds since 1970, durations and
    # times in seconds. Text: index of the level, -1 is a gap.
    values: np.ndarray
    levels: tuple = ()  # of text: str, in order of appearance or as declared
    unit: str = ""  # of numbers, where whoever read the table has seen one

    @property
    def missing(self):
        """Mask of the gaps."""
        if self.kind in NUMBER_KINDS:
            return np.isnan(self.values)
        return self.values < 0


def table_cells(X, unread=()):
    """Take a table apart into the cells of its columns.

    Parameters
    ----------
    X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
        Table; of objects or numbers.
    unread : collection of names, default=()
        Columns that nobody will look at, whose cells may be anything: they come
        out as gaps.

    Returns
    -------
    list of Cells
        One for each column.

    Raises
    ------
    ValueError
        If columns share a name, or a number is infinite or too large.
    TypeError
        If a column holds lists, dicts, bytes or complex numbers.
    """
    columns = list(_columns(X))
    names = [name for name, _ in columns]
    repeated = sorted({str(name) for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"Columns of X share a name: {', '.join(repeated)}.")
    units = getattr(X, "attrs", {}).get("units", {})
    return [
        Cells(name, "text", np.full(X.shape[0], -1))
        if name in unread
        else _cells(name, values)._replace(unit=units.get(name, ""))
        for name, values in columns
    ]


def checked_cells(estimator, X, names=None, unread=()):
    """Check a table at the door of an estimator, and take it apart.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set or compared.
    X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
        Table.
    names : list, default=None
        Names of the columns at fit, which those of an array take; None at fit.
    unread : collection of names, default=()
        Columns whose cells are passed over, see :func:`table_cells`.

    Returns
    -------
    list of Cells
        One for each column.
    """
    refuse_masked("X", X)
    X = collected(X)
    if frame_library(X) is None:
        # A sparse matrix is refused by name, not as an array of one object.
        rows = X if issparse(X) else as_array(X)
        X = check_array(rows, dtype=None, ensure_all_finite=False)
    validate_data(estimator, X, reset=names is None, skip_check_array=True)
    cells = table_cells(X, unread)
    if not cells or not len(cells[0].values):
        raise ValueError(
            f"Found array with {len(cells and cells[0].values)} sample(s) and "
            f"{len(cells)} feature(s) while a minimum of 1 of each is required by "
            f"{type(estimator).__name__}."
        )
    if names is None:
        return cells
    return [cell._replace(name=name) for cell, name in zip(cells, names, strict=True)]


def give_back_memory():
    """Let the system have what Arrow keeps of cells that are gone."""
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None:
        pyarrow.default_memory_pool().release_unused()


def frame_library(X):
    """Name the library that a data frame is of; None for an array."""
    library = type(X).__module__.partition(".")[0]
    has_columns = hasattr(X, "columns") and hasattr(X, "shape")
    return library if has_columns and library in FRAME_LIBRARIES else None


def as_array(X):
    """Make an array of nested lists, in which numbers beside words stay numbers."""
    values = np.asarray(X)
    if values.dtype.kind in "US" and not hasattr(X, "dtype"):
        return np.array(X, dtype=object)
    return values


def make_frame(library, columns, n_rows, dtype):
    """Make a table of columns by name; None is a column of gaps.

    Parameters
    ----------
    library : {"pandas", "polars", "pyarrow"} or None
        What makes the frame; None for an array, of objects where words are in it.
    columns : dict of object to ndarray or None
        The columns.
    n_rows : int
        Number of rows.
    dtype : dtype
        Of an array of numbers.
    """
    if library is None:
        gaps = np.full(n_rows, np.nan)
        parts = [gaps if part is None else part for part in columns.values()]
        are_numbers = all(part.dtype.kind in "fb" for part in parts)
        table = np.empty((n_rows, len(parts)), dtype=dtype if are_numbers else object)
        for j, part in enumerate(parts):
            table[:, j] = part
        return table
    columns = {
        name: np.full(n_rows, None) if part is None else part
        for name, part in columns.items()
    }
    module = import_module(library)
    if library == "pyarrow":
        return module.table({name: module.array(c) for name, c in columns.items()})
    return module.DataFrame(columns)


def frame_of_cells(cells, n_rows):
    """Make a pandas data frame of cells; times of day become durations."""
    import pandas as pd

    columns = {}
    for column in cells:
        gaps, values = column.missing, column.values
        if column.kind == "ordered":
            values = pd.Categorical.from_codes(values, column.levels, ordered=True)
        elif column.kind == "text":
            # The last one is what -1, a gap, points at.
            values = np.array([*column.levels, None], dtype=object)[values]
        elif column.kind == "boolean":
            words = np.array([False, True, None], dtype=object)
            values = words[np.where(gaps, 2, values).astype(np.intp)]
            values = values if gaps.any() else values.astype(bool)
        elif column.kind in ("date", "duration", "time"):
            unit = "M8[ns]" if column.kind == "date" else "m8[ns]"
            whole = np.rint(np.where(gaps, 0.0, values) * 1e6).astype(np.int64)
            values = (whole * 1000).view(unit)
            values[gaps] = np.array("NaT", unit)
        columns[column.name] = values
    return pd.DataFrame(columns, index=range(n_rows))


def _columns(X):
    """Pairs of a name and what the library holds under it."""
    if hasattr(X, "iloc"):
        return [(name, X.iloc[:, j]) for j, name in enumerate(X.columns)]
    if hasattr(X, "column_names"):
        pairs = zip(X.column_names, X.columns, strict=True)
        return [(name, _Arrow(column)) for name, column in pairs]
    if hasattr(X, "get_columns"):
        return [(column.name, _Polars(column)) for column in X.get_columns()]
    X = as_array(X)
    if X.dtype.names:
        raise TypeError("X is a structured array: make a data frame of it.")
    return [(j, X[:, j]) for j in range(X.shape[1])]


class _Polars(NamedTuple):
    column: object


class _Arrow(NamedTuple):
    column: object


def _cells(name, values):
    if isinstance(values, _Polars):
        return _polars_cells(name, values.column)
    if isinstance(values, _Arrow):
        return _arrow_cells(name, values.column)
    if hasattr(values, "array"):
        return _pandas_cells(name, values)
    return _array_cells(name, values)


def _polars_cells(name, column):
    dtype = str(column.dtype)
    if dtype.startswith(("Categorical", "Enum")):
        return _arrow_cells(name, column.to_arrow(), dtype.startswith("Enum"))
    if dtype.startswith(("List", "Array", "Struct", "Binary")):
        raise _unreadable(name, dtype)
    if dtype.startswith(("Int", "UInt")):
        return _arrow_cells(name, column.to_arrow())
    if dtype == "Time":
        return _array_cells(name, np.array(column.to_list(), dtype=object))
    return _array_cells(name, column.to_numpy())


def _arrow_cells(name, column, ordered=None):
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    if hasattr(column, "chunks"):
        column = column.chunk(0) if column.num_chunks else column
    kind = str(column.type)
    if kind.startswith(("list", "large_list", "struct", "binary", "map")):
        raise _unreadable(name, kind)
    if kind in ("string", "large_string", "string_view"):
        column = column.dictionary_encode()
    if hasattr(column, "dictionary"):
        levels = column.dictionary.to_pylist()
        codes = column.indices.cast("int64").fill_null(-1).to_numpy()
        if ordered is None:
            ordered = column.type.ordered
        return _text(name, codes, levels, ordered)
    if kind.startswith("decimal"):
        column = column.cast("float64")
    values = column.to_numpy(zero_copy_only=False)
    is_lumped = kind.startswith(("int", "uint")) and _is_lumped(values)
    if is_lumped or kind.startswith(("time32", "time64")):
        values = np.array(column.to_pylist(), dtype=object)
    return _array_cells(name, values)


def _is_lumped(values):
    """Whether integers became floats, beside a gap, that cannot tell them apart."""
    return values.dtype.kind == "f" and bool(np.any(np.abs(values) >= LARGEST_EXACT))


def _pandas_cells(name, column):
    dtype = column.dtype
    if hasattr(dtype, "categories"):
        codes, levels = column.cat.codes.to_numpy(), dtype.categories
        if levels.dtype.kind in "biufmM":
            known = codes >= 0
            values = np.full(len(codes), np.nan)
            inner = _array_cells(name, levels.to_numpy())
            values[known] = inner.values[codes[known]]
            if not dtype.ordered and inner.kind in ("number", "whole"):
                # Somebody said that these numbers are names.
                return _text(name, codes, [number_text(v) for v in inner.values], False)
            return inner._replace(values=values)
        return _text(name, codes, [str(level) for level in levels], dtype.ordered)
    if dtype.kind in "biuf" and isinstance(dtype, np.dtype):
        return _array_cells(name, column.to_numpy())
    if getattr(dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return _array_cells(name, column.to_numpy())
    if dtype.kind in "biuf":
        # Numbers of pandas' own and of Arrow, with masks for gaps.
        kinds = {"b": "boolean", "f": "number"}
        values = column.to_numpy(dtype="float64", na_value=np.nan)
        if dtype.kind in "iu" and _is_lumped(values):
            return _object_cells(name, column.to_numpy(dtype=object))
        return _number(name, values, kinds.get(dtype.kind, "whole"))
    if _is_string(dtype):
        import pandas as pd

        codes, levels = pd.factorize(column)
        return _text(name, codes, list(levels), False)
    return _array_cells(name, column.to_numpy())


def _is_string(dtype):
    return getattr(dtype, "name", "").startswith(("str", "string", "large_string"))


def _array_cells(name, values):
    """Cells of an array of numpy."""
    kind = values.dtype.kind
    if kind == "b":
        return Cells(name, "boolean", values.astype(np.float64))
    if kind in "iu":
        if values.size and max(abs(int(values.min())), int(values.max())) > 2**53:
            return _object_cells(name, values.astype(object))
        return Cells(name, "whole", values.astype(np.float64))
    if kind == "f":
        return _number(name, values.astype(np.float64, copy=False), "number")
    if kind in "mM":
        gaps = np.isnat(values)
        seconds = values.astype(f"{kind}8[ns]").astype(np.int64) / 1e9
        seconds[gaps] = np.nan
        return Cells(name, "date" if kind == "M" else "duration", seconds)
    if kind in "UT":
        return _object_cells(name, values.astype(object))
    if kind == "O":
        return _object_cells(name, values)
    raise _unreadable(name, f"values of dtype {values.dtype}")


def _number(name, values, kind):
    """Numbers; those without fractions are whole."""
    bad = np.flatnonzero(np.abs(values) > LARGEST)
    if bad.size:
        value, row = values[bad[0]], int(bad[0])
        what = "an infinite number (inf)" if np.isinf(value) else f"{value:g}"
        raise ValueError(
            f"Column {name!r} of X holds {what} in row {row}: correct it, or make it a "
            "gap."
        )
    if kind == "number":
        with np.errstate(invalid="ignore"):
            fractions = values != np.floor(values)
        whole = not np.any(fractions & ~np.isnan(values))
        if whole and np.all(np.abs(values[~np.isnan(values)]) <= LARGEST_EXACT):
            kind = "whole"
    return Cells(name, kind, values)


def _text(name, codes, levels, ordered):
    return Cells(
        name,
        "ordered" if ordered else "text",
        np.asarray(codes, dtype=np.int64),
        tuple(map(str, levels)),
    )


def _object_cells(name, values):
    """Cells of an array of Python objects: by what they are, where they agree."""
    gaps = np.fromiter(map(_is_gap, values), bool, len(values))
    present = values[~gaps]
    types = set(map(type, present))
    for row_type in types:
        if issubclass(row_type, (list, tuple, dict, set, bytes, np.ndarray, complex)):
            raise _unreadable(name, f"values of type {row_type.__name__}")
    for kind, known, turn in _OBJECT_KINDS:
        if types and all(issubclass(t, known) for t in types):
            if kind == "number" and any(_is_huge(value) for value in present):
                break
            numbers_ = np.full(len(values), np.nan)
            numbers_[~gaps] = [turn(value) for value in present]
            if kind == "number":
                return _number(name, numbers_, kind)
            return Cells(name, kind, numbers_)
    codes, index = np.full(len(values), -1), {}
    codes[~gaps] = [index.setdefault(str(value), len(index)) for value in present]
    return _text(name, codes, index, False)


def _is_gap(value):
    """Whether a cell of objects is a gap; a comparison of NA is itself NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.generic) and value.dtype.kind in "mM":
        return bool(np.isnat(value))
    return isinstance(value, (float, np.floating, Decimal)) and value != value


def _is_huge(value):
    """Whether a float could not tell a whole number from its neighbours."""
    return isinstance(value, numbers.Integral) and abs(int(value)) > 2**53


def _seconds_of_date(value):
    if isinstance(value, np.datetime64):
        return value.astype("M8[ns]").astype(np.int64) / 1e9
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    return value.timestamp()


def _seconds_of_day(value):
    return (
        value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    )


def _seconds(value):
    if isinstance(value, np.timedelta64):
        return value / np.timedelta64(1, "s")
    return value.total_seconds()


_OBJECT_KINDS = (
    ("boolean", (bool, np.bool_), float),
    ("date", (datetime.date, np.datetime64), _seconds_of_date),
    ("time", datetime.time, _seconds_of_day),
    ("duration", (datetime.timedelta, np.timedelta64), _seconds),
    ("number", (numbers.Real, Decimal), float),
)


def _unreadable(name, what):
    return TypeError(
        f"Column {name!r} of X holds {what}, which are neither numbers nor words: turn "
        "them into either, or leave the column out."
    )


def number_text(value):
    """Write a number as short as it can be read back."""
    value = float(value)
    return str(int(value)) if value == int(value) else repr(value)
