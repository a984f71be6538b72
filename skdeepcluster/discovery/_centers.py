"""The frame of the k-means family: classes are centres, in one scale for the table."""

from typing import NamedTuple

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from .._validation import check_weights
from ..kernels.soft_assignment import pairwise_squared_distances
from ._base import WeightedDiscovery, scaled_training
from ._novel_centers import Centers


class CenterFit(NamedTuple):
    """Centres of the known and of the novel classes.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,), dtype=int64
        Class of every row.
    known : ndarray of shape (n_known, n_features)
        Centres of the known classes.
    novel : ndarray of shape (n_novel, n_features)
        Centres of the novel ones, the largest first.
    inertia : float
        Weighted sum of the squared distances that were made small.
    spread : float
        Mean squared distance of the unlabeled rows to their centres.
    n_iter : int
        Steps of the best start.
    converged : bool
        Whether it ended before the last step allowed.
    """

    codes: np.ndarray
    known: np.ndarray
    novel: np.ndarray
    inertia: float
    spread: float
    n_iter: int
    converged: bool


class CenterDiscovery(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, WeightedDiscovery
):
    """Frame of the estimators whose classes are centres.

    The result of :meth:`_fit_discovery` is a :class:`CenterFit`.
    """

    # Whether `predict` answers known classes, where no parameter says so.
    predict_known = True

    def _prepare(self, Z, known, weights):
        return scaled_training(Z, known, weights, self.random_state)

    def _publish(self, training, result):
        super()._publish(training, result)
        self._centers = Centers(result.known, result.novel, self.predict_known)
        self._n_features_out = len(self._centers.all)
        scaling = self._scaling = training.scaling
        centers = scaling.inverse_transform(self._centers.all, training.dtype)
        self._set_cluster_centers(centers)
        self.inertia_ = scaling.inverse_squares(result.inertia)
        self.temperature_ = result.spread or 1.0
        self.n_iter_ = result.n_iter
        self.converged_ = result.converged

    def _predict_codes(self, Z):
        return self._centers.nearest(self._scaling.transform(Z))[0]

    def predict_proba(self, X):
        """Soft assignment of rows to classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known + n_novel_)
            Softmax of the negative squared distances over ``temperature_``, in
            the order of ``classes_``; 0 for known classes where
            `predict_known=False` rules them out. Rows sum to 1; in the dtype of
            `X`.
        """
        Z = self._embed(X)
        scaled = self._scaling.transform(Z)
        return self._centers.probabilities(scaled, self.temperature_).astype(Z.dtype)

    def transform(self, X):
        """Distances of rows to the centres of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_known + n_novel_)
            Euclidean distances, in the order of ``classes_``, in the units of the
            table, or of what the encoder made of it; in the dtype of `X`.
        """
        Z = self._embed(X)
        squares = pairwise_squared_distances(
            self._scaling.transform(Z), self._centers.all
        )
        unit = float(self._scaling.scale) * float(self._scaling.unit)
        largest = np.finfo(Z.dtype).max
        with np.errstate(over="ignore"):
            return np.minimum(np.sqrt(squares) * unit, largest).astype(Z.dtype)

    def score(self, X, y=None, sample_weight=None):
        """Negative inertia of a table: the higher, the nearer are rows to centres.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None means 1 for all.

        Returns
        -------
        score : float
            Minus the weighted sum of squared distances to the nearest centres that
            `predict` may answer, in squared units of the table.
        """
        Z = self._embed(X)
        weights = check_weights(sample_weight, Z)
        squares = self._centers.nearest(self._scaling.transform(Z))[1]
        total = squares.sum() if weights is None else weights @ squares
        return -self._scaling.inverse_squares(total)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
