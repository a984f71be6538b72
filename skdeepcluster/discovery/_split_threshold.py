"""The penalty per class, in nats, that finds hidden known classes again."""

from itertools import combinations
from math import comb

import numpy as np
from scipy.optimize import linear_sum_assignment

from ._split_merge import Classes

# So many choices of hidden classes are looked at, and so many per division.
LEAST_HIDINGS, HIDINGS_PER_DIVISION = 10, 4
# Fewer known classes say too little of how far classes are apart.
LEAST_KNOWN = 3
# A penalty is e times less plausible for each of these differences in accuracy.
SOFTNESS = 0.015
# Log-normal prior of the penalty per class: median in nats per sample, and
# standard deviation of its logarithm.
TYPICAL_COST, LOG_SPREAD = 0.125, 1.0
# Penalties this many standard deviations off are not looked at.
N_DEVIATIONS = 4.0
# Accuracy is not looked at before there are so few sets.
MOST_SETS = 200


def penalty_from_hidden_classes(divisions, n_known, prior, alpha, rng):
    """Find the penalty under which hidden known classes are found again.

    Half of the known classes lose their labels; cells are merged, and for every
    penalty the accuracy of the labeled cells is looked at. This is done for some
    choices of the half, with each division of the rows into cells. The penalty is
    the mean, on a log scale, under the product of ``exp(accuracy / 0.015)`` and a
    log-normal prior around 1/8 nat per row, which wide plateaus leave to decide.

    Parameters
    ----------
    divisions : list of Cells
        The same rows, divided into cells.
    n_known : int
        Number of known classes.
    prior : Prior
        Of a class.
    alpha : float
        Concentration of the Dirichlet process.
    rng : numpy.random.Generator
        Draws the choices.

    Returns
    -------
    float
        Nats per class; the prior's median with fewer than three known classes.
    """
    typical = np.log(TYPICAL_COST * divisions[0].moments.sizes.sum())
    if n_known < LEAST_KNOWN:
        return float(np.exp(typical))
    n_hidings = max(HIDINGS_PER_DIVISION, -(-LEAST_HIDINGS // len(divisions)))
    curves = [
        _accuracy_curve(cells, n_known, hidden, prior, alpha)
        for cells in divisions
        for hidden in _hidings(n_known, n_hidings, rng)
    ]
    ends = typical + np.array([-1, 1]) * N_DEVIATIONS * LOG_SPREAD
    costs = np.concatenate([costs for costs, _ in curves])
    edges = np.unique(np.log(np.clip(costs, *np.exp(ends))))
    edges = np.unique(np.concatenate([ends, edges]))
    # The accuracy changes at the costs only: weigh the steps between.
    middles = (edges[1:] + edges[:-1]) / 2
    scores = np.mean(
        [
            accuracies[np.searchsorted(costs, np.exp(middles))]
            for costs, accuracies in curves
        ],
        axis=0,
    )
    logs = scores / SOFTNESS - 0.5 * ((middles - typical) / LOG_SPREAD) ** 2
    plausible = np.exp(logs - logs.max()) * np.diff(edges)
    return float(np.exp(np.sum(plausible * middles) / plausible.sum()))


def _hidings(n_known, n_hidings, rng):
    """Different choices of half of the known classes."""
    half = n_known // 2
    if comb(n_known, half) <= n_hidings:
        return list(combinations(range(n_known), half))
    chosen = set()
    while len(chosen) < n_hidings:
        drawn = rng.choice(n_known, half, replace=False)
        chosen.add(tuple(np.sort(drawn).tolist()))
    return sorted(chosen)


def _accuracy_curve(cells, n_known, hidden, prior, alpha):
    """Costs of the merges, and the accuracy before the first and after each."""
    moments, codes = cells.moments, cells.codes
    visible = np.setdiff1d(np.arange(n_known), hidden)
    new_codes = np.full(n_known + 1, -1)
    new_codes[visible] = np.arange(len(visible))
    classes = Classes(moments, new_codes[codes], len(visible), prior, alpha)
    path = classes.path()
    table = np.zeros((n_known, path.n_sets))
    sets = classes.groups.copy()
    sets[classes.free] = len(visible) + np.arange(len(classes.free))
    labeled = codes >= 0
    np.add.at(table, (codes[labeled], sets[labeled]), moments.sizes[labeled])
    accuracies = np.zeros(len(path.pairs) + 1)
    for n_merges in range(len(path.pairs) + 1):
        if n_merges:
            kept, gone = path.pairs[n_merges - 1]
            table[:, kept] += table[:, gone]
            table[:, gone] = 0
        if path.n_sets - n_merges <= MOST_SETS:
            matched = linear_sum_assignment(table, maximize=True)
            accuracies[n_merges] = table[matched].sum() / table.sum()
    return path.costs, accuracies
