"""What a user waits for: the import, the nearest centre of a row, a training epoch.

Run ``python benchmarks/bench_speed.py PART``, of which each writes its own page.

``import``
    The import of the package beside that of scikit-learn (bar: a ratio of 1.1), and
    the command on the table that the package ships, first without compiled kernels
    (bar: 25 s), then with those in numba's cache (bar: 6 s).
``kernels``
    Rows per second of `nearest_centers` beside scikit-learn's `KMeans.predict`
    (bar: a ratio of 1, with one thread and with two). The extra memory is what a
    process grows by during the first full call, less the arrays that it returns.
``training``
    An epoch of TELL's autoencoder beside a bare torch loop with the same network,
    optimiser, batches and loss, on one thread (bar: a ratio of 1.25).
"""

import argparse
import copy
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from operator import truediv
from pathlib import Path
from statistics import median
from unittest import mock

import runner


def alternate(candidates, repeats):
    """Call each candidate once to warm up, then in turn; return all seconds.

    A machine's speed drifts: calls taken in turn meet the same drift, so each is
    compared with the first candidate's call of the same turn.
    """
    for candidate in candidates.values():
        candidate()
    seconds = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, candidate in candidates.items():
            seconds[name].append(candidate())
    return seconds


def compared(title, seconds, unit, *notes):
    """Lay out medians, beside the first candidate, as parts of a page."""
    reference = next(iter(seconds.values()))
    body = [
        [
            name,
            f"{1e3 * median(values):.1f} ({1e3 * min(values):.1f}-"
            f"{1e3 * max(values):.1f})",
            f"{median(map(truediv, values, reference)):.2f}",
        ]
        for name, values in seconds.items()
    ]
    columns = ["", f"{unit}, median (min-max)", "median ratio"]
    return [*heading(title, *notes), runner.format_table(columns, body)]


def heading(title, *notes):
    """Title, command, versions and notes of a page."""
    notes = (f"Command: `{runner.command()}`", f"Versions: {runner.versions()}", *notes)
    return [f"# {title}", "\n".join(f"- {note}" for note in notes)]


# ---------------------------------------------------------------------- import


