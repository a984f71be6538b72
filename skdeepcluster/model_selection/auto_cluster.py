"""AutoCluster: many partitions of a table, and the best without labels."""

import time
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
)

from .._fitted_state import check_arrays, check_indices
from .._levels import joined_clusters
from .._rows import canonical_order, in_chunks
from .._validation import draw_seed
from .._warnings import warn
from ..base import BaseClusterer
from ..exceptions import FitInterruptedWarning
from ..kernels.graph import by_size
from ..kernels.kmeans import nearest_centers
from ..ppp import PPP
from ..tables import TableEncoder
from ._candidates import (
    FEW_COLUMNS,
    default_candidates,
    fit_candidate,
    named_estimators,
    rows_checked_for,
    seeded,
)
from ._fitted import (
    NOISE,
    extend_labels,
    is_degenerate,
    judged_by_score,
    labels_of,
    representation_of,
)
from ._n_clusters import rank_average
from ._partition_vote import FAMILIES, hold_vote
from ._sampled_rows import (
    distinct_rows_to_fit,
    in_unit,
    rows_to_fit,
    unit_of_squares,
)
from ._scorers import (
    CONSENSUS,
    LabelFreeScorer,
    get_unsupervised_scorer,
    get_unsupervised_scorer_names,
)
from ._table_axes import TableAxes

# Halves of the rows for the scores that fit candidates again. Ten, the scorers' own
# default, chose no better on labelled tables.
N_RESAMPLES = 5
# Less stable than this was the best candidate on every table drawn without groups,
# and on 9 of 68 labelled ones, where it was mostly wrong: an earlier run.
DOUBTFUL = 0.5
# Partitions of 99 of 100 tables drawn without groups agreed less than this with the
# others, and those of 3 of 27 labelled tables: bench_auto.py.
LITTLE_AGREEMENT = 0.35
# With fewer distinct rows there is nothing to vote on.
FEWEST_VOTED = 30
# Rows that take part, and those that do where clusters would have fewer than so many
# rows on average: of many clusters, rows as few as that show unions.
SOME_ROWS, MANY_ROWS = 5000, 20_000
FEW_ROWS_EACH = 100


def _best_is_soft(model):
    """Whether the best candidate has a probability for every cluster, and no more."""
    return (
        model._rows is None
        and hasattr(model.best_estimator_, "predict_proba")
        and np.array_equal(np.sort(model._names), np.arange(model._n_columns))
    )


def _has_levels(model):
    """Whether partitions voted."""
    return getattr(model, "_levels", None) is not None


