"""What the command line says, and how it says it in one line."""

import sys
import warnings
from contextlib import contextmanager


class CommandError(ValueError):
    """Something for the user to put right; the message says what."""


def first_line(error):
    """What an exception or a warning says, as one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def listed(items, at_most=12, where="--columns FILE"):
    """Join names for reading, the end of a long list as a number."""
    items = list(items)
    rest = len(items) - at_most
    more = f" and {rest} more (all in {where})" if rest > 0 else ""
    return ", ".join(map(str, items[:at_most])) + more


def print_anything():
    """Make stdout and stderr escape what their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        # Whoever calls `main` may have put another kind of object there.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(text):
    """Print one line; a name may hold a line break, which is written as \\n."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    print(f"skdeepcluster: {text}", file=sys.stderr)


def keep_quiet(text):
    """Take the place of `say` under --quiet."""


@contextmanager
def warnings_as_notes(note):
    """Turn what the estimators warn of into notes of one line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(
        first_line(warning.message)
        for warning in caught
        if not issubclass(warning.category, (DeprecationWarning, FutureWarning))
    ):
        note(text)
