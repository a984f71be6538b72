"""Shares of the columns in an assignment."""

import numpy as np
import pytest
from extras import pd
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP, TELL, TableEncoder
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
        bars = np.array([expected[name] for name in display.feature_names])
        assert_allclose(widths, bars / np.abs(shares).sum())
        assert list(np.abs(widths)) == sorted(np.abs(widths), reverse=True)

    def test_columns_of_the_table_stand_for_the_axes(self):
        rng = np.random.default_rng(0)
        kind = np.repeat([0, 1, 2], 40)
        table = pd.DataFrame(
            {
                "size": np.array([0.0, 5.0, 9.0])[kind] + rng.normal(size=120),
                "colour": np.array(["red", "blue", "blue"])[kind],
                "noise": rng.normal(size=120),
            }
        )
        table.loc[::11, "size"] = np.nan
        model = make_pipeline(TableEncoder(), TELL(3, random_state=0)).fit(table)
        labels = model.predict(table)
        rows = table[:1]
        display = ExplanationDisplay.from_estimator(model, rows)
        assert set(display.feature_names) == {"size", "colour", "noise"}
        assert np.abs(display.shares).sum() <= 1 + 1e-12
        total = model[-1].explain(model[0].transform(rows), space="input").mean(axis=0)
        assert_allclose(display.shares.sum(), total.sum() / np.abs(total).sum())
        second = model[-1].decision_function(model[0].transform(rows))
        (rival,) = set(np.argsort(second, axis=1)[:, -2])
        assert (
            display.title == f"Why cluster {labels[0]}, and not {rival}, the runner-up"
        )

    def test_rows_of_several_clusters(self, iris, model):
        with pytest.raises(ValueError, match="rows of 3 clusters"):
            ExplanationDisplay.from_estimator(model, iris)
