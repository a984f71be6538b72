"""K-means over the kernels: seeding, restarts, Lloyd's algorithm, Hamerly's bounds.

::

    for each of n_init starts:
        centers = rows drawn by greedy weighted k-means++            (kernels.seeding)
        labels = nearest centers                                      (kernels.kmeans)
        repeat up to max_iter times:
            centers = weighted means; an empty cluster takes the farthest row
            labels = nearest centers
            until no label changes, or the centers moved by at most tol
    keep the run of least inertia

:func:`hamerly` reaches the same centers with fewer distances, where every row's second
center is wanted as well and the clusters are many (kernels.hamerly).
"""

from typing import NamedTuple

import numpy as np

from ._rows import canonical_order
from .kernels.hamerly import assign_within_bounds
from .kernels.kmeans import center_sums, nearest_centers, update_centers
from .kernels.seeding import kmeans_plusplus, n_kmeans_plusplus_draws


class KMeansRun(NamedTuple):
    """What one run of Lloyd's algorithm led to.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        Last centers.
    labels : ndarray of shape (n_samples,), dtype intp
        Nearest of the last centers.
    squared_distances : ndarray of shape (n_samples,)
        Squared distance of each row to that center.
    inertia : float
        Weighted sum of the squared distances.
    n_iter : int
        Number of times the centers moved.
    """

    centers: np.ndarray
    labels: np.ndarray
    squared_distances: np.ndarray
    inertia: float
    n_iter: int

    def filled_centers(self, weights):
        """Centers that hold rows, in canonical order: the largest cluster first."""
        sizes = np.bincount(self.labels, weights, len(self.centers))
        order = canonical_order(sizes, self.centers)
        return self.centers[order[sizes[order] > 0]]


class TwoNearest(NamedTuple):
    """Centers after Lloyd's algorithm, and the two nearest to each row.

    Parameters
    ----------
    centers : ndarray of shape (n_clusters, n_features)
        Last centers.
    labels, seconds : ndarray of shape (n_samples,), dtype intp
        Nearest and second nearest center; ties to the lower number.
    """

    centers: np.ndarray
    labels: np.ndarray
    seconds: np.ndarray


def kmeans(
    X,
    weights,
    n_clusters,
    rng,
    *,
    n_init=10,
    max_iter=300,
    tol=1e-4,
    spherical=False,
    by_distance=False,
):
    """Run Lloyd's algorithm from several k-means++ starts; keep the best.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    weights : ndarray of shape (n_samples,), dtype float64
        Weight of each row, not all 0.
    n_clusters : int
        Number of clusters.
    rng : numpy.random.Generator
        Source of the starts.
    n_init : int, default=10
        Number of starts.
    max_iter : int, default=300
        Largest number of iterations of a run.
    tol : float, default=1e-4
        Squared movement of the centers that ends a run.
    spherical : bool, default=False
        See :func:`lloyd`.
    by_distance : bool, default=False
        See :func:`best_of_starts`.

    Returns
    -------
    KMeansRun
        The best run.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster._kmeans import kmeans
    >>> X = np.array([[0.0], [2.0], [7.0], [9.0]])
    >>> kmeans(X, np.ones(4), 2, np.random.default_rng(0)).inertia
    4.0
    """
    starts = (plusplus_centers(X, weights, n_clusters, rng) for _ in range(n_init))
    return best_of_starts(
        X,
        weights,
        starts,
        max_iter=max_iter,
        tol=tol,
        spherical=spherical,
        by_distance=by_distance,
    )


def plusplus_centers(X, weights, n_clusters, rng):
    """Rows drawn by greedy weighted k-means++, as centers to start from."""
    draws = rng.random(n_kmeans_plusplus_draws(n_clusters))
    return X[kmeans_plusplus(X, weights, n_clusters, draws)]


def best_of_starts(X, weights, starts, *, by_distance=False, **options):
    """Run Lloyd's algorithm from given starts; keep the first of the tightest.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    weights : ndarray of shape (n_samples,), dtype float64
        Weight of each row.
    starts : iterable of ndarray of shape (n_clusters, n_features)
        First centers, drawn one after the other; at least one start.
    by_distance : bool, default=False
        Whether runs are compared by the weighted sum of distances in place of
        that of squared distances.
    **options
        `max_iter`, `tol` and `spherical` of :func:`lloyd`.

    Returns
    -------
    KMeansRun
        The best run.
    """

    def spread(run):
        if by_distance:
            return float(np.sum(weights * np.sqrt(run.squared_distances)))
        return run.inertia

    # The first of equally good ones: min keeps it, and holds two runs at a time.
    return min((lloyd(X, weights, start, **options) for start in starts), key=spread)


