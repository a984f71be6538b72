"""Bisecting k-means: the cut of a node, neighbouring cells and their moments."""

import numpy as np

from ._jit import jit

CUT_PASSES = 20
"""Lloyd passes of a cut; a cut along a principal axis needs about five."""

CUT_AXES = 2
"""Principal axes along which a cut may start."""


@jit()
def moments(X, weights):
    """Weight, mean and scatter about the mean of some rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.

    Returns
    -------
    weight : float
        Total weight.
    mean : ndarray of shape (n_features,)
        Weighted mean; zeros where there is no weight.
    scatter : ndarray of shape (n_features, n_features)
        Weighted sum of the outer products of the rows less their mean.
    """
    n_samples, n_features = X.shape
    weight = 0.0
    mean = np.zeros(n_features)
    scatter = np.zeros((n_features, n_features))
    for i in range(n_samples):
        weight += weights[i]
        for f in range(n_features):
            mean[f] += weights[i] * X[i, f]
    if weight == 0.0:
        return weight, mean, scatter
    mean /= weight
    row = np.empty(n_features)
    for i in range(n_samples):
        for f in range(n_features):
            row[f] = X[i, f] - mean[f]
        for f in range(n_features):
            scaled = weights[i] * row[f]
            for g in range(f + 1):
                scatter[f, g] += scaled * row[g]
    for f in range(n_features):
        for g in range(f):
            scatter[g, f] = scatter[f, g]
    return weight, mean, scatter


@jit()
def _best_threshold(positions, weights):
    """Cut numbers in two so that the inertia falls most; exact, by sorting.

    Returns the largest number of the lower side, and whether there is a cut.
    """
    order = np.argsort(positions, kind="mergesort")
    total = weights.sum()
    total_sum = (weights * positions).sum()
    below = 0.0
    below_sum = 0.0
    best = 0.0
    threshold = 0.0
    found = False
    for k in range(order.shape[0] - 1):
        i = order[k]
        below += weights[i]
        below_sum += weights[i] * positions[i]
        if positions[order[k + 1]] == positions[i]:
            continue
        gap = below_sum / below - (total_sum - below_sum) / (total - below)
        gain = below * (total - below) * gap * gap
        if not found or gain > best:
            found = True
            best = gain
            threshold = positions[i]
    return threshold, found


@jit()
def _side_means(X, weights, upper):
    """Weights and means of the lower and the upper side of a cut."""
    n_samples, n_features = X.shape
    sizes = np.zeros(2)
    means = np.zeros((2, n_features))
    for i in range(n_samples):
        side = 1 if upper[i] else 0
        sizes[side] += weights[i]
        for f in range(n_features):
            means[side, f] += weights[i] * X[i, f]
    for side in range(2):
        if sizes[side] > 0.0:
            means[side] /= sizes[side]
    return sizes, means


