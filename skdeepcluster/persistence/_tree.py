"""From an object to a tree of plain values and arrays, and back.

A node of the tree is a value of JSON (None, bool, int, finite float, str) or a
dict with a "kind". An object becomes its class's name and its attributes; it
comes back without a call of its constructor or of anything else of its own.
"""

import math
import sys
from functools import partial
from types import FunctionType

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from ._allowed import find, public_home
from ._container import DTYPE

TRUSTED = "trusted:"
# Classes, and functions: of Python, two kinds of numpy's, built in.
_NAMED = (type, FunctionType, np.ufunc, type(np.mean), type(print))
_SPARSE = {
    kind.__name__: kind
    for kind in (
        sparse.csr_matrix,
        sparse.csc_matrix,
        sparse.csr_array,
        sparse.csc_array,
    )
}
_UNFINISHED = object()
_SPARSE_PARTS = ("data", "indices", "indptr")
_PARTIAL_PARTS = ("function", "args", "keywords")
# Kinds that are written and read beside torch, in `nn`.
_NETWORK_KINDS = {"tensor", "parameter", "module", "net"}


def _networks():
    # Late, so that whoever saves PPP does not load torch.
    from ..nn import state

    return state


class Names:
    """Classes and functions by name: those allowed, and those the user trusts."""

    def __init__(self, trusted):
        self.trusted = {}
        for item in trusted:
            name = getattr(item, "__qualname__", None)
            if name is None or not callable(item):
                raise TypeError(
                    f"trusted must hold classes or functions, got {item!r}."
                )
            if self.trusted.setdefault(name, item) is not item:
                raise ValueError(f"trusted holds two things called {name!r}.")

    def name(self, item, path):
        """Name a class or function for the file."""
        for name, trusted in self.trusted.items():
            if trusted is item:
                return TRUSTED + name
        name = public_home(item)
        if name is None:
            what = "class" if isinstance(item, type) else "function"
            where = getattr(item, "__qualname__", item.__name__)
            where = f"{getattr(item, '__module__', '?')}.{where}"
            raise TypeError(
                f"{path} needs the {what} {where}, which a model file may not hold. "
                "If it is yours, name it in trusted=, here and for load; else leave "
                "it out of the estimator."
            )
        return name

    def find(self, name):
        """Find a class or function that a file names."""
        if isinstance(name, str) and name.startswith(TRUSTED):
            found = self.trusted.get(name.removeprefix(TRUSTED))
            if found is None:
                raise ValueError(
                    f"it needs {name.removeprefix(TRUSTED)!r} of whoever saved it: "
                    "import that, look at it, and name it in trusted="
                )
            return found
        return find(name)

    def find_class(self, name, kind=object):
        """Find a class that a file names."""
        found = self.find(name)
        if not (isinstance(found, type) and issubclass(found, kind)):
            raise ValueError(f"{name!r} is no class that can stand here")
        return found


def check_state(kind, state):
    """Refuse attributes that no object of a class has."""
    for name in state:
        if name.startswith("__") or not name.isidentifier():
            raise ValueError(f"{name!r} is no attribute of {kind.__name__}")
        if isinstance(getattr(kind, name, None), FunctionType):
            raise ValueError(f"{name!r} is a method of {kind.__name__}")
    if not kind.__module__.startswith("sklearn."):
        return
    # A cache on the disk holds pickles, which would be run at the next fit.
    if state.get("memory") is not None:
        raise ValueError(f"{kind.__name__} has a cache: set memory=None")


