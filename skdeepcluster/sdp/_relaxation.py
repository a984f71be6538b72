"""The k-means relaxation, tier by tier, the cheapest proof first."""

from typing import NamedTuple

import numpy as np

from .._kmeans import kmeans, lloyd, weighted_means
from .._rows import canonical_order
from ..kernels.kmeans import nearest_centers
from . import _admm as admm
from . import _low_rank as low_rank
from ._dual_bound import CLOSED, Bound, bound_of, certify, dual_bound, search_bound
from ._heuristics import LLOYD_PASSES, improve, local_optimum, systematic_sample

# Noise of the factor's rows beside the indicators, over the root of the rows.
NOISE = 0.3
# Distinct rows up to which "auto" runs the solver that holds all pairs: it is
# about as fast there as the other one, and its multipliers are a bound.
MAX_PAIRS = 1000
# Iterations of these for each outer iteration of the low-rank solver.
LONGER = 100
# Weighted centres that stand for the rows of a large table, and the rows of
# the sample that places them.
SUMMARY_CENTERS, SUMMARY_ROWS, SUMMARY_PASSES = 2000, 40_000, 5
# So many clusters are solved on all of max_samples rows, of more on fewer rows.
CLUSTERS_OF_ALL_ROWS = 5
# A bound is searched for where a step takes up to so many operations.
MOST_BOUND_WORK = 1e8
# Rows drawn for clusters of equal weight: enough for 20 clusters of 25.
BALANCED_ROWS = 500
# Samples in turn, each by the clusters found from the one before: the first, by
# k-means, may hold too few rows of a small cluster.
BALANCED_ROUNDS = 3


class SolverOptions(NamedTuple):
    """How the relaxation is solved.

    Parameters
    ----------
    solver : {"auto", "low_rank", "admm", "cvxpy"}
        Tiers to run.
    n_init : int
        Starts of k-means.
    tol : float
        Largest infeasibility.
    max_iter : int
        Largest number of outer iterations.
    """

    solver: str
    n_init: int
    tol: float
    max_iter: int


class Relaxed(NamedTuple):
    """A partition, and what the relaxation says of it.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), dtype=intp
        Cluster of each row.
    inertia : float
        Its inertia.
    bound : Bound
        Below the inertia of every partition.
    solver : str
        The tier that answered.
    factor : ndarray of shape (rank, n_samples)
        Nonnegative factor of the solution.
    objective, infeasibility : float
        Value of the relaxation, and what its constraint is missed by.
    n_iter : int
        Iterations of the tier.
    converged : bool
        Whether it ended before its last iteration.
    trace : list of dict
        One entry for each iteration of every tier.
    is_searched : bool
        Whether a higher bound than that of the closed form was searched for.
    """

    labels: np.ndarray
    inertia: float
    bound: Bound
    solver: str
    factor: np.ndarray
    objective: float
    infeasibility: float
    n_iter: int
    converged: bool
    trace: list
    is_searched: bool = False


class SDPKMeansFit(NamedTuple):
    """The clusters, and what the relaxation says of them.

    Parameters
    ----------
    centers : ndarray of shape (n_found, n_features)
        Means of the clusters that hold rows, the largest first.
    relaxed : Relaxed
        The partition, its bound and the solution.
    """

    centers: np.ndarray
    relaxed: Relaxed


def fit_sdp_kmeans(X, weights, n_clusters, options, rng, *, balance_sizes, max_samples):
    """Cluster distinct weighted rows by the relaxation of k-means.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct rows, scaled.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    n_clusters : int
        At most the number of rows.
    options : SolverOptions
        Tiers and tolerances.
    rng : numpy.random.Generator
        Source of the starts.
    balance_sizes : bool
        Whether clusters count the same, whatever their sizes.
    max_samples : int
        Beyond this number of rows, or fewer in proportion where there are more
        than five clusters, centres of small groups stand for them.

    Returns
    -------
    SDPKMeansFit
    """
    solve = relax
    if balance_sizes:
        solve = relax_balanced
    elif len(X) * max(1.0, n_clusters / CLUSTERS_OF_ALL_ROWS) > max_samples:
        solve = relax_summary
    relaxed = solve(X, weights, n_clusters, options, rng)
    n_found = int(relaxed.labels.max()) + 1
    centers, sizes = weighted_means(X, weights, relaxed.labels, n_found)
    return SDPKMeansFit(centers[canonical_order(sizes, centers)], relaxed)


