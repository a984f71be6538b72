"""Small real tables that come with the package, and problems made of tables."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
