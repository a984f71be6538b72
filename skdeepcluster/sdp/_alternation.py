"""Likelihood adjustment: relaxation at given covariances, covariances, again."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from .._gaussians import bic, expected_moments, n_free_parameters
from .._kmeans import kmeans
from ..kernels.gaussians import gaussian_factors
from ..kernels.jacobi import small_eigh
from ._covariances import (
    REGULARISATION,
    CovarianceFamily,
    GroupFit,
    fit_groups,
    hard_cost,
    scatter_of,
)
from ._heuristics import improve
from ._likelihood import GroupRelaxation
from ._span import with_few_columns

FIRST_ITERATIONS, NEXT_ITERATIONS = 60, 10
# Rounding by the largest membership is trusted up to this mean doubt.
DOUBT = 0.02
# Outer steps of every start before only the best goes on.
TRIAL_STEPS = 6
# Times that the result is cut again, directions that are tried, and the least gain
# by row in nats.
RECUTS, CUT_DIRECTIONS, LEAST_GAIN = 3, 10, 0.02
# Steps of classification EM and of EM on all rows.
CLASSIFICATION_STEPS, EM_STEPS = 20, 10


class Alternated(NamedTuple):
    """What the best start led to.

    Parameters
    ----------
    fit : GroupFit
        The best partition, and its Gaussians.
    family : CovarianceFamily
        Their family.
    factors : ndarray of shape (rank, n_samples)
        ``factors.T @ factors`` is the sum of the relaxed matrices.
    objective : float
        Value of the relaxation at the last covariances.
    lower_bound : float
        Below the value of every solution at these covariances.
    converged : bool
        Whether the objective stood still.
    trace : list of dict
        ``objective``, ``cost`` of the best partition, and ``doubt`` of each outer
        step.
    """

    fit: GroupFit
    family: CovarianceFamily
    factors: np.ndarray
    objective: float
    lower_bound: float
    converged: bool
    trace: list

    @property
    def bic(self):
        """Bayesian information criterion of the partition's Gaussians."""
        sizes, n_features = self.fit.sizes, self.fit.means.shape[1]
        entropy = -float((sizes * np.log(sizes / sizes.sum())).sum())
        n_parameters = n_free_parameters(self.family.kind, len(sizes), n_features)
        return bic(-self.fit.cost - entropy, n_parameters, sizes.sum())


def alternate(X, n_groups, family, *, n_init, solver, max_iter, tol, seed):
    """Run all starts for a few steps, and the most likely to its end.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    n_groups : int
        At most the number of distinct rows.
    family : CovarianceFamily
        Regularisation and family of the covariances.
    n_init : int
        Number of starts.
    solver : {"admm", "cvxpy"}
        What solves the relaxation.
    max_iter : int
        Largest number of outer steps of a start.
    tol : float
        Change of the objective, relative to it or by row, that ends a start.
    seed : int
        Seed of the starts.

    Returns
    -------
    Alternated
    """
    if n_groups == 1:
        return _one_group(X, family)
    rng = np.random.default_rng(seed)
    make = GroupRelaxation
    if solver == "cvxpy":
        from ._cvxpy import ReferenceGroups as make
    trials = [
        Alternation(X, labels, n_groups, family, seed, make)
        for labels in _starts(X, n_groups, n_init, rng)
    ]
    for trial in trials:
        trial.run(min(TRIAL_STEPS, max_iter), tol)
    best = min(trials, key=lambda trial: (-len(trial.best.sizes), trial.best.cost))
    best.run(max_iter - len(best.trace), tol)
    for _ in range(RECUTS):
        labels = recut(X, best.best, family)
        if labels is None:
            break
        best = Alternation(X, labels, n_groups, family, seed, make).run(max_iter, tol)
    bound = best.relaxation.lower_bound() + len(X) * family.cost_beside
    return Alternated(
        best.best,
        family,
        best.relaxation.factors(),
        best.trace[-1]["objective"],
        min(bound, best.trace[-1]["objective"]),
        best.converged,
        best.trace,
    )


def recut(X, fit, family):
    """Join two groups and cut them again across another direction.

    Where two parallel groups are cut across both, every start may end: no row
    gains by changing sides, and relaxation and covariances confirm each other.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    fit : GroupFit
        A partition and its Gaussians.
    family : CovarianceFamily
        Their family.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype=intp, or None
        The likeliest partition that such a cut leads to; None if none is likelier
        than the one given.

    Notes
    -----
    At most 20 classifications of the rows of each pair for each of at most 10
    directions. Groups with no more rows than a Gaussian has parameters are left
    alone, and so is what gains less than .02 nats by row: it would be noise that
    fits better.
    """
    least = X.shape[1] * (X.shape[1] + 3) // 2
    best, cost = None, fit.cost - LEAST_GAIN * len(X)
    for a, b in combinations(range(len(fit.sizes)), 2):
        rows = np.flatnonzero((fit.labels == a) | (fit.labels == b))
        if min(fit.sizes[a], fit.sizes[b]) <= least:
            continue
        before = fit_groups(X[rows], fit.labels[rows], family)
        for sides in _cuts(X[rows]):
            after = classify(X[rows], fit_groups(X[rows], sides, family), family)
            if len(after.sizes) < 2 or after.sizes.min() <= least:
                continue
            if after.cost < before.cost - LEAST_GAIN * len(X):
                labels = fit.labels.copy()
                labels[rows] = np.where(after.labels == 0, a, b)
                whole = classify(X, fit_groups(X, labels, family), family)
                if len(whole.sizes) == len(fit.sizes) and whole.cost < cost:
                    best, cost = whole.labels, whole.cost
    return best


