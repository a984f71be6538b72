"""Silhouettes against scikit-learn's."""

import numpy as np
from sklearn.metrics import silhouette_score

from skdeepcluster.kernels.silhouettes import mean_silhouettes


def test_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    # A cluster of one row, and one number that the first partition leaves out.
    few = np.repeat([0, 1, 3], [1, 30, 29])
    partitions = np.array([few, rng.permutation(np.arange(60) % 5)])
    np.testing.assert_allclose(
        mean_silhouettes(X, np.ones(60), partitions),
        [silhouette_score(X, labels) for labels in partitions],
    )


def test_a_weight_is_as_many_rows():
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(20, 2)), np.arange(20) % 3 + 1
    labels = np.arange(20) % 4
    np.testing.assert_allclose(
        mean_silhouettes(X, weights.astype(float), labels[np.newaxis]),
        silhouette_score(np.repeat(X, weights, axis=0), np.repeat(labels, weights)),
    )


def test_equal_rows_are_nobodys():
    X, labels = np.zeros((4, 2)), np.array([[0, 0, 1, 1]])
    np.testing.assert_array_equal(mean_silhouettes(X, np.ones(4), labels), [0.0])
