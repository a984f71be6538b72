"""Tables whose rows are linked: clusters of a graph, and of levels of categories."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
