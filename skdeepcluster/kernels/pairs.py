"""Pairs of rows, which a partition and a group of raters join or keep apart."""

from ._jit import jit, read_only


def pair_agreement(partitions):
    """Sum what a partition and a group of raters say of all pairs of rows.

    Parameters
    ----------
    partitions : ndarray of shape (n_samples, 1 + n_raters), dtype int64
        Clusters of each row: the partition's, then the raters'. Below 0 is noise,
        of which whoever says so says nothing.

    Returns
    -------
    n_pairs : float
        Pairs of which the partition and some rater say something.
    joined, shares : float
        How many of them the partition joins, and the sum of the shares of raters
        that do.
    observed, largest : float
        Sum of the shares of raters that say the same as the partition, and as most
        raters.

    Notes
    -----
    O(n_samples² n_raters) time and O(1) memory.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.kernels.pairs import pair_agreement
    >>> sums = pair_agreement(np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0]]))
    >>> [float(total) for total in sums]
    [3.0, 1.0, 2.0, 2.0, 2.0]
    """
    return _pair_agreement(read_only(partitions))


@jit()
def _pair_agreement(partitions):
    n_samples, width = partitions.shape
    n_pairs = joined = shares = observed = largest = 0.0
    for i in range(n_samples):
        if partitions[i, 0] < 0:
            continue
        for j in range(i):
            if partitions[j, 0] < 0:
                continue
            n_asked = n_joining = 0
            for rater in range(1, width):
                own = partitions[i, rater]
                other = partitions[j, rater]
                if own >= 0 and other >= 0:
                    n_asked += 1
                    n_joining += own == other
            if n_asked == 0:
                continue
            share = n_joining / n_asked
            is_joined = partitions[i, 0] == partitions[j, 0]
            n_pairs += 1.0
            joined += is_joined
            shares += share
            observed += share if is_joined else 1.0 - share
            largest += max(share, 1.0 - share)
    return n_pairs, joined, shares, observed, largest
