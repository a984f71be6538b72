"""Overlapping Gaussians, which only the assumption of Gaussians separates."""

import numpy as np

from ..kernels.gaussians import responsibility_moments
from ._bisection import BisectingTree, Table
from ._merging import Mixture, pooled_covariance, shrunk_covariances

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
    Mixture
        The components of all groups.
    """
    spare = np.inf if n_most is None else n_most - shares.shape[1]
    mixtures = []
    for share in shares.T:
        mine = share > NEGLIGIBLE
        table = Table(coordinates[mine], weights[mine] * share[mine])
        mixture = _best_mixture(table, 1 + spare)
        spare -= len(mixture.sizes) - 1
        mixtures.append(mixture)
    parts = ("sizes", "means", "covariances")
    return Mixture(
        *(np.concatenate([getattr(m, part) for m in mixtures]) for part in parts)
    )


def _best_mixture(table, n_most):
    """Mixture of the best number of components, started from bisecting k-means."""
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
        fits = [_fit(table, parts, tied) for tied in (True, False)]
        mixture, bic = min(fits, key=lambda fit: fit[1])
        n_worse = 0 if bic < lowest else n_worse + 1
        if bic < lowest:
            best, lowest = mixture, bic
    return best


def _fit(table, parts, tied):
    """Expectation and maximisation from a partition; mixture and its BIC."""
    rows, weights = table.rows, table.weights
    mixture, before = None, -np.inf
    shares = np.zeros((len(parts), len(rows)))
    for share, part in zip(shares, parts, strict=True):
        share[part] = weights[part]
    sizes = shares.sum(axis=1)
    means = shares @ rows / sizes[:, np.newaxis]
    scatters = np.array(
        [
            (share[:, np.newaxis] * (rows - mean)).T @ (rows - mean)
            for share, mean in zip(shares, means, strict=True)
        ]
    )
    for _ in range(EM_STEPS):
        covariances = shrunk_covariances(sizes, scatters)
        if tied:
            covariances[:] = pooled_covariance(sizes, scatters)
        mixture = Mixture(sizes, means, covariances)
        sizes, means, scatters, likelihood = responsibility_moments(
            rows, weights, *mixture.arrays()
        )
        if likelihood - before <= TOLERANCE * abs(likelihood):
            break
        before = likelihood
    n_features = rows.shape[1]
    n_shape = n_features * (n_features + 1) / 2
    n_own = 1.0 if tied else np.sum(mixture.sizes / (mixture.sizes + n_features + 2))
    n_parameters = len(parts) * (n_features + 1) - 1 + n_shape * n_own
    return mixture, n_parameters * np.log(table.weight) - 2 * likelihood
