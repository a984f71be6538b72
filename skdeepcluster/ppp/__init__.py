"""Partitions validated by densities: the number of clusters is found."""

from importlib import import_module

_HOMES = {"PPP": "ppp"}

__all__ = ["PPP"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
