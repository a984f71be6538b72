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
