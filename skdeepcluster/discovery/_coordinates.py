"""Coordinates in which a mixture is fitted."""

import numpy as np

from ..base import FARTHEST, GlobalScaling


class Coordinates:
    """Centred columns over one scale, or each over its own.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct rows.
    weights : ndarray of shape (n_samples,)
        Their weights.
    by_column : bool
        Whether every column has its own scale; units do not matter then.
    """

    def __init__(self, rows, weights, by_column):
        self.scaling = GlobalScaling(rows, weights)
        self.spread = np.ones(rows.shape[1])
        if by_column:
            varies = rows.max(axis=0) > rows.min(axis=0)
            spread = np.sqrt(self.scaling.variance) / self.scaling.scale
            self.spread[varies] = spread[varies]
            self.spread[self.spread == 0] = 1.0

    def apply(self, rows):
        """Bring rows to these coordinates."""
        scaled = self.scaling.apply(rows)
        scaled /= self.spread
        return np.clip(scaled, -FARTHEST, FARTHEST, out=scaled)

    def undo_means(self, means, dtype=np.float64):
        """Bring means back to the units of the table."""
        return self.scaling.undo(means * self.spread, dtype)

    def undo_covariances(self, covariances):
        """Bring covariances or variances back to the units of the table."""
        unit = float(self.scaling.scale) * float(self.scaling.unit)
        spread = self.spread * unit
        with np.errstate(over="ignore", under="ignore"):
            if covariances.ndim == 2:
                return covariances * spread * spread
            return covariances * spread[:, np.newaxis] * spread

    @property
    def log_volume(self):
        """Log of the volume that one unit of volume has in the table."""
        unit = np.log(self.scaling.scale) + np.log(self.scaling.unit)
        return float(unit * len(self.spread) + np.log(self.spread).sum())
