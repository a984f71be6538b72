"""Weighted Gaussians: densities, responsibilities, moments, shrinkage and criteria.

Expectation and maximisation alternate two pure functions::

    sizes, means, scatters, log_likelihood = expected_moments(gaussians, rows, weights)
    covariances = shrunk_covariances(sizes, scatters, target, n_prior)
    gaussians = Gaussians.of_weights(sizes, means, covariances)
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from ._fitted_state import check_arrays
from .kernels._same_width import check_same_width
from .kernels.gaussians import (
    add_diagonal_moments,
    add_full_moments,
    diagonal_log_densities,
    full_log_densities,
    gaussian_factors,
    near_log_densities,
    share_rows,
    sum_by_group,
)

LOG_TWO_PI = float(np.log(2 * np.pi))
# Rows whose densities under all components are held at once.
CHUNK_ROWS = 512
# With no more components, to look at all is faster than to tell which are near.
FEW_COMPONENTS = 64


@dataclass(frozen=True)
class Gaussians:
    """Gaussians with mixing weights; made by :meth:`of` or :meth:`of_weights`.

    Parameters
    ----------
    log_weights : ndarray of shape (n_components,)
        Logs of the mixing weights.
    means : ndarray of shape (n_components, n_features)
        Means.
    covariances : ndarray
        Covariances, (n_components, n_features, n_features), or variances of
        independent columns, (n_components, n_features).
    factors : ndarray of the same shape
        Lower triangular ``inv(L)`` of each covariance ``L @ L.T``, or inverse
        standard deviations.
    log_determinants : ndarray of shape (n_components,)
        Of the covariances.
    """

    log_weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    factors: np.ndarray
    log_determinants: np.ndarray

    @classmethod
    def of(cls, log_weights, means, covariances):
        """Gaussians of some means and covariances; the weights stay as they are."""
        if covariances.ndim == 3:
            factors, log_determinants = gaussian_factors(covariances)
        else:
            factors = 1 / np.sqrt(covariances)
            log_determinants = np.log(covariances).sum(axis=1)
        means = np.ascontiguousarray(means)
        return cls(log_weights, means, covariances, factors, log_determinants)

    @classmethod
    def of_weights(cls, weights, means, covariances):
        """Gaussians with shares of some weights, such as those of their rows."""
        return cls.of(_log_shares(weights), means, covariances)

    def reweighted(self, weights):
        """The same components with shares of other weights."""
        return replace(self, log_weights=_log_shares(weights))

    def _check_state(self):
        axes = "kpp" if np.ndim(self.covariances) == 3 else "kp"
        check_arrays(
            "Gaussians",
            log_weights=(self.log_weights, "f", "k"),
            means=(self.means, "f", "kp"),
            covariances=(self.covariances, "f", axes),
            factors=(self.factors, "f", axes),
            log_determinants=(self.log_determinants, "f", "k"),
        )

    @property
    def full(self):
        """Whether covariances are matrices."""
        return self.covariances.ndim == 3

    @property
    def constants(self):
        """Log of weight times density of each component at its mean."""
        n_features = self.means.shape[1]
        return self.log_weights - 0.5 * (
            self.log_determinants + n_features * LOG_TWO_PI
        )

    def __len__(self):
        return len(self.means)

    def __getitem__(self, chosen):
        """Some of the components, with the weights that they have here."""
        return Gaussians(*(part[chosen] for part in vars(self).values()))


def _log_shares(weights):
    with np.errstate(divide="ignore"):
        return np.log(weights / weights.sum())


def log_densities(gaussians, rows):
    """Log of weight times density of every component at every row.

    Every row meets the same operations, whatever other rows there are.

    Parameters
    ----------
    gaussians : Gaussians
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        The logs. O(n_samples · n_components · n_features²) time, without the
        square for independent columns.
    """
    check_same_width(rows, gaussians.means)
    kernel = full_log_densities if gaussians.full else diagonal_log_densities
    return kernel(rows, gaussians.means, gaussians.constants, gaussians.factors)


def group_log_densities(gaussians, rows, groups):
    """Log of weight times density, summed over the components of each group.

    Made for many components, of which few matter at each row: those more than 40
    nats below the best one count as nothing.

    Parameters
    ----------
    gaussians : Gaussians
        With matrices as covariances.
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    groups : ndarray of shape (n_components,), dtype=intp
        Group of each component, ``0..n_groups - 1``.

    Returns
    -------
    ndarray of shape (n_samples, n_groups)
        The logs; -inf where they vanish beside the largest.
    """
    check_same_width(rows, gaussians.means)
    totals = np.empty((len(rows), int(groups.max()) + 1))
    for part, logs in _near_logs(gaussians, rows):
        sum_by_group(logs, groups, totals[part])
    return totals


class Expected(NamedTuple):
    """Moments of components, rows shared by responsibility.

    Parameters
    ----------
    sizes : ndarray of shape (n_components,)
        Weight of each.
    means : ndarray of shape (n_components, n_features)
        Mean of each; the old one where there is no weight.
    scatters : ndarray
        Weighted sums of the outer products of the rows less that mean, in the shape
        of the covariances; of the squares for independent columns.
    log_likelihood : float
        Weighted sum of the rows' log densities.
    """

    sizes: np.ndarray
    means: np.ndarray
    scatters: np.ndarray
    log_likelihood: float


def expected_moments(gaussians, rows, weights):
    """E step: share rows among components, and add them up.

    Parameters
    ----------
    gaussians : Gaussians
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.

    Returns
    -------
    Expected
    """
    means = gaussians.means
    sizes, sums = np.zeros(len(means)), np.zeros(means.shape)
    scatters = np.zeros(gaussians.covariances.shape)
    add = add_full_moments if gaussians.full else add_diagonal_moments
    log_likelihood = 0.0
    for part, shares in _near_logs(gaussians, rows):
        log_likelihood += share_rows(shares, weights[part])
        # About the old means, near the new ones: no digits are lost.
        add(rows[part], shares, means, sizes, sums, scatters)
    moved = sums / np.where(sizes > 0, sizes, 1)[:, np.newaxis]
    if gaussians.full:
        scatters -= sums[:, :, np.newaxis] * moved[:, np.newaxis]
        scatters = _symmetric(scatters)
    else:
        scatters -= sums * moved
    return Expected(sizes, means + moved, scatters, log_likelihood)


def log_likelihood(gaussians, rows, weights):
    """Weighted sum of the rows' log densities, as :func:`expected_moments` has it."""
    return sum(
        share_rows(logs, weights[part]) for part, logs in _near_logs(gaussians, rows)
    )


