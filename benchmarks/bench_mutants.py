"""Planted faults: how many of them the tests of a room notice.

In the source of a room, seeded faults are planted one at a time: a comparison that
is another one, a number that is off by one, a sign, a term or a statement that is
dropped, two arguments in each other's place, another constant (`planted_faults.py`).
The tests of the room run once as they are, which tells how long each takes and which
lines it runs. Then each fault is given to a forked child, which runs the tests that
reach it, the quickest first, until one fails. A fault that no test notices has
survived.

Run from the root of the project, one room after the other, then the page::

    python benchmarks/bench_mutants.py run kernels --found FOLDER
    python benchmarks/bench_mutants.py run ppp --found FOLDER
    python benchmarks/bench_mutants.py page --found FOLDER

FOLDER keeps what was found, so that a run goes on where it was ended; ``--again``
runs the survivors against the tests of now. Kernels run without compilation. Faults
that change nothing are named in ``equivalent_faults.csv``, each with the reason.
"""

import argparse
import ast
import csv
import importlib
import json
import multiprocessing
import os
import platform
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import coverage
from planted_faults import (
    Fault,
    chosen_faults,
    faults_of,
    functions_by_file,
    planted,
    put_in_place,
)

PACKAGE = Path("skdeepcluster")
PAGE = Path("benchmarks/results/mutants.md")
EQUIVALENT = Path(__file__).parent / "equivalent_faults.csv"
TESTS = {
    "kernels": ["tests/kernels"],
    "ppp": ["tests/ppp"],
    "discovery": ["tests/discovery"],
    "sdp": ["tests/sdp"],
    "metrics": ["tests/metrics"],
    "model_selection": ["tests/model_selection"],
    "persistence": ["tests/persistence"],
    "tables": ["tests/tables"],
    "cli": sorted(map(str, Path("tests").glob("test_cli*.py"))),
}
# Its functions write machine code, and have none of their own to run.
LEFT_OUT = ("_simd.py", "__init__.py")
# Their tests start threads, which a process forked after them would lack.
FORKED = ("ppp", "model_selection", "tables", "cli", "discovery")
MEMORY = 8 * 2**30


def files_of(room):
    """Files of a room in which faults are planted."""
    return [p for p in sorted((PACKAGE / room).glob("*.py")) if p.name not in LEFT_OUT]


