"""The frame of every estimator: validate, embed, cluster, label.

This module knows neither torch nor numba. Checks at the door are in
``_validation``, the order of rows and clusters in ``_rows``, scalings in
``_scaling``.
"""

from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context, clone
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted

from ._fitted_state import check_published
from ._validation import check_table, check_weights


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator its attributes back if the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def takes_partial_labels(encoder):
    """Tell whether an encoder, or the end of a pipeline, takes partial labels.

    Most transformers that use ``y`` would mistake -1 for a class: one that
    does not has an attribute ``takes_partial_labels``.
    """
    steps = getattr(encoder, "steps", None)
    return getattr(steps[-1][1] if steps else encoder, "takes_partial_labels", False)


class DocumentedEstimator(BaseEstimator):
    """An estimator whose HTML representation links to its page of our reference."""

    _doc_link_module = "skdeepcluster"
    # "page" is the version that Read the Docs shows by default.
    _doc_link_template = (
        "https://skdeepcluster.readthedocs.io/page/generated/"
        "skdeepcluster.{estimator_name}.html"
    )

    def _check_state(self):
        """Refuse fitted attributes that do not fit together; `load` calls it."""
        check_published(self)


class EncodedEstimator(DocumentedEstimator):
    """Frame of what may embed rows first, by its parameter ``encoder``."""

    def _fit_encoder(self, X, y=None, sample_weight=None):
        """Fit the encoder, and embed the rows it was fitted to.

        It sees the codes `y` only where it says that it takes partial labels, and
        the weights only where it has requested them by metadata routing.
        """
        if getattr(self, "encoder", None) is None:
            return X
        self.encoder_ = clone(self.encoder)
        told = takes_partial_labels(self.encoder_) and y is not None
        requested = {}
        if sample_weight is not None and get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=sample_weight)
            requested = routed.encoder.fit_transform
        Z = self.encoder_.fit_transform(X, *([y] if told else []), **requested)
        return self._check_embedding(Z, X.dtype)

    def get_metadata_routing(self) -> Any:
        """Say which metadata the estimator requests, and which its encoder.

        Returns
        -------
        MetadataRequest or MetadataRouter
            A router where there is an encoder, which it calls ``encoder``.
        """
        if getattr(self, "encoder", None) is None:
            return super().get_metadata_routing()
        mapping = MethodMapping().add(caller="fit", callee="fit_transform")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(encoder=self.encoder, method_mapping=mapping)

    def _embed(self, X):
        """Check rows that came after fit, and pass them through the encoder."""
        check_is_fitted(self)
        return self._encoded(self._checked(X, reset=False))

    def _checked(self, X, *, reset):
        """Check a table, and turn it into numbers."""
        return check_table(self, X, reset=reset)

    def _encoded(self, X):
        """Pass checked rows through the fitted encoder."""
        if getattr(self, "encoder", None) is None:
            return X
        return self._check_embedding(self.encoder_.transform(X), X.dtype)

    @staticmethod
    def _check_embedding(Z, dtype):
        Z = np.ascontiguousarray(Z, dtype=dtype)
        if not np.all(np.isfinite(Z)):
            raise ValueError(
                "The encoder returned values that are not finite: check the "
                "encoder's parameters and the scale of its input."
            )
        return Z


class BaseClusterer(ClusterMixin, EncodedEstimator, metaclass=ABCMeta):
    """Frame of the clusterers: validate, embed, cluster, label.

    A subclass says how to cluster the rows of a (possibly embedded) table in
    :meth:`_fit_clusters`, and how to label further rows in
    :meth:`_predict_labels`. Where it takes a parameter ``encoder``, rows pass
    through the fitted ``encoder_`` before either.
    """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the clusters of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, other dtypes become float64.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit(X)

    def _fit(self, X, sample_weight=None):
        with unchanged_on_error(self):
            X = self._checked(X, reset=True)
            weights = check_weights(sample_weight, X)
            n_clusters = getattr(self, "n_clusters", None)
            if n_clusters is not None and len(X) < n_clusters:
                raise ValueError(
                    f"n_samples={len(X)} should be >= n_clusters={n_clusters}: "
                    "ask for fewer clusters or give more rows."
                )
            Z = self._fit_encoder(X, sample_weight=weights)
            self._fit_clusters(Z, weights)
        return self

    def _set_cluster_centers(self, centers):
        """Set ``cluster_centers_``, given where the clusterer has them.

        Behind an encoder they are decoded; there are none if it cannot decode.
        """
        vars(self).pop("cluster_centers_", None)
        if getattr(self, "encoder", None) is None:
            self.cluster_centers_ = centers
        elif hasattr(self.encoder_, "inverse_transform"):
            self.cluster_centers_ = self.encoder_.inverse_transform(centers)

    @abstractmethod
    def _fit_clusters(self, Z, sample_weight):
        """Cluster the rows of `Z`; set ``labels_`` and what else is fitted."""

    @abstractmethod
    def _predict_labels(self, Z):
        """Label the rows of `Z`."""

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give every row the cluster it belongs to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row.
        """
        return self._predict_labels(self._embed(X))


class WeightedClusterer(BaseClusterer):
    """A clusterer whose ``fit`` takes ``sample_weight``.

    It stands apart, since scikit-learn gives a class and all below it the method
    ``set_fit_request`` if only its ``fit`` has such a parameter: the others would
    accept requests for weights that they do not know.
    """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find the clusters of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, other dtypes become float64.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 2 is the same as two
            equal rows, a weight of 0 leaves the row out. None means 1 for all.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit(X, sample_weight)
