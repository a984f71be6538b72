"""A bounded summary of a stream of rows that merges with others."""

from copy import copy

import numpy as np

from .._rows import distinct_rows
from ..kernels.hashing import hash_rows, uniform_numbers

# Distinct rows that a summary holds. What a partition of at most 1024 cells is
# tested on is never fewer than about a hundred rows a cell.
CAPACITY = 100_000
# Rows that a table counts as at most. More evidence changes nothing, since a
# group of less than 1 in 2048 is none, and beside 1e10 rows of one value the
# spread of the others is lost in rounding.
MOST_WEIGHT = 2.0**24


class Summary:
    """A weighted sample of the distinct rows of a stream.

    Up to `capacity` distinct rows are kept with their exact weights. Beyond,
    the rows with the smallest keys stay: the key of a row is exponentially
    distributed with its weight as rate, by a hash of its values in place of a
    random number. This is sampling without replacement, proportional to
    weight [1]_; since nothing but values and weights enters, neither the order
    of the rows, nor the chunks they came in, nor the order of merging matters.

    Parameters
    ----------
    capacity : int, default=CAPACITY
        Distinct rows kept.

    References
    ----------
    .. [1] P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a
       reservoir", Information Processing Letters 97, 2006.
    """

    def __init__(self, capacity=CAPACITY):
        self.capacity = capacity
        self.threshold = np.inf
        self.rows = None
        self.weights = np.empty(0)
        self.hashes = np.empty(0, dtype=np.uint64)
        self._waiting = []

    @property
    def is_sample(self):
        """Whether rows had to be left out."""
        self._settle()
        return np.isfinite(self.threshold)

    def copy(self):
        """Return a summary to add to, which leaves this one as it is."""
        other = copy(self)
        other._waiting = self._waiting.copy()
        return other

    def add(self, rows, weights=None):
        """Take up rows; they are looked at when many have come together."""
        if weights is None:
            weights = np.ones(len(rows))
        elif not np.all(weights > 0):
            rows, weights = rows[weights > 0], weights[weights > 0]
        self._waiting.append((rows, weights, _hashes(rows)))
        if sum(len(waiting[0]) for waiting in self._waiting) >= self.capacity:
            self._settle()
        return self

    def merge(self, other):
        """Take up the summary of other rows of the same stream."""
        other._settle()
        self.threshold = min(self.threshold, other.threshold)
        if other.rows is not None:
            self._waiting.append((other.rows, other.weights, other.hashes))
        self._settle()
        return self

    def _settle(self):
        """Merge equal rows of what came in, and keep the smallest keys.

        All is read at once and written at once: several threads may ask at the
        same time, and an interrupt leaves what was there.
        """
        now = dict(vars(self))
        parts, threshold = now["_waiting"], now["threshold"]
        if not parts:
            return
        if now["rows"] is not None:
            parts = [(now["rows"], now["weights"], now["hashes"]), *parts]
        hashes = np.concatenate([part[2] for part in parts])
        weights = np.concatenate([part[1] for part in parts])
        # Equal rows by weight: the rounding of the sum depends on no order.
        order = np.lexsort((weights, hashes))
        hashes = hashes[order]
        is_first = np.ones(len(hashes), dtype=bool)
        is_first[1:] = hashes[1:] != hashes[:-1]
        places = np.flatnonzero(is_first)
        hashes = hashes[places]
        weights = np.add.reduceat(weights[order], places)
        chosen = order[places]
        # Exponential numbers whose rates are the weights.
        keys = -np.log(uniform_numbers(hashes)) / weights
        kept = keys < threshold
        if np.count_nonzero(kept) > self.capacity:
            threshold = np.partition(keys, self.capacity)[self.capacity]
            kept = keys < threshold
        vars(self).update(
            threshold=threshold,
            rows=_gather([part[0] for part in parts], chosen[kept]),
            weights=weights[kept],
            hashes=hashes[kept],
            _waiting=[],
        )

    def table(self):
        """Return the rows in value order, with weights.

        Returns
        -------
        rows : ndarray of shape (n_rows, n_features)
            Distinct rows in lexicographic order.
        weights : ndarray of shape (n_rows,)
            Their weights; of a sample, what they stand for, in units in which
            a row of small weight counts as one. Halved as often as it takes for
            all to weigh no more than 2^24 rows together.
        """
        self._settle()
        rows, weights = distinct_rows(self.rows, self.weights)
        if self.is_sample:
            rate = weights * self.threshold
            weights = rate / -np.expm1(-rate)
        # A power of two changes no digit.
        excess = max(0, int(np.frexp(weights.sum() / MOST_WEIGHT)[1]))
        return rows, weights * 0.5**excess


def _hashes(rows):
    # Adding 0 turns the negative zero into the positive one.
    return hash_rows((np.asarray(rows, np.float64) + 0.0).view(np.uint64))


def _gather(parts, numbers):
    """Rows of stacked arrays, without stacking them."""
    ends = np.cumsum([len(part) for part in parts])
    rows = np.empty((len(numbers), parts[0].shape[1]), dtype=np.result_type(*parts))
    owner = np.searchsorted(ends, numbers, side="right")
    for k, part in enumerate(parts):
        mine = owner == k
        rows[mine] = part[numbers[mine] - (ends[k] - len(part))]
    return rows
