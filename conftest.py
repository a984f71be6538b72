"""Settings that must be in place before anything imports scipy; what can run here."""

import ast
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import HealthCheck, settings

# scikit-learn's checks of array API input run only with this switch, which
# scipy reads when it is first imported.
os.environ["SCIPY_ARRAY_API"] = "1"

# The same cases in every run: a push is not judged by another push's luck.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")
# For a night: --hypothesis-profile=long. Tests that walk the estimators take
# their number of cases from it, see test_bad_input.py.
settings.register_profile(
    "long",
    max_examples=3000,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


TESTS = str(Path(__file__).parent / "tests")
# Packages of the extras and tools that this environment lacks.
LACKING = frozenset(
    name
    for name in (
        *("torch", "skorch", "cvxpy", "pandas", "pyarrow", "matplotlib", "polars"),
        *("dask", "distributed", "numpydoc", "skops", "networkx"),
    )
    if find_spec(name) is None
)
# How a test calls them, see tests/extras.py, and what cannot be had without one.
NETWORKS = ("TELL", "AutoEncoder", "NeighborEncoder", "PBN", "TabularNCD", "GPC")
ALIASES = {
    **{"nx": "networkx", "pa": "pyarrow", "pd": "pandas", "pl": "polars"},
    **{"plt": "matplotlib", "leaderboard_": "pandas", "read_table": "pandas"},
    **dict.fromkeys(NETWORKS, "torch"),
}
# Words in the names of scikit-learn's checks -> what these need.
CHECKS = {
    **dict.fromkeys(("pandas", "dataframe", "data_not_an_array"), "pandas"),
    "polars": "polars",
}


def _imported(path):
    """Packages that a file imports at its top, networks of this package included."""
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            networks = {"nn", "deep"} & set(parts[: 1 if node.level else 2])
            names.add("torch" if networks else parts[0])
    return names


def _file_lacks(path):
    """Packages that a file needs and that are not installed."""
    names = _imported(path)
    if path.parent.name in ("nn", "deep"):
        names.add("torch")
    return names & LACKING


def pytest_ignore_collect(collection_path):
    """Leave out files whose packages are not installed."""
    if collection_path.suffix != ".py" or not LACKING:
        return None
    return bool(_file_lacks(collection_path)) or None


def _codes(thing, seen):
    """Code of a function, and of what it calls in the files of tests."""
    if isinstance(thing, dict | list | tuple):
        for part in thing.values() if isinstance(thing, dict) else thing:
            yield from _codes(part, seen)
    if isinstance(thing, type):
        thing = thing.__init__
    if hasattr(thing, "hypothesis"):
        thing = thing.hypothesis.inner_test
    code = getattr(thing, "__code__", None)
    if code in seen or not getattr(code, "co_filename", "").startswith(TESTS):
        return
    seen.add(code)
    for part in _nested(code):
        yield part
        for name in part.co_names:
            yield from _codes(thing.__globals__.get(name), seen)


def _nested(code):
    """A code and those of the functions within it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _nested(part)


def _parts(item):
    """Code and functions of which a test is made."""
    if isinstance(item, pytest.DoctestItem):
        source = "".join(example.source for example in item.dtest.examples)
        return [compile(source, item.name, "exec")]
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    functions = [item.function, *(definition[-1].func for definition in fixtures)]
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    seen = set()
    return [code for part in (*functions, *parameters) for code in _codes(part, seen)]


def _package(name):
    """Package without which what has a name cannot be used."""
    if name.endswith("Display"):
        return "matplotlib"
    return ALIASES.get(name, name.partition(".")[0])


def _lacks(item):
    """Packages that a test is marked with, or names, and that are not installed.

    What its fixtures, its parameters and the functions that it calls name counts.
    """
    marked = {name for mark in item.iter_markers("needs") for name in mark.args}
    # Some of scikit-learn's own checks would skip themselves.
    marked |= {name for word, name in CHECKS.items() if word in item.name}
    named = {name for code in _parts(item) for name in code.co_names}
    return {_package(name) for name in marked | named} & LACKING


def pytest_collection_modifyitems(config, items):
    """Leave out tests whose packages are not installed; refuse unsteady names.

    xdist could not share tests whose names differ between processes.
    """
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"an address is part of the name {item.nodeid!r}")
    left_out = [item for item in items if _lacks(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter):
    """Say how many files of tests are left out, and for want of what."""
    lacks = [_file_lacks(path) for path in Path(TESTS).rglob("test_*.py")]
    for name in sorted(LACKING):
        n_files = sum(name in lacking for lacking in lacks)
        terminalreporter.write_line(f"without {name}: {n_files} files left out")


@pytest.fixture(autouse=True)
def _no_idle_workers():
    """End joblib's processes with the test that started them.

    They leave by themselves after minutes without work; a test that asks for them
    just then may wait for ever.
    """
    yield
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    if loky is not None and loky._executor is not None:
        loky._executor.shutdown(wait=True, kill_workers=True)
