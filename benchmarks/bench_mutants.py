"""Planted faults: how many of them the tests of a room notice.

In the source of a room, seeded faults are planted one at a time: a comparison that
is another one, a number that is off by one, a sign, a term that is dropped, two
arguments in each other's place, another constant. A child process compiles the
changed module in place of the file, and runs the tests of the room until one
fails. A fault that no test notices has survived.

Run from the root of the project::

    python benchmarks/bench_mutants.py ppp --n-mutants 60 --tests tests/ppp \\
        --out benchmarks/results/mutants

Numba's compiled cache is kept apart: a fault in ``kernels`` is run without
compilation, any other beside kernels that are compiled once.
"""

import argparse
import ast
import contextlib
import importlib
import importlib.machinery
import io
import json
import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PACKAGE = Path("skdeepcluster")
SHARED = ("numba", "pandas", "pytest", "scipy.stats", "sklearn.cluster")
SHARED += ("sklearn.datasets", "sklearn.mixture", "sklearn.utils.estimator_checks")
# Arguments of these may change places.
COMMUTATIVE = ("min", "max", "minimum", "maximum", "array_equal", "isclose", "gcd")
OTHER_COMPARISON = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OTHER_OPERATION = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
}


def faults(node):
    """Yield a kind and a function that plants it, for each fault a node can have."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER_COMPARISON:
        other = OTHER_COMPARISON[type(node.ops[0])]
        yield "comparison", lambda: node.ops.__setitem__(0, other())
    if isinstance(node, ast.BinOp) and type(node.op) in OTHER_OPERATION:
        other = OTHER_OPERATION[type(node.op)]
        yield "sign", lambda: setattr(node, "op", other())
        if isinstance(node.op, ast.Add | ast.Sub):
            yield "dropped term", lambda: become(node, node.left)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield "sign", lambda: become(node, node.operand)
    if isinstance(node, ast.BoolOp):
        yield "dropped term", lambda: node.values.pop()
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "off by one", lambda: setattr(node, "value", node.value + 1)
        if node.value not in (0, 1):
            yield "constant", lambda: setattr(node, "value", node.value / 2)
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield "constant", lambda: setattr(node, "value", not node.value)
    is_call = isinstance(node, ast.Call) and len(node.args) > 1
    if is_call and ast.unparse(node.func).rpartition(".")[2] not in COMMUTATIVE:
        yield "swapped arguments", lambda: node.args.reverse()


def become(node, other):
    """Put one expression in the place of another."""
    node.__class__ = other.__class__
    node.__dict__ = dict(other.__dict__)


def planted(path, number):
    """Plant fault `number` of a file.

    Returns
    -------
    tree : Module
        The changed source.
    kind, line, before, after : str, int, str, str
        What was done.
    """
    tree = ast.parse(path.read_text())
    found = [(node, *fault) for node in places(tree) for fault in faults(node)]
    node, kind, plant = found[number]
    before = ast.unparse(node)
    line = node.lineno
    plant()
    return tree, kind, line, before, ast.unparse(node)


def places(tree):
    """Expressions of the functions and constants of a module, no texts or types."""
    skipped = set()
    for node in ast.walk(tree):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        # What an error says, and what numba is told, is nobody's result.
        if isinstance(node, ast.Raise | ast.JoinedStr):
            parts.append(node)
        if isinstance(node, ast.FunctionDef):
            parts += node.decorator_list
        for part in filter(None, parts):
            skipped |= set(map(id, ast.walk(part)))
    return [
        n for n in ast.walk(tree) if isinstance(n, ast.expr) and id(n) not in skipped
    ]


def chosen_faults(files, n_mutants, seed):
    """Draw faults of files, in proportion to how many each can have."""
    every = [
        (path, number)
        for path in files
        for number in range(
            sum(1 for n in places(ast.parse(path.read_text())) for _ in faults(n))
        )
    ]
    random.Random(seed).shuffle(every)
    return every[:n_mutants]


def run_tests(path, tree, tests):
    """Run tests with a changed module, in this process; return pytest's status."""
    import pytest

    changed = compile(tree, str(path), "exec")
    target, as_it_is = path.resolve(), importlib.machinery.SourceFileLoader.get_code

    def get_code(loader, name):
        is_changed = Path(loader.path).resolve() == target
        return changed if is_changed else as_it_is(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code
    with contextlib.redirect_stdout(io.StringIO()):
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        return int(pytest.main([*options, *tests]))


def outcome(path, tree, tests, seconds):
    """Whether the tests notice: "killed", "survived", or "killed: time"."""
    child = os.fork()
    if not child:
        status = 3
        try:
            # Far past the time of the sound tests, the fault is an endless loop.
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 1)
                os.dup2(nowhere.fileno(), 2)
            status = run_tests(path, tree, tests)
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        is_time = os.WTERMSIG(status) == signal.SIGPROF
        return "killed: time" if is_time else "killed: crash"
    return "survived" if os.WEXITSTATUS(status) == 0 else "killed"


def load_what_is_shared():
    """Import what every child needs and no fault touches."""
    for name in SHARED:
        importlib.import_module(name)


def main():
    """Plant, run, and keep what happened."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("room", help="folder or file of the package")
    parser.add_argument("--tests", nargs="+", required=True)
    parser.add_argument("--n-mutants", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--minutes", type=float, default=1e9, help="then stop")
    parser.add_argument("--out", type=Path, help="folder of one page for each room")
    args = parser.parse_args()
    os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.mkdtemp())
    if args.room.startswith("kernels"):
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    sys.path.insert(0, str(Path.cwd()))
    home = PACKAGE / args.room
    files = sorted(home.glob("*.py")) if home.is_dir() else [home]
    load_what_is_shared()
    sound = ast.parse(files[0].read_text())
    if outcome(files[0], sound, args.tests, args.seconds) != "survived":
        sys.exit("the tests do not pass as they are")
    start, found = time.monotonic(), []
    for path, number in chosen_faults(files, args.n_mutants, args.seed):
        if time.monotonic() - start > 60 * args.minutes:
            break
        tree, kind, line, before, after = planted(path, number)
        ast.fix_missing_locations(tree)
        what = outcome(path, tree, args.tests, args.seconds)
        found.append((what, kind, path.name, line, before, after))
        print(json.dumps(found[-1]), flush=True)
    page = written(args, found)
    print(page)
    if args.out:
        args.out.mkdir(exist_ok=True)
        name = args.room.replace("/", "_").removesuffix(".py")
        (args.out / f"{name}.md").write_text(page)


def written(args, found):
    """The page of one room."""
    counts = Counter(what.partition(":")[0] for what, *_ in found)
    share = counts["killed"] / max(1, len(found))
    lines = [
        f"# Faults planted in `{args.room}`",
        "",
        f"`bench_mutants.py {args.room} --n-mutants {args.n_mutants} "
        f"--seed {args.seed} --tests {' '.join(args.tests)}`, Python "
        f"{platform.python_version()}: {counts['killed']} of {len(found)} noticed "
        f"({share:.0%}).",
        "",
        "| survived: kind | where | before | after |",
        "| --- | --- | --- | --- |",
    ]
    for what, kind, name, line, before, after in found:
        if what == "survived":
            cells = (f"`{text[:70]}`".replace("|", "\\|") for text in (before, after))
            lines.append(f"| {kind} | {name}:{line} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
