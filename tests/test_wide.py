"""Two thousand columns of sixty rows: every estimator answers, and is right."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import adjusted_rand_score
from test_common import results
from wide import defaults, finds_new, groups, target

from skdeepcluster import CategoryGrouper

# Passes over the table: with few, networks are not asked to be right.
FEW = {"max_epochs": 2, "pretrain_epochs": 2, "layout_epochs": 20, "max_iter": 2}
X, TRUTH = groups(60, 2_000)
NEW, _ = groups(30, 2_000, seed=1)


@pytest.mark.parametrize("model", defaults(), ids=lambda model: type(model).__name__)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_far_more_columns_than_rows(model):
    is_network = "max_epochs" in model.get_params()
    if is_network:
        known = model.get_params()
        model.set_params(**{k: v for k, v in FEW.items() if k in known})
    if isinstance(model, CategoryGrouper):
        with pytest.raises(ValueError, match="2000 columns are too many"):
            model.fit(X)
        return
    model.fit(X, *target(model, TRUTH))
    whole = results(model, NEW)
    for method, values in whole.items():
        assert len(values) == 30
        assert np.isfinite(values).all(), method
        assert_array_equal(getattr(model, method)(NEW[7:8])[0], values[7])
    if hasattr(model, "predict") and not is_network:
        asked = TRUTH > 0 if finds_new(model) else TRUTH >= 0
        assert adjusted_rand_score(TRUTH[asked], model.predict(X[asked])) == 1