class Room:
    """A plugin of pytest that runs the tests once, and then against each fault."""

    def __init__(self, room, wanted, seconds, minutes, report):
        self.room, self.wanted, self.report = room, wanted, report
        self.seconds, self.minutes = seconds, minutes
        self.is_sound, self.durations, self.tests_of = [], [], {}

    def pytest_configure(self, config):
        """No shrinking: that a case fails is all that is asked."""
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("faults", phases=phases, derandomize=True)
        settings.load_profile("faults")

    def pytest_collection_finish(self, session):
        """Have every module of the room, and stand-ins where nothing is compiled."""
        for path in files_of(self.room):
            importlib.import_module(".".join(path.with_suffix("").parts))
        if self.room == "kernels":
            without_machine_code()
        # No fault gets into another process.
        parts_of = sys.modules["conftest"]._parts
        session.items = [
            item
            for item in session.items
            if not any("subprocess" in code.co_names for code in parts_of(item))
        ]

    def pytest_runtestloop(self, session):
        """Run the sound tests, then those of each fault."""
        items = session.items
        if self.room in FORKED:
            self.take_survey(in_child(self.survey, items))
        else:
            self.take_survey(self.survey(items))
        functions = functions_by_file()
        deadline = time.monotonic() + 60 * self.minutes
        for fault in self.wanted:
            if time.monotonic() > deadline:
                break
            changed = planted(fault)
            if changed is None:
                self.report(fault, "gone", None)
                continue
            tests = self.chosen(fault, changed, items)
            of_file = functions.get(str(Path(fault.path).resolve()), [])
            status = self.outcome(fault, changed, of_file, tests)
            self.report(fault, status, changed)
        return True

    def survey(self, items):
        """Run every test once: does it pass, how long, and which lines does it run."""
        room = str((PACKAGE / self.room).resolve())
        cover = coverage.Coverage(None, include=f"{room}/*", config_file=False)
        cover.start()
        is_sound, durations = [], []
        for i, (item, following) in enumerate(with_next(items)):
            cover.switch_context(str(i))
            start = time.monotonic()
            is_sound.append(passes(item, following))
            durations.append(time.monotonic() - start)
        cover.stop()
        data = cover.get_data()
        lines = [
            (name, line, [int(c) for c in contexts if c])
            for name in data.measured_files()
            for line, contexts in data.contexts_by_lineno(name).items()
        ]
        left_out = [
            item.nodeid for item, ok in zip(items, is_sound, strict=True) if not ok
        ]
        said = f"{len(items)} tests, {sum(durations):.0f} s"
        self.report(None, said, left_out)
        return is_sound, durations, lines

    def take_survey(self, found):
        """Keep what a survey found."""
        self.is_sound, self.durations, lines = found
        self.tests_of = {(name, line): set(tests) for name, line, tests in lines}

    def chosen(self, fault, changed, items):
        """Tests that run the function of a fault, or read its constant."""
        lines = lines_of_fault(fault, changed)
        reached = set().union(*(self.tests_of.get(line, ()) for line in lines))
        order = sorted(reached, key=lambda i: self.durations[i])
        sound, total = [], 0.0
        for i in order:
            total += self.durations[i]
            if self.is_sound[i] and (not sound or total < self.seconds):
                sound.append(i)
        return [(items[i], self.durations[i]) for i in sound]

    def outcome(self, fault, changed, functions, tests):
        """Whether the tests notice, in a child of their own."""
        if not tests:
            return "survived: no test runs it"
        child = os.fork()
        if not child:
            status = 3
            try:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                put_in_place(fault, changed, functions)
                pairs = with_next(tests)
                status = 0 if all(in_time(*pair) for pair in pairs) else 1
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            ends = {signal.SIGPROF: "killed: time", signal.SIGALRM: "stuck"}
            return ends.get(os.WTERMSIG(status), "killed: crash")
        return {0: "survived", 1: "killed"}.get(os.WEXITSTATUS(status), "not placed")


def passes(item, following):
    """Run a test; return whether setup, call and teardown pass."""
    from _pytest.runner import runtestprotocol

    return all(report.passed for report in runtestprotocol(item, False, following))


def in_time(test, following):
    """Whether a test passes; end this process where it takes far longer than sound.

    The processor's time is an endless loop's. Waiting for ever is no sign of a fault:
    threads of a forked process may be why.
    """
    item, duration = test
    for number, clock, most in (
        (signal.SIGPROF, signal.ITIMER_PROF, 4 + 5 * duration),
        (signal.SIGALRM, signal.ITIMER_REAL, 30 + 20 * duration),
    ):
        signal.signal(number, signal.SIG_DFL)
        signal.setitimer(clock, most)
    return passes(item, following and following[0])


def with_next(items):
    """Each item and the one after it, or None."""
    return zip(items, [*items[1:], None], strict=True)


