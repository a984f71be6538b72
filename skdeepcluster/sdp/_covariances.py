"""Covariances of groups from scatters, never singular, in four families."""

from typing import NamedTuple

import numpy as np

from .._fitted_state import check_arrays
from .._gaussians import Gaussians, log_densities
from ..kernels.gaussians import gaussian_factors
from ..kernels.kmeans import center_sums

# Variance added to every direction, as a share of the table's mean variance.
REGULARISATION = 1e-3
# Families whose covariances are variances of columns.
INDEPENDENT = ("diag", "spherical")


class CovarianceFamily:
    """How covariances follow from scatters.

    Parameters
    ----------
    kind : {"full", "tied", "diag", "spherical"}
        As in scikit-learn's GaussianMixture.
    X : ndarray of shape (n_samples, n_features)
        Rows; their variance sets the regularisation.
    n_columns : int, default=None
        Columns of the table, where the rows are coordinates in their span; None for
        those of the rows.
    """

    def __init__(self, kind, X, n_columns=None):
        self.kind = kind
        self.n_columns = X.shape[1] if n_columns is None else n_columns
        variance = 0.0
        if self.n_columns:
            squares = np.square(X - X.mean(axis=0)).mean(axis=0)
            variance = float(squares.sum() / self.n_columns)
        self.ridge = REGULARISATION * (variance or 1.0)
        # A row's cost in the directions beside the span, the same in all groups.
        self.cost_beside = (self.n_columns - X.shape[1]) * np.log(self.ridge) / 2

    def scatter_of(self, rows):
        """Sum of outer products, or of squares where columns are independent."""
        if self.kind in INDEPENDENT:
            return np.square(rows).sum(axis=0)
        return scatter_of(rows)

    def estimate(self, scatters, sizes):
        """Regularised covariances that maximise the likelihood in the family.

        Parameters
        ----------
        scatters : ndarray of shape (n_groups, n_features, n_features) or \
                (n_groups, n_features)
            Sums of :meth:`scatter_of` about the means of the groups.
        sizes : ndarray of shape (n_groups,)
            Positive sizes of the groups.

        Returns
        -------
        ndarray of the same shape
            Positive definite. A group of at most n_columns + 1 rows is mixed
            with the pooled covariance.
        """
        pooled = scatters.sum(axis=0) / sizes.sum()
        if self.kind == "tied":
            return self._definite(np.repeat(pooled[np.newaxis], len(sizes), axis=0))
        share = sizes / (sizes + self.n_columns + 1)
        share = np.where(sizes <= self.n_columns + 1, share, 1.0)
        share, sizes = (_beside(values, scatters) for values in (share, sizes))
        covariances = share * (scatters / sizes) + (1 - share) * pooled
        if self.kind not in INDEPENDENT:
            return self._definite(covariances)
        if self.kind == "spherical" and self.n_columns > 0:
            means = covariances.mean(axis=1, keepdims=True)
            covariances = np.repeat(means, self.n_columns, axis=1)
        return np.maximum(covariances, 0) + self.ridge

    def _definite(self, covariances):
        """Add the ridge; lift eigenvalues below half of it.

        Only scatters of a relaxation that has not converged have such: the
        others never meet LAPACK, whose bits depend on threads for many columns.
        """
        unit = self.ridge * np.eye(covariances.shape[1])
        _, log_dets = gaussian_factors(covariances + unit / 2)
        covariances = covariances + unit
        for c in np.flatnonzero(~np.isfinite(log_dets)):
            values, vectors = np.linalg.eigh(covariances[c])
            vectors = vectors * np.sqrt(np.maximum(values, self.ridge / 2))
            covariances[c] = np.einsum("fv,gv->fg", vectors, vectors)
        return covariances


class GroupFit(NamedTuple):
    """Gaussians of groups.

    Parameters
    ----------
    sizes : ndarray of shape (n_groups,)
        Rows of each, or sums of responsibilities.
    means : ndarray of shape (n_groups, n_features)
        Their means.
    covariances : ndarray of shape (n_groups, n_features, n_features) or \
            (n_groups, n_features)
        Their regularised covariances; variances of independent columns.
    labels : ndarray of shape (n_samples,), dtype=intp
        The partition that they were made from.
    cost : float
        ``sum_c n_c / 2 (log det S_c + trace(S_c^-1 W_c) / n_c)`` of that
        partition: its negative log-likelihood, up to a constant.
    """

    sizes: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    labels: np.ndarray
    cost: float

    def _check_state(self):
        axes = "kpp" if np.ndim(self.covariances) == 3 else "kp"
        check_arrays(
            "GroupFit",
            sizes=(self.sizes, "f", "k"),
            means=(self.means, "f", "kp"),
            covariances=(self.covariances, "f", axes),
        )

    def gaussians(self):
        """Mixture whose weights are the shares of the rows."""
        return Gaussians.of_weights(self.sizes, self.means, self.covariances)

    def log_densities(self, X):
        """Joint log densities of rows and groups, each row by itself."""
        if X.shape[1] == 0:
            return np.zeros((len(X), len(self.sizes))) + np.log(self.sizes)
        return log_densities(self.gaussians(), X)

    def only(self, groups):
        """Some of the groups, in a given order."""
        return self._replace(
            sizes=self.sizes[groups],
            means=self.means[groups],
            covariances=self.covariances[groups],
        )


def fit_groups(X, labels, family, weights=None):
    """Gaussians of the groups of a partition; those without rows are dropped.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    labels : ndarray of shape (n_samples,), dtype=intp
        Groups.
    family : CovarianceFamily
        Regularisation and family.
    weights : ndarray of shape (n_samples,), default=None
        Positive weights of the rows; None for 1.

    Returns
    -------
    GroupFit
    """
    weights = np.ones(len(X)) if weights is None else weights
    _, labels = np.unique(labels, return_inverse=True)
    n_groups = int(labels.max()) + 1
    sums, sizes = center_sums(X, weights, labels, n_groups)
    means = sums / sizes[:, np.newaxis]
    centred = np.sqrt(weights)[:, np.newaxis] * (X - means[labels])
    scatters = np.stack(
        [family.scatter_of(centred[labels == c]) for c in range(n_groups)]
    )
    covariances = family.estimate(scatters, sizes)
    cost = hard_cost(scatters, sizes, covariances) + sizes.sum() * family.cost_beside
    return GroupFit(sizes, means, covariances, labels, cost)


def hard_cost(scatters, sizes, covariances):
    """Cost of scatters and sizes at given covariances."""
    if covariances.ndim == 2:
        traces = (scatters / covariances).sum(axis=1)
        log_dets = np.log(covariances).sum(axis=1)
        return float((traces + sizes * log_dets).sum() / 2)
    inverse_factors, log_dets = gaussian_factors(covariances)
    whitened = np.einsum("cfg,cgh->cfh", inverse_factors, scatters)
    traces = np.einsum("cfh,cfh->c", whitened, inverse_factors)
    return float((traces + sizes * log_dets).sum() / 2)


def _beside(values, scatters):
    """One value per group, to be multiplied with matrices or vectors of each."""
    return values.reshape(-1, *[1] * (scatters.ndim - 1))


def scatter_of(rows):
    """Sum of outer products; no matrix product, whose bits depend on threads."""
    return np.einsum("if,ig->fg", rows, rows)
