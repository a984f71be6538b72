"""Draws and covariances that tests of several kernels start from."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def covariances(rng):
    factors = rng.standard_normal((5, 3, 6))
    return factors @ factors.transpose(0, 2, 1) / 6