class AutoCluster(BaseClusterer):
    """Cluster a table in many ways and keep the best partition without labels.

    By default a table of more than three columns is partitioned in 45 cheap ways:
    communities of three graphs of its neighbours at twelve resolutions, HDBSCAN at
    four sizes on two layouts of these neighbours, and :class:`PPP`. The partitions
    vote: the one with the largest mean agreement with the others wins; but where, of
    at most 200 columns, PPP finds three clusters or more, one of which has over 40 % of
    the rows, PPP does. Of fewer columns, and where `candidates` or `scoring` are given,
    every candidate is fitted on the same rows, scored without labels, and the best
    score wins.

    Parameters
    ----------
    candidates : "default" or list of estimator or of (str, estimator), \
            default="default"
        What is tried in place of the vote, by preference: the first of equals
        wins. The default is the vote; where there is none, :class:`PPP` and HDBSCAN
        with clusters of at least 2 % of the rows, which scale the columns
        themselves; so should yours, as pipelines. All are scored in one space,
        standardised columns or, of more than 20, their first 20 principal axes, so
        that the scores compare.
    scoring : str or callable, default="auto"
        "auto" is the agreement in the vote and the stability otherwise. Besides, a
        name of
        :func:`~skdeepcluster.model_selection.get_unsupervised_scorer_names`, or
        ``scorer(estimator, X)``, higher is better. The stability is that between
        five halves of the rows and all. "consensus" averages the ranks of the
        candidates in its parts.
    min_clusters : int, default=2
        Smallest number of clusters. A candidate that finds fewer ranks behind
        those that do not.
    max_clusters : int, default=None
        Largest number of clusters, likewise; None for no limit, beyond the
        20 up to which some candidates scan.
    scale : bool, default=True
        Whether every column is divided by its standard deviation. False where the
        proportions of the columns mean something, as those of the axes of
        :class:`~skdeepcluster.TableEncoder` do, which are never divided if it is
        `table_encoder_`. Your own `candidates` scale as they do, and are scored in
        the space of `scale`.
    max_samples : int or "auto", default="auto"
        Candidates are fitted on so many distinct rows at most, drawn at random;
        the best one labels them all. More rows show more and finer clusters. "auto"
        is 5,000, but 20,000 where a vote on 5,000 elects clusters of fewer than 100
        rows on average.
    max_time : float, default=None
        Seconds after which no further candidate is begun; the first always is. The
        vote is held as a whole.
        What is found then depends on the machine. None sets no limit, and the
        same seed gives the same labels.
    n_jobs : int, default=None
        Candidates that are fitted at the same time, as in joblib; not in the vote.
    verbose : int, default=0
        Whether a progress bar is shown.
    random_state : int, RandomState or None, default=None
        Seed of the candidates that have none, of the rows drawn and of the
        scores. None draws a new seed at each fit.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row; 0 is the largest.
    n_clusters_ : int
        Number of clusters.
    best_estimator_ : object
        The candidate that won, fitted. After a vote that PPP has not won, it labels
        rows by the 15 nearest fitted ones, weighted by 1 / distance.
    best_name_ : str
        Its name, or the family of the partition that won the vote: "communities"
        (of the weighted neighbours), "shared" (of the neighbours in common),
        "edges" (of the neighbours without weights), "density" or "ppp".
    best_score_ : float
        Its score; not the largest where PPP overrules the vote.
    leaderboard_ : DataFrame
        A row per candidate, or per family with the best of its partitions, the best
        first, which is PPP where it overrules the vote, whatever its score: its name,
        ``score`` and the parts of a consensus, ``n_clusters``, the share of ``noise``,
        seconds, and the ``error`` of one that failed.
    table_encoder_ : TableEncoder
        What turned a data frame with words, dates or gaps into numbers, with its
        default settings; absent where the table holds numbers alone. For other
        settings, write ``make_pipeline(TableEncoder(...), AutoCluster(scale=False))``.
    levels_ : list of dict
        After a vote, for each number of clusters that a partition has, ascending:
        ``n_clusters``, and ``name`` and ``score`` of the partition of that number
        with the largest score; see :meth:`labels_at`.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described, or no candidate can be
        fitted on it.

    Warns
    -----
    ConvergenceWarning
        If no candidate finds clusters that can be scored, the stability of the
        best is below 0.5, or its agreement below 0.35: the table may have no groups.

    See Also
    --------
    PPP : One method that finds the number of clusters, and can answer one.
    skdeepcluster.model_selection.get_unsupervised_scorer : The scores.

    Notes
    -----
    The scores compare partitions of two clusters or more: that there is only
    one cluster is not an answer here, but PPP's.

    The agreement of two partitions is their adjusted Rand index. Families count 1,
    1/2 for "shared" and "edges", each divided among the partitions of the family;
    these are round numbers, since none could be learned from some thirty labelled
    tables. The table of votes is in ``benchmarks/results/bench_auto.md``.
    Communities of a graph come in like sizes, and cut a cluster of very many rows
    wherever they can: so does the majority of the partitions then, and PPP, which cuts
    at gaps only, is not outvoted. What this and the weights are worth on tables left
    out is in ``benchmarks/results/bench_vote_weights.md``.
    A vote takes O(n² p) time to find neighbours among more than 15 columns, and
    O(n log n) otherwise, for n rows that take part, and O(n) memory; each
    further row O(n p).

    Candidates see the distinct rows of the table in lexicographic order, so that
    the order of the rows does not matter. New rows are labelled by ``predict`` of
    the best candidate or, where it has none, as the nearest clustered row; so is
    noise, and no row is left without a cluster.

    ``leaderboard_`` needs pandas, which is imported when it is read.

    Ctrl-C keeps the best of the candidates that are done and says so; as long
    as none is, the estimator stays as it was.

    References
    ----------
    .. [1] D. Moulavi, P. A. Jaskowiak, R. J. G. B. Campello, A. Zimek and
       J. Sander (2014). "Density-based clustering validation." SIAM
       International Conference on Data Mining.
    .. [2] T. Lange, V. Roth, M. L. Braun and J. M. Buhmann (2004).
       "Stability-based validation of clustering solutions." Neural Computation
       16.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdeepcluster import AutoCluster
    >>> model = AutoCluster(random_state=0).fit(load_wine().data)
    >>> model.n_clusters_
    3
    >>> sorted(model.leaderboard_["name"])
    ['communities', 'density', 'edges', 'ppp', 'shared']
    """

    _parameter_constraints: ClassVar[dict] = {
        "candidates": [StrOptions({"default"}), list],
        "scoring": [
            StrOptions({"auto", *get_unsupervised_scorer_names()}),
            callable,
        ],
        "min_clusters": [Interval(Integral, 1, None, closed="left")],
        "max_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "scale": ["boolean"],
        "max_samples": [
            Interval(Integral, 2, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        candidates: Any = "default",
        *,
        scoring: str | Callable[..., Any] = "auto",
        min_clusters: int = 2,
        max_clusters: int | None = None,
        scale: bool = True,
        max_samples: int | str = "auto",
        max_time: float | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.candidates = candidates
        self.scoring = scoring
        self.min_clusters = min_clusters
        self.max_clusters = max_clusters
        self.scale = scale
        self.max_samples = max_samples
        self.max_time = max_time
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _check_state(self):
        super()._check_state()
        if not hasattr(self, "_centers"):
            return
        check_arrays(
            "AutoCluster",
            centers=(self._centers, "f", "kp"),
            names=(self._names, "iuOU", "k"),
            labels=(self.labels_, "i", "n"),
        )
        if len(self._names) != self.n_clusters_:
            raise ValueError("names of AutoCluster are of other clusters")
        if self._rows is not None:
            rows, labels = self._rows
            check_arrays(
                "AutoCluster", rows=(rows, "f", "na"), known=(labels, "i", "n")
            )
        for level in (self._levels or {}).values():
            centers, labels = level["centers"], level["labels"]
            check_arrays(
                "AutoCluster", centers=(centers, "f", "ka"), labels=(labels, "i", "n")
            )
            check_indices("AutoCluster", len(centers), labels=labels)

    def _checked(self, X, *, reset):
        """Check a table; a frame that holds more than numbers is encoded first."""
        if reset:
            vars(self).pop("table_encoder_", None)
            try:
                return super()._checked(X, reset=True)
            except (ValueError, TypeError):
                if not hasattr(X, "columns"):
                    raise
            self.table_encoder_ = TableEncoder().fit(X)
            for name in ("n_features_in_", "feature_names_in_"):
                if hasattr(self.table_encoder_, name):
                    setattr(self, name, getattr(self.table_encoder_, name))
        elif not hasattr(self, "table_encoder_"):
            return super()._checked(X, reset=False)
        else:
            # The encoder warns of columns without names.
            if hasattr(X, "columns"):
                _check_feature_names(self, X, reset=False)
            _check_n_features(self, X, reset=False)
        return np.ascontiguousarray(self.table_encoder_.transform(X))

    def _scales(self):
        return self.scale and not hasattr(self, "table_encoder_")

    def _fit_clusters(self, Z, sample_weight):
        self._check_limits()
        seed = draw_seed(self.random_state)
        self._dtype = Z.dtype
        self._unit = unit_of_squares(Z)
        Z = in_unit(Z, self._unit)
        rows, weights = distinct_rows_to_fit(Z, self._n_rows(), seed)
        self._levels = None
        if self._is_voted(*rows.shape):
            self._fit_voted(Z, rows, weights, seed)
            return
        rows, n_distinct = rows_to_fit(Z, self._n_rows(), seed)
        self._axes = TableAxes(self._scales()).fit(rows)
        named = self._named_candidates((n_distinct, Z.shape[1]))
        self._choose(self._try_all(named, rows, seed), rows)
        self._number(Z, self._raw_labels(Z))

    def _is_voted(self, n_distinct, n_columns):
        """Whether partitions vote, or candidates are compared by a score."""
        return (
            (self.candidates, self.scoring) == ("default", "auto")
            and n_columns > FEW_COLUMNS
            and n_distinct >= FEWEST_VOTED
        )

    def _fit_voted(self, Z, rows, weights, seed):
        """Let partitions of some rows vote, and label the table by the best."""
        ballot, ppp = self._vote(rows, weights, seed)
        sound, preferred = self._ranks(ballot, rows, weights)
        n_elected = ballot.n_clusters[ballot.elected(sound, preferred)]
        if self.max_samples == "auto" and len(rows) < FEW_ROWS_EACH * n_elected:
            more, more_weights = distinct_rows_to_fit(Z, MANY_ROWS, seed)
            if len(more) > len(rows):
                rows = more
                ballot, ppp = self._vote(more, more_weights, seed)
                sound, preferred = self._ranks(ballot, more, more_weights)
        self._axes = TableAxes(self._scales()).fit(rows)
        self._choose(self._best_of_families(ballot, sound, preferred, ppp), rows)
        model = self.best_estimator_
        places, squares = ballot.neighbor_labels(0).nearest(Z)
        raw = (
            self._raw_labels(Z)
            if model is ppp
            else model.shares(places, squares).argmax(axis=1)
        )
        self._number(Z, raw)
        self._nearest_fitted = places[:, 0]
        self._levels = ballot.levels(sound, self._axes.transform(rows))

    def _ranks(self, ballot, rows, weights):
        """Which partitions may win, and which of these the vote does not overrule."""
        sound = np.array([self._is_sound(labels) for labels in ballot.partitions])
        return sound, ballot.preferred(rows, weights)

    def _vote(self, rows, weights, seed):
        start = time.perf_counter()
        with judged_by_score():
            ppp = PPP(
                min_clusters=self.min_clusters,
                max_clusters=self.max_clusters,
                scale=self._scales(),
            )
            ppp.fit(rows, sample_weight=weights)
            seconds = time.perf_counter() - start
            ballot = hold_vote(rows, weights, ppp.labels_, seed, self._scales())
        ballot.seconds["ppp"] = seconds
        return ballot, ppp

    def _n_rows(self):
        """Most rows that take part, at first."""
        return SOME_ROWS if self.max_samples == "auto" else self.max_samples

    def _best_of_families(self, ballot, sound, preferred, ppp):
        """What the leaderboard shows: the best partition of each family."""
        results = []
        for family in FAMILIES:
            members = ballot.family(family)
            best = max(members, key=lambda i: (sound[i], ballot.scores[i]))
            results.append(
                {
                    "name": family,
                    "model": ppp if family == "ppp" else ballot.neighbor_labels(best),
                    "labels": ballot.partitions[best],
                    "scores": {"agreement": float(ballot.scores[best])},
                    "seconds": ballot.seconds[family],
                    "error": "",
                    "preferred": preferred[best],
                }
            )
        return results

    def _check_limits(self):
        if self.max_clusters is not None and self.max_clusters < self.min_clusters:
            raise ValueError(
                f"max_clusters={self.max_clusters} should be >= "
                f"min_clusters={self.min_clusters}."
            )

    def _named_candidates(self, shape):
        if self.candidates == "default":
            return default_candidates(
                shape, self.min_clusters, self.max_clusters, self._scales()
            )
        return named_estimators(self.candidates, "candidate")

    def _scorers(self, seed):
        if callable(self.scoring):
            return {"score": self.scoring}
        names = [{"auto": "stability"}.get(self.scoring, self.scoring)]
        if self.scoring == "consensus":
            names = CONSENSUS
        return {
            name: get_unsupervised_scorer(
                name,
                space=self._axes,
                # Halves of fewer rows than were fitted would show fewer clusters.
                max_samples=self._n_rows(),
                n_resamples=N_RESAMPLES,
                random_state=seed,
            )
            for name in names
        }

    def _try_all(self, named, sample, seed):
        """Fit and score the candidates; Ctrl-C keeps those that are done."""
        stop = np.inf if self.max_time is None else time.monotonic() + self.max_time
        scorers = self._scorers(seed)
        # All candidates are scored in one space.
        Z = representation_of(None, sample, self._axes)
        runs = _parallel(self.n_jobs)(
            delayed(_try_one)(name, seeded(model, seed), sample, Z, scorers, begin_by)
            for (name, model), begin_by in zip(
                named, [np.inf] + [stop] * (len(named) - 1), strict=True
            )
        )
        results = []
        try:
            for result in _progress(runs, len(named), self.verbose):
                results.append(result)
        except KeyboardInterrupt:
            if not results:
                raise
            warn(
                f"The search was interrupted: the best of the first {len(results)} of "
                f"{len(named)} candidates is kept.",
                FitInterruptedWarning,
            )
        return [result for result in results if result is not None]

    def _choose(self, results, sample):
        fitted = [result for result in results if result["model"] is not None]
        if not fitted:
            raise ValueError(
                f"No candidate could be fitted; {results[0]['name']} said: "
                f"{results[0]['error']}"
            )
        parts = {
            name: np.array([result["scores"][name] for result in fitted])
            for name in fitted[0]["scores"]
        }
        scores = rank_average(parts) if len(parts) > 1 else next(iter(parts.values()))
        sound = np.array([self._is_sound(result["labels"]) for result in fitted])
        for result, score in zip(fitted, scores.tolist(), strict=True):
            result["score"] = score
        preferred = np.array([result.get("preferred", False) for result in fitted])
        order = np.lexsort((np.arange(len(fitted)), -scores, ~preferred, ~sound))
        ranked = [fitted[index] for index in order]
        best = ranked[0]
        _warn_of_doubt(best)
        self.best_name_, self.best_estimator_ = best["name"], best["model"]
        self.best_score_ = best["score"]
        self._keep_rows(sample, best["labels"])
        failed = [result for result in results if result["model"] is None]
        self._board = [_board_row(result) for result in ranked + failed]

    def _is_sound(self, labels):
        n_clusters = labels.max(initial=NOISE) + 1
        largest = np.inf if self.max_clusters is None else self.max_clusters
        return not is_degenerate(labels) and self.min_clusters <= n_clusters <= largest

    def _keep_rows(self, sample, labels):
        """Keep the clustered rows, where the best candidate cannot label them all."""
        self._rows = None
        clustered = labels != NOISE
        if not clustered.any():
            clustered, labels = ~clustered, np.zeros_like(labels)
        if not (clustered.all() and hasattr(self.best_estimator_, "predict")):
            self._rows = self._axes.transform(sample[clustered]), labels[clustered]

    def _as_fitted(self, Z):
        # scikit-learn's k-means wants rows of the dtype that it was fitted to.
        return Z.astype(self._dtype, copy=False)

    def _raw_labels(self, Z):
        if self._rows is None:
            with rows_checked_for(self.best_estimator_):
                return np.asarray(self.best_estimator_.predict(self._as_fitted(Z)))
        return extend_labels(*self._rows, self._axes.transform(Z))

    def _number(self, Z, raw):
        """Number the clusters by size; label the rows of fit."""
        names, codes = np.unique(raw, return_inverse=True)
        members = [codes == j for j in range(len(names))]
        # In the table's own columns: the signs of principal axes mean nothing.
        means = [Z[mask].mean(axis=0, dtype=np.float64) for mask in members]
        order = canonical_order(np.bincount(codes), means)
        rows = self._axes.transform(Z)
        self._centers = np.array([rows[members[j]].mean(axis=0) for j in order])
        self._names = names[order]
        self.n_clusters_ = len(names)
        self._n_columns = 0
        if self._rows is None and hasattr(self.best_estimator_, "predict_proba"):
            self._n_columns = self.best_estimator_.predict_proba(Z[:1]).shape[1]
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        self.labels_ = number[codes]

    def _predict_labels(self, Z):
        Z = in_unit(Z, self._unit)
        raw = self._raw_labels(Z)
        found = np.full(len(Z), NOISE, dtype=np.int64)
        for rank, name in enumerate(self._names):
            found[raw == name] = rank
        # A cluster of the model that held no row of fit has no number.
        foreign = found == NOISE
        if foreign.any():
            rows = self._axes.transform(Z[foreign])
            found[foreign] = nearest_centers(rows, self._centers)[0]
        return found

    @available_if(_best_is_soft)
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Soft assignment of rows to clusters, where the best candidate has one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_clusters_)
            Rows sum to 1; in the dtype of `X`.
        """
        Z = in_unit(self._embed(X), self._unit)
        with rows_checked_for(self.best_estimator_):
            soft = in_chunks(self.best_estimator_.predict_proba, self._as_fitted(Z))
        return soft[:, self._names].astype(Z.dtype)

    @available_if(_has_levels)
    def labels_at(self, n_clusters: int) -> NDArray[Any]:
        """Return the labels of the rows of fit at another number of clusters.

        Available after a vote.

        Parameters
        ----------
        n_clusters : int
            From 1 to the largest number in ``levels_``.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row, 0 the largest, in the partition of that number with
            the largest score; rows that took no part have the cluster of the
            nearest row that did. ``labels_`` for ``n_clusters_``. Where no partition
            has that number, the clusters whose means are nearest are joined, as
            :meth:`PPP.labels_at` joins them: those of ``labels_``, or of more, those
            of the next finer level.

        Raises
        ------
        ValueError
            If no partition has as many clusters.
        """
        check_scalar(n_clusters, "n_clusters", Integral)
        if n_clusters == self.n_clusters_:
            return self.labels_.copy()
        if n_clusters not in self._levels and 1 <= n_clusters < self.n_clusters_:
            return by_size(joined_clusters(self._centers, n_clusters)[self.labels_])
        finer = [number for number in self._levels if number >= n_clusters >= 1]
        if not finer:
            raise ValueError(
                f"n_clusters={n_clusters!r} should be between 1 and "
                f"{max(self._levels, default=1)}, the most that a partition has."
            )
        level = self._levels[min(finer)]
        joined = joined_clusters(level["centers"], n_clusters)
        return by_size(joined[level["labels"]][self._nearest_fitted])

    @property
    def levels_(self):
        """Numbers of clusters in the vote, ascending, each with its best partition."""
        check_is_fitted(self)
        if not _has_levels(self):
            raise AttributeError("There was no vote, and there are no levels.")
        return [
            {"n_clusters": number, "name": level["name"], "score": level["score"]}
            for number, level in self._levels.items()
        ]

    @property
    def leaderboard_(self):
        """Candidates and their scores, the best first, as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self._board)


def _warn_of_doubt(best):
    """Warn where the best candidate is none."""
    stability = best["scores"].get("stability", 1.0)
    agreement = best["scores"].get("agreement", 1.0)
    if is_degenerate(best["labels"]):
        message = (
            "No candidate found clusters that can be scored: the labels are those of "
            f"{best['name']}."
        )
    elif stability < DOUBTFUL:
        message = (
            f"Halves of the rows hardly find the clusters of {best['name']}, the best "
            f"candidate, again (stability {stability:.2f}): the table may have no "
            "groups. PPP tests whether it has more than one."
        )
    elif agreement < LITTLE_AGREEMENT and not best["preferred"]:
        message = (
            "The partitions hardly agree: the best, of the family "
            f"{best['name']!r}, has a mean adjusted Rand index of {agreement:.2f} with "
            "the others. The table may have no groups; PPP tests whether it has more "
            "than one."
        )
    else:
        return
    warn(message)


def _parallel(n_jobs):
    """Results one by one, from backends that can; Ray's has them all at the end."""
    backend, _ = get_active_backend()
    each = getattr(backend, "supports_return_generator", False)
    return Parallel(n_jobs=n_jobs, return_as="generator" if each else "list")


def _try_one(name, estimator, sample, Z, scorers, begin_by):
    """Fit and score one candidate, unless it is too late."""
    if time.monotonic() > begin_by:
        return None
    start = time.perf_counter()
    # The rows are numpy's, and other sums than numpy's would give other digits.
    with config_context(array_api_dispatch=False):
        result = {"name": name} | _fit_and_score(estimator, sample, Z, scorers)
    return result | {"seconds": time.perf_counter() - start}


def _fit_and_score(estimator, sample, Z, scorers):
    with rows_checked_for(estimator):
        model, error = fit_candidate(estimator, sample)
    if model is None:
        return {"model": None, "error": error}
    try:
        with rows_checked_for(model):
            labels = labels_of(model, sample)
        scores = {
            key: _score(scorer, model, sample, Z, labels)
            for key, scorer in scorers.items()
        }
    except ValueError as raised:
        return {"model": None, "error": f"ValueError: {raised}"}
    return {"model": model, "error": "", "labels": labels, "scores": scores}


def _score(scorer, model, sample, Z, labels):
    if isinstance(scorer, LabelFreeScorer):
        with rows_checked_for(model):
            return scorer.score_labels(model, sample, None, Z, labels)
    return float(scorer(model, sample))


def _progress(runs, total, verbose):
    if not verbose:
        return runs
    from tqdm.auto import tqdm

    return tqdm(runs, total=total, desc="candidates")


def _board_row(result):
    """Lay out what the leaderboard shows of a candidate."""
    row = {"name": result["name"], "score": result.get("score", np.nan)}
    row |= result.get("scores", {})
    labels = result.get("labels", np.empty(0, dtype=np.int64))
    row["n_clusters"] = int(labels.max(initial=NOISE)) + 1
    row["noise"] = float(np.mean(labels == NOISE)) if len(labels) else np.nan
    return row | {"seconds": result["seconds"], "error": result["error"]}
