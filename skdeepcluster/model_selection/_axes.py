"""The space in which clusterings of one table are compared."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from ..base import GlobalScaling, in_chunks

MAX_AXES = 20
# Squares of coordinates, and some powers of them, must stay in range.
LARGEST = 1e50


class TableAxes(TransformerMixin, BaseEstimator):
    """Standardised columns; of more than 20, their first principal axes.

    A row's coordinates do not depend on the rows beside it, and are finite
    whatever the row holds.
    """

    def fit(self, X, y=None):
        """Learn means, standard deviations and axes of finite rows."""
        self.scaling_ = GlobalScaling(X)
        Z = self.scaling_.apply(X)
        # Rounding makes no column of equal values vary.
        varies = X.max(axis=0) > X.min(axis=0)
        self.spread_ = np.where(varies, np.maximum(Z.std(axis=0), 1e-150), np.inf)
        self.axes_ = None
        if X.shape[1] > MAX_AXES:
            Z /= self.spread_
            _, axes = np.linalg.eigh(Z.T @ Z / len(Z))
            self.axes_ = np.ascontiguousarray(axes[:, : -MAX_AXES - 1 : -1])
        return self

    def transform(self, X):
        """Bring rows to these coordinates, in float64."""
        return in_chunks(self._apply, X)

    def _apply(self, X):
        with np.errstate(over="ignore"):
            Z = self.scaling_.apply(X) / self.spread_
        Z = np.clip(Z, -LARGEST, LARGEST)
        return Z if self.axes_ is None else Z @ self.axes_
