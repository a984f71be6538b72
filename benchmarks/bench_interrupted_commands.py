"""Commands that end at a random moment: the old output or the new one, no third.

Every command of the command line that writes runs in processes forked off one that has
imported and compiled everything. Each is ended by SIGTERM or SIGKILL, or meets a full
disk. Afterwards each output has to be what it was before, or all of what it becomes;
a folder of results is completed by a second run.

Run from the root of the project::

    python benchmarks/bench_interrupted_commands.py --n-runs 200 \\
        --out benchmarks/results/interrupted_commands.md
"""

import argparse
import contextlib
import errno
import gc
import io
import json
import os
import platform
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

OLD = b"what was there before\n" * 100
WAYS = ("SIGTERM", "SIGKILL", "full disk")
# Calls that change a folder, as Python announces them to its auditors.
MAKING = ("os.mkdir", "open")
CHANGING = (*MAKING, "os.rename", "os.chmod", "os.remove", "os.rmdir")
# Exit status by way of ending: that of the shell, or of a process that was not reached.
RIGHT = {"SIGTERM": (0, 143, -15), "SIGKILL": (0, -9), "full disk": (0, 2)}
HEAD = f"""# Commands that end at a random moment

`bench_interrupted_commands.py --n-runs %d --seed %d`,
Python {platform.python_version()}.

An output that is neither what it was nor all of what it becomes is a fault. "Some of
each" counts runs after which some outputs were old and others new, each of them whole:
a folder of results is meant to be so until a second run completes it, elsewhere a
process was killed between two renames. "Left aside" are folders beside the outputs,
under a name of their own. A tenth of the commands that left some, and of those that
write folders of results, were "run again"; "differs" counts those that did not come to
the bytes of a run that nothing ends.

How the moments were chosen. Of 20 runs that a signal ends, 12 end just before a call
that makes, renames or removes a file or a folder, or changes its mode, drawn from all
such calls of the command since it set its first output aside; 7 at a time drawn from
the time that it takes from there to its end; one at a time drawn from the whole run. Of
two runs on a full disk, one can make no file and no folder from such a call on, the
other can write files of as many bytes as were drawn below the size of one of its
outputs. "Reached" counts the runs that did not end before.

"""


class Case(NamedTuple):
    """A command and what it writes."""

    name: str
    command: list
    before: dict  # Path of an output -> its bytes before
    folder: Path | None = None  # of results
    other: Path | None = None  # folder of results by another model


class Moment(NamedTuple):
    """When and how a process ends; by default when it is done."""

    way: str = ""
    at: int | None = None  # number of the call that it does not come to
    seconds: float | None = None  # that it is given
    limit: int | None = None  # bytes of a file


TO_THE_END = Moment()


def makes(arguments):
    """Whether a file is opened that need not be there."""
    return bool(arguments[2] & os.O_CREAT)


