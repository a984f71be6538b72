"""Figures are closed after every test of this room."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def _no_open_figures():
    yield
    plt.close("all")
