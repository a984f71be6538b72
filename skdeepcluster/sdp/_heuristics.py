"""Good partitions to start from: k-means, and moves that k-means cannot make."""

from itertools import combinations

import numpy as np

from .._kmeans import lloyd, weighted_means
from ..kernels.distances import squared_distance
from ..kernels.transfer import transfer_rows

LLOYD_PASSES, TRANSFER_PASSES, CUT_PASSES = 300, 50, 20
# Pairs of a cluster to split and two to merge that are tried before giving up.
SWAPS_TRIED = 5


def local_optimum(X, weights, labels, n_clusters):
    """Alternate transfers of single rows and Lloyd's algorithm until nothing moves.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype=intp
        Nearest mean of each row; neither method improves on it further.
    inertia : float
        Weighted sum of squared distances to the means.
    """
    labels = labels.copy()
    for _ in range(TRANSFER_PASSES):
        centers, sizes = weighted_means(X, weights, labels, n_clusters)
        transfer_rows(X, weights, labels, centers, sizes, TRANSFER_PASSES)
        centers, _ = weighted_means(X, weights, labels, n_clusters)
        run = lloyd(X, weights, centers, max_iter=LLOYD_PASSES, tol=0.0)
        if run.n_iter <= 1 or np.array_equal(run.labels, labels):
            break
        labels = run.labels
    return run.labels, run.inertia


def improve(X, weights, labels, n_clusters):
    """Move single rows and whole clusters until neither lowers the inertia.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype=intp
        Nearest mean of each row.
    inertia : float
        Weighted sum of squared distances to the means.
    """
    labels, inertia = local_optimum(X, weights, labels, n_clusters)
    moved, less = swap_clusters(X, weights, labels, inertia)
    if less < inertia:
        return local_optimum(X, weights, moved, n_clusters)
    return labels, inertia


def swap_clusters(X, weights, labels, inertia):
    """Merge two clusters and cut a third in two, as long as that pays.

    What k-means gets wrong with many clusters is two groups in one cluster and
    one group in two, which moves of single rows never mend.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype=intp
        Cluster of each row.
    inertia : float
        At most that of the start.
    """
    n_clusters = int(labels.max()) + 1
    improves = n_clusters > 2
    while improves:
        improves = False
        for candidate in _swaps(X, weights, labels, n_clusters):
            run = lloyd(X, weights, candidate, max_iter=LLOYD_PASSES, tol=0.0)
            if run.inertia < inertia * (1 - 1e-9):
                labels, inertia, improves = run.labels, run.inertia, True
                break
    return labels, inertia


def _swaps(X, weights, labels, n_clusters):
    """Centres after the most promising swaps, the best first."""
    centers, sizes = weighted_means(X, weights, labels, n_clusters)
    squares = weights * np.square(X - centers[labels]).sum(axis=1)
    within = np.bincount(labels, squares, n_clusters)
    merges = []
    for a, b in combinations(range(n_clusters), 2):
        cost = squared_distance(centers[a], centers[b])
        cost *= sizes[a] * sizes[b] / (sizes[a] + sizes[b])
        # No cut saves more than all there is within the cluster.
        if any(within[c] > cost for c in range(n_clusters) if c not in (a, b)):
            merges.append((cost, a, b))
    if not merges:
        return
    halves, gains = [], np.zeros(n_clusters)
    for c in range(n_clusters):
        two, gains[c] = _cut_in_two(X[labels == c], weights[labels == c], centers[c])
        halves.append(two)
    swaps = []
    for cost, a, b in merges:
        split = max((c for c in range(n_clusters) if c not in (a, b)), key=gains.item)
        swaps.append((cost - gains[split], a, b, split))
    for _, a, b, split in sorted(swaps)[:SWAPS_TRIED]:
        after = centers.copy()
        after[a] = (sizes[a] * centers[a] + sizes[b] * centers[b]) / (
            sizes[a] + sizes[b]
        )
        after[b], after[split] = halves[split]
        yield after


def _cut_in_two(X, weights, mean):
    """Means of two halves of some rows, and what the cut saves of the inertia.

    Lloyd's algorithm from the row farthest from the mean, and the one farthest
    from that.
    """
    squares = np.square(X - mean).sum(axis=1)
    first = X[squares.argmax()]
    second = X[np.square(X - first).sum(axis=1).argmax()]
    centers = np.stack([first, second])
    run = lloyd(X, weights, centers, max_iter=CUT_PASSES, tol=0.0)
    return run.centers, float((weights * squares).sum()) - run.inertia


def systematic_sample(share, n_drawn, rng):
    """Draw rows with given probabilities, spread evenly over all of them.

    Parameters
    ----------
    share : ndarray of shape (n_samples,)
        Positive, proportional to the probabilities.
    n_drawn : int
        Number of draws.
    rng : numpy.random.Generator
        Source of the order.

    Returns
    -------
    ndarray of shape (n_drawn,), dtype=intp
        Rows drawn, ascending; one of much probability appears several times.
    """
    order = rng.permutation(len(share))
    cumulated = np.cumsum(share[order])
    positions = (np.arange(n_drawn) + rng.random()) / n_drawn * cumulated[-1]
    chosen = np.searchsorted(cumulated, positions, side="right")
    return np.sort(order[np.minimum(chosen, len(share) - 1)])
