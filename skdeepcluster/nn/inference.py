"""How trained networks map rows: a row's result does not depend on the others."""

import copy
import os
from contextlib import contextmanager

import numpy as np
import torch

from .._rows import in_chunks

# Scaled input beyond this is clipped, so that no row, however far from the
# training rows, turns into an infinity or NaN inside the network.
LARGEST_INPUT = 1e15

# The process that has torch's threads.
_IMPORTED_IN = os.getpid()


@contextmanager
def threads_of_a_fork():
    """Compute on one thread in a process that was forked off.

    The threads that torch had started stay behind in the parent: a child that
    hands them work waits for ever.
    """
    n_threads = torch.get_num_threads()
    if os.getpid() == _IMPORTED_IN or n_threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def in_double(module):
    """Copy a module for inference: float64, on the CPU, without dropout."""
    with threads_of_a_fork():
        return copy.deepcopy(module).to("cpu", torch.float64).eval()


def run_rows(function, chunk):
    """Run a part of a float64 module on scaled rows.

    The result is rounded to the precision of float32: the digits beyond it
    depend on where in the chunk a row stands.

    Parameters
    ----------
    function : callable
        Maps a float64 tensor of rows to a tensor of rows.
    chunk : ndarray of shape (n_rows, n_features)
        Scaled rows.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), dtype=float32
        The results.
    """
    limited = np.clip(chunk, -LARGEST_INPUT, LARGEST_INPUT).astype(np.float64)
    with torch.inference_mode(), threads_of_a_fork():
        return function(torch.from_numpy(limited)).numpy().astype(np.float32)


def map_rows(function, rows, scaling=None):
    """Run a part of a float64 module on a table, in chunks of one shape.

    Parameters
    ----------
    function : callable
        Maps a float64 tensor of rows to a tensor of rows.
    rows : ndarray of shape (n_samples, n_features)
        Rows, scaled unless there is a `scaling`.
    scaling : object, default=None
        Its ``transform`` scales the rows, chunk by chunk.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs), dtype=float32
        The results; the same bits for a row wherever in the table it stands.
    """

    def run(chunk):
        return run_rows(
            function, chunk if scaling is None else scaling.transform(chunk)
        )

    return in_chunks(run, rows)


def check_finite_codes(codes):
    """Refuse codes that are not finite, as a training that diverged leaves them."""
    if not np.all(np.isfinite(codes)):
        raise ValueError(
            "The network's codes are not finite: lower learning_rate_init, or "
            "check module."
        )
    return codes
