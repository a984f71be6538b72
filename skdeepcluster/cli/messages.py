"""What the command line says, and how it says it in one line."""

import os
import re
import sys
import warnings
from contextlib import contextmanager, suppress

from .._printing import shortened, visible

# Characters of one note: twelve names, and what is said of them.
LONGEST_NOTE = 4_000


class CommandError(ValueError):
    """Something for the user to put right; the message says what."""


def first_line(error):
    """What an exception or a warning says, as one line."""
    return str(error).strip().split("\n")[0] or type(error).__name__


def listed(items, at_most=12, where="--columns FILE"):
    """Join names for reading, the end of a long list as a number."""
    items = list(items)
    rest = len(items) - at_most
    more = f" and {rest} more (all in {where})" if rest > 0 else ""
    return ", ".join(map(shortened, items[:at_most])) + more


def print_anything():
    """Make stdout and stderr escape what their encoding lacks, and keep them apart."""
    for number in (1, 2):
        try:
            os.fstat(number)
        except OSError:
            # Otherwise the next file that is opened takes the place of the stream.
            os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        # Whoever calls `main` may have put another kind of object there.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def print_lines(lines, stream):
    """Print lines: what a terminal would obey or hide is written out."""
    # Python has none where the stream is closed, and would take the other one.
    if stream is not None:
        print(*map(visible, lines), sep="\n", file=stream)


def say(text):
    """Print a line on stderr; where nobody reads it, it is dropped."""
    with suppress(OSError):
        print_lines([shortened(f"skdeepcluster: {text}", LONGEST_NOTE)], sys.stderr)


def keep_quiet(text):
    """Take the place of `say` under --quiet."""


def as_option(text):
    """What a warning advises, in words of the command."""
    return re.sub(
        r"say sentinels=\{.*: \[(.*)\]\}",
        lambda found: (
            f"say --missing {found[1].replace(',', '')} of a text file, and write "
            "nulls into one of Parquet"
        ),
        text,
    )


def once(note):
    """Return what says a text by `note`, and no text twice."""
    said = set()

    def say_once(text):
        if text not in said:
            said.add(text)
            note(text)

    return say_once


@contextmanager
def warnings_as_notes(note):
    """Turn what the estimators warn of into notes of one line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(
        as_option(first_line(warning.message))
        for warning in caught
        if not issubclass(warning.category, (DeprecationWarning, FutureWarning))
    ):
        note(text)


def counted(n, name):
    """So many things, whose name takes an s where they are not one."""
    return f"{n:,} {name}{'s' if n != 1 else ''}"
