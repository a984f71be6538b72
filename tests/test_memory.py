"""A fit takes no more memory than ten times the table, and 300 MiB."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from estimators import estimators
from extras import pd
from memory import bound_mib
from sklearn.base import BaseEstimator

from skdeepcluster._validation import check_table

SHAPE = 40_000, 60
# One of a family: networks, programs, mixtures, partitions, centres.
FAMILIES = [
    "AutoEncoder",
    "NCDKMeans",
    "PPP",
    "SDPKMeans",
    "SemiSupervisedGaussianMixture",
    "TELL",
]


def test_fits_are_bounded():
    names = [type(estimator).__name__ for estimator in estimators()]
    words = [*SHAPE, *(names.index(kind) for kind in FAMILIES if kind in names)]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("memory.py"), *map(str, words)],
        check=True,
        capture_output=True,
        text=True,
    )
    # The table was there before.
    assert 0 < float(done.stdout.splitlines()[-1]) < bound_mib(*SHAPE)


@pytest.mark.parametrize("kind", ["C", "F", "frame", "mixed frame"])
def test_the_door_is_bounded(kind):
    array = np.arange(2.4e6).reshape(SHAPE)
    X = {
        "C": lambda: array,
        "F": lambda: np.asfortranarray(array),
        "frame": lambda: pd.DataFrame(array),
        "mixed frame": lambda: pd.DataFrame(array).astype({0: int, 1: "Float64"}),
    }[kind]()
    tracemalloc.start()
    check_table(BaseEstimator(), X, reset=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 2.1 * array.nbytes
