"""Networks learned together with the clusters, and autoencoders for tables."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