class Snapshot:
    """A process that waits where the first output is set aside, and is forked there.

    Parameters
    ----------
    command : list of str
        What it runs.
    """

    def __init__(self, command):
        self.n_calls, self.moment = Counter(), None
        self._orders, self._answers = pipe(), pipe()
        self.process = forked(command, self)
        self._keep(self._orders.writing, self._answers.reading)

    def _keep(self, *ends):
        """Close the ends of the pipes that belong to the other process."""
        for end in (*self._orders, *self._answers):
            if end not in ends:
                end.close()

    def __call__(self, event, arguments):
        """Audit a call of the process, or of one that was forked off it."""
        if event not in CHANGING or (event == "open" and not makes(arguments)):
            return
        if self.moment is None:
            if ".skdeepcluster-" not in f"{arguments[0]}":
                return
            self._wait()
        self.n_calls["all"] += 1
        self.n_calls["making"] += event in MAKING
        way, at, *_ = self.moment
        if at is None:
            return
        if way == "full disk":
            if event in MAKING and self.n_calls["making"] >= at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif self.n_calls["all"] == at:
            os.kill(os.getpid(), getattr(signal, way))

    def _wait(self):
        """Fork for every order, and say what became of the process."""
        self._keep(self._orders.reading, self._answers.writing)
        gc.freeze()
        while order := self._orders.reading.readline():
            moment = Moment(*json.loads(order))
            child = os.fork()
            if not child:
                self.moment = moment
                if moment.limit is not None:
                    # Python ignores the signal: to write beyond is an error then.
                    resource.setrlimit(resource.RLIMIT_FSIZE, (moment.limit,) * 2)
                return
            self._say(status_of(child, moment))
        os._exit(0)

    def _say(self, something):
        print(json.dumps(something), file=self._answers.writing, flush=True)

    def at_end(self):
        """Say how many calls there were, before the process that ran all of it ends."""
        if self.moment == TO_THE_END:
            self._say(self.n_calls)

    def run(self, moment):
        """Let a process go on from here to a moment; return its status."""
        print(json.dumps(moment), file=self._orders.writing, flush=True)
        return json.loads(self._answers.reading.readline())

    def counted(self):
        """Let a process go on to its end; return how many calls it makes."""
        n_calls = self.run(TO_THE_END)
        if json.loads(self._answers.reading.readline()):
            raise RuntimeError("a command fails that nothing ends")
        return n_calls

    def close(self):
        """End the process."""
        self._orders.writing.close()
        self._answers.reading.close()
        os.waitpid(self.process, 0)


class Pipe(NamedTuple):
    """Both ends of a pipe of text."""

    reading: object
    writing: object


def pipe():
    reading, writing = os.pipe()
    return Pipe(open(reading), open(writing, "w"))


def forked(command, snapshot=None):
    """Run a command in a forked process; return its number."""
    child = os.fork()
    if child:
        return child
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    from skdeepcluster.cli import main

    status = 1
    try:
        if snapshot is not None:
            sys.addaudithook(snapshot)
        status = main(command)
        if snapshot is not None:
            snapshot.at_end()
    finally:
        # Nothing may unwind into what the parent holds open.
        os._exit(status)


def status_of(child, moment=TO_THE_END):
    """Wait for a process, and end it after so many seconds; return its status."""
    if moment.seconds is not None:
        time.sleep(moment.seconds)
        os.kill(child, getattr(signal, moment.way))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Usual(NamedTuple):
    """What a run takes that nothing ends."""

    seconds: float
    writing: float  # seconds since the first output was set aside
    n_calls: dict  # Kinds of calls -> how many
    new: dict  # Path -> bytes of what was written

    @classmethod
    def of(cls, case):
        """Run a command twice to its end."""
        prepared(case)
        start = time.monotonic()
        if status_of(forked(case.command)):
            raise RuntimeError(f"{case.name} fails")
        seconds, new = time.monotonic() - start, contents(case)
        prepared(case)
        snapshot = Snapshot(case.command)
        # A first one, since it may be a slow one.
        for _ in range(2):
            start = time.monotonic()
            n_calls = snapshot.counted()
            writing = time.monotonic() - start
            if contents(case) != new:
                raise RuntimeError(f"{case.name} does not write the same bytes twice")
            prepared(case)
        snapshot.close()
        return cls(seconds, writing, n_calls, new)


def contents(case):
    """Bytes of every output; what lies aside is none."""
    paths = set(case.before)
    if case.folder is not None:
        paths |= {p for p in case.folder.rglob("*") if p.is_file()}
    return {
        path: path.read_bytes()
        for path in sorted(paths)
        if path.exists() and not any(map(is_aside, path.parents))
    }


def is_aside(path):
    return path.name.startswith(".skdeepcluster-")


def prepared(case, is_filled=False):
    """Put the old outputs in place; return what is there."""
    for path, content in case.before.items():
        path.write_bytes(content)
    if case.folder is not None:
        shutil.rmtree(case.folder, ignore_errors=True)
        case.folder.mkdir()
        if is_filled:
            shutil.copytree(case.other, case.folder, dirs_exist_ok=True)
    return contents(case)


