"""Mixtures over numbers and categories with gaps: densities, shares, statistics.

A row has numbers, NaN where there is a gap, and levels: the places of its
categories in the list of all levels of all columns, -1 where there is a gap.
Arrays of parameters have the component as their last axis, so that the inner
loops run over neighbours in memory. Every row meets the same operations in the
same order, wherever it stands.
"""

import numpy as np

from ._jit import jit
from .gaussians import NEGLIGIBLE, cholesky


@jit()
def add_independent_logs(numbers, levels, constants, means, halves, level_logs, logs):
    """Add the log densities of columns that are independent in a component.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers), dtype=float64
        Numbers, NaN for a gap.
    levels : ndarray of shape (n_samples, n_categories), dtype=int32
        Places in the list of levels, -1 for a gap.
    constants, means, halves : ndarray of shape (n_numbers, n_components)
        Log density at the mean, mean, and half the precision of each number.
    level_logs : ndarray of shape (n_levels, n_components)
        Log probabilities of the levels.
    logs : ndarray of shape (n_samples, n_components)
        Changed in place. O(n_samples · n_components · n_columns).
    """
    n_components = logs.shape[1]
    for i in range(logs.shape[0]):
        row = logs[i]
        for j in range(numbers.shape[1]):
            x = numbers[i, j]
            if np.isnan(x):
                continue
            for c in range(n_components):
                away = x - means[j, c]
                row[c] += constants[j, c] - halves[j, c] * away * away
        for j in range(levels.shape[1]):
            level = levels[i, j]
            if level < 0:
                continue
            for c in range(n_components):
                row[c] += level_logs[level, c]


@jit()
def add_independent_statistics(
    numbers, levels, shares, sizes, counts, observed, sums, squares
):
    """Add rows to the statistics of columns that are independent.

    Parameters
    ----------
    numbers, levels : ndarray
        Rows, see :func:`add_independent_logs`.
    shares : ndarray of shape (n_samples, n_components)
        Weight of each row in each component.
    sizes : ndarray of shape (n_components,)
        Weights, changed in place, as all that follow.
    counts : ndarray of shape (n_levels, n_components)
        Weights of the levels.
    observed, sums, squares : ndarray of shape (n_numbers, n_components)
        Weights, sums and sums of squares of the numbers that are no gaps.
    """
    n_components = shares.shape[1]
    for i in range(shares.shape[0]):
        row = shares[i]
        for c in range(n_components):
            sizes[c] += row[c]
        for j in range(numbers.shape[1]):
            x = numbers[i, j]
            if np.isnan(x):
                continue
            for c in range(n_components):
                scaled = row[c] * x
                observed[j, c] += row[c]
                sums[j, c] += scaled
                squares[j, c] += scaled * x
        for j in range(levels.shape[1]):
            level = levels[i, j]
            if level < 0:
                continue
            for c in range(n_components):
                counts[level, c] += row[c]


@jit()
def _turn_to(pattern, mean, covariance, columns, turned_mean, factor):
    """Factor a covariance, observed columns first; return how many are observed.

    With ``L`` the Cholesky factor of the covariance in that order, the observed
    part has the factor ``L_oo``; what is missing has the conditional mean ``m +
    L_mo z`` for ``z = inv(L_oo) d`` and the conditional covariance ``L_mm L_mm.T``.
    """
    n_columns = len(pattern)
    n_observed = 0
    for f in range(n_columns):
        if pattern[f]:
            columns[n_observed] = f
            n_observed += 1
    place = n_observed
    for f in range(n_columns):
        if not pattern[f]:
            columns[place] = f
            place += 1
    turned = np.empty((n_columns, n_columns))
    for f in range(n_columns):
        turned_mean[f] = mean[columns[f]]
        for g in range(f + 1):
            turned[f, g] = covariance[columns[f], columns[g]]
    cholesky(turned, factor)
    return n_observed


@jit()
def _solve(row, columns, mean, factor, n_observed, solved):
    """Write ``z = inv(L_oo) d``; return its squared length."""
    total = 0.0
    for f in range(n_observed):
        value = row[columns[f]] - mean[f]
        for g in range(f):
            value -= factor[f, g] * solved[g]
        solved[f] = value / factor[f, f]
        total += solved[f] * solved[f]
    return total


@jit()
def add_block_logs(X, order, starts, constants, means, covariances, logs):
    """Add the log densities of a block of correlated columns with gaps.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns), dtype=float64
        Numbers of the block, NaN for a gap.
    order : ndarray of shape (n_samples,), dtype=intp
        Rows, those with the same gaps together.
    starts : ndarray of shape (n_patterns + 1,), dtype=intp
        Where each pattern of gaps begins in `order`.
    constants : ndarray of shape (n_components,)
        Log density of a complete row at the mean.
    means : ndarray of shape (n_components, n_columns)
        Means.
    covariances : ndarray of shape (n_components, n_columns, n_columns)
        Inverses of the expected precisions.
    logs : ndarray of shape (n_samples, n_components)
        Changed in place. O(n_columns³) for a pattern and a component, and
        O(n_columns²) for a row and a component.
    """
    n_columns = X.shape[1]
    columns = np.empty(n_columns, dtype=np.intp)
    mean = np.empty(n_columns)
    factor = np.empty((n_columns, n_columns))
    solved = np.empty(n_columns)
    for p in range(len(starts) - 1):
        pattern = ~np.isnan(X[order[starts[p]]])
        if not pattern.any():
            continue
        for c in range(logs.shape[1]):
            n_observed = _turn_to(
                pattern, means[c], covariances[c], columns, mean, factor
            )
            constant = constants[c]
            for f in range(n_observed, n_columns):
                constant += 0.5 * np.log(2 * np.pi) + np.log(factor[f, f])
            for e in range(starts[p], starts[p + 1]):
                i = order[e]
                length = _solve(X[i], columns, mean, factor, n_observed, solved)
                logs[i, c] += constant - 0.5 * length


