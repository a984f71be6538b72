"""A mixture after its fit: densities of rows, gaps filled, rows drawn."""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, softmax

from .._fitted_state import check_arrays, check_indices
from .._rows import canonical_order
from ..kernels.gaussians import cholesky
from ._blocks import as_one_block
from ._observations import Observations
from ._statistics import Arranged, Blocks, Parameters, Rows

# Rows that are looked at at once.
CHUNK_ROWS = 1 << 14


class FittedMixture(NamedTuple):
    """What labels rows.

    Parameters
    ----------
    observations : Observations
        How cells become numbers and levels.
    blocks : Blocks
        Which numbers are correlated.
    parameters : Parameters
        The components.
    """

    observations: Observations
    blocks: Blocks
    parameters: Parameters

    def _check_state(self):
        parts, p = self.parameters, len(self.observations.numbers)
        lengths = check_arrays(
            "FittedMixture",
            log_weights=(parts.log_weights, "f", "k"),
            level_logs=(parts.level_logs, "f", "lk"),
            constants=(parts.constants, "f", "sk"),
            means=(parts.means, "f", "sk"),
            halves=(parts.halves, "f", "sk"),
            singles=(self.blocks.singles, "i", "s"),
        )
        check_indices("FittedMixture", p, singles=self.blocks.singles)
        for columns, block in zip(self.blocks.larger, parts.larger, strict=True):
            check_indices("FittedMixture", p, columns=columns)
            check_arrays(
                "FittedMixture",
                log_weights=(parts.log_weights, "f", "k"),
                columns=(columns, "i", "b"),
                constants=(block.constants, "f", "k"),
                means=(block.means, "f", "kb"),
                covariances=(block.covariances, "f", "kbb"),
            )
        if lengths["l"] != sum(self.observations.n_levels):
            raise ValueError("level_logs of FittedMixture are of other levels")

    @property
    def n_components(self):
        """Number of components."""
        return len(self.parameters.log_weights)

    def log_densities(self, numbers, levels):
        """Log of weight times density of every component, in chunks of rows."""
        for start in range(0, len(numbers), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            rows = Rows(numbers[part], levels[part], None, None)
            yield self.parameters.log_densities(Arranged.of(rows, self.blocks))

    def labels(self, numbers, levels):
        """Most probable component of each row."""
        parts = [logs.argmax(axis=1) for logs in self.log_densities(numbers, levels)]
        return np.concatenate(parts)

    def probabilities(self, numbers, levels):
        """Probability of each component at each row."""
        return np.concatenate(
            [softmax(x, axis=1) for x in self.log_densities(numbers, levels)]
        )

    def scores(self, numbers, levels):
        """Log density of the mixture, in units of the table."""
        parts = [logsumexp(x, axis=1) for x in self.log_densities(numbers, levels)]
        return np.concatenate(parts) + self.observations.log_jacobians(numbers)

    @property
    def gaussians(self):
        """Means and covariances of all numbers, zero between the blocks."""
        p = len(self.observations.numbers)
        block = as_one_block(self.parameters, self.blocks, p)
        return block.means, block.covariances

    def expected_numbers(self, numbers, levels):
        """Numbers with every gap filled by its conditional mean."""
        shares = self.probabilities(numbers, levels)
        means, covariances = self.gaussians
        filled = np.zeros(numbers.shape)
        gaps = np.isnan(numbers)
        patterns, of_row = np.unique(gaps, axis=0, return_inverse=True)
        of_row = of_row.ravel()
        for place, gap in enumerate(patterns):
            rows = np.flatnonzero(of_row == place)
            for c in range(self.n_components):
                values = np.tile(means[c], (len(rows), 1))
                away = numbers[rows][:, ~gap] - means[c, ~gap]
                known = covariances[c][~gap][:, ~gap]
                slope = np.linalg.solve(known, covariances[c][~gap][:, gap])
                values[:, gap] += np.einsum("nj,jm->nm", away, slope)
                filled[rows] += shares[rows, c, np.newaxis] * values
        return np.where(gaps, filled, numbers)

    def expected_levels(self, numbers, levels):
        """Most probable level of each category: (n_samples, n_categories)."""
        shares = self.probabilities(numbers, levels)
        chances = np.einsum("nc,lc->nl", shares, np.exp(self.parameters.level_logs))
        ends = np.cumsum(self.observations.n_levels)
        return np.column_stack(
            [
                chances[:, start:end].argmax(axis=1)
                for start, end in zip(
                    ends - self.observations.n_levels, ends, strict=True
                )
            ]
            or [np.empty((len(shares), 0), dtype=np.intp)]
        )

    def draw(self, n_samples, rng):
        """Draw components, numbers without gaps, and codes of levels."""
        components = rng.choice(
            self.n_components, n_samples, p=np.exp(self.parameters.log_weights)
        )
        means, covariances = self.gaussians
        numbers = rng.standard_normal((n_samples, means.shape[1]))
        for c, covariance in enumerate(covariances):
            factor = np.zeros_like(covariance)
            cholesky(covariance, factor)
            here = components == c
            numbers[here] = means[c] + np.einsum("nj,ij->ni", numbers[here], factor)
        chances = np.exp(self.parameters.level_logs.T)
        n_levels = self.observations.n_levels
        codes = np.empty((n_samples, len(n_levels)), dtype=np.intp)
        for j, end in enumerate(np.cumsum(n_levels, dtype=np.intp)):
            steps = np.cumsum(chances[:, end - n_levels[j] : end], axis=1)[components]
            drawn = rng.random((n_samples, 1)) * steps[:, -1:]
            codes[:, j] = (drawn >= steps).sum(axis=1)
        return components, numbers, codes


def chunks_of(rows, order):
    """Parts of a table, one after the other, in some order."""
    for start in range(0, len(order), CHUNK_ROWS):
        yield rows.part(order[start : start + CHUNK_ROWS])


def number_components(observations, mixture, rows):
    """Order components by the rows they label, and drop those that label none.

    Parameters
    ----------
    observations : Observations
        How cells become rows.
    mixture : Mixture
        The components; known ones come first.
    rows : Rows
        Rows to label, with weights, which may be 0, and known components.

    Returns
    -------
    fitted : FittedMixture
        Known components first, then the others, the largest first.
    labels : ndarray of shape (n_samples,), dtype=int64
        Component of each row; that of a row with a known one.
    """
    prior, statistics = mixture.prior, mixture.statistics
    n_known = int(rows.known.max(initial=-1)) + 1
    while True:
        parameters = prior.plug_in_parameters(statistics)
        fitted = FittedMixture(observations, prior.blocks, parameters)
        labels = fitted.labels(rows.numbers, rows.levels)
        labels = np.where(rows.known < 0, labels, rows.known)
        sizes = np.bincount(labels, rows.weights, fitted.n_components)
        means, _ = fitted.gaussians
        centers = np.hstack([means, parameters.level_logs.T])
        order = canonical_order(sizes[n_known:], centers[n_known:]) + n_known
        order = np.concatenate([np.arange(n_known), order[sizes[order] > 0]])
        statistics = statistics[order]
        if len(order) == fitted.n_components:
            parameters = prior.plug_in_parameters(statistics)
            fitted = FittedMixture(observations, prior.blocks, parameters)
            return fitted, np.argsort(order)[labels]
