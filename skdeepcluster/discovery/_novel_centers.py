"""Centres of known and novel classes: where novel ones start, and who is nearest."""

import numpy as np

from .._fitted_state import check_arrays
from .._rows import distinct_rows
from ..kernels.kmeans import nearest_centers
from ..kernels.soft_assignment import pairwise_squared_distances, soft_assignments


def class_means(rows, codes, n_classes, weights=None):
    """Mean of the rows of each code, whatever their order.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Rows.
    codes : ndarray of shape (n_samples,), dtype=int64
        Class of every row; others than 0 to ``n_classes - 1`` are left out.
    n_classes : int
        Number of classes, each of which has rows.
    weights : ndarray of shape (n_samples,), default=None
        Weights; None means 1 for all. Rows of a class count the same where none
        has a weight.

    Returns
    -------
    ndarray of shape (n_classes, n_features)
        The means.
    """
    means = np.empty((n_classes, rows.shape[1]))
    for code in range(n_classes):
        members = codes == code
        counts = None if weights is None else weights[members]
        if counts is not None and not counts.any():
            counts = None
        distinct, counts = distinct_rows(rows[members], counts)
        means[code] = np.average(distinct, axis=0, weights=counts)
    return means


def unlabeled_rows(rows, codes, weights=None):
    """Distinct rows without a class and of positive weight, and their weights."""
    free = codes < 0
    if weights is not None:
        free &= weights > 0
        weights = weights[free]
    if not free.any():
        return rows[:0], np.empty(0)
    return distinct_rows(rows[free], weights)


def draw_centers(rows, weights, known_centers, n_novel, power, rng):
    """Draw rows far from the known centres and from each other.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct unlabeled rows.
    weights : ndarray of shape (n_samples,)
        How many equal rows each one stands for.
    known_centers : ndarray of shape (n_known, n_features)
        Centres that count as drawn before; without any, the first row is drawn
        uniformly.
    n_novel : int
        Rows to draw.
    power : float
        A row is drawn with probability proportional to this power of its
        distance to the nearest centre so far; uniformly where all are 0.
    rng : numpy.random.Generator
        One number is drawn per row.

    Returns
    -------
    ndarray of shape (n_novel, n_features)
        The rows drawn.
    """
    closest = np.full(len(rows), np.inf)
    if len(known_centers):
        closest = pairwise_squared_distances(rows, known_centers).min(axis=1)
    chosen = np.empty(n_novel, dtype=np.intp)
    for step, draw in enumerate(rng.random(n_novel)):
        mass = weights
        if np.isfinite(closest[0]) and closest.any():
            # In units of the farthest, which any power leaves in range.
            mass = weights * (closest / closest.max()) ** (power / 2)
        cumulative = np.cumsum(mass)
        drawn = np.searchsorted(cumulative, draw * cumulative[-1], side="right")
        chosen[step] = min(drawn, np.searchsorted(cumulative, cumulative[-1]))
        new = pairwise_squared_distances(rows, rows[chosen[step : step + 1]])[:, 0]
        closest = np.minimum(closest, new)
    return rows[chosen]


class Centers:
    """Known and novel centres that rows are assigned to.

    Parameters
    ----------
    known, novel : ndarray of shape (n_known, n_features), (n_novel, n_features)
        Centres, in the order of the codes.
    allow_known : bool
        Whether a row may be known. Where there is nothing novel, it may be.
    """

    def __init__(self, known, novel, allow_known):
        self.all = np.concatenate([known, novel])
        self.first = 0 if allow_known or not len(novel) else len(known)

    def _check_state(self):
        check_arrays("Centers", all=(self.all, "f", "kp"))
        if not (type(self.first) is int and 0 <= self.first < len(self.all)):
            raise ValueError("first of Centers is out of range")

    @property
    def _allowed(self):
        return self.all[self.first :]

    def nearest(self, rows):
        """Return the codes of the nearest centres, and the squared distances."""
        codes, distances = nearest_centers(rows, self._allowed)
        return codes.astype(np.int64) + self.first, distances

    def probabilities(self, rows, temperature):
        """Softmax over the negative squared distances; 0 where not allowed."""
        probabilities = np.zeros((len(rows), len(self.all)))
        distances = pairwise_squared_distances(rows, self._allowed)
        probabilities[:, self.first :] = soft_assignments(distances, temperature)
        return probabilities
