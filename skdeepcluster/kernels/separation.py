"""How far apart neighbouring cells are: a mixture, and densities between them."""

import numpy as np

from ._jit import jit
from .unimodality import weighted_quantile

WINDOW = 1.0 / 6.0
"""Half the width of a counting window, as a share of the way between centers."""

TUBE_SHARE = 0.75
"""Share of the rows of two cells that the radius of their tube takes in."""

IGNORED = 40.0
"""Components this many nats below the best one have no weight in float64."""


@jit()
def cholesky(matrix):
    """Lower Cholesky factor of a positive definite matrix."""
    n = matrix.shape[0]
    factor = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    return factor


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
    inverse_factors = np.zeros(covariances.shape)
    log_determinants = np.zeros(n_components)
    for c in range(n_components):
        factor = cholesky(covariances[c])
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
    for e in range(pairs.shape[0]):
        i, j = pairs[e, 0], pairs[e, 1]
        factor = cholesky(0.5 * (covariances[i] + covariances[j]))
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
def _place_in_tube(own, other, squared_length, size):
    """Place of a row of the first cell between its center and another one.

    The row is left out of the center of its own cell: in many columns it would
    else pull that center towards itself.

    Returns the place (0 at its own center, 1 at the other one) and the squared
    distance from the line.
    """
    if size <= 1.0:
        return np.inf, np.inf
    rest = size - 1.0
    length = squared_length - (other - own - squared_length) / rest
    length += own / (rest * rest)
    own *= (size / rest) ** 2
    place = (own + length - other) / (2.0 * length)
    return place, own - place * place * length


@jit()
def _squared_distance(x, y):
    total = 0.0
    for f in range(x.shape[0]):
        difference = x[f] - y[f]
        total += difference * difference
    return total


@jit()
def _tube_radius(X, weights, starts, centers, sizes, i, j):
    """Squared radius of the tube between two cells."""
    squared_length = _squared_distance(centers[i], centers[j])
    n_i = starts[i + 1] - starts[i]
    n_rows = n_i + starts[j + 1] - starts[j]
    off_line = np.empty(n_rows)
    row_weights = np.empty(n_rows)
    for k in range(n_rows):
        own, other = (i, j) if k < n_i else (j, i)
        row = starts[own] + (k if k < n_i else k - n_i)
        _, off_line[k] = _place_in_tube(
            _squared_distance(X[row], centers[own]),
            _squared_distance(X[row], centers[other]),
            squared_length,
            sizes[own],
        )
        row_weights[k] = weights[row]
    return weighted_quantile(off_line, row_weights, TUBE_SHARE)


@jit()
def _count(places, off_line, weights, radius, counts):
    """Add the weights of rows inside a tube to its three windows."""
    for r in range(places.shape[0]):
        if off_line[r] <= radius:
            place = places[r]
            if abs(place) < WINDOW:
                counts[0] += weights[r]
            elif abs(place - 1.0) < WINDOW:
                counts[1] += weights[r]
            elif abs(place - 0.5) < WINDOW:
                counts[2] += weights[r]


