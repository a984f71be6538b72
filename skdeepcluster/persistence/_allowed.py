"""The classes and functions that a model file may name.

All are part of this package, scikit-learn, torch or skorch, keep nothing but
data, and do nothing when they are made. Nothing is imported because a file
says so, but for the rooms of these packages listed here.
"""

import re
from importlib import import_module

import numpy as np
from sklearn.base import BaseEstimator

OURS = "skdeepcluster"
# Rooms of this package whose functions may be parameters.
_FUNCTION_ROOMS = (f"{OURS}.metrics", f"{OURS}.model_selection")
_SKLEARN_HOMES = {
    f"sklearn.{room}"
    for room in (
        "cluster",
        "compose",
        "covariance",
        "decomposition",
        "discriminant_analysis",
        "feature_extraction.text",
        "feature_selection",
        "impute",
        "kernel_approximation",
        "linear_model",
        "manifold",
        "mixture",
        "naive_bayes",
        "neighbors",
        "pipeline",
        "preprocessing",
        "random_projection",
    )
}
# What transformers and routed metadata keep in their attributes.
_OTHER_CLASSES = {
    "sklearn.compose.make_column_selector",
    "sklearn.impute._iterative._ImputerTriplet",
    "sklearn.utils.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
    "skorch.callbacks.EarlyStopping",
    "skorch.callbacks.EpochTimer",
    "skorch.callbacks.GradientNormClipping",
    "skorch.callbacks.PrintLog",
    "skorch.dataset.Dataset",
}
_PLAIN_TYPES = {kind.__name__: kind for kind in (bool, float, int, object, str)}
_PLAIN_FUNCTIONS = {"print": print}
_NUMPY_FUNCTIONS = {"amax", "amin", "max", "mean", "median", "min", "sum"}
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*", re.ASCII)


def public_home(item):
    """Name a class or function so that :func:`find` knows it, or None.

    The public name is taken where there is one: it stays when code moves.
    """
    module, name = getattr(item, "__module__", None), getattr(item, "__name__", None)
    if isinstance(item, np.ufunc):
        module = "numpy"
    if not (isinstance(module, str) and isinstance(name, str)):
        return None
    homes = [module]
    if module.startswith((OURS, "sklearn.", "skorch.", "torch.")):
        parts = [part for part in module.split(".") if part]
        homes = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    for home in homes:
        try:
            if find(f"{home}.{name}") is item:
                return f"{home}.{name}"
        except (ValueError, AttributeError):
            continue
    return None


def find(name):
    """Return the class or function of a name, if a model may hold it.

    Raises
    ------
    ValueError
        If it may not, or this installation does not have it.
    """
    home, found = "", None
    if isinstance(name, str) and _NAME.fullmatch(name):
        home, _, last = name.rpartition(".")
        found = _look_up(home, last, name)
    if found is None:
        raise ValueError(
            f"it names {name!r}, which is not among what a model file may hold"
        )
    return found


def _look_up(home, last, name):
    if home == "builtins":
        return _PLAIN_TYPES.get(last) or _PLAIN_FUNCTIONS.get(last)
    if home == "numpy":
        found = vars(np).get(last)
        is_known = _is_kind(found, np.generic) or last in _NUMPY_FUNCTIONS
        return found if is_known or isinstance(found, np.ufunc) else None
    if home == OURS or home.startswith(f"{OURS}."):
        return _look_up_ours(home, last)
    if name in _OTHER_CLASSES:
        return getattr(import_module(home), last, None)
    if home in _SKLEARN_HOMES:
        found = _public(home, last)
        return found if _is_kind(found, BaseEstimator) else None
    if home in ("torch.nn", "torch.optim"):
        return _look_up_torch(home, last)
    return None


def _look_up_ours(home, last):
    # To import it is to run the command line.
    if "__main__" in home:
        return None
    try:
        found = getattr(import_module(home), last, None)
    except ImportError:
        return None
    if f"{getattr(found, '__module__', '')}.".partition(".")[0] != OURS:
        return None
    is_function = callable(found) and not isinstance(found, type)
    if is_function and not home.startswith(_FUNCTION_ROOMS):
        return None
    return found if callable(found) else None


def _look_up_torch(home, last):
    if home == "torch.optim":
        from torch.optim import Optimizer

        found, kind = _public(home, last), Optimizer
    else:
        from torch.nn import Module

        found, kind = _public("torch.nn.modules", last), Module
    return found if _is_kind(found, kind) else None


def _public(home, name):
    module = import_module(home)
    return getattr(module, name, None) if name in module.__all__ else None


def _is_kind(found, kind):
    return isinstance(found, type) and issubclass(found, kind)