def _cuts(X):
    """Halves of rows on either side of their mean, along principal directions."""
    centred = X - X.mean(axis=0)
    _, directions = small_eigh(scatter_of(centred))
    for direction in directions[:CUT_DIRECTIONS]:
        sides = (np.sum(centred * direction, axis=1) > 0).astype(np.intp)
        if 0 < sides.sum() < len(X):
            yield sides


def _one_group(X, family):
    fit = fit_groups(X, np.zeros(len(X), np.intp), family)
    factor = np.full((1, len(X)), len(X) ** -0.5)
    trace = [{"objective": fit.cost, "cost": fit.cost, "doubt": 0.0}]
    return Alternated(fit, family, factor, fit.cost, fit.cost, True, trace)


def _starts(X, n_groups, n_init, rng):
    """Partitions to start from."""
    weights = np.ones(len(X))
    few = with_few_columns(X)
    scatter = scatter_of(few - few.mean(axis=0))
    unit = REGULARISATION * np.trace(scatter) / len(scatter) * np.eye(len(scatter))
    (factor,), _ = gaussian_factors((scatter + unit)[np.newaxis])
    whitened = np.einsum("if,gf->ig", few, factor)
    for rows in (X, whitened)[:n_init]:
        labels = kmeans(rows, weights, n_groups, rng, tol=0.0).labels
        yield improve(rows, weights, labels, n_groups)[0]
    for _ in range(n_init - 2):
        yield rng.integers(n_groups, size=len(X))


def classify(X, fit, family, weights=None):
    """Classification EM: carry the Gaussians of a sample over to all rows.

    Rows go to their most probable group, and the groups to their rows, up to
    20 times.
    """
    labels = None
    for _ in range(CLASSIFICATION_STEPS):
        before, labels = labels, fit.log_densities(X).argmax(axis=1)
        if before is not None and np.array_equal(before, labels):
            break
        fit = fit_groups(X, labels, family, weights)
    return fit


def expectation_maximization(X, fit, family, weights=None):
    """Take ten steps of the EM algorithm from the Gaussians of a partition."""
    if X.shape[1] == 0:
        return fit
    weights = np.ones(len(X)) if weights is None else weights
    for _ in range(EM_STEPS):
        sizes, means, scatters, _ = expected_moments(fit.gaussians(), X, weights)
        kept = sizes > 1e-6 * weights.max()
        sizes, means, scatters = sizes[kept], means[kept], scatters[kept]
        covariances = family.estimate(scatters, sizes)
        fit = fit._replace(sizes=sizes, means=means, covariances=covariances)
    return fit


class Alternation:
    """One start: a relaxation, its covariances and the best partition so far.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    labels : ndarray of shape (n_samples,), dtype=intp
        Partition to start from.
    n_groups : int
        Number of groups.
    family : CovarianceFamily
        Regularisation and family of the covariances.
    seed : int
        Seed of the rounding.
    make : callable
        ``make(X, labels, n_groups)`` starts a relaxation.
    """

    def __init__(self, X, labels, n_groups, family, seed, make):
        self.X, self.n_groups, self.family, self.seed = X, n_groups, family, seed
        self.best = fit_groups(X, labels, family)
        self.relaxation = make(X, self.best.labels, n_groups)
        covariances = self.best.covariances
        if len(covariances) < n_groups:
            pooled = covariances.mean(axis=0, keepdims=True)
            missing = np.repeat(pooled, n_groups - len(covariances), axis=0)
            covariances = np.concatenate([covariances, missing])
        self.relaxation.set_covariances(covariances)
        self.trace, self.converged = [], False

    def run(self, n_steps, tol):
        """Take outer steps until the objective stands still."""
        for _ in range(n_steps):
            if self.converged:
                break
            first = not self.trace
            self.relaxation.iterate(FIRST_ITERATIONS if first else NEXT_ITERATIONS)
            doubt = self._round()
            scatters, sizes = self.relaxation.scatters()
            sizes = np.maximum(sizes, 1e-3)
            covariances = self.family.estimate(scatters, sizes)
            self.relaxation.set_covariances(covariances)
            objective = hard_cost(scatters, sizes, covariances)
            objective += sizes.sum() * self.family.cost_beside
            if not np.isfinite(objective):
                raise ValueError(
                    "The likelihood relaxation lost its numbers: the objective is "
                    "not finite. Standardise the columns, or use fewer of them."
                )
            if not first:
                change = abs(objective - self.trace[-1]["objective"])
                self.converged = change / max(abs(objective), len(self.X)) <= tol
            self.trace.append(
                {"objective": objective, "cost": self.best.cost, "doubt": doubt}
            )
        return self

    def _round(self):
        """Keep the partition read off the solution if it is the best so far."""
        members = self.relaxation.memberships()
        doubt = float(1 - members.max(axis=1).mean())
        candidates = [members.argmax(axis=1)]
        if doubt > DOUBT:
            candidates.append(self._spectral_labels())
        for labels in candidates:
            fit = fit_groups(self.X, labels, self.family)
            is_fuller = len(fit.sizes) > len(self.best.sizes)
            if len(fit.sizes) == len(self.best.sizes):
                is_fuller = fit.cost < self.best.cost
            if is_fuller:
                self.best = fit
        return doubt

    def _spectral_labels(self):
        """K-means on the leading singular vectors of all factors together."""
        factors = self.relaxation.factors()
        _, vectors = eigh(np.einsum("rn,sn->rs", factors, factors))
        leading = np.ascontiguousarray(vectors[:, ::-1][:, : self.n_groups])
        embedded = np.einsum("rk,rn->nk", leading, factors, order="C")
        rng = np.random.default_rng(self.seed)
        n_distinct = min(self.n_groups, len(embedded))
        weights = np.ones(len(embedded))
        run = kmeans(embedded, weights, n_distinct, rng, n_init=5, tol=0.0)
        return run.labels
