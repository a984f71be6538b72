"""From cells to groups: merge across saddle points, undo, veto."""

import heapq
from typing import NamedTuple

import numpy as np

from .._gaussians import Gaussians, log_likelihood, n_free_parameters
from ..kernels.gaussians import pool_moments
from ..kernels.log_concavity import dents_between
from ..kernels.tubes import (
    center_log_densities,
    merge_across_saddles,
    overlaps,
    tube_counts,
)
from ._bisection import OverPartition, pool_halves
from ._cell_gaussians import cell_covariances, n_shrunk_parameters, within_covariance

# Neighbours are merged below BASE + PER_ROW / (rows per cell) nats: about the
# 95 % quantile of the largest separation met in structureless data.
MERGE_BASE, MERGE_PER_ROW = 3.0, 24.0
MIN_GROUP = 8
# A merge is undone from this evidence on (5 % one-sided over 64 merges) and
# where less than this share of the expected rows lies between the sides.
SPLIT_Z, SPLIT_DEPTH = 3.2, 0.8
# Neighbours stay apart from this evidence on (2.5 %), or across an empty gap.
VETO_Z, EMPTY_GAP = 2.0, 0.02
# The same where every unimodal distribution is one population: that test is
# stricter.
STRICT_VETO_Z = 1.0


class MergeRules(NamedTuple):
    """What one population may look like, and how many are wanted.

    Parameters
    ----------
    unimodal : bool, default=False
        Whether every unimodal distribution is one population, not only the
        log-concave ones.
    max_saddle : float, default=None
        Groups are merged where the density at the saddle point between them
        exceeds this multiple of the lower peak; None for never.
    min_groups : int, default=1
        Fewest groups.
    max_groups : int, default=None
        Most groups; None for no limit.
    """

    unimodal: bool = False
    max_saddle: float | None = None
    min_groups: int = 1
    max_groups: int | None = None

    @property
    def veto(self):
        """Evidence from which on neighbours stay apart."""
        return STRICT_VETO_Z if self.unimodal else VETO_Z

    @property
    def log_saddle(self):
        """Logarithm of `max_saddle`; infinite for None."""
        return np.inf if self.max_saddle is None else np.log(self.max_saddle)


class Grouping(NamedTuple):
    """Groups of the cells of one size.

    Parameters
    ----------
    cells : OverPartition
    gaussians : Gaussians
        One component per cell.
    groups : ndarray of shape (n_cells,), dtype=intp
        Group of every cell.
    merges : list of dict
        Merges that made them.
    is_forced : bool
        Whether a limit on their number decided.
    """

    cells: OverPartition
    gaussians: Gaussians
    groups: np.ndarray
    merges: list
    is_forced: bool

    @property
    def n_groups(self):
        """Number of groups."""
        return int(self.groups.max()) + 1

    @property
    def labels(self):
        """Group of every row of the table."""
        return self.groups[self.cells.labels]


class Forest:
    """Sets of cells that were merged, with the moments of all their halves.

    Parameters
    ----------
    cells : OverPartition
    unimodal : bool
        See :class:`MergeRules`.
    """

    def __init__(self, cells, unimodal):
        self.cells = cells
        self.unimodal = unimodal
        self.members = [np.array([c]) for c in range(cells.n_cells)]
        # Sizes, means and scatters of every node, by split and half.
        self.moments = list(zip(*cells.moments_by_split(), strict=True))
        self.children = {}
        self.separations = {}
        self.dents = {}

    def merge(self, a, b, separation=None):
        """Join two nodes and return the new one."""
        node = len(self.members)
        self.members.append(np.concatenate([self.members[a], self.members[b]]))
        self.moments.append(pool_moments(self.moments[a], self.moments[b]))
        self.children[node] = (a, b)
        self.separations[node] = separation
        return node

    def size(self, node):
        """Weight of a node."""
        return float(self.moments[node][0][0].sum())

    def row_numbers(self, *nodes):
        """Rows of some nodes, numbered as in the cells."""
        starts = self.cells.starts
        return np.concatenate(
            [
                np.arange(starts[c], starts[c + 1])
                for node in nodes
                for c in self.members[node]
            ]
        )

    def dent(self, a, b):
        """Evidence that two nodes are not one population, and its depth."""
        pair = (min(a, b), max(a, b))
        if pair not in self.dents:
            z, log_depth = dents_between(
                self.cells.rows,
                self.cells.weights,
                self.cells.halves,
                self.row_numbers(*pair),
                self.unimodal,
                self.moments[pair[0]],
                self.moments[pair[1]],
            )
            self.dents[pair] = float(z.mean()), float(np.exp(log_depth.mean()))
        return self.dents[pair]

    def merges(self, roots):
        """Describe all merges, and which of them lie below some roots."""
        kept, below = set(), list(roots)
        while below:
            node = below.pop()
            if node in self.children:
                kept.add(node)
                below.extend(self.children[node])
        steps = []
        for node, (a, b) in self.children.items():
            z, _ = self.dents.get((min(a, b), max(a, b)), (None, None))
            steps.append(
                {
                    "left": a,
                    "right": b,
                    "node": node,
                    "weight": self.size(node),
                    "separation": self.separations[node],
                    "z": z,
                    "kept": node in kept,
                }
            )
        return steps


