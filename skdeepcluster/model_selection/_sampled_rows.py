"""The rows that searches over clusterers fit: in range, in order, not too many."""

import numpy as np

from .._rows import distinct_rows
from .._scaling import power_of_two
from .._validation import largest_entry


def unit_of_squares(Z):
    """Power of two to divide rows by whose squares would be infinite, otherwise 1.

    scikit-learn's clusterers square distances; HDBSCAN dies of infinite ones.
    """
    safe = 1e-4 * np.sqrt(float(np.finfo(Z.dtype).max))
    return power_of_two(Z) if largest_entry(Z) > safe else 1.0


def in_unit(Z, unit):
    """Divide rows by the unit of `unit_of_squares`."""
    if unit == 1:
        return Z
    # In float64: the unit may lie beyond the rows' own dtype.
    return np.multiply(Z, 1 / unit, dtype=np.float64).astype(Z.dtype)


def rows_to_fit(Z, max_samples, seed):
    """Draw the rows that clusterers are fitted on.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Table.
    max_samples : int
        Most rows.
    seed : int
        Decides which distinct rows are drawn, where there are more.

    Returns
    -------
    sample : ndarray of shape (n_rows, n_features)
        In lexicographic order; equal rows as often as they are in the table, unless
        that were too many.
    n_distinct : int
        Number of distinct rows among them.
    """
    rows, weights = distinct_rows_to_fit(Z, max_samples, seed)
    sample = np.repeat(rows, weights.astype(np.intp), axis=0)
    return (rows if len(sample) > max_samples else sample), len(rows)


def distinct_rows_to_fit(Z, max_samples, seed):
    """The distinct ones among these rows, and how often the table has each."""
    rows, weights = distinct_rows(Z)
    if len(rows) <= max_samples:
        return rows, weights
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(len(rows), max_samples, replace=False))
    return rows[drawn], weights[drawn]
