"""Commands that end at a random moment: the old output or the new one, no third.

``cluster`` and ``predict`` run in forked processes that are ended by SIGTERM or
SIGKILL after a random time in the later half of their run, or that meet a full disk
at a random byte. Afterwards each output has to be what it was before, or all of
what it becomes.

Run from the root of the project::

    python benchmarks/bench_interrupted_commands.py --n-runs 200 \\
        --out benchmarks/results/interrupted_commands.md
"""

import argparse
import contextlib
import os
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

OLD = b"what was there before\n" * 100
WAYS = ("SIGTERM", "SIGKILL", "full disk")


def run(command, limit=None):
    """Run a command in a forked process; return its number."""
    child = os.fork()
    if child:
        return child
    status = 3
    with open(os.devnull, "w") as nowhere, contextlib.suppress(SystemExit):
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        if limit is not None:
            # Python ignores the signal: to write beyond is an error then.
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        from skdeepcluster.cli import main

        status = main(command)
    os._exit(status)


def ended(command, way, seconds, size, rng):
    """Run a command until it is ended; return its status."""
    if way == "full disk":
        _, status = os.waitpid(run(command, rng.randrange(size)), 0)
        return status
    child = run(command)
    number = getattr(signal, way)
    # Files are written at the end.
    timer = threading.Timer(
        rng.uniform(0.5 * seconds, 1.1 * seconds), os.kill, (child, number)
    )
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    timer.join()
    return status


def judged(outputs, new):
    """Say what became of each output: "old", "new", or what must not be."""
    contents = {name: path.read_bytes() for name, path in outputs.items()}
    kinds = {
        name: "old" if c == OLD else "new" if c == new[name] else "NEITHER"
        for name, c in contents.items()
    }
    return " and ".join(kinds.values())


def main():
    """Run, end, look, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-runs", type=int, default=200)
    parser.add_argument("--only", choices=("cluster", "predict"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    sys.path.insert(0, str(Path.cwd()))
    rng, counts = random.Random(args.seed), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, model = folder / "in.csv", folder / "fitted.model"
        place = np.arange(300) % 3
        numbers = np.random.default_rng(0).normal(size=(300, 3)) + 9 * place[:, None]
        pd.DataFrame(numbers, columns=["a", "b", "c"]).to_csv(table, index=False)
        files = {"out": folder / "out.csv", "save": folder / "new.model"}
        options = ["--n-clusters", "3", "--method", "ppp", f"--out={files['out']}"]
        commands = {
            "cluster": ["cluster", str(table), *options, f"--save={files['save']}"],
            "predict": ["predict", str(model), str(table), f"--out={files['out']}"],
        }
        from skdeepcluster.cli import main as command_line

        command_line([*commands["cluster"][:-1], f"--save={model}"])
        for which, command in commands.items():
            if args.only not in (None, which):
                continue
            outputs = {n: p for n, p in files.items() if f"{p}" in " ".join(command)}
            start = time.monotonic()
            os.waitpid(run(command), 0)
            seconds = time.monotonic() - start
            new = {name: path.read_bytes() for name, path in outputs.items()}
            size = max(map(len, new.values()))
            for way in WAYS:
                found = counts.setdefault((which, way), Counter())
                for _ in range(args.n_runs):
                    for path in outputs.values():
                        path.write_bytes(OLD)
                    status = ended(command, way, seconds, size, rng)
                    found[judged(outputs, new)] += 1
                    left = set(folder.iterdir()) - {table, model, *files.values()}
                    found["left aside"] += len(left)
                    found["bad status"] += way == "full disk" and status not in (0, 512)
                    for path in left:
                        shutil.rmtree(path)
                print(which, way, dict(found), flush=True)
    page = written(counts, args)
    print(page)
    if args.out:
        args.out.write_text(page)
    return int(any("NEITHER" in kind for found in counts.values() for kind in found))


def written(counts, args):
    """The page of results."""
    lines = [
        "# Commands that end at a random moment",
        "",
        f"`bench_interrupted_commands.py --n-runs {args.n_runs} --seed {args.seed}`, "
        f"Python {platform.python_version()}. An output that is neither what it was "
        "nor all of what it becomes is a fault. A folder left aside is one that a "
        "signal left beside the outputs, under a name of its own.",
        "",
        "| command | ended by | runs | outputs | neither | left aside | bad status |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for (which, way), found in counts.items():
        said = ", ".join(
            f"{kind}: {n}"
            for kind, n in sorted(found.items())
            if kind not in ("left aside", "bad status")
        )
        wrong = sum(n for kind, n in found.items() if "NEITHER" in kind)
        lines.append(
            f"| {which} | {way} | {args.n_runs} | {said} | {wrong} | "
            f"{found['left aside']} | {found['bad status']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
