"""Separation of neighbouring cells: overlap, and density at saddle points."""

import numpy as np

from ._jit import jit
from .gaussians import cholesky
from .log_concavity import weighted_quantile

WINDOW = 1.0 / 6.0
"""Half the width of a counting window, as a share of the way between centers."""

TUBE_SHARE = 0.75
"""Share of the rows of two cells that the radius of their tube takes in."""

OVERLAP, NUMBER, MIDDLE, WIDTH, BOUNDARY, KEY = range(6)
"""Columns of what is known of pairs of groups."""


@jit()
def overlaps(pairs, centers, covariances, log_determinants):
    """Bhattacharyya distances of pairs of Gaussians, covariance part halved.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, 2), dtype=intp
        Components to compare.
    centers : ndarray of shape (n_components, n_features)
        Their means.
    covariances : ndarray of shape (n_components, n_features, n_features)
        Their covariances.
    log_determinants : ndarray of shape (n_components,)
        Log determinants of these.

    Returns
    -------
    ndarray of shape (n_pairs,)
        Distances in nats. O(n_features³) each.
    """
    n_features = centers.shape[1]
    distances = np.empty(pairs.shape[0])
    solved = np.empty(n_features)
    mean = np.empty((n_features, n_features))
    factor = np.empty((n_features, n_features))
    for e in range(pairs.shape[0]):
        i, j = pairs[e, 0], pairs[e, 1]
        for f in range(n_features):
            for g in range(f + 1):
                mean[f, g] = 0.5 * (covariances[i, f, g] + covariances[j, f, g])
        cholesky(mean, factor)
        squared, log_determinant = 0.0, 0.0
        for f in range(n_features):
            total = centers[i, f] - centers[j, f]
            for k in range(f):
                total -= factor[f, k] * solved[k]
            solved[f] = total / factor[f, f]
            squared += solved[f] * solved[f]
            log_determinant += 2.0 * np.log(factor[f, f])
        shape = log_determinant - 0.5 * (log_determinants[i] + log_determinants[j])
        distances[e] = squared / 8.0 + shape / 4.0
    return distances


@jit()
def _position_in_tube(own, other, squared_length, size):
    """Position of a row of the first cell between its center and another one.

    The row is left out of the center of its own cell, which it would otherwise
    pull towards itself in many columns.

    Returns the position (0 at its own center, 1 at the other one) and the squared
    distance from the line.
    """
    if size <= 1.0:
        return np.inf, np.inf
    rest = size - 1.0
    length = squared_length - (other - own - squared_length) / rest
    length += own / (rest * rest)
    own *= (size / rest) ** 2
    position = (own + length - other) / (2.0 * length)
    return position, own - position * position * length


@jit()
def _ordered_squared_distance(x, y):
    """Squared distance in a fixed order of sums, the same bits at every call."""
    total = 0.0
    for f in range(x.shape[0]):
        difference = x[f] - y[f]
        total += difference * difference
    return total


def tube_counts(X, weights, starts, centers, sizes, pairs):
    """Count rows at both ends and in the middle of the tubes between cells.

    The tube of two cells is the cylinder around the line of their centers that
    holds three quarters of their rows; rows of any cell count in it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows, sorted by cell.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    starts : ndarray of shape (n_cells + 1,), dtype=intp
        Rows ``starts[c]:starts[c + 1]`` are cell c.
    centers : ndarray of shape (n_cells, n_features)
        Means of the cells.
    sizes : ndarray of shape (n_cells,)
        Weights of the cells.
    pairs : ndarray of shape (n_pairs, 2), dtype=intp
        Cells whose tubes are wanted.

    Returns
    -------
    ndarray of shape (n_pairs, 3)
        Weight at the first center, at the second, and half way.

    Notes
    -----
    O(n_samples (n_cells n_features + n_pairs)) time at most: a cell that lies
    outside a tube as a whole is passed over.
    """
    counts = np.zeros((len(pairs), 3))
    between = np.zeros((len(centers), len(centers)))
    for column in centers.T:
        between += np.square(column[:, np.newaxis] - column)
    _tube_counts(X, weights, starts, centers, sizes, pairs, between, counts)
    return counts


