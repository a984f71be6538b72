"""Gaussians under a normal-inverse-Wishart prior, from additive moments."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from .._fitted_state import check_arrays
from .._gaussians import expected_log_densities
from ..kernels.gaussians import (
    add_diagonal_moments,
    add_full_moments,
    full_log_marginals,
)

CHUNK_ROWS = 4096
# Grid of the empirical Bayes prior: pseudo-counts of the covariance and of the mean,
# and the scale against the pooled covariance of the labeled classes.
DOF_GRID = (1, 2, 5, 10, 20, 50, 100, 200, 500)
SCALE_GRID = (0.5, 0.7, 1.0, 1.4, 2.0)
KAPPA_GRID = (1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0)
# Where a Cholesky factor costs more than this many operations, fewer are tried.
COARSE_WORK = 1_000_000


@dataclass(frozen=True)
class Moments:
    """Weight, sum and products of sets of rows, about the origin.

    Parameters
    ----------
    sizes : ndarray of shape (n_sets,)
        Weights.
    sums : ndarray of shape (n_sets, n_features)
        Weighted sums of the rows.
    squares : ndarray
        Weighted sums of their products, (n_sets, n_features, n_features), or of
        their squares, (n_sets, n_features). Of products, the lower triangle.
    """

    sizes: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    def _check_state(self):
        products = "kpp" if np.ndim(self.squares) == 3 else "kp"
        check_arrays(
            "Moments",
            sizes=(self.sizes, "f", "k"),
            sums=(self.sums, "f", "kp"),
            squares=(self.squares, "f", products),
        )

    @classmethod
    def empty(cls, n_sets, n_features, full):
        """Moments of sets without rows."""
        shape = (n_sets, n_features, n_features) if full else (n_sets, n_features)
        return cls(np.zeros(n_sets), np.zeros((n_sets, n_features)), np.zeros(shape))

    @classmethod
    def of_rows(cls, rows, weights, labels, n_sets, full):
        """Moments of the rows of each label."""
        moments = cls.empty(n_sets, rows.shape[1], full)
        for start in range(0, len(rows), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            shares = np.zeros((len(rows[part]), n_sets))
            shares[np.arange(len(shares)), labels[part]] = weights[part]
            moments.add(rows[part], shares)
        return moments

    @property
    def full(self):
        """Whether products of columns are kept."""
        return self.squares.ndim == 3

    @property
    def centers(self):
        """Means of the sets; the origin for a set without rows."""
        return self.sums / np.where(self.sizes > 0, self.sizes, 1)[:, np.newaxis]

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, chosen):
        return Moments(self.sizes[chosen], self.sums[chosen], self.squares[chosen])

    def __add__(self, other):
        return Moments(
            self.sizes + other.sizes,
            self.sums + other.sums,
            self.squares + other.squares,
        )

    def add(self, rows, shares):
        """Add rows in place, each with its weight in every set."""
        add = add_full_moments if self.full else add_diagonal_moments
        origins = np.zeros(self.sums.shape)
        add(rows, shares, origins, self.sizes, self.sums, self.squares)

    def joined(self, other):
        """These sets and then those."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Moments(*(np.concatenate(pair) for pair in pairs))

    def grouped(self, groups, n_groups):
        """Moments of the unions of the sets of each group."""
        union = Moments.empty(n_groups, self.sums.shape[1], self.full)
        for whole, parts in zip(vars(union).values(), vars(self).values(), strict=True):
            np.add.at(whole, groups, parts)
        return union

    def scatters(self):
        """Products about the means, symmetric where they are matrices."""
        centers = self.centers
        if not self.full:
            return np.maximum(self.squares - self.sums * centers, 0.0)
        lower = np.tril(self.squares - self.sums[:, :, None] * centers[:, None, :])
        return lower + np.tril(lower, -1).transpose(0, 2, 1)


def mean_log_densities(gaussians, moments):
    """Log of weight times density, averaged over the rows of every set."""
    return expected_log_densities(
        gaussians, moments.sizes, moments.centers, moments.scatters()
    )


