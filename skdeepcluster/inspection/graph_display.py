"""A graph and its clusters: drawn, or as a matrix of blocks where it is large."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import column_or_1d

from ..graph._adjacency import check_graph
from ..graph._spectrum import spectral_coordinates
from ..metrics._matching import distinct_labels
from ..neighbors._neighbor_layout import lay_out
from ._drawing import bare, largest_first, new_axes, plain, text_color
from .embedding_display import EmbeddingDisplay

# More vertices, or more edges, are not drawn one by one.
MAX_VERTICES, MAX_EDGES = 4000, 40_000
_EPOCHS = 200
# Up to so many clusters their shares are written into the blocks.
_MOST_WRITTEN = 12


class GraphDisplay:
    """Vertices and edges of a graph, coloured by cluster; blocks where they are many.

    Up to 4,000 vertices and 40,000 edges are drawn: linked vertices attract each
    other, all others repel. A larger graph is drawn as a matrix: for each cluster, the
    share of the weight of its edges that leads to each cluster.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.GraphDisplay.from_predictions` or
    :meth:`~skdeepcluster.inspection.GraphDisplay.from_estimator` to create a display.
    All parameters are stored as attributes.

    Parameters
    ----------
    graph : csr_array of shape (n_vertices, n_vertices)
        Symmetric weights of edges.
    labels : ndarray of shape (n_vertices,)
        Cluster of each vertex.
    positions : ndarray of shape (n_vertices, 2) or None
        Where to draw the vertices; None draws the matrix of blocks.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    shares_ : ndarray of shape (n_clusters, n_clusters)
        Share of the weight of a cluster's edges (row) that leads to a cluster (column);
        a cluster without edges has zeros.

    See Also
    --------
    skdeepcluster.GraphClusterer : Finds the clusters.

    Examples
    --------
    >>> from skdeepcluster import GraphClusterer
    >>> from skdeepcluster.datasets import make_attributed_graph
    >>> from skdeepcluster.inspection import GraphDisplay
    >>> X, graph, _ = make_attributed_graph(120, random_state=0).values()
    >>> model = GraphClusterer(4, random_state=0).fit(X, graph=graph)
    >>> GraphDisplay.from_estimator(model).positions.shape
    (120, 2)
    """

    def __init__(self, *, graph: Any, labels: ArrayLike, positions: Any = None) -> None:
        self.graph = graph
        self.labels = labels
        self.positions = positions

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, random_state: int = 0, ax: Any = None
    ) -> Any:
        """Draw the graph of a fitted clusterer.

        Parameters
        ----------
        estimator : GraphClusterer
            Fitted, with a graph given to `fit`.
        random_state : int, default=0
            Seed of the layout.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.GraphDisplay`
            The display, drawn.
        """
        return cls.from_predictions(
            estimator.graph_, estimator.labels_, random_state=random_state, ax=ax
        )

    @classmethod
    def from_predictions(
        cls, graph: Any, labels: ArrayLike, *, random_state: int = 0, ax: Any = None
    ) -> Any:
        """Draw a graph whose clusters are known.

        Parameters
        ----------
        graph : sparse matrix of shape (n_vertices, n_vertices)
            Weights of edges, not negative.
        labels : array-like of shape (n_vertices,)
            Cluster of each vertex: numbers, names, or objects of mixed types.
        random_state : int, default=0
            Seed of the layout.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.GraphDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If there is not one label for each vertex.
        """
        graph, labels = check_graph(graph), column_or_1d(labels)
        if graph.shape[0] != len(labels):
            raise ValueError(
                f"graph has {graph.shape[0]} vertices, but there are {len(labels)} "
                "labels: those of a GraphClusterer that linked the nearest rows itself "
                "are of rows, its vertices are the distinct ones."
            )
        positions = None
        if len(labels) <= MAX_VERTICES and graph.nnz <= 2 * MAX_EDGES:
            rng = np.random.default_rng(random_state)
            start = spectral_coordinates(graph, 3)
            positions = lay_out(graph, start, 2, _EPOCHS, rng)[0]
        return cls(graph=graph, labels=labels, positions=positions).plot(ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.GraphDisplay`
            The display itself.
        """
        ax = new_axes(ax)
        clusters, codes = distinct_labels(self.labels)
        self.shares_ = _shares(self.graph, codes)
        if self.positions is None:
            self._draw_blocks(ax, clusters, codes)
        else:
            self._draw_edges(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_edges(self, ax):
        """Draw lines, then the vertices over them."""
        from matplotlib.collections import LineCollection

        edges = self.graph.tocoo()
        once = edges.row < edges.col
        lines = np.stack(
            [self.positions[edges.row[once]], self.positions[edges.col[once]]], axis=1
        )
        alpha = float(np.clip(20 / np.sqrt(len(lines) + 1), 0.08, 0.5))
        ax.add_collection(
            LineCollection(
                lines, colors="#888888", linewidths=0.4, alpha=alpha, zorder=0
            )
        )
        EmbeddingDisplay(embedding=self.positions, labels=self.labels).plot(ax=ax)
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        ax.spines[:].set_visible(False)

    def _draw_blocks(self, ax, clusters, codes):
        """Draw the shares of the largest clusters."""
        shown, _ = largest_first(codes)
        blocks = self.shares_[np.ix_(shown, shown)]
        image = ax.imshow(blocks, cmap="Blues", vmin=0, vmax=1)
        names = [plain(clusters[code]) for code in shown]
        ax.set(xlabel="leads to cluster", ylabel="share of the edges of cluster")
        ax.set_xticks(range(len(names)), names)
        ax.set_yticks(range(len(names)), names)
        if len(shown) <= _MOST_WRITTEN:
            for (i, j), share in np.ndenumerate(blocks):
                color = text_color(image.cmap(share))
                ax.text(j, i, f"{share:.0%}", ha="center", va="center", color=color)
        bare(ax)


def _shares(graph, codes):
    """Share of each cluster's edges, by weight, that leads to each cluster."""
    n_clusters = int(codes.max()) + 1
    edges = graph.tocoo()
    pairs = codes[edges.row].astype(np.int64) * n_clusters + codes[edges.col]
    sums = np.bincount(pairs, edges.data, n_clusters**2)
    sums = sums.reshape(n_clusters, n_clusters)
    totals = sums.sum(axis=1, keepdims=True)
    return sums / np.where(totals > 0, totals, 1)
