"""PPP: the number of clusters is found, and is the same from every start."""

import warnings
from copy import copy
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy.stats import f as f_distribution
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._rows import canonical_order
from .._scaling import TableScaling, varying_columns
from .._validation import check_table, check_weights
from .._warnings import warn_if_collapsed
from ..base import WeightedClusterer, unchanged_on_error
from ..kernels.gaussians import group_log_densities
from ._bisection import Table, admissible_partitions
from ._gaussian_split import split_into_gaussians
from ._jitter import fill_steps
from ._merging import Evidence, group_cells, vote
from ._stream_sample import Summary

# Numbers that one chunk of rows holds, and rows that are labelled at once.
CHUNK_NUMBERS = 1 << 21
LABEL_ROWS = 4096
# Tables of more columns are clustered on as many principal axes.
MAX_AXES = 20
REFINING_STEPS = 3
SELECTION_ROUNDS = 6
FEATURE_ALPHA = 0.01
CONFIDENT = 0.95


class PPP(WeightedClusterer):
    """Probabilistic partitive partitioning: finds the number of clusters.

    Bisecting k-means cuts the table into many cells, at about seven sizes. A
    Gaussian mixture with one component per cell, and the rows counted along the
    way between neighbouring cells, say how far apart these are; what is not
    apart is merged, and the sizes vote. Nothing is drawn at random: there is no
    ``random_state``, and neither a seed nor the order of the rows can change
    the result.

    Parameters
    ----------
    max_clusters : int, default=None
        Largest number of clusters; None for no limit. Beyond it, the clusters
        with the least evidence between them are merged.
    min_clusters : int, default=1
        Smallest number of clusters. Where the evidence is for fewer, the merges
        with the most evidence against them are undone, and ``validated_`` is
        False.
    max_saddle : float, default=None
        Merge neighbouring groups also where the highest density on the way
        between them exceeds this multiple of the lower peak, whatever else
        speaks against it; None for never. 1 is strict: for skewed columns that
        cannot be transformed.
    assume : {"log-concave", "unimodal", "gaussian"}, default="log-concave"
        What one population may look like. Log-concave laws are the Gaussian,
        uniform, exponential, Laplace and all their kin. "unimodal" also takes
        heavier tails, such as those of the log-normal law, for one population;
        it finds fewer clusters in real tables. "gaussian" then splits what it
        found into as many Gaussians as the BIC wants: it separates populations
        that overlap, and cuts everything that is not Gaussian into pieces.
    scale : bool, default=True
        Whether columns are divided by their standard deviation.
    feature_selection : bool, default=False
        Whether columns that the clusters do not explain are dropped, and the
        rest clustered again, until nothing changes or 6 times.
    encoder : transformer, default=None
        What embeds the rows first, such as :class:`NeighborEncoder`,
        :class:`AutoEncoder` or scikit-learn's PCA; None clusters the columns as
        they are.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of every row of :meth:`fit`; 0 is the largest. Absent after
        :meth:`partial_fit`.
    n_clusters_ : int
        Number of clusters found.
    cluster_centers_ : ndarray of shape (n_clusters_, n_features_in_)
        Means of the clusters, in input units and dtype. With an encoder they
        are decoded, and absent where it has no ``inverse_transform``.
    stability_ : float
        Mean adjusted Rand index between the size elected and the others that
        voted; 1 where only one did.
    validated_ : bool
        Whether the number of clusters is what the evidence says, not what
        ``min_clusters`` or ``max_clusters`` enforced.
    merges_ : list of dict
        Merges at the size elected, in order. Cells are the nodes ``0, 1, …``;
        each merge of ``left`` and ``right`` makes a new ``node`` of ``weight``
        rows. ``separation`` is in nats (None for merges by the last test), ``z``
        the evidence against one population (None where it was not looked at),
        ``kept`` whether the merge was not undone.
    levels_ : list of dict
        Every size tried: ``n_cells``, the share ``impure`` of rows in cells that
        are more than one population, and for those that voted ``n_clusters``
        and ``agreement`` (None for others).
    feature_separability_ : ndarray of shape (n_features,)
        Share of each column's variance that the clusters explain.
    separable_features_ : ndarray of shape (n_features,), dtype=bool
        Columns that the clusters explain beyond chance, by an F test at 0.01
        over the number of columns. The clusters were made from these columns:
        take it as a ranking with a floor, not as evidence.
    selection_path_ : list of dict
        With ``feature_selection``: ``n_features``, ``n_clusters`` of each round.
    separable_samples_ : ndarray of shape (n_samples,), dtype=bool
        Rows that belong to their cluster with a probability of at least 0.95.
        Absent after :meth:`partial_fit`.
    encoder_ : transformer
        The fitted encoder, where one was given.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described.

    Warns
    -----
    ConvergenceWarning
        If there is no evidence of more than one cluster.

    See Also
    --------
    AutoEncoder : An encoder for tables of many columns.

    Notes
    -----
    Only the abstract of [1]_ could be found. It says that k-means partitions
    the data and a Gaussian mixture validates the partitions, that no number of
    clusters is needed and that the result does not depend on a start. The
    algorithm that makes this true is derived from that sentence here, and was
    fixed by simulation on data without clusters.

    A row with a weight of 2 is two rows: weights are counts, and evidence grows
    with them. A table that weighs more than 2^24 rows counts as about as many.

    Time is linear in the number of rows. Up to 100,000 distinct rows all take
    part; of more, a sample of as many, drawn by a hash of the values in place
    of random numbers, decides on the clusters, and every row is labelled.
    Fewer than about 70 rows per cluster at 3 to 4 standard deviations, and
    Gaussians less than 3 apart, are not separated. Skewed columns are better
    log-transformed first.

    Values that several rows share are known up to half a step only: to find the
    clusters, they are spread over the step to the next value, by a hash. A gap
    that is a column's own step is thus no evidence, and a column that hardly
    ever leaves one value hardly counts. Labels are given to the rows as they
    are. On tables with one-hot columns this keeps the number of clusters near
    that of the classes where it would else be many times as large; what rare
    binary columns alone tell is lost. Leaving binary columns out of it, filling
    for the evidence only, and scaling without the noise were tried and gained
    nothing over all tables.

    Summaries of parts of a table, made anywhere, merge to the summary of the
    whole, here with Dask::

        parts = [dask.delayed(PPP().partial_fit)(chunk) for chunk in chunks]
        model = functools.reduce(PPP.merge, dask.compute(*parts))
        labels = [dask.delayed(model.predict)(chunk) for chunk in chunks]

    Ctrl-C leaves the estimator as it was before the call, with the chunks that
    :meth:`partial_fit` had taken up.

    References
    ----------
    .. [1] M. Sultan, "Probabilistic Partitive Partitioning (PPP)",
       arXiv:2003.04372, 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdeepcluster import PPP
    >>> X = load_wine().data
    >>> model = PPP().fit(X)
    >>> model.n_clusters_
    3
    >>> bool((model.predict(X) == model.labels_).all())
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "max_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "min_clusters": [Interval(Integral, 1, None, closed="left")],
        "max_saddle": [Interval(Real, 0, None, closed="neither"), None],
        "assume": [StrOptions({"log-concave", "unimodal", "gaussian"})],
        "scale": ["boolean"],
        "feature_selection": ["boolean"],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
    }

    def __init__(
        self,
        *,
        max_clusters=None,
        min_clusters=1,
        max_saddle=None,
        assume="log-concave",
        scale=True,
        feature_selection=False,
        encoder=None,
    ):
        self.max_clusters = max_clusters
        self.min_clusters = min_clusters
        self.max_saddle = max_saddle
        self.assume = assume
        self.scale = scale
        self.feature_selection = feature_selection
        self.encoder = encoder

    def _fit_clusters(self, Z, sample_weight):
        self._check_limits()
        self._summary = Summary()
        for rows in _chunks(Z):
            self._summary.add(
                Z[rows], None if sample_weight is None else sample_weight[rows]
            )
        self._label(Z, sample_weight, self._grow())

    def _check_limits(self):
        if self.max_clusters is not None and self.max_clusters < self.min_clusters:
            raise ValueError(
                f"max_clusters={self.max_clusters} should be >= "
                f"min_clusters={self.min_clusters}."
            )

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X=None, y=None, sample_weight=None):
        """Take up a chunk of rows; clusters are found when they are asked for.

        A bounded summary of all chunks is kept. What is found does not depend
        on how the rows were cut into chunks, nor on their order.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows of the table. None takes up nothing and finds the clusters of
            what came before, as the first call of :meth:`predict` does.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. None means 1 for all.

        Returns
        -------
        self : object
            The estimator.
        """
        if X is None:
            check_is_fitted(self)
            self._settle()
            return self
        first = not hasattr(self, "_summary")
        with unchanged_on_error(self):
            X = check_table(self, X, reset=first)
            weights = check_weights(sample_weight, X)
            self._check_limits()
            Z = self._fit_encoder(X) if first else self._embed(X)
            summary = Summary() if first else self._summary.copy()
            # A copy: the caller may use the memory of a chunk again.
            self._exchange_summary(summary.add(Z.copy(), weights))
        return self

    def _exchange_summary(self, summary):
        self._summary, self._is_grown = summary, False
        for name in ("labels_", "separable_samples_"):
            vars(self).pop(name, None)

    def merge(self, other):
        """Take up what another estimator saw of the same table.

        Parameters
        ----------
        other : PPP
            One that :meth:`fit` or :meth:`partial_fit` was called on; it is not
            changed.

        Returns
        -------
        self : object
            The estimator; clusters are found when they are asked for.
        """
        check_is_fitted(self)
        check_is_fitted(other)
        if other.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"Tables of {self.n_features_in_} and {other.n_features_in_} "
                "columns do not merge."
            )
        with unchanged_on_error(self):
            self._exchange_summary(self._summary.copy().merge(other._summary))
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_summary")

    def _settle(self):
        """Find the clusters of the summary, if rows came since the last time.

        Aside, and then all is set at once: several threads may ask at the same
        time, and an interrupt leaves what was there.
        """
        if not self._is_grown:
            aside = copy(self)
            aside._number(*aside._grow())
            vars(self).update(vars(aside))

    def _grow(self):
        """Find the groups of the summary's rows; return their sizes and means."""
        rows, weights = self._summary.table()
        columns = np.ones(rows.shape[1], dtype=bool)
        path = []
        for _ in range(SELECTION_ROUNDS if self.feature_selection else 1):
            labels = self._find_groups(rows, weights, columns)
            self._explain(rows, weights, labels)
            path.append(
                {"n_features": int(columns.sum()), "n_clusters": self.n_clusters_}
            )
            kept = columns & self.separable_features_
            if self.n_clusters_ == 1 or (kept == columns).all() or not kept.any():
                break
            columns = kept
        if self.feature_selection:
            self.selection_path_ = path
        self._is_grown = True
        if self.n_clusters_ < self.min_clusters:
            warn_if_collapsed(
                self.n_clusters_, self.min_clusters, "The table has too few rows."
            )
        elif self.n_clusters_ == 1 and self.max_clusters != 1:
            warnings.warn(
                f"No evidence of more than one cluster in {len(rows)} distinct "
                "rows: every row has label 0. Ask for min_clusters=2 to see the "
                "best cut all the same.",
                ConvergenceWarning,
                stacklevel=5,
            )
        return _sizes_and_means(rows, weights, labels, self.n_clusters_)

    def _find_groups(self, rows, weights, columns):
        """Grow cells, merge them, vote, and refine the mixture elected.

        Returns the group of every row.
        """
        one_group = np.zeros(len(rows), dtype=np.intp)
        spread, spread_weights = fill_steps(rows, weights, self._summary.capacity)
        self.merges_, self.levels_ = [], []
        self.stability_, self.validated_ = 1.0, True
        self._mixture, self._groups, self.n_clusters_ = None, None, 1
        columns = columns & varying_columns(spread)
        if not columns.any():
            return one_group
        self._axes = TableScaling(
            spread,
            spread_weights,
            by_column=self.scale,
            max_axes=MAX_AXES,
            columns=columns,
        )
        table = Table(self._axes.transform(spread), spread_weights)
        partitions, impure = admissible_partitions(
            table, self.min_clusters, self.assume == "unimodal"
        )
        if not partitions:
            return one_group
        evidence = Evidence(
            unimodal=self.assume == "unimodal",
            max_saddle=None if self.max_saddle is None else float(self.max_saddle),
            min_groups=self.min_clusters,
            max_groups=self.max_clusters,
        )
        groupings = [group_cells(cells, evidence) for cells in partitions]
        winner, agreement = vote(groupings, spread_weights)
        voters = {
            grouping.cells.n_nominal: (grouping, mean)
            for grouping, mean in zip(groupings, agreement, strict=True)
        }
        for size, share in impure.items():
            grouping, mean = voters.get(size, (None, None))
            self.levels_.append(
                {
                    "n_cells": size,
                    "impure": share,
                    "n_clusters": grouping and grouping.n_groups,
                    "agreement": mean,
                }
            )
        self.stability_ = voters[winner.cells.n_nominal][1]
        self.merges_, self.validated_ = winner.history, not winner.is_forced
        self._mixture = winner.mixture
        coordinates = self._axes.transform(rows)
        for _ in range(REFINING_STEPS):
            self._mixture = self._mixture.step(coordinates, weights)
        self._groups, self.n_clusters_ = winner.groups, winner.n_groups
        logs = self._drop_empty(coordinates)
        if self.assume == "gaussian":
            self._mixture = split_into_gaussians(
                coordinates, weights, _normalised(logs), self.max_clusters
            )
            self.n_clusters_ = len(self._mixture.sizes)
            self._groups = np.arange(self.n_clusters_)
            logs = self._drop_empty(coordinates)
        return logs.argmax(axis=1)

    def _drop_empty(self, coordinates):
        """Leave out groups that hold no row after refining.

        Returns the joint log densities of the others.
        """
        while True:
            logs = self._group_logs(coordinates)
            held = np.bincount(logs.argmax(axis=1), minlength=self.n_clusters_) > 0
            if held.all():
                return logs
            self._mixture = self._mixture.part(held[self._groups])
            number = np.cumsum(held) - 1
            self._groups = number[self._groups[held[self._groups]]]
            self.n_clusters_ = int(held.sum())

    def _group_logs(self, coordinates):
        return group_log_densities(
            coordinates, *self._mixture.arrays(), self._groups, self.n_clusters_
        )

    def _log_densities(self, Z):
        """Log of weight times density of every cluster at some rows."""
        if self._mixture is None:
            return np.zeros((len(Z), 1))
        return self._group_logs(self._axes.transform(Z))

    def _explain(self, rows, weights, labels):
        """Say how much of every column's variance the clusters explain."""
        sizes = np.bincount(labels, weights, self.n_clusters_)
        total = weights.sum()
        centred = rows - (weights[:, np.newaxis] / total * rows).sum(axis=0)
        # In units of the largest, squares stay in range.
        largest = np.abs(centred).max(axis=0)
        centred /= np.where(largest > 0, largest, 1)
        spread = (weights[:, np.newaxis] * centred**2).sum(axis=0)
        between = np.zeros(rows.shape[1])
        for k in range(self.n_clusters_):
            mine = labels == k
            sums = (weights[mine, np.newaxis] * centred[mine]).sum(axis=0)
            between += sums**2 / sizes[k]
        # The mean of a constant column is not exact either.
        varies = rows.max(axis=0) > rows.min(axis=0)
        share = np.zeros(rows.shape[1])
        share[varies] = np.minimum(between[varies] / spread[varies], 1.0)
        between_freedom = self.n_clusters_ - 1
        within_freedom = total - self.n_clusters_
        self.feature_separability_ = share
        if between_freedom == 0:
            share[:] = 0.0
        if between_freedom == 0 or within_freedom <= 0:
            self.separable_features_ = np.zeros(len(share), dtype=bool)
            return
        with np.errstate(divide="ignore"):
            ratio = (share / between_freedom) / ((1 - share) / within_freedom)
        p_values = f_distribution.sf(ratio, between_freedom, within_freedom)
        self.separable_features_ = p_values < FEATURE_ALPHA / len(share)

    def _label(self, Z, sample_weight, moments):
        """Label the rows of a table, and number the clusters by them.

        `moments` are sizes and means of the clusters on the summary's rows.
        """
        labels = np.empty(len(Z), dtype=np.int64)
        self.separable_samples_ = np.empty(len(Z), dtype=bool)
        sizes, sums = np.zeros(self.n_clusters_), 0.0
        for rows in _chunks(Z, LABEL_ROWS):
            logs = self._log_densities(Z[rows])
            labels[rows] = logs.argmax(axis=1)
            best = _normalised(logs).max(axis=1)
            self.separable_samples_[rows] = best >= CONFIDENT
            if self._summary.is_sample:
                weights = 1.0 if sample_weight is None else sample_weight[rows]
                members = labels[rows] == np.arange(self.n_clusters_)[:, np.newaxis]
                members = members * weights
                sizes += members.sum(axis=1)
                sums += members @ Z[rows].astype(np.float64)
        if self._summary.is_sample:
            moments = sizes, sums / sizes[:, np.newaxis]
        order = self._number(*moments)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        self.labels_ = number[labels]

    def _number(self, sizes, means):
        """Number the clusters, the largest first; set the centers."""
        order = canonical_order(sizes, means)
        if self._groups is not None:
            number = np.empty_like(order)
            number[order] = np.arange(len(order))
            self._groups = number[self._groups]
        centers = means[order].astype(self._summary.rows.dtype)
        self._set_cluster_centers(centers)
        return order

    def _rows_in_chunks(self, X, function):
        Z = self._embed(X)
        self._settle()
        values = np.concatenate(
            [function(self._log_densities(Z[rows])) for rows in _chunks(Z, LABEL_ROWS)]
        )
        return values if values.dtype == np.int64 else values.astype(Z.dtype)

    def predict(self, X):
        """Give every row its most probable cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row; for the rows of :meth:`fit`, ``labels_``.
        """
        return self._rows_in_chunks(X, lambda logs: logs.argmax(axis=1))

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
        return self._rows_in_chunks(X, _normalised)

    def score_samples(self, X):
        """Log density of the mixture at each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        log_densities : ndarray of shape (n_samples,)
            In the coordinates that are clustered, scaled columns or their
            principal axes, and in the dtype of `X`. 0 where all rows are equal.
        """
        return self._rows_in_chunks(X, _log_sum)


def _chunks(Z, n_rows=None):
    """Slices of consecutive rows."""
    if n_rows is None:
        n_rows = max(1, CHUNK_NUMBERS // Z.shape[1])
    for start in range(0, len(Z), n_rows):
        yield slice(start, start + n_rows)


def _sizes_and_means(rows, weights, labels, n_clusters):
    """Weights and means of clusters."""
    sizes = np.bincount(labels, weights, n_clusters)
    means = [
        (weights[labels == k, np.newaxis] * rows[labels == k]).sum(axis=0) / sizes[k]
        for k in range(n_clusters)
    ]
    return sizes, np.array(means)


def _normalised(logs):
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _log_sum(logs):
    best = logs.max(axis=1)
    return best + np.log(np.exp(logs - best[:, np.newaxis]).sum(axis=1))
