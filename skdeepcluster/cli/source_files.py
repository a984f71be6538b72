"""Tables that are not read at once: folders, patterns, and files past --memory."""

import glob
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from .files import identifiers, require
from .messages import CommandError, first_line

TEXTS = (".csv", ".csv.gz", ".tsv", ".txt", ".data")
# Cells of a batch.
BATCH_CELLS = 1 << 19
# Bytes that are read of a column at once.
BUFFER_BYTES = 1 << 18


class SourceFiles(NamedTuple):
    """The files of one table, in the order of their names."""

    root: Path  # what the names of the results are relative to
    files: list

    @property
    def are_text(self):
        """Whether they are CSV, not Parquet."""
        return not is_parquet(self.files[0])

    def name_of(self, path):
        """Path of a file below the root."""
        return path.relative_to(self.root).as_posix()


class Batch(NamedTuple):
    """Some rows of a file."""

    frame: object  # DataFrame: cells as they are meant
    source: object  # pyarrow.Table: the same rows as they are in the file


def is_parquet(path):
    return path.name.lower().endswith(".parquet")


def source_of(args):
    """Return the files of a table that is read in parts, None for any other."""
    path = args.table
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_file() and not is_hidden(p, path)]
        return checked(args, SourceFiles(path, sorted(filter(is_table, files))))
    if not path.exists() and glob.has_magic(str(path)):
        files = sorted(
            filter(is_table, map(Path, glob.glob(str(path), recursive=True)))
        )
        root = Path(str(path)[: glob_start(str(path))]).parent
        while files and not all(file.is_relative_to(root) for file in files):
            root = root.parent
        return checked(args, SourceFiles(root, files))
    if not path.is_file() or not is_table(path) or size_of(path) <= args.memory:
        return None
    return checked(args, SourceFiles(path.parent, [path]))


def glob_start(pattern):
    """Where the first part of a path begins that is a pattern."""
    return min(pattern.find(mark) for mark in "*?[" if mark in pattern) + 1


def is_hidden(path, root):
    """Whether a file or a folder above it is one that engines keep for themselves."""
    return any(part[0] in "._" for part in path.relative_to(root).parts)


def is_table(path):
    return is_parquet(path) or path.name.lower().endswith(TEXTS)


def size_of(path):
    """Bytes of a table, of Parquet uncompressed; nothing but its end is read."""
    if not is_parquet(path):
        return path.stat().st_size
    parquet = require("pyarrow.parquet")
    with said_of(path):
        groups = parquet.read_metadata(path)
        n_groups = groups.num_row_groups
        return sum(groups.row_group(k).total_byte_size for k in range(n_groups))


def checked(args, source):
    """Refuse a table of no files, or of two kinds."""
    if not source.files:
        raise CommandError(
            f"{args.table}: there is no .parquet, .csv, .csv.gz, .tsv, .txt or .data "
            "file"
        )
    kinds = {is_parquet(path) for path in source.files}
    if len(kinds) > 1:
        raise CommandError(
            f"{args.table}: it holds Parquet files and text files; name those of one "
            f"table by a pattern, such as '{args.table}/*.parquet'"
        )
    return source


@contextmanager
def said_of(path, first_row=None):
    """Turn what goes wrong with a file into one line that names it."""
    pa = require("pyarrow")
    where = f"{path}" if first_row is None else f"{path}, rows from {first_row + 1:,}"
    try:
        yield
    except CommandError:
        raise
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise CommandError(f"cannot read {where}: {reason}") from error
    except (ValueError, TypeError, EOFError, pa.ArrowException) as error:
        raise CommandError(f"cannot read {where}: {first_line(error)}") from error


