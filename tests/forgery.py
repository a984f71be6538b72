"""Model files that somebody changed."""

import io
import json
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np


def members(path):
    """Names and bytes of what is in a model file, in order."""
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put_together(path, contents, compression=ZIP_STORED):
    """Write a model file of members."""
    with ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            info = ZipInfo(name)
            info.compress_type = compression
            archive.writestr(info, content)


def forge(path, **changes):
    """Replace members of a model file: ``schema=``, ``header=``, ``array0=``."""
    names = {"schema": "schema.json", "header": "skdeepcluster.json"}
    contents = members(path)
    for name, content in changes.items():
        contents[names.get(name, f"{name.removeprefix('array')}.npy")] = content
    put_together(path, contents)


def forge_tree(path, old, new):
    """Replace a part of the tree's text."""
    text = members(path)["schema.json"].decode()
    assert old in text
    forge(path, schema=text.replace(old, new).encode())


def forge_value(path, find, change):
    """Let `change` edit the first node of the tree that `find` accepts."""
    schema = json.loads(members(path)["schema.json"])
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and "__loader__" in value and find(value):
            change(value)
            forge(path, schema=json.dumps(schema).encode())
            return
        if isinstance(value, dict | list):
            stack += value.values() if isinstance(value, dict) else value
    raise AssertionError("the tree has no such node")


def npy(array, **options):
    """Bytes of an array in numpy's format."""
    content = io.BytesIO()
    np.save(content, array, **options)
    return content.getvalue()
