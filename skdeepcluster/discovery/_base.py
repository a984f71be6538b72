"""The frame of the discovery estimators: ``fit(X, y)`` with partial labels.

::

    fit(X, y)
        rows, known, weights = table, labels and weights, checked; rows embedded
        training = _prepare(rows, known, weights)    # the same for every n_novel
        publish(training, _fit_discovery(training, n_novel))
    recluster(n_novel)
        a copy, with the last line done again

A subclass writes the two functions in between. Their results are NamedTuples:
`training` has a field ``known``, the result a field ``codes``. Codes 0 to
n_known - 1 are the known classes, the novel clusters follow, largest first.
"""

from abc import abstractmethod
from copy import copy
from numbers import Integral
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import check_is_fitted

from .._fitted_state import check_arrays
from .._labels import PartialLabels
from .._rows import distinct_rows
from .._scaling import TableScaling
from .._validation import check_table, check_weights, draw_seed
from .._warnings import warn, warn_of_far_rows
from ..base import BaseClusterer, unchanged_on_error

N_NOVEL = [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})]


class ScaledTraining(NamedTuple):
    """What the estimators without a network keep of the table.

    Parameters
    ----------
    known : PartialLabels
        Classes of the labeled rows.
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Scaled rows.
    weights : ndarray of shape (n_samples,) or None
        Their weights.
    scaling : TableScaling
        The way from the table to the rows.
    seed : int
        Seed of all draws.
    dtype : dtype
        Of the table.
    """

    known: PartialLabels
    rows: np.ndarray
    weights: np.ndarray
    scaling: TableScaling
    seed: int
    dtype: np.dtype

    def _check_state(self):
        parts = {"rows": (self.rows, "f", "np"), "codes": (self.known.codes, "i", "n")}
        if self.weights is not None:
            parts["weights"] = (self.weights, "f", "n")
        check_arrays("ScaledTraining", **parts)


def scaled_training(Z, known, weights, random_state, *, by_column=False):
    """Scale a table, whatever the order of its rows."""
    seed = draw_seed(random_state)
    scaling = TableScaling(*distinct_rows(Z, weights), by_column=by_column)
    return ScaledTraining(known, scaling.transform(Z), weights, scaling, seed, Z.dtype)


