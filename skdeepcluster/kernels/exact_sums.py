"""Sums of floats that depend on no order: pairs of floats with 106 digits."""

from ._jit import jit


@jit()
def _two_sum(a, b):
    """Sum of two floats, and the rounding error of it, exactly (Knuth)."""
    total = a + b
    shifted = total - a
    return total, (a - (total - shifted)) + (b - shifted)


@jit()
def add_pairs(totals, slots, pairs):
    """Add pairs of floats to totals, in place.

    A pair stands for the unevaluated sum of its two floats: "double-double"
    arithmetic [1]_. As long as all numbers are multiples of one power of two and
    the totals stay below 2^104 times that power, every sum is exact; hence
    the totals depend on no order and no grouping.

    Parameters
    ----------
    totals : ndarray of shape (n_slots, 2), dtype=float64
        Totals so far; of each pair, the first is the sum rounded to a float.
    slots : ndarray of shape (n_pairs,), dtype=intp
        Total that each pair is added to.
    pairs : ndarray of shape (n_pairs, 2), dtype=float64
        What is added.

    References
    ----------
    .. [1] M. Joldes, J.-M. Muller and V. Popescu, "Tight and rigorous error
       bounds for basic building blocks of double-word arithmetic", ACM
       Transactions on Mathematical Software 44, 2017, algorithm 6.
    """
    for i in range(len(slots)):
        slot = slots[i]
        high, high_rest = _two_sum(totals[slot, 0], pairs[i, 0])
        low, low_rest = _two_sum(totals[slot, 1], pairs[i, 1])
        high, rest = _two_sum(high, high_rest + low)
        high, rest = _two_sum(high, low_rest + rest)
        totals[slot, 0], totals[slot, 1] = high, rest