class ParquetBatches:
    """Batches of Parquet files whose columns agree.

    Parameters
    ----------
    source : SourceFiles
        The files.
    """

    notes, forms, units, is_text = (), {}, {}, False

    def __init__(self, source):
        parquet = require("pyarrow.parquet")
        self.schema = None
        for path in source.files:
            with said_of(path):
                schema = parquet.read_schema(path).remove_metadata()
            if self.schema is None:
                self.schema, self._first = schema, path
            else:
                self._check(schema, path)
        self.names = self.schema.names

    def _check(self, schema, path):
        """Refuse other columns and other types."""
        for one, other, name in [
            (self.schema, path, n) for n in self.schema.names if n not in schema.names
        ] + [
            (schema, self._first, n) for n in schema.names if n not in self.schema.names
        ]:
            holder = self._first if one is self.schema else path
            raise CommandError(
                f"{other} lacks the column {name!r} that {holder} has: files of one "
                "table have the same columns"
            )
        for j, field in enumerate(self.schema):
            other = schema.field(field.name).type
            known = kind_of(field.type)
            if known is None:
                # Nothing but gaps so far.
                self.schema = self.schema.set(j, schema.field(field.name))
            elif kind_of(other) not in (known, None):
                raise CommandError(
                    f"{path}: the column {field.name!r} is of type {other}, and in "
                    f"{self._first} of type {field.type}: files of one table have the "
                    "same types"
                )

    def of_file(self, path, columns=None):
        """Yield the batches of a file, of some columns."""
        parquet = require("pyarrow.parquet")
        pyarrow = require("pyarrow")
        names = self.names if columns is None else columns
        n_rows = max(1, BATCH_CELLS // max(1, len(names)))
        # Otherwise, whole row groups are in memory.
        piecewise = {"buffer_size": BUFFER_BYTES, "pre_buffer": False}
        with said_of(path), parquet.ParquetFile(path, **piecewise) as file:
            for batch in file.iter_batches(n_rows, columns=names):
                source = pyarrow.Table.from_batches([batch]).select(names)
                yield Batch(frame_of(source), source)


def kind_of(arrow_type):
    """Kind of a type of Arrow; None of gaps only."""
    import pyarrow.types as types

    if types.is_dictionary(arrow_type):
        return kind_of(arrow_type.value_type)
    if types.is_null(arrow_type):
        return None
    for kind, tests in {
        "number": (types.is_boolean, types.is_integer, types.is_floating),
        "decimal": (types.is_decimal,),
        "text": (types.is_string, types.is_large_string),
        "date": (types.is_date, types.is_timestamp),
    }.items():
        if any(test(arrow_type) for test in tests):
            return "number" if kind == "decimal" else kind
    return str(arrow_type)


def frame_of(table):
    """Data frame of a table of Arrow, numbers with gaps as numbers."""
    return table.to_pandas(ignore_metadata=True)


class TextBatches:
    """Batches of text files that are read alike.

    Parameters
    ----------
    args : Namespace
        With the options about cells.
    source : SourceFiles
        The files.
    forms : dict, default=None
        How columns of an earlier table were read.
    """

    is_text = True

    def __init__(self, args, source, forms=None):
        import pyarrow as pa

        from ..tables.reading_in_blocks import BlockOptions, BlockReader, NoRowsError

        options = BlockOptions(
            args.sep,
            args.decimal,
            args.thousands,
            False if args.no_header else None,
            args.missing,
            tuple(getattr(args, "numeric", ())),
            tuple(getattr(args, "categorical", ())),
            tuple(getattr(args, "date", ())),
            tuple(identifiers(args)),
        )
        for path in source.files:
            with said_of(path), suppress(NoRowsError):
                self._reader = BlockReader(path, options, forms)
                break
        else:
            raise CommandError(f"cannot read {args.table}: it holds no rows")
        self.notes, self.forms = self._reader.notes, self._reader.forms
        self.names, self.units = self._reader.names, self._reader.units
        texts = [(name, pa.string()) for name in self._reader.written]
        self.schema = pa.schema(texts)
        self.marks = self._reader.marks

    def of_file(self, path, columns=None):
        """Yield the batches of a file."""
        with said_of(path):
            for frame, source in self._reader.frames(path):
                yield Batch(frame, source)


def open_batches(args, source, forms=None):
    """Say how the files of a table are read; they have the same columns."""
    require("pandas")
    require("pyarrow")
    if source.are_text:
        return TextBatches(args, source, forms)
    return ParquetBatches(source)


def opaque_names(batches):
    """Columns whose cells are lists, maps or bytes."""
    if batches.is_text:
        return []
    opaque = ("list", "large_list", "fixed_size_list", "struct", "map")
    opaque += ("binary", "large_binary", "fixed_size_binary")
    return [f.name for f in batches.schema if str(f.type).startswith(opaque)]


def said_files(source, n_rows):
    """Say what was read."""
    first, last = (source.name_of(source.files[end]) for end in (0, -1))
    if len(source.files) == 1:
        return f"read {n_rows:,} rows of {first}"
    return f"read {n_rows:,} rows of {len(source.files):,} files, {first} to {last}"
