"""What all pictures share: colours, axes, the rows and labels that are drawn."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from .._printing import shortened

# Paul Tol's "muted" scheme: nine colours that colour-blind readers can tell apart.
COLORS = (
    *("#332288", "#CC6677", "#117733", "#88CCEE", "#DDCC77"),
    *("#882255", "#44AA99", "#999933", "#AA4499"),
)
OTHERS_COLOR = "#BBBBBB"
# Characters of a name in a picture.
LONGEST_NAME = 60
# Past the colours a cluster is known by its marker.
MARKERS = ("o", "^")
MOST_CLUSTERS = len(COLORS) * len(MARKERS)
# A picture ends half its inner width beyond the inner 98 % of the rows.
INNER, MARGIN = (0.01, 0.99), 0.5


def new_axes(ax, figsize=(6.4, 4.8)):
    """Give the axes to draw on: those of the caller, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=figsize, layout="constrained")
    return ax


def bare(ax):
    """Take away the two spines that carry no scale."""
    ax.spines[["top", "right"]].set_visible(False)


def last_step(estimator, X):
    """Return the last step of a Pipeline and the rows as it sees them."""
    if not isinstance(estimator, Pipeline):
        return estimator, X
    return estimator[-1], estimator[:-1].transform(X) if len(estimator) > 1 else X


def representation(estimator, X):
    """Return the rows as the last step of an estimator clusters them."""
    estimator, X = last_step(estimator, X)
    if hasattr(estimator, "best_estimator_"):
        return representation(estimator.best_estimator_, X)
    if getattr(estimator, "encoder_", None) is not None:
        # The encoder was fitted to an array, and would warn of names.
        X = check_array(X, dtype=[np.float64, np.float32])
        return estimator.encoder_.transform(X)
    # The transform of k-means gives distances to the centers, not an embedding.
    is_kmeans = hasattr(estimator, "cluster_centers_") and not hasattr(
        estimator, "inverse_transform"
    )
    if hasattr(estimator, "transform") and not is_kmeans:
        return estimator.transform(X)
    return X


def view_limits(values):
    """Least and largest number that a picture shows, whatever a few rows hold."""
    low, high = values.min(), values.max()
    inner_low, inner_high = np.quantile(values, INNER)
    margin = MARGIN * (inner_high - inner_low)
    if margin == 0:
        return low, high
    return max(low, inner_low - margin), min(high, inner_high + margin)


def largest_first(codes):
    """Clusters that a picture shows, in their order, and the mask of other rows."""
    sizes = np.bincount(codes)
    shown = np.sort(np.argsort(-sizes, kind="stable")[:MOST_CLUSTERS])
    return shown, ~np.isin(codes, shown)


def names_apart(places, width, height):
    """Move names up or down that would stand on each other.

    Parameters
    ----------
    places : ndarray of shape (n_names, 2)
        Where their middles should be.
    width, height : float
        Of a name.

    Returns
    -------
    ndarray of shape (n_names, 2)
        Where they are.
    """
    places = np.array(places, dtype=np.float64)
    order = np.arange(len(places))
    for _ in range(100):
        across, up = np.moveaxis(places[:, np.newaxis] - places, 2, 0)
        overlap = (np.abs(across) < width) & (np.abs(up) < height)
        overlap[order, order] = False
        if not overlap.any():
            break
        way = np.where(up == 0, np.sign(order[:, np.newaxis] - order), np.sign(up))
        push = np.where(overlap, way * (height - np.abs(up)) / 2, 0.0)
        places[:, 1] += 1.01 * push[order, np.abs(push).argmax(axis=1)]
    return places


def plain(text):
    """A text as matplotlib draws it unread: short, and $ is a dollar."""
    text = shortened(text, LONGEST_NAME).replace("$", r"\$")
    # A legend leaves out what begins with an underscore.
    return f" {text}" if text.startswith("_") else text


def text_color(color):
    """Choose black or white, whichever is read better on a colour."""
    red, green, blue = color[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
