"""The rows of any table as numbers with names, for those who describe clusters."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import _get_feature_names

from .._labels import missing

# A level held by fewer than one row in a hundred, or past the twentieth, says
# nothing of a cluster.
MIN_LEVEL_SHARE, MAX_LEVELS = 0.01, 20


def named_table(X, labels, feature_names=None):
    """Check rows, their labels and the names of the columns.

    Returns
    -------
    X : ndarray of shape (n_samples, n_written)
        Rows, NaN where the cell is missing. A column of text or categories becomes
        one of zeros and ones for each level; dates and empty columns are left out.
    labels : ndarray of shape (n_samples,)
        Label of each.
    names : list of str
        Name of each column, "column = level" for a level.
    """
    names = _get_feature_names(X) if feature_names is None else list(feature_names)
    is_frame = hasattr(X, "columns") and hasattr(X, "dtypes")
    if not is_frame:
        X = _checked(X)
    if names is None:
        names = [f"feature {j}" for j in range(X.shape[1])]
    if len(names) != X.shape[1]:
        raise ValueError(
            f"feature_names has {len(names)} names for the {X.shape[1]} columns of X."
        )
    if is_frame:
        X, names = _as_numbers(X, names)
        X = _checked(X)
    labels = column_or_1d(labels)
    check_consistent_length(X, labels)
    kept = np.flatnonzero(~np.isnan(X).all(axis=0))
    if not kept.size:
        raise ValueError("All numbers of X are missing.")
    return X[:, kept], labels, [str(names[j]) for j in kept]


def _checked(X):
    return check_array(X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")


def _as_numbers(frame, names):
    """Write the columns of a frame as numbers, those of categories level by level."""
    written, written_names = [], []
    for j, name in enumerate(names):
        cells = frame.iloc[:, j] if hasattr(frame, "iloc") else frame[:, j]
        values = np.asarray(cells)
        if values.dtype.kind in "mM":
            continue
        numbers = _numbers_of(values)
        if numbers is not None:
            written.append(numbers)
            written_names.append(name)
            continue
        for level, is_level in _levels_of(values):
            written.append(is_level)
            written_names.append(f"{name} = {level}")
    if not written:
        raise ValueError("X has no column of numbers or categories to describe.")
    return np.column_stack(written), written_names


def _numbers_of(values):
    """Turn a column into numbers, missing ones NaN; None where it holds others."""
    if values.dtype.kind in "fiubc":
        return values
    numbers, there = np.full(len(values), np.nan), ~missing(values)
    try:
        numbers[there] = values[there].astype(np.float64)
    except (TypeError, ValueError):
        return None
    return numbers


def _levels_of(values):
    """Yield the frequent levels of a column, in order, and the rows of each."""
    gaps = missing(values)
    levels = np.array([str(value) for value in values])
    distinct, sizes = np.unique(levels[~gaps], return_counts=True)
    frequent = np.argsort(-sizes, kind="stable")[:MAX_LEVELS]
    frequent = frequent[sizes[frequent] >= MIN_LEVEL_SHARE * len(levels)]
    for level in distinct[np.sort(frequent)]:
        yield level, np.where(gaps, np.nan, levels == level)
