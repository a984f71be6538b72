"""Scores of a partition from the rows and their labels alone.

In each, -1 labels noise: rows of no cluster, which a score must not be able to
win by leaving out. Clusters are numbered from 0 without gaps, at least two.
"""

import numpy as np
from sklearn.metrics import silhouette_samples

from ._fitted import NOISE


def silhouette(Z, labels):
    """Mean silhouette over all rows; a noise row counts 0, as a row alone does."""
    clustered = labels != NOISE
    return silhouette_samples(Z[clustered], labels[clustered]).sum() / len(Z)


def calinski_harabasz(Z, labels):
    """Ratio of dispersion; noise rows deviate from the mean of all rows."""
    sizes, centers, within = _moments(Z, labels)
    center = Z.mean(axis=0)
    within = within.sum() + np.square(Z[labels == NOISE] - center).sum()
    between = sizes @ np.square(centers - center).sum(axis=1)
    if within == 0:
        return np.inf
    return between / (len(sizes) - 1) / (within / (len(Z) - len(sizes)))


def davies_bouldin(Z, labels):
    """Negated Davies-Bouldin index, divided by the share of clustered rows.

    Clusters of one centre are as bad as can be, where scikit-learn's index
    passes over them.
    """
    sizes, centers, _ = _moments(Z, labels)
    clustered = labels != NOISE
    rows, own = Z[clustered], labels[clustered]
    to_center = np.sqrt(np.square(rows - centers[own]).sum(axis=1))
    spread = np.bincount(own, weights=to_center) / sizes
    gaps = np.sqrt(np.square(centers[:, np.newaxis] - centers).sum(axis=2))
    both = spread[:, np.newaxis] + spread
    ratios = np.full(gaps.shape, np.inf)
    np.divide(both, gaps, out=ratios, where=gaps > 0)
    # Two different points are as far apart as can be.
    ratios[(gaps > 0) & (both == 0)] = 0.0
    np.fill_diagonal(ratios, 0.0)
    return -ratios.max(axis=1).mean() / clustered.mean()


def _moments(Z, labels):
    """Sizes and centres of the clusters, and their sums of squares about them."""
    clustered = labels != NOISE
    rows, own = Z[clustered], labels[clustered]
    sizes = np.bincount(own)
    centers = np.empty((len(sizes), Z.shape[1]))
    for column in range(Z.shape[1]):
        centers[:, column] = np.bincount(own, weights=rows[:, column]) / sizes
    squares = np.square(rows - centers[own]).sum(axis=1)
    return sizes, centers, np.bincount(own, weights=squares)
