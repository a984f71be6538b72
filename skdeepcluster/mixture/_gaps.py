"""Whether gaps tell something, and what the components explain of each column."""

from typing import NamedTuple

import numpy as np

from ._evidence_bound import raise_bound
from ._statistics import Arranged, Blocks, Prior, Statistics

# Share of gaps in a column that is looked at, and nats that it must gain.
LEAST_SHARE, LEAST_GAIN = 0.01, 5.0


class Indicators(NamedTuple):
    """A table with one category more for each column whose gaps are looked at.

    Parameters
    ----------
    rows : Rows
        The table.
    n_levels : tuple of int
        Levels of its category columns, 2 for each of the new ones.
    """

    rows: object
    n_levels: tuple


def with_indicators(rows, n_levels, columns):
    """Add the category "is a gap" of some columns to a table.

    Parameters
    ----------
    rows : Rows
        The table.
    n_levels : sequence of int
        Levels of its category columns.
    columns : sequence of int
        Columns; categories count on from the numbers.
    """
    first = int(np.sum(n_levels))
    gaps = gap_mask(rows, columns)
    levels = first + 2 * np.arange(len(columns)) + gaps
    levels = np.column_stack([rows.levels, levels.astype(np.int32)])
    return Indicators(
        rows._replace(levels=np.ascontiguousarray(levels)),
        (*n_levels, *[2] * len(columns)),
    )


def gap_mask(rows, columns):
    """Where some columns have gaps: (n_samples, n_columns)."""
    p = rows.numbers.shape[1]
    masks = [
        np.isnan(rows.numbers[:, j]) if j < p else rows.levels[:, j - p] < 0
        for j in columns
    ]
    return np.array(masks, dtype=bool).reshape(len(masks), len(rows.numbers)).T


def informative_columns(rows, shares, columns):
    """Columns whose gaps the components explain by more than 5 nats."""
    gaps = gap_mask(rows, columns)
    rate = (rows.weights[:, np.newaxis] * gaps).sum(axis=0) / rows.weights.sum()
    columns = np.asarray(columns, dtype=np.intp)
    columns = columns[(rate >= LEAST_SHARE) & (rate <= 1 - LEAST_SHARE)]
    bare = rows._replace(
        numbers=rows.numbers[:, :0], levels=np.empty((len(gaps), 0), np.int32)
    )
    masks = gap_mask(rows, columns)
    levels = 2 * np.arange(len(columns)) + masks
    bare = bare._replace(levels=np.ascontiguousarray(levels, dtype=np.int32))
    gains = column_evidence(bare, [2] * len(columns), np.empty(0), shares)
    return columns[gains > LEAST_GAIN]


def column_evidence(rows, n_levels, resolution, shares):
    """Nats that components explain of each column, numbers first.

    The log marginal likelihood of a column within the components, less that of
    the column as a whole; negative where the components are noise to it.
    """
    blocks = Blocks.of([[j] for j in range(rows.numbers.shape[1])])
    prior = Prior.of_rows(rows, n_levels, resolution, blocks)
    arranged = Arranged.of(rows, blocks)
    empty = Statistics.empty(1, len(prior.alphas), blocks)
    completion = prior.expected_parameters(empty)
    within, _ = Statistics.of_rows(arranged, shares, completion)
    whole = within.grouped(np.zeros(len(within), dtype=np.intp), 1)
    totals = [
        np.concatenate(
            [
                prior.single_log_marginals(part.observed, part.sums, part.squares).sum(
                    axis=0
                ),
                prior.category_log_marginals(part.counts).sum(axis=0),
            ]
        )
        for part in (within, whole)
    ]
    return totals[0] - totals[1]


def refreshed(arranged, prior, mixture, max_iter, tol):
    """Raise the bound of other rows' statistics from known responsibilities."""
    parameters = mixture.prior.expected_parameters(mixture.statistics)
    more = len(prior.alphas) - len(parameters.level_logs)
    padding = np.zeros((more, mixture.n_components))
    completion = parameters._replace(
        level_logs=np.vstack([parameters.level_logs, padding])
    )
    start, _ = Statistics.of_rows(arranged, mixture.shares, completion)
    return raise_bound(arranged, prior, start, max_iter, tol)
