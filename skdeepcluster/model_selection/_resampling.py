"""Scores that fit a clusterer again, on halves of the rows."""

import numpy as np
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import _safe_indexing

from ..metrics._partitions import noise_alone
from ._fitted import NOISE, extend_labels, is_degenerate, judged_by_score, labels_of


def stability(estimator, X, y, Z, labels, n_resamples, rng):
    """Agreement of the labels with those found from random halves of the rows.

    Each half's clusters label all rows: by ``predict``, or by the nearest row of
    the half.

    Parameters
    ----------
    estimator : object
        Clusterer, fitted; its copies are fitted on the halves.
    X : array-like of shape (n_samples, n_features)
        Rows in their own form.
    y : array-like of shape (n_samples,) or None
        Handed to ``fit``.
    Z : ndarray of shape (n_samples, n_columns)
        The rows where distances are taken.
    labels : ndarray of shape (n_samples,)
        Labels by the fitted estimator; -1 is noise.
    n_resamples : int
        Number of halves.
    rng : numpy.random.Generator
        Draws the halves.

    Returns
    -------
    float
        Mean adjusted Rand index, of which 0 is chance, times the share of rows
        that are not noise. A noise row counts as a cluster of its own.
    """
    whole = noise_alone(labels)
    agreements = []
    for _ in range(n_resamples):
        half = np.sort(rng.choice(len(Z), len(Z) // 2, replace=False))
        found = labels_from(estimator, X, y, Z, half)
        agreements.append(
            0.0 if found is None else adjusted_rand_score(whole, noise_alone(found))
        )
    return float(np.mean(agreements) * np.mean(labels != NOISE))


def prediction_strength(estimator, X, y, Z, labels, n_resamples, rng):
    """Share of pairs of a cluster that another half of the rows keeps together.

    The rows are cut into halves at random, `n_resamples` // 2 times at least
    once. Each half's own clusters are compared with the labels that the other
    half's clusters give to its rows; the worst cluster counts [1]_.

    Parameters
    ----------
    estimator, X, y, Z, labels, n_resamples, rng
        As for `stability`.

    Returns
    -------
    float
        Mean over the halves, between 0 and 1. Noise rows are in no pair, and
        their share is taken off.

    References
    ----------
    .. [1] R. Tibshirani and G. Walther (2005). "Cluster validation by prediction
       strength." Journal of Computational and Graphical Statistics 14.
    """
    strengths = []
    for _ in range(max(1, n_resamples // 2)):
        order = rng.permutation(len(Z))
        halves = np.sort(order[: len(Z) // 2]), np.sort(order[len(Z) // 2 :])
        every = [labels_from(estimator, X, y, Z, half) for half in halves]
        for own, other in ((0, 1), (1, 0)):
            half, found, foreign = halves[own], every[own], every[other]
            if found is None or foreign is None:
                strengths.append(0.0)
            else:
                strengths.append(_kept_together(found[half], foreign[half]))
    return float(np.mean(strengths))


def labels_from(estimator, X, y, Z, rows):
    """Label all rows by a copy of an estimator that is fitted on some of them.

    Parameters
    ----------
    estimator, X, y, Z
        As for `stability`.
    rows : ndarray of shape (n_rows,)
        Indices of the rows to fit; some may be there several times.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=int64, or None
        None where these rows are too few for the estimator.
    """
    model = clone(estimator)
    part = _safe_indexing(X, rows)
    # That a half shows less than the whole is what is measured here.
    with judged_by_score():
        try:
            model.fit(part) if y is None else model.fit(part, _safe_indexing(y, rows))
        except ValueError:
            return None
    if hasattr(model, "predict"):
        return labels_of(model, X)
    labels = labels_of(model, part)
    extended = extend_labels(Z[rows], labels, Z)
    extended[rows] = labels
    return extended


def _kept_together(own, foreign):
    """Least share of a cluster's pairs that the foreign labels keep."""
    if is_degenerate(own):
        return 0.0
    shares = []
    for cluster in range(own.max() + 1):
        members = foreign[own == cluster]
        if len(members) > 1:
            counts = np.bincount(members[members != NOISE])
            pairs = len(members) * (len(members) - 1)
            shares.append((counts * (counts - 1)).sum() / pairs)
    return float(min(shares, default=0.0) * np.mean(own != NOISE))
