"""What both estimators do with rows before and after the mathematics."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._rows import lexicographic_order
from .._scaling import TableScaling


class ScaledRows:
    """Distinct rows of a table in value order, centred and of unit spread.

    Nothing that is computed from them depends on the order of the rows.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Finite table.
    """

    def __init__(self, Z):
        order, is_first = lexicographic_order(Z)
        self.inverse = np.empty(len(Z), dtype=np.intp)
        self.inverse[order] = np.cumsum(is_first) - 1
        rows = Z[order[is_first]]
        self.weights = np.bincount(self.inverse).astype(np.float64)
        self.scaling = TableScaling(rows, self.weights)
        self.rows = self.scaling.transform(rows)


def squared_unit(scaling):
    """Square of a scaled table's unit; infinite where it overflows."""
    # Of Python floats, which go to infinity without a warning.
    unit = float(scaling.scale) * float(scaling.unit)
    return unit * unit


def warn_if_alone(labels, n_clusters):
    """Name a row that is a cluster of its own where rows are many."""
    alone = np.flatnonzero(np.bincount(labels) == 1)
    if len(alone) and len(labels) > 2 * n_clusters:
        row = int(np.flatnonzero(labels == alone[0])[0])
        warnings.warn(
            f"Row {row} is a cluster of its own: an outlier or too many clusters. "
            "Look at it, leave it out or ask for fewer clusters.",
            ConvergenceWarning,
            stacklevel=5,
        )
