"""Means of clusters in the columns of a table, where its codes were clustered."""

import numpy as np

from .._rows import lexicographic_order
from .._scaling import TableScaling, varying_columns
from ..kernels.kmeans import center_sums
from ..streaming._stream_sample import Summary

# Rows that are scaled at a time.
_BLOCK_ROWS = 1 << 14


def input_means(X, weights, labels, n_clusters, by_column):
    """Average the scaled rows of each cluster.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Table.
    weights : ndarray of shape (n_samples,) or None
        Weights of its rows.
    labels : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row; each has a row of some weight.
    n_clusters : int
        Number of clusters.
    by_column : bool
        Whether columns are divided by their standard deviation, or all by one
        number.

    Returns
    -------
    ndarray of shape (n_clusters, n_columns)
        Means in the columns that vary, or in one if none does. They do not depend on
        the order of the rows.

    Notes
    -----
    O(n_samples * n_features) time; of a large table, a summary decides on the scale.
    """
    rows, row_weights = Summary().add(X, weights).table()
    columns = varying_columns(rows)
    columns[0] |= not columns.any()
    scaling = TableScaling(rows, row_weights, by_column=by_column, columns=columns)
    weights = np.ones(len(X)) if weights is None else weights
    order, _ = lexicographic_order(X)
    sums, sizes = np.zeros((n_clusters, columns.sum())), np.zeros(n_clusters)
    for start in range(0, len(X), _BLOCK_ROWS):
        block = order[start : start + _BLOCK_ROWS]
        more, their_sizes = center_sums(
            scaling.transform(X[block]), weights[block], labels[block], n_clusters
        )
        sums, sizes = sums + more, sizes + their_sizes
    return sums / sizes[:, np.newaxis]
