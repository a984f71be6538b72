"""The one decorator behind every kernel."""

import numba


def jit(**options):
    """Compile without the interpreter lock, and cache the result where possible.

    numba refuses ``cache=True`` where it finds no folder that it may write to
    (a read-only installation run by a user without a home): such a kernel is
    compiled again in each process.

    No kernel may be ``parallel=True``. Starting numba's threads calls
    ``omp_set_num_threads`` for the whole process, which torch then follows.
    """

    # Not compiled: a second entry for C, and checks of every division.
    options |= {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}

    def decorate(function):
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            return numba.njit(**options)(function)

    return decorate


def read_only(array):
    """View an array as read-only, so that a kernel compiles once per dtype."""
    view = array.view()
    view.flags.writeable = False
    return view