def group_cells(cells, rules):
    """Merge the cells of one size into groups.

    Parameters
    ----------
    cells : OverPartition
        Cells, finer than the populations.
    rules : MergeRules
        What counts as one population.

    Returns
    -------
    Grouping
    """
    covariances = cell_covariances(cells.sizes, cells.scatters)
    gaussians = Gaussians.of_weights(cells.sizes, cells.centers, covariances)
    if cells.n_cells == 1:
        return Grouping(cells, gaussians, np.zeros(1, dtype=np.intp), [], False)
    smallest = max(
        MIN_GROUP, min(cells.weight / 100, cells.weight / (2 * cells.n_nominal))
    )
    forest, counts, is_bridged = _merge_neighbours(cells, gaussians, smallest, rules)
    roots = _undo_merges(forest, gaussians, smallest, is_bridged)
    neighbours = _neighbours(forest, roots, counts)
    roots = _veto(forest, neighbours, rules.veto)
    n_free = len(roots)
    if rules.max_groups is not None and n_free > rules.max_groups:
        roots = _merge_down(forest, neighbours, rules.max_groups)
    elif n_free < rules.min_groups:
        roots = _split_up(forest, roots, smallest, rules.min_groups)
    groups = np.empty(cells.n_cells, dtype=np.intp)
    for number, root in enumerate(roots):
        groups[forest.members[root]] = number
    is_forced = len(roots) != n_free
    return Grouping(cells, gaussians, groups, forest.merges(roots), is_forced)


def _merge_neighbours(cells, gaussians, smallest, rules):
    """Merge what neither overlap nor the density at the saddle holds apart.

    Returns
    -------
    forest : Forest
    counts : ndarray of shape (n_pairs, 3)
        See :func:`~skdeepcluster.kernels.tubes.tube_counts`.
    is_bridged : dict of int to bool
        Whether a node was merged across a saddle point above `max_saddle`.
    """
    pairs = cells.pairs
    distances = overlaps(
        pairs, gaussians.means, gaussians.covariances, gaussians.log_determinants
    )
    counts = tube_counts(
        cells.rows, cells.weights, cells.starts, gaussians.means, cells.sizes, pairs
    )
    phi = center_log_densities(pairs, counts, cells.n_cells)
    # Log of the count that a tube holds per unit of density.
    width = (np.log(counts[:, :2] + 0.5) - phi[pairs]).mean(axis=1)
    merges, separations, saddles = merge_across_saddles(
        pairs,
        np.exp(-distances),
        counts[:, 2].copy(),
        np.exp(width),
        np.log(counts[:, 2] + 0.5) - width,
        phi,
        cells.sizes,
        MERGE_BASE + MERGE_PER_ROW * cells.n_nominal / cells.weight,
        smallest,
        rules.log_saddle,
    )
    forest = Forest(cells, rules.unimodal)
    for (a, b), separation in zip(merges.tolist(), separations.tolist(), strict=True):
        forest.merge(a, b, separation)
    is_bridged = dict(zip(forest.children, saddles > rules.log_saddle, strict=True))
    return forest, counts, is_bridged


def _undo_merges(forest, gaussians, smallest, is_bridged):
    """Undo merges of two populations, and all merges above them.

    A merge across a saddle point above `max_saddle` stands.
    """
    undone = set()
    for node, (a, b) in forest.children.items():
        if a in undone or b in undone:
            undone.add(node)
        elif not is_bridged[node] and min(forest.size(a), forest.size(b)) >= smallest:
            z, depth = forest.dent(a, b)
            is_dent = z >= SPLIT_Z and depth <= SPLIT_DEPTH
            if is_dent and _two_suffice(forest, gaussians, a, b):
                undone.add(node)
    inner = {
        child
        for node, pair in forest.children.items()
        if node not in undone
        for child in pair
    }
    return [n for n in range(len(forest.members)) if n not in inner | undone]


