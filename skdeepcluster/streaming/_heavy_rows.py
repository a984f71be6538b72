"""Values that many rows of a stream share, and how many, whatever the order.

Two parts, both bounded and mergeable::

    sketch       counters that hashes of a value point to: each holds a signed
                 sum of weights, so the estimate of a weight (the median of its
                 counters) is a function of the rows alone       [count sketch, 1]
    candidates   values that have come often: any of more than 1 / 4097 of the
                 weight is among them                            [Misra-Gries, 2]
    rows         of those candidates whose count is more than 1 / 4096 of the weight

The row of a value is at hand whenever its count grows, and at no other time does it
become a larger share of the weight: a row that is let go comes back before it matters.
Which light rows are candidates depends on the order of the stream. It is never
seen: the sketch decides what is heavy, far above the weight at which a value is
certain to be a candidate.

[1] M. Charikar, K. Chen and M. Farach-Colton, "Finding frequent items in data
    streams", ICALP 2002.
[2] P. K. Agarwal et al., "Mergeable summaries", ACM Transactions on Database
    Systems 38, 2013.
"""

from typing import NamedTuple

import numpy as np

from .._fitted_state import check_arrays
from ..kernels.exact_sums import add_pairs
from ..kernels.hashing import mix_bits

N_CANDIDATES = 4096
# Counters of the sketch: an odd number of rows, for the median.
DEPTH, WIDTH = 5, 4096


class HeavyRows(NamedTuple):
    """Sketch and candidates of some weighted rows.

    Parameters
    ----------
    counters : ndarray of shape (DEPTH * WIDTH, 2) or (0, 2)
        The sketch, in pairs of floats; see ``kernels.exact_sums``. Empty where
        there were no rows.
    total : ndarray of shape (1, 2)
        Weight of all rows.
    hashes : ndarray of shape (n_candidates,), dtype=uint64
        Hashes of the candidates, those whose rows are held first.
    counts : ndarray of shape (n_candidates,)
        Their weights, less what they had to give up.
    rows : ndarray of shape (n_rows, n_features)
        Rows of the first candidates.
    """

    counters: np.ndarray
    total: np.ndarray
    hashes: np.ndarray
    counts: np.ndarray
    rows: np.ndarray

    def _check_state(self):
        check_arrays(
            "HeavyRows",
            counters=(self.counters, "f", "cd"),
            total=(self.total, "f", "od"),
            hashes=(self.hashes, "u", "n"),
            counts=(self.counts, "f", "n"),
            rows=(self.rows, "f", "rp"),
        )
        if len(self.rows) > len(self.hashes):
            raise ValueError("rows of HeavyRows are more than its candidates")
        n_counters = len(self.counters)
        if self.total.shape != (1, 2) or n_counters not in (0, DEPTH * WIDTH):
            raise ValueError("counters of HeavyRows are not those of a sketch")

    @classmethod
    def none(cls, rows):
        """Nothing yet, for rows like these."""
        nothing = np.empty(0)
        return cls(
            np.zeros((0, 2)),
            np.zeros((1, 2)),
            nothing.astype(np.uint64),
            nothing,
            rows[:0],
        )

    def taking(self, parts, indices, pairs, hashes):
        """Return the summary of further rows as well.

        Parameters
        ----------
        parts : list of ndarray of shape (n_samples, n_features)
            Stacked arrays of rows, see :func:`gather`.
        indices : ndarray of shape (n_taken,), dtype=intp
            Which of them are taken up.
        pairs : ndarray of shape (n_taken, 2)
            Their weights.
        hashes : ndarray of shape (n_taken,), dtype=uint64
            Hashes of their values.
        """
        if not len(indices):
            return self
        counters = self.counters.copy()
        if not len(counters):
            counters = np.zeros((DEPTH * WIDTH, 2))
        total = self.total.copy()
        add_pairs(total, np.zeros(len(indices), dtype=np.intp), pairs)
        for slots, signs in _counters_of(hashes):
            add_pairs(counters, slots, signs[:, np.newaxis] * pairs)
        n_before = sum(map(len, parts))
        candidates = _frequent(
            np.concatenate([hashes, self.hashes]),
            np.concatenate([pairs[:, 0], self.counts]),
            total[0, 0],
            [*parts, self.rows],
            np.concatenate([indices, n_before + np.arange(len(self.rows))]),
        )
        return HeavyRows(counters, total, *candidates)

    def merged(self, other):
        """Return the summary of the rows of both."""
        if not (len(self.counters) and len(other.counters)):
            return self if len(self.counters) else other
        counters, total = self.counters.copy(), self.total.copy()
        add_pairs(counters, np.arange(len(counters)), other.counters)
        add_pairs(total, np.zeros(1, dtype=np.intp), other.total)
        candidates = _frequent(
            *map(np.concatenate, zip(*_rows_first(self, other), strict=True)),
            total[0, 0],
            [self.rows, other.rows],
            np.arange(len(self.rows) + len(other.rows)),
        )
        return HeavyRows(counters, total, *candidates)

    def heavier_than(self, weight):
        """Rows of more than a weight, estimates of their weights, and hashes.

        A function of the rows that were taken up, not of their order, for
        weights well above 1 / 4097 of the total.
        """
        hashes = self.hashes[: len(self.rows)]
        estimates = np.array(
            [signs * self.counters[slots, 0] for slots, signs in _counters_of(hashes)]
        )
        weights = np.median(estimates, axis=0)
        heavy = weights > weight
        return self.rows[heavy], weights[heavy], hashes[heavy]


def _counters_of(hashes):
    """Yield, for every row of the sketch, the counters of values and their signs."""
    for depth in range(DEPTH):
        mixed = mix_bits(hashes + np.uint64(depth + 1))
        signs = 1.0 - 2.0 * (mixed >> np.uint64(63)).astype(np.float64)
        yield depth * WIDTH + (mixed % np.uint64(WIDTH)).astype(np.intp), signs


def _rows_first(*summaries):
    """Yield hashes and counts of candidates with rows of all, then of the others."""
    for has_rows in (True, False):
        for summary in summaries:
            n_rows = len(summary.rows)
            some = slice(n_rows) if has_rows else slice(n_rows, None)
            yield summary.hashes[some], summary.counts[some]


def _frequent(hashes, counts, total, parts, indices):
    """Merge equal values, and keep those of the largest counts.

    All counts give up as much as the first that is left out has. The first hashes
    are those of the rows at `indices`.
    """
    hashes, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    counts = np.bincount(inverse, counts)
    if len(counts) > N_CANDIDATES:
        counts = counts - np.partition(counts, -N_CANDIDATES - 1)[-N_CANDIDATES - 1]
    has_row = (first < len(indices)) & (counts > total / N_CANDIDATES)
    others = np.flatnonzero((counts > 0) & ~has_row)
    kept = np.concatenate([np.flatnonzero(has_row), others])
    return hashes[kept], counts[kept], gather(parts, indices[first[has_row]])


def gather(parts, indices):
    """Rows of stacked arrays, without stacking them."""
    ends = np.cumsum([len(part) for part in parts])
    rows = np.empty((len(indices), parts[0].shape[1]), dtype=np.result_type(*parts))
    # From front to back: parts that are not looked at cost nothing.
    order = np.argsort(indices)
    bounds = np.searchsorted(indices[order], ends)
    for part, end, own in zip(parts, ends, np.split(order, bounds[:-1]), strict=True):
        rows[own] = part[indices[own] - (end - len(part))]
    return rows
