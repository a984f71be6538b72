"""Warnings that point at the user's line."""

import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning

# Frames in these folders are not the user's: this package, scikit-learn, and
# the standard library with whatever is installed below it (site-packages).
_INNER = (
    str(Path(__file__).parent),
    str(Path(sklearn.__file__).parent.parent),
    str(Path(warnings.__file__).parent),
)

# Rows that are far from all others, at most, and the share of the sum of squares
# that all others have beside them. Of fewer rows than the last no one is far.
MOST_FAR, HIDDEN_SHARE, FEWEST_ROWS = 0.01, 1e-3, 20
# Numbers that are looked at together.
CHUNK_NUMBERS = 1_000_000


def warn(message, category=ConvergenceWarning):
    """Warn at the first line of the call stack that is the user's own.

    Frames of this package and of installed libraries are passed over, so the
    line shown is the one that called ``fit``.
    """
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(_INNER):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level - (frame is None))


def warn_if_collapsed(n_found, n_clusters, hint):
    """Warn when fewer clusters hold rows than were asked for."""
    if n_found < n_clusters:
        warn(
            f"Only {n_found} of the {n_clusters} clusters asked for hold rows: the "
            f"others were left empty or merged. {hint}"
        )


def warn_of_singleton(labels, n_clusters):
    """Name a row that is a cluster of its own where rows are many."""
    alone = np.flatnonzero(np.bincount(labels) == 1)
    if len(alone) and len(labels) > 2 * n_clusters:
        row = int(np.flatnonzero(labels == alone[0])[0])
        warn(
            f"Row {row} is a cluster of its own: an outlier or too many clusters. "
            "Look at it, leave it out or ask for fewer clusters."
        )


def warn_of_far_rows(X, weights=None, names=None):
    """Name a row that hides how all others differ in a column.

    A unit error or a typing error of one row sets the scale of its column: beside
    it, all other rows are equal there.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Table.
    weights : ndarray of shape (n_samples,), default=None
        Weights; rows without one are passed over.
    names : ndarray of shape (n_features,), default=None
        Names of the columns.
    """
    rows = np.arange(len(X)) if weights is None else np.flatnonzero(weights)
    if len(rows) < FEWEST_ROWS:
        return
    n_near = len(rows) - max(1, int(len(rows) * MOST_FAR))
    step = max(1, CHUNK_NUMBERS // len(rows))
    for first in range(0, X.shape[1], step):
        # Halves: their differences do not leave the range of the dtype.
        part = X[rows, first : first + step].astype(np.float64) / 2
        away = np.abs(part - np.median(part, axis=0))
        away /= np.where(away.any(axis=0), away.max(axis=0), 1.0)
        squares = np.partition(away**2, n_near - 1, axis=0)
        near = squares[:n_near].sum(axis=0)
        hidden = (near > 0) & (near < HIDDEN_SHARE * squares.sum(axis=0))
        if hidden.any():
            column = int(hidden.argmax())
            row = int(rows[away[:, column].argmax()])
            column += first
            name = column if names is None else repr(str(names[column]))
            warn(
                f"Row {row} is so far from the others in column {name} that their "
                "differences there count for nothing. Correct it or leave it out, or "
                "take logarithms where a column spans powers of ten."
            )
            return
