"""Links between rows: checked, what follows from them, and which a partition breaks."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from ._warnings import warn
from .exceptions import InfeasibleConstraintsError, LinkWarning

# Codes that are held against each other where no partition can keep them all apart.
MOST_CODES = 50

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


def violations(links, labels, squares):
    """Find the links that labels break.

    Parameters
    ----------
    links : Links
        The links.
    labels : ndarray of shape (n_samples,)
        Cluster of each row.
    squares : ndarray of shape (n_samples, n_clusters)
        Cost of each row in each cluster; not looked at where there are no links.

    Returns
    -------
    pairs : ndarray of shape (n_violated, 2), dtype=int64
        Broken links. The one that would cost most to keep, by a move of one of its
        rows, comes first.
    kinds : ndarray of shape (n_violated,)
        "must_link", "cannot_link" or "y".
    """
    pairs, kinds, prices = [np.empty((0, 2), np.int64)], [np.empty(0, "U11")], []
    told = (
        ("must_link", links.must, False),
        ("cannot_link", links.cannot, True),
        ("y", same_code_pairs(links.codes), False),
    )
    for kind, given, is_apart in told:
        left, right = labels[given].T
        broken = given[(left == right) == is_apart]
        if len(broken):
            pairs.append(broken)
            kinds.append(np.full(len(broken), kind, "U11"))
            prices.append(_price(broken, labels, squares, is_apart))
    pairs, kinds = np.concatenate(pairs), np.concatenate(kinds)
    if len(pairs) == 0:
        return pairs, kinds
    order = np.argsort(-np.concatenate(prices), kind="stable")
    return pairs[order], kinds[order]


def _price(broken, labels, squares, is_apart):
    """Cost of the cheaper move, of one row or the other, that keeps each link."""
    price = np.full(len(broken), np.inf)
    for row, other in (broken.T, broken[:, ::-1].T):
        here = squares[row, labels[row]]
        if is_apart:
            there = squares[row]
            there[np.arange(len(row)), labels[row]] = np.inf
            moved = there.min(axis=1)
        else:
            moved = squares[row, labels[other]]
        price = np.minimum(price, moved - here)
    return price
