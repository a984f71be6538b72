"""Bounds of the sizes of clusters and links between rows, as options and files."""

import argparse
import re
from pathlib import Path

from .edges import row_numbers
from .files import read
from .messages import CommandError, counted, first_line

# What a wrong link costs at most, in mean squared distances, where some may be wrong.
SOFT = 3.0
# Numbers of rows in what an error says: after "row", or a colon.
ROWS_IN_TEXT = r"([Rr]ows? |: )(\d+(?:(?:, | and | - )\d+)*)"
YES, NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")


def size_bound(text):
    """Read a number of rows, or a share of them: 40, 0.1 or 10%."""
    try:
        if text.isdecimal():
            return int(text)
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        if 0 <= share <= 1:
            return share
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither a number of rows nor a share of them, such as 10%"
    )


def add_sizes(command):
    """Add the options about the sizes of clusters."""
    for end, meaning in (("min", "fewest"), ("max", "most")):
        command.add_argument(
            f"--size-{end}",
            metavar="N",
            type=size_bound,
            help=f"{meaning} rows of a cluster: a number, or a share such as 10%%",
        )


def add_doubt(command):
    """Add the option that says how sure links are."""
    command.add_argument(
        "--some-wrong",
        action="store_true",
        help="some links may be wrong: one is broken where the columns say so clearly",
    )


def add_constraints(command):
    """Add the options about sizes and links."""
    add_sizes(command)
    for kind, meaning in (("must", "that belong together"), ("cannot", "kept apart")):
        command.add_argument(
            f"--{kind}-link",
            metavar="FILE",
            type=Path,
            help=f"table of pairs of rows {meaning}: its first two columns name them "
            "by --id, or number them from 1",
        )
    add_doubt(command)


def are_given(args):
    """Whether sizes or links are asked for."""
    names = ("size_min", "size_max", "must_link", "cannot_link")
    return any(getattr(args, name) is not None for name in names)


def check_constraints(args):
    """Refuse options about sizes and links that do not go with others."""
    if not are_given(args):
        if args.some_wrong:
            raise CommandError("--some-wrong needs --must-link or --cannot-link")
        return
    if args.edges is not None or args.method not in (None, "constrained"):
        other = "--edges" if args.edges is not None else f"--method {args.method}"
        raise CommandError(
            "--size-min, --size-max, --must-link and --cannot-link are for --method "
            f"constrained, and do not go with {other}"
        )
    if args.n_clusters is None:
        raise CommandError("bounds of sizes and links need --n-clusters K")


def constrained_options(args):
    """Parameters of ConstrainedKMeans that the options say."""
    sizes = {"size_min": args.size_min, "size_max": args.size_max}
    return sizes | ({"link_strength": SOFT} if args.some_wrong else {})


def read_links(args, prepared, note):
    """Read the pairs of both files; return them as arguments of ``fit``."""
    links = {}
    for kind in ("must_link", "cannot_link"):
        path = getattr(args, kind)
        if path is not None:
            links[kind] = read_pairs(path, args, prepared)[0]
            said = "belong together" if kind == "must_link" else "are kept apart"
            note(f"{path}: {counted(len(links[kind]), 'pair')} of rows that {said}")
    return links


def read_pairs(path, args, prepared):
    """Read pairs of rows from a file.

    Parameters
    ----------
    path : Path
        Of a table whose first two columns name rows.
    args : Namespace
        With the options about files and ``id``.
    prepared : Prepared
        The table of the rows.

    Returns
    -------
    pairs : ndarray of shape (n_pairs, 2)
        Row numbers, from 0.
    table : Table
        The whole file.
    """
    import numpy as np

    table = read(pair_file(path, args), ())
    frame = table.frame
    if frame.shape[1] < 2:
        raise CommandError(f"{path} has fewer than two columns")
    ends = [_places(frame[name], path, args, prepared) for name in frame.columns[:2]]
    return np.column_stack(ends), table


def row_labels(args, prepared):
    """What rows are called: by --id, otherwise by their number from 1."""
    if prepared.row_names is not None:
        return prepared.row_names.tolist()
    return list(range(1, len(prepared.frame) + 1))


def said_of(error, labels):
    """What an error says, in the words of the command and by what rows are called."""
    text = first_line(error)
    for name in ("size_min", "size_max", "n_clusters"):
        text = text.replace(name, f"--{name.replace('_', '-')}")
    text = text.replace("set link_strength=3 if", "give --some-wrong if")
    rows = set(getattr(error, "rows", ()))

    def named(match):
        numbers = {int(number) for number in re.findall(r"\d+", match[2])}
        if not numbers <= rows:
            return match[0]
        return match[1] + re.sub(r"\d+", lambda m: str(labels[int(m[0])]), match[2])

    return re.sub(ROWS_IN_TEXT, named, text)


def pair_file(path, args):
    """The options under which a file of pairs is read."""
    plain = {"numeric": (), "categorical": (), "date": (), "no_header": False}
    # A question mark is an answer. Cells are divided as this file has it, whatever
    # the table's are.
    plain |= {"missing": [], "sep": None, "decimal": None, "thousands": None}
    plain |= {"table": path}
    return argparse.Namespace(**{**vars(args), **plain})


def _places(names, path, args, prepared):
    """Row numbers, from 0, of the rows that a column names."""
    import numpy as np

    n_rows = len(prepared.frame)
    if prepared.row_names is not None:
        places = names.map(row_numbers(prepared.row_names)).to_numpy(float)
        known, how = f"a value of {args.id!r}", "with --id"
    else:
        places = np.full(len(names), np.nan)
        if names.dtype.kind in "iu":
            places = names.to_numpy(float) - 1
        known, how = f"a row number from 1 to {n_rows:,}", "without --id"
    bad = ~((places >= 0) & (places < n_rows))
    if bad.any():
        line = int(bad.argmax())
        raise CommandError(
            f"{path}: {names.iloc[line]} in column {names.name!r} is not {known}, "
            f"by which rows are named {how}"
        )
    return places.astype(np.int64)