@jit()
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
    n_cells, n_features = centers.shape
    n_pairs = pairs.shape[0]
    counts = np.zeros((n_pairs, 3))
    radii = np.empty(n_pairs)
    lengths = np.empty(n_pairs)
    reach = np.empty(n_pairs)
    middles = np.empty((n_pairs, n_features))
    for e in range(n_pairs):
        i, j = pairs[e, 0], pairs[e, 1]
        radii[e] = _tube_radius(X, weights, starts, centers, sizes, i, j)
        lengths[e] = _squared_distance(centers[i], centers[j])
        middles[e] = 0.5 * (centers[i] + centers[j])
        half_length = 0.5 + WINDOW
        reach[e] = np.sqrt(half_length * half_length * lengths[e] + radii[e])
    n_largest = 0
    for c in range(n_cells):
        n_largest = max(n_largest, starts[c + 1] - starts[c])
    distances = np.empty((n_cells, n_largest))
    is_known = np.zeros(n_cells, dtype=np.bool_)
    places = np.empty(n_largest)
    off_line = np.empty(n_largest)
    for c in range(n_cells):
        rows = X[starts[c] : starts[c + 1]]
        row_weights = weights[starts[c] : starts[c + 1]]
        n_rows = rows.shape[0]
        cell_radius = 0.0
        for r in range(n_rows):
            cell_radius = max(cell_radius, _squared_distance(rows[r], centers[c]))
        cell_radius = np.sqrt(cell_radius)
        columns = np.ascontiguousarray(rows.T)
        is_known[:] = False
        for e in range(n_pairs):
            i, j = pairs[e, 0], pairs[e, 1]
            if c not in (i, j):
                away = np.sqrt(_squared_distance(centers[c], middles[e]))
                if away > (cell_radius + reach[e]) * (1.0 + 1e-9):
                    continue
            for end in (i, j):
                if not is_known[end]:
                    is_known[end] = True
                    _distances_to(columns, centers[end], distances[end, :n_rows])
            near, far = distances[i], distances[j]
            length = lengths[e]
            if c == i:
                for r in range(n_rows):
                    places[r], off_line[r] = _place_in_tube(
                        near[r], far[r], length, sizes[c]
                    )
            elif c == j:
                for r in range(n_rows):
                    place, off_line[r] = _place_in_tube(
                        far[r], near[r], length, sizes[c]
                    )
                    places[r] = 1.0 - place
            else:
                for r in range(n_rows):
                    place = 0.5 * (near[r] - far[r] + length) / length
                    places[r] = place
                    off_line[r] = near[r] - place * place * length
            _count(places[:n_rows], off_line[:n_rows], row_weights, radii[e], counts[e])
    return counts


@jit()
def _distances_to(columns, center, distances):
    """Write the squared distances of rows, given by columns, to a center."""
    distances[:] = 0.0
    for f in range(columns.shape[0]):
        value = center[f]
        for r in range(distances.shape[0]):
            difference = columns[f, r] - value
            distances[r] += difference * difference


@jit()
def log_densities(pairs, counts, n_cells):
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
    n_pairs = pairs.shape[0]
    precision = np.empty(n_pairs)
    diagonal = np.zeros(n_cells)
    residual = np.zeros(n_cells)
    for e in range(n_pairs):
        i, j = pairs[e, 0], pairs[e, 1]
        a, b = counts[e, 0] + 0.5, counts[e, 1] + 0.5
        precision[e] = a * b / (a + b)
        ratio = precision[e] * np.log(a / b)
        diagonal[i] += precision[e]
        diagonal[j] += precision[e]
        residual[i] += ratio
        residual[j] -= ratio
    phi = np.zeros(n_cells)
    for i in range(n_cells):
        if diagonal[i] == 0.0:
            diagonal[i] = 1.0
    step = residual / diagonal
    norm = (residual * step).sum()
    goal = 1e-24 * norm
    product = np.empty(n_cells)
    for _ in range(4 * n_cells):
        if not norm > goal:
            break
        product[:] = 0.0
        for e in range(n_pairs):
            i, j = pairs[e, 0], pairs[e, 1]
            flow = precision[e] * (step[i] - step[j])
            product[i] += flow
            product[j] -= flow
        curvature = (step * product).sum()
        if not curvature > 0.0:
            break
        length = norm / curvature
        phi += length * step
        residual -= length * product
        scaled = residual / diagonal
        new_norm = (residual * scaled).sum()
        step = scaled + (new_norm / norm) * step
        norm = new_norm
    return phi


@jit()
def _separation(overlap, n_pairs, middle, width, low_peak):
    """Nats between two groups: Gaussian overlap, and density on the boundary."""
    expected = np.exp(low_peak) * width
    return np.log(n_pairs) - np.log(overlap) - np.log((middle + 0.5) / (expected + 0.5))