@jit()
def add_block_statistics(
    X, order, starts, means, covariances, shares, observed, sums, squares
):
    """Add rows, their gaps completed, to the statistics of a block.

    Parameters
    ----------
    X, order, starts, means, covariances : ndarray
        See :func:`add_block_logs`.
    shares : ndarray of shape (n_samples, n_components)
        Weight of each row in each component.
    observed : ndarray of shape (n_components,)
        Weights of the rows with something observed, changed in place, as all
        that follow.
    sums : ndarray of shape (n_components, n_columns)
        Weighted sums of the completed rows.
    squares : ndarray of shape (n_components, n_columns, n_columns)
        Expected sums of their products; the lower triangle.

    Returns
    -------
    float
        Entropy of the gaps of rows with something observed.
    """
    n_columns = X.shape[1]
    columns = np.empty(n_columns, dtype=np.intp)
    mean = np.empty(n_columns)
    factor = np.empty((n_columns, n_columns))
    solved = np.empty(n_columns)
    filled = np.empty(n_columns)
    entropy = 0.0
    for p in range(len(starts) - 1):
        pattern = ~np.isnan(X[order[starts[p]]])
        if not pattern.any():
            continue
        for c in range(shares.shape[1]):
            total = 0.0
            for e in range(starts[p], starts[p + 1]):
                total += shares[order[e], c]
            if total == 0.0:
                continue
            n_observed = _turn_to(
                pattern, means[c], covariances[c], columns, mean, factor
            )
            for e in range(starts[p], starts[p + 1]):
                i = order[e]
                share = shares[i, c]
                if share == 0.0:
                    continue
                _solve(X[i], columns, mean, factor, n_observed, solved)
                for f in range(n_observed):
                    filled[columns[f]] = X[i, columns[f]]
                for f in range(n_observed, n_columns):
                    value = mean[f]
                    for g in range(n_observed):
                        value += factor[f, g] * solved[g]
                    filled[columns[f]] = value
                for f in range(n_columns):
                    scaled = share * filled[f]
                    sums[c, f] += scaled
                    for g in range(f + 1):
                        squares[c, f, g] += scaled * filled[g]
            observed[c] += total
            for f in range(n_observed, n_columns):
                entropy += total * (
                    0.5 * (1.0 + np.log(2 * np.pi)) + np.log(factor[f, f])
                )
                for g in range(n_observed, f + 1):
                    spread = 0.0
                    for h in range(n_observed, g + 1):
                        spread += factor[f, h] * factor[g, h]
                    # The order of columns within a part is kept.
                    squares[c, columns[f], columns[g]] += total * spread
    return entropy


@jit()
def share_rows_of_known(logs, weights, known):
    """Turn joint log densities into responsibilities, in place.

    Parameters
    ----------
    logs : ndarray of shape (n_samples, n_components)
        Log of weight times density; becomes the responsibilities. Those that
        change no sum become 0.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    known : ndarray of shape (n_samples,), dtype=int64
        Component that a row belongs to, -1 where that is not known.

    Returns
    -------
    float
        Weighted entropy of the responsibilities.
    """
    entropy = 0.0
    n_components = logs.shape[1]
    for i in range(logs.shape[0]):
        row = logs[i]
        if known[i] >= 0:
            row[:] = 0.0
            row[known[i]] = 1.0
            continue
        best = row[0]
        for c in range(1, n_components):
            best = max(best, row[c])
        total, spread = 0.0, 0.0
        for c in range(n_components):
            away = row[c] - best
            if away < -40.0:
                row[c] = 0.0
                continue
            row[c] = np.exp(away)
            total += row[c]
            spread += row[c] * away
        entropy += weights[i] * (np.log(total) - spread / total)
        for c in range(n_components):
            share = row[c] / total
            row[c] = share if share > NEGLIGIBLE else 0.0
    return entropy


@jit()
def entropy_of_unions(shares, weights):
    """Change of the entropy of responsibilities when two components become one.

    Parameters
    ----------
    shares : ndarray of shape (n_samples, n_components)
        Responsibilities.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    ndarray of shape (n_components, n_components)
        Upper triangle: the change, never positive. O(n_samples · pairs of
        components that share a row).
    """
    n_components = shares.shape[1]
    changes = np.zeros((n_components, n_components))
    used = np.empty(n_components, dtype=np.intp)
    for i in range(shares.shape[0]):
        n_used = 0
        for c in range(n_components):
            if shares[i, c] > 0.0:
                used[n_used] = c
                n_used += 1
        for a in range(n_used):
            first = shares[i, used[a]]
            for b in range(a + 1, n_used):
                second = shares[i, used[b]]
                both = first + second
                change = first * np.log(first / both) + second * np.log(second / both)
                changes[used[a], used[b]] += weights[i] * change
    return changes
