"""How surely each cluster of a table is found again, beyond chance.

::

    J[r, c] = Jaccard index of cluster c and its most similar one in resample r
              for n_halves halves of the rows and n_bootstraps bootstraps
    for each of two reference tables without groups, as wide and skewed as the table:
        J0[d] = mean + standard deviation over some halves of the Jaccard index of its
                cluster d
    chance[c] = largest J0 of the clusters d about as large as c; at least the mean of
                all, weighted by their sizes, and the share of the rows in c
    stability[c] = (mean - standard deviation of J[:, c] - chance[c]) / (1 - chance[c])
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.utils import Bunch, _safe_indexing, check_array
from sklearn.utils.validation import _num_samples

from .._scaling import TableScaling
from .._validation import draw_seed
from ._fitted import NOISE, judged_by_score, labels_of
from ._resampling import labels_from
from ._table_axes import TableAxes

# Between these the reference is uniform in each column: as wide and skewed as the
# table, with one peak.
QUANTILES = np.array([0, 0.05, 0.5, 0.95, 1])

# Clusters of the reference between this share of a cluster's size and its inverse
# are about as large.
LIKE_SIZE = 0.5
# A cluster that every resample shows whole is found again, whatever references do.
MOST_CHANCE = 0.95
# Of fewer rows, one or two decide whether a cluster is found again.
FEWEST_ROWS = 10
TINY = np.finfo(np.float64).tiny


def cluster_stability(
    estimator: Any,
    X: ArrayLike,
    *,
    n_halves: int = 4,
    n_bootstraps: int = 2,
    max_samples: int = 2000,
    random_state: int | np.random.RandomState | None = 0,
) -> Any:
    """Measure how surely each cluster is found again, beyond chance.

    Copies of the estimator are fitted on halves and on bootstraps of the rows, and
    each cluster is compared with the most similar one of each [1]_: rows in both,
    over rows in either. Where there are no groups a clusterer may cut a table in
    the same way again and again; what it reaches on two tables without groups,
    which are as wide, as skewed and as correlated as this one, is taken as chance.

    Parameters
    ----------
    estimator : object
        Fitted clusterer, or a pipeline that ends in one. Of a search copies of the
        winner are fitted; of an :class:`~skdeepcluster.AutoCluster` that took a vote
        there is none, and it is fitted anew.
    X : array-like of shape (n_samples, n_features)
        Rows; those of fit, where the estimator has no ``predict``. A pandas frame
        may hold text and gaps, where the estimator takes them.
    n_halves : int, default=4
        Halves of the rows.
    n_bootstraps : int, default=2
        Bootstraps of the rows.
    max_samples : int, default=2000
        Of a larger table, halves and bootstraps are of so many rows drawn at
        random; all rows are labelled by them.
    random_state : int, RandomState or None, default=0
        Decides what is drawn.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        What was found:

        stability : ndarray of shape (n_clusters,)
            0 where a cluster is found again no better than by chance, 1 where it
            always is, whole. The standard deviation of the resamples is taken off
            their mean. NaN for a single cluster, and for one of fewer than ten
            rows: there is nothing to tell.
        low, high : ndarray of shape (n_clusters,)
            The same of the resamples that show the cluster worst and best.
        jaccard : ndarray of shape (n_halves + n_bootstraps, n_clusters)
            The Jaccard indices behind them, halves first.
        chance : ndarray of shape (n_clusters,)
            The Jaccard index that chance reaches, the standard deviation of the
            resamples added; at most 0.95 but for clusters
            that hold a larger share of the rows.
        row_stability : ndarray of shape (n_samples,)
            Share of the resamples whose most similar cluster has the row; 0 for
            noise.
        n_found : ndarray of shape (n_halves + n_bootstraps,)
            Numbers of clusters that the resamples show.

    Raises
    ------
    ValueError
        If there is no resample to draw, fewer than 4 rows, or the estimator cannot
        label the rows.

    See Also
    --------
    get_unsupervised_scorer : The stability of whole partitions.

    Notes
    -----
    One reference is uniform in the box of the principal axes, as in the gap
    statistic [2]_; the other has the table's rank correlations, and in each column
    its quantiles at 0, 5, 50, 95 and 100 %, uniform between them, less those that
    would make a second peak. Of a frame that is not all numbers, the references are
    the table with each column shuffled by itself.

    A cluster that holds a share p of the rows has a Jaccard index of p with the
    table as a whole, and is not said to be found again for that.

    With the default numbers copies are fitted to eight times the rows, half of them
    of tables without groups, on which some methods take more iterations.

    References
    ----------
    .. [1] C. Hennig (2007). "Cluster-wise assessment of cluster stability."
       Computational Statistics & Data Analysis 52.
    .. [2] R. Tibshirani, G. Walther and T. Hastie (2001). "Estimating the number of
       clusters in a data set via the gap statistic." Journal of the Royal
       Statistical Society B 63.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster.model_selection import cluster_stability
    >>> X = load_iris().data
    >>> model = KMeans(3, n_init=10, random_state=0).fit(X)
    >>> cluster_stability(model, X).stability.round(1)
    array([0.2, 1. , 0. ])
    """
    if n_halves + n_bootstraps < 1:
        raise ValueError("n_halves and n_bootstraps are 0: there is nothing to draw.")
    if _num_samples(X) < 4:
        raise ValueError(f"{_num_samples(X)} rows are too few: half of 4 are needed.")
    rng = np.random.default_rng(draw_seed(random_state))
    labels = labels_of(estimator, X)
    # A search that was fitted is not repeated, where its winner can be.
    winner = getattr(estimator, "best_estimator_", None)
    estimator = winner if hasattr(winner, "fit") else estimator
    n_clusters, n_rows = labels.max(initial=NOISE) + 1, min(len(labels), max_samples)
    halves = [_draw(len(labels), n_rows // 2, rng) for _ in range(n_halves)]
    resamples = halves + [
        np.sort(rng.choice(len(labels), n_rows)) for _ in range(n_bootstraps)
    ]
    jaccard, row_stability, n_found = _found_again(estimator, X, labels, resamples)
    sizes = np.bincount(labels[labels != NOISE], minlength=n_clusters)
    chance = np.full(n_clusters, np.nan)
    if n_clusters > 1:
        table = _safe_indexing(X, _draw(len(labels), n_rows, rng))
        references = [
            _by_chance(estimator, reference, max(1, n_halves // 2), rng)
            for reference in _tables_without_groups(table, rng)
        ]
        chance = _chance(sizes / len(labels), references)
        chance[sizes < FEWEST_ROWS] = np.nan
    low, high = jaccard.min(axis=0), jaccard.max(axis=0)
    careful = np.maximum(jaccard.mean(axis=0) - jaccard.std(axis=0), low)
    stability, low, high = (
        np.clip((indices - chance) / np.maximum(1 - chance, TINY), 0, 1)
        for indices in (careful, low, high)
    )
    return Bunch(
        stability=stability,
        low=low,
        high=high,
        jaccard=jaccard,
        chance=chance,
        row_stability=row_stability,
        n_found=n_found,
    )


def _chance(shares, references):
    """Jaccard index that chance reaches for clusters of some shares of the rows."""
    level = np.zeros(len(shares))
    for jaccard, sizes in references:
        level = np.maximum(level, sizes @ jaccard)
        ratio = sizes / shares[:, np.newaxis]
        alike = (ratio >= LIKE_SIZE) & (ratio <= 1 / LIKE_SIZE)
        level = np.maximum(level, np.where(alike, jaccard, 0).max(axis=1))
    return np.maximum(np.minimum(level, MOST_CHANCE), shares)


def _draw(n_samples, number, rng):
    return np.sort(rng.choice(n_samples, number, replace=False))


def _places(estimator, X):
    """Where rows lie: needed where a copy cannot label rows that it was not given."""
    if hasattr(estimator, "predict"):
        return None
    return TableAxes().fit_transform(check_array(X, dtype=np.float64))


def _found_again(estimator, X, labels, resamples):
    """Jaccard indices, shares of rows, and numbers of clusters of resamples."""
    Z = _places(estimator, X)
    n_clusters = labels.max(initial=NOISE) + 1
    jaccard, shares = np.empty((len(resamples), n_clusters)), np.zeros(len(labels))
    n_found = np.empty(len(resamples), dtype=np.int64)
    for r, rows in enumerate(resamples):
        found = labels_from(estimator, X, None, Z, rows)
        if found is None:
            found = np.zeros(len(labels), dtype=np.int64)
        jaccard[r], twins = most_similar(labels, found)
        shares += (labels >= 0) & (np.append(twins, NOISE - 1)[labels] == found)
        n_found[r] = len(np.unique(found[found >= 0]))
    return jaccard, (shares / len(resamples)).round(6), n_found


def most_similar(labels, others):
    """For each cluster of a partition the most similar one of another.

    Parameters
    ----------
    labels, others : ndarray of shape (n_samples,)
        Clusters, numbered from 0; -1 is noise, and similar to nothing.

    Returns
    -------
    jaccard : ndarray of shape (n_clusters,)
        Rows in both, over rows in either.
    twins : ndarray of shape (n_clusters,), dtype=int64
        The most similar clusters.
    """
    shape = labels.max(initial=NOISE) + 2, max(1, others.max(initial=NOISE) + 1) + 1
    # Noise of either lies in the last row or column.
    both = np.zeros(shape, dtype=np.int64)
    np.add.at(both, (labels, others), 1)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    indices = both[:-1, :-1] / np.maximum(either[:-1, :-1], 1)
    return indices.max(axis=1), indices.argmax(axis=1)


def _by_chance(estimator, table, n_halves, rng):
    """Jaccard indices that clusters of a table without groups reach, and their shares.

    A method that finds a single one, or none, is not led astray: chance is 0.
    """
    nothing = np.zeros(1), np.ones(1)
    with judged_by_score():
        try:
            labels = labels_of(clone(estimator).fit(table), table)
        except ValueError:
            return nothing
    if labels.max(initial=NOISE) < 1:
        return nothing
    halves = [_draw(len(labels), len(labels) // 2, rng) for _ in range(n_halves)]
    jaccard = _found_again(estimator, table, labels, halves)[0]
    # As much is added here as is taken off there.
    level = jaccard.mean(axis=0) + jaccard.std(axis=0)
    return level, np.bincount(labels[labels != NOISE]) / len(labels)


def _tables_without_groups(X, rng):
    """Yield two tables like `X`, but for its groups."""
    if not _is_numeric(X):
        for _ in range(2):
            yield _each_column_shuffled(X, rng)
        return
    table = check_array(X, dtype=[np.float64, np.float32])
    scaling = TableScaling(table, by_column=True)
    Z = scaling.transform(table)
    for draw in (_box, _skewed):
        rows = scaling.inverse_transform(draw(Z, rng), table.dtype)
        yield type(X)(rows, columns=X.columns) if hasattr(X, "iloc") else rows


def _is_numeric(X):
    """Whether all is numbers, and none is missing."""
    if not hasattr(X, "iloc"):
        return True
    return (
        all(dtype.kind in "fiu" for dtype in X.dtypes) and not X.isna().to_numpy().any()
    )


def _box(Z, rng):
    """Uniform rows in the box of the principal axes."""
    left, lengths, axes = np.linalg.svd(Z, full_matrices=False)
    scores = left * lengths
    drawn = rng.uniform(scores.min(axis=0), scores.max(axis=0), size=scores.shape)
    return drawn @ axes


def _skewed(Z, rng):
    """Rows with the rank correlations of a table, and its quantiles in each column."""
    n_rows = len(Z)
    normal = ndtri((rankdata(Z, axis=0) - 0.5) / n_rows)
    # Random sums of the rows have their covariances.
    drawn = rng.standard_normal((n_rows, n_rows)) @ normal
    lengths = np.linalg.norm(normal, axis=0)
    shares = ndtr(drawn / np.where(lengths > 0, lengths, 1))
    knots = np.quantile(Z, QUANTILES, axis=0)
    columns = [_with_one_peak(shares[:, j], knots[:, j]) for j in range(Z.shape[1])]
    return np.column_stack(columns)


def _with_one_peak(shares, knots):
    """Bring shares of a column to its units, by quantiles that leave it one peak."""
    density = np.diff(QUANTILES) / np.maximum(np.diff(knots), 1e-300)
    kept = np.array(
        [True, density[0] <= density[1], True, density[3] <= density[2], True]
    )
    return np.interp(shares, QUANTILES[kept], knots[kept])


def _each_column_shuffled(frame, rng):
    """Take away all that columns have to do with each other."""
    shuffled = frame.copy()
    for j in range(frame.shape[1]):
        shuffled.isetitem(j, frame.iloc[rng.permutation(len(frame)), j].array)
    return shuffled
