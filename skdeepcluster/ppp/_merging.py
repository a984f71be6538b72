"""From cells to groups: merge, take back, veto; then the sizes vote."""

import heapq
from dataclasses import dataclass

import numpy as np

from ..kernels.gaussians import gaussian_factors, pool_moments, responsibility_moments
from ..kernels.log_concavity import dents_between
from ..kernels.tubes import log_densities, merge_path, overlaps, tube_counts
from ._bisection import pool_halves

# Least variance of any direction, as a share of the mean one: of the pooled
# covariance, and of any, which must stay above the rounding of the largest.
POOLED_FLOOR, LEAST_FLOOR = 1e-9, 1e-13
# Neighbours are merged below BASE + PER_ROW / (rows per cell) nats: about the
# 95 % quantile of the largest separation met in structureless data.
MERGE_BASE, MERGE_PER_ROW = 3.0, 24.0
MIN_GROUP = 8
# A merge is taken back from this evidence on (5 % one-sided over 64 merges) and
# where less than this share of the expected rows lies between the sides.
SPLIT_Z, SPLIT_DEPTH = 3.2, 0.8
# Neighbours stay apart from this evidence on (2.5 %), or across an empty gap.
VETO_Z, EMPTY_GAP = 2.0, 0.02
# The same where every unimodal law is one population: that test is stricter.
STRICT_VETO_Z = 1.0
# The vote: a near tie goes to the coarser size; a size that kept more than this
# share of its cells apart did not over-partition.
PARSIMONY, OVER_PARTITION = 0.02, 0.75


def pooled_covariance(sizes, scatters):
    """Covariance within the components, kept from being singular."""
    pooled = scatters.sum(axis=0) / sizes.sum()
    n_features = len(pooled)
    floor = POOLED_FLOOR * np.trace(pooled) / n_features or 1e-18
    return pooled + floor * np.eye(n_features)


def shrunk_covariances(sizes, scatters, pooled=None):
    """Covariances drawn towards the pooled one with the weight of p + 2 rows.

    Beside few distinct rows of much weight, that is nothing: what the pooled one
    then lacks to keep them from being singular is added.
    """
    if pooled is None:
        pooled = pooled_covariance(sizes, scatters)
    n_features = len(pooled)
    prior = n_features + 2.0
    sizes = sizes[:, np.newaxis, np.newaxis]
    covariances = (scatters + prior * pooled) / (sizes + prior)
    floor = POOLED_FLOOR * np.trace(pooled) * prior / (sizes + prior)
    wanted = LEAST_FLOOR * np.trace(covariances, axis1=1, axis2=2)
    lacking = np.maximum(wanted[:, np.newaxis, np.newaxis] - floor, 0.0)
    return covariances + lacking / n_features * np.eye(n_features)


class Mixture:
    """Gaussian mixture with one component per cell.

    Parameters
    ----------
    sizes, means : ndarray of shape (n_components, ...)
        Weights and means of the components.
    covariances : ndarray of shape (n_components, n_features, n_features)
        Their covariances.
    """

    def __init__(self, sizes, means, covariances):
        self.sizes = sizes
        self.means = np.ascontiguousarray(means)
        self.covariances = covariances
        self.inverse_factors, self.log_determinants = gaussian_factors(covariances)
        with np.errstate(divide="ignore"):
            log_weights = np.log(sizes / sizes.sum())
        n_features = means.shape[1]
        self.constants = log_weights - 0.5 * (
            self.log_determinants + n_features * np.log(2 * np.pi)
        )
        self.reach = 1.0 / np.linalg.eigvalsh(covariances)[:, -1]

    def arrays(self):
        """Return what the kernels take."""
        return self.means, self.constants, self.inverse_factors, self.reach

    def part(self, chosen):
        """Return the mixture of some of the components."""
        return Mixture(self.sizes[chosen], self.means[chosen], self.covariances[chosen])

    def step(self, rows, weights):
        """Return the mixture after a step of expectation and maximisation."""
        sizes, means, scatters, _ = responsibility_moments(
            rows, weights, *self.arrays()
        )
        return Mixture(sizes, means, shrunk_covariances(sizes, scatters))

    def log_likelihood(self, rows, weights):
        """Weighted sum of the log densities of some rows."""
        return responsibility_moments(rows, weights, *self.arrays())[-1]


