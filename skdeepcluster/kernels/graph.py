"""Communities of a weighted graph, and the diffusion of mass from seeds.

Graphs are the three arrays of a CSR matrix, symmetric, with non-negative weights.
"""

from mmap import ACCESS_COPY, mmap
from typing import NamedTuple

import numpy as np

from ._draws import draw_below
from ._jit import jit, read_only

# A move has to gain more than this share of the vertex's degree: otherwise rounding
# could move a vertex to and fro.
_LEAST_GAIN = 1e-12


def communities(indptr, indices, weights, resolution=1.0, *, seed=0, n_rounds=2):
    """Group the vertices of a graph by modularity (Leiden).

    The modularity ``sum_c (e_c / W - resolution * (d_c / W)²)`` is raised by local
    moves: e_c is the weight within community c (both directions), d_c the sum of the
    degrees of its vertices, W the sum of all weights::

        repeat n_rounds times, or until nothing changes:
            nodes = vertices, each in the community that it had
            repeat until nothing merges:
                move nodes, in a random order, to the neighbouring community of the
                    largest gain, and look again at the neighbours of a moved one
                within each community merge single nodes by the same gain (refinement)
                nodes = what was merged, each in its community

    Parameters
    ----------
    indptr, indices : ndarray of int
        Rows of a symmetric CSR matrix, as in SciPy.
    weights : ndarray of float or int
        Weights of its entries, non-negative. Entries on the diagonal count as degree
        once, as those of the matrix do.
    resolution : float, default=1.0
        Larger values give more and smaller communities.
    seed : int, default=0
        Decides the order in which nodes are visited.
    n_rounds : int, default=2
        Most passes from single vertices on. A second one gains little.

    Returns
    -------
    ndarray of shape (n_vertices,), dtype int64
        Community of each vertex, 0 the one of most vertices, equally large ones by
        their first vertex. Every community is connected. A vertex without edges is
        alone.

    Notes
    -----
    About O(n_edges log n_vertices) time, O(n_edges) memory.

    References
    ----------
    .. [1] V. A. Traag, L. Waltman and N. J. van Eck (2019). "From Louvain to Leiden:
       guaranteeing well-connected communities." Scientific Reports 9.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import coo_array
    >>> from skdeepcluster.kernels.graph import communities
    >>> heads, tails = [0, 0, 1, 2, 3, 3, 4], [1, 2, 2, 3, 4, 5, 5]
    >>> A = coo_array((np.ones(7), (heads, tails)), shape=(6, 6))
    >>> A = (A + A.T).tocsr()
    >>> communities(A.indptr, A.indices, A.data)
    array([0, 0, 0, 1, 1, 1])
    """
    state = np.array([2 * seed + 1], np.uint64)
    graph = (
        read_only(np.ascontiguousarray(indptr, np.int64)),
        read_only(np.ascontiguousarray(indices, np.int32)),
        read_only(np.ascontiguousarray(weights, np.float64)),
    )
    labels = _communities(*graph, float(resolution), state, n_rounds)
    return by_size(labels)


