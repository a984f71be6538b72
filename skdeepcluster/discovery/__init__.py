"""Known classes help to find new ones."""

from importlib import import_module

_HOMES = {
    "NCDKMeans": "ncd_kmeans",
    "NCDSpectralClustering": "ncd_spectral",
    "PBN": "pbn",
    "GPC": "gpc",
    "TabularNCD": "tabular_ncd",
    "SemiSupervisedGaussianMixture": "semi_supervised_mixture",
    "SemiSupervisedKMeans": "semi_supervised_kmeans",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
