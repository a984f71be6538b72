"""Pictures of clusters, in the form of scikit-learn's Displays, and rules."""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
