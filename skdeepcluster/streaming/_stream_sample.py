"""A bounded summary of a stream of rows that merges with others.

Rows v with weights w, E1 and E2 two hashes of the values::

    of every chunk
        leave out rows with E1(v) >= limit, and count what they weigh _heavy_rows
        add the weights of equal rows
        more than K distinct rows: lower the limit to the (K + 1)st smallest E1
    merge two summaries: the smaller limit, then as for a chunk
    at the end
        heavy rows among those left out take part again
        more than `capacity` rows: those with the smallest -log(E2) / w

The choice by E1 does not look at weights, so a row that is left out never comes
back, and a row that is kept was never left out: its weight is exact, whatever
the order of the rows, the chunks and the merges. The choice by E2 is sampling
without replacement, proportional to weight [1].

[1] P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a
    reservoir", Information Processing Letters 97, 2006.
"""

import numpy as np

from .._fitted_state import check_arrays
from .._rows import distinct_rows
from ..kernels.exact_sums import add_pairs
from ..kernels.hashing import hash_rows, mix_bits, uniform_numbers
from ._heavy_rows import HeavyRows, gather

# Distinct rows that a table is read off from. What a partition of at most 1024
# cells is tested on is never fewer than about a hundred rows a cell.
CAPACITY = 100_000
# Numbers that the rows may hold together, so that wide tables can be shipped.
MOST_NUMBERS = 1 << 24
# Distinct rows held, as a multiple of those read off: weights have a say then.
RESERVE = 8
# Share of the weight from which a row that was left out takes part again.
HEAVY_SHARE = 1e-3
# Numbers of a chunk that are hashed at once.
CHUNK_NUMBERS = 1 << 21
# Rows that a table counts as at most. More evidence changes nothing, since a
# group of less than 1 in 2048 is none, and beside 1e10 rows of one value the
# spread of the others is lost in rounding.
MOST_WEIGHT = 2.0**24

_NO_LIMIT = np.uint64(2**64 - 1)
_SECOND_HASH = np.uint64(0xD1B54A32D192ED03)


