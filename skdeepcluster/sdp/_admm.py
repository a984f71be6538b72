"""The k-means relaxation with matrices of all pairs of rows.

Alternating directions between ``Z = q q' + V' diag(w) V`` with weights in [0, 1]
of sum k - 1, and a nonnegative copy. The multipliers are a dual matrix, which
bounds the inertia of every partition however early the iterations stop.
"""

from typing import NamedTuple

import numpy as np

from ..kernels.admm import leading_pairs, scale_multiplier, update_copy
from ._dual_bound import dual_bound, dual_matrix
from ._low_rank import weighted_columns

RELAXATION, STRIDE = 1.6, 10
# Residuals may differ by this factor before the step size follows them; late in
# the run it stays.
UNBALANCED, CHANGE, ADAPTIVE_SHARE = 3.0, 1.6, 0.7
FIRST_STEP = 2.5
# Room for eigenvectors; most solutions have about as many as clusters.
ROWS_PER_CLUSTER, SPARE_VECTORS = 8, 8


class Pairs(NamedTuple):
    """A solution of the relaxation and its dual.

    Parameters
    ----------
    factor : ndarray of shape (rank, n_samples)
        ``Z = factor.T @ factor``; positive semidefinite, nonnegative up to
        `infeasibility`.
    objective : float
        Value of the relaxation, in units of the inertia.
    lower_bound : float
        No partition has a lower inertia, and no feasible Z a lower value.
    infeasibility : float
        Norm of the difference of the two copies.
    n_iter : int
        Iterations.
    converged : bool
        Whether both residuals fell below the tolerance.
    trace : list of dict
        ``objective`` and ``infeasibility``, every ten iterations.
    """

    factor: np.ndarray
    objective: float
    lower_bound: float
    infeasibility: float
    n_iter: int
    converged: bool
    trace: list


def solve(X, weights, n_clusters, labels, *, tol, max_iter):
    """Solve the relaxation, starting from a partition.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    n_clusters : int
        At least 2, and fewer than the rows.
    labels : ndarray of shape (n_samples,), dtype=intp
        A good partition into as many clusters.
    tol : float
        Largest norm of both residuals, where Z has norm up to
        ``sqrt(n_clusters)``.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    Pairs

    Notes
    -----
    O(n_samples² n_clusters) time an iteration, O(n_samples³) for the bound, and
    memory for one matrix of float32 and, at the end, three of float64.
    """
    columns, q = weighted_columns(X, weights)
    state = _State(columns, q, X, weights, n_clusters, labels)
    trace, converged = [], False
    while state.n_iter < max_iter and not converged:
        primal, dual = state.iterate(min(STRIDE, max_iter - state.n_iter), tol)
        converged = max(primal, dual) < tol
        trace.append({"objective": state.objective(), "infeasibility": primal})
        if state.n_iter < ADAPTIVE_SHARE * max_iter:
            state.balance(primal, dual)
    bound = dual_bound(X, weights, state.dual(), n_clusters)
    objective, infeasibility = trace[-1].values()
    return Pairs(
        state.factor(),
        objective,
        bound,
        infeasibility,
        state.n_iter,
        converged,
        trace,
    )


class _State:
    def __init__(self, columns, q, X, weights, n_clusters, labels):
        n_samples = len(q)
        self.columns, self.n_clusters = columns, n_clusters
        self.total = float((columns * columns).sum())
        gram = np.einsum("fn,gn->fg", columns, columns)
        self.rho = FIRST_STEP * np.sqrt(np.square(gram).sum() / n_clusters)
        sizes = np.bincount(labels, weights, n_clusters)
        own = np.sqrt(weights / sizes[labels])
        same = labels[:, np.newaxis] == labels
        self.T = (same * own[:, np.newaxis] * own).astype(np.float32)
        self.T -= (dual_matrix(X, weights, labels) / self.rho).astype(np.float32)
        self.q = q.astype(np.float32)
        n_rows = min(ROWS_PER_CLUSTER * n_clusters + SPARE_VECTORS, n_samples)
        self.V = np.zeros((n_rows, n_samples), np.float32)
        self.V[labels, np.arange(n_samples)] = own
        n_more = min(SPARE_VECTORS, len(columns), n_rows - n_clusters)
        self.V[n_clusters : n_clusters + n_more] = columns[:n_more]
        self.n_vectors = n_clusters + n_more
        self.slope = np.zeros(n_samples, np.float32)
        self.weights, self.n_iter = np.zeros(0), 0

    def iterate(self, n_iter, tol):
        """Run some iterations, until both residuals are small; return their norms."""
        factors = (self.columns / np.sqrt(self.rho)).astype(np.float32)
        for _ in range(n_iter):
            self.weights = leading_pairs(
                self.T,
                factors,
                self.slope,
                self.q,
                self.V,
                self.n_vectors,
                self.n_clusters - 1,
            )
            self.n_vectors = len(self.weights)
            squares = update_copy(self.T, self.weights, self.V, self.q, RELAXATION)
            self.n_iter += 1
            primal, dual = np.sqrt(squares)
            if max(primal, dual) < tol:
                break
        return primal, dual

    def balance(self, primal, dual):
        """Let the step size follow the larger residual."""
        factor = 1.0
        if primal > UNBALANCED * dual:
            factor = CHANGE
        elif dual > UNBALANCED * primal:
            factor = 1 / CHANGE
        if factor != 1.0:
            self.rho *= factor
            scale_multiplier(self.T, 1 / factor)

    def factor(self):
        rows = np.sqrt(self.weights)[:, np.newaxis] * self.V[: self.n_vectors]
        return np.vstack([self.q, rows[self.weights > 0]]).astype(np.float64)

    def objective(self):
        projected = np.einsum("rn,fn->rf", self.factor()[1:], self.columns)
        return self.total - float((projected * projected).sum())

    def dual(self):
        dual = np.minimum(self.T, 0).astype(np.float64) * -self.rho
        return (dual + dual.T) / 2
