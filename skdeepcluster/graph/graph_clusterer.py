"""GraphClusterer: groups of rows that are linked, from their columns and their edges.

::

    graph = the user's edges, or the nearest rows of the table
    smoothing:   k-means on columns that were smoothed over the graph (_smoothing)
    spectral:    k-means on eigenvectors of the graph                 (_spectrum)
    augmented:   the same, with the columns as further vertices       (_spectrum)
    modularity:  communities of the graph                             (kernels.graph)
    new rows:    the nearest fitted row, or a logistic regression on the columns
"""

from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import _fit_context
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._fitted_state import check_arrays, check_sparse
from .._kmeans import kmeans, lloyd
from .._rows import numbered_rows
from .._scaling import TableScaling, power_of_two
from .._threads import one_blas_thread
from .._validation import check_table, draw_seed
from .._warnings import warn_if_collapsed
from ..base import BaseClusterer, unchanged_on_error
from ..kernels.graph import by_size, communities, modularity
from ..kernels.neighbors import nearest_rows
from ..kernels.projection import project
from ..kernels.soft_assignment import pairwise_squared_distances
from ._adjacency import (
    arrays_of,
    check_graph,
    check_weights_of_edges,
    filter_matrix,
    neighbor_graph,
)
from ._smoothing import (
    COLUMNS_SHARE,
    MAX_DISTANCE_ORDER,
    ORDERS,
    explained_share,
    leading_columns,
    left_vectors,
    mean_distance_within,
    smoothed,
)
from ._spectrum import spectral_coordinates, with_columns

# A community of fewer vertices does not count where a number of clusters is wanted.
LEAST_COMMUNITY = 0.01
# Of more vertices so many, drawn at random, decide between the starts of k-means, and
# teach the rule for new rows; of each cluster some at least.
MAX_DRAWN, LEAST_DRAWN = 20_000, 50
# K-means on all rows, from the best start.
_MAX_ITER, _TOL = 300, 1e-4


class Partition(NamedTuple):
    """Clusters of the vertices, and where they were found.

    Parameters
    ----------
    labels : ndarray of shape (n_vertices,), dtype int64
        Cluster of each vertex.
    coordinates : ndarray of shape (n_vertices, n_components) or None
        What k-means ran on.
    margins : ndarray of shape (n_vertices,)
        How clearly each vertex is of its cluster, from 0 to 1.
    """

    labels: np.ndarray
    coordinates: np.ndarray | None
    margins: np.ndarray


class GraphFit(NamedTuple):
    """The chosen partition, and what was compared.

    Parameters
    ----------
    partition : Partition
        The clusters.
    order : int, "spectral" or None
        How often the columns were smoothed.
    modularities, explained : dict
        Modularity on the graph, and share of the columns' variance that is explained,
        for each order.
    """

    partition: Partition
    order: Any
    modularities: dict
    explained: dict


