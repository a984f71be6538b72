"""Bisecting k-means: the cut of a node, neighbouring cells and their moments.

Loops over numbers and few array expressions: what numba has to generate for one
broadcast takes longer to compile than a page of loops.
"""

import numpy as np

from ._jit import jit
from .gaussians import moments

CUT_PASSES = 20
"""Lloyd passes of a cut; a cut along a principal axis needs about five."""

CUT_AXES = 2
"""Principal axes along which a cut may start."""

_SHORT = 16
"""Numbers that are sorted by insertion."""


def leading_axes(scatters):
    """First principal axes of some scatters, at most two of each.

    Parameters
    ----------
    scatters : ndarray of shape (..., n_features, n_features)
        Symmetric matrices.

    Returns
    -------
    ndarray of shape (..., n_axes, n_features)
        Unit vectors whose largest entry is positive, the leading one first;
        zeros where there is no spread.
    """
    spread, vectors = np.linalg.eigh(scatters)
    axes = np.swapaxes(vectors[..., :, : -CUT_AXES - 1 : -1], -1, -2)
    largest = np.abs(axes).argmax(axis=-1)[..., np.newaxis]
    signs = np.sign(np.take_along_axis(axes, largest, axis=-1))
    has_spread = spread[..., : -CUT_AXES - 1 : -1, np.newaxis] > 0
    return np.ascontiguousarray(np.where(has_spread, signs * axes, 0.0))