@jit()
def _tube_counts(X, weights, starts, centers, sizes, pairs, between, counts):
    """Write the counts of :func:`tube_counts`.

    `between` holds the squared distances of the centers.
    """
    n_cells, n_pairs = centers.shape[0], pairs.shape[0]
    radii = np.empty(n_pairs)
    n_largest = 0
    for c in range(n_cells):
        n_largest = max(n_largest, starts[c + 1] - starts[c])
    # Squared distances of the rows of a cell to the centers that were needed.
    distances = np.empty((n_cells, n_largest))
    known_for = np.empty(n_cells, dtype=np.intp)
    positions = np.empty(n_largest)
    off_line = np.empty(2 * n_largest)
    tube_weights = np.empty(2 * n_largest)
    for c in range(n_cells):
        known_for[c] = -1
    for e in range(n_pairs):
        n_rows = 0
        for side in range(2):
            own, other = pairs[e, side], pairs[e, 1 - side]
            for row in range(starts[own], starts[own + 1]):
                _, off_line[n_rows] = _position_in_tube(
                    _ordered_squared_distance(X[row], centers[own]),
                    _ordered_squared_distance(X[row], centers[other]),
                    between[own, other],
                    sizes[own],
                )
                tube_weights[n_rows] = weights[row]
                n_rows += 1
        radii[e] = weighted_quantile(
            off_line[:n_rows], tube_weights[:n_rows], TUBE_SHARE
        )
    for c in range(n_cells):
        start = starts[c]
        n_rows = starts[c + 1] - start
        cell_radius = 0.0
        for r in range(n_rows):
            distances[c, r] = _ordered_squared_distance(X[start + r], centers[c])
            cell_radius = max(cell_radius, distances[c, r])
        known_for[c] = c
        for e in range(n_pairs):
            i, j = pairs[e, 0], pairs[e, 1]
            length = between[i, j]
            # Farthest that a row in the windows may lie from their middle.
            farthest = np.sqrt((0.5 + WINDOW) ** 2 * length + radii[e])
            to_middle = 0.5 * (between[c, i] + between[c, j]) - 0.25 * length
            away = np.sqrt(max(to_middle, 0.0)) - np.sqrt(cell_radius)
            if c != i and c != j and away > farthest * (1.0 + 1e-9):
                continue
            for side in range(2):
                end = pairs[e, side]
                if known_for[end] != c:
                    known_for[end] = c
                    for r in range(n_rows):
                        distances[end, r] = _ordered_squared_distance(
                            X[start + r], centers[end]
                        )
            for r in range(n_rows):
                near, far = distances[i, r], distances[j, r]
                if c == j:
                    near, far = far, near
                if c in (i, j):
                    position, off = _position_in_tube(near, far, length, sizes[c])
                else:
                    position = 0.5 * (near - far + length) / length
                    off = near - position * position * length
                positions[r] = 1.0 - position if c == j else position
                off_line[r] = off
            for r in range(n_rows):
                if off_line[r] <= radii[e]:
                    for window in range(3):
                        middle = 0.5 if window == 2 else 1.0 * window
                        if abs(positions[r] - middle) < WINDOW:
                            counts[e, window] += weights[start + r]


def center_log_densities(pairs, counts, n_cells):
    """Log density at each center that explains the counts at both ends best.

    Weighted least squares of ``phi[i] - phi[j] = log(counts_i / counts_j)``
    over the pairs, by conjugate gradients; the mean of phi over the cells that
    hang together is 0.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, 2), dtype=intp
        Cells compared.
    counts : ndarray of shape (n_pairs, 3)
        See :func:`tube_counts`.
    n_cells : int
        Number of cells.

    Returns
    -------
    phi : ndarray of shape (n_cells,)
        Log densities up to a constant.
    """
    ends = pairs.ravel()

    def divergence(flows):
        """Sum the flows along the pairs into the cells."""
        signed = np.stack([flows, -flows], axis=1).ravel()
        return np.bincount(ends, signed, n_cells)

    a, b = counts[:, 0] + 0.5, counts[:, 1] + 0.5
    precision = a * b / (a + b)
    diagonal = np.bincount(ends, np.repeat(precision, 2), n_cells)
    diagonal[diagonal == 0] = 1.0
    residual = divergence(precision * np.log(a / b))
    phi = np.zeros(n_cells)
    step = residual / diagonal
    norm = np.sum(residual * step)
    goal = 1e-24 * norm
    for _ in range(4 * n_cells):
        if not norm > goal:
            break
        product = divergence(precision * (step[pairs[:, 0]] - step[pairs[:, 1]]))
        curvature = np.sum(step * product)
        if not curvature > 0:
            break
        length = norm / curvature
        phi += length * step
        residual -= length * product
        scaled = residual / diagonal
        old_norm, norm = norm, np.sum(residual * scaled)
        step = scaled + norm / old_norm * step
    return phi


