"""RowSummary: a fair sample of a table in parts; see ``_stream_sample``."""

from numbers import Integral
from typing import ClassVar

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from .._validation import check_table, check_weights
from ..base import DocumentedEstimator, unchanged_on_error
from ._stream_sample import CAPACITY, Summary


class RowSummary(DocumentedEstimator):
    """Weighted sample of the rows of a table that comes in parts.

    Up to `capacity` distinct rows are kept with their exact weights. Of more, a
    sample proportional to weight is drawn by hashes of the values in place of
    random numbers. The summary is a function of the rows alone: their order, the
    parts they come in, and the order in which summaries merge change no bit. Any
    estimator that takes ``sample_weight`` can be fitted on it.

    Parameters
    ----------
    capacity : int, default=100_000
        Most rows of the sample; fewer where these would hold more than 2^24
        numbers.

    Attributes
    ----------
    rows_ : ndarray of shape (n_rows, n_features_in_)
        Distinct rows in lexicographic order.
    weights_ : ndarray of shape (n_rows,)
        Their weights: exact where no row was left out. Of a sample in proportion
        to the weight that a row stands for, in units in which a row of weight 1
        counts as 1. Halved as often as it takes for all to weigh no more than
        2^24 together.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described.

    See Also
    --------
    fit_batches : Fits an estimator to a table in parts.

    Notes
    -----
    Ctrl-C leaves the summary as it was before the call.

    Rows are chosen in two steps. Of all distinct rows, up to eight times
    `capacity`, and no more than 2^24 numbers, are held: those with the smallest
    hashes, which no weight has a say in. A row that is held was thus never left
    out, and its weight is exact. Of these, `capacity` are sampled in proportion to
    weight [1]_. A value that was left out, but that more than 1/1000 of the rows
    share, takes part nevertheless, with an estimate of its weight from a count
    sketch [2]_.

    Taking up n rows of p columns is O(n p), merging two summaries O(capacity p).

    References
    ----------
    .. [1] P. S. Efraimidis and P. G. Spirakis, "Weighted random sampling with a
       reservoir", Information Processing Letters 97, 2006.
    .. [2] M. Charikar, K. Chen and M. Farach-Colton, "Finding frequent items in
       data streams", ICALP 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from skdeepcluster.streaming import RowSummary
    >>> X = np.random.default_rng(0).normal(size=(5000, 2))
    >>> summary = RowSummary(capacity=1000)
    >>> for chunk in np.array_split(X, 7):
    ...     summary = summary.partial_fit(chunk)
    >>> summary.rows_.shape
    (1000, 2)
    >>> model = KMeans(3, random_state=0)
    >>> model.fit(summary.rows_, sample_weight=summary.weights_).predict(X).shape
    (5000,)
    """

    _parameter_constraints: ClassVar[dict] = {
        "capacity": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, capacity=CAPACITY):
        self.capacity = capacity

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Summarise a table, and forget what came before.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, other dtypes become float64.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. None means 1 for all.

        Returns
        -------
        self : object
            The summary.
        """
        return self._take_up(X, sample_weight, first=True)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Take up further rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Further rows of the table.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. None means 1 for all.

        Returns
        -------
        self : object
            The summary.
        """
        return self._take_up(X, sample_weight, first=not hasattr(self, "_summary"))

    def _take_up(self, X, sample_weight, first):
        with unchanged_on_error(self):
            X = check_table(self, X, reset=first)
            weights = check_weights(sample_weight, X)
            summary = Summary(self.capacity) if first else self._summary.copy()
            self._summary = summary.add(X, weights)
        return self

    def merge(self, other):
        """Take up the summary of other rows of the same table.

        Parameters
        ----------
        other : RowSummary
            Summary of other rows; it is not changed.

        Returns
        -------
        self : object
            The summary.

        Raises
        ------
        ValueError
            If the capacities or the numbers of columns differ.
        """
        check_is_fitted(self)
        check_is_fitted(other)
        for name in ("capacity", "n_features_in_"):
            own, their = getattr(self, name), getattr(other, name)
            if own != their:
                raise ValueError(
                    f"Summaries of {name}={own} and {name}={their} do not merge: "
                    "make both in the same way."
                )
        with unchanged_on_error(self):
            self._summary = self._summary.copy().merge(other._summary)
        return self

    @property
    def rows_(self):
        """Distinct rows in lexicographic order."""
        check_is_fitted(self)
        return self._summary.table()[0]

    @property
    def weights_(self):
        """Weights of the rows."""
        check_is_fitted(self)
        return self._summary.table()[1]

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_summary")
