"""Losses of the epochs, stage by stage."""

import matplotlib as mpl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from skdeepcluster import PPP, AutoEncoder
from skdeepcluster.inspection import (
    TrainingDisplay,
)


class TestTraining:
    def test_losses_of_one_stage(self, iris):
        encoder = AutoEncoder(2, random_state=0, max_epochs=30).fit(iris)
        display = TrainingDisplay.from_estimator(make_pipeline(encoder))
        train, valid = display.lines_
        history = encoder.history_
        assert_array_equal(train.get_ydata(), [e["train_loss"] for e in history])
        assert_array_equal(valid.get_ydata(), [e["valid_loss"] for e in history])
        best = min(range(len(history)), key=lambda i: history[i]["valid_loss"])
        expected = [[best + 1, history[best]["valid_loss"]]]
        assert_allclose(display.stops_[0].get_offsets(), expected)

    def test_stages_have_panels(self):
        history = [
            {"train_loss": 3.0, "valid_loss": 4.0},
            {"train_loss": 2.0, "valid_loss": 3.5},
            {"train_loss": 1.0, "stage": "centers"},
            {"train_loss": 0.9, "valid_loss": 1.5, "stage": "encoder"},
            {"train_loss": 0.8, "stage": "centers"},
        ]
        display = TrainingDisplay(history=history).plot()
        titles = [ax.get_title() for ax in display.axes_]
        assert titles == ["pretraining", "centers", "encoder"]
        centers = display.axes_[1].lines[0]
        assert_array_equal(centers.get_xdata(), [3, 5])
        with pytest.raises(ValueError, match="1 panels for 3 stages"):
            display.plot(mpl.figure.Figure().subplots())

    def test_nothing_was_trained(self, blobs):
        with pytest.raises(ValueError, match="PPP has no training to draw"):
            TrainingDisplay.from_estimator(PPP().fit(blobs))
