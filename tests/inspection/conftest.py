"""Tables and a model that many pictures show; figures are closed after every test."""

import sys

import pytest
from sklearn.datasets import load_iris, make_blobs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@pytest.fixture(autouse=True)
def _no_open_figures():
    yield
    drawing = sys.modules.get("matplotlib.pyplot")
    if drawing is not None:
        drawing.close("all")


@pytest.fixture(scope="module")
def iris():
    return load_iris(as_frame=True).data


@pytest.fixture(scope="module")
def model(iris):
    # Imported here: it needs torch, which not every test of this room does.
    from skdeepcluster import TELL

    return make_pipeline(StandardScaler(), TELL(3, random_state=0)).fit(iris)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(600, 2, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)[0]


@pytest.fixture
def tick_texts():
    """Read the texts beside the ticks of an axis."""
    return lambda axis: [label.get_text() for label in axis.get_ticklabels()]
