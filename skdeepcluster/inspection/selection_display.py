"""How a score depends on a parameter."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._drawing import COLORS, bare, new_axes, plain


class SelectionDisplay:
    """Score of a search against one of its parameters.

    Every candidate is a point; a line joins the best candidate at each value,
    and a star marks the best of all.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.SelectionDisplay.from_estimator` or
    :meth:`~skdeepcluster.inspection.SelectionDisplay.from_predictions` to
    create a display. All parameters are stored as attributes.

    Parameters
    ----------
    values : list of length n_candidates
        Value of the parameter at each candidate: numbers, or anything,
        which is drawn in the order of its first occurrence.
    scores : ndarray of shape (n_candidates,)
        Score of each; higher is better.
    param_name : str, default="parameter"
        Name of the parameter.
    score_name : str, default="score"
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    points_ : matplotlib PathCollection
        All candidates.
    line_ : matplotlib Line2D
        The best candidate at each value.
    best_ : matplotlib PathCollection
        The star.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : A search whose scores can be drawn.

    Examples
    --------
    >>> from skdeepcluster.inspection import SelectionDisplay
    >>> display = SelectionDisplay.from_predictions(
    ...     [2, 3, 4], [0.68, 0.55, 0.50], param_name="n_clusters"
    ... )
    >>> display.best_.get_offsets().tolist()
    [[2.0, 0.68]]
    """

    def __init__(
        self,
        *,
        values: Sequence[Any],
        scores: Any,
        param_name: str = "parameter",
        score_name: str = "score",
    ) -> None:
        self.values = values
        self.scores = scores
        self.param_name = param_name
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        param_name: str | None = None,
        score_name: str | None = None,
        ax: Any = None,
    ) -> Any:
        """Draw the scores of a fitted search, or the path of a MixedMixture.

        Parameters
        ----------
        estimator : object
            Fitted search with `cv_results_`, as scikit-learn's searches have it, or a
            fitted :class:`~skdeepcluster.MixedMixture`, whose objective is drawn
            against the number of clusters.
        param_name : str, default=None
            Parameter to draw against, as in the grid. None takes the parameter
            with the most different values.
        score_name : str, default=None
            Which score of a search with several; None means its only one, or the
            one that `refit` names. Of a MixedMixture "objective", or "lower_bound".
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.SelectionDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If the search has no such parameter or score.
        """
        if hasattr(estimator, "path_"):
            return cls._from_path(estimator.path_, param_name, score_name, ax)
        results = estimator.cv_results_
        names = [
            key.removeprefix("param_") for key in results if key.startswith("param_")
        ]
        if param_name is None:
            counts = [
                len(_different_values(results[f"param_{name}"])) for name in names
            ]
            param_name = names[int(np.argmax(counts))]
        elif param_name not in names:
            raise ValueError(
                f"The search has no parameter {param_name!r}; it has {names}."
            )
        known = [name[10:] for name in results if name.startswith("mean_test_")]
        if score_name is None:
            refit = getattr(estimator, "refit", None)
            score_name = refit if isinstance(refit, str) else "score"
            if score_name not in known:
                raise ValueError(
                    "The search has several scores and refits by none of them: "
                    f"score_name is one of {known}."
                )
        elif score_name not in known:
            raise ValueError(
                f"The search has no score {score_name!r}: score_name is one of {known}."
            )
        return cls.from_predictions(
            list(results[f"param_{param_name}"]),
            results[f"mean_test_{score_name}"],
            param_name=param_name,
            score_name=score_name,
            ax=ax,
        )

    @classmethod
    def _from_path(cls, path, param_name, score_name, ax):
        """Draw what a path of mixtures says of every number of clusters."""
        score_name = score_name or "objective"
        if param_name not in (None, "n_clusters"):
            raise ValueError(
                f"The path has no parameter {param_name!r}; it has ['n_clusters']."
            )
        if score_name not in ("objective", "lower_bound"):
            raise ValueError(
                f"The path has no score {score_name!r}: score_name is one of "
                "['objective', 'lower_bound']."
            )
        return cls.from_predictions(
            [step["n_clusters"] for step in path],
            [step[score_name] for step in path],
            param_name="n_clusters",
            score_name=f"{score_name} (nats)",
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        values: ArrayLike,
        scores: ArrayLike,
        *,
        param_name: str = "parameter",
        score_name: str = "score",
        ax: Any = None,
    ) -> Any:
        """Draw scores that are known.

        Parameters
        ----------
        values : array-like of shape (n_candidates,)
            Value of the parameter at each candidate.
        scores : array-like of shape (n_candidates,)
            Score of each; higher is better. NaN where a candidate failed.
        param_name : str, default="parameter"
            Name of the parameter.
        score_name : str, default="score"
            Name of the score.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.SelectionDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If there are not as many scores as values, or none is finite.
        """
        values, scores = list(values), np.asarray(scores, dtype=np.float64)
        if len(values) != len(scores):
            raise ValueError(f"{len(values)} values have {len(scores)} scores.")
        if not np.isfinite(scores).any():
            raise ValueError("No candidate has a finite score: there is none to draw.")
        display = cls(
            values=values, scores=scores, param_name=param_name, score_name=score_name
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
        display : :class:`~skdeepcluster.inspection.SelectionDisplay`
            The display itself.
        """
        ax = new_axes(ax, (6.4, 4.0))
        numeric = all(isinstance(v, Real) and v is not True for v in self.values)
        levels = sorted(set(self.values)) if numeric else _different_values(self.values)
        positions = levels if numeric else range(len(levels))
        place_of = [positions[levels.index(value)] for value in self.values]
        finite = np.isfinite(self.scores)
        x, y = np.array(place_of, dtype=np.float64)[finite], self.scores[finite]

        self.points_ = ax.scatter(x, y, s=16, color=COLORS[3], linewidths=0)
        reached = np.unique(x)
        best = [y[x == position].max() for position in reached]
        # Between names there is nothing that a line could pass through.
        style = "-" if numeric else "none"
        (self.line_,) = ax.plot(
            reached, best, linestyle=style, marker="o", color=COLORS[0]
        )
        top = np.argmax(y)
        self.best_ = ax.scatter(
            *(x[top], y[top]), marker="*", s=220, color=COLORS[1], zorder=3
        )
        if not numeric:
            ax.set_xticks(positions, [*map(plain, levels)])
            ax.set_xlim(-0.5, len(levels) - 0.5)
        elif len(levels) <= 12:
            ax.set_xticks(levels)
        elif all(float(level).is_integer() for level in levels):
            ax.xaxis.get_major_locator().set_params(integer=True)
        ylabel = f"{plain(self.score_name)} (higher is better)"
        ax.set(xlabel=plain(self.param_name), ylabel=ylabel)
        bare(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _different_values(values):
    """List the different values, first come first; they need no order nor hash."""
    found = []
    for value in values:
        if not any(value is other or value == other for other in found):
            found.append(value)
    return found
