"""How sure a transductive classifier may be, from labels that it does not see.

Neighbours agree with each other, so distributions of least energy are too sure of
themselves. Labeled rows are hidden fold by fold; the temperature under which their
true classes are most probable, close to that of other tables where labels are few,
makes probabilities of them.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import clone

# Median temperature over fourteen tables with five and ten labels a class, and how
# much its logarithm varies between tables.
USUAL, SPREAD = 2.3, 0.3
LEAST_PROBABILITY = 1e-12
BOUNDS = np.log(0.2), np.log(50.0)


class Calibration(NamedTuple):
    """What hidden labels say of a classifier.

    Parameters
    ----------
    temperature : float
        What log probabilities are divided by.
    n_hidden : int
        Labeled rows that were hidden, each once.
    accuracy : float
        Share of them whose class was found; NaN where none could be hidden.
    """

    temperature: float
    n_hidden: int
    accuracy: float

    def probabilities(self, distributions):
        """Distributions as probabilities of being right."""
        logs = np.log(np.maximum(distributions, LEAST_PROBABILITY))
        return softmax(logs / self.temperature, axis=1)


def calibrate(classifier, X, codes, *, n_folds=3, seed=0):
    """Hide labeled rows from copies of a classifier, fold by fold.

    Parameters
    ----------
    classifier : TransductiveClassifier
        Not fitted.
    X : ndarray of shape (n_samples, n_features)
        Rows.
    codes : ndarray of shape (n_samples,)
        Class of the labeled rows, -1 for all others. A row that is alone in its class
        is not hidden.
    n_folds : int, default=3
        Number of fits.
    seed : int, default=0
        Draws the folds.

    Returns
    -------
    Calibration
        Temperature and accuracy.
    """
    logs, right = [], []
    folds = _folds(codes, n_folds, seed)
    for fold in range(n_folds):
        hidden = np.flatnonzero(folds == fold)
        if not len(hidden):
            continue
        seen = codes.copy()
        seen[hidden] = -1
        model = clone(classifier).set_params(reject=None).fit(X, seen)
        place = np.searchsorted(model.classes_, codes[hidden])
        logs.append(np.log(np.maximum(model.label_distributions_[hidden], 1e-12)))
        right.append(place)
    if not logs:
        return Calibration(USUAL, 0, float("nan"))
    logs, right = np.concatenate(logs).astype(np.float64), np.concatenate(right)
    rows = np.arange(len(right))

    def loss(log_temperature):
        likely = log_softmax(logs / np.exp(log_temperature), axis=1)[rows, right]
        unusual = (log_temperature - np.log(USUAL)) / SPREAD
        return 0.5 * unusual**2 - likely.sum()

    found = minimize_scalar(loss, bounds=BOUNDS, method="bounded")
    accuracy = float((logs.argmax(axis=1) == right).mean())
    return Calibration(float(np.exp(found.x)), len(right), accuracy)


def _folds(codes, n_folds, seed):
    """Fold of each labeled row, classes spread over the folds; -1 stays."""
    rng = np.random.default_rng(seed)
    folds = np.full(len(codes), -1)
    for name in np.unique(codes[codes >= 0]):
        rows = rng.permutation(np.flatnonzero(codes == name))
        if len(rows) > 1:
            folds[rows] = np.arange(len(rows)) % n_folds
    return folds
