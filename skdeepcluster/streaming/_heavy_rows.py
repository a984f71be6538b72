"""Values that many rows of a stream share, and how many, whatever the order.

Two parts, both bounded and mergeable::

    sketch       counters that hashes of a value point to: each holds a signed
                 sum of weights, so the estimate of a weight (the median of its
                 counters) is a function of the rows alone       [count sketch, 1]
    candidates   rows that have come often: any value of more than 1 / 4097 of the
                 weight is among them                            [Misra-Gries, 2]

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
    rows : ndarray of shape (n_candidates, n_features)
        Candidates.
    hashes : ndarray of shape (n_candidates,), dtype=uint64
        Hashes of their values, ascending.
    counts : ndarray of shape (n_candidates,)
        Their weights, less what they had to give up.
    """

    counters: np.ndarray
    total: np.ndarray
    rows: np.ndarray
    hashes: np.ndarray
    counts: np.ndarray

    def _check_state(self):
        check_arrays(
            "HeavyRows",
            counters=(self.counters, "f", "cd"),
            total=(self.total, "f", "od"),
            rows=(self.rows, "f", "np"),
            hashes=(self.hashes, "u", "n"),
            counts=(self.counts, "f", "n"),
        )
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
            rows[:0],
            nothing.astype(np.uint64),
            nothing,
        )

    def taking(self, rows, pairs, hashes):
        """Return the summary of these rows as well."""
        if not len(rows):
            return self
        counters = self.counters.copy()
        if not len(counters):
            counters = np.zeros((DEPTH * WIDTH, 2))
        total = self.total.copy()
        add_pairs(total, np.zeros(len(rows), dtype=np.intp), pairs)
        for slots, signs in _counters_of(hashes):
            add_pairs(counters, slots, signs[:, np.newaxis] * pairs)
        candidates = _frequent(
            np.concatenate([self.hashes, hashes]),
            np.concatenate([self.counts, pairs[:, 0]]),
            [self.rows, rows],
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
            np.concatenate([self.hashes, other.hashes]),
            np.concatenate([self.counts, other.counts]),
            [self.rows, other.rows],
        )
        return HeavyRows(counters, total, *candidates)

    def heavier_than(self, weight):
        """Rows of more than a weight, estimates of their weights, and hashes.

        A function of the rows that were taken up, not of their order, for
        weights well above 1 / 4097 of the total.
        """
        estimates = np.array(
            [
                signs * self.counters[slots, 0]
                for slots, signs in _counters_of(self.hashes)
            ]
        )
        weights = np.median(estimates, axis=0)
        heavy = weights > weight
        return self.rows[heavy], weights[heavy], self.hashes[heavy]


def _counters_of(hashes):
    """Yield, for every row of the sketch, the counters of values and their signs."""
    for depth in range(DEPTH):
        mixed = mix_bits(hashes + np.uint64(depth + 1))
        signs = 1.0 - 2.0 * (mixed >> np.uint64(63)).astype(np.float64)
        yield depth * WIDTH + (mixed % np.uint64(WIDTH)).astype(np.intp), signs


def _frequent(hashes, counts, parts):
    """Merge equal values, and keep those of the largest counts.

    All counts give up as much as the first that is left out has.
    """
    hashes, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    counts = np.bincount(inverse, counts)
    if len(counts) > N_CANDIDATES:
        counts = counts - np.partition(counts, -N_CANDIDATES - 1)[-N_CANDIDATES - 1]
    kept = counts > 0
    return gather(parts, first[kept]), hashes[kept], counts[kept]


def gather(parts, indices):
    """Rows of stacked arrays, without stacking them."""
    ends = np.cumsum([len(part) for part in parts])
    rows = np.empty((len(indices), parts[0].shape[1]), dtype=np.result_type(*parts))
    owner = np.searchsorted(ends, indices, side="right")
    for k, part in enumerate(parts):
        own = owner == k
        rows[own] = part[indices[own] - (ends[k] - len(part))]
    return rows
