"""Spectral embeddings of graphs between rows, and their extension to more rows.

A graph knows its rows (distinct ones, each standing for as many as its weight
says), the product of its normalised affinities with vectors, and how to extend
eigenvectors to other rows. What is as large as the table squared, it forgets once
it has embedded its own rows.
"""

import numpy as np
from scipy.linalg.blas import dsymv
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from .._fitted_state import check_arrays
from .._rows import canonical_order
from .._threads import one_blas_thread
from .._warnings import warn
from ..kernels.affinity import (
    extend_eigenvectors,
    extend_from_neighbors,
    extend_over_affinities,
    gaussian_affinities,
    spanning_tree_edges,
)
from ..kernels.neighbors import nearest_rows

# A vector whose eigenvalue is not above rounding says nothing of the rows.
LEAST_VALUE = 1e-10
# Normalised affinities below this are rounding: they connect no rows.
LEAST_AFFINITY = 1e-15
# Up to this number of rows all eigenvectors are found at once.
DENSE_ROWS = 200
# Largest error of an eigenvalue, relative to it.
EIGENVALUE_TOL = 1e-10


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
        roots = np.sqrt(self.weights / self.degrees)

        def multiply(vector):
            # Half of a symmetric matrix is read, and that is what takes the time.
            return roots * dsymv(1.0, self._matrix.T, roots * vector)

        # The edges of the tree connect all rows.
        labels = np.zeros(len(self.rows), dtype=np.intp)
        return nontrivial_eigenvectors(
            multiply, self.weights * self.degrees, labels, n_vectors
        )

    def extend_to_own(self, projection):
        """Do what `extend` does, for the rows of the graph."""
        return extend_over_affinities(self._matrix, self.weights, projection)

    def forget(self):
        """Leave only what `extend` needs."""
        del self._matrix

    def _check_state(self):
        check_arrays(
            "SpanningTreeGraph",
            rows=(self.rows, "f", "np"),
            weights=(self.weights, "f", "n"),
            degrees=(self.degrees, "f", "n"),
        )

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
        self._scales = local_scales(squares)
        exponents = self._exponents(places, squares)
        affinities = np.exp(-exponents)
        sources = np.repeat(np.arange(len(rows)), self._n_nearest)
        edges = np.concatenate(
            [sources * len(rows) + places.ravel(), places.ravel() * len(rows) + sources]
        )
        edges, first = np.unique(edges, return_index=True)
        sources, targets = np.divmod(edges, len(rows))
        entries = np.tile(affinities.ravel(), 2)[first]
        starts = np.searchsorted(sources, np.arange(len(rows) + 1))
        self.degrees = np.add.reduceat(entries * weights[targets], starts[:-1])
        roots = np.sqrt(weights / self.degrees)
        entries *= roots[sources] * roots[targets]
        self._matrix = csr_array((entries, targets, starts))
        self._own = places, exponents

    def _check_state(self):
        check_arrays(
            "NeighborGraph", rows=(self.rows, "f", "np"), reach=(self._scales, "f", "n")
        )
        if not (type(self._n_nearest) is int and 0 < self._n_nearest <= len(self.rows)):
            raise ValueError("NeighborGraph has more neighbours than rows, or none")

    def _exponents(self, places, squares):
        return squares / (local_scales(squares)[:, np.newaxis] * self._scales[places])

    def eigenvectors(self, n_vectors):
        """Find leading eigenvectors, the trivial one aside."""
        connected = self._matrix.copy()
        connected.data = connected.data > LEAST_AFFINITY
        connected.eliminate_zeros()
        _, labels = connected_components(connected, directed=False)
        return nontrivial_eigenvectors(
            self._matrix.__matmul__, self.weights * self.degrees, labels, n_vectors
        )

    def extend_to_own(self, projection):
        """Do what `extend` does, for the rows of the graph."""
        return extend_from_neighbors(*self._own, self.weights, projection)

    def forget(self):
        """Leave only what `extend` needs."""
        del self._matrix, self._own

    def extend(self, X, projection):
        """Add up a projection over the affinities of other rows."""
        places, squares = nearest_rows(X, self.rows, self._n_nearest)
        exponents = self._exponents(places, squares)
        return extend_from_neighbors(places, exponents, self.weights, projection)


def local_scales(squares):
    """Distance to the last neighbour; 1 for a row that has none but itself."""
    distances = np.sqrt(squares[:, -1])
    return np.where(distances > 0, distances, 1.0)


