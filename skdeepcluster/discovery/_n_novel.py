"""The rules behind ``n_novel="auto"``: the best silhouette."""

import numpy as np

from .._kmeans import kmeans
from .._labels import UNLABELED
from .._rows import distinct_rows
from ..kernels.kmeans import nearest_centers
from ..kernels.silhouettes import mean_silhouettes
from ._novel_centers import unlabeled_rows

MOST_NOVEL = 30
# The silhouette looks at every pair of rows.
SILHOUETTE_ROWS = 2000
# The largest total weight whose units are still told apart.
MOST_COUNTED = 2**53
N_STARTS = 3


def estimate_n_novel(X, codes, rng, weights=None):
    """Find the number of clusters that stand apart best beside the known classes.

    K-means cuts the unlabeled rows, and the silhouettes of all rows score the
    cut, each known class a cluster of its own: where clusters are too few, known
    classes are nearer to some of their rows than they are themselves; where they
    are too many, they are near each other.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype=float64
        Scaled or embedded rows.
    codes : ndarray of shape (n_samples,), dtype=int64
        Class of every row, from 0 on; -1 where unlabeled.
    rng : numpy.random.Generator
        Draws the starts, and of many rows a sample: 2000 unlabeled rows, and
        2000 labeled ones.
    weights : ndarray of shape (n_samples,), default=None
        Weights of the rows; None means 1 for all.

    Returns
    -------
    int
        From 1 to 30 where a class is known, otherwise from 2, with the largest mean
        silhouette. The number of distinct unlabeled rows where there are no more
        than that.
    """
    labeled = codes != UNLABELED
    # The classes last, so that their numbers do not matter to the draw.
    table = np.column_stack([X[labeled], codes[labeled]])
    of_known = None if weights is None else weights[labeled]
    known, of_known = sample_rows(*distinct_rows(table, of_known), SILHOUETTE_ROWS, rng)
    known_codes = known[:, -1].astype(np.int64)
    rows = unlabeled_rows(X, codes, weights)
    rows, weights = sample_rows(*rows, SILHOUETTE_ROWS, rng)
    first = 1 if len(known) else 2
    numbers = range(first, min(MOST_NOVEL, len(rows) - 1) + 1)
    if len(numbers) == 0:
        return len(rows)
    n_known = known_codes.max(initial=-1) + 1
    partitions = [
        np.append(known_codes, n_known + cut(rows, weights, number, rng))
        for number in numbers
    ]
    together = np.concatenate([known[:, :-1], rows])
    scores = mean_silhouettes(
        together, np.append(of_known, weights), np.array(partitions)
    )
    return numbers[int(scores.argmax())]


def estimate_in_embeddings(rows, weights, rng, select):
    """Find the number of clusters with the best silhouette, each in its own space.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct unlabeled rows.
    weights : ndarray of shape (n_samples,)
        How many equal rows each one stands for.
    rng : numpy.random.Generator
        Draws the starts, and of many rows a sample of 2000.
    select : callable
        ``select(rows, number)`` embeds the rows for so many clusters.

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
    scores = []
    for number in numbers:
        placed = select(rows, number)
        labels = cut(placed, weights, number, rng)
        apart = labels.max() > 0
        scores.append(
            mean_silhouettes(placed, weights, labels[np.newaxis])[0] if apart else -1.0
        )
    return numbers[int(np.argmax(scores))]


def cut(rows, weights, number, rng):
    """Cut rows into so many clusters by k-means; fewer where it finds fewer."""
    run = kmeans(rows, weights, number, rng, n_init=N_STARTS)
    centers = run.filled_centers(weights)
    return nearest_centers(rows, centers)[0].astype(np.int64)


def sample_rows(rows, weights, size, rng):
    """Draw at most `size` rows without replacement, equal ones merged."""
    # Weights need not be counts, and may be large ones.
    total = min(round(weights.sum()), MOST_COUNTED)
    if total <= size:
        return rows, weights
    chosen = rng.choice(total, size, replace=False)
    ends = np.cumsum(weights) * (total / weights.sum())
    drawn = np.minimum(np.searchsorted(ends, chosen, side="right"), len(rows) - 1)
    counts = np.bincount(drawn, minlength=len(rows)).astype(np.float64)
    return np.ascontiguousarray(rows[counts > 0]), counts[counts > 0]
