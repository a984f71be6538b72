"""Partial labels: known classes, and rows that have none.

This module decides what marks an unlabeled row, what a class may be called, and
how the clusters found beside the known classes are named, for every estimator
that takes partial labels.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from ._fitted_state import check_arrays, check_indices
from ._warnings import warn

UNLABELED = -1
_ADVICE = "Mark unlabeled rows by -1, None or NaN."
# Strings that often stand for no value, in lower case and without spaces around.
_LIKE_MISSING = frozenset(
    ("", "-1", "-1.0", "nan", "na", "n/a", "<na>", "none", "null", "nat", "?", "-")
)


class PartialLabels:
    """A partly labeled target, as codes.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        Classes; the number -1 or a missing value where a row has none. None
        means that no row has one.
    X : ndarray of shape (n_samples, n_features)
        The table that the labels belong to.

    Attributes
    ----------
    classes : ndarray of shape (n_known,)
        Known classes, sorted.
    codes : ndarray of shape (n_samples,), dtype=int64
        Index of a row's class in `classes`, -1 where a row has none.

    Raises
    ------
    ValueError
        If `y` is of another length than `X`, or holds what cannot be a class.
    """

    def __init__(self, y, X):
        if y is None:
            self.classes = np.empty(0, dtype=np.int64)
            self.codes = np.full(len(X), UNLABELED)
            return
        y = _as_column(y)
        check_consistent_length(X, y)
        labeled = ~(missing(y) | _minus_one_among_strings(y))
        values = _values_of_classes(y[labeled])
        if values.dtype.kind == "i":
            if np.any(values < UNLABELED):
                raise ValueError(
                    f"y holds the label {values.min()}, below -1: known classes are "
                    "integers from 0, and -1 marks an unlabeled row."
                )
            labeled[labeled] = values != UNLABELED
            values = values[values != UNLABELED]
        self.classes, codes = np.unique(values, return_inverse=True)
        self.codes = np.full(len(y), UNLABELED)
        self.codes[labeled] = codes
        # Integer names of novel clusters must not leave the integers.
        if self._integers and self.n_known and self.classes[-1] > 2**62:
            raise ValueError(
                f"y holds the class {self.classes[-1]}, too large to number novel "
                "classes after it: give smaller integers, or strings."
            )

    def _check_state(self):
        check_arrays(
            "PartialLabels",
            classes=(self.classes, "iOU", "k"),
            codes=(self.codes, "i", "n"),
        )
        check_indices("PartialLabels", self.n_known, codes=self.codes[self.labeled])

    @property
    def _integers(self):
        return self.classes.dtype.kind == "i"

    @property
    def n_known(self):
        """Number of known classes."""
        return len(self.classes)

    @property
    def labeled(self):
        """Whether a row has a class."""
        return self.codes != UNLABELED

    @property
    def n_unlabeled(self):
        """Number of rows without a class."""
        return int(np.count_nonzero(~self.labeled))

    def warn_if_unlikely(self):
        """Say what was understood where labels look like something different.

        Warns
        -----
        UserWarning
            If a class is a string that often marks a missing value, or every
            labeled row has a number of its own, as in a regression.
        """
        names, n_labeled = self.classes.tolist(), len(self.codes) - self.n_unlabeled
        like_missing = [
            repr(name)
            for name in names
            if isinstance(name, str) and name.strip().lower() in _LIKE_MISSING
        ]
        if like_missing:
            warn(
                f"y holds the string {', '.join(like_missing)}, which was taken as "
                "the name of a known class. If it means that a row has no class, "
                "write None, NaN or the number -1 instead.",
                UserWarning,
            )
        if names and isinstance(names[0], float) and len(names) == n_labeled > 1:
            warn(
                f"y holds {n_labeled} different numbers that are not whole, and each "
                "was taken as a class of one row. If y is a quantity, cut it into "
                "classes or leave it out.",
                UserWarning,
            )

    def novel_names(self, n_novel):
        """Name novel clusters such that no known class has the name.

        Integers count on from the largest known class. Other classes are joined
        by ``novel_0``, ``novel_1`` and so on, names already taken skipped.
        """
        if self._integers:
            first = self.classes[-1] + 1 if self.n_known else 0
            return np.arange(first, first + n_novel, dtype=np.int64)
        taken = {str(name) for name in self.classes}
        names, number = [], 0
        while len(names) < n_novel:
            if f"novel_{number}" not in taken:
                names.append(f"novel_{number}")
            number += 1
        kind = self.classes.dtype if self.classes.dtype.kind == "O" else str
        return np.array(names, dtype=kind)


def has_unlabeled(y):
    """Say whether a target marks a row as one without a class.

    A clusterer is often given the classes that its clusters are compared with:
    only what is marked so is a partial label.
    """
    if y is None:
        return False
    y = _as_column(y)
    if y.dtype.kind == "O":
        unlabeled = [isinstance(v, Integral) and v == UNLABELED for v in y]
        return bool(np.any(unlabeled) or missing(y).any())
    return bool(missing(y).any() or (y.dtype.kind == "i" and (y == UNLABELED).any()))


def _as_column(y):
    """Bring labels of any container to a 1-D array, missing values kept."""
    if hasattr(y, "to_numpy") and not isinstance(y, np.ndarray):
        plain = np.asarray(y)
        # Beside a gap, numpy makes floats of integers, which lump the large ones.
        y = np.array(_as_list(y), dtype=object) if plain.dtype.kind == "f" else plain
    if not isinstance(y, np.ndarray):
        # Through objects, so that [1, None] and ["a", nan] stay what they are.
        plain = np.asarray(y)
        y = plain if plain.dtype.kind in "iub" else np.asarray(y, dtype=object)
    if isinstance(y, np.ma.MaskedArray):
        plain = y.data.astype(object)
        plain[np.ma.getmaskarray(y)] = None
        y = plain
    return column_or_1d(y)


def _as_list(y):
    """Python's objects of a Series or array of whatever library."""
    names = ("to_list", "to_pylist", "tolist")
    return next(getattr(y, name) for name in names if hasattr(y, name))()