def by_size(labels, weights=None):
    """Number communities by size, equally large ones by their first vertex.

    Parameters
    ----------
    labels : ndarray of shape (n_vertices,), dtype int
        Communities in any numbering.
    weights : ndarray of shape (n_vertices,), default=None
        What each vertex counts; None means 1.

    Returns
    -------
    ndarray of shape (n_vertices,), dtype int64
        The same communities, 0 the largest.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.graph import by_size
    >>> by_size(np.array([7, 3, 7, 5, 3, 7]))
    array([0, 1, 0, 2, 1, 0])
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    sizes = np.bincount(inverse, weights)
    numbers = np.empty(len(sizes), np.int64)
    numbers[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    return numbers[inverse]


def modularity(indptr, indices, weights, labels, resolution=1.0):
    """Newman's modularity of a partition of the vertices.

    Parameters
    ----------
    indptr, indices, weights : ndarray
        As in :func:`communities`.
    labels : ndarray of shape (n_vertices,), dtype int
        Community of each vertex, from 0 on.
    resolution : float, default=1.0
        Factor of what a random graph of the same degrees is expected to have.

    Returns
    -------
    float
        The modularity; 0 where there is no edge.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.graph import modularity
    >>> indptr, indices = np.array([0, 1, 2]), np.array([1, 0])
    >>> modularity(indptr, indices, np.ones(2), np.array([0, 1]))
    -0.5
    """
    heads = np.repeat(labels, np.diff(indptr))
    total = float(weights.sum())
    if total == 0:
        return 0.0
    within = weights[heads == labels[indices]].sum() / total
    shares = np.bincount(heads, weights) / total
    return float(within - resolution * np.sum(shares**2))


def lazy_zeros(n, dtype=np.float64):
    """Zeros whose memory costs nothing where nobody writes to it.

    ``numpy.zeros`` clears memory that was in use before, which for a million numbers
    takes longer than everything that is done around a seed.

    Parameters
    ----------
    n : int
        How many.
    dtype : dtype, default=float64
        Of what kind.

    Returns
    -------
    ndarray of shape (n,)
        The zeros.
    """
    n_bytes = n * np.dtype(dtype).itemsize
    # A copy for each process: by default forked ones would share it.
    return np.frombuffer(mmap(-1, max(n_bytes, 1), access=ACCESS_COPY), dtype, n)


class Diffusion(NamedTuple):
    """Where mass came to rest.

    Parameters
    ----------
    touched : ndarray of shape (n_touched,), dtype int64
        Vertices that mass reached, in this order.
    potentials : ndarray of shape (n_vertices,), dtype float64
        How much each vertex passed on, for each unit of its degree.
    held : ndarray of shape (n_vertices,), dtype float64
        The mass that each vertex holds.
    degrees : ndarray of shape (n_vertices,), dtype float64
        Degrees of the vertices that mass reached, 0 for the others.
    outcome : int
        0 where no vertex holds too much, 1 after `max_push` pushes, 2 where all that
        the seeds are connected with cannot hold the mass.
    """

    touched: np.ndarray
    potentials: np.ndarray
    held: np.ndarray
    degrees: np.ndarray
    outcome: int


def push(graph, labels, label_weight, seeds, mass, *, max_push, tol):
    """Let mass flow from seeds until no vertex holds more than its degree.

    While a vertex v holds ``m_v > deg_v``, its potential is raised by
    ``(m_v - deg_v) / deg_v`` and the excess goes to its neighbours in proportion to
    the weights of the edges: coordinate descent for the flow of least squares [1]_.
    Only vertices that mass reaches cost anything.

    Parameters
    ----------
    graph : tuple of ndarrays
        `indptr`, `indices` and `weights` as in :func:`communities`; entries on the
        diagonal are passed over.
    labels : ndarray of shape (n_vertices,), dtype bool
        The weight of an edge whose ends differ in it is multiplied by `label_weight`.
    label_weight : float
        That factor, positive.
    seeds : ndarray of int
        Distinct vertices with edges, where the mass starts in equal parts.
    mass : float
        All of it.
    max_push : int
        Most pushes.
    tol : float
        Share of its degree that a vertex may hold in excess.

    Returns
    -------
    Diffusion
        Potentials, and where the mass rests.

    Notes
    -----
    A push costs the number of edges of a vertex; of arrays of n_vertices only the parts
    that mass reaches are written.

    References
    ----------
    .. [1] K. Fountoulakis, D. Wang and S. Yang (2020). "p-norm flow diffusion for
       local graph clustering." ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.graph import push
    >>> path = np.array([0, 1, 3, 5, 6]), np.array([1, 0, 2, 1, 3, 2]), np.ones(6)
    >>> labels, seeds = np.zeros(4, bool), np.array([0])
    >>> push(path, labels, 1.0, seeds, 6.0, max_push=1000, tol=1e-9).potentials.round(3)
    array([9., 4., 1., 0.])
    """
    held, potentials, degrees = (lazy_zeros(len(graph[0]) - 1) for _ in range(3))
    held[seeds] = mass / len(seeds)
    touched, outcome = _push(
        *map(read_only, (*graph, labels)),
        float(label_weight),
        read_only(seeds),
        max_push,
        float(tol),
        held,
        potentials,
        degrees,
        lazy_zeros(len(held), bool),
    )
    return Diffusion(np.array(touched), potentials, held, degrees, outcome)


def sweep(graph, labels, label_weight, order, least, degrees):
    """Find the first part of an order of vertices that has the least conductance.

    Parameters
    ----------
    graph, labels, label_weight
        As in :func:`push`.
    order : ndarray of int
        Distinct vertices.
    least : int
        Fewest vertices of a part.
    degrees : ndarray of shape (n_vertices,), dtype float64
        Degrees of these vertices, positive, with the weights that labels leave.

    Returns
    -------
    size : int
        Length of the part; of equally good ones the longest.
    conductance : float
        Weight of the edges that leave it over the sum of its degrees.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.graph import sweep
    >>> path = np.array([0, 1, 3, 5, 6]), np.array([1, 0, 2, 1, 3, 2]), np.ones(6)
    >>> labels, degrees = np.zeros(4, bool), np.array([1.0, 2.0, 2.0, 1.0])
    >>> size, conductance = sweep(path, labels, 1.0, np.arange(3), 1, degrees)
    >>> size, round(conductance, 3)
    (3, 0.2)
    """
    inside = lazy_zeros(len(degrees), bool)
    size, conductance = _sweep(
        *map(read_only, (*graph, labels)),
        float(label_weight),
        read_only(order),
        least,
        read_only(degrees),
        inside,
    )
    return int(size), float(conductance)


@jit()
def _communities(indptr, indices, weights, resolution, state, n_rounds):
    n_vertices = len(indptr) - 1
    labels = np.arange(n_vertices)
    for _ in range(n_rounds):
        before = labels.copy()
        _run_round(indptr, indices, weights, resolution, state, labels)
        if np.all(before == labels):
            break
    return labels


@jit()
def _run_round(indptr, indices, weights, resolution, state, labels):
    """Improve the labels of vertices, by one pass through all levels."""
    own = np.arange(len(labels))  # node of each vertex
    groups = labels.copy()  # community of each node
    while True:
        degrees = _degrees(indptr, weights)
        total = degrees.sum()
        if total == 0:
            break
        factor = resolution / total
        _move_nodes(indptr, indices, weights, degrees, factor, groups, state)
        pieces = _refine(indptr, indices, weights, degrees, factor, groups, state)
        n_pieces = _compact(pieces)
        for vertex in range(len(labels)):
            labels[vertex] = groups[own[vertex]]
            own[vertex] = pieces[own[vertex]]
        if n_pieces == len(groups):
            break
        coarse = np.empty(n_pieces, np.int64)
        for node in range(len(groups)):
            coarse[pieces[node]] = groups[node]
        indptr, indices, weights = _merge_nodes(
            indptr, indices, weights, pieces, n_pieces
        )
        groups = coarse
        _compact(groups)
    _compact(labels)


@jit()
def _degrees(indptr, weights):
    degrees = np.zeros(len(indptr) - 1)
    for i in range(len(degrees)):
        for e in range(indptr[i], indptr[i + 1]):
            degrees[i] += weights[e]
    return degrees


@jit()
def _compact(labels):
    """Number the labels from 0 on in the order in which they come; count them."""
    numbers = np.full(labels.max() + 1, -1)
    n_labels = 0
    for i in range(len(labels)):
        if numbers[labels[i]] < 0:
            numbers[labels[i]] = n_labels
            n_labels += 1
        labels[i] = numbers[labels[i]]
    return n_labels


@jit()
def _shuffled(n, state):
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = draw_below(state, i + 1)
        order[i], order[j] = order[j], order[i]
    return order


@jit()
def _add_links(node, indptr, indices, weights, groups, links, near):
    """Sum a node's weights to the groups around it; list these groups."""
    n_near = 0
    for e in range(indptr[node], indptr[node + 1]):
        other = indices[e]
        if other == node or weights[e] <= 0:
            continue
        group = groups[other]
        if links[group] == 0:
            near[n_near] = group
            n_near += 1
        links[group] += weights[e]
    return n_near