def run_python(*arguments, **variables):
    """Run Python in a fresh process; return its wall and its CPU seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def imports(arguments):
    """Seconds of the imports, and of the command with an empty and a full cache."""
    lines = (
        "import sklearn",
        "import skdeepcluster",
        "from skdeepcluster import TELL",
    )
    seconds = alternate(
        {line: lambda line=line: run_python("-c", line)[1] for line in lines},
        arguments.repeats,
    )
    unit, note = "CPU ms of a fresh process", "alternating imports each"
    parts = compared("Start-up", seconds, unit, f"{arguments.repeats} {note}")
    table = files("skdeepcluster") / "datasets" / "data" / "penguins.csv"
    with tempfile.TemporaryDirectory() as folder:
        words = ["cluster", str(table), "--out", str(Path(folder) / "groups.csv")]
        cache = {"NUMBA_CACHE_DIR": str(Path(folder) / "kernels")}
        runs = [run_python("-m", "skdeepcluster", *words, **cache) for _ in range(2)]
    body = [
        [name, f"{wall:.1f}", f"{cpu:.1f}"]
        for name, (wall, cpu) in zip(["first", "second"], runs, strict=True)
    ]
    parts += [f"## skdeepcluster cluster {table.name} --out groups.csv"]
    return [*parts, runner.format_table(["run", "wall s", "CPU s"], body)]


# --------------------------------------------------------------------- kernels

SHAPES = ((1_000_000, 16, 10), (100_000, 128, 100))
"""Rows, features and centers."""


def measure_kernel(shape, dtype, repeats):
    """Rows per second of both, and the extra memory as a share of X."""
    # Imported here: the memory of the parent is not that of the measurement.
    import numpy as np
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
    before = runner.peak_mib()
    outputs = nearest_centers(X, centers)
    extra = runner.peak_mib() - before - sum(o.nbytes for o in outputs) / 2**20

    def seconds(function, *rows):
        start = time.perf_counter()
        function(*rows)
        return time.perf_counter() - start

    kmeans = KMeans(n_clusters, init=centers, n_init=1, max_iter=1).fit(centers)
    taken = alternate(
        {
            "kmeans": lambda: seconds(kmeans.predict, X),
            "kernel": lambda: seconds(nearest_centers, X, centers),
        },
        repeats,
    )
    rates = {name: n_samples / median(values) for name, values in taken.items()}
    return rates | {"extra": max(extra, 0) * 2**20 / X.nbytes}


def kernels(arguments):
    """Measure each shape, dtype and number of threads in a process of its own."""
    body = []
    for shape in SHAPES:
        for dtype in ("float32", "float64"):
            for n_threads in (1, 2):
                limits = dict.fromkeys(runner.THREAD_VARIABLES, str(n_threads))
                with mock.patch.dict(os.environ, limits):
                    rates = runner.in_process(
                        measure_kernel, shape, dtype, arguments.repeats
                    )
                kmeans, kernel = rates["kmeans"], rates["kernel"]
                cells = ["{:,} x {}, {}".format(*shape), dtype, str(n_threads)]
                cells += [f"{kmeans / 1e6:.2f}", f"{kernel / 1e6:.2f}"]
                cells += [f"{kernel / kmeans:.2f}", f"{rates['extra']:.1%} of X"]
                body.append(cells)
    columns = ["rows x features, centers", "dtype", "threads"]
    columns += ["KMeans.predict, 1e6 rows/s", "nearest_centers, 1e6 rows/s"]
    columns += ["ratio", "extra memory"]
    note = f"Median of {arguments.repeats} alternating calls each"
    return [*heading("nearest_centers", note), runner.format_table(columns, body)]


# -------------------------------------------------------------------- training

BATCH_SIZE, LEARNING_RATE, EPOCHS, HIDDEN = 256, 1e-3, 6, (64,)


def digits():
    """Digits ten times over, with a little noise: 17,970 rows of 64 features."""
    import numpy as np
    from sklearn.datasets import load_digits

    X = np.tile(load_digits().data / 16, (10, 1))
    X += np.random.default_rng(0).normal(scale=0.01, size=X.shape)
    return (X - X.mean(axis=0)).astype(np.float32)


def bare_loop(X, network):
    """Train an autoencoder as one would without a library."""
    import torch
    from torch.nn.functional import mse_loss, normalize

    network = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)
    table = torch.from_numpy(X)
    n_batches = round(len(table) / BATCH_SIZE)

    def seconds_per_epoch():
        start = time.process_time()
        for _ in range(EPOCHS):
            total = 0.0
            for batch in torch.randperm(len(table)).tensor_split(n_batches):
                x = table[batch]
                loss = mse_loss(network.decode(normalize(network.encode(x))), x)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item()
        return (time.process_time() - start) / EPOCHS

    return seconds_per_epoch


def fit_tell(X, **parameters):
    """TELL that trains on all rows until its epochs are over."""
    from skdeepcluster import TELL

    return TELL(
        10,
        n_components=10,
        hidden_layer_sizes=HIDDEN,
        batch_size=BATCH_SIZE,
        learning_rate_init=LEARNING_RATE,
        n_iter_no_change=None,
        validation_fraction=0,
        random_state=0,
        **{"pretrain_epochs": 1, "max_epochs": 1} | parameters,
    ).fit(X)


def epochs_of(X, stage):
    """Train by TELL.fit and look at one stage; its last epoch has no end."""
    from skorch.callbacks import Callback

    class Clock(Callback):
        """Note when each epoch of each stage of a training begins."""

        def __init__(self):
            self.stages = []

        def on_train_begin(self, net, **kwargs):
            """Begin a stage."""
            self.stages.append([])

        def on_epoch_begin(self, net, **kwargs):
            """Note the CPU seconds used so far."""
            self.stages[-1].append(time.process_time())

    def seconds_per_epoch():
        model = fit_tell(X, callbacks=[Clock()], **{stage: EPOCHS + 1})
        starts = max(dict(model.net_.callbacks_)["Clock"].stages, key=len)
        return (starts[-1] - starts[0]) / EPOCHS

    return seconds_per_epoch


def training(arguments):
    """Compare epochs of the autoencoder alone, and with centres, with a bare loop."""
    import torch

    torch.set_num_threads(1)
    X = digits()
    seconds = alternate(
        {
            "bare torch loop": bare_loop(X, fit_tell(X).net_.module_.autoencoder),
            "TELL, autoencoder": epochs_of(X, "pretrain_epochs"),
            "TELL, with centres": epochs_of(X, "max_epochs"),
        },
        arguments.repeats,
    )
    return compared(
        "One training epoch",
        seconds,
        "CPU ms per epoch",
        f"17,970 x 64 rows, batches of {BATCH_SIZE}, hidden layers {list(HIDDEN)} "
        "each way, code of 10, AdamW (fused), one thread; "
        f"{arguments.repeats} alternating trainings of {EPOCHS} epochs each",
        "The bare loop reconstructs only; the epochs with centres also assign rows, "
        "and move centres or pull codes to them",
    )


PARTS = {"import": imports, "kernels": kernels, "training": training}


def main():
    """Measure a part and write its page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    out = arguments.out or runner.RESULTS / f"bench_{arguments.part}.md"
    runner.write_page(PARTS[arguments.part](arguments), out)


if __name__ == "__main__":
    main()
