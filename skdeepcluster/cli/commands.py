"""The commands and their options."""

import argparse
from contextlib import ExitStack
from pathlib import Path

from .. import __version__
from .clusters import (
    FIND_NUMBER,
    METHODS,
    choose_n_clusters,
    fit_clusters,
    summary,
)
from .columns import (
    as_features,
    assign_roles,
    check_columns,
    column_notes,
    prepare,
    prepared_names,
)
from .discover import METHODS as DISCOVERY_METHODS
from .discover import discover, method_help
from .messages import (
    CommandError,
    first_line,
    keep_quiet,
    print_anything,
    say,
    warnings_as_notes,
)
from .tables import (
    check_writable,
    read_table,
    require,
    result_table,
    table_format,
    write_table,
    written_aside,
)


def check_outputs(args):
    """Refuse what cannot be written before any work is done."""
    if args.out is not None:
        if table_format(args.out) == "parquet":
            require("pyarrow")
        check_writable(args.out)
    if args.plot is not None:
        if args.plot.suffix.lower() != ".png":
            raise CommandError(f"{args.plot}: the name must end in .png")
        require("matplotlib")
        check_writable(args.plot)


def draw(estimator, X, path):
    """Draw the clusters into a PNG file."""
    from matplotlib.figure import Figure

    from ..inspection import EmbeddingDisplay

    # A figure without pyplot needs no screen.
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    EmbeddingDisplay.from_estimator(estimator, X, ax=figure.subplots())
    figure.savefig(path, format="png", dpi=200)


def write_results(args, table, estimator, X, labels, confidence, note):
    """Write the files that were asked for: all of them or none."""
    with ExitStack() as files:
        if args.out is not None:
            result = result_table(args.table, table, args.out, labels, confidence)
            aside = files.enter_context(written_aside(args.out))
            write_table(result, aside, table_format(args.out))
        if args.plot is not None:
            draw(estimator, X, files.enter_context(written_aside(args.plot)))
    for path in filter(None, (args.out, args.plot)):
        note(f"wrote {path}")


def cluster_rows(args, X, note):
    """Fit the method that was asked for; see `fit_clusters`."""
    n_clusters = args.n_clusters
    try:
        if n_clusters is None and args.method not in FIND_NUMBER:
            n_clusters, reason = choose_n_clusters(X, args.random_state)
            note(f"{n_clusters} clusters: {reason}")
        return fit_clusters(METHODS[args.method], X, n_clusters, args.random_state)
    except ValueError as error:
        raise CommandError(first_line(error)) from error


def cluster(args):
    """Run ``skdeepcluster cluster``."""
    note = keep_quiet if args.quiet else say
    check_outputs(args)
    table = read_table(args.table)
    if args.n_clusters is not None and args.n_clusters > len(table):
        raise CommandError(
            f"--n-clusters {args.n_clusters}: the table has only {len(table):,} rows"
        )
    check_columns(table, args.drop, "--drop")
    set_aside = dict.fromkeys(args.drop, "--drop")
    row_names = None
    if args.id is not None:
        check_columns(table, [args.id], "--id")
        set_aside[args.id] = "--id"
        row_names = table[args.id]

    roles = assign_roles(table, set_aside)
    features = as_features(table, roles)
    X, preparation = prepare(features, roles)
    names = prepared_names(preparation, roles)
    for text in column_notes(features, roles, names):
        note(text)

    with warnings_as_notes(note):
        estimator, labels, confidence = cluster_rows(args, X, note)
        write_results(args, table, estimator, X, labels, confidence, note)
    print(summary(features, X, names, labels, confidence, row_names))


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        if message.endswith(": TABLE"):
            message += "; it comes before --drop, which takes every name after it"
        raise CommandError(message)


def positive_integer(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def seed(text):
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an integer from 0 to {2**32 - 1}"
        )
    return int(text)


def build_parser():
    """Build the parser; each command names the function that runs it."""
    parser = _Parser(prog="skdeepcluster", description="Find the groups in a table.")
    parser.add_argument(
        "--version", action="version", version=f"skdeepcluster {__version__}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser(
        "cluster",
        usage="%(prog)s TABLE [options]",
        help="give every row of a table its group",
        description="Give every row of a table its group. Numbers are scaled, "
        "categories one-hot encoded, missing values filled in; what was done with "
        "which column is said on stderr, what sets the groups apart on stdout.",
    )
    command.add_argument(
        "table", metavar="TABLE", type=Path, help="a .csv, .csv.gz or .parquet file"
    )
    command.add_argument(
        "--method",
        choices=METHODS,
        default="tell",
        help="tell: k-means on the prepared columns; tell-autoencoder: a network "
        "learns a code of the rows first; ppp: finds the number of clusters itself; "
        "default: %(default)s",
    )
    command.add_argument(
        "--n-clusters",
        metavar="K",
        type=positive_integer,
        help="number of clusters; left out, ppp finds it, and for the other methods "
        "it is chosen by the silhouette",
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with columns cluster and cluster_confidence "
        "(.csv, .csv.gz or .parquet)",
    )
    command.add_argument(
        "--plot", metavar="FILE.png", type=Path, help="draw the clusters"
    )
    add_common_options(command)
    command.set_defaults(run=cluster)
    add_discover(commands)
    return parser


def add_discover(commands):
    """Add the command ``discover``."""
    command = commands.add_parser(
        "discover",
        usage="%(prog)s TABLE --label COLUMN [options]",
        help="find the classes of the rows that have no label",
        description="Find the classes of the rows whose label is empty. Rows that "
        "have one keep it; the others are of classes that are not known yet. The "
        "columns are prepared as by the command cluster.",
    )
    command.add_argument(
        "table", metavar="TABLE", type=Path, help="a .csv, .csv.gz or .parquet file"
    )
    command.add_argument(
        "--label",
        metavar="COLUMN",
        required=True,
        help="column of the known classes; empty (or -1, among numbers) where the "
        "class is to be found",
    )
    command.add_argument(
        "--method",
        choices=DISCOVERY_METHODS,
        default="ncd-spectral",
        help=method_help(),
    )
    command.add_argument(
        "--n-novel",
        metavar="K",
        type=positive_integer,
        help="number of new classes; left out, it is chosen by the silhouette",
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with columns found_class, found_is_new and "
        "found_confidence (.csv, .csv.gz or .parquet)",
    )
    add_common_options(command)
    command.set_defaults(run=discover)


def add_common_options(command):
    """Add the options that every command has."""
    command.add_argument(
        "--drop",
        metavar="COL",
        nargs="+",
        action="extend",
        default=[],
        help="columns not to use; they are still written to --out",
    )
    command.add_argument(
        "--id", metavar="COL", help="column that names the rows; not used either"
    )
    command.add_argument(
        "--random-state",
        metavar="SEED",
        type=seed,
        default=0,
        help="same seed, same result; default: %(default)s",
    )
    command.add_argument(
        "--quiet", action="store_true", help="print the summary and errors only"
    )


def main(argv=None):
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    status : int
        0 if all went well, 2 after an error, 130 after Ctrl-C.
    """
    print_anything()
    try:
        args = build_parser().parse_args(argv)
        args.run(args)
    except (CommandError, OSError) as error:
        say(f"error: {error}")
        return 2
    except MemoryError:
        say("error: not enough memory for this table")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0
