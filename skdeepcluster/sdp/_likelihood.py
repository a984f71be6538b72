"""The likelihood relaxation for given covariances, by alternating directions.

Minimise ``sum_c <C_c, Z_c>`` over positive semidefinite, nonnegative ``Z_c`` of
trace 1 whose sum has rows of sum 1. With ``C_c[i, j] = ((x_i - x_j)' S_c^-1
(x_i - x_j) / 2 + log det S_c) / 2`` the cost of a partition is its negative
Gaussian log-likelihood at the covariances S_c, with the means profiled out.
"""

import numpy as np
from scipy.linalg import eigvalsh

from ..kernels.admm import (
    balance_rows,
    leading_pairs,
    positive_product,
    scale_multiplier,
    update_copy,
)
from ..kernels.gaussians import gaussian_factors
from ._span import with_few_columns

MAX_VECTORS, FIRST_DIRECTIONS = 12, 3
RELAXATION = 1.6
# Residuals may differ by this factor before the step size follows them.
UNBALANCED, CHANGE = 3.0, 1.6
# Iterations between looks at the residuals.
STRIDE = 10
# Effort of the multipliers of the row sums; the next iteration mends the rest.
NEWTON_STEPS, GRADIENT_STEPS, ROW_TOLERANCE = 2, 10, 1e-4


