"""Rows shared among clusters of bounded size at the least cost: a min-cost flow.

::

    every row starts at its cheapest cluster, prices included
    while a cluster, or the sink of all sizes, has too much:
        path = cheapest way from what has too much to what has too little   (Dijkstra)
        move along it what fits; shift the potentials by the distances

The rows are no nodes of the network. Its nodes are the clusters and one sink, and the
arc from a cluster to another is the row of the first that changes most cheaply to the
second: the top of a heap, one for each ordered pair of clusters. Successive shortest
paths are chapter 9.7 of [1]_.

A heap holds only the changes that cost at most a bound, prices included; what it leaves
out counts as one change at that bound. A path that meets it doubles the share of rows
within the bound, and the heaps are filled anew. Few rows ever move.

References
----------
.. [1] R. K. Ahuja, T. L. Magnanti and J. B. Orlin, "Network flows: theory, algorithms
   and applications", Prentice Hall, 1993.
"""

from typing import NamedTuple

import numpy as np

from ._jit import jit


class Transport(NamedTuple):
    """An optimal flow.

    Parameters
    ----------
    amounts : ndarray of shape (n_samples, n_clusters)
        What each cluster gets of each row: all of it, but for fewer than
        ``n_clusters`` rows, which are divided (some more where costs tie). None is
        where rows have weight 1.
    prices : ndarray of shape (n_clusters,), dtype=float64
        What one unit more of room in a cluster would save (positive), or one unit
        less to be filled (negative).
    n_paths : int
        Number of augmenting paths.
    """

    amounts: np.ndarray
    prices: np.ndarray
    n_paths: int


def transport_rows(costs, weights, lower, upper, prices, *, strength=0.0, targets=None):
    """Share rows among clusters whose sizes are bounded, at the least cost.

    Minimises the sum of ``costs * amounts`` plus ``strength`` times the sum of
    ``n log(n / t) - n + t`` over the sizes n and targets t of the clusters.

    Parameters
    ----------
    costs : ndarray of shape (n_samples, n_clusters), dtype=float64
        Cost of a unit of weight of each row in each cluster.
    weights : ndarray of shape (n_samples,), dtype=float64, or None
        Weight of each row. None means rows of weight 1, of which none is divided
        where the bounds are whole numbers.
    lower, upper : ndarray of shape (n_clusters,), dtype=float64
        Bounds of the sizes. What they sum to must enclose the total weight.
    prices : ndarray of shape (n_clusters,), dtype=float64
        Prices to start from, such as those of a similar problem; zeros if none.
    strength : float, default=0.0
        Weight of the cost of unequal sizes.
    targets : ndarray of shape (n_clusters,), dtype=float64, default=None
        Positive sizes that cost nothing; needed where `strength` is positive.

    Returns
    -------
    Transport
        The flow. Ties go to the lower row.

    Notes
    -----
    O(n k) time for the heaps and O(k² + path · k log n) for each path, of which there
    are at most as many as units in the wrong cluster. Memory is at most 12 n k bytes
    for the heaps, and far less where few rows start in the wrong cluster, beside the
    amounts, which take a byte each where rows have weight 1. With weights, the cost of
    unequal sizes is linear between multiples of their mean.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.transport import transport_rows
    >>> costs = np.array([[0.0, 9.0], [1.0, 4.0], [2.0, 4.0]])
    >>> flow = transport_rows(costs, None, np.zeros(2), np.full(2, 2.0), np.zeros(2))
    >>> flow.amounts.argmax(axis=1), flow.prices
    (array([0, 0, 1]), array([2., 0.]))
    """
    n_clusters = costs.shape[1]
    units = weights is None
    dtype = np.uint8 if units else np.float64
    amounts = np.zeros(costs.shape, dtype)
    own = np.ones(len(costs)) if units else weights
    targets = np.ones(n_clusters) if targets is None else targets
    unit = 1.0 if units else float(own.mean())
    prices = np.array(prices, dtype=np.float64)
    n_paths = _transport(
        np.ascontiguousarray(costs),
        np.ascontiguousarray(own, np.float64),
        amounts,
        np.ascontiguousarray(lower, np.float64),
        np.ascontiguousarray(upper, np.float64),
        prices,
        float(strength),
        np.ascontiguousarray(targets, np.float64),
        unit,
    )
    return Transport(amounts, prices, n_paths)