def fit_graph_clusters(rows, weights, graph, n_clusters, settings, seed):
    """Cluster the vertices of a graph whose columns are `rows`.

    Parameters
    ----------
    rows : ndarray or csr_array of shape (n_vertices, n_features)
        Scaled columns.
    weights : ndarray of shape (n_vertices,)
        How many rows of the table each vertex stands for.
    graph : csr_array of shape (n_vertices, n_vertices)
        Symmetric weights of edges.
    n_clusters : int or "auto"
        Number of clusters.
    settings : dict
        Parameters of :class:`GraphClusterer`.
    seed : int
        Seed of everything that is drawn.

    Returns
    -------
    GraphFit
        The clusters.
    """
    method = settings["method"]
    if method == "modularity" or n_clusters == "auto":
        found = communities(*arrays_of(graph), settings["resolution"], seed=seed)
        found = by_size(found, weights)
        if method == "modularity":
            partition = Partition(found, None, np.ones(len(found)))
            return GraphFit(partition, None, {}, {})
        shares = np.bincount(found, weights) / weights.sum()
        n_clusters = max(1, int(np.sum(shares >= LEAST_COMMUNITY)))
    n_components = int(settings["n_components"] or n_clusters)

    def clustered(coordinates, step):
        rng = np.random.default_rng([seed, step])
        k = min(int(n_clusters), len(coordinates))
        run = _run_kmeans(coordinates, weights, k, rng, int(settings["n_init"]))
        margins = _margins(coordinates, run.centers)
        return Partition(by_size(run.labels, weights), coordinates, margins)

    if method == "spectral":
        partition = clustered(spectral_coordinates(graph, n_components), 0)
        return GraphFit(partition, None, {}, {})
    if method == "augmented":
        augmented = with_columns(graph, rows, settings["attribute_weight"])
        coordinates = spectral_coordinates(augmented, n_components)[: len(weights)]
        partition = clustered(np.ascontiguousarray(coordinates), 0)
        return GraphFit(partition, None, {}, {})
    columns, smooth = leading_columns(rows, seed), filter_matrix(graph)

    def smoothed_partitions(orders):
        for order, filtered in zip(
            orders, smoothed(columns, smooth, orders), strict=True
        ):
            found = clustered(left_vectors(filtered, n_components), order)
            yield order, filtered, found

    if settings["order"] == "distance":
        return _first_minimum(smoothed_partitions, weights)
    is_auto = settings["order"] == "auto"
    orders = ORDERS if is_auto else (settings["order"],)
    found = {order: best for order, _, best in smoothed_partitions(orders)}
    if is_auto and graph.nnz:
        found["spectral"] = clustered(spectral_coordinates(graph, n_components), 0)
    return _best_of(found, columns, weights, graph)


def _run_kmeans(rows, weights, n_clusters, rng, n_init):
    """K-means; of many rows a sample chooses the start."""
    if len(rows) <= MAX_DRAWN:
        return kmeans(rows, weights, n_clusters, rng, n_init=n_init)
    drawn = np.sort(rng.choice(len(rows), MAX_DRAWN, replace=False))
    start = kmeans(rows[drawn], weights[drawn], n_clusters, rng, n_init=n_init)
    return lloyd(rows, weights, start.centers, max_iter=_MAX_ITER, tol=_TOL)


def _margins(coordinates, centers):
    """Gap between the nearest and the second center, as a share of their sum."""
    if len(centers) == 1:
        return np.ones(len(coordinates))
    distances = np.sqrt(pairwise_squared_distances(coordinates, centers))
    two = np.partition(distances, 1, axis=1)[:, :2]
    total = two.sum(axis=1)
    return np.where(
        total > 0, (two[:, 1] - two[:, 0]) / np.where(total > 0, total, 1), 0
    )


def _first_minimum(partitions, weights):
    """Raise the order by one until the distances within clusters grow (the paper)."""
    best, least = None, np.inf
    for order, filtered, found in partitions(range(1, MAX_DISTANCE_ORDER + 1)):
        within = mean_distance_within(filtered, weights, found.labels)
        if within > least:
            break
        best, least = (order, found), within
    return GraphFit(best[1], best[0], {}, {})


def _best_of(found, columns, weights, graph):
    """The order whose labels the graph and the columns agree with most."""
    modularities = {
        order: modularity(*arrays_of(graph), partition.labels)
        for order, partition in found.items()
    }
    explained = {
        order: explained_share(columns, weights, partition.labels)
        for order, partition in found.items()
    }
    of_graph = max(modularities.values())
    of_columns = max(explained.values())

    def score(order):
        graph_part = modularities[order] / of_graph if of_graph > 0 else 0.0
        columns_part = explained[order] / of_columns if of_columns > 0 else 0.0
        return graph_part + COLUMNS_SHARE * columns_part

    order = max(found, key=score)
    return GraphFit(found[order], order, modularities, explained)


