"""The decorator behind every kernel, and what it costs to import the room."""

import subprocess
import sys

import numba

from skdeepcluster.kernels._jit import jit


def double(x):
    return 2 * x


def test_a_kernel_is_cached_and_releases_the_interpreter():
    kernel = jit()(double)

    assert kernel(2.0) == 4.0
    assert kernel.targetoptions["nogil"]
    assert kernel.stats.cache_path is not None


def test_a_kernel_compiles_where_nothing_can_be_cached(monkeypatch):
    njit = numba.njit

    def njit_without_folder(*, cache=False, **options):
        if not cache:
            return njit(**options)

        def refuse(function):
            raise RuntimeError("cannot cache function: no locator available")

        return refuse

    monkeypatch.setattr(numba, "njit", njit_without_folder)
    kernel = jit(fastmath={"contract"})(double)

    assert kernel(2.0) == 4.0
    assert kernel.stats.cache_path is None
    assert kernel.targetoptions["nogil"]
    assert kernel.targetoptions["fastmath"]


def test_importing_the_room_loads_no_numba():
    script = "import sys, skdeepcluster.kernels; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
