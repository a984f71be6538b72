"""Over-partitions: one bisecting k-means tree, read off at several sizes."""

import heapq

import numpy as np

from .._kmeans import hamerly
from ..kernels.bisection import cut_in_two
from ..kernels.gaussians import moments, pool_moments
from ..kernels.hashing import rank_bits
from ..kernels.log_concavity import dents_within

# Rows (weights count) below which a node is not cut, and below which a cell
# does not count towards the size of a partition.
MIN_NODE, MIN_CELL = 10, 5
LLOYD_PASSES = 30
# Fewer rows per cell carry no information about densities.
ROWS_PER_CELL = 12
BASE_SIZES = (8, 11, 16, 23, 32, 45, 64)
SMALL_SIZES = (2, 3, 4, 6)
LARGE_SIZES = (91, 128, 181, 256, 362, 512, 724, 1024)
# Sizes that vote: a majority of three against two.
VOTERS = 5
# A cell is impure beyond this z; a size is admissible while at most half of the
# rows lie in impure cells: a vote can bear a minority of bad cells.
IMPURE, ADMISSIBLE_SHARE = 2.5, 0.5
# Splits into halves whose evidence on a pair of groups is averaged: a single one
# is a lottery on tables of a few hundred rows.
SPLITS = 3


class Table:
    """Rows ready to be clustered: distinct, in value order, split into halves.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), dtype=float64
        Distinct rows in lexicographic order.
    weights : ndarray of shape (n_rows,), dtype=float64
        Their weights.
    """

    def __init__(self, rows, weights):
        self.rows = rows
        self.weights = weights
        self.weight = float(weights.sum())
        self.halves = _halves(rows, weights)


def _halves(rows, weights):
    """Assign every row to one of two halves, several times, by a hash of its rank.

    The rank is that of the distance from the mean: it depends on the values
    only, not on the order, the scale or the rotation of the table. A hash, since
    alternating ranks would give two halves with almost the same histogram.
    """
    mean = np.sum(weights[:, np.newaxis] * rows, axis=0) / weights.sum()
    distances = np.square(rows - mean).sum(axis=1)
    largest = distances.max()
    if largest > 0:
        distances = np.round(distances / largest, 9)
    order = np.argsort(distances, kind="stable")
    halves = np.empty((SPLITS, len(rows)), dtype=bool)
    halves[:, order] = rank_bits(SPLITS * len(rows)).reshape(SPLITS, -1)
    return halves


class BisectingTree:
    """Best-first bisecting k-means; always the cut with the largest gain next.

    Parameters
    ----------
    table : Table
    min_node, min_cell : float
        Weight below which a node is not cut, and a leaf does not count.
    """

    def __init__(self, table, min_node=MIN_NODE, min_cell=MIN_CELL):
        self.table = table
        self.min_node = min_node
        self.min_cell = min_cell
        self.leaves = {}
        self._queue = []
        self._n_made = 0
        self._add(np.arange(len(table.rows)))

    def _add(self, members):
        name = self._n_made
        self._n_made += 1
        weight = self.table.weights[members].sum()
        self.leaves[name] = (members, weight)
        if weight < self.min_node or len(members) < 2:
            return
        upper, gain = cut_in_two(
            np.ascontiguousarray(self.table.rows[members]), self.table.weights[members]
        )
        if gain > 0:
            heapq.heappush(self._queue, (-gain, name, upper))

    def partition(self, n_cells):
        """Cut until `n_cells` leaves count; return the rows of every leaf."""
        n_counting = sum(w >= self.min_cell for _, w in self.leaves.values())
        while self._queue and n_counting < n_cells and len(self.leaves) < 2 * n_cells:
            _, name, upper = heapq.heappop(self._queue)
            members, weight = self.leaves.pop(name)
            n_counting -= weight >= self.min_cell
            for side in (members[~upper], members[upper]):
                n_counting += self.table.weights[side].sum() >= self.min_cell
                self._add(side)
        return [members for members, _ in self.leaves.values()]


