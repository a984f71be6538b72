"""Tables larger than memory, by the command line: time, memory and growth.

Fifteen Gaussian groups of unequal size in ten columns of float32, one Parquet file
for each million rows. Each run is a process of its own with one thread, measured as
`/usr/bin/time -v` does it: CPU seconds and peak memory, imports included. The
files are removed afterwards.

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
from itertools import pairwise
from math import log
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import adjusted_rand_score

N_COLUMNS, N_GROUPS, FILE_ROWS = 10, 15, 1_000_000
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


def summary_megabytes():
    """Size of what PPP keeps of 100,000 rows of 768 columns."""
    from skdeepcluster import PPP

    X = np.random.default_rng(0).normal(size=(100_000, 768)).astype(np.float32)
    return len(pickle.dumps(PPP().partial_fit(X))) / 1e6


def page(found, summary, command):
    """Lines of the page."""
    header = [*found[0]]
    yield "# Tables larger than memory"
    yield ""
    yield f"`{command}`"
    yield ""
    yield (
        f"`skdeepcluster cluster FOLDER --drop truth --out OUT` on {N_GROUPS} Gaussian "
        f"groups of unequal size in {N_COLUMNS} columns of float32, a million rows a "
        "file: both passes, one thread, Python and imports included. ARI is of the "
        f"first file. Python {platform.python_version()}, {platform.machine()}; other "
        "work ran on the machine, which wall seconds show and CPU seconds do less."
    )
    yield ""
    yield f"| {' | '.join(header)} |"
    yield "|" + " --- |" * len(header)
    for entry in found:
        yield "| " + " | ".join(f"{value:,}" for value in entry.values()) + " |"
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


def main():
    """Write the page; runs that the file of results holds are not made again."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--raw", type=Path, default=RAW)
    parser.add_argument("--folder", type=Path, help="where tables are written")
    args = parser.parse_args()
    lines = args.raw.read_text("utf-8").splitlines() if args.raw.exists() else []
    done = {entry["rows"]: entry for entry in map(json.loads, lines)}
    for n_rows in args.rows:
        if n_rows not in done:
            done[n_rows] = run(n_rows, args.folder)
            args.raw.parent.mkdir(exist_ok=True)
            with args.raw.open("a", encoding="utf-8") as file:
                print(json.dumps(done[n_rows]), file=file)
    asked = ["--rows", *map(str, args.rows)]
    command = shlex.join(["python", "benchmarks/bench_size.py", *asked])
    found = [done[n_rows] for n_rows in args.rows]
    text = "\n".join(page(found, summary_megabytes(), command)) + "\n"
    if args.out is None:
        print(text, end="")
    else:
        args.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
