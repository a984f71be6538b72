"""Mixtures of numbers, categories and gaps in one likelihood."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
