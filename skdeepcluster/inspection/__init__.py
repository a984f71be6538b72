"""Pictures of clusters, in the form of scikit-learn's Displays, and rules."""

from importlib import import_module

_HOMES = {
    "ClusterProfileDisplay": "profile_display",
    "DiscoveryDisplay": "discovery_display",
    "EmbeddingDisplay": "embedding_display",
    "ExplanationDisplay": "explanation_display",
    "SelectionDisplay": "selection_display",
    "SilhouetteDisplay": "silhouette_display",
    "TrainingDisplay": "training_display",
    "TreeDisplay": "tree_display",
    "cluster_rules": "rules",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
