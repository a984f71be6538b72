"""The commands' options."""

import argparse
from pathlib import Path

from .. import __version__
from .clusters import METHODS
from .commands import cluster, predict
from .discovering import METHODS as DISCOVERY_METHODS
from .discovering import discover, method_help
from .messages import CommandError


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        if message.endswith(": TABLE") and "--drop" in self._option_string_actions:
            message += "; it comes before --drop, which takes every name after it"
        elif "are required" in message:
            message += f"; see {self.prog} --help"
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
    add_cluster(commands)
    add_discover(commands)
    add_predict(commands)
    return parser


def add_cluster(commands):
    """Add the command ``cluster``."""
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
        help="ppp: finds the number of clusters, the same from every start; tell: "
        "k-means on the prepared columns; tell-autoencoder: a network learns a code "
        "of the rows first; auto: the best of several methods by scores that need no "
        "labels; default: ppp, and tell with --n-clusters",
    )
    command.add_argument(
        "--n-clusters",
        metavar="K",
        type=positive_integer,
        help="number of clusters, where it is known; left out, ppp and auto find it",
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with columns cluster and cluster_confidence (.csv, "
        ".csv.gz or .parquet); the confidence is the model's probability of the "
        "cluster, and no evidence that the cluster is real",
    )
    command.add_argument(
        "--plot", metavar="FILE.png", type=Path, help="draw the clusters"
    )
    command.add_argument(
        "--report",
        metavar="FILE.html",
        type=Path,
        help="write a page with pictures, rules and how it was made",
    )
    add_common_options(command)
    command.set_defaults(run=cluster)


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
        default="mixture",
        help=method_help(),
    )
    command.add_argument(
        "--n-novel",
        metavar="K",
        type=positive_integer,
        help="number of new classes, where it is known; left out, the method finds it",
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
    """Add the options of the commands that fit a model."""
    command.add_argument(
        "--save",
        metavar="MODEL",
        type=Path,
        help="save the fitted model; skdeepcluster predict MODEL TABLE gives the rows "
        "of further tables their groups",
    )
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
        help="same seed, same result (ppp draws nothing); default: %(default)s",
    )
    command.add_argument(
        "--quiet", action="store_true", help="print the summary and errors only"
    )


def add_predict(commands):
    """Add the command ``predict``."""
    command = commands.add_parser(
        "predict",
        usage="%(prog)s MODEL TABLE [options]",
        help="give the rows of a further table their groups",
        description="Give the rows of a table the groups of a model that --save "
        "wrote. Columns are found by name and prepared as they were then; what is "
        "not as it was then is said on stderr.",
    )
    command.add_argument(
        "model", metavar="MODEL", type=Path, help="file that --save wrote"
    )
    command.add_argument(
        "table", metavar="TABLE", type=Path, help="a .csv, .csv.gz or .parquet file"
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with the columns that cluster or discover would add "
        "(.csv, .csv.gz or .parquet)",
    )
    command.add_argument(
        "--quiet", action="store_true", help="print the summary and errors only"
    )
    command.set_defaults(run=predict)