def _near_logs(gaussians, rows):
    """Chunks of rows, and their log densities under the components near them."""
    columns = np.ascontiguousarray(gaussians.means.T)
    arguments = (gaussians.means, columns, gaussians.constants, gaussians.factors)
    every = len(gaussians) <= FEW_COMPONENTS or not gaussians.full
    if not every:
        # Rounded down: eigenvalues are exact to some digits only.
        precisions = (1 - 1e-9) / np.linalg.eigvalsh(gaussians.covariances)[:, -1]
    for start in range(0, len(rows), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        if every:
            yield part, log_densities(gaussians, rows[part])
        else:
            yield part, near_log_densities(rows[part], *arguments, precisions)


def _symmetric(matrices):
    """Matrices with the lower triangles of some."""
    lower = np.tril(matrices)
    return lower + np.tril(matrices, -1).transpose(0, 2, 1)


def expected_log_densities(gaussians, sizes, means, scatters):
    """Log of weight times density, averaged over the rows of each of some sets.

    Parameters
    ----------
    gaussians : Gaussians
    sizes : ndarray of shape (n_sets,)
        Weights of the sets.
    means : ndarray of shape (n_sets, n_features)
        Their means.
    scatters : ndarray of shape (n_sets, n_features, n_features) or (n_sets, \
            n_features)
        Products about the means, or squares for independent columns.

    Returns
    -------
    ndarray of shape (n_sets, n_components)
        The logs; a set without weight counts as its mean.
    """
    logs = log_densities(gaussians, means)
    factors = gaussians.factors
    if gaussians.full:
        precisions = np.einsum("kji,kjl->kil", factors, factors)
        spread = np.einsum("cil,kil->ck", scatters, precisions)
    else:
        spread = np.einsum("ci,ki->ck", scatters, factors**2)
    return logs - 0.5 * spread / np.where(sizes > 0, sizes, 1)[:, np.newaxis]


def shrunk_covariances(sizes, scatters, target, n_prior):
    """Covariances, each drawn towards a target that counts as some rows.

    Parameters
    ----------
    sizes : ndarray of shape (n_components,)
        Weights of the components.
    scatters : ndarray of shape (n_components, n_features, n_features)
        Weighted sums of outer products about their means.
    target : ndarray of shape (n_features, n_features)
        Covariance that they are drawn to, the pooled one for instance.
    n_prior : float or ndarray of shape (n_components,)
        Rows that the target counts as.

    Returns
    -------
    ndarray of shape (n_components, n_features, n_features)
        ``(scatter + n_prior * target) / (size + n_prior)``.
    """
    n_prior = np.broadcast_to(n_prior, sizes.shape)[:, np.newaxis, np.newaxis]
    sizes = sizes[:, np.newaxis, np.newaxis]
    return (scatters + n_prior * target) / (sizes + n_prior)


def n_free_parameters(covariance_type, n_components, n_features):
    """Free parameters of weights, means and covariances.

    Parameters
    ----------
    covariance_type : {"full", "tied", "diag", "spherical"}
        As in scikit-learn's GaussianMixture.
    n_components, n_features : int
        Sizes of the mixture.

    Returns
    -------
    int
    """
    n_entries = n_features * (n_features + 1) // 2
    of_covariances = {
        "full": n_components * n_entries,
        "tied": n_entries,
        "diag": n_components * n_features,
        "spherical": n_components,
    }[covariance_type]
    return of_covariances + n_components * (n_features + 1) - 1


def bic(log_likelihood, n_parameters, weight):
    """Bayesian information criterion, the lower the better [1]_.

    Parameters
    ----------
    log_likelihood : float
        Weighted sum over the rows.
    n_parameters : float
        Free parameters.
    weight : float
        Weight of all rows.

    Returns
    -------
    float

    References
    ----------
    .. [1] G. Schwarz, "Estimating the dimension of a model", Annals of
       Statistics 6, 1978.
    """
    return float(n_parameters * np.log(weight) - 2 * log_likelihood)


def aic(log_likelihood, n_parameters):
    """Akaike information criterion, the lower the better."""
    return float(2 * n_parameters - 2 * log_likelihood)


def sample(gaussians, n_samples, rng):
    """Draw rows from a mixture.

    Parameters
    ----------
    gaussians : Gaussians
        The weights need not add up to 1.
    n_samples : int
        Rows wanted.
    rng : numpy.random.Generator
        What draws.

    Returns
    -------
    rows : ndarray of shape (n_samples, n_features)
        Rows, in the order of their components.
    components : ndarray of shape (n_samples,), dtype=intp
        What each was drawn from.
    """
    shares = np.exp(gaussians.log_weights - gaussians.log_weights.max())
    counts = rng.multinomial(n_samples, shares / shares.sum())
    components = np.repeat(np.arange(len(gaussians)), counts)
    rows = rng.standard_normal((n_samples, gaussians.means.shape[1]))
    if not gaussians.full:
        rows /= gaussians.factors[components]
        return rows + gaussians.means[components], components
    for c in np.flatnonzero(counts):
        drawn = components == c
        rows[drawn] = solve_triangular(
            gaussians.factors[c], rows[drawn].T, lower=True
        ).T
    return rows + gaussians.means[components], components