@dataclass(frozen=True)
class Evidence:
    """What counts as evidence for more than one population.

    Parameters
    ----------
    unimodal : bool, default=False
        Whether every unimodal law is one population, not the log-concave ones
        only.
    max_saddle : float, default=None
        Groups are merged where the density between them exceeds this multiple
        of the lower peak.
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


@dataclass(frozen=True)
class Grouping:
    """Groups of the cells of one size.

    Parameters
    ----------
    cells : Cells
    mixture : Mixture
    groups : ndarray of shape (n_cells,)
        Group of every cell.
    history : list of dict
        Merges that made them.
    is_forced : bool
        Whether a limit on their number decided.
    """

    cells: object
    mixture: object
    groups: object
    history: object
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
    cells : Cells
    unimodal : bool
        See :class:`Evidence`.
    """

    def __init__(self, cells, unimodal):
        self.cells = cells
        self.unimodal = unimodal
        self.members = [np.array([c]) for c in range(cells.n_cells)]
        # Sizes, means and scatters of every node, by split and half.
        self.moments = list(zip(*cells.moments_by_split(), strict=True))
        self.children = {}
        self.separations = {}
        self.evidence = {}

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
        if pair not in self.evidence:
            z, log_depth = dents_between(
                self.cells.rows,
                self.cells.weights,
                self.cells.halves,
                self.row_numbers(*pair),
                self.unimodal,
                self.moments[pair[0]],
                self.moments[pair[1]],
            )
            self.evidence[pair] = float(z.mean()), float(np.exp(log_depth.mean()))
        return self.evidence[pair]

    def history(self, roots):
        """Describe all merges, and which of them lie below some roots."""
        kept, below = set(), list(roots)
        while below:
            node = below.pop()
            if node in self.children:
                kept.add(node)
                below.extend(self.children[node])
        steps = []
        for node, (a, b) in self.children.items():
            z, _ = self.evidence.get((min(a, b), max(a, b)), (None, None))
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


def group_cells(cells, evidence):
    """Merge the cells of one size into groups.

    Parameters
    ----------
    cells : Cells
    evidence : Evidence

    Returns
    -------
    Grouping
    """
    covariances = shrunk_covariances(cells.sizes, cells.scatters)
    mixture = Mixture(cells.sizes, cells.centers, covariances)
    if cells.n_cells == 1:
        return Grouping(cells, mixture, np.zeros(1, dtype=np.intp), [], False)
    smallest = max(
        MIN_GROUP, min(cells.weight / 100, cells.weight / (2 * cells.n_nominal))
    )
    forest, counts, is_bridged = _merge_neighbours(cells, mixture, smallest, evidence)
    roots = _take_back(forest, mixture, smallest, is_bridged)
    neighbours = _neighbours(forest, roots, counts)
    roots = _veto(forest, neighbours, evidence.veto)
    n_free = len(roots)
    if evidence.max_groups is not None and n_free > evidence.max_groups:
        roots = _merge_down(forest, neighbours, evidence.max_groups)
    elif n_free < evidence.min_groups:
        roots = _split_up(forest, roots, smallest, evidence.min_groups)
    groups = np.empty(cells.n_cells, dtype=np.intp)
    for number, root in enumerate(roots):
        groups[forest.members[root]] = number
    return Grouping(cells, mixture, groups, forest.history(roots), len(roots) != n_free)


def _merge_neighbours(cells, mixture, smallest, evidence):
    """Merge what mixture and densities do not hold apart.

    Returns
    -------
    forest : Forest
    counts : ndarray of shape (n_pairs, 3)
        See :func:`~skdeepcluster.kernels.tubes.tube_counts`.
    is_bridged : dict of int to bool
        Whether a node was merged across a density above `max_saddle`.
    """
    pairs = cells.pairs
    distances = overlaps(
        pairs, mixture.means, mixture.covariances, mixture.log_determinants
    )
    counts = tube_counts(
        cells.rows, cells.weights, cells.starts, mixture.means, cells.sizes, pairs
    )
    phi = log_densities(pairs, counts, cells.n_cells)
    # Log of the count that a tube holds per unit of density.
    width = (np.log(counts[:, :2] + 0.5) - phi[pairs]).mean(axis=1)
    log_saddle = np.inf if evidence.max_saddle is None else np.log(evidence.max_saddle)
    merges, separations, saddles = merge_path(
        pairs,
        np.exp(-distances),
        counts[:, 2].copy(),
        np.exp(width),
        np.log(counts[:, 2] + 0.5) - width,
        phi,
        cells.sizes,
        MERGE_BASE + MERGE_PER_ROW * cells.n_nominal / cells.weight,
        smallest,
        log_saddle,
    )
    forest = Forest(cells, evidence.unimodal)
    for (a, b), separation in zip(merges.tolist(), separations.tolist(), strict=True):
        forest.merge(a, b, separation)
    is_bridged = dict(zip(forest.children, saddles > log_saddle, strict=True))
    return forest, counts, is_bridged


