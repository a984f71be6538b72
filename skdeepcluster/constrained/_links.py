"""Links between rows, checked; and hard links that contradict each other."""

from collections import deque
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .._warnings import warn
from ..exceptions import InfeasibleConstraintsError, LinkWarning

SOFT_INSTEAD = "or set link_strength=3 if some links may be wrong"
# Codes that are held against each other where no partition can keep them all apart.
MOST_CODES = 50


class Links(NamedTuple):
    """What is known of pairs of rows.

    Parameters
    ----------
    must, cannot : ndarray of shape (n_links, 2), dtype=int64
        Pairs of row numbers, the lower one first, each pair once, in order.
    codes : ndarray of shape (n_samples,), dtype=int64
        Rows of one code belong together and those of different codes apart; -1 says
        nothing of a row.
    """

    must: np.ndarray
    cannot: np.ndarray
    codes: np.ndarray

    @property
    def named(self):
        """Whether a row is named by any link."""
        named = self.codes >= 0
        named[self.must] = True
        named[self.cannot] = True
        return named

    @property
    def are_none(self):
        """Whether nothing is known."""
        return not (len(self.must) or len(self.cannot) or (self.codes >= 0).any())


def checked_links(must_link, cannot_link, codes, weights):
    """Check pairs of rows; leave out those of rows without weight.

    Parameters
    ----------
    must_link, cannot_link : array-like of shape (n_links, 2), or None
        Pairs of row numbers.
    codes : ndarray of shape (n_samples,)
        Partial labels, as codes.
    weights : ndarray of shape (n_samples,), or None
        Weights of the rows.

    Returns
    -------
    Links
        The links.

    Raises
    ------
    ValueError
        If they are no pairs of row numbers.
    """
    n_samples = len(codes)
    must = checked_pairs("must_link", must_link, n_samples)
    cannot = checked_pairs("cannot_link", cannot_link, n_samples)
    alone = cannot[cannot[:, 0] == cannot[:, 1]]
    if len(alone):
        raise InfeasibleConstraintsError(
            f"Row {alone[0, 0]} cannot be kept apart from itself.",
            "self",
            alone[0, :1],
            alone[:1],
        )
    must = must[must[:, 0] != must[:, 1]]
    if weights is not None and not np.all(weights > 0):
        kept = [(weights[pairs] > 0).all(axis=1) for pairs in (must, cannot)]
        n_left_out = sum(np.count_nonzero(~part) for part in kept)
        must, cannot = must[kept[0]], cannot[kept[1]]
        codes = np.where(weights > 0, codes, -1)
        if n_left_out:
            warn(
                f"{links_were(n_left_out)} left out, of rows without weight.",
                LinkWarning,
            )
    return Links(must, cannot, codes)


def links_were(n_links):
    """The beginning of a sentence about so many links."""
    return "1 link was" if n_links == 1 else f"{n_links} links were"


def checked_pairs(name, pairs, n_samples):
    """Bring pairs of row numbers to one form: the lower first, each once, sorted."""
    if pairs is None:
        return np.empty((0, 2), np.int64)
    given = np.asarray(pairs)
    if given.size == 0:
        return np.empty((0, 2), np.int64)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(
            f"{name} has shape {given.shape}: give pairs of row numbers, an array of "
            "shape (n_links, 2)."
        )
    if given.dtype.kind not in "iu":
        raise ValueError(
            f"{name} holds {given.flat[0]!r} ({given.dtype}): give pairs of row "
            "numbers, which are whole numbers."
        )
    if given.min() < 0:
        raise ValueError(f"{name} names row {given.min()}: rows are counted from 0.")
    if given.max() >= n_samples:
        raise ValueError(
            f"{name} names row {given.max()}, but X has {n_samples} rows: pairs are "
            "row numbers of the whole table. In a search use cv=WholeData(), or "
            "partial labels y, which are cut along with the rows."
        )
    return np.unique(np.sort(given.astype(np.int64), axis=1), axis=0)


def same_code_pairs(codes):
    """Pairs that join all rows of one code: each with the first of them."""
    rows = np.flatnonzero(codes >= 0)
    if rows.size == 0:
        return np.empty((0, 2), np.int64)
    _, first, inverse = np.unique(codes[rows], return_index=True, return_inverse=True)
    pairs = np.column_stack([rows[first[inverse]], rows])
    return pairs[pairs[:, 0] != pairs[:, 1]]


def first_of_codes(codes):
    """First row of each code, those of most rows first."""
    rows = np.flatnonzero(codes >= 0)
    _, first, counts = np.unique(codes[rows], return_index=True, return_counts=True)
    return rows[first[np.argsort(-counts, kind="stable")]]


def other_code_pairs(codes, n_clusters):
    """Pairs that keep codes apart: the first rows of each two.

    Of more codes than clusters, and than 50, those of most rows: as many are kept
    apart.
    """
    first = first_of_codes(codes)[: max(n_clusters, MOST_CODES)]
    i, j = np.triu_indices(len(first), 1)
    return np.column_stack([first[i], first[j]])


def joined_rows(links):
    """Component of every row under the links that join rows."""
    n_samples = len(links.codes)
    pairs = np.concatenate([links.must, same_code_pairs(links.codes)])
    graph = csr_array(
        (np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])),
        shape=(n_samples, n_samples),
    )
    return connected_components(graph, directed=False)[1]


def refused_pairs(links, n_clusters):
    """Pairs that are to be kept apart, those of different codes among them."""
    return np.concatenate([links.cannot, other_code_pairs(links.codes, n_clusters)])


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
