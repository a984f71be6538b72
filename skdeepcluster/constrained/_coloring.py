"""Can rows be kept apart in so many clusters? A coloring, or a set that has none."""

import numpy as np

from ..exceptions import InfeasibleConstraintsError
from ..kernels.linked_items import assign_linked_items, n_broken_links
from ._link_conflicts import SOFT_INSTEAD

# Nodes of the search tree, for all items and for each item that is taken out.
MANY_NODES, FEW_NODES = 20_000, 2_000
# Items whose smallest set without a coloring is looked for.
MOST_REDUCED = 200


def coloring(graph, n_clusters, items):
    """Clusters that keep all linked items apart.

    Parameters
    ----------
    graph : LinkGraph
        Hard links.
    n_clusters : int
        Number of clusters.
    items : Items
        The items.

    Returns
    -------
    ndarray of shape (n_linked,), dtype=intp
        Cluster of each linked item.

    Raises
    ------
    InfeasibleConstraintsError
        If none was found.
    """
    everything = np.arange(len(graph.linked))
    labels, n_broken, is_proven = _colored(
        graph.starts, graph.neighbors, n_clusters, MANY_NODES, graph
    )
    if n_broken == 0:
        return labels
    stuck = everything
    if is_proven and len(everything) <= MOST_REDUCED:
        stuck = _smallest_stuck(graph, n_clusters)
    rows = [
        int(np.flatnonzero(items.numbers == graph.linked[item])[0]) for item in stuck
    ]
    shown = ", ".join(map(str, rows[:20])) + (", ..." if len(rows) > 20 else "")
    proof = "There is no way" if is_proven else "No way was found"
    raise InfeasibleConstraintsError(
        f"{proof} to keep the links between these {len(rows)} rows, or those joined to "
        f"them, with n_clusters={n_clusters}: {shown}. Ask for more clusters, drop a "
        f"link, {SOFT_INSTEAD}.",
        "not colorable",
        rows,
    )


def _colored(starts, neighbors, n_clusters, max_nodes, graph=None, kept=None):
    """Search for a coloring of all items, or of those kept."""
    n = len(starts) - 1
    if graph is not None:
        bounds, members = graph.bounds, graph.members
    else:
        bounds, members = np.array([0, len(kept)]), kept
    labels = np.zeros(n, np.intp)
    n_open = assign_linked_items(
        np.zeros((n, n_clusters)),
        starts,
        neighbors,
        np.ones(len(neighbors)),
        True,
        bounds,
        members,
        labels,
        max_nodes,
    )
    n_broken = n_broken_links(starts, neighbors, np.ones(len(neighbors)), labels)
    return labels, n_broken, n_open == 0


def _smallest_stuck(graph, n_clusters):
    """Take items out one by one, as long as what is left cannot be colored."""
    n = len(graph.linked)
    kept = np.arange(n)
    for item in range(n):
        fewer = kept[kept != item]
        starts, neighbors = _without(graph, fewer)
        places = np.arange(len(fewer))
        _, n_broken, is_proven = _colored(
            starts, neighbors, n_clusters, FEW_NODES, kept=places
        )
        if n_broken and is_proven:
            kept = fewer
    return kept


def _without(graph, kept):
    """Links between the items that are kept, numbered anew."""
    places = np.full(len(graph.linked), -1)
    places[kept] = np.arange(len(kept))
    ends = np.repeat(np.arange(len(graph.linked)), np.diff(graph.starts))
    both = (places[ends] >= 0) & (places[graph.neighbors] >= 0)
    starts = np.searchsorted(places[ends[both]], np.arange(len(kept) + 1))
    return starts.astype(np.int64), places[graph.neighbors[both]].astype(np.int64)
