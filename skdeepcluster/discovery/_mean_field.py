"""Labels of all rows at once: what a classifier says, and what neighbours got.

Minimises over distributions z_p of the rows p, with those of labeled rows fixed::

    E(z) = - sum_p z_p . u_p + sum_p z_p . log z_p - s/2 sum_pq w_pq z_p . z_q

by ``z_p <- softmax(u_p + s (w z)_p)`` for all rows at once [1]. With w positive
semi-definite the last term is concave, its tangent bounds it from above, and the
step minimises that bound: E never rises. A normalised graph of neighbours plus the
identity is positive semi-definite; without the identity two rows may swap for ever.

[1] I. Ziko, M. Boudiaf, J. Dolz, E. Granger and I. Ben Ayed, "Transductive few-shot
    learning: clustering is all you need?", arXiv:2106.09516.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array, issparse
from scipy.special import softmax, xlogy

from .._fitted_state import check_sparse


class MeanField(NamedTuple):
    """Outcome of :func:`mean_field`.

    Parameters
    ----------
    distributions : ndarray of shape (n_samples, n_classes)
        Probability of each class at each row.
    energies : list of float
        Energy at the start and after each step; it never rises.
    converged : bool
        Whether the last step moved no probability by `tol`.
    """

    distributions: np.ndarray
    energies: list
    converged: bool


class SparseParts(NamedTuple):
    """Arrays of a sparse array, which a model file may hold as such.

    Parameters
    ----------
    data, indices, indptr : ndarray
        See scipy's csr_array.
    shape : tuple of int
        Rows and columns.
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple

    def _check_state(self):
        n_rows, n_columns = self.shape
        parts = self.data, self.indices, self.indptr
        check_sparse("SparseParts", *parts, n_columns=n_columns)
        if len(self.indptr) != n_rows + 1:
            raise ValueError("shape of SparseParts is of other rows")

    @classmethod
    def of(cls, array):
        """Take a sparse array apart."""
        return cls(array.data, array.indices, array.indptr, tuple(array.shape))

    def joined(self):
        """Put it together again."""
        return csr_array((self.data, self.indices, self.indptr), shape=self.shape)


def mean_field(scores, affinities, smoothness, codes, start=None, *, max_iter, tol):
    """Find the distributions over classes of least energy.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        What speaks for each class at each row, as log probabilities.
    affinities : sparse array of shape (n_samples, n_samples)
        Symmetric and, for an energy that never rises, positive semi-definite.
    smoothness : float
        Weight of the neighbours.
    codes : ndarray of shape (n_samples,)
        Class of the labeled rows, -1 for all others.
    start : ndarray of shape (n_samples, n_classes), default=None
        Where to start; None starts from the scores alone.
    max_iter : int
        Most steps.
    tol : float
        Largest change of a probability that ends the steps.

    Returns
    -------
    MeanField
        The distributions, and the energy on the way.

    Notes
    -----
    O(n_edges * n_classes) time a step, three arrays of n_samples x n_classes.
    """
    labeled = codes >= 0
    fixed = np.eye(scores.shape[1])[codes[labeled]]
    z = softmax(scores, axis=1) if start is None else start.copy()
    z[labeled] = fixed
    pull = smoothness * (affinities @ z)
    energies, converged = [_energy(scores, z, pull)], False
    for _ in range(max_iter):
        moved = softmax(scores + pull, axis=1)
        moved[labeled] = fixed
        change = np.abs(moved - z).max(initial=0.0)
        z = moved
        pull = smoothness * (affinities @ z)
        energies.append(_energy(scores, z, pull))
        if change <= tol:
            converged = True
            break
    return MeanField(z, energies, converged)


def _energy(scores, z, pull):
    return float(xlogy(z, z).sum() - (z * scores).sum() - 0.5 * (z * pull).sum())


def neighbor_edges(neighbors):
    """Join every row and its neighbours by an edge of weight 1, either way.

    Parameters
    ----------
    neighbors : ndarray of shape (n_samples, n_neighbors)
        Numbers of the nearest rows of each row.
    """
    n_samples, n_neighbors = neighbors.shape
    starts = np.arange(n_samples + 1) * n_neighbors
    edges = csr_array(
        (np.ones(neighbors.size), neighbors.ravel(), starts),
        shape=(n_samples, n_samples),
    )
    return symmetric(edges)


def symmetric(graph):
    """The larger weight of both directions, without loops."""
    graph = csr_array(graph, dtype=np.float64)
    graph = graph.maximum(graph.T)
    joined = csr_array(graph - diags_array(graph.diagonal()))
    joined.eliminate_zeros()
    return joined


def normalized(graph):
    """Divide each weight by the roots of both degrees; isolated rows stay so."""
    degrees = graph.sum(axis=1)
    roots = np.zeros(len(degrees))
    np.divide(1.0, np.sqrt(degrees), out=roots, where=degrees > 0)
    scale = diags_array(roots)
    return csr_array(scale @ graph @ scale)


def with_self(graph):
    """Add the identity, which makes a normalised graph positive semi-definite."""
    return csr_array(graph + eye_array(graph.shape[0]))


def checked_graph(graph, n_samples):
    """Check a graph of affinities that a user hands in.

    Raises
    ------
    ValueError
        If its shape is not that of the rows, or a weight is negative or not finite.
    """
    shape = getattr(graph, "shape", type(graph).__name__)
    if shape != (n_samples, n_samples):
        raise ValueError(
            f"graph has the shape {shape}, but there are n_samples={n_samples} rows: "
            "give a square array of affinities, one row and column for each row of X."
        )
    graph = graph if issparse(graph) else np.asarray(graph)
    edges = csr_array(graph, dtype=np.float64)
    if not np.all(np.isfinite(edges.data)) or np.any(edges.data < 0):
        raise ValueError(
            "graph holds weights that are negative or not finite: give affinities, "
            "larger for rows that are more alike, and 0 for no edge."
        )
    return symmetric(edges)
