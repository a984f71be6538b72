"""SDPKMeans: k-means by a convex relaxation that can prove its answer."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .._kmeans import weighted_means
from .._rows import canonical_order
from .._validation import draw_seed
from .._warnings import warn_if_collapsed
from ..base import BaseClusterer
from ..kernels.kmeans import nearest_centers
from ._relaxation import Settings, relax, relax_balanced, relax_summary
from ._scaled_rows import ScaledRows, squared_unit, warn_if_alone


class SDPKMeans(BaseClusterer):
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
        and the bound is that of all rows.
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
        Sum of squared distances of the rows (encoded ones with an encoder) to
        their centres.
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
    infeasibility_ : float
        Norm by which the solution misses the constraint of the relaxation; 0
        where it was not solved.
    solver_ : str
        What gave the answer: "certificate" (k-means, proven optimal),
        "low_rank", "admm" or "cvxpy".
    membership_ : ndarray of shape (n_samples, rank)
        Nonnegative factor U of the solution: ``U @ U.T`` is near ``1 / size`` for
        rows of the same cluster and 0 for others. Its columns may be mixtures
        of clusters. Of "admm" and "cvxpy" it is the partition's.
    n_iter_ : int
        Iterations of the solver that gave the answer; 1 for "certificate".
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
    500 columns and pairs of clusters. The low-rank solver follows [3]_ in
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
        n_clusters=8,
        *,
        solver="auto",
        n_init=10,
        balance_sizes=False,
        max_samples=100_000,
        tol=1e-4,
        max_iter=25,
        encoder=None,
        random_state=None,
    ):
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
        data = ScaledRows(Z)
        rows, weights = data.rows, data.weights
        n_clusters = min(int(self.n_clusters), len(rows))
        settings = Settings(self.solver, self.n_init, self.tol, self.max_iter)
        rng = np.random.default_rng(draw_seed(self.random_state))
        if self.balance_sizes:
            found = relax_balanced(rows, weights, n_clusters, settings, rng)
        elif len(rows) > self.max_samples:
            found = relax_summary(rows, weights, n_clusters, settings, rng)
        else:
            found = relax(rows, weights, n_clusters, settings, rng)
        self._scaling = data.scaling
        self._set_clusters(Z, found, data)
        self._report(found)

    def _set_clusters(self, Z, found, data):
        """Number the clusters, and give every row the nearest centre."""
        centers, sizes = weighted_means(
            data.rows, data.weights, found.labels, int(found.labels.max()) + 1
        )
        order = canonical_order(sizes, centers)
        self._scaled_centers = centers[order]
        self.n_clusters_ = len(order)
        self.labels_ = self._predict_labels(Z)
        factor = found.factor / np.sqrt(data.weights)
        self.membership_ = np.ascontiguousarray(factor.T[data.inverse], dtype=Z.dtype)
        centers = self._scaling.inverse_transform(self._scaled_centers, Z.dtype)
        self._set_cluster_centers(centers)
        warn_if_collapsed(
            self.n_clusters_, self.n_clusters, "There are too few distinct rows."
        )

    def _report(self, found):
        """Set what the relaxation says, in units of the table."""
        unit = squared_unit(self._scaling)
        self.inertia_ = float(found.inertia) * unit
        self.objective_ = float(found.objective) * unit
        self.lower_bound_ = float(found.bound.value) * unit
        self.gap_ = float(found.bound.gap)
        self.certified_ = bool(found.bound.is_proof)
        self.infeasibility_ = float(found.infeasibility)
        self.solver_ = found.solver
        self.n_iter_ = found.n_iter
        self.trace_ = [
            entry | {"objective": float(entry["objective"]) * unit}
            for entry in found.history
        ]
        if not found.converged:
            # The other criterion of the solvers is the change that is still going on.
            state = (
                "while its solution still changed too much for"
                if found.infeasibility < self.tol
                else f"at an infeasibility of {found.infeasibility:.1e}, above"
            )
            warnings.warn(
                f"The solver {found.solver!r} stopped after {found.n_iter} iterations "
                f"{state} tol={self.tol:g}: raise max_iter or tol. The labels and gap_ "
                "hold all the same.",
                ConvergenceWarning,
                stacklevel=4,
            )
        warn_if_alone(self.labels_, self.n_clusters_)

    def _predict_labels(self, Z):
        scaled = self._scaling.transform(Z)
        return nearest_centers(scaled, self._scaled_centers)[0].astype(np.int64)
