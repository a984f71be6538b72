"""Rows along axes."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.kernels.projection import project


def test_projection_is_a_product_of_each_row_alone():
    rng = np.random.default_rng(0)
    X, axes = rng.standard_normal((50, 30)), rng.standard_normal((30, 4))
    Z = project(X, axes)
    assert_allclose(Z, X @ axes, atol=1e-12)
    assert_array_equal(project(X[7:8], axes)[0], Z[7])
