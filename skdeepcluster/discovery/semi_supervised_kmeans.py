"""Semi-supervised k-means: labeled rows seed their centres and hold them."""

from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.utils._param_validation import HasMethods, Interval

from .._kmeans import kmeans
from .._rows import canonical_order, distinct_rows
from .._warnings import warn_if_collapsed
from ..kernels.kmeans import center_sums, nearest_centers
from ..kernels.silhouettes import mean_silhouettes
from ._base import N_NOVEL
from ._centers import CenterDiscovery, CenterFit
from ._n_novel import MOST_NOVEL, SILHOUETTE_ROWS, cut, sample_rows
from ._novel_centers import Centers, class_means, draw_centers, unlabeled_rows


class SemiSupervisedKMeans(CenterDiscovery):
    """K-means in which labeled rows never leave the cluster of their class.

    Unlabeled rows belong to known classes or to novel ones. The centres of the
    known classes start at the means of their labeled rows, novel ones at unlabeled
    rows drawn as in k-means++; one more start takes all centres from plain k-means.
    Then unlabeled rows take the nearest centre, and every centre the mean of all its
    rows, labeled and unlabeled, in turn.

    Parameters
    ----------
    n_novel : int or "auto", default="auto"
        Number of novel classes. "auto" takes the number of clusters, up to 30
        more than there are known classes, with which plain k-means puts the
        labeled rows together best; of equally good ones, that with the best
        silhouette (both on a sample of 2000 rows, where there are more).
    n_init : int, default=10
        Number of starts, and of those of the plain k-means that one more start
        comes from. The one with the least inertia is kept.
    max_iter : int, default=300
        Largest number of steps of one start.
    tol : float, default=1e-4
        A start ends when the squared distances that the centres moved sum to
        at most this share of the table's mean variance.
    encoder : transformer, default=None
        What embeds the rows first, such as :class:`NeighborEncoder`,
        :class:`AutoEncoder` or scikit-learn's PCA; None clusters the columns as
        they are.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts. With an int, the same table gives the same clusters
        bit for bit, whatever the order of its rows.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Class of every row: known rows keep theirs.
    classes_ : ndarray of shape (n_known + n_novel_,)
        All classes, in the order of the columns of :meth:`predict_proba`: known
        ones, then novel ones.
    known_classes_ : ndarray of shape (n_known,)
        Known classes, sorted.
    novel_classes_ : ndarray of shape (n_novel_,)
        Novel classes, the largest first: integers from ``max(known_classes_) + 1``
        on where classes are integers, otherwise "novel_0", "novel_1" and so on.
    n_novel_ : int
        Number of novel classes found.
    cluster_centers_ : ndarray of shape (n_known + n_novel_, n_features_in_)
        Centres of the known classes, then of the novel ones, in input units and
        dtype. With an encoder they are decoded, and absent where it has no
        ``inverse_transform``.
    inertia_ : float
        Sum of squared distances of all rows to the centres of their clusters, in
        squared units of the table.
    temperature_ : float
        Mean squared distance, in the scaled table, of the unlabeled rows to
        their centres: the softness of :meth:`predict_proba`.
    n_iter_ : int
        Steps of the best start.
    converged_ : bool
        Whether it ended before `max_iter` steps.
    encoder_ : transformer
        The fitted encoder, where one was given.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter, the table or the labels are not as described, or
        `n_novel` is larger than the number of unlabeled rows.

    Warns
    -----
    ConvergenceWarning
        If fewer classes than asked for hold rows.

    See Also
    --------
    SemiSupervisedGaussianMixture : Classes of any size and shape of ellipsoid.
    NCDKMeans : Where all unlabeled rows are of novel classes.
    ConstrainedKMeans : A given number of clusters, with bounds of their sizes and with
        pairs of rows that belong together or apart.

    Notes
    -----
    O(n_init · steps · n_samples · k · n_features) time with k = n_known + n_novel,
    and a scaled copy of the table in memory. ``n_novel="auto"`` adds three starts
    of plain k-means for each number.

    Of many columns a single row is farther from the rows of its own class than
    these are from the mean of any class: starts from rows beside means then leave
    the novel centres empty. The start from plain k-means, whose centres are means
    one and all, does not: its clusters go to the known classes such that the most
    labeled weight is right.

    A novel centre that loses all rows takes the unlabeled row that lies farthest
    from its own centre. The number of classes is that of [1]_, Section 3.3, looked
    for on a grid: the accuracy is a step function, on which the search by Brent's
    method that the authors use depends on its bounds. Classes that k-means lumps
    together without harm to the known ones are not told apart.

    Ctrl-C leaves the estimator as it was before the call.

    References
    ----------
    .. [1] S. Vaze, K. Han, A. Vedaldi and A. Zisserman, "Generalized category
       discovery", IEEE/CVF Conference on Computer Vision and Pattern Recognition,
       2022. Sections 3.2 and 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import SemiSupervisedKMeans
    >>> X, y = load_iris(return_X_y=True)
    >>> y_partial = np.where((y == 0) & (np.arange(150) % 2 == 0), 0, -1)
    >>> model = SemiSupervisedKMeans(n_novel=2, random_state=0).fit(X, y_partial)
    >>> model.novel_classes_
    array([1, 2])
    >>> np.bincount(model.labels_)
    array([50, 62, 38])
    """

    _parameter_constraints = {
        "n_novel": N_NOVEL,
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_novel: Literal["auto"] | int = "auto",
        *,
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 0.0001,
        encoder: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_novel = n_novel
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.encoder = encoder
        self.random_state = random_state

    def _fit_discovery(self, training, n_novel):
        return fit_semi_supervised_kmeans(
            training.rows,
            training.weights,
            training.known,
            n_novel,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            seed=training.seed,
        )


def fit_semi_supervised_kmeans(
    rows, weights, known, n_novel, *, n_init=10, max_iter=300, tol=1e-4, seed=0
):
    """Run semi-supervised k-means.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Scaled rows.
    weights : ndarray of shape (n_samples,) or None
        Their weights.
    known : PartialLabels
        Their classes.
    n_novel : int or "auto"
        Number of novel classes.
    n_init, max_iter, tol
        See :class:`SemiSupervisedKMeans`.
    seed : int, default=0
        Seed of the starts.

    Returns
    -------
    CenterFit
        The centres.
    """
    rng = np.random.default_rng(seed)
    labeled = LabeledSums(rows, known, weights)
    free, counts = unlabeled_rows(rows, known.codes, weights)
    if len(free) == 0:
        n_novel = 0
    elif n_novel == "auto":
        n_novel = n_novel_by_accuracy(rows, weights, known, rng)
    starts = [labeled.means]
    if n_novel:
        starts = [
            np.concatenate(
                [
                    labeled.means,
                    draw_centers(free, counts, labeled.means, n_novel, 2, rng),
                ]
            )
            for _ in range(n_init)
        ]
        starts += kmeans_start(rows, weights, known, n_novel, n_init, rng)
    best = None
    for start in starts:
        run = constrained_lloyd(
            free, counts, start, labeled, max_iter=max_iter, tol=tol * rows.shape[1]
        )
        if best is None or run[1] < best[1]:
            best = run
    centers, inertia, n_iter = best
    novel, spread = novel_centers(free, counts, centers, known.n_known)
    warn_if_collapsed(len(novel), n_novel, "Ask for fewer novel classes.")
    centers = Centers(centers[: known.n_known], novel, allow_known=True)
    codes = known.codes.copy()
    if known.n_unlabeled:
        codes[~known.labeled] = centers.nearest(rows[~known.labeled])[0]
    n_known, converged = known.n_known, n_iter < max_iter
    return CenterFit(
        codes, centers.all[:n_known], novel, inertia, spread, n_iter, converged
    )


def kmeans_start(rows, weights, known, n_novel, n_init, rng):
    """Centres of plain k-means, those of the known classes first.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Scaled rows.
    weights : ndarray of shape (n_samples,) or None
        Their weights.
    known : PartialLabels
        Their classes.
    n_novel : int
        Number of novel classes.
    n_init : int
        Starts of k-means.
    rng : numpy.random.Generator
        Draws these.

    Returns
    -------
    list of ndarray of shape (n_known + n_novel, n_features)
        One start; none where there are fewer distinct rows than classes.
    """
    codes = known.codes.astype(np.float64)
    table, weights = distinct_rows(np.column_stack([codes, rows]), weights)
    codes, rows = table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:])
    n_classes = known.n_known + n_novel
    if len(rows) < n_classes:
        return []
    run = kmeans(rows, weights, n_classes, rng, n_init=n_init)
    _, clusters = matched_clusters(codes, run.labels, weights, known.n_known, n_classes)
    others = np.setdiff1d(np.arange(n_classes), clusters)
    return [run.centers[np.concatenate([clusters, others])]]


