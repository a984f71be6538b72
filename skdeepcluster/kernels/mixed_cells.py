"""Division of rows of numbers and categories into cells, by two-means cuts.

A category column is seen as one column per level, ``(z - p) / sqrt(1 - sum p²)``
with the shares p of the levels, so that its total variance is 1; a gap is 0.
These columns are never written out: every sum over them is a sum over levels.
"""

import numpy as np

from ._jit import jit

_POWER_STEPS = 15
_CUT_STEPS = 5


@jit()
def _level_weights(vector, shares, scales, columns):
    """Scores of the levels on a vector over levels, centred and scaled."""
    scores = np.empty_like(vector)
    centre = np.zeros(len(scales))
    for level in range(len(vector)):
        centre[columns[level]] += shares[level] * vector[level]
    for level in range(len(vector)):
        column = columns[level]
        scores[level] = (vector[level] - centre[column]) / scales[column]
    return scores


@jit()
def _score(numbers, levels, number_scores, level_scores):
    """Score of one row on a vector."""
    total = 0.0
    for j in range(len(numbers)):
        if not np.isnan(numbers[j]):
            total += numbers[j] * number_scores[j]
    for j in range(len(levels)):
        if levels[j] >= 0:
            total += level_scores[levels[j]]
    return total


@jit()
def _add(numbers, levels, weight, number_sums, level_sums):
    """Add one row to sums over numbers and levels."""
    for j in range(len(numbers)):
        if not np.isnan(numbers[j]):
            number_sums[j] += weight * numbers[j]
    for j in range(len(levels)):
        if levels[j] >= 0:
            level_sums[levels[j]] += weight


@jit()
def _dot(first, second):
    """Inner product, in the order of the entries."""
    total = 0.0
    for j in range(len(first)):
        total += first[j] * second[j]
    return total


@jit()
def _subtract(vector, other):
    """Subtract one vector from another, in place."""
    for j in range(len(vector)):
        vector[j] -= other[j]


@jit()
def _squared_length(number_vector, level_vector):
    return _dot(number_vector, number_vector) + _dot(level_vector, level_vector)


@jit()
def _mean(numbers, levels, weights, labels, cell, shares, scales, columns):
    """Weight and mean of a cell, the levels' part encoded."""
    number_mean = np.zeros(numbers.shape[1])
    level_sums = np.zeros(len(shares))
    weight = 0.0
    for i in range(len(labels)):
        if labels[i] == cell:
            _add(numbers[i], levels[i], weights[i], number_mean, level_sums)
            weight += weights[i]
    level_mean = _encoded(level_sums, shares, scales, columns)
    if weight > 0.0:
        for j in range(len(number_mean)):
            number_mean[j] /= weight
        for level in range(len(level_mean)):
            level_mean[level] /= weight
    return weight, number_mean, level_mean


@jit()
def _encoded(level_sums, shares, scales, columns):
    """Encode sums of weights over levels."""
    totals = np.zeros(len(scales))
    for level in range(len(shares)):
        totals[columns[level]] += level_sums[level]
    encoded = np.empty(len(shares))
    for level in range(len(shares)):
        column = columns[level]
        centred = level_sums[level] - shares[level] * totals[column]
        encoded[level] = centred / scales[column]
    return encoded


@jit()
def _leading_scores(
    numbers, levels, weights, labels, cell, rows, lengths, shares, scales, columns
):
    """Scores of a cell's rows on its leading axis, by power iterations."""
    _, number_mean, level_mean = _mean(
        numbers, levels, weights, labels, cell, shares, scales, columns
    )
    level_scores = _level_weights(level_mean, shares, scales, columns)
    farthest, most = rows[0], -np.inf
    for i in rows:
        score = _score(numbers[i], levels[i], number_mean, level_scores)
        if lengths[i] - 2.0 * score > most:
            farthest, most = i, lengths[i] - 2.0 * score
    number_axis, level_sums = np.zeros(numbers.shape[1]), np.zeros(len(shares))
    _add(numbers[farthest], levels[farthest], 1.0, number_axis, level_sums)
    level_axis = _encoded(level_sums, shares, scales, columns)
    _subtract(number_axis, number_mean)
    _subtract(level_axis, level_mean)
    scores = np.zeros(len(rows))
    for step in range(_POWER_STEPS + 1):
        length = np.sqrt(_squared_length(number_axis, level_axis))
        if length == 0.0:
            break
        level_scores = _level_weights(level_axis, shares, scales, columns)
        offset = _dot(number_mean, number_axis) + _dot(level_mean, level_axis)
        for e in range(len(rows)):
            i = rows[e]
            score = _score(numbers[i], levels[i], number_axis, level_scores)
            scores[e] = (score - offset) / length
        if step == _POWER_STEPS:
            break
        number_axis[:] = 0.0
        level_sums[:] = 0.0
        for e in range(len(rows)):
            i = rows[e]
            _add(numbers[i], levels[i], weights[i] * scores[e], number_axis, level_sums)
        level_axis = _encoded(level_sums, shares, scales, columns)
    return scores


