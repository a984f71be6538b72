"""The number of clusters: a scan of one clusterer, scored without labels."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch
from sklearn.utils.validation import _num_samples

from ._scorers import CONSENSUS, LabelFreeScorer, get_unsupervised_scorer
from ._whole_data import WholeData


def estimate_n_clusters(
    X: ArrayLike,
    *,
    estimator: Any = None,
    min_clusters: int = 2,
    max_clusters: int = 10,
    scoring: str | Callable[..., Any] = "consensus",
    n_jobs: int | None = None,
) -> Any:
    """Estimate the number of clusters by the best score of a scan.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Table, as the estimator takes it.
    estimator : object, default=None
        Clusterer with a parameter ``n_clusters`` or ``n_components``, or a
        pipeline that ends in one; it is not changed. None means k-means with 10
        starts and the seed 0.
    min_clusters : int, default=2
        Smallest number to try.
    max_clusters : int, default=10
        Largest number to try. Numbers that are not below the number of rows are
        left out.
    scoring : str or callable, default="consensus"
        "consensus" averages the ranks that the numbers have in dbcv and
        stability, which takes ten more fits of each. Otherwise a name of
        :func:`get_unsupervised_scorer_names`, or ``scorer(estimator, X)``, higher
        is better.
    n_jobs : int, default=None
        Fits that run at the same time, as in joblib.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        The estimate:

        n_clusters : int
            Number with the best score, the smallest of equals. 1 where no number
            gives a partition that can be scored, as in a table of equal rows.
        scores : dict
            Score of each number tried.

    Raises
    ------
    ValueError
        If the estimator has no number of clusters to set, or the bounds are not
        1 <= min_clusters <= max_clusters.

    See Also
    --------
    skdeepcluster.PPP : Finds the number itself, and can answer one cluster.

    Notes
    -----
    Only "bic" and "aic" can find that one cluster is best, where `min_clusters`
    is 1: the other scores compare two clusters or more.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster.model_selection import estimate_n_clusters
    >>> centers = [[0, 0], [0, 6], [6, 0], [6, 6], [3, 3]]
    >>> X, _ = make_blobs(200, centers=centers, cluster_std=0.5, random_state=0)
    >>> estimate_n_clusters(X).n_clusters
    5
    """
    if estimator is None:
        estimator = KMeans(n_init=10, random_state=0)
    name = number_parameter(estimator)
    for bound in (min_clusters, max_clusters):
        if not isinstance(bound, Integral):
            raise TypeError(
                f"min_clusters and max_clusters must be int, not {bound!r}."
            )
    if not 1 <= min_clusters <= max_clusters:
        raise ValueError(
            f"min_clusters={min_clusters} and max_clusters={max_clusters} must be "
            "1 <= min_clusters <= max_clusters."
        )
    numbers = list(range(min_clusters, min(max_clusters + 1, _num_samples(X))))
    if not numbers:
        return Bunch(n_clusters=1, scores={})
    scorers = _scorers(scoring)
    search = GridSearchCV(
        estimator,
        {name: numbers},
        scoring=scorers,
        refit=False,
        cv=WholeData(),
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(X)
    found = {key: search.cv_results_[f"mean_test_{key}"] for key in scorers}
    scores = rank_average(found) if len(found) > 1 else found["score"]
    best = numbers[int(np.argmax(scores))]
    if all(_is_worst(scorers[key], values) for key, values in found.items()):
        best = 1
    return Bunch(
        n_clusters=best, scores=dict(zip(numbers, scores.tolist(), strict=True))
    )


def rank_average(scores):
    """Average the ranks of candidates over several scores, from 0 to 1.

    Parameters
    ----------
    scores : dict of str to ndarray of shape (n_candidates,)
        Scores, higher is better.

    Returns
    -------
    ndarray of shape (n_candidates,)
        Mean share of the other candidates that each one beats; a tie is half
        beaten.
    """
    shares = [
        (rankdata(values) - 1) / max(len(values) - 1, 1) for values in scores.values()
    ]
    return np.mean(shares, axis=0)


def _scorers(scoring):
    if callable(scoring):
        return {"score": scoring}
    if scoring == "consensus":
        return {name: get_unsupervised_scorer(name) for name in CONSENSUS}
    return {"score": get_unsupervised_scorer(scoring)}


def _is_worst(scorer, values):
    return isinstance(scorer, LabelFreeScorer) and np.all(values == scorer.worst)


def number_parameter(estimator):
    """Name of the parameter that holds the number of clusters."""
    known = estimator.get_params()
    prefix = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    for name in ("n_clusters", "n_components"):
        if prefix + name in known:
            return prefix + name
    raise ValueError(
        f"{type(estimator).__name__} has neither n_clusters nor n_components to set."
    )
