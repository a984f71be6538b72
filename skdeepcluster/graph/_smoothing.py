"""Columns smoothed over a graph, and how far to smooth them [1]_.

::

    H_0 = rows, of more than 200 columns their 200 leading singular columns
    H_t = (H_{t-1} + S H_{t-1}) / 2,   S = D^-1/2 (A + I) D^-1/2
    Z_t = n_components leading left singular vectors of the rows of H_t at length 1
    labels_t = k-means on Z_t

Smoothing is the low-pass filter ``(I - L/2)^t`` of the graph's Laplacian L. The order t
is one of 0, 1, 2, 4, ..., 64, or the graph alone is taken (_spectrum): that with the
largest ``Q / max Q + (V / max V) / 3``, where Q is the modularity of the labels
on the graph and V the share of the variance of the columns that they explain. The
published rule is order="distance".

.. [1] X. Zhang, H. Liu, Q. Li and X.-M. Wu (2019). "Attributed graph clustering via
   adaptive graph convolution." IJCAI.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.extmath import randomized_svd

from .._kmeans import weighted_means
from .._scaling import unit_length
from .._threads import one_blas_thread

# Smoothing commutes with a projection, and costs as much as there are columns.
MAX_COLUMNS = 200
# Powers of two: at a doubling the filter changes noticeably, and not before.
ORDERS = (0, 1, 2, 4, 8, 16, 32, 64)
# What the columns count beside the graph when an order is chosen. On generated tables
# (datasets.make_attributed_graph) everything from 1/4 to 1/2 does about equally well.
COLUMNS_SHARE = 1 / 3
# The published rule tries one order after the other, up to this.
MAX_DISTANCE_ORDER = 60
# Iterations of the randomised algorithm that finds singular vectors.
_N_ITER = 4


def leading_columns(rows, seed):
    """The rows themselves, or along their leading singular vectors, densely."""
    if not issparse(rows) and rows.shape[1] <= MAX_COLUMNS:
        return rows
    width = min(MAX_COLUMNS, *rows.shape)
    with one_blas_thread():
        vectors, values, _ = randomized_svd(
            rows, width, n_iter=_N_ITER, random_state=seed
        )
        return np.ascontiguousarray(vectors * values)


def smoothed(columns, smooth, orders):
    """Yield the columns after each of the orders, which ascend."""
    done = 0
    for order in orders:
        for _ in range(order - done):
            columns = smooth @ columns
        done = order
        yield columns


def left_vectors(columns, n_components):
    """Leading left singular vectors of rows brought to length 1, of mean square 1."""
    rows = unit_length(columns)
    with one_blas_thread():
        squares, vectors = np.linalg.eigh(rows.T @ rows)
        kept = np.flatnonzero(squares > squares[-1] * len(rows) * np.finfo(float).eps)
        kept = kept[: -n_components - 1 : -1]
        left = rows @ (vectors[:, kept] / np.sqrt(squares[kept]))
    if not len(kept):
        return np.zeros((len(rows), 1))
    largest = np.abs(left).argmax(axis=0)
    signs = np.sign(left[largest, np.arange(left.shape[1])])
    return np.ascontiguousarray(left * (signs * np.sqrt(len(rows))))


def explained_share(columns, weights, labels):
    """Share of the variance of rows of length 1 that clusters explain."""
    rows = unit_length(columns)
    means, sizes = weighted_means(rows, weights, labels, labels.max() + 1)
    mean = np.average(means, axis=0, weights=sizes)
    total = np.sum(weights[:, np.newaxis] * np.square(rows - mean))
    between = np.sum(sizes[:, np.newaxis] * np.square(means - mean))
    return float(between / total) if total > 0 else 0.0


def mean_distance_within(columns, weights, labels):
    """Mean over the clusters of the mean squared distance of two of their rows."""
    means, sizes = weighted_means(columns, weights, labels, labels.max() + 1)
    squares = np.square(columns - means[labels]).sum(axis=1)
    spreads = np.bincount(labels, weights * squares)
    return float(np.mean(2 * spreads / np.maximum(sizes - 1, 1)))
