"""How well each row lies in its cluster."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import silhouette_samples
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from .._scaling import power_of_two
from .._validation import draw_seed
from ..metrics._matching import distinct_labels
from ._drawing import COLORS, bare, new_axes, plain, representation


class SilhouetteDisplay:
    """Silhouettes of rows, sorted within their clusters.

    A silhouette near 1 says that a row is much nearer to its own cluster than to
    the next one, 0 that it lies between two, a negative one that it would fit
    better into another cluster. A blade that thins out below the dashed line,
    the mean of all rows, is a cluster without a shape of its own.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.SilhouetteDisplay.from_estimator` or
    :meth:`~skdeepcluster.inspection.SilhouetteDisplay.from_predictions` to
    create a display. All parameters are stored as attributes.

    Parameters
    ----------
    silhouettes : ndarray of shape (n_samples,)
        Silhouette of each row.
    labels : ndarray of shape (n_samples,)
        Cluster of each row.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    blades_ : list of matplotlib FillBetweenPolyCollection
        One for each cluster.
    line_ : matplotlib Line2D
        The mean silhouette.

    See Also
    --------
    sklearn.metrics.silhouette_samples : The silhouettes themselves.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster.inspection import SilhouetteDisplay
    >>> X = load_iris().data
    >>> model = KMeans(n_clusters=2, n_init=10, random_state=0).fit(X)
    >>> display = SilhouetteDisplay.from_predictions(X, model.labels_)
    >>> print(f"{display.silhouettes.mean():.2f}")
    0.68
    """

    def __init__(self, *, silhouettes: Any, labels: Any) -> None:
        self.silhouettes = silhouettes
        self.labels = labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        max_samples: int = 5000,
        random_state: int | np.random.RandomState | None = 0,
        ax: Any = None,
    ) -> Any:
        """Draw the silhouettes of rows as a fitted estimator clusters them.

        Parameters
        ----------
        estimator : object or Pipeline
            Fitted clusterer with `predict`. Distances are those of what its
            `encoder_` makes of `X`, or its own `transform`, or of `X` itself where
            there is neither, or where `transform` gives distances to centres as
            that of k-means does; the last step of a Pipeline is meant.
        X : array-like of shape (n_samples, n_features)
            Rows.
        max_samples : int, default=5000
            Rows drawn at most, chosen at random: time grows with the square.
        random_state : int, RandomState instance or None, default=0
            Decides which rows are drawn.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.SilhouetteDisplay`
            The display, drawn.
        """
        return cls.from_predictions(
            representation(estimator, X),
            estimator.predict(X),
            max_samples=max_samples,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        labels: ArrayLike,
        *,
        max_samples: int = 5000,
        random_state: int | np.random.RandomState | None = 0,
        ax: Any = None,
    ) -> Any:
        """Draw the silhouettes of rows whose clusters are known.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        labels : array-like of shape (n_samples,)
            Cluster of each; at least two clusters.
        max_samples : int, default=5000
            Rows drawn at most, chosen at random: time grows with the square.
        random_state : int, RandomState instance or None, default=0
            Decides which rows are drawn.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.SilhouetteDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If there is only one cluster among the rows drawn, or as many
            clusters as rows.
        """
        X = check_array(X, dtype=np.float64)
        labels = column_or_1d(labels)
        check_consistent_length(X, labels)
        if len(X) > max_samples:
            rng = np.random.default_rng(draw_seed(random_state))
            kept = rng.permutation(len(X))[:max_samples]
            X, labels = X[kept], labels[kept]
        n_clusters = len(distinct_labels(labels)[0])
        if not 2 <= n_clusters < len(X):
            raise ValueError(
                f"Silhouettes compare clusters, and {len(X)} rows in {n_clusters} "
                "cluster(s) cannot be compared: give 2 to n_samples - 1 clusters."
            )
        # Any unit will do for a ratio of distances; a power of two changes no digit.
        silhouettes = silhouette_samples(
            X / power_of_two(X), distinct_labels(labels)[1]
        )
        return cls(silhouettes=silhouettes, labels=labels).plot(ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.SilhouetteDisplay`
            The display itself.
        """
        ax = new_axes(ax)
        clusters, codes = distinct_labels(self.labels)
        gap = max(1.0, 0.01 * len(codes))
        self.blades_, middles, start = [], [], gap
        for code in range(len(clusters)):
            blade = np.sort(self.silhouettes[codes == code])[::-1]
            rows = start + np.arange(len(blade) + 1)
            self.blades_.append(
                ax.fill_betweenx(
                    rows,
                    0,
                    np.append(blade, blade[-1]),
                    step="post",
                    color=COLORS[code % len(COLORS)],
                    linewidth=0,
                )
            )
            middles.append(start + len(blade) / 2)
            start += len(blade) + gap
        mean = self.silhouettes.mean()
        self.line_ = ax.axvline(mean, color="black", linestyle="--", linewidth=1)
        ax.set_yticks(middles, [*map(plain, clusters)])
        ax.set_ylim(start, 0)
        ax.set_xlim(min(0.0, self.silhouettes.min()) - 0.02, 1)
        ax.set(xlabel=f"silhouette (mean {mean:.2f}, dashed)", ylabel="cluster")
        bare(ax)
        ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        return self
