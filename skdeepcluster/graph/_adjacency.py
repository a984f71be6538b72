"""Graphs at the door, and the matrices that are made of them."""

import numpy as np
from scipy.sparse import csr_array, diags_array, issparse
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_array

from .._warnings import warn
from ..neighbors._neighbor_graph import nearest_rows, weighted_graph


def check_graph(graph, n_vertices=None, name="graph"):
    """Validate an adjacency: symmetric, without self-loops, positive weights.

    Parameters
    ----------
    graph : sparse matrix or array-like of shape (n_vertices, n_vertices)
        Weights of edges, 0 where there is none; bool and int become float64.
    n_vertices : int, default=None
        Wanted number of vertices; None takes any.
    name : str, default="graph"
        What errors call it.

    Returns
    -------
    csr_array of shape (n_vertices, n_vertices), dtype float64
        ``max(A, A')`` without its diagonal, in sorted order. Where that differs from
        the graph by more than the diagonal, a warning says so.
    """
    A = check_weights_of_edges(graph, name)
    if A.shape[0] != A.shape[1]:
        raise ValueError(
            f"{name} has shape {A.shape}, but an adjacency is square: a row and a "
            "column for each vertex."
        )
    if n_vertices is not None and A.shape[0] != n_vertices:
        raise ValueError(
            f"{name} has {A.shape[0]} vertices, but X has {n_vertices} rows: give "
            "every row a vertex, in the same order."
        )
    heads = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    A.data[heads == A.indices] = 0
    A.eliminate_zeros()
    symmetric = csr_array(A.maximum(A.T))
    if (symmetric != A).nnz:
        warn(
            f"{name} is directed: its edges are taken in both directions, with the "
            "larger of the two weights.",
            UserWarning,
        )
    symmetric.sort_indices()
    return symmetric


def check_weights_of_edges(graph, name="graph"):
    """Validate a matrix of edges of any shape; it comes back as a copy."""
    try:
        A = csr_array(
            check_array(
                graph, accept_sparse="csr", dtype=np.float64, copy=True, input_name=name
            )
        )
    except TypeError as error:
        raise TypeError(f"{name} is no matrix of weights: {error}") from error
    A.sum_duplicates()
    if A.nnz and A.data.min() < 0:
        raise ValueError(
            f"{name} has negative weights: leave these edges out, or give distances "
            "as similarities."
        )
    return A


def neighbor_graph(rows, n_neighbors, rng):
    """Weighted graph of nearest rows.

    Parameters
    ----------
    rows : ndarray or sparse array of shape (n_samples, n_columns)
        Rows; distinct ones where they are dense.
    n_neighbors : int
        Neighbours of each row; all others where there are fewer.
    rng : numpy.random.Generator
        Chooses among equally near rows, where they are dense.

    Returns
    -------
    csr_array of shape (n_samples, n_samples)
        Symmetric weights in [0, 1].
    """
    n_samples = rows.shape[0]
    n_neighbors = min(n_neighbors, n_samples - 1)
    if n_neighbors == 0:
        return csr_array((n_samples, n_samples))
    if issparse(rows):
        distances, neighbors = (
            NearestNeighbors(n_neighbors=n_neighbors).fit(rows).kneighbors()
        )
        return weighted_graph(neighbors, distances)
    return weighted_graph(*nearest_rows(rows, n_neighbors, rng))


def filter_matrix(graph):
    """``(I + D^-1/2 (A + I) D^-1/2) / 2``, whose powers smooth over a graph."""
    n_vertices = graph.shape[0]
    scale = diags_array(1 / np.sqrt(graph.sum(axis=1) + 1))
    smooth = scale @ (graph + diags_array(np.ones(n_vertices))) @ scale
    return csr_array((smooth + diags_array(np.ones(n_vertices))) / 2)


def arrays_of(graph):
    """The three arrays that kernels take."""
    return graph.indptr, graph.indices, graph.data