@jit()
def _transport(costs, weights, amounts, lower, upper, prices, strength, targets, unit):
    k = costs.shape[1]
    margins, sinks = np.empty(len(costs)), np.empty(k)
    # Cost of a unit from node to node; how much goes up to the sink, and down.
    arcs, up, down = np.full((k + 1, k + 1), np.inf), np.empty(k), np.empty(k)
    bounds = (lower, upper, strength, targets, unit)
    total = weights.sum()
    dust = 1e-11 * total
    excess = _first_flow(costs, weights, amounts, prices, margins, sinks, bounds)
    moving = np.abs(excess).sum()
    if moving > 0.1 * total and np.any(prices != 0):
        # Far from the costs that they were for, prices may be worse than none.
        given = prices.copy()
        prices[:] = 0.0
        excess = _first_flow(costs, weights, amounts, prices, margins, sinks, bounds)
        if np.abs(excess).sum() > moving:
            prices[:] = given
            excess = _first_flow(
                costs, weights, amounts, prices, margins, sinks, bounds
            )
    for j in range(k):
        _sink_arcs(sinks, bounds, dust, j, arcs, up, down)
    potentials = np.zeros(k + 1)
    potentials[:k] = -prices
    share = _first_share(excess, total, len(costs))
    bound = _bound_of(margins, share)
    limits = _key_limits(bound, potentials)
    keys, rows, starts, lengths, rooms = _heaps(costs, amounts, margins, bound, limits)
    is_heap = np.zeros((k, k), np.bool_)
    _first_tops(keys, starts, lengths, limits, arcs)
    distances, parents = np.empty(k + 1), np.empty(k + 1, np.int64)
    is_final, moves = np.empty(k + 1, np.bool_), np.empty((k + 1, 3), np.int64)
    n_paths = 0
    while True:
        target = _shortest_path(
            arcs, potentials, excess, dust, distances, parents, is_final
        )
        if target < 0:
            break
        if _meets_limit(parents, target, lengths):
            share *= 2
            # Freed before the next ones are made.
            keys, rows = np.empty(0), np.empty(0, np.int32)
            _margins(costs, amounts, potentials, margins)
            bound = _bound_of(margins, share)
            limits = _key_limits(bound, potentials)
            keys, rows, starts, lengths, rooms = _heaps(
                costs, amounts, margins, bound, limits
            )
            is_heap[:] = False
            _first_tops(keys, starts, lengths, limits, arcs)
            continue
        for j in range(k + 1):
            potentials[j] += min(distances[j], distances[target])
        source, amount = _what_fits(
            parents, target, -excess[target], up, down, rows, starts, amounts
        )
        amount = min(amount, excess[source])
        excess[source] -= amount
        excess[target] += amount
        # All rows of the path are looked up before a heap changes.
        node, n_moves = target, 0
        while parents[node] >= 0:
            before = parents[node]
            if node < k and before < k:
                moves[n_moves, 0] = rows[starts[before, node]]
                moves[n_moves, 1], moves[n_moves, 2] = before, node
                n_moves += 1
            else:
                j = min(node, before)
                sinks[j] += amount if node == k else -amount
                _sink_arcs(sinks, bounds, dust, j, arcs, up, down)
            node = before
        for move in range(n_moves):
            row, before, node = moves[move]
            is_new = amounts[row, node] == 0
            left = float(amounts[row, before]) - amount
            amounts[row, before] = left if left > dust else 0.0
            amounts[row, node] += amount
            if is_new:
                keys, rows = _push_row(
                    keys,
                    rows,
                    starts,
                    lengths,
                    rooms,
                    is_heap,
                    limits,
                    costs,
                    row,
                    node,
                )
        for move in range(n_moves):
            for end in range(1, 3):
                a = moves[move, end]
                for b in range(k):
                    if a != b:
                        arcs[a, b] = _top(
                            keys, rows, starts, lengths, is_heap, limits, amounts, a, b
                        )
        n_paths += 1
    for j in range(k):
        prices[j] = potentials[k] - potentials[j]
    return n_paths


