"""Fitted estimators in files that hold no code.

A pickle from a stranger runs code. These files are archives that skops writes
and reads: a tree of names and plain values, and arrays. Before skops reads one,
the tree is held against a list of our own (``_allowed``), and sizes and repeats
are bounded (``_archive``, ``_schema``); afterwards estimators look at their
fitted state (``_values``), since kernels follow it without looking. Networks are
described by plain values (``skdeepcluster.nn.state``).
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
