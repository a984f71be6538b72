"""The clusterers that vote: the default ones, and what each says of any row."""

import warnings

import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.mixture import GaussianMixture

from ._candidates import rows_checked_for
from ._fitted import NOISE, extend_labels, labels_of
from ._n_clusters import number_parameter

N_NEIGHBORS = 10


class NeighborSpectral(SpectralClustering):
    """Spectral clustering of the graph of nearest neighbours, which is not kept."""

    def fit(self, X, y=None):
        """Find the clusters of a table."""
        with warnings.catch_warnings():
            # That the graph falls into parts is what is looked for.
            warnings.filterwarnings("ignore", "Graph is not fully connected")
            super().fit(X)
        vars(self).pop("affinity_matrix_", None)
        return self


def default_members(n_clusters, n_distinct, n_rows):
    """List the default members, by name; only scikit-learn is needed.

    Parameters
    ----------
    n_clusters : int
        Number of clusters.
    n_distinct, n_rows : int
        Numbers of distinct rows and of all.

    Returns
    -------
    members : list of (str, estimator)
        k-means alone where every distinct row is a cluster.
    """
    members = [("kmeans", KMeans(n_clusters, n_init=10))]
    if n_distinct <= n_clusters:
        return members
    neighbors = min(N_NEIGHBORS, n_rows)
    return [
        *members,
        ("tied", GaussianMixture(n_clusters, covariance_type="tied", n_init=3)),
        ("full", GaussianMixture(n_clusters, reg_covar=1e-3)),
        ("ward", AgglomerativeClustering(n_clusters)),
        (
            "spectral",
            NeighborSpectral(
                n_clusters, affinity="nearest_neighbors", n_neighbors=neighbors
            ),
        ),
    ]


def with_number(estimator, n_clusters):
    """Set the number of clusters of an estimator that has such a parameter."""
    known = estimator.get_params()
    if {"min_clusters", "max_clusters"} <= set(known):
        return estimator.set_params(min_clusters=n_clusters, max_clusters=n_clusters)
    try:
        return estimator.set_params(**{number_parameter(estimator): n_clusters})
    except ValueError:
        return estimator


class Member:
    """A fitted clusterer, and the number of its cluster for any row.

    Parameters
    ----------
    model : object
        Fitted.
    rows : ndarray of shape (n_rows, n_features)
        What it was fitted on.
    places : ndarray of shape (n_rows, n_axes)
        Where these rows lie.
    """

    def __init__(self, model, rows, places):
        self.model = model
        self.known = None
        if hasattr(model, "predict"):
            self.raw = np.unique(self._predicted(rows))
        else:
            self.known = places, labels_of(model, rows)
            self.raw = np.arange(self.known[1].max(initial=NOISE) + 1)
        if self.raw.dtype.kind in "iu":
            self.raw = self.raw[self.raw >= 0]

    def _predicted(self, rows):
        with rows_checked_for(self.model):
            return np.asarray(self.model.predict(rows))

    def codes(self, rows, places):
        """Clusters of rows, numbered from 0; -1 is noise, and what fit did not see.

        By ``predict`` or, where there is none, that of the nearest row of fit.
        """
        if self.known is None:
            labels = self._predicted(rows)
        else:
            labels = extend_labels(*self.known, places)
        if len(self.raw) == 0:
            return np.full(len(labels), NOISE)
        found = np.searchsorted(self.raw, labels).clip(max=len(self.raw) - 1)
        return np.where(self.raw[found] == labels, found, NOISE)
