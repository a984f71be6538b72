"""What a fitted estimator says of rows: labels, and where they lie."""

import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import _num_samples, check_is_fitted

from .._scaling import TableScaling
from ..exceptions import FitInterruptedWarning

NOISE = -1


@contextmanager
def ended_by_interrupts():
    """Let Ctrl-C end the search, not only the training of the candidate at hand."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FitInterruptedWarning)
        try:
            yield
        except FitInterruptedWarning as interruption:
            raise KeyboardInterrupt from interruption


@contextmanager
def judged_by_score():
    """Fit candidates that lose by their score alone where they do not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with ended_by_interrupts():
            yield


def labels_of(estimator, X):
    """Label the rows of `X` without fitting anything.

    Parameters
    ----------
    estimator : object
        Fitted clusterer, or a pipeline that ends in one.
    X : array-like of shape (n_samples, n_features)
        Rows. An estimator without ``predict`` must have been fitted on them.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype=int64
        Cluster numbers from 0 in no particular order, and -1 for noise.

    Raises
    ------
    ValueError
        If there is no ``predict``, and `X` is not what was fitted as far as
        that can be seen.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "predict"):
        return _as_numbers(estimator.predict(X))
    last = estimator
    if isinstance(estimator, Pipeline):
        X, last = steps_before_last(estimator, X), estimator[-1]
    labels = getattr(last, "labels_", None)
    name = type(last).__name__
    if labels is None:
        raise ValueError(
            f"{name} has neither predict nor labels_: a score needs one of them."
        )
    if not _may_be_fitted_on(last, labels, X):
        raise ValueError(
            f"{name} has no predict, and these {_num_samples(X)} rows are not the "
            f"{len(labels)} that it was fitted on: score it on the rows of fit. In a "
            "search take cv=WholeData(), in a halving search with an int "
            "random_state as well."
        )
    return _as_numbers(labels)


def _as_numbers(labels):
    """Number clusters from 0; an integer below 0 is noise."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        return np.unique(labels, return_inverse=True)[1].astype(np.int64)
    numbers = np.full(len(labels), NOISE, dtype=np.int64)
    clustered = labels >= 0
    numbers[clustered] = np.unique(labels[clustered], return_inverse=True)[1]
    return numbers


def _may_be_fitted_on(estimator, labels, X):
    """Say whether rows can be those of fit, by all that the estimator kept."""
    if len(labels) != _num_samples(X):
        return False
    X = np.asarray(X)
    if X.ndim != 2 or getattr(estimator, "n_features_in_", X.shape[1]) != X.shape[1]:
        return False
    if X.dtype.kind not in "fiub":
        return True
    kept = getattr(estimator, "_raw_data", None)  # HDBSCAN
    if kept is not None and kept.shape == X.shape:
        return bool(np.allclose(kept, X, equal_nan=True))
    if hasattr(estimator, "core_sample_indices_"):  # DBSCAN
        cores = getattr(estimator, "components_", None)
        rows = X[estimator.core_sample_indices_]
        return cores is None or cores.shape != rows.shape or np.allclose(cores, rows)
    if _merges_nearest_rows_first(estimator):
        pair = X[estimator.children_[0]].astype(np.float64)
        nearest = NearestNeighbors(n_neighbors=1).fit(X).kneighbors()[0].min()
        # Distances by matrix products lose half of the digits of the largest entry.
        rounding = 1e-6 * (nearest + np.abs(X).max() * X.shape[1] ** 0.5)
        return bool(np.linalg.norm(pair[0] - pair[1]) <= nearest + rounding)
    return True


def _merges_nearest_rows_first(estimator):
    """Agglomerative clustering by Euclidean distances, all pairs allowed."""
    return (
        hasattr(estimator, "children_")
        and getattr(estimator, "metric", None) == "euclidean"
        and getattr(estimator, "connectivity", None) is None
        and len(estimator.children_) > 0
        and estimator.children_[0].max() < len(estimator.labels_)
    )


def steps_before_last(pipeline, X):
    """Pass rows through a fitted pipeline, up to what its last step sees."""
    return pipeline[:-1].transform(X) if len(pipeline) > 1 else X


def representation_of(estimator, X, space):
    """Bring rows to the space in which they are scored; see `get_unsupervised_scorer`.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_columns), dtype=float64
        Centred, and divided by one number for all columns: no score depends on
        either, and squares stay in range.
    """
    if space == "last_step":
        if isinstance(estimator, Pipeline):
            X = steps_before_last(estimator, X)
    elif space != "input":
        X = space.transform(X)
    Z = check_array(X, dtype=np.float64)
    return TableScaling(Z).transform(Z)


def is_degenerate(labels):
    """Say whether there is nothing to score: one cluster, or one row in each."""
    clustered = labels != NOISE
    n_clusters = labels.max(initial=NOISE) + 1
    return n_clusters < 2 or n_clusters >= np.count_nonzero(clustered)


def extend_labels(Z_known, labels, Z):
    """Give each row of `Z` the label of the nearest known row."""
    # A tree takes differences of coordinates: exact for equal rows, and the same
    # bits in whatever company.
    neighbours = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(Z_known)
    return labels[neighbours.kneighbors(Z, return_distance=False)[:, 0]]
