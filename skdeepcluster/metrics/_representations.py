"""How far two representations of the same rows hold the same."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import lars_path_gram
from sklearn.utils import Bunch, check_array, check_consistent_length

from .._scaling import TableScaling, varying_columns

# Columns of the other representation that may explain one, as in the paper.
MAX_EXPLAINING = 5


def representation_agreement(
    A: ArrayLike,
    B: ArrayLike,
    *,
    kind: Literal["one_to_one", "one_to_many", "subspace"] = "one_to_one",
) -> Any:
    """Score how far two representations of the same rows hold the same.

    Networks from two seeds, two encoders, or the memberships of two clusterings:
    which columns of one are found again in the other [1]_?

    Parameters
    ----------
    A, B : array-like of shape (n_samples, n_columns)
        The representations, of as many columns as they have. Units do not matter.
    kind : {"one_to_one", "one_to_many", "subspace"}, default="one_to_one"
        - "one_to_one": each column has at most one partner. Mean absolute
          correlation of the best matching.
        - "one_to_many": each column of `A` is predicted from at most five columns
          of `B` by a lasso. Mean share of variance that is explained.
        - "subspace": the spaces that the columns span. Mean squared canonical
          correlation.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        The agreement:

        score : float
            0 to 1; 1 where all of the smaller one is found again ("one_to_many":
            all of `A`).
        matching : list
            Pairs of a column of `A` and its partner in `B`, or, for
            "one_to_many", its list of columns of `B`; empty for "subspace".
        correlations : ndarray
            The correlations of all columns, of shape (n_columns_A, n_columns_B);
            the share of variance that is explained of each column of `A`; or the
            canonical correlations, largest first.

    Raises
    ------
    ValueError
        If the tables are not finite, differ in rows, or `kind` is not one of these.

    See Also
    --------
    rater_agreement : Agreement of partitions.

    Notes
    -----
    A column of one value correlates with nothing. O(n_samples * n_A * n_B) time,
    and O(max(n_A, n_B)^3) for the matching.

    References
    ----------
    .. [1] Y. Li, J. Yosinski, J. Clune, H. Lipson and J. Hopcroft (2016).
       "Convergent learning: do different neural networks learn the same
       representations?" International Conference on Learning Representations.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.metrics import representation_agreement
    >>> A = np.random.default_rng(0).normal(size=(50, 3))
    >>> found = representation_agreement(A, -A[:, [2, 0, 1]])
    >>> round(found.score, 3), found.matching
    (1.0, [(0, 1), (1, 2), (2, 0)])
    """
    if kind not in _KINDS:
        raise ValueError(f"kind={kind!r} is not one of {', '.join(_KINDS)}.")
    A, B = (check_array(table, dtype=np.float64) for table in (A, B))
    check_consistent_length(A, B)
    score, matching, correlations = _KINDS[kind](_standardised(A), _standardised(B))
    return Bunch(score=float(score), matching=matching, correlations=correlations)


def _standardised(X):
    """Columns of mean 0 and length 1; of length 0 where there is one value only."""
    Z = TableScaling(X, by_column=True).transform(X) / np.sqrt(len(X))
    return Z * varying_columns(X)


def _one_to_one(A, B):
    correlations = np.clip(A.T @ B, -1, 1)
    strengths = np.abs(correlations)
    rows, columns = linear_sum_assignment(strengths, maximize=True)
    matching = list(zip(rows.tolist(), columns.tolist(), strict=True))
    return strengths[rows, columns].mean(), matching, correlations


def _one_to_many(A, B):
    gram, products = B.T @ B, B.T @ A
    explained, matching = np.zeros(A.shape[1]), []
    for j, column in enumerate(A.T):
        _, _, path = lars_path_gram(
            products[:, j],
            gram,
            n_samples=len(A),
            max_iter=MAX_EXPLAINING,
            method="lasso",
        )
        weights = path[:, -1]
        matching.append((j, np.flatnonzero(weights).tolist()))
        if column.any():
            residual = column - B @ weights
            explained[j] = max(0.0, 1 - residual @ residual / (column @ column))
    return explained.mean(), matching, explained


def _subspace(A, B):
    first, second = (_orthonormal(table) for table in (A, B))
    if first.shape[1] == 0 or second.shape[1] == 0:
        return 0.0, [], np.empty(0)
    canonical = np.linalg.svd(first.T @ second, compute_uv=False).clip(0, 1)
    return np.mean(canonical**2), [], canonical


def _orthonormal(X):
    """An orthonormal basis of what the columns span."""
    left, lengths, _ = np.linalg.svd(X, full_matrices=False)
    threshold = max(X.shape) * np.finfo(np.float64).eps * lengths.max(initial=0.0)
    return left[:, lengths > threshold]


_KINDS = {
    "one_to_one": _one_to_one,
    "one_to_many": _one_to_many,
    "subspace": _subspace,
}
