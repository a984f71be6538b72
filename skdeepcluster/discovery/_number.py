"""How many novel classes, and which: k-means and its mean silhouette."""

from functools import partial

import numpy as np

from ..base import canonical_order, distinct_rows
from ..kernels.assignment import lloyd, nearest_centers
from ..kernels.seeding import kmeans_plusplus, n_kmeans_plusplus_draws
from ..kernels.silhouette import mean_silhouettes

LARGEST_NUMBER = 30
# The number of classes is read off so many distinct rows, drawn at random:
# the silhouette takes quadratic time.
_SILHOUETTE_ROWS = 5000
_N_STARTS = 10
_MAX_ITER = 300


def best_kmeans(Z, n_clusters, seed):
    """Cluster rows by the best of 10 runs of k-means.

    Equal rows are merged, and all rows taken in lexicographic order: neither
    the order of the rows nor their number of copies sways the draws.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        At least one row, float32 or float64.
    n_clusters : int
        Number of clusters to look for.
    seed : int
        Seed of the starts.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype int64
        Nearest centre of each row; 0 is the largest cluster.
    centers : ndarray of shape (n_found, n_features)
        Means of the clusters; fewer than `n_clusters` where there are fewer
        distinct rows.
    """
    rows, weights = distinct_rows(Z)
    centers, found = _best_run(rows, weights, n_clusters, seed)
    sizes = np.bincount(found, weights=weights, minlength=len(centers))
    order = canonical_order(sizes, centers)
    centers = np.ascontiguousarray(centers[order[sizes[order] > 0]])
    return nearest_centers(Z, centers)[0].astype(np.int64), centers


def choose_n_clusters(Z, seed):
    """Choose the number of clusters with the largest mean silhouette.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows, float32 or float64.
    seed : int
        Seed of the starts of k-means, and of the rows drawn from a large table.

    Returns
    -------
    n_clusters : int
        From 2 to 30; less where there are fewer than 3 distinct rows.
    scores : dict
        Mean silhouette for each number of clusters tried.

    Notes
    -----
    A table of more than 5000 distinct rows is represented by 5000 of them, so
    that the time does not grow further.

    References
    ----------
    .. [1] C. Troisemaine, V. Lemaire, S. Gosselin, A. Reiffers-Masson,
       J. Flocon-Cholet and S. Vaton, "A practical approach to novel class
       discovery in tabular data", Data Mining and Knowledge Discovery 38, 2024.
       Section on the number of novel classes.
    """
    if len(Z) == 0:
        return 0, {}
    rows, weights = distinct_rows(Z)
    if len(rows) > _SILHOUETTE_ROWS:
        drawn = np.random.default_rng(seed).choice(
            len(rows), _SILHOUETTE_ROWS, replace=False
        )
        rows, weights = rows[np.sort(drawn)], weights[np.sort(drawn)]
    numbers = np.arange(2, min(LARGEST_NUMBER, len(rows) - 1) + 1)
    if len(numbers) == 0:
        return 1, {}
    labelings = [_best_run(rows, weights, number, seed)[1] for number in numbers]
    scores = mean_silhouettes(rows, weights, np.array(labelings), numbers)
    named = dict(zip(numbers.tolist(), scores.tolist(), strict=True))
    return int(numbers[np.argmax(scores)]), named


def _best_run(rows, weights, n_clusters, seed):
    """Run k-means from several starts; return centres and labels of the best."""
    rng, best = np.random.default_rng(seed), None
    draw = partial(rng.random, n_kmeans_plusplus_draws(n_clusters))
    for _ in range(_N_STARTS):
        start = rows[kmeans_plusplus(rows, weights, n_clusters, draw())]
        centers, labels, _, inertia, _ = lloyd(rows, weights, start, _MAX_ITER, 0.0)
        if best is None or inertia < best[0]:
            best = inertia, centers, labels
    return best[1:]
