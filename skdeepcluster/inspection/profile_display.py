"""What sets each cluster apart, feature by feature."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._scaling import power_of_two
from ..metrics._matching import distinct_labels
from ._drawing import new_axes, plain, text_color
from ._named_columns import named_table
from ._number_text import percent, three_digits


class ClusterProfileDisplay:
    """Means of the features in each cluster, coloured by how unusual they are.

    Each cell holds the mean of a feature among the rows of a cluster, in the
    units of the table. Its colour is the distance of that mean from the mean of
    all rows, in standard deviations of the feature. Missing cells count in none of
    these; the number of those that are there stands behind the feature's name.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.ClusterProfileDisplay.from_estimator` or
    :meth:`~skdeepcluster.inspection.ClusterProfileDisplay.from_predictions` to
    create a display. All parameters are stored as attributes.

    Parameters
    ----------
    means : ndarray of shape (n_clusters, n_features)
        Mean of each feature in each cluster.
    deviations : ndarray of shape (n_clusters, n_features)
        Distance of the means from those of all rows, in standard deviations.
    clusters : sequence of length n_clusters
        Names of the clusters.
    sizes : ndarray of shape (n_clusters,)
        Rows of each.
    feature_names : list of str of length n_features
        Names of the features.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    image_ : matplotlib AxesImage
        The coloured cells.

    See Also
    --------
    cluster_rules : The same question answered in words.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skdeepcluster.datasets import load_penguins
    >>> from skdeepcluster.inspection import ClusterProfileDisplay
    >>> X, _ = load_penguins(return_X_y=True)
    >>> labels = KMeans(n_clusters=3, n_init=10, random_state=0).fit_predict(X)
    >>> display = ClusterProfileDisplay.from_predictions(X, labels)
    >>> display.means.shape
    (3, 4)
    """

    def __init__(
        self,
        *,
        means: Any,
        deviations: Any,
        clusters: Sequence[Any],
        sizes: Any,
        feature_names: Sequence[str],
    ) -> None:
        self.means = means
        self.deviations = deviations
        self.clusters = clusters
        self.sizes = sizes
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        feature_names: Sequence[str] | None = None,
        max_features: int = 12,
        ax: Any = None,
    ) -> Any:
        """Draw the profile of the clusters that a fitted estimator finds.

        Parameters
        ----------
        estimator : object
            Fitted clusterer or Pipeline with `predict`.
        X : array-like of shape (n_samples, n_features)
            Rows, in the units to show. Text and categories of a frame are shown as
            the share of each level, missing cells do not count, and dates are left
            out.
        feature_names : list of str, default=None
            Names of the columns; None takes those of a frame, or numbers them.
        max_features : int, default=12
            Features to show: those whose means differ most between clusters.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.ClusterProfileDisplay`
            The display, drawn.
        """
        return cls.from_predictions(
            X,
            estimator.predict(X),
            feature_names=feature_names,
            max_features=max_features,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        labels: ArrayLike,
        *,
        feature_names: Sequence[str] | None = None,
        max_features: int = 12,
        ax: Any = None,
    ) -> Any:
        """Draw the profile of clusters that are known.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, in the units to show. Text and categories of a frame are shown as
            the share of each level, missing cells do not count, and dates are left
            out.
        labels : array-like of shape (n_samples,)
            Cluster of each row.
        feature_names : list of str, default=None
            Names of the columns; None takes those of a frame, or numbers them.
        max_features : int, default=12
            Features to show: those whose means differ most between clusters.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.ClusterProfileDisplay`
            The display, drawn.
        """
        X, labels, names = named_table(X, labels, feature_names)
        clusters, codes = distinct_labels(labels)
        means, deviations = profile(X, codes)
        sizes = np.bincount(codes)
        # The share of a feature's variance that the clusters explain.
        telling = sizes @ np.square(np.nan_to_num(deviations))
        shown = np.argsort(-telling, kind="stable")[:max_features]
        cells = np.count_nonzero(~np.isnan(X), axis=0)
        display = cls(
            means=means[:, shown],
            deviations=deviations[:, shown],
            clusters=clusters,
            sizes=sizes,
            feature_names=[
                names[j] + f" ({cells[j]:,} cells)" * bool(cells[j] < len(X))
                for j in shown
            ],
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure, larger for more clusters
            and features.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.ClusterProfileDisplay`
            The display itself.
        """
        n_clusters, n_features = self.means.shape
        # Features go down, so that their names are read without tilting the head.
        size = (max(6.4, 2.4 + 0.75 * n_clusters), max(2.4, 1.2 + 0.34 * n_features))
        ax = new_axes(ax, size)
        limit = max(1.0, np.abs(np.nan_to_num(self.deviations)).max())
        self.image_ = ax.imshow(
            self.deviations.T, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto"
        )
        # The mean of a level is the share of rows that hold it.
        write = [percent if " = " in n else three_digits for n in self.feature_names]
        for j, i in np.ndindex(n_features, n_clusters):
            if np.isnan(self.means[i, j]):  # no cell is there
                continue
            color = self.image_.cmap(self.image_.norm(self.deviations[i, j]))
            ax.text(
                *(i, j, write[j](self.means[i, j])),
                color=text_color(color),
                ha="center",
                va="center",
                fontsize="small",
            )
        ax.set_xticks(
            range(n_clusters),
            [
                f"{plain(c)}\n({n:,})"
                for c, n in zip(self.clusters, self.sizes, strict=True)
            ],
        )
        ax.set_yticks(range(n_features), [*map(plain, self.feature_names)])
        ax.set_xlabel("cluster (rows)")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.figure.colorbar(self.image_, ax=ax, label="standard deviations")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def profile(X, codes):
    """Compare the means of clusters with those of all rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, NaN where a cell is missing.
    codes : ndarray of shape (n_samples,)
        Cluster of each, 0 to n_clusters - 1.

    Returns
    -------
    means : ndarray of shape (n_clusters, n_features)
        Means of the cells that are there in each cluster; NaN where none is.
    deviations : ndarray of shape (n_clusters, n_features)
        Their distances from the means of all rows, in standard deviations; 0
        for a constant feature.
    """
    X = X.astype(np.float64)
    seen = ~np.isnan(X)
    # A power of two changes no digit, and keeps the squares in range.
    units = power_of_two(np.where(seen, X, 0.0), axis=0)
    shrunk = X / units
    members = [codes == k for k in range(codes.max() + 1)]
    sums = [shrunk[mask].sum(axis=0, where=seen[mask]) for mask in members]
    with np.errstate(invalid="ignore"):  # a cluster may have no cell of a column
        means = np.array(sums) / [seen[mask].sum(axis=0) for mask in members]
    spread = np.nanstd(shrunk, axis=0)
    spread[np.nanmax(shrunk, axis=0) == np.nanmin(shrunk, axis=0)] = np.inf
    return means * units, (means - np.nanmean(shrunk, axis=0)) / spread
