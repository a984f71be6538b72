"""Scores of a fitted clusterer that need no labels, by name."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from ..metrics import class_separability, dbcv_score
from ._fitted import is_degenerate, labels_of, representation_of, steps_before_last
from ._internal_scores import calinski_harabasz, davies_bouldin, silhouette
from ._resampling import prediction_strength, stability

# Searches average scores and square them: infinity, or the largest number,
# would turn into warnings there.
WORST = -1e100
# What the consensus consists of, both between -1 and 1: two different questions.
CONSENSUS = ("dbcv", "stability")


@dataclass
class _Scored:
    """What a score may look at."""

    estimator: object
    X: object
    y: object
    Z: np.ndarray
    labels: np.ndarray
    n_resamples: int
    rng: np.random.Generator


def _of_partition(function):
    return lambda rows: function(rows.Z, rows.labels)


def _of_halves(function):
    return lambda rows: function(**vars(rows))


def _separability(rows):
    found = class_separability(rows.Z, random_state=rows.rng)
    # An embedding that collapsed to a few points scores best of all.
    return found.z if np.mean(found.lengths == 0) < 0.5 else -np.inf


def _consensus(rows):
    return np.mean([_finite(name, _SCORES[name][0](rows)) for name in CONSENSUS])


# Name of a score -> the function, and the worst score.
_SCORES = {
    "calinski_harabasz": (_of_partition(calinski_harabasz), 0.0),
    "class_separability": (_separability, WORST),
    "consensus": (_consensus, -1.0),
    "davies_bouldin": (_of_partition(davies_bouldin), WORST),
    "dbcv": (_of_partition(dbcv_score), -1.0),
    "prediction_strength": (_of_halves(prediction_strength), 0.0),
    "silhouette": (_of_partition(silhouette), -1.0),
    "stability": (_of_halves(stability), -1.0),
}
_LIKELIHOODS = ("aic", "bic")


def _finite(name, score):
    return float(score) if np.isfinite(score) else _SCORES[name][1]


class LabelFreeScorer:
    """A score of a fitted clusterer, made by `get_unsupervised_scorer`."""

    def __init__(self, name, *, space, max_samples, n_resamples, random_state):
        self.name = name
        self.space = space
        self.max_samples = max_samples
        self.n_resamples = n_resamples
        self.random_state = random_state

    def __repr__(self):
        return f"get_unsupervised_scorer({self.name!r})"

    @property
    def worst(self):
        """What a degenerate partition gets."""
        return WORST if self.name in _LIKELIHOODS else _SCORES[self.name][1]

    def __call__(self, estimator, X, y=None):
        """Score a fitted estimator on rows; higher is better, always finite."""
        if self.name in _LIKELIHOODS:
            return self._likelihood(estimator, X)
        labels = labels_of(estimator, X)
        if is_degenerate(labels):
            return self.worst
        return self.score_labels(
            estimator, X, y, representation_of(estimator, X, self.space), labels
        )

    def score_labels(self, estimator, X, y, Z, labels):
        """Score the labels that a fitted estimator gives to rows.

        Parameters
        ----------
        estimator : object
            Fitted clusterer; scores by resampling fit copies of it.
        X : array-like of shape (n_samples, n_features)
            Rows, as the estimator takes them.
        y : array-like of shape (n_samples,) or None
            Handed to ``fit``.
        Z : ndarray of shape (n_samples, n_columns)
            The rows in the space of the scores, by `representation_of`.
        labels : ndarray of shape (n_samples,)
            By `labels_of`.

        Returns
        -------
        float
            Finite; higher is better.
        """
        if self.name in _LIKELIHOODS:
            return self._likelihood(estimator, X)
        rng = np.random.default_rng(self.random_state)
        if len(Z) > self.max_samples:
            rows = np.sort(rng.choice(len(Z), self.max_samples, replace=False))
            X, Z, labels = _safe_indexing(X, rows), Z[rows], _renumbered(labels[rows])
            y = None if y is None else _safe_indexing(y, rows)
        if is_degenerate(labels):
            return self.worst
        rows = _Scored(estimator, X, y, Z, labels, self.n_resamples, rng)
        return _finite(self.name, _SCORES[self.name][0](rows))

    def _likelihood(self, estimator, X):
        """The model's own criterion, in the space where it is a density."""
        model = estimator
        if isinstance(estimator, Pipeline):
            X, model = steps_before_last(estimator, X), estimator[-1]
        if not hasattr(model, self.name):
            raise ValueError(
                f"{type(model).__name__} has no {self.name}: the score {self.name!r} "
                "is for models with a likelihood, such as GaussianMixture."
            )
        score = -float(getattr(model, self.name)(X))
        return score if np.isfinite(score) else WORST


def _renumbered(labels):
    """Number the clusters of a sample without gaps; noise stays -1."""
    names, numbers = np.unique(labels, return_inverse=True)
    return numbers - np.count_nonzero(names < 0)


