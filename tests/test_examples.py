"""The gallery runs without a warning, and the API page forgets no public name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from estimators import rooms

import skdeepcluster

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))


def marked(script):
    """Give a script as a parameter that says what it needs."""
    names = compile(script.read_text(encoding="utf-8"), script, "exec").co_names
    return pytest.param(script, id=script.stem, marks=pytest.mark.needs(*names))


@pytest.mark.parametrize("script", map(marked, SCRIPTS))
def test_script_runs_without_a_warning(script):
    # Where there is a display, Agg warns that it cannot show a figure on it.
    not_shown = "ignore:FigureCanvasAgg is non-interactive:UserWarning"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", not_shown, script],
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def public_names():
    """Estimators, and what the rooms offer by name."""
    homes = [skdeepcluster, *rooms()]
    names = {name for home in homes for name in getattr(home, "__all__", ())}
    return names - {room.__name__.rpartition(".")[2] for room in rooms()}


def test_api_page_lists_every_public_name():
    page = (ROOT / "doc" / "api.rst").read_text(encoding="utf-8")
    lines = {line.strip() for line in page.splitlines()}
    assert public_names() - lines == set()
