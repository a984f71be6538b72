"""The clusterers that `AutoCluster` tries."""

import warnings

from sklearn.base import clone
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from ..partition import PPP
from ._axes import TableAxes
from ._scorers import get_scorer
from ._split import WholeData

# Numbers of clusters that a scan tries.
NUMBERS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20)


class Density(HDBSCAN):
    """HDBSCAN that keeps no copy of the rows, and no tree: it can be saved."""

    def fit(self, X, y=None):
        """Find the clusters of a table."""
        super().fit(X)
        for name in ("_raw_data", "_single_linkage_tree_"):
            vars(self).pop(name, None)
        return self


def default_candidates(n_distinct, min_clusters, max_clusters):
    """List the default candidates for a table, by name.

    Parameters
    ----------
    n_distinct : int
        Number of distinct rows.
    min_clusters, max_clusters : int
        Bounds of the number of clusters; None for no upper one.

    Returns
    -------
    candidates : list of (str, estimator)
    """
    found = [("ppp", PPP(min_clusters=min_clusters, max_clusters=max_clusters))]
    numbers = _numbers(n_distinct, min_clusters, max_clusters)
    if numbers:
        found += [
            ("mixture", _scan(GaussianMixture(reg_covar=1e-4), numbers, "bic")),
            ("kmeans", _scan(KMeans(n_init=3), numbers, "silhouette")),
        ]
    if n_distinct > 10:
        size = max(5, n_distinct // 50)
        density = Density(min_cluster_size=size, copy=True)
        found.append(("hdbscan", make_pipeline(TableAxes(), density)))
    return found


def _numbers(n_distinct, min_clusters, max_clusters):
    largest = n_distinct - 1 if max_clusters is None else max_clusters
    if min_clusters == max_clusters:
        return [min_clusters] if 2 <= min_clusters < n_distinct else []
    return [k for k in NUMBERS if min_clusters <= k <= min(largest, n_distinct - 1)]


def _scan(estimator, numbers, scoring):
    """Choose the number of clusters of one kind of clusterer by a score."""
    name = "n_clusters" if hasattr(estimator, "n_clusters") else "n_components"
    step = type(estimator).__name__.lower()
    return GridSearchCV(
        make_pipeline(TableAxes(), estimator),
        {f"{step}__{name}": numbers},
        cv=WholeData(),
        scoring=get_scorer(scoring),
        error_score="raise",
    )


def seeded(estimator, seed):
    """Copy an estimator and give it, and its parts, a seed where they have none."""
    estimator = clone(estimator)
    seeds = {
        name: seed
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "random_state" and value is None
    }
    return estimator.set_params(**seeds)


def fit_candidate(estimator, X):
    """Fit a candidate; return the model without its search, or what it raised."""
    with warnings.catch_warnings():
        # A setting that does not suit the table loses by its score.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model = estimator.fit(X)
        except Exception as error:  # one bad candidate does not end the search
            return None, f"{type(error).__name__}: {error}"
    return getattr(model, "best_estimator_", model), ""
