"""Any table as numbers: what its columns are, and the way back."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
