"""The command line: groups for the rows of a table.

``skdeepcluster cluster TABLE`` gives every row its group, ``skdeepcluster discover
TABLE --label COLUMN`` finds the classes of rows that have none. With ``--save MODEL``
either keeps the model, and ``skdeepcluster predict MODEL TABLE`` gives the rows of
further tables their groups.

Whatever is heavy is imported inside the functions that use it, so that
``--help`` and a mistyped option answer at once.

A wrong input ends with one line on stderr and exit status 2; a reader of stdout
that has had enough, such as ``head``, ends it in silence. Files are written
aside and then renamed, so that a result is either whole or absent.
"""

import os
import sys

from .messages import CommandError, print_anything, say
from .parser import build_parser
from .termination import Terminated, signals_raise

__all__ = ["main"]


def leave_stdout():
    """Send what is left to print nowhere, so that the end of Python is silent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def main(argv=None):
    """Run the command line and return its exit status.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    status : int
        0 if all went well, 2 after an error, 129 after SIGHUP, 130 after Ctrl-C, 141
        where nobody reads what is printed, 143 after SIGTERM.
    """
    print_anything()
    try:
        with signals_raise():
            args = build_parser().parse_args(argv)
            args.run(args)
            # What is still in the buffer may fail to be written as well.
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        leave_stdout()
        return 141
    except (CommandError, OSError) as error:
        say(f"error: {error}")
        return 2
    except MemoryError:
        say("error: not enough memory for this table")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except Terminated as signal:
        say(f"ended by {signal}")
        return signal.status
    return 0
