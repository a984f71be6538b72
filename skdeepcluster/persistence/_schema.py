"""The tree of a model in JSON, as skops writes it, looked at before skops reads it.

skops asks of every node whether the type that it names is trusted. That leaves
to us: which kind of node may name it (a list may not be of a type that is called
with the items), that nothing is nested or repeated without end (few bytes would
mean more work than there is time), and that no key or set changes on the way.
"""

import json
import re

from ._allowed import KEY_TYPES, is_allowed

# Beyond these the tree alone takes more memory than a small computer has.
MOST_BYTES = 64 << 20
MOST_NODES = 400_000
MOST_VALUES = 4_000_000
# Plain values, classes and functions: that two are one object means nothing.
UNNUMBERED = ("JsonNode", "TypeNode", "FunctionNode")
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+", re.ASCII)
_ARRAY = re.compile(r"\d{1,19}\.npy", re.ASCII)


def parse_schema(text):
    """Parse the bytes of a tree that is not too large.

    Raises
    ------
    ValueError
        If it is too large, or not JSON.
    """
    n_values = text.count(b",") + text.count(b"[")
    if text.count(b"{") > 2 * MOST_NODES or n_values > MOST_VALUES:
        raise ValueError("its tree is too large")
    return json.loads(text)


def walk(schema, name):
    """Yield the nodes of a tree, each with the path that leads to its value.

    Parameters
    ----------
    schema : dict
        Root of the tree.
    name : str
        What the root is called in paths.

    Yields
    ------
    node : dict
        Node: a dict with ``__loader__``.
    path : str
        For instance ``Pipeline.steps[0][1]``.
    """
    stack = [(schema, name, "[{!r}]")]
    while stack:
        value, path, style = stack.pop()
        if isinstance(value, dict):
            is_node = "__loader__" in value
            if is_node:
                yield value, path
                # The state of an object is a dict of attributes.
                if value["__loader__"] == "ObjectNode":
                    style = ".{}"
            items = value.items()
        elif isinstance(value, list):
            is_node, items = False, enumerate(value)
        else:
            continue
        for key, item in reversed(list(items)):
            if not isinstance(item, dict | list):
                continue
            below = path if is_node else path + style.format(key)
            inherits = is_node and value["__loader__"] in ("ObjectNode", "DictNode")
            stack.append((item, below, style if inherits else "[{!r}]"))


def check_schema(schema, trusted, name="model"):
    """Refuse a tree that holds anything but plain data of known classes.

    Parameters
    ----------
    schema : dict
        Root of the tree.
    trusted : collection of str
        Names of classes and functions that the user trusts.
    name : str, default="model"
        What the root is called in errors.

    Returns
    -------
    names : set of str
        All that it names.
    files : dict of str to int
        Names of the files with its arrays, in order, each with its only owner.

    Raises
    ------
    ValueError
        If it is malformed, or repeats something that is not the same.
    TypeError
        If it names what a model may not hold; the message says where.
    """
    names, files, known = set(), {}, {}
    for n_nodes, (node, path) in enumerate(walk(schema, name)):
        if n_nodes > MOST_NODES:
            raise ValueError("its tree is too large")
        names.add(_check_name(node, path, trusted))
        _check_content(node, path)
        number = node.get("__id__")
        if node["__loader__"] in UNNUMBERED and number is None:
            continue
        if node["__loader__"] in UNNUMBERED or type(number) is not int or number < 1:
            raise ValueError(f"{path} has a wrong number")
        # What is met again is described again. Were it only referred to, a few
        # lines could stand for a tree without end.
        if known.setdefault(number, node) != node:
            raise ValueError(f"{path} is two things")
        file = node.get("file")
        if file is not None and files.setdefault(file, number) != number:
            raise ValueError(f"the array of {path} has two owners")
    return names, files


def _check_name(node, path, trusted):
    loader = node["__loader__"]
    name = f"{node['__module__']}.{node['__class__']}"
    is_name = isinstance(loader, str) and _NAME.fullmatch(name)
    if is_name and is_allowed(loader, name, trusted):
        return name
    raise TypeError(
        f"{path} needs {name}, which a model file may not hold. If it is a class or "
        "function of yours, name it in trusted=, to save and to load; otherwise leave "
        "it out of the estimator"
    )


def _check_content(node, path):
    loader, content = node["__loader__"], node.get("content")
    if loader == "JsonNode":
        is_right = isinstance(content, str) and not content.lstrip().startswith(
            ("[", "{")
        )
    elif loader == "DictNode":
        is_right = _has_plain_keys(node)
    elif loader == "SetNode":
        # A set asks its items for their hashes: that of nested tuples may take
        # for ever.
        is_right = all(item["__loader__"] == "JsonNode" for item in content)
    elif loader == "SliceNode":
        is_right = all(
            end is None or type(end) is int
            for end in (content[part] for part in ("start", "stop", "step"))
        )
    elif loader == "NdArrayNode" and node["type"] == "numpy":
        is_right = bool(_ARRAY.fullmatch(node["file"]))
    elif loader == "NdArrayNode":
        is_right = node["type"] == "json" and "file" not in node
    else:
        is_right = "file" not in node
    if not is_right:
        raise TypeError(f"{path} holds what a model file cannot keep as it is")


def _has_plain_keys(node):
    kinds = node["key_types"]["content"]
    return len(kinds) == len(node["content"]) and all(
        kind["__loader__"] == "TypeNode"
        and f"{kind['__module__']}.{kind['__class__']}" in KEY_TYPES
        for kind in kinds
    )


def in_canonical_order(schema):
    """Number a tree's values and arrays as they come, in place.

    skops numbers them by where they lie in memory, keeps sets in the order of
    hashes, and describes what is met again once more. The same estimator then
    gives the same file.

    Returns
    -------
    dict of str to str
        New names of the files of arrays, by their old names.
    """
    _share_repeats(schema)
    numbers, files, done = {}, {}, set()
    for node, _ in walk(schema, ""):
        if id(node) in done:
            continue
        done.add(id(node))
        number = node.pop("__id__")
        if node["__loader__"] not in UNNUMBERED:
            # skops takes 0 for no number.
            node["__id__"] = numbers.setdefault(number, len(numbers) + 1)
        if node["__loader__"] == "SetNode":
            node["content"].sort(key=lambda item: str(item["content"]))
        # What is saved is no longer mapped from another file.
        if node["__class__"] == "memmap" and node["__module__"] == "numpy":
            node["__class__"] = "ndarray"
        if node.get("file") is not None:
            node["file"] = files.setdefault(node["file"], f"{len(files)}.npy")
    return files


def _share_repeats(schema):
    """Let what is met again be its first description."""
    first, stack = {}, [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and "__loader__" in value:
            known = first.setdefault(value["__id__"], value)
            if known is not value:
                value.clear()
                value.update(known)
                continue
        if isinstance(value, dict | list):
            items = value.values() if isinstance(value, dict) else value
            stack += reversed(list(items))