def _take_back(forest, mixture, smallest, is_bridged):
    """Undo merges of two populations, and all merges above them.

    A merge across a bridge of high density stands, whatever the test says.
    """
    undone = set()
    for node, (a, b) in forest.children.items():
        if a in undone or b in undone:
            undone.add(node)
        elif not is_bridged[node] and min(forest.size(a), forest.size(b)) >= smallest:
            z, depth = forest.dent(a, b)
            is_dent = z >= SPLIT_Z and depth <= SPLIT_DEPTH
            if is_dent and _two_suffice(forest, mixture, a, b):
                undone.add(node)
    inner = {
        child
        for node, pair in forest.children.items()
        if node not in undone
        for child in pair
    }
    return [n for n in range(len(forest.members)) if n not in inner | undone]


def _two_suffice(forest, mixture, a, b):
    """Whether two Gaussians describe the rows better than all their cells do.

    A curve is not log-concave along any chord; its cells describe it better
    than two Gaussians, so it stays whole.
    """
    cells = forest.cells
    numbers = forest.row_numbers(a, b)
    rows, weights = cells.rows[numbers], cells.weights[numbers]
    members = np.concatenate([forest.members[a], forest.members[b]])
    n_features = rows.shape[1]
    prior = n_features + 2
    sides = zip(forest.moments[a], forest.moments[b], strict=True)
    sizes, means, scatters = pool_halves(
        *(np.stack([one[0], other[0]]) for one, other in sides)
    )
    covariances = shrunk_covariances(
        sizes, scatters, pooled_covariance(cells.sizes, cells.scatters)
    )
    two, many = Mixture(sizes, means, covariances), mixture.part(members)
    n_shape = n_features * (n_features + 1) / 2
    n_two = 2 * n_features + 1 + 2 * n_shape
    n_many = len(members) * (n_features + 1) - 1
    # A component of few rows takes its shape from the pooled one.
    n_many += n_shape * np.sum(many.sizes / (many.sizes + prior))
    gain = many.log_likelihood(rows, weights) - two.log_likelihood(rows, weights)
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


def weighted_rand(first, second, weights):
    """Adjusted Rand index of two labelings of weighted rows."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), weights)

    def n_pairs(sizes):
        return float((sizes * (sizes - 1)).sum() / 2)

    together, a, b = (
        n_pairs(table),
        n_pairs(table.sum(axis=1)),
        n_pairs(table.sum(axis=0)),
    )
    expected = a * b / n_pairs(weights.sum())
    largest = (a + b) / 2
    return 1.0 if largest == expected else (together - expected) / (largest - expected)


def vote(groupings, weights):
    """Elect the size whose groups agree best with those of the others.

    Returns
    -------
    winner : Grouping
    agreement : list of float
        Mean adjusted Rand index of each to the others; 1 for a single one.
    """
    labels = [grouping.labels for grouping in groupings]
    n = len(groupings)
    agreement = np.eye(n)
    for i in range(n):
        for j in range(i):
            agreement[i, j] = agreement[j, i] = weighted_rand(
                labels[i], labels[j], weights
            )
    mean = (agreement.sum(axis=1) - 1) / (n - 1) if n > 1 else np.ones(1)
    single = [i for i in range(n) if groupings[i].n_groups == 1]
    if 2 * len(single) > n:
        return groupings[single[0]], mean.tolist()
    eligible = [
        i
        for i in range(n)
        if groupings[i].n_groups <= OVER_PARTITION * groupings[i].cells.n_cells
    ]
    n_cells = np.array([grouping.cells.n_nominal for grouping in groupings])
    score = mean - PARSIMONY * np.log2(n_cells)
    winner = max(eligible or range(n), key=lambda i: score[i])
    return groupings[winner], mean.tolist()
