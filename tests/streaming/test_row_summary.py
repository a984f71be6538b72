"""RowSummary: the public door to the summary of a stream."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from skdeepcluster._rows import distinct_rows
from skdeepcluster.streaming import RowSummary


@pytest.fixture
def X():
    return np.random.default_rng(0).integers(0, 9, (3000, 3)).astype(float)


def test_below_the_capacity_it_is_the_distinct_rows(X):
    weights = np.random.default_rng(1).integers(0, 3, len(X)).astype(float)
    summary = RowSummary()
    for rows in np.array_split(np.arange(len(X)), 5):
        summary.partial_fit(X[rows], sample_weight=weights[rows])
    for found, expected in zip(
        (summary.rows_, summary.weights_), distinct_rows(X, weights), strict=True
    ):
        assert_array_equal(found, expected)


def test_parts_merge_to_the_whole(X):
    whole = RowSummary(50).fit(X)
    assert whole.rows_.shape == (50, 3)
    left, right = RowSummary(50).fit(X[2000:]), RowSummary(50).fit(X[:2000])
    before = right.rows_
    left.merge(right)
    assert_array_equal(left.rows_, whole.rows_)
    assert_array_equal(left.weights_, whole.weights_)
    assert_array_equal(right.rows_, before)


def test_what_does_not_merge(X):
    summary = RowSummary().fit(X)
    before = dict(vars(summary))
    with pytest.raises(ValueError, match="capacity=100000 and capacity=5"):
        summary.merge(RowSummary(5).fit(X))
    with pytest.raises(ValueError, match="n_features_in_=3 and n_features_in_=2"):
        summary.merge(RowSummary().fit(X[:, :2]))
    with pytest.raises(NotFittedError):
        summary.merge(RowSummary())
    assert vars(summary) == before


def test_nothing_was_seen():
    for name in ("rows_", "weights_"):
        with pytest.raises(NotFittedError):
            getattr(RowSummary(), name)
