"""The same answer wherever the command runs: without a home, in any locale."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

ENVIRONMENTS = {
    "as it is": ([], {}),
    "without assertions": (["-O"], {}),
    "in the C locale": (
        [],
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ),
    "without a home": ([], {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}),
    "without a cache": ([], {"NUMBA_CACHE_DIR": "/dev/null/cache"}),
    "with a cache that is only read": ([], {"NUMBA_CACHE_DIR": "/proc"}),
    "without compiling": ([], {"NUMBA_DISABLE_JIT": "1"}),
    "on one thread": ([], {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}),
    "without matplotlib's folder": ([], {"MPLCONFIGDIR": "/dev/null/folder"}),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    place = np.repeat([0, 1, 2], 40)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "größe": place * 5 + rng.normal(size=120) / 4,
            "breite": place % 2 * 7 + rng.normal(size=120) / 4,
        }
    )
    path = tmp_path_factory.mktemp("table") / "in.csv"
    frame.round(3).to_csv(path, index=False)
    return path


def run(source, folder, options, variables):
    """Cluster a table; the bytes of the result and what was said."""
    out = folder / "out.csv"
    command = [sys.executable, *options, "-m", "skdeepcluster", "cluster", str(source)]
    done = subprocess.run(
        [*command, "--n-clusters", "3", "--method", "ppp", "--out", str(out)],
        env=os.environ | variables,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return out.read_bytes(), done.stdout, done.stderr


@pytest.fixture(scope="module")
def expected(source, tmp_path_factory):
    return run(source, tmp_path_factory.mktemp("expected"), [], {"PYTHONUTF8": "1"})


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_same_bytes_in_any_environment(environment, source, expected, tmp_path):
    written, said, notes = run(source, tmp_path, *environment)
    assert written == expected[0]
    if environment[1].get("LC_ALL") == "C":
        said = said.replace(rb"\xf6", "ö".encode()).replace(rb"\xdf", "ß".encode())
    assert said == expected[1]
    assert b"Traceback" not in notes
    assert b"Warning" not in notes
