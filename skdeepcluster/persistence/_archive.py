"""The bytes of a model file: a zip archive that skops reads, nothing compressed.

Its first member says that it is ours, in which format, and by which versions it
was written; the second is the tree; the others are arrays in numpy's format.
"""

import json
import os
import re
import struct
from contextlib import contextmanager
from math import prod
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from numpy.lib import format as npy

# Raised whenever what a file says comes to mean something else.
FORMAT = 2
HEADER, SCHEMA = "skdeepcluster.json", "schema.json"
MOST_HEADER = 4096
# What the list of members may take: each needs ten times that in memory.
MOST_DIRECTORY = 8 << 20
# A member's fixed part before its name; the end of an archive, small and large.
_LOCAL, _END, _END64, _LOCATOR = 30, 22, 56, 20
_PLAIN_KINDS = "biufcSUMm"
_NAMES = re.compile(r"skdeepcluster\.json|schema\.json|\d{1,19}\.npy", re.ASCII)
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def write_archive(path, versions, schema, source, names):
    """Write a model file; the same content gives the same bytes.

    Parameters
    ----------
    path : path-like
        File to write.
    versions : dict
        Names of libraries and their versions.
    schema : dict
        Tree.
    source : zipfile.ZipFile
        Archive with the arrays.
    names : dict of str to str
        Their names there, and in the file.
    """
    header = {"format": FORMAT, "versions": versions}
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for name, content in ((HEADER, header), (SCHEMA, schema)):
            # ZipInfo's own date is always the same.
            archive.writestr(ZipInfo(name), json.dumps(content, separators=(",", ":")))
        for old, new in names.items():
            archive.writestr(ZipInfo(new), source.read(old))


@contextmanager
def open_archive(file):
    """Lend the archive of a model file whose members are what they say.

    Parameters
    ----------
    file : binary file object
        Open regular file.

    Yields
    ------
    archive : zipfile.ZipFile
        Archive; its arrays take no more memory than the file is long.
    header : dict
        Its first member.

    Raises
    ------
    ValueError
        If it is no model file, is one of another format, or was damaged.
    """
    _check_signature(file)
    _check_directory(file)
    try:
        with ZipFile(file) as archive:
            _check_members(archive, os.fstat(file.fileno()).st_size)
            yield archive, _read_header(archive)
    except (BadZipFile, EOFError, struct.error, NotImplementedError) as error:
        raise ValueError(f"it was damaged: {error}") from error


def _check_signature(file):
    start = file.read(_LOCAL + len(HEADER))
    if not (start.startswith(b"PK\x03\x04") and start[_LOCAL:] == HEADER.encode()):
        raise ValueError("it is not a model file of skdeepcluster")


def _check_directory(file):
    """Refuse a long list of members before it is read."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END - _LOCATOR - _END64))
    tail = file.read()
    large = tail[: -_END - _LOCATOR]
    end = tail[-_END:]
    if not (end.startswith(b"PK\x05\x06") and end.endswith(b"\0\0")):
        raise ValueError("it was damaged: it does not end as it should")
    n_bytes = int.from_bytes(end[12:16], "little")
    if tail[-_END - _LOCATOR : -_END].startswith(b"PK\x06\x07"):
        n_bytes = int.from_bytes(large[40:48], "little")
    if n_bytes > MOST_DIRECTORY:
        raise ValueError("it has too many members")
    file.seek(0)


def _check_members(archive, size):
    members = archive.infolist()
    for info in members:
        if info.compress_type != ZIP_STORED or info.file_size != info.compress_size:
            raise ValueError("a member is compressed")
        if not _NAMES.fullmatch(info.filename):
            raise ValueError(f"it has a member called {info.filename[:40]!r}")
    if len({info.filename for info in members}) < len(members):
        raise ValueError("two members have one name")
    if sum(info.file_size for info in members) > size:
        raise ValueError("its members are longer than itself")


def _read_header(archive):
    if archive.getinfo(HEADER).file_size > MOST_HEADER:
        raise ValueError("its header is too long")
    header = json.loads(archive.read(HEADER))
    found = header["format"]
    if found != FORMAT:
        raise ValueError(
            f"it is in format {found!r}, and this skdeepcluster reads format {FORMAT}: "
            "it was damaged, or another version of skdeepcluster is needed"
        )
    return header


def check_arrays(archive, names):
    """Refuse arrays that are not as long as they say, or hold Python objects.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Archive.
    names : iterable of str
        Its members that are to be arrays.
    """
    for name in names:
        with archive.open(name) as member:
            read_header = _READERS.get(npy.read_magic(member))
            if read_header is None:
                raise ValueError("an array is in a format that no model has")
            shape, _, dtype = read_header(member)
            if dtype.kind not in _PLAIN_KINDS:
                raise TypeError(f"an array has dtype {dtype}, which no model has")
            length = member.tell() + prod(shape) * dtype.itemsize
        if length != archive.getinfo(name).file_size:
            raise ValueError("an array is not as long as it says")
