"""The whole search: components, correlated columns, informative gaps.

1. Divide the rows into cells, once.
2. Find mixtures of every number of components with independent numbers, and with
   one block of all numbers; the larger ``F - min_gain * n * k`` wins.
3. Learn blocks at the winner's responsibilities; find mixtures with them.
4. Where the components explain gaps, make "is a gap" a category, and raise the
   bound from the responsibilities found.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ._blocks import learn_blocks
from ._cells import divide_into_cells
from ._components import Level, find_levels
from ._evidence_bound import Mixture, raise_bound, step
from ._gaps import informative_columns, refreshed, with_indicators
from ._statistics import Arranged, Blocks, Prior

# One block of all numbers is tried up to this many columns; blocks are learned
# up to the second number.
MOST_FULL, MOST_LEARNED = 30, 100
# Patterns of gaps times the cube of the columns, beyond which one block of all
# numbers takes too long: at this number it takes some 15 CPU seconds.
MOST_WORK = 2e8


class Settings(NamedTuple):
    """What a search is asked for.

    Parameters
    ----------
    n_components : int or None
        Number of components; None finds it.
    covariance_type : {"auto", "full", "diag", "blocks"}
        Which numbers may be correlated within a component.
    min_gain : float
        Nats per row of the table that a component must earn.
    gaps : {"auto", "ignore", "informative"}
        Whether "is a gap" may become a category.
    max_components : int
        Most components to start with.
    max_iter : int
        Most steps at the end.
    tol : float
        Rise of the bound per row below which steps stop.
    one_block : bool
        Whether one block of all numbers may be tried.
    """

    n_components: int | None = None
    covariance_type: str = "auto"
    min_gain: float = 0.04
    gaps: str = "auto"
    max_components: int = 25
    max_iter: int = 100
    tol: float = 1e-5
    one_block: bool = True


class MixedFit(NamedTuple):
    """Outcome of :func:`fit_mixed_mixture`.

    Parameters
    ----------
    levels : list of Level
        Mixtures of every number of components, from many to few.
    chosen : int
        Which of them was chosen.
    informative : tuple of int
        Columns whose gaps became a category, in order; categories count on from
        the numbers.
    """

    levels: list
    chosen: int
    informative: tuple

    @property
    def mixture(self):
        """The mixture chosen."""
        return self.levels[self.chosen].mixture


def fit_mixed_mixture(rows, n_levels, resolution, gap_columns, settings):
    """Fit a mixture of numbers, categories and gaps.

    Parameters
    ----------
    rows : Rows
        Distinct rows, in an order that does not depend on the table's.
    n_levels : sequence of int
        Levels of each category column.
    resolution : ndarray of shape (n_numbers,)
        Step between neighbouring values of each number, in scaled units.
    gap_columns : sequence of int
        Columns whose gaps may be informative.
    settings : Settings
        What is asked for.

    Returns
    -------
    MixedFit
        The mixture, and those with more and fewer components. Nothing is drawn at
        random.
    """
    n_least = 0
    if settings.n_components is not None:
        n_least = settings.n_components + 3
    cells = divide_into_cells(rows, n_levels, n_least)
    singles = Blocks.of([[j] for j in range(len(resolution))])
    prior = Prior.of_rows(rows, n_levels, resolution, singles)
    levels, chosen = _find_with_blocks(rows, prior, cells, settings)
    informative = ()
    if settings.gaps != "ignore" and len(gap_columns):
        levels, informative = _look_at_gaps(
            rows, n_levels, resolution, gap_columns, levels, chosen, settings
        )
    levels = list(levels)
    levels[chosen] = _converged(rows, n_levels, informative, levels[chosen], settings)
    return MixedFit(levels, chosen, informative)


def n_gap_patterns(rows):
    """Number of different patterns of gaps among the numbers."""
    return len(np.unique(np.packbits(np.isnan(rows.numbers), axis=1), axis=0))


def choose(levels, settings):
    """Number of the level that is asked for, or has the largest objective."""
    if settings.n_components is None:
        return int(np.argmax([level.objective(settings.min_gain) for level in levels]))
    numbers = [level.mixture.n_components for level in levels]
    enough = [k for k in numbers if k <= settings.n_components]
    return numbers.index(max(enough) if enough else min(numbers))


def _find_with_blocks(rows, prior, cells, settings):
    """Find levels with the blocks asked for, or the best ones."""
    p = rows.numbers.shape[1]
    kind = settings.covariance_type
    found = []

    def objective(item):
        return item[0][item[1]].objective(settings.min_gain)

    def find(blocks):
        arranged = Arranged.of(rows, blocks)
        levels = find_levels(
            arranged,
            replace(prior, blocks=blocks),
            cells,
            settings.n_components,
            settings.max_components,
            settings.tol,
        )
        found.append((levels, choose(levels, settings)))

    if kind == "diag" or p < 2 or kind in ("auto", "blocks"):
        find(prior.blocks)
    may_be_one = kind == "full" or (kind != "diag" and p <= MOST_FULL)
    if p >= 2 and may_be_one and settings.one_block:
        find(Blocks.of([list(range(p))]))
    best = max(found, key=objective)
    if kind in ("auto", "blocks") and 2 <= p <= MOST_LEARNED:
        mixture = best[0][best[1]].mixture
        blocks = learn_blocks(rows, mixture)
        tried = [item[0][0].mixture.prior.blocks.lists() for item in found]
        if blocks.lists() not in tried:
            find(blocks)
    if kind == "blocks":
        return found[-1]
    return max(found, key=objective)


def _look_at_gaps(rows, n_levels, resolution, gap_columns, levels, chosen, settings):
    """Make gaps categories where that is worth it."""
    mixture = levels[chosen].mixture
    columns = gap_columns
    if settings.gaps == "auto":
        columns = informative_columns(rows, mixture.shares, gap_columns)
    if len(columns) == 0:
        return levels, ()
    more, all_levels = with_indicators(rows, n_levels, columns)
    blocks = mixture.prior.blocks
    arranged = Arranged.of(more, blocks)
    prior = Prior.of_rows(more, all_levels, resolution, blocks)
    with_gaps = refreshed(arranged, prior, mixture, settings.max_iter, settings.tol)
    whole = with_gaps.statistics.grouped(
        np.zeros(with_gaps.n_components, dtype=np.intp), 1
    )
    # What the indicators cost as such: their evidence without components.
    alone = prior.category_log_marginals(whole.counts)[0, len(n_levels) :].sum()
    if settings.gaps == "auto" and with_gaps.bound <= mixture.bound + alone:
        return levels, ()
    levels = [
        Level(
            refreshed(arranged, prior, level.mixture, settings.max_iter, settings.tol),
            level.merged,
        )
        for level in levels
    ]
    return levels, tuple(int(j) for j in columns)


def _converged(rows, n_levels, informative, level, settings):
    """Go on with the steps of a level until it converges."""
    if informative:
        rows, _ = with_indicators(rows, n_levels, informative)
    mixture = level.mixture
    arranged = Arranged.of(rows, mixture.prior.blocks)
    further = raise_bound(
        arranged, mixture.prior, mixture.statistics, settings.max_iter, settings.tol
    )
    return Level(further, level.merged)


def raise_bound_in_chunks(chunks, mixture, max_iter, tol):
    """Take steps over a table that is seen in chunks.

    Parameters
    ----------
    chunks : callable
        Returns an iterator over parts of the table, as :class:`Rows`.
    mixture : Mixture
        Where to start.
    max_iter : int
        Most steps.
    tol : float
        Rise of the bound per row below which to stop.

    Returns
    -------
    Mixture
        With the statistics of all rows, and without responsibilities.
    """
    prior, statistics, bounds = mixture.prior, mixture.statistics, []
    for _ in range(max_iter):
        total, entropy = None, 0.0
        for rows in chunks():
            arranged = Arranged.of(rows, prior.blocks)
            part, _, more = step(arranged, prior, statistics)
            total = part if total is None else total + part
            entropy += more
        statistics = total
        nothing = np.empty((0, len(statistics)))
        mixture = Mixture(prior, statistics, nothing, entropy)
        bounds.append(mixture.bound)
        least = tol * statistics.sizes.sum()
        if len(bounds) > 1 and bounds[-1] - bounds[-2] < least:
            break
    return Mixture(prior, statistics, nothing, entropy, tuple(bounds))
