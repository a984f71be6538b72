"""One table, one process and three engines: the same labels from all.

The recipes of the page "Clusters of machines" on a folder of Parquet files, two
processes each, on one machine; each engine in a process of its own. It needs
dask[distributed], pyspark (and Java) and ray[data]; an engine that is not
installed is said to be missing.

Run from the root of the project::

    python benchmarks/bench_machines.py --rows 4000000 \\
        --out benchmarks/results/bench_machines.md
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import pickle
import platform
import random
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from skdeepcluster import PPP
from skdeepcluster.streaming import fit_batches, merge_all, predict_batches

COLUMNS = [f"x{j}" for j in range(10)]
N_FILES = 16


def write_table(folder, n_rows):
    """Fifteen Gaussian groups of unequal size, and a number for each row."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(15, len(COLUMNS))) * 4
    shares = rng.dirichlet(np.full(15, 2.0))
    for k in range(N_FILES):
        n = n_rows // N_FILES
        truth = rng.choice(15, n, p=shares)
        X = centers[truth] + rng.standard_normal((n, len(COLUMNS)))
        # A fifth of the rows are on a grid, where rows repeat.
        X[::5] = np.rint(X[::5])
        table = dict(zip(COLUMNS, X.T.astype(np.float32), strict=True))
        table["row"] = np.arange(n) + n * k
        pq.write_table(pa.table(table), folder / f"part-{k:02}.parquet")


def one_process(files, batch_size=65_536):
    """What the engines are held against."""

    def batches(file):
        return ds.dataset(file).to_batches(columns=COLUMNS, batch_size=batch_size)

    model = fit_batches(PPP(), (batch for file in files for batch in batches(file)))
    for file in files:
        labels = np.concatenate([*predict_batches(model, batches(file))])
        yield ds.dataset(file).to_table(columns=["row"])["row"].to_numpy(), labels


def shuffled_files(files):
    """The same, files in another order and batches of another size."""
    files = random.Random(0).sample(files, len(files))
    yield from one_process(files, 7_777)


# Recipes: the user guide shows these functions.


def with_dask(files):
    """One summary for each file, merged; then one task of labels for each."""
    import dask.dataframe as dd
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        frame = dd.read_parquet(files)
        parts = [part for part in frame.to_delayed()]
        seen = [client.submit(summary, client.compute(part)) for part in parts]
        merged = client.submit(merge_all, seen)
        model = client.scatter(merged.result().frozen(), broadcast=True)
        for part in parts:
            yield client.submit(labelled, model, client.compute(part)).result()


def summary(frame):
    """What PPP keeps of some rows."""
    return PPP().partial_fit(frame[COLUMNS])


def labelled(model, frame):
    """Numbers of rows and their labels."""
    return frame["row"].to_numpy(), model.predict(frame[COLUMNS])


def with_spark(files):
    """One summary for each partition, as bytes; then labels where the rows are."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").getOrCreate()
    frame = spark.read.parquet(*files)

    def summaries(batches):
        models = [summary(b.to_pandas()) for b in batches if b.num_rows]
        if models:
            yield pa.record_batch({"model": [pickle.dumps(merge_all(models))]})

    parts = frame.mapInArrow(summaries, "model binary").toLocalIterator()
    model = merge_all(pickle.loads(part.model) for part in parts).frozen()

    def labels(batches):
        for batch in batches:
            if batch.num_rows:
                rows, found = labelled(model, batch.to_pandas())
                yield pa.record_batch({"row": rows, "cluster": found})

    table = frame.mapInArrow(labels, "row long, cluster long").toArrow()
    yield table["row"].to_numpy(), table["cluster"].to_numpy()
    spark.stop()


def with_ray(files):
    """One summary for each batch, as bytes; then labels where the rows are."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False)
    table = ray.data.read_parquet(files)
    parts = table.map_batches(
        lambda frame: {"model": [pickle.dumps(summary(frame))]},
        batch_format="pandas",
        batch_size=250_000,
    )
    model = merge_all(pickle.loads(part["model"]) for part in parts.iter_rows())
    model = model.frozen()
    labels = table.map_batches(
        lambda frame: dict(
            zip(("row", "cluster"), labelled(model, frame), strict=True)
        ),
        batch_format="pandas",
        batch_size=250_000,
    )
    for batch in labels.iter_batches(batch_format="numpy"):
        yield batch["row"], batch["cluster"]


# The run ----------------------------------------------------------------------

WAYS = {
    "one process": (one_process, None),
    "one process, files shuffled, batches of 7,777 rows": (shuffled_files, None),
    "Dask, two workers": (with_dask, "dask"),
    "Spark, local[2]": (with_spark, "pyspark"),
    "Ray Data, two CPUs": (with_ray, "ray"),
}


def measure(name, files):
    """Print the digest of the labels, the number of clusters, seconds and memory."""
    start = time.perf_counter()
    rows, labels = zip(*WAYS[name][0](files), strict=True)
    rows, labels = np.concatenate(rows), np.concatenate(labels)
    seconds = time.perf_counter() - start
    labels = labels[np.argsort(rows, kind="stable")].astype(np.int64)
    digest = hashlib.sha256(labels.tobytes()).hexdigest()[:16]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([digest, len(set(labels.tolist())), seconds, memory]))


def run(name, files):
    """One line of the page, and the digest of the labels."""
    package = WAYS[name][1]
    said = name
    if package is not None:
        try:
            said += f" ({package} {importlib.metadata.version(package)})"
        except importlib.metadata.PackageNotFoundError:
            return f"| {name} | not installed here | | | |", None
    # Spark's workers are of the Python that it names.
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, __file__, "--way", name, "--files", *files]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        return f"| {said} | failed | | | |", name
    digest, n_clusters, seconds, memory = json.loads(done.stdout.splitlines()[-1])
    line = f"| {said} | `{digest}` | {n_clusters} | {seconds:.0f} | {memory:.0f} |"
    return line, digest


def main():
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--folder", type=Path, help="where the table is written")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--files", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way is not None:
        measure(args.way, args.files)
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        write_table(Path(folder), args.rows)
        files = sorted(map(str, Path(folder).iterdir()))
        lines, digests = zip(*(run(name, files) for name in WAYS), strict=True)
    found = {digest for digest in digests if digest}
    same = "the same labels in every line" if len(found) == 1 else "labels DIFFER"
    command = ["python", "benchmarks/bench_machines.py", *sys.argv[1:]]
    page = [
        "# One table, one process and three engines",
        "",
        f"`{shlex.join(command[:4])}`",
        "",
        f"{args.rows:,} rows of {len(COLUMNS)} columns in {N_FILES} Parquet files, a "
        "fifth of the rows on a grid, where rows repeat. "
        f"Python {platform.python_version()}, {platform.machine()}. Wall seconds are "
        "of a machine that does other work, start of the engine and compilation "
        "included; memory is that of the process that asks, not of the workers.",
        "",
        "| way | labels in the order of the rows, SHA-256 | clusters | wall s | MiB |",
        "| --- | --- | --- | --- | --- |",
        *lines,
        "",
        f"Result: {same}.",
    ]
    text = "\n".join(page) + "\n"
    if args.out is None:
        print(text, end="")
    else:
        args.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
