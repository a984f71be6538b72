"""The layout of a graph: neighbours attract each other, all other rows repel."""

import numpy as np

from .._threads import one_blas_thread
from .._warnings import warn
from ..exceptions import FitInterruptedWarning
from ..kernels.neighbor_layout import move_points

# Points that an edge pushes away each time that it draws two together.
N_NEGATIVES = 5
# The start: standard deviation of the first coordinate, and of its noise.
START_WIDTH = 3.0
START_NOISE = 0.01


def lay_out(graph, inputs, n_components, n_epochs, rng, *, verbose=0):
    """Move the rows from their principal components along the edges of a graph.

    Parameters
    ----------
    graph : sparse array of shape (n_samples, n_samples)
        Weights of the edges.
    inputs : ndarray of shape (n_samples, n_columns), dtype=float64
        Rows in the neighbour space.
    n_components : int
        Dimensions of the layout.
    n_epochs : int
        Passes over the edges.
    rng : numpy.random.Generator
        Source of chance.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    layout : ndarray of shape (n_samples, n_components), dtype=float64
        Where the rows lie.
    n_iter : int
        Passes that were made: fewer than `n_epochs` after Ctrl-C.

    Notes
    -----
    O(n_epochs * n_edges * n_components) time.
    """
    layout = start_layout(inputs, n_components, rng)
    edges = graph.tocoo()
    heads, tails = edges.row.astype(np.int32), edges.col.astype(np.int32)
    shares = edges.data / edges.data.max(initial=0.0)
    phases = rng.random(len(shares))
    state = rng.integers(1, 2**63, size=1, dtype=np.uint64)
    n_iter, epochs = 0, range(n_epochs)
    if verbose:
        from tqdm.auto import tqdm

        epochs = tqdm(epochs, desc="layout")
    try:
        for epoch in epochs:
            rate = 1 - epoch / n_epochs
            move_points(layout, heads, tails, shares, phases, rate, N_NEGATIVES, state)
            n_iter += 1
    except KeyboardInterrupt:
        warn(
            f"The layout was interrupted after {n_iter} epochs; it is used as it is.",
            FitInterruptedWarning,
        )
    return layout, n_iter


def start_layout(inputs, n_components, rng):
    """First principal components, the first of a fixed width, and some noise."""
    n_samples, n_columns = inputs.shape
    centered = inputs - inputs.mean(axis=0)
    with one_blas_thread():
        axes = np.linalg.eigh(centered.T @ centered)[1][:, ::-1]
        axes = axes[:, : min(n_components, n_columns)]
        # Of an axis's two directions, the one in which its largest entry is positive.
        largest = np.abs(axes).argmax(axis=0)
        axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
        layout = np.zeros((n_samples, n_components))
        layout[:, : axes.shape[1]] = centered @ axes
    layout *= START_WIDTH / (layout[:, 0].std() or 1.0)
    return layout + START_NOISE * rng.standard_normal(layout.shape)
