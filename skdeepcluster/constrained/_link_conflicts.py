"""Hard links that contradict each other."""

from collections import deque
from itertools import pairwise

import numpy as np

from .._row_links import first_of_codes, refused_pairs, same_code_pairs
from ..exceptions import InfeasibleConstraintsError

SOFT_INSTEAD = "or set link_strength=3 if some links may be wrong"


def check_hard_links(links, components, n_clusters):
    """Refuse hard links that no partition keeps, as far as this is quickly seen.

    Parameters
    ----------
    links : Links
        The links.
    components : ndarray of shape (n_samples,)
        What :func:`joined_rows` returns.
    n_clusters : int
        Number of clusters.

    Raises
    ------
    InfeasibleConstraintsError
        If rows that are joined are to be kept apart, or too many are.
    """
    told = first_of_codes(links.codes)
    if len(told) > n_clusters:
        _raise_too_many(sorted(told.tolist()), n_clusters)
    apart = refused_pairs(links, n_clusters)
    inside = apart[components[apart[:, 0]] == components[apart[:, 1]]]
    if len(inside):
        _raise_contradiction(links, inside[0])
    if len(apart) == 0:
        return
    if n_clusters == 1:
        i, j = apart[0]
        raise InfeasibleConstraintsError(
            f"n_clusters=1 cannot keep rows {i} and {j} apart, {SOFT_INSTEAD}.".replace(
                ", or", ": ask for more clusters, or"
            ),
            "too many apart",
            (i, j),
            apart[:1],
        )
    neighbors = _neighbors(components, apart)
    clique = _large_clique(neighbors, n_clusters)
    if len(clique) > n_clusters:
        _raise_too_many(_first_rows(components, clique), n_clusters)
    if n_clusters == 2:
        _check_odd_cycle(neighbors, components)


def _raise_too_many(rows, n_clusters):
    raise InfeasibleConstraintsError(
        f"Rows {_listed(rows)} are pairwise apart, so n_clusters={n_clusters} is too "
        f"few: ask for at least {len(rows)}, {SOFT_INSTEAD}.",
        "too many apart",
        rows,
    )


def _raise_contradiction(links, pair):
    """Name the shortest chain of links that joins two rows to be kept apart."""
    joined = np.concatenate([links.must, same_code_pairs(links.codes)])
    neighbors = {}
    for i, j in joined.tolist():
        neighbors.setdefault(i, []).append(j)
        neighbors.setdefault(j, []).append(i)
    start, end = (int(row) for row in pair)
    chain = _shortest_chain(neighbors, start, end)
    by_label = {tuple(sorted(pair)) for pair in same_code_pairs(links.codes).tolist()}
    steps = [tuple(sorted(step)) for step in pairwise(chain)]
    given = {tuple(step) for step in links.must.tolist()}
    said = "must-links join them"
    if any(step in by_label and step not in given for step in steps):
        said = "must-links and equal labels in y join them"
    raise InfeasibleConstraintsError(
        f"Rows {start} and {end} must not be together, but {said}: "
        f"{' - '.join(map(str, chain))}. Drop one of these {len(chain)} pairs, "
        f"{SOFT_INSTEAD}.",
        "contradiction",
        chain,
        [*steps, tuple(sorted((start, end)))],
    )


def _shortest_chain(neighbors, start, end):
    before, waiting = {start: start}, deque([start])
    while end not in before:
        node = waiting.popleft()
        for other in sorted(neighbors[node]):
            if other not in before:
                before[other] = node
                waiting.append(other)
    chain = [end]
    while chain[-1] != start:
        chain.append(before[chain[-1]])
    return chain[::-1]


def _neighbors(components, apart):
    """Which components are to be kept apart from each."""
    neighbors = {}
    for i, j in components[apart].tolist():
        neighbors.setdefault(i, set()).add(j)
        neighbors.setdefault(j, set()).add(i)
    return neighbors


def _large_clique(neighbors, n_clusters):
    """Grow sets of pairwise refused components until one is larger than `n_clusters`.

    They begin with those of largest degree; none is found where it is empty.
    """
    by_degree = sorted(neighbors, key=lambda node: (-len(neighbors[node]), node))
    for first in by_degree[:60]:
        clique, candidates = [first], set(neighbors[first])
        while len(clique) <= n_clusters < len(clique) + len(candidates):
            node = min(
                candidates, key=lambda node: (-len(neighbors[node] & candidates), node)
            )
            clique.append(node)
            candidates &= neighbors[node]
        if len(clique) > n_clusters:
            # It is too large already: any further one does.
            while candidates:
                clique.append(min(candidates))
                candidates &= neighbors[clique[-1]]
            return clique
    return []


def _check_odd_cycle(neighbors, components):
    """With two clusters, rows around an odd cycle cannot alternate."""
    sides, before = {}, {}
    for root in sorted(neighbors):
        if root in sides:
            continue
        sides[root], before[root], waiting = 0, root, deque([root])
        while waiting:
            node = waiting.popleft()
            for other in sorted(neighbors[node]):
                if other not in sides:
                    sides[other], before[other] = 1 - sides[node], node
                    waiting.append(other)
                elif sides[other] == sides[node]:
                    _raise_odd_cycle(node, other, before, components)


def _raise_odd_cycle(node, other, before, components):
    """Go back from both ends of the conflict to where their ways meet."""
    left, right = [node], [other]
    while left[-1] != right[-1]:
        # A breadth-first tree: both ends of the conflict lie equally deep.
        left.append(before[left[-1]])
        right.append(before[right[-1]])
    cycle = left + right[-2::-1]
    rows = _first_rows(components, cycle)
    around = [*rows, rows[0]]
    raise InfeasibleConstraintsError(
        "With two clusters, these rows (or those joined to them) cannot all be kept "
        f"apart from the next: {' - '.join(map(str, around))}. Drop one of these "
        f"{len(rows)} pairs, ask for more clusters, {SOFT_INSTEAD}.",
        "odd cycle",
        rows,
        zip(rows, around[1:], strict=True),
    )


def _first_rows(components, chosen):
    """First row of each of some components."""
    _, first = np.unique(components, return_index=True)
    return [int(first[component]) for component in chosen]


def _listed(rows, most=20):
    shown = ", ".join(str(row) for row in rows[:most])
    return shown + (", ..." if len(rows) > most else "")


def check_heavy_groups(components, weights, most):
    """Refuse rows, or rows that are joined, which weigh more than a cluster may."""
    sizes = np.bincount(components, weights)
    heaviest = int(sizes.argmax())
    if sizes[heaviest] <= most * (1 + 1e-9):
        return
    rows = np.flatnonzero(components == heaviest)
    weight = f"{sizes[heaviest]:.15g}"
    said = (
        f"Row {rows[0]} weighs {weight}"
        if len(rows) == 1
        else f"{len(rows)} rows are joined by must-links (rows {_listed(rows, 5)})"
        + ("" if weights is None else f" and weigh {weight}")
    )
    raise InfeasibleConstraintsError(
        f"{said}, more than any size_max ({most:.15g}).", "heavy", rows
    )
