"""Lloyd's algorithm with constraints: assign under limits and links, then means.

::

    for each of n_init starts:
        centers = k-means++, then a few plain steps; means of told groups take the place
            of the centers that they are matched to
        repeat up to max_iter times:
            labels = cheapest assignment under the constraints     (_assignment.py)
            centers = weighted means
            until labels repeat, or the centers moved by at most tol
    keep the run of least cost
"""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._kmeans import lloyd, plusplus_centers
from .._rows import distinct_rows
from ..kernels.kmeans import nearest_centers, update_centers
from ..kernels.soft_assignment import pairwise_squared_distances
from ._assignment import Assigner

# Steps without constraints that every start begins with.
PLAIN_STEPS = 20
# Rows of a told group whose mean is a start.
LEAST_TOLD = 3


class ConstrainedRun(NamedTuple):
    """What one start led to.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        Last centers.
    labels : ndarray of shape (n_items,), dtype=intp
        Clusters of the items, assigned to these centers.
    prices : ndarray of shape (n_clusters,)
        Prices of room.
    cost : float
        Costs that were made small.
    gap : float
        Relative distance of the last assignment to a lower bound of its cost.
    n_iter : int
        Number of times the centers moved.
    converged : bool
        Whether the run ended before `max_iter`.
    """

    centers: np.ndarray
    labels: np.ndarray
    prices: np.ndarray
    cost: float
    gap: float
    n_iter: int
    converged: bool


class Options(NamedTuple):
    """How hard to look; see :class:`ConstrainedKMeans`."""

    n_clusters: int
    strength: float
    n_init: int
    max_iter: int
    tol: float


def fit_constrained_kmeans(items, limits, whole, options, rng):
    """Run k-means under constraints from several starts; keep the best.

    Parameters
    ----------
    items : Items
        The items.
    limits : SizeLimits
        Bounds of the sizes.
    whole : bool
        Whether rows have weight 1.
    options : Options
        Number of clusters, strength of links, starts and steps.
    rng : numpy.random.Generator
        Source of the starts.

    Returns
    -------
    ConstrainedRun
        The best run; fewer clusters than asked for where there are fewer items and
        no limits.
    """
    assigner = Assigner(items, limits, options.strength, whole)
    groups = told_groups(items, options.n_clusters)
    runs = (
        iterate(assigner, start, options)
        for start in _starts(items, limits, groups, options, rng)
    )
    return min(runs, key=lambda run: run.cost)


def iterate(assigner, centers, options):
    """Run Lloyd's algorithm under constraints from given centers."""
    items = assigner.items
    labels, prices = nearest_centers(items.means, centers)[0], np.zeros(len(centers))
    costs = pairwise_squared_distances(items.means, centers)
    found = assigner(costs, labels, prices)
    seen, n_iter, converged = {_digest(found.labels)}, 0, False
    while n_iter < options.max_iter and not converged:
        n_iter += 1
        before = centers
        away = costs[np.arange(len(costs)), found.labels]
        centers = update_centers(
            items.means, items.weights, found.labels, away, centers
        )[0]
        # The largest array: never two of them.
        del costs
        costs = pairwise_squared_distances(items.means, centers)
        found = assigner(costs, found.labels, found.prices)
        moved = np.square(centers - before).sum()
        state = _digest(found.labels)
        # Soft links may lead around in a circle.
        converged = moved <= options.tol or state in seen
        seen.add(state)
    found = assigner(costs, found.labels, found.prices, final=True)
    cost = found.cost + float(items.scatters.sum())
    return ConstrainedRun(
        centers, found.labels, found.prices, cost, found.gap, n_iter, converged
    )


def _digest(labels):
    return blake2b(np.ascontiguousarray(labels)).digest()


def told_groups(items, n_clusters):
    """Items of most rows that are pairwise kept apart, the largest first."""
    if not (items.hard and len(items.edges)):
        return []
    numbers = items.numbers[items.numbers >= 0]
    n_rows = np.bincount(numbers, minlength=len(items.weights))
    apart = {}
    for i, j in items.edges.tolist():
        apart.setdefault(i, set()).add(j)
        apart.setdefault(j, set()).add(i)
    chosen = []
    for item in sorted(apart, key=lambda item: (-n_rows[item], item)):
        if len(chosen) < n_clusters and all(item in apart[other] for other in chosen):
            chosen.append(item)
    return chosen


def _starts(items, limits, groups, options, rng):
    """Centers to start from, one after the other."""
    distinct, counts = distinct_rows(items.means, items.weights)
    if np.array_equal(distinct, items.means):
        # Many rows are not held twice.
        distinct = items.means
    k = options.n_clusters
    n_starts = options.n_init
    if len(groups) == k:
        yield items.means[groups]
        n_starts -= 1
    n_drawn = min(k, len(distinct))
    numbers = items.numbers[items.numbers >= 0]
    n_rows = np.bincount(numbers, minlength=len(items.weights))
    large = [item for item in groups if n_rows[item] >= LEAST_TOLD]
    for _ in range(n_starts):
        centers = plusplus_centers(distinct, counts, n_drawn, rng)
        run = lloyd(distinct, counts, centers, max_iter=PLAIN_STEPS, tol=options.tol)
        centers = run.centers
        if not limits.are_none or (items.hard and len(items.edges)):
            # Clusters that have to hold rows, or rows kept apart, may have equal
            # centers.
            centers = np.resize(centers, (k, centers.shape[1]))
        if len(large) <= len(centers):
            centers = _with_told(centers, items.means[large])
        yield _in_slots(centers, distinct, counts, limits)


def _with_told(centers, means):
    """Put means of told groups in the places of the centers they are matched to."""
    centers = centers.copy()
    if len(means):
        squares = pairwise_squared_distances(means, centers)
        groups, matched = linear_sum_assignment(squares)
        centers[matched] = means[groups]
    return centers


def _in_slots(centers, rows, weights, limits):
    """Order centers such that the larger clusters have the larger limits."""
    if not limits.by_slot:
        return centers
    sizes = np.bincount(nearest_centers(rows, centers)[0], weights, len(centers))
    wanted = np.clip(limits.targets, limits.lower, limits.upper)
    ordered = np.empty_like(centers)
    ordered[np.argsort(-wanted, kind="stable")] = centers[
        np.argsort(-sizes, kind="stable")
    ]
    return ordered