@jit()
def _move_nodes(indptr, indices, weights, degrees, factor, groups, state):
    """Move nodes to the group of the largest gain until none can gain."""
    n_nodes = len(groups)
    sums, sizes = np.zeros(n_nodes), np.zeros(n_nodes, np.int64)
    for node in range(n_nodes):
        sums[groups[node]] += degrees[node]
        sizes[groups[node]] += 1
    empty = np.flatnonzero(sizes == 0)
    n_empty = len(empty)
    vacant = np.empty(n_nodes, np.int64)
    vacant[:n_empty] = empty
    links, near = np.zeros(n_nodes), np.empty(n_nodes, np.int64)
    queue, waits = _shuffled(n_nodes, state), np.ones(n_nodes, np.bool_)
    head, n_waiting = 0, n_nodes
    while n_waiting > 0:
        node = queue[head]
        head = (head + 1) % n_nodes
        n_waiting -= 1
        waits[node] = False
        old, degree = groups[node], degrees[node]
        n_near = _add_links(node, indptr, indices, weights, groups, links, near)
        sums[old] -= degree
        sizes[old] -= 1
        best = old
        best_gain = links[old] - factor * degree * sums[old] + _LEAST_GAIN * degree
        for k in range(n_near):
            gain = links[near[k]] - factor * degree * sums[near[k]]
            if gain > best_gain:
                best, best_gain = near[k], gain
            links[near[k]] = 0
        if best_gain < 0:
            # Alone is better than any company; the old group is not empty, since
            # its gain would be 0.
            n_empty -= 1
            best = vacant[n_empty]
        sums[best] += degree
        sizes[best] += 1
        if best == old:
            continue
        if sizes[old] == 0:
            vacant[n_empty] = old
            n_empty += 1
        groups[node] = best
        for e in range(indptr[node], indptr[node + 1]):
            other = indices[e]
            if other != node and not waits[other] and groups[other] != best:
                waits[other] = True
                queue[(head + n_waiting) % n_nodes] = other
                n_waiting += 1


