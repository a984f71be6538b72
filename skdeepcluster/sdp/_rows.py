"""What both estimators do with rows before and after the mathematics."""

import numpy as np

from ..base import GlobalScaling, lexicographic_order


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
        self.scaling = GlobalScaling(rows, self.weights)
        self.rows = self.scaling.apply(rows)


def squared_unit(scaling):
    """Square of a scaled table's unit; infinite where it overflows."""
    # Of Python floats, which go to infinity without a warning.
    unit = float(scaling.scale) * float(scaling.unit)
    return unit * unit