@jit()
def _sort_pairs(keys, values):
    """Sort keys, and their values along with them, by overwriting both.

    Quicksort; runs that became short are left to one insertion sort at the end.
    """
    bounds = np.empty((64, 2), dtype=np.intp)
    bounds[0, 0], bounds[0, 1] = 0, keys.shape[0] - 1
    depth = 0
    while depth >= 0:
        low, high = bounds[depth, 0], bounds[depth, 1]
        depth -= 1
        while high - low > _SHORT:
            a, b, c = keys[low], keys[(low + high) // 2], keys[high]
            pivot = max(min(a, b), min(max(a, b), c))
            i, j = low, high
            while i <= j:
                while keys[i] < pivot:
                    i += 1
                while keys[j] > pivot:
                    j -= 1
                if i <= j:
                    keys[i], keys[j] = keys[j], keys[i]
                    values[i], values[j] = values[j], values[i]
                    i += 1
                    j -= 1
            # The longer side waits: so few sides ever do.
            depth += 1
            if j - low > high - i:
                bounds[depth, 0], bounds[depth, 1] = low, j
                low = i
            else:
                bounds[depth, 0], bounds[depth, 1] = i, high
                high = j
    for i in range(1, keys.shape[0]):
        key, value = keys[i], values[i]
        j = i - 1
        while j >= 0 and keys[j] > key:
            keys[j + 1], values[j + 1] = keys[j], values[j]
            j -= 1
        keys[j + 1], values[j + 1] = key, value


@jit()
def _best_threshold(positions, weights):
    """Cut sorted numbers in two so that the inertia falls most.

    Returns the largest number of the lower side; NaN where all are equal.
    """
    n_samples = positions.shape[0]
    total, total_sum = 0.0, 0.0
    for k in range(n_samples):
        total += weights[k]
        total_sum += weights[k] * positions[k]
    below, below_sum = 0.0, 0.0
    best, threshold = -1.0, np.nan
    for k in range(n_samples - 1):
        below += weights[k]
        below_sum += weights[k] * positions[k]
        if positions[k + 1] > positions[k]:
            gap = below_sum / below - (total_sum - below_sum) / (total - below)
            gain = below * (total - below) * gap * gap
            if gain > best:
                best, threshold = gain, positions[k]
    return threshold


@jit()
def _project(X, origin, direction, positions):
    """Write the positions of rows along a direction."""
    for i in range(X.shape[0]):
        position = 0.0
        for f in range(X.shape[1]):
            position += (X[i, f] - origin[f]) * direction[f]
        positions[i] = position


@jit()
def _add_sides(X, weights, sides, side_sizes, side_means):
    """Write weight and mean of the rows of each side."""
    side_sizes[:] = 0.0
    side_means[:] = 0.0
    for i in range(X.shape[0]):
        s = 1 if sides[i] else 0
        side_sizes[s] += weights[i]
        for f in range(X.shape[1]):
            side_means[s, f] += weights[i] * X[i, f]
    for s in range(2):
        if side_sizes[s] > 0.0:
            for f in range(X.shape[1]):
                side_means[s, f] /= side_sizes[s]


@jit()
def _run_two_means(
    X, weights, mean, axis, threshold, positions, sides, side_sizes, side_means
):
    """Run Lloyd's algorithm with two centers from a cut along an axis.

    `positions` is overwritten; sides, and their weights and means, are written.
    """
    origin, direction = mean.copy(), axis.copy()
    for step in range(CUT_PASSES + 1):
        _project(X, origin, direction, positions)
        n_changed = 0
        for i in range(X.shape[0]):
            side = positions[i] > threshold
            if step == 0 or side != sides[i]:
                n_changed += 1
                sides[i] = side
        if n_changed == 0:
            break
        _add_sides(X, weights, sides, side_sizes, side_means)
        if side_sizes[0] == 0.0 or side_sizes[1] == 0.0:
            break
        # From now on, half way between the means.
        threshold = 0.0
        for f in range(X.shape[1]):
            direction[f] = side_means[1, f] - side_means[0, f]
            origin[f] = 0.5 * (side_means[0, f] + side_means[1, f])


@jit()
def cut_along(X, weights, mean, axes, upper, sizes, means):
    """Cut rows in two by 2-means, started along some axes.

    From the exact 1-D cut along each axis, Lloyd's algorithm runs for at most 20
    passes; the larger fall of the inertia wins.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    mean : ndarray of shape (n_features,)
        Their mean.
    axes : ndarray of shape (n_axes, n_features)
        See :func:`leading_axes`.
    upper : ndarray of shape (n_samples,), dtype=bool
        Written: side of each row; all False where the rows cannot be cut.
    sizes : ndarray of shape (2,)
        Written: weight of each side.
    means : ndarray of shape (2, n_features)
        Written: mean of each side.

    Returns
    -------
    gain : float
        How much the inertia falls.
    """
    n_samples, n_features = X.shape
    positions = np.empty(n_samples)
    sorted_weights = np.empty(n_samples)
    sides = np.empty(n_samples, dtype=np.bool_)
    side_sizes = np.empty(2)
    side_means = np.empty((2, n_features))
    upper[:] = False
    best_gain = 0.0
    for axis in axes:
        _project(X, mean, axis, positions)
        sorted_weights[:] = weights
        _sort_pairs(positions, sorted_weights)
        threshold = _best_threshold(positions, sorted_weights)
        if np.isnan(threshold):
            continue
        _run_two_means(
            X, weights, mean, axis, threshold, positions, sides, side_sizes, side_means
        )
        gap = 0.0
        for f in range(n_features):
            gap += (side_means[1, f] - side_means[0, f]) ** 2
        total = side_sizes[0] + side_sizes[1]
        gain = side_sizes[0] * side_sizes[1] / total * gap
        if gain > best_gain:
            best_gain = gain
            upper[:], sizes[:], means[:] = sides, side_sizes, side_means
    return best_gain


@jit()
def _cut_halves(X, weights, halves, starts, means, axes, side_sizes, side_means):
    """Write the sides of :func:`cut_halves`."""
    n_largest = 0
    for c in range(starts.shape[0] - 1):
        n_largest = max(n_largest, starts[c + 1] - starts[c])
    rows = np.empty((n_largest, X.shape[1]))
    row_weights = np.empty(n_largest)
    upper = np.empty(n_largest, dtype=np.bool_)
    for c in range(starts.shape[0] - 1):
        for half in range(2):
            n_rows = 0
            for i in range(starts[c], starts[c + 1]):
                if halves[i] == (half == 1):
                    row_weights[n_rows] = weights[i]
                    for f in range(X.shape[1]):
                        rows[n_rows, f] = X[i, f]
                    n_rows += 1
            cut_along(
                rows[:n_rows],
                row_weights[:n_rows],
                means[c, half],
                axes[c, half],
                upper[:n_rows],
                side_sizes[c, half],
                side_means[c, half],
            )


def cut_halves(X, weights, halves, starts, means, scatters):
    """Cut both halves of every cell in two.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows; ``starts[c]:starts[c + 1]`` are cell c.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    starts : ndarray of shape (n_cells + 1,), dtype=intp
        Where the cells start.
    means, scatters : ndarray of shape (n_cells, 2, ...)
        Moments of the halves of the cells.

    Returns
    -------
    sizes : ndarray of shape (n_cells, 2, 2)
        Weight of both sides of each half; zeros where it cannot be cut.
    means : ndarray of shape (n_cells, 2, 2, n_features)
        Their means.
    """
    sizes = np.zeros((*means.shape[:2], 2))
    side_means = np.zeros((*sizes.shape, X.shape[1]))
    axes = leading_axes(scatters)
    _cut_halves(X, weights, halves, starts, means, axes, sizes, side_means)
    return sizes, side_means


def cut_in_two(X, weights):
    """Cut rows in two by 2-means, started along the first principal axes.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.

    Returns
    -------
    upper : ndarray of shape (n_samples,), dtype=bool
        Side of each row; all False where the rows cannot be cut.
    gain : float
        How much the inertia falls.

    Notes
    -----
    O(n (p² + log n)) time for n rows and p columns, and an eigenproblem of
    size p.
    """
    n_samples, n_features = X.shape
    upper = np.zeros(n_samples, dtype=bool)
    _, means, scatters = moments(X, weights, np.zeros(n_samples, dtype=np.intp), 1)
    gain = cut_along(
        X,
        weights,
        means[0],
        leading_axes(scatters[0]),
        upper,
        np.empty(2),
        np.empty((2, n_features)),
    )
    return upper, gain
