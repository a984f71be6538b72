"""ILASDP: groups of different shapes by likelihood-adjusted relaxations."""

from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._gaussians import LOG_TWO_PI, n_free_parameters, sample
from .._mixture_methods import MixtureMethods
from .._rows import canonical_order, lexicographic_order
from .._scaling import TableScaling, varying_columns
from .._threads import one_blas_thread
from .._validation import draw_seed
from .._warnings import warn, warn_if_collapsed, warn_of_singleton
from ..base import WeightedClusterer
from ..kernels._same_width import check_same_width
from ..kernels.projection import project
from ._sampled_alternation import FAMILIES, fit_ilasdp
from ._span import span_axes

# Whole weights up to this sum are written as rows.
MOST_COPIES = 100_000
# Numbers of covariances that are written out: 256 MiB of float64.
MOST_ENTRIES = 2**25


class ILASDP(MixtureMethods, WeightedClusterer):
    """Groups of different shapes, by iterative likelihood-adjusted relaxations.

    For given covariances the best partition under Gaussian groups is relaxed to
    a convex program without centres; its solution adjusts the covariances, and
    so on. The program sees all pairs of rows at once, so the result depends
    little on the start, where the EM algorithm needs many.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.
    covariance_type : {"full", "tied", "diag", "spherical", "auto"}, default="full"
        Shape of the groups, as in scikit-learn's GaussianMixture; "auto" takes
        the one of least BIC, in four times the time. With more columns than rows
        it tries "diag" and "spherical": matrices would have more parameters than
        the table has numbers.
    solver : {"auto", "admm", "cvxpy"}, default="auto"
        "admm" solves the programs inexactly by alternating directions, which
        continue while the covariances change. "cvxpy" hands each to SCS, up to
        100 rows. "auto" is "admm", on a sample of the rows where they are many:
        see `max_samples`.
    n_init : int, default=3
        Number of starts: k-means, k-means on whitened rows, and random
        partitions. All take six steps, the most likely goes on.
    max_samples : int, default=1000
        Beyond this number of rows, or where the matrices of all clusters would
        have more than 1.5 million entries (as of 612 rows in 4 clusters), "auto"
        solves the programs on a sample of 100 rows per cluster, at least 300, and
        fewer for more than 5 clusters: the matrices then have 2 million entries,
        or as many as 40 rows per cluster make, 20 million at most. All rows then
        refine the result. ``solver="admm"`` takes all rows.
    refine : bool, default=False
        True ends with 10 steps of the EM algorithm, for better calibrated
        probabilities.
    tol : float, default=1e-4
        Relative change of the objective at which the steps end.
    max_iter : int, default=100
        Largest number of steps.
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
        Most probable cluster of each row; 0 is the largest.
    n_clusters_ : int
        Number of clusters that hold rows.
    means_ : ndarray of shape (n_clusters_, n_columns)
        Means of the clusters, in the units and dtype of the columns that are
        clustered, encoded ones where there is an encoder.
    covariances_ : ndarray of shape (n_clusters_, n_columns, n_columns)
        Their regularised covariances, whatever the type; 0 in constant columns.
        Written out when asked for; beyond 2**25 numbers, such as of 3,345 columns
        in 3 clusters, an AttributeError says so instead.
    weights_ : ndarray of shape (n_clusters_,)
        Shares of the rows' weight.
    cluster_centers_ : ndarray of shape (n_clusters_, n_features_in_)
        The means, decoded where there is an encoder; absent where it has no
        ``inverse_transform``.
    covariance_type_ : str
        The type in use.
    objective_ : float
        Value of the last program at its solution: a negative log-likelihood, up
        to a constant, of the rows that it was solved on.
    lower_bound_ : float
        No partition of these rows has a lower one at the last covariances.
    gap_ : float
        ``(objective_ - lower_bound_)`` by row, in nats.
    solver_ : str
        "admm", "sample" (the same on a sample) or "cvxpy".
    solved_rows_ : ndarray of shape (n_solved,), dtype=intp
        Rows of the table that the programs were solved on; several times where
        they have weight.
    membership_ : ndarray of shape (n_solved, rank)
        Factor U of the sum of the solutions: ``U @ U.T`` is near ``1 / size`` for
        rows of the same cluster and 0 for others.
    n_iter_ : int
        Steps from the start that won, or from the last partition that was cut
        again (see Notes).
    converged_ : bool
        Whether the objective stood still before `max_iter`.
    trace_ : list of dict
        ``objective``, ``cost`` of the best partition so far, and ``doubt`` (1 less
        the mean largest membership) of each of these steps.
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
        If clusters are empty or hold a single row, or the steps stopped at
        `max_iter`.

    See Also
    --------
    SDPKMeans : The same for groups of one round shape, with a proof.
    sklearn.mixture.GaussianMixture : The EM algorithm for the same model.

    Notes
    -----
    The body of [1]_ could not be obtained: the program here is derived from what
    its abstract says, a matrix of memberships for each group, no estimation of
    centroids, and the exact likelihood as the objective. For covariances
    ``S_c`` it minimises the sum of ``<C_c, Z_c>`` with ``C_c[i, j] = ((x_i - x_j)'
    S_c⁻¹ (x_i - x_j) / 2 + log det S_c) / 2`` over positive semidefinite and
    nonnegative ``Z_c`` of trace 1 whose sum has rows of sum 1; a partition has
    ``Z_c = 1 / n_c`` on its rows. Then ``S_c`` becomes the covariance of rows
    paired by ``Z_c``, the minimiser of the same function.

    Two layers that are cut across are a fixed point of these steps. So pairs of
    groups with more rows than a Gaussian has parameters are joined, cut along
    each principal direction and classified anew; where that is likelier by .02
    nats a row, the steps start again from there.

    Variances get 0.001 of the table's mean variance added, and a group of at
    most n_features + 1 rows is mixed with the pooled covariance, so no
    covariance is singular. With fewer than about 5 n_features rows per cluster
    use PCA as `encoder`, or a smaller `covariance_type`. Defaults were chosen on
    simulated mixtures and development tables; the figures are in
    ``benchmarks/results/bench_sdp.md``.

    Of more columns than rows, "full" and "tied" work in the at most n - 1
    directions that the rows span, where they find the same: in all others each
    group has the same variance, which was added. So what a new row has beside the
    span moves :meth:`score_samples`, by its square, but no label or probability.

    An iteration takes O(n_clusters n²) time, of which a start takes hundreds, and
    memory is 4 n_clusters n² bytes, for n at most `max_samples`; all else is
    linear in the rows.

    Densities, :meth:`score` and the criteria are in the units of the columns that
    are clustered, encoded ones where there is an encoder, constant ones left out.

    Whole weights are written as rows. With others, the programs are solved on a
    sample in proportion to them, and all rows refine the result by their weights.

    Ctrl-C leaves the estimator as it was before the call.

    References
    ----------
    .. [1] Y. Zhuang, X. Chen and Y. Yang, "Likelihood adjusted semidefinite
       programs for clustering heterogeneous data", International Conference on
       Machine Learning, 2023.
    .. [2] J. Peng and Y. Wei, "Approximating K-means-type clustering via
       semidefinite programming", SIAM Journal on Optimization 18(1), 2007.

    Examples
    --------
    Three parallel, stretched groups, which k-means cuts across:

    >>> import numpy as np
    >>> from skdeepcluster import ILASDP
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(150) % 3
    >>> X = rng.normal(size=(150, 2)) * [3, 0.5] + np.array([0, 3]) * y[:, None]
    >>> model = ILASDP(3, random_state=0).fit(X)
    >>> len(set(zip(y, model.labels_)))
    3
    """

    _parameter_constraints = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({*FAMILIES, "auto"})],
        "solver": [StrOptions({"auto", "admm", "cvxpy"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_samples": [Interval(Integral, 2, None, closed="left")],
        "refine": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        covariance_type: Literal["full", "tied", "diag", "spherical", "auto"] = "full",
        solver: Literal["auto", "admm", "cvxpy"] = "auto",
        n_init: int = 3,
        max_samples: int = 1000,
        refine: bool = False,
        tol: float = 0.0001,
        max_iter: int = 100,
        encoder: Any = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.covariance_type = covariance_type
        self.solver = solver
        self.n_init = n_init
        self.max_samples = max_samples
        self.refine = refine
        self.tol = tol
        self.max_iter = max_iter
        self.encoder = encoder
        self.random_state = random_state

    def _fit_clusters(self, Z, sample_weight):
        order, is_first = lexicographic_order(Z)
        numbers, weights = np.cumsum(is_first), None
        if sample_weight is not None:
            weighted = sample_weight[order] > 0
            order, numbers = order[weighted], numbers[weighted]
            weights = sample_weight[order]
            if np.all(weights == np.round(weights)) and weights.sum() <= MOST_COPIES:
                # A weight of 2 is the same as two rows, to the last bit.
                order, weights = np.repeat(order, weights.astype(np.intp)), None
        self._columns = varying_columns(Z[order])
        self._scaling = TableScaling(Z[order], weights)
        scaled = self._scaled(Z[order])
        has_matrices = self.covariance_type in ("full", "tied")
        self._axes = span_axes(scaled) if has_matrices else None
        found = fit_ilasdp(
            self._in_span(scaled),
            weights,
            min(int(self.n_clusters), len(np.unique(numbers))),
            np.random.default_rng(draw_seed(self.random_state)),
            covariance_type=self.covariance_type,
            n_columns=scaled.shape[1],
            solver=self.solver,
            n_init=self.n_init,
            max_samples=self.max_samples,
            refine=self.refine,
            tol=self.tol,
            max_iter=self.max_iter,
        )
        self._ridge = found.alternated.family.ridge
        self.covariance_type_ = found.alternated.family.kind
        self.solved_rows_ = order[found.sample]
        self._set_clusters(Z, sample_weight, found.groups)
        self._publish(found.alternated, len(order), Z.dtype)
        self._warn()

    def _scaled(self, Z):
        """Scaled rows in the columns that vary."""
        return np.ascontiguousarray(self._scaling.transform(Z)[:, self._columns])

    def _in_span(self, scaled):
        """Coordinates of scaled rows in the span, where that is narrower."""
        if self._axes is None:
            return scaled
        check_same_width(scaled, self._axes.T)
        return project(scaled, self._axes)

    def _set_clusters(self, Z, sample_weight, groups):
        """Set the mixture, label the rows by it, and number the clusters."""
        self._groups = groups
        labels = self._predict_labels(Z)
        sizes = np.bincount(labels, sample_weight, len(groups.sizes))
        while not sizes.all():
            # A cluster that no row prefers is none; its rows go elsewhere.
            self._groups = self._groups.only(np.flatnonzero(sizes))
            labels = self._predict_labels(Z)
            sizes = np.bincount(labels, sample_weight, len(self._groups.sizes))
        order = canonical_order(sizes, self._groups.means)
        self._groups = self._groups.only(order)._replace(labels=None)
        self.labels_ = np.argsort(order)[labels]
        self.n_clusters_ = len(order)
        self._set_parameters(Z)

    def _set_parameters(self, Z):
        """Means and shares in units of the table."""
        sizes, means = self._groups.sizes, self._groups.means
        if self._axes is not None:
            means = np.einsum("ka,pa->kp", means, self._axes)
        self.means_ = self._in_units(means, Z.dtype)
        self.weights_ = (sizes / sizes.sum()).astype(Z.dtype)
        self._set_cluster_centers(self.means_)

    def _in_units(self, rows, dtype):
        """Rows in the columns that vary, brought back to all columns and units."""
        scaled = np.zeros((len(rows), len(self._columns)))
        scaled[:, self._columns] = rows
        return self._scaling.inverse_transform(scaled, dtype)

    @property
    def covariances_(self) -> NDArray[Any]:
        """Regularised covariances of the clusters, in units of the table."""
        check_is_fitted(self)
        shape = (self.n_clusters_, len(self._columns), len(self._columns))
        if np.prod(shape, dtype=float) > MOST_ENTRIES:
            raise AttributeError(
                f"The covariances of {shape[1]} columns in {shape[0]} clusters are too "
                "large to be written out: use PCA as encoder, or rows of `sample`."
            )
        every = np.zeros(shape)
        chosen = np.ix_(range(self.n_clusters_), self._columns, self._columns)
        every[chosen] = self._covariances_of_columns()
        every = self._scaling.inverse_covariances(every)
        with np.errstate(over="ignore"):
            return every.astype(self.means_.dtype)

    def _covariances_of_columns(self):
        """Covariances of the scaled columns that vary, as matrices."""
        covariances = self._groups.covariances
        if covariances.ndim == 2:
            return covariances[:, np.newaxis] * np.eye(covariances.shape[1])
        if self._axes is None:
            return covariances
        beside = self._ridge * np.eye(len(self._axes))
        above = covariances - self._ridge * np.eye(self._axes.shape[1])
        with one_blas_thread():
            return self._axes @ above @ self._axes.T + beside

    @property
    def _log_volume(self):
        """Log of the volume of a unit of the coordinates, in units of the table."""
        unit = np.log(self._scaling.scale) + np.log(self._scaling.unit)
        return float(self._columns.sum() * unit)

    def _publish(self, best, n_rows, dtype):
        n_solved = len(self.solved_rows_)
        shift = n_solved * self._log_volume
        self.objective_ = best.objective + shift
        self.lower_bound_ = best.lower_bound + shift
        self.gap_ = (best.objective - best.lower_bound) / n_solved
        self.n_iter_ = len(best.trace)
        self.converged_ = bool(best.converged)
        self.trace_ = [
            entry
            | {"objective": entry["objective"] + shift, "cost": entry["cost"] + shift}
            for entry in best.trace
        ]
        self.membership_ = np.ascontiguousarray(best.factors.T, dtype=dtype)
        self.solver_ = "cvxpy" if self.solver == "cvxpy" else "admm"
        if n_solved < n_rows:
            self.solver_ = "sample"

    def _warn(self):
        warn_if_collapsed(
            self.n_clusters_,
            self.n_clusters,
            "Ask for fewer clusters, or for a smaller covariance_type.",
        )
        if not self.converged_:
            warn(
                f"The objective still moved after max_iter={self.max_iter} steps: "
                "raise max_iter or tol."
            )
        warn_of_singleton(self.labels_, self.n_clusters_)

    def _log_joint(self, Z):
        return self._groups.log_densities(self._in_span(self._scaled(Z)))

    def _predict_labels(self, Z):
        return self._by_chunks(Z, lambda logs: logs.argmax(axis=1))

    def _log_likelihoods(self, Z):
        if not self._columns.any():
            return np.zeros(len(Z))
        logs = super()._log_likelihoods(Z)
        if self._axes is None:
            return logs
        # In the directions beside the span, the variance is what was added.
        scaled = self._scaled(Z)
        squares = np.square(scaled).sum(axis=1)
        squares -= np.square(self._in_span(scaled)).sum(axis=1)
        n_beside = np.subtract(*self._axes.shape)
        constant = n_beside * (LOG_TWO_PI + np.log(self._ridge))
        return logs - (np.maximum(squares, 0) / self._ridge + constant) / 2

    def _n_parameters(self):
        n_columns = int(self._columns.sum())
        return n_free_parameters(self.covariance_type_, self.n_clusters_, n_columns)

    def _draw(self, n_samples, rng):
        rows, labels = sample(self._groups.gaussians(), n_samples, rng)
        if self._axes is not None:
            drawn = rng.normal(0, self._ridge**0.5, (n_samples, len(self._axes)))
            with one_blas_thread():
                rows = drawn + (rows - drawn @ self._axes) @ self._axes.T
        return self._in_units(rows, self.means_.dtype), labels.astype(np.int64)
