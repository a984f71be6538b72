"""Why a row is in its cluster, as bars."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _get_feature_names

from ._drawing import COLORS, bare, last_step, new_axes, plain


class ExplanationDisplay:
    """What speaks for a row's cluster, and what against it.

    Bars to the right are features that speak for the cluster and against the
    runner-up, bars to the left speak for the runner-up.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.ExplanationDisplay.from_estimator` to
    create a display. All parameters are stored as attributes.

    Parameters
    ----------
    shares : ndarray of shape (n_features,)
        Share of each feature in all that speaks for the cluster (positive) or
        against it (negative): the sizes of all features add up to 1. Behind a
        :class:`~skdeepcluster.TableEncoder` they are those of the table's columns.
    feature_names : list of str of length n_features
        Names of the features.
    title : str, default=""
        What is explained.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    bars_ : matplotlib BarContainer
        The bars, the largest share first.

    See Also
    --------
    skdeepcluster.TELL.explain : The shares.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import TELL
    >>> from skdeepcluster.inspection import ExplanationDisplay
    >>> X = load_iris(as_frame=True).data
    >>> model = TELL(n_clusters=3, random_state=0).fit(X)
    >>> display = ExplanationDisplay.from_estimator(model, X[:1])
    >>> display.feature_names[0]
    'petal length (cm)'
    """

    def __init__(
        self, *, shares: Any, feature_names: Sequence[str], title: str = ""
    ) -> None:
        self.shares = shares
        self.feature_names = feature_names
        self.title = title

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
        """Explain the cluster of one row, or of several on average.

        Parameters
        ----------
        estimator : object or Pipeline
            Fitted clusterer with `explain`; the last step of a Pipeline is meant.
        X : array-like of shape (n_samples, n_features)
            Rows of one cluster; their shares are averaged.
        feature_names : list of str, default=None
            Names of the columns; None takes those of a frame, or numbers them.
        max_features : int, default=12
            Features to show: those with the largest shares.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.ExplanationDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If the rows are of several clusters, or the estimator explains none.
        """
        explains = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        if not hasattr(explains, "explain"):
            raise ValueError(
                f"{type(explains).__name__} has no method explain, as TELL has. "
                "cluster_rules and ClusterProfileDisplay describe any clusters."
            )
        clusters = np.unique(estimator.predict(X))
        if len(clusters) != 1:
            raise ValueError(
                f"X holds rows of {len(clusters)} clusters: give rows of one."
            )
        names, encoder = _get_feature_names(X), None
        if isinstance(estimator, Pipeline):
            if len(estimator) == 2 and hasattr(estimator[0], "column_shares_"):
                encoder = estimator[0]
            names = _names_after(estimator[:-1]) if len(estimator) > 1 else names
        estimator, X = last_step(estimator, X)
        shares = estimator.explain(X, space="input").mean(axis=0)
        shares = shares / (np.abs(shares).sum() or 1.0)
        if encoder is not None:
            # Back to the columns of the table: an axis is shared by its loadings.
            shares, names = shares @ encoder.column_shares_, _columns_of(encoder)
        if feature_names is None:
            feature_names = names
        if feature_names is None:
            feature_names = [f"feature {j}" for j in range(len(shares))]
        shown = np.argsort(-np.abs(shares), kind="stable")[:max_features]
        display = cls(
            shares=shares[shown],
            feature_names=[str(feature_names[j]) for j in shown],
            title=f"Why cluster {clusters[0]}, and not {_runner_up(estimator, X)}",
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.ExplanationDisplay`
            The display itself.
        """
        ax = new_axes(ax, (6.4, max(2.0, 1.0 + 0.3 * len(self.shares))))
        colors = [COLORS[0] if share > 0 else COLORS[1] for share in self.shares]
        self.bars_ = ax.barh(range(len(self.shares)), self.shares, color=colors)
        ax.set_yticks(range(len(self.shares)), [*map(plain, self.feature_names)])
        ax.invert_yaxis()
        ax.axvline(0, color="black", linewidth=0.8)
        xlabel = "share of what speaks for it, or against it"
        ax.set(title=plain(self.title), xlabel=xlabel)
        ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        bare(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _runner_up(estimator, X):
    """Name the second best cluster of rows, where it is one."""
    second = np.unique(np.argsort(estimator.decision_function(X), axis=1)[:, -2])
    return f"{second[0]}, the runner-up" if len(second) == 1 else "the runners-up"


def _columns_of(encoder):
    """Name the columns that an encoder was fitted to."""
    return [column.name for column in encoder.columns_]


def _names_after(steps):
    """Name the columns that the steps of a Pipeline make, where they can tell."""
    try:
        return steps.get_feature_names_out()
    except (AttributeError, ValueError):
        return None
