"""The files that a command writes: all that were asked for, or none."""

from itertools import combinations
from os.path import exists, realpath, samefile

from .files import (
    check_writable,
    require,
    result_table,
    table_format,
    write_table,
    write_whole,
)
from .messages import CommandError

# Options that name a file to write.
OPTIONS = ("out", "plot", "report", "table_file", "columns", "save", "answers")
# What names a file to read.
READ = ("table", "model", "must_link", "cannot_link", "edges")
# Suffixes of the files that are neither tables nor models.
SUFFIXES = {
    "plot": (".png",),
    "report": (".html", ".htm"),
    "table_file": (".csv",),
    "columns": (".csv",),
    "answers": (".csv",),
}


def path_of(args, option):
    """Return the path that an option names, None where it was not given."""
    return getattr(args, option, None)


def check_outputs(args):
    """Refuse what cannot be written before any work is done."""
    for option in OPTIONS:
        path = path_of(args, option)
        if path is None:
            continue
        if option == "out" and table_format(path) == "parquet":
            require("pyarrow")
        if option in SUFFIXES:
            if path.suffix.lower() not in SUFFIXES[option]:
                raise CommandError(
                    f"{path}: the name must end in {SUFFIXES[option][0]}"
                )
            if option in ("plot", "report"):
                require("matplotlib")
        check_writable(path)
    _check_apart(args)


def _check_apart(args):
    """Refuse to write one file twice, or to write over what is read.

    Paths are compared by the files that they mean, be it through links.
    """
    paths = {option: path_of(args, option) for option in (*READ, *OPTIONS)}
    paths = {option: path for option, path in paths.items() if path is not None}
    for (one, first), (other, second) in combinations(paths.items(), 2):
        is_one = realpath(first) == realpath(second) or (
            exists(first) and exists(second) and samefile(first, second)
        )
        if is_one and other in OPTIONS:
            raise CommandError(
                f"{_name_of(one)} and {_name_of(other)} are one file, {first}: it "
                "would be lost"
            )


def _name_of(option):
    """What the command line calls an option, or an argument."""
    if option in ("table", "model"):
        return option.upper()
    return f"--{option.removesuffix('_file').replace('_', '-')}"


def write_outputs(args, note, writers):
    """Write the files that were asked for.

    Parameters
    ----------
    args : Namespace
        Options; those that name a file are looked up in `writers`.
    note : callable
        Told of every file.
    writers : dict
        Name of an option -> function that writes its file to a path.
    """
    asked = {
        path_of(args, option): write
        for option, write in writers.items()
        if path_of(args, option) is not None
    }
    write_whole(asked)
    for path in asked:
        note(f"wrote {path}")


def table_writer(args, table, names, *results):
    """Return what writes the table with one more column for each of the names."""

    def write(path):
        result = result_table(table, args.out, names, results)
        write_table(result, path, table_format(args.out))

    return write


def draw(points, axis_labels, labels, path):
    """Draw the clusters into a PNG file."""
    from matplotlib.figure import Figure

    from ..inspection import EmbeddingDisplay

    # A figure without pyplot needs no screen.
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    display = EmbeddingDisplay(embedding=points, labels=labels, axis_labels=axis_labels)
    display.plot(ax=figure.subplots())
    figure.savefig(path, format="png", dpi=200)


def model_writer(prepared, estimator, labels, takes_columns=False):
    """Return what saves a fitted model."""

    def write(path):
        from .. import save
        from .models import saved_model

        save(saved_model(prepared, estimator, labels, takes_columns), path)

    return write