def _minus_one_among_strings(y):
    """Mask of the numbers -1 where all other labels are strings."""
    marks = np.zeros(len(y), dtype=bool)
    if y.dtype.kind == "O":
        numbers = np.array([isinstance(value, Real) for value in y], dtype=bool)
        marks[numbers] = y[numbers] == UNLABELED
        others = y[~marks & ~missing(y)]
        if not (others.size and all(isinstance(value, str) for value in others)):
            marks[:] = False
    return marks


def missing(y):
    """Say where a value is missing: None, NaN, NaT, pandas' NA."""
    if y.dtype.kind == "f":
        return np.isnan(y)
    if y.dtype.kind == "O":
        return np.array([_is_missing(value) for value in y], dtype=bool)
    return np.zeros(len(y), dtype=bool)


def _is_missing(value):
    # pandas' NA is equal to nothing and has no truth value; its type is looked
    # at by name, since a user without pandas need not load it.
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, Real) and bool(value != value))
    )


def _values_of_classes(values):
    """Bring the labels that are there to int64, or to names of one kind."""
    if values.dtype.kind == "O":
        return _values_of_objects(values)
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind in "iu":
        if values.size and values.max() > np.iinfo(np.int64).max:
            raise ValueError(f"y holds {values.max()}, which no int64 can hold.")
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        return _values_of_floats(values)
    if values.dtype.kind == "U":
        return values
    raise ValueError(f"Unknown label type: {values.dtype}. {_ADVICE}")


def _values_of_floats(values):
    if not np.all(np.isfinite(values)):
        raise ValueError(f"y holds infinity, which is no class. {_ADVICE}")
    whole = values == np.floor(values)
    if np.all(whole):
        if np.any(np.abs(values) > 2.0**53):
            raise ValueError(
                f"y holds the float {np.abs(values).max():.0f}: beyond 2**53 floats "
                "lump neighbouring integers. Give integers, or strings."
            )
        return values.astype(np.int64)
    return values.astype(object)


def _values_of_objects(values):
    if all(isinstance(value, str) for value in values):
        # Nothing labeled: an empty column is one of integers.
        return values if values.size else np.empty(0, dtype=np.int64)
    if all(isinstance(value, (Integral, np.bool_)) for value in values):
        try:
            return values.astype(np.int64)
        except OverflowError as error:
            raise ValueError("y holds an integer that no int64 can hold.") from error
    if all(isinstance(value, (Real, np.bool_)) for value in values):
        return _values_of_floats(values.astype(np.float64))
    kinds = sorted({type(value).__name__ for value in values})
    raise ValueError(
        f"Unknown label type: y holds values of the types {', '.join(kinds)}; classes "
        f"are either all numbers or all strings. {_ADVICE}"
    )
