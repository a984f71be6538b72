"""Weights of a neighbour graph, and points moved along it or put into it."""

import numpy as np

from ._draws import draw_below
from ._jit import jit, read_only
from ._same_width import check_same_width
from .distances import squared_distance

_BISECTIONS = 40
"""Halvings of the interval that holds a row's scale."""

_LEAST_SCALE = 1e-3
"""Smallest scale of a row, as a share of its mean distance: where all
neighbours are equally far, no scale reaches the wanted sum."""

_LARGEST_STEP = 4.0
"""Bound on a coordinate of a force."""

_SOFTENING = 1e-3
"""Keeps the forces between points that coincide finite."""

_LEAST_SHARE = 1e-9
"""Smallest distance of a neighbour, as a share of the farthest one's."""

_OWN_WEIGHT = 0.1
"""What the start of a placed point weighs; a neighbour on half of the way to the
farthest one weighs 1.5."""

_PLACEMENTS = 20
"""Passes of a placement."""


def neighbor_weights(distances):
    """Turn each row's distances to its neighbours into weights in [0, 1].

    Row i weighs its neighbour j by ``exp(-(d_ij - rho_i) / sigma_i)``, where
    ``rho_i`` is the distance to the nearest. ``sigma_i`` is such that the row's
    weights sum to ``log2(n_neighbors + 1)``.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_neighbors), dtype float64
        Distances to the neighbours, nearest first.

    Returns
    -------
    ndarray of shape (n_samples, n_neighbors), dtype float64
        The weights; that of the nearest neighbour is 1.

    Notes
    -----
    O(n_samples * n_neighbors) time.

    References
    ----------
    McInnes, L., Healy, J. and Melville, J. (2018). "UMAP: Uniform manifold
    approximation and projection for dimension reduction." arXiv:1802.03426,
    algorithm 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.neighbor_layout import neighbor_weights
    >>> neighbor_weights(np.array([[1.0, 2.0, 2.0]])).round(2)
    array([[1. , 0.5, 0.5]])
    """
    return _neighbor_weights(read_only(distances))


def move_points(points, heads, tails, weights, phases, rate, n_negatives, state):
    """Move points once along the edges of a graph, in place.

    An edge acts when its phase, raised by its weight, reaches 1. It then draws
    its two points together, and pushes its head away from points drawn at
    random: a stochastic gradient step on ``-log q`` for the edge and on
    ``-log(1 - q)`` for the drawn pairs, ``q = 1 / (1 + 2 |z_i - z_j|^1.5)``.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_components), dtype float64
        Positions, changed.
    heads, tails : ndarray of shape (n_edges,), dtype int32
        Ends of the edges.
    weights : ndarray of shape (n_edges,), dtype float64
        Share of the calls in which an edge acts, in [0, 1].
    phases : ndarray of shape (n_edges,), dtype float64
        Numbers in [0, 1), changed.
    rate : float
        Length of the steps.
    n_negatives : int
        Points that an acting edge draws.
    state : ndarray of shape (1,), dtype uint64
        State of the generator that draws them, not 0, changed.

    Notes
    -----
    O(sum(weights) * n_negatives * n_components) time.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.neighbor_layout import move_points
    >>> points, edge = np.array([[0.0], [3.0]]), np.zeros(1, np.int32)
    >>> state = np.ones(1, np.uint64)
    >>> move_points(points, edge, edge + 1, np.ones(1), np.zeros(1), 1.0, 0, state)
    >>> points.round(2)
    array([[0.46],
           [2.54]])
    """
    _move_points(
        points,
        read_only(heads),
        read_only(tails),
        read_only(weights),
        phases,
        rate,
        n_negatives,
        state,
    )


def place_points(starts, X, rows, neighbors, points):
    """Put new points where the points of their neighbours are.

    Point i minimises ``-sum_j w_ij log q_ij`` from its start on, the attraction of
    its neighbours among points that stay; its start is one of them and weighs
    little. Other than their mean, this does not end up between two groups. With
    distances ``d_ij``, the farthest of which is ``h_i``, the weights are
    ``w_ij = (1 - d_ij² / h_i²) h_i / d_ij``: a row that comes close to another
    comes close to its point, and the farthest neighbours, among equally far ones
    in any choice, do not count.

    Parameters
    ----------
    starts : ndarray of shape (n_samples, n_components), dtype float64
        Where to begin.
    X : ndarray of shape (n_samples, n_features)
        New rows.
    rows : ndarray of shape (n_rows, n_features)
        Rows whose points are known.
    neighbors : ndarray of shape (n_samples, n_neighbors), dtype int64
        Which of them are near.
    points : ndarray of shape (n_rows, n_components), dtype float64
        Their points.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype float64
        The points of the new rows.

    Notes
    -----
    O(n_samples * n_neighbors * (n_features + n_components)) time: 20 passes of
    iteratively reweighted means.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.neighbor_layout import place_points
    >>> rows, points = np.array([[0.0], [1.0], [3.0]]), np.array([[5.0], [5.0], [9.0]])
    >>> start, near = np.zeros((1, 1)), np.array([[0, 1, 2]])
    >>> place_points(start, np.array([[0.5]]), rows, near, points).round(1)
    array([[5.]])
    """
    check_same_width(X, rows)
    check_same_width(starts, points)
    return _place_points(*map(read_only, (starts, X, rows, neighbors, points)))


