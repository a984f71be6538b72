"""A bounded sample of a table that comes in parts, with nothing decided about it.

Cells become numbers that do not depend on what else is in the part: words a hash of
themselves, gaps infinite. Samples of parts merge to the sample of the whole, bit for
bit, in any order; what the columns are is decided when the rows are asked for.
"""

from hashlib import blake2b

import numpy as np

from ..streaming._stream_sample import Summary
from ._frames import NUMBER_KINDS, Cells

# A float holds every whole number of so many bytes.
HASH_BYTES = 6
# Numbers of one kind are numbers of the next as well.
WIDER = ("boolean", "whole", "number")
# Words that are held before those of rows that were left out are forgotten.
MOST_WORDS = 1 << 16


class TableSample:
    """Rows of a table, all of them or a sample, and what is known of its columns.

    Parameters
    ----------
    capacity : int
        Distinct rows kept.
    """

    def __init__(self, capacity):
        self._summary = Summary(capacity)
        self.names = None
        self._kinds, self._orders, self._words = [], [], []
        self._most_words = MOST_WORDS

    @property
    def is_sample(self):
        """Whether rows had to be left out."""
        return self._summary.is_sample

    def copy(self):
        """Return a sample to add to, which leaves this one as it is."""
        other = TableSample(self._summary.capacity)
        other._summary, other.names = self._summary.copy(), self.names
        other._kinds, other._orders = self._kinds.copy(), self._orders.copy()
        other._words = [words.copy() for words in self._words]
        other._most_words = self._most_words
        return other

    def add(self, cells, weights, known=None):
        """Take up rows.

        Parameters
        ----------
        cells : list of Cells
            The rows.
        weights : ndarray of shape (n_samples,) or None
            Their weights.
        known : ndarray of shape (n_samples,), default=None
            Component that each belongs to, -1 where that is not known; None means
            that for all.
        """
        if self.names is None:
            self._begin([column.name for column in cells])
        table = np.empty((len(cells[0].values), len(cells) + 1))
        table[:, 0] = -1 if known is None else known
        for j, column in enumerate(cells):
            order = column.levels if column.kind == "ordered" else ()
            kind = None if column.missing.all() else column.kind
            self._join(j, kind, order)
            if column.kind in NUMBER_KINDS:
                gaps = np.isnan(column.values)
                table[:, j + 1] = np.where(gaps, np.inf, column.values)
                continue
            hashes = [word_hash(word) for word in column.levels]
            present = np.unique(column.values[column.values >= 0])
            self._words[j] |= {hashes[code]: column.levels[code] for code in present}
            # The last one is what -1, a gap, points at.
            table[:, j + 1] = np.array([*hashes, np.inf])[column.values]
        self._summary.add(_narrowed(table), weights)
        self._forget_words()
        return self

    def merge(self, other):
        """Take up the sample of other rows of the same table."""
        if other.names != self.names:
            raise ValueError(
                f"Tables with the columns {self.names} and {other.names} do not merge."
            )
        for j, words in enumerate(other._words):
            self._join(j, other._kinds[j], other._orders[j])
            self._words[j] |= words
        self._summary.merge(other._summary)
        self._forget_words()
        return self

    def _forget_words(self):
        """Forget the words of rows that were left out, once there are many."""
        if sum(map(len, self._words)) <= self._most_words:
            return
        parts = self._summary.held_rows()
        for j, words in enumerate(self._words):
            if words:
                held = [np.unique(part[:, j + 1]) for part in parts]
                held = set(np.concatenate(held).tolist())
                self._words[j] = {h: w for h, w in words.items() if h in held}
        self._most_words = max(MOST_WORDS, 2 * sum(map(len, self._words)))

    def table(self):
        """Return the rows in an order of their own, with weights.

        Returns
        -------
        cells : list of Cells
            The columns.
        weights : ndarray of shape (n_samples,)
            Weights of the rows.
        known : ndarray of shape (n_samples,), dtype=int64
            Component that each belongs to, -1 where that is not known.
        """
        table, weights = self._summary.table()
        table = table.astype(np.float64, copy=False)
        cells = [
            self._column(j, table[:, j + 1].copy()) for j in range(len(self.names))
        ]
        return cells, weights, table[:, 0].astype(np.int64)

    def _begin(self, names):
        self.names = names
        self._kinds = [None] * len(names)
        self._orders = [()] * len(names)
        self._words = [{} for _ in names]

    def _join(self, j, kind, order):
        """Widen the kind of a column; None is that of a part with gaps only."""
        before = self._kinds[j]
        if kind is None:
            return
        if before is None or kind == before:
            self._orders[j] = self._orders[j] or order
            self._kinds[j] = kind
        elif kind in WIDER and before in WIDER:
            self._kinds[j] = max(kind, before, key=WIDER.index)
        else:
            raise ValueError(
                f"Column {self.names[j]!r} of X held {before} values before and holds "
                f"{kind} values now."
            )
        if order and order != self._orders[j]:
            raise ValueError(
                f"Column {self.names[j]!r} of X had the levels {self._orders[j]} in "
                f"order before, and has {order} now."
            )

    def _column(self, j, values):
        gaps = np.isinf(values)
        kind = self._kinds[j] or "number"
        if kind in NUMBER_KINDS:
            values[gaps] = np.nan
            return Cells(self.names[j], kind, values)
        levels = self._orders[j]
        if not levels:
            present = np.unique(values[~gaps]).tolist()
            levels = tuple(self._words[j][value] for value in present)
        place = {word_hash(word): code for code, word in enumerate(levels)}
        codes = [place.get(value, -1) for value in values.tolist()]
        return Cells(self.names[j], kind, np.array(codes, dtype=np.int64), levels)


def _narrowed(table):
    """The same numbers as float32, in half the memory, where that holds them all."""
    with np.errstate(over="ignore"):
        narrow = table.astype(np.float32)
    return narrow if np.array_equal(narrow, table) else table


def word_hash(word):
    """Whole number that stands for a word."""
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES)
    return float(int.from_bytes(digest.digest(), "big"))
