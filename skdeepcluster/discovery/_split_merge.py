"""Split and merge by Hastings ratios, on the moments of cells.

A cell is a small set of rows that stay together, known by its moments. The log
posterior of a partition of cells into classes, parameters integrated out, is

    J = sum over classes of (log alpha + log Gamma(n) + log f - penalty),

with the marginal likelihood f of a class of weight n. A merge changes it by the
logarithm of its Hastings ratio plus the penalty, a split by the opposite.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from .._gaussians import Gaussians
from ._niw import Moments, mean_log_densities

# A class is refined as long as something improves, but not for ever.
MAX_SWEEPS = 20
# Relative gain below which a move is rounding.
ROUNDING = 1e-10


def log_weight_of(sizes):
    """Log Gamma of class weights; 0 for an empty class."""
    return gammaln(np.where(sizes > 0, sizes, 1.0))


def log_merge_ratios(moments, pairs, marginals, prior, alpha):
    """Log Hastings ratios of merging pairs of classes.

    Parameters
    ----------
    moments : Moments
        Classes.
    pairs : ndarray of shape (n_pairs, 2), dtype=intp
        Two classes each.
    marginals : ndarray of shape (n_classes,)
        Their log marginal likelihoods.
    prior : Prior
        Of a class.
    alpha : float
        Concentration of the Dirichlet process.

    Returns
    -------
    ndarray of shape (n_pairs,)
        Log ratios; splitting the union has the opposite.
    """
    first, second = pairs.T
    sizes = moments.sizes
    ratios = prior.log_marginals(moments, pairs)
    ratios -= marginals[first] + marginals[second] + np.log(alpha)
    weights = log_weight_of(sizes[first] + sizes[second])
    return ratios + weights - log_weight_of(sizes[first]) - log_weight_of(sizes[second])


def log_posterior(moments, prior, alpha, penalty=0.0):
    """Log posterior of a partition, parameters integrated out.

    Parameters
    ----------
    moments : Moments
        The classes.
    prior : Prior
        Of a class.
    alpha : float
        Concentration of the Dirichlet process.
    penalty : float, default=0.0
        Penalty per class, in nats.

    Returns
    -------
    float
        Up to a constant that depends on the total weight and alpha alone.
    """
    terms = np.log(alpha) + log_weight_of(moments.sizes) + prior.log_marginals(moments)
    return float((terms - penalty).sum())


@dataclass(frozen=True)
class MergePath:
    """Merges from cells to few classes, in their order.

    Parameters
    ----------
    n_sets : int
        Sets at the start.
    pairs : ndarray of shape (n_merges, 2), dtype=intp
        The second set joins the first, which keeps its number.
    log_ratios : ndarray of shape (n_merges,)
        Log Hastings ratio of each merge.
    """

    n_sets: int
    pairs: np.ndarray
    log_ratios: np.ndarray

    @property
    def costs(self):
        """Penalty from which on the path goes beyond each merge."""
        return np.maximum.accumulate(-self.log_ratios)

    def n_merges_at(self, penalty):
        """Number of merges that a penalty per class asks for."""
        return int(np.searchsorted(self.costs, penalty, side="right"))

    def groups(self, n_merges):
        """Group of every set after some merges, numbered without gaps."""
        groups = np.arange(self.n_sets)
        for kept, gone in self.pairs[:n_merges]:
            groups[groups == gone] = kept
        return np.unique(groups, return_inverse=True)[1]


def merge_path(sets, prior, alpha, n_fixed, n_least=1):
    """Merge the two sets with the largest Hastings ratio, again and again.

    Parameters
    ----------
    sets : Moments
        What to merge.
    prior : Prior
        Of a class.
    alpha : float
        Concentration of the Dirichlet process.
    n_fixed : int
        The first sets, which never merge with each other.
    n_least : int, default=1
        Number of sets at which to stop.

    Returns
    -------
    MergePath
        All merges.

    Notes
    -----
    O(n_sets²) marginal likelihoods, and as many numbers of memory.
    """
    n_sets = len(sets)
    sets = Moments(*(part.copy() for part in vars(sets).values()))
    marginals = prior.log_marginals(sets)
    ratios = np.full((n_sets, n_sets), -np.inf)

    def look_at(pairs):
        if len(pairs):
            ratios[pairs[:, 0], pairs[:, 1]] = log_merge_ratios(
                sets, pairs, marginals, prior, alpha
            )

    first, second = np.triu_indices(n_sets, 1)
    look_at(np.column_stack([first, second])[second >= n_fixed])
    alive = np.ones(n_sets, dtype=bool)
    pairs, values = [], []
    for _ in range(n_sets - max(n_least, n_fixed)):
        kept, gone = divmod(int(ratios.argmax()), n_sets)
        pairs.append((kept, gone))
        values.append(ratios[kept, gone])
        for part in vars(sets).values():
            part[kept] += part[gone]
        alive[gone] = False
        for merged in (kept, gone):
            ratios[merged] = ratios[:, merged] = -np.inf
        marginals[kept] = prior.log_marginals(sets[kept : kept + 1])[0]
        others = np.flatnonzero(alive)
        others = others[(others != kept) & ((others >= n_fixed) | (kept >= n_fixed))]
        ends = np.minimum(others, kept), np.maximum(others, kept)
        look_at(np.column_stack(ends))
    return MergePath(
        n_sets, np.array(pairs, dtype=np.intp).reshape(-1, 2), np.array(values)
    )


class Classes:
    """A partition of cells into classes, changed by moves that improve it.

    Parameters
    ----------
    cells : Moments
        Cells.
    codes : ndarray of shape (n_cells,), dtype=int64
        Known class of a cell, which it never leaves; -1 for a free cell.
    n_known : int
        Number of known classes, the first ones. They are never merged with
        each other and never dissolved.
    prior : Prior
        Of a class.
    alpha : float
        Concentration of the Dirichlet process.

    Attributes
    ----------
    groups : ndarray of shape (n_cells,), dtype=int64
        Class of every cell.
    n_classes : int
        Number of classes.
    history : list of dict
        Accepted moves: ``move``, ``n_classes`` and ``log_posterior``.
    """

    def __init__(self, cells, codes, n_known, prior, alpha):
        self.cells, self.codes, self.n_known = cells, codes, n_known
        self.prior, self.alpha = prior, alpha
        self.free = np.flatnonzero(codes < 0)
        self.groups, self.n_classes = codes, n_known
        self.history = []

    def path(self, n_least=1):
        """Merges of the free cells, with the known classes and each other."""
        known = self.codes >= 0
        sets = self.cells[known].grouped(self.codes[known], self.n_known)
        sets = sets.joined(self.cells[self.free])
        return merge_path(sets, self.prior, self.alpha, self.n_known, n_least)

    def follow(self, path, n_merges):
        """Take the partition that a path has reached after some merges."""
        groups = path.groups(n_merges)
        self.groups = self.codes.copy()
        self.groups[self.free] = groups[self.n_known :]
        self.n_classes = int(groups.max()) + 1
        return self

    def start_from(self, gaussians):
        """Take the partition in which every cell has its best component."""
        logs = mean_log_densities(gaussians, self.cells[self.free])
        groups = self.codes.copy()
        groups[self.free] = logs.argmax(axis=1)
        self._take(groups)
        return self

    def _take(self, groups):
        """Take a partition; a novel class without cells is dropped."""
        held = np.bincount(groups, minlength=self.n_known) > 0
        held[: self.n_known] = True
        self.groups = (np.cumsum(held) - 1)[groups]
        self.n_classes = int(held.sum())

    def moments(self, groups=None, n_classes=None):
        """Moments of the classes."""
        if groups is None:
            groups, n_classes = self.groups, self.n_classes
        return self.cells.grouped(groups, n_classes)

    def gaussians(self, tied=False):
        """Most probable Gaussian of every class, with its mixing weight."""
        moments = self.moments()
        parameters = self.prior.most_probable(moments, tied)
        return Gaussians.of(mixing_weights(moments.sizes, self.alpha), *parameters)

    def refine(self, penalty=None):
        """Move cells, and split and merge classes, while that improves.

        Parameters
        ----------
        penalty : float, default=None
            Penalty per class, in nats; None keeps the number of classes.
        """
        cost = 0.0 if penalty is None else penalty
        self._note("start", cost)
        for _ in range(MAX_SWEEPS):
            improved = self._move_cells(cost)
            if penalty is not None:
                improved |= self._split(penalty)
                improved |= self._merge(penalty)
            if not improved:
                break

    def _note(self, move, penalty):
        value = log_posterior(self.moments(), self.prior, self.alpha, penalty)
        self.history.append(
            {"move": move, "n_classes": self.n_classes, "log_posterior": value}
        )

    def _move_cells(self, penalty):
        """Give every free cell its best class, if that improves the whole."""
        improved = False
        for _ in range(MAX_SWEEPS):
            before = self.groups
            logs = mean_log_densities(self.gaussians(), self.cells[self.free])
            groups = self.codes.copy()
            groups[self.free] = logs.argmax(axis=1)
            sizes = np.bincount(groups, minlength=self.n_classes)
            if np.array_equal(groups, before) or not sizes[self.n_known :].all():
                break
            old, new = (
                log_posterior(
                    self.moments(partition, self.n_classes),
                    self.prior,
                    self.alpha,
                    penalty,
                )
                for partition in (before, groups)
            )
            if new - old <= ROUNDING * abs(old):
                break
            self.groups, improved = groups, True
            self._note("move", penalty)
        return improved

    def _split(self, penalty):
        """Split classes in two where the Hastings ratio says so."""
        improved = False
        for group in range(self.n_classes):
            members = self.free[self.groups[self.free] == group]
            labeled = np.flatnonzero(self.codes == group)
            is_known = group < self.n_known
            if len(members) + is_known < 2:
                continue
            parts = self.cells[members]
            if is_known:
                # The part that stays holds all labeled rows.
                one = np.zeros(len(labeled), dtype=np.intp)
                parts = self.cells[labeled].grouped(one, 1).joined(parts)
            path = merge_path(parts, self.prior, self.alpha, int(is_known))
            if -path.log_ratios[-1] > penalty + ROUNDING:
                leaves = path.groups(len(path.pairs) - 1)[int(is_known) :] == 1
                self.groups = self.groups.copy()
                self.groups[members[leaves]] = self.n_classes
                self.n_classes += 1
                self._note("split", penalty)
                improved = True
        return improved

    def _merge(self, penalty):
        """Merge the best pairs of classes while the Hastings ratio says so."""
        path = merge_path(self.moments(), self.prior, self.alpha, self.n_known)
        n_merges = path.n_merges_at(penalty - ROUNDING)
        if n_merges == 0:
            return False
        self._take(path.groups(n_merges)[self.groups])
        self._note("merge", penalty)
        return True


def mixing_weights(sizes, alpha):
    """Logs of the mixing weights under a symmetric Dirichlet prior."""
    return np.log((sizes + alpha / len(sizes)) / (sizes.sum() + alpha))


def classes_of_cells(cells, n_known, n_novel, start, prior, alpha, penalty):
    """Find the classes of the cells of one division by merges and moves."""
    classes = Classes(cells.moments, cells.codes, n_known, prior, alpha)
    if start is not None and n_novel in ("auto", len(start) - n_known):
        classes.start_from(start)
    elif penalty is not None:
        path = classes.path()
        classes.follow(path, path.n_merges_at(penalty))
    else:
        path = classes.path(n_known + n_novel)
        classes.follow(path, len(path.pairs))
    classes.refine(penalty)
    return classes
