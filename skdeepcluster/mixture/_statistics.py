"""Additive statistics of mixed rows, and the conjugate prior that scores them.

Number columns are divided into blocks: within a component, columns of a block are
correlated, blocks are independent, and so are categories. The prior of a block is
normal-inverse-Wishart, that of the levels of a category a Dirichlet distribution.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import digamma, gammaln

from ..kernels.gaussians import full_log_marginals, gaussian_factors
from ..kernels.mixed import (
    add_block_logs,
    add_block_statistics,
    add_independent_logs,
    add_independent_statistics,
)

LOG_TWO_PI = float(np.log(2 * np.pi))
# Rows that the prior mean of a block is worth.
KAPPA = 0.01
# Rows that the prior of a category is worth, and what each level has beforehand.
CATEGORY_ROWS, LEVEL_ROWS = 2.0, 0.5
# The prior of Fraley and Raftery (2007): as if there were so many clusters.
CLUSTERS = 10
# Pairs of sets whose marginal likelihoods are computed at once, times levels.
PAIR_NUMBERS = 1 << 20


class Rows(NamedTuple):
    """Rows of numbers and categories with gaps.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers), dtype=float64
        Scaled numbers, NaN for a gap.
    levels : ndarray of shape (n_samples, n_categories), dtype=int32
        Places in the list of the levels of all columns, -1 for a gap.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    known : ndarray of shape (n_samples,), dtype=int64
        Component that a row belongs to, -1 where that is not known.
    """

    numbers: np.ndarray
    levels: np.ndarray
    weights: np.ndarray
    known: np.ndarray

    def part(self, chosen):
        """Some of the rows."""
        return Rows(*(array[chosen] for array in self))


class Blocks(NamedTuple):
    """A division of the number columns into blocks.

    Parameters
    ----------
    singles : ndarray of shape (n_singles,), dtype=intp
        Columns that are blocks of their own.
    larger : tuple of ndarray, dtype=intp
        Columns of each larger block.
    """

    singles: np.ndarray
    larger: tuple

    @classmethod
    def of(cls, blocks):
        """Blocks from lists of columns."""
        singles = sorted(block[0] for block in blocks if len(block) == 1)
        larger = (np.array(sorted(b), dtype=np.intp) for b in blocks if len(b) > 1)
        return cls(np.array(singles, dtype=np.intp), tuple(larger))

    def lists(self):
        """Lists of columns, ordered by their first column."""
        return sorted(
            [[int(j)] for j in self.singles] + [b.tolist() for b in self.larger]
        )


class Arranged(NamedTuple):
    """Rows with the columns of each block together, ordered by their gaps.

    Parameters
    ----------
    rows : Rows
        The rows.
    singles : ndarray of shape (n_samples, n_singles)
        Numbers of blocks of one column.
    larger : tuple of (ndarray, ndarray, ndarray)
        Numbers of each larger block, the order of the rows by their pattern of
        gaps, and where each pattern starts.
    """

    rows: Rows
    singles: np.ndarray
    larger: tuple

    @classmethod
    def of(cls, rows, blocks):
        """Arrange rows for some blocks."""
        larger = []
        for block in blocks.larger:
            numbers = np.ascontiguousarray(rows.numbers[:, block])
            packed = np.packbits(np.isnan(numbers), axis=1)
            codes = np.unique(packed, axis=0, return_inverse=True)[1].ravel()
            order = np.argsort(codes, kind="stable")
            starts = np.flatnonzero(np.diff(codes[order], prepend=-1, append=-1))
            larger.append((numbers, order, starts))
        singles = np.ascontiguousarray(rows.numbers[:, blocks.singles])
        return cls(rows, singles, tuple(larger))


class BlockParameters(NamedTuple):
    """Gaussians of a larger block: constants, means and covariances."""

    constants: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class Parameters(NamedTuple):
    """Components of a mixture, as the kernels take them.

    Parameters
    ----------
    log_weights : ndarray of shape (n_components,)
        Logs of the mixing weights.
    level_logs : ndarray of shape (n_levels, n_components)
        Log probabilities of levels.
    constants, means, halves : ndarray of shape (n_singles, n_components)
        Log density at the mean, mean and half the precision of single columns.
    larger : tuple of BlockParameters
        The larger blocks.
    """

    log_weights: np.ndarray
    level_logs: np.ndarray
    constants: np.ndarray
    means: np.ndarray
    halves: np.ndarray
    larger: tuple

    def log_densities(self, arranged):
        """Log of weight times density of every component at every row.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Gaps are integrated out; a row of gaps has the log weights.
        """
        rows = arranged.rows
        logs = np.repeat(self.log_weights[np.newaxis], len(rows.numbers), axis=0)
        add_independent_logs(
            arranged.singles,
            rows.levels,
            self.constants,
            self.means,
            self.halves,
            self.level_logs,
            logs,
        )
        for (numbers, order, starts), block in zip(
            arranged.larger, self.larger, strict=True
        ):
            add_block_logs(numbers, order, starts, *block, logs)
        return logs

    def repeated(self, n_components):
        """The one component, as many times."""
        return Parameters(
            np.repeat(self.log_weights, n_components),
            *(np.repeat(part, n_components, axis=1) for part in self[1:5]),
            tuple(
                BlockParameters(
                    *(np.repeat(part, n_components, axis=0) for part in block)
                )
                for block in self.larger
            ),
        )


@dataclass(frozen=True)
class Statistics:
    """Sufficient statistics of sets of rows; those of a union are the sum.

    Parameters
    ----------
    sizes : ndarray of shape (n_sets,)
        Weights.
    counts : ndarray of shape (n_sets, n_levels)
        Weights of the levels.
    observed, sums, squares : ndarray of shape (n_sets, n_singles)
        Weights, sums and squares of single columns, of what was observed.
    larger : tuple of (ndarray, ndarray, ndarray)
        Of each larger block the weight of rows with something observed (n_sets,),
        sums (n_sets, q) and lower triangles of the products (n_sets, q, q) of the
        completed rows.
    """

    sizes: np.ndarray
    counts: np.ndarray
    observed: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    larger: tuple

    @classmethod
    def of_rows(cls, arranged, shares, completion):
        """Statistics of rows that are shared among sets.

        Parameters
        ----------
        arranged : Arranged
            Rows.
        shares : ndarray of shape (n_samples, n_sets)
            Share of each row in each set.
        completion : Parameters
            The components whose conditional distributions complete larger blocks.

        Returns
        -------
        statistics : Statistics
            Sums over the rows.
        entropy : float
            Entropy of the gaps that were completed.
        """
        rows = arranged.rows
        n_sets, n_singles = shares.shape[1], arranged.singles.shape[1]
        shares = shares * rows.weights[:, np.newaxis]
        sizes = np.zeros(n_sets)
        counts = np.zeros((len(completion.level_logs), n_sets))
        singles = np.zeros((3, n_singles, n_sets))
        add_independent_statistics(
            arranged.singles, rows.levels, shares, sizes, counts, *singles
        )
        larger, entropy = [], 0.0
        for (numbers, order, starts), block in zip(
            arranged.larger, completion.larger, strict=True
        ):
            q = numbers.shape[1]
            sums = np.zeros(n_sets), np.zeros((n_sets, q)), np.zeros((n_sets, q, q))
            entropy += add_block_statistics(
                numbers, order, starts, block.means, block.covariances, shares, *sums
            )
            larger.append(sums)
        # Sets first: a set is then one entry of each array.
        counts, singles = counts.T.copy(), singles.transpose(0, 2, 1).copy()
        return cls(sizes, counts, *singles, tuple(larger)), entropy

    @classmethod
    def empty(cls, n_sets, n_levels, blocks):
        """Statistics of sets without rows."""
        singles = np.zeros((3, n_sets, len(blocks.singles)))
        larger = (
            tuple(np.zeros((n_sets, *[len(block)] * axes)) for axes in range(3))
            for block in blocks.larger
        )
        return cls(
            np.zeros(n_sets), np.zeros((n_sets, n_levels)), *singles, tuple(larger)
        )

    def map(self, function, *others):
        """Apply a function to each array, and the same array of others."""
        plain = ("sizes", "counts", "observed", "sums", "squares")
        mapped = [
            function(*(getattr(item, name) for item in (self, *others)))
            for name in plain
        ]
        blocks = zip(*(item.larger for item in (self, *others)), strict=True)
        larger = (
            tuple(function(*parts) for parts in zip(*block, strict=True))
            for block in blocks
        )
        return Statistics(*mapped, tuple(larger))

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, chosen):
        return self.map(lambda part: part[chosen])

    def __add__(self, other):
        return self.map(np.add, other)

    def grouped(self, groups, n_groups):
        """Statistics of the unions of the sets of each group."""

        def total(part):
            whole = np.zeros((n_groups, *part.shape[1:]))
            np.add.at(whole, groups, part)
            return whole

        return self.map(total)

    def merged(self, kept, gone):
        """Statistics after one set has joined another, which keeps its place."""

        def merge(part):
            part = part.copy()
            part[kept] += part[gone]
            return np.delete(part, gone, axis=0)

        return self.map(merge)


@dataclass(frozen=True)
class Prior:
    """Conjugate prior of a component, the same for all.

    Parameters
    ----------
    alphas : ndarray of shape (n_levels,)
        Dirichlet parameters of all levels, of one category column after the other.
    starts : ndarray of shape (n_categories,), dtype=intp
        First level of each category column.
    spread : float
        Prior scale of a number, in scaled units.
    resolution : ndarray of shape (n_numbers,)
        Step between neighbouring values of each number, in scaled units.
    blocks : Blocks
        Which number columns are correlated within a component.
    """

    alphas: np.ndarray
    starts: np.ndarray
    spread: float
    resolution: np.ndarray
    blocks: Blocks

    @classmethod
    def of_rows(cls, rows, n_levels, resolution, blocks):
        """Prior from the shares of levels and the resolution of numbers.

        Parameters
        ----------
        rows : Rows
            The table.
        n_levels : sequence of int
            Levels of each category column.
        resolution : ndarray of shape (n_numbers,)
            Step between neighbouring values, in scaled units.
        blocks : Blocks
            Blocks of number columns.
        """
        n_levels = np.asarray(n_levels, dtype=np.intp)
        counts = level_counts(rows, int(n_levels.sum()))
        starts = np.cumsum(n_levels) - n_levels
        shares = counts + LEVEL_ROWS
        totals = _column_sums(shares, starts)
        alphas = CATEGORY_ROWS * shares / np.repeat(totals, n_levels)
        spread = CLUSTERS ** (-2.0 / max(len(resolution), 1))
        return cls(alphas, starts, spread, np.asarray(resolution, float), blocks)

    def _scale(self, columns, n_correlated):
        """Diagonal of the prior scale matrix of a block, and degrees of freedom."""
        dof = n_correlated + 2.0
        # Values are known to half a step: no component is narrower for certain.
        floor = dof * self.resolution[columns] ** 2 / 12
        return np.maximum(self.spread, floor), dof

    def category_log_marginals(self, counts):
        """Log marginal likelihood of each category column: (n_sets, n_categories)."""
        gains = gammaln(self.alphas + counts) - gammaln(self.alphas)
        totals = _column_sums(counts, self.starts)
        gains = _column_sums(gains, self.starts)
        return gains + gammaln(CATEGORY_ROWS) - gammaln(CATEGORY_ROWS + totals)

    def single_log_marginals(self, observed, sums, squares):
        """Log marginal likelihood of each single column: (n_sets, n_singles)."""
        scale, dof = self._scale(self.blocks.singles, 1)
        after = scale + squares - sums**2 / (KAPPA + observed)
        logs = gammaln((dof + observed) / 2) - gammaln(dof / 2)
        logs += 0.5 * np.log(KAPPA / (KAPPA + observed))
        logs += 0.5 * dof * np.log(scale) - 0.5 * (dof + observed) * np.log(after)
        return logs - 0.5 * observed * np.log(np.pi)

    def block_log_marginals(self, block, statistics, pairs=None):
        """Log marginal likelihood of a larger block, of sets or of unions of two."""
        scale, dof = self._scale(block, len(block))
        if pairs is None:
            pairs = np.repeat(np.arange(len(statistics[0]))[:, np.newaxis], 2, axis=1)
        mean = np.zeros(len(block))
        return full_log_marginals(*statistics, pairs, mean, KAPPA, dof, np.diag(scale))

    def log_marginals(self, statistics):
        """Log marginal likelihood of each set: (n_sets,)."""
        logs = self.category_log_marginals(statistics.counts).sum(axis=1)
        logs += self.single_log_marginals(
            statistics.observed, statistics.sums, statistics.squares
        ).sum(axis=1)
        for block, part in zip(self.blocks.larger, statistics.larger, strict=True):
            logs += self.block_log_marginals(block, part)
        return logs

    def pair_log_marginals(self, statistics, pairs):
        """Log marginal likelihood of the union of each pair of sets: (n_pairs,)."""
        logs = np.empty(len(pairs))
        width = len(self.alphas) + 3 * len(self.blocks.singles) + 1
        step = max(1, PAIR_NUMBERS // width)
        for start in range(0, len(pairs), step):
            first, second = pairs[start : start + step].T
            counts, observed, sums, squares = (
                part[first] + part[second]
                for part in (
                    statistics.counts,
                    statistics.observed,
                    statistics.sums,
                    statistics.squares,
                )
            )
            logs[start : start + step] = self.category_log_marginals(counts).sum(axis=1)
            singles = self.single_log_marginals(observed, sums, squares)
            logs[start : start + step] += singles.sum(axis=1)
        for block, part in zip(self.blocks.larger, statistics.larger, strict=True):
            logs += self.block_log_marginals(block, part, pairs)
        return logs

    def expected_parameters(self, statistics):
        """Expectations of the log parameters under the variational posterior."""
        sizes = statistics.sizes
        log_weights = digamma(1 + sizes) - digamma(len(sizes) + sizes.sum())
        totals = CATEGORY_ROWS + _column_sums(statistics.counts, self.starts)
        level_logs = digamma(self.alphas + statistics.counts)
        level_logs -= digamma(self._by_level(totals))
        scale, dof = self._scale(self.blocks.singles, 1)
        kappas = KAPPA + statistics.observed
        means = statistics.sums / kappas
        after = scale + statistics.squares - statistics.sums * means
        dofs = dof + statistics.observed
        constants = digamma(dofs / 2) + np.log(2) - np.log(after) - LOG_TWO_PI
        constants = 0.5 * (constants - 1 / kappas)
        larger = (
            self._expected_block(block, *part)
            for block, part in zip(self.blocks.larger, statistics.larger, strict=True)
        )
        return _parameters(
            log_weights, level_logs, constants, means, 0.5 * dofs / after, larger
        )

    def _block_posterior(self, block, observed, sums, squares):
        """Means, scale matrices, degrees of freedom and kappas after the rows."""
        scale, dof = self._scale(block, len(block))
        kappas = KAPPA + observed
        means = sums / kappas[:, np.newaxis]
        lower = squares - sums[:, :, np.newaxis] * means[:, np.newaxis, :]
        lower = np.tril(lower) + np.diag(scale)
        after = lower + np.tril(lower, -1).transpose(0, 2, 1)
        return means, after, dof + observed, kappas

    def _expected_block(self, block, observed, sums, squares):
        means, after, dofs, kappas = self._block_posterior(
            block, observed, sums, squares
        )
        q = len(block)
        constants = digamma((dofs[:, np.newaxis] - np.arange(q)) / 2).sum(axis=1)
        constants += q * np.log(2) - gaussian_factors(after)[1]
        constants -= q * LOG_TWO_PI + q / kappas
        covariances = after / dofs[:, np.newaxis, np.newaxis]
        return BlockParameters(0.5 * constants, means, covariances)

    def plug_in_parameters(self, statistics):
        """Parameters of a plain mixture: posterior means of what each component is."""
        sizes = statistics.sizes
        log_weights = np.log((1 + sizes) / (len(sizes) + sizes.sum()))
        totals = CATEGORY_ROWS + _column_sums(statistics.counts, self.starts)
        level_logs = np.log((self.alphas + statistics.counts) / self._by_level(totals))
        scale, dof = self._scale(self.blocks.singles, 1)
        means = statistics.sums / (KAPPA + statistics.observed)
        after = scale + statistics.squares - statistics.sums * means
        variances = after / (dof + statistics.observed - 2)
        constants = -0.5 * (LOG_TWO_PI + np.log(variances))
        larger = (
            self._plug_in_block(block, *part)
            for block, part in zip(self.blocks.larger, statistics.larger, strict=True)
        )
        return _parameters(
            log_weights, level_logs, constants, means, 0.5 / variances, larger
        )

    def _plug_in_block(self, block, observed, sums, squares):
        means, after, dofs, _ = self._block_posterior(block, observed, sums, squares)
        q = len(block)
        # Positive: the prior has q + 2 degrees of freedom.
        covariances = after / (dofs - q - 1)[:, np.newaxis, np.newaxis]
        constants = -0.5 * (q * LOG_TWO_PI + gaussian_factors(covariances)[1])
        return BlockParameters(constants, means, covariances)

    def _by_level(self, totals):
        """Repeat values of columns for each of their levels."""
        n_levels = np.diff(self.starts, append=len(self.alphas))
        return np.repeat(totals, n_levels, axis=-1)


def level_counts(rows, n_levels):
    """Weights of the levels in a table."""
    counts = np.zeros(n_levels)
    for column in rows.levels.T:
        seen = column >= 0
        counts += np.bincount(column[seen], rows.weights[seen], n_levels)
    return counts


def _column_sums(values, starts):
    """Sums over the levels of each category column."""
    if len(starts) == 0:
        return np.zeros((*values.shape[:-1], 0))
    return np.add.reduceat(values, starts, axis=-1)


def _parameters(log_weights, level_logs, constants, means, halves, larger):
    """Bring parameters of sets to the order that the kernels take."""
    turned = (
        np.ascontiguousarray(part.T) for part in (level_logs, constants, means, halves)
    )
    return Parameters(log_weights, *turned, tuple(larger))
