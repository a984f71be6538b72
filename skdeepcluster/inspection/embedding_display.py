"""A two-dimensional view of rows, coloured by cluster."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import _get_feature_names

from .._scaling import power_of_two
from ..metrics._matching import distinct_labels
from ._drawing import (
    COLORS,
    MARKERS,
    OTHERS_COLOR,
    bare,
    largest_first,
    names_apart,
    new_axes,
    plain,
    representation,
    view_limits,
)

# Width and height of a name, as shares of the picture's.
_NAME_SIZE = (0.04, 0.045)
# From here on single points are not told apart: a picture that stays a vector
# drawing would only be slow.
_RASTERIZED_FROM = 2_000


def two_dimensions(X):
    """Reduce a table to two columns; see :class:`EmbeddingDisplay`.

    Returns
    -------
    embedding : ndarray of shape (n_samples, 2)
        Coordinates on the picture.
    axis_labels : tuple of str
        What the two axes are.
    """
    names = _get_feature_names(X)
    X = check_array(X, dtype=np.float64, ensure_min_samples=2)
    if X.shape[1] > 2:
        pca = PCA(n_components=2, random_state=0)
        # Whatever the global configuration has transformers return.
        pca.set_output(transform="default")
        # A power of two changes no digit, and keeps the squares in range.
        unit = power_of_two(X)
        # Without any variance a component explains 0 / 0 of it.
        with np.errstate(invalid="ignore"):
            embedding = pca.fit_transform(X / unit) * unit
        shares = np.nan_to_num(pca.explained_variance_ratio_)
        return embedding, tuple(
            f"principal component {i} ({share:.0%} of the variance)"
            for i, share in enumerate(shares, start=1)
        )
    if names is None:
        names = [f"dimension {i + 1}" for i in range(X.shape[1])]
    if X.shape[1] == 1:
        share_below = np.empty(len(X))
        share_below[np.argsort(X[:, 0], kind="stable")] = np.arange(len(X)) / len(X)
        return np.column_stack([X, share_below]), (names[0], "share of rows below")
    return X, tuple(names)


class EmbeddingDisplay:
    """Two-dimensional view of the rows of a table, coloured by cluster.

    Few rows far from all others do not shrink the picture: they are drawn at its
    edge, and their number is said.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.EmbeddingDisplay.from_estimator` or
    :meth:`~skdeepcluster.inspection.EmbeddingDisplay.from_predictions` to
    create a display. All parameters are stored as attributes.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, 2)
        Coordinates of the rows.
    labels : ndarray of shape (n_samples,)
        Cluster of each row: numbers, names, or objects of mixed types.
    axis_labels : tuple of 2 str, default=("dimension 1", "dimension 2")
        What the two coordinates are.
    novel_classes : array-like of shape (n_novel,), default=()
        Clusters that are new classes: their points have a rim, and the legend
        says that they are new.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    scatters_ : list of matplotlib PathCollection
        The points: one entry per cluster, and where there are more than 18
        clusters a last one for all but the 18 largest.

    See Also
    --------
    sklearn.decomposition.PCA : Reduces more than two dimensions to two.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster.datasets import load_penguins
    >>> from skdeepcluster.inspection import EmbeddingDisplay
    >>> X, _ = load_penguins(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> labels = KMeans(n_clusters=3, n_init=10, random_state=0).fit_predict(X)
    >>> display = EmbeddingDisplay.from_predictions(X, labels)
    >>> display.ax_.get_xlabel()
    'principal component 1 (69% of the variance)'
    """

    def __init__(
        self,
        *,
        embedding: Any,
        labels: Any,
        axis_labels: Sequence[Any] = ("dimension 1", "dimension 2"),
        novel_classes: ArrayLike = (),
    ) -> None:
        self.embedding = embedding
        self.labels = labels
        self.axis_labels = axis_labels
        self.novel_classes = novel_classes

    @classmethod
    def from_estimator(cls, estimator: Any, X: ArrayLike, *, ax: Any = None) -> Any:
        """Draw the rows as a fitted estimator sees and clusters them.

        Parameters
        ----------
        estimator : object or Pipeline
            Fitted clusterer with `predict`. What is drawn is what its
            `encoder_` makes of `X`, or its own `transform`, or `X` itself where
            there is neither, or where `transform` gives distances to centres as
            that of k-means does; the last step of a Pipeline is meant. If it has
            `novel_classes_`, these are marked.
        X : array-like of shape (n_samples, n_features)
            Rows to draw.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.EmbeddingDisplay`
            The display, drawn.
        """
        labels = estimator.predict(X)
        last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        return cls.from_predictions(
            representation(estimator, X),
            labels,
            novel_classes=getattr(last, "novel_classes_", ()),
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        labels: ArrayLike,
        *,
        novel_classes: ArrayLike = (),
        ax: Any = None,
    ) -> Any:
        """Draw rows whose clusters are known.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to draw. More than two columns are reduced by PCA; one column
            is drawn against the share of rows below.
        labels : array-like of shape (n_samples,)
            Cluster of each row: numbers, names, or objects of mixed types.
        novel_classes : array-like of shape (n_novel,), default=()
            Clusters to mark as new classes.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.EmbeddingDisplay`
            The display, drawn.
        """
        embedding, axis_labels = two_dimensions(X)
        labels = column_or_1d(labels)
        check_consistent_length(embedding, labels)
        display = cls(
            embedding=embedding,
            labels=labels,
            axis_labels=axis_labels,
            novel_classes=novel_classes,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure. The legend stands to the
            right of the axes, so their figure needs room there: constrained
            layout makes it.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.EmbeddingDisplay`
            The display itself.
        """
        ax = new_axes(ax)
        clusters, codes = distinct_labels(self.labels)
        sizes = np.bincount(codes)
        shown, rest = largest_first(codes)
        points, extent = points_in_view(self.embedding)
        novel = set(np.asarray(self.novel_classes).tolist())
        is_novel = [cluster in novel for cluster in np.asarray(clusters).tolist()]

        self.scatters_ = [
            self._scatter(
                ax,
                points[codes == code],
                color=COLORS[i % len(COLORS)],
                marker=MARKERS[i // len(COLORS)],
                label=plain(clusters[code])
                + f" ({'new, ' * is_novel[code]}{sizes[code]:,})",
                edgecolors="black" if is_novel[code] else None,
                linewidths=0.6 if is_novel[code] else 0,
            )
            for i, code in enumerate(shown)
        ]
        if rest.any():
            label = f"{len(clusters) - len(shown)} more ({np.count_nonzero(rest):,})"
            self.scatters_.append(
                self._scatter(
                    ax, points[rest], color=OTHERS_COLOR, label=label, zorder=0.5
                )
            )
        write_names(ax, points, extent, {clusters[c]: codes == c for c in shown})
        n_beyond = np.count_nonzero((points != self.embedding).any(axis=1))
        beyond = f"\n{n_beyond:,} rows lie farther out, drawn at the edge"
        ax.set(
            xlabel=plain(self.axis_labels[0]) + beyond * bool(n_beyond),
            ylabel=plain(self.axis_labels[1]),
        )
        bare(ax)
        self._legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _scatter(self, ax, points, **style):
        """Draw some of the rows, smaller and fainter where there are many."""
        n_rows = len(self.embedding)
        return ax.scatter(
            *points.T,
            s=np.clip(500 / np.sqrt(n_rows), 3, 28),
            alpha=np.clip(60 / np.sqrt(n_rows), 0.3, 0.8),
            rasterized=n_rows >= _RASTERIZED_FROM,
            **{"linewidths": 0} | style,
        )

    def _legend(self, ax):
        """Put the clusters and their sizes beside the axes."""
        legend = ax.legend(
            title="cluster (rows)",
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
            frameon=False,
            handletextpad=0.2,
        )
        for handle in legend.legend_handles:
            handle.set(alpha=1.0, sizes=[28])


def points_in_view(embedding):
    """Move points that lie far out to the edge of the picture; also its extent."""
    limits = np.transpose([view_limits(values) for values in embedding.T])
    extent = np.ptp(limits, axis=0)
    return np.clip(embedding, *limits), np.where(extent > 0, extent, 1.0)


def write_names(ax, points, extent, members):
    """Write the names of clusters amid their points, apart from each other.

    Parameters
    ----------
    ax : matplotlib Axes
        Where they are written.
    points : ndarray of shape (n_samples, 2)
        All points.
    extent : ndarray of shape (2,)
        Width and height of the picture.
    members : dict of name to ndarray of shape (n_samples,), dtype=bool
        Which points are in each cluster.
    """
    from matplotlib.patheffects import withStroke

    medians = [np.median(points[own], axis=0) for own in members.values()]
    places = names_apart(np.array(medians) / extent, *_NAME_SIZE) * extent
    for place, cluster in zip(places, members, strict=True):
        ax.annotate(
            plain(cluster),
            place,
            ha="center",
            va="center",
            fontweight="bold",
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )
