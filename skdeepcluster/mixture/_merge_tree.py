"""The tree of the merges from many components to one."""

from itertools import pairwise

import numpy as np


def merges_of(levels, chosen, weights, min_gain):
    """List the merges between consecutive levels.

    After a merge all rows are shared anew, so a component of the next level is where
    most of the weight of its own went.

    Parameters
    ----------
    levels : list of Level
        From many components to few.
    chosen : int
        The level that was chosen.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    min_gain : float
        What a component costs, in nats per row.

    Returns
    -------
    list of dict
        ``left``, ``right``, ``node``, ``weight``, ``separation`` and ``kept``.
    """
    nodes = list(range(levels[0].mixture.n_components))
    sizes = dict(enumerate(levels[0].mixture.statistics.sizes.tolist()))
    following, merges = len(nodes), []
    for place, (level, after) in enumerate(pairwise(levels)):
        shares = level.mixture.shares * weights[:, np.newaxis]
        goes_to = (shares.T @ after.mixture.shares).argmax(axis=1)
        loss = level.objective(min_gain) - after.objective(min_gain)
        united = [None] * after.mixture.n_components
        for node, target in zip(nodes, goes_to, strict=True):
            if united[target] is None or node is None:
                # A component to which no other's rows went has no node.
                united[target] = node if united[target] is None else united[target]
                continue
            left, right = united[target], node
            sizes[following] = sizes[left] + sizes[right]
            merges.append(
                {
                    "left": left,
                    "right": right,
                    "node": following,
                    "weight": sizes[following],
                    "separation": float(loss),
                    "kept": place < chosen,
                }
            )
            united[target] = following
            following += 1
        nodes = united
    return merges
