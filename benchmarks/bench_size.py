"""Many rows: tables larger than memory by the command line, and how time grows.

Fifteen Gaussian groups of unequal size in ten columns of float32, one Parquet file
for each million rows. Each run is a process of its own with one thread, measured as
`/usr/bin/time -v` does it: CPU seconds and peak memory, imports included. The
files are removed afterwards.

What says that its time is linear in the rows is called in this process with 10,000,
100,000 and 1,000,000 rows of such groups, after a first call that compiles.

Run from the root of the project::

    python benchmarks/bench_size.py --rows 100000 1000000 10000000 \\
        --out benchmarks/results/bench_size.md
"""

import argparse
import json
import os
import pickle
import platform
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import coo_array
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

N_COLUMNS, N_GROUPS, FILE_ROWS = 10, 15, 1_000_000
PARTS = "folders", "growth"
GROWTH_ROWS = 10_000, 100_000, 1_000_000
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
RAW = Path(__file__).parent / "raw" / "bench_size.jsonl"


def write_table(folder, n_rows):
    """Write the table in parts, the group of each row with it."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(N_GROUPS, N_COLUMNS)).astype(np.float32) * 3
    shares = rng.dirichlet(np.full(N_GROUPS, 2.0))
    for k, start in enumerate(range(0, n_rows, FILE_ROWS)):
        n = min(FILE_ROWS, n_rows - start)
        truth = rng.choice(N_GROUPS, n, p=shares).astype(np.int8)
        X = centers[truth] + rng.standard_normal((n, N_COLUMNS), dtype=np.float32)
        table = {f"x{j}": column for j, column in enumerate(X.T)} | {"truth": truth}
        pq.write_table(pa.table(table), folder / f"part-{k:04}.parquet")


def measured(command):
    """Run a command of the package; return CPU seconds, MiB and wall seconds."""
    start = time.perf_counter()
    environment = os.environ | dict.fromkeys(THREADS, "1")
    command = [sys.executable, "-m", "skdeepcluster", *map(str, command)]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(said.read().decode())
    cpu = usage.ru_utime + usage.ru_stime
    return cpu, usage.ru_maxrss / 1024, time.perf_counter() - start


def run(n_rows, parent):
    """Cluster a table of so many rows; return what the page says of it."""
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        source, out = Path(folder, "in"), Path(folder, "out")
        source.mkdir()
        write_table(source, n_rows)
        files = sorted(source.iterdir())
        command = ["cluster", source, "--drop", "truth", "--out", out]
        cpu, memory, wall = measured(command)
        truth = pq.read_table(files[0], columns=["truth"])["truth"].to_numpy()
        labels = pq.read_table(out / files[0].name)["cluster"].to_numpy()
        return {
            "rows": n_rows,
            "MB on disk": round(sum(path.stat().st_size for path in files) / 1e6),
            "CPU s": round(cpu, 1),
            "peak MiB": round(memory),
            "wall s": round(wall),
            "clusters": len(np.unique(labels)),
            "ARI": round(adjusted_rand_score(truth, labels), 3),
        }


def drawn_rows(n_rows):
    """Rows of Gaussian groups, and the group of each."""
    centers = np.random.default_rng(1).normal(size=(N_GROUPS, N_COLUMNS)) * 3
    rng = np.random.default_rng(0)
    groups = rng.integers(N_GROUPS, size=n_rows)
    return centers[groups] + rng.standard_normal((n_rows, N_COLUMNS)), groups


def few_labels(X, groups):
    """One row in fifty has its group as a label, but for the last group."""
    has_label = (np.arange(len(X)) % 50 == 0) & (groups < N_GROUPS - 1)
    return X, np.where(has_label, groups, -1)


def words_and_gaps(X, groups):
    """A frame with a column of words and some gaps."""
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(N_COLUMNS)])
    frame = frame.mask(X > 9)
    frame["word"] = np.array([f"level {k}" for k in range(N_GROUPS)])[groups]
    return (frame,)


def eight_edges(X, groups):
    """A graph with edges between random rows, most of them of the same group."""
    rng = np.random.default_rng(0)
    mixed = np.where(rng.random(len(X)) < 0.1, rng.permutation(groups), groups)
    # Random orders within the groups: what is at the same position is linked.
    orders = [np.lexsort((rng.random(len(X)), mixed)) for _ in range(4)]
    others = [np.lexsort((rng.random(len(X)), mixed)) for _ in range(4)]
    first, second = np.concatenate(orders), np.concatenate(others)
    half = coo_array((np.ones(len(first)), (first, second)), shape=(len(X), len(X)))
    return X, None, (half + half.T).tocsr()


def linear_calls():
    """What is timed, by its name, and what makes its arguments of rows and groups."""
    import skdeepcluster as sdc
    from skdeepcluster.streaming import RowSummary

    ppp = sdc.PPP().fit(drawn_rows(20_000)[0])
    by_size = sdc.ConstrainedKMeans(N_GROUPS, size_min=10, random_state=0)
    seeded = sdc.SemiSupervisedKMeans(n_novel=1, random_state=0)
    graph = sdc.GraphClusterer(N_GROUPS, random_state=0)

    def rows(X, groups):
        return (X,)

    return {
        "RowSummary.fit": (RowSummary().fit, rows),
        "PPP.fit": (sdc.PPP().fit, rows),
        "PPP.predict": (ppp.predict, rows),
        "PPP.predict_proba": (ppp.predict_proba, rows),
        "TableEncoder.fit_transform": (
            sdc.TableEncoder().fit_transform,
            words_and_gaps,
        ),
        "MixedMixture.fit": (sdc.MixedMixture(random_state=0).fit, words_and_gaps),
        "ConstrainedKMeans.fit": (by_size.fit, rows),
        "SemiSupervisedKMeans.fit": (seeded.fit, few_labels),
        "GraphClusterer.fit": (
            lambda X, y, edges: graph.fit(X, y, graph=edges),
            eight_edges,
        ),
    }


def growth_of(name, call, arguments):
    """CPU seconds of one call at every number of rows, and the power they grow by."""
    seconds = {}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # What the first one takes, compiling included, is overwritten.
        for n_rows in (GROWTH_ROWS[0], *GROWTH_ROWS):
            table = arguments(*drawn_rows(n_rows))
            start = time.process_time()
            call(*table)
            seconds[n_rows] = time.process_time() - start
    powers = {
        f"power to {more:,}": log(seconds[more] / seconds[less]) / log(more / less)
        for less, more in pairwise(GROWTH_ROWS)
    }
    columns = {f"{n_rows:,} rows": taken for n_rows, taken in seconds.items()} | powers
    return {"call": name} | {key: round(value, 2) for key, value in columns.items()}


def summary_megabytes():
    """Size of what PPP keeps of 100,000 rows of 768 columns."""
    from skdeepcluster import PPP

    X = np.random.default_rng(0).normal(size=(100_000, 768)).astype(np.float32)
    return len(pickle.dumps(PPP().partial_fit(X))) / 1e6


def table_lines(found):
    """Lines of a table, one of it for each entry."""
    header = [*found[0]]
    yield f"| {' | '.join(header)} |"
    yield "|" + " --- |" * len(header)
    for entry in found:
        cells = [v if isinstance(v, str) else f"{v:,}" for v in entry.values()]
        yield f"| {' | '.join(cells)} |"


def folder_lines(found, summary):
    """Lines about the command on folders."""
    yield "## Tables larger than memory"
    yield ""
    yield (
        f"`skdeepcluster cluster FOLDER --drop truth --out OUT` on {N_GROUPS} Gaussian "
        f"groups of unequal size in {N_COLUMNS} columns of float32, a million rows a "
        "file: both passes, one thread, Python and imports included. ARI is of the "
        "first file."
    )
    yield ""
    yield from table_lines(found)
    yield ""
    for one, other in pairwise(found):
        growth = log(other["CPU s"] / one["CPU s"]) / log(other["rows"] / one["rows"])
        yield (
            f"From {one['rows']:,} to {other['rows']:,} rows CPU seconds grow by the "
            f"power {growth:.2f} of the rows."
        )
    yield ""
    yield (
        f"A summary of 100,000 rows of 768 columns (`PPP().partial_fit(X)`, pickled): "
        f"{summary:.1f} MB."
    )


def growth_lines(found):
    """Lines about what says that its time is linear."""
    yield "## Growth with the rows"
    yield ""
    yield (
        f"CPU seconds of one call on {N_GROUPS} Gaussian groups in {N_COLUMNS} columns "
        "of float64, with a column of words and gaps where there is a frame, a label "
        "for one row in fifty, or eight edges a row. The power is that of the rows by "
        "which seconds grow from the number before: 1 is linear. Fits that iterate may "
        "take more steps to converge on more rows."
    )
    yield ""
    yield from table_lines(found)


def remembered(raw, key, function):
    """What the file of results holds under a key; it is made, and kept, otherwise."""
    lines = raw.read_text("utf-8").splitlines() if raw.exists() else []
    done = dict(map(json.loads, lines))
    if key not in done:
        done[key] = function()
        raw.parent.mkdir(exist_ok=True)
        with raw.open("a", encoding="utf-8") as file:
            print(json.dumps([key, done[key]]), file=file)
    return done[key]


def page(args, command):
    """Yield the lines of the page."""
    yield "# Many rows"
    yield ""
    yield f"`{command}`"
    yield ""
    yield (
        f"Python {platform.python_version()}, {platform.machine()}; other work ran on "
        "the machine. A process had CPU s / wall s of a core; the less that is, the "
        "more CPU seconds the same work takes, since caches are shared as well."
    )
    if "folders" in args.parts:
        found = [
            remembered(args.raw, f"{n_rows} rows", lambda n=n_rows: run(n, args.folder))
            for n_rows in args.rows
        ]
        yield ""
        yield from folder_lines(found, summary_megabytes())
    if "growth" in args.parts:
        calls = linear_calls()
        found = [
            remembered(args.raw, name, lambda n=name: growth_of(n, *calls[n]))
            for name in calls
        ]
        yield ""
        yield from growth_lines(found)


def main():
    """Write the page; runs that the file of results holds are not made again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--raw", type=Path, default=RAW)
    parser.add_argument("--folder", type=Path, help="where tables are written")
    args = parser.parse_args()
    asked = ["--rows", *map(str, args.rows)]
    if args.parts != PARTS:
        asked += ["--parts", *args.parts]
    command = shlex.join(["python", "benchmarks/bench_size.py", *asked])
    text = "\n".join(page(args, command)) + "\n"
    if args.out is None:
        print(text, end="")
    else:
        args.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
