"""Tables in parts: larger than memory, or on other machines."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