def _drawn_rows(labels):
    """Rows that teach the rule: all, or a sample with some of each cluster."""
    order = np.arange(len(labels))
    if len(labels) <= MAX_DRAWN:
        return order
    order = np.random.default_rng(0).permutation(order)
    by_cluster = order[np.argsort(labels[order], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(labels))[:-1]])
    places = np.arange(len(labels)) - starts[labels[by_cluster]]
    return np.union1d(order[:MAX_DRAWN], by_cluster[places < LEAST_DRAWN])


class LinearScores(NamedTuple):
    """A score of each cluster, linear in the columns.

    Parameters
    ----------
    coefficients : ndarray of shape (n_features, n_clusters)
        Weights of the columns.
    intercepts : ndarray of shape (n_clusters,)
        Constants.
    """

    coefficients: np.ndarray
    intercepts: np.ndarray

    def of(self, rows):
        """Scores of rows, each row's bits depending on it alone."""
        if issparse(rows):
            return rows @ self.coefficients + self.intercepts
        return project(rows, self.coefficients) + self.intercepts


def fit_linear_scores(rows, labels, weights):
    """Multinomial logistic regression from columns to clusters."""
    n_clusters = int(labels.max()) + 1
    if n_clusters == 1:
        return LinearScores(np.zeros((rows.shape[1], 1)), np.zeros(1))
    drawn = _drawn_rows(labels)
    model = LogisticRegression(max_iter=1000)
    with one_blas_thread():
        model.fit(rows[drawn], labels[drawn], sample_weight=weights[drawn])
    coefficients, intercepts = model.coef_.T, model.intercept_
    if n_clusters == 2:
        coefficients = np.hstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.append(0.0, intercepts)
    return LinearScores(np.ascontiguousarray(coefficients), intercepts)


