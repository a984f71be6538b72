"""Networks learned together with the clusters, and autoencoders for tables."""

from importlib import import_module

_HOMES = {
    "AutoEncoder": "autoencoder",
    "NeighborEncoder": "neighbor_encoder",
    "TELL": "tell",
}

__all__ = ["TELL", "AutoEncoder", "NeighborEncoder"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