def get_unsupervised_scorer_names() -> Any:
    """List the names that `get_unsupervised_scorer` knows.

    Returns
    -------
    names : list of str
        Sorted.

    Examples
    --------
    >>> from skdeepcluster.model_selection import get_unsupervised_scorer_names
    >>> "silhouette" in get_unsupervised_scorer_names()
    True
    """
    return sorted([*_SCORES, *_LIKELIHOODS])


def get_unsupervised_scorer(
    name: str,
    *,
    space: Any = "last_step",
    max_samples: int = 5000,
    n_resamples: int = 10,
    random_state: int = 0,
) -> Any:
    """Make a scorer of clusterers that needs no labels.

    It is called as ``scorer(estimator, X, y=None)``, like those of scikit-learn,
    and fits into the ``scoring`` of its searches beside ``cv=WholeData()``.
    Higher is better. The scores:

    - ``"silhouette"``: mean silhouette, -1 to 1.
    - ``"calinski_harabasz"``: ratio of dispersion between and within, from 0.
    - ``"davies_bouldin"``: the index, negated: up to 0.
    - ``"dbcv"``: :func:`~skdeepcluster.metrics.dbcv_score`, for clusters of any
      shape, -1 to 1.
    - ``"bic"``, ``"aic"``: those of the model, negated, for models that have
      them. Only scores of one family of models on one table compare.
    - ``"stability"``: mean adjusted Rand index between the labels and those of
      clusters found in random halves of the rows, -1 to 1; 0 is chance.
    - ``"prediction_strength"``: share of the pairs of the worst cluster that the
      clusters of another half of the rows keep together [1]_, 0 to 1.
    - ``"class_separability"``: ``z`` of
      :func:`~skdeepcluster.metrics.class_separability`. It looks at the
      representation, not at the labels: it compares embeddings of equal width.
    - ``"consensus"``: the mean of dbcv and stability, of separation in any shape
      and of reproducibility. Where all candidates are known at once, as in
      :class:`~skdeepcluster.AutoCluster`, their ranks are averaged instead.

    Parameters
    ----------
    name : str
        One of `get_unsupervised_scorer_names`.
    space : {"last_step", "input"} or fitted transformer, default="last_step"
        Where distances are taken. "last_step": in what the last step of a
        pipeline sees, so that a scaler in it counts; the same as "input" for
        other estimators. Scores in different spaces do not compare: where a
        search varies the steps before the last, or an encoder, fix one space by
        "input" (the rows as given) or a fitted transformer, whose ``transform``
        is applied to the rows as given.
    max_samples : int, default=5000
        A larger table is represented by so many rows, drawn at random. The bic,
        aic always use all rows.
    n_resamples : int, default=10
        Halves of the rows that stability and prediction_strength fit the
        estimator on.
    random_state : int, default=0
        Decides all draws. One number for all candidates of a search makes their
        scores differ by the candidates alone.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None) -> float``, always finite.

    Raises
    ------
    ValueError
        If the name is not known. The scorer itself raises where an estimator
        cannot be scored: see Notes.

    See Also
    --------
    WholeData : The splitter for searches without labels.

    Notes
    -----
    **Labels** come from ``predict``; an estimator that has none is scored by
    ``labels_`` where `X` is what it was fitted on. Another number of rows or of
    columns is an error, and so are other rows where the estimator kept enough
    to tell: scikit-learn's DBSCAN, HDBSCAN, and AgglomerativeClustering with
    Euclidean distances. SpectralClustering and OPTICS keep nothing to tell by:
    rows of the same shape pass, and score as what they are not. Only stability
    and prediction_strength fit anything, copies on halves of the rows.

    **Noise**, labels below 0, is no cluster, and calling rows noise wins
    nothing: a noise row has a silhouette of 0, deviates from the mean of the
    whole table in calinski_harabasz and counts as 0 in dbcv; davies_bouldin is
    divided by the share of the other rows, stability and prediction_strength are
    multiplied by it.

    **Degenerate** partitions (fewer than two clusters, or no cluster of two
    rows) get the worst score: the lower bound where there is one, otherwise -1e100.
    It is finite, since searches warn about others. bic and aic judge a model of
    one component like any other.

    References
    ----------
    .. [1] R. Tibshirani and G. Walther (2005). "Cluster validation by prediction
       strength." Journal of Computational and Graphical Statistics 14.
    .. [2] T. Lange, V. Roth, M. L. Braun and J. M. Buhmann (2004).
       "Stability-based validation of clustering solutions." Neural Computation
       16.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster.model_selection import get_unsupervised_scorer
    >>> X = load_iris().data
    >>> scorer = get_unsupervised_scorer("silhouette")
    >>> round(scorer(KMeans(2, random_state=0).fit(X), X), 2)
    0.68
    """
    if name not in get_unsupervised_scorer_names():
        raise ValueError(
            f"{name!r} is not one of {', '.join(get_unsupervised_scorer_names())}."
        )
    if isinstance(space, str) and space not in ("last_step", "input"):
        raise ValueError(
            f"space={space!r} is neither 'last_step' nor 'input' nor a transformer."
        )
    return LabelFreeScorer(
        name,
        space=space,
        max_samples=max_samples,
        n_resamples=n_resamples,
        random_state=random_state,
    )
