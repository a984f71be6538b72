"""Choosing rows to start from: greedy k-means++."""

import math

import numpy as np

from ._jit import jit, read_only
from .distances import squared_distance


def n_kmeans_plusplus_draws(n_clusters):
    """Count the uniform draws that `kmeans_plusplus` uses.

    Parameters
    ----------
    n_clusters : int
        Number of rows to choose.

    Returns
    -------
    int
        One for the first row, and ``2 + int(log(n_clusters))`` for each other.

    Examples
    --------
    >>> from skdeepcluster.kernels.seeding import n_kmeans_plusplus_draws
    >>> n_kmeans_plusplus_draws(3)
    7
    """
    return 1 + (n_clusters - 1) * _n_candidates(n_clusters)


def kmeans_plusplus(X, weights, n_clusters, draws):
    """Choose rows that lie far apart, by greedy weighted k-means++.

    Each step draws several candidates with probability proportional to weight
    times squared distance to the rows chosen so far, and keeps the one that
    leaves the smallest weighted sum of squared distances.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    weights : ndarray of shape (n_samples,), dtype float64
        Weight of each row, not all 0. A row without weight is never chosen.
    n_clusters : int
        Number of rows to choose.
    draws : ndarray of shape (n_kmeans_plusplus_draws(n_clusters),), dtype float64
        Uniform numbers in [0, 1), the only source of randomness.

    Returns
    -------
    ndarray of shape (n_clusters,), dtype intp
        Chosen rows, distinct while distinct rows are left; then the first chosen
        row is repeated.

    Notes
    -----
    O(n_samples * n_features * n_clusters * log(n_clusters)) time, and two numbers
    of extra memory per row.

    References
    ----------
    Arthur, D. and Vassilvitskii, S. (2007). "k-means++: The advantages of careful
    seeding." Proceedings of the 18th ACM-SIAM Symposium on Discrete Algorithms.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.seeding import kmeans_plusplus
    >>> X = np.array([[0.0], [1.0], [9.0]])
    >>> kmeans_plusplus(X, np.ones(3), 2, np.array([0.1, 0.2, 0.9]))
    array([0, 2])
    """
    X, weights = read_only(X), read_only(weights)
    chosen = np.empty(n_clusters, dtype=np.intp)
    cumulative = np.cumsum(weights)
    chosen[:] = _draw_rows(cumulative, draws[:1])
    closest = np.full(len(X), np.inf)
    later_draws = draws[1:].reshape(-1, _n_candidates(n_clusters))
    for step, candidate_draws in enumerate(later_draws, start=1):
        _add_center(X, weights, chosen[step - 1], closest, cumulative)
        if cumulative[-1] == 0:  # every row equals one that is chosen
            break
        candidates = _draw_rows(cumulative, candidate_draws)
        potentials = _potentials(X, weights, closest, candidates)
        chosen[step] = candidates[potentials.argmin()]
    return chosen


def _n_candidates(n_clusters):
    return 2 + int(math.log(n_clusters))


def _draw_rows(cumulative, draws):
    """Rows at shares of the total mass; a row without mass is never among them."""
    total = cumulative[-1]
    rows = np.searchsorted(cumulative, draws * total, side="right")
    # A total at the ends of the range can equal its product: past the last mass.
    return np.minimum(rows, np.searchsorted(cumulative, total, side="left"))


@jit()
def _add_center(X, weights, center, closest, cumulative):
    """Lower the squared distances ``closest``; write the running sums of the mass."""
    total = 0.0
    for i in range(len(X)):
        if weights[i] > 0:
            distance = squared_distance(X[i], X[center])
            closest[i] = min(closest[i], distance)
            total += weights[i] * closest[i]
        cumulative[i] = total


@jit()
def _potentials(X, weights, closest, candidates):
    """Sum the mass that each candidate would leave."""
    potentials = np.zeros(len(candidates))
    for i in range(len(X)):
        if weights[i] > 0:
            for c in range(len(candidates)):
                distance = squared_distance(X[i], X[candidates[c]])
                potentials[c] += weights[i] * min(closest[i], distance)
    return potentials
