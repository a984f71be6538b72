"""Proofs of optimality: lower bounds on the inertia of every partition.

The dual of the relaxation: for any symmetric ``N >= 0``, no partition of the
centred rows Y (times the square roots of their weights) has an inertia below

    |Y|² - q'Nq - (sum of the k - 1 largest eigenvalues of P (YY' + N) P),

where q holds the square roots of the shares of the weights and P projects it
out. A partition suggests its own N, for which the bound meets the inertia where
the relaxation is tight.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh, eigvalsh

from ...kernels.certificate import dual_columns, dual_gram, smallest_multiplier
from .partition import means

# Columns of the dual matrix, or rows, beyond which eigenvalues take too long:
# those of one dual matrix, and those of as many as a search looks at.
MAX_ORDER, MAX_SEARCH_ORDER, SEARCH_STEPS = 1500, 500, 9
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
    The dual matrix has rank at most ``n_clusters²``, so its eigenvalues are
    those of a matrix of order ``n_features + n_clusters²``: O(n_samples
    (n_features + n_clusters)²) time and no array of n_samples squared. Beyond
    order 1500, and for more rows than that, the bound is that of the principal
    axes alone (``N = 0``).
    """
    n_samples = len(X)
    if inertia <= 0 or n_clusters == 1:
        return bound_of(inertia, inertia)
    X = _as_few_columns(X)
    order = X.shape[1] + n_clusters**2
    centers, sizes = means(X, weights, labels, n_clusters)
    if min(order, n_samples) > MAX_ORDER or not sizes.all():
        return bound_of(inertia, axes_bound(X, weights, n_clusters))
    multiplier = smallest_multiplier(X, labels, centers, sizes)
    residuals = np.empty((n_samples, n_clusters))
    partition = X, weights, labels, centers, sizes
    sums = dual_columns(*partition, multiplier, residuals)
    if order <= n_samples:
        levels = sums / sizes[:, np.newaxis]
        gram = dual_gram(X, weights, labels, centers, residuals, levels)
        values = _product_eigenvalues(gram, _inverse(sums))
    else:
        dual = _dense_dual(labels, residuals, sums)
        values = _dense_eigenvalues(X, weights, labels, centers, sizes, dual)
    above = values[1 - n_clusters :] - multiplier
    gap = np.maximum(above, 0).sum()
    return bound_of(inertia, inertia - gap - _rounding(values) * (gap > 0))


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
    order = X.shape[1] + n_clusters**2
    centers, sizes = means(X, weights, labels, n_clusters)
    if bound.is_proof or order > min(MAX_SEARCH_ORDER, len(X)) or not sizes.all():
        return bound
    high = smallest_multiplier(centers, np.arange(n_clusters), centers, sizes)

    def value(share):
        multiplier = share * high
        return _clipped_bound(X, weights, labels, centers, sizes, multiplier)

    low, high_share, best = 0.0, 1.0, bound.value
    golden = (np.sqrt(5) - 1) / 2
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


def _clipped_bound(X, weights, labels, centers, sizes, multiplier):
    """The bound of the dual matrix of a multiplier, clipped at 0."""
    n_clusters = len(sizes)
    residuals = np.empty((len(X), n_clusters))
    sums = dual_columns(X, weights, labels, centers, sizes, multiplier, residuals)
    inverse = _inverse(np.sqrt(sums * sums.T))
    mean = (sizes @ centers / sizes.sum())[np.newaxis]
    origins = np.repeat(mean, n_clusters, axis=0)
    gram = dual_gram(X, weights, labels, origins, residuals, np.zeros_like(sums))
    total = float(np.trace(gram[: X.shape[1], : X.shape[1]]))
    # The columns of the rows are orthogonal to q, the dual columns are not.
    along = np.append(np.zeros(X.shape[1]), sums.ravel() / np.sqrt(sizes.sum()))
    gram -= np.outer(along, along)
    values = _product_eigenvalues(gram, inverse)
    constant = float((inverse * sums * sums.T).sum() / sizes.sum())
    top = np.maximum(values[1 - n_clusters :], 0).sum()
    return total - constant - top - n_clusters * _rounding(values)


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
    n_clusters = int(labels.max()) + 1
    centers, sizes = means(X, weights, labels, n_clusters)
    multiplier = smallest_multiplier(X, labels, centers, sizes)
    residuals = np.empty((len(X), n_clusters))
    sums = dual_columns(X, weights, labels, centers, sizes, multiplier, residuals)
    return _dense_dual(labels, residuals, sums)


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


def _product_eigenvalues(gram, inverse):
    """Nonzero eigenvalues of ``B M B'``, ascending, from the columns' Gram matrix.

    M is the identity on the rows' own columns, and swaps the columns of the
    pairs (c, l) and (l, c), times a symmetric matrix.
    """
    n_clusters = len(inverse)
    n_features = len(gram) - n_clusters**2
    values, vectors = eigh(gram)
    root = vectors * np.sqrt(np.maximum(values, 0))
    swapped = root.copy()
    pairs = root[n_features:].reshape(n_clusters, n_clusters, -1).swapaxes(0, 1)
    swapped[n_features:] = (inverse[:, :, np.newaxis] * pairs).reshape(
        n_clusters**2, -1
    )
    return eigvalsh(root.T @ swapped)


def _inverse(sums):
    """One over each sum, 0 for none."""
    with np.errstate(divide="ignore"):
        return np.where(sums > 0, 1 / sums, 0.0)


def _dense_dual(labels, residuals, sums):
    columns = residuals[:, labels]
    return columns * columns.T * _inverse(sums)[np.ix_(labels, labels)]


def _dense_eigenvalues(X, weights, labels, centers, sizes, dual):
    root = np.sqrt(weights)
    indicators = np.zeros((len(X), len(sizes)))
    indicators[np.arange(len(X)), labels] = root / np.sqrt(sizes[labels])
    rows = root[:, np.newaxis] * (X - centers[labels])
    dual = dual - indicators @ (indicators.T @ dual)
    dual -= (dual @ indicators) @ indicators.T
    return eigvalsh(rows @ rows.T + dual)
