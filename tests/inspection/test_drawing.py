"""What all pictures share: the axes they draw on, and the settings they leave alone."""

import matplotlib as mpl
from sklearn.pipeline import make_pipeline

from skdeepcluster import PPP
from skdeepcluster.inspection import (
    ClusterProfileDisplay,
    DiscoveryDisplay,
    ExplanationDisplay,
    SelectionDisplay,
    SilhouetteDisplay,
    TreeDisplay,
)


def test_given_axes_are_used_and_settings_left_alone(iris, model, blobs):
    before = dict(mpl.rcParams)
    labels = model.predict(iris)
    for draw in (
        lambda ax: ClusterProfileDisplay.from_predictions(iris, labels, ax=ax),
        lambda ax: SilhouetteDisplay.from_predictions(iris, labels, ax=ax),
        lambda ax: SelectionDisplay.from_predictions([1, 2], [0.1, 0.2], ax=ax),
        lambda ax: DiscoveryDisplay.from_predictions(labels, labels, ax=ax),
        lambda ax: ExplanationDisplay.from_estimator(model, iris[:1], ax=ax),
        lambda ax: TreeDisplay.from_estimator(
            make_pipeline(PPP()).fit(blobs), kind="treemap", ax=ax
        ),
    ):
        ax = mpl.figure.Figure().subplots()
        display = draw(ax)
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
    assert dict(mpl.rcParams) == before