def novel_centers(rows, weights, centers, n_known):
    """Novel centres that hold rows, the largest first, and the spread of all rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct unlabeled rows.
    weights : ndarray of shape (n_samples,)
        Their weights.
    centers : ndarray of shape (n_clusters, n_features)
        Centres, of the known classes first.
    n_known : int
        Number of known classes.

    Returns
    -------
    novel : ndarray of shape (n_novel, n_features)
        The centres, ordered.
    spread : float
        Mean squared distance of the rows to the nearest of all centres.
    """
    if len(rows) == 0:
        return rows, 0.0
    labels, distances = nearest_centers(rows, centers)
    sizes = np.bincount(labels, weights, len(centers))[n_known:]
    order = canonical_order(sizes, centers[n_known:])
    spread = float(np.sum(weights * distances) / weights.sum())
    return centers[n_known:][order[sizes[order] > 0]], spread


def n_novel_by_accuracy(rows, weights, known, rng):
    """Find the number of clusters that puts labeled rows together best.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Scaled rows.
    weights : ndarray of shape (n_samples,) or None
        Their weights.
    known : PartialLabels
        Their classes.
    rng : numpy.random.Generator
        Draws the starts, and of many rows a sample of 2000.

    Returns
    -------
    int
        Number of clusters less the number of known classes.
    """
    codes = known.codes.astype(np.float64)
    table, weights = distinct_rows(np.column_stack([codes, rows]), weights)
    table, weights = sample_rows(table, weights, SILHOUETTE_ROWS, rng)
    codes, rows = table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:])
    first = max(2, known.n_known)
    most = min(known.n_known + MOST_NOVEL, len(rows) - 1)
    numbers = np.arange(first, most + 1)
    if len(numbers) == 0:
        return max(1, len(rows) - known.n_known) if known.n_known == 0 else 0
    partitions = np.array([cut(rows, weights, int(k), rng) for k in numbers])
    right = np.array(
        [labeled_weight_right(codes, found, weights) for found in partitions]
    )
    equal = right >= right.max()
    silhouettes = mean_silhouettes(rows, weights, partitions[equal])
    return int(numbers[equal][silhouettes.argmax()]) - known.n_known


