"""The two steps of Lloyd's algorithm: nearest centers, and weighted means."""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from ._jit import jit, read_only
from ._same_width import check_same_width
from ._simd import ROW_BYTES, TILE_CENTERS, keep_best_centers, transpose_block
from .distances import squared_distance

_THREADING_WORK = 30_000_000
"""Multiplications from which on starting threads pays."""

_CHUNKS_PER_THREAD = 4
"""More chunks than threads: a thread that was held up gets fewer of them."""


def nearest_centers(X, centers):
    """Find the nearest center of every row.

    A row's label and distance are the same bits wherever the row stands, in
    whatever company, and with any number of threads. Large inputs are shared
    among as many threads as numba may use.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    centers : ndarray of shape (n_clusters, n_features)
        Centers of the same dtype.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype intp
        Nearest center in squared Euclidean distance, by the largest score
        ``x @ c - c @ c / 2``, with rows and centers measured from the middle
        center. The lowest number wins among equal scores: always where centers
        are equal, and where the data are small whole numbers, in every tie.
    squared_distances : ndarray of shape (n_samples,)
        Squared distance to that center in the dtype of ``X``: never negative,
        and exactly 0 for a row equal to its center.

    Notes
    -----
    O(n_samples * n_clusters * n_features) time. Extra memory is a copy of the
    centers and one vector of rows per thread.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.kmeans import nearest_centers
    >>> X, centers = np.array([[0.0], [3.0], [7.0]]), np.array([[7.0], [1.0]])
    >>> nearest_centers(X, centers)
    (array([1, 1, 0]), array([1., 4., 0.]))
    """
    check_same_width(X, centers)
    n_samples, n_features = X.shape
    tiles, half_norms, origin = _tile_centers(read_only(centers))
    X, centers = read_only(X), read_only(centers)
    labels = np.empty(n_samples, dtype=np.intp)
    squared_distances = np.empty(n_samples, dtype=X.dtype)

    def assign(rows):
        _assign(
            X[rows],
            centers,
            tiles,
            half_norms,
            origin,
            labels[rows],
            squared_distances[rows],
        )

    n_threads = 1
    if n_samples * n_features * len(centers) > _THREADING_WORK:
        n_threads = _n_threads()
    if n_threads == 1:
        assign(slice(None))
    else:
        n_chunks = _CHUNKS_PER_THREAD * n_threads
        bounds = [n_samples * i // n_chunks for i in range(n_chunks + 1)]
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(assign, map(slice, bounds[:-1], bounds[1:])))
    return labels, squared_distances


def center_sums(X, weights, labels, n_clusters):
    """Sum rows and weights per cluster.

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
    sums : ndarray of shape (n_clusters, n_features), dtype float64
        Weighted sum of the rows of each cluster, taken in row order.
    counts : ndarray of shape (n_clusters,), dtype float64
        Sum of the weights of each cluster.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.kmeans import center_sums
    >>> X, labels = np.array([[0.0], [3.0], [7.0]]), np.array([1, 1, 0])
    >>> center_sums(X, np.array([1.0, 1.0, 2.0]), labels, 2)
    (array([[14.],
           [ 3.]]), array([2., 2.]))
    """
    return _center_sums(read_only(X), read_only(weights), read_only(labels), n_clusters)


def update_centers(X, weights, labels, squared_distances, centers):
    """Move every center to the weighted mean of its rows.

    An empty cluster takes the row that lies farthest from its own center, and
    that row leaves its cluster, as in scikit-learn. Ties go to the lowest row;
    each row serves one cluster. A row without weight, on its center, or alone
    in its cluster is not used.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64, C-contiguous.
    weights : ndarray of shape (n_samples,), dtype float64
        Weight of each row.
    labels : ndarray of shape (n_samples,), dtype intp
        Cluster of each row.
    squared_distances : ndarray of shape (n_samples,)
        Squared distance of each row to the center of its cluster.
    centers : ndarray of shape (n_clusters, n_features)
        Centers before the step: a cluster that stays empty keeps its own.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        New centers in the dtype of ``X``, from sums in float64.
    counts : ndarray of shape (n_clusters,), dtype float64
        Weight behind each center; 0 where a cluster stays empty.
    n_relocated : int
        Number of empty clusters that were given a row.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.kmeans import nearest_centers, update_centers
    >>> X, centers = np.array([[0.0], [3.0], [7.0]]), np.array([[7.0], [1.0]])
    >>> update_centers(X, np.ones(3), *nearest_centers(X, centers), centers)
    (array([[7. ],
           [1.5]]), array([1., 2.]), 0)
    """
    n_clusters, n_relocated = len(centers), 0
    sums, counts = center_sums(X, weights, labels, n_clusters)
    if not counts.all():
        empty = np.flatnonzero(counts == 0)
        labels, n_relocated = _fill_empty(weights, labels, squared_distances, empty)
        sums, counts = center_sums(X, weights, labels, n_clusters)
    filled = counts > 0
    new_centers = centers.astype(X.dtype)
    new_centers[filled] = sums[filled] / counts[filled, np.newaxis]
    return new_centers, counts, n_relocated


