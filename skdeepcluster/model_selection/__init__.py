"""Choosing without labels: searches, scores, numbers of clusters."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
