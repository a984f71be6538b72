"""The rule behind ``n_novel="auto"``: the best silhouette."""

import numpy as np

from ..kernels.assignment import nearest_centers
from ..kernels.silhouette import mean_silhouettes
from ._kmeans import kmeans

MOST_NOVEL = 30
# The silhouette looks at every pair of rows.
SILHOUETTE_ROWS = 2000
N_STARTS = 3


def estimate_n_novel(rows, weights, rng, select=None):
    """Find the number of clusters that k-means separates best.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct unlabeled rows, scaled or embedded.
    weights : ndarray of shape (n_samples,)
        How many equal rows each one stands for.
    rng : numpy.random.Generator
        Draws the starts, and of many rows a sample.
    select : callable, default=None
        ``select(rows, number)`` places the rows where so many clusters are to be
        found; None takes them as they are.

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
    scores = np.full(len(numbers), -np.inf)
    together = []
    for place, number in enumerate(numbers):
        placed = rows if select is None else select(rows, number)
        centers = kmeans(placed, weights, number, rng, N_STARTS)[0]
        labels = nearest_centers(placed, centers)[0].astype(np.int64)
        if select is None:
            together.append(labels)
        elif len(centers) > 1:
            scores[place] = mean_silhouettes(placed, weights, labels[np.newaxis])[0]
    if together:
        scores = mean_silhouettes(rows, weights, np.array(together))
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
