"""The bytes of a model file: a header of text, a checksum, arrays.

A file is three lines of text and then bytes: the format, the SHA-256 digest of
all that follows, a header in JSON, and the arrays one after the other.
"""

import hashlib
import json
import os
import re
import shutil
from contextlib import contextmanager
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

# Raised whenever what a file says comes to mean something else.
FORMAT = 1
SIGNATURE = b"skdeepcluster model, format "
# Bytes at the start of an array are aligned as numpy aligns its own.
ALIGNMENT = 64
# An array that covers more times its bytes loses its strides.
MOST_COVERED = 8
# Booleans, numbers, text, dates: no dtype that holds Python objects.
DTYPE = re.compile(r"[<>|][biufcSUMm]\d{1,9}(\[\d{0,9}[a-zA-Z]{1,2}\])?", re.ASCII)


@contextmanager
def whole_or_absent(path):
    """Lend a path; the file that is there at the end takes the place of `path`.

    It lies in a private folder beside the file that `path` means, be it through
    a link, and is on the disk before it is renamed: whatever happens, `path`
    is the old file or the whole new one. An existing file passes its mode on.
    """
    target = Path(path).resolve()
    with TemporaryDirectory(prefix=".skdeepcluster-", dir=target.parent) as folder:
        aside = Path(folder, target.name)
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, aside)
        os.replace(aside, target)


def array_entry(array):
    """Describe an array: dtype, shape, layout in memory.

    The last digits of a product depend on how its factors lie in memory. So a
    part of a larger array, of which most is in use, keeps its strides.
    """
    if array.flags.c_contiguous or not _keeps_strides(array):
        layout = "C"
    else:
        layout = "F" if array.flags.f_contiguous else list(array.strides)
    return [array.dtype.str, list(array.shape), layout]


def _keeps_strides(array):
    if array.flags.f_contiguous:
        return True
    try:
        return _extent(array.shape, array.strides, array.itemsize) > 0
    except ValueError:
        return False


def _extent(shape, strides, itemsize):
    """Bytes that a strided array covers.

    Raises
    ------
    ValueError
        If entries overlap or lie backwards, or most of the bytes are unused.
    """
    extent = itemsize
    for stride, n in sorted(zip(strides, shape, strict=True)):
        if stride < extent or stride % itemsize:
            raise ValueError("the strides of an array overlap")
        extent += stride * (n - 1)
    if extent > MOST_COVERED * prod(shape) * itemsize:
        raise ValueError("the strides of an array are too wide")
    return extent


def _padding(n_bytes):
    return -n_bytes % ALIGNMENT


def _pieces(header, arrays):
    """Everything behind the checksum."""
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    # Spaces bring the arrays to a multiple of the alignment.
    n_before = len(SIGNATURE) + len(str(FORMAT)) + 1 + 65
    yield text + b" " * _padding(n_before + len(text) + 1) + b"\n"
    for array in arrays:
        rows = np.ascontiguousarray(array)
        yield rows.reshape(-1).view(np.uint8).data if rows.nbytes else b""
        yield bytes(_padding(rows.nbytes))


def write_container(path, header, arrays):
    """Write a file; the same content gives the same bytes."""
    header = header | {"arrays": [array_entry(array) for array in arrays]}
    digest = hashlib.sha256()
    for piece in _pieces(header, arrays):
        digest.update(piece)
    with Path(path).open("wb") as file:
        file.write(SIGNATURE + f"{FORMAT}\n{digest.hexdigest()}\n".encode())
        for piece in _pieces(header, arrays):
            file.write(piece)


def read_container(path):
    """Read a file back.

    Returns
    -------
    header : dict
        What was written.
    arrays : list of ndarray
        Copies of their own, in the order in memory that they had.

    Raises
    ------
    ValueError
        If it is no model file, one of another format, or was damaged.
    """
    content = Path(path).read_bytes()
    first, _, rest = content[:256].partition(b"\n")
    if not first.startswith(SIGNATURE):
        raise ValueError("it is not a model file of skdeepcluster")
    if first != SIGNATURE + str(FORMAT).encode():
        form = first[len(SIGNATURE) :].decode("ascii", "replace")
        raise ValueError(
            f"it is in format {form[:20]!r}, and this skdeepcluster reads format "
            f"{FORMAT}: it was damaged, or a newer skdeepcluster is needed"
        )
    start = len(first) + 1 + 65
    digest = hashlib.sha256(memoryview(content)[start:]).hexdigest()
    if rest[:65] != digest.encode() + b"\n":
        raise ValueError("it was damaged: its checksum is not that of its content")
    end = content.index(b"\n", start)
    header = json.loads(content[start:end], parse_constant=_refuse_constant)
    return header, _read_arrays(content, end + 1, header["arrays"])


def _refuse_constant(name):
    raise ValueError(f"{name} is no number of JSON")


def _read_arrays(content, position, entries):
    arrays = []
    for dtype, shape, layout in entries:
        array = _read_array(memoryview(content)[position:], dtype, shape, layout)
        arrays.append(array)
        position += array.nbytes + _padding(array.nbytes)
    if position != len(content):
        raise ValueError("its size is not that of its arrays")
    return arrays


def _are_counts(values):
    return isinstance(values, list) and all(type(n) is int and n >= 0 for n in values)


def _read_array(buffer, dtype, shape, layout):
    if not (isinstance(dtype, str) and DTYPE.fullmatch(dtype)):
        raise ValueError(f"an array has dtype {dtype!r}, which no model has")
    if not (_are_counts(shape) and len(shape) <= 32):
        raise ValueError("an array has no shape")
    dtype = np.dtype(dtype)
    n_bytes = prod(shape) * dtype.itemsize
    if n_bytes > len(buffer):
        raise ValueError("an array is longer than the file")
    array = _empty_array(shape, dtype, layout)
    if n_bytes:
        values = np.frombuffer(buffer[:n_bytes], np.uint8)
        if dtype.kind == "b" and values.max() > 1:
            raise ValueError("a boolean is neither true nor false")
        array[...] = values.view(dtype).reshape(shape)
    return array


def _empty_array(shape, dtype, layout):
    if layout in ("C", "F"):
        return np.empty(shape, dtype, layout)
    if not (_are_counts(layout) and len(layout) == len(shape) and prod(shape)):
        raise ValueError("an array has no layout")
    covered = np.zeros(_extent(shape, layout, dtype.itemsize), np.uint8)
    return np.ndarray(shape, dtype, covered, strides=layout)
