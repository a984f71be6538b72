"""Noise shrinkage: the linear map that shrinks directions of noise."""

import numpy as np
import torch

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
    Tensor of shape (n_columns, n_columns), dtype float64, or None
        What to multiply rows by. The mean square of the rows stays as it is. None,
        if a direction is clear from the start, if none tells neighbours from other
        rows, or if there are too few rows.

    Notes
    -----
    O(n_samples * n_columns² + n_columns³) time and a search for the neighbours of
    2,000 rows, once, or four times where no direction is clear.
    """
    centered = torch.from_numpy(rows - rows.mean(axis=0))
    variances, axes = torch.linalg.eigh(centered.T @ centered / len(rows))
    wide = variances > _LEAST_VARIANCE * variances[-1]
    axes, widths = axes[:, wide], variances[wide].sqrt()
    n_near = min(_N_NEAR, len(rows) // _ROWS_PER_NEIGHBOR)
    # Among as many directions as rows, some look clear by chance.
    if n_near == 0 or len(rows) < 2 * len(widths):
        return None
    white = centered @ (axes / widths)
    rng = np.random.default_rng(seed)
    asked = rng.permutation(len(rows))[:_N_ASKED]
    shrinkage = torch.eye(rows.shape[1], dtype=torch.float64)
    for i in range(_PASSES):
        moved = (centered @ shrinkage).numpy()
        near, _ = nearest_rows(moved, n_near, rng, asked)
        differences = (white[asked][:, None] - white[near]).flatten(end_dim=1)
        scatter = differences.T @ differences / (2 * len(differences))
        shares, directions = torch.linalg.eigh(scatter)
        kept = (1 - shares).clamp(min=0)
        if not kept.any() or (i == 0 and shares[0] < _CLEAR):
            return None
        turned = (axes / widths) @ directions
        shrinkage = turned * kept @ directions.T @ (axes * widths).T
        ratio = centered.square().mean() / (centered @ shrinkage).square().mean()
        shrinkage *= ratio.sqrt()
    return shrinkage
