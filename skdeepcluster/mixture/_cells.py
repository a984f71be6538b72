"""Cells: small sets of rows that stay together while components are found."""

import numpy as np

from ..kernels.mixed_cells import cut_into_cells, nearest_cells
from ._statistics import level_counts

# Weight per cell on average, and the fewest and most cells.
WEIGHT_PER_CELL, FEWEST_CELLS, MOST_CELLS = 10.0, 30, 150
# Cells of less weight are not cut.
LEAST_WEIGHT = 8.0
LLOYD_STEPS = 6


def divide_into_cells(rows, n_levels, n_least=0):
    """Divide rows into cells by two-means cuts and some steps of k-means.

    Numbers have variance 1, and so has each category column in all. Rows of a
    known component have cells of their own.

    Parameters
    ----------
    rows : Rows
        The table.
    n_levels : sequence of int
        Levels of each category column.
    n_least : int, default=0
        Cells that are wanted, as far as the rows differ.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=intp
        Cell of every row, without gaps; cells of known components come first.
    """
    total = rows.weights.sum()
    n_cells = int(np.clip(total / WEIGHT_PER_CELL, FEWEST_CELLS, MOST_CELLS))
    n_cells = max(n_cells, n_least)
    least = min(LEAST_WEIGHT, total / n_cells) if n_least else LEAST_WEIGHT
    shares, scales, columns = _encoding(rows, n_levels)
    lengths = _squared_lengths(rows, shares, scales, columns)
    n_known = int(rows.known.max(initial=-1)) + 1
    # Rows without a known component are cell n_known at first.
    labels = np.where(rows.known < 0, n_known, rows.known).astype(np.intp)
    n_found = cut_into_cells(
        rows.numbers,
        rows.levels,
        rows.weights,
        lengths,
        labels,
        n_known + 1,
        n_known + n_cells,
        least,
        shares,
        scales,
        columns,
    )
    fixed = rows.known >= 0
    closed = np.zeros(n_found, dtype=bool)
    closed[labels[fixed]] = True
    for _ in range(LLOYD_STEPS):
        if not _lloyd_step(
            rows, labels, n_found, shares, scales, columns, fixed, closed
        ):
            break
    return _in_order(labels, rows.known)


def _encoding(rows, n_levels):
    """Shares of the levels, scales of the columns, and the column of each level."""
    n_levels = np.asarray(n_levels, dtype=np.intp)
    columns = np.repeat(np.arange(len(n_levels), dtype=np.intp), n_levels)
    counts = level_counts(rows, len(columns))
    totals = np.bincount(columns, counts, len(n_levels))[columns]
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    spread = 1 - np.bincount(columns, shares**2, len(n_levels))
    # A column of one level, or of gaps, says nothing at any scale.
    scales = np.sqrt(np.where(spread > 1e-12, spread, 1.0))
    return shares, scales, columns


def _squared_lengths(rows, shares, scales, columns):
    """Squared lengths of the encoded rows."""
    lengths = np.nansum(rows.numbers**2, axis=1)
    squares = np.bincount(columns, shares**2, len(scales))
    of_levels = (1 - 2 * shares + squares[columns]) / scales[columns] ** 2
    for column in rows.levels.T:
        seen = column >= 0
        lengths[seen] += of_levels[column[seen]]
    return lengths


def _lloyd_step(rows, labels, n_cells, shares, scales, columns, fixed, closed):
    """Move rows to the nearest centre; say whether one moved."""
    weights = rows.weights
    sizes = np.maximum(np.bincount(labels, weights, n_cells), 1e-300)
    centers = [
        np.bincount(labels, weights * np.nan_to_num(column), n_cells) / sizes
        for column in rows.numbers.T
    ]
    centers = np.array(centers).reshape(-1, n_cells)
    counts = np.zeros((len(shares), n_cells))
    for column in rows.levels.T:
        seen = column >= 0
        np.add.at(counts, (column[seen], labels[seen]), weights[seen])
    of_column = np.zeros((len(scales), n_cells))
    np.add.at(of_column, columns, counts)
    wide = scales[columns][:, np.newaxis]
    encoded = (counts - shares[:, np.newaxis] * of_column[columns]) / wide / sizes
    middle = np.zeros((len(scales), n_cells))
    np.add.at(middle, columns, shares[:, np.newaxis] * encoded)
    scores = (encoded - middle[columns]) / wide
    offsets = 0.5 * ((centers**2).sum(axis=0) + (encoded**2).sum(axis=0))
    offsets[closed | (np.bincount(labels, minlength=n_cells) == 0)] = np.inf
    return nearest_cells(
        rows.numbers, rows.levels, centers, scores, offsets, fixed, labels
    )


def _in_order(labels, known):
    """Number cells without gaps, those of known components first."""
    of_known = np.unique(labels[known >= 0])
    others = np.setdiff1d(labels, of_known)
    number = np.empty(labels.max() + 1, dtype=np.intp)
    number[np.concatenate([of_known, others])] = np.arange(len(of_known) + len(others))
    return number[labels]