def _n_threads():
    """Number of threads that numba may use, without starting them.

    ``numba.get_num_threads`` starts them, and with them ``omp_set_num_threads``.
    Before that start, nobody can have set another number than the default.
    """
    try:
        numba.threading_layer()
    except ValueError:
        return numba.config.NUMBA_NUM_THREADS
    return numba.get_num_threads()


def _fill_empty(weights, labels, squared_distances, empty):
    """Give the farthest rows to empty clusters; return labels, and how many."""
    labels = labels.copy()
    weighted = weights > 0
    n_members = np.bincount(labels[weighted])
    candidates = np.flatnonzero(weighted & (squared_distances > 0))
    order = np.argsort(-squared_distances[candidates], kind="stable")
    n_filled = 0
    for row in candidates[order]:
        if n_filled == len(empty):
            break
        if n_members[labels[row]] > 1:
            n_members[labels[row]] -= 1
            labels[row] = empty[n_filled]
            n_filled += 1
    return labels, n_filled


@jit()
def _middle_center(centers):
    """Number of the center that lies nearest to the mean of the centers."""
    n_clusters, n_features = centers.shape
    mean = np.zeros(n_features)
    for j in range(n_clusters):
        for d in range(n_features):
            mean[d] += centers[j, d] / n_clusters
    middle, shortest = 0, np.inf
    for j in range(n_clusters):
        distance = squared_distance(centers[j], mean)
        if distance < shortest:
            middle, shortest = j, distance
    return middle


@jit()
def _tile_centers(centers):
    """Lay out the centers, less one of them, for `keep_best_centers`.

    Taking off a center keeps a common offset out of the scores. It is one of them,
    so that whole numbers stay whole, and their ties exact. It is returned with
    zeros up to whole vectors. The last tile is filled up with copies of the last
    center, which can only tie with it.
    """
    n_clusters, n_features = centers.shape
    n_lanes = ROW_BYTES // centers.itemsize
    origin = np.zeros(-(-n_features // n_lanes) * n_lanes, dtype=centers.dtype)
    middle = _middle_center(centers)
    for d in range(n_features):
        origin[d] = centers[middle, d]
    n_tiles = -(-n_clusters // TILE_CENTERS)
    tiles = np.empty((n_tiles, n_features, TILE_CENTERS), dtype=centers.dtype)
    half_norms = np.empty((n_tiles, TILE_CENTERS), dtype=centers.dtype)
    for j in range(n_tiles * TILE_CENTERS):
        tile, column = j // TILE_CENTERS, j % TILE_CENTERS
        squared_norm = 0.0
        for d in range(n_features):
            value = centers[min(j, n_clusters - 1), d] - origin[d]
            tiles[tile, d, column] = value
            squared_norm += np.float64(value) ** 2
        half_norms[tile, column] = squared_norm / 2
    return tiles, half_norms, origin


@jit()
def _transpose(X, start, n_rows, origin, rows):
    """Write some rows of ``X``, less the origin, into the columns of ``rows``.

    ``rows`` and ``origin`` are longer than a row of ``X``, up to whole blocks. What
    a block writes there comes from the next rows of ``X``, and is not used.
    """
    n_features = X.shape[1]
    n_padded, n_lanes = rows.shape
    flat = X.reshape(X.size)
    if (start + n_lanes - 1) * n_features + n_padded <= X.size:
        for d in range(0, n_padded, n_lanes):
            block = flat[start * n_features + d :]
            transpose_block(block, n_features, origin[d:], rows[d:])
    else:
        for r in range(n_rows):
            for d in range(n_features):
                rows[d, r] = X[start + r, d] - origin[d]


@jit()
def _assign(X, centers, tiles, half_norms, origin, labels, squared_distances):
    """Write the nearest centers of all rows into the last two arguments."""
    n_samples = X.shape[0]
    n_lanes = ROW_BYTES // X.itemsize
    rows = np.zeros((len(origin), n_lanes), dtype=X.dtype)
    best_scores = np.empty(n_lanes, dtype=X.dtype)
    best_labels = np.empty(n_lanes, dtype=np.int32)
    for start in range(0, n_samples, n_lanes):
        n_rows = min(n_lanes, n_samples - start)
        _transpose(X, start, n_rows, origin, rows)
        best_scores[:] = -np.inf
        best_labels[:] = 0
        for t in range(len(tiles)):
            keep_best_centers(
                rows,
                tiles[t],
                half_norms[t],
                best_scores,
                best_labels,
                np.int32(t * TILE_CENTERS),
            )
        # The score gives the distance only up to cancellation.
        for r in range(n_rows):
            i, label = start + r, best_labels[r]
            labels[i] = label
            squared_distances[i] = squared_distance(X[i], centers[label])


@jit()
def _center_sums(X, weights, labels, n_clusters):
    n_samples, n_features = X.shape
    sums = np.zeros((n_clusters, n_features))
    counts = np.zeros(n_clusters)
    for i in range(n_samples):
        label = labels[i]
        counts[label] += weights[i]
        for d in range(n_features):
            sums[label, d] += weights[i] * X[i, d]
    return sums, counts
