"""Convex relaxations of clustering: semidefinite programs, solved and proven."""

from importlib import import_module

_HOMES = {"ILASDP": "ilasdp", "SDPKMeans": "sdp_kmeans"}

__all__ = ["ILASDP", "SDPKMeans"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