@dataclass(frozen=True)
class Prior:
    """Normal-inverse-Wishart prior of a Gaussian, and what follows from it.

    The covariance is inverse-Wishart with `dof` degrees of freedom and the matrix
    `scale`; the mean is normal about `mean` with the covariance over `kappa`.
    For independent columns each variance has an inverse gamma distribution of its
    own (`shared=False`), or all columns share one (`shared=True`).

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Prior mean.
    kappa : float
        Rows that it is worth.
    dof : float
        Degrees of freedom, above ``n_features - 1`` for matrices.
    scale : ndarray
        Matrix (n_features, n_features); vector (n_features,) for independent
        columns, of which a shared variance uses the sum.
    shared : bool, default=False
        Whether all columns have the same variance.
    """

    mean: np.ndarray
    kappa: float
    dof: float
    scale: np.ndarray
    shared: bool = False

    @property
    def full(self):
        """Whether covariances are matrices."""
        return self.scale.ndim == 2

    def log_marginals(self, moments, pairs=None):
        """Log marginal likelihood of each set, or of unions of two.

        Parameters
        ----------
        moments : Moments
            Sets of rows.
        pairs : ndarray of shape (n_pairs, 2), default=None
            Sets to unite; None for every set alone.

        Returns
        -------
        ndarray of shape (n_pairs,) or (n_sets,)
            Logs; 0 where there is no row.
        """
        if self.full:
            if pairs is None:
                pairs = np.repeat(np.arange(len(moments))[:, np.newaxis], 2, axis=1)
            return full_log_marginals(
                moments.sizes,
                moments.sums,
                moments.squares,
                pairs,
                self.mean,
                self.kappa,
                self.dof,
                self.scale,
            )
        if pairs is not None:
            moments = moments[pairs[:, 0]] + moments[pairs[:, 1]]
        return self._independent_log_marginals(moments)

    def _independent_log_marginals(self, moments):
        n, n_features = moments.sizes, len(self.mean)
        before, after = self.scale, self._posterior_scales(moments)
        rows = n
        if self.shared:
            before, after = before.sum(keepdims=True), after.sum(axis=1, keepdims=True)
            rows = n * n_features
        gain = gammaln((self.dof + rows) / 2) - gammaln(self.dof / 2)
        logs = gain * len(before)
        logs = logs + 0.5 * self.dof * np.log(before).sum()
        logs -= 0.5 * (self.dof + rows) * np.log(after).sum(axis=1)
        logs += 0.5 * n_features * np.log(self.kappa / (self.kappa + n))
        return logs - 0.5 * n * n_features * np.log(np.pi)

    def _posterior_scales(self, moments):
        """Posterior scale of each set, its scatter and pull included."""
        n = moments.sizes.reshape(-1, *[1] * self.scale.ndim)
        away = np.where(moments.sizes[:, None] > 0, moments.centers - self.mean, 0)
        if self.full:
            away = away[:, :, np.newaxis] * away[:, np.newaxis, :]
        else:
            away = away * away
        pull = self.kappa * n / (self.kappa + n)
        return self.scale + moments.scatters() + pull * away

    def most_probable(self, moments, tied=False):
        """Joint mode of the posterior of every mean and covariance.

        Parameters
        ----------
        moments : Moments
            Sets of rows.
        tied : bool, default=False
            Whether all sets have one covariance.

        Returns
        -------
        means : ndarray of shape (n_sets, n_features)
            Means.
        covariances : ndarray
            Covariances (n_sets, n_features, n_features), or variances
            (n_sets, n_features).
        """
        n, n_features = moments.sizes, len(self.mean)
        means = (self.kappa * self.mean + moments.sums) / (self.kappa + n)[:, None]
        scales = self._posterior_scales(moments)
        if tied:
            scale = self.scale + (scales - self.scale).sum(axis=0)
            rows = self.dof + n.sum() + len(n) + n_features + 1
            return means, np.repeat(scale[np.newaxis] / rows, len(n), axis=0)
        if self.full:
            return means, scales / (self.dof + n + n_features + 2)[:, None, None]
        if self.shared:
            rows = self.dof + (n + 1) * n_features + 2
            variances = scales.sum(axis=1) / rows
            return means, np.repeat(variances[:, np.newaxis], n_features, axis=1)
        return means, scales / (self.dof + n + 3)[:, np.newaxis]

    def log_density(self, gaussians, tied=False):
        """Log prior density of means and covariances, up to a constant."""
        n_features = len(self.mean)
        away = gaussians.means - self.mean
        determinants = gaussians.log_determinants
        first = slice(None, 1) if tied else slice(None)
        if self.full:
            factors = gaussians.factors[first]
            solved = np.einsum("kij,kj->ki", gaussians.factors, away)
            precisions = np.einsum("kij,kil->kjl", factors, factors)
            spread = (precisions * self.scale).sum(axis=(1, 2))
            rows = self.dof + n_features + 1
        else:
            solved = gaussians.factors * away
            spread = (gaussians.factors[first] ** 2 * self.scale).sum(axis=1)
            rows = self.dof + 2
            if self.shared:
                rows /= n_features
        pull = self.kappa * (solved**2).sum(axis=1) + determinants
        return -0.5 * float((rows * determinants[first] + spread).sum() + pull.sum())


def prior_of_classes(classes, mean, pooled, shared):
    """Empirical Bayes: the prior under which the labeled classes are most probable.

    Degrees of freedom, scale and kappa maximize the product of the marginal
    likelihoods of the labeled classes.

    Parameters
    ----------
    classes : Moments
        The labeled classes.
    mean : ndarray of shape (n_features,)
        Mean of all rows.
    pooled : ndarray
        Covariance within the classes: a matrix, or variances.
    shared : bool
        See :class:`Prior`.

    Returns
    -------
    Prior
        The best of a grid of 270, of 18 where columns are many.
    """
    n_features = len(mean)
    full = pooled.ndim == 2
    dofs, scales, kappas = DOF_GRID, SCALE_GRID, KAPPA_GRID
    if full and len(classes) * n_features**3 / 6 > COARSE_WORK:
        dofs, scales, kappas = DOF_GRID[::4], SCALE_GRID[1::2], KAPPA_GRID[1::2]
    offset = n_features + 1 if full else 2
    # One variance of all columns has that many times the degrees of freedom.
    rate = n_features if shared else 1
    best, evidence = None, -np.inf
    for dof in dofs:
        for scale in scales:
            for kappa in kappas:
                prior = Prior(
                    mean, kappa, rate * dof + offset, scale * dof * pooled, shared
                )
                found = prior.log_marginals(classes).sum()
                if found > evidence:
                    best, evidence = prior, found
    return best