class LabeledSums:
    """What the labeled rows of each class add to its centre and to the inertia.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        All rows, scaled.
    known : PartialLabels
        Their codes.
    weights : ndarray of shape (n_samples,), default=None
        Their weights; None means 1 for all.
    """

    def __init__(self, rows, known, weights=None):
        self.means = class_means(rows, known.codes, known.n_known, weights)
        self.sizes = np.zeros(known.n_known)
        self.scatters = np.zeros(known.n_known)
        for code in range(known.n_known):
            members = known.codes == code
            if weights is not None:
                members &= weights > 0
            if not members.any():
                continue
            distinct, counts = distinct_rows(
                rows[members], None if weights is None else weights[members]
            )
            away = (distinct - self.means[code]) ** 2
            self.sizes[code] = counts.sum()
            self.scatters[code] = np.sum(counts * away.sum(axis=1))

    def inertia(self, centers):
        """Squared distances of the labeled rows to the centres of their classes."""
        away = ((centers[: len(self.means)] - self.means) ** 2).sum(axis=1)
        return float(np.sum(self.scatters + self.sizes * away))


def constrained_lloyd(rows, weights, centers, labeled, *, max_iter, tol):
    """Run Lloyd's algorithm on unlabeled rows beside labeled ones that stay.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct unlabeled rows.
    weights : ndarray of shape (n_samples,)
        How many equal rows each one stands for.
    centers : ndarray of shape (n_clusters, n_features)
        First centres, of the known classes first.
    labeled : LabeledSums
        The labeled rows of each known class.
    max_iter : int
        Most steps.
    tol : float
        Squared movement of the centres that ends the run.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        Last centres.
    inertia : float
        Squared distances of all rows, labeled ones included, to these.
    n_iter : int
        Number of steps.
    """
    n_known, old_labels = len(labeled.means), None
    for n_iter in range(1, max_iter + 1):  # noqa: B007
        labels, distances = _nearest(rows, centers)
        labels = _filled(labels, distances, weights, n_known, len(centers))
        sums, sizes = center_sums(rows, weights, labels, len(centers))
        sums[:n_known] += labeled.sizes[:, np.newaxis] * labeled.means
        sizes[:n_known] += labeled.sizes
        held = sizes > 0
        moved = centers.copy()
        moved[held] = sums[held] / sizes[held, np.newaxis]
        change = np.square(moved - centers).sum()
        centers = moved
        same = old_labels is not None and np.array_equal(labels, old_labels)
        if change <= tol or same:
            break
        old_labels = labels
    distances = _nearest(rows, centers)[1]
    return (
        centers,
        float(np.sum(weights * distances)) + labeled.inertia(centers),
        n_iter,
    )


