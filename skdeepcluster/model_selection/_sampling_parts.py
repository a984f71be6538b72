"""Ways to cut a table into parts that rows are drawn from, and how many from each."""

import heapq

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from .._kmeans import kmeans, weighted_means
from .._rows import canonical_order
from .._scaling import TableScaling, unit_length
from ..kernels.bisection import cut_in_two
from ..kernels.kmeans import nearest_centers

# Rows for each center that k-means is run on; all rows are assigned to the centers.
ROWS_PER_CENTER = 20
MAX_ITER = 30
# Mean cosine of the rows to their mean from which a part is not cut further.
ALIKE = 0.9


def kmeans_parts(Z, weights, n_parts, rng):
    """Number the rows by k-means, started once, on a draw of the rows of a large table.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_axes)
        Distinct rows.
    weights : ndarray of shape (n_rows,)
        How often each one stands in the table.
    n_parts : int
        Number of parts, at most that of the rows.
    rng : numpy.random.Generator
        Draws the rows and the start.

    Returns
    -------
    ndarray of shape (n_rows,), dtype=int64
        Part of each row, the largest first; none is empty.
    """
    if n_parts == 1:
        return np.zeros(len(Z), dtype=np.int64)
    if n_parts >= len(Z):
        return numbered(Z, weights, np.arange(len(Z)))
    drawn = slice(None)
    if len(Z) > ROWS_PER_CENTER * n_parts:
        drawn = np.sort(rng.choice(len(Z), ROWS_PER_CENTER * n_parts, replace=False))
    part, part_weights = np.ascontiguousarray(Z[drawn]), weights[drawn]
    run = kmeans(part, part_weights, n_parts, rng, n_init=1, max_iter=MAX_ITER)
    return numbered(Z, weights, nearest_centers(Z, run.centers)[0])


def progressive_parts(Z, weights, n_parts):
    """Cut the part of the largest sum of squares in two, until its rows are alike.

    The 2-means of a part start along its first principal axes: nothing is drawn.
    """
    parts = np.zeros(len(Z), dtype=np.int64)
    queue, n_found = [(0.0, 0)], 1
    while queue and n_found < n_parts:
        part = heapq.heappop(queue)[1]
        rows = np.flatnonzero(parts == part)
        if _mean_cosine(Z[rows], weights[rows]) > ALIKE:
            continue
        upper, _ = cut_in_two(np.ascontiguousarray(Z[rows]), weights[rows])
        if not upper.any() or upper.all():
            continue
        parts[rows[upper]] = n_found
        for side in (part, n_found):
            heapq.heappush(queue, (-_spread(Z, weights, parts == side), side))
        n_found += 1
    return numbered(Z, weights, parts)


def _spread(Z, weights, members):
    """Sum of squares of some rows about their mean."""
    Z, weights = Z[members], weights[members]
    away = Z - np.average(Z, axis=0, weights=weights)
    return float(weights @ np.square(away).sum(axis=1))


def _mean_cosine(Z, weights):
    mean = unit_length(np.average(Z, axis=0, weights=weights)[np.newaxis])
    return float(np.average(unit_length(Z) @ mean[0], weights=weights))


def tree_parts(X, Z, weights, n_parts, names, seed):
    """Cut along columns, as a tree does that explains the standardised columns.

    Parameters
    ----------
    X, Z : ndarray of shape (n_rows, ...)
        Distinct rows, and where they lie.
    weights : ndarray of shape (n_rows,)
        How often each one stands in the table.
    n_parts : int
        Most leaves.
    names : list of str
        Names of the columns of `X`.
    seed : int
        Decides between equally good cuts.

    Returns
    -------
    parts : ndarray of shape (n_rows,), dtype=int64
        Leaf of each row, the largest first.
    rules : list of str
        What holds for the rows of each leaf, and of no other.
    """
    if n_parts == 1:
        return np.zeros(len(X), dtype=np.int64), ["all rows"]
    # Trees compare in single precision, in which large offsets lose all digits.
    columns = TableScaling(X, by_column=True).transform(X).astype(np.float32)
    model = DecisionTreeRegressor(max_leaf_nodes=n_parts, random_state=seed)
    leaves = model.fit(columns, Z, sample_weight=weights).apply(columns)
    parts = numbered(Z, weights, leaves)
    words = _leaf_rules(model.tree_, columns, X, names)
    first = np.unique(parts, return_index=True)[1]
    return parts, [words[leaf] for leaf in leaves[first]]


def _leaf_rules(tree, columns, X, names):
    """Write the conditions of every leaf: column -> the interval that it must be in."""
    rules, stack = {}, [(0, {})]
    while stack:
        node, bounds = stack.pop()
        if tree.children_left[node] < 0:
            intervals = (_interval(names[j], *ends) for j, ends in bounds.items())
            rules[node] = " and ".join(intervals) or "all rows"
            continue
        column = int(tree.feature[node])
        is_below = columns[:, column] <= tree.threshold[node]
        cut = _short_number(X[is_below, column].max(), X[~is_below, column].min())
        low, high = bounds.get(column, ("", ""))
        stack.append((tree.children_left[node], bounds | {column: (low, cut)}))
        stack.append((tree.children_right[node], bounds | {column: (cut, high)}))
    return rules


def _short_number(low, high):
    """Write a number of few digits that is at least one and below another."""
    for digits in range(3, 18):
        text = f"{low / 2 + high / 2:.{digits}g}"
        if low <= float(text) < high:
            return text
    return f"{low:.17g}"


def _interval(name, low, high):
    if not low:
        return f"{name} <= {high}"
    return f"{low} < {name} <= {high}" if high else f"{name} > {low}"


def numbered(Z, weights, codes):
    """Number parts by size, the largest first, without gaps."""
    codes = np.unique(codes, return_inverse=True)[1]
    means, sizes = weighted_means(Z, weights, codes, codes.max() + 1)
    return np.argsort(canonical_order(sizes, means))[codes]


def quotas(shares, capacities, n_samples, min_per_part):
    """Share out a number of rows among parts.

    Parameters
    ----------
    shares : ndarray of shape (n_parts,)
        What the quotas should be proportional to; the first part is the largest.
    capacities : ndarray of shape (n_parts,)
        Rows of each part.
    n_samples : int
        Rows to share out.
    min_per_part : int
        What every part gets first, the largest before the others.

    Returns
    -------
    ndarray of shape (n_parts,), dtype=int64
        They sum to `n_samples`, or to all rows where these are fewer.
    """
    given = np.zeros(len(shares), dtype=np.int64)
    for part, capacity in enumerate(capacities.tolist()):
        given[part] = min(min_per_part, capacity, n_samples - given.sum())
    # The next row goes where it leaves the quota smallest for its share.
    queue = [
        ((given[part] + 1) / share, part)
        for part, share in enumerate(shares.tolist())
        if given[part] < capacities[part] and share > 0
    ]
    heapq.heapify(queue)
    for _ in range(int(n_samples - given.sum())):
        if not queue:
            break
        _, part = heapq.heappop(queue)
        given[part] += 1
        if given[part] < capacities[part]:
            heapq.heappush(queue, ((given[part] + 1) / shares[part], part))
    return given
