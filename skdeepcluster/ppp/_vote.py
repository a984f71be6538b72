"""The vote of the sizes: elected is the one that agrees best with the others."""

import numpy as np

# A near tie goes to the coarser size; a size that kept more than this share of
# its cells apart did not over-partition.
PARSIMONY, OVER_PARTITION = 0.02, 0.75


def weighted_rand(first, second, weights):
    """Adjusted Rand index of two labelings of weighted rows.

    Parameters
    ----------
    first, second : ndarray of shape (n_samples,), dtype=intp
        Labels from 0 on.
    weights : ndarray of shape (n_samples,)
        Weights of the rows, which count as so many rows.

    Returns
    -------
    float
        1 for equal partitions, about 0 for independent ones.
    """
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), weights)

    def n_pairs(sizes):
        return float((sizes * (sizes - 1)).sum() / 2)

    together = n_pairs(table)
    a, b = n_pairs(table.sum(axis=1)), n_pairs(table.sum(axis=0))
    expected = a * b / n_pairs(weights.sum())
    largest = (a + b) / 2
    return 1.0 if largest == expected else (together - expected) / (largest - expected)


def vote(groupings, weights):
    """Elect the size whose groups agree best with those of the others.

    Parameters
    ----------
    groupings : list of Grouping
        Groups found at each size.
    weights : ndarray of shape (n_rows,)
        Weights of the rows of the table.

    Returns
    -------
    winner : int
        Number of the elected one. Where most sizes have a single group, the
        first of these.
    agreement : list of float
        Mean adjusted Rand index of each to the others; 1 for a single one.
    """
    labels = [grouping.labels for grouping in groupings]
    n_voters = len(groupings)
    agreement = np.eye(n_voters)
    for i in range(n_voters):
        for j in range(i):
            agreement[i, j] = agreement[j, i] = weighted_rand(
                labels[i], labels[j], weights
            )
    mean = (agreement.sum(axis=1) - 1) / (n_voters - 1) if n_voters > 1 else np.ones(1)
    single = [i for i, grouping in enumerate(groupings) if grouping.n_groups == 1]
    if 2 * len(single) > n_voters:
        return single[0], mean.tolist()
    eligible = [
        i
        for i, grouping in enumerate(groupings)
        if grouping.n_groups <= OVER_PARTITION * grouping.cells.n_cells
    ]
    n_cells = np.array([grouping.cells.n_nominal for grouping in groupings])
    score = mean - PARSIMONY * np.log2(n_cells)
    winner = max(eligible or range(n_voters), key=lambda i: score[i])
    return winner, mean.tolist()
