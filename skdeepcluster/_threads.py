"""One BLAS thread for a while, whoever runs at the same time."""

import os
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_LOCK = Lock()


def _renew_lock():
    """Replace the lock, which another thread may have held at the time of a fork."""
    global _LOCK
    _LOCK = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def one_blas_thread():
    """Let BLAS use one thread within the block, then as many as before.

    Sums of BLAS and LAPACK depend on the number of their threads, and so would the
    last bits of eigenvectors. The number belongs to the process, so threads of
    Python pass such blocks one after the other: a second one would restore what
    the first has set, or be ignored.
    """
    with _LOCK, threadpool_limits(1, user_api="blas"):
        yield
