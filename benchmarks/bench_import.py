"""What a user waits for before any work: the import, and the command line.

Run ``python benchmarks/bench_import.py``. The import of the package is measured
against that of scikit-learn (bar: a ratio of 1.1), the command on the table that
the package ships, first without compiled kernels (bar: 25 s), then with the
kernels that the first run left in numba's cache (bar: 6 s).
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

import runner
import timing


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


def time_imports(repeats):
    """Lay out the CPU seconds of the imports."""
    candidates = {
        line: lambda line=line: run_python("-c", line)[1]
        for line in (
            "import sklearn",
            "import skdeepcluster",
            "from skdeepcluster import TELL",
        )
    }
    return timing.page(
        "Start-up",
        timing.alternate(candidates, repeats),
        unit="CPU ms of a fresh process",
        notes=[f"{repeats} alternating imports each"],
    )


def time_command(table):
    """Lay out two runs of the command that share an empty cache of kernels."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["cluster", str(table), "--out", str(Path(folder) / "groups.csv")]
        cache = {"NUMBA_CACHE_DIR": str(Path(folder) / "kernels")}
        runs = [run_python("-m", "skdeepcluster", *words, **cache) for _ in range(2)]
    body = [
        [name, f"{wall:.1f}", f"{cpu:.1f}"]
        for name, (wall, cpu) in zip(["first", "second"], runs, strict=True)
    ]
    title = f"## skdeepcluster cluster {table.name} --out groups.csv"
    return f"{title}\n\n{runner.format_table(['run', 'wall s', 'CPU s'], body)}\n"


def main():
    """Measure and write the page."""
    shipped = files("skdeepcluster") / "datasets" / "data" / "penguins.csv"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--table", type=Path, default=Path(str(shipped)))
    arguments = parser.parse_args()
    page = f"{time_imports(arguments.repeats)}\n{time_command(arguments.table)}"
    (runner.RESULTS / "bench_import.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
