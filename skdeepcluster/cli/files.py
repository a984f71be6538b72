"""Tables in and out: CSV and Parquet files."""

import os
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module

from .messages import CommandError, first_line
from .termination import held_back

RESULT_COLUMNS = ("cluster", "cluster_stability")
VOTE_COLUMNS = (*RESULT_COLUMNS, "cluster_agreement")
PREDICT_COLUMNS = ("cluster", "cluster_unlike")


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


def identifiers(args):
    """Columns whose cells name rows or classes, and mean nothing beside."""
    names = (getattr(args, option, None) for option in ("id", "label", "compare"))
    return [name for name in names if name is not None]


def read(args, new_columns, forms=None):
    """Read a table as the options say; it has rows, and the new names are free."""
    require("pandas")
    require("pyarrow")
    from ..tables import read_table

    if not args.table.exists():
        raise CommandError(f"there is no file {args.table}")
    try:
        table = read_table(
            args.table,
            sep=args.sep,
            decimal=args.decimal,
            thousands=args.thousands,
            header=False if args.no_header else None,
            missing=args.missing,
            numeric=getattr(args, "numeric", ()),
            categorical=getattr(args, "categorical", ()),
            date=getattr(args, "date", ()),
            identifiers=identifiers(args),
            forms=forms,
        )
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise CommandError(f"cannot read {args.table}: {reason}") from error
    # pandas, pyarrow and zlib raise errors of many types.
    except Exception as error:
        raise CommandError(f"cannot read {args.table}: {first_line(error)}") from error
    for name in table.frame.columns.intersection(new_columns):
        raise CommandError(
            f"{args.table} already has a column {name!r}: rename it, since the result "
            "takes this name"
        )
    return table


def write_table(table, path, file_format):
    """Write a DataFrame, or a pyarrow.Table as Parquet; always the same bytes."""
    if file_format == "parquet":
        pyarrow = require("pyarrow")
        try:
            # Arrow opens no name that is not UTF-8.
            with open(path, "wb") as file:
                if isinstance(table, pyarrow.Table):
                    require("pyarrow.parquet").write_table(table, file)
                else:
                    table.to_parquet(file, index=False)
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
def said_of_writing(path):
    """Turn what goes wrong with an output into one line that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise CommandError(f"cannot write {path}: {reason}") from error


def write_whole(writers):
    """Write files, all or none: they take their places once all are on the disk.

    A signal waits while they do; only the end of the process or of the machine
    could part them.

    Parameters
    ----------
    writers : dict
        Path -> function that writes its file to another path.
    """
    from ..persistence._files import bring_to_disk, set_aside

    moves = {}
    with held_back() as released, ExitStack() as files:
        for path, write in writers.items():
            with said_of_writing(path):
                aside, target = moves[path] = files.enter_context(set_aside(path))
                with released():
                    write(aside)
                    bring_to_disk(aside, target)
        for path, move in moves.items():
            with said_of_writing(path):
                os.replace(*move)


@contextmanager
def only_writer(folder):
    """Refuse a folder that another command writes to, where a folder can be locked.

    The lock is gone with the process, however that ends.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(
                f"another command writes to {folder}: wait for it, or name another "
                "--out"
            ) from error
        except OSError:
            pass  # There are file systems without locks.
        yield
    finally:
        os.close(descriptor)


def result_table(table, out, names, results):
    """Return the table with one more column for each of the names.

    From text to text every cell is copied as it is written in the source, so that
    007 stays 007 and NA stays NA; from Parquet to Parquet every column keeps its type.
    """
    from_text, to_text = table.is_text, table_format(out) != "parquet"
    columns = dict(zip(names, results, strict=True))
    if from_text or to_text:
        frame = table.source.to_pandas() if from_text and to_text else table.frame
        return frame.assign(**columns)
    result = table.source
    for name, values in columns.items():
        result = result.append_column(name, require("pyarrow").array(values))
    return result