def _two_suffice(forest, gaussians, a, b):
    """Whether two Gaussians describe the rows better than all their cells do.

    A curve is not log-concave along any chord; its cells describe it better
    than two Gaussians, so it stays whole.
    """
    cells = forest.cells
    numbers = forest.row_numbers(a, b)
    rows, weights = cells.rows[numbers], cells.weights[numbers]
    members = np.concatenate([forest.members[a], forest.members[b]])
    sides = zip(forest.moments[a], forest.moments[b], strict=True)
    sizes, means, scatters = pool_halves(
        *(np.stack([one[0], other[0]]) for one, other in sides)
    )
    pooled = within_covariance(cells.sizes, cells.scatters)
    covariances = cell_covariances(sizes, scatters, pooled)
    two = Gaussians.of_weights(sizes, means, covariances)
    many = gaussians[members].reweighted(cells.sizes[members])
    n_features = rows.shape[1]
    n_two = n_free_parameters("full", 2, n_features)
    n_many = n_shrunk_parameters(cells.sizes[members], n_features)
    gain = log_likelihood(many, rows, weights) - log_likelihood(two, rows, weights)
    return 2 * gain < (n_many - n_two) * np.log(weights.sum())


def _neighbours(forest, roots, counts):
    """Counts between neighbouring groups.

    Returns
    -------
    neighbours : dict of dict
        For every group and each of its neighbours, the weight half way between
        them, and the weight expected there if there were no gap.
    """
    cells = forest.cells
    root_of = np.empty(cells.n_cells, dtype=np.intp)
    for root in roots:
        root_of[forest.members[root]] = root
    neighbours = {root: {} for root in roots}
    expected = np.sqrt(counts[:, 0] * counts[:, 1])
    for (a, b), *gap in zip(
        root_of[cells.pairs].tolist(), counts[:, 2], expected, strict=True
    ):
        if a != b:
            old = neighbours[a].get(b, (0.0, 0.0))
            total = (old[0] + gap[0], old[1] + gap[1])
            neighbours[a][b] = neighbours[b][a] = total
    return neighbours


def _veto(forest, neighbours, threshold):
    """Merge neighbouring groups without evidence, the least evidence first."""
    queue = []

    def offer(a, b):
        between, expected = neighbours[a][b]
        # Two curves can interlock so that no straight axis shows the gap.
        if (between + 0.5) / (expected + 0.5) < EMPTY_GAP:
            return
        z, _ = forest.dent(a, b)
        if z < threshold:
            heapq.heappush(queue, (z, min(a, b), max(a, b)))

    for a in sorted(neighbours):
        for b in sorted(neighbours[a]):
            if a < b:
                offer(a, b)
    while queue:
        _, a, b = heapq.heappop(queue)
        if a in neighbours and b in neighbours:
            node = _join(forest, neighbours, a, b)
            for c in sorted(neighbours[node]):
                offer(node, c)
    return sorted(neighbours)


def _join(forest, neighbours, a, b):
    """Merge two groups, and add up what lies between them and the others."""
    node = forest.merge(a, b)
    joined = neighbours.pop(a)
    for c, gap in neighbours.pop(b).items():
        old = joined.get(c, (0.0, 0.0))
        joined[c] = (old[0] + gap[0], old[1] + gap[1])
    joined.pop(a, None)
    joined.pop(b, None)
    neighbours[node] = joined
    for c, gap in joined.items():
        neighbours[c].pop(a, None)
        neighbours[c].pop(b, None)
        neighbours[c][node] = gap
    return node


def _merge_down(forest, neighbours, n_groups):
    """Merge the groups with the least evidence until so many are left."""
    while len(neighbours) > n_groups:
        roots = sorted(neighbours)
        pairs = [(a, b) for a in roots for b in neighbours[a] if a < b]
        # Groups that no row connects are compared with all others.
        pairs = pairs or [(a, b) for a in roots for b in roots if a < b]
        a, b = min(pairs, key=lambda pair: (forest.dent(*pair)[0], pair))
        _join(forest, neighbours, a, b)
    return sorted(neighbours)


def _split_up(forest, roots, smallest, n_groups):
    """Undo the merges with the most evidence until there are so many groups."""

    def evidence(root):
        a, b = forest.children[root]
        return min(forest.size(a), forest.size(b)) >= smallest, forest.dent(a, b)[0]

    roots = set(roots)
    while len(roots) < n_groups:
        merged = sorted(root for root in roots if root in forest.children)
        if not merged:
            break
        root = max(merged, key=evidence)
        roots.remove(root)
        roots.update(forest.children[root])
    return sorted(roots)