@jit()
def _refine(indptr, indices, weights, degrees, factor, groups, state):
    """Merge single nodes within their groups; what stays apart is not connected."""
    n_nodes = len(groups)
    pieces, sums = np.arange(n_nodes), degrees.copy()
    sizes = np.ones(n_nodes, np.int64)
    links, near = np.zeros(n_nodes), np.empty(n_nodes, np.int64)
    for node in _shuffled(n_nodes, state):
        if sizes[pieces[node]] > 1:
            continue
        n_near = _add_links(node, indptr, indices, weights, pieces, links, near)
        best, best_gain = node, _LEAST_GAIN * degrees[node]
        for k in range(n_near):
            gain = links[near[k]] - factor * degrees[node] * sums[near[k]]
            if gain > best_gain and groups[near[k]] == groups[node]:
                best, best_gain = near[k], gain
            links[near[k]] = 0
        if best != node:
            pieces[node] = best
            sums[best] += degrees[node]
            sizes[best] += 1
            sums[node] = 0.0
            sizes[node] = 0
    return pieces


@jit()
def _merge_nodes(indptr, indices, weights, pieces, n_pieces):
    """The graph of pieces: sums of weights between them, and within on the diagonal."""
    n_nodes = len(pieces)
    starts = np.zeros(n_pieces + 1, np.int64)
    for node in range(n_nodes):
        starts[pieces[node] + 1] += 1
    starts = np.cumsum(starts)
    members, filled = np.empty(n_nodes, np.int64), starts[:-1].copy()
    for node in range(n_nodes):
        members[filled[pieces[node]]] = node
        filled[pieces[node]] += 1
    new_indptr = np.zeros(n_pieces + 1, np.int64)
    new_indices = np.empty(len(indices), np.int32)
    new_weights = np.empty(len(indices))
    position = np.full(n_pieces, -1)
    end = 0
    for piece in range(n_pieces):
        begin = end
        for m in range(starts[piece], starts[piece + 1]):
            node = members[m]
            for e in range(indptr[node], indptr[node + 1]):
                other = pieces[indices[e]]
                if position[other] < begin:
                    position[other] = end
                    new_indices[end] = other
                    new_weights[end] = 0.0
                    end += 1
                new_weights[position[other]] += weights[e]
        new_indptr[piece + 1] = end
    return new_indptr, new_indices[:end].copy(), new_weights[:end].copy()


