"""Noise shrinkage: the linear map that shrinks directions of noise."""

import numpy as np

from .._threads import one_blas_thread
from ._neighbor_graph import nearest_rows

# Neighbours that tell noise from shape, and rows that are asked: more change little.
_N_NEAR = 15
_N_ASKED = 2000

# Neighbours are at most one in so many rows: rows far away tell nothing.
_ROWS_PER_NEIGHBOR = 10

# A direction is clear if noise is less than a fifth of it. The noisiest of 14 real
# tables has a direction with an eighth, and in those, shrinking the others did more
# harm than good.
_CLEAR = 0.2
_PASSES = 4

# Smallest variance of a direction, as a share of the largest.
_LEAST_VARIANCE = 1e-9


def noise_shrinkage(rows, seed):
    """Find the linear map that shrinks noise where no direction is clear of it.

    In a direction along which groups or shapes extend, neighbours are alike; in a
    direction of noise they differ almost as any two rows do. The half mean square
    of the neighbours' differences, divided by the variance, is the direction's
    share of noise s. The directions that make it extreme keep 1 - s of their
    extent, as a Wiener filter would have it, and the neighbours of the result are
    looked at again: noise that is shrunk no longer chooses them.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns), dtype float64
        Rows in the neighbour space.
    seed : int
        Seed of the choice of the rows that are asked, and among equal distances.

    Returns
    -------
    ndarray of shape (n_columns, n_columns), dtype float64, or None
        What to multiply rows by. The mean square of the rows stays as it is. None,
        if a direction is clear from the start, if none tells neighbours from other
        rows, or if there are too few rows.

    Notes
    -----
    O(n_samples * n_columns² + n_columns³) time and a search for the neighbours of
    2,000 rows, once, or four times where no direction is clear.
    """
    centered = rows - rows.mean(axis=0)
    with one_blas_thread():
        variances, axes = np.linalg.eigh(centered.T @ centered / len(rows))
    wide = variances > _LEAST_VARIANCE * variances[-1]
    axes, widths = axes[:, wide], np.sqrt(variances[wide])
    n_near = min(_N_NEAR, len(rows) // _ROWS_PER_NEIGHBOR)
    # Among as many directions as rows, some look clear by chance.
    if n_near == 0 or len(rows) < 2 * len(widths):
        return None
    rng = np.random.default_rng(seed)
    asked = rng.permutation(len(rows))[:_N_ASKED]
    shrinkage = np.eye(rows.shape[1])
    for i in range(_PASSES):
        with one_blas_thread():
            moved = centered @ shrinkage
        near, _ = nearest_rows(moved, n_near, rng, asked)
        with one_blas_thread():
            shares, directions = _noise_shares(centered, axes / widths, asked, near)
            kept = np.maximum(1 - shares, 0)
            if not kept.any() or (i == 0 and shares[0] < _CLEAR):
                return None
            turned = (axes / widths) @ directions * kept
            shrinkage = turned @ directions.T @ (axes * widths).T
            shrunk = centered @ shrinkage
        ratio = np.square(centered).mean() / np.square(shrunk).mean()
        shrinkage *= np.sqrt(ratio)
    return shrinkage


def _noise_shares(centered, whitening, asked, near):
    """Shares of noise, ascending, and their directions among whitened axes."""
    white = centered @ whitening
    differences = (white[asked][:, np.newaxis] - white[near]).reshape(
        near.size, white.shape[1]
    )
    return np.linalg.eigh(differences.T @ differences / (2 * len(differences)))
