"""Made tables of numbers, categories and gaps, with classes that are known."""

import numpy as np
from extras import pd

from skdeepcluster.mixture._statistics import Rows


def mixed_table(
    seed,
    n=400,
    k=3,
    n_numbers=3,
    n_categories=4,
    n_levels=4,
    sep=2.5,
    concentration=0.4,
    gaps=0.1,
):
    """Numbers (NaN for a gap), codes (-1 for a gap) and classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    means = rng.normal(size=(k, n_numbers)) * sep
    numbers = means[y] + rng.normal(size=(n, n_numbers))
    shares = rng.dirichlet(np.full(n_levels, concentration), size=(k, n_categories))
    drawn = rng.random((n, n_categories, 1))
    codes = (drawn > np.cumsum(shares[y], axis=2)[:, :, :-1]).sum(axis=2)
    missing = rng.random((n, n_numbers + n_categories)) < gaps
    numbers[missing[:, :n_numbers]] = np.nan
    codes[missing[:, n_numbers:]] = -1
    return numbers, codes, y


def rows_of(numbers, codes, n_levels=4, weights=None, known=None):
    """The rows of a table, numbers scaled."""
    n = len(numbers)
    scaled = (numbers - np.nanmean(numbers, axis=0)) / np.nanstd(numbers, axis=0)
    first = n_levels * np.arange(codes.shape[1])
    return Rows(
        scaled,
        np.where(codes < 0, -1, codes + first).astype(np.int32),
        np.ones(n) if weights is None else weights,
        np.full(n, -1) if known is None else known,
    )


WORDS = np.array(["red", "green", "blue", "white"], dtype=object)


def frame_of(numbers, codes):
    """A data frame of numbers and words."""
    columns = {f"x{j}": column for j, column in enumerate(numbers.T)}
    for j, column in enumerate(codes.T):
        columns[f"c{j}"] = np.where(column < 0, None, WORDS[column])
    return pd.DataFrame(columns)


def frame(seed=0, **options):
    """A data frame and its classes."""
    numbers, codes, y = mixed_table(seed, **options)
    return frame_of(numbers, codes), y
