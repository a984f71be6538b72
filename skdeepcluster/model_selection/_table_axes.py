"""The space in which clusterings of one table are compared."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from .._scaling import TableScaling, varying_columns

MAX_AXES = 20
# Squares of coordinates, and some powers of them, must stay in range.
LARGEST = 1e50


class TableAxes(TransformerMixin, BaseEstimator):
    """Standardised columns that vary; of more than 20, the first principal axes.

    A row's coordinates do not depend on the rows beside it, and are finite
    whatever the row holds.

    Parameters
    ----------
    scale : bool, default=True
        Whether each column is divided by its own standard deviation; otherwise all
        are by one number.
    """

    def __init__(self, scale=True):
        self.scale = scale

    def fit(self, X, y=None):
        """Learn means, standard deviations and axes of finite rows."""
        columns = varying_columns(X)
        if not columns.any():
            columns[0] = True
        self.scaling_ = TableScaling(
            X, by_column=self.scale, max_axes=MAX_AXES, columns=columns
        )
        return self

    def transform(self, X):
        """Bring rows to these coordinates, in float64."""
        return np.clip(self.scaling_.transform(X), -LARGEST, LARGEST)
