"""Merges as brackets, clusters as boxes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError

from skdeepcluster import PPP, TELL
from skdeepcluster.inspection import (
    TreeDisplay,
)


class TestTree:
    history = [
        {"left": 0, "right": 1, "node": 4, "separation": 0.2, "z": -1.0, "kept": True},
        {"left": 3, "right": 4, "node": 5, "separation": 0.1, "z": 4.2, "kept": False},
    ]

    def test_brackets_join_what_was_merged(self, tick_texts):
        display = TreeDisplay(history=self.history, sizes=np.array([5, 3])).plot()
        kept, undone = display.lines_
        assert kept.get_linestyle() == "-"
        assert undone.get_linestyle() == "--"
        # A shallower valley that was met later does not lie lower.
        assert_array_equal(kept.get_ydata(), [0, 0.2, 0.2, 0])
        assert_array_equal(undone.get_ydata(), [0, 0.2, 0.2, 0.2])
        assert [text.get_text() for text in display.ax_.texts] == ["z = 4.2"]
        # Cell 2 was never merged, and is there all the same.
        assert sorted(tick_texts(display.ax_.xaxis)) == ["0", "1", "2", "3"]
        left, right = undone.get_xdata()[0], undone.get_xdata()[-1]
        assert right == np.mean(kept.get_xdata())
        assert abs(left - right) == 1.5

    def test_clusters_are_counted_and_joined(self):
        first, second = self.history
        third = second | {"left": 2, "right": 6, "node": 7, "kept": True}
        third |= {"separation": -3.0, "weight": 1250.0}
        tree = [first | {"weight": 40.0}, second, third]
        display = TreeDisplay(history=tree, sizes=np.array([5, 3])).plot()
        texts = [text.get_text() for text in display.ax_.texts]
        assert texts == ["40", "z = 4.2", "1,250"]
        # A merge that costs nothing is seen all the same.
        assert max(display.lines_[2].get_ydata()) == pytest.approx(0.002)
        dotted = [line for line in display.ax_.lines if line.get_linestyle() == ":"]
        roots = {line.get_xdata()[0] for line in dotted[:-1]}
        assert len(roots) == 2
        assert set(dotted[-1].get_xdata()) == roots

    def test_every_merge_of_a_fit(self, blobs):
        model = PPP().fit(blobs)
        display = TreeDisplay.from_estimator(model)
        assert len(display.lines_) == len(model.merges_)
        drawn = {"-": True, "--": False}
        assert [drawn[line.get_linestyle()] for line in display.lines_] == [
            merge["kept"] for merge in model.merges_
        ]

    def test_boxes_are_as_large_as_the_clusters(self):
        sizes = np.array([50, 30, 15, 4, 1])
        display = TreeDisplay(history=[], sizes=sizes).plot(kind="treemap")
        areas = [box.get_width() * box.get_height() for box in display.boxes_]
        assert_allclose(areas, sizes / 100)
        corners = {tuple(np.round(box.get_xy(), 9)) for box in display.boxes_}
        assert len(corners) == 5

    def test_bad_input(self):
        display = TreeDisplay(history=[], sizes=np.array([3]))
        with pytest.raises(ValueError, match="no merge to draw"):
            display.plot()
        with pytest.raises(ValueError, match="kind must be"):
            display.plot(kind="pie")

    def test_estimators_without_a_tree(self, blobs):
        with pytest.raises(ValueError, match="TELL has no tree to draw"):
            TreeDisplay.from_estimator(TELL(2, random_state=0).fit(blobs))
        with pytest.raises(ValueError, match="KMeans has no tree to draw"):
            TreeDisplay.from_estimator(KMeans(2, n_init=1).fit(blobs))
        with pytest.raises(NotFittedError):
            TreeDisplay.from_estimator(PPP())
