"""Clusters for items that links bind: local search, then branch and bound.

::

    for each connected component of the graph of links:
        move single items, then exchange two clusters along binding links,
            until neither lowers the cost
        branch on the item of most regret; cut off where the cost so far and the
            least costs of all other items are no better than the best found

A link is kept or costs its penalty. Hard links count before all costs.
"""

import numpy as np

from ._jit import jit

# What rounding may do to a sum of costs.
DUST = 1e-12
# Items of a component that a search tree is grown for.
MOST_BRANCHED = 400


@jit()
def assign_linked_items(
    costs, starts, neighbors, penalties, hard, bounds, members, labels, max_nodes
):
    """Assign the items of each component such that costs and broken links are least.

    Parameters
    ----------
    costs : ndarray of shape (n_items, n_clusters), dtype=float64
        Cost of each item in each cluster.
    starts : ndarray of shape (n_items + 1,), dtype=int64
        Where the links of each item begin.
    neighbors : ndarray of shape (n_ends,), dtype=int64
        Other end of each link, item by item.
    penalties : ndarray of shape (n_ends,), dtype=float64
        What a broken link costs: positive where the two are to be kept apart,
        negative where together.
    hard : bool
        Whether links to keep apart count before all costs; there may be no others.
    bounds : ndarray of shape (n_components + 1,), dtype=int64
        Where components begin in `members`.
    members : ndarray of shape (n_items,), dtype=int64
        Items, component by component.
    labels : ndarray of shape (n_items,), dtype=intp
        Clusters to start from; overwritten by the best ones found.
    max_nodes : int
        Nodes of the search tree for each component, none for more than 400 items.

    Returns
    -------
    n_open : int
        Components whose assignment is not proven to be the best.
    """
    n_open = 0
    is_ours = np.zeros(len(costs), np.bool_)
    places, assigned = np.empty(len(costs), np.int64), np.full(len(costs), -1)
    for component in range(len(bounds) - 1):
        own = members[bounds[component] : bounds[component + 1]]
        _search_locally(costs, starts, neighbors, penalties, hard, own, labels, is_ours)
        is_proven = False
        if max_nodes > 0 and len(own) <= MOST_BRANCHED:
            for place in range(len(own)):
                places[own[place]] = place
            is_proven = _branch(
                costs,
                starts,
                neighbors,
                penalties,
                hard,
                own,
                labels,
                is_ours,
                places,
                assigned,
                max_nodes,
            )
            assigned[own] = -1
        n_open += not is_proven
    return n_open


@jit()
def _broken(penalty, left, right):
    return (left == right) if penalty > 0 else (left != right)


@jit()
def n_broken_links(starts, neighbors, penalties, labels):
    """Count the links that labels do not keep, each from both ends."""
    n_broken = 0
    for item in range(len(labels)):
        for end in range(starts[item], starts[item + 1]):
            n_broken += _broken(penalties[end], labels[item], labels[neighbors[end]])
    return n_broken


@jit()
def _cost_at(costs, starts, neighbors, penalties, hard, labels, item, label):
    """Broken hard links, and cost, of an item in a cluster."""
    n_broken, cost = 0, costs[item, label]
    for end in range(starts[item], starts[item + 1]):
        if _broken(penalties[end], label, labels[neighbors[end]]):
            if hard:
                n_broken += 1
            else:
                cost += abs(penalties[end])
    return n_broken, cost


@jit()
def _is_better(n_broken, cost, n_broken_before, cost_before):
    if n_broken != n_broken_before:
        return n_broken < n_broken_before
    return cost < cost_before - DUST * (1.0 + abs(cost_before))


@jit()
def _search_locally(
    costs, starts, neighbors, penalties, hard, own, labels, is_in_chain
):
    k = costs.shape[1]
    chain = np.empty(len(own), np.int64)
    changed = True
    for _ in range(100):
        if not changed:
            break
        changed = False
        for item in own:
            n_now, cost_now = _cost_at(
                costs, starts, neighbors, penalties, hard, labels, item, labels[item]
            )
            for label in range(k):
                n_there, cost_there = _cost_at(
                    costs, starts, neighbors, penalties, hard, labels, item, label
                )
                if _is_better(n_there, cost_there, n_now, cost_now):
                    labels[item] = label
                    n_now, cost_now, changed = n_there, cost_there, True
        if changed:
            continue
        for item in own:
            for label in range(k):
                if label != labels[item] and _exchange(
                    costs,
                    starts,
                    neighbors,
                    penalties,
                    hard,
                    labels,
                    item,
                    label,
                    chain,
                    is_in_chain,
                ):
                    changed = True


@jit()
def _exchange(
    costs, starts, neighbors, penalties, hard, labels, item, label, chain, is_in_chain
):
    """Kempe's exchange: swap two clusters along the links that this would break."""
    first, n_chain, place = labels[item], 1, 0
    chain[0] = item
    is_in_chain[item] = True
    while place < n_chain:
        node = chain[place]
        for end in range(starts[node], starts[node + 1]):
            other = neighbors[end]
            binds = not _broken(penalties[end], labels[node], labels[other])
            is_of_two = labels[other] == first or labels[other] == label
            if binds and is_of_two and not is_in_chain[other]:
                is_in_chain[other] = True
                chain[n_chain] = other
                n_chain += 1
        place += 1
    n_before, before = _cost_of_chain(
        costs, starts, neighbors, penalties, hard, labels, chain[:n_chain], is_in_chain
    )
    _swap_labels(labels, chain[:n_chain], first, label)
    n_after, after = _cost_of_chain(
        costs, starts, neighbors, penalties, hard, labels, chain[:n_chain], is_in_chain
    )
    is_better = _is_better(n_after, after, n_before, before)
    if not is_better:
        _swap_labels(labels, chain[:n_chain], first, label)
    for place in range(n_chain):
        is_in_chain[chain[place]] = False
    return is_better


