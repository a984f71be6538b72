"""Rows of numbers and codes as a design matrix that is never written down.

A row is its numbers, followed by a 1 in one column of each category: the column
``starts[j] + code``. What is linear in such rows needs no matrix of levels.
"""

import numpy as np

from ._jit import jit


@jit()
def design_moments(numbers, codes, starts, width, order, weights):
    """Weighted sum of the rows' outer products, and of the rows, in one order.

    Time is O(n (p + q)^2) for n rows of p numbers and q categories, whatever the
    number of levels.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers), dtype=float64
        Finite numbers.
    codes : ndarray of shape (n_samples, n_categories), dtype=int64
        Codes from 0.
    starts : ndarray of shape (n_categories,), dtype=int64
        First column of each category.
    width : int
        Number of columns.
    order : ndarray of shape (n_summed,), dtype=int64
        Rows that are summed, in their order.
    weights : ndarray of shape (n_samples,), dtype=float64
        Weights of the rows.

    Returns
    -------
    moments : ndarray of shape (width, width)
        Sum of the outer products.
    total : ndarray of shape (width,)
        Sum of the rows.
    """
    n_numbers, n_categories = numbers.shape[1], codes.shape[1]
    moments, total = np.zeros((width, width)), np.zeros(width)
    for row in order:
        weight = weights[row]
        for a in range(n_numbers):
            value = weight * numbers[row, a]
            total[a] += value
            for b in range(a + 1):
                moments[a, b] += value * numbers[row, b]
        for j in range(n_categories):
            level = starts[j] + codes[row, j]
            total[level] += weight
            for a in range(n_numbers):
                moments[level, a] += weight * numbers[row, a]
            for k in range(j + 1):
                moments[level, starts[k] + codes[row, k]] += weight
    for a in range(width):
        for b in range(a):
            moments[b, a] = moments[a, b]
    return moments, total


@jit()
def project_design(numbers, codes, starts, axes):
    """Coordinates of the rows along axes, each row's bits depending on it alone.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers), dtype=float64
        Finite numbers.
    codes : ndarray of shape (n_samples, n_categories), dtype=int64
        Codes from 0.
    starts : ndarray of shape (n_categories,), dtype=int64
        First column of each category.
    axes : ndarray of shape (width, n_axes), dtype=float64
        Axes in columns.

    Returns
    -------
    ndarray of shape (n_samples, n_axes)
        The coordinates.
    """
    n_samples, n_numbers = numbers.shape
    n_axes = axes.shape[1]
    result = np.zeros((n_samples, n_axes))
    for i in range(n_samples):
        for f in range(n_numbers):
            value = numbers[i, f]
            for a in range(n_axes):
                result[i, a] += value * axes[f, a]
        for j in range(codes.shape[1]):
            level = starts[j] + codes[i, j]
            for a in range(n_axes):
                result[i, a] += axes[level, a]
    return result
