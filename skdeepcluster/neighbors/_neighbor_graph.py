"""The weighted graph of nearest neighbours, and what known classes change in it."""

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.neighbors import NearestNeighbors

from ..kernels.neighbor_layout import neighbor_weights
from ._cell_search import CellIndex, looks_at_cells

# Size of the noise that breaks ties, where rows have coordinates of size 1, and
# its columns: noise in many columns has hubs of its own.
_TIE_BREAK = 1e-4
_TIE_COLUMNS = 2

# Links of a labeled row: as much as the weights of its neighbours sum to.
_N_LINKS = 4

# What an edge between a row of a known class and one of any class keeps.
_UNSURE = 0.5


def nearest_rows(rows, n_neighbors, rng, asked=None, search="auto"):
    """Find each row's nearest other rows.

    Equally near rows are chosen by chance: the first ones would become hubs, and
    which come first would depend on the search.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Rows in the neighbour space.
    n_neighbors : int
        Neighbours of a row, less than n_samples.
    rng : numpy.random.Generator
        Source of chance.
    asked : ndarray of shape (n_asked,), default=None
        Rows whose neighbours are wanted; None for all.
    search : {"auto", "exact", "approximate"}, default="auto"
        Whether all pairs are looked at where all neighbours are wanted, or the rows
        of cells; "auto" looks at all pairs of up to 20,000 rows.

    Returns
    -------
    neighbors : ndarray of shape (n_asked, n_neighbors)
        Their numbers, nearest first.
    distances : ndarray of shape (n_asked, n_neighbors), dtype float64
        Their distances.
    """
    noise = _TIE_BREAK * rng.standard_normal((len(rows), _TIE_COLUMNS))
    noisy = np.hstack([rows, noise])
    if asked is None and looks_at_cells(len(rows), search):
        index = CellIndex(noisy, rng.integers(2**32))
        return index.nearest_others(noisy, n_neighbors)
    found = NearestNeighbors(n_neighbors=n_neighbors).fit(noisy)
    if asked is None:
        distances, neighbors = found.kneighbors()
        return neighbors, distances
    # The nearest of all is the row itself.
    distances, neighbors = found.kneighbors(noisy[asked], n_neighbors + 1)
    return neighbors[:, 1:], distances[:, 1:]


def neighbors_of_graph(graph, n_samples, n_neighbors):
    """Read each row's nearest other rows off a graph of distances.

    Parameters
    ----------
    graph : sparse matrix of shape (n_samples, n_samples)
        Distances to (at least) the nearest rows, as
        ``sklearn.neighbors.KNeighborsTransformer`` gives them.
    n_samples : int
        Rows of the table.
    n_neighbors : int
        Neighbours of a row that are used.

    Returns
    -------
    neighbors, distances : ndarrays of shape (n_samples, n_neighbors)
        As in :func:`nearest_rows`.
    """
    if not issparse(graph) or graph.shape != (n_samples, n_samples):
        shape = getattr(graph, "shape", type(graph).__name__)
        raise ValueError(
            "neighbors must be a sparse matrix of distances of shape "
            f"({n_samples}, {n_samples}), as KNeighborsTransformer returns; got "
            f"{shape}."
        )
    entries = graph.tocoo()
    if not np.all(entries.data >= 0) or not np.all(np.isfinite(entries.data)):
        raise ValueError("neighbors holds distances that are negative or not finite.")
    others = entries.row != entries.col
    heads, tails = entries.row[others], entries.col[others]
    distances = entries.data[others].astype(np.float64)
    counts = np.bincount(heads, minlength=n_samples)
    if counts.min() < n_neighbors:
        row = int(counts.argmin())
        raise ValueError(
            f"neighbors has {counts[row]} neighbours of row {row}, but "
            f"n_neighbors={n_neighbors}: give a graph with more, or lower n_neighbors."
        )
    order = np.lexsort((tails, distances, heads))
    starts = np.cumsum(counts) - counts
    chosen = order[starts[:, np.newaxis] + np.arange(n_neighbors)]
    return tails[chosen], distances[chosen]


def weighted_graph(neighbors, distances):
    """Join the weights that two rows give each other.

    Parameters
    ----------
    neighbors, distances : ndarrays of shape (n_samples, n_neighbors)
        Neighbours of each row, nearest first.

    Returns
    -------
    csr_array of shape (n_samples, n_samples)
        Symmetric weights ``a + b - a b`` in [0, 1].
    """
    n_samples, n_neighbors = neighbors.shape
    starts = np.arange(n_samples + 1) * n_neighbors
    weights = neighbor_weights(distances).ravel()
    shape = n_samples, n_samples
    one_way = csr_array((weights, neighbors.ravel(), starts), shape=shape)
    other_way = one_way.T.tocsr()
    joined = (one_way + other_way - one_way * other_way).tocsr()
    joined.sort_indices()
    return joined


def heed_classes(graph, codes, rng):
    """Tie the rows of a known class together, cut the edges between classes.

    Stronger weights for existing edges would do little: a class whose parts are not
    neighbours would stay in parts. So every labeled row is linked to a few rows of
    its class, drawn at random, by edges of full weight. An edge to a row without a
    class keeps half of its weight; otherwise a class drawn together would carry off
    rows of new classes at its border.

    Parameters
    ----------
    graph : csr_array of shape (n_samples, n_samples)
        Symmetric weights.
    codes : ndarray of shape (n_samples,)
        Class of each row, -1 where it is not known.
    rng : numpy.random.Generator
        Source of chance, not used where no row has a class.

    Returns
    -------
    csr_array of shape (n_samples, n_samples)
        The graph with these links and without the edges that join two classes.
    """
    labeled = np.flatnonzero(codes >= 0)
    if labeled.size == 0:
        return graph
    edges = graph.tocoo()
    left, right = codes[edges.row], codes[edges.col]
    stay = (left < 0) | (right < 0) | (left == right)
    unsure = (left < 0) != (right < 0)
    kept = np.where(unsure, _UNSURE * edges.data, edges.data)
    heads, tails = np.repeat(labeled, _N_LINKS), _classmates(codes, labeled, rng)
    indices = (
        np.concatenate([edges.row[stay], heads]),
        np.concatenate([edges.col[stay], tails]),
    )
    weights = np.concatenate([kept[stay], np.ones(len(heads))])
    # Where a link meets an edge the weights add up.
    heeded = csr_array((weights, indices), shape=graph.shape)
    heeded.data = np.minimum(heeded.data, 1.0)
    return heeded


def _classmates(codes, labeled, rng):
    """Draw rows of the class of each labeled row, whatever number it has."""
    members = labeled[np.argsort(codes[labeled], kind="stable")]
    counts = np.bincount(codes[labeled])
    own = codes[labeled][:, np.newaxis]
    shares = rng.random((len(labeled), _N_LINKS))
    starts = np.cumsum(counts) - counts
    return members[starts[own] + (shares * counts[own]).astype(np.int64)].ravel()


def within_classes(neighbors, codes):
    """Replace neighbours that are known to be of another class by the row itself."""
    rows = np.arange(len(codes))[:, np.newaxis]
    own, theirs = codes[rows], codes[neighbors]
    strangers = (own != theirs) & (own >= 0) & (theirs >= 0)
    return np.where(strangers, rows, neighbors).astype(np.int64)
