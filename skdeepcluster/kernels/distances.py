"""Squared Euclidean distances of rows, the arithmetic that the kernels share."""

import numpy as np

from ._jit import jit


@jit(fastmath={"reassoc", "contract"})
def squared_distance(x, y):
    """Squared distance in float64, in an order of sums that the length decides."""
    total = 0.0
    for d in range(len(x)):
        difference = np.float64(x[d]) - np.float64(y[d])
        total += difference * difference
    return total


@jit()
def row_distances(row, columns, distances):
    """Write the squared distances of a row to centers that are given by columns."""
    n_features, n_centers = columns.shape
    n_fours = n_features // 4 * 4
    for j in range(n_centers):
        distances[j] = 0.0
    # Four columns at once: each distance is read and written a quarter as often.
    for f in range(0, n_fours, 4):
        for j in range(n_centers):
            total = distances[j] + (row[f] - columns[f, j]) ** 2
            total += (row[f + 1] - columns[f + 1, j]) ** 2
            total += (row[f + 2] - columns[f + 2, j]) ** 2
            distances[j] = total + (row[f + 3] - columns[f + 3, j]) ** 2
    for f in range(n_fours, n_features):
        for j in range(n_centers):
            distances[j] += (row[f] - columns[f, j]) ** 2
