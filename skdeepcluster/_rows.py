"""Rows of a table: distinct and weighted, in chunks, in canonical order."""

import numpy as np

# Rows that one call of a network sees. A fixed number, so that the shape of
# the computation, and with it the rounding, never depends on the caller.
CHUNK_ROWS = 512


def lexicographic_order(X):
    """Sort rows by their first column, ties by the second, and so on.

    Only rows that are still tied are looked at again, so a table of distinct
    numbers costs one sort of its first column.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        The permutation that sorts the rows.
    is_first : ndarray of shape (n_samples,), dtype=bool
        Whether a row, in sorted order, differs from the row before it.
    """
    leading = np.ascontiguousarray(X[:, 0])
    order = np.argsort(leading, kind="stable")
    leading = leading[order]
    is_first = np.ones(len(X), dtype=bool)
    is_first[1:] = leading[1:] != leading[:-1]
    first, last = 1, 2
    while first < X.shape[1]:
        tied, runs = tied_rows(is_first)
        if tied.size == 0:
            break
        # Of the columns to come, most say nothing of the few rows left.
        ahead = X[order[tied], first:last]
        differs = (ahead[1:] != ahead[:-1])[runs[1:] == runs[:-1]].any(axis=0)
        for column in X.T[first + np.flatnonzero(differs)]:
            tied, runs = tied_rows(is_first)
            rows = order[tied]
            values = column[rows]
            sorting = np.lexsort((values, runs))
            order[tied], values = rows[sorting], values[sorting]
            # Where a run begins, the row was a first one before.
            is_first[tied[1:]] |= values[1:] != values[:-1]
        first, last = last, last + min(last, 64)
    return order, is_first


def tied_rows(is_first):
    """Find rows that equal a neighbour: their indices, and the run of each."""
    mask = ~is_first
    mask[:-1] |= ~is_first[1:]
    tied = np.flatnonzero(mask)
    return tied, np.cumsum(is_first[tied])


def distinct_rows(X, sample_weight=None):
    """Reduce a table to its distinct rows of positive weight.

    The rows come in lexicographic order and equal rows are merged, their
    weights added. What is computed from them depends neither on the order of
    the rows nor on whether a weight of 2 is written as two rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    sample_weight : ndarray of shape (n_samples,), default=None
        Non-negative weights; None means 1 for every row.

    Returns
    -------
    rows : ndarray of shape (n_distinct, n_features)
        Distinct rows, C-contiguous, in the dtype of `X`.
    weights : ndarray of shape (n_distinct,), dtype=float64
        Total weight of each.
    """
    return numbered_rows(X, sample_weight)[:2]


def numbered_rows(X, sample_weight=None):
    """Distinct rows of positive weight, and which of them every row equals.

    Parameters
    ----------
    X, sample_weight
        See :func:`distinct_rows`.

    Returns
    -------
    rows, weights
        See :func:`distinct_rows`.
    numbers : ndarray of shape (n_samples,), dtype=intp
        Number of the distinct row that each row equals; -1 for a row without
        weight.
    """
    numbers, weighted = np.full(len(X), -1), slice(None)
    if sample_weight is None:
        sample_weight = np.ones(len(X))
    elif not np.all(sample_weight > 0):
        weighted = np.flatnonzero(sample_weight > 0)
        X, sample_weight = X[weighted], sample_weight[weighted]
    order, is_first = lexicographic_order(X)
    starts = np.flatnonzero(is_first)
    own = np.empty(len(X), dtype=np.intp)
    own[order] = np.cumsum(is_first) - 1
    numbers[weighted] = own
    # Equal rows are ordered by their weights, so that the rounding of the sum
    # does not depend on the order of the rows either.
    order = order[np.lexsort((sample_weight[order], np.cumsum(is_first)))]
    weights = np.add.reduceat(sample_weight[order], starts)
    return np.ascontiguousarray(X[order[starts]]), weights, numbers


def in_chunks(function, X, n_rows=CHUNK_ROWS):
    """Apply a row-wise function to chunks of always the same shape.

    The last chunk is filled up with zero rows, whose results are dropped.

    Parameters
    ----------
    function : callable
        Maps an array of shape (n_rows, n_features) to one of n_rows rows.
    X : ndarray of shape (n_samples, n_features)
        At least one row.
    n_rows : int, default=CHUNK_ROWS
        Rows of a chunk.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        The results of all rows.
    """
    n_samples = len(X)
    result = None
    for start in range(0, n_samples, n_rows):
        chunk = X[start : start + n_rows]
        stop = start + len(chunk)
        if len(chunk) < n_rows:
            filled = np.zeros((n_rows, X.shape[1]), dtype=X.dtype)
            filled[: len(chunk)] = chunk
            chunk = filled
        values = function(chunk)
        if result is None:
            result = np.empty((n_samples, *values.shape[1:]), dtype=values.dtype)
        result[start:stop] = values[: stop - start]
    return result


def canonical_order(sizes, centers):
    """Order clusters: the largest first, ties by the centres' coordinates."""
    keys = [*np.asarray(centers, np.float64).T[::-1], -np.asarray(sizes, np.float64)]
    return np.lexsort(keys)
