"""The commands' options."""

import argparse
import re
from pathlib import Path

from .. import __version__
from .asking import ask
from .classifying import classify
from .clusters import METHODS
from .commands import cluster, predict
from .constraints import add_constraints, add_doubt, add_sizes
from .discovering import METHODS as DISCOVERY_METHODS
from .discovering import discover, method_help
from .messages import CommandError
from .sampling import sample

# What is said of tables and results where a table may be read in parts.
OR_FOLDER = ", a folder of such files, or a pattern in quotes"
FOLDER_OUT = "; where the table is read in parts (see --memory), a folder"


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        if message.endswith(": TABLE") and "--drop" in self._option_string_actions:
            message += "; it comes before --drop, which takes every name after it"
        elif message.endswith("is required") or "are required" in message:
            message += f"; see {self.prog} --help"
        raise CommandError(message)


def positive_integer(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def memory_size(text):
    units = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size, such as 500M or 2G")
    return int(float(found[1]) * units[found[2].upper()])


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
    add_classify(commands)
    add_sample(commands)
    add_ask(commands)
    add_predict(commands)
    return parser


def add_table(command, more=""):
    """Add the argument that names the table."""
    command.add_argument(
        "table",
        metavar="TABLE",
        type=Path,
        help=f"a .csv, .csv.gz, .tsv, .txt, .data or .parquet file{more}",
    )


def add_cluster(commands):
    """Add the command ``cluster``."""
    command = commands.add_parser(
        "cluster",
        usage="%(prog)s TABLE [options]",
        help="give every row of a table its group",
        description="Give every row of a table its group. Every column counts once, "
        "be it a number or a category of many levels; cells that are missing count "
        "as unknown. What was done with which column is said on stderr, what sets "
        "the groups apart on stdout: of the cells that are there, and nothing else.",
    )
    add_table(command, OR_FOLDER)
    command.add_argument(
        "--method",
        choices=METHODS,
        help="mixed: finds the number of clusters among numbers, categories and gaps; "
        "ppp: finds it among numbers; kmeans: round clusters of a given number; sdp: "
        "the same, with a bound on how much better a partition can be; tell: k-means "
        "as a layer; tell-autoencoder: a network learns a code of the rows first (both "
        "need torch); auto: the best of several methods by scores that need no labels; "
        "vote: the cluster that most of five methods put a row into; graph: of columns "
        "and --edges; constrained: k-means with bounds of sizes and links of rows; "
        "default: mixed where there are categories or gaps, otherwise "
        "ppp, and kmeans with --n-clusters",
    )
    command.add_argument(
        "--n-clusters",
        metavar="K",
        type=positive_integer,
        help="number of clusters, where it is known; left out, it is found",
    )
    command.add_argument(
        "--min-clusters",
        metavar="K",
        type=positive_integer,
        help="least number of clusters to look for (by ppp and auto), even where there "
        "is no evidence of so many",
    )
    command.add_argument(
        "--edges",
        metavar="FILE",
        type=Path,
        help="table of edges between rows, such as transfers or citations: the columns "
        "are smoothed over them before they are clustered; needs --id",
    )
    command.add_argument(
        "--edge-columns",
        metavar="COL",
        nargs="+",
        help="columns of --edges that name the two rows, and the weight where there is "
        "one; default: the first two",
    )
    add_constraints(command)
    command.add_argument(
        "--compare",
        metavar="COL",
        help="column to compare the clusters with; it is not used to find them",
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with columns cluster and cluster_stability (.csv, "
        ".csv.gz or .parquet); the stability is the share of six samples of the rows "
        "in which the row is put into the same cluster; --method vote adds "
        f"cluster_agreement, the share of the methods that put it there{FOLDER_OUT}",
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
    command.add_argument(
        "--table",
        metavar="FILE.csv",
        type=Path,
        dest="table_file",
        help="write averages of each column in each cluster, of the cells that are "
        "there",
    )
    add_parts(command)
    add_common_options(command)
    command.set_defaults(run=cluster)


def add_parts(command):
    """Add the options for tables that are read in parts."""
    command.add_argument(
        "--memory",
        metavar="SIZE",
        type=memory_size,
        default="1G",
        help="a folder, a pattern in quotes, and a file of more than this are read in "
        "parts, of any size together: --out is a folder then, with one file of "
        "clusters for each that is read; default: %(default)s",
    )
    command.add_argument(
        "--copy-columns",
        action="store_true",
        help="of a table read in parts, write all columns beside the clusters, "
        "which one file always has",
    )


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
    add_table(command)
    add_labels(command)
    command.add_argument(
        "--method",
        choices=DISCOVERY_METHODS,
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
        "found_posterior (.csv, .csv.gz or .parquet)",
    )
    add_pictures(command)
    add_common_options(command)
    command.set_defaults(run=discover)


def add_classify(commands):
    """Add the command ``classify``."""
    command = commands.add_parser(
        "classify",
        usage="%(prog)s TABLE --label COLUMN [options]",
        help="fill the empty cells of a column of known classes",
        description="Give every row without a label one of the classes that the others "
        "have: by a classifier of the labeled rows, and by the nearest rows. Where "
        "there may be classes that no label names, take the command discover, or "
        "--reject. The columns are prepared as by the command cluster.",
    )
    add_table(command)
    add_labels(command)
    command.add_argument(
        "--reject",
        action="store_true",
        help="say which rows may be of none of the classes, in a column found_is_none; "
        "on seven tables without such rows it named 11 to 50%% of them",
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with columns found_class and found_confidence, how often "
        "such a class is right (.csv, .csv.gz or .parquet)",
    )
    add_pictures(command)
    add_common_options(command)
    command.set_defaults(run=classify)


def add_labels(command):
    """Add the options that say which labels there are."""
    group = command.add_mutually_exclusive_group(required=True)
    group.add_argument(
        "--label",
        metavar="COLUMN",
        help="column of the known classes; empty (or -1, among numbers) where the "
        "class is to be found",
    )
    group.add_argument(
        "--seeds",
        metavar="FILE.json",
        type=Path,
        help='in place of labels, columns in which a class is high: {"CLASS": '
        '["COLUMN", ...], ...}; rows that lie nearest to them are labeled',
    )


def add_pictures(command):
    """Add the options for a picture and a page of the classes."""
    command.add_argument(
        "--plot",
        metavar="FILE.png",
        type=Path,
        help="draw the rows in two dimensions, coloured by class",
    )
    command.add_argument(
        "--report",
        metavar="FILE.html",
        type=Path,
        help="write what was found as one page",
    )


def add_sample(commands):
    """Add the command ``sample``."""
    command = commands.add_parser(
        "sample",
        usage="%(prog)s TABLE --n N --out FILE [options]",
        help="choose the rows of a table to look at first",
        description="Choose rows that stand for a table: the middle ones of as many "
        "small clusters. To be labelled first, say, or read. The columns are prepared "
        "as by the command cluster.",
    )
    add_table(command)
    command.add_argument(
        "--n",
        metavar="N",
        type=positive_integer,
        default=100,
        help="rows to choose; default: %(default)s",
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help="write these rows with columns sample_row, their number in the table, and "
        "sample_stands_for, how many rows of it each stands for "
        "(.csv, .csv.gz or .parquet)",
    )
    add_table_options(command)
    command.set_defaults(run=sample)


def add_ask(commands):
    """Add the command ``ask``."""
    command = commands.add_parser(
        "ask",
        usage="%(prog)s TABLE --n-clusters K --answers FILE.csv [options]",
        help="ask which rows belong together, where that tells most",
        description="Find the pairs of rows that are worth asking a person about, and "
        "group the table by the answers. In a terminal the questions are asked one by "
        "one; otherwise they are printed, and written into the file of answers, to be "
        "answered there. All that a session leads to is in that file: the command goes "
        "on where it ended.",
    )
    add_table(command)
    command.add_argument(
        "--n-clusters",
        metavar="K",
        type=positive_integer,
        required=True,
        help="number of clusters",
    )
    command.add_argument(
        "--answers",
        metavar="FILE.csv",
        type=Path,
        required=True,
        help="pairs of rows and the answers: yes, no, ? or nothing yet",
    )
    command.add_argument(
        "--n",
        metavar="N",
        type=positive_integer,
        default=20,
        help="questions at most; default: %(default)s",
    )
    add_sizes(command)
    add_doubt(command)
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with a column cluster (.csv, .csv.gz or .parquet)",
    )
    add_table_options(command)
    command.set_defaults(run=ask)


# Options that take names of columns, and what each says of them.
COLUMN_OPTIONS = {
    "drop": "columns not to use; they are still written to --out",
    "numeric": "columns that are numbers, though they look like codes or names",
    "categorical": "columns that are categories, though they look like numbers",
    "ordinal": "categories with an order: COL=LOW,MIDDLE,HIGH, or COL for numbers",
    "date": "columns of dates that are to be used, as numbers",
    "log": "columns whose logarithm is taken, and of no others",
    "weights": "COL=WEIGHT: how often a column counts; 1 for all others",
}


def add_common_options(command):
    """Add the options of the commands that fit a model."""
    command.add_argument(
        "--save",
        metavar="MODEL",
        type=Path,
        help="save the fitted model; skdeepcluster predict MODEL TABLE gives the rows "
        "of further tables their groups",
    )
    add_table_options(command)


def add_table_options(command):
    """Add the options of the commands that prepare a table."""
    add_reading_options(command)
    for option, meaning in COLUMN_OPTIONS.items():
        command.add_argument(
            f"--{option}",
            metavar="COL",
            nargs="+",
            action="extend",
            default=[],
            help=meaning,
        )
    command.add_argument(
        "--columns",
        metavar="FILE.csv",
        type=Path,
        help="write what was decided about every column",
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


def add_reading_options(command):
    """Add the options that say how a file is written."""
    command.add_argument(
        "--sep", metavar="MARK", help="what separates cells; left out, it is found"
    )
    command.add_argument(
        "--decimal", metavar="MARK", choices=(".", ","), help="decimal mark, . or ,"
    )
    command.add_argument(
        "--thousands", metavar="MARK", help="mark of thousands, such as . or ,"
    )
    command.add_argument(
        "--no-header",
        action="store_true",
        help="the first line is a row; columns are named by position",
    )
    command.add_argument(
        "--missing",
        metavar="CELL",
        nargs="*",
        help="cells that stand for a missing value, such as -999, beside empty ones; "
        "left out, the usual marks are recognised, and said, and so are numbers such "
        "as -999 (but by predict on a folder only those that its model knows); not "
        "used of Parquet files",
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
    add_table(command, OR_FOLDER)
    command.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write the table with its clusters or classes, and a column "
        "cluster_unlike that marks rows unlike any that was fitted "
        f"(.csv, .csv.gz or .parquet){FOLDER_OUT}",
    )
    add_parts(command)
    add_reading_options(command)
    command.add_argument(
        "--quiet", action="store_true", help="print the summary and errors only"
    )
    command.set_defaults(run=predict)
