"""The night's run of generated bad input, in parts that can be taken up again.

Run ``python benchmarks/bench_bad_input.py``. Every estimator, and the command
line, is a part: a run of its own of ``pytest tests/test_bad_input.py
--hypothesis-profile=long``, whose outcome is appended to a file of JSON lines
when it ends. What that file holds is not run again, except parts with failures;
``--fresh NAME ...`` runs parts anew, ``--page`` runs nothing. The second table
of the page is memory: what a fit and a prediction add to the process at most,
on one table for each estimator.

The page is written anew, but for its end, where people say what was found.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import runner

ROOT = Path(__file__).parents[1]
TESTS = "tests/test_bad_input.py"
COMMAND_LINE = "command line"
KEPT = "## What was found, and mended"
PROPERTY = """\
A case ends with finite answers of the right shape and legal labels, or with a
ValueError or TypeError raised at the door that says what is wrong (status 2 and
one line on the command line), the estimator unchanged and no warning of numpy.
Cases of all configurations of an estimator together. Files are model files cut,
with one bit flipped, or with a changed header and the checksum that fits."""

TABLE = 20_000, 50
MEMORY = """\
By how much the high-water mark of a process rises when an estimator, which has
seen 60 rows, is fitted to a table (20,000 rows of 50 columns, 10,000 where no
sample may stand for the rows) and predicts or embeds it; networks train two epochs,
which take the memory of many. The bound is ten times the table and 300 MiB.
`affinity="mst"` goes beyond it by what its docstring says: 8 n² bytes for the
affinities of n rows, at most `max_samples`; `"neighbors"`, the default, keeps n
times the number of neighbours."""


def pytest(*arguments, **variables):
    """Run tests with the long profile; return what was printed."""
    words = ["--hypothesis-profile=long", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    return done.stdout


def parts():
    """Names of the tests of every estimator, and of the command line."""
    found = {}
    for line in pytest(TESTS, "--collect-only").splitlines():
        if line.startswith(TESTS):
            name = re.search(r"::\w+\[(\w+)\(", line)
            found.setdefault(name[1] if name else COMMAND_LINE, []).append(line)
    return found


def configurations():
    """Every estimator of the tests."""
    sys.path.insert(0, str(ROOT / "tests"))
    return import_module("estimators").estimators()


def run_part(name, tests, seed):
    """Run the tests of one part; count its cases and failures."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        cases, report = Path(folder, "cases.md"), Path(folder, "report.xml")
        options = [f"--hypothesis-seed={seed}", f"--junitxml={report}"]
        said = pytest(*options, *tests, BAD_INPUT_TABLE=str(cases))
        if not (cases.exists() and report.exists()):
            raise SystemExit(said)
        counts = cells_of(cases.read_text(), name)
        found = list(ElementTree.parse(report).iter("testcase"))
    failed = [case.get("name") for case in found if case.find("*") is not None]
    if failed:
        print(said, file=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "part": name,
        "seed": seed,
        "cases": counts,
        "tests": len(found),
        "failed": failed,
        "cpu_s": cpu_s,
        "versions": runner.versions(),
    }


def cells_of(table, name):
    """Read the row of a name in a table of Markdown."""
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    kinds = rows[0] if rows[0][0] == "CSV files" else rows[0][-len(rows[-1]) + 1 :]
    row = next(row for row in rows if row[0] == name)
    return dict(zip(kinds[:-1], map(int, row[1:-1]), strict=True))


def table_of_cases(rows):
    """Lay out estimators down, kinds of input across."""
    kinds = sorted({kind for row in rows for kind in row["cases"]})
    total = Counter()
    body = []
    for row in rows:
        counts = Counter(row["cases"])
        total += counts
        cells = [counts[kind] for kind in kinds] + [counts.total()]
        cells += [f"{len(row['failed'])} of {row['tests']}", f"{row['cpu_s']:.0f}"]
        body.append([row["part"], *cells])
    n_failed = sum(len(row["failed"]) for row in rows)
    n_tests = sum(row["tests"] for row in rows)
    cpu_s = sum(row["cpu_s"] for row in rows)
    cells = [total[kind] for kind in kinds] + [total.total()]
    body.append(["all", *cells, f"{n_failed} of {n_tests}", f"{cpu_s:.0f}"])
    columns = ["", *kinds, "all", "tests failed", "CPU s"]
    return runner.format_table(columns, [list(map(str, row)) for row in body])


