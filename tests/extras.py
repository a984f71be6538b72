"""Packages of the extras, each None where it is not installed.

A test that names one of these is left out, and counted, where it is None: see
``conftest.py`` at the root.
"""

from importlib import import_module


def optional(name):
    """Import a package, if it is there."""
    try:
        return import_module(name)
    except ImportError:
        return None


nx = optional("networkx")
pd = optional("pandas")
pl = optional("polars")
torch = optional("torch")
