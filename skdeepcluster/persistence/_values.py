"""Values of a model that compiled code takes as they are, checked.

Kernels, numpy's generators and some of scikit-learn's loops follow the numbers
that they are given without looking at them: what they may be given is looked
at here, when a model is loaded and before it is saved.
"""

import copy
import sys
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.utils.metadata_routing import MetadataRequest

# Numbers in the state of the Mersenne twister.
_N_WORDS = 624
# What has attributes, but no state: of functions two kinds are numpy's.
_STATELESS = (FunctionType, BuiltinFunctionType, ModuleType, np.ufunc, type(np.mean))


def check_values(model):
    """Refuse values that crash what uses them, or that run code.

    Whatever has a method ``_check_state`` is asked, its parts before itself.

    Parameters
    ----------
    model : object
        Estimator and all that it holds.

    Raises
    ------
    ValueError
        If a value cannot be one of a sound model.
    TypeError
        If it is a network by itself.
    """
    objects = []
    for value in values_of(model):
        if isinstance(value, np.ndarray):
            _check_array(value)
        elif isinstance(value, np.random.RandomState):
            _check_generator(value)
        elif _is_network(value):
            raise TypeError(
                f"it holds a {type(value).__name__}: give the class of a network, or a "
                "function that builds it, in place of the network"
            )
        elif _is_open(value):
            _check_attributes(type(value), vars(value))
        if hasattr(type(value), "_check_state") or _is_open(value):
            objects.append(value)
    for value in reversed(objects):
        _check_object(value)


def values_of(model):
    """Yield a model and what it holds, each once, but for plain values.

    Nets are not looked into: they are made by code that checks their state.
    """
    stack, met = [model], {}
    while stack:
        value = stack.pop()
        if id(value) in met or isinstance(value, (str, int, float, type, *_STATELESS)):
            continue
        # Kept alive, so that no other value gets its id.
        met[id(value)] = value
        yield value
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
        elif isinstance(value, np.ma.MaskedArray):
            stack += [value.data, np.ma.getmaskarray(value)]
        elif isinstance(value, np.ndarray) and value.dtype == object:
            stack += list(value.flat)
        elif isinstance(value, partial):
            stack += [value.func, value.args, value.keywords]
        elif _is_open(value):
            stack += vars(value).values()


def without_loops(model):
    """Return a model that skops can save: requests for metadata name their owner.

    scikit-learn's requests refer to their estimator, for its name in errors. A
    model that has some is copied, but for arrays and nets.
    """
    memo, has_loops = {}, False
    for value in values_of(model):
        if isinstance(value, MetadataRequest):
            memo[id(value)], has_loops = _with_named_owner(value), True
        elif isinstance(value, np.ndarray) or not (
            _is_open(value) or isinstance(value, dict | list | tuple)
        ):
            memo[id(value)] = value
    return copy.deepcopy(model, memo) if has_loops else model


def _with_named_owner(request):
    request = request.__sklearn_clone__()
    for part in (request, *vars(request).values()):
        if not isinstance(getattr(part, "owner", ""), str):
            part.owner = type(part.owner).__name__
    return request


def _is_network(value):
    # Whoever has none of them has not imported torch.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module | torch.Tensor)


def _is_open(value):
    """Say whether a value has attributes that no code of its own has checked."""
    restore = getattr(type(value), "__setstate__", None)
    is_plain = restore in (None, BaseEstimator.__setstate__)
    return is_plain and hasattr(value, "__dict__") and not isinstance(value, dict)


def _check_array(values):
    if values.dtype.kind == "b" and values.size and values.view(np.uint8).max() > 1:
        raise ValueError("a boolean is neither true nor false")


def _check_generator(generator):
    position = generator.get_state(legacy=False)["state"]["pos"]
    if not 0 <= position <= _N_WORDS:
        raise ValueError("a random state has a position that there is not")


def _check_attributes(kind, attributes):
    for name in attributes:
        if name.startswith("__") or not name.isidentifier():
            raise ValueError(f"{name!r} is no attribute of {kind.__name__}")
        if isinstance(getattr(kind, name, None), FunctionType):
            raise ValueError(f"{name!r} is a method of {kind.__name__}")


def _check_object(value):
    kind = type(value)
    if isinstance(value, BaseEstimator):
        lacking = set(kind._get_param_names()) - set(vars(value))
        if lacking:
            raise ValueError(
                f"{kind.__name__} has the parameters {sorted(lacking)} here, and the "
                "file was written by a version without: fit it again"
            )
        # A cache on the disk holds pickles, which would be run at the next fit.
        if getattr(value, "memory", None) is not None:
            raise ValueError(f"{kind.__name__} has a cache: set memory=None")
    if isinstance(value, KMeans) and hasattr(value, "cluster_centers_"):
        centers = value.cluster_centers_
        if np.ndim(centers) != 2 or centers.shape[1] != value.n_features_in_:
            raise ValueError(f"{kind.__name__} has centres of other columns")
    if hasattr(kind, "_check_state"):
        value._check_state()
