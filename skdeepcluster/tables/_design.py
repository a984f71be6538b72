"""Encoded rows as a product that is never written down: rows times an encoding.

A row of numbers and codes stands for a sparse one: its numbers, and for each category
a 1 in one of its columns, the last of which is a gap. What the levels are encoded as
is a small matrix, so moments and projections cost nothing for the number of levels.
"""

from typing import NamedTuple

import numpy as np

from .._rows import lexicographic_order, tied_rows
from ..kernels.mixed_rows import design_moments, project_design


class Design(NamedTuple):
    """Rows and their encoding."""

    numbers: np.ndarray  # (n_samples, n_numbers): 0 in the gaps
    codes: np.ndarray  # (n_samples, n_categories)
    seen: np.ndarray  # (n_samples, n_numbers + n_categories): mask of no gaps
    starts: np.ndarray  # (n_categories,): first sparse column of each
    encoding: np.ndarray  # (n_sparse, n_encoded)
    owner: np.ndarray  # (n_encoded,): column of `seen` that each belongs to

    def take(self, rows):
        """Some of the rows."""
        return self._replace(
            numbers=self.numbers[rows], codes=self.codes[rows], seen=self.seen[rows]
        )

    def order(self):
        """The permutation that sorts the rows, whatever order they came in."""
        order, is_first = np.arange(len(self.codes)), np.zeros(len(self.codes), bool)
        if self.numbers.shape[1]:
            order, is_first = lexicographic_order(self.numbers)
        tied, runs = tied_rows(is_first)
        rows = order[tied]
        if rows.size:
            gaps = self.seen[rows, : self.numbers.shape[1]]
            rest = np.column_stack([runs, self.codes[rows], gaps])
            order[tied] = rows[lexicographic_order(rest)[0]]
        return order

    def along(self, axes=None):
        """Coordinates of the encoded rows along axes; the rows themselves for None.

        Each row's bits depend on it alone.
        """
        axes = self.encoding if axes is None else self.encoding @ axes
        return project_design(self.numbers, self.codes, self.starts, axes)

    def moments(self, order, weights):
        """Sums of the encoded rows' outer products and of the rows, in one order."""
        width = len(self.encoding)
        outer, total = design_moments(
            *(self.numbers, self.codes, self.starts, width, order, weights)
        )
        return self.encoding.T @ outer @ self.encoding, self.encoding.T @ total


def make_design(numbers, codes, blocks, shares):
    """Join rows with their encoding.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers)
        Standardised; NaN in the gaps. It is changed.
    codes : ndarray of shape (n_samples, n_categories)
        Levels; -1 for a gap. It is changed.
    blocks : list of (Column, int, int, float)
        Used columns, where each begins and ends encoded, and the root of its weight.
    shares : dict of object to ndarray
        Share of each level, by name of the column.

    Returns
    -------
    Design
    """
    seen = np.hstack([~np.isnan(numbers), codes >= 0])
    numbers[~seen[:, : numbers.shape[1]]] = 0.0
    at_number, at_level, at_code = 0, numbers.shape[1], 0
    parts, starts, owner = [], [], []
    for column, start, stop, root in blocks:
        if column.role == "category":
            part = root * level_table(shares[column.name])
            gaps = codes[:, at_code] < 0
            codes[gaps, at_code] = len(part) - 1
            owner += [numbers.shape[1] + at_code] * (stop - start)
            parts.append((at_level, start, part))
            starts.append(at_level)
            at_code, at_level = at_code + 1, at_level + len(part)
        else:
            owner.append(at_number)
            parts.append((at_number, start, np.array([[root]])))
            at_number += 1
    encoding = np.zeros((at_level, len(owner)))
    for at, start, part in parts:
        encoding[at : at + len(part), start : start + part.shape[1]] = part
    starts = np.array(starts, dtype=np.int64)
    return Design(numbers, codes, seen, starts, encoding, np.array(owner))


def level_shares(codes, columns, weights):
    """Share of each level among the observed cells, by name of the column."""
    categories = [column for column in columns if column.role == "category"]
    shares = {}
    for column, levels in zip(categories, codes.T, strict=True):
        seen = levels >= 0
        counts = np.bincount(levels[seen], weights[seen], len(column.levels))
        shares[column.name] = counts / counts.sum()
    return shares


def level_norm(shares):
    """What the columns of a category are divided by: its variance is then 1."""
    return np.sqrt(1.0 - np.square(shares).sum())


def level_table(shares):
    """What each level of a category is encoded as, and 0 for a gap, the last."""
    table = np.zeros((len(shares) + 1, len(shares)))
    table[:-1] = (np.eye(len(shares)) - shares) / level_norm(shares)
    return table
