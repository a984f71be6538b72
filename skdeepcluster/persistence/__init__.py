"""Fitted estimators in files that hold no code.

Why no pickle: a pickle from a stranger runs code. Why not skops: its files
differ from one save to the next, know no torch modules, carry no checksum, and
ask to be trusted with every private class. Why not safetensors: it keeps
neither text, dates nor the order in memory of an array, on which the last
digits of a product depend. What is left is small: one line of JSON for the
tree of parameters and attributes, and the plain bytes of the arrays.
"""

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
