"""What can be computed from labels and data."""

from importlib import import_module

_HOMES = {
    "clustering_accuracy": "_matching",
    "discovery_accuracy": "_matching",
    "match_labels": "_matching",
}

__all__ = ["clustering_accuracy", "discovery_accuracy", "match_labels"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