def relax(X, weights, n_clusters, options, rng, *, search=True):
    """Find a partition of least inertia, and a bound on all others.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    n_clusters : int
        At most the number of rows.
    options : SolverOptions
        Tiers and tolerances.
    rng : numpy.random.Generator
        Source of the starts.
    search : bool, default=True
        Whether a higher bound than that of the closed form is of use.

    Returns
    -------
    Relaxed
    """
    labels, inertia, bound = _best_partition(X, weights, n_clusters, options, rng)
    found = Relaxed(
        labels,
        inertia,
        bound,
        "certificate",
        low_rank.indicator_factor(weights, labels, n_clusters, n_clusters, 0.0, rng),
        inertia,
        0.0,
        1,
        True,
        [{"tier": "certificate", "objective": inertia, "infeasibility": 0.0}],
    )
    is_trivial = n_clusters in (1, len(X))
    if is_trivial or (options.solver == "auto" and found.bound.is_proof):
        return found
    solver = options.solver
    if solver == "auto":
        solver = "admm" if len(X) <= MAX_PAIRS else "low_rank"
    if solver == "admm":
        return _by_admm(X, weights, n_clusters, found, options, rng)
    if solver == "cvxpy":
        return _by_cvxpy(X, weights, n_clusters, found, options, rng)
    found = _by_low_rank(X, weights, n_clusters, found, options, rng)
    return _searched(X, weights, n_clusters, found) if search else found


def _best_partition(X, weights, n_clusters, options, rng):
    """The best of several starts of k-means, improved; the first if proven."""
    run = kmeans(X, weights, n_clusters, rng, n_init=1, tol=0.0)
    first, inertia = run.labels, run.inertia
    bound = certify(X, weights, first, n_clusters, inertia)
    if bound.is_proof:
        return first, inertia, bound
    labels = first
    if options.n_init > 1:
        n_init = options.n_init - 1
        others = kmeans(X, weights, n_clusters, rng, n_init=n_init, tol=0.0)
        best = min(run, others, key=lambda found: found.inertia)
        labels, inertia = best.labels, best.inertia
    labels, inertia = improve(X, weights, labels, n_clusters)
    if not _is_same(labels, first, n_clusters):
        bound = certify(X, weights, labels, n_clusters, inertia)
    return labels, inertia, bound


def _is_same(labels, others, n_clusters):
    """Whether two partitions with no empty cluster are the same."""
    return len(np.unique(labels * n_clusters + others)) == n_clusters


def _searched(X, weights, n_clusters, found):
    """Raise the bound by a search, where that is cheap and of use."""
    work = len(X) * float(X.shape[1] + n_clusters) ** 2
    if found.bound.is_proof or work > MOST_BOUND_WORK:
        return found
    bound = search_bound(
        X, weights, found.labels, n_clusters, found.bound, found.inertia
    )
    return found._replace(bound=bound, is_searched=True)


def _by_low_rank(X, weights, n_clusters, found, options, rng):
    start = low_rank.indicator_factor(
        weights, found.labels, n_clusters, 2 * n_clusters, NOISE, rng
    )
    solution = low_rank.solve(
        X,
        weights,
        n_clusters,
        start,
        tol=options.tol,
        max_iter=options.max_iter,
    )
    found = _round(X, weights, n_clusters, found, solution.factor, rng)
    trace = [{"tier": "low_rank"} | entry for entry in solution.trace]
    return found._replace(
        solver="low_rank",
        factor=solution.factor,
        objective=solution.objective,
        infeasibility=solution.infeasibility,
        n_iter=len(trace),
        converged=solution.converged,
        trace=found.trace + trace,
    )


def _by_admm(X, weights, n_clusters, found, options, rng):
    solution = admm.solve(
        X,
        weights,
        n_clusters,
        found.labels,
        tol=options.tol,
        max_iter=LONGER * options.max_iter,
    )
    found = found._replace(bound=_higher(found, solution.lower_bound))
    if not found.bound.is_proof:
        found = _round(X, weights, n_clusters, found, solution.factor, rng)
    trace = [{"tier": "admm"} | entry for entry in solution.trace]
    return found._replace(
        solver="admm",
        objective=solution.objective,
        infeasibility=solution.infeasibility,
        n_iter=solution.n_iter,
        converged=solution.converged,
        trace=found.trace + trace,
    )


def _by_cvxpy(X, weights, n_clusters, found, options, rng):
    from . import _cvxpy as reference

    solution = reference.solve(
        X, weights, n_clusters, max_iter=LONGER * options.max_iter
    )
    values, vectors = np.linalg.eigh(solution.Z)
    factor = (vectors * np.sqrt(np.maximum(values, 0))).T[-2 * n_clusters :]
    found = _round(X, weights, n_clusters, found, np.ascontiguousarray(factor), rng)
    bound = dual_bound(X, weights, solution.dual, n_clusters)
    entry = {
        "tier": "cvxpy",
        "objective": solution.objective,
        "infeasibility": solution.infeasibility,
    }
    return found._replace(
        bound=_higher(found, bound),
        solver="cvxpy",
        objective=solution.objective,
        infeasibility=solution.infeasibility,
        n_iter=solution.n_iter,
        converged=solution.converged,
        trace=[*found.trace, entry],
    )


