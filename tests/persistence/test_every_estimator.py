"""Every public estimator can be saved, and says the same in another process."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from estimators import Rotation, estimators
from sklearn.exceptions import ConvergenceWarning
from test_common import results, seeded, table

from skdeepcluster import load, save

PROGRAM = """
import sys
from pathlib import Path
folder, tests = sys.argv[1:]
sys.path.insert(0, tests)
import numpy as np
from estimators import Rotation
from test_common import results, table
from skdeepcluster import load, save
for path in sorted(Path(folder).glob("*.model")):
    model = load(path, trusted=[Rotation])
    np.savez(path.with_suffix(".npz"), **results(model, table(seed=5)))
    save(model, path.with_suffix(".again"), trusted=[Rotation])
"""


def fitted_estimators():
    """Every configuration, fitted; what takes labels also with names for some."""
    X = table()
    y = np.where(np.arange(len(X)) < 20, "known", None).astype(object)
    for estimator in estimators():
        yield seeded(estimator).fit(X)
        if "n_novel" in estimator.get_params():
            yield seeded(estimator, 2).fit(X, y)


def test_same_bits_in_another_process(tmp_path):
    said = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for number, model in enumerate(fitted_estimators()):
            save(model, tmp_path / f"{number:03}.model", trusted=[Rotation])
            said.append(results(model, table(seed=5)))
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(Path(__file__).parents[1])],
        check=True,
        env=os.environ | {"NUMBA_NUM_THREADS": "1"},
    )
    for number, before in enumerate(said):
        path = tmp_path / f"{number:03}.model"
        with np.load(path.with_suffix(".npz"), allow_pickle=True) as after:
            assert set(after) == set(before)
            for method, values in before.items():
                np.testing.assert_array_equal(values, after[method], strict=True)
        assert path.read_bytes() == path.with_suffix(".again").read_bytes()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", estimators(), ids=repr)
class TestEveryEstimator:
    def test_learning_goes_on_as_without_the_file(self, estimator, tmp_path):
        if not hasattr(estimator, "partial_fit"):
            return
        model = seeded(estimator).partial_fit(table())
        save(model, tmp_path / "a", trusted=[Rotation])
        again = load(tmp_path / "a", trusted=[Rotation])
        for after in (model, again):
            after.partial_fit(table(seed=1))
        before, after = results(model, table()), results(again, table())
        for method, values in before.items():
            np.testing.assert_array_equal(values, after[method])

    def test_unfitted_estimator_keeps_its_parameters(self, estimator, tmp_path):
        save(estimator, tmp_path / "a", trusted=[Rotation])
        again = load(tmp_path / "a", trusted=[Rotation])
        assert repr(again.get_params()) == repr(estimator.get_params())
        assert vars(again).keys() == vars(estimator).keys()

    def test_saving_changes_nothing(self, estimator, tmp_path):
        model = seeded(estimator).fit(table())
        before, said = dict(vars(model)), results(model, table())
        save(model, tmp_path / "a", trusted=[Rotation])
        assert all(vars(model)[name] is value for name, value in before.items())
        assert vars(model).keys() == before.keys()
        for method, values in results(model, table()).items():
            np.testing.assert_array_equal(values, said[method])