def moment_of(usual, way, run, rng):
    """Draw the moment at which a run ends, and whether it is forked off a snapshot."""
    if way == "full disk":
        if run % 2:
            size = len(usual.new[rng.choice(list(usual.new))])
            return Moment(way, limit=rng.randrange(size)), True
        return Moment(way, 1 + rng.randrange(usual.n_calls["making"])), True
    if run % 20 < 12:
        return Moment(way, 1 + rng.randrange(usual.n_calls["all"])), True
    from_start = run % 20 == 19
    seconds = rng.uniform(0, usual.seconds if from_start else usual.writing)
    return Moment(way, seconds=seconds), not from_start


def judged(case, usual, old):
    """Say what became of the outputs: all old, all new, some of each, or neither."""
    now, kinds = contents(case), set()
    for path in {*now, *old, *usual.new}:
        here = now.get(path)
        # The manifest of a folder says what is done, and changes with every file.
        if path.name == "_skdeepcluster.json" and here is not None:
            json.loads(here)
            continue
        if here == old.get(path) == usual.new.get(path):
            continue
        is_old, is_new = here == old.get(path), here == usual.new.get(path)
        kinds.add("old" if is_old else "new" if is_new else "neither")
    if "neither" in kinds:
        return "neither"
    if len(kinds) > 1:
        return "some of each"
    return f"all {kinds.pop() if kinds else 'new'}"


