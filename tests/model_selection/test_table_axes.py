"""The space in which candidates are compared."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.model_selection._table_axes import TableAxes


def test_axes_are_standardised_columns_or_their_first_principal_axes():
    few = np.random.default_rng(0).normal(size=(50, 3)) * [1, 0, 1e100]
    assert_allclose(TableAxes().fit(few).transform(few).std(axis=0), [1, 1])
    wide = np.random.default_rng(0).normal(size=(50, 40)) + 1e6
    Z = TableAxes().fit(wide).transform(wide)
    assert Z.shape == (50, 20)
    # Uncorrelated, the one of the largest variance first.
    products = Z.T @ Z
    assert_allclose(products, np.diag(np.diag(products)), atol=1e-6)
    assert (np.diff(np.diag(products)) <= 0).all()
    assert_array_equal(TableAxes().fit(wide).transform(wide[7:8])[0], Z[7])
    far = TableAxes().fit(few).transform(np.full((1, 3), 1e300))
    assert np.isfinite(np.square(far)).all()
