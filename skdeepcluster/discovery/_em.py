"""Expectation and maximization with labeled rows that stay where they are."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from .._gaussians import Gaussians, log_densities
from ..kernels.gaussians import share_rows
from ._niw import CHUNK_ROWS, Moments, mean_log_densities
from ._split_merge import mixing_weights


class FreeRows:
    """Rows without a class, shared among gaussians.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Rows.
    weights : ndarray of shape (n_samples,)
        Their weights.
    """

    def __init__(self, rows, weights):
        self.rows, self.weights = rows, weights

    def expect(self, gaussians):
        """Moments of every component, and the log-likelihood of the rows."""
        n_features = self.rows.shape[1]
        moments = Moments.empty(len(gaussians), n_features, gaussians.full)
        likelihood = 0.0
        for start in range(0, len(self.rows), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            logs = log_densities(gaussians, self.rows[part])
            likelihood += share_rows(logs, self.weights[part])
            moments.add(self.rows[part], logs)
        return moments, likelihood


class FreeCells:
    """Cells without a class: their rows have the same share in a component.

    With cells in place of rows the likelihood is a lower bound of itself
    (Verbeek, Nunnink and Vlassis, 2006), which the same steps raise.

    Parameters
    ----------
    moments : Moments
        Cells.
    """

    def __init__(self, moments):
        self.moments = moments

    def expect(self, gaussians):
        """Moments of every component, and the bound of the log-likelihood."""
        shares = mean_log_densities(gaussians, self.moments)
        bounds = logsumexp(shares, axis=1)
        likelihood = float(np.sum(self.moments.sizes * bounds))
        # All weights are 1 here: the moments hold those of the rows.
        share_rows(shares, np.ones(len(shares)))
        parts = (
            np.einsum("ck,c...->k...", shares, part)
            for part in vars(self.moments).values()
        )
        return Moments(*parts), likelihood


@dataclass(frozen=True)
class Fitted:
    """Outcome of expectation and maximization.

    Parameters
    ----------
    gaussians : Gaussians
        The mixture.
    bounds : list of float
        Log posterior of its parameters before each step, and at the end.
    n_iter : int
        Number of steps.
    converged : bool
        Whether the last step gained less than asked for.
    """

    gaussians: Gaussians
    bounds: list
    n_iter: int
    converged: bool


def maximize_posterior(gaussians, free, labeled, prior, *, alpha, tied, max_iter, tol):
    """Raise the posterior of a mixture until it hardly rises.

    Parameters
    ----------
    gaussians : Gaussians
        The start; the known classes come first.
    free : FreeRows or FreeCells
        What has no class.
    labeled : Moments
        The labeled rows of each known class, which stay in it.
    prior : Prior
        Of every component.
    alpha : float
        Total of the symmetric Dirichlet prior of the mixing weights.
    tied : bool
        Whether all components have one covariance.
    max_iter : int
        Most steps.
    tol : float
        Gain per row below which to stop.

    Returns
    -------
    Fitted
        The mixture, and how it was found.
    """
    n_known, n_features = labeled.sums.shape
    novel = Moments.empty(len(gaussians) - n_known, n_features, labeled.full)
    clamped = labeled.joined(novel)
    bounds, n_iter = [], 0
    while True:
        shared, bound = free.expect(gaussians)
        own = mean_log_densities(gaussians[:n_known], labeled).diagonal()
        bound += float(np.sum(labeled.sizes * own))
        bound += prior.log_density(gaussians, tied)
        bound += alpha * float(gaussians.log_weights.mean())
        bounds.append(bound)
        moments = shared + clamped
        gain = bounds[-1] - bounds[-2] if n_iter else np.inf
        converged = gain / moments.sizes.sum() <= tol
        if converged or n_iter == max_iter:
            return Fitted(gaussians, bounds, n_iter, converged)
        log_weights = mixing_weights(moments.sizes, alpha)
        gaussians = Gaussians.of(log_weights, *prior.most_probable(moments, tied))
        n_iter += 1


def best_components(gaussians, rows):
    """Most probable component of every scaled row."""
    codes = [
        log_densities(gaussians, rows[start : start + CHUNK_ROWS]).argmax(axis=1)
        for start in range(0, len(rows), CHUNK_ROWS)
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *codes])
