"""Minimum spanning tree of the complete graph of distances between rows."""

import numpy as np

from ._jit import jit, read_only
from .distances import squared_distance


def spanning_tree(X, core_distances=None):
    """Connect all rows by edges of the least total length (Prim's algorithm).

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        At least one row, float32 or float64, C-contiguous, of such a scale that
        squared distances neither overflow nor vanish.
    core_distances : ndarray of shape (n_samples,), default=None
        The length of an edge is the largest of the distance and the core
        distances of its two ends, the mutual reachability distance [2]_; None
        means the Euclidean distance alone.

    Returns
    -------
    edges : ndarray of shape (n_samples - 1, 2), dtype intp
        A row that was connected before, and the one that the edge connects, in
        the order of Prim's algorithm from row 0. Of edges of equal mutual
        reachability the one of the least distance is taken, so that the tree does
        not depend on the order of the rows while distances differ; then the first.
    lengths : ndarray of shape (n_samples - 1,), dtype float64
        Lengths of the edges.

    Notes
    -----
    O(n_samples² · n_features) time and O(n_samples) memory: there is no matrix
    of distances.

    References
    ----------
    .. [1] R. C. Prim (1957). "Shortest connection networks and some
       generalizations." Bell System Technical Journal 36.
    .. [2] R. J. G. B. Campello, D. Moulavi and J. Sander (2013). "Density-based
       clustering based on hierarchical density estimates." Pacific-Asia
       Conference on Knowledge Discovery and Data Mining.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.spanning_tree import spanning_tree
    >>> edges, lengths = spanning_tree(np.array([[0.0], [5.0], [1.0]]))
    >>> edges
    array([[0, 2],
           [2, 1]])
    >>> lengths
    array([1., 4.])
    """
    if core_distances is None:
        core_distances = np.zeros(len(X))
    return _spanning_tree(
        read_only(X), read_only(np.square(core_distances, dtype=np.float64))
    )


@jit()
def _spanning_tree(X, squared_cores):
    n_samples = len(X)
    edges = np.empty((n_samples - 1, 2), dtype=np.intp)
    lengths = np.empty(n_samples - 1)
    # Rows that are not connected yet, in order: the shortest edge to each, the
    # distance alone that decides between equal edges, and the row where it starts.
    left = np.arange(1, n_samples)
    shortest = np.full(n_samples, np.inf)
    distance = np.full(n_samples, np.inf)
    start = np.zeros(n_samples, dtype=np.intp)
    newest = 0
    for step in range(n_samples - 1):
        best = 0
        n_left = n_samples - 1 - step
        for place in range(n_left):
            row = left[place]
            squared = squared_distance(X[newest], X[row])
            reach = max(squared, squared_cores[newest], squared_cores[row])
            if reach < shortest[row] or (
                reach == shortest[row] and squared < distance[row]
            ):
                shortest[row], distance[row], start[row] = reach, squared, newest
            first = left[best]
            if shortest[row] < shortest[first] or (
                shortest[row] == shortest[first] and distance[row] < distance[first]
            ):
                best = place
        newest = left[best]
        edges[step, 0], edges[step, 1] = start[newest], newest
        lengths[step] = np.sqrt(shortest[newest])
        left[best : n_left - 1] = left[best + 1 : n_left]
    return edges, lengths
