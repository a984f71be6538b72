"""From scaled rows to clusters: items, metric, k-means under constraints, examples."""

from typing import NamedTuple

import numpy as np

from .._kmeans import weighted_means
from .._rows import distinct_rows
from ..kernels.projection import project
from ._assignment import Assigner
from ._constrained_lloyd import fit_constrained_kmeans
from ._items import items_of
from ._told_examples import Prototypes, fit_examples

# Times that the metric within clusters is computed and clustered in.
METRIC_ROUNDS = 3
# Share of the pooled covariance that is spread evenly.
SHRINKAGE = 0.1


class ConstrainedFit(NamedTuple):
    """What the rows came to.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row; -1 for a row without weight.
    centers : ndarray of shape (n_clusters, n_features)
        Means, in the metric.
    prototypes : Prototypes
        What stands for the clusters: their centers, or examples.
    examples : ndarray of shape (n_examples,), dtype=intp
        Rows that stand as examples.
    prices : ndarray of shape (n_clusters,)
        Prices of room.
    inertia : float
        Weighted sum of squared distances to the centers.
    gap : float
        Relative distance of the last assignment to a lower bound.
    excess : float
        By how much the sizes break their bounds.
    n_iter : int
        Steps of the best start.
    converged : bool
        Whether it ended before the last step allowed.
    axes : ndarray of shape (n_features, n_features) or None
        What scaled rows are multiplied by, to the metric.
    spread : ndarray of shape (n_features, n_features) or None
        Inverse of the covariance behind the axes.
    """

    labels: np.ndarray
    centers: np.ndarray
    prototypes: Prototypes
    examples: np.ndarray
    prices: np.ndarray
    inertia: float
    gap: float
    excess: float
    n_iter: int
    converged: bool
    axes: np.ndarray | None
    spread: np.ndarray | None


def fit_rows(Z, scaling, weights, links, limits, told, options, *, whole, within, seed):
    """Cluster rows under constraints.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features)
        Rows.
    scaling : TableScaling
        Scales them.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    links : Links
        Links between them.
    limits : SizeLimits
        Limits of the sizes.
    told : ndarray of shape (n_told,), dtype=intp
        Rows to stand as examples.
    options : Options
        Number of clusters, strength of links, starts and steps.
    whole : bool
        Whether all rows have weight 1.
    within : bool
        Whether distances are those of the pooled covariance within clusters.
    seed : int
        Seed of the starts.

    Returns
    -------
    ConstrainedFit
        The clusters.
    """
    hard = bool(np.isinf(options.strength))

    def in_metric(axes):
        # Scaled again each time: nothing holds a copy of the table while it clusters.
        rows = scaling.transform(Z)
        return rows if axes is None else project(rows, axes)

    def clustered(axes):
        items = items_of(
            in_metric(axes),
            weights,
            links,
            options.n_clusters,
            hard=hard,
            merge=limits.are_none,
        )
        rng = np.random.default_rng(seed)
        return items, fit_constrained_kmeans(items, limits, whole, options, rng)

    axes, spread = None, None
    items, run = clustered(axes)
    for _ in range(METRIC_ROUNDS if within else 0):
        labels = np.where(items.numbers < 0, -1, run.labels[items.numbers])
        axes, spread = within_axes(in_metric(None), weights, labels, len(run.centers))
        items, run = clustered(axes)
    assigner = Assigner(items, limits, options.strength, whole)
    prototypes = Prototypes(run.centers, np.arange(len(run.centers)))
    if len(told):
        run, prototypes, told = fit_examples(
            in_metric(axes), weights, assigner, run, told
        )
    labels = np.where(items.numbers < 0, -1, run.labels[items.numbers])
    away = np.square(items.means - run.centers[run.labels]).sum(axis=1)
    inertia = float(np.sum(items.weights * away) + items.scatters.sum())
    return ConstrainedFit(
        labels,
        run.centers,
        prototypes,
        told,
        run.prices,
        inertia,
        run.gap,
        assigner.size_excess(run.labels),
        run.n_iter,
        run.converged,
        axes,
        spread,
    )


def within_axes(Z, weights, labels, n_clusters):
    """Axes that make the pooled covariance within clusters the identity.

    Returns
    -------
    axes : ndarray of shape (n_features, n_features)
        Symmetric root of the inverse covariance.
    inverse : ndarray of shape (n_features, n_features)
        Inverse covariance.
    """
    # Equal rows of one cluster count as one: sums do not depend on how they are given.
    table = np.column_stack([labels, Z])[labels >= 0]
    table, own = distinct_rows(table, weights[labels >= 0])
    labels, rows = table[:, 0].astype(np.intp), np.ascontiguousarray(table[:, 1:])
    means = weighted_means(rows, own, labels, n_clusters)[0]
    away = (rows - means[labels]) * np.sqrt(own / own.sum())[:, np.newaxis]
    covariance = away.T @ away
    p = len(covariance)
    even = np.trace(covariance) / p or 1.0
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * even * np.eye(p)
    values, vectors = np.linalg.eigh(covariance)
    axes = np.ascontiguousarray((vectors / np.sqrt(values)) @ vectors.T)
    return axes, (vectors / values) @ vectors.T
