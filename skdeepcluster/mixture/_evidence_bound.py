"""The evidence bound of a mixture, and the steps that raise it.

With responsibilities r, statistics completed by the conditional distributions of
the gaps, and all parameters integrated out,

    F = sum over components of (log m(statistics) + log Gamma(1 + N))
        + log Gamma(k) - log Gamma(k + n) + log k! + H(r) + H(gaps)

is a lower bound of the log evidence of the table (plus log k! for the order of the
components), and the evidence itself where r is 0 or 1 and nothing is missing from a
larger block. A step shares the rows anew and completes them anew; it never lowers F.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from ..kernels.mixed import share_rows_of_known
from ._statistics import Prior, Statistics

# Components of less weight hold no row of their own.
LEAST_SIZE = 1.0


def order_terms(n_components, total):
    """What the bound has for the number of components alone."""
    k = n_components
    return float(gammaln(k) - gammaln(k + total) + gammaln(k + 1))


@dataclass(frozen=True)
class Mixture:
    """Shared rows: what a step leaves behind.

    Parameters
    ----------
    prior : Prior
        Prior of every component.
    statistics : Statistics
        Of the components.
    shares : ndarray of shape (n_samples, n_components)
        Responsibilities.
    entropy : float
        Entropy of the responsibilities and of the completed gaps.
    bounds : tuple of float
        F after each step with this number of components.
    converged : bool
        Whether the last step hardly raised F.
    """

    prior: Prior
    statistics: Statistics
    shares: np.ndarray
    entropy: float
    bounds: tuple = ()
    converged: bool = False

    @property
    def n_components(self):
        """Number of components."""
        return len(self.statistics)

    @property
    def bound(self):
        """The evidence bound F."""
        statistics = self.statistics
        sizes = statistics.sizes
        logs = self.prior.log_marginals(statistics) + gammaln(1 + sizes)
        return float(logs.sum() + order_terms(len(sizes), sizes.sum()) + self.entropy)

    @property
    def parameters(self):
        """The plain mixture that labels rows."""
        return self.prior.plug_in_parameters(self.statistics)


def share(arranged, parameters):
    """Responsibilities of components for rows, and their entropy."""
    shares = parameters.log_densities(arranged)
    rows = arranged.rows
    return shares, share_rows_of_known(shares, rows.weights, rows.known)


def step(arranged, prior, statistics):
    """Share and complete rows anew, given statistics of the components.

    Returns
    -------
    statistics, shares, entropy
        See :class:`Mixture`.
    """
    parameters = prior.expected_parameters(statistics)
    shares, entropy = share(arranged, parameters)
    statistics, of_gaps = Statistics.of_rows(arranged, shares, parameters)
    return statistics, shares, entropy + of_gaps


def raise_bound(arranged, prior, statistics, max_iter, tol):
    """Take steps until the bound hardly rises.

    Parameters
    ----------
    arranged : Arranged
        Rows.
    prior : Prior
        Prior of every component.
    statistics : Statistics
        Of the components to start from.
    max_iter : int
        Most steps, at least 1.
    tol : float
        Rise of the bound per row below which to stop.

    Returns
    -------
    Mixture
        The result; components that lost their rows are gone.
    """
    least = tol * arranged.rows.weights.sum()
    n_known = int(arranged.rows.known.max(initial=-1)) + 1
    bounds = []
    for _ in range(max_iter):
        mixture = Mixture(prior, *step(arranged, prior, statistics))
        statistics = mixture.statistics
        kept = statistics.sizes >= min(LEAST_SIZE, statistics.sizes.max())
        kept[:n_known] = True
        if not kept.all():
            # The bound starts anew with fewer components.
            statistics, bounds = statistics[kept], []
            continue
        bounds.append(mixture.bound)
        if len(bounds) > 1 and bounds[-1] - bounds[-2] < least:
            return _finished(mixture, bounds, True)
    if not bounds:
        mixture = Mixture(prior, *step(arranged, prior, statistics))
        bounds = [mixture.bound]
    return _finished(mixture, bounds, False)


def _finished(mixture, bounds, converged):
    return Mixture(
        mixture.prior,
        mixture.statistics,
        mixture.shares,
        mixture.entropy,
        tuple(bounds),
        converged,
    )


def one_component(arranged, prior, n_steps=10):
    """All rows as one component.

    Returns
    -------
    mixture : Mixture
        Its bound is the evidence of the table, for complete blocks.
    completion : Parameters
        The component that completed the gaps of larger blocks.
    """
    shares = np.ones((len(arranged.rows.weights), 1))
    empty = Statistics.empty(1, len(prior.alphas), prior.blocks)
    completion = prior.expected_parameters(empty)
    for _ in range(n_steps if prior.blocks.larger else 1):
        statistics, entropy = Statistics.of_rows(arranged, shares, completion)
        last, completion = completion, prior.expected_parameters(statistics)
    return Mixture(prior, statistics, shares, entropy), last
