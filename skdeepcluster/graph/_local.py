"""local_cluster: more vertices like these, at a cost that the whole graph does not set.

::

    weights of edges whose ends have different labels are multiplied by label_weight
    mass flows from the seeds until no vertex holds more than its degree (kernels.graph)
    vertices in descending order of their potentials: of all first parts of this order
        the one of the smallest conductance is the cluster
"""

from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, issparse
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._warnings import warn
from ..kernels.graph import lazy_zeros, push, sweep
from ._adjacency import arrays_of, check_graph

# Without labels a group is taken to be of so many vertices for each seed.
VERTICES_PER_SEED = 50
# Share of its degree that a vertex may hold in excess when the flow ends.
_TOLERANCE = 1e-3
# Share of what a graph can hold, where the mass would be more.
_FULL = 0.5
# Pushes, where max_push=None: seconds of work.
_MAX_PUSH = 10_000_000
# Rounds of averaging for method="smooth".
_N_ROUNDS = 3


@validate_params(
    {
        "graph": ["sparse matrix", "array-like"],
        "seeds": ["array-like", Interval(Integral, 0, None, closed="left")],
        "labels": ["array-like", None],
        "label_weight": [Interval(Real, 0, 1, closed="right")],
        "mass": [Interval(Real, 0, None, closed="neither")],
        "max_push": [Interval(Integral, 1, None, closed="left"), None],
        "method": [StrOptions({"flow", "smooth"})],
        "check_input": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def local_cluster(
    graph: Any,
    seeds: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    label_weight: float = 0.05,
    mass: float = 3.0,
    max_push: int | None = None,
    method: Literal["flow", "smooth"] = "flow",
    check_input: bool = True,
) -> Any:
    """Find the group around seeds in a graph: "more like these".

    Mass flows from the seeds along the edges, and a vertex keeps as much as its
    degree; where it comes to rest is around the seeds [1]_. Labels that some
    classifier gives, and that may often be wrong, help: mass hardly crosses edges
    between vertices of different labels [2]_.

    Parameters
    ----------
    graph : sparse matrix of shape (n_vertices, n_vertices)
        Weights of edges, not negative, such as those of
        ``sklearn.neighbors.kneighbors_graph``.
    seeds : int or array-like of int
        Vertices of the group that are known.
    labels : array-like of shape (n_vertices,), default=None
        For every vertex whether it seems to be of the group: bool, or 0 and 1. Seeds
        are of it, whatever is said.
    label_weight : float, default=0.05
        What remains of an edge between different labels.
    mass : float, default=3.0
        Mass that starts, for each unit of the estimated sum of degrees of the group:
        the mean number of edges of a vertex, times the mean weight of the seeds' edges,
        times the number of positive labels or 50 for each seed. Where all that is
        connected with the seeds cannot hold so much, the flow ends when all of it is
        full.
    max_push : int, default=None
        Most pushes of mass; a warning says when they were not enough. None means
        10 000 000.
    method : {"flow", "smooth"}, default="flow"
        What vertices are ordered by: potentials of the flow, or, with "smooth", the
        labels after averaging them three times over the neighbours. The latter needs
        labels, visits the whole graph, and finds more where labels are known for all
        and mostly right.
    check_input : bool, default=True
        Whether to look at the whole graph first: that weights are not negative, that
        edges go in both directions (otherwise they are made to), without the diagonal.
        Without, the graph must be such a CSR array of floats, and the cost depends on
        the vertices that mass reaches, not on the graph.

    Returns
    -------
    cluster : :class:`~sklearn.utils.Bunch`
        With the attributes

        members : ndarray of int
            The vertices of the group, sorted.
        scores : ndarray of shape (n_vertices,)
            Potentials of the flow, 0 where no mass was passed on; or averaged labels.
        conductance : float
            Weight of the edges that leave the group over the sum of its degrees, with
            the weights that labels have left: 0 means that there is no such edge.

    Raises
    ------
    ValueError
        If seeds are no vertices or have no edges, or the graph or the labels are not as
        described.

    See Also
    --------
    GraphClusterer : All groups at once.

    Notes
    -----
    O(pushes * degree) time, plus a sort of the vertices that mass reached. For
    several groups, call it for each, and give a vertex that is in more than one to
    the group of the highest score. The group holds the seeds and, beside them, at most
    half of the vertices.

    References
    ----------
    .. [1] K. Fountoulakis, D. Wang and S. Yang (2020). "p-norm flow diffusion for
       local graph clustering." ICML.
    .. [2] A. Back de Luca, K. Fountoulakis and S. Yang (2024). "Local graph
       clustering with noisy labels." ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import block_diag
    >>> from skdeepcluster.graph import local_cluster
    >>> graph = block_diag([np.ones((5, 5)), np.ones((7, 7))]).tolil()
    >>> graph[4, 5] = graph[5, 4] = 1
    >>> local_cluster(graph, [1]).members
    array([0, 1, 2, 3, 4])
    """
    if check_input:
        graph = check_graph(graph)
    elif not issparse(graph) or graph.format != "csr":
        raise ValueError("check_input=False needs a CSR matrix.")
    n_vertices = graph.shape[0]
    seeds = _check_seeds(seeds, graph)
    if method == "smooth" and labels is None:
        raise ValueError("method='smooth' averages labels: give labels.")
    n_wanted = VERTICES_PER_SEED * len(seeds)
    if labels is not None:
        labels = _check_labels(labels, n_vertices, seeds)
        n_wanted = max(np.count_nonzero(labels), len(seeds))
    if method == "smooth":
        return _average(graph, seeds, labels, label_weight)
    if labels is None:
        labels = lazy_zeros(n_vertices, bool)
    weights = _label_weights(graph, seeds, labels, label_weight)
    mean_degree = graph.nnz / n_vertices * np.mean(weights)
    mass *= n_wanted * mean_degree
    return _flow(graph, seeds, labels, label_weight, mass, max_push or _MAX_PUSH)


def _check_seeds(seeds, graph):
    """Distinct vertices that have edges, in ascending order."""
    given = np.atleast_1d(np.asarray(seeds))
    if given.ndim != 1 or given.dtype.kind not in "iu" or not len(given):
        raise ValueError("seeds must be one or more numbers of vertices.")
    outside = given[(given < 0) | (given >= graph.shape[0])]
    if len(outside):
        raise ValueError(
            f"seeds holds {outside[0]}, but the vertices are numbered from 0 to "
            f"{graph.shape[0] - 1}."
        )
    given = np.unique(given).astype(np.int64)
    linked = [graph.data[graph.indptr[v] : graph.indptr[v + 1]].any() for v in given]
    if not all(linked):
        alone = given[np.flatnonzero(~np.array(linked))[0]]
        raise ValueError(f"The seed {alone} has no edges: leave it out.")
    return given


def _check_labels(labels, n_vertices, seeds):
    """Whether each vertex seems to be of the group; seeds are, whatever is said."""
    labels = np.asarray(labels)
    if labels.shape != (n_vertices,):
        raise ValueError(
            f"labels has shape {labels.shape}, but there are {n_vertices} vertices."
        )
    if labels.dtype != bool:
        if not np.isin(labels, (0, 1)).all():
            raise ValueError("labels must be bool, or 0 and 1.")
        labels = labels == 1
    if not labels[seeds].all():
        labels = labels.copy()
        labels[seeds] = True
    return labels


def _label_weights(graph, seeds, labels, label_weight):
    """Weights of the seeds' edges, as labels leave them."""
    ends = [slice(graph.indptr[v], graph.indptr[v + 1]) for v in seeds]
    parts = [
        graph.data[part]
        * np.where(labels[graph.indices[part]] == labels[v], 1.0, label_weight)
        for v, part in zip(seeds, ends, strict=True)
    ]
    return np.concatenate(parts)


def _flow(graph, seeds, labels, label_weight, mass, max_push):
    """Push mass, and sweep over the potentials that it leaves."""
    edges = arrays_of(graph)
    rest = {"max_push": max_push, "tol": _TOLERANCE}
    flow = push(edges, labels, label_weight, seeds, mass, **rest)
    if flow.outcome == 2 and 2 * len(flow.touched) > graph.shape[0]:
        # All is full, and more than a group: what half of it can hold tells more.
        room = flow.degrees[flow.touched].sum()
        flow = push(edges, labels, label_weight, seeds, _FULL * room, **rest)
    if flow.outcome == 1:
        warn(
            f"The flow has not come to rest after {max_push} pushes: lower mass, or "
            "raise max_push."
        )
    reached = flow.touched[flow.potentials[flow.touched] > 0]
    order = _in_order(flow.potentials, seeds, reached, graph.shape[0])
    size, conductance = sweep(
        edges, labels, label_weight, order, len(seeds), flow.degrees
    )
    return _cluster(order[:size], flow.potentials, conductance)


def _average(graph, seeds, labels, label_weight):
    """Average labels over neighbours, and sweep over the averages."""
    degrees = graph.sum(axis=1)
    scores = labels.astype(np.float64)
    for _ in range(_N_ROUNDS):
        # A vertex without edges keeps its label.
        means = graph @ scores / np.where(degrees > 0, degrees, 1)
        scores = np.where(degrees > 0, means, scores)
    heads = np.repeat(labels, np.diff(graph.indptr))
    kept = np.where(heads == labels[graph.indices], 1.0, label_weight)
    weighted = csr_array((graph.data * kept, graph.indices, graph.indptr))
    linked = np.flatnonzero(degrees > 0)
    order = _in_order(scores, seeds, linked, graph.shape[0])
    size, conductance = sweep(
        arrays_of(graph), labels, label_weight, order, len(seeds), weighted.sum(axis=1)
    )
    return _cluster(order[:size], scores, conductance)


def _in_order(scores, seeds, vertices, n_vertices):
    """The seeds, then at most half of all vertices by descending scores."""
    others = np.setdiff1d(vertices, seeds)
    others = others[np.argsort(-scores[others], kind="stable")]
    return np.concatenate([seeds, others[: n_vertices // 2]])


def _cluster(members, scores, conductance):
    return Bunch(members=np.sort(members), scores=scores, conductance=conductance)
