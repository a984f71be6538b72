"""ILASDP: groups of different shapes by likelihood-adjusted relaxations."""

import warnings
from math import isqrt
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .._kmeans import kmeans
from .._rows import canonical_order, lexicographic_order
from .._scaling import TableScaling
from .._validation import draw_seed
from .._warnings import warn_if_collapsed
from ..base import BaseClusterer
from ._alternation import alternate, lift, refine
from ._covariances import CovarianceFamily
from ._heuristics import systematic_sample
from ._scaled_rows import warn_if_alone

FAMILIES = ("full", "tied", "diag", "spherical")
# Rows of a sample: at least this many, and this many per cluster.
SAMPLE_ROWS, SAMPLE_ROWS_PER_CLUSTER = 300, 100
# Numbers in the matrices of all groups, beyond which a sample gets smaller.
SAMPLE_NUMBERS = 20_000_000
# Rows whose densities are held at once.
PREDICT_ROWS = 4096


class ILASDP(BaseClusterer):
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
        the one of least BIC, in four times the time.
    solver : {"auto", "admm", "cvxpy"}, default="auto"
        "admm" solves the programs inexactly by alternating directions, which
        continue while the covariances change. "cvxpy" hands each to SCS, up to
        100 rows. "auto" is "admm", on a sample of the rows where they are more
        than `max_samples`.
    n_init : int, default=3
        Number of starts: k-means, k-means on whitened rows, and random
        partitions. All take six steps, the most likely goes on.
    max_samples : int, default=1000
        Beyond this number of rows "auto" solves the programs on a sample of
        100 rows per cluster, at least 300, and fewer for more than 12 clusters:
        the matrices of all of them then have 20 million entries. All rows then
        refine the result.
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
    weights_ : ndarray of shape (n_clusters_,)
        Shares of the rows.
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
        Rows of the table that the programs were solved on.
    membership_ : ndarray of shape (n_solved, rank)
        Factor U of the sum of the solutions: ``U @ U.T`` is near ``1 / size`` for
        rows of the same cluster and 0 for others.
    n_iter_ : int
        Steps from the start that won, or from the last partition that was cut
        again (see Notes).
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

    An iteration takes O(n_clusters n²) time, of which a start takes hundreds, and
    memory is 4 n_clusters n² bytes, for n at most `max_samples`; all else is
    linear in the rows.

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
        n_clusters=8,
        *,
        covariance_type="full",
        solver="auto",
        n_init=3,
        max_samples=1000,
        refine=False,
        tol=1e-4,
        max_iter=100,
        encoder=None,
        random_state=None,
    ):
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
        self._scaling = TableScaling(Z[order])
        self._columns = Z.max(axis=0) > Z.min(axis=0)
        rows = self._coordinates(Z[order])
        n_clusters = min(int(self.n_clusters), int(is_first.sum()))
        rng = np.random.default_rng(draw_seed(self.random_state))
        sample = self._sample(rows, n_clusters, rng)
        seed = int(rng.integers(2**31))
        types = FAMILIES if self.covariance_type == "auto" else [self.covariance_type]
        found = [
            self._alternate(rows[sample], n_clusters, covariance_type, seed)
            for covariance_type in types
        ]
        best = min(found, key=lambda candidate: candidate.bic)
        fit = best.fit
        if len(sample) < len(rows):
            fit = lift(rows, fit, best.family)
        if self.refine:
            fit = refine(rows, fit, best.family)
        self.covariance_type_ = best.family.kind
        self.solved_rows_ = order[sample]
        self._set_clusters(Z, fit)
        self._report(best, Z.dtype)

    def _coordinates(self, Z):
        """Scaled rows in the columns that vary."""
        return np.ascontiguousarray(self._scaling.transform(Z)[:, self._columns])

    def _sample(self, rows, n_clusters, rng):
        """Places of the rows on which the programs are solved."""
        if len(rows) <= self.max_samples or self.solver != "auto":
            return np.arange(len(rows))
        weights = np.ones(len(rows))
        pilot = kmeans(rows, weights, n_clusters, rng, n_init=1, tol=0.0).labels
        sizes = np.bincount(pilot)
        # Half of the sample as the rows are, half the same of every cluster.
        share = 1 / len(rows) + 1 / (n_clusters * sizes[pilot])
        n_drawn = max(SAMPLE_ROWS, SAMPLE_ROWS_PER_CLUSTER * n_clusters)
        n_drawn = min(n_drawn, isqrt(SAMPLE_NUMBERS // n_clusters))
        n_drawn = max(n_drawn, 2 * n_clusters)
        return systematic_sample(share, min(n_drawn, len(rows)), rng)

    def _alternate(self, rows, n_clusters, covariance_type, seed):
        family = CovarianceFamily(covariance_type, rows)
        return alternate(
            rows,
            n_clusters,
            family,
            n_init=self.n_init,
            solver="cvxpy" if self.solver == "cvxpy" else "admm",
            max_iter=self.max_iter,
            tol=self.tol,
            seed=seed,
        )

    def _set_clusters(self, Z, fit):
        """Set the mixture, label the rows by it, and number the clusters."""
        self._groups = fit
        labels = self._predict_labels(Z)
        sizes = np.bincount(labels, minlength=len(fit.sizes))
        while not sizes.all():
            # A cluster that no row prefers is none; its rows go elsewhere.
            self._groups = self._groups.only(np.flatnonzero(sizes))
            labels = self._predict_labels(Z)
            sizes = np.bincount(labels, minlength=len(self._groups.sizes))
        order = canonical_order(sizes, self._groups.means)
        self._groups = self._groups.only(order)._replace(labels=None)
        self.labels_ = np.argsort(order)[labels]
        self.n_clusters_ = len(order)
        warn_if_collapsed(
            self.n_clusters_,
            self.n_clusters,
            "Ask for fewer clusters, or for a smaller covariance_type.",
        )
        self._set_parameters(Z)

    def _set_parameters(self, Z):
        """Means, covariances and shares in units of the table."""
        sizes, means, covariances, *_ = self._groups
        n_columns = len(self._columns)
        scaled = np.zeros((len(sizes), n_columns))
        scaled[:, self._columns] = means
        self.means_ = self._scaling.inverse_transform(scaled, Z.dtype)
        self.covariances_ = np.zeros((len(sizes), n_columns, n_columns), Z.dtype)
        unit = self._scaling.scale * self._scaling.unit
        used = np.ix_(range(len(sizes)), self._columns, self._columns)
        with np.errstate(over="ignore", under="ignore"):
            self.covariances_[used] = covariances * unit * unit
        self.weights_ = (sizes / sizes.sum()).astype(Z.dtype)
        self._set_cluster_centers(self.means_)

    def _report(self, best, dtype):
        n_rows, n_columns = len(self.solved_rows_), self._columns.sum()
        unit = np.log(self._scaling.scale) + np.log(self._scaling.unit)
        shift = float(n_rows * n_columns * unit)
        self.objective_ = best.objective + shift
        self.lower_bound_ = best.lower_bound + shift
        self.gap_ = (best.objective - best.lower_bound) / n_rows
        self.n_iter_ = len(best.history)
        self.trace_ = [
            entry
            | {"objective": entry["objective"] + shift, "cost": entry["cost"] + shift}
            for entry in best.history
        ]
        self.membership_ = np.ascontiguousarray(best.factors.T, dtype=dtype)
        self.solver_ = "cvxpy" if self.solver == "cvxpy" else "admm"
        if n_rows < len(self.labels_):
            self.solver_ = "sample"
        if not best.converged:
            warnings.warn(
                f"The objective still moved after max_iter={self.max_iter} steps: "
                "raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=4,
            )
        warn_if_alone(self.labels_, self.n_clusters_)

    def _log_densities(self, Z):
        """Joint log densities of rows and clusters, each row by itself."""
        return np.concatenate(
            [
                self._groups.log_densities(
                    self._coordinates(Z[start : start + PREDICT_ROWS])
                )
                for start in range(0, len(Z), PREDICT_ROWS)
            ]
        )

    def _predict_labels(self, Z):
        return self._log_densities(Z).argmax(axis=1)

    def predict_proba(self, X):
        """Give the probability of every cluster at each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_clusters_)
            Rows sum to 1; in the dtype of `X`.
        """
        Z = self._embed(X)
        logs = self._log_densities(Z)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return (shares / shares.sum(axis=1, keepdims=True)).astype(Z.dtype)
