"""Figures are closed after every test of this room."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _no_open_figures():
    yield
    drawing = sys.modules.get("matplotlib.pyplot")
    if drawing is not None:
        drawing.close("all")