def lloyd(X, weights, centers, *, max_iter, tol, spherical=False):
    """Run Lloyd's algorithm from given centers.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    weights : ndarray of shape (n_samples,), dtype float64
        Weight of each row.
    centers : ndarray of shape (n_clusters, n_features)
        First centers, of the same dtype.
    max_iter : int
        Largest number of iterations.
    tol : float
        The run stops when the squared distances that the centers moved sum to at
        most this. It also stops when no label changes.
    spherical : bool, default=False
        Whether the means are set back to length 1, as in spherical k-means; the
        rows should then have length 1.

    Returns
    -------
    KMeansRun
        Centers that no further step changes, up to `tol` and `max_iter`.

    Notes
    -----
    O(n_samples * n_clusters * n_features) time for each iteration. An empty
    cluster takes a row; see :func:`~skdeepcluster.kernels.kmeans.update_centers`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster._kmeans import lloyd
    >>> X = np.array([[0.0], [2.0], [7.0], [9.0]])
    >>> lloyd(X, np.ones(4), X[:2], max_iter=10, tol=0.0).labels
    array([0, 0, 1, 1])
    """
    labels, squared_distances = nearest_centers(X, centers)
    n_iter, converged = 0, False
    while n_iter < max_iter and not converged:
        n_iter += 1
        old_centers, old_labels = centers, labels
        centers, _, _ = update_centers(X, weights, labels, squared_distances, centers)
        if spherical:
            lengths = np.linalg.norm(centers, axis=1, keepdims=True)
            centers /= np.where(lengths > 0, lengths, 1)
        labels, squared_distances = nearest_centers(X, centers)
        moved = np.square(centers - old_centers, dtype=np.float64).sum()
        converged = moved <= tol or np.array_equal(labels, old_labels)
    # A dot product would depend on the number of BLAS threads.
    inertia = float(np.sum(weights * squared_distances))
    return KMeansRun(centers, labels, squared_distances, inertia, n_iter)


def weighted_means(X, weights, labels, n_clusters):
    """Means and weights of clusters.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    weights : ndarray of shape (n_samples,), dtype float64
        Weight of each row.
    labels : ndarray of shape (n_samples,), dtype intp
        Cluster of each row.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    means : ndarray of shape (n_clusters, n_features), dtype float64
        Weighted means, zeros for an empty cluster.
    sizes : ndarray of shape (n_clusters,), dtype float64
        Sums of weights.
    """
    sums, sizes = center_sums(X, weights, labels, n_clusters)
    return sums / np.maximum(sizes, np.finfo(float).tiny)[:, np.newaxis], sizes


def hamerly(X, weights, centers, *, max_iter):
    """Run Lloyd's algorithm with Hamerly's bounds; find the second centers too.

    The distance to the second nearest center of a row, less what the centers moved
    since, is a lower bound of the distance to every center but its own: all of them
    are looked at again only where the row's own center lies farther away [1]_.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Weight of each row.
    centers : ndarray of shape (n_clusters, n_features), dtype=float64
        First centers; one that loses all rows stays where it was.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    TwoNearest
        Last centers, and the two nearest to each row.

    References
    ----------
    .. [1] G. Hamerly, "Making k-means even faster", SIAM International
       Conference on Data Mining, 2010.
    """
    labels, seconds = np.zeros(len(X), np.intp), np.empty(len(X), np.intp)
    lower, drifts = np.zeros(len(X)), np.zeros(len(centers))
    for step in range(max_iter + 1):
        sums, sizes = np.zeros(centers.shape), np.zeros(len(centers))
        columns = np.ascontiguousarray(centers.T)
        n_changed = assign_within_bounds(
            X, weights, columns, labels, seconds, lower, drifts, sums, sizes
        )
        if step == max_iter or (step > 0 and n_changed == 0):
            break
        filled = sizes > 0
        old_centers, centers = centers, centers.copy()
        centers[filled] = sums[filled] / sizes[filled, np.newaxis]
        moves = np.sqrt(np.square(centers - old_centers).sum(axis=1))
        farthest = moves.argmax()
        drifts = np.full(len(centers), moves[farthest])
        drifts[farthest] = np.delete(moves, farthest).max(initial=0.0)
    # Bounds tell nothing about the second center.
    lower[:] = 0.0
    drifts[:] = 0.0
    assign_within_bounds(
        X, weights, columns, labels, seconds, lower, drifts, sums, sizes
    )
    return TwoNearest(centers, labels, seconds)
