"""Small real tables that come with the package, and problems made of tables."""

from importlib import import_module

_HOMES = {
    "load_penguins": "penguins",
    "make_discovery_problem": "discovery_problem",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
