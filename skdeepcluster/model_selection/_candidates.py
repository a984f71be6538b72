"""The clusterers that `AutoCluster` tries."""

from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import HDBSCAN
from sklearn.pipeline import Pipeline, make_pipeline

from ..ppp import PPP
from ._fitted import judged_by_score
from ._table_axes import TableAxes

# Up to so many columns, PPP and density in the columns are compared; with more, where
# density there says little, partitions of the rows' neighbours vote.
FEW_COLUMNS = 3


class Density(HDBSCAN):
    """HDBSCAN that keeps no copy of the rows, and no tree: it can be saved."""

    def fit(self, X, y=None):
        """Find the clusters of a table."""
        super().fit(X)
        for name in ("_raw_data", "_single_linkage_tree_"):
            vars(self).pop(name, None)
        return self


def default_candidates(shape, min_clusters, max_clusters, scale=True):
    """List the default candidates for a table, by name.

    Parameters
    ----------
    shape : tuple of (int, int)
        Numbers of distinct rows and of columns.
    min_clusters, max_clusters : int
        Bounds of the number of clusters; None for no upper one.
    scale : bool, default=True
        Whether they standardise the columns.

    Returns
    -------
    candidates : list of (str, estimator)
    """
    n_distinct = shape[0]
    finder = PPP(min_clusters=min_clusters, max_clusters=max_clusters, scale=scale)
    if n_distinct <= 10:
        return [("ppp", finder)]
    size = max(5, n_distinct // 50)
    density = Density(min_cluster_size=size, copy=True)
    return [("ppp", finder), ("hdbscan", make_pipeline(TableAxes(scale), density))]


def named_estimators(items, kind):
    """Pair each estimator of a list with its name, that of its class by default.

    Parameters
    ----------
    items : list of estimator or of (str, estimator)
        What a user gave.
    kind : str
        What one of them is called in errors: the parameter's name without the s.

    Returns
    -------
    named : list of (str, estimator)
    """
    if not items:
        raise ValueError(
            f"{kind}s is empty: give an estimator, or leave the parameter out."
        )
    named = [
        item if isinstance(item, tuple) else (type(item).__name__, item)
        for item in items
    ]
    for name, estimator in named:
        if not hasattr(estimator, "fit"):
            raise ValueError(f"The {kind} {name!r} has no fit: {estimator!r}.")
    return named


def seeded(estimator, seed):
    """Copy an estimator and give it, and its parts, a seed where they have none."""
    estimator = clone(estimator)
    seeds = {
        name: seed
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "random_state" and value is None
    }
    return estimator.set_params(**seeds)


def rows_checked_for(estimator):
    """Spare an estimator the checks of rows that have passed them.

    Only where all its parts are this package's, which hand finite rows to each
    other. Others, such as a logarithm before the last step of a pipeline, may hand
    on NaN.
    """
    parts = [estimator, *estimator.get_params().values()]
    package = __name__.split(".")[0]
    ours = all(
        type(part) is Pipeline or type(part).__module__.split(".")[0] == package
        for part in parts
        if hasattr(part, "fit")
    )
    # None leaves it to the user's own configuration.
    return config_context(assume_finite=ours or None)


def fit_candidate(estimator, X):
    """Fit a candidate; return the model without its search, or what it raised."""
    try:
        with judged_by_score():
            model = estimator.fit(X)
    except Exception as error:  # one bad candidate does not end the search
        return None, f"{type(error).__name__}: {error}"
    return getattr(model, "best_estimator_", model), ""
