"""Gaussian components: log densities of rows, additive moments, marginals.

Moments of a set of weighted rows are its weight, the sum of its rows and the sum
of their products, all about one origin. They add up: those of a union are the sum
of those of its parts.
"""

import math

import numpy as np

from ._jit import jit

_LANES = 64
"""Rows that go through a component side by side, one per lane of a vector."""

NEGLIGIBLE = 1e-17
"""A share below this changes no sum in float64."""


@jit()
def full_log_densities(X, means, constants, factors):
    """Log of weight times density of full Gaussians at every row.

    Every row meets the same operations in the same order, wherever it stands.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    means : ndarray of shape (n_components, n_features)
        Means.
    constants : ndarray of shape (n_components,)
        Log of weight times density at the mean.
    factors : ndarray of shape (n_components, n_features, n_features)
        Lower triangular ``inv(L)`` of each covariance ``L @ L.T``.

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        The logs. O(n_samples · n_components · n_features²).
    """
    n_samples, n_features = X.shape
    n_components = means.shape[0]
    logs = np.empty((n_samples, n_components))
    columns = np.zeros((n_features, _LANES))
    centred = np.empty((n_features, _LANES))
    solved = np.empty(_LANES)
    total = np.empty(_LANES)
    for start in range(0, n_samples, _LANES):
        n_rows = min(_LANES, n_samples - start)
        for r in range(n_rows):
            for f in range(n_features):
                columns[f, r] = X[start + r, f]
        for c in range(n_components):
            for f in range(n_features):
                mean = means[c, f]
                for r in range(_LANES):
                    centred[f, r] = columns[f, r] - mean
            total[:] = 0.0
            for f in range(n_features):
                solved[:] = 0.0
                for g in range(f + 1):
                    factor = factors[c, f, g]
                    for r in range(_LANES):
                        solved[r] += factor * centred[g, r]
                for r in range(_LANES):
                    total[r] += solved[r] * solved[r]
            for r in range(n_rows):
                logs[start + r, c] = constants[c] - 0.5 * total[r]
    return logs


@jit()
def diagonal_log_densities(X, means, constants, factors):
    """Log of weight times density of Gaussians with independent columns.

    Parameters
    ----------
    X, means, constants : ndarray
        See :func:`full_log_densities`.
    factors : ndarray of shape (n_components, n_features)
        Inverse standard deviations.

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        The logs. O(n_samples · n_components · n_features).
    """
    n_samples, n_features = X.shape
    n_components = means.shape[0]
    logs = np.empty((n_samples, n_components))
    for i in range(n_samples):
        for c in range(n_components):
            total = 0.0
            for f in range(n_features):
                solved = factors[c, f] * (X[i, f] - means[c, f])
                total += solved * solved
            logs[i, c] = constants[c] - 0.5 * total
    return logs


@jit()
def share_rows(logs, weights):
    """Turn joint log densities into weighted responsibilities, in place.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_components)
        Log of weight times density; becomes the weight of each row times its
        responsibilities. Those that change no sum become 0.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    float
        Weighted log-likelihood of the rows, summed in their order.
    """
    n_samples, n_components = logs.shape
    likelihood = 0.0
    for i in range(n_samples):
        best = logs[i].max()
        total = 0.0
        for c in range(n_components):
            logs[i, c] = np.exp(logs[i, c] - best)
            total += logs[i, c]
        for c in range(n_components):
            share = logs[i, c] / total
            logs[i, c] = weights[i] * share if share > NEGLIGIBLE else 0.0
        likelihood += weights[i] * (best + np.log(total))
    return likelihood


@jit()
def add_full_moments(X, shares, sizes, sums, squares):
    """Add rows to the moments of full components, row after row.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    shares : ndarray of shape (n_samples, n_components)
        Weight of each row in each component.
    sizes, sums, squares : ndarray
        Weights of shape (n_components,), sums (n_components, n_features) and
        products (n_components, n_features, n_features), changed in place; of the
        products, the lower triangle.
    """
    n_samples, n_features = X.shape
    for i in range(n_samples):
        for c in range(shares.shape[1]):
            share = shares[i, c]
            if share == 0.0:
                continue
            sizes[c] += share
            for f in range(n_features):
                scaled = share * X[i, f]
                sums[c, f] += scaled
                for g in range(f + 1):
                    squares[c, f, g] += scaled * X[i, g]


@jit()
def add_diagonal_moments(X, shares, sizes, sums, squares):
    """Add rows to the moments of components with independent columns.

    Parameters
    ----------
    X, shares, sizes, sums : ndarray
        See :func:`add_full_moments`.
    squares : ndarray of shape (n_components, n_features)
        Sums of squares, changed in place.
    """
    n_samples, n_features = X.shape
    for i in range(n_samples):
        for c in range(shares.shape[1]):
            share = shares[i, c]
            if share == 0.0:
                continue
            sizes[c] += share
            for f in range(n_features):
                scaled = share * X[i, f]
                sums[c, f] += scaled
                squares[c, f] += scaled * X[i, f]


@jit()
def full_log_marginals(sizes, sums, squares, pairs, mean, kappa, dof, scale):
    """Log marginal likelihoods under a normal-inverse-Wishart prior.

    Parameters
    ----------
    sizes, sums, squares : ndarray
        Moments, see :func:`add_full_moments`.
    pairs : ndarray of shape (n_pairs, 2), dtype=intp
        Sets whose union is wanted; where both are the same, the set itself.
    mean : ndarray of shape (n_features,)
        Prior mean, in the coordinates of the moments.
    kappa, dof : float
        Rows that the prior mean and the prior covariance are worth.
    scale : ndarray of shape (n_features, n_features)
        Prior scale matrix.

    Returns
    -------
    ndarray of shape (n_pairs,)
        Log marginals; 0 for a set without weight. O(n_features³) each.
    """
    n_features = len(mean)
    log_scale = _log_determinant(scale.copy())
    posterior = np.empty((n_features, n_features))
    center = np.empty(n_features)
    logs = np.zeros(len(pairs))
    for e in range(len(pairs)):
        a, b = pairs[e]
        n = sizes[a] if a == b else sizes[a] + sizes[b]
        if n <= 0.0:
            continue
        for f in range(n_features):
            total = sums[a, f] if a == b else sums[a, f] + sums[b, f]
            center[f] = total / n
        pull = kappa * n / (kappa + n)
        for f in range(n_features):
            away = pull * (center[f] - mean[f])
            for g in range(f + 1):
                square = squares[a, f, g]
                if a != b:
                    square += squares[b, f, g]
                within = square - n * center[f] * center[g]
                posterior[f, g] = scale[f, g] + within + away * (center[g] - mean[g])
        log_posterior = _log_determinant(posterior)
        value = 0.5 * dof * log_scale - 0.5 * (dof + n) * log_posterior
        value += 0.5 * n_features * (math.log(kappa) - math.log(kappa + n))
        value -= 0.5 * n * n_features * math.log(math.pi)
        for f in range(n_features):
            value += math.lgamma(0.5 * (dof + n - f)) - math.lgamma(0.5 * (dof - f))
        logs[e] = value
    return logs


@jit()
def _log_determinant(matrix):
    """Log determinant of a positive definite matrix; its lower half is used up."""
    total = 0.0
    for i in range(matrix.shape[0]):
        for j in range(i + 1):
            value = matrix[i, j]
            for k in range(j):
                value -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = math.sqrt(value) if i == j else value / matrix[j, j]
        total += 2.0 * math.log(matrix[i, i])
    return total
