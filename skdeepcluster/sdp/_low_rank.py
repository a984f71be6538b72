"""The k-means relaxation with a nonnegative factor of low rank.

``Z = U'U`` with ``U >= 0`` of 2k rows and squared norm k; the constraint
``Z q = q`` by an augmented Lagrangian, its steps by spectral projected gradients.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from .._kmeans import kmeans, lloyd, weighted_means
from ..kernels.burer_monteiro import constrain, next_gradient, products, step

# Beyond the largest penalty, steps are short and few rows move.
MAX_PENALTY, FIRST_PENALTY, FIRST_GOAL = 1e3, 1.0, 1e-2
INNER_STEPS, MEMORY, HALVINGS = 100, 8, 30
SHORTEST, LONGEST, SUFFICIENT = 1e-4, 1e4, 1e-4
# Tolerance from which on float32 is enough: it takes half of the time.
SINGLE_TOL = 1e-6


class LowRank(NamedTuple):
    """A solution of the relaxation, with what is known of it.

    Parameters
    ----------
    factor : ndarray of shape (rank, n_samples), dtype=float64
        ``Z = factor.T @ factor``.
    objective : float
        Value of the relaxation, in units of the inertia.
    infeasibility : float
        Norm of ``Z q - q``.
    stationarity : float
        Norm of the projected gradient.
    converged : bool
        Whether both fell below the tolerance.
    trace : list of dict
        ``objective`` and ``infeasibility`` after each outer iteration, and the
        number of ``steps`` in it.
    """

    factor: np.ndarray
    objective: float
    infeasibility: float
    stationarity: float
    converged: bool
    trace: list


def weighted_columns(X, weights):
    """Centred rows times roots of weights, in columns, and the unit vector q."""
    share = weights / weights.sum()
    centred = X - np.sum(share[:, np.newaxis] * X, axis=0)
    columns = np.ascontiguousarray((np.sqrt(weights)[:, np.newaxis] * centred).T)
    return columns, np.sqrt(share)


def indicator_factor(weights, labels, n_clusters, rank, noise, rng):
    """Scaled indicators of a partition, and small random rows below them."""
    n_samples = len(labels)
    factor = noise / np.sqrt(n_samples) * rng.random((rank, n_samples))
    factor[:n_clusters] = 0.0
    sizes = np.bincount(labels, weights, n_clusters)
    factor[labels, np.arange(n_samples)] = np.sqrt(weights / sizes[labels])
    return factor


def solve(X, weights, n_clusters, start, *, tol, max_iter):
    """Solve the relaxation from a nonnegative factor.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    n_clusters : int
        Trace of the solution.
    start : ndarray of shape (rank, n_samples)
        Nonnegative, not zero.
    tol : float
        Largest infeasibility.
    max_iter : int
        Largest number of outer iterations.

    Returns
    -------
    LowRank

    Notes
    -----
    O(n_samples * rank * n_features) time for each of at most 100 steps of an
    outer iteration, O(n_samples * (rank + n_features)) memory. In float32 unless
    `tol` is below 1e-6.
    """
    columns, q = weighted_columns(X, weights)
    total = float((columns * columns).sum())
    dtype = np.float32 if tol >= SINGLE_TOL else np.float64
    columns, q, start = (array.astype(dtype) for array in (columns, q, start))
    problem = _Lagrangian(columns, q, n_clusters)
    point = problem.at(start, np.zeros_like(start), 0.0)
    trace, largest, converged = [], np.inf, False
    for outer in range(max_iter):
        goal = max(tol / 2, FIRST_GOAL * 0.5**outer)
        point, stationarity, n_steps = problem.minimise(point, goal)
        objective = total + problem.scale * point.linear
        trace.append(
            {
                "objective": objective,
                "infeasibility": point.infeasibility,
                "steps": n_steps,
            }
        )
        converged = point.infeasibility < tol and stationarity < 10 * tol
        if converged:
            break
        problem.y = point.z
        if point.infeasibility > largest / 4:
            problem.penalty = min(2 * problem.penalty, MAX_PENALTY)
        largest = point.infeasibility
    return LowRank(
        point.factor.astype(np.float64),
        objective,
        point.infeasibility,
        stationarity,
        converged,
        trace,
    )


class _Point(NamedTuple):
    """A factor, and what one pass over it told."""

    factor: np.ndarray
    M: np.ndarray
    a: np.ndarray
    z: np.ndarray
    b: np.ndarray
    linear: float
    infeasibility: float
    value: float
    moved: float


class _Lagrangian:
    """The augmented Lagrangian and its spectral projected gradient steps."""

    def __init__(self, columns, q, matrix_trace):
        self.columns, self.q, self.matrix_trace = columns, q, matrix_trace
        self.scale = _largest_eigenvalue(products(columns, columns)) or 1.0
        self.y = np.zeros_like(q)
        self.penalty = FIRST_PENALTY
        # Multiplier of the norm: the gradient at a solution, along the factor.
        self.level = 0.0

    def at(self, factor, gradient, length):
        """Go down the gradient, back to the feasible factors, and look."""
        V, z = np.empty_like(factor), np.empty_like(self.q)
        M, a, squared = step(self.columns, self.q, factor, gradient, length, V)
        shrink = np.sqrt(self.matrix_trace / squared) if squared > 0 else 0.0
        M *= shrink
        a *= shrink
        squares, along_y, b, moved = constrain(
            V, shrink, a, factor, self.q, self.y, self.penalty, z
        )
        linear = -float((M * M).sum()) / self.scale
        value = linear + along_y + 0.5 * self.penalty * squares
        return _Point(V, M, a, z, b, linear, float(np.sqrt(squares)), value, moved)

    def slope(self, point, before, gradient):
        """Replace the gradient before by the one at a point.

        Returns the norm of its projection, and the length of the next step.
        """
        curved, free, pushing, along = next_gradient(
            self.columns,
            self.q,
            point.z,
            point.a,
            point.b,
            point.M * (-2 / self.scale),
            point.factor,
            before.factor,
            gradient,
            self.level,
        )
        self.level += along / self.matrix_trace
        length = point.moved / curved if curved > 0 else LONGEST
        norm = np.sqrt(max(free - along * along / self.matrix_trace, 0.0) + pushing)
        return float(norm), min(max(length, SHORTEST), LONGEST)

    def minimise(self, point, goal):
        """Take steps until the projected gradient is small."""
        gradient = np.zeros_like(point.factor)
        point = self.at(point.factor, gradient, 0.0)
        norm, length = self.slope(point, point, gradient)[0], 1.0
        values = [point.value]
        for n_steps in range(INNER_STEPS):
            if norm < goal:
                break
            before, point = point, self._search(point, gradient, length, values)
            if point is None:
                return before, norm, n_steps
            norm, length = self.slope(point, before, gradient)
            values.append(point.value)
        return point, norm, len(values) - 1

    def _search(self, point, gradient, length, values):
        """Halve the step until it lowers the worst of the last values enough."""
        worst = max(values[-MEMORY:])
        for _ in range(HALVINGS):
            found = self.at(point.factor, gradient, length)
            if found.value <= worst - SUFFICIENT / length * found.moved:
                return found
            length /= 2
        return None


def _largest_eigenvalue(gram):
    """About the largest eigenvalue, by a power method whose bits never vary."""
    vector = np.sqrt(np.diag(gram))
    value = 0.0
    for _ in range(30):
        vector = (gram * vector).sum(axis=1)
        value = float(np.sqrt((vector * vector).sum()))
        if value == 0.0:
            break
        vector /= value
    return value


def round_factor(X, weights, factor, n_clusters, rng):
    """Read a partition off a factor: k-means on its leading singular vectors.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype=intp
        Cluster of each row of `X`; every one holds rows.
    """
    # Not matrix products, whose bits depend on the number of threads.
    _, vectors = eigh(np.einsum("rn,sn->rs", factor, factor))
    leading = np.ascontiguousarray(vectors[:, ::-1][:, :n_clusters])
    embedded = np.einsum("rk,rn->nk", leading, factor, order="C")
    embedded /= np.sqrt(weights)[:, np.newaxis]
    labels = kmeans(embedded, weights, n_clusters, rng, tol=0.0).labels
    return _filled(X, weights, labels, n_clusters)


def _filled(X, weights, labels, n_clusters):
    """Labels nearest to the means, where empty clusters take the farthest rows."""
    centers, _ = weighted_means(X, weights, labels, n_clusters)
    return lloyd(X, weights, centers, max_iter=1, tol=0.0).labels