@jit()
def merge_path(
    pairs, overlap, middle, width, boundary, phi, sizes, threshold, smallest, log_saddle
):
    """Merge neighbouring cells, the least separated first.

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
        Groups are also merged where the highest density between them exceeds
        the lower peak by this much in logarithm; inf for never.

    Returns
    -------
    merges : ndarray of shape (n_merges, 2), dtype=intp
        Nodes merged, in order: cells are the nodes ``0..n_cells - 1``, the
        k-th merge makes the node ``n_cells + k``.
    separations : ndarray of shape (n_merges,)
        Their separation in nats.
    saddles : ndarray of shape (n_merges,)
        Logarithm of the highest density between them over the lower peak.

    Notes
    -----
    O(n_cells²) memory and about O(n_cells² + n_pairs n_merges) time.
    """
    n_cells = phi.shape[0]
    table = np.full((n_cells, n_cells), -1, dtype=np.int32)
    overlap = overlap.copy()
    middle = middle.copy()
    width = width.copy()
    boundary = boundary.copy()
    number = np.ones(pairs.shape[0])
    values = np.empty(pairs.shape[0])
    peaks = phi.copy()
    sizes = sizes.copy()
    node = np.arange(n_cells)
    alive = np.ones(n_cells, dtype=np.bool_)
    for e in range(pairs.shape[0]):
        i, j = pairs[e, 0], pairs[e, 1]
        table[i, j] = e
        table[j, i] = e
        low = min(peaks[i], peaks[j])
        values[e] = _key(
            _separation(overlap[e], 1.0, middle[e], width[e], low),
            boundary[e] - low,
            threshold,
            log_saddle,
        )
    best = np.full(n_cells, -1)
    for i in range(n_cells):
        best[i] = _best_neighbour(i, table, values, alive)
    merges = np.empty((n_cells, 2), dtype=np.intp)
    separations = np.empty(n_cells)
    saddles = np.empty(n_cells)
    n_merges = 0
    while True:
        a = -1
        for i in range(n_cells):
            if alive[i] and best[i] >= 0:
                value = values[table[i, best[i]]]
                if value < threshold and (a < 0 or value < values[table[a, best[a]]]):
                    a = i
        if a < 0:
            for i in range(n_cells):
                small = alive[i] and best[i] >= 0 and sizes[i] < smallest
                if small and (a < 0 or sizes[i] < sizes[a]):
                    a = i
        if a < 0:
            break
        a, b = min(a, best[a]), max(a, best[a])
        edge = table[a, b]
        merges[n_merges, 0] = node[a]
        merges[n_merges, 1] = node[b]
        separations[n_merges] = _separation(
            overlap[edge],
            number[edge],
            middle[edge],
            width[edge],
            min(peaks[a], peaks[b]),
        )
        saddles[n_merges] = boundary[edge] - min(peaks[a], peaks[b])
        node[a] = n_cells + n_merges
        n_merges += 1
        alive[b] = False
        sizes[a] += sizes[b]
        peaks[a] = max(peaks[a], peaks[b])
        for c in range(n_cells):
            if not alive[c] or c == a:
                continue
            kept, other = table[a, c], table[b, c]
            if kept < 0 and other < 0:
                continue
            if kept < 0:
                kept = other
            elif other >= 0:
                overlap[kept] += overlap[other]
                number[kept] += number[other]
                middle[kept] += middle[other]
                width[kept] += width[other]
                boundary[kept] = max(boundary[kept], boundary[other])
            table[a, c] = kept
            table[c, a] = kept
            low = min(peaks[a], peaks[c])
            values[kept] = _key(
                _separation(
                    overlap[kept], number[kept], middle[kept], width[kept], low
                ),
                boundary[kept] - low,
                threshold,
                log_saddle,
            )
            table[b, c] = -1
            table[c, b] = -1
            best[c] = _best_neighbour(c, table, values, alive)
        best[a] = _best_neighbour(a, table, values, alive)
    return merges[:n_merges], separations[:n_merges], saddles[:n_merges]


@jit()
def _key(separation, saddle, threshold, log_saddle):
    """Order of merging: what a saddle lets pass comes just below the threshold."""
    if saddle > log_saddle and separation >= threshold:
        return threshold - 1.0 / (1.0 + separation - threshold)
    return separation


@jit()
def _best_neighbour(i, table, values, alive):
    """Least separated neighbour of a group; -1 if there is none."""
    best = -1
    for j in range(table.shape[0]):
        is_neighbour = alive[j] and table[i, j] >= 0
        if is_neighbour and (best < 0 or values[table[i, j]] < values[table[i, best]]):
            best = j
    return best


