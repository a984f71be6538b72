"""Sums in pairs of floats: exact, so that no order matters."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdeepcluster.kernels.exact_sums import add_pairs

numbers = st.floats(1e-6, 1e6) | st.integers(1, 10**6).map(float)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), numbers), min_size=1, max_size=40))
def test_totals_are_those_of_fractions(entries):
    slots = np.array([slot for slot, _ in entries])
    pairs = np.array([(number, 0.0) for _, number in entries])
    totals = np.zeros((3, 2))
    add_pairs(totals, slots, pairs)
    for slot, (high, low) in enumerate(totals):
        exact = sum(Fraction(number) for other, number in entries if other == slot)
        assert Fraction(high) + Fraction(low) == exact
        assert high == float(exact)


def test_neither_order_nor_grouping_matters(rng):
    # 53 digits each, over a range of 2^30: float64 sums would differ.
    pairs = np.column_stack([np.exp(20 * rng.random(3000)), np.zeros(3000)])
    slots = rng.integers(0, 7, 3000)
    whole = np.zeros((7, 2))
    add_pairs(whole, slots, pairs)
    for n_parts in (2, 30):
        total = np.zeros((7, 2))
        for part in np.array_split(rng.permutation(3000), n_parts):
            own = np.zeros((7, 2))
            add_pairs(own, slots[part], pairs[part])
            add_pairs(total, np.arange(7), own)
        assert_array_equal(total, whole)
