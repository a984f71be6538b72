"""Whole items in clusters of bounded size: moves and swaps that mend what is broken."""

import numpy as np

from ._jit import jit


def repair_sizes(costs, weights, lower, upper, labels, *, lower_cost=True):
    """Move or swap items until the sizes keep their bounds, then lower the cost.

    Parameters
    ----------
    costs : ndarray of shape (n_items, n_clusters), dtype=float64
        Cost of a unit of weight of each item in each cluster.
    weights : ndarray of shape (n_items,), dtype=float64
        Weight of each item, which stays whole.
    lower, upper : ndarray of shape (n_clusters,), dtype=float64
        Bounds of the sizes.
    labels : ndarray of shape (n_items,), dtype=intp
        Clusters to start from.
    lower_cost : bool, default=True
        Whether single moves follow that lower the cost.

    Returns
    -------
    ndarray of shape (n_items,), dtype=intp
        Clusters. The sum of what the sizes break their bounds by is no larger than
        before; 0 is not always reached, nor possible.

    Notes
    -----
    O(n k) time for each move, O(n_a n_b) for each swap between clusters of n_a and
    n_b items, where a move alone does not help.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.rounding import repair_sizes
    >>> costs = np.array([[0.0, 1.0], [0.0, 5.0], [3.0, 0.0]])
    >>> weights, labels = np.array([2.0, 2.0, 1.0]), np.array([0, 0, 1])
    >>> repair_sizes(costs, weights, np.zeros(2), np.array([3.0, 3.0]), labels)
    array([1, 0, 1])
    """
    labels = np.array(labels, dtype=np.intp)
    _repair(
        np.ascontiguousarray(costs),
        np.ascontiguousarray(weights, np.float64),
        np.ascontiguousarray(lower, np.float64),
        np.ascontiguousarray(upper, np.float64),
        labels,
        lower_cost,
    )
    return labels


@jit()
def _excess(size, lower, upper):
    return max(size - upper, 0.0) + max(lower - size, 0.0)


@jit()
def _repair(costs, weights, lower, upper, labels, lower_cost):
    n_items, k = costs.shape
    sizes = np.zeros(k)
    for i in range(n_items):
        sizes[labels[i]] += weights[i]
    dust = 1e-9 * weights.sum()
    # Each step removes some of the excess: many steps are dust.
    for _ in range(10 * k + 100):
        worst, excess = -1, dust
        for j in range(k):
            if _excess(sizes[j], lower[j], upper[j]) > excess:
                worst, excess = j, _excess(sizes[j], lower[j], upper[j])
        if worst < 0:
            break
        row, target = _best_move(costs, weights, lower, upper, labels, sizes, dust)
        if row >= 0:
            sizes[labels[row]] -= weights[row]
            sizes[target] += weights[row]
            labels[row] = target
            continue
        row, other = _best_swap(
            costs, weights, lower, upper, labels, sizes, worst, dust
        )
        if row < 0:
            break
        change = weights[row] - weights[other]
        sizes[labels[row]] -= change
        sizes[labels[other]] += change
        labels[row], labels[other] = labels[other], labels[row]
    if lower_cost:
        _lower_cost(costs, weights, lower, upper, labels, sizes, dust)


@jit()
def _best_move(costs, weights, lower, upper, labels, sizes, dust):
    """Item and cluster with the least cost for each unit of excess removed."""
    best, chosen, target = np.inf, -1, -1
    for i in range(len(labels)):
        a, weight = labels[i], weights[i]
        if weight == 0.0:
            continue
        gone = _excess(sizes[a], lower[a], upper[a])
        gone -= _excess(sizes[a] - weight, lower[a], upper[a])
        for b in range(costs.shape[1]):
            if b == a:
                continue
            removed = gone + _excess(sizes[b], lower[b], upper[b])
            removed -= _excess(sizes[b] + weight, lower[b], upper[b])
            if removed > dust:
                price = weight * (costs[i, b] - costs[i, a]) / removed
                if price < best:
                    best, chosen, target = price, i, b
    return chosen, target


@jit()
def _best_swap(costs, weights, lower, upper, labels, sizes, worst, dust):
    """The same for two items, of which one is in the worst cluster."""
    best, chosen, partner = np.inf, -1, -1
    excess_a = _excess(sizes[worst], lower[worst], upper[worst])
    for i in range(len(labels)):
        if labels[i] != worst:
            continue
        for other in range(len(labels)):
            b = labels[other]
            change = weights[i] - weights[other]
            if b == worst or change == 0.0:
                continue
            removed = excess_a + _excess(sizes[b], lower[b], upper[b])
            removed -= _excess(sizes[worst] - change, lower[worst], upper[worst])
            removed -= _excess(sizes[b] + change, lower[b], upper[b])
            if removed > dust:
                price = weights[i] * (costs[i, b] - costs[i, worst])
                price += weights[other] * (costs[other, worst] - costs[other, b])
                if price / removed < best:
                    best, chosen, partner = price / removed, i, other
    return chosen, partner


@jit()
def _lower_cost(costs, weights, lower, upper, labels, sizes, dust):
    """Single moves that lower the cost and break no bound any further."""
    changed = True
    for _ in range(20):
        if not changed:
            break
        changed = False
        for i in range(len(labels)):
            a, weight = labels[i], weights[i]
            before = _excess(sizes[a], lower[a], upper[a])
            after = _excess(sizes[a] - weight, lower[a], upper[a])
            if after > before + dust:
                continue
            target, least = a, costs[i, a] * (1 - 1e-12)
            for b in range(costs.shape[1]):
                if b != a and costs[i, b] < least:
                    rise = _excess(sizes[b] + weight, lower[b], upper[b])
                    rise -= _excess(sizes[b], lower[b], upper[b])
                    if rise <= dust:
                        target, least = b, costs[i, b]
            if target != a:
                sizes[a] -= weight
                sizes[target] += weight
                labels[i] = target
                changed = True
