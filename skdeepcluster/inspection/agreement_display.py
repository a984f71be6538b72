"""Where several clusterers agree: on which rows, and which with which."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import check_consistent_length, column_or_1d

from ..metrics._partitions import NOISE, noise_alone
from ._drawing import bare, new_axes, text_color
from .embedding_display import points_in_view, two_dimensions, write_names

MAX_NAMES = 18


class AgreementDisplay:
    """Two-dimensional view of rows, coloured by how many clusterers agree on them.

    Dark rows are those on which all agree; pale ones lie where clusters meet, or
    where the clusterers see different groups. The names of the clusters are written
    amid their rows.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.AgreementDisplay.from_estimator` or
    :meth:`~skdeepcluster.inspection.AgreementDisplay.from_predictions` to create a
    display. All parameters are stored as attributes.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, 2)
        Coordinates of the rows.
    labels : ndarray of shape (n_samples,)
        Cluster of each row; -1 for none.
    agreement : ndarray of shape (n_samples,)
        Share of the votes for it.
    axis_labels : tuple of 2 str, default=("dimension 1", "dimension 2")
        What the two coordinates are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    scatter_ : matplotlib PathCollection
        The points, those of most agreement on top.
    colorbar_ : matplotlib Colorbar
        What the colours mean.

    See Also
    --------
    AgreementMatrixDisplay : Which clusterers agree.
    EmbeddingDisplay : Rows coloured by cluster.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import VotingClusterer
    >>> from skdeepcluster.inspection import AgreementDisplay
    >>> X = load_iris().data
    >>> model = VotingClusterer(n_clusters=3, random_state=0).fit(X)
    >>> display = AgreementDisplay.from_estimator(model, X)
    >>> display.ax_.get_title()
    'all agree on 71% of 150 rows'
    """

    def __init__(
        self,
        *,
        embedding: Any,
        labels: Any,
        agreement: Any,
        axis_labels: Sequence[Any] = ("dimension 1", "dimension 2"),
    ) -> None:
        self.embedding = embedding
        self.labels = labels
        self.agreement = agreement
        self.axis_labels = axis_labels

    @classmethod
    def from_estimator(cls, estimator: Any, X: ArrayLike, *, ax: Any = None) -> Any:
        """Draw the rows that a vote was fitted on.

        Parameters
        ----------
        estimator : VotingClusterer
            Fitted.
        X : array-like of shape (n_samples, n_features)
            The rows of fit.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.AgreementDisplay`
            The display, drawn.
        """
        return cls.from_predictions(X, estimator.labels_, estimator.agreement_, ax=ax)

    @classmethod
    def from_predictions(
        cls, X: ArrayLike, labels: ArrayLike, agreement: ArrayLike, *, ax: Any = None
    ) -> Any:
        """Draw rows whose clusters and agreements are known.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to draw. More than two columns are reduced by PCA; one column is
            drawn against the share of rows below.
        labels : array-like of shape (n_samples,)
            Cluster of each row; -1 for none.
        agreement : array-like of shape (n_samples,)
            Share of the votes for it, 0 to 1.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.AgreementDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If lengths differ.
        """
        embedding, axis_labels = two_dimensions(X)
        labels, agreement = column_or_1d(labels), column_or_1d(agreement)
        check_consistent_length(embedding, labels, agreement)
        display = cls(
            embedding=embedding,
            labels=labels,
            agreement=agreement,
            axis_labels=axis_labels,
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
        display : :class:`~skdeepcluster.inspection.AgreementDisplay`
            The display itself.
        """
        ax = new_axes(ax)
        order = np.argsort(self.agreement, kind="stable")
        points, extent = points_in_view(self.embedding)
        self.scatter_ = ax.scatter(
            *points[order].T,
            c=self.agreement[order],
            cmap="YlGnBu",
            vmin=0,
            vmax=1,
            s=np.clip(500 / np.sqrt(len(order)), 3, 28),
            linewidths=0.3,
            edgecolors="#888888",
            rasterized=len(order) >= 2_000,
        )
        self.colorbar_ = ax.figure.colorbar(
            self.scatter_, ax=ax, label="share of votes for the row's cluster"
        )
        names = np.unique(self.labels[self.labels != NOISE])
        names = names[np.argsort([-np.sum(self.labels == name) for name in names])]
        members = {name: self.labels == name for name in names[:MAX_NAMES].tolist()}
        if members:
            write_names(ax, points, extent, members)
        share = np.mean(self.agreement == 1)
        ax.set(
            title=f"all agree on {share:.0%} of {len(order):,} rows",
            xlabel=self.axis_labels[0],
            ylabel=self.axis_labels[1],
        )
        bare(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


class AgreementMatrixDisplay:
    """How far each of several partitions agrees with each other one.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.AgreementMatrixDisplay.from_estimator` or
    :meth:`~skdeepcluster.inspection.AgreementMatrixDisplay.from_predictions` to
    create a display. All parameters are stored as attributes.

    Parameters
    ----------
    agreements : ndarray of shape (n_partitions, n_partitions)
        Adjusted Rand indices, 1 for the same partition and 0 on average for chance.
    names : list of str
        Names of the partitions.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    image_ : matplotlib AxesImage
        The matrix.

    See Also
    --------
    AgreementDisplay : On which rows they agree.

    Examples
    --------
    >>> from skdeepcluster.inspection import AgreementMatrixDisplay
    >>> partitions = [[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]]
    >>> display = AgreementMatrixDisplay.from_predictions(partitions, ["a", "b", "c"])
    >>> display.agreements.round(1).tolist()
    [[1.0, 1.0, -0.5], [1.0, 1.0, -0.5], [-0.5, -0.5, 1.0]]
    """

    def __init__(self, *, agreements: Any, names: Sequence[str]) -> None:
        self.agreements = agreements
        self.names = names

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Any:
        """Draw how far the members of a vote agree, and each with the vote.

        Parameters
        ----------
        estimator : VotingClusterer
            Fitted. What of a member's clusters is matched to none is a row alone.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.AgreementMatrixDisplay`
            The display, drawn.
        """
        names = [name for name, _ in estimator.estimators_]
        partitions = [*estimator.aligned_labels_.T, estimator.labels_]
        return cls.from_predictions(partitions, [*names, "vote"], ax=ax)

    @classmethod
    def from_predictions(
        cls, partitions: ArrayLike, names: Sequence[str], *, ax: Any = None
    ) -> Any:
        """Draw how far partitions agree.

        Parameters
        ----------
        partitions : array-like of shape (n_partitions, n_samples)
            Labels of the same rows; -1 is a row alone.
        names : sequence of str
            Names of the partitions.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.AgreementMatrixDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If there is not one name for each partition, or lengths differ.
        """
        check_consistent_length(*partitions)
        if len(names) != len(partitions):
            raise ValueError(
                f"There are {len(partitions)} partitions and {len(names)} names: give "
                "one for each."
            )
        alone = [_noise_alone(column_or_1d(labels)) for labels in partitions]
        agreements = np.array(
            [[adjusted_rand_score(one, other) for other in alone] for one in alone]
        )
        return cls(agreements=agreements, names=list(names)).plot(ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure, larger for more partitions.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.AgreementMatrixDisplay`
            The display itself.
        """
        side = max(3.6, 1.4 + 0.6 * len(self.names))
        ax = new_axes(ax, (side + 0.8, side))
        self.image_ = ax.imshow(self.agreements, cmap="YlGnBu", vmin=0, vmax=1)
        for i, j in np.ndindex(*self.agreements.shape):
            value = self.agreements[i, j]
            color = text_color(self.image_.cmap(self.image_.norm(value)))
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", color=color)
        places = np.arange(len(self.names))
        ax.set_xticks(places, self.names, rotation=45, ha="right")
        ax.set_yticks(places, self.names)
        ax.set_title("adjusted Rand index")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _noise_alone(labels):
    is_number = labels.dtype.kind in "iu"
    return noise_alone(labels) if is_number and (labels == NOISE).any() else labels
