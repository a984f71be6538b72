"""Splitters for data without labels, and for labels that are hidden."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils.validation import _num_samples


class WholeData(BaseCrossValidator):
    """One split whose two sides are all rows: to search over clusterers.

    Clusters are judged on the rows that they were found in, so there is nothing
    to hold out. As ``cv`` of scikit-learn's searches, this fits every candidate
    once, on all rows, and scores it on the same rows, in the same order. The
    scores come from :func:`get_unsupervised_scorer`.

    See Also
    --------
    get_unsupervised_scorer : Scores that need no labels.
    estimate_n_clusters : The same for the number of clusters alone.

    Notes
    -----
    The halving searches of scikit-learn draw the rows of the two sides one after
    the other. With an int ``random_state`` of the search, both draws are the
    same rows; with None or a ``RandomState`` they differ, and an estimator that
    cannot label new rows is then scored on rows that it did not see. Give those
    searches an int.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import PPP
    >>> from skdeepcluster.model_selection import WholeData, get_unsupervised_scorer
    >>> grid = {"ppp__assume": ["log-concave", "gaussian"]}
    >>> search = GridSearchCV(
    ...     make_pipeline(StandardScaler(), PPP()),
    ...     grid,
    ...     cv=WholeData(),
    ...     scoring=get_unsupervised_scorer("silhouette"),
    ... )
    >>> search.fit(load_wine().data).best_params_
    {'ppp__assume': 'log-concave'}
    """

    def _iter_test_indices(self, X=None, y=None, groups=None):
        yield np.arange(_num_samples(X))

    def split(self, X: ArrayLike, y: Any = None, groups: Any = None) -> Any:
        """Yield all rows, twice.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table.
        y : object
            Not used.
        groups : object
            Not used.

        Yields
        ------
        train : ndarray of shape (n_samples,)
            All rows, in order.
        test : ndarray of shape (n_samples,)
            The same.
        """
        rows = np.arange(_num_samples(X))
        yield rows, rows.copy()

    def get_n_splits(
        self, X: ArrayLike = None, y: Any = None, groups: Any = None
    ) -> Any:
        """Return the number of splits.

        Parameters
        ----------
        X : object
            Not used.
        y : object
            Not used.
        groups : object
            Not used.

        Returns
        -------
        n_splits : int
            Always 1.
        """
        return 1

    def __repr__(self):
        return "WholeData()"
