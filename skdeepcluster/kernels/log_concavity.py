"""One population or two? A test of log-concavity along a cross-fitted axis.

Two halves of the rows take turns: one gives an axis and three windows of equal
width along it, the other counts its rows in them. A log-concave density cannot
have too few rows in the middle window, whatever its tails do elsewhere.
"""

import numpy as np

from ._jit import jit
from .bisection import cut_halves

BINS = 48
"""Bins between the 1 % and the 99 % quantile."""

MARGIN = 8
"""Bins beyond either quantile, into which an outer window may extend."""

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
        At least one value; positive weights. Both are reordered.
    share : float
        Between 0 and 1.

    Returns
    -------
    float
        One of the values. O(n_samples) time on average, by selection.
    """
    target = 0.0
    for k in range(weights.shape[0]):
        target += share * weights[k]
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
def _cumulated(positions, weights, halves, half, low, scale, below):
    """Weight of one half below the edge of each bin, written to `below`."""
    n_bins = BINS + 2 * MARGIN
    for k in range(n_bins + 1):
        below[k] = 0.0
    for i in range(positions.shape[0]):
        if halves[i] == half:
            bin_number = (positions[i] - low) * scale + MARGIN
            if 0.0 <= bin_number < n_bins:
                below[int(bin_number) + 1] += weights[i]
    for k in range(1, n_bins + 1):
        below[k] += below[k - 1]


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
        Positions of the rows along an axis, and their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    half : bool
        The half that chooses.
    cut : float
        Position that must lie between the centres of the outer windows; NaN for
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
    n_own = 0
    for i in range(positions.shape[0]):
        if halves[i] == half:
            n_own += 1
    if n_own == 0:
        return 0.0, 0.0
    own_positions = np.empty(n_own)
    own_weights = np.empty(n_own)
    n_own = 0
    for i in range(positions.shape[0]):
        if halves[i] == half:
            own_positions[n_own] = positions[i]
            own_weights[n_own] = weights[i]
            n_own += 1
    low = weighted_quantile(own_positions, own_weights, 0.01)
    high = weighted_quantile(own_positions, own_weights, 0.99)
    if not high > low:
        return 0.0, 0.0
    scale = BINS / (high - low)
    below = np.empty(BINS + 2 * MARGIN + 1)
    _cumulated(positions, weights, halves, half, low, scale, below)
    cut_bin = (cut - low) * scale
    best = -np.inf
    chosen = np.empty(3, dtype=np.intp)
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
                best = z
                chosen[0], chosen[1], chosen[2] = x, spread, width
    if best == -np.inf:
        return 0.0, 0.0
    _cumulated(positions, weights, halves, not half, low, scale, below)
    lower, middle, upper = _windows(below, chosen[0], chosen[1], chosen[2])
    log_depth = np.log(middle + 0.5) - 0.5 * np.log((lower + 0.5) * (upper + 0.5))
    z = dent(lower, middle, upper)
    if unimodal and middle >= min(lower, upper):
        z = min(z, 0.0)
    return z, log_depth


@jit()
def _dents_along(
    X, weights, halves, numbers, starts, axes, cuts, unimodal, z, log_depths
):
    """Write the results of :func:`dents_along`."""
    n_features = X.shape[1]
    n_largest = 0
    for c in range(z.shape[0]):
        n_largest = max(n_largest, starts[c + 1] - starts[c])
    positions = np.empty(n_largest)
    row_weights = np.empty(n_largest)
    row_halves = np.empty(n_largest, dtype=np.bool_)
    for c in range(z.shape[0]):
        n_rows = starts[c + 1] - starts[c]
        for half in range(2):
            for k in range(n_rows):
                i = numbers[starts[c] + k]
                position = 0.0
                for f in range(n_features):
                    position += X[i, f] * axes[c, half, f]
                positions[k] = position
                row_weights[k] = weights[i]
                row_halves[k] = halves[i]
            z_half, log_depth = dent_between_halves(
                positions[:n_rows],
                row_weights[:n_rows],
                row_halves[:n_rows],
                half == 1,
                cuts[c, half],
                unimodal,
            )
            z[c] += z_half / np.sqrt(2.0)
            log_depths[c] += 0.5 * log_depth


def dents_along(X, weights, halves, numbers, starts, axes, cuts, unimodal):
    """Test sets of rows along axes that each half found for the other.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    numbers : ndarray of shape (n_numbers,), dtype=intp
        Rows of the sets: ``numbers[starts[c]:starts[c + 1]]`` are set c.
    starts : ndarray of shape (n_sets + 1,), dtype=intp
        Where the sets start.
    axes : ndarray of shape (n_sets, 2, n_features)
        Axis that each half of each set found; zeros for none.
    cuts, unimodal
        See :func:`dent_between_halves`; cuts of shape (n_sets, 2).

    Returns
    -------
    z : ndarray of shape (n_sets,)
        Evidence against one population, about standard normal at most if there
        is one; 0 without axes.
    log_depths : ndarray of shape (n_sets,)
        Logarithm of the rows in the middle as a share of those expected of one
        population.
    """
    z, log_depths = np.zeros(len(axes)), np.zeros(len(axes))
    _dents_along(
        X, weights, halves, numbers, starts, axes, cuts, unimodal, z, log_depths
    )
    return z, log_depths


def discriminants(sizes, gaps, scatters):
    """Axes along which pairs of sets of rows lie farthest apart.

    The within covariance is pulled towards its own diagonal with the weight of
    p + 2 rows, so that few rows in many columns do not invent an axis.

    Parameters
    ----------
    sizes : ndarray of shape (..., 2)
        Weights of the two sets of each pair.
    gaps : ndarray of shape (..., n_features)
        Differences of their means.
    scatters : ndarray of shape (..., n_features, n_features)
        Sums of the scatters of both.

    Returns
    -------
    ndarray of shape (..., n_features)
        The axes; zeros where a set is lighter than 3 rows.
    """
    n_features = gaps.shape[-1]
    total = sizes.sum(axis=-1)[..., np.newaxis, np.newaxis]
    diagonal = np.eye(n_features)
    shares = np.where(diagonal > 0, 1.0, total / (total + n_features + 2))
    floor = 1e-9 * np.trace(scatters, axis1=-2, axis2=-1) / n_features
    # Sets without spread: the straight way.
    floor = np.where(floor > 0, floor, 1.0)[..., np.newaxis, np.newaxis]
    covariances = scatters * shares + floor * diagonal
    axes = np.linalg.solve(covariances, gaps[..., np.newaxis])[..., 0]
    has_rows = sizes.min(axis=-1, keepdims=True) >= MIN_ROWS
    return np.where(has_rows, axes, 0.0)


def dents_within(X, weights, halves, starts, unimodal, sizes, means, scatters):
    """Test sets of rows for being more than one log-concave population each.

    Each half of a set is cut in two by 2-means, which gives the axis for the
    other.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        The rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    halves : ndarray of shape (n_samples,), dtype=bool
        Half of each row.
    starts : ndarray of shape (n_sets + 1,), dtype=intp
        Rows ``starts[c]:starts[c + 1]`` are a set.
    unimodal : bool
        See :func:`dent_between_halves`.
    sizes, means, scatters : ndarray of shape (n_sets, 2, ...)
        Moments of both halves of each set.

    Returns
    -------
    z : ndarray of shape (n_sets,)
        Evidence against one population, about standard normal at most if there
        is one; 0 where a side of either cut has less than 3 rows.
    """
    side_sizes, side_means = cut_halves(X, weights, halves, starts, means, scatters)
    gaps = side_means[:, :, 1] - side_means[:, :, 0]
    # What is not between the sides is within them.
    pull = np.divide(
        side_sizes.prod(axis=-1), sizes, out=np.zeros_like(sizes), where=sizes > 0
    )[..., np.newaxis, np.newaxis]
    between = pull * gaps[..., :, np.newaxis] * gaps[..., np.newaxis, :]
    # Two points leave nothing within, and rounding may leave less than nothing.
    axes = discriminants(side_sizes, gaps, scatters - (1 - 1e-9) * between)
    cuts = np.full(sizes.shape, np.nan)
    numbers = np.arange(len(X))
    return dents_along(X, weights, halves, numbers, starts, axes, cuts, unimodal)[0]


def dents_between(X, weights, halves, numbers, unimodal, first, second):
    """Test two sets of rows for being one log-concave population.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    halves : ndarray of shape (n_splits, n_samples), dtype=bool
        Half of each row, in each of some splits.
    numbers : ndarray of shape (n_rows,), dtype=intp
        The rows of both sets.
    unimodal : bool
        See :func:`dent_between_halves`.
    first, second : tuple of ndarray of shape (n_splits, 2, ...)
        Sizes, means and scatters of both halves of both sets.

    Returns
    -------
    z : ndarray of shape (n_splits,)
        Evidence against one population, about standard normal at most if there
        is one; 0 where a set has less than 3 rows in a half.
    log_depths : ndarray of shape (n_splits,)
        Logarithm of the rows between the sets as a share of those expected of
        one population.
    """
    sizes = np.stack([first[0], second[0]], axis=-1)
    # One half alone is no test.
    sizes = sizes * (sizes.min(axis=(1, 2), keepdims=True) >= MIN_ROWS)
    axes = discriminants(sizes, second[1] - first[1], first[2] + second[2])
    cuts = (0.5 * (first[1] + second[1]) * axes).sum(axis=-1)
    starts = np.array([0, len(numbers)])
    tests = [
        dents_along(
            X,
            weights,
            split,
            numbers,
            starts,
            axes[s : s + 1],
            cuts[s : s + 1],
            unimodal,
        )
        for s, split in enumerate(halves)
    ]
    z, log_depths = np.concatenate(tests, axis=1)
    return z, log_depths