def counted(case, usual, way, n_runs, rng):
    """End a command many times, and count what became of it."""
    found = Counter(runs=n_runs)
    # Folders of results are empty in one half, and filled by another run in the other.
    for is_filled in (False, True):
        prepared(case, is_filled)
        snapshot = Snapshot(case.command)
        for run in range(is_filled, n_runs, 2):
            old = prepared(case, is_filled)
            moment, is_writing = moment_of(usual, way, run // 2, rng)
            if is_writing:
                status = snapshot.run(moment)
            else:
                status = status_of(forked(case.command), moment)
            found["reached"] += status != 0
            found["wrong status"] += status not in RIGHT[way]
            found[judged(case, usual, old)] += 1
            above = {path.parent for path in usual.new}
            left = [p for folder in above for p in folder.glob(".skdeepcluster-*")]
            found["left aside"] += len(left)
            if (left or case.folder is not None) and rng.random() < 0.1:
                is_done = status_of(forked(case.command)) == 0
                found["run again"] += 1
                found["differs"] += not is_done or contents(case) != usual.new
            for path in left:
                shutil.rmtree(path, ignore_errors=True)
        snapshot.close()
    return found


def groups(n_rows, seed=0):
    """A table of three groups, and a label in every second row."""
    rng = np.random.default_rng(seed)
    place = np.arange(n_rows) % 3
    numbers = rng.normal(size=(n_rows, 3)) + 9 * place[:, None]
    frame = pd.DataFrame(numbers, columns=["a", "b", "c"])
    label = np.where(np.arange(n_rows) % 2, np.array(["x", "y", "z"])[place], "")
    return frame.assign(row=[f"r{k}" for k in range(n_rows)], label=label)


def inputs(folder):
    """Write what the commands read."""
    table = groups(120)
    table.to_csv(folder / "in.csv", index=False)
    pairs = {"row": table.row[:-3], "other": table.row[3:].to_numpy()}
    pd.DataFrame(pairs).to_csv(folder / "edges.csv", index=False)
    (folder / "parts").mkdir()
    for k in range(3):
        groups(90, seed=k).to_parquet(folder / f"parts/{k}.parquet", index=False)
    from skdeepcluster.cli import main

    options = ["--drop", "row", "label", "--quiet"]
    model, parts = f"{folder / '3.model'}", f"{folder / 'parts'}"
    with contextlib.redirect_stdout(io.StringIO()):
        main(["cluster", f"{folder / 'in.csv'}", f"--save={model}", *options])
        others = ["--n-clusters=2", f"--out={folder / 'other labels'}"]
        main(["cluster", parts, *others, *options])


def cases(folder):
    """Every command that writes, with several files where it can write them."""
    table, edges = f"{folder / 'in.csv'}", f"{folder / 'edges.csv'}"
    parts, model = f"{folder / 'parts'}", f"{folder / '3.model'}"
    drop = ["--drop", "row", "label"]
    names = {
        "--out": "out.csv",
        "--table": "means.csv",
        "--columns": "columns.csv",
        "--save": "new.model",
    }

    def case(name, command, options, **changed):
        paths = {o: folder / {**names, **changed}[o] for o in options}
        said = [f"{option}={path}" for option, path in paths.items()]
        return Case(name, [*command, *said], dict.fromkeys(paths.values(), OLD))

    def in_parts(name, command, options):
        one = case(name, [*command, f"--out={folder / 'labels'}"], options)
        return one._replace(folder=folder / "labels", other=folder / "other labels")

    cluster = ["cluster", table, "--n-clusters", "3", *drop]
    found = ["--label", "label", "--drop", "row"]
    yield case("cluster", cluster, ("--out", "--table", "--columns", "--save"))
    yield case(
        "cluster --edges",
        ["cluster", table, "--id", "row", f"--edges={edges}", "--drop", "label"],
        ("--out", "--save"),
        **{"--out": "out.parquet"},
    )
    yield in_parts(
        "cluster FOLDER",
        ["cluster", parts, "--n-clusters", "3", *drop],
        ("--save", "--columns"),
    )
    yield case("predict", ["predict", model, table], ("--out",))
    yield in_parts("predict FOLDER", ["predict", model, parts], ())
    yield case(
        "discover", ["discover", table, *found], ("--out", "--columns", "--save")
    )
    yield case("sample", ["sample", table, "--n=20", *drop], ("--out", "--columns"))
    answers = folder / "answers.csv"
    ask = ["ask", table, "--n-clusters=3", f"--answers={answers}", "--id=row"]
    one = case("ask", [*ask, "--drop", "label"], ("--out",))
    before = {answers: b"row,other,together\nr0,r3,yes\n", **one.before}
    yield one._replace(before=before)
    yield case(
        "classify", ["classify", table, *found], ("--out", "--columns", "--save")
    )


def written(counts, args):
    """The page of results."""
    kinds = ["runs", "reached", "all old", "all new", "some of each", "neither"]
    kinds += ["left aside", "run again", "differs", "wrong status"]
    lines = [
        f"| command | outputs | ended by | {' | '.join(kinds)} |",
        f"| --- | ---: | --- {'| ---: ' * len(kinds)}|",
    ]
    rows = {}
    if args.only and args.out and args.out.exists():
        before = args.out.read_text().partition("| --- |")[2].splitlines()[1:]
        rows = {tuple(line.split(" | ")[:3:2]): line for line in before}
    for (name, n_outputs, way), found in counts.items():
        numbers = " | ".join(f"{found[kind]}" for kind in kinds)
        line = f"| {name} | {n_outputs} | {way} | {numbers} |"
        rows[f"| {name}", way] = line
    lines += rows.values()
    return HEAD % (args.n_runs, args.seed) + "\n".join(lines) + "\n"


def main():
    """Run, end, look, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n-runs", type=int, default=200)
    parser.add_argument(
        "--only", help="one command, whose rows of a page are made anew"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    sys.path.insert(0, str(Path.cwd()))
    from skdeepcluster.cli import main as command_line

    counts = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs(folder)
        for case in cases(folder):
            if args.only not in (None, case.name):
                continue
            # Whatever is to be imported and compiled is so in the parent.
            with contextlib.redirect_stdout(io.StringIO()):
                command_line([*case.command, "--quiet"])
            # A collection in a forked process would copy all memory.
            gc.freeze()
            usual, rng = Usual.of(case), random.Random(f"{args.seed} {case.name}")
            for way in WAYS:
                found = counted(case, usual, way, args.n_runs, rng)
                counts[case.name, len(usual.new), way] = found
                print(case.name, way, dict(found), flush=True)
            for path in case.before:
                path.unlink()
            if args.out:
                args.out.write_text(written(counts, args))
    print(written(counts, args))
    faults = ("neither", "differs", "wrong status")
    return int(any(found[kind] for found in counts.values() for kind in faults))


if __name__ == "__main__":
    sys.exit(main())
