"""One population or two? A test of log-concavity along a cross-fitted axis.

Two halves of the rows take turns: one gives an axis and three windows of equal
width along it, the other counts its rows in them. A log-concave density cannot
have too few rows in the middle window, whatever its tails do elsewhere.
"""

import numpy as np

from ._jit import jit
from .partition import cut_in_two, moments

BINS = 48
"""Bins between the 1 % and the 99 % quantile."""

MARGIN = 8
"""Bins beyond either quantile, into which an outer window may reach."""

MIN_SPREAD = 3
MAX_SPREAD = 23
"""Bins from the middle window to an outer one."""

MIN_ROWS = 3.0
"""Rows that a side needs in each half; with fewer there is no evidence."""


@jit()
def weighted_quantile(values, weights, share):
    """Smallest value up to which at least a share of the weight lies.

    Parameters
    ----------
    values, weights : ndarray of shape (n_samples,), dtype=float64
        At least one value; positive weights.
    share : float
        Between 0 and 1.

    Returns
    -------
    float
        One of the values. O(n_samples) time on average, by selection.
    """
    values = values.copy()
    weights = weights.copy()
    target = share * weights.sum()
    low, high = 0, values.shape[0] - 1
    while low < high:
        middle = (low + high) // 2
        a, b, c = values[low], values[middle], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        # Three parts: below the pivot, equal to it, above it.
        i, below, above = low, low, high
        below_weight, equal_weight = 0.0, 0.0
        while i <= above:
            value = values[i]
            if value < pivot:
                below_weight += weights[i]
                values[i], values[below] = values[below], value
                weights[i], weights[below] = weights[below], weights[i]
                below += 1
                i += 1
            elif value > pivot:
                values[i], values[above] = values[above], value
                weights[i], weights[above] = weights[above], weights[i]
                above -= 1
            else:
                equal_weight += weights[i]
                i += 1
        if below > low and target <= below_weight:
            high = below - 1
        elif target <= below_weight + equal_weight or above == high:
            return pivot
        else:
            target -= below_weight + equal_weight
            low = above + 1
    return values[low]


@jit()
def dent(lower, middle, upper):
    """Signed root of the likelihood ratio of three counts against log-concavity.

    Poisson counts of three windows are tested against "the mean of the middle
    one, squared, is the product of the outer ones".

    Parameters
    ----------
    lower, middle, upper : float
        Weights counted in the windows.

    Returns
    -------
    float
        About standard normal on the edge of log-concavity; positive where the
        middle window holds too little.
    """
    u = 4.0 * middle + lower + upper
    excess = middle * middle - lower * upper
    shift = (u - np.sqrt(max(u * u - 12.0 * excess, 0.0))) / 6.0
    deviance = 0.0
    if lower > 0.0:
        deviance += lower * np.log(lower / (lower + shift))
    if upper > 0.0:
        deviance += upper * np.log(upper / (upper + shift))
    if middle > 0.0:
        deviance += middle * np.log(middle / (middle - 2.0 * shift))
    root = np.sqrt(2.0 * max(deviance, 0.0))
    return root if shift < 0.0 else -root


@jit()
def _cumulated(bins, weights, halves, half):
    """Weight of one half below the edge of each bin."""
    below = np.zeros(BINS + 2 * MARGIN + 1)
    for i in range(bins.shape[0]):
        if halves[i] == half and bins[i] >= 0:
            below[bins[i] + 1] += weights[i]
    for k in range(1, below.shape[0]):
        below[k] += below[k - 1]
    return below


@jit()
def _windows(below, x, spread, width):
    """Weights in the three windows around the edge `x`."""
    start = x - width // 2 + MARGIN
    lower = below[start - spread + width] - below[start - spread]
    middle = below[start + width] - below[start]
    upper = below[start + spread + width] - below[start + spread]
    return lower, middle, upper


@jit()
def dent_between_halves(positions, weights, halves, half, cut, unimodal):
    """Choose three windows on one half of the rows and test on the other.

    Parameters
    ----------
    positions, weights : ndarray of shape (n_samples,), dtype=float64
        Places of the rows along an axis, and their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    half : bool
        The half that chooses.
    cut : float
        Place that must lie between the centres of the outer windows; NaN for
        none.
    unimodal : bool
        Whether there is evidence only where the middle window holds less than
        either outer one, as no unimodal density would have it.

    Returns
    -------
    z : float
        The :func:`dent` of the other half.
    log_depth : float
        Logarithm of the middle count over the geometric mean of the outer
        ones, on the other half.
    """
    chosen = halves == half
    own_positions = positions[chosen]
    own_weights = weights[chosen]
    if own_positions.shape[0] == 0:
        return 0.0, 0.0
    low = weighted_quantile(own_positions, own_weights, 0.01)
    high = weighted_quantile(own_positions, own_weights, 0.99)
    if not high > low:
        return 0.0, 0.0
    scale = BINS / (high - low)
    bins = np.empty(positions.shape[0], dtype=np.int64)
    for i in range(positions.shape[0]):
        place = (positions[i] - low) * scale + MARGIN
        inside = 0.0 <= place < BINS + 2 * MARGIN
        bins[i] = int(place) if inside else -1
    below = _cumulated(bins, weights, halves, half)
    cut_bin = (cut - low) * scale
    best = -np.inf
    best_x, best_spread, best_width = -1, 0, 0
    for spread in range(MIN_SPREAD, MAX_SPREAD + 1):
        width = max(2, int(np.rint(2.0 * spread / 3.0)))
        for x in range(spread, BINS - spread + 1):
            if abs(cut_bin - x) > spread:
                continue
            lower, middle, upper = _windows(below, x, spread, width)
            # Only the most negative of all can be best without a dent.
            if best >= 0.0 and middle * middle >= lower * upper:
                continue
            z = dent(lower, middle, upper)
            if z > best:
                best, best_x, best_spread, best_width = z, x, spread, width
    if best_x < 0:
        return 0.0, 0.0
    below = _cumulated(bins, weights, halves, not half)
    lower, middle, upper = _windows(below, best_x, best_spread, best_width)
    log_depth = np.log(middle + 0.5) - 0.5 * np.log((lower + 0.5) * (upper + 0.5))
    z = dent(lower, middle, upper)
    if unimodal and middle >= min(lower, upper):
        z = min(z, 0.0)
    return z, log_depth


