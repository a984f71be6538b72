"""How a network was trained, and where it stopped."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ._drawing import COLORS, bare

_KEYS = {"train_loss": "rows trained on", "valid_loss": "rows held out"}


class TrainingDisplay:
    """Losses of a training, epoch by epoch.

    Stages whose losses mean different things (an autoencoder before its
    clusters, say) have panels of their own. A point marks the epoch of each
    stage that did best on the rows held out, to which the stage went back.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.TrainingDisplay.from_estimator` to create
    a display. All parameters are stored as attributes.

    Parameters
    ----------
    history : list of dict
        For each epoch its `train_loss`, where rows were held out its
        `valid_loss`, and where there are stages its `stage`.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One panel for each stage.
    figure_ : matplotlib Figure
        Figure that holds them.
    lines_ : list of matplotlib Line2D
        The losses, stage by stage.
    stops_ : list of matplotlib PathCollection
        The points that mark the best epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import AutoEncoder
    >>> from skdeepcluster.inspection import TrainingDisplay
    >>> encoder = AutoEncoder(2, random_state=0).fit(load_iris().data)
    >>> display = TrainingDisplay.from_estimator(encoder)
    >>> len(display.axes_)
    1
    """

    def __init__(self, *, history: Sequence[Any]) -> None:
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: Any) -> Any:
        """Draw how a fitted estimator was trained.

        Parameters
        ----------
        estimator : object or Pipeline
            Fitted estimator whose `history_` holds epochs; the last step of a
            Pipeline is meant.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.TrainingDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If the estimator trained no network.
        """
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        history = getattr(estimator, "history_", None)
        if not history or "train_loss" not in history[0]:
            raise ValueError(
                f"{type(estimator).__name__} has no training to draw: its history_ "
                "holds no train_loss."
            )
        return cls(history=history).plot()

    def plot(self, axes: Sequence[Any] | None = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, default=None
            One panel for each stage; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.TrainingDisplay`
            The display itself.
        """
        stages = _stages(self.history)
        axes = self._panels(axes, len(stages))
        self.lines_, self.stops_ = [], []
        for ax, (name, epochs) in zip(axes, stages.items(), strict=True):
            for key, style in zip(_KEYS, ("-", "--"), strict=True):
                self._draw_losses(ax, epochs, key, style)
            self._mark_best(ax, epochs)
            ax.set(title=name, xlabel="epoch", ylabel="loss")
            bare(ax)
        axes[0].legend(frameon=False)
        self.axes_, self.figure_ = np.array(axes), axes[0].figure
        return self

    @staticmethod
    def _panels(axes, n_stages):
        if axes is None:
            import matplotlib.pyplot as plt

            size = (6.4 if n_stages == 1 else 4.2 * n_stages, 3.6)
            _, axes = plt.subplots(
                1, n_stages, figsize=size, layout="constrained", squeeze=False
            )
            return list(axes[0])
        axes = list(np.atleast_1d(axes))
        if len(axes) != n_stages:
            raise ValueError(
                f"axes has {len(axes)} panels for {n_stages} stages: give one each."
            )
        return axes

    def _draw_losses(self, ax, epochs, key, style):
        known = [(n, epoch[key]) for n, epoch in epochs if key in epoch]
        if known:
            self.lines_ += ax.plot(
                *zip(*known, strict=True),
                style,
                color=COLORS[0] if key == "train_loss" else COLORS[1],
                label=_KEYS[key],
            )

    def _mark_best(self, ax, epochs):
        held_out = [(n, e["valid_loss"]) for n, e in epochs if "valid_loss" in e]
        if held_out:
            best = min(held_out, key=lambda point: point[1])
            self.stops_.append(ax.scatter(*best, s=40, color=COLORS[1], zorder=3))


def _stages(history):
    """Group the epochs by stage; a stage that comes back is one stage."""
    stages = {}
    numbered = enumerate(history, start=1)
    for stage, epochs in groupby(numbered, key=lambda item: item[1].get("stage")):
        stages.setdefault(stage or "training", []).extend(epochs)
    if len(stages) > 1 and "training" in stages:
        stages = {"pretraining": stages.pop("training")} | stages
    return stages