@jit()
def _cut(
    numbers, levels, weights, labels, cell, new, rows, lengths, shares, scales, columns
):
    """Move rows of a cell to a new one; say whether both hold rows then."""
    scores = _leading_scores(
        numbers, levels, weights, labels, cell, rows, lengths, shares, scales, columns
    )
    middle = 0.0
    for step in range(_CUT_STEPS + 1):
        n_moved, changed = 0, False
        for e in range(len(rows)):
            now = new if scores[e] > middle else cell
            changed |= now != labels[rows[e]]
            labels[rows[e]] = now
            n_moved += now == new
        if n_moved == 0 or n_moved == len(rows):
            return False
        if step == _CUT_STEPS or not changed:
            break
        _, here, here_levels = _mean(
            numbers, levels, weights, labels, cell, shares, scales, columns
        )
        _, there, there_levels = _mean(
            numbers, levels, weights, labels, new, shares, scales, columns
        )
        # Nearer to there than to here: a score above half the difference.
        middle = 0.5 * (
            _squared_length(there, there_levels) - _squared_length(here, here_levels)
        )
        _subtract(there, here)
        _subtract(there_levels, here_levels)
        level_scores = _level_weights(there_levels, shares, scales, columns)
        for e in range(len(rows)):
            i = rows[e]
            scores[e] = _score(numbers[i], levels[i], there, level_scores)
    return True


@jit()
def cut_into_cells(
    numbers,
    levels,
    weights,
    lengths,
    labels,
    n_labels,
    n_cells,
    least,
    shares,
    scales,
    columns,
):
    """Cut the cell of the largest scatter in two, again and again.

    Parameters
    ----------
    numbers, levels : ndarray
        Rows, see :func:`~skdeepcluster.kernels.mixed.add_independent_logs`.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    lengths : ndarray of shape (n_samples,)
        Squared lengths of the encoded rows.
    labels : ndarray of shape (n_samples,), dtype=intp
        Cells to begin with, of which only the last one is cut; changed in place.
    n_labels : int
        Number of them.
    n_cells : int
        Number of cells wanted.
    least : float
        Cells of less weight are not cut.
    shares : ndarray of shape (n_levels,)
        Share of each level in its column.
    scales : ndarray of shape (n_categories,)
        What centred columns of levels are divided by.
    columns : ndarray of shape (n_levels,), dtype=intp
        Column that each level belongs to.

    Returns
    -------
    int
        Number of cells. O(n_samples · n_columns) for each level of cuts.
    """
    scatters = np.zeros(max(n_cells, n_labels))
    # All but the last one stay as they are.
    scatters[n_labels - 1] = _scatter(
        numbers,
        levels,
        weights,
        labels,
        n_labels - 1,
        lengths,
        least,
        shares,
        scales,
        columns,
    )
    # Differences below this are rounding.
    nothing = 1e-10 * max(_dot(weights, lengths), 1e-300)
    while n_labels < n_cells:
        cell = scatters[:n_labels].argmax()
        if scatters[cell] <= nothing:
            break
        rows = np.flatnonzero(labels == cell)
        if not _cut(
            numbers,
            levels,
            weights,
            labels,
            cell,
            n_labels,
            rows,
            lengths,
            shares,
            scales,
            columns,
        ):
            labels[rows] = cell
            scatters[cell] = 0.0
            continue
        for part in (cell, n_labels):
            scatters[part] = _scatter(
                numbers,
                levels,
                weights,
                labels,
                part,
                lengths,
                least,
                shares,
                scales,
                columns,
            )
        n_labels += 1
    return n_labels


@jit()
def _scatter(
    numbers, levels, weights, labels, cell, lengths, least, shares, scales, columns
):
    """Scatter of a cell about its mean; 0 where it is too small to be cut."""
    weight, number_mean, level_mean = _mean(
        numbers, levels, weights, labels, cell, shares, scales, columns
    )
    if weight < least:
        return 0.0
    total = 0.0
    for i in range(len(labels)):
        if labels[i] == cell:
            total += weights[i] * lengths[i]
    return total - weight * _squared_length(number_mean, level_mean)


@jit()
def nearest_cells(
    numbers, levels, number_centers, level_scores, offsets, fixed, labels
):
    """Move rows to the nearest of the centres that are not fixed.

    Parameters
    ----------
    numbers, levels : ndarray
        Rows, see :func:`~skdeepcluster.kernels.mixed.add_independent_logs`.
    number_centers : ndarray of shape (n_numbers, n_cells)
        Means of the numbers.
    level_scores : ndarray of shape (n_levels, n_cells)
        Scores of the levels on each centre.
    offsets : ndarray of shape (n_cells,)
        Half the squared lengths of the centres; infinite for a cell that rows
        do not move to.
    fixed : ndarray of shape (n_samples,), dtype=bool
        Rows that stay.
    labels : ndarray of shape (n_samples,), dtype=intp
        Cells, changed in place.

    Returns
    -------
    bool
        Whether a row moved.
    """
    n_cells = len(offsets)
    moved = False
    scores = np.empty(n_cells)
    for i in range(len(labels)):
        if fixed[i]:
            continue
        for c in range(n_cells):
            scores[c] = -offsets[c]
        for j in range(numbers.shape[1]):
            x = numbers[i, j]
            if not np.isnan(x):
                for c in range(n_cells):
                    scores[c] += x * number_centers[j, c]
        for j in range(levels.shape[1]):
            level = levels[i, j]
            if level >= 0:
                for c in range(n_cells):
                    scores[c] += level_scores[level, c]
        best = scores.argmax()
        moved |= best != labels[i]
        labels[i] = best
    return moved
