"""Links that labels do not keep, and what keeping each would cost."""

import numpy as np

from ._links import same_code_pairs


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
