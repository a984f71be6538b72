"""How far a table falls into groups, without labels: lengths of a spanning tree."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_array

from .._scaling import power_of_two, unit_length
from ..kernels.spanning_tree import spanning_tree

MIN_ROWS = 3


def class_separability(
    X: ArrayLike,
    *,
    kind: Literal["variation", "entropy", "mean", "median"] = "variation",
    max_samples: int = 1000,
    n_repeats: int = 5,
    n_null: int = 20,
    random_state: int | None = None,
) -> Any:
    """Score how far rows fall into groups, without labels or a partition.

    The rows are centred and brought to length 1, and connected at growing
    distances: the distances at which two parts become one, the zero-dimensional
    persistence of the Vietoris-Rips filtration, are the edge lengths of the
    minimum spanning tree. A few edges much longer than the rest speak for
    groups. The idea is that of [1]_; the four scores here are this package's
    own, since the formula of the paper is not reproduced.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        At least 3 rows. Columns of different units are standardised first.
    kind : {"variation", "entropy", "mean", "median"}, default="variation"
        What is made of the edge lengths: their coefficient of variation (not
        bounded); 1 less their normalised entropy; 1 less their mean, or median,
        over the largest (all three in 0 to 1). 0 where all are equal.
    max_samples : int, default=1000
        Rows drawn from a larger table.
    n_repeats : int, default=5
        Draws from a larger table.
    n_null : int, default=20
        Tables with the same columns, each shuffled by itself, that say what the
        score would be without joint structure; 0 for none.
    random_state : int or numpy.random.Generator, default=None
        Decides the draws. None draws other ones at each call.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        What was found:

        score : float
            Mean over the draws.
        standard_error : float
            Of that mean; 0 where no rows were drawn.
        null_mean, null_std : float
            Of the shuffled tables; NaN without any.
        z : float
            ``(score - null_mean) / null_std``; 0 where the shuffled tables all
            score alike, NaN without any.
        lengths : ndarray of shape (min(n_samples, max_samples) - 1,)
            Edge lengths of the first draw, the longest first.

    Raises
    ------
    ValueError
        If `X` has fewer than 3 rows or is not finite, or `kind` is not known.

    Notes
    -----
    The score depends on the numbers of rows and of columns: compare scores of
    tables of equal shape, or ``z``. A table that collapsed to a few points
    scores best of all: look at the share of ``lengths`` that are 0 as well.
    Groups that are not convex, such as two rings, are not seen. Use it beside
    other criteria.

    O(max_samples² · n_features) time for each of the n_repeats + n_null trees,
    and memory for a copy of the drawn rows.

    References
    ----------
    .. [1] K. Gourgoulias, N. Ghalyan, M. Labonne, Y. Satsangi, S. Moran and
       J. Sabelja (2024). "Estimating class separability of text embeddings with
       persistent homology." Transactions on Machine Learning Research.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster.metrics import class_separability
    >>> near, _ = make_blobs(200, 5, cluster_std=4.0, random_state=0)
    >>> far, _ = make_blobs(200, 5, cluster_std=0.5, random_state=0)
    >>> found = [class_separability(X, random_state=0) for X in (near, far)]
    >>> found[0].z < found[1].z
    True
    """
    if kind not in _KINDS:
        raise ValueError(f"kind={kind!r} is not one of {', '.join(_KINDS)}.")
    X = check_array(X, dtype=np.float64, ensure_min_samples=MIN_ROWS)
    # A power of two keeps squares in range and changes no digit.
    X = X / power_of_two(X)
    rng = np.random.default_rng(random_state)
    if len(X) <= max_samples:
        draws = [X]
    else:
        draws = [
            X[np.sort(rng.choice(len(X), max_samples, replace=False))]
            for _ in range(n_repeats)
        ]
    lengths = [_edge_lengths(rows) for rows in draws]
    scores = [_KINDS[kind](values) for values in lengths]
    null = []
    for number in range(n_null):
        shuffled = rng.permuted(draws[number % len(draws)], axis=0)
        null.append(_KINDS[kind](_edge_lengths(shuffled)))
    error = np.std(scores, ddof=1) / np.sqrt(len(scores)) if len(scores) > 1 else 0.0
    return Bunch(
        score=float(np.mean(scores)),
        standard_error=float(error),
        **_calibrated(float(np.mean(scores)), null),
        lengths=lengths[0],
    )


def _calibrated(score, null):
    """Compare a score with those of shuffled tables."""
    if not null:
        return {"null_mean": np.nan, "null_std": np.nan, "z": np.nan}
    mean, std = float(np.mean(null)), float(np.std(null))
    # Rounding alone is no deviation, as for a single column.
    z = (score - mean) / std if std > 1e-12 * max(abs(mean), 1.0) else 0.0
    return {"null_mean": mean, "null_std": std, "z": z}


def _edge_lengths(X):
    """Edge lengths of the tree of centred rows of length 1, the longest first."""
    _, lengths = spanning_tree(unit_length(X - X.mean(axis=0)))
    return -np.sort(-lengths)


def _variation(lengths):
    mean = lengths.mean()
    return float(lengths.std() / mean) if mean > 0 else 0.0


def _entropy(lengths):
    total = lengths.sum()
    if total == 0:
        return 0.0
    shares = lengths[lengths > 0] / total
    return float(1 + (shares * np.log(shares)).sum() / np.log(len(lengths)))


def _below_largest(average):
    def score(lengths):
        largest = lengths.max()
        return float(1 - average(lengths) / largest) if largest > 0 else 0.0

    return score


_KINDS = {
    "variation": _variation,
    "entropy": _entropy,
    "mean": _below_largest(np.mean),
    "median": _below_largest(np.median),
}
