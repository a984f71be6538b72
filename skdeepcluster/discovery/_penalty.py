"""What a class costs, learned by hiding known classes."""

from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from ._split_merge import Classes

# So many choices of hidden classes are looked at.
MAX_HIDINGS = 10
# Fewer known classes say too little of how far classes are apart.
LEAST_KNOWN = 3
# Accuracies this near to the best are as good, and the penalty lies this share
# of their range, in logarithms, above its lower end.
TOLERANCE, SHARE = 0.005, 0.25
# Accuracy is not looked at before there are so few sets.
MOST_SETS = 200


def penalty_from_hidden_classes(cells, codes, n_known, prior, alpha, rng):
    """Find the penalty under which hidden known classes are found again.

    Half of the known classes lose their labels; cells are merged, and for every
    penalty the accuracy of the labeled cells is looked at. This is done for up to
    10 choices of the half.

    Parameters
    ----------
    cells : Moments
        Cells.
    codes : ndarray of shape (n_cells,), dtype=int64
        Known class of a cell, -1 where it has none.
    n_known : int
        Number of known classes.
    prior : Prior
        Of a class.
    alpha : float
        Concentration of the Dirichlet process.
    rng : numpy.random.Generator
        Draws the choices, where there are more than 10.

    Returns
    -------
    float
        Nats per class; 0 with fewer than three known classes.
    """
    if n_known < LEAST_KNOWN:
        return 0.0
    curves = [
        _accuracy_curve(cells, codes, n_known, hidden, prior, alpha)
        for hidden in _hidings(n_known, rng)
    ]
    penalties = np.unique(np.concatenate([costs for costs, _ in curves]))
    penalties = penalties[penalties > 0]
    if penalties.size == 0:
        return 0.0
    scores = np.mean(
        [
            accuracies[np.searchsorted(costs, penalties, side="right")]
            for costs, accuracies in curves
        ],
        axis=0,
    )
    good = scores >= scores.max() - TOLERANCE
    best = int(scores.argmax())
    bad = np.flatnonzero(~good)
    low = bad[bad < best].max(initial=-1) + 1
    high = bad[bad > best].min(initial=len(good) - 1)
    return float(penalties[low] ** (1 - SHARE) * penalties[high] ** SHARE)


def _hidings(n_known, rng):
    """Choices of half of the known classes."""
    every = list(combinations(range(n_known), n_known // 2)) if n_known < 16 else None
    if every is not None and len(every) <= MAX_HIDINGS:
        return every
    return [
        tuple(np.sort(rng.choice(n_known, n_known // 2, replace=False)))
        for _ in range(MAX_HIDINGS)
    ]


def _accuracy_curve(cells, codes, n_known, hidden, prior, alpha):
    """Costs of the merges, and the accuracy before the first and after each."""
    visible = np.setdiff1d(np.arange(n_known), hidden)
    new_codes = np.full(n_known + 1, -1)
    new_codes[visible] = np.arange(len(visible))
    classes = Classes(cells, new_codes[codes], len(visible), prior, alpha)
    path = classes.path()
    table = np.zeros((n_known, path.n_sets))
    sets = classes.groups.copy()
    sets[classes.free] = len(visible) + np.arange(len(classes.free))
    labeled = codes >= 0
    np.add.at(table, (codes[labeled], sets[labeled]), cells.sizes[labeled])
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
