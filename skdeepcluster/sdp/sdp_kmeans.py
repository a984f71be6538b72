"""SDPKMeans: k-means by a convex relaxation that can prove its answer."""

from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .._rows import numbered_rows
from .._scaling import TableScaling, power_of_two
from .._validation import check_weights, draw_seed
from .._warnings import warn, warn_if_collapsed, warn_of_singleton
from ..base import WeightedClusterer
from ..kernels.kmeans import nearest_centers
from ..kernels.soft_assignment import pairwise_squared_distances
from ._relaxation import SolverOptions, fit_sdp_kmeans


class SDPKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, WeightedClusterer):
    """K-means by semidefinite programming, with a bound on every other answer.

    The relaxation of Peng and Wei replaces partitions by a convex set of
    matrices. Its minimum is a lower bound on the inertia of every partition, so
    ``gap_`` says how much a better one could gain at most, and
    ``certified_`` whether there is none at all.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.
    solver : {"auto", "low_rank", "admm", "cvxpy"}, default="auto"
        "low_rank" solves the relaxation with a factor of 2 ``n_clusters``
        columns, in time and memory linear in the rows. "admm" solves it with
        matrices of all pairs of rows, which gives a bound where the partition
        proves nothing itself; "cvxpy" hands it to SCS, up to 300 distinct rows.
        "auto" first tries to prove the partition of k-means optimal; where that
        fails it runs "admm" up to 1000 distinct rows, and "low_rank" beyond.
    n_init : int, default=10
        Most starts of k-means: the first suffices where its partition is proven
        optimal.
    balance_sizes : bool, default=False
        True gives small clusters the weight of large ones: the relaxation is
        solved on rows drawn with probability inverse to the size of their
        cluster in k-means, and its centres lead Lloyd's algorithm on all rows
        to a local optimum. For clusters of very different sizes, where the
        partition of least inertia cuts the largest one in two.
    max_samples : int, default=100000
        Beyond this number of distinct rows the relaxation is solved on 2000
        weighted centres of small groups of rows; every row is still labelled,
        and the bound is that of all rows. Of more than five clusters so it is
        beyond ``5 * max_samples / n_clusters`` rows.
    tol : float, default=1e-4
        Largest infeasibility of the relaxation, where the constraint has norm 1.
    max_iter : int, default=25
        Largest number of outer iterations of "low_rank", of 100 steps each;
        "admm" and "cvxpy" take 100 times as many.
    encoder : transformer, default=None
        What embeds the rows first, such as :class:`NeighborEncoder`,
        :class:`AutoEncoder` or scikit-learn's PCA; None clusters the columns as
        they are.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts. With an int, the same table gives the same clusters
        bit for bit, whatever the order of its rows.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row, that of the nearest centre; 0 is the largest.
    n_clusters_ : int
        Number of clusters that hold rows.
    cluster_centers_ : ndarray of shape (n_clusters_, n_features_in_)
        Means of the clusters, in input units and dtype. With an encoder they
        are decoded, and absent where it has no ``inverse_transform``.
    inertia_ : float
        Weighted sum of squared distances of the rows (encoded ones with an
        encoder) to their centres.
    objective_ : float
        Value of the relaxation at its solution, in units of the inertia; the
        inertia where it was not solved because the partition is proven.
    lower_bound_ : float
        No partition into so many clusters has an inertia below this.
    gap_ : float
        ``(inertia_ - lower_bound_) / inertia_``, 0 where the inertia is 0.
    certified_ : bool
        Whether the partition is proven to have the least inertia of all, up to a
        relative 1e-7.
    bound_searched_ : bool
        Whether a bound higher than that of the closed form was searched for, which
        a proof makes needless and a large table costly (see Notes). Where it was
        not, `lower_bound_` holds, and may be far too low.
    infeasibility_ : float
        Norm by which the solution misses the constraint of the relaxation; 0
        where it was not solved.
    solver_ : str
        What gave the answer: "certificate" (k-means, proven optimal),
        "low_rank", "admm" or "cvxpy". Beyond `max_samples` that of the centres
        that stand for the rows: only `certified_` is about all of them.
    membership_ : ndarray of shape (n_samples, rank)
        Nonnegative factor U of the solution: ``U @ U.T`` is near ``1 / size`` for
        rows of the same cluster and 0 for others. Its columns may be mixtures
        of clusters. Of "admm" and "cvxpy" it is the partition's. Rows
        without weight have zeros.
    n_iter_ : int
        Iterations of the solver that gave the answer; 1 for "certificate".
    converged_ : bool
        Whether it ended before `max_iter`.
    trace_ : list of dict
        ``tier``, ``objective`` and ``infeasibility`` of every iteration.
    encoder_ : transformer
        The fitted encoder, where one was given.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described, there are fewer rows
        than clusters, or too many for ``solver="cvxpy"``.

    Warns
    -----
    ConvergenceWarning
        If there are fewer distinct rows than clusters, a cluster holds a single
        row, or the solver stopped at `max_iter`; ``gap_`` holds all the same.

    See Also
    --------
    ILASDP : A relaxation for groups of different shapes.
    sklearn.cluster.KMeans : K-means without a proof.

    Notes
    -----
    The relaxation minimises ``|X|² - <X X', Z>`` over positive semidefinite and
    elementwise nonnegative ``Z`` with rows of sum 1 and trace ``n_clusters`` [1]_.
    Above a known separation of Gaussian groups its solution is the partition
    itself [2]_, and then the dual variables that prove it follow from the
    partition in closed form: a bound takes O(n_samples (n_features +
    n_clusters)²) time. Where it proves nothing, a search over one number in these
    variables still gives a bound within percents, in nine times this time; up to
    500 columns and pairs of clusters, and where n_samples (n_features +
    n_clusters)² is at most 1e8. The low-rank solver follows [3]_ in
    ``Z = U U'``, ``U >= 0``; a step takes O(n_samples n_features n_clusters) time,
    and no array of n_samples² is made. "admm" takes O(n_samples² n_clusters) time
    an iteration and O(n_samples²) memory. Equal rows are one weighted row everywhere.

    The partition kept is the best of those found: k-means, improved by moving
    single rows and by merging two clusters and cutting a third, and what is
    read off the relaxation, improved in the same way.

    Ctrl-C leaves the estimator as it was before the call.

    References
    ----------
    .. [1] J. Peng and Y. Wei, "Approximating K-means-type clustering via
       semidefinite programming", SIAM Journal on Optimization 18(1), 2007.
    .. [2] X. Chen and Y. Yang, "Cutoff for exact recovery of Gaussian mixture
       models", IEEE Transactions on Information Theory 67(6), 2021.
    .. [3] Y. Zhuang, X. Chen, Y. Yang and R. Y. Zhang, "Statistically optimal
       K-means clustering via nonnegative low-rank semidefinite programming",
       International Conference on Learning Representations, 2024.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster import SDPKMeans
    >>> X, _ = make_blobs(200, centers=3, cluster_std=0.5, random_state=1)
    >>> model = SDPKMeans(3, random_state=0).fit(X)
    >>> model.certified_
    True
    >>> model.solver_
    'certificate'
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions({"auto", "low_rank", "admm", "cvxpy"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "balance_sizes": ["boolean"],
        "max_samples": [Interval(Integral, 2, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        solver: Literal["auto", "low_rank", "admm", "cvxpy"] = "auto",
        n_init: int = 10,
        balance_sizes: bool = False,
        max_samples: int = 100000,
        tol: float = 0.0001,
        max_iter: int = 25,
        encoder: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.solver = solver
        self.n_init = n_init
        self.balance_sizes = balance_sizes
        self.max_samples = max_samples
        self.tol = tol
        self.max_iter = max_iter
        self.encoder = encoder
        self.random_state = random_state

    def _fit_clusters(self, Z, sample_weight):
        distinct, weights, numbers = numbered_rows(Z, sample_weight)
        # A power of two changes no digit, and keeps sums in the range of float32.
        weight_unit = 1.0 if sample_weight is None else power_of_two(weights)
        weights /= weight_unit
        scaling = TableScaling(distinct, weights)
        found = fit_sdp_kmeans(
            scaling.transform(distinct),
            weights,
            min(int(self.n_clusters), len(distinct)),
            SolverOptions(self.solver, self.n_init, self.tol, self.max_iter),
            np.random.default_rng(draw_seed(self.random_state)),
            balance_sizes=self.balance_sizes,
            max_samples=self.max_samples,
        )
        self._scaling, self._scaled_centers = scaling, found.centers
        self.n_clusters_ = self._n_features_out = len(found.centers)
        self.labels_ = self._predict_labels(Z)
        self._set_cluster_centers(scaling.inverse_transform(found.centers, Z.dtype))
        factor = (found.relaxed.factor / np.sqrt(weights * weight_unit)).T
        membership = np.where(numbers[:, np.newaxis] < 0, 0.0, factor[numbers])
        self.membership_ = np.ascontiguousarray(membership, dtype=Z.dtype)
        self._publish(found.relaxed, weight_unit)
        self._warn(found.relaxed)

    def _publish(self, relaxed, weight_unit):
        """Set what the relaxation says, in units of the table."""

        def in_units(value):
            return self._scaling.inverse_squares(value) * float(weight_unit)

        self.inertia_ = in_units(relaxed.inertia)
        self.objective_ = in_units(relaxed.objective)
        self.lower_bound_ = in_units(relaxed.bound.value)
        self.gap_ = float(relaxed.bound.gap)
        self.certified_ = bool(relaxed.bound.is_proof)
        self.bound_searched_ = bool(relaxed.is_searched)
        self.infeasibility_ = float(relaxed.infeasibility)
        self.solver_ = relaxed.solver
        self.n_iter_ = relaxed.n_iter
        self.converged_ = bool(relaxed.converged)
        self.trace_ = [
            entry | {"objective": in_units(entry["objective"])}
            for entry in relaxed.trace
        ]

    def _warn(self, relaxed):
        warn_if_collapsed(
            self.n_clusters_, self.n_clusters, "There are too few distinct rows."
        )
        if not relaxed.converged:
            # The other criterion of the solvers is the change that is still going on.
            state = (
                "while its solution still changed too much for"
                if relaxed.infeasibility < self.tol
                else f"at an infeasibility of {relaxed.infeasibility:.1e}, above"
            )
            warn(
                f"The solver {relaxed.solver!r} stopped after {relaxed.n_iter} "
                f"iterations {state} tol={self.tol:g}: raise max_iter or tol. The "
                "labels and gap_ hold all the same."
            )
        warn_of_singleton(self.labels_, self.n_clusters_)

    def _nearest(self, Z):
        return nearest_centers(self._scaling.transform(Z), self._scaled_centers)

    def _predict_labels(self, Z):
        return self._nearest(Z)[0].astype(np.int64)

    def transform(self, X: ArrayLike) -> Any:
        """Measure the distances of rows to the centres of the clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters_)
            Euclidean distances in the units of the table, or of what the encoder
            made of it; in the dtype of `X`.
        """
        Z = self._embed(X)
        scaled = self._scaling.transform(Z)
        squares = pairwise_squared_distances(scaled, self._scaled_centers)
        return self._scaling.inverse_distances(squares, Z.dtype)

    def score(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Negative inertia of a table: the higher, the nearer are rows to centres.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. None means 1 for all.

        Returns
        -------
        score : float
            Minus the weighted sum of squared distances to the nearest centres, in
            squared units of the table.
        """
        Z = self._embed(X)
        weights = check_weights(sample_weight, Z)
        squares = self._nearest(Z)[1]
        total = squares.sum() if weights is None else np.sum(weights * squares)
        return -self._scaling.inverse_squares(total)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
