"""What a mixture of densities answers: probabilities, densities, criteria, draws."""

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from ._gaussians import aic, bic
from ._validation import check_weights, draw_seed
from .kernels.gaussians import softmax_rows

# Rows whose densities under all components are held at once.
CHUNK_ROWS = 4096


def responsibilities(logs):
    """Probability of every component, from joint log densities, which are used up."""
    softmax_rows(logs)
    return logs


class MixtureMethods:
    """Methods of a clusterer whose clusters have densities.

    A subclass says the joint log densities of rows and clusters
    (:meth:`_log_joint`), what they are short of in units of the table
    (``_log_volume``), how many parameters are free (:meth:`_n_parameters`) and how
    rows are drawn (:meth:`_draw`).
    """

    # Log of the volume, in the units that densities are told in, of a unit of Z.
    _log_volume = 0.0

    def _by_chunks(self, Z, function):
        """Apply a function to the joint log densities of a few rows at a time."""
        results = None
        for start in range(0, len(Z), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            values = function(self._log_joint(Z[rows]))
            if results is None:
                results = np.empty((len(Z), *values.shape[1:]), dtype=values.dtype)
            results[rows] = values
        return results

    def _log_likelihoods(self, Z):
        """Log densities of the mixture at rows, in float64."""
        logs = self._by_chunks(Z, lambda logs: logsumexp(logs, axis=1))
        return logs - self._log_volume

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Give the probability of every cluster at each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_clusters)
            In the order of the cluster numbers, or of ``classes_`` where there are
            classes. Rows sum to 1; in the dtype of `X`.
        """
        Z = self._embed(X)
        shares = self._by_chunks(Z, responsibilities)
        return shares.astype(Z.dtype, copy=False)

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Log density of the mixture at each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        log_densities : ndarray of shape (n_samples,)
            In nats, in the dtype of `X`. The units of the density are named in the
            notes of the class.
        """
        Z = self._embed(X)
        limits = np.finfo(Z.dtype)
        return np.clip(self._log_likelihoods(Z), limits.min, limits.max).astype(Z.dtype)

    def score(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Mean log density of the mixture at the rows of a table.

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
            Mean of :meth:`score_samples`; the higher the better.
        """
        Z = self._embed(X)
        weights = check_weights(sample_weight, Z)
        return float(np.average(self._log_likelihoods(Z), weights=weights))

    def bic(self, X: ArrayLike) -> float:
        """Bayesian information criterion of the mixture on a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        bic : float
            The lower the better.
        """
        logs = self._log_likelihoods(self._embed(X))
        return bic(logs.sum(), self._n_parameters(), len(logs))

    def aic(self, X: ArrayLike) -> float:
        """Akaike information criterion of the mixture on a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        aic : float
            The lower the better.
        """
        logs = self._log_likelihoods(self._embed(X))
        return aic(logs.sum(), self._n_parameters())

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: int | np.random.RandomState | None = None,
    ) -> tuple[Any, NDArray[Any]]:
        """Draw rows from the mixture.

        Parameters
        ----------
        n_samples : int, default=1
            Rows wanted.
        random_state : int, RandomState instance or None, default=None
            Seed of the draw. None takes that of the estimator, where it has one,
            and otherwise another one at each call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features_in_)
            Rows, cluster by cluster, in the units of the table, decoded where there
            is an encoder. Columns that were not clustered have the mean of the
            cluster.
        y : ndarray of shape (n_samples,)
            Cluster that each was drawn from.

        Raises
        ------
        ValueError
            If `n_samples` is not a positive integer, or no density was fitted.
        AttributeError
            If the encoder has no ``inverse_transform``.
        """
        check_is_fitted(self)
        validate_parameter_constraints(
            {"n_samples": [Interval(Integral, 1, None, closed="left")]},
            {"n_samples": n_samples},
            caller_name="sample",
        )
        if random_state is None:
            random_state = getattr(self, "random_state", None)
        rng = np.random.default_rng(draw_seed(random_state))
        Z, labels = self._draw(int(n_samples), rng)
        return Z if self.encoder is None else self.encoder_.inverse_transform(Z), labels
