"""The command line: ``skdeepcluster cluster TABLE`` gives every row its group,
and ``skdeepcluster discover TABLE --label COLUMN`` a class to rows without one.

Whatever is heavy is imported inside the functions that use it, so that
``--help`` and a mistyped option answer at once.

A wrong input ends with one line on stderr and exit status 2. Files are written
aside and then renamed, so that a result is either whole or absent.
"""

from .commands import main

__all__ = ["main"]
