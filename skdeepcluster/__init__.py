"""Clustering and class discovery for tables, the scikit-learn way.

Importing the package loads neither torch nor numba, cvxpy or matplotlib: each
public name brings in its own room when it is first used.
"""

from ._lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(__name__, __file__)
