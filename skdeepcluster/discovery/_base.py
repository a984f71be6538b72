"""The frame of the discovery estimators: ``fit(X, y)`` with partial labels."""

from abc import abstractmethod

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from .._labels import PartialLabels
from .._validation import check_table, check_weights
from ..base import BaseClusterer, unchanged_on_error


class DiscoveryEstimator(BaseClusterer):
    """Frame of the estimators that find new classes beside known ones.

    A subclass clusters in :meth:`_fit_codes` and labels further rows in
    :meth:`_predict_codes`. Both speak in codes: 0 to n_known - 1 are the known
    classes, the novel clusters follow, largest first. This frame turns codes
    into names. A subclass that can cluster its fitted representation again
    says so in :meth:`_recluster_codes`.
    """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Find the classes of the rows that have none.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, all else becomes float64.
        y : array-like of shape (n_samples,), default=None
            Known classes. A row without a class is marked by -1 where classes
            are integers, or by a missing value (None, NaN, pandas' NA). None
            means that no row has a class.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit_partial(X, y)

    def _fit_partial(self, X, y, sample_weight=None):
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            known = PartialLabels(y, X)
            self._check_n_novel(self.n_novel, known)
            weights = check_weights(sample_weight, X)
            self._known = known
            self._fit_clusters(self._fit_encoder(X, known.codes), weights)
        return self

    def _fit_clusters(self, Z, sample_weight):
        self._set_labels(self._fit_codes(Z, self._known, sample_weight))

    @staticmethod
    def _check_n_novel(n_novel, known):
        if n_novel != "auto" and n_novel > known.n_unlabeled:
            raise ValueError(
                f"n_novel={n_novel} is larger than the number of unlabeled rows, "
                f"n_samples={known.n_unlabeled}: ask for fewer novel classes or "
                "leave more rows unlabeled."
            )

    def _set_labels(self, codes):
        """Name the codes of the training rows and the classes found."""
        known = self._known
        n_novel = max(int(codes.max()) + 1 - known.n_known, 0)
        self.classes_ = known.classes
        self.n_novel_ = n_novel
        self.novel_classes_ = known.novel_names(n_novel)
        self.labels_ = self._names()[codes]

    def _names(self):
        return np.concatenate([self.classes_, self.novel_classes_])

    @abstractmethod
    def _fit_codes(self, Z, known, sample_weight):
        """Fit on the embedded rows; return the code of every row.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns)
            Rows, embedded where there is an encoder.
        known : PartialLabels
            Codes of the labeled rows, which keep them.
        sample_weight : ndarray of shape (n_samples,) or None
            Weights, for the estimators that take them.
        """

    @abstractmethod
    def _predict_codes(self, Z):
        """Give the rows of `Z` their codes, int64."""

    def _predict_labels(self, Z):
        return self._names()[self._predict_codes(Z)]

    def fit_predict(self, X, y=None, **params):
        """Find the classes of the rows that have none, and return all rows'.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : array-like of shape (n_samples,), default=None
            Known classes, as in `fit`.
        **params : dict
            Further arguments of `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            ``labels_``: known classes are kept, the others found.
        """
        return self.fit(X, y, **params).labels_

    def is_novel(self, X):
        """Say of every row whether its class is a novel one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        novel : ndarray of shape (n_samples,), dtype=bool
            Whether `predict` answers a novel class.
        """
        return self._predict_codes(self._embed(X)) >= len(self.classes_)

    def recluster(self, n_novel):
        """Cluster the fitted representation again, without training.

        Parameters
        ----------
        n_novel : int or 'auto'
            Number of novel classes to find now, as in the constructor.

        Returns
        -------
        self : object
            The same estimator with another number of novel classes.
        """
        check_is_fitted(self)
        self._check_recluster(n_novel)
        with unchanged_on_error(self):
            self._check_n_novel(n_novel, self._known)
            self._set_labels(self._cluster_codes(n_novel))
        return self

    def _check_recluster(self, n_novel):
        constraint = {"n_novel": self._parameter_constraints["n_novel"]}
        validate_parameter_constraints(
            constraint, {"n_novel": n_novel}, caller_name="recluster"
        )

    def _cluster_codes(self, n_novel):
        # True is an integer too, but neither for numpy nor for torch.
        return self._recluster_codes(n_novel if n_novel == "auto" else int(n_novel))

    @abstractmethod
    def _recluster_codes(self, n_novel):
        """Cluster the representation anew; return the code of every row."""