@jit()
def _neighbor_weights(distances):
    n_samples, n_neighbors = distances.shape
    weights = np.empty((n_samples, n_neighbors))
    wanted = np.log2(n_neighbors + 1.0)
    for i in range(n_samples):
        nearest, mean = distances[i, 0], distances[i].mean()
        if mean == nearest:
            weights[i] = 1.0
            continue
        low, high, scale = 0.0, np.inf, mean
        for _ in range(_BISECTIONS):
            total = 0.0
            for j in range(n_neighbors):
                total += np.exp(-(distances[i, j] - nearest) / scale)
            if total > wanted:
                high = scale
                scale = (low + high) / 2
            else:
                low = scale
                scale = 2 * scale if np.isinf(high) else (low + high) / 2
        scale = max(scale, _LEAST_SCALE * mean)
        for j in range(n_neighbors):
            weights[i, j] = np.exp(-(distances[i, j] - nearest) / scale)
    return weights


@jit()
def _bounded(force):
    return min(max(force, -_LARGEST_STEP), _LARGEST_STEP)


@jit()
def _attraction(squared):
    """Pull of -log q, q = 1 / (1 + 2 squared^0.75), for each unit of distance."""
    return 3 / (_SOFTENING + np.sqrt(np.sqrt(squared)) + 2 * squared)


@jit()
def _repulsion(squared):
    """Push of -log(1 - q) for each unit of distance."""
    distance = np.sqrt(squared)
    return 1.5 / ((_SOFTENING + squared) * (1 + 2 * distance * np.sqrt(distance)))


@jit()
def _move_points(points, heads, tails, weights, phases, rate, n_negatives, state):
    n_samples, n_components = points.shape
    for e in range(len(heads)):
        phases[e] += weights[e]
        if phases[e] < 1:
            continue
        phases[e] -= 1
        i, j = heads[e], tails[e]
        squared = 0.0
        for c in range(n_components):
            squared += (points[i, c] - points[j, c]) ** 2
        strength = _attraction(squared)
        for c in range(n_components):
            step = rate * _bounded(strength * (points[i, c] - points[j, c]))
            points[i, c] -= step
            points[j, c] += step
        for _ in range(n_negatives):
            m = draw_below(state, n_samples)
            squared = 0.0
            for c in range(n_components):
                squared += (points[i, c] - points[m, c]) ** 2
            strength = _repulsion(squared)
            for c in range(n_components):
                force = strength * (points[i, c] - points[m, c])
                points[i, c] += rate * _bounded(force)


@jit()
def _place_points(starts, X, rows, neighbors, points):
    n_neighbors, n_components = neighbors.shape[1], starts.shape[1]
    placed, mean = np.empty(starts.shape), np.empty(n_components)
    weights = np.empty(n_neighbors)
    for i in range(len(X)):
        _weigh(X[i], rows, neighbors[i], weights)
        placed[i] = starts[i]
        for _ in range(_PLACEMENTS):
            # A mean of the start and the neighbours, reweighted by their pulls.
            total = _OWN_WEIGHT * _attraction(squared_distance(placed[i], starts[i]))
            for c in range(n_components):
                mean[c] = total * starts[i, c]
            for j in range(n_neighbors):
                point = points[neighbors[i, j]]
                pull = weights[j] * _attraction(squared_distance(placed[i], point))
                total += pull
                for c in range(n_components):
                    mean[c] += pull * point[c]
            for c in range(n_components):
                placed[i, c] = mean[c] / total
    return placed


@jit()
def _weigh(x, rows, neighbors, weights):
    """Write down what each neighbour of a row weighs."""
    farthest = 0.0
    for j in range(len(neighbors)):
        weights[j] = np.sqrt(squared_distance(x, rows[neighbors[j]]))
        farthest = max(farthest, weights[j])
    for j in range(len(neighbors)):
        share = weights[j] / farthest if farthest > 0 else 1.0
        weights[j] = (1 - share * share) / max(share, _LEAST_SHARE)