class DiscoveryEstimator(BaseClusterer):
    """Frame of the estimators that find new classes beside known ones."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the classes of the rows that have none.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, all else becomes float64.
        y : array-like of shape (n_samples,), default=None
            Known classes. A row without a class is marked by -1, or by a missing
            value (None, NaN, pandas' NA). None means that no row has a class.

        Returns
        -------
        self : object
            Fitted estimator.

        Warns
        -----
        UserWarning
            If no row is unlabeled, a class is a string that often marks a missing
            value, or every labeled row has a number of its own.
        ConvergenceWarning
            If at most one row in a hundred is so far from the others in a column that
            their differences there count for nothing: the row and column are named.
        """
        return self._fit(X, y)

    def _fit(self, X, y, sample_weight=None):
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            known = PartialLabels(y, X)
            self._check_n_novel(self.n_novel, known)
            weights = check_weights(sample_weight, X)
            known.warn_if_unlikely()
            if known.n_unlabeled == 0:
                warn(
                    f"y has no unlabeled row: all {len(X)} rows belong to "
                    f"{known.n_known} known classes, and no novel class can be found. "
                    "Mark unlabeled rows by -1, None or NaN.",
                    UserWarning,
                )
            self._warn_of_far_rows(X, weights)
            Z = self._fit_encoder(X, known.codes, weights)
            self._fit_clusters(Z, weights, known)
        return self

    def _warn_of_far_rows(self, X, weights):
        warn_of_far_rows(X, weights, getattr(self, "feature_names_in_", None))

    def _fit_clusters(self, Z, sample_weight, known):
        self._fit_published(self._prepare(Z, known, sample_weight), self.n_novel)

    def _fit_published(self, training, n_novel):
        # True is an integer too, but neither for numpy nor for torch.
        n_novel = n_novel if n_novel == "auto" else int(n_novel)
        self._publish(training, self._fit_discovery(training, n_novel))

    def _check_n_novel(self, n_novel, known):
        """Refuse a number of novel classes that these labels cannot have."""
        if n_novel != "auto" and n_novel > known.n_unlabeled:
            raise ValueError(
                f"n_novel={n_novel} is larger than the number of unlabeled rows, "
                f"n_samples={known.n_unlabeled}: ask for fewer novel classes or "
                "leave more rows unlabeled."
            )

    @abstractmethod
    def _prepare(self, Z, known, weights):
        """Do what does not depend on the number of novel classes.

        Parameters
        ----------
        Z : ndarray of shape (n_samples, n_columns)
            Rows, embedded where there is an encoder.
        known : PartialLabels
            Codes of the labeled rows, which keep them.
        weights : ndarray of shape (n_samples,) or None
            Weights, for the estimators that take them.

        Returns
        -------
        NamedTuple
            With the field ``known``.
        """

    @abstractmethod
    def _fit_discovery(self, training, n_novel):
        """Find the novel classes.

        Parameters
        ----------
        training : NamedTuple
            Of :meth:`_prepare`.
        n_novel : int or 'auto'
            Number of novel classes.

        Returns
        -------
        NamedTuple
            With the field ``codes``, of every row.
        """

    def _publish(self, training, result):
        """Set the fitted attributes; a subclass adds its own."""
        known, codes = training.known, result.codes
        self._training = training
        self._publish_classes(known, max(int(codes.max()) + 1 - known.n_known, 0))
        self.labels_ = self.classes_[codes]

    def _publish_classes(self, known, n_novel):
        self.known_classes_ = known.classes
        self.novel_classes_ = known.novel_names(n_novel)
        self.classes_ = np.concatenate([self.known_classes_, self.novel_classes_])
        self.n_novel_ = n_novel

    @abstractmethod
    def _predict_codes(self, Z):
        """Give the rows of `Z` their codes, int64."""

    def _predict_labels(self, Z):
        return self.classes_[self._predict_codes(Z)]

    def fit_predict(self, X: ArrayLike, y: Any = None, **params: Any) -> NDArray[Any]:
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

    def is_novel(self, X: ArrayLike) -> NDArray[np.bool_]:
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
        return self._predict_codes(self._embed(X)) >= len(self.known_classes_)

    def recluster(self, n_novel: Literal["auto"] | int) -> Self:
        """Find another number of novel classes in the table of `fit`.

        What does not depend on the number is shared with this estimator, which
        stays as it is.

        Parameters
        ----------
        n_novel : int or 'auto'
            Number of novel classes, as in the constructor.

        Returns
        -------
        estimator : object
            Another fitted estimator, with that `n_novel`.

        Raises
        ------
        ValueError
            If `n_novel` is no such number, or larger than the number of unlabeled
            rows.
        """
        check_is_fitted(self)
        validate_parameter_constraints(
            {"n_novel": self._parameter_constraints["n_novel"]},
            {"n_novel": n_novel},
            caller_name="recluster",
        )
        other = copy(self)
        other.n_novel = n_novel
        other._recluster()
        return other

    def _recluster(self):
        self._check_n_novel(self.n_novel, self._training.known)
        self._fit_published(self._training, self.n_novel)


class WeightedDiscovery(DiscoveryEstimator):
    """Frame of those whose ``fit`` takes ``sample_weight``."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find the classes of the rows that have none.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, all else becomes float64.
        y : array-like of shape (n_samples,), default=None
            Known classes. A row without a class is marked by -1, or by a missing
            value (None, NaN, pandas' NA). None means that no row has a class.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 2 is the same as two
            equal rows, a weight of 0 leaves the row out. None means 1 for all.

        Returns
        -------
        self : object
            Fitted estimator.

        Warns
        -----
        UserWarning
            If no row is unlabeled, a class is a string that often marks a missing
            value, or every labeled row has a number of its own.
        ConvergenceWarning
            If at most one row in a hundred is so far from the others in a column that
            their differences there count for nothing: the row and column are named.
        """
        return self._fit(X, y, sample_weight)
