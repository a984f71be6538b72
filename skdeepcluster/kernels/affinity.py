"""Gaussian affinities: their bandwidth, their matrix, their Nyström extension."""

import numpy as np

from ._jit import jit, read_only
from .assignment import squared_distance


def spanning_tree_edges(X):
    """Lengths of the edges of the minimum spanning tree of some rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        At least one row.

    Returns
    -------
    ndarray of shape (n_samples - 1,), dtype float64
        Euclidean lengths, ascending.

    Notes
    -----
    Prim's algorithm: O(n_samples² n_features) time, and three numbers of extra
    memory per row.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.affinity import spanning_tree_edges
    >>> spanning_tree_edges(np.array([[0.0], [7.0], [1.0], [3.0]]))
    array([1., 2., 4.])
    """
    return np.sort(np.sqrt(_spanning_tree(read_only(X))))


@jit()
def _spanning_tree(X):
    """Squared lengths of the edges, in the order in which Prim finds them."""
    n_samples = len(X)
    edges = np.empty(n_samples - 1)
    # The rows outside of the tree, packed, with their distances to it.
    outside = np.arange(1, n_samples)
    closest = np.full(n_samples - 1, np.inf)
    last = 0
    for step in range(n_samples - 1):
        n_outside = n_samples - 1 - step
        nearest = 0
        for place in range(n_outside):
            distance = squared_distance(X[outside[place]], X[last])
            if distance < closest[place]:
                closest[place] = distance
            if closest[place] < closest[nearest]:
                nearest = place
        edges[step] = closest[nearest]
        last = outside[nearest]
        outside[nearest] = outside[n_outside - 1]
        closest[nearest] = closest[n_outside - 1]
    return edges


def normalized_affinities(X, weights, precision, *, self_loops):
    """Gaussian affinities over the roots of the degrees.

    The eigenvectors of the matrix, divided by the roots of the weights, are
    those of ``D^(-1/2) A D^(-1/2)`` with each row as often as its weight says.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Distinct rows.
    weights : ndarray of shape (n_samples,), dtype float64
        How many equal rows each one stands for.
    precision : float
        The affinity of two rows is ``exp(-precision * squared distance)``.
    self_loops : bool
        Whether a row has the affinity 1 to itself, else 0.

    Returns
    -------
    matrix : ndarray of shape (n_samples, n_samples), dtype float64
        Symmetric.
    degrees : ndarray of shape (n_samples,), dtype float64
        Sum of the affinities of one copy of each row; 1 where it is 0.
    """
    return _normalized_affinities(
        read_only(X), read_only(weights), float(precision), bool(self_loops)
    )


@jit()
def _normalized_affinities(X, weights, precision, self_loops):
    n_samples = len(X)
    matrix = np.empty((n_samples, n_samples))
    degrees = np.zeros(n_samples)
    for i in range(n_samples):
        # Without loops, the other copies of the same row still count.
        matrix[i, i] = 1.0 if self_loops else 1.0 - 1.0 / weights[i]
        for j in range(i):
            affinity = np.exp(-precision * squared_distance(X[i], X[j]))
            matrix[i, j] = affinity
            matrix[j, i] = affinity
    for i in range(n_samples):
        for j in range(n_samples):
            degrees[i] += weights[j] * matrix[i, j]
        if not degrees[i] > 0.0:
            degrees[i] = 1.0
    roots = np.sqrt(weights / degrees)
    for i in range(n_samples):
        for j in range(n_samples):
            matrix[i, j] *= roots[i] * roots[j]
    return matrix, degrees


def extend_eigenvectors(X, rows, weights, precision, projection):
    """Nyström's extension of eigenvectors to further rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows to embed; each by itself.
    rows : ndarray of shape (n_rows, n_features)
        Rows of the affinity matrix.
    weights : ndarray of shape (n_rows,), dtype float64
        How many equal rows each one stands for.
    precision : float
        See `normalized_affinities`.
    projection : ndarray of shape (n_rows, n_components), dtype float64
        What a unit of affinity to each row adds to the embedding.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype float64
        ``a @ projection / sqrt(a @ weights)`` with the affinities `a` of a row.

    Notes
    -----
    O(n_samples · n_rows · (n_features + n_components)) time.
    """
    return _extend_eigenvectors(
        read_only(X),
        read_only(rows),
        read_only(weights),
        float(precision),
        read_only(projection),
    )


@jit()
def _extend_eigenvectors(X, rows, weights, precision, projection):
    n_rows, n_components = projection.shape
    extended = np.zeros((len(X), n_components))
    exponents = np.empty(n_rows)
    for i in range(len(X)):
        for j in range(n_rows):
            exponents[j] = precision * squared_distance(X[i], rows[j])
        # Affinities in units of the largest, so that a far row has some.
        least = exponents.min()
        degree = 0.0
        for j in range(n_rows):
            affinity = np.exp(least - exponents[j])
            if affinity > 0.0:
                degree += weights[j] * affinity
                for c in range(n_components):
                    extended[i, c] += affinity * projection[j, c]
        factor = np.exp(-0.5 * least) / np.sqrt(degree)
        for c in range(n_components):
            extended[i, c] *= factor
    return extended


def extend_from_neighbors(places, exponents, weights, projection):
    """Nyström's extension where a row has few neighbours.

    Parameters
    ----------
    places : ndarray of shape (n_samples, n_neighbors), dtype int64
        Rows that each row has an affinity to.
    exponents : ndarray of shape (n_samples, n_neighbors), dtype float64
        Negative logarithms of the affinities.
    weights : ndarray of shape (n_rows,), dtype float64
        How many equal rows each row of the graph stands for.
    projection : ndarray of shape (n_rows, n_components), dtype float64
        What a unit of affinity to each row adds to the embedding.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype float64
        ``a @ projection / sqrt(a @ weights)`` with the affinities `a` of a row.
    """
    return _extend_from_neighbors(
        read_only(places),
        read_only(exponents),
        read_only(weights),
        read_only(projection),
    )


@jit()
def _extend_from_neighbors(places, exponents, weights, projection):
    n_samples, n_neighbors = places.shape
    n_components = projection.shape[1]
    extended = np.zeros((n_samples, n_components))
    for i in range(n_samples):
        least = exponents[i].min()
        degree = 0.0
        for q in range(n_neighbors):
            j = places[i, q]
            affinity = np.exp(least - exponents[i, q])
            degree += weights[j] * affinity
            for c in range(n_components):
                extended[i, c] += affinity * projection[j, c]
        factor = np.exp(-0.5 * least) / np.sqrt(degree)
        for c in range(n_components):
            extended[i, c] *= factor
    return extended
