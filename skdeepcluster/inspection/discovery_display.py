"""Which classes were found again, and which are new."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length, column_or_1d

from ..metrics._matching import distinct_labels
from ._drawing import new_axes, plain, text_color


class DiscoveryDisplay:
    """True classes against the classes found.

    Rows are true classes, columns the classes that were found; a cell holds
    their common rows, coloured by their share of the true class. Columns are
    ordered such that the cells that match best lie on the diagonal. Lines part
    known classes from novel ones.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.DiscoveryDisplay.from_estimator` or
    :meth:`~skdeepcluster.inspection.DiscoveryDisplay.from_predictions` to
    create a display. All parameters are stored as attributes.

    Parameters
    ----------
    counts : ndarray of shape (n_true, n_found)
        Common rows of each true class and each class found.
    true_classes : sequence of length n_true
        Names of the true classes, known ones first.
    found_classes : sequence of length n_found
        Names of the classes found, known ones first.
    n_known : tuple of 2 int, default=(0, 0)
        How many of the true classes, and of those found, are known ones.

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
    skdeepcluster.metrics.discovery_accuracy : The same as three numbers.

    Examples
    --------
    >>> from skdeepcluster.inspection import DiscoveryDisplay
    >>> display = DiscoveryDisplay.from_predictions(
    ...     ["cat", "cat", "dog", "owl", "owl"],
    ...     ["cat", "cat", "dog", "novel_0", "novel_0"],
    ...     known_classes=["cat", "dog"],
    ... )
    >>> display.counts.tolist()
    [[2, 0, 0], [0, 1, 0], [0, 0, 2]]
    """

    def __init__(
        self,
        *,
        counts: Any,
        true_classes: Sequence[Any],
        found_classes: Sequence[Any],
        n_known: Sequence[Any] = (0, 0),
    ) -> None:
        self.counts = counts
        self.true_classes = true_classes
        self.found_classes = found_classes
        self.n_known = n_known

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, y: Any, *, ax: Any = None
    ) -> Any:
        """Draw what a fitted discovery estimator makes of rows with known truth.

        Parameters
        ----------
        estimator : object
            Fitted estimator with `predict` and `known_classes_`.
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            True class of each.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.DiscoveryDisplay`
            The display, drawn.
        """
        return cls.from_predictions(
            y, estimator.predict(X), known_classes=estimator.known_classes_, ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        known_classes: ArrayLike = (),
        ax: Any = None,
    ) -> Any:
        """Draw true classes against classes found.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True class of each row.
        y_pred : array-like of shape (n_samples,)
            Class found for each row.
        known_classes : array-like of shape (n_known,), default=()
            Classes that had labeled rows; a known class keeps its name.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.DiscoveryDisplay`
            The display, drawn.
        """
        y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
        check_consistent_length(y_true, y_pred)
        (true, rows), (found, columns) = (
            distinct_labels(y_true),
            distinct_labels(y_pred),
        )
        counts = np.zeros((len(true), len(found)), dtype=np.int64)
        np.add.at(counts, (rows, columns), 1)
        known = set(np.asarray(known_classes).tolist())
        is_known = [np.array([c in known for c in names]) for names in (true, found)]
        row_order = np.argsort(~is_known[0], kind="stable")
        counts, true = counts[row_order], [true[i] for i in row_order]
        # Known classes have their names; new ones go where they match best.
        order = np.lexsort((counts.argmax(axis=0), ~is_known[1]))
        display = cls(
            counts=counts[:, order],
            true_classes=true,
            found_classes=[found[j] for j in order],
            n_known=tuple(int(names.sum()) for names in is_known),
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure, larger for more classes.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.DiscoveryDisplay`
            The display itself.
        """
        n_true, n_found = self.counts.shape
        ax = new_axes(
            ax, (max(5.0, 2.2 + 0.6 * n_found), max(3.6, 1.6 + 0.42 * n_true))
        )
        shares = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        self.image_ = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for i, j in zip(*np.nonzero(self.counts), strict=True):
            color = text_color(self.image_.cmap(shares[i, j]))
            ax.text(
                *(j, i, f"{self.counts[i, j]:,}"),
                color=color,
                ha="center",
                va="center",
                fontsize="small",
            )
        ax.set_yticks(range(n_true), [*map(plain, self.true_classes)])
        names = [*map(plain, self.found_classes)]
        steep = max(map(len, names)) > 5
        ax.set_xticks(
            range(n_found),
            names,
            rotation=40 if steep else 0,
            ha="right" if steep else "center",
        )
        for position, line in zip(self.n_known, (ax.axhline, ax.axvline), strict=True):
            if position:
                line(position - 0.5, color="black", linewidth=1)
        ax.set(xlabel="class found", ylabel="true class")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        label = "share of the true class"
        ax.figure.colorbar(self.image_, ax=ax, label=label)
        self.ax_, self.figure_ = ax, ax.figure
        return self
