"""The components: from cells, too many at first, merged down to one.

1. Merge cells, best pair first, by the evidence of hard partitions (`merge_path`).
2. Start from somewhat more sets than its best partition has, and raise the bound.
3. Merge two components, raise the bound, and so on down to one (`merge_down`). The
   three pairs with the best lower bound of the gain are tried.

What is best is ``F - min_gain * n * k``: `Level` has both of every k.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from ..kernels.mixed import entropy_of_unions
from ._evidence_bound import Mixture, one_component, order_terms, raise_bound
from ._statistics import Statistics

# Pairs of components that are tried at each merge, and for how many steps.
N_TRIED, TRIAL_STEPS = 3, 12
# Steps with one number of components, while that number is looked for.
SEARCH_STEPS = 60
# Components to start with, beside those of the best partition of cells.
START_FACTOR, START_MORE, START_LEAST = 1.3, 3, 6


@dataclass(frozen=True)
class Level:
    """One number of components on the way down.

    Parameters
    ----------
    mixture : Mixture
        Responsibilities and statistics.
    merged : tuple of int or None
        The two components of the level before that became one.
    """

    mixture: Mixture
    merged: tuple | None

    def objective(self, min_gain):
        """The evidence bound less what the components cost."""
        sizes = self.mixture.statistics.sizes
        return self.mixture.bound - min_gain * sizes.sum() * len(sizes)


def may_merge(first, second, n_known):
    """Whether two sets may become one: known components stay apart."""
    return (first >= n_known) | (second >= n_known)


def cell_groups(arranged, prior, cells, n_known):
    """Merge cells by the evidence of hard partitions.

    Parameters
    ----------
    arranged : Arranged
        Rows.
    prior : Prior
        Prior of a component.
    cells : ndarray of shape (n_samples,), dtype=intp
        Cell of every row; the known components are the first cells.
    n_known : int
        Number of known components.

    Returns
    -------
    statistics : Statistics
        Of the cells.
    pairs : ndarray of shape (n_merges, 2), dtype=intp
        Merges in order; the second set joins the first.
    n_best : int
        Number of sets where the evidence is largest.
    """
    n_cells = int(cells.max()) + 1
    shares = np.zeros((len(cells), n_cells))
    shares[np.arange(len(cells)), cells] = 1.0
    _, completion = one_component(arranged, prior)
    statistics, _ = Statistics.of_rows(arranged, shares, completion.repeated(n_cells))
    pairs, gains = merge_path(statistics, prior, n_known)
    n_sets = n_cells - np.arange(len(pairs) + 1)
    total = statistics.sizes.sum()
    evidence = np.concatenate([[0.0], np.cumsum(gains)])
    evidence += np.array([order_terms(k, total) for k in n_sets])
    return statistics, pairs, int(n_sets[evidence.argmax()])


def merge_path(sets, prior, n_known):
    """Merge the two sets that raise the evidence most, again and again.

    Returns
    -------
    pairs : ndarray of shape (n_merges, 2), dtype=intp
        The second set joins the first, which keeps its number.
    gains : ndarray of shape (n_merges,)
        Gain of each merge, without what depends on the number of sets alone.
    """
    n_sets = len(sets)
    sets = sets.map(np.copy)
    own = prior.log_marginals(sets) + gammaln(1 + sets.sizes)
    gains = np.full((n_sets, n_sets), -np.inf)

    def look_at(first, second):
        if len(first) == 0:
            return
        pairs = np.column_stack([first, second])
        sizes = sets.sizes[first] + sets.sizes[second]
        united = prior.pair_log_marginals(sets, pairs) + gammaln(1 + sizes)
        gains[first, second] = united - own[first] - own[second]

    first, second = np.triu_indices(n_sets, 1)
    free = may_merge(first, second, n_known)
    look_at(first[free], second[free])
    alive = np.ones(n_sets, dtype=bool)
    pairs, found = [], []
    for _ in range(n_sets - max(1, n_known)):
        kept, gone = divmod(int(gains.argmax()), n_sets)
        pairs.append((kept, gone))
        found.append(gains[kept, gone])

        def join(part, kept=kept, gone=gone):
            part[kept] += part[gone]
            return part

        sets.map(join)
        alive[gone] = False
        for place in (kept, gone):
            gains[place] = gains[:, place] = -np.inf
        one = sets[kept : kept + 1]
        own[kept] = prior.log_marginals(one)[0] + gammaln(1 + one.sizes[0])
        others = np.flatnonzero(alive)
        others = others[(others != kept) & may_merge(others, kept, n_known)]
        look_at(np.minimum(others, kept), np.maximum(others, kept))
    return np.array(pairs, dtype=np.intp).reshape(-1, 2), np.array(found)


def groups_after(n_sets, pairs):
    """Group of every set after some merges, numbered without gaps."""
    groups = np.arange(n_sets)
    for kept, gone in pairs:
        groups[groups == gone] = kept
    return np.unique(groups, return_inverse=True)[1]


def find_levels(arranged, prior, cells, n_components, max_components, tol):
    """Find mixtures of every number of components.

    Parameters
    ----------
    arranged : Arranged
        Rows.
    prior : Prior
        Prior of a component.
    cells : ndarray of shape (n_samples,), dtype=intp
        Cell of every row.
    n_components : int or None
        Number wanted, which must be on the way.
    max_components : int
        Most components to start with, more where more are wanted.
    tol : float
        Rise of the bound per row below which steps stop.

    Returns
    -------
    list of Level
        From many components to one.
    """
    n_known = int(arranged.rows.known.max(initial=-1)) + 1
    statistics, pairs, n_best = cell_groups(arranged, prior, cells, n_known)
    n_cells = len(statistics)
    n_start = max(int(START_FACTOR * n_best) + START_MORE, START_LEAST)
    n_start = min(n_start, max(max_components, n_known))
    if n_components is not None:
        n_start = max(n_start, n_components + START_MORE)
    n_start = min(n_start, n_cells)
    groups = groups_after(n_cells, pairs[: n_cells - n_start])
    start = statistics.grouped(groups, n_start)
    mixture = raise_bound(arranged, prior, start, SEARCH_STEPS, tol)
    return merge_down(arranged, mixture, tol)


def merge_down(arranged, mixture, tol):
    """Merge components two by two, and raise the bound after each merge."""
    levels = [Level(mixture, None)]
    n_known = int(arranged.rows.known.max(initial=-1)) + 1
    while levels[-1].mixture.n_components > max(1, n_known):
        levels.append(_merge_once(arranged, levels[-1].mixture, n_known, tol))
    return levels


def _merge_once(arranged, mixture, n_known, tol):
    """Try the most promising merges, and go on with the best."""
    prior = mixture.prior
    trials = []
    for kept, gone in _promising_pairs(arranged, mixture, n_known):
        start = mixture.statistics.merged(kept, gone)
        trial = raise_bound(arranged, prior, start, TRIAL_STEPS, tol)
        trials.append(Level(trial, (kept, gone)))
    best = max(trials, key=lambda level: level.mixture.bound)
    if best.mixture.converged:
        return best
    further = raise_bound(arranged, prior, best.mixture.statistics, SEARCH_STEPS, tol)
    return Level(further, best.merged)


def _promising_pairs(arranged, mixture, n_known):
    """Pairs of components with the best lower bound of what their merge gains."""
    statistics, prior = mixture.statistics, mixture.prior
    first, second = np.triu_indices(len(statistics), 1)
    free = may_merge(first, second, n_known)
    first, second = first[free], second[free]
    own = prior.log_marginals(statistics) + gammaln(1 + statistics.sizes)
    sizes = statistics.sizes[first] + statistics.sizes[second]
    pairs = np.column_stack([first, second])
    gains = prior.pair_log_marginals(statistics, pairs) + gammaln(1 + sizes)
    gains -= own[first] + own[second]
    changes = entropy_of_unions(mixture.shares, arranged.rows.weights)
    gains += changes[first, second]
    return pairs[np.argsort(-gains, kind="stable")[:N_TRIED]]
