"""Files that are read without harm and written whole or not at all."""

import os
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def open_regular(path):
    """Open a regular file to read its bytes.

    A device may have no end, a pipe gives its bytes once and waits for a writer:
    both are refused, and neither is waited for.

    Raises
    ------
    ValueError
        If it is a directory, a device, a pipe or a socket.
    OSError
        If it cannot be opened.
    """
    # Without the flag the opening of a pipe waits.
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{path} is not a regular file.")
    with open(descriptor, "rb") as file:
        yield file


@contextmanager
def set_aside(path):
    """Lend a path in a private folder beside the file that `path` means, and that file.

    Raises
    ------
    ValueError
        If `path` exists and is no regular file: a device would be replaced.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise ValueError(f"{path} is not a regular file: it is not replaced.")
    with TemporaryDirectory(prefix=".skdeepcluster-", dir=target.parent) as folder:
        yield Path(folder, target.name), target


def bring_to_disk(aside, target):
    """Make a file ready to take the place of another, which passes its mode on.

    A disk that is full may say so only here.
    """
    with aside.open("rb+") as file:
        os.fsync(file.fileno())
    if target.exists():
        shutil.copymode(target, aside)


@contextmanager
def whole_or_absent(path):
    """Lend a path; the file that is there at the end takes the place of `path`.

    It is set aside and on the disk before it is renamed: whatever happens, `path`,
    or the file that it links to, is the old one or the whole new one.
    """
    with set_aside(path) as (aside, target):
        yield aside
        bring_to_disk(aside, target)
        os.replace(aside, target)
