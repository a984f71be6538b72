"""The command line: ``skdeepcluster cluster TABLE`` gives every row its group.

With ``--save MODEL`` it keeps the model, and ``skdeepcluster predict MODEL TABLE``
gives the rows of further tables their groups.

Whatever is heavy is imported inside the functions that use it, so that
``--help`` and a mistyped option answer at once.

A wrong input ends with one line on stderr and exit status 2. Files are written
aside and then renamed, so that a result is either whole or absent.
"""

from .commands import main

__all__ = ["main"]