def in_child(function, *arguments):
    """Call a function in a forked process, which leaves this one without threads."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if not child:
        theirs.send(function(*arguments))
        os._exit(0)
    theirs.close()
    answer = ours.recv()
    os.waitpid(child, 0)
    return answer


def lines_of_fault(fault, changed):
    """Lines whose tests are asked about a fault: (file, line) pairs."""
    outer = [part for part in changed.chain if isinstance(part[0], ast.FunctionDef)]
    here = str(Path(fault.path).resolve())
    if outer and outer[0][1] != "args":
        # The innermost statement that has the fault: its first line is what runs.
        whole = outer[-1][0]
        inner = [
            node
            for node in ast.walk(whole)
            if isinstance(node, ast.stmt)
            and node is not whole
            and node.lineno <= changed.line <= node.end_lineno
        ]
        narrow = min(inner, key=lambda n: n.end_lineno - n.lineno, default=whole)
        return [(here, i) for i in range(narrow.lineno, narrow.end_lineno + 1)]
    if outer:
        body = outer[0][0].body
        return [(here, i) for i in range(body[0].lineno, body[-1].end_lineno + 1)]
    return lines_that_read(changed, here)


def lines_that_read(changed, here):
    """Lines of the room that name a constant; those of the whole file for a class's."""
    statement = changed.chain[-1][2]
    targets = getattr(statement, "targets", None) or [statement.target]
    name = targets[0].id
    found = []
    for path in sorted(Path(here).parent.glob("*.py")):
        is_here = str(path) == here
        lines = path.read_text().splitlines()
        of_class = is_here and isinstance(changed.chain[-1][0], ast.ClassDef)
        found += [
            (str(path), i)
            for i, line in enumerate(lines, 1)
            if of_class or (name in line and line.startswith(" "))
        ]
    return found or [(here, i) for i in range(1, 1000)]


def without_machine_code():
    """Stand in for the functions of kernels that only a compiler can call."""
    import numpy as np

    from skdeepcluster.kernels import kmeans

    def transpose_block(source, stride, origin, target):
        width = target.shape[1]
        for i in range(width):
            target[:width, i] = source[i * stride : i * stride + width] - origin[:width]

    def keep_best_centers(rows, tile, half_norms, scores, labels, first):
        found = rows[: len(tile)].T @ tile - half_norms
        best = found.argmax(axis=1)
        value = found[np.arange(len(best)), best]
        better = value > scores
        scores[better] = value[better]
        labels[better] = first + best[better]

    kmeans.transpose_block = transpose_block
    kmeans.keep_best_centers = keep_best_centers


class Found:
    """What became of each fault of a room, kept in a file of one line per report."""

    def __init__(self, folder, room):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{room}.jsonl"
        self.survey, self.outcomes, self.places = ("", []), {}, {}
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        for line in lines:
            self._take(*json.loads(line))

    def _take(self, fault, status, place):
        if fault is None:
            self.survey = status, place
            return
        fault = Fault(*fault)
        self.outcomes[fault] = status
        self.places[fault] = place or self.places.get(fault)

    def __call__(self, fault, status, changed):
        """Take a report, and keep it."""
        place = changed
        if fault is not None and changed is not None:
            place = [changed.line, changed.after]
        record = [fault, status, place]
        self._take(*record)
        with self.path.open("a") as file:
            print(json.dumps(record), file=file)
        print(json.dumps(record), file=sys.__stderr__, flush=True)

    def is_killed(self, fault):
        """Whether a fault was noticed, now or before."""
        return self.outcomes.get(fault, "").startswith("killed")


