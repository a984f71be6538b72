"""From the cells of a table to what the mixture sees, and back.

Numbers are logged where that makes them more nearly normal, and standardised.
Where one value of a number is far more frequent than all others (a mark for "does
not apply", an amount of 0), "is that value" becomes a category, and the number
itself a gap there. Categories with an order are categories.
"""

from typing import NamedTuple

import numpy as np

from .._rows import distinct_rows
from ..kernels.hashing import hash_rows
from ..tables._columns import (
    category_columns,
    number_cells,
    number_columns,
    numbers_and_codes,
    observed_numbers,
)
from ..tables._frames import NUMBER_KINDS
from ._gaps import gap_mask
from ._statistics import Rows

# A value is a point mass of its column above this share of the rows, among more
# distinct values than these, and where it is so much more frequent than the next.
SPIKE_SHARE, SPIKE_DISTINCT, SPIKE_FACTOR = 0.1, 10, 8.0


class Observations(NamedTuple):
    """How a table becomes numbers and levels.

    Parameters
    ----------
    columns : tuple of Column
        What each column of the table is.
    spikes : tuple of (int, float)
        Places among the number columns that have a point mass, and its value.
    informative : tuple of int
        Columns whose gaps are a category, numbers before categories.
    """

    columns: tuple
    spikes: tuple
    informative: tuple = ()

    @classmethod
    def of_cells(cls, cells, weights, columns):
        """Look for point masses in the number columns."""
        by_name = {column.name: column for column in cells}
        spikes = []
        for j, column in enumerate(number_columns(columns, ranks=False)):
            values = observed_numbers(by_name[column.name], column)
            value = point_mass(values, weights)
            if value is not None:
                spikes.append((j, value))
        return cls(tuple(columns), tuple(spikes))

    @property
    def numbers(self):
        """Columns that are numbers."""
        return number_columns(self.columns, ranks=False)

    @property
    def categories(self):
        """Columns that are categories."""
        return category_columns(self.columns, ranks=True)

    @property
    def n_levels(self):
        """Levels of each category: of the table, point masses, informative gaps."""
        plain = [len(column.levels) for column in self.categories]
        return plain + [2] * (len(self.spikes) + len(self.informative))

    @property
    def resolution(self):
        """Step between neighbouring values of each number."""
        return np.array([column.resolution for column in self.numbers])

    @property
    def gap_columns(self):
        """For each column of the table that is used, where its gaps show.

        Numbers before categories: a number with a point mass has its gaps in the
        category "is that value".
        """
        p, m = len(self.numbers), len(self.categories)
        at = {j: p + m + place for place, (j, _) in enumerate(self.spikes)}
        return [at.get(j, j) for j in range(p)] + list(range(p, p + m))

    def column_of(self, place):
        """Column of the table behind a number, a category or a point mass."""
        p, m = len(self.numbers), len(self.categories)
        if place < p:
            return self.numbers[place]
        if place < p + m:
            return self.categories[place - p]
        return self.numbers[self.spikes[place - p - m][0]]

    def encode(self, cells):
        """Numbers and levels of some rows.

        Returns
        -------
        numbers : ndarray of shape (n_samples, n_numbers)
            Standardised, NaN for a gap and where a point mass is.
        levels : ndarray of shape (n_samples, n_categories), dtype=int32
            Places in the list of all levels, -1 for a gap.
        """
        numbers, codes = numbers_and_codes(cells, self.columns, ranks=False)
        by_name = {column.name: column for column in cells}
        more = []
        for j, value in self.spikes:
            raw = observed_numbers(by_name[self.numbers[j].name], self.numbers[j])
            there = raw == value
            more.append(np.where(np.isnan(raw), -1, there))
            numbers[there, j] = np.nan
        n_levels = self.n_levels[: len(self.categories) + len(self.spikes)]
        first = np.cumsum([0, *n_levels])
        codes = np.column_stack([codes, *more]) if more else codes
        levels = np.where(codes < 0, -1, codes + first[:-1]).astype(np.int32)
        if self.informative:
            bare = Rows(numbers, levels, None, None)
            gaps = gap_mask(bare, self.informative)
            indicators = first[-1] + 2 * np.arange(gaps.shape[1]) + gaps
            levels = np.hstack([levels, indicators.astype(np.int32)])
        return numbers, np.ascontiguousarray(levels)

    def decode(self, numbers, codes):
        """Cells of the table by column; None for a column that is not used.

        Parameters
        ----------
        numbers : ndarray of shape (n_samples, n_numbers)
            Standardised numbers, without gaps.
        codes : ndarray of shape (n_samples, n_categories)
            Levels within each category, point masses among them.
        """
        cells = {column.name: None for column in self.columns}
        for j, column in enumerate(self.categories):
            cells[column.name] = column.original(codes[:, j])
        values = [
            column.in_units(numbers[:, j]) for j, column in enumerate(self.numbers)
        ]
        for place, (j, value) in enumerate(self.spikes, start=len(self.categories)):
            values[j] = np.where(codes[:, place] == 1, value, values[j])
        for column, part in zip(self.numbers, values, strict=True):
            cells[column.name] = column.original(part)
        return cells

    def log_jacobians(self, numbers):
        """Log of what densities of standardised numbers are multiplied by."""
        total = np.zeros(len(numbers))
        for j, column in enumerate(self.numbers):
            seen = ~np.isnan(numbers[:, j])
            total[seen] -= np.log(column.scale)
            if column.log_shift is not None:
                # The derivative of the logarithm, at the number as it was.
                total[seen] -= column.scale * numbers[seen, j] + column.mean
        return total