@jit()
def _what_fits(parents, target, amount, up, down, rows, starts, amounts):
    """Walk a path back to its source; return that, and what its arcs can carry."""
    k, node = len(up), target
    while parents[node] >= 0:
        before = parents[node]
        if node == k:
            amount = min(amount, up[before])
        elif before == k:
            amount = min(amount, down[node])
        else:
            row = rows[starts[before, node]]
            amount = min(amount, float(amounts[row, before]))
        node = before
    return node, amount


@jit()
def _first_flow(costs, weights, amounts, prices, margins, sinks, bounds):
    """Give every row to its cheapest cluster; return what each node has too much."""
    lower, upper, strength, targets, unit = bounds
    amounts[:] = 0
    sizes = _cheapest(costs, weights, amounts, prices, margins)
    excess = np.empty(len(sizes) + 1)
    excess[-1] = -weights.sum()
    for j in range(len(sizes)):
        sinks[j] = _first_sink(
            sizes[j], lower[j], upper[j], prices[j], strength, targets[j], unit
        )
        excess[j] = sizes[j] - sinks[j]
        excess[-1] += sinks[j]
    return excess


@jit()
def _cheapest(costs, weights, amounts, prices, margins):
    """Give every row to its cheapest cluster; return the sizes.

    How much more the second cheapest costs is written to the last argument.
    """
    n_samples, k = costs.shape
    sizes = np.zeros(k)
    for i in range(n_samples):
        best, least, second = 0, np.inf, np.inf
        for j in range(k):
            cost = costs[i, j] + prices[j]
            if cost < least:
                best, least, second = j, cost, least
            elif cost < second:
                second = cost
        amounts[i, best] = weights[i]
        sizes[best] += weights[i]
        margins[i] = second - least
    return sizes


@jit()
def _margins(costs, amounts, potentials, margins):
    """Write what the cheapest change of each row costs, potentials included."""
    n_samples, k = costs.shape
    for i in range(n_samples):
        margins[i] = np.inf
        for a in range(k):
            if amounts[i, a] > 0:
                own = costs[i, a] - potentials[a]
                for b in range(k):
                    if a != b:
                        change = costs[i, b] - potentials[b] - own
                        margins[i] = min(margins[i], change)


@jit()
def _first_share(excess, total, n_samples):
    """Share of the rows that heaps hold first: several times what has to move."""
    moving = np.abs(excess).sum() / 2
    return 0.02 + moving / total + 200 / n_samples


