"""Spectral embeddings of graphs between rows, and their extension to more rows.

A graph knows its rows (distinct ones, each standing for as many as its weight
says), the product of its normalised affinities with vectors, and how to extend
eigenvectors to other rows. What is as large as the table squared, it forgets once
it has embedded its own rows.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..kernels.affinity import (
    extend_eigenvectors,
    extend_from_neighbors,
    extend_over_affinities,
    gaussian_affinities,
    spanning_tree_edges,
)
from ..kernels.eigenvectors import (
    add_product,
    inner_product,
    leading_eigenvectors,
    matrix_product,
    sparse_product,
)
from ..kernels.neighbors import nearest_rows

# A vector whose eigenvalue is not above rounding says nothing of the rows.
LEAST_VALUE = 1e-10
# Eigenvalues of neighbour graphs crowd below 1. Powers of the matrix, shifted
# so that none is negative, draw them apart and keep their order.
POWER = 8


class SpanningTreeGraph:
    """All affinities, Gaussian, with a width read off the minimum spanning tree.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), dtype=float64
        Distinct rows.
    weights : ndarray of shape (n_rows,)
        How many equal rows each one stands for.
    s_min : float
        Affinity over the longest edge of the tree.
    self_loops : bool
        Whether rows are neighbours of themselves.

    Attributes
    ----------
    d_max : float
        Longest edge of the minimum spanning tree; 1 where there is none.
    sigma : float
        Standard deviation of the Gaussian.
    degrees : ndarray of shape (n_rows,)
        Sums of the affinities of each row.
    """

    def __init__(self, rows, weights, s_min, self_loops):
        self.rows, self.weights, self.self_loops = rows, weights, self_loops
        edges = spanning_tree_edges(rows)
        self.d_max = float(edges[-1]) if len(edges) else 1.0
        self._precision = -np.log(s_min) / self.d_max**2
        self.sigma = float(np.sqrt(0.5 / self._precision))
        self._matrix, self.degrees = gaussian_affinities(
            rows, weights, self._precision, self_loops=self_loops
        )

    def eigenvectors(self, n_vectors):
        """Find leading eigenvectors, the trivial one aside."""
        roots = np.sqrt(self.weights / self.degrees)[:, np.newaxis]

        def multiply(block):
            return roots * matrix_product(self._matrix, roots * block)

        return _nontrivial(self, multiply, n_vectors)

    def extend_to_own(self, projection):
        """Do what `extend` does, for the rows of the graph."""
        return extend_over_affinities(self._matrix, self.weights, projection)

    def forget(self):
        """Leave only what `extend` needs."""
        del self._matrix

    def extend(self, X, projection):
        """Add up a projection over the affinities of other rows."""
        return extend_eigenvectors(
            X, self.rows, self.weights, self._precision, projection
        )


class NeighborGraph:
    """Affinities between nearest neighbours, each measured by its own distances.

    The affinity of two rows is ``exp(-d² / (r s))``, where r and s are their
    distances to their own `n_neighbors`-th neighbour, if one is among the
    nearest of the other.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), dtype=float64
        Distinct rows.
    weights : ndarray of shape (n_rows,)
        How many equal rows each one stands for.
    n_neighbors : int
        Neighbours, the row itself not counted.

    Attributes
    ----------
    degrees : ndarray of shape (n_rows,)
        Sums of the affinities of each row.
    """

    self_loops = True

    def __init__(self, rows, weights, n_neighbors):
        self.rows, self.weights = rows, weights
        self._n_nearest = min(n_neighbors + 1, len(rows))
        places, squares = nearest_rows(rows, rows, self._n_nearest)
        self._reach = _reach(squares)
        exponents = self._exponents(places, squares)
        affinities = np.exp(-exponents)
        sources = np.repeat(np.arange(len(rows)), self._n_nearest)
        edges = np.concatenate(
            [sources * len(rows) + places.ravel(), places.ravel() * len(rows) + sources]
        )
        edges, first = np.unique(edges, return_index=True)
        sources, self._places = np.divmod(edges, len(rows))
        entries = np.tile(affinities.ravel(), 2)[first]
        self._starts = np.searchsorted(sources, np.arange(len(rows) + 1))
        self.degrees = np.add.reduceat(
            entries * weights[self._places], self._starts[:-1]
        )
        roots = np.sqrt(weights / self.degrees)
        self._entries = entries * roots[sources] * roots[self._places]
        self._own = places, exponents

    def _exponents(self, places, squares):
        return squares / (_reach(squares)[:, np.newaxis] * self._reach[places])

    def eigenvectors(self, n_vectors):
        """Find leading eigenvectors, the trivial one aside."""
        starts, places, entries = self._starts, self._places, self._entries

        def multiply(block):
            for _ in range(POWER):
                block = block + sparse_product(starts, places, entries, block)
                block *= 0.5
            return block

        _, vectors = _nontrivial(self, multiply, n_vectors)
        images = sparse_product(starts, places, entries, vectors)
        return np.sum(vectors * images, axis=0), vectors

    def extend_to_own(self, projection):
        """Do what `extend` does, for the rows of the graph."""
        return extend_from_neighbors(*self._own, self.weights, projection)

    def forget(self):
        """Leave only what `extend` needs."""
        del self._starts, self._places, self._entries, self._own

    def extend(self, X, projection):
        """Add up a projection over the affinities of other rows."""
        places, squares = nearest_rows(X, self.rows, self._n_nearest)
        exponents = self._exponents(places, squares)
        return extend_from_neighbors(places, exponents, self.weights, projection)


def _reach(squares):
    """Distance to the last neighbour; 1 for a row that has none but itself."""
    reach = np.sqrt(squares[:, -1])
    return np.where(reach > 0, reach, 1.0)


def _nontrivial(graph, multiply, n_vectors):
    """Leading eigenvectors of a product, without the known one."""
    trivial = np.sqrt(graph.weights * graph.degrees)[:, np.newaxis]
    trivial /= np.sqrt(np.sum(trivial**2))

    def deflated(block):
        image = multiply(block)
        # Its eigenvalue falls from 1 to -1, below all others.
        add_product(image, trivial, inner_product(trivial, block), -2.0)
        return image

    n_rows = len(graph.rows)
    if n_rows == 1:
        return np.ones(1), trivial
    values, vectors, residual = leading_eigenvectors(
        deflated, n_rows, min(n_vectors, n_rows - 1)
    )
    if residual > 1e-3:
        warnings.warn(
            f"The eigenvectors have not converged (residual {residual:.1g}): lower "
            "n_components.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return values, vectors


class SpectralEmbedding:
    """The leading eigenvectors of a graph, for its own rows and for others.

    Parameters
    ----------
    graph : SpanningTreeGraph or NeighborGraph
        Graph between rows.
    n_components : int
        Eigenvectors wanted, the trivial one not counted; fewer are kept where
        their eigenvalues are not positive and there are self-loops.

    Attributes
    ----------
    values : ndarray of shape (n_kept,)
        Eigenvalues of the normalised affinities, descending.
    at_rows : ndarray of shape (n_rows, n_kept)
        The rows of the graph, embedded.
    """

    def __init__(self, graph, n_components):
        self.graph = graph
        values, vectors = graph.eigenvectors(n_components)
        kept = len(values)
        if graph.self_loops:
            kept = max(1, int(np.sum(values > LEAST_VALUE)))
        self.values = values[:kept]
        # Per row of the table: as if each stood there as often as it is.
        vectors = vectors[:, :kept] / np.sqrt(graph.weights)[:, np.newaxis]
        scale = (graph.weights / np.sqrt(graph.degrees))[:, np.newaxis]
        self._projection = np.ascontiguousarray(
            scale * vectors / np.maximum(self.values, LEAST_VALUE)
        )
        # Of small eigenvalues, the extension keeps less than the vectors have:
        # rows that the graph knows shall not be told apart from new ones.
        own = graph.self_loops
        self.at_rows = graph.extend_to_own(self._projection) if own else vectors
        graph.forget()

    def extend(self, X):
        """Embed any rows by Nyström's formula; only with self-loops."""
        return self.graph.extend(X, self._projection)


def normalized(embedded):
    """Bring rows to length 1."""
    largest = np.abs(embedded).max(axis=1, keepdims=True)
    embedded = embedded / np.where(largest > 0, largest, 1)
    lengths = np.sqrt((embedded**2).sum(axis=1, keepdims=True))
    return embedded / np.where(lengths > 0, lengths, 1)
