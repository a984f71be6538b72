"""VotingClusterer: the vote of several clusterers, and the rows they agree on.

::

    rows = distinct rows in order, at most max_samples drawn
    fit every member on the rows, and on n_resamples bootstraps of them
    consensus = fixed point of aligning all members and voting    (metrics._partitions)
              or the average linkage of "how many members put two rows together"
    for any row: its members' clusters, renamed after the consensus, vote
    agreement = share of the weight that votes for the winner
    core = rows of at least min_agreement
"""

from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import average, fcluster
from scipy.spatial.distance import pdist
from sklearn import config_context
from sklearn.utils._param_validation import Interval, StrOptions

from .._fitted_state import check_arrays, check_indices
from .._rows import canonical_order
from .._validation import draw_seed
from .._warnings import warn, warn_if_collapsed
from ..base import BaseClusterer
from ..metrics._partitions import (
    check_vote_weights,
    cluster_names,
    consensus,
    most_central,
    noise_alone,
    vote,
)
from ..ppp import PPP
from ._candidates import fit_candidate, named_estimators, seeded
from ._fitted import NOISE, extend_labels
from ._members import Member, default_members, with_number
from ._sampled_rows import in_unit, rows_to_fit, unit_of_squares
from ._table_axes import TableAxes

# Coassociation keeps a number for each pair of rows.
MAX_PAIRED_ROWS = 20_000
# Weights that are no binary fractions add up to 1 but for their rounding.
ROUNDING = 1e-9


