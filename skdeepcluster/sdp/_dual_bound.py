"""Proofs of optimality: lower bounds on the inertia of every partition.

The dual of the relaxation: for any symmetric ``N >= 0``, no partition of the
centred rows Y (times the square roots of their weights) has an inertia below

    |Y|² - q'Nq - (sum of the k - 1 largest eigenvalues of P (YY' + N) P),

where q holds the square roots of the shares of the weights and P projects it
out. A partition suggests its own N, for which the bound mostly meets the inertia
where the relaxation is tight.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh, eigvalsh

from .._kmeans import weighted_means
from ..kernels.dual import dual_columns, dual_gram, smallest_multiplier
from ..kernels.kmeans import center_sums

# Columns of the dual matrix, or rows, beyond which eigenvalues take too long:
# those of one dual matrix, and those of as many as a search looks at.
MAX_ORDER, MAX_SEARCH_ORDER, SEARCH_STEPS = 1500, 500, 9
# Signs of the parts of a dual matrix, and what sums of the second may be left
# with, as a share of the first's.
SIGNS, NEWTON_STEPS, SUM_TOLERANCE = (1.0, -1.0), 30, 1e-13
# A relative gap that counts as none.
CLOSED = 1e-7


class Bound(NamedTuple):
    """A lower bound on the inertia of every partition into k clusters.

    Parameters
    ----------
    value : float
        The bound.
    gap : float
        ``(inertia - value) / inertia`` of the partition that was to be proven.
    """

    value: float
    gap: float

    @property
    def is_proof(self):
        """Whether the partition is optimal."""
        return self.gap <= CLOSED


def bound_of(inertia, value):
    """Make a bound out of an inertia and a value below it."""
    if inertia <= 0:
        return Bound(0.0, 0.0)
    value = min(max(value, 0.0), inertia)
    return Bound(value, (inertia - value) / inertia)


def certify(X, weights, labels, n_clusters, inertia):
    """Bound the inertia from below by the dual that a partition suggests.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Positive weights.
    labels : ndarray of shape (n_samples,), dtype=intp
        A partition; Lloyd's algorithm should not be able to improve it.
    n_clusters : int
        Number of clusters of the partitions that are bounded.
    inertia : float
        Inertia of this one.

    Returns
    -------
    Bound
        ``gap`` is 0 up to rounding where the partition is proven optimal.

    Notes
    -----
    The dual matrix has rank at most ``2 n_clusters²``, so its eigenvalues are
    those of a matrix of order ``n_features + 2 n_clusters²``: O(n_samples
    (n_features + n_clusters)²) time and no array of n_samples squared. The half
    of the rank is tried first. Beyond order 1500 for more rows than that, or
    where a row lies nearer to another center, the bound is that of the principal
    axes alone (``N = 0``).
    """
    if inertia <= 0 or n_clusters == 1:
        return bound_of(inertia, inertia)
    partition = _Partition.of(_as_few_columns(X), weights, labels, n_clusters)
    if min(partition.order(1), len(X)) > MAX_ORDER or not partition.sizes.all():
        return bound_of(inertia, axes_bound(X, weights, n_clusters))
    multiplier = smallest_multiplier(*partition.to_centers())
    if multiplier < 0:
        # A row is nearer to another center: no dual matrix belongs to that.
        return bound_of(inertia, axes_bound(X, weights, n_clusters))
    dual = partition.dual(multiplier)
    bound = bound_of(inertia, inertia - partition.dual_infeasibility(dual, multiplier))
    if bound.is_proof or min(partition.order(2), len(X)) > MAX_ORDER:
        return bound
    dual = partition.damped(dual)
    value = inertia - partition.dual_infeasibility(dual, multiplier)
    return bound_of(inertia, max(bound.value, value))


def search_bound(X, weights, labels, n_clusters, bound, inertia):
    """Raise the bound of a partition that proves nothing about itself.

    Where a row lies near another cluster, only a small multiplier keeps the
    dual matrix of :func:`certify` nonnegative. A larger one, with 0 in place of
    what is then negative, costs little if such rows are few: the best of
    multipliers between 0 and that of the nearest pair of centers is found by
    a golden section search.

    Parameters
    ----------
    X, weights, labels, n_clusters, inertia
        See :func:`certify`.
    bound : Bound
        What is known.

    Returns
    -------
    Bound
        The higher one.

    Notes
    -----
    O(n_samples (n_features + n_clusters)²) time for each of 9 multipliers; none
    is tried where the dual matrix has more than 500 columns or has more of them
    than rows.
    """
    partition = _Partition.of(X, weights, labels, n_clusters)
    most = min(MAX_SEARCH_ORDER, len(X))
    if bound.is_proof or partition.order(1) > most or not partition.sizes.all():
        return bound
    clusters = np.arange(n_clusters)
    high = smallest_multiplier(
        partition.centers, clusters, partition.centers, partition.sizes
    )

    def value(share):
        dual = partition.dual(share * high)
        if partition.order(2) <= most:
            dual = partition.damped(dual)
        return partition.value(dual)

    golden = (np.sqrt(5) - 1) / 2
    low, high_share, best = 0.0, 1.0, bound.value
    places = [1 - golden, golden]
    values = [value(place) for place in places]
    for _ in range(SEARCH_STEPS - 2):
        best = max(best, *values)
        if values[0] >= values[1]:
            high_share = places[1]
            place = high_share - golden * (high_share - low)
            places, values = [place, places[0]], [value(place), values[0]]
        else:
            low = places[0]
            place = low + golden * (high_share - low)
            places, values = [places[1], place], [values[1], value(place)]
    return bound_of(inertia, max(best, *values))


class _Dual(NamedTuple):
    """Columns that make a dual matrix.

    For rows i and j of clusters c and l, ``N_ij = (R_il R_jc - D_il D_jc) *
    inverse_cl``; it is 0 within a cluster.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_clusters or 2 n_clusters)
        R, and D if there is one.
    sums : ndarray of shape (n_clusters, n_clusters or 2 n_clusters)
        Their products with the roots of the weights, in each cluster.
    inverse : ndarray of shape (n_clusters, n_clusters)
        Symmetric.
    """

    columns: np.ndarray
    sums: np.ndarray
    inverse: np.ndarray

    def dense(self, labels):
        """The matrix, of shape (n_samples, n_samples)."""
        n_clusters = len(self.inverse)
        matrix = 0.0
        for sign, start in zip(
            SIGNS, range(0, self.columns.shape[1], n_clusters), strict=False
        ):
            part = self.columns[:, start : start + n_clusters][:, labels]
            matrix = matrix + sign * part * part.T
        return matrix * self.inverse[np.ix_(labels, labels)]


class _Partition(NamedTuple):
    """A partition of weighted rows, with the bounds of its dual matrices."""

    X: np.ndarray
    weights: np.ndarray
    labels: np.ndarray
    centers: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, X, weights, labels, n_clusters):
        return cls(X, weights, labels, *weighted_means(X, weights, labels, n_clusters))

    def to_centers(self):
        return self.X, self.labels, self.centers, self.sizes

    def order(self, n_parts):
        """Columns of the rows and of a dual matrix of one or two parts."""
        return self.X.shape[1] + n_parts * len(self.sizes) ** 2

    def dual(self, multiplier):
        """The dual matrix of rank one between any two clusters."""
        residuals = np.empty((len(self.X), len(self.sizes)))
        sums = dual_columns(*self, multiplier, residuals)
        with np.errstate(divide="ignore"):
            inverse = np.where(sums * sums.T > 0, 1 / np.sqrt(sums * sums.T), 0.0)
        return _Dual(residuals, sums, inverse)

    def damped(self, dual):
        """Take off what a dual matrix adds to eigenvalues, where it stays positive.

        With ``D = max(R - level, -R)`` and levels that leave it no sum in any
        cluster, row sums stay, ``R R' - D D'`` is nonnegative, and only few rows
        are not of the form that the projection takes out.
        """
        roots = np.sqrt(self.weights)[:, np.newaxis]
        rates, n_clusters = dual.columns / roots, len(self.sizes)
        levels = dual.sums / self.sizes[:, np.newaxis]
        for _ in range(NEWTON_STEPS):
            # Newton's method on a convex, piecewise linear function.
            at_rows = levels[self.labels]
            damping = np.maximum(rates - at_rows, -rates)
            sums, _ = center_sums(damping, self.weights, self.labels, n_clusters)
            if np.all(sums <= SUM_TOLERANCE * dual.sums):
                break
            moving = (2 * rates > at_rows).astype(np.float64)
            slopes, _ = center_sums(moving, self.weights, self.labels, n_clusters)
            levels += np.divide(sums, slopes, out=np.zeros_like(sums), where=slopes > 0)
        return dual._replace(
            columns=np.hstack([dual.columns, roots * damping]),
            sums=np.hstack([dual.sums, sums]),
        )

    def dual_infeasibility(self, dual, multiplier):
        """Sum of the eigenvalues above the multiplier, those of indicators aside."""
        n_samples, n_parts = len(self.X), dual.columns.shape[1] // len(self.sizes)
        if self.order(n_parts) <= n_samples:
            levels = dual.sums / self.sizes[:, np.newaxis]
            gram = dual_gram(
                self.X, self.weights, self.labels, self.centers, dual.columns, levels
            )
            values = _product_eigenvalues(gram, dual.inverse, self.X.shape[1])
        else:
            values = self._dense_eigenvalues(dual.dense(self.labels))
        above = values[1 - len(self.sizes) :] - multiplier
        gap = np.maximum(above, 0).sum()
        return gap + _rounding(values) * (gap > 0)

    def _dense_eigenvalues(self, dual):
        root = np.sqrt(self.weights)
        indicators = np.zeros((len(self.X), len(self.sizes)))
        indicators[np.arange(len(self.X)), self.labels] = root
        indicators /= np.sqrt(self.sizes)
        rows = root[:, np.newaxis] * (self.X - self.centers[self.labels])
        dual = dual - indicators @ (indicators.T @ dual)
        dual -= (dual @ indicators) @ indicators.T
        return eigvalsh(rows @ rows.T + dual)

    def value(self, dual):
        """The bound of any dual matrix that is made of columns."""
        n_features, total_weight = self.X.shape[1], self.sizes.sum()
        mean = self.sizes @ self.centers / total_weight
        gram = dual_gram(
            self.X,
            self.weights,
            self.labels,
            np.repeat(mean[np.newaxis], len(self.sizes), axis=0),
            dual.columns,
            np.zeros_like(dual.sums),
        )
        total = float(np.trace(gram[:n_features, :n_features]))
        # The columns of the rows are orthogonal to q, the dual columns are not.
        along = np.append(np.zeros(n_features), dual.sums / np.sqrt(total_weight))
        along = along[:, np.newaxis]
        constant = float((along * _swap(along, dual.inverse, n_features)).sum())
        gram -= along * along.T
        values = _product_eigenvalues(gram, dual.inverse, n_features)
        top = np.maximum(values[1 - len(self.sizes) :], 0).sum()
        return total - constant - top - len(self.sizes) * _rounding(values)


def _product_eigenvalues(gram, inverse, n_features):
    """Nonzero eigenvalues of ``B M B'``, ascending, from the columns' Gram matrix."""
    values, vectors = eigh(gram)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return eigvalsh(root.T @ _swap(root, inverse, n_features))


def _swap(root, inverse, n_features):
    """Multiply by M: the identity on the rows' own columns, and a swap of others.

    The columns of the pairs (c, l) and (l, c) change places, times a number, and
    times -1 in the second part.
    """
    n_clusters = len(inverse)
    swapped = root.copy()
    pairs = root[n_features:].reshape(n_clusters, -1, n_clusters, root.shape[1])
    signs = np.array(SIGNS[: pairs.shape[1]])
    factors = inverse[:, np.newaxis, :, np.newaxis] * signs[:, np.newaxis, np.newaxis]
    swapped[n_features:] = (factors * pairs.swapaxes(0, 2)).reshape(-1, root.shape[1])
    return swapped


def _rounding(values):
    """What computed eigenvalues may be wrong by: a share of the largest."""
    return len(values) * np.finfo(float).eps * np.abs(values).max()


def dual_matrix(X, weights, labels):
    """The dual matrix N that a partition suggests, dense.

    Returns
    -------
    ndarray of shape (n_samples, n_samples)
        Symmetric, nonnegative, zero inside the clusters.
    """
    partition = _Partition.of(X, weights, labels, int(labels.max()) + 1)
    multiplier = smallest_multiplier(*partition.to_centers())
    return partition.dual(multiplier).dense(labels)


def dual_bound(X, weights, dual, n_clusters):
    """Evaluate the bound of a given dual matrix.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.
    weights : ndarray of shape (n_samples,)
        Their weights.
    dual : ndarray of shape (n_samples, n_samples)
        Symmetric, nonnegative.
    n_clusters : int
        At least 2.

    Returns
    -------
    float
        No partition has a lower inertia. O(n_samples³) time.
    """
    share = weights / weights.sum()
    q = np.sqrt(share)
    rows = np.sqrt(weights)[:, np.newaxis] * (
        X - np.sum(share[:, np.newaxis] * X, axis=0)
    )
    along = dual @ q
    constant = along @ q
    matrix = rows @ rows.T + dual
    matrix -= np.outer(q, along) + np.outer(along, q) - constant * np.outer(q, q)
    n_samples = len(q)
    first = max(0, n_samples - n_clusters + 1)
    top = eigvalsh(matrix, subset_by_index=[first, n_samples - 1])
    return float((rows * rows).sum() - constant - np.maximum(top, 0).sum())


def axes_bound(X, weights, n_clusters):
    """The bound of ``N = 0``: what k - 1 principal axes leave unexplained."""
    share = weights / weights.sum()
    centred = X - np.sum(share[:, np.newaxis] * X, axis=0)
    scatter = np.einsum("i,if,ig->fg", weights, centred, centred)
    values = np.maximum(eigvalsh(scatter), 0)
    return float(values[: max(0, len(values) - n_clusters + 1)].sum())


def _as_few_columns(X):
    """Rows with the same distances in at most as many columns as rows."""
    if X.shape[1] <= len(X):
        return X
    centred = X - X.mean(axis=0)
    values, vectors = eigh(centred @ centred.T)
    return np.ascontiguousarray(vectors * np.sqrt(np.maximum(values, 0)))