@jit()
def _edge_weight(e, i, j, weights, labels, label_weight):
    if i == j:
        return 0.0
    return weights[e] if labels[i] == labels[j] else label_weight * weights[e]


@jit()
def _push(
    indptr,
    indices,
    weights,
    labels,
    label_weight,
    seeds,
    max_push,
    tol,
    held,
    potentials,
    degrees,
    waits,
):
    touched, full, n_pushes, n_raised, capacity = [seeds[0]], [seeds[0]], 0, 0, 0.0
    touched.clear()
    full.clear()
    for vertex in seeds:
        capacity += _touch(
            vertex, indptr, indices, weights, labels, label_weight, degrees, touched
        )
        waits[vertex] = True
        full.append(vertex)
    mass = 0.0
    for vertex in seeds:
        mass += held[vertex]
    while len(full) > 0:
        following = [seeds[0]]
        following.clear()
        for vertex in full:
            waits[vertex] = False
            excess = held[vertex] - degrees[vertex]
            if excess <= tol * degrees[vertex]:
                continue
            if n_pushes == max_push:
                return touched, 1
            n_pushes += 1
            n_raised += potentials[vertex] == 0
            held[vertex] = degrees[vertex]
            potentials[vertex] += excess / degrees[vertex]
            for e in range(indptr[vertex], indptr[vertex + 1]):
                other = indices[e]
                weight = _edge_weight(e, vertex, other, weights, labels, label_weight)
                if weight == 0:
                    continue
                if degrees[other] == 0:
                    capacity += _touch(
                        other,
                        indptr,
                        indices,
                        weights,
                        labels,
                        label_weight,
                        degrees,
                        touched,
                    )
                held[other] += excess * weight / degrees[vertex]
                if not waits[other] and held[other] > degrees[other] * (1 + tol):
                    waits[other] = True
                    following.append(other)
        # Whoever has neighbours that mass never reached was never pushed himself.
        if n_raised == len(touched) and capacity < mass:
            return touched, 2
        full = following
    return touched, 0


@jit()
def _touch(vertex, indptr, indices, weights, labels, label_weight, degrees, touched):
    """Note that mass reached a vertex, and return its degree."""
    for e in range(indptr[vertex], indptr[vertex + 1]):
        degrees[vertex] += _edge_weight(
            e, vertex, indices[e], weights, labels, label_weight
        )
    touched.append(vertex)
    return degrees[vertex]


@jit()
def _sweep(
    indptr, indices, weights, labels, label_weight, order, least, degrees, inside
):
    cut, total = 0.0, 0.0
    size, conductance = 0, np.inf
    for position in range(len(order)):
        vertex = order[position]
        for e in range(indptr[vertex], indptr[vertex + 1]):
            other = indices[e]
            weight = _edge_weight(e, vertex, other, weights, labels, label_weight)
            cut += -weight if inside[other] else weight
        inside[vertex] = True
        total += degrees[vertex]
        # Rounding makes a cut of no edge no less than 0.
        share = max(cut, 0.0) / total
        if position + 1 >= least and share <= conductance:
            size, conductance = position + 1, share
    return size, conductance
