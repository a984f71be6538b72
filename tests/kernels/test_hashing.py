"""Hashes: known outputs, balance, and what they tell apart."""

import numpy as np
from numpy.testing import assert_array_equal

from skdeepcluster.kernels.hashing import (
    hash_rows,
    mix_bits,
    rank_bits,
    uniform_numbers,
)


def test_hash_is_splitmix64():
    # The first three outputs of the generator that starts at 0.
    outputs = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert mix_bits(np.arange(1, 4, dtype=np.uint64)).tolist() == outputs


def test_rank_bits_halve_every_stretch():
    bits = rank_bits(10_000)
    # 4.5 standard deviations of a fair coin thrown a thousand times.
    assert np.all(np.abs(bits.reshape(10, 1000).sum(axis=1) - 500) < 71)
    assert_array_equal(rank_bits(10), bits[:10])


def test_hashes_of_rows_differ_where_rows_do(rng):
    bits = rng.integers(0, 3, (500, 4)).astype(np.uint64)
    _, rows = np.unique(bits, axis=0, return_inverse=True)
    _, hashes = np.unique(hash_rows(bits), return_inverse=True)
    assert (
        len(set(zip(rows.ravel(), hashes, strict=True)))
        == rows.max() + 1
        == hashes.max() + 1
    )


def test_uniform_numbers_are_uniform_and_never_0_or_1():
    extremes = uniform_numbers(np.array([0, 2**64 - 1], dtype=np.uint64))
    assert 0 < extremes[0] < extremes[1] < 1
    numbers = uniform_numbers(mix_bits(np.arange(10_000, dtype=np.uint64)))
    shares = np.bincount((10 * numbers).astype(int), minlength=10) / 10_000
    # 4 standard deviations of a count of one tenth.
    assert np.all(np.abs(shares - 0.1) < 0.012)


def test_uniform_numbers_are_the_middles_of_equal_cells():
    """The upper 53 bits name the cell; the lower ones do not count."""
    hashes = np.array([0, 2**11 - 1, 2**11, 2**63], dtype=np.uint64)
    expected = np.array([0.5, 0.5, 1.5, 2**52 + 0.5]) * 2.0**-53
    assert_array_equal(uniform_numbers(hashes), expected)