def merge_across_saddles(
    pairs, overlap, middle, width, boundary, phi, sizes, threshold, smallest, log_saddle
):
    """Merge neighbouring cells across saddle points, the least separated first.

    The separation of two groups is the log of the density expected half way
    between them, given the lower peak, over the density found there, beside the
    overlap of their Gaussians.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, 2), dtype=intp
        Neighbouring cells, the lower number first.
    overlap : ndarray of shape (n_pairs,)
        Gaussian overlap of each pair, ``exp(-distance)``.
    middle : ndarray of shape (n_pairs,)
        Weight half way between the centers.
    width : ndarray of shape (n_pairs,)
        Count per density in the windows of the pair's tube.
    boundary : ndarray of shape (n_pairs,)
        Log density half way.
    phi : ndarray of shape (n_cells,)
        Log density at the centers.
    sizes : ndarray of shape (n_cells,)
        Weights of the cells.
    threshold : float
        Groups less separated than this are merged.
    smallest : float
        Groups of less weight then join their least separated neighbour.
    log_saddle : float
        Groups are also merged where the log density at the saddle point between
        them exceeds that of the lower peak by this much; inf for never.

    Returns
    -------
    merges : ndarray of shape (n_merges, 2), dtype=intp
        Nodes merged, in order: cells are the nodes ``0..n_cells - 1``, the
        k-th merge makes the node ``n_cells + k``.
    separations : ndarray of shape (n_merges,)
        Their separation in nats.
    saddles : ndarray of shape (n_merges,)
        Logarithm of the density at their saddle point over the lower peak.

    Notes
    -----
    O(n_cells²) memory and about O(n_cells² + n_pairs n_merges) time.
    """
    n_cells, n_pairs = len(phi), len(pairs)
    table = np.full((n_cells, n_cells), -1, dtype=np.int32)
    table[pairs[:, 0], pairs[:, 1]] = table[pairs[:, 1], pairs[:, 0]] = np.arange(
        n_pairs
    )
    # Of every pair: overlap, their number, middle, width, boundary, key.
    edges = np.stack(
        [overlap, np.ones(n_pairs), middle, width, boundary, np.empty(n_pairs)], axis=1
    )
    merges = np.empty((n_cells, 2), dtype=np.intp)
    heights = np.empty((n_cells, 2))
    n_merges = _merge_across_saddles(
        table,
        edges,
        phi.copy(),
        sizes.copy(),
        threshold,
        smallest,
        log_saddle,
        merges,
        heights,
    )
    return merges[:n_merges], heights[:n_merges, 0], heights[:n_merges, 1]


@jit()
def _separation(edge, low_peak):
    """Nats between two groups: Gaussian overlap, and density on the boundary."""
    expected = np.exp(low_peak) * edge[WIDTH]
    density = (edge[MIDDLE] + 0.5) / (expected + 0.5)
    return np.log(edge[NUMBER]) - np.log(edge[OVERLAP]) - np.log(density)


@jit()
def _set_key(edge, low_peak, threshold, log_saddle):
    """Order of merging; a pair across a high saddle comes just below the threshold."""
    key = _separation(edge, low_peak)
    if key >= threshold and edge[BOUNDARY] - low_peak > log_saddle:
        key = threshold - 1.0 / (1.0 + key - threshold)
    edge[KEY] = key


@jit()
def _merge_across_saddles(
    table, edges, peaks, sizes, threshold, smallest, log_saddle, merges, heights
):
    """Write the merges of :func:`merge_across_saddles`, and return their number.

    A group keeps the number of its first cell; one that was merged into another
    is left without neighbours. `node` is its number in the path.
    """
    n_cells = peaks.shape[0]
    best = np.empty(n_cells, dtype=np.intp)
    node = np.empty(n_cells, dtype=np.intp)
    for i in range(n_cells):
        node[i] = i
        for j in range(i):
            if table[i, j] >= 0:
                low = min(peaks[i], peaks[j])
                _set_key(edges[table[i, j]], low, threshold, log_saddle)
    for i in range(n_cells):
        best[i] = _best_neighbour(i, table, edges)
    n_merges = 0
    while True:
        a, lowest = -1, threshold
        for i in range(n_cells):
            if best[i] >= 0 and edges[table[i, best[i]], KEY] < lowest:
                a, lowest = i, edges[table[i, best[i]], KEY]
        if a < 0:
            lowest = smallest
            for i in range(n_cells):
                if best[i] >= 0 and sizes[i] < lowest:
                    a, lowest = i, sizes[i]
        if a < 0:
            return n_merges
        a, b = min(a, best[a]), max(a, best[a])
        edge, low = edges[table[a, b]], min(peaks[a], peaks[b])
        merges[n_merges, 0], merges[n_merges, 1] = node[a], node[b]
        heights[n_merges, 0] = _separation(edge, low)
        heights[n_merges, 1] = edge[BOUNDARY] - low
        node[a] = n_cells + n_merges
        n_merges += 1
        sizes[a] += sizes[b]
        peaks[a] = max(peaks[a], peaks[b])
        table[a, b] = table[b, a] = -1
        best[b] = -1
        for c in range(n_cells):
            kept, other = table[a, c], table[b, c]
            if kept < 0 and other < 0:
                continue
            if kept < 0:
                kept = other
            elif other >= 0:
                for column in range(BOUNDARY):
                    edges[kept, column] += edges[other, column]
                edges[kept, BOUNDARY] = max(
                    edges[kept, BOUNDARY], edges[other, BOUNDARY]
                )
            table[a, c] = table[c, a] = kept
            table[b, c] = table[c, b] = -1
            low = min(peaks[a], peaks[c])
            _set_key(edges[kept], low, threshold, log_saddle)
            best[c] = _best_neighbour(c, table, edges)
        best[a] = _best_neighbour(a, table, edges)


@jit()
def _best_neighbour(i, table, edges):
    """Least separated neighbour of a group; -1 if there is none."""
    best, lowest = -1, np.inf
    for j in range(table.shape[0]):
        if table[i, j] >= 0 and (best < 0 or edges[table[i, j], KEY] < lowest):
            best, lowest = j, edges[table[i, j], KEY]
    return best
