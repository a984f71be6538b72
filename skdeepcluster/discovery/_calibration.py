"""How sure a transductive classifier may be, from labels that it does not see.

Neighbours agree with each other, so distributions of least energy are too sure of
themselves. Labeled rows are hidden fold by fold; the temperature under which their
true classes are most probable, close to that of other tables where labels are few,
makes probabilities of them. They are still too sure in the middle, where the classifier
without neighbours is not sure enough: on fourteen tables the mean of both was within
.11 of the accuracy in each of ten bins.
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

    def confidence(self, classifier):
        """Probability that the class found of each row of a fit is right.

        Parameters
        ----------
        classifier : TransductiveClassifier
            Fitted.
        """
        logs = log_distributions(classifier) / self.temperature
        together, alone = softmax(logs, axis=1), classifier._unary_distributions()
        rows, found = np.arange(len(logs)), logs.argmax(axis=1)
        return (together[rows, found] + alone[rows, found]) / 2


def log_distributions(classifier):
    """Logs of the distributions of least energy."""
    distributions = classifier.label_distributions_.astype(np.float64)
    return np.log(np.maximum(distributions, LEAST_PROBABILITY))


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
        logs.append(log_distributions(model)[hidden])
        right.append(place)
    if not logs:
        return Calibration(USUAL, 0, float("nan"))
    logs, right = np.concatenate(logs), np.concatenate(right)
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