class Writer:
    """Makes the tree of an object, and lists its arrays.

    What is met twice is written once: nodes are numbered in the order in which
    they are begun, which is the same when they are read. An object may refer
    to itself, as the metadata requests of scikit-learn do; a list may not.
    """

    def __init__(self, names):
        self.names = names
        self.arrays = []
        self._numbers, self._kept, self._unfinished = {}, [], set()

    def write(self, value, path):
        """Return the node of a value; `path` says in errors where it is."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            if math.isfinite(value):
                return value
            return {"kind": "float", "value": repr(value)}
        if id(value) in self._unfinished:
            raise TypeError(f"{path} refers to itself: it cannot be saved.")
        if id(value) in self._numbers:
            return {"kind": "same", "number": self._numbers[id(value)]}
        self._numbers[id(value)] = len(self._numbers)
        # Kept alive, so that no other object gets its id.
        self._kept.append(value)
        self._unfinished.add(id(value))
        node = self._node(value, path)
        self._unfinished.discard(id(value))
        return node

    def write_all(self, values, path):
        """Nodes of a sequence."""
        return [self.write(value, f"{path}[{i}]") for i, value in enumerate(values)]

    def write_attributes(self, attributes, path):
        """Nodes of attributes by name."""
        return {
            name: self.write(value, f"{path}.{name}")
            for name, value in attributes.items()
        }

    def array(self, values):
        """Number of an array in the file."""
        self.arrays.append(values)
        return len(self.arrays) - 1

    def _node(self, value, path):
        kind = type(value)
        if kind in (list, tuple, set, frozenset):
            items = sorted(value, key=repr) if kind in (set, frozenset) else value
            return {"kind": kind.__name__, "items": self.write_all(items, path)}
        if kind is dict or kind is Bunch:
            items = [
                [self.write(key, f"{path} key"), self.write(item, f"{path}[{key!r}]")]
                for key, item in value.items()
            ]
            return {"kind": kind.__name__.lower(), "items": items}
        if kind is slice:
            ends = (value.start, value.stop, value.step)
            return {"kind": "slice", "items": self.write_all(ends, path)}
        node = self._array_node(value, path)
        return node or self._object_node(value, path)

    def _array_node(self, value, path):
        kind = type(value)
        if isinstance(value, np.generic) and value.dtype.kind not in "OV":
            return {"kind": "scalar", "array": self.array(np.asarray(value))}
        if kind is np.memmap:
            value, kind = np.asarray(value), np.ndarray
        if kind is np.ndarray and value.dtype.kind == "O":
            items = self.write_all(value.flat, path)
            return {"kind": "objects", "shape": list(value.shape), "items": items}
        if kind is np.ndarray:
            if value.dtype.kind in "VT":
                raise TypeError(f"{path} has dtype {value.dtype}: it cannot be saved.")
            return {"kind": "array", "array": self.array(value)}
        if kind is np.ma.MaskedArray:
            parts = {"data": value.data, "mask": np.ma.getmaskarray(value)}
            return {"kind": "masked"} | self.write_attributes(parts, path)
        if kind.__name__ in _SPARSE and kind is _SPARSE[kind.__name__]:
            parts = {
                name: getattr(value, name) for name in ("data", "indices", "indptr")
            }
            parts = self.write_attributes(parts, path)
            node = {"kind": "sparse", "class": kind.__name__}
            return node | {"shape": [int(n) for n in value.shape]} | parts
        if isinstance(value, np.dtype) and value.kind not in "VT":
            return {"kind": "dtype", "dtype": value.str}
        if kind is np.random.RandomState:
            state = self.write(value.get_state(legacy=False), path)
            return {"kind": "random state", "state": state}
        return None

    def _object_node(self, value, path):
        if isinstance(value, _NAMED):
            return {"kind": "name", "name": self.names.name(value, path)}
        if type(value) is partial:
            parts = (value.func, value.args, value.keywords)
            parts = dict(zip(_PARTIAL_PARTS, parts, strict=True))
            return {"kind": "partial"} | self.write_attributes(parts, path)
        if "torch" in sys.modules:
            node = _networks().write(value, self, path)
            if node is not None:
                return node
        kind = type(value)
        if kind.__module__ == "builtins" or not (
            hasattr(value, "__dict__") or isinstance(value, tuple)
        ):
            raise TypeError(
                f"{path} is a {kind.__module__}.{kind.__qualname__}, which a model "
                "file cannot hold."
            )
        node = {"kind": "object", "class": self.names.name(kind, path)}
        if isinstance(value, tuple):
            node["items"] = self.write_all(value, path)
        else:
            self._check(kind, vars(value), path)
            self._unfinished.discard(id(value))
            node["state"] = self.write_attributes(vars(value), path)
        return node

    @staticmethod
    def _check(kind, state, path):
        try:
            check_state(kind, state)
        except ValueError as error:
            raise ValueError(f"{path} cannot be saved: {error}.") from error


class Reader:
    """Makes objects of a tree, by the classes that are allowed."""

    def __init__(self, names, arrays):
        self.names = names
        self._arrays = arrays
        self._taken = set()
        self._begun = []

    def read(self, node):
        """Return the value of a node."""
        if not isinstance(node, dict):
            if isinstance(node, list):
                raise ValueError("a list has no kind")
            return node
        kind = node["kind"]
        if kind == "same":
            value = self._begun[_count(node["number"])]
            if value is _UNFINISHED:
                raise ValueError("a value is part of itself")
            return value
        if kind == "float":
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[node["value"]]
        number = len(self._begun)
        self._begun.append(_UNFINISHED)
        if kind in _NETWORK_KINDS:
            value = _networks().read(kind, node, self)
        elif kind == "object":
            value = self._object(node, number)
        else:
            value = self._value(kind, node)
        self._begun[number] = value
        return value

    def read_all(self, nodes):
        """Values of a list of nodes."""
        return [self.read(node) for node in nodes]

    def read_attributes(self, nodes):
        """Values of attributes by name."""
        return {name: self.read(node) for name, node in nodes.items()}

    def array(self, number):
        """Array of a number, each for one owner."""
        number = _count(number)
        if number in self._taken:
            raise ValueError("an array has two owners")
        self._taken.add(number)
        return self._arrays[number]

    def _value(self, kind, node):
        if kind in ("list", "tuple", "set", "frozenset", "slice"):
            make = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
            items = self.read_all(node["items"])
            return slice(*items) if kind == "slice" else make[kind](items)
        if kind in ("dict", "bunch"):
            pairs = [(self.read(key), self.read(item)) for key, item in node["items"]]
            return Bunch(**dict(pairs)) if kind == "bunch" else dict(pairs)
        if kind == "name":
            return self.names.find(node["name"])
        if kind == "partial":
            function, args, keywords = (self.read(node[n]) for n in _PARTIAL_PARTS)
            return partial(function, *args, **keywords)
        return self._array_value(kind, node)

    def _array_value(self, kind, node):
        if kind == "array":
            return self.array(node["array"])
        if kind == "scalar":
            return self.array(node["array"])[()]
        if kind == "dtype":
            name = node["dtype"]
            if name != "|O" and not DTYPE.fullmatch(name):
                raise ValueError(f"{name!r} is no dtype of a model")
            return np.dtype(name)
        if kind == "objects":
            items = self.read_all(node["items"])
            values = np.empty(len(items), dtype=object)
            values[:] = items
            return values.reshape([_count(n) for n in node["shape"]])
        if kind == "masked":
            data, mask = self.read(node["data"]), self.read(node["mask"])
            return np.ma.MaskedArray(data, mask)
        if kind == "sparse":
            parts = [self.read(node[name]) for name in _SPARSE_PARTS]
            matrix = _SPARSE[node["class"]](tuple(parts), shape=node["shape"])
            matrix.check_format(full_check=True)
            return matrix
        if kind == "random state":
            generator = np.random.RandomState(0)
            generator.set_state(self.read(node["state"]))
            return generator
        raise ValueError(f"{kind!r} is no kind that a model file may hold")

    def _object(self, node, number):
        kind = self.names.find_class(node["class"])
        if "items" in node:
            if not issubclass(kind, tuple):
                raise ValueError(f"{kind.__name__} is no tuple")
            return tuple.__new__(kind, self.read_all(node["items"]))
        value = self._begun[number] = object.__new__(kind)
        state = self.read_attributes(node["state"])
        check_state(kind, state)
        vars(value).update(state)
        if isinstance(value, BaseEstimator):
            lacking = set(kind._get_param_names()) - set(state)
            if lacking:
                raise ValueError(
                    f"{kind.__name__} has the parameters {sorted(lacking)} here, and "
                    "the file was written by a version without: fit it again"
                )
        return value


def _count(number):
    if type(number) is not int or number < 0:
        raise ValueError(f"{number!r} counts nothing")
    return number