class GraphClusterer(BaseClusterer):
    """Attributed graph clustering: rows that have columns and are linked.

    Accounts and transfers, papers and citations, machines and links: columns alone
    tell something of the groups, edges alone something else. By default the columns
    are smoothed over the graph, so that a row looks like its surroundings, and then
    clustered; how far to smooth is chosen without labels. Without a graph the rows
    are linked with their nearest rows.

    Parameters
    ----------
    n_clusters : int or "auto", default="auto"
        Number of clusters; "auto" takes the number of communities of the graph that
        hold at least 1 % of the rows.
    method : {"smoothing", "spectral", "augmented", "modularity"}, default="smoothing"
        "smoothing" clusters the smoothed columns; "spectral" the leading eigenvectors
        of the graph, without the columns; "augmented" those of the graph in which
        every column is a further vertex, linked with the rows by its entries, which
        should be counts or indicators; "modularity" gives the communities
        of the graph, whose number is found (``n_clusters="auto"``).
    order : int, "auto" or "distance", default="auto"
        How often columns are smoothed. "auto" chooses among 0, 1, 2, 4, ..., 64 and the
        graph alone (see Notes). "distance" raises the order by one until the
        distances within clusters grow, as the authors of the method do.
    n_components : int, default=None
        Number of singular vectors or eigenvectors; None takes ``n_clusters``.
    attribute_weight : float, default=1.0
        For "augmented": weight of an edge between a row and a column whose entry is 1.
    resolution : float, default=1.0
        Of the modularity for "modularity" and ``n_clusters="auto"``: larger values give
        more communities.
    n_neighbors : int, default=10
        Nearest rows that a row is linked with, where no graph is given.
    n_init : int, default=10
        Number of starts of k-means.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts, of singular vectors and of the visits of vertices. With an
        int, the same table gives the same labels bit for bit.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row; 0 is the largest cluster.
    n_clusters_ : int
        Number of clusters that hold rows.
    embedding_ : ndarray of shape (n_samples, n_components)
        Coordinates that k-means ran on: singular vectors, scaled to a mean square of
        1, or rows of eigenvectors at length 1; not there for "modularity".
    graph_ : csr_array of shape (n_vertices, n_vertices)
        The symmetric graph. Vertices are the rows; where no graph was given, the
        distinct rows in lexicographic order.
    modularity_ : float
        Modularity of the clusters on the graph, at resolution 1.
    order_ : int, "spectral" or None
        Order that was taken; "spectral" where the graph alone was, None where the
        method has no order.
    orders_ : dict of order to float
        Modularity for every order that was compared.
    explained_ : dict of order to float
        For every order that was compared, the share of the variance of the columns
        (rows at length 1) that the clusters explain.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table has names.

    Raises
    ------
    ValueError
        If a parameter, the table or the graph is not as described.

    See Also
    --------
    skdeepcluster.graph.local_cluster : One group, around given vertices.
    skdeepcluster.CategoryGrouper : Groups of the levels of columns of ids.

    Notes
    -----
    A step of smoothing is ``H <- (H + S H) / 2`` with
    ``S = D^-1/2 (A + I) D^-1/2``; dense columns are standardised first, sparse ones
    taken as they are, and more than 200 reduced to 200 singular columns. With
    ``order="auto"`` the order of the largest ``Q / max Q + (V / max V) / 3`` wins: Q is
    the modularity of its labels, V the share of the columns' variance that they
    explain. The factor comes from generated tables
    (:func:`~skdeepcluster.datasets.make_attributed_graph`), where 1/4 to 1/2 do about
    equally well. No rule can tell from the data which of the two is right where columns
    and graph have nothing to do with each other: compare ``orders_``.

    "spectral" and "augmented" add an edge of ``tau / n`` between all pairs of vertices
    (tau: mean degree), so that small parts without links to the rest do not take an
    eigenvector each.

    O(64 n_edges n_columns) time for all orders, with at most 200 columns, and one
    k-means for each, whose start 20,000 rows choose where there are more; memory
    O(n_edges + n_samples n_columns). A row without edges is
    clustered by its columns alone. Row and column of the graph are both the rows of
    X: they can only be subsampled together, so a cross-validation needs
    ``graph`` made anew from the rows of a fold, or no graph.

    Ctrl-C during `fit` leaves the estimator as it was.

    References
    ----------
    .. [1] X. Zhang, H. Liu, Q. Li and X.-M. Wu (2019). "Attributed graph clustering
       via adaptive graph convolution." IJCAI.
    .. [2] T. Qin and K. Rohe (2013). "Regularized spectral clustering under the
       degree-corrected stochastic blockmodel." NeurIPS 26.
    .. [3] P. D'Ambra, P. S. Vassilevski and L. Cutillo (2023). "Extending bootstrap
       AMG for clustering of attributed graphs." Applied Mathematics and Computation
       447. The augmented graph; eigenvectors replace their multigrid.
    .. [4] V. A. Traag, L. Waltman and N. J. van Eck (2019). "From Louvain to Leiden:
       guaranteeing well-connected communities." Scientific Reports 9.

    Examples
    --------
    >>> from skdeepcluster import GraphClusterer
    >>> from skdeepcluster.datasets import make_attributed_graph
    >>> from skdeepcluster.metrics import clustering_accuracy
    >>> X, graph, y = make_attributed_graph(random_state=0).values()
    >>> model = GraphClusterer(4, random_state=0)
    >>> both = model.fit(X, graph=graph).labels_
    >>> columns = GraphClusterer(4, order=0, random_state=0).fit(X, graph=graph).labels_
    >>> bool(clustering_accuracy(y, both) > clustering_accuracy(y, columns) + 0.2)
    True
    """

    _parameter_constraints = {
        "n_clusters": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "method": [StrOptions({"smoothing", "spectral", "augmented", "modularity"})],
        "order": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto", "distance"}),
        ],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "attribute_weight": [Interval(Real, 0, None, closed="left")],
        "resolution": [Interval(Real, 0, None, closed="neither")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int | Literal["auto"] = "auto",
        *,
        method: Literal[
            "smoothing", "spectral", "augmented", "modularity"
        ] = "smoothing",
        order: int | Literal["auto", "distance"] = "auto",
        n_components: int | None = None,
        attribute_weight: float = 1.0,
        resolution: float = 1.0,
        n_neighbors: int = 10,
        n_init: int = 10,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.method = method
        self.order = order
        self.n_components = n_components
        self.attribute_weight = attribute_weight
        self.resolution = resolution
        self.n_neighbors = n_neighbors
        self.n_init = n_init
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = self.method == "augmented"
        return tags

    def _check_state(self):
        super()._check_state()
        if hasattr(self, "_graph"):
            indptr, indices, weights = self._graph
            check_sparse("GraphClusterer", weights, indices, indptr)
        if hasattr(self, "_rows"):
            check_arrays(
                "GraphClusterer",
                rows=(self._rows, "f", "np"),
                labels=(self._row_labels, "i", "n"),
            )
        if not hasattr(self, "_scores"):
            return
        check_arrays(
            "GraphClusterer",
            coefficients=(self._scores.coefficients, "f", "pk"),
            intercepts=(self._scores.intercepts, "f", "k"),
        )
        if len(self._scores.coefficients) != self.n_features_in_:
            raise ValueError("GraphClusterer has no coefficient for each column")

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: Any = None, *, graph: Any = None) -> Self:
        """Find the clusters of a table whose rows are linked.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Table of finite numbers, such as measurements or counts of words.
        y : Ignored
            Not used, present for API consistency by convention.
        graph : sparse matrix of shape (n_samples, n_samples), default=None
            Weights of the edges between rows, not negative. One that is not symmetric
            is taken in both directions, which a warning says; the diagonal does not
            count. None links each row with its `n_neighbors` nearest rows.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_error(self):
            X = self._check_rows(X, reset=True)
            n_samples = X.shape[0]
            if self.n_clusters != "auto" and n_samples < self.n_clusters:
                raise ValueError(
                    f"n_samples={n_samples} should be >= n_clusters={self.n_clusters}: "
                    "ask for fewer clusters or give more rows."
                )
            if self.method == "modularity" and self.n_clusters != "auto":
                raise ValueError(
                    "method='modularity' finds the number of clusters: leave "
                    "n_clusters='auto', and raise or lower resolution."
                )
            if graph is not None:
                graph = check_graph(graph, n_samples)
            self._fit_clusters(X, graph)
        return self

    def _check_rows(self, X, *, reset):
        if not issparse(X):
            return check_table(self, X, reset=reset)
        dtypes = [np.float64, np.float32]
        X = validate_data(self, X, reset=reset, accept_sparse="csr", dtype=dtypes)
        return csr_array(X)

    def _fit_clusters(self, X, graph):
        seed = draw_seed(self.random_state)
        dtype, n_samples = X.dtype, X.shape[0]
        weights, numbers = np.ones(n_samples), np.arange(n_samples)
        self._scaling = None
        if not issparse(X):
            if graph is None:
                # Equal rows are one vertex, and the order of rows does not matter.
                X, weights, numbers = numbered_rows(X)
            self._scaling = TableScaling(X, weights, by_column=True)
        rows = self._scaled(X)
        has_graph = graph is not None
        if not has_graph:
            rng = np.random.default_rng(seed)
            graph = neighbor_graph(rows, int(self.n_neighbors), rng)
        entries = self._entries(X, rows)
        fitted = fit_graph_clusters(
            entries, weights, graph, self.n_clusters, self.get_params(), seed
        )
        self._publish(fitted, graph, numbers, dtype)
        self._keep_rule(rows, fitted.partition, weights, has_graph)

    def _entries(self, X, rows):
        """What is smoothed, or linked: scaled dense rows, or counts as they are."""
        if self.method == "augmented":
            return X
        if not issparse(X):
            return rows
        unit = power_of_two(X.data) if X.nnz else 1.0
        return X.astype(np.float64) / unit

    def _scaled(self, X):
        """Standardised dense rows, or sparse rows of length 1."""
        if self._scaling is not None:
            return self._scaling.transform(X)
        # By the largest entry first: its square may be beyond float64.
        return csr_array(normalize(normalize(X.astype(np.float64), "max")))

    def _publish(self, fitted, graph, numbers, dtype):
        partition = fitted.partition
        self._graph = arrays_of(graph)
        self.labels_ = partition.labels[numbers]
        self.n_clusters_ = int(partition.labels.max()) + 1
        if self.n_clusters != "auto":
            hint = "Ask for fewer clusters."
            warn_if_collapsed(self.n_clusters_, self.n_clusters, hint)
        vars(self).pop("embedding_", None)
        if partition.coordinates is not None:
            self.embedding_ = partition.coordinates[numbers].astype(dtype, copy=False)
        self.modularity_ = modularity(*self._graph, partition.labels)
        self.order_, self.orders_ = fitted.order, fitted.modularities
        self.explained_ = fitted.explained

    def _keep_rule(self, rows, partition, weights, has_graph):
        """What answers for new rows: fitted rows, or linear scores."""
        for name in ("_rows", "_row_labels", "_scores", "_fitted_scores"):
            vars(self).pop(name, None)
        if not has_graph and not issparse(rows):
            self._rows, self._row_labels = rows, partition.labels
            return
        certain = weights * np.maximum(partition.margins, 0.05)
        self._scores = fit_linear_scores(rows, partition.labels, certain)
        self._fitted_scores = self._scores.of(rows)

    @property
    def graph_(self) -> csr_array:
        """The symmetric graph between the vertices."""
        check_is_fitted(self)
        indptr, indices, weights = self._graph
        n_vertices = len(indptr) - 1
        return csr_array((weights, indices, indptr), shape=(n_vertices, n_vertices))

    def predict(self, X: ArrayLike, *, links: Any = None) -> NDArray[Any]:
        """Give rows a cluster by their columns, and by edges where given.

        Without a graph in `fit`, a row takes the cluster of the nearest fitted row.
        With one, a logistic regression from the columns to ``labels_`` answers, in
        which rows that were clearly of their cluster counted most: on the rows of
        `fit` it need not agree with ``labels_``, which also know their edges.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Table with the columns seen in fit.
        links : sparse matrix of shape (n_samples, n_fitted), default=None
            Weights of edges between these rows and those of `fit`, where that had a
            graph: columns are smoothed once, half of a row being the weighted
            mean of its neighbours.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row.
        """
        check_is_fitted(self)
        X = self._check_rows(X, reset=False)
        if self._scaling is not None and issparse(X):
            X = X.toarray()
        if self._scaling is None and not issparse(X):
            X = csr_array(X)
        return self._predict_labels(self._scaled(X), links)

    def _predict_labels(self, rows, links):
        if hasattr(self, "_rows"):
            if links is not None:
                raise ValueError(
                    "links join new rows with those of fit, but fit had no graph: "
                    "leave them out, or give both."
                )
            return self._row_labels[nearest_rows(rows, self._rows, 1)[0][:, 0]]
        scores = self._scores.of(rows)
        if links is not None:
            scores = self._smooth_scores(scores, links)
        return scores.argmax(axis=1).astype(np.int64)

    def _smooth_scores(self, scores, links):
        """Scores of smoothed rows: linear, so they are smoothed scores."""
        links = check_weights_of_edges(links, "links")
        wanted = len(scores), len(self._fitted_scores)
        if links.shape != wanted:
            raise ValueError(
                f"links has shape {links.shape}, but edges of {wanted[0]} rows with "
                f"the {wanted[1]} rows of fit have {wanted}."
            )
        degrees = links.sum(axis=1)
        linked = degrees > 0
        means = (links @ self._fitted_scores)[linked] / degrees[linked, np.newaxis]
        scores[linked] = (scores[linked] + means) / 2
        return scores
