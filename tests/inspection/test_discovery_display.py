"""Common rows of true and of found classes."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.inspection import (
    DiscoveryDisplay,
)


class TestDiscovery:
    def test_cells_count_common_rows(self):
        y_true = np.repeat([3, 1, 7, 9], [10, 20, 30, 5])
        y_pred = np.repeat([3, 1, 11, 10, 1], [10, 20, 25, 5, 5])
        display = DiscoveryDisplay.from_predictions(
            y_true, y_pred, known_classes=[1, 3]
        )
        assert display.true_classes == [1, 3, 7, 9]
        assert display.found_classes[:2] == [1, 3]
        assert display.n_known == (2, 2)
        for i, true in enumerate(display.true_classes):
            for j, found in enumerate(display.found_classes):
                common = np.sum((y_true == true) & (y_pred == found))
                assert display.counts[i, j] == common
        shares = np.asarray(display.image_.get_array())
        assert_allclose(shares.sum(axis=1), 1)

    def test_novel_columns_follow_their_rows(self):
        y_true = ["a", "a", "b", "b", "c", "c"]
        y_pred = ["a", "a", "novel_1", "novel_1", "novel_0", "novel_0"]
        display = DiscoveryDisplay.from_predictions(y_true, y_pred, known_classes=["a"])
        assert display.found_classes == ["a", "novel_1", "novel_0"]
        assert_array_equal(display.counts, 2 * np.eye(3))
