"""Choosing without labels: searches, scores, numbers of clusters."""

from importlib import import_module

_HOMES = {
    "AutoCluster": "auto_cluster",
    "HiddenClassSearchCV": "hidden_class_search",
    "HiddenClassesSplit": "_hidden_classes_split",
    "WholeData": "_whole_data",
    "estimate_n_clusters": "_n_clusters",
    "get_unsupervised_scorer": "_scorers",
    "get_unsupervised_scorer_names": "_scorers",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
