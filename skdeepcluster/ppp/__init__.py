"""Partitions validated by densities: the number of clusters is found."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
