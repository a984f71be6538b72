"""Gaussians of cells, whose covariances are shrunk towards the pooled one."""

import numpy as np

from .._gaussians import Gaussians, expected_moments, shrunk_covariances

# Least variance of any direction, as a share of the mean one: of the pooled
# covariance, and of any, which must stay above the rounding of the largest.
POOLED_FLOOR, LEAST_FLOOR = 1e-9, 1e-13
# Least pooled variance, of coordinates that vary by about 1: far above the squares of
# their rounding, which is all that varies where each group is one distinct row.
LEAST_VARIANCE = 1e-26
# Rounding of scatters about a mean, as a share of how far it moved, squared.
ROUNDING = 1e-13


def within_covariance(sizes, scatters):
    """Pooled covariance within cells, kept from being singular.

    Parameters
    ----------
    sizes : ndarray of shape (n_cells,)
        Weights of the cells.
    scatters : ndarray of shape (n_cells, n_features, n_features)
        Weighted sums of outer products about their means.

    Returns
    -------
    ndarray of shape (n_features, n_features)
        Positive definite.
    """
    pooled = scatters.sum(axis=0) / sizes.sum()
    n_features = len(pooled)
    floor = max(POOLED_FLOOR * np.trace(pooled) / n_features, LEAST_VARIANCE)
    return pooled + floor * np.eye(n_features)


def cell_covariances(sizes, scatters, pooled=None):
    """Covariances shrunk towards the pooled one, which counts as p + 2 rows.

    Parameters
    ----------
    sizes, scatters : ndarray
        See :func:`within_covariance`.
    pooled : ndarray of shape (n_features, n_features), default=None
        What they are shrunk to; None for their own pooled covariance.

    Returns
    -------
    ndarray of shape (n_cells, n_features, n_features)
        Positive definite.
    """
    if pooled is None:
        pooled = within_covariance(sizes, scatters)
    n_features = len(pooled)
    prior = n_features + 2.0
    covariances = shrunk_covariances(sizes, scatters, pooled, prior)
    # A few distinct rows of much weight are hardly shrunk, and singular then:
    # every direction gets what the pooled covariance lacks to prevent it.
    floor = POOLED_FLOOR * np.trace(pooled) * prior / (sizes + prior)
    least = LEAST_FLOOR * np.trace(covariances, axis1=1, axis2=2)
    lacking = np.maximum(least - floor, 0.0)[:, np.newaxis, np.newaxis]
    return covariances + lacking / n_features * np.eye(n_features)


def em_step(gaussians, rows, weights):
    """Mixture after one step of expectation and maximisation."""
    expected = expected_moments(gaussians, rows, weights)
    covariances = cell_covariances(expected.sizes, expected.scatters)
    moved = np.square(expected.means - gaussians.means).sum(axis=1)
    covariances += ROUNDING * moved[:, np.newaxis, np.newaxis] * np.eye(rows.shape[1])
    return Gaussians.of_weights(expected.sizes, expected.means, covariances)


def n_shrunk_parameters(sizes, n_features, tied=False):
    """Free parameters of a mixture with :func:`cell_covariances`.

    A covariance counts by the share that its own rows have in it.

    Parameters
    ----------
    sizes : ndarray of shape (n_components,)
        Weights of the components.
    n_features : int
        Number of columns.
    tied : bool, default=False
        Whether all components have one covariance.

    Returns
    -------
    float
    """
    n_entries = n_features * (n_features + 1) / 2
    n_own = 1.0 if tied else np.sum(sizes / (sizes + n_features + 2))
    return len(sizes) * (n_features + 1) - 1 + n_entries * n_own
