"""Rows per second of `nearest_centers` against scikit-learn's `KMeans.predict`.

Run ``python benchmarks/bench_kernels.py``; the bar is a ratio of 1, with one thread
and with two. Each line is measured in a process of its own, which has that many
threads, and where the extra memory is what the process grows by during the first
full call, less the two arrays that it returns.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from statistics import median

import numpy as np
import runner
import timing

SHAPES = ((1_000_000, 16, 10), (100_000, 128, 100))
"""Rows, features and centers."""

DTYPES = ("float32", "float64")


def peak_bytes():
    """Largest memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def measure(shape, dtype, repeats):
    """Return rows per second of both, and the extra memory as a share of X."""
    # Imported here: the memory of the parent is not that of the measurement.
    from sklearn.cluster import KMeans

    from skdeepcluster.kernels.kmeans import nearest_centers

    n_samples, n_features, n_clusters = shape
    rng = np.random.default_rng(0)
    centers = 2 * rng.standard_normal((n_clusters, n_features), dtype=dtype)
    nearest_centers(centers, centers)  # compile before memory is measured
    # No temporary of its size: the peak is now what is held.
    X = rng.standard_normal((n_samples, n_features), dtype=dtype)
    for j, center in enumerate(centers):
        X[j::n_clusters] += center
    before = peak_bytes()
    outputs = nearest_centers(X, centers)
    extra = peak_bytes() - before - sum(output.nbytes for output in outputs)

    kmeans = KMeans(n_clusters, init=centers, n_init=1, max_iter=1).fit(centers)
    taken = timing.alternate(
        {
            "kmeans": lambda: seconds(kmeans.predict, X),
            "kernel": lambda: seconds(nearest_centers, X, centers),
        },
        repeats,
    )
    rates = {name: n_samples / median(values) for name, values in taken.items()}
    return rates | {"extra": max(extra, 0) / X.nbytes}


def measure_apart(shape, dtype, n_threads, repeats):
    """Call `measure` in a fresh process with a number of threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    arguments = json.dumps([shape, dtype, repeats])
    process = subprocess.run(
        [sys.executable, __file__, "--measure", arguments],
        check=True,
        env=os.environ | dict.fromkeys(names, str(n_threads)),
        stdout=subprocess.PIPE,
    )
    return json.loads(process.stdout)


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    columns = ["rows x features, centers", "dtype", "threads"]
    columns += ["KMeans.predict, 1e6 rows/s", "nearest_centers, 1e6 rows/s"]
    columns += ["ratio", "extra memory"]
    body = []
    for shape in SHAPES:
        for dtype in DTYPES:
            for n_threads in arguments.threads:
                rates = measure_apart(shape, dtype, n_threads, arguments.repeats)
                kmeans, kernel = rates["kmeans"], rates["kernel"]
                cells = ["{:,} x {}, {}".format(*shape), dtype, str(n_threads)]
                cells += [f"{kmeans / 1e6:.2f}", f"{kernel / 1e6:.2f}"]
                cells += [f"{kernel / kmeans:.2f}", f"{rates['extra']:.1%} of X"]
                body.append(cells)
    print(f"# nearest_centers\n\n- Command: `{runner.command()}`")
    print(f"- Versions: {runner.versions()}")
    print(f"- Median of {arguments.repeats} alternating calls each\n")
    print(runner.format_table(columns, body))


if __name__ == "__main__":
    main()
