"""Hashes of rows, and pseudo-random numbers that depend on nothing but values."""

import numpy as np


def mix_bits(numbers):
    """Hash 64-bit integers: the finaliser of the splitmix64 generator.

    Parameters
    ----------
    numbers : ndarray, dtype=uint64
        Integers.

    Returns
    -------
    ndarray, dtype=uint64
        Their hashes.
    """
    z = numbers * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return z


def rank_bits(n_ranks):
    """One pseudo-random bit for each of the ranks ``0..n_ranks - 1``."""
    return mix_bits(np.arange(1, n_ranks + 1, dtype=np.uint64)) & np.uint64(1) == 1


def hash_rows(bits):
    """Hash rows of numbers to 64 bits each.

    Parameters
    ----------
    bits : ndarray of shape (n_samples, n_features), dtype=uint64
        The numbers' bits.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=uint64
        Hashes; equal rows have equal ones.
    """
    hashes = np.full(len(bits), bits.shape[1], dtype=np.uint64)
    for column in bits.T:
        hashes = mix_bits(hashes ^ column)
    return hashes


def uniform_numbers(hashes):
    """Numbers between 0 and 1, both excluded, from 64-bit hashes.

    Parameters
    ----------
    hashes : ndarray of shape (n_samples,), dtype=uint64
        Hashes, of which the upper 53 bits count.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=float64
        The numbers.
    """
    numbers = ((hashes >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    # The largest of all is rounded to 1.
    return np.minimum(numbers, np.nextafter(1.0, 0.0))