class OverPartition:
    """A partition of a table into many cells, with their moments.

    Parameters
    ----------
    table : Table
    parts : list of ndarray of int
        Rows of each part, the start of Lloyd's algorithm.
    n_nominal : int
        Size asked for.
    """

    def __init__(self, table, parts, n_nominal):
        self.n_nominal = n_nominal
        rows, weights = table.rows, table.weights
        starts = np.array(
            [
                np.sum(weights[part, np.newaxis] * rows[part], axis=0)
                / weights[part].sum()
                for part in parts
            ]
        )
        _, labels, seconds = hamerly(rows, weights, starts, max_iter=LLOYD_PASSES)
        filled, labels = np.unique(labels, return_inverse=True)
        number = np.full(len(starts), -1)
        number[filled] = np.arange(len(filled))
        self.n_cells = len(filled)
        self.labels = labels
        self.pairs = _pairs(labels, number[seconds], self.n_cells)
        self.order = np.argsort(labels, kind="stable")
        self.starts = np.searchsorted(labels[self.order], np.arange(self.n_cells + 1))
        self.rows = np.ascontiguousarray(rows[self.order])
        self.weights = weights[self.order]
        self.halves = np.ascontiguousarray(table.halves[:, self.order])
        self.weight = table.weight
        self.half_moments = self._split_moments(self.halves[0])
        self.sizes, self.centers, self.scatters = pool_halves(*self.half_moments)

    def _split_moments(self, halves):
        return moments_by_half(self.rows, self.weights, halves, self.starts)

    def moments_by_split(self):
        """Sizes, means and scatters of every cell, by split and half."""
        others = [self._split_moments(halves) for halves in self.halves[1:]]
        parts = zip(self.half_moments, *others, strict=True)
        return [np.stack(part, axis=1) for part in parts]

    def impure_share(self, unimodal):
        """Share of the weight in cells that are more than one population.

        One split into halves is enough for a sum over all cells.
        """
        z = dents_within(
            self.rows,
            self.weights,
            self.halves[0],
            self.starts,
            unimodal,
            *self.half_moments,
        )
        return float(self.sizes[z > IMPURE].sum() / self.weight)


def moments_by_half(rows, weights, halves, starts):
    """Moments of both halves of every cell ``starts[c]:starts[c + 1]``.

    Returns
    -------
    sizes, means, scatters : ndarray of shape (n_cells, 2, ...)
    """
    n_cells = len(starts) - 1
    cells = np.repeat(np.arange(n_cells), np.diff(starts))
    parts = moments(rows, weights, 2 * cells + halves, 2 * n_cells)
    return tuple(part.reshape(n_cells, 2, *part.shape[1:]) for part in parts)


def pool_halves(*half_moments):
    """Moments of whole sets of rows from the moments of their halves."""
    return pool_moments(
        *(tuple(part[:, half] for part in half_moments) for half in (0, 1))
    )


def _pairs(first, second, n_cells):
    """Cells that are the two nearest of some row, the lower number first."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    codes = np.unique((low * n_cells + high)[(low >= 0) & (low < high)])
    return np.ascontiguousarray(np.stack([codes // n_cells, codes % n_cells], axis=1))


def sizes_for(weight, n_least):
    """Sizes tried first, and the further ones, for a table of some weight.

    `n_least` clusters need as many cells, however few rows there are for them.
    """
    largest = weight / ROWS_PER_CELL
    base = [size for size in BASE_SIZES if size <= largest]
    if len(base) < 3:
        small = [size for size in (*SMALL_SIZES, *BASE_SIZES) if size <= largest]
        base = small[-3:]
    further = [size for size in LARGE_SIZES if size <= largest]
    enough = [size for size in base if size >= n_least]
    if not enough and n_least > 1:
        enough = [size for size in further if size >= n_least][:1] or [n_least]
    return enough, [size for size in further if size > max(enough, default=0)]


def admissible_partitions(table, n_least=1, unimodal=False):
    """Partitions fine enough for their cells to be single populations.

    Parameters
    ----------
    table : Table
    n_least : int, default=1
        Cells that every partition should have.
    unimodal : bool, default=False
        See :func:`~skdeepcluster.kernels.log_concavity.dents_within`.

    Returns
    -------
    cells : list of OverPartition
        From coarse to fine; empty for a table that is too small.
    shares : dict of int to float
        Share of the weight in impure cells at every size tried.
    """
    base, further = sizes_for(table.weight, n_least)
    has_rows = base and table.weight >= ROWS_PER_CELL * base[0]
    # More clusters asked for than there are rows to tell: every row may be one.
    tree = BisectingTree(table) if has_rows else BisectingTree(table, 0, 0)
    wanted = min(VOTERS, len(base))
    admissible, shares, least_impure = [], {}, None
    for size in (*base, *further):
        if size > base[-1] and len(admissible) >= wanted:
            break
        cells = OverPartition(table, tree.partition(size), size)
        share = shares[size] = cells.impure_share(unimodal)
        if share <= ADMISSIBLE_SHARE:
            admissible.append(cells)
        if least_impure is None or share < shares[least_impure.n_nominal]:
            least_impure = cells
    return admissible or [least_impure][: len(shares)], shares