class Summary:
    """A weighted sample of the distinct rows of a stream.

    Up to `capacity` distinct rows are kept with their exact weights; of more, a
    sample that is a function of the rows: neither their order, nor the chunks
    they came in, nor the order of merging matters to any bit.

    Parameters
    ----------
    capacity : int, default=CAPACITY
        Distinct rows that :meth:`table` returns at most. Fewer where these would
        hold more than 2^24 numbers.
    """

    def __init__(self, capacity=CAPACITY):
        self.capacity = capacity
        self.limit = _NO_LIMIT
        self.rows = None
        self.pairs = np.empty((0, 2))
        self.hashes = np.empty(0, dtype=np.uint64)
        self.heavy = None
        self._waiting = []

    def _check_state(self):
        if self.rows is None:
            return
        parts = [(self.rows, self.pairs, self.hashes), *self._waiting]
        for rows, pairs, hashes in parts:
            check_arrays(
                "Summary",
                rows=(rows, "f", "np"),
                pairs=(pairs, "f", "nd"),
                hashes=(hashes, "u", "n"),
            )
            widths = pairs.shape[1], rows.shape[1], self.heavy.rows.shape[1]
            if widths != (2, self.rows.shape[1], self.rows.shape[1]):
                raise ValueError("rows of Summary are of different widths")

    def __getstate__(self):
        # Without rows that wait, and most of which are left out.
        if self.rows is not None:
            self._settle()
        return dict(vars(self))

    @property
    def is_sample(self):
        """Whether rows have to be left out."""
        self._settle()
        return self.limit < _NO_LIMIT or len(self.rows) > self._n_read

    @property
    def _n_read(self):
        """Most rows that are read off."""
        return min(self.capacity, max(1, MOST_NUMBERS // self.rows.shape[1]))

    @property
    def _n_held(self):
        """Most distinct rows that are held."""
        within_memory = MOST_NUMBERS // self.rows.shape[1]
        return max(self._n_read, min(RESERVE * self.capacity, within_memory))

    def copy(self):
        """Return a summary to add to, which leaves this one as it is."""
        other = Summary(self.capacity)
        vars(other).update(vars(self), _waiting=self._waiting.copy())
        return other

    def add(self, rows, weights=None):
        """Take up rows, which are copied."""
        self._begin(rows)
        n_rows = max(1, CHUNK_NUMBERS // rows.shape[1])
        for start in range(0, len(rows), n_rows):
            chunk = slice(start, start + n_rows)
            self._add_chunk(rows[chunk], None if weights is None else weights[chunk])
        return self

    def _begin(self, rows):
        if self.rows is None:
            self.rows = rows[:0].copy()
            self.heavy = HeavyRows.none(self.rows)

    def _add_chunk(self, rows, weights):
        # Adding 0 turns the negative zero into the positive one, and copies.
        rows = rows + rows.dtype.type(0)
        pairs = np.zeros((len(rows), 2))
        pairs[:, 0] = 1.0 if weights is None else weights
        hashes = hash_rows(rows.astype(np.float64, copy=False).view(np.uint64))
        # The largest number of 64 bits stands for no limit.
        hashes = np.minimum(hashes, _NO_LIMIT - np.uint64(1))
        weighted = pairs[:, 0] > 0
        kept = weighted & (hashes < self.limit)
        left = np.flatnonzero(weighted & ~kept)
        self.heavy = self.heavy.taking([rows], left, pairs[left], hashes[left])
        self._waiting.append((rows[kept], pairs[kept], hashes[kept]))
        # An entry of no rows takes memory too.
        if sum(1 + len(waiting[0]) for waiting in self._waiting) >= self._n_held:
            self._settle()

    def merge(self, other):
        """Take up the summary of other rows of the same stream."""
        if other.rows is None:
            return self
        other._settle()
        self._begin(other.rows)
        self.limit = min(self.limit, other.limit)
        self.heavy = self.heavy.merged(other.heavy)
        self._waiting.append((other.rows, other.pairs, other.hashes))
        self._settle()
        return self

    def _settle(self):
        """Merge equal rows of what came in, and keep the smallest hashes.

        All is read at once and written at once: several threads may ask at the
        same time, and an interrupt leaves what was there.
        """
        now = dict(vars(self))
        if not now["_waiting"]:
            return
        parts = [(now["rows"], now["pairs"], now["hashes"]), *now["_waiting"]]
        rows, pairs, hashes = zip(*parts, strict=True)
        hashes, first, totals = _distinct(hashes, pairs)
        limit = now["limit"]
        if len(hashes) > self._n_held:
            limit = min(limit, hashes[self._n_held])
        n_kept = np.searchsorted(hashes, limit)
        left = slice(n_kept, None)
        vars(self).update(
            limit=limit,
            heavy=now["heavy"].taking(rows, first[left], totals[left], hashes[left]),
            rows=gather(rows, first[:n_kept]),
            # Copies: a view would hold what is left out as well.
            pairs=totals[:n_kept].copy(),
            hashes=hashes[:n_kept].copy(),
            _waiting=[],
        )

    def held_rows(self):
        """Arrays of all rows that :meth:`table` may ever return."""
        waiting = [rows for rows, _, _ in self._waiting]
        return [self.rows, self.heavy.rows, *waiting]

    def table(self):
        """Return the rows in value order, with weights.

        Returns
        -------
        rows : ndarray of shape (n_rows, n_features)
            Distinct rows in lexicographic order.
        weights : ndarray of shape (n_rows,)
            Their weights; of a sample, in proportion to what they stand for, in
            units in which a row of weight 1 counts as one. Halved as often as it
            takes for all to weigh no more than 2^24 rows together.
        """
        self._settle()
        rows, weights, hashes = self._with_heavy_rows()
        if len(rows) > self._n_read:
            # Exponential numbers whose rates are the weights.
            keys = -np.log(uniform_numbers(mix_bits(hashes ^ _SECOND_HASH))) / weights
            threshold = np.partition(keys, self._n_read)[self._n_read]
            kept = keys < threshold
            rows, weights = rows[kept], weights[kept]
            # By the probability that a row is chosen, and that of one of weight 1.
            weights *= np.expm1(-threshold) / np.expm1(-weights * threshold)
        rows, weights = distinct_rows(rows, weights)
        # A power of two changes no digit.
        excess = max(0, int(np.frexp(weights.sum() / MOST_WEIGHT)[1]))
        return rows, weights * 0.5**excess

    def _with_heavy_rows(self):
        """Rows held and heavy rows left out, in proportion to what they stand for.

        Light rows stand for those that were left out as well; a heavy row
        stands for itself alone.
        """
        rows, weights, hashes = self.rows, self.pairs[:, 0], self.hashes
        left_out = self.heavy.total[0, 0]
        if not left_out:
            return rows, weights.copy(), hashes
        bound = HEAVY_SHARE * (weights.sum() + left_out)
        is_heavy = weights > bound
        more, their_weights, their_hashes = self.heavy.heavier_than(bound)
        light = weights[~is_heavy].sum()
        light_left_out = max(left_out - their_weights.sum(), 0)
        factor = light / (light + light_left_out) if light else 1.0
        return (
            gather([rows, more], np.arange(len(rows) + len(more))),
            np.concatenate(
                [np.where(is_heavy, factor * weights, weights), factor * their_weights]
            ),
            np.concatenate([hashes, their_hashes]),
        )


def _distinct(hashes, pairs):
    """Distinct hashes in order, where each comes first, and the weight of each."""
    ends = np.cumsum([len(part) for part in hashes])
    hashes = np.concatenate(hashes)
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    is_first = np.ones(len(hashes), dtype=bool)
    is_first[1:] = hashes[1:] != hashes[:-1]
    slots = np.empty(len(hashes), dtype=np.intp)
    slots[order] = np.cumsum(is_first) - 1
    hashes, first = hashes[is_first], order[is_first]
    totals = np.zeros((len(hashes), 2))
    for part, own in zip(pairs, np.split(slots, ends[:-1]), strict=True):
        add_pairs(totals, own, part)
    return hashes, first, totals