@jit()
def _component_logs(row, means, columns, constants, inverse_factors, reach, logs):
    """Log of weight times density of every component that counts at a row.

    `reach` is the inverse of the largest variance of each component: it bounds
    the density by the distance alone, so that most are never looked at.
    Returns the largest; those far below it are left at -inf.
    """
    n_components, n_features = means.shape
    logs[:] = 0.0
    for f in range(n_features):
        value = row[f]
        for c in range(n_components):
            difference = value - columns[f, c]
            logs[c] += difference * difference
    first = 0
    for c in range(n_components):
        logs[c] = constants[c] - 0.5 * reach[c] * logs[c]
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
                solved += inverse_factors[c, f, g] * (row[g] - means[c, g])
            value -= 0.5 * solved * solved
            if value < best - IGNORED:
                value = -np.inf
                break
        logs[c] = value
        best = max(best, value)
    return best


@jit()
def group_log_densities(X, means, constants, inverse_factors, reach, groups, n_groups):
    """Log of weight times density, summed over the components of each group.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    means : ndarray of shape (n_components, n_features)
        Means of the components.
    constants : ndarray of shape (n_components,)
        Log of weight times density at the means.
    inverse_factors : ndarray of shape (n_components, n_features, n_features)
        See :func:`gaussian_factors`.
    reach : ndarray of shape (n_components,)
        Inverse of the largest variance of each component.
    groups : ndarray of shape (n_components,), dtype=intp
        Group of each component.
    n_groups : int
        Number of groups.

    Returns
    -------
    ndarray of shape (n_samples, n_groups)
        Joint log densities; -inf where they vanish beside the largest.
    """
    n_components = means.shape[0]
    columns = np.ascontiguousarray(means.T)
    logs = np.empty(n_components)
    totals = np.empty((X.shape[0], n_groups))
    for i in range(X.shape[0]):
        best = _component_logs(
            X[i], means, columns, constants, inverse_factors, reach, logs
        )
        total = totals[i]
        total[:] = 0.0
        for c in range(n_components):
            if logs[c] > -np.inf:
                total[groups[c]] += np.exp(logs[c] - best)
        for g in range(n_groups):
            total[g] = best + np.log(total[g]) if total[g] > 0.0 else -np.inf
    return totals


@jit()
def responsibility_moments(X, weights, means, constants, inverse_factors, reach):
    """Moments of every component of a mixture, rows shared by responsibility.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    means, constants, inverse_factors, reach : ndarray
        The mixture, see :func:`group_log_densities`.

    Returns
    -------
    sizes : ndarray of shape (n_components,)
        Weight of each component.
    new_means : ndarray of shape (n_components, n_features)
        Mean of each; the old one where there is no weight.
    scatters : ndarray of shape (n_components, n_features, n_features)
        Scatter about the new mean.
    log_likelihood : float
        Weighted sum over the rows, under the given mixture.
    """
    n_components, n_features = means.shape
    columns = np.ascontiguousarray(means.T)
    logs = np.empty(n_components)
    sizes = np.zeros(n_components)
    sums = np.zeros((n_components, n_features))
    scatters = np.zeros((n_components, n_features, n_features))
    centred = np.empty(n_features)
    log_likelihood = 0.0
    for i in range(X.shape[0]):
        best = _component_logs(
            X[i], means, columns, constants, inverse_factors, reach, logs
        )
        total = 0.0
        for c in range(n_components):
            if logs[c] > -np.inf:
                logs[c] = np.exp(logs[c] - best)
                total += logs[c]
            else:
                logs[c] = 0.0
        log_likelihood += weights[i] * (best + np.log(total))
        for c in range(n_components):
            share = weights[i] * logs[c] / total
            if share <= 0.0:
                continue
            sizes[c] += share
            for f in range(n_features):
                centred[f] = X[i, f] - means[c, f]
            for f in range(n_features):
                scaled = share * centred[f]
                sums[c, f] += scaled
                for g in range(f + 1):
                    scatters[c, f, g] += scaled * centred[g]
    new_means = means.copy()
    for c in range(n_components):
        if sizes[c] > 0.0:
            for f in range(n_features):
                for g in range(f + 1):
                    scatters[c, f, g] -= sums[c, f] * sums[c, g] / sizes[c]
                    scatters[c, g, f] = scatters[c, f, g]
                new_means[c, f] += sums[c, f] / sizes[c]
    return sizes, new_means, scatters, log_likelihood
