"""ILASDP as a function: sample, alternate for each family, carry over to all rows.

::

    sample = the rows, or some of them where they are many or have uneven weights
    for each covariance family:
        alternate between relaxation and covariances on the sample   (_alternation)
    keep the family of least BIC
    carry its Gaussians over to all rows by classification EM, then EM
"""

from math import isqrt
from typing import NamedTuple

import numpy as np

from .._kmeans import kmeans
from ._alternation import Alternated, alternate, classify, expectation_maximization
from ._covariances import INDEPENDENT, CovarianceFamily, GroupFit
from ._heuristics import systematic_sample

FAMILIES = ("full", "tied", "diag", "spherical")
# Rows of a sample: at least this many, and this many per cluster.
SAMPLE_ROWS, SAMPLE_ROWS_PER_CLUSTER = 300, 100
# Rows per cluster that a sample keeps where it gets smaller.
LEAST_PER_CLUSTER = 40
# Numbers in the matrices of all groups: beyond the first a sample is taken, it gets
# smaller beyond the second, and smaller still beyond the last.
WHOLE_NUMBERS, SAMPLE_NUMBERS, MOST_NUMBERS = 1_500_000, 2_000_000, 20_000_000
# Rows that a general solver takes.
CVXPY_SAMPLE = 100


class ILASDPFit(NamedTuple):
    """Gaussians of all rows, and what they were found by.

    Parameters
    ----------
    groups : GroupFit
        Gaussians of the clusters.
    alternated : Alternated
        The programs, their solutions and their family.
    sample : ndarray of shape (n_solved,), dtype=intp
        Rows that the programs were solved on.
    """

    groups: GroupFit
    alternated: Alternated
    sample: np.ndarray


def fit_ilasdp(
    X,
    weights,
    n_clusters,
    rng,
    *,
    covariance_type,
    n_columns,
    solver,
    n_init,
    max_samples,
    refine,
    tol,
    max_iter,
):
    """Find groups of different shapes by likelihood-adjusted relaxations.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Scaled rows in lexicographic order, or their coordinates in their span.
    weights : ndarray of shape (n_samples,), dtype=float64, or None
        Positive weights; None for 1.
    n_clusters : int
        Number of clusters, at most that of distinct rows.
    rng : numpy.random.Generator
        Source of the sample and the starts.
    n_columns : int
        Columns of the scaled rows.
    covariance_type, solver, n_init, max_samples, refine, tol, max_iter
        See :class:`ILASDP`.

    Returns
    -------
    ILASDPFit
    """
    sample = np.arange(len(X))
    if weights is not None:
        most = CVXPY_SAMPLE if solver == "cvxpy" else max_samples
        sample = weighted_sample(X, weights, n_clusters, most, rng)
    elif solver == "auto" and is_sampled(len(X), n_clusters, max_samples):
        sample = row_sample(X, n_clusters, rng)
    seed = int(rng.integers(2**31))
    kinds = [covariance_type]
    if covariance_type == "auto":
        kinds = INDEPENDENT if n_columns > len(X) else FAMILIES
    found = [
        alternate(
            X[sample],
            min(n_clusters, len(np.unique(sample))),
            CovarianceFamily(kind, X[sample], n_columns),
            n_init=n_init,
            solver="cvxpy" if solver == "cvxpy" else "admm",
            max_iter=max_iter,
            tol=tol,
            seed=seed,
        )
        for kind in kinds
    ]
    best = min(found, key=lambda candidate: candidate.bic)
    groups = best.fit
    if weights is not None or len(sample) < len(X):
        groups = classify(X, groups, best.family, weights)
    if refine:
        groups = expectation_maximization(X, groups, best.family, weights)
    return ILASDPFit(groups, best, sample)


def is_sampled(n_samples, n_clusters, max_samples):
    """Whether the programs of all rows are too large."""
    if n_samples > max_samples:
        return True
    too_large = n_clusters * n_samples**2 > WHOLE_NUMBERS
    return too_large and n_samples > _sample_size(n_clusters)


def row_sample(X, n_clusters, rng):
    """Rows that stand for all of them, more of small clusters than of large ones."""
    weights = np.ones(len(X))
    share = _shares(X, weights, n_clusters, rng)
    n_drawn = min(_sample_size(n_clusters), len(X))
    return np.unique(systematic_sample(share, n_drawn, rng))


def weighted_sample(X, weights, n_clusters, most, rng):
    """Rows in proportion to their weights; those of much weight several times."""
    share = _shares(X, weights, n_clusters, rng)
    return systematic_sample(share, min(_sample_size(n_clusters), most), rng)


def _shares(X, weights, n_clusters, rng):
    """Half of a sample as the rows are, half the same of every cluster."""
    pilot = kmeans(X, weights, n_clusters, rng, n_init=1, tol=0.0).labels
    sizes = np.bincount(pilot, weights)
    return weights / weights.sum() + weights / (n_clusters * sizes[pilot])


def _sample_size(n_clusters):
    n_drawn = max(SAMPLE_ROWS, SAMPLE_ROWS_PER_CLUSTER * n_clusters)
    affordable = isqrt(SAMPLE_NUMBERS // n_clusters)
    n_drawn = min(n_drawn, max(affordable, LEAST_PER_CLUSTER * n_clusters))
    n_drawn = min(n_drawn, isqrt(MOST_NUMBERS // n_clusters))
    return max(n_drawn, 2 * n_clusters)
