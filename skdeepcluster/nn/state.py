"""Modules and optimisers as plain values, and back.

So nets are pickled, copied and saved (:func:`skdeepcluster.save`): what comes
back is made by the code here out of classes, names, numbers and arrays, each of
which is checked, and nothing of theirs is called.
"""

import numpy as np
import torch
from torch import nn

# What torch itself keeps in a module.
_OF_TORCH = frozenset(vars(nn.Module()))
# What Adam and Adadelta remember of a weight, beside the number of steps.
_MEMORIES = frozenset({"exp_avg", "exp_avg_sq", "square_avg", "acc_delta"})


def module_state(module):
    """Describe a module.

    Parameters
    ----------
    module : torch.nn.Module
        Module; what it holds twice is described once.

    Returns
    -------
    dict
        Its class, its attributes, the arrays of its weights, which share memory
        with weights on the CPU, and the same of the modules below it.

    Raises
    ------
    TypeError
        If it has hooks, or weights that numpy has no type for.
    """
    return _Describer().describe(module)


class _Describer:
    def __init__(self):
        self.made = {}

    def describe(self, module):
        if id(module) not in self.made:
            self.made[id(module)] = self._describe(module)
        return self.made[id(module)]

    def _describe(self, module):
        hooks = [name for name in _OF_TORCH if name.endswith("_hooks")]
        if any(getattr(module, name) for name in hooks):
            raise TypeError(
                f"{type(module).__name__} has hooks, which are code: remove them first"
            )
        own = {
            name: item for name, item in vars(module).items() if name not in _OF_TORCH
        }
        return {
            "class": type(module),
            "training": module.training,
            "own": own,
            "parameters": self._arrays(module._parameters),
            "learned": [
                name
                for name, weight in module._parameters.items()
                if weight is not None and weight.requires_grad
            ],
            "buffers": self._arrays(module._buffers),
            "volatile": sorted(module._non_persistent_buffers_set),
            "modules": {
                name: None if below is None else self.describe(below)
                for name, below in module._modules.items()
            },
        }

    def _arrays(self, tensors):
        return {
            name: None if tensor is None else self._array(tensor)
            for name, tensor in tensors.items()
        }

    def _array(self, tensor):
        if id(tensor) not in self.made:
            self.made[id(tensor)] = tensor.detach().cpu().numpy()
        return self.made[id(tensor)]


def module_from(state):
    """Make the module that a state describes.

    Its arrays are copied.

    Raises
    ------
    ValueError
        If no module has such a state.
    """
    return _Maker().module(state)


class _Maker:
    def __init__(self):
        self.made = {}

    def module(self, state):
        if id(state) not in self.made:
            self.made[id(state)] = self._module(state)
        return self.made[id(state)]

    def _module(self, state):
        kind = state["class"]
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise ValueError(f"{kind!r} is no class of modules")
        parts = ("own", "parameters", "buffers", "modules")
        _check_names(kind, [name for part in parts for name in state[part]])
        module = kind.__new__(kind)
        nn.Module.__init__(module)
        module.training = state["training"] is True
        vars(module).update(state["own"])
        learned = set(state["learned"])
        for name, array in state["parameters"].items():
            weight = self._weight(array, nn.Parameter, name in learned)
            module._parameters[name] = weight
        for name, array in state["buffers"].items():
            module._buffers[name] = self._weight(array)
        for name, below in state["modules"].items():
            module._modules[name] = None if below is None else self.module(below)
        module._non_persistent_buffers_set = set(state["volatile"])
        return module

    def _weight(self, array, kind=None, learned=False):
        if array is None:
            return None
        if id(array) not in self.made:
            tensor = _tensor(array)
            self.made[id(array)] = kind(tensor, learned) if kind else tensor
        return self.made[id(array)]


def _check_names(kind, names):
    for name in names:
        is_right = isinstance(name, str) and name not in _OF_TORCH
        if not is_right or name.startswith("__") or callable(getattr(kind, name, None)):
            raise ValueError(f"{name!r} is no part of {kind.__name__}")


def _tensor(array):
    if not (isinstance(array, np.ndarray) and array.dtype.kind in "biuf"):
        raise ValueError("a weight is no array of numbers")
    return torch.from_numpy(np.array(array, order="C"))


def optimizer_state(optimizer):
    """Describe what an optimiser remembers: arrays by weight and name."""
    state = optimizer.state_dict()
    return {
        "lr": float(state["param_groups"][0]["lr"]),
        "memories": {
            number: {name: np.asarray(item.cpu()) for name, item in memories.items()}
            for number, memories in state["state"].items()
        },
    }


def restore_optimizer(optimizer, state):
    """Give a new optimiser what another one remembered.

    Raises
    ------
    ValueError
        If it cannot be of these weights.
    """
    weights = optimizer.param_groups[0]["params"]
    memories = {}
    for number, items in state["memories"].items():
        if not (type(number) is int and 0 <= number < len(weights)):
            raise ValueError("an optimiser remembers a weight that there is not")
        memories[number] = {
            name: _memory(name, item, weights[number]) for name, item in items.items()
        }
    groups = optimizer.state_dict()["param_groups"]
    groups[0]["lr"] = float(state["lr"])
    optimizer.load_state_dict({"state": memories, "param_groups": groups})


def _memory(name, array, weight):
    tensor = _tensor(array)
    shape = () if name == "step" else tuple(weight.shape)
    if name not in _MEMORIES | {"step"} or tuple(tensor.shape) != shape:
        raise ValueError("an optimiser remembers what is not of its weights")
    return tensor
