"""Both relaxations handed to cvxpy: slow, general and independent.

The only module that imports cvxpy, and only when one of its functions is called.
"""

from typing import NamedTuple

import numpy as np

from ._likelihood import GroupRelaxation

MAX_ROWS, MAX_GROUP_ROWS = 300, 100
# SCS stops at this accuracy; Clarabel has its own.
ACCURACY = 1e-6


class Reference(NamedTuple):
    """A solution of the k-means relaxation by a general solver.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_samples)
        The solution.
    objective : float
        Its value, in units of the inertia.
    dual : ndarray of shape (n_samples, n_samples)
        Multipliers of ``Z >= 0``, in the same units.
    infeasibility : float
        Norm of ``Z q - q``.
    n_iter : int
        Iterations of the solver.
    converged : bool
        Whether the solver reports the accuracy asked for.
    """

    Z: np.ndarray
    objective: float
    dual: np.ndarray
    infeasibility: float
    n_iter: int
    converged: bool


def _cvxpy():
    """Import cvxpy, or say where it comes from."""
    try:
        import cvxpy
    except ImportError as error:
        raise ImportError(
            "solver='cvxpy' needs cvxpy: run pip install skdeepcluster[sdp], or use "
            "solver='auto'."
        ) from error
    return cvxpy


def check_size(n_samples, most):
    """Refuse what would take a general solver hours."""
    if n_samples > most:
        raise ValueError(
            f"solver='cvxpy' takes at most {most} distinct rows, found {n_samples}: "
            "its time grows with the fifth power of their number or worse. Use "
            "solver='auto'."
        )


def solve(X, weights, n_clusters, *, max_iter, backend="SCS"):
    """Solve the k-means relaxation.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows, at most 300.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    n_clusters : int
        Trace of the solution.
    max_iter : int
        Largest number of iterations.
    backend : {"SCS", "CLARABEL"}, default="SCS"
        What cvxpy hands the program to.

    Returns
    -------
    Reference
    """
    cp = _cvxpy()

    check_size(len(X), MAX_ROWS)
    share = weights / weights.sum()
    q = np.sqrt(share)
    rows = np.sqrt(weights)[:, np.newaxis] * (X - share @ X)
    gram = rows @ rows.T
    scale = float(np.linalg.eigvalsh(rows.T @ rows)[-1]) or 1.0
    Z = cp.Variable(gram.shape, PSD=True)
    positive = Z >= 0
    program = cp.Problem(
        cp.Maximize(cp.sum(cp.multiply(gram / scale, Z))),
        [positive, Z @ q == q, cp.trace(Z) == n_clusters],
    )
    n_iter, converged = _run(program, backend, max_iter)
    dual = scale * np.asarray(positive.dual_value)
    return Reference(
        Z.value,
        float(np.trace(gram) - (gram * Z.value).sum()),
        np.maximum(dual + dual.T, 0) / 2,
        float(np.linalg.norm(Z.value @ q - q)),
        n_iter,
        converged,
    )


def _run(program, backend, max_iter):
    """Solve a program; return the iterations and whether it converged."""
    cp = _cvxpy()

    options = {"max_iter": max_iter}
    if backend == "SCS":
        options = {"max_iters": max_iter, "eps": ACCURACY}
    program.solve(solver=backend, **options)
    if program.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise ValueError(
            f"cvxpy reports the status {program.status!r}: use solver='auto'."
        )
    stats = program.solver_stats
    return int(stats.num_iters), program.status == cp.OPTIMAL


class ReferenceGroups(GroupRelaxation):
    """The likelihood relaxation, solved to the end by cvxpy with SCS.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows, at most 100.
    labels : ndarray of shape (n_samples,), dtype=intp
        Not used: the solution does not depend on a start.
    n_groups : int
        Number of groups.
    """

    def __init__(self, X, labels, n_groups):
        check_size(len(X), MAX_GROUP_ROWS)
        super().__init__(X, labels, n_groups)

    def costs(self):
        """The cost matrices, without their gauge."""
        return [
            diagonal[:, np.newaxis] + diagonal - rows @ rows.T / 2
            for rows, diagonal in zip(self.rows, self.diagonals, strict=True)
        ]

    def iterate(self, n_iter):
        """Solve the program; the number of iterations is SCS's own."""
        cp = _cvxpy()

        n_samples, costs = len(self.X), self.costs()
        scale = max(np.abs(cost).max() for cost in costs) or 1.0
        matrices = [cp.Variable((n_samples, n_samples), PSD=True) for _ in costs]
        program = cp.Problem(
            cp.Minimize(
                sum(
                    cp.sum(cp.multiply(cost / scale, Z))
                    for cost, Z in zip(costs, matrices, strict=True)
                )
            ),
            [
                *(Z >= 0 for Z in matrices),
                *(cp.trace(Z) == 1 for Z in matrices),
                cp.sum(sum(matrices), axis=1) == 1,
            ],
        )
        _run(program, "SCS", 100_000)
        self._value = scale * program.value
        self.states = np.stack([np.maximum(Z.value, 0) for Z in matrices])
        self.states = self.states.astype(np.float32)
        pairs = [np.linalg.eigh(Z.value) for Z in matrices]
        self.weights = np.maximum([values[::-1] for values, _ in pairs], 0)
        self.vectors = np.stack([vectors.T[::-1] for _, vectors in pairs])

    def lower_bound(self):
        """Value of the last program, up to the accuracy of the solver."""
        return self._value
