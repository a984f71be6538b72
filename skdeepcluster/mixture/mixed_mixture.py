"""MixedMixture: numbers, categories and gaps in one likelihood."""

from collections.abc import Sequence
from copy import copy
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._labels import PartialLabels, has_unlabeled
from .._validation import check_weights
from .._warnings import warn, warn_if_collapsed
from ..base import BaseClusterer, unchanged_on_error
from ..tables._columns import check_columns, read_columns, warn_of_marks
from ..tables._frames import checked_cells, frame_library, make_frame
from ..tables._table_sample import TableSample
from ._fitted_mixture import chunks_of, number_components
from ._gaps import column_evidence, with_indicators
from ._merge_tree import merges_of
from ._observations import (
    Observations,
    canonical_row_order,
    distinct,
    filled_column,
)
from ._search import (
    MOST_FULL,
    MOST_WORK,
    Settings,
    fit_mixed_mixture,
    n_gap_patterns,
    raise_bound_in_chunks,
)
from ._statistics import Rows

# Steps over all rows of a table of which a sample was searched.
STEPS_OVER_ALL = 10


class MixedMixture(BaseClusterer):
    """Bayesian mixture for tables of numbers, categories and gaps.

    Within a component numbers are Gaussian, alone or in blocks of correlated
    columns, and categories are independent. Gaps are integrated out. Variational
    Bayes fits more components than are needed, merges them two by two down to one,
    and one number, the evidence bound, chooses how many there are, which numbers are
    correlated, and whether gaps tell something. Nothing is drawn at random to fit.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of components; "auto" finds it. Components that no row needs are
        dropped, so there may be fewer than asked for.
    covariance_type : {"auto", "full", "diag", "blocks"}, default="auto"
        Which numbers are correlated within a component: all ("full"), none
        ("diag"), or those of some blocks, which are found ("blocks"). "auto" takes
        what has the largest evidence bound.
    min_gain : float, default=0.04
        What a component must earn, in nats per row of the table: one of a share w
        stays if its rows gain ``min_gain / w`` nats each.
    gaps : {"auto", "ignore", "informative"}, default="auto"
        Whether "is a gap" is a category of its own: for the columns where the
        evidence bound is larger then, for none, or for all with gaps.
    skew : {"log", None} or list of names, default="log"
        Whether numbers are logged where this makes them more nearly normal;
        names of the columns that are, and no others.
    max_components : int, default=25
        Most components to start with.
    max_levels : int, default=30
        Levels of a category past the so many most frequent are taken together.
    max_samples : int, default=20000
        Most distinct rows that decide what the columns are and how many components
        there are; of more, a sample is drawn by a hash of the rows, and at the end
        some steps go over all rows.
    max_iter : int, default=100
        Most steps after the search.
    tol : float, default=1e-5
        Steps end when the evidence bound rises by less than this per row.
    categorical : list, default=None
        Names or positions of columns of numbers that are categories.
    numeric : list, default=None
        Names or positions of columns that are numbers, though they look like codes
        or identifiers.
    sentinels : list of float or dict, default=None
        Numbers that stand for a gap, such as -999: in all columns of numbers, or by
        column.
    random_state : int, RandomState instance or None, default=None
        Seed of :meth:`sample`; fitting draws nothing.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of every row of :meth:`fit`; 0 is the largest. Absent after
        :meth:`partial_fit`.
    n_clusters_ : int
        Number of components.
    weights_ : ndarray of shape (n_clusters_,)
        Mixing weights.
    means_ : dict of name to ndarray of shape (n_clusters_,)
        Means of each column of numbers in its units; of a logged column the median.
        Without the point mass of a column, where it has one.
    covariances_ : ndarray of shape (n_clusters_, n_numbers, n_numbers)
        Covariances of the numbers, in units of `scales_`, after the logarithm.
    scales_ : dict of name to float
        Standard deviation of each column of numbers, after the logarithm.
    category_probabilities_ : dict of name to dict of str to ndarray
        Probability of each level in each component.
    gap_probabilities_ : dict of name to ndarray of shape (n_clusters_,)
        Probability of a gap in each component, of the columns whose gaps are a
        category.
    point_masses_ : dict of name to dict
        Columns of numbers with a point mass: its ``value``, and ``probability``, an
        ndarray of shape (n_clusters_,), of the value in each component.
    blocks_ : list of list
        Names of the numbers that are correlated within a component.
    covariance_type_ : {"full", "diag", "blocks"}
        What was chosen.
    informative_gaps_ : list
        Names of the columns whose gaps are a category.
    column_evidence_ : dict of name to float
        Nats that the components explain of each column, over the rows that were
        searched; negative where the column is noise to them.
    lower_bound_ : float
        Evidence bound of the mixture.
    lower_bounds_ : list of float
        The bound after each step at the end; it never falls.
    path_ : list of dict
        Every number of components that was looked at: ``n_clusters``,
        ``lower_bound``, ``entropy`` of the responsibilities, and ``objective``, which
        is the bound less ``min_gain * n * n_clusters``.
    merges_ : list of dict
        How components became fewer. Those at the start are the nodes ``0, 1, …``;
        each merge of ``left`` and ``right`` makes a new ``node`` of ``weight`` rows.
        ``separation`` is what the objective lost by it, in nats, and ``kept`` says
        whether it happened before the number of components that was chosen.
    known_classes_ : ndarray of shape (n_known,)
        Classes of the rows that had one; they are the first clusters.
    unused_columns_ : dict of name to str
        Columns that were left out, and why.
    n_iter_ : int
        Steps at the end.
    converged_ : bool
        Whether they ended by `tol`.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter, the table or the weights are not as described.
    TypeError
        If a column holds what is neither a number nor a word.

    Warns
    -----
    ConvergenceWarning
        If there is one cluster, or fewer than asked for; if the gaps of many columns of
        numbers have too many patterns for covariances of all of them.

    See Also
    --------
    PPP : For tables of numbers only, whose clusters need not be Gaussian.
    TableEncoder : A table as numbers, for every other clusterer.

    Notes
    -----
    A step takes O(n k (c + Σ q²)) time for n rows, k components, c columns and blocks
    of q columns, plus O(k q³) for each pattern of gaps in a block; memory is
    O(n (c + k)), and does not grow with the rows beyond `max_samples` but for the
    table itself.

    The prior of a component is that of Fraley and Raftery [1]_ for ten clusters:
    normal-inverse-Wishart with ``q + 2`` degrees of freedom, a mean worth 0.01 rows,
    and no standard deviation certainly below half the step between neighbouring
    values; a category has a Dirichlet prior worth two rows with the shares of the
    whole table.
    The evidence bound is that of variational Bayes with all parameters integrated
    out, as in [2]_. Gaps are missing at random, given the component; gaps that depend
    on the missing value itself are outside the model.

    A category with an order is a category. A value that holds more than a tenth of
    a column of numbers, eight times as often as any other, is a category "is that
    value", and the number is a gap there. An unknown level counts as a gap.

    Ctrl-C leaves the estimator as it was before the call, with the chunks that
    :meth:`partial_fit` had taken up.

    Heavy tails cost one broad component more; whole numbers that are really marks, such
    as scores from 1 to 10, may be cut into too many components.

    References
    ----------
    .. [1] C. Fraley and A. E. Raftery, "Bayesian regularization for normal mixture
       estimation and model-based clustering", Journal of Classification 24, 2007.
    .. [2] M. J. Beal and Z. Ghahramani, "The variational Bayesian EM algorithm for
       incomplete data: with application to scoring graphical model structures",
       Bayesian Statistics 7, 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster import MixedMixture
    >>> rng = np.random.default_rng(0)
    >>> size = np.r_[rng.normal(0, 1, 60), rng.normal(5, 1, 40)]
    >>> colors = ["red", "blue", "green"]
    >>> color = np.r_[rng.choice(colors[:2], 60), rng.choice(colors[1:], 40)]
    >>> X = np.column_stack([size.astype(object), color])
    >>> X[::10, 0] = None
    >>> model = MixedMixture().fit(X)
    >>> model.n_clusters_
    2
    >>> np.bincount(model.labels_)
    array([61, 39])
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "covariance_type": [StrOptions({"auto", "full", "diag", "blocks"})],
        "min_gain": [Interval(Real, 0, None, closed="left")],
        "gaps": [StrOptions({"auto", "ignore", "informative"})],
        "skew": [StrOptions({"log"}), None, "array-like"],
        "max_components": [Interval(Integral, 1, None, closed="left")],
        "max_levels": [Interval(Integral, 1, None, closed="left")],
        "max_samples": [Interval(Integral, 2, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "categorical": ["array-like", None],
        "numeric": ["array-like", None],
        "sentinels": ["array-like", dict, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: Literal["auto"] | int = "auto",
        *,
        covariance_type: Literal["auto", "full", "diag", "blocks"] = "auto",
        min_gain: float = 0.04,
        gaps: Literal["auto", "ignore", "informative"] = "auto",
        skew: Literal["log"] | Sequence[Any] | None = "log",
        max_components: int = 25,
        max_levels: int = 30,
        max_samples: int = 20_000,
        max_iter: int = 100,
        tol: float = 1e-5,
        categorical: Sequence[Any] | None = None,
        numeric: Sequence[Any] | None = None,
        sentinels: Sequence[float] | dict[Any, Sequence[float]] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.min_gain = min_gain
        self.gaps = gaps
        self.skew = skew
        self.max_components = max_components
        self.max_levels = max_levels
        self.max_samples = max_samples
        self.max_iter = max_iter
        self.tol = tol
        self.categorical = categorical
        self.numeric = numeric
        self.sentinels = sentinels
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find the clusters of a table.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table of numbers, text, categories, dates and gaps.
        y : array-like of shape (n_samples,), default=None
            Known classes of some rows, whose clusters come first. Rows without one
            are marked by -1 where classes are integers, or by a missing value. A
            `y` in which no row is marked so is not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 2 is the same as two
            equal rows, a weight of 0 leaves the row out. None means 1 for all.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_error(self):
            self._library = frame_library(X)
            cells = checked_cells(self, X)
            weights = check_weights(sample_weight, X)
            known = PartialLabels(y if has_unlabeled(y) else None, cells[0].values)
            self._check_number(len(cells[0].values), known)
            self._fit_clusters(cells, weights, known)
        return self

    def fit_predict(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Find the clusters of a table, and return those of its rows.

        Parameters
        ----------
        X, y, sample_weight : array-like
            See :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            The attribute `labels_`.
        """
        return self.fit(X, y, sample_weight).labels_

    def _check_number(self, n_samples, known):
        """Compare the number of components with rows and known classes."""
        k = self.n_components
        if k == "auto":
            return
        if n_samples < k:
            raise ValueError(
                f"n_samples={n_samples} should be >= n_components={k}: ask for fewer "
                "components or give more rows."
            )
        if k < known.n_known:
            raise ValueError(
                f"n_components={k} is less than the {known.n_known} classes in y: ask "
                "for more components."
            )

    def _fit_clusters(self, cells, weights, known):
        self._sample = TableSample(self.max_samples)
        self._sample.add(cells, weights, known.codes)
        self.known_classes_ = known.classes
        observations, found, _ = self._find(len(known.codes))
        if weights is None:
            weights = np.ones(len(known.codes))
        rows = Rows(*observations.encode(cells), weights, known.codes)
        mixture = found.mixture
        if self._sample.is_sample:
            order = canonical_row_order(rows)
            mixture = raise_bound_in_chunks(
                lambda: chunks_of(rows, order), mixture, STEPS_OVER_ALL, self.tol
            )
        self._fitted, self.labels_ = number_components(observations, mixture, rows)
        self._publish_mixture(mixture)
        self._labels_of = {}
        for level in found.levels:
            fitted, labels = number_components(observations, level.mixture, rows)
            self._labels_of[fitted.n_components] = labels.astype(np.int16)
        self._labels_of[self.n_clusters_] = self.labels_

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self,
        X: ArrayLike | None = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take up a chunk of rows; clusters are found when they are asked for.

        A bounded sample of all chunks is kept, and what the columns are is decided
        from it. What is found does not depend on how the rows were cut into chunks,
        nor on their order.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features), \
                default=None
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
        first = not hasattr(self, "_sample")
        with unchanged_on_error(self):
            if first:
                self._library = frame_library(X)
                self.known_classes_ = np.empty(0, dtype=np.int64)
            cells = checked_cells(self, X, None if first else self._sample.names)
            weights = check_weights(sample_weight, X)
            sample = TableSample(self.max_samples) if first else self._sample.copy()
            unknown = np.full(len(cells[0].values), -1)
            self._exchange_sample(sample.add(cells, weights, unknown))
        return self

    def merge(self, other: "MixedMixture") -> Self:
        """Take up what another estimator saw of the same table.

        Parameters
        ----------
        other : MixedMixture
            One that :meth:`fit` or :meth:`partial_fit` was called on; it is not
            changed.

        Returns
        -------
        self : object
            The estimator; clusters are found when they are asked for.
        """
        check_is_fitted(self)
        check_is_fitted(other)
        if list(self.known_classes_) != list(other.known_classes_):
            raise ValueError(
                "Mixtures with different known classes do not merge: "
                f"{self.known_classes_} and {other.known_classes_}."
            )
        with unchanged_on_error(self):
            self._exchange_sample(self._sample.copy().merge(other._sample))
        return self

    def _exchange_sample(self, sample):
        self._sample = sample
        for name in ("_fitted", "labels_", "_labels_of"):
            vars(self).pop(name, None)

    def _settle(self):
        """Find the clusters of the sample, if rows came since the last time.

        Aside, and then all is set at once: several threads may ask at the same
        time, and an interrupt leaves what was there.
        """
        if hasattr(self, "_fitted"):
            return
        aside = copy(self)
        observations, found, rows = aside._find()
        aside._fitted, _ = number_components(observations, found.mixture, rows)
        aside._publish_mixture(found.mixture)
        vars(self).update(vars(aside))

    def _find(self, n_rows=0):
        """Read the columns of the sample of a table, and search its rows."""
        cells, weights, known = self._sample.table()
        observations = self._read(cells, weights)
        rows = distinct(Rows(*observations.encode(cells), weights, known))
        found = self._search(observations, rows, n_rows)
        self._publish_search(observations, found, rows)
        rows, _ = with_indicators(rows, observations.n_levels, found.informative)
        return observations._replace(informative=found.informative), found, rows

    def _read(self, cells, weights):
        """Decide what the columns are."""
        columns = read_columns(
            cells,
            categorical=() if self.categorical is None else self.categorical,
            numeric=() if self.numeric is None else self.numeric,
            sentinels=self.sentinels,
            skew=self.skew,
            max_levels=self.max_levels,
            weights=weights,
        )
        unused = [column for column in columns if column.unused]
        if len(unused) == len(columns) and any(c.unused != "constant" for c in unused):
            reasons = ", ".join(f"{c.name!r} ({c.unused})" for c in unused)
            raise ValueError(f"No column of X can be used: {reasons}.")
        warn_of_marks(cells, columns)
        self.unused_columns_ = {column.name: column.unused for column in unused}
        return Observations.of_cells(cells, weights, columns)

    def _search(self, observations, rows, n_rows):
        """Search for components among distinct rows."""
        settings = Settings(
            None if self.n_components == "auto" else int(self.n_components),
            self.covariance_type,
            self.min_gain,
            self.gaps,
            int(self.max_components),
            self.max_iter,
            self.tol,
        )
        if not self._may_be_one_block(rows, n_rows):
            kind = "blocks" if settings.covariance_type == "full" else "auto"
            settings = settings._replace(covariance_type=kind, one_block=False)
        found = fit_mixed_mixture(
            rows,
            observations.n_levels,
            observations.resolution,
            observations.gap_columns,
            settings,
        )
        n_found = found.mixture.n_components
        if self.n_components != "auto":
            hint = "No row needs more components than that."
            warn_if_collapsed(n_found, self.n_components, hint)
        elif n_found == 1:
            warn(
                "No evidence of more than one cluster in "
                f"{len(rows.weights)} distinct rows: every row has label 0."
            )
        return found

    def _may_be_one_block(self, rows, n_rows):
        """Whether covariances of all numbers take no more than some seconds."""
        p = rows.numbers.shape[1]
        asked = self.covariance_type == "full"
        if not (asked or (self.covariance_type == "auto" and p <= MOST_FULL)):
            return True
        n_patterns = n_gap_patterns(rows)
        # Of a table that was sampled, as many more are to be expected.
        n_expected = n_patterns * max(1.0, n_rows / len(rows.weights))
        if n_expected * p**3 <= MOST_WORK:
            return True
        warn(
            f"The {p} columns of numbers have {n_patterns:,} different patterns of "
            "gaps: covariances of all columns would take too long, and blocks of "
            "correlated columns are looked for instead. Fill gaps, or leave out "
            "columns that have many."
        )
        return False

    def _publish_search(self, observations, found, rows):
        """Set what the search says of columns and of numbers of components."""
        levels, mixture = found.levels, found.mixture
        self.informative_gaps_ = [
            observations.column_of(place).name for place in found.informative
        ]
        self.path_ = [
            {
                "n_clusters": level.mixture.n_components,
                "lower_bound": level.mixture.bound,
                "entropy": level.mixture.entropy,
                "objective": level.objective(self.min_gain),
            }
            for level in levels
        ]
        self.merges_ = merges_of(levels, found.chosen, rows.weights, self.min_gain)
        names = [column.name for column in observations.numbers]
        blocks = mixture.prior.blocks.lists()
        self.blocks_ = [[names[j] for j in block] for block in blocks]
        self.covariance_type_ = "blocks"
        if len(blocks) == len(names):
            self.covariance_type_ = "diag"
        elif len(blocks) == 1:
            self.covariance_type_ = "full"
        evidence = column_evidence(
            rows, observations.n_levels, observations.resolution, mixture.shares
        )
        self.column_evidence_ = dict.fromkeys(
            (column.name for column in observations.columns if not column.unused), 0.0
        )
        for place, nats in enumerate(evidence):
            self.column_evidence_[observations.column_of(place).name] += float(nats)

    def _publish_mixture(self, mixture):
        """Set the parameters of the components, in units of the table."""
        fitted = self._fitted
        observations, parameters = fitted.observations, fitted.parameters
        self.n_clusters_ = fitted.n_components
        self.weights_ = np.exp(parameters.log_weights)
        means, self.covariances_ = fitted.gaussians
        numbers = observations.numbers
        self.means_ = {
            column.name: column.in_units(means[:, j])
            for j, column in enumerate(numbers)
        }
        self.scales_ = {column.name: column.scale for column in numbers}
        chances = np.exp(parameters.level_logs)
        first = np.cumsum([0, *observations.n_levels])
        self.category_probabilities_, self.gap_probabilities_ = {}, {}
        for j, column in enumerate(observations.categories):
            part = chances[first[j] : first[j + 1]]
            self.category_probabilities_[column.name] = dict(
                zip(column.levels, part, strict=True)
            )
        place = len(observations.categories)
        self.point_masses_ = {}
        for j, value in observations.spikes:
            chance = chances[first[place] + 1]
            self.point_masses_[numbers[j].name] = {
                "value": value,
                "probability": chance,
            }
            place += 1
        for name in self.informative_gaps_:
            self.gap_probabilities_[name] = chances[first[place] + 1]
            place += 1
        self.lower_bound_ = mixture.bound
        self.lower_bounds_ = list(mixture.bounds)
        self.n_iter_ = len(mixture.bounds)
        self.converged_ = mixture.converged

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_sample")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _embed(self, X):
        """Check rows that came after fit, and take them apart."""
        check_is_fitted(self)
        cells = checked_cells(self, X, self._sample.names)
        self._settle()
        observations = self._fitted.observations
        check_columns(cells, observations.columns)
        return observations.encode(cells)

    def _predict_labels(self, Z):
        return self._fitted.labels(*Z)

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Give the probability of every cluster at each row.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table with the columns seen in fit. A level that was not there then
            counts as a gap.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_clusters_)
            Rows sum to 1; `weights_` where a row has nothing but gaps.
        """
        Z = self._embed(X)
        return self._fitted.probabilities(*Z).astype(result_dtype(X))

    def score_samples(self, X: ArrayLike) -> NDArray[Any]:
        """Log density of the mixture at each row.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        log_densities : ndarray of shape (n_samples,)
            Log of the density of the numbers, in units of the table, times the
            probability of the levels; gaps are integrated out.
        """
        Z = self._embed(X)
        return self._fitted.scores(*Z).astype(result_dtype(X))

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Mean log density of the mixture over the rows.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        float
            Mean of :meth:`score_samples`.
        """
        Z = self._embed(X)
        return float(self._fitted.scores(*Z).mean())

    def labels_at(self, n_clusters: int) -> NDArray[Any]:
        """Return the labels of the fitted rows for another number of clusters.

        Parameters
        ----------
        n_clusters : int
            One of the numbers in `path_`.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row; 0 is the largest.
        """
        check_is_fitted(self, "_labels_of")
        if n_clusters not in self._labels_of:
            known = ", ".join(map(str, sorted(self._labels_of)))
            raise ValueError(
                f"n_clusters={n_clusters!r} was not on the way of this MixedMixture: "
                f"ask for one of {known}, or fit with n_components={n_clusters!r}."
            )
        return self._labels_of[n_clusters].astype(np.int64)

    def sample(self, n_samples: int = 1) -> tuple[Any, NDArray[Any]]:
        """Draw rows without gaps from the mixture.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        Returns
        -------
        X : DataFrame, pyarrow.Table or ndarray of shape (n_samples, n_features)
            Table of the kind seen in fit; columns that are not used are gaps.
        y : ndarray of shape (n_samples,), dtype=int64
            Cluster that each row was drawn from.
        """
        check_is_fitted(self)
        self._settle()
        if n_samples < 1:
            raise ValueError(f"n_samples={n_samples} should be at least 1.")
        rng = check_random_state(self.random_state)
        components, numbers, codes = self._fitted.draw(n_samples, rng)
        columns = self._fitted.observations.decode(numbers, codes)
        X = make_frame(self._library, columns, n_samples, np.float64)
        return X, components.astype(np.int64)

    def impute(self, X: ArrayLike) -> Any:
        """Fill gaps by what the mixture expects there.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        X : DataFrame, pyarrow.Table or ndarray of shape (n_samples, n_features)
            Table of the kind seen in fit. A gap among numbers has the mean given the
            rest of its row (of a logged column the median), among categories the most
            probable level. Columns that are not used keep their gaps.
        """
        numbers, levels = self._embed(X)
        fitted = self._fitted
        expected = fitted.observations.decode(
            fitted.expected_numbers(numbers, levels),
            fitted.expected_levels(numbers, levels),
        )
        cells = checked_cells(self, X, self._sample.names)
        filled = {cell.name: filled_column(cell, expected[cell.name]) for cell in cells}
        return make_frame(self._library, filled, len(numbers), np.float64)


def result_dtype(X):
    """float32 for an array of that, otherwise float64."""
    return np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64
