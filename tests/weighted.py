"""Weighted rows and their moments, the slow way."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

# Multiples of 1/64 below 1000 make sums exact.
coordinates = st.integers(-64_000, 64_000).map(lambda i: i / 64)


@st.composite
def weighted_rows(draw, min_rows=1, max_rows=30, max_columns=3):
    n_rows = draw(st.integers(min_rows, max_rows))
    n_columns = draw(st.integers(1, max_columns))
    X = draw(arrays(np.float64, (n_rows, n_columns), elements=coordinates))
    weights = draw(arrays(np.float64, n_rows, elements=st.integers(1, 5).map(float)))
    return X, weights


def reference_moments(X, weights):
    mean = np.average(X, axis=0, weights=weights)
    centred = X - mean
    return weights.sum(), mean, (weights[:, np.newaxis] * centred).T @ centred
