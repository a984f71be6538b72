"""What fits and predictions add to the memory of a process.

A program of its own, ``python tests/memory.py N_ROWS N_COLUMNS NUMBER ...``: it
makes a table, takes the estimators of these numbers one after the other, and
prints by how many MiB the high-water mark of the process rose.
"""

import resource
import sys
import warnings
from pathlib import Path

import numpy as np
from estimators import estimators
from test_common import seeded

# Passes over the table: more take longer, but no more memory.
FEW = {"max_epochs": 2, "pretrain_epochs": 2, "n_epochs": 2, "n_init": 1}


def bound_mib(n_rows, n_columns):
    """Ten times the table, and 300 MiB."""
    return 10 * n_rows * n_columns * 8 / 2**20 + 300


def peak_mib():
    """High-water mark of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says starts, under Linux, at the parent's mark.
        line = next(row for row in status.open() if row.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def table(n_rows, n_columns):
    """Three groups, one after the other in turn."""
    X = np.random.default_rng(0).standard_normal((n_rows, n_columns))
    X[::3] += 4
    X[1::3] -= 4
    return X


def brief(estimator):
    """Copy an estimator, with a seed and few passes over the table."""
    estimator = seeded(estimator)
    known = estimator.get_params()
    return estimator.set_params(**{k: v for k, v in FEW.items() if k in known})


def ask(estimator, X):
    """Fit an estimator, and use it."""
    estimator.fit(X)
    getattr(estimator, "predict" if hasattr(estimator, "predict") else "transform")(X)


def main(n_rows, n_columns, *numbers):
    """Print the rise of the high-water mark."""
    warnings.simplefilter("ignore")
    models = [brief(estimators()[number]) for number in numbers]
    # Compiled, imported and started before.
    for model in models:
        ask(model, table(60, n_columns))
    X = table(n_rows, n_columns)
    before = peak_mib()
    for model in models:
        ask(model, X)
    print(f"{peak_mib() - before:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