class GroupRelaxation:
    """A solution in the making, kept while the covariances change.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    labels : ndarray of shape (n_samples,), dtype=intp
        Partition to start from.
    n_groups : int
        Number of groups.

    Notes
    -----
    Memory is n_groups n_samples² numbers of float32; an iteration takes
    O(n_groups n_samples²) time.
    """

    def __init__(self, X, labels, n_groups):
        self.X, self.n_groups = X, n_groups
        n_samples = len(X)
        self.states = np.zeros((n_groups, n_samples, n_samples), np.float32)
        self.vectors = np.zeros((n_groups, MAX_VECTORS, n_samples), np.float32)
        self.n_vectors = np.zeros(n_groups, np.intp)
        self.weights = np.zeros((n_groups, MAX_VECTORS))
        self.no_direction = np.zeros(n_samples, np.float32)
        self.y = np.zeros(n_samples, np.float32)
        self.rho = self.cost_norm = 1.0
        for c in range(n_groups):
            members = np.flatnonzero(labels == c)
            if len(members) == 0:
                # An empty group starts as every row alike.
                members = np.arange(n_samples)
            self.states[c][np.ix_(members, members)] = 1 / len(members)
            self.vectors[c, 0, members] = len(members) ** -0.5
        self._widen()

    def _widen(self):
        """Give every group directions beyond the indicator to look in."""
        n_first = min(FIRST_DIRECTIONS, self.X.shape[1])
        for c in range(self.n_groups):
            for f in range(n_first):
                self.vectors[c, 1 + f] = self.vectors[c, 0] * self.X[:, f]
            self.n_vectors[c] = 1 + n_first

    def set_covariances(self, covariances):
        """Change the costs; the state stays."""
        self.independent = covariances.ndim == 2
        if self.independent:
            factors = 1 / np.sqrt(covariances)
            log_dets = np.log(covariances).sum(axis=1)
            whitened = (self.X * factor for factor in factors)
        else:
            factors, log_dets = gaussian_factors(covariances)
            whitened = (_whiten(self.X, factor) for factor in factors)
        self.rows = np.stack([with_few_columns(rows) for rows in whitened])
        squares = np.square(self.rows).sum(axis=2)
        self.diagonals = squares / 4 + log_dets[:, np.newaxis] / 4
        row_means = (
            self.diagonals
            + self.diagonals.mean(axis=1, keepdims=True)
            - (self.rows * self.rows.mean(axis=1, keepdims=True)).sum(axis=2) / 2
        ).mean(axis=0)
        self.gauge = 2 * row_means - row_means.mean()
        # Scaled multipliers keep their size when the costs grow: a step size that
        # stayed behind would lose the constraints.
        before, self.cost_norm = self.cost_norm, self._cost_norm()
        self.rho *= self.cost_norm / before

    def _cost_norm(self):
        """Root mean square over the groups of the norms of the costs."""
        total = 0.0
        for rows, diagonal in zip(self.rows, self.diagonals, strict=True):
            slope = diagonal - self.gauge / 2
            n_samples = len(slope)
            gram = np.einsum("if,ig->fg", rows, rows)
            cross = (rows * slope[:, np.newaxis]).sum(axis=0) @ rows.sum(axis=0)
            total += np.square(gram).sum() / 4 - 2 * cross / 2
            total += 2 * n_samples * np.square(slope).sum() + 2 * slope.sum() ** 2
        return float(np.sqrt(max(total, 0.0) / self.n_groups)) or 1.0

    def iterate(self, n_iter):
        """Run some iterations."""
        while n_iter > 0:
            factors = (self.rows / np.sqrt(2 * self.rho)).swapaxes(1, 2)
            factors = np.ascontiguousarray(factors, np.float32)
            slopes = (self.gauge / 2 - self.diagonals) / self.rho
            slopes = slopes.astype(np.float32)
            for _ in range(min(STRIDE, n_iter)):
                primal, dual = self._step(factors, slopes)
            n_iter -= STRIDE
            if primal > UNBALANCED**2 * dual:
                self._change_rho(CHANGE)
            elif dual > UNBALANCED**2 * primal:
                self._change_rho(1 / CHANGE)

    def _step(self, factors, slopes):
        """One iteration; return the squared residuals."""
        primal, dual = 0.0, 0.0
        for c, state in enumerate(self.states):
            weights = leading_pairs(
                state,
                factors[c],
                slopes[c] + self.y / 2,
                self.no_direction,
                self.vectors[c],
                self.n_vectors[c],
                1,
            )
            self.n_vectors[c] = len(weights)
            self.weights[c] = 0.0
            self.weights[c, : len(weights)] = weights
            to_copy, moved = update_copy(
                state, weights, self.vectors[c], self.no_direction, RELAXATION
            )
            primal += to_copy
            dual += moved
        self.y += balance_rows(self.states, NEWTON_STEPS, GRADIENT_STEPS, ROW_TOLERANCE)
        return primal, dual

    def _change_rho(self, factor):
        self.rho *= factor
        for state in self.states:
            scale_multiplier(state, 1 / factor)
        self.y /= np.float32(factor)

    def memberships(self):
        """Row sums of the solution, one column per group.

        Returns
        -------
        ndarray of shape (n_samples, n_groups), dtype=float64
            Rows sum to 1 up to the residual.
        """
        sums = self.vectors.sum(axis=2, dtype=np.float64)
        return ((self.weights * sums)[:, :, np.newaxis] * self.vectors).sum(axis=1).T

    def factors(self):
        """Eigenvectors of all groups times the roots of their eigenvalues.

        Returns
        -------
        ndarray of shape (n_vectors, n_samples), dtype=float64
        """
        used = self.weights > 1e-6
        roots = np.sqrt(self.weights[used])[:, np.newaxis]
        return roots * self.vectors[used].astype(np.float64)

    def scatters(self):
        """Scatter of the rows within each group, as the solution weighs pairs.

        The nonnegative copy weighs them: a scatter is then positive semidefinite
        however early the iterations stop, and a narrow group stays as wide as
        its pairs are apart.

        Returns
        -------
        scatters : ndarray of shape (n_groups, n_features, n_features) or \
                (n_groups, n_features)
            ``sum_ij Z_c[i, j] (x_i - x_j)(x_i - x_j)' / 2``; its diagonal where
            the covariances are variances.
        sizes : ndarray of shape (n_groups,)
            Sums of all entries of the matrices.
        """
        ones_and_columns = np.vstack([np.ones(len(self.X)), self.X.T])
        images = np.stack(
            [
                positive_product(state, ones_and_columns.astype(np.float32))
                for state in self.states
            ]
        ).astype(np.float64)
        members, products = images[:, 0], images[:, 1:]
        if self.independent:
            scatters = np.einsum("ci,if,if->cf", members, self.X, self.X)
            scatters -= np.einsum("cfi,if->cf", products, self.X)
            return scatters, members.sum(axis=1)
        scatters = np.einsum("ci,if,ig->cfg", members, self.X, self.X)
        crossed = np.einsum("cfi,ig->cfg", products, self.X)
        scatters -= (crossed + crossed.swapaxes(1, 2)) / 2
        return scatters, members.sum(axis=1)

    def lower_bound(self):
        """A number that no solution at these covariances is below.

        Any multipliers give one; those of a converged solution give its value.
        O(n_groups n_samples³) time.
        """
        value = self.gauge.sum() + self.rho * self.y.sum(dtype=np.float64)
        shift = self.rho * self.y.astype(np.float64)
        for state, rows, diagonal in zip(
            self.states, self.rows, self.diagonals, strict=True
        ):
            slope = diagonal - (self.gauge + shift) / 2
            matrix = self.rho * np.minimum(state, 0).astype(np.float64)
            matrix += slope[:, np.newaxis] + slope
            matrix -= rows @ rows.T / 2
            value += eigvalsh(matrix, subset_by_index=[0, 0])[0]
        return float(value)


def _whiten(X, inverse_factor):
    """Rows times the transposed inverse Cholesky factor."""
    return np.einsum("if,gf->ig", X, inverse_factor)
