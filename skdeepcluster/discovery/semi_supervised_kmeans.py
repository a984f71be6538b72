"""Semi-supervised k-means: labeled rows seed their centres and hold them."""

from numbers import Integral, Real

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .._rows import distinct_rows
from .._scaling import TableScaling
from .._validation import draw_seed
from .._warnings import warn_if_collapsed
from ..kernels.kmeans import center_sums, nearest_centers
from ..kernels.silhouettes import mean_silhouettes
from ._base import DiscoveryEstimator
from ._n_novel import MOST_NOVEL, SILHOUETTE_ROWS, cut, sample_rows
from ._novel_centers import Centers, class_means, draw_centers


class SemiSupervisedKMeans(DiscoveryEstimator):
    """K-means in which labeled rows never leave the cluster of their class.

    Unlabeled rows belong to known classes or to novel ones. The centres of the
    known classes start at the means of their labeled rows, novel ones at unlabeled
    rows drawn as in k-means++. Then unlabeled rows take the nearest centre, and
    every centre the mean of all its rows, labeled and unlabeled, in turn.

    Parameters
    ----------
    n_novel : int or "auto", default="auto"
        Number of novel classes. "auto" takes the number of clusters, up to 30
        more than there are known classes, with which plain k-means puts the
        labeled rows together best; of equally good ones, that with the best
        silhouette (both on a sample of 2000 rows, where there are more).
    n_init : int, default=10
        Number of starts, of which the one with the least inertia is kept.
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
    classes_ : ndarray of shape (n_known,)
        Known classes, sorted.
    n_novel_ : int
        Number of novel classes found.
    novel_classes_ : ndarray of shape (n_novel_,)
        Their names, the largest class first: integers from ``max(classes_) + 1``
        on where classes are integers, else "novel_0", "novel_1" and so on.
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

    Notes
    -----
    O(n_init · steps · n_samples · k · n_features) time with k = n_known + n_novel,
    and a scaled copy of the table in memory. ``n_novel="auto"`` adds three starts
    of plain k-means for each number.

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
        "n_novel": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_novel="auto",
        *,
        n_init=10,
        max_iter=300,
        tol=1e-4,
        encoder=None,
        random_state=None,
    ):
        self.n_novel = n_novel
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.encoder = encoder
        self.random_state = random_state

    def _fit_codes(self, Z, known, sample_weight):
        self._seed = draw_seed(self.random_state)
        self._scaling = TableScaling(*distinct_rows(Z))
        self._dtype = Z.dtype
        self._scaled = self._scaling.transform(Z)
        return self._cluster_codes(self.n_novel)

    def _recluster_codes(self, n_novel):
        known, rng = self._known, np.random.default_rng(self._seed)
        free = self._scaled[~known.labeled]
        if n_novel == "auto":
            n_novel = self._estimate_n_novel(rng) if len(free) else 0
        labeled = LabeledSums(self._scaled, known)
        rows, weights = self._scaled[:0], np.empty(0)
        if len(free):
            rows, weights = distinct_rows(free)
        tol = self.tol * self._scaled.shape[1]
        best = None
        for _ in range(self.n_init if n_novel else 1):
            novel = rows[:0]
            if n_novel:
                novel = draw_centers(rows, weights, labeled.means, n_novel, 2, rng)
            centers = np.concatenate([labeled.means, novel])
            run = constrained_lloyd(
                rows, weights, centers, labeled, max_iter=self.max_iter, tol=tol
            )
            if best is None or run[1] < best[1]:
                best = run
        centers, inertia, self.n_iter_ = best
        self._keep(rows, weights, centers, n_novel)
        # Of Python floats, which go to infinity without a warning.
        self.inertia_ = self._scaling.inverse_squares(inertia)
        codes = known.codes.copy()
        if len(free):
            codes[~known.labeled] = self._centers.nearest(free)[0]
        return codes

    def _keep(self, rows, weights, centers, n_novel):
        """Number the novel centres, the largest first; drop those without rows."""
        n_known, spread = self._known.n_known, 0.0
        if len(rows):
            labels, distances = nearest_centers(rows, centers)
            sizes = np.bincount(labels, weights, len(centers))
            spread = float(np.sum(weights * distances) / weights.sum())
            keys = [*centers[n_known:].T[::-1], -sizes[n_known:]]
            order = n_known + np.lexsort(keys)
            order = order[sizes[order] > 0]
            warn_if_collapsed(len(order), n_novel, "Ask for fewer novel classes.")
            centers = np.concatenate([centers[:n_known], centers[order]])
        self.temperature_ = spread or 1.0
        self._centers = Centers(centers[:n_known], centers[n_known:], allow_known=True)
        centers = self._scaling.inverse_transform(centers, self._dtype)
        self._set_cluster_centers(centers)

    def _estimate_n_novel(self, rng):
        """Find the number of clusters that puts labeled rows together best."""
        known = self._known
        codes = known.codes.astype(np.float64)
        table, weights = distinct_rows(np.column_stack([codes, self._scaled]))
        table, weights = sample_rows(table, weights, SILHOUETTE_ROWS, rng)
        codes, rows = table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:])
        first = max(2, known.n_known)
        most = min(known.n_known + MOST_NOVEL, len(rows) - 1)
        numbers = np.arange(first, most + 1)
        if len(numbers) == 0:
            return max(1, len(rows) - known.n_known) if known.n_known == 0 else 0
        partitions = np.array(
            [cut(rows, weights, int(number), rng) for number in numbers]
        )
        right = np.array(
            [labeled_weight_right(codes, found, weights) for found in partitions]
        )
        equal = right >= right.max()
        silhouettes = mean_silhouettes(rows, weights, partitions[equal])
        return int(numbers[equal][silhouettes.argmax()]) - known.n_known

    def _predict_codes(self, Z):
        return self._centers.nearest(self._scaling.transform(Z))[0]

    def predict_proba(self, X):
        """Soft assignment of rows to classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known + n_novel_)
            Softmax of the negative squared distances over ``temperature_``, in
            the order ``classes_``, then ``novel_classes_``. Rows sum to 1; in the
            dtype of `X`.
        """
        Z = self._embed(X)
        soft = self._centers.probabilities(
            self._scaling.transform(Z), self.temperature_
        )
        return soft.astype(Z.dtype)


class LabeledSums:
    """What the labeled rows of each class add to its centre and to the inertia.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        All rows, scaled.
    known : PartialLabels
        Their codes.
    """

    def __init__(self, rows, known):
        self.means = class_means(rows, known.codes, known.n_known)
        self.sizes = np.bincount(known.codes[known.labeled], minlength=known.n_known)
        self.scatters = np.zeros(known.n_known)
        for code in range(known.n_known):
            mine, weights = distinct_rows(rows[known.codes == code])
            away = (mine - self.means[code]) ** 2
            self.scatters[code] = np.sum(weights * away.sum(axis=1))

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
    labeled = codes >= 0
    table = np.zeros((codes.max() + 1, labels.max() + 1))
    np.add.at(table, (codes[labeled], labels[labeled]), weights[labeled])
    return float(table[linear_sum_assignment(table, maximize=True)].sum())
