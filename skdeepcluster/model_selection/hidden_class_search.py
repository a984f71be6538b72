"""HiddenClassSearchCV: tune a discovery by classes that were hidden from it."""

import time
from collections.abc import Callable
from contextlib import suppress
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import joblib
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.base import MetaEstimatorMixin, _fit_context
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._labels import PartialLabels
from .._validation import check_table, draw_seed
from .._warnings import warn
from ..base import DocumentedEstimator, unchanged_on_error
from ..metrics import clustering_accuracy
from ._candidates import rows_checked_for, seeded
from ._fitted import ended_by_interrupts
from ._hidden_classes_split import LEAST_KNOWN, HiddenClassesSplit

SCORES = {
    "adjusted_rand": adjusted_rand_score,
    "clustering_accuracy": clustering_accuracy,
    "normalized_mutual_info": normalized_mutual_info_score,
}

# Parameters of an estimator with `relabel` that its costly part does not see.
_RELABELED = ("n_novel", "n_components", "n_init", "row_normalize", "predict_known")


def _best_has(name):
    def check(search):
        if not search.refit:
            raise AttributeError(f"{name} needs refit=True: no candidate was fitted.")
        getattr(getattr(search, "best_estimator_", search.estimator), name)
        return True

    return check


class HiddenClassSearchCV(MetaEstimatorMixin, DocumentedEstimator):
    """Search the parameters of a discovery of classes, by hiding known ones.

    The true classes of the unlabeled rows are not known, so candidates cannot be
    judged on them. Instead, the labels of some known classes are taken away, the
    candidate looks for them among all unlabeled rows, and what it finds is
    compared with the truth on the hidden rows. This is repeated with other
    classes; the best candidate is fitted with all known labels.

    Parameters
    ----------
    estimator : estimator
        Discovery with ``fit(X, y)``, partial labels `y` and a parameter
        ``n_novel``, such as :class:`NCDKMeans`; or a pipeline that ends in one.
    param_grid : dict or list of dict, default=None
        Lists of values for each parameter; with `n_iter`, distributions too.
        None holds one candidate, the estimator as it is.
    n_iter : int, default=None
        Candidates drawn at random; None tries the whole grid, as does a number
        beyond its size.
    n_hidden : int or "auto", default="auto"
        Classes hidden at a time, as in :class:`HiddenClassesSplit`. Not more
        than an integer ``n_novel``, under "auto".
    n_splits : int, default=5
        Sets of classes that are hidden in turn.
    scoring : {"adjusted_rand", "clustering_accuracy", "normalized_mutual_info"} \
            or callable, default="adjusted_rand"
        ``scoring(y_true, y_pred)`` on the hidden rows, higher is better.
    refit : bool, default=True
        Whether the best candidate is fitted on all known labels.
    n_jobs : int, default=None
        Fits that run at the same time, as in joblib.
    random_state : int, RandomState or None, default=None
        Decides the classes hidden, the candidates drawn, and the seed of an
        estimator that has none.

    Attributes
    ----------
    best_estimator_ : estimator
        The best candidate, fitted with all known labels; with ``refit`` only.
    best_params_ : dict
        Its parameters.
    best_score_ : float
        Its mean score; NaN where nothing could be hidden.
    best_index_ : int
        Its row in ``cv_results_``.
    cv_results_ : dict of ndarray
        As in scikit-learn's searches: ``params``, ``param_*``,
        ``split*_test_score``, ``mean_test_score``, ``std_test_score``,
        ``rank_test_score``, ``mean_fit_time``; and ``mean_n_novel``, the mean
        number of classes found, hidden ones among them.
    hidden_classes_ : list of ndarray
        Classes hidden in each split.
    n_splits_ : int
        Number of splits; 0 where nothing could be hidden.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter, the table or the labels are not as described.

    Warns
    -----
    ConvergenceWarning
        If there are too few known classes to hide some, or none: the first
        candidate is then taken as it is.

    See Also
    --------
    HiddenClassesSplit : The splits alone.

    Notes
    -----
    With an integer ``n_novel``, a split looks for ``n_novel`` plus the number of
    hidden classes: the truly novel rows stay in training, so that a candidate
    that mixes them with hidden classes loses. With ``n_novel="auto"`` the
    estimator chooses the number among the hidden and the novel rows together.
    The true classes of the unlabeled rows are never used.

    The embedding of :class:`NCDSpectralClustering` does not depend on the labels:
    without an encoder, its candidates that differ in nothing but `n_components`,
    `n_novel`, `n_init` or `row_normalize` are fitted once, for all splits.

    Ctrl-C leaves the search as it was before the call; while a candidate trains
    a network, it ends that training alone, with a warning.

    References
    ----------
    .. [1] C. Troisemaine, A. Reiffers-Masson, S. Gosselin, V. Lemaire and
       S. Vaton (2024). "A practical approach to novel class discovery in tabular
       data." Data Mining and Knowledge Discovery 38, section 4, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import NCDKMeans
    >>> from skdeepcluster.model_selection import HiddenClassSearchCV
    >>> X, digit = load_digits(return_X_y=True)
    >>> y = np.where(digit < 6, digit, -1)
    >>> grid = {"selection": ["squared", "unsquared"]}
    >>> search = HiddenClassSearchCV(
    ...     NCDKMeans(n_novel=4, n_init=2), grid, n_splits=2, random_state=0
    ... ).fit(X, y)
    >>> sorted(search.best_params_)
    ['selection']
    >>> search.best_estimator_.novel_classes_
    array([6, 7, 8, 9])
    """

    _required_parameters = ("estimator",)
    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit"])],
        "param_grid": [dict, list, None],
        "n_iter": [Interval(Integral, 1, None, closed="left"), None],
        "n_hidden": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_splits": [Interval(Integral, 1, None, closed="left")],
        "scoring": [StrOptions(set(SCORES)), callable],
        "refit": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any = None,
        *,
        n_iter: int | None = None,
        n_hidden: Literal["auto"] | int = "auto",
        n_splits: int = 5,
        scoring: Literal[
            "adjusted_rand", "clustering_accuracy", "normalized_mutual_info"
        ]
        | Callable[..., Any] = "adjusted_rand",
        refit: bool = True,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.n_iter = n_iter
        self.n_hidden = n_hidden
        self.n_splits = n_splits
        self.scoring = scoring
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Search, and fit the best candidate with all known labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : array-like of shape (n_samples,), default=None
            Known classes; -1 (integer classes) or a missing value where a row
            has none. None means that no row has a class.

        Returns
        -------
        self : object
            Fitted search.
        """
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            known = PartialLabels(y, X)
            seed = draw_seed(self.random_state)
            candidates = self._candidates(seed)
            splits = self._splits(X, y, known, seed)
            self.n_splits_ = len(splits)
            self.hidden_classes_ = [hidden for _, _, hidden in splits]
            self._evaluate(candidates, splits, X, y, seed)
            if self.refit:
                model = seeded(self.estimator, seed)
                self.best_estimator_ = model.set_params(**self.best_params_)
                self.best_estimator_.fit(X, y)
            else:
                vars(self).pop("best_estimator_", None)
        return self

    def _candidates(self, seed):
        grid = {} if self.param_grid is None else self.param_grid
        if self.n_iter is None:
            return list(ParameterGrid(grid))
        n_iter = self.n_iter
        # Distributions, which a grid refuses, have no end of candidates.
        with suppress(TypeError):
            n_iter = min(n_iter, len(ParameterGrid(grid)))
        return list(ParameterSampler(grid, n_iter, random_state=seed))

    def _splits(self, X, y, known, seed):
        """Splits of the known classes; none where there are too few to hide."""
        n_hidden = self.n_hidden
        least = LEAST_KNOWN if n_hidden == "auto" else n_hidden + 1
        if known.n_known < least:
            warn(
                f"y has {known.n_known} known classes, and to hide some takes "
                f"{least}: the first candidate is taken as it is."
            )
            return []
        n_novel = self.estimator.get_params().get(_prefix(self.estimator) + "n_novel")
        if n_hidden == "auto" and isinstance(n_novel, Integral):
            n_hidden = min(max(2, known.n_known // 2), known.n_known - 2, int(n_novel))
        split = HiddenClassesSplit(n_hidden, n_splits=self.n_splits, random_state=seed)
        return list(split.split(X, y))

    def _evaluate(self, candidates, splits, X, y, seed):
        scorer = self.scoring if callable(self.scoring) else SCORES[self.scoring]
        jobs = list(self._jobs(candidates, splits))
        runs = Parallel(n_jobs=self.n_jobs)(
            delayed(_find_hidden)(
                seeded(self.estimator, seed),
                [candidates[index] for index in indices],
                X,
                y,
                [splits[fold] for fold in folds],
                scorer,
            )
            for indices, folds in jobs
        )
        found = np.empty((len(candidates), len(splits), 3))
        for (indices, folds), run in zip(jobs, runs, strict=True):
            found[np.ix_(indices, folds)] = run
        self.cv_results_ = _results(candidates, found)
        means = self.cv_results_["mean_test_score"]
        # NaN, where nothing was hidden, leaves the first.
        self.best_index_ = int(np.argmin(self.cv_results_["rank_test_score"]))
        self.best_score_ = float(means[self.best_index_])
        self.best_params_ = candidates[self.best_index_]

    def _jobs(self, candidates, splits):
        """Yield the candidates and the splits that are worked off in a row.

        They share a fit where the labels do not matter to its costly part.
        """
        folds = range(len(splits))
        alone = not hasattr(self.estimator, "relabel") or self.estimator.encoder
        together = {}
        for index, params in enumerate(candidates):
            if alone or "encoder" in params:
                yield from (([index], [fold]) for fold in folds)
                continue
            costly = {key: params[key] for key in params if key not in _RELABELED}
            together.setdefault(joblib.hash(costly), []).append(index)
        for indices in together.values() if splits else ():
            # The widest embedding first: the others are parts of it.
            widths = [candidates[index].get("n_components") for index in indices]
            widths = [w if isinstance(w, Integral) else 0 for w in widths]
            yield [indices[rank] for rank in np.argsort(widths)[::-1]], [*folds]

    def _embed(self, X):
        check_is_fitted(self)
        return check_table(self, X, reset=False)

    @available_if(_best_has("predict"))
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give every row its class, by the best candidate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Class of each row.
        """
        X = self._embed(X)
        return self.best_estimator_.predict(X)

    @available_if(_best_has("predict_proba"))
    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Soft assignment of rows to classes, by the best candidate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            As the estimator has it.
        """
        X = self._embed(X)
        return self.best_estimator_.predict_proba(X)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "cv_results_")


def _prefix(estimator):
    """What goes before the names of the discovery's own parameters."""
    return f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""