@jit()
def _bound_of(margins, share):
    """Margin that about a share of the rows do not exceed."""
    sample = np.sort(margins[:: max(len(margins) // 1000, 1)])
    place = int(min(share, 1.0) * len(sample))
    return sample[place] if place < len(sample) else np.inf


@jit()
def _key_limits(bound, potentials):
    """Largest key of each heap: that of a change which costs the bound."""
    k = len(potentials) - 1
    limits = np.empty((k, k))
    for a in range(k):
        for b in range(k):
            limits[a, b] = bound + potentials[b] - potentials[a]
    return limits


@jit()
def _first_tops(keys, starts, lengths, limits, arcs):
    """Write the first key of every heap, or its limit, to the arcs."""
    for a in range(len(limits)):
        for b in range(len(limits)):
            if lengths[a, b] > 0:
                arcs[a, b] = keys[starts[a, b]]
            elif a != b:
                arcs[a, b] = limits[a, b]


@jit()
def _meets_limit(parents, target, lengths):
    """Say whether a path goes by what a heap leaves out."""
    node = target
    while parents[node] >= 0:
        before = parents[node]
        if max(node, before) < len(lengths) and lengths[before, node] == 0:
            return True
        node = before
    return False


@jit()
def _cost_of_size(size, target):
    if size <= 0.0:
        return target
    return size * np.log(size / target) - size + target


@jit()
def _slope(first, last, strength, target):
    """Cost of a unit between two sizes."""
    rise = _cost_of_size(last, target) - _cost_of_size(first, target)
    return strength * rise / (last - first)


@jit()
def _first_sink(size, lower, upper, price, strength, target, unit):
    """What goes from a cluster to the sink at first, such that no arc has a bargain."""
    if strength == 0.0:
        if price > 0.0:
            return upper
        if price < 0.0:
            return lower
        return min(max(size, lower), upper)
    # The largest size whose last unit costs at most the price, near t exp(price).
    exponent = min(max(price / strength, -700.0), 700.0)
    guess = target * np.exp(exponent)
    sink = min(max(np.floor(guess / unit) * unit - 2 * unit, lower), upper)
    while sink < upper:
        step = min(upper, (np.floor(sink / unit + 1e-9) + 1) * unit)
        if _slope(sink, step, strength, target) > price:
            break
        sink = step
    return sink


@jit()
def _sink_arcs(sinks, bounds, dust, j, arcs, up, down):
    """Write costs and capacities of the arcs between a cluster and the sink."""
    k = len(sinks)
    lower, upper, strength, targets, unit = bounds
    arcs[j, k] = arcs[k, j] = np.inf
    up[j] = down[j] = 0.0
    sink = sinks[j]
    if sink < upper[j] - dust:
        arcs[j, k], up[j] = 0.0, upper[j] - sink
        if strength > 0.0:
            first = max(np.floor(sink / unit + 1e-9) * unit, 0.0)
            arcs[j, k] = _slope(first, first + unit, strength, targets[j])
            up[j] = min(up[j], first + unit - sink)
    if sink > lower[j] + dust:
        arcs[k, j], down[j] = 0.0, sink - lower[j]
        if strength > 0.0:
            last = np.ceil(sink / unit - 1e-9) * unit
            arcs[k, j] = -_slope(max(last - unit, 0.0), last, strength, targets[j])
            down[j] = min(down[j], sink - max(last - unit, 0.0))


@jit()
def _shortest_path(arcs, potentials, excess, dust, distances, parents, is_final):
    """Dijkstra from all that has too much to the nearest that has too little."""
    n_nodes, node, least = len(arcs), -1, np.inf
    for j in range(n_nodes):
        is_source = excess[j] > dust
        distances[j] = 0.0 if is_source else np.inf
        parents[j], is_final[j] = -1, False
        if is_source and node < 0:
            node, least = j, 0.0
    while node >= 0 and excess[node] >= -dust:
        is_final[node] = True
        closest, shortest = -1, np.inf
        from_here = least + potentials[node]
        for j in range(n_nodes):
            if is_final[j]:
                continue
            # Negative by rounding alone.
            distance = max(arcs[node, j] + from_here - potentials[j], least)
            if distance < distances[j]:
                distances[j], parents[j] = distance, node
            if distances[j] < shortest:
                closest, shortest = j, distances[j]
        node, least = closest, shortest
    return node


@jit()
def _heaps(costs, amounts, margins, bound, limits):
    """Rows of every cluster for each other cluster, the cheapest first.

    They become heaps when that leaves: most never do.
    """
    n_samples, k = costs.shape
    counts = np.zeros((k, k), np.int64)
    for i in range(n_samples):
        if margins[i] <= bound:
            for a in range(k):
                if amounts[i, a] > 0:
                    for b in range(k):
                        change = costs[i, b] - costs[i, a]
                        counts[a, b] += change <= limits[a, b]
    starts, lengths = np.zeros((k, k), np.int64), np.zeros((k, k), np.int64)
    rooms = np.zeros((k, k), np.int64)
    end = 0
    for a in range(k):
        for b in range(k):
            starts[a, b] = end
            if a != b:
                rooms[a, b] = counts[a, b] + counts[a, b] // 4 + 12
                end += rooms[a, b]
    # Room to grow once for those that grow.
    keys = np.empty(end + end // 8 + 16)
    rows = np.empty(len(keys), np.int32)
    for i in range(n_samples):
        if margins[i] <= bound:
            for a in range(k):
                if amounts[i, a] > 0:
                    for b in range(k):
                        change = costs[i, b] - costs[i, a]
                        if a != b and change <= limits[a, b]:
                            place = starts[a, b] + lengths[a, b]
                            keys[place] = change
                            rows[place] = i
                            lengths[a, b] += 1
    for a in range(k):
        for b in range(k):
            start = starts[a, b]
            for place in range(start + 1, start + lengths[a, b]):
                if _comes_before(keys, rows, place, start):
                    _swap(keys, rows, place, start)
    return keys, rows, starts, lengths, rooms


@jit()
def _push_row(keys, rows, starts, lengths, rooms, is_heap, limits, costs, row, a):
    """Put a row that came to a cluster into the heaps of that."""
    for b in range(len(starts)):
        change = costs[row, b] - costs[row, a]
        if b == a or change > limits[a, b]:
            continue
        if lengths[a, b] == rooms[a, b]:
            keys, rows = _enlarge(keys, rows, starts, lengths, rooms, a, b)
        _push(keys, rows, starts[a, b], lengths[a, b], is_heap[a, b], change, row)
        lengths[a, b] += 1
    return keys, rows


@jit()
def _enlarge(keys, rows, starts, lengths, rooms, a, b):
    """Move a full heap to the end, with twice the room."""
    end = 0
    for i in range(len(starts)):
        for j in range(len(starts)):
            end = max(end, starts[i, j] + rooms[i, j])
    room = 2 * rooms[a, b]
    if end + room > len(keys):
        size = end + room + len(keys) // 4
        more_keys, more_rows = np.empty(size), np.empty(size, np.int32)
        more_keys[:end] = keys[:end]
        more_rows[:end] = rows[:end]
        keys, rows = more_keys, more_rows
    first, length = starts[a, b], lengths[a, b]
    keys[end : end + length] = keys[first : first + length]
    rows[end : end + length] = rows[first : first + length]
    starts[a, b], rooms[a, b] = end, room
    return keys, rows


@jit()
def _comes_before(keys, rows, i, j):
    return keys[i] < keys[j] or (keys[i] == keys[j] and rows[i] < rows[j])


@jit()
def _swap(keys, rows, i, j):
    keys[i], keys[j] = keys[j], keys[i]
    rows[i], rows[j] = rows[j], rows[i]


@jit()
def _sift_down(keys, rows, start, length, place):
    key, row = keys[start + place], rows[start + place]
    child = 2 * place + 1
    while child < length:
        if child + 1 < length and _comes_before(
            keys, rows, start + child + 1, start + child
        ):
            child += 1
        next_key, next_row = keys[start + child], rows[start + child]
        if key < next_key or (key == next_key and row <= next_row):
            break
        keys[start + place], rows[start + place] = next_key, next_row
        place, child = child, 2 * child + 1
    keys[start + place], rows[start + place] = key, row


@jit()
def _push(keys, rows, start, length, is_heap, key, row):
    place = length
    keys[start + place] = key
    rows[start + place] = row
    while place > 0:
        # Where there is no heap yet, only the first place matters.
        parent = (place - 1) // 2 if is_heap else 0
        if not _comes_before(keys, rows, start + place, start + parent):
            return
        _swap(keys, rows, start + place, start + parent)
        place = parent


@jit()
def _top(keys, rows, starts, lengths, is_heap, limits, amounts, a, b):
    """Key of the top of a heap, after rows that left the cluster are taken out."""
    start = starts[a, b]
    while lengths[a, b] > 0 and amounts[rows[start], a] == 0:
        if not is_heap[a, b]:
            for place in range(lengths[a, b] // 2 - 1, -1, -1):
                _sift_down(keys, rows, start, lengths[a, b], place)
            is_heap[a, b] = True
        lengths[a, b] -= 1
        last = start + lengths[a, b]
        keys[start], rows[start] = keys[last], rows[last]
        _sift_down(keys, rows, start, lengths[a, b], 0)
    return keys[start] if lengths[a, b] > 0 else limits[a, b]