def _nearest(rows, centers):
    if len(rows) == 0:
        return np.empty(0, dtype=np.intp), np.empty(0)
    return nearest_centers(rows, centers)


def _filled(labels, distances, weights, n_known, n_clusters):
    """Give each empty novel cluster the row farthest from its own centre."""
    members = np.bincount(labels, minlength=n_clusters)
    empty = n_known + np.flatnonzero(members[n_known:] == 0)
    if len(empty) == 0:
        return labels
    labels = labels.copy()
    for row in np.argsort(-distances, kind="stable"):
        own = labels[row]
        if len(empty) == 0 or distances[row] == 0:
            break
        if own < n_known or members[own] > 1:
            members[own] -= 1
            labels[row], empty = empty[0], empty[1:]
    return labels


def labeled_weight_right(codes, labels, weights):
    """Weight of labeled rows that the best matching of clusters gets right.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Known classes, -1 for unlabeled rows.
    labels : ndarray of shape (n_samples,)
        Clusters.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    float
        0 where no row is labeled.
    """
    shape = (codes.max() + 1, labels.max() + 1)
    return matched_clusters(codes, labels, weights, *shape)[0]


def matched_clusters(codes, labels, weights, n_known, n_clusters):
    """Match known classes with clusters such that the most weight is right.

    Parameters
    ----------
    codes, labels, weights
        See :func:`labeled_weight_right`.
    n_known, n_clusters : int
        Numbers of known classes and of clusters.

    Returns
    -------
    weight : float
        Weight of the labeled rows in the cluster of their class.
    clusters : ndarray of shape (min(n_known, n_clusters),)
        Cluster of each known class.
    """
    labeled = codes >= 0
    table = np.zeros((n_known, n_clusters))
    np.add.at(table, (codes[labeled], labels[labeled]), weights[labeled])
    matching = linear_sum_assignment(table, maximize=True)
    return float(table[matching].sum()), matching[1]
