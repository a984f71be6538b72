"""Shares of the columns in an assignment."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP
from skdeepcluster.inspection import (
    ExplanationDisplay,
)


class TestExplanation:
    def test_estimator_that_explains_nothing(self, blobs):
        pipeline = make_pipeline(StandardScaler(), PPP()).fit(blobs)
        with pytest.raises(ValueError, match="PPP has no method explain, as TELL has"):
            ExplanationDisplay.from_estimator(pipeline, blobs[:1])

    def test_bars_are_the_shares(self, iris, model):
        rows = iris[model.predict(iris) == 1]
        display = ExplanationDisplay.from_estimator(model, rows)
        scaled = StandardScaler().fit(iris).transform(rows)
        shares = model[-1].explain(scaled).mean(axis=0)
        expected = dict(zip(iris.columns, shares, strict=True))
        widths = [bar.get_width() for bar in display.bars_]
        assert_allclose(widths, [expected[name] for name in display.feature_names])
        assert list(np.abs(widths)) == sorted(np.abs(widths), reverse=True)

    def test_rows_of_several_clusters(self, iris, model):
        with pytest.raises(ValueError, match="rows of 3 clusters"):
            ExplanationDisplay.from_estimator(model, iris)
