"""Gaussian components: log densities, responsibilities, moments, marginals.

Two kinds of moments of weighted rows: their weight, sum and products about a
given origin, which add up, and their weight, mean and scatter about that mean,
which lose no digits far from the origin.
"""

import math

import numpy as np

from ._jit import jit
from .distances import row_distances

_LANES = 64
"""Rows that go through a component side by side, one per lane of a vector."""

IGNORED = 40.0
"""Components this many nats below the best one have no weight in float64."""

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
def near_log_densities(X, means, columns, constants, factors, precisions):
    """Log of weight times density under the components that are near each row.

    For many components: a bound by the distance alone, and the partial sums of
    the solution, show of most that they lie more than 40 nats below the best.
    Where there are few, :func:`full_log_densities` is faster.

    Parameters
    ----------
    X, means, constants, factors : ndarray
        See :func:`full_log_densities`.
    columns : ndarray of shape (n_features, n_components)
        The means, transposed.
    precisions : ndarray of shape (n_components,)
        Inverse of an upper bound of the largest variance of each component.

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        The logs; -inf for components that are not near.
        O(n_samples · n_components · n_features²) at most.
    """
    logs = np.empty((X.shape[0], means.shape[0]))
    for i in range(X.shape[0]):
        _near_logs(X[i], means, columns, constants, factors, precisions, logs[i])
    return logs


@jit()
def _near_logs(row, means, columns, constants, factors, precisions, logs):
    """Write the logs of one row."""
    n_components, n_features = means.shape
    row_distances(row, columns, logs)
    first = 0
    for c in range(n_components):
        logs[c] = constants[c] - 0.5 * precisions[c] * logs[c]
        if logs[c] > logs[first]:
            first = c
    best = -np.inf
    for k in range(n_components):
        # The component that may be the best comes first.
        c = first if k == 0 else (k - 1 if k <= first else k)
        if logs[c] < best - IGNORED:
            logs[c] = -np.inf
            continue
        value = constants[c]
        for f in range(n_features):
            solved = 0.0
            for g in range(f + 1):
                solved += factors[c, f, g] * (row[g] - means[c, g])
            value -= 0.5 * solved * solved
            if value < best - IGNORED:
                value = -np.inf
                break
        logs[c] = value
        best = max(best, value)


@jit()
def sum_by_group(logs, groups, totals):
    """Add up densities, given by their logs, over the components of each group.

    Those more than 40 nats below the best of a row count as nothing.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_components)
        Log densities; -inf for none, but not for all of a row.
    groups : ndarray of shape (n_components,), dtype=intp
        Group of each component.
    totals : ndarray of shape (n_samples, n_groups)
        Written: logs of the sums, -inf of nothing.
    """
    for i in range(logs.shape[0]):
        best = logs[i].max()
        totals[i] = 0.0
        for c in range(logs.shape[1]):
            if logs[i, c] >= best - IGNORED:
                totals[i, groups[c]] += np.exp(logs[i, c] - best)
        for g in range(totals.shape[1]):
            total = totals[i, g]
            totals[i, g] = best + np.log(total) if total > 0.0 else -np.inf


@jit()
def softmax_rows(logs):
    """Turn joint log densities into responsibilities, in place.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_components)
        Logs, -inf for none, but not for all of a row; become shares of 1.
    """
    n_samples, n_components = logs.shape
    for i in range(n_samples):
        best = logs[i].max()
        total = 0.0
        for c in range(n_components):
            density = np.exp(logs[i, c] - best) if logs[i, c] > -np.inf else 0.0
            logs[i, c] = density
            total += density
        for c in range(n_components):
            logs[i, c] /= total


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
            is_near = logs[i, c] >= best - IGNORED
            logs[i, c] = np.exp(logs[i, c] - best) if is_near else 0.0
            total += logs[i, c]
        for c in range(n_components):
            share = logs[i, c] / total
            logs[i, c] = weights[i] * share if share > NEGLIGIBLE else 0.0
        likelihood += weights[i] * (best + np.log(total))
    return likelihood


@jit()
def add_full_moments(X, shares, origins, sizes, sums, squares):
    """Add rows to the moments of full components, row after row.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    shares : ndarray of shape (n_samples, n_components)
        Weight of each row in each component.
    origins : ndarray of shape (n_components, n_features)
        What the moments of each component are about.
    sizes, sums, squares : ndarray
        Weights of shape (n_components,), sums (n_components, n_features) and
        products (n_components, n_features, n_features), changed in place; of the
        products, the lower triangle.
    """
    n_samples, n_features = X.shape
    centred = np.empty(n_features)
    for i in range(n_samples):
        for c in range(shares.shape[1]):
            share = shares[i, c]
            if share == 0.0:
                continue
            sizes[c] += share
            for f in range(n_features):
                centred[f] = X[i, f] - origins[c, f]
            for f in range(n_features):
                scaled = share * centred[f]
                sums[c, f] += scaled
                for g in range(f + 1):
                    squares[c, f, g] += scaled * centred[g]