@jit()
def _discriminant(size_a, mean_a, scatter_a, size_b, mean_b, scatter_b):
    """Axis along which two sets of rows lie farthest apart, by their moments.

    The within covariance is pulled towards its own diagonal with the weight of
    p + 2 rows, so that few rows in many columns do not invent an axis.
    """
    n_features = mean_a.shape[0]
    size = size_a + size_b
    prior = n_features + 2.0
    covariance = (scatter_a + scatter_b) / size
    floor = 1e-9 * np.trace(covariance) / n_features
    if not floor > 0.0:
        return mean_b - mean_a
    for f in range(n_features):
        for g in range(n_features):
            if f != g:
                covariance[f, g] *= size / (size + prior)
        covariance[f, f] += floor
    return np.linalg.solve(covariance, mean_b - mean_a)


@jit()
def _project(X, axis):
    positions = np.zeros(X.shape[0])
    for i in range(X.shape[0]):
        for f in range(X.shape[1]):
            positions[i] += X[i, f] * axis[f]
    return positions


@jit()
def dent_between_groups(
    X,
    weights,
    halves,
    unimodal,
    sizes_a,
    means_a,
    scatters_a,
    sizes_b,
    means_b,
    scatters_b,
):
    """Test two sets of rows for being one log-concave population.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        The rows of both sets.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    unimodal : bool
        See :func:`dent_between_halves`.
    sizes_a, means_a, scatters_a : ndarray of shape (2, ...)
        Moments of both halves of the first set.
    sizes_b, means_b, scatters_b : ndarray of shape (2, ...)
        Moments of both halves of the second set.

    Returns
    -------
    z : float
        Evidence against one population, about standard normal at most if there
        is one; 0 where a set has less than 3 rows in a half.
    depth : float
        Rows between the sets as a share of those expected of one population.
    """
    if min(sizes_a.min(), sizes_b.min()) < MIN_ROWS:
        return 0.0, 1.0
    z, log_depth = 0.0, 0.0
    for half in range(2):
        axis = _discriminant(
            sizes_a[half],
            means_a[half],
            scatters_a[half],
            sizes_b[half],
            means_b[half],
            scatters_b[half],
        )
        cut = 0.0
        for f in range(X.shape[1]):
            cut += 0.5 * (means_a[half, f] + means_b[half, f]) * axis[f]
        positions = _project(X, axis)
        z_half, log_depth_half = dent_between_halves(
            positions, weights, halves, half == 1, cut, unimodal
        )
        z += z_half
        log_depth += log_depth_half
    return z / np.sqrt(2.0), np.exp(0.5 * log_depth)


@jit()
def dent_within(X, weights, halves, unimodal):
    """Test one set of rows for being more than one log-concave population.

    Each half is cut in two by 2-means, which gives the axis for the other.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        The rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    unimodal : bool
        See :func:`dent_between_halves`.

    Returns
    -------
    z : float
        Evidence against one population, about standard normal at most if there
        is one.
    """
    z = 0.0
    for half in range(2):
        chosen = halves == (half == 1)
        rows, row_weights = X[chosen], weights[chosen]
        upper, _ = cut_in_two(rows, row_weights)
        size_a, mean_a, scatter_a = moments(rows[~upper], row_weights[~upper])
        size_b, mean_b, scatter_b = moments(rows[upper], row_weights[upper])
        if min(size_a, size_b) < MIN_ROWS:
            continue
        axis = _discriminant(size_a, mean_a, scatter_a, size_b, mean_b, scatter_b)
        z_half, _ = dent_between_halves(
            _project(X, axis), weights, halves, half == 1, np.nan, unimodal
        )
        z += z_half
    return z / np.sqrt(2.0)


@jit()
def dents_within_cells(X, weights, halves, starts, unimodal):
    """Run :func:`dent_within` on each cell ``starts[c]:starts[c + 1]``."""
    z = np.empty(starts.shape[0] - 1)
    for c in range(z.shape[0]):
        rows = slice(starts[c], starts[c + 1])
        z[c] = dent_within(X[rows], weights[rows], halves[rows], unimodal)
    return z
