"""What is assigned as a whole: rows, equal rows, or rows joined by hard links."""

from typing import NamedTuple

import numpy as np

from .._kmeans import weighted_means
from .._row_links import joined_rows, refused_pairs, same_code_pairs
from .._rows import lexicographic_order


class Items(NamedTuple):
    """Items in lexicographic order of their first rows, and the links between them.

    Parameters
    ----------
    means : ndarray of shape (n_items, n_features), dtype=float64
        Mean of each item's rows.
    weights : ndarray of shape (n_items,), dtype=float64
        Weight of each item.
    scatters : ndarray of shape (n_items,), dtype=float64
        Weighted sum of the squared distances of each item's rows to its mean.
    numbers : ndarray of shape (n_samples,), dtype=intp
        Item of each row, -1 for a row without weight.
    edges : ndarray of shape (n_edges, 2), dtype=intp
        Pairs of items that links are about.
    signs : ndarray of shape (n_edges,), dtype=int8
        1 where the two are to be kept apart, -1 where together.
    hard : bool
        Whether links hold at any cost.
    """

    means: np.ndarray
    weights: np.ndarray
    scatters: np.ndarray
    numbers: np.ndarray
    edges: np.ndarray
    signs: np.ndarray
    hard: bool


def items_of(Z, weights, links, n_clusters, *, hard, merge):
    """Gather rows to items.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features), dtype=float64
        Scaled rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    links : Links
        Links between them.
    n_clusters : int
        Number of clusters.
    hard : bool
        Whether rows that are joined become one item.
    merge : bool
        Whether equal rows that no link names become one item. Where sizes are
        limited they may be divided.

    Returns
    -------
    Items
        The items.
    """
    numbers, order, firsts = _numbered(Z, weights, links, hard, merge)
    n_items = len(firsts)
    sorted_numbers, own = numbers[order], weights[order]
    rows = np.ascontiguousarray(Z[order])
    edges, signs = _edges(links, numbers, hard, n_clusters)
    if n_items == len(rows):
        return Items(rows, own, np.zeros(n_items), numbers, edges, signs, hard)
    means = rows[firsts]
    sizes = np.bincount(sorted_numbers, own, n_items)
    # Sums of equal rows would be rounded: these keep their digits.
    many = (rows != means[sorted_numbers]).any(axis=1)
    several = np.zeros(n_items, bool)
    several[sorted_numbers[many]] = True
    if several.any():
        taken = several[sorted_numbers]
        sums, _ = weighted_means(
            np.ascontiguousarray(rows[taken]),
            own[taken],
            sorted_numbers[taken],
            n_items,
        )
        means[several] = sums[several]
    away = np.square(rows - means[sorted_numbers]).sum(axis=1)
    scatters = np.bincount(sorted_numbers, own * away, n_items)
    return Items(means, sizes, scatters, numbers, edges, signs, hard)


def _numbered(Z, weights, links, hard, merge):
    """Item of each row, rows in order, and where in that order items begin."""
    weighted = np.flatnonzero(weights > 0)
    order, is_first = lexicographic_order(Z[weighted])
    runs = np.cumsum(is_first) - 1
    # Equal rows by weight: sums do not depend on the order of the rows.
    order = weighted[order[np.lexsort((weights[weighted][order], runs))]]
    ranks = np.full(len(Z), -1)
    ranks[order] = np.arange(len(order))
    keys = ranks.copy()
    named = links.named & (weights > 0)
    if merge:
        free = np.flatnonzero(~named[order])
        _, first, inverse = np.unique(
            runs[free], return_index=True, return_inverse=True
        )
        keys[order[free]] = free[first[inverse]]
    if hard and named.any():
        components = joined_rows(links)
        least = np.full(components.max() + 1, len(Z))
        np.minimum.at(least, components[named], ranks[named])
        keys[named] = least[components[named]]
    firsts, inverse = np.unique(keys[order], return_inverse=True)
    numbers = np.full(len(Z), -1)
    numbers[order] = inverse
    return numbers, order, firsts


def _edges(links, numbers, hard, n_clusters):
    """Links as pairs of items, what cancels left out."""
    pairs = refused_pairs(links, n_clusters)
    if not hard:
        # Every row of a code is held against the first of each code.
        joined = np.concatenate([links.must, same_code_pairs(links.codes)])
        pairs = np.concatenate([pairs, joined])
        signs = np.ones(len(pairs), np.int8)
        signs[len(pairs) - len(joined) :] = -1
    else:
        signs = np.ones(len(pairs), np.int8)
    if len(pairs) == 0:
        return np.empty((0, 2), np.intp), np.empty(0, np.int8)
    ends = np.sort(numbers[pairs], axis=1)
    edges, inverse = np.unique(ends, axis=0, return_inverse=True)
    total = np.sign(np.bincount(inverse.ravel(), signs, len(edges))).astype(np.int8)
    return edges[total != 0].astype(np.intp), total[total != 0]