def run(args):
    """Plant the faults of a room that were not run yet, or those that survived."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    options = ["-q", "-s", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist"]
    if args.room == "kernels":
        # numpy warns where compiled code does not.
        os.environ["NUMBA_DISABLE_JIT"] = "1"
        options += ["-W", "ignore::RuntimeWarning"]
    sys.path.insert(0, str(Path.cwd()))
    import pytest

    found = Found(args.found, args.room)
    wanted = chosen_faults(files_of(args.room), args.n_faults, args.seed)
    if args.again:
        wanted = [f for f in found.outcomes if not found.is_killed(f)]
        wanted = [f for f in wanted if f not in equivalent_faults()]
    else:
        wanted = [fault for fault in wanted if fault not in found.outcomes]
    room = Room(args.room, wanted, args.seconds, args.minutes, found)
    pytest.main([*options, *(args.tests or TESTS[args.room])], plugins=[room])


def equivalent_faults():
    """Read which faults change nothing that a test could see, and why."""
    with EQUIVALENT.open() as file:
        return {
            Fault(*row[:4], int(row[4])): row[5] for row in list(csv.reader(file))[1:]
        }


def written(folder):
    """Write the page of all rooms."""
    reasons = equivalent_faults()
    lines = [
        "# Planted faults",
        "",
        "`python benchmarks/bench_mutants.py run ROOM --found FOLDER` for each room, "
        "`--again` for the survivors once tests were added, then `page`; Python "
        f"{platform.python_version()}. Drawn at random, with seed 0, from all that a "
        "room's files can have; each was run against the tests of its room alone, the "
        "quickest first, for a bounded time. Tests that start another process are left "
        "out, and so is what ended without an answer. Faults of functions that the "
        "tests of a room never run count as survivors. The rooms `discovery` and `cli` "
        "were run on a busy machine, with a short time of tests for each fault "
        "(`--seconds`: under 10 of `discovery`, 5 to 20 of `cli`), and `cli` against "
        "some of its files at a time (`--tests`). Their survivors, like those of the "
        "other rooms, were run again against the tests that were added for them and "
        "some more of the room, so that a survivor of these two may be noticed by a "
        "test that had no time.",
        "",
        "Tests were added for survivors, so the shares are of these faults, and say "
        "less of others.",
        "",
        "| room | files | can have | drawn | noticed | equivalent | survived | "
        "noticed, of those that are not equivalent |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    survivors, equivalent = [], []
    for room in TESTS:
        found, files = Found(folder, room), files_of(room)
        if not found.outcomes:
            lines.append(f"| {room} | {len(files)} | | not run | | | | |")
            continue
        statuses = Counter(s.partition(":")[0] for s in found.outcomes.values())
        same = [f for f in found.outcomes if f in reasons and not found.is_killed(f)]
        n_lost = sum(statuses[name] for name in ("gone", "not placed", "stuck"))
        open_ = [f for f, s in found.outcomes.items() if s.startswith("survived")]
        open_ = [fault for fault in open_ if fault not in reasons]
        share = statuses["killed"] / max(1, statuses["killed"] + len(open_))
        lines.append(
            f"| {room} | {len(files)} | {sum(len(faults_of(f)) for f in files):,} | "
            f"{len(found.outcomes) - n_lost} | {statuses['killed']} | {len(same)} | "
            f"{len(open_)} | {share:.0%} |"
        )
        survivors += [(fault, found.places[fault]) for fault in open_]
        equivalent += [(fault, found.places[fault], reasons[fault]) for fault in same]
    lines += ["", "Survivors:", "", "| kind | where | before | after |"]
    lines += ["| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(_cells(*pair))} |" for pair in survivors]
    lines += ["", "Equivalent:", "", "| kind | where | before | after | why |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for fault, place, reason in equivalent:
        lines.append(f"| {' | '.join(_cells(fault, place))} | {reason} |")
    return "\n".join(lines) + "\n"


def _cells(fault, place):
    where = f"{Path(fault.path).relative_to(PACKAGE)}, `{fault.function}`"
    shown = [f"`{text[:70]}`".replace("|", "\\|") for text in (fault.before, place[1])]
    return fault.kind, where, *shown


def main():
    """Run a room, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    page = commands.add_parser("page")
    runner = commands.add_parser("run")
    runner.add_argument("room", choices=TESTS)
    runner.add_argument("--n-faults", type=int, default=60)
    runner.add_argument("--seed", type=int, default=0)
    runner.add_argument("--seconds", type=float, default=30.0, help="of sound tests")
    runner.add_argument("--minutes", type=float, default=1e9, help="then stop")
    runner.add_argument("--tests", nargs="+", help="only these files")
    runner.add_argument("--again", action="store_true", help="only survivors")
    for command in (page, runner):
        command.add_argument("--found", type=Path, required=True, help="folder")
    args = parser.parse_args()
    if args.command == "run":
        run(args)
    else:
        PAGE.write_text(written(args.found))


if __name__ == "__main__":
    main()