@jit()
def cut_in_two(X, weights):
    """Cut rows in two by 2-means, started along the first principal axes.

    From the exact 1-D cut along each of the top two axes, Lloyd's algorithm
    runs for at most 20 passes; the larger fall of the inertia wins.

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
    best_upper = np.zeros(n_samples, dtype=np.bool_)
    best_gain = 0.0
    if n_samples < 2:
        return best_upper, best_gain
    total, mean, scatter = moments(X, weights)
    spread, axes = np.linalg.eigh(scatter)
    upper = np.empty(n_samples, dtype=np.bool_)
    for rank in range(min(CUT_AXES, n_features)):
        column = n_features - 1 - rank
        if not spread[column] > 0.0:
            break
        axis = np.ascontiguousarray(axes[:, column])
        largest = np.argmax(np.abs(axis))
        if axis[largest] < 0.0:
            axis = -axis
        positions = np.zeros(n_samples)
        for i in range(n_samples):
            for f in range(n_features):
                positions[i] += (X[i, f] - mean[f]) * axis[f]
        threshold, found = _best_threshold(positions, weights)
        if not found:
            continue
        for i in range(n_samples):
            upper[i] = positions[i] > threshold
        sizes, means = _side_means(X, weights, upper)
        for _ in range(CUT_PASSES):
            direction = means[1] - means[0]
            middle = 0.5 * (means[0] + means[1])
            n_changed = 0
            for i in range(n_samples):
                position = 0.0
                for f in range(n_features):
                    position += (X[i, f] - middle[f]) * direction[f]
                side = position > 0.0
                if side != upper[i]:
                    n_changed += 1
                    upper[i] = side
            if n_changed == 0:
                break
            sizes, means = _side_means(X, weights, upper)
            if sizes[0] == 0.0 or sizes[1] == 0.0:
                break
        gap = 0.0
        for f in range(n_features):
            gap += (means[1, f] - means[0, f]) ** 2
        gain = sizes[0] * sizes[1] / total * gap
        if gain > best_gain:
            best_gain = gain
            best_upper = upper.copy()
    return best_upper, best_gain


@jit()
def two_nearest(X, centers):
    """Nearest and second nearest center of every row.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    centers : ndarray of shape (n_centers, n_features), dtype=float64
        At least two centers.

    Returns
    -------
    first, second : ndarray of shape (n_samples,), dtype=intp
        The two nearest centers; ties to the lower number.
    """
    n_samples, n_features = X.shape
    n_centers = centers.shape[0]
    columns = np.ascontiguousarray(centers.T)
    first = np.empty(n_samples, dtype=np.intp)
    second = np.empty(n_samples, dtype=np.intp)
    distances = np.empty(n_centers)
    for i in range(n_samples):
        distances[:] = 0.0
        for f in range(n_features):
            value = X[i, f]
            for j in range(n_centers):
                difference = value - columns[f, j]
                distances[j] += difference * difference
        nearest, runner_up = np.inf, np.inf
        best, other = 0, 0
        for j in range(n_centers):
            distance = distances[j]
            if distance < nearest:
                runner_up, other = nearest, best
                nearest, best = distance, j
            elif distance < runner_up:
                runner_up, other = distance, j
        first[i] = best
        second[i] = other
    return first, second


@jit()
def moments_by_half(X, weights, halves, starts):
    """Moments of both halves of every cell.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows, sorted by cell.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    starts : ndarray of shape (n_cells + 1,), dtype=intp
        Rows ``starts[c]:starts[c + 1]`` are cell c.

    Returns
    -------
    sizes : ndarray of shape (n_cells, 2)
        Weight of each half of each cell.
    means : ndarray of shape (n_cells, 2, n_features)
        Their means.
    scatters : ndarray of shape (n_cells, 2, n_features, n_features)
        Their scatters about these means.
    """
    n_cells = starts.shape[0] - 1
    n_features = X.shape[1]
    sizes = np.zeros((n_cells, 2))
    means = np.zeros((n_cells, 2, n_features))
    scatters = np.zeros((n_cells, 2, n_features, n_features))
    for c in range(n_cells):
        rows = X[starts[c] : starts[c + 1]]
        row_weights = weights[starts[c] : starts[c + 1]]
        half = halves[starts[c] : starts[c + 1]]
        for h in range(2):
            inside = half == (h == 1)
            sizes[c, h], means[c, h], scatters[c, h] = moments(
                rows[inside], row_weights[inside]
            )
    return sizes, means, scatters


@jit()
def pool_by_half(sizes_a, means_a, scatters_a, sizes_b, means_b, scatters_b):
    """Moments of both halves of the union of two sets of rows.

    Parameters
    ----------
    sizes_a, means_a, scatters_a : ndarray of shape (2, ...)
        Moments of both halves of the first set.
    sizes_b, means_b, scatters_b : ndarray of shape (2, ...)
        Moments of both halves of the second set.

    Returns
    -------
    sizes, means, scatters : ndarray of shape (2, ...)
        Moments of both halves of the union.
    """
    sizes = sizes_a + sizes_b
    means = means_a.copy()
    scatters = scatters_a + scatters_b
    for half in range(2):
        if sizes[half] > 0.0:
            gap = means_b[half] - means_a[half]
            share = sizes_b[half] / sizes[half]
            means[half] += share * gap
            scatters[half] += (share * sizes_a[half]) * np.outer(gap, gap)
    return sizes, means, scatters


@jit()
def project(X, axes):
    """Coordinates of rows along axes, one row at a time.

    A row's coordinates are the same bits in whatever company it comes, which a
    matrix product would not promise.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    axes : ndarray of shape (n_features, n_axes), dtype=float64
        Axes in columns.

    Returns
    -------
    ndarray of shape (n_samples, n_axes)
        The coordinates.
    """
    n_samples, n_features = X.shape
    n_axes = axes.shape[1]
    result = np.zeros((n_samples, n_axes))
    for i in range(n_samples):
        for f in range(n_features):
            value = X[i, f]
            for a in range(n_axes):
                result[i, a] += value * axes[f, a]
    return result


@jit()
def mix_bits(number):
    """Hash a 64-bit integer: the finaliser of the splitmix64 generator."""
    z = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@jit()
def rank_bits(n_ranks):
    """One pseudo-random bit for each of the ranks ``0..n_ranks - 1``."""
    bits = np.empty(n_ranks, dtype=np.bool_)
    for rank in range(n_ranks):
        bits[rank] = mix_bits(np.uint64(rank + 1)) & np.uint64(1) == np.uint64(1)
    return bits


@jit()
def hash_rows(bits):
    """Hash rows of numbers to 64 bits each.

    Parameters
    ----------
    bits : ndarray of shape (n_samples, n_features), dtype=uint64
        The numbers' bits.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=uint64
        Hashes; equal rows have equal ones.
    """
    hashes = np.empty(bits.shape[0], dtype=np.uint64)
    for i in range(bits.shape[0]):
        state = np.uint64(bits.shape[1])
        for f in range(bits.shape[1]):
            state = mix_bits(state ^ bits[i, f])
        hashes[i] = state
    return hashes


def uniform_numbers(hashes):
    """Numbers between 0 and 1, both excluded, from 64-bit hashes.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,), dtype=uint64
        Hashes, of which the upper 53 bits count.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=float64
        The numbers.
    """
    return ((hashes >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
