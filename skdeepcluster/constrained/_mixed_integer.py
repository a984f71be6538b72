"""Limits and links together: a mixed-integer program for the items that can matter.

::

    R = weights * (costs + prices of the flow), less the least of each item
    band = items with links, items of other weights than most, and the free rows whose
        second cluster is nearly as good as their first
    all other items stay where the flow has put them, and take their room
    HiGHS assigns the band: whole linked and heavy items, free rows whole by themselves
    nothing better is left out if R of all that was left out is at least the cost found
        less that of the flow, which is a lower bound
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, hstack

from ..exceptions import InfeasibleConstraintsError
from ._link_conflicts import SOFT_INSTEAD

# Up to so many items all take part.
WHOLE_PROGRAM = 2_000
# Free rows of the band at least, and clusters that a free row of it may go to.
LEAST_BAND, MOST_CLUSTERS = 200, 10
# Nodes of HiGHS' search while centers move, and at the end; a number and no time, so
# that the answer does not depend on the machine.
FEW_NODES, MANY_NODES = 20, 2_000


class Assignment(NamedTuple):
    """Clusters of the items.

    Parameters
    ----------
    labels : ndarray of shape (n_items,), dtype=intp
        Cluster of each item.
    prices : ndarray of shape (n_clusters,)
        What a unit more of room in each cluster would save.
    cost : float
        Costs of the items, of broken links, and of unequal sizes.
    gap : float
        0 where no assignment costs less, otherwise the relative distance to a lower
        bound of the cost; NaN where no bound is known.
    """

    labels: np.ndarray
    prices: np.ndarray
    cost: float
    gap: float


def unequal_cost(sizes, targets):
    """What sizes cost that differ from the targets."""
    logs = np.log(np.where(sizes > 0, sizes / targets, 1.0))
    return float(np.sum(sizes * logs - sizes + targets))


def assignment_cost(costs, weights, labels, limits, balance):
    """Costs of the items in their clusters, and of unequal sizes."""
    total = float(np.sum(weights * costs[np.arange(len(costs)), labels]))
    if balance > 0:
        sizes = np.bincount(labels, weights, costs.shape[1])
        total += balance * unequal_cost(sizes, limits.targets)
    return total


def assign_by_program(
    costs, items, graph, limits, found, strength, balance, *, whole, final
):
    """Assign items under limits and links.

    Parameters
    ----------
    costs : ndarray of shape (n_items, n_clusters)
        Squared distance of a unit of each item's weight to each cluster.
    items : Items
        The items.
    graph : LinkGraph or None
        Their links.
    limits : SizeLimits
        Bounds of the sizes.
    found : Assignment
        What the flow led to, links left aside.
    strength : float
        Cost of a broken link; infinite for hard ones.
    balance : float
        Weight of the cost of unequal sizes.
    whole : bool
        Whether rows have weight 1: then bounds hold, or no assignment keeps them.
        Otherwise they are broken by as little as possible.
    final : bool
        Whether the assignment is to stay.

    Returns
    -------
    Assignment
        The assignment; that of the flow where HiGHS found none.

    Raises
    ------
    InfeasibleConstraintsError
        If no assignment keeps limits and links.
    """
    own = items.weights
    bound = found.cost * (1 - found.gap)
    reduced = own[:, np.newaxis] * (costs + found.prices)
    reduced -= reduced.min(axis=1, keepdims=True)
    linked = np.zeros(len(own), bool)
    if graph is not None:
        linked[graph.linked] = True
    heavy = linked | (own > 1) if whole else linked
    # Rows of weight 1 come out whole by themselves.
    divisible = ~heavy & whole
    light = float(np.median(own[~heavy])) if not heavy.all() else 1.0
    n_free = max(LEAST_BAND, int(np.ceil(2 * own[heavy].sum() / light)))
    while True:
        band = _band(reduced, heavy, n_free)
        program = _Program(
            costs,
            items,
            graph,
            limits,
            found,
            strength,
            balance,
            whole,
            band,
            divisible,
        )
        solved, is_proven = program.solve(MANY_NODES if final else FEW_NODES, final)
        if solved is not None or len(band) == len(own) or is_proven is None:
            break
        n_free *= 3
    if solved is None:
        if is_proven is None:
            return found._replace(gap=np.nan)
        kept = "without cannot-links" if graph is not None else "without must-links"
        raise InfeasibleConstraintsError(
            "The limits of the sizes and the links exclude each other: without limits, "
            f"and {kept}, there is a solution. Widen the limits, drop links, "
            f"{SOFT_INSTEAD}.",
            "limits and links",
        )
    labels = found.labels.copy()
    labels[band] = solved
    cost = assignment_cost(costs, own, labels, limits, balance)
    if graph is not None and not graph.hard:
        cost += strength * np.count_nonzero(graph.broken(labels))
    left_out = np.ones(reduced.shape, bool)
    left_out[band[program.items], program.clusters] = False
    left_out[np.arange(len(own)), found.labels] = False
    least = reduced[left_out].min(initial=np.inf)
    is_best = is_proven and balance == 0 and least >= cost - bound
    gap = 0.0 if is_best else max(cost - bound, 0.0) / max(cost, 1e-300)
    return Assignment(labels, found.prices, cost, gap)


def _band(reduced, heavy, n_free):
    """Items that take part: heavy ones, and free rows that would leave most easily."""
    if len(reduced) <= WHOLE_PROGRAM or reduced.shape[1] == 1:
        return np.arange(len(reduced))
    free = np.flatnonzero(~heavy)
    seconds = np.partition(reduced[free], 1, axis=1)[:, 1]
    chosen = free[np.argsort(seconds, kind="stable")[:n_free]]
    return np.sort(np.concatenate([np.flatnonzero(heavy), chosen]))


class _Program:
    """The program of a band: one variable for each item and cluster it may go to."""

    def __init__(
        self,
        costs,
        items,
        graph,
        limits,
        found,
        strength,
        balance,
        whole,
        band,
        divisible,
    ):
        own, k = items.weights, costs.shape[1]
        self.n_band, self.k = len(band), k
        allowed = np.ones((len(band), k), bool)
        if k > MOST_CLUSTERS:
            priced = costs[band] + found.prices
            worst = np.argsort(priced, axis=1, kind="stable")[:, MOST_CLUSTERS:]
            free = divisible[band]
            rows = np.repeat(np.flatnonzero(free), k - MOST_CLUSTERS)
            allowed[rows, worst[free].ravel()] = False
        self.items, self.clusters = np.nonzero(allowed)
        self.columns = np.full(allowed.shape, -1)
        self.columns[self.items, self.clusters] = np.arange(len(self.items))
        self.weights = own[band][self.items]
        outside = np.ones(len(own), bool)
        outside[band] = False
        taken = np.bincount(found.labels[outside], own[outside], k)
        lower, upper = limits.lower, limits.upper
        slopes = np.zeros(k)
        if balance > 0:
            # Linear in sizes that are near those of the flow.
            sizes = np.bincount(found.labels, own, k)
            lower = np.maximum(lower, sizes - 2 * own.max())
            upper = np.minimum(upper, sizes + 2 * own.max())
            slopes = balance * np.log(np.maximum(sizes, own.min()) / limits.targets)
        self.lower, self.upper = lower - taken, upper - taken
        prices = costs[band][self.items, self.clusters] + slopes[self.clusters]
        # In units of the mean cost: what HiGHS calls zero does not depend on X.
        self.unit = max(float(np.abs(prices * self.weights).mean()), 1e-300)
        self.costs = prices * self.weights / self.unit
        self.is_whole = ~divisible[band][self.items]
        places = np.full(len(own), -1)
        places[band] = np.arange(len(band))
        no_edges = graph is None
        self.edges = np.empty((0, 2), int) if no_edges else places[graph.edges]
        self.signs = np.empty(0) if no_edges else graph.signs
        self.strength = strength / self.unit
        self.excess_cost = np.inf if whole else 1e3 * np.ptp(self.costs) / own.min()

    def _constraints(self):
        """Rows of the program: one cluster each, sizes, links."""
        n, n_band, k = len(self.items), self.n_band, self.k
        variables = np.arange(n)
        once = csr_array((np.ones(n), (self.items, variables)), shape=(n_band, n))
        sizes = csr_array((self.weights, (self.clusters, variables)), shape=(k, n))
        m = len(self.edges)
        left = self.columns[self.edges[:, 0]].ravel()
        right = self.columns[self.edges[:, 1]].ravel()
        apart = np.repeat(self.signs > 0, k)
        lines = np.arange(m * k)
        links = coo_array(
            (
                np.concatenate([np.ones(m * k), np.where(apart, 1.0, -1.0)]),
                (np.concatenate([lines, lines]), np.concatenate([left, right])),
            ),
            shape=(m * k, n),
        ).tocsr()
        return once, sizes, links, apart.astype(float)

    def solve(self, max_nodes, final):
        """Clusters of the band, or None; and whether that is proven (None: unknown)."""
        once, sizes, links, most = self._constraints()
        n, m, k = len(self.items), len(self.edges), self.k
        n_slacks = m if np.isfinite(self.strength) else 0
        n_excess = 2 * k if np.isfinite(self.excess_cost) else 0
        slack = -csr_array(
            (np.ones(m * k), (np.arange(m * k), np.repeat(np.arange(m), k))),
            shape=(m * k, m),
        )[:, :n_slacks]
        excess = hstack([csr_array(np.eye(k)), -csr_array(np.eye(k))]).tocsr()
        size_columns = [sizes, csr_array((k, n_slacks)), excess[:, :n_excess]]
        n_more = n_slacks + n_excess
        parts = [
            LinearConstraint(hstack([once, csr_array((self.n_band, n_more))]), 1, 1),
            LinearConstraint(hstack(size_columns), self.lower, self.upper),
        ]
        if m:
            blank = csr_array((m * k, n_excess))
            parts.append(LinearConstraint(hstack([links, slack, blank]), -np.inf, most))
        result = milp(
            np.concatenate(
                [
                    self.costs,
                    np.full(n_slacks, self.strength),
                    np.full(n_excess, self.excess_cost),
                ]
            ),
            integrality=np.concatenate([self.is_whole, np.zeros(n_more)]).astype(int),
            bounds=Bounds(
                0, np.concatenate([np.ones(n + n_slacks), np.full(n_excess, np.inf)])
            ),
            constraints=parts,
            options={"node_limit": max_nodes, "mip_rel_gap": 0.0 if final else 1e-3},
        )
        if result.x is None:
            return None, (False if result.status == 2 else None)
        amounts = np.zeros((self.n_band, k))
        amounts[self.items, self.clusters] = result.x[:n]
        return amounts.argmax(axis=1), result.status == 0
