"""Confidence of a transductive classifier, from labels that it does not see."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from skdeepcluster import TransductiveClassifier
from skdeepcluster.discovery._calibration import USUAL, calibrate


def few(y, n_labels):
    """Labels of some rows of each class, and -1 for all others."""
    rng, partial = np.random.default_rng(0), np.full(len(y), -1)
    for name in np.unique(y):
        partial[rng.permutation(np.flatnonzero(y == name))[:n_labels]] = name
    return partial


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer, load_digits]
)
def test_confidence_is_near_the_accuracy(load):
    X, y = load(return_X_y=True)
    codes = few(y, 10)
    model = TransductiveClassifier().fit(X, codes)
    calibration = calibrate(model, X, codes)
    assert calibration.n_hidden == 10 * len(np.unique(y))
    free = codes < 0
    right = (model.transduction_ == y)[free].mean()
    sure = calibration.confidence(model)[free]
    assert abs(sure.mean() - right) < 0.15
    assert model.label_distributions_[free].max(axis=1).mean() > sure.mean()
    assert abs(calibration.accuracy - right) < 0.15


def test_labels_that_are_alone_are_not_hidden():
    X, y = load_iris(return_X_y=True)
    calibration = calibrate(TransductiveClassifier(), X, few(y, 1))
    assert calibration.n_hidden == 0
    assert np.isnan(calibration.accuracy)
    assert calibration.temperature == USUAL


def test_same_again():
    X, y = load_iris(return_X_y=True)
    first, second = (calibrate(TransductiveClassifier(), X, few(y, 5)) for _ in "ab")
    assert first == second