@jit()
def _swap_labels(labels, chain, first, second):
    for node in chain:
        labels[node] = second if labels[node] == first else first


@jit()
def _cost_of_chain(
    costs, starts, neighbors, penalties, hard, labels, chain, is_in_chain
):
    """Broken hard links and costs of some items; a link inside is seen twice."""
    n_broken, total = 0, 0.0
    for node in chain:
        total += costs[node, labels[node]]
        for end in range(starts[node], starts[node + 1]):
            other = neighbors[end]
            if _broken(penalties[end], labels[node], labels[other]):
                share = 1 if is_in_chain[other] else 2
                if hard:
                    n_broken += share
                else:
                    total += share * abs(penalties[end]) / 2
    return n_broken, total


@jit()
def _so_far(costs, starts, neighbors, penalties, hard, assigned, item, row, barred):
    """Costs of an item in each cluster, given its neighbours assigned so far."""
    k = costs.shape[1]
    for label in range(k):
        row[label] = costs[item, label]
        barred[label] = 0
    for end in range(starts[item], starts[item + 1]):
        label = assigned[neighbors[end]]
        if label < 0:
            continue
        if hard:
            barred[label] += 1
        elif penalties[end] > 0:
            row[label] += penalties[end]
        else:
            for other in range(k):
                if other != label:
                    row[other] -= penalties[end]


@jit()
def _next_item(own, assigned, so_far, barred):
    """The item of most regret, and the least that all open items add to the cost."""
    chosen, most, bound = -1, -1.0, 0.0
    for place in range(len(own)):
        if assigned[own[place]] >= 0:
            continue
        least, second = np.inf, np.inf
        for label in range(so_far.shape[1]):
            if barred[place, label] == 0:
                cost = so_far[place, label]
                if cost < least:
                    least, second = cost, least
                elif cost < second:
                    second = cost
        bound += least
        regret = second - least if least < np.inf else np.inf
        if regret > most:
            chosen, most = place, regret
    return chosen, bound


@jit()
def _branch(
    costs,
    starts,
    neighbors,
    penalties,
    hard,
    own,
    labels,
    is_ours,
    places,
    assigned,
    max_nodes,
):
    """Search the whole tree, depth first; say whether it was searched to its end."""
    n_own, k = len(own), costs.shape[1]
    is_ours[own] = True
    n_broken, best = _cost_of_chain(
        costs, starts, neighbors, penalties, hard, labels, own, is_ours
    )
    if n_broken > 0:
        best = np.inf
    is_ours[own] = False
    so_far, barred = np.empty((n_own, k)), np.zeros((n_own, k), np.int64)
    for place in range(n_own):
        _so_far(
            costs,
            starts,
            neighbors,
            penalties,
            hard,
            assigned,
            own[place],
            so_far[place],
            barred[place],
        )
    chosen, tried = np.empty(n_own, np.int64), np.empty(n_own, np.int64)
    orders, paid = np.empty((n_own, k), np.int64), np.zeros(n_own + 1)
    depth, n_nodes, is_new = 0, 0, True
    while depth >= 0:
        if is_new:
            n_nodes += 1
            if n_nodes > max_nodes:
                return False
            if depth == n_own:
                if paid[depth] < best:
                    best = paid[depth]
                    for item in own:
                        labels[item] = assigned[item]
                depth, is_new = depth - 1, False
                continue
            place, bound = _next_item(own, assigned, so_far, barred)
            if paid[depth] + bound >= best - DUST * (1.0 + abs(best)):
                depth, is_new = depth - 1, False
                continue
            chosen[depth], tried[depth] = place, 0
            orders[depth] = np.argsort(so_far[place], kind="mergesort")
        # Take back what was tried here, and try the next cluster.
        place = chosen[depth]
        item = own[place]
        if assigned[item] >= 0:
            assigned[item] = -1
            _renew(
                costs,
                starts,
                neighbors,
                penalties,
                hard,
                assigned,
                item,
                places,
                so_far,
                barred,
            )
        while tried[depth] < k and barred[place, orders[depth, tried[depth]]] > 0:
            tried[depth] += 1
        if tried[depth] == k:
            depth, is_new = depth - 1, False
            continue
        label = orders[depth, tried[depth]]
        tried[depth] += 1
        paid[depth + 1] = paid[depth] + so_far[place, label]
        assigned[item] = label
        _renew(
            costs,
            starts,
            neighbors,
            penalties,
            hard,
            assigned,
            item,
            places,
            so_far,
            barred,
        )
        depth, is_new = depth + 1, True
    return True


@jit()
def _renew(
    costs, starts, neighbors, penalties, hard, assigned, item, places, so_far, barred
):
    """Compute the costs of an item's neighbours again: no rounding piles up."""
    for end in range(starts[item], starts[item + 1]):
        other = neighbors[end]
        if assigned[other] < 0:
            _so_far(
                costs,
                starts,
                neighbors,
                penalties,
                hard,
                assigned,
                other,
                so_far[places[other]],
                barred[places[other]],
            )
