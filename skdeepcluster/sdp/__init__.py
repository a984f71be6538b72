"""Convex relaxations of clustering: semidefinite programs, solved and proven."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
