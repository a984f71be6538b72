"""One step of k-means under constraints: which cluster each item goes to.

::

    no limits, no links   the cheapest cluster
    limits                a min-cost flow; divided items are rounded, then repaired
    links                 each component of the graph of links on its own
    limits and links      flow for the prices, mixed-integer program for the few items
                          that can matter                        (_mixed_integer.py)
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ..kernels.linked_items import assign_linked_items, n_broken_links
from ..kernels.rounding import repair_sizes
from ..kernels.transport import transport_rows
from ._coloring import coloring
from ._mixed_integer import (
    Assignment,
    assign_by_program,
    assignment_cost,
    unequal_cost,
)

# Nodes of the search tree of a component, while centers still move, and at the end.
FEW_NODES, MANY_NODES = 200, 20_000
# Items of different weights that a mixed-integer program takes on at the end.
FEW_ITEMS = 200


class LinkGraph:
    """The links of items, from both ends, and its connected components.

    Parameters
    ----------
    items : Items
        The items.
    n_clusters : int
        Number of clusters, in which hard links must be possible to keep.
    """

    def __init__(self, items, n_clusters):
        edges, signs, n = items.edges, items.signs, len(items.weights)
        self.edges, self.signs, self.hard = edges, signs, items.hard
        self.linked = np.unique(edges)
        places = np.full(n, -1)
        places[self.linked] = np.arange(len(self.linked))
        ends = places[edges]
        both = np.concatenate([ends, ends[:, ::-1]])
        order = np.lexsort((both[:, 1], both[:, 0]))
        m = len(self.linked)
        starts = np.searchsorted(both[order, 0], np.arange(m + 1))
        self.starts = starts.astype(np.int64)
        self.neighbors = np.ascontiguousarray(both[order, 1], np.int64)
        self.end_signs = np.concatenate([signs, signs])[order].astype(np.float64)
        graph = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(m, m))
        components = connected_components(graph, directed=False)[1]
        self.members = np.argsort(components, kind="stable").astype(np.int64)
        self.bounds = np.searchsorted(
            components[self.members], np.arange(components.max(initial=-1) + 2)
        ).astype(np.int64)
        self.coloring = coloring(self, n_clusters, items) if self.hard else None

    def assign(self, costs, labels, strength, max_nodes):
        """Assign the linked items; return their clusters and the number not proven."""
        penalties = self.end_signs * (1.0 if self.hard else strength)

        def searched(labels):
            labels = np.array(labels, dtype=np.intp)
            n_open = assign_linked_items(
                np.ascontiguousarray(costs),
                self.starts,
                self.neighbors,
                penalties,
                self.hard,
                self.bounds,
                self.members,
                labels,
                max_nodes,
            )
            return labels, n_open

        found = searched(labels)
        if self.hard and n_broken_links(
            self.starts, self.neighbors, penalties, found[0]
        ):
            # What is kept once is kept in every step.
            found = searched(self.coloring)
        return found

    def broken(self, labels):
        """Say of every edge whether labels break it."""
        left, right = labels[self.edges].T
        return np.where(self.signs > 0, left == right, left != right)


class Assigner:
    """Assigns items under the constraints of one problem.

    Parameters
    ----------
    items : Items
        The items.
    limits : SizeLimits
        Bounds of the sizes.
    strength : float
        What a broken link costs, in mean squared distances; infinite for hard links.
    whole : bool
        Whether all rows have weight 1.
    """

    def __init__(self, items, limits, strength, whole):
        self.items, self.limits, self.strength = items, limits, strength
        self.whole = whole
        self.weights = None if np.all(items.weights == 1) else items.weights
        self.graph = None
        if len(items.edges):
            self.graph = LinkGraph(items, len(limits.lower))

    def __call__(self, costs, labels, prices, *, final=False):
        """Assign all items.

        Parameters
        ----------
        costs : ndarray of shape (n_items, n_clusters)
            Squared distance of a unit of each item's weight to each cluster.
        labels : ndarray of shape (n_items,)
            Clusters of the step before.
        prices : ndarray of shape (n_clusters,)
            Prices of the step before.
        final : bool, default=False
            Whether the assignment is to stay, which is worth more work.

        Returns
        -------
        Assignment
            Clusters, prices and costs.
        """
        own, strength, balance = self.items.weights, np.inf, 0.0
        is_free, is_soft = self.limits.are_none, np.isfinite(self.strength)
        if is_free or is_soft or self.limits.balance:
            nearest = costs.argmin(axis=1)
            least = float(np.sum(own * costs[np.arange(len(costs)), nearest]))
            spread = least / own.sum()
            strength = self.strength * spread if is_soft else np.inf
            balance = self.limits.balance * spread
        if is_free and self.graph is None:
            return Assignment(nearest, np.zeros(costs.shape[1]), least, 0.0)
        if is_free:
            return self._by_links(costs, nearest, least, labels, strength, final)
        found = self._rounded(costs, self._flow(costs, prices, balance), balance)
        is_broken = self.graph is not None and self.graph.broken(found.labels).any()
        # Of few items the best whole ones are soon found.
        is_few = final and found.gap > 0 and len(costs) <= FEW_ITEMS
        if not (is_broken or is_few or self.size_excess(found.labels)):
            return found
        return assign_by_program(
            costs,
            self.items,
            self.graph,
            self.limits,
            found,
            strength,
            balance,
            whole=self.whole,
            final=final,
        )

    def size_excess(self, labels):
        """By how much the sizes of clusters break their bounds, at most."""
        limits = self.limits
        sizes = np.bincount(labels, self.items.weights, len(limits.lower))
        excess = np.maximum(sizes - limits.upper, limits.lower - sizes).max()
        return float(excess) if excess > 1e-9 * limits.total else 0.0

    def _by_links(self, costs, nearest, least, labels, strength, final):
        linked = self.graph.linked
        own = self.items.weights
        weighted = costs[linked] * own[linked, np.newaxis]
        n_nodes = MANY_NODES if final else FEW_NODES
        found, n_open = self.graph.assign(weighted, labels[linked], strength, n_nodes)
        nearest[linked] = found
        cost = float(np.sum(own * costs[np.arange(len(costs)), nearest]))
        if not self.graph.hard:
            cost += strength * np.count_nonzero(self.graph.broken(nearest))
        gap = 0.0 if n_open == 0 else (cost - least) / max(cost, 1e-300)
        return Assignment(nearest, np.zeros(costs.shape[1]), cost, gap)

    def _flow(self, costs, prices, balance):
        limits = self.limits
        return transport_rows(
            costs,
            self.weights,
            limits.lower,
            limits.upper,
            prices,
            strength=balance,
            targets=limits.targets,
        )

    def _rounded(self, costs, flow, balance):
        """Clusters of the items, each in one, from amounts in several."""
        limits, own = self.limits, self.items.weights
        labels = flow.amounts.argmax(axis=1)
        if self.weights is not None:
            labels = repair_sizes(
                costs,
                own,
                limits.lower,
                limits.upper,
                labels,
                lower_cost=balance == 0,
            )
        cost = assignment_cost(costs, own, labels, limits, balance)
        gap = 0.0
        if self.weights is not None:
            bound = float(np.sum(flow.amounts * costs))
            sizes = flow.amounts.sum(axis=0)
            bound += balance * unequal_cost(sizes, limits.targets)
            gap = max(cost - bound, 0.0) / max(cost, 1e-300)
            gap = 0.0 if gap < 1e-12 else gap
        return Assignment(labels, flow.prices, cost, gap)
