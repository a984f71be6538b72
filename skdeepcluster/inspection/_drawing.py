"""What all pictures share: colours, axes, the rows and labels that are drawn."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

# Paul Tol's "muted" scheme: nine colours that colour-blind readers can tell apart.
COLORS = (
    *("#332288", "#CC6677", "#117733", "#88CCEE", "#DDCC77"),
    *("#882255", "#44AA99", "#999933", "#AA4499"),
)
OTHERS_COLOR = "#BBBBBB"


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


def three_digits(number):
    """Write a number with three digits, without powers of ten where it can be."""
    return f"{number:,.0f}" if 1e3 <= abs(number) < 1e7 else f"{number:.3g}"


def text_color(color):
    """Choose black or white, whichever is read better on a colour."""
    red, green, blue = color[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
