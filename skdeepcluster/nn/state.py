"""Modules, tensors and nets as plain values, and back.

Whoever writes them (`skdeepcluster.persistence` does) hands in an object that
writes and reads what else they hold. Weights are written from the CPU.
"""

import torch
from torch import nn

from .training import Net

# What torch itself keeps in a module.
_OF_TORCH = frozenset(vars(nn.Module()))


def write(value, writer, path):
    """Return the node of what torch or skorch made, or None."""
    if type(value) is torch.Tensor or type(value) is nn.Parameter:
        if value.is_sparse or value.dtype == torch.bfloat16:
            raise TypeError(f"{path} is a tensor of a kind that cannot be saved.")
        kind = "parameter" if isinstance(value, nn.Parameter) else "tensor"
        values = value.detach().cpu().numpy()
        return {
            "kind": kind,
            "array": writer.array(values),
            "gradient": value.requires_grad,
        }
    if isinstance(value, nn.Module):
        return _write_module(value, writer, path)
    if isinstance(value, Net):
        return _write_net(value, writer, path)
    return None


def read(kind, node, reader):
    """Return the value of a node."""
    if kind == "module":
        return _read_module(node, reader)
    if kind == "net":
        return _read_net(node, reader)
    values = torch.from_numpy(reader.array(node["array"]))
    if kind == "parameter":
        return nn.Parameter(values, requires_grad=node["gradient"] is True)
    return values.requires_grad_(node["gradient"] is True)


def _write_module(module, writer, path):
    hooks = [name for name in _OF_TORCH if name.endswith("_hooks")]
    if any(getattr(module, name) for name in hooks):
        raise TypeError(f"{path} has hooks, which are code: remove them first.")
    own = {name: item for name, item in vars(module).items() if name not in _OF_TORCH}
    return {
        "kind": "module",
        "class": writer.names.name(type(module), path),
        "training": module.training,
        "volatile": sorted(module._non_persistent_buffers_set),
        "parameters": writer.write_attributes(module._parameters, path),
        "buffers": writer.write_attributes(module._buffers, path),
        "modules": writer.write_attributes(module._modules, path),
        "own": writer.write_attributes(own, path),
    }


def _read_module(node, reader):
    kind = reader.names.find_class(node["class"], nn.Module)
    module = object.__new__(kind)
    nn.Module.__init__(module)
    module.training = node["training"] is True
    parts = {
        name: reader.read_attributes(node[name])
        for name in ("parameters", "buffers", "modules", "own")
    }
    _check_parts(kind, parts)
    module._parameters.update(parts["parameters"])
    module._buffers.update(parts["buffers"])
    module._modules.update(parts["modules"])
    module._non_persistent_buffers_set = set(node["volatile"])
    vars(module).update(parts["own"])
    return module


def _check_parts(kind, parts):
    kinds = {"parameters": nn.Parameter, "buffers": torch.Tensor, "modules": nn.Module}
    for part, members in parts.items():
        for name, member in members.items():
            if part == "own":
                is_right = name not in _OF_TORCH and not name.startswith("__")
            else:
                is_right = member is None or isinstance(member, kinds[part])
            if not is_right or callable(getattr(kind, name, None)):
                raise ValueError(f"{name!r} is no part of {kind.__name__}")


def _write_net(net, writer, path):
    # What it was made with: all that is neither derived nor private.
    parameters = {
        name: value
        for name, value in vars(net).items()
        if not name.endswith("_") and not name.startswith("_")
    }
    parameters |= {"module": net.module_, "device": "cpu"}
    optimizers = {
        name: getattr(net, f"{name}_").state_dict() for name in net._optimizers
    }
    return {
        "kind": "net",
        "class": writer.names.name(type(net), path),
        "parameters": writer.write_attributes(parameters, path),
        "history": writer.write(list(net.history), f"{path}.history"),
        "optimizers": writer.write_attributes(optimizers, path),
    }


def _read_net(node, reader):
    kind = reader.names.find_class(node["class"], Net)
    parameters = reader.read_attributes(node["parameters"])
    is_ours = (
        isinstance(parameters["module"], nn.Module)
        and parameters["criterion"] is nn.Identity
        and parameters["compile"] is False
        and parameters["torch_load_kwargs"] is None
        and not any(name.startswith(("module__", "criterion__")) for name in parameters)
    )
    if not is_ours:
        raise ValueError("a net is not one that this package makes")
    net = kind(**(parameters | {"device": "cpu"})).initialize()
    net.history.extend(reader.read(node["history"]))
    for name, state in reader.read_attributes(node["optimizers"]).items():
        if name not in net._optimizers:
            raise ValueError(f"a net has no optimizer {name!r}")
        getattr(net, f"{name}_").load_state_dict(state)
    return net
