"""Overlapping Gaussians, which only the assumption of Gaussians separates."""

import numpy as np

from .._gaussians import Gaussians, bic, expected_moments
from ..kernels.gaussians import moments
from ._bisection import BisectingTree, Table
from ._cell_gaussians import cell_covariances, n_shrunk_parameters, within_covariance

EM_STEPS = 50
# Relative gain of the log-likelihood at which a mixture has converged.
TOLERANCE = 1e-7
# Numbers of components tried after the best one.
PATIENCE = 3
MAX_COMPONENTS = 32
LEAST_ROWS = 3
# Rows that belong to a group with less probability are left out of it.
NEGLIGIBLE = 1e-3


def split_into_gaussians(coordinates, weights, shares, n_most=None):
    """Describe every group by the Gaussian mixture with the best BIC.

    Parameters
    ----------
    coordinates : ndarray of shape (n_rows, n_features), dtype=float64
        Distinct rows in value order.
    weights : ndarray of shape (n_rows,)
        Their weights.
    shares : ndarray of shape (n_rows, n_groups)
        Probability of every group at each row. Cutting rows between groups would
        leave shapes that are not Gaussian.
    n_most : int, default=None
        Most components in all; None for no limit.

    Returns
    -------
    Gaussians
        The components of all groups.

    Notes
    -----
    Each group costs up to 32 mixtures with two kinds of covariances and 50 steps
    of expectation and maximisation.
    """
    spare = np.inf if n_most is None else n_most - shares.shape[1]
    parts = []
    for share in shares.T:
        belongs = share > NEGLIGIBLE
        table = Table(coordinates[belongs], weights[belongs] * share[belongs])
        sizes, gaussians = _best_mixture(table, 1 + spare)
        spare -= len(sizes) - 1
        parts.append((sizes, gaussians.means, gaussians.covariances))
    return Gaussians.of_weights(*map(np.concatenate, zip(*parts, strict=True)))


def _best_mixture(table, n_most):
    """Sizes and Gaussians of the number of components with the lowest BIC."""
    tree = BisectingTree(table)
    best, lowest, n_worse = None, np.inf, 0
    for n_components in range(1, int(min(n_most, MAX_COMPONENTS)) + 1):
        parts = tree.partition(n_components)
        # However much it weighs, a few distinct rows have no covariance.
        has_shape = all(len(part) >= LEAST_ROWS for part in parts)
        if len(parts) < n_components or n_worse == PATIENCE:
            break
        if n_components > 1 and not has_shape:
            break
        fits = [_fit_mixture(table, parts, tied) for tied in (True, False)]
        *mixture, criterion = min(fits, key=lambda fit: fit[-1])
        n_worse = 0 if criterion < lowest else n_worse + 1
        if criterion < lowest:
            best, lowest = mixture, criterion
    return best


def _fit_mixture(table, parts, tied):
    """Expectation and maximisation from a partition: sizes, Gaussians, BIC."""
    rows, weights = table.rows, table.weights
    labels = np.empty(len(rows), dtype=np.intp)
    for label, part in enumerate(parts):
        labels[part] = label
    sizes, means, scatters = moments(rows, weights, labels, len(parts))
    before = -np.inf
    for _ in range(EM_STEPS):
        covariances = cell_covariances(sizes, scatters)
        if tied:
            covariances[:] = within_covariance(sizes, scatters)
        own_sizes = sizes
        gaussians = Gaussians.of_weights(sizes, means, covariances)
        sizes, means, scatters, likelihood = expected_moments(gaussians, rows, weights)
        if likelihood - before <= TOLERANCE * abs(likelihood):
            break
        before = likelihood
    n_parameters = n_shrunk_parameters(own_sizes, rows.shape[1], tied)
    return own_sizes, gaussians, bic(likelihood, n_parameters, table.weight)
