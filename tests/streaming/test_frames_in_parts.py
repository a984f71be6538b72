"""Parts that are data frames or batches of Arrow."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from skdeepcluster import PPP, MixedMixture
from skdeepcluster.streaming import fit_batches, predict_batches

NAMES = list("abc")
ESTIMATORS = [PPP(), PPP(encoder=PCA(2)), KMeans(4, n_init=1, random_state=0)]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    corners = 9.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]])
    return corners[np.arange(1200) % 4] + rng.standard_normal((1200, 3))


MAKERS = {
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "arrow table": lambda X: pa.table(dict(zip(NAMES, X.T, strict=True))),
    "arrow batch": lambda X: pa.record_batch(dict(zip(NAMES, X.T, strict=True))),
}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_frames_and_batches_of_arrow(make, estimator, X):
    labels = fit_batches(estimator, [X]).predict(X)
    parts = [make(part) for part in np.array_split(X, 3)]
    found = fit_batches(estimator, parts)
    assert list(found.feature_names_in_) == NAMES
    assert_array_equal(np.concatenate([*predict_batches(found, parts)]), labels)


def test_single_precision_is_kept(X):
    batch = pa.record_batch(dict(zip(NAMES, X.T.astype(np.float32), strict=True)))
    assert fit_batches(PPP(), [batch]).cluster_centers_.dtype == np.float32


def test_other_columns_are_refused(X):
    first = pd.DataFrame(X, columns=NAMES)
    for names in (["a", "c", "b"], ["a", "b", "d"]):
        with pytest.raises(ValueError, match="Batch 1: The feature names should match"):
            fit_batches(PPP(), [first, pd.DataFrame(X, columns=names)])


def test_words_are_for_estimators_that_take_them():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": rng.standard_normal(600) + 9 * (np.arange(600) % 2),
            "word": np.array(["left", "right"])[np.arange(600) % 2],
        }
    )
    whole = MixedMixture().fit(frame)
    parts = [frame[start : start + 150] for start in range(0, 600, 150)]
    found = fit_batches(MixedMixture(), parts[::-1])
    assert_array_equal(np.concatenate([*predict_batches(found, parts)]), whole.labels_)
    with pytest.raises(ValueError, match="Batch 0: Column 'word' of X holds 'left'"):
        fit_batches(PPP(), parts)