class VotingClusterer(BaseClusterer):
    """Cluster a table by the vote of several clusterers.

    Nobody knows which clusterer is right for a table; but where several kinds
    agree on a row, they mostly are. The clusters of all members are brought under
    common names, each row gets the cluster that most members vote for, and
    ``agreement_`` says how many did. The idea is that of the voting clustering of
    galaxies [1]_, which keeps the rows on which all agree.

    Parameters
    ----------
    estimators : list of estimator or of (str, estimator), default=None
        The members. None takes k-means, Gaussian mixtures with one covariance for
        all clusters and with one for each, Ward's method, and spectral clustering
        of the graph of the ten nearest neighbours. These see standardised columns,
        or of more than 20 the first 20 principal axes; others see the columns as
        they are, and should scale them themselves, as pipelines.
    n_clusters : int, default=None
        Number of clusters, set in every member that has such a parameter. None
        leaves given members as they are, and the default ones take the number that
        :class:`PPP` finds.
    voting : {"hard", "coassociation"}, default="hard"
        "hard" matches the clusters of the members one to one. "coassociation" joins
        rows by how many members put them together, by average linkage: for members
        whose numbers of clusters differ much.
    n_resamples : int, default=0
        Further fits of each member on bootstraps of the rows, which vote as well.
    min_agreement : float, default=1.0
        Share of the votes from which a row belongs to the core.
    reassign : bool, default=True
        Whether the other rows get the cluster that most members vote for; otherwise
        they are rejected, as -1.
    weights : array-like of shape (n_members,), default=None
        How much the vote of each member counts; None for 1 each.
    max_samples : int, default=5000
        Members are fitted on so many distinct rows at most, drawn at random; they
        vote on all. At most 20,000 with ``voting="coassociation"``.
    n_jobs : int, default=None
        Members that are fitted at the same time, as in joblib.
    random_state : int, RandomState or None, default=None
        Seed of the members that have none, of the rows drawn and of the bootstraps.
        None draws a new seed at each fit.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row; 0 is the largest. -1 for rows outside the core where
        these are rejected.
    agreement_ : ndarray of shape (n_samples,)
        Share of the weight of all members that votes for the row's cluster. A
        member that abstains (noise, or a cluster that is matched to none) agrees
        with nothing.
    core_ : ndarray of shape (n_samples,), dtype=bool
        Whether the agreement is at least `min_agreement`.
    coverage_ : float
        Share of the rows in the core.
    aligned_labels_ : ndarray of shape (n_samples, n_voters), dtype=int64
        Each voter's clusters in the numbers of `labels_`; -1 where it abstains.
    member_agreement_ : ndarray of shape (n_voters,)
        Share of the rows on which each voter votes for the winner.
    estimators_ : list of (str, estimator)
        The voters, fitted: the members, then those fitted on bootstraps.
    n_clusters_ : int
        Number of clusters that hold rows.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described, two members have the same
        name, or no member can be fitted.

    Warns
    -----
    ConvergenceWarning
        If a member cannot be fitted and is left out, fewer clusters than asked for
        hold rows, or there is no row in the core.

    See Also
    --------
    AutoCluster : Takes the best of several clusterers.
    skdeepcluster.metrics.align_labels : The vote alone.
    skdeepcluster.metrics.rater_agreement : Agreement with a group.

    Notes
    -----
    The first names are those of the member that is most like the others, by the
    mean adjusted Rand index (ties by name); all are aligned to it by the Hungarian
    method, vote, and are aligned to the vote until nothing changes. Time is that of
    the members, O(n_samples * n_voters) and O(n_voters * n_clusters^3);
    coassociation takes O(max_samples^2) time and memory.

    New rows get the vote of the members; one without ``predict`` votes for the
    cluster of the nearest row that it was fitted on. A row on which nobody votes is
    put with the nearest one that has votes.

    The order of the members does not matter, nor that of the rows. Ctrl-C leaves the
    estimator as it was.

    References
    ----------
    .. [1] C. Zhou, Y. Gu, G. Fang and Z. Lin (2022). "Automatic morphological
       classification of galaxies: convolutional autoencoder and bagging-based
       multiclustering model." The Astronomical Journal 163.
    .. [2] A. Strehl and J. Ghosh (2002). "Cluster ensembles: a knowledge reuse
       framework for combining multiple partitions." Journal of Machine Learning
       Research 3.
    .. [3] A. L. N. Fred and A. K. Jain (2005). "Combining multiple clusterings using
       evidence accumulation." IEEE Transactions on Pattern Analysis and Machine
       Intelligence 27(6).

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdeepcluster import VotingClusterer
    >>> X = load_wine().data
    >>> model = VotingClusterer(n_clusters=3, random_state=0).fit(X)
    >>> [name for name, _ in model.estimators_]
    ['kmeans', 'tied', 'full', 'ward', 'spectral']
    >>> print(f"all agree on {model.coverage_:.0%} of the rows")
    all agree on 92% of the rows
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimators": [list, None],
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "voting": [StrOptions({"hard", "coassociation"})],
        "n_resamples": [Interval(Integral, 0, None, closed="left")],
        "min_agreement": [Interval(Real, 0, 1, closed="both")],
        "reassign": ["boolean"],
        "weights": ["array-like", None],
        "max_samples": [Interval(Integral, 2, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimators: list[Any] | None = None,
        *,
        n_clusters: int | None = None,
        voting: Literal["hard", "coassociation"] = "hard",
        n_resamples: int = 0,
        min_agreement: float = 1.0,
        reassign: bool = True,
        weights: ArrayLike | None = None,
        max_samples: int = 5000,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimators = estimators
        self.n_clusters = n_clusters
        self.voting = voting
        self.n_resamples = n_resamples
        self.min_agreement = min_agreement
        self.reassign = reassign
        self.weights = weights
        self.max_samples = max_samples
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _fit_clusters(self, Z, sample_weight):
        self._check_pairs()
        seed = draw_seed(self.random_state)
        self._dtype, self._unit = Z.dtype, unit_of_squares(Z)
        sample, n_distinct = rows_to_fit(in_unit(Z, self._unit), self.max_samples, seed)
        self._axes = TableAxes().fit(sample)
        places = self._axes.transform(sample)
        named, weights = self._named_members(sample, n_distinct)
        self._fit_members(named, weights, sample, places, seed)
        self._settle_names(sample, places)
        self._publish(Z)

    def _check_pairs(self):
        if self.voting == "coassociation" and self.max_samples > MAX_PAIRED_ROWS:
            raise ValueError(
                f"voting='coassociation' keeps a number for each pair of rows: "
                f"max_samples={self.max_samples} should be <= {MAX_PAIRED_ROWS}."
            )

    def _named_members(self, sample, n_distinct):
        """List the members and their weights, sorted by name."""
        if self.estimators is None:
            n_clusters = self.n_clusters or PPP().fit(sample).n_clusters_
            n_clusters = min(n_clusters, n_distinct)
            named = default_members(n_clusters, n_distinct, len(sample))
            weights = self.weights if len(named) > 1 else None
        else:
            named = named_estimators(self.estimators, "estimator")
            weights = self.weights
        names = [name for name, _ in named]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"Several estimators are called {twice[0]!r}: give pairs of a name and "
                "an estimator, with a name for each."
            )
        return named, check_vote_weights(weights, len(named))

    def _prepared(self, estimator, seed):
        estimator = seeded(estimator, seed)
        if self.estimators is None or self.n_clusters is None:
            return estimator
        return with_number(estimator, self.n_clusters)

    def _fit_members(self, named, weights, sample, places, seed):
        """Fit the members, and their copies on bootstraps of the rows."""
        rows = self._rows_for_members(sample, places)
        rng = np.random.default_rng(seed)
        every = [np.arange(len(rows))] + [
            np.sort(rng.integers(0, len(rows), len(rows)))
            for _ in range(self.n_resamples)
        ]
        jobs = [
            (f"{name}, bootstrap {b}" if b else name, estimator, weight, drawn)
            for b, drawn in enumerate(every)
            for (name, estimator), weight in zip(named, weights, strict=True)
        ]
        fitted = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_member)(
                self._prepared(estimator, seed), rows[drawn], places[drawn]
            )
            for _, estimator, _, drawn in jobs
        )
        self._members, kept, said = [], [], ""
        for (name, _, weight, _), (member, error) in zip(jobs, fitted, strict=True):
            if member is None:
                said = f"{name}: {error}"
                warn(f"VotingClusterer leaves a member out: {said}")
            else:
                self._members.append(member)
                kept.append((name, member.model, weight))
        if not kept:
            raise ValueError(f"No member could be fitted; the last was {said}")
        self.estimators_ = [(name, model) for name, model, _ in kept]
        self._weights = np.array([weight for *_, weight in kept])

    def _rows_for_members(self, rows, places):
        """The default members see the axes; others the columns."""
        return rows if self.estimators is not None else places

    def _codes(self, rows, places):
        rows = self._rows_for_members(rows, places)
        return [member.codes(rows, places) for member in self._members]

    def _settle_names(self, sample, places):
        """Find the consensus of the rows of fit, and rename all clusters after it."""
        codes = self._codes(sample, places)
        order = sorted(range(len(codes)), key=lambda m: self.estimators_[m][0])
        reference = codes[order[most_central([codes[m] for m in order])]]
        self._n_names = max(1, reference.max(initial=NOISE) + 1)
        if self.voting == "coassociation":
            target = self._linked(np.array(codes), self.n_clusters or self._n_names)
            self._n_names = target.max() + 1
        else:
            target = consensus(codes, reference, self._weights)
        self._cluster_names = [
            cluster_names(own, target, self._n_names) for own in codes
        ]
        if self.voting == "hard":
            votes = self._votes(self._aligned(codes))
            target = votes.labels
        voted = target != NOISE
        if not voted.any():
            voted, target = ~voted, np.zeros_like(target)
        self._voted = places[voted], target[voted]

    def _check_state(self):
        super()._check_state()
        if not hasattr(self, "_numbers"):
            return
        rows, names = self._voted
        check_arrays("VotingClusterer", rows=(rows, "f", "na"), names=(names, "i", "n"))
        check_arrays(
            "VotingClusterer",
            weights=(self._weights, "f", "m"),
            numbers=(self._numbers, "i", "k"),
        )
        n_names = len(self._numbers) - 1
        # Places for so many names are made for every row.
        if self._n_names != n_names or len(self._members) != len(self._weights):
            raise ValueError("VotingClusterer has other names or members than it voted")
        check_indices("VotingClusterer", n_names, names=names)
        for own in self._cluster_names:
            # One less is the mark of noise.
            check_indices("VotingClusterer", n_names + 1, cluster_names=own + 1)

    def _linked(self, codes, n_clusters):
        """Join rows by the share of the weight that puts them together."""
        if codes.shape[1] == 1:
            return np.zeros(1, dtype=np.int64)
        alone = np.array([noise_alone(own) for own in codes])
        apart = pdist(alone.T, "hamming", w=self._weights)
        return fcluster(average(apart), n_clusters, "maxclust").astype(np.int64) - 1

    def _aligned(self, codes):
        return np.array(
            [names[own] for names, own in zip(self._cluster_names, codes, strict=True)]
        )

    def _votes(self, aligned):
        return vote(aligned, self._weights, self._n_names)

    def _judged(self, Z):
        """Aligned clusters, label and agreement of rows, in the consensus' numbers."""
        rows = in_unit(Z, self._unit)
        places = self._axes.transform(rows)
        # scikit-learn's k-means wants rows of the dtype that it was fitted to.
        rows = rows.astype(self._dtype, copy=False)
        # Other sums than numpy's would give other digits.
        with config_context(array_api_dispatch=False):
            aligned = self._aligned(self._codes(rows, places))
        labels, agreement = self._votes(aligned)
        if self.voting == "coassociation":
            labels = extend_labels(*self._voted, places)
            agreement = self._weights @ (aligned == labels) / self._weights.sum()
        elif (labels == NOISE).any():
            lost = labels == NOISE
            labels[lost] = extend_labels(*self._voted, places[lost])
        return aligned, labels, agreement

    def _shown(self, labels, agreement):
        """Reject what the members do not agree on, where that was asked for."""
        core = agreement >= self.min_agreement - ROUNDING
        return core, labels if self.reassign else np.where(core, labels, NOISE)

    def _publish(self, Z):
        """Number the clusters by size; say how far the members agree."""
        aligned, labels, agreement = self._judged(Z)
        core, shown = self._shown(labels, agreement)
        names = np.unique(shown[shown != NOISE])
        sizes = np.bincount(shown[shown != NOISE], minlength=self._n_names)[names]
        # In the table's own columns: the signs of principal axes mean nothing.
        means = [Z[shown == name].mean(axis=0, dtype=np.float64) for name in names]
        order = canonical_order(sizes, np.reshape(means, (len(names), Z.shape[1])))
        # The last entry is that of noise.
        self._numbers = np.full(self._n_names + 1, NOISE)
        self._numbers[names[order]] = np.arange(len(names))
        # Nobody votes for a cluster that holds no row of fit.
        for own in self._cluster_names:
            own[self._numbers[own] == NOISE] = NOISE
        self.labels_ = self._numbers[shown]
        self.aligned_labels_ = self._numbers[aligned].T
        self.agreement_, self.core_ = agreement, core
        self.coverage_ = float(core.mean())
        self.member_agreement_ = np.mean(aligned == labels, axis=1)
        self.n_clusters_ = len(names)
        if not core.any():
            warn(
                f"There is no row on which {self.min_agreement:.0%} of the votes "
                "agree: lower min_agreement, or look at aligned_labels_."
            )
        elif self.n_clusters is not None:
            warn_if_collapsed(
                len(names),
                self.n_clusters,
                "Ask for fewer, or look at aligned_labels_.",
            )

    def _predict_labels(self, Z):
        _, labels, agreement = self._judged(Z)
        return self._numbers[self._shown(labels, agreement)[1]]


def _fit_member(estimator, rows, places):
    """Fit a member; return it, or None and what it raised."""
    with config_context(array_api_dispatch=False):
        model, error = fit_candidate(estimator, rows)
        if model is None:
            return None, error
        try:
            return Member(model, rows, places), ""
        except ValueError as raised:
            return None, f"ValueError: {raised}"