@jit()
def add_diagonal_moments(X, shares, origins, sizes, sums, squares):
    """Add rows to the moments of components with independent columns.

    Parameters
    ----------
    X, shares, origins, sizes, sums : ndarray
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
                centred = X[i, f] - origins[c, f]
                scaled = share * centred
                sums[c, f] += scaled
                squares[c, f] += scaled * centred


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


@jit()
def moments(X, weights, labels, n_labels):
    """Weight, mean and scatter about the mean of the rows of every label.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    labels : ndarray of shape (n_samples,), dtype=intp
        Label of each row.
    n_labels : int
        Number of labels.

    Returns
    -------
    sizes : ndarray of shape (n_labels,)
        Total weights.
    means : ndarray of shape (n_labels, n_features)
        Weighted means; zeros where there is no weight.
    scatters : ndarray of shape (n_labels, n_features, n_features)
        Weighted sums of the outer products of the rows less their mean.
    """
    n_samples, n_features = X.shape
    sizes = np.zeros(n_labels)
    means = np.zeros((n_labels, n_features))
    scatters = np.zeros((n_labels, n_features, n_features))
    row = np.empty(n_features)
    for i in range(n_samples):
        label = labels[i]
        sizes[label] += weights[i]
        for f in range(n_features):
            means[label, f] += weights[i] * X[i, f]
    for label in range(n_labels):
        if sizes[label] > 0.0:
            for f in range(n_features):
                means[label, f] /= sizes[label]
    for i in range(n_samples):
        label = labels[i]
        for f in range(n_features):
            row[f] = X[i, f] - means[label, f]
        for f in range(n_features):
            scaled = weights[i] * row[f]
            for g in range(f + 1):
                scatters[label, f, g] += scaled * row[g]
    for label in range(n_labels):
        for f in range(n_features):
            for g in range(f):
                scatters[label, g, f] = scatters[label, f, g]
    return sizes, means, scatters


def pool_moments(first, second):
    """Moments of the unions of pairs of sets of rows.

    Parameters
    ----------
    first, second : tuple of ndarray of shape (...), (..., n_features) and \
            (..., n_features, n_features)
        Sizes, means and scatters of the sets, see :func:`moments`.

    Returns
    -------
    sizes, means, scatters : ndarray
        Those of the unions.
    """
    sizes = first[0] + second[0]
    share = np.divide(second[0], sizes, out=np.zeros_like(sizes), where=sizes > 0)
    gap = second[1] - first[1]
    means = first[1] + share[..., np.newaxis] * gap
    between = (share * first[0])[..., np.newaxis, np.newaxis]
    outer = gap[..., :, np.newaxis] * gap[..., np.newaxis, :]
    return sizes, means, first[2] + second[2] + between * outer


@jit()
def cholesky(matrix, factor):
    """Write the lower Cholesky factor of a positive definite matrix."""
    n = matrix.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            factor[i, j] = np.sqrt(total) if i == j else total / factor[j, j]


@jit()
def gaussian_factors(covariances):
    """Inverse Cholesky factors and log determinants of covariances.

    Parameters
    ----------
    covariances : ndarray of shape (n_components, n_features, n_features)
        Positive definite matrices.

    Returns
    -------
    inverse_factors : ndarray of shape (n_components, n_features, n_features)
        Lower triangular ``inv(L)`` of each covariance ``L @ L.T``.
    log_determinants : ndarray of shape (n_components,)
        Of the covariances.
    """
    n_components, n_features, _ = covariances.shape
    inverse_factors = np.zeros((n_components, n_features, n_features))
    log_determinants = np.zeros(n_components)
    factor = np.empty((n_features, n_features))
    for c in range(n_components):
        cholesky(covariances[c], factor)
        inverse = inverse_factors[c]
        for i in range(n_features):
            log_determinants[c] += 2.0 * np.log(factor[i, i])
            inverse[i, i] = 1.0 / factor[i, i]
            for j in range(i):
                total = 0.0
                for k in range(j, i):
                    total -= factor[i, k] * inverse[k, j]
                inverse[i, j] = total / factor[i, i]
    return inverse_factors, log_determinants
