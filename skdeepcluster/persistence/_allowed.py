"""What a model file may hold: the kinds of its nodes, and the names in each.

All named classes are part of this package, scikit-learn, skorch or torch, keep
nothing but data, and do nothing when they are made. Classes of scikit-learn are
public estimators of a few of its modules: those whose attributes compiled code
would follow without looking (trees, support vectors) are not among them.
"""

import sys
from functools import cache, lru_cache
from importlib import import_module

import numpy as np
from sklearn.base import BaseEstimator

from .._lazy import remedy

OURS = "skdeepcluster"
# What talks to a user or to a file is no part of a model.
_NO_MODELS = {f"{OURS}.{room}" for room in ("__main__", "cli", "persistence")}
# Rooms of this package whose functions may be parameters.
_FUNCTION_ROOMS = (f"{OURS}.metrics", f"{OURS}.model_selection")
_SKLEARN_ROOMS = (
    "cluster",
    "compose",
    "covariance",
    "decomposition",
    "discriminant_analysis",
    "feature_selection",
    "impute",
    "kernel_approximation",
    "linear_model",
    "mixture",
    "naive_bayes",
    "pipeline",
    "preprocessing",
    "random_projection",
)
# What transformers, routed metadata and users of networks keep in attributes.
_OTHER_OBJECTS = {
    "skdeepcluster.cli.models.TableColumns",
    # A list of columns, in earlier versions of scikit-learn.
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    "skorch.callbacks.regularization.GradientNormClipping",
    "skorch.callbacks.training.EarlyStopping",
}
_TUPLES = {"builtins.tuple", "sklearn.impute._iterative._ImputerTriplet"}
_PLAIN_TYPES = {f"builtins.{name}" for name in ("bool", "float", "int", "str")}
_NUMPY_FUNCTIONS = {f"numpy.{name}" for name in ("max", "mean", "median", "min", "sum")}
_NUMPY_TYPES = {
    f"numpy.{kind.__name__}"
    for kind in set(np.sctypeDict.values())
    if kind not in (np.object_, np.void)
}
_ONE_NAME = {
    "JsonNode": {"builtins.str"},
    "SliceNode": {"builtins.slice"},
    "ListNode": {"builtins.list"},
    "SetNode": {"builtins.set"},
    "DictNode": {
        "builtins.dict",
        "collections.OrderedDict",
        "sklearn.utils._bunch.Bunch",
    },
    "NdArrayNode": _NUMPY_TYPES | {"numpy.ndarray"},
    "MaskedArrayNode": {"numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"},
    "DTypeNode": {"numpy.dtype"},
    "RandomStateNode": {"numpy.random.mtrand.RandomState"},
    "PartialNode": {"functools.partial"},
}
# Keys come back from text: of no other type do they come back as they were.
KEY_TYPES = {"builtins.str", "builtins.int", "builtins.float"} | {
    f"numpy.{name}" for name in ("str_", "int32", "int64", "float32", "float64")
}


def is_allowed(loader, name, trusted=()):
    """Say whether a node of a kind may hold a name.

    Parameters
    ----------
    loader : str
        The kind of the node, as skops calls it.
    name : str
        Full name of a class or function.
    trusted : collection of str, default=()
        Names that the user trusts.

    Returns
    -------
    bool
        Whether it may.

    Raises
    ------
    ValueError
        If the name is of this package, and what it needs is not installed.
    """
    if loader in _ONE_NAME:
        return name in _ONE_NAME[loader]
    if name in trusted:
        return loader in ("ObjectNode", "TypeNode", "FunctionNode", "TupleNode")
    if loader == "FunctionNode":
        return name in _NUMPY_FUNCTIONS or _is_ufunc(name) or _is_our_function(name)
    if loader == "TupleNode":
        return name in _TUPLES or _is_ours(name, is_tuple=True)
    if loader == "ObjectNode":
        return (
            name in _OTHER_OBJECTS
            or name in _sklearn_estimators()
            or (_is_ours(name, is_tuple=False) and not _is_module(name))
        )
    if loader == "TypeNode":
        return (
            name in _PLAIN_TYPES | _NUMPY_TYPES | {"builtins.print"}
            or name in _sklearn_estimators()
            or _is_ours(name, is_tuple=False)
            or name in _torch_modules()
        )
    return False


@cache
def _sklearn_estimators():
    rooms = [import_module(f"sklearn.{room}") for room in _SKLEARN_ROOMS]
    return frozenset(
        f"{item.__module__}.{name}"
        for room in rooms
        for name, item in vars(room).items()
        if isinstance(item, type)
        and issubclass(item, BaseEstimator)
        and item.__module__.startswith(room.__name__)
    )


@cache
def _torch_modules():
    try:
        from torch import nn
    except ImportError:
        return frozenset()
    items = (getattr(nn, name, None) for name in nn.modules.__all__)
    return frozenset(
        f"{item.__module__}.{item.__name__}"
        for item in items
        if isinstance(item, type) and issubclass(item, nn.Module)
    )


def _is_ufunc(name):
    home, _, last = name.rpartition(".")
    if home == "numpy":
        return isinstance(vars(np).get(last), np.ufunc)
    if home.startswith("scipy.special"):
        from scipy import special

        found = vars(special).get(last)
        return isinstance(found, np.ufunc) and home in (
            "scipy.special",
            "scipy.special._ufuncs",
            "scipy.special._special_ufuncs",
        )
    return False


def _our_home(name):
    """Import the module of this package that a name says, or return None."""
    home = name.rpartition(".")[0]
    if not f"{home}.".startswith(f"{OURS}."):
        return None
    if any(f"{home}.".startswith(f"{room}.") for room in _NO_MODELS):
        return None
    try:
        return import_module(home)
    except ImportError as error:
        if message := remedy(name, error):
            raise ValueError(message) from error
        return None


@lru_cache(maxsize=1000)
def _ours(name):
    """Find a class or function that a module of this package defines."""
    home, last = _our_home(name), name.rpartition(".")[2]
    found = vars(home).get(last) if home else None
    defined = getattr(found, "__module__", None), getattr(found, "__name__", None)
    return found if home and defined == (home.__name__, last) else None


def _is_ours(name, *, is_tuple):
    found = _ours(name)
    return isinstance(found, type) and issubclass(found, tuple) is is_tuple


def _is_our_function(name):
    found = _ours(name)
    if found is None or isinstance(found, type) or not callable(found):
        return False
    rooms = (import_module(room) for room in _FUNCTION_ROOMS)
    return any(
        getattr(room, item, None) is found
        for room in rooms
        if found.__module__.startswith(f"{room.__name__}.")
        for item in room.__all__
    )


def _is_module(name):
    # Without torch no class of ours is one.
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(_ours(name), torch.nn.Module)
