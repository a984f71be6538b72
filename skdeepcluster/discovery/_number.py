"""The rule behind ``n_novel="auto"``: the best silhouette."""

import numpy as np

from ..kernels.assignment import nearest_centers
from ..kernels.silhouette import mean_silhouettes
from ._kmeans import kmeans

MOST_NOVEL = 30
# The silhouette looks at every pair of rows.
SILHOUETTE_ROWS = 3000
N_STARTS = 3


def estimate_n_novel(rows, weights, rng):
    """Find the number of clusters that k-means separates best.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct unlabeled rows, scaled or embedded.
    weights : ndarray of shape (n_samples,)
        How many equal rows each one stands for.
    rng : numpy.random.Generator
        Draws the starts, and of many rows a sample.

    Returns
    -------
    int
        From 2 to 30, with the largest mean silhouette. The number of distinct
        rows where there are less than three.
    """
    rows, weights = sample_rows(rows, weights, SILHOUETTE_ROWS, rng)
    if len(rows) < 3:
        return len(rows)
    numbers = range(2, min(MOST_NOVEL, len(rows) - 1) + 1)
    partitions = [
        nearest_centers(rows, kmeans(rows, weights, number, rng, N_STARTS)[0])[0]
        for number in numbers
    ]
    scores = mean_silhouettes(rows, weights, np.array(partitions, dtype=np.int64))
    return numbers[int(scores.argmax())]


def sample_rows(rows, weights, size, rng):
    """Draw at most `size` rows without replacement, equal ones merged."""
    total = round(weights.sum())
    if total <= size:
        return rows, weights
    chosen = rng.choice(total, size, replace=False)
    places = np.searchsorted(np.cumsum(weights), chosen, side="right")
    counts = np.bincount(places, minlength=len(rows)).astype(np.float64)
    return np.ascontiguousarray(rows[counts > 0]), counts[counts > 0]
