"""Classes by their means: scores, moving means, and their transport."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from scipy.special import logsumexp, softmax

from .._fitted_state import check_arrays
from .._threads import one_blas_thread
from ..kernels.projection import project

# Entropy of the plan, as a share of the largest cost, and steps of its scaling.
PLAN_ENTROPY, PLAN_STEPS = 0.1, 100


class Prototypes(NamedTuple):
    """Means of the classes, and what a squared distance to one counts.

    Parameters
    ----------
    means : ndarray of shape (n_classes, n_columns)
        Means.
    temperature : float
        Mean squared distance of rows to the nearest of them.
    """

    means: np.ndarray
    temperature: float

    def _check_state(self):
        check_arrays("Prototypes", means=(self.means, "f", "kp"))

    @classmethod
    def of(cls, means, rows):
        """Measure the distances of the rows that the means are of."""
        nearest = squared_distances(rows, means).min(axis=1)
        return cls(means, float(nearest.mean()) or 1.0)

    def scores(self, rows):
        """Minus the squared distances, in units of the temperature."""
        return -squared_distances(rows, self.means) / self.temperature


def squared_distances(rows, means):
    """Squared distances of rows to means, each row by itself."""
    axes = np.ascontiguousarray(means.T)
    if issparse(rows):
        products, lengths = rows @ axes, np.asarray(rows.power(2).sum(axis=1)).ravel()
    else:
        products, lengths = project(rows, axes), np.square(rows).sum(axis=1)
    squares = lengths[:, np.newaxis] - 2 * products + np.square(means).sum(axis=1)
    return np.maximum(squares, 0.0)


def fit_prototypes(rows, shares):
    """Means of rows that are shared among classes; each class has a share."""
    with one_blas_thread():
        return (rows.T @ shares).T / shares.sum(axis=0)[:, np.newaxis]


def transported(prototypes, rows, free):
    """Move means to where an optimal plan sends unlabeled rows to them.

    Rows weigh the same, and classes what the distances say of their shares. The plan
    is that of least cost plus entropy, and each mean moves to the barycentre of what
    it is sent.

    Parameters
    ----------
    prototypes : Prototypes
        Of the labeled rows.
    rows : ndarray of shape (n_samples, n_columns)
        All rows.
    free : ndarray of shape (n_samples,), dtype=bool
        Which of them are unlabeled.
    """
    free_rows = rows[free]
    priors = softmax(prototypes.scores(free_rows), axis=1).mean(axis=0)
    costs = squared_distances(free_rows, prototypes.means)
    logs = -costs / (PLAN_ENTROPY * (costs.max() or 1.0))
    by_row, by_class = -np.log(len(costs)), np.log(priors)
    of_class = np.zeros(len(priors))
    for _ in range(PLAN_STEPS):
        of_row = by_row - logsumexp(logs + of_class, axis=1, keepdims=True)
        of_class = by_class - logsumexp(logs + of_row, axis=0)
    plan = np.exp(logs + of_row + of_class)
    return Prototypes.of(fit_prototypes(free_rows, plan), rows)