def _find_hidden(estimator, candidates, X, y, splits, scorer):
    """Fit candidates without some classes; scores on them, numbers and times.

    All fits after the first only change the labels, of an estimator that can.
    """
    found = np.empty((len(candidates), len(splits), 3))
    known = PartialLabels(y, X)
    name = _prefix(estimator) + "n_novel"
    default = estimator.get_params().get(name)
    before = estimator.get_params(deep=False)
    for index, params in enumerate(candidates):
        for fold, (y_masked, rows, hidden) in enumerate(splits):
            model = estimator.set_params(**before | params)
            n_novel = params.get(name, default)
            if isinstance(n_novel, Integral):
                model.set_params(**{name: int(n_novel) + len(hidden)})
            start = time.perf_counter()
            with ended_by_interrupts(), rows_checked_for(model):
                if index or fold:
                    model.relabel(y_masked)
                else:
                    model.fit(X, y_masked)
            seconds = time.perf_counter() - start
            last = model[-1] if isinstance(model, Pipeline) else model
            score = scorer(known.classes[known.codes[rows]], last.labels_[rows])
            found[index, fold] = score, last.n_novel_, seconds
    return found


def _results(candidates, found):
    """Lay out scores, numbers and times (n_candidates, n_splits, 3) by column."""
    scores = found[:, :, 0]
    results = {"params": candidates}
    for name in sorted({name for params in candidates for name in params}):
        column = np.ma.masked_all(len(candidates), dtype=object)
        for index, params in enumerate(candidates):
            if name in params:
                column[index] = params[name]
        results[f"param_{name}"] = column
    for index, column in enumerate(scores.T):
        results[f"split{index}_test_score"] = column
    empty = np.full(len(candidates), np.nan)
    several = found.shape[1] > 0
    results["mean_test_score"] = scores.mean(axis=1) if several else empty
    results["std_test_score"] = scores.std(axis=1) if several else empty
    ranks = rankdata(-scores.mean(axis=1), method="min") if several else empty
    results["rank_test_score"] = np.nan_to_num(ranks, nan=1).astype(np.int32)
    results["mean_n_novel"] = found[:, :, 1].mean(axis=1) if several else empty
    results["mean_fit_time"] = found[:, :, 2].mean(axis=1) if several else empty
    return results
