"""Clustering and class discovery for tables, the scikit-learn way.

Importing the package loads neither torch nor numba, cvxpy or matplotlib: each
public name brings in its own room when it is first used.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "ILASDP": "sdp",
    "PPP": "ppp",
    "SDPKMeans": "sdp",
    "TELL": "deep",
    "AutoCluster": "model_selection",
    "AutoEncoder": "deep",
    "NCDKMeans": "discovery",
    "NCDSpectralClustering": "discovery",
    "PBN": "discovery",
    "GPC": "discovery",
    "TabularNCD": "discovery",
    "NeighborEncoder": "deep",
    "load": "persistence",
    "save": "persistence",
    "SemiSupervisedGaussianMixture": "discovery",
    "SemiSupervisedKMeans": "discovery",
}
_ROOMS = (
    "base",
    "datasets",
    "deep",
    "discovery",
    "exceptions",
    "inspection",
    "kernels",
    "metrics",
    "model_selection",
    "nn",
    "ppp",
    "persistence",
    "sdp",
)

__all__ = [*_HOMES, *_ROOMS, "__version__"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