def _round(X, weights, n_clusters, found, factor, rng):
    """Read a partition off a factor, and keep the better one."""
    labels = low_rank.round_factor(X, weights, factor, n_clusters, rng)
    if _is_same(labels, found.labels, n_clusters):
        # The same partition, which was improved before.
        return found
    labels, inertia = improve(X, weights, labels, n_clusters)
    return _better(X, weights, n_clusters, found, labels, inertia)


def _higher(found, value):
    """The higher of two bounds."""
    return bound_of(found.inertia, max(found.bound.value, value))


def _better(X, weights, n_clusters, found, labels, inertia):
    """Keep the better of two partitions; an old bound still holds."""
    if inertia >= found.inertia * (1 - CLOSED):
        return found
    bound = certify(X, weights, labels, n_clusters, inertia)
    bound = bound_of(inertia, max(bound.value, found.bound.value))
    return found._replace(labels=labels, inertia=inertia, bound=bound)


def relax_summary(X, weights, n_clusters, options, rng):
    """Solve the relaxation on centres of small groups of rows; bound all rows.

    Parameters and the result are those of :func:`relax`. The factor's columns
    are those of the groups, shared among their rows.
    """
    groups, centers, group_weights = _summarise(X, weights, n_clusters, rng)
    coarse = relax(centers, group_weights, n_clusters, options, rng, search=False)
    starts, _ = weighted_means(centers, group_weights, coarse.labels, n_clusters)
    labels = lloyd(X, weights, starts, max_iter=LLOYD_PASSES, tol=0.0).labels
    labels, inertia = local_optimum(X, weights, labels, n_clusters)
    within = float((weights * np.square(X - centers[groups]).sum(axis=1)).sum())
    return _lifted(X, weights, n_clusters, labels, inertia, coarse)._replace(
        factor=coarse.factor[:, groups] * np.sqrt(weights / group_weights[groups]),
        objective=coarse.objective + within,
    )


def _summarise(X, weights, n_clusters, rng):
    """Groups of rows, with the means and weights of those that hold rows."""
    n_groups = max(SUMMARY_CENTERS, 10 * n_clusters)
    drawn = np.sort(rng.permutation(len(X))[: max(SUMMARY_ROWS, 2 * n_groups)])
    sample = X[drawn]
    starts = sample[np.sort(rng.permutation(len(sample))[:n_groups])]
    run = lloyd(sample, weights[drawn], starts, max_iter=SUMMARY_PASSES, tol=0.0)
    groups, _ = nearest_centers(X, run.centers)
    _, groups = np.unique(groups, return_inverse=True)
    return groups, *weighted_means(X, weights, groups, int(groups.max()) + 1)


def relax_balanced(X, weights, n_clusters, options, rng):
    """Solve the relaxation with clusters of equal weight; let Lloyd follow.

    Parameters and the result are those of :func:`relax`, except that the
    partition is a local optimum of the inertia near the balanced one, and the
    factor is that of the partition.
    """
    run = kmeans(X, weights, n_clusters, rng, n_init=options.n_init, tol=0.0)
    labels = run.labels
    for _ in range(BALANCED_ROUNDS):
        share = weights / np.bincount(labels, weights)[labels]
        drawn, drawn_weights = np.arange(len(X)), share
        if len(X) > BALANCED_ROWS:
            drawn = np.unique(systematic_sample(share, BALANCED_ROWS, rng))
            drawn_weights = np.ones(len(drawn))
        sample = np.ascontiguousarray(X[drawn])
        coarse = relax(sample, drawn_weights, n_clusters, options, rng, search=False)
        starts, _ = weighted_means(sample, drawn_weights, coarse.labels, n_clusters)
        labels = lloyd(X, weights, starts, max_iter=LLOYD_PASSES, tol=0.0).labels
        labels = np.unique(labels, return_inverse=True)[1]
    centers, _ = weighted_means(X, weights, labels, int(labels.max()) + 1)
    inertia = float((weights * np.square(X - centers[labels]).sum(axis=1)).sum())
    return _lifted(X, weights, n_clusters, labels, inertia, coarse)._replace(
        factor=low_rank.indicator_factor(
            weights, labels, n_clusters, n_clusters, 0.0, rng
        )
    )


def _lifted(X, weights, n_clusters, labels, inertia, coarse):
    bound = certify(X, weights, labels, n_clusters, inertia)
    found = coarse._replace(labels=labels, inertia=inertia, bound=bound)
    return _searched(X, weights, n_clusters, found)
