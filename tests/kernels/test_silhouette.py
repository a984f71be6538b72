"""The silhouette kernel against scikit-learn's definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import silhouette_score

from skdeepcluster.kernels.silhouette import mean_silhouettes


@given(st.integers(0, 10_000), st.integers(4, 25), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_agrees_with_scikit_learn(seed, n_samples, n_features):
    rng = np.random.default_rng(seed)
    X = rng.integers(-3, 4, size=(n_samples, n_features)).astype(float)
    numbers = np.array([2, 3])
    labelings = rng.permuted(np.arange(n_samples) % numbers[:, np.newaxis], axis=1)
    expected = [silhouette_score(X, labels) for labels in labelings]
    found = mean_silhouettes(X, np.ones(n_samples), labelings, numbers)
    assert_allclose(found, expected, atol=1e-12)


def test_weights_are_copies():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(9, 2)), np.arange(9) % 3
    weights = np.array([1.0, 2, 3, 1, 1, 2, 1, 4, 1])
    copies = weights.astype(int)
    repeated = silhouette_score(np.repeat(X, copies, axis=0), np.repeat(labels, copies))
    found = mean_silhouettes(X, weights, labels[np.newaxis], [3])
    assert_allclose(found, [repeated])


@pytest.mark.parametrize(
    ("labels", "number"), [([0, 0, 0], 1), ([0, 1, 2], 3), ([0, 0, 0], 2)]
)
def test_nothing_to_compare_is_zero(labels, number):
    X = np.array([[0.0], [0.0], [0.0]])
    assert mean_silhouettes(X, np.ones(3), [labels], [number]) == 0
