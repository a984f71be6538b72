"""Eigenvectors of a graph, with or without the levels of columns as vertices.

Real graphs have vertices and small parts that hang on few edges or on none; each would
take an eigenvector. So every pair of vertices is also joined by an edge of ``tau / n``,
tau being the mean degree (regularised spectral clustering [1]_): the graph is
connected, and the leading eigenvectors tell large groups apart.

.. [1] T. Qin and K. Rohe (2013). "Regularized spectral clustering under the
   degree-corrected stochastic blockmodel." NeurIPS 26.
"""

import numpy as np
from scipy.sparse import block_array, csr_array
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from .._scaling import unit_length
from .._threads import one_blas_thread
from .._warnings import warn

# Up to so many vertices the whole matrix is decomposed.
_DENSE_VERTICES = 300


def spectral_coordinates(graph, n_components):
    """Leading eigenvectors of the normalised adjacency; every row has length 1.

    Parameters
    ----------
    graph : csr_array of shape (n_vertices, n_vertices)
        Symmetric weights.
    n_components : int
        Number of eigenvectors.

    Returns
    -------
    ndarray of shape (n_vertices, n_found)
        Coordinates of the vertices, at most `n_components` columns.
    """
    n_vertices = graph.shape[0]
    degrees = graph.sum(axis=1)
    tau = degrees.mean() or 1.0
    scale = 1 / np.sqrt(degrees + tau)

    def multiply(vector):
        scaled = scale * vector.ravel()
        return scale * (graph @ scaled + tau / n_vertices * scaled.sum())

    n_components = min(n_components, n_vertices)
    with one_blas_thread():
        vectors = _leading_eigenvectors(multiply, n_vertices, n_components)
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return np.ascontiguousarray(unit_length(vectors * signs))


def with_columns(graph, rows, weight):
    """The graph whose vertices are rows and columns, joined by the entries.

    Parameters
    ----------
    graph : csr_array of shape (n_samples, n_samples)
        Weights between rows.
    rows : ndarray or sparse array of shape (n_samples, n_columns)
        Non-negative entries.
    weight : float
        What an entry of 1 weighs.

    Returns
    -------
    csr_array of shape (n_samples + n_columns, n_samples + n_columns)
        The augmented graph.
    """
    links = csr_array(rows, dtype=np.float64) * weight
    if links.nnz and links.data.min() < 0:
        raise ValueError(
            "Negative values in data passed to method='augmented', which takes them as "
            "weights of edges: give counts or indicators (OneHotEncoder, "
            "KBinsDiscretizer), or take method='smoothing'."
        )
    return csr_array(block_array([[graph, links], [links.T, None]]))


def _leading_eigenvectors(multiply, n_vertices, n_components):
    if n_vertices <= max(_DENSE_VERTICES, 3 * n_components):
        matrix = np.stack([multiply(row) for row in np.eye(n_vertices)])
        _, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return vectors[:, : -n_components - 1 : -1]
    start = np.random.default_rng(0).standard_normal(n_vertices)
    shape = (n_vertices, n_vertices)
    operator = LinearOperator(shape, matvec=multiply, dtype=np.float64)
    try:
        values, vectors = eigsh(operator, n_components, which="LA", v0=start, tol=1e-6)
    except ArpackNoConvergence as stopped:
        values, vectors = stopped.eigenvalues, stopped.eigenvectors
        warn(f"Only {len(values)} of {n_components} eigenvectors have converged.")
    return vectors[:, np.argsort(-values, kind="stable")]
