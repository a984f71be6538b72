"""The path of merges that led to the clusters, and their sizes."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._drawing import COLORS, bare, new_axes, plain, text_color

# Brackets of merges that cost nothing are as high as this share of the highest.
LEAST_HEIGHT = 0.01
# What was never merged is joined so much above the highest bracket.
ABOVE = 1.2


class TreeDisplay:
    """Merges of neighbouring cells, and those that were undone.

    The leaves are the cells of the partition that PPP elected, or the components
    that a MixedMixture started from. Two that are merged meet at the height of
    their separation, in nats: the depth of the valley between them, or what the
    merge cost the evidence; a merge that cost nothing is drawn just above the axis.
    Heights grow with the square root of the separation. Solid merges were kept and
    make up the clusters, with the rows in the cells of each; a dashed one was undone,
    since its two sides are not one population, with the strength of the evidence, `z`,
    written beside it. A dotted line joins what was never merged.

    It is recommended to use
    :meth:`~skdeepcluster.inspection.TreeDisplay.from_estimator` to create a
    display. All parameters are stored as attributes.

    Parameters
    ----------
    history : list of dict
        Merges, as :class:`~skdeepcluster.PPP` and
        :class:`~skdeepcluster.MixedMixture` keep them in `merges_`.
    sizes : ndarray of shape (n_clusters,)
        Rows of each cluster.
    leaf_name : str, default="cell"
        What a leaf of the tree is.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the picture.
    figure_ : matplotlib Figure
        Figure that holds the axes.
    lines_ : list of matplotlib Line2D
        One bracket for each merge, with ``kind="tree"``.
    boxes_ : list of matplotlib Rectangle
        One box for each cluster, with ``kind="treemap"``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import PPP
    >>> from skdeepcluster.inspection import TreeDisplay
    >>> model = PPP().fit(load_iris().data)
    >>> display = TreeDisplay.from_estimator(model)
    >>> len(display.lines_) == len(model.merges_)
    True
    """

    def __init__(
        self, *, history: Sequence[Any], sizes: Any, leaf_name: str = "cell"
    ) -> None:
        self.history = history
        self.sizes = sizes
        self.leaf_name = leaf_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        kind: Literal["tree", "treemap"] = "tree",
        ax: Any = None,
    ) -> Any:
        """Draw the merges or the sizes of a fitted PPP or MixedMixture.

        Parameters
        ----------
        estimator : PPP, MixedMixture or Pipeline
            Fitted estimator; the last step of a Pipeline is meant.
        kind : {"tree", "treemap"}, default="tree"
            The path of merges, or boxes as large as the clusters.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.TreeDisplay`
            The display, drawn.

        Raises
        ------
        ValueError
            If the estimator merged nothing.
        """
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        check_is_fitted(estimator)
        history = getattr(estimator, "merges_", None)
        if history is None or (history and "node" not in history[0]):
            raise ValueError(
                f"{type(estimator).__name__} has no tree to draw: its merges_ holds "
                "no merges, as that of PPP does."
            )
        sizes = np.bincount(estimator.labels_)
        leaf_name = "cell"
        if hasattr(estimator, "path_"):
            leaf_name = "component"
            # Rows are shared anew after a merge: its weight is not that of a cluster.
            history = [{k: v for k, v in m.items() if k != "weight"} for m in history]
        display = cls(history=history, sizes=sizes, leaf_name=leaf_name)
        return display.plot(kind=kind, ax=ax)

    def plot(self, *, kind: Literal["tree", "treemap"] = "tree", ax: Any = None) -> Any:
        """Draw the picture.

        Parameters
        ----------
        kind : {"tree", "treemap"}, default="tree"
            The path of merges, or boxes as large as the clusters.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.

        Returns
        -------
        display : :class:`~skdeepcluster.inspection.TreeDisplay`
            The display itself.

        Raises
        ------
        ValueError
            If `kind` is neither, or there is no merge to draw.
        """
        if kind not in ("tree", "treemap"):
            raise ValueError(f"kind must be 'tree' or 'treemap', got {kind!r}.")
        if kind == "tree" and not self.history:
            raise ValueError(
                f"There is no merge to draw: the rows were one {self.leaf_name} from "
                "the start."
            )
        ax = new_axes(ax)
        (self._draw_tree if kind == "tree" else self._draw_boxes)(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_tree(self, ax):
        positions, heights = _places(self.history), {}
        costs = [m["separation"] for m in self.history if (m["separation"] or 0) > 0]
        floor = min(LEAST_HEIGHT * max(costs), min(costs) / 2) if costs else 1.0
        parents = {c: m for m in self.history for c in (m["left"], m["right"])}
        self.lines_ = []
        for merge in self.history:
            left, right, node = merge["left"], merge["right"], merge["node"]
            below = heights.get(left, 0.0), heights.get(right, 0.0)
            # A merge by the last test has no separation of its own, and a later
            # valley may be shallower: a bracket never goes down.
            top = max(merge["separation"] or 0.0, *below, floor)
            heights[node] = top
            x = positions[left], positions[left], positions[right], positions[right]
            (line,) = ax.plot(
                *(x, (below[0], top, top, below[1])),
                color=COLORS[0] if merge["kept"] else COLORS[1],
                linestyle="-" if merge["kept"] else "--",
            )
            self.lines_.append(line)
            said = _said_of(merge, parents.get(node))
            if said:
                ax.annotate(
                    said,
                    ((x[0] + x[2]) / 2, top),
                    textcoords="offset points",
                    xytext=(0, 3),
                    ha="center",
                    fontsize="small",
                )
        roots = [node for node in positions if node not in parents]
        if len(roots) > 1:
            _join(ax, [(positions[r], heights.get(r, 0.0)) for r in roots])
        leaves = [node for node in positions if node not in heights]
        ax.set_xticks(
            [positions[leaf] for leaf in leaves], [str(leaf) for leaf in leaves]
        )
        counted = any("weight" in merge for merge in self.history)
        ax.set(
            xlabel=plain(self.leaf_name)
            + " (over a bracket: rows in its cells)" * counted,
            ylabel="separation (nats)",
            ylim=(0, None),
        )
        ax.set_xlim(-0.5, len(leaves) - 0.5)
        # One wide valley would leave no room for the others.
        ax.set_yscale("function", functions=(_root, np.square))
        bare(ax)

    def _draw_boxes(self, ax):
        from matplotlib.colors import to_rgb
        from matplotlib.patches import Rectangle

        self.boxes_ = []
        for cluster, box in enumerate(_boxes(self.sizes, (0.0, 0.0, 1.0, 1.0))):
            x, y, width, height = box
            color = COLORS[cluster % len(COLORS)]
            patch = Rectangle((x, y), width, height, facecolor=color, edgecolor="white")
            self.boxes_.append(ax.add_patch(patch))
            # No room for a name in a sliver.
            if min(width, height) > 0.05:
                ax.text(
                    *(x + width / 2, y + height / 2),
                    f"{cluster}\n({self.sizes[cluster]:,})",
                    color=text_color(to_rgb(color)),
                    ha="center",
                    va="center",
                )
        ax.set(xlim=(0, 1), ylim=(0, 1), title="rows of each cluster")
        ax.set_axis_off()


def _said_of(merge, parent):
    """What is over a bracket: rows in its cells, evidence of an undone merge."""
    if not merge["kept"]:
        return "" if merge.get("z") is None else f"z = {merge['z']:.1f}"
    is_cluster = parent is None or not parent["kept"]
    return f"{merge['weight']:,.0f}" if is_cluster and "weight" in merge else ""


def _join(ax, tops):
    """Join the tops of trees by a dotted line above them all."""
    above = ABOVE * max(height for _, height in tops) or 1.0
    for x, height in tops:
        ax.plot([x, x], [height, above], color="gray", linestyle=":", linewidth=1)
    ends = [x for x, _ in tops]
    ax.plot([min(ends), max(ends)], [above] * 2, "gray", linestyle=":", linewidth=1)


def _root(values):
    return np.sqrt(np.maximum(values, 0.0))


def _places(history):
    """Place the leaves side by side such that no two brackets cross."""
    children = {merge["node"]: (merge["left"], merge["right"]) for merge in history}
    inner = {child for pair in children.values() for child in pair}
    # Cells are numbered first; what was never joined stands side by side.
    n_cells = history[0]["node"]
    stack = [node for node in [*children, *range(n_cells)[::-1]] if node not in inner]
    positions, order = {}, []
    while stack:
        node = stack.pop()
        order.append(node)
        if node in children:
            stack += children[node][::-1]
        else:
            positions[node] = float(len(positions))
    for node in reversed(order):
        if node in children:
            left, right = children[node]
            positions[node] = (positions[left] + positions[right]) / 2
    return positions


def _boxes(sizes, box):
    """Cut a box into boxes in the proportion of the sizes, none a sliver.

    The sizes are cut into two runs of about the same sum, the box across its
    longer side, and so on.
    """
    if len(sizes) == 1:
        return [box]
    x, y, width, height = box
    shares = np.cumsum(sizes) / np.sum(sizes)
    cut = 1 + int(np.argmin(np.abs(shares[:-1] - 0.5)))
    share = float(shares[cut - 1])
    if width >= height:
        first = (x, y, width * share, height)
        second = (x + width * share, y, width * (1 - share), height)
    else:
        first = (x, y, width, height * share)
        second = (x, y + height * share, width, height * (1 - share))
    return _boxes(sizes[:cut], first) + _boxes(sizes[cut:], second)