def measure_memory(number, estimator):
    """Fit one estimator in a process of its own; by how much the memory rose."""
    n_rows, n_columns = TABLE
    if not getattr(estimator, "self_loops", True):
        # Without self-loops, no sample stands for the table.
        n_rows = min(n_rows, estimator.max_samples)
    words = [ROOT / "tests" / "memory.py", n_rows, n_columns, number]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        check=True,
        capture_output=True,
        text=True,
    )
    return {
        "part": " ".join(repr(estimator).split()),
        "input_mib": n_rows * n_columns * 8 / 2**20,
        "rise_mib": float(done.stdout.splitlines()[-1]),
    }


def table_of_memory(rows):
    """Lay out what each estimator needed, and what it may need."""
    body = []
    for row in rows:
        bound = 10 * row["input_mib"] + 300
        cells = [f"{row[name]:.1f}" for name in ("input_mib", "rise_mib")]
        said = "" if row["rise_mib"] <= bound else "beyond"
        body.append([f"`{row['part']}`", *cells, f"{bound:.0f}", said])
    columns = ["", "table, MiB", "added, MiB", "bound, MiB", ""]
    return runner.format_table(columns, body)


def page(cases, memory, kept):
    """Put the page together."""
    header = [
        f"- Command: `{runner.command().removesuffix(' --page')}`; every part is",
        "  `pytest TESTS --hypothesis-profile=long --hypothesis-seed=SEED`",
        *sorted({f"- Versions: {row['versions']}" for row in cases}),
        *sorted({f"- Seed: {row['seed']}" for row in cases}),
    ]
    return "\n\n".join(
        [
            "# Generated bad input",
            "\n".join(header),
            table_of_cases(cases),
            PROPERTY,
            "## Memory",
            MEMORY,
            table_of_memory(memory),
            kept,
        ]
    )


def measured(raw):
    """Last outcome of every part in the file of JSON lines."""
    lines = raw.read_text().splitlines() if raw.exists() else []
    return {row["part"]: row for row in map(json.loads, lines)}


def main():
    """Run what has not been run, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run no other part")
    parser.add_argument("--fresh", nargs="+", metavar="NAME", default=[])
    parser.add_argument("--page", action="store_true", help="write the page only")
    parser.add_argument("--raw", type=Path, default=runner.RAW / "bad_input.jsonl")
    parser.add_argument("--out", type=Path, default=runner.RESULTS / "bad_input.md")
    arguments = parser.parse_args()
    known = measured(arguments.raw)
    arguments.raw.parent.mkdir(parents=True, exist_ok=True)

    def is_wanted(name):
        if arguments.only and name not in arguments.only:
            return False
        row = known.get(name)
        return (
            row is None
            or bool(row.get("failed"))
            or row.get("seed", arguments.seed) != arguments.seed
            or name in arguments.fresh
        )

    def keep(row):
        known[row["part"]] = row
        with arguments.raw.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, file=sys.stderr, flush=True)

    if not arguments.page:
        for name, tests in parts().items():
            if is_wanted(name):
                keep(run_part(name, tests, arguments.seed))
        for number, estimator in enumerate(configurations()):
            if is_wanted(" ".join(repr(estimator).split())):
                keep(measure_memory(number, estimator))
    rows = sorted(known.values(), key=lambda row: row["part"])
    kept = arguments.out.read_text().partition(KEPT)
    text = page(
        [row for row in rows if "cases" in row],
        [row for row in rows if "rise_mib" in row],
        "".join(kept[1:]),
    )
    arguments.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
