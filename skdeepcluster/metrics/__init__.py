"""What can be computed from labels and data."""

from importlib import import_module

_HOMES = {
    "class_separability": "_separability",
    "clustering_accuracy": "_matching",
    "dbcv_score": "_density",
    "discovery_accuracy": "_matching",
    "match_labels": "_matching",
}

__all__ = [
    "class_separability",
    "clustering_accuracy",
    "dbcv_score",
    "discovery_accuracy",
    "match_labels",
]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