def nontrivial_eigenvectors(multiply, masses, labels, n_vectors):
    """Leading eigenvectors of normalised affinities, the trivial one aside.

    The eigenvalue 1 is there once for each connected component, with known
    eigenvectors; the others come from the Lanczos method with these deflated, which
    would find an eigenvalue that is there several times only by chance.

    Parameters
    ----------
    multiply : callable
        Returns the product of the symmetric matrix with a vector.
    masses : ndarray of shape (n_rows,)
        Squares of the trivial eigenvector, up to a factor.
    labels : ndarray of shape (n_rows,), dtype intp
        Connected component of each row.
    n_vectors : int
        Eigenvectors wanted; at most ``n_rows - 1`` come back, and the trivial one
        where it is alone.

    Returns
    -------
    values : ndarray of shape (n_found,)
        Eigenvalues, descending.
    vectors : ndarray of shape (n_rows, n_found)
        Unit eigenvectors in columns; the largest entry of each is positive.

    Notes
    -----
    Bits do not depend on the number of BLAS threads: one is used.
    """
    n_rows = len(masses)
    if n_rows == 1:
        return np.ones(1), np.ones((1, 1))
    n_vectors = min(n_vectors, n_rows - 1)
    indicators, sizes = _component_vectors(masses, labels)
    n_ones = min(len(sizes) - 1, n_vectors)
    values = np.ones(n_ones)
    vectors = indicators @ _complement(np.sqrt(sizes / sizes.sum()))[:, :n_ones]
    if n_vectors > n_ones:

        def deflated(vector):
            # The eigenvalues 1 become -1, below all others.
            return multiply(vector) - 2 * (indicators @ (indicators.T @ vector))

        with one_blas_thread():
            more_values, more = _largest_eigenvectors(
                deflated, n_rows, n_vectors - n_ones
            )
        values = np.concatenate([values, more_values])
        vectors = np.hstack([vectors, more])
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return values, vectors * signs


def _component_vectors(masses, labels):
    """The trivial eigenvector of every component, and masses, the largest first."""
    sizes = np.bincount(labels, masses)
    order = canonical_order(sizes, np.unique(labels, return_index=True)[1][:, None])
    columns = np.argsort(order)[labels]
    entries = np.sqrt(masses / sizes[labels])
    rows = np.arange(len(masses))
    return csr_array((entries, (rows, columns))), sizes[order]


def _complement(unit):
    """Orthonormal columns orthogonal to a unit vector of positive entries."""
    mirror = unit.copy()
    mirror[0] += 1.0
    reflection = np.eye(len(unit)) - np.outer(mirror, mirror) / mirror[0]
    return reflection[:, 1:]


def _largest_eigenvectors(multiply, n_rows, n_vectors):
    """Eigenvectors of the largest eigenvalues of a symmetric matrix, descending."""
    if n_rows <= max(DENSE_ROWS, 3 * n_vectors):
        matrix = np.stack([multiply(row) for row in np.eye(n_rows)])
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    else:
        start = np.random.default_rng(0).standard_normal(n_rows)
        shape = (n_rows, n_rows)
        operator = LinearOperator(shape, matvec=multiply, dtype=np.float64)
        options = {"which": "LA", "v0": start, "tol": EIGENVALUE_TOL}
        try:
            values, vectors = eigsh(operator, n_vectors, **options)
        except ArpackNoConvergence as stopped:
            values, vectors = stopped.eigenvalues, stopped.eigenvectors
            warn(
                f"Only {len(values)} of {n_vectors} eigenvectors have converged: "
                "lower n_components."
            )
    order = np.argsort(-values, kind="stable")[:n_vectors]
    return values[order], vectors[:, order]


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
        # rows that the graph knows must not be told apart from new ones.
        own = graph.self_loops
        self.at_rows = graph.extend_to_own(self._projection) if own else vectors
        graph.forget()

    def _check_state(self):
        check_arrays(
            "SpectralEmbedding",
            rows=(self.graph.rows, "f", "np"),
            weights=(self.graph.weights, "f", "n"),
            degrees=(self.graph.degrees, "f", "n"),
            values=(self.values, "f", "c"),
            projection=(self._projection, "f", "nc"),
            at_rows=(self.at_rows, "f", "nc"),
        )

    def extend(self, X):
        """Embed any rows by Nyström's formula; only with self-loops."""
        return self.graph.extend(X, self._projection)