def filled_column(cells, expected):
    """Cells of a column in its units, gaps filled; `expected` is None for none."""
    gaps = cells.missing
    if cells.kind in NUMBER_KINDS:
        values = number_cells(cells.kind, np.where(gaps, 0.0, cells.values))
        if cells.kind == "boolean":
            values = values.astype(bool)
        nothing = np.nan if values.dtype.kind == "f" else None
    else:
        values = np.array([*cells.levels, None], dtype=object)[cells.values]
        nothing = None
    if not gaps.any():
        return values
    if expected is None:
        values = values if nothing is not None else values.astype(object)
        values[gaps] = nothing
        return values
    values[gaps] = expected[gaps]
    return values


def distinct(rows):
    """Distinct rows in lexicographic order, their weights added."""
    table, weights = distinct_rows(_one_table(rows), rows.weights)
    p = rows.numbers.shape[1]
    numbers = np.ascontiguousarray(table[:, 1 : p + 1])
    numbers[np.isinf(numbers)] = np.nan
    levels = np.ascontiguousarray(table[:, p + 1 :], dtype=np.int32)
    return Rows(numbers, levels, weights, table[:, 0].astype(np.int64))


def _one_table(rows):
    """Rows as numbers of which equal ones are equal: a gap is infinite."""
    # Adding 0 turns the negative zero into the positive one.
    numbers = np.where(np.isnan(rows.numbers), np.inf, rows.numbers) + 0.0
    return np.column_stack([rows.known, numbers, rows.levels])


def canonical_row_order(rows):
    """Order of the rows with a weight that does not depend on how they came."""
    hashes = hash_rows(_one_table(rows).view(np.uint64))
    order = np.lexsort((rows.weights, hashes))
    return order[rows.weights[order] > 0]


def point_mass(values, weights):
    """Value that is far more frequent than all others, or None."""
    seen = ~np.isnan(values)
    distinct, inverse = np.unique(values[seen], return_inverse=True)
    if len(distinct) <= SPIKE_DISTINCT:
        return None
    counts = np.bincount(inverse, None if weights is None else weights[seen])
    second, first = np.partition(counts, -2)[-2:]
    if first > SPIKE_SHARE * counts.sum() and first > SPIKE_FACTOR * second:
        return float(distinct[counts.argmax()])
    return None
