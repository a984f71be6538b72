"""Gaussian affinities: their bandwidth, their matrix, their Nyström extension."""

import numpy as np

from ._jit import jit, read_only
from ._same_width import check_same_width
from .distances import squared_distance
from .spanning_tree import spanning_tree


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
    return np.sort(spanning_tree(X)[1])


def gaussian_affinities(X, weights, precision, *, self_loops):
    """Gaussian affinities between rows, and the sums of each row's.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Distinct rows.
    weights : ndarray of shape (n_samples,), dtype float64
        How many equal rows each one stands for.
    precision : float
        The affinity of two rows is ``exp(-precision * squared distance)``.
    self_loops : bool
        Whether a row has the affinity 1 to itself, else 0; other copies of it
        count in either case.

    Returns
    -------
    matrix : ndarray of shape (n_samples, n_samples), dtype float64
        Symmetric.
    degrees : ndarray of shape (n_samples,), dtype float64
        Sum of the affinities of one copy of each row; 1 where it is 0.
    """
    return _gaussian_affinities(
        read_only(X), read_only(weights), float(precision), bool(self_loops)
    )


@jit()
def _gaussian_affinities(X, weights, precision, self_loops):
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
        See `gaussian_affinities`.
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
    check_same_width(X, rows)
    return _extend_eigenvectors(
        read_only(X),
        read_only(rows),
        read_only(weights),
        float(precision),
        read_only(projection),
    )


@jit()
def _extend_eigenvectors(X, rows, weights, precision, projection):
    n_rows = len(rows)
    extended = np.zeros((len(X), projection.shape[1]))
    affinities = np.empty(n_rows)
    for i in range(len(X)):
        for j in range(n_rows):
            affinities[j] = precision * squared_distance(X[i], rows[j])
        # In units of the largest, so that a far row has some.
        least = affinities.min()
        for j in range(n_rows):
            affinities[j] = np.exp(least - affinities[j])
        _extend_row(affinities, weights, projection, least, extended[i])
    return extended


@jit()
def _extend_row(affinities, weights, projection, least, extended):
    degree = 0.0
    for j in range(len(affinities)):
        if affinities[j] > 0.0:
            degree += weights[j] * affinities[j]
            for c in range(len(extended)):
                extended[c] += affinities[j] * projection[j, c]
    factor = np.exp(-0.5 * least) / np.sqrt(degree)
    for c in range(len(extended)):
        extended[c] *= factor


@jit()
def extend_over_affinities(matrix, weights, projection):
    """Nyström's extension to the rows of the affinity matrix themselves.

    Parameters
    ----------
    matrix : ndarray of shape (n_rows, n_rows), dtype float64
        Affinities.
    weights, projection : ndarray
        See `extend_eigenvectors`.

    Returns
    -------
    ndarray of shape (n_rows, n_components), dtype float64
        What `extend_eigenvectors` has for these rows, without the distances.
    """
    extended = np.zeros((len(matrix), projection.shape[1]))
    for i in range(len(matrix)):
        _extend_row(matrix[i], weights, projection, 0.0, extended[i])
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
