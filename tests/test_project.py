"""The promises of the project itself: laziness, contracts, documentation."""

import subprocess
import sys
from inspect import getmembers, isfunction, ismodule
from pathlib import Path

import pytest
from estimators import public_classes, rooms
from numpydoc.validate import validate

import skdeepcluster

HEAVY = ("torch", "skorch", "cvxpy", "numba", "matplotlib", "pandas", "sklearn")


def loaded_by(statement):
    """Heavy packages that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint(*(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["skdeepcluster", "skdeepcluster.deep", "skdeepcluster.metrics"]
)
def test_import_is_lazy(module):
    assert loaded_by(f"import {module}") == set()


def test_command_line_answers_without_loading_anything():
    assert loaded_by("import skdeepcluster.cli") == set()


def test_metrics_need_no_torch():
    statement = "from skdeepcluster.metrics import clustering_accuracy"
    assert not loaded_by(statement) & {"torch", "skorch", "cvxpy", "matplotlib"}


def test_public_names_are_there():
    for name in skdeepcluster.__all__:
        assert getattr(skdeepcluster, name) is not None
        assert name in dir(skdeepcluster)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        skdeepcluster.nonsense  # noqa: B018


def test_stubs_name_what_is_there():
    """Every name of a stub is found, in the module the stub says."""
    for module in [skdeepcluster, *rooms()]:
        for name in getattr(module, "__all__", ()):
            found = getattr(module, name)
            assert ismodule(found) or found.__module__.startswith("skdeepcluster.")


WITHOUT_TORCH = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "skorch", "cvxpy"):
            raise ModuleNotFoundError(f"no {name}", name=name)


sys.meta_path.insert(0, Absent())
from skdeepcluster import PPP, TELL, AutoEncoder, GPC, SemiSupervisedGaussianMixture
for network in (TELL, AutoEncoder, GPC):
    try:
        network()
    except ImportError as error:
        print(error)
X = [[0.0], [1.0], [2.0], [9.0]]
SemiSupervisedGaussianMixture(1).fit(X, [0, 0, 0, -1])

from sklearn.datasets import load_iris
from skdeepcluster import AutoCluster

print(len(AutoCluster(random_state=0).fit(load_iris().data).labels_))
"""


def test_networks_name_their_extra_and_the_rest_runs_without():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT_TORCH],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{name} needs torch, which is not installed: "
        'pip install "skdeepcluster[deep]".'
        for name in ("TELL", "AutoEncoder", "GPC")
    ] + ["150"]


def test_import_contracts_are_kept():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--config", "setup.cfg"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def public_objects():
    """Public classes with their methods, and public functions."""
    for kind in public_classes():
        path = f"{kind.__module__}.{kind.__name__}"
        yield path
        for name, method in getmembers(kind, isfunction):
            if not name.startswith("_") and method.__module__ == kind.__module__:
                yield f"{path}.{name}"
    for module in rooms():
        for name in getattr(module, "__all__", ()):
            if isfunction(getattr(module, name)):
                yield f"{module.__name__}.{name}"


# Not asked for: extended summaries, see-also and examples of every method. A
# returned value has a name, as in scikit-learn.
LEFT_OUT = {"ES01", "SA01", "EX01", "RT02"}


@pytest.mark.parametrize("path", sorted(set(public_objects())))
def test_docstring_is_numpydoc(path):
    errors = [error for error in validate(path)["errors"] if error[0] not in LEFT_OUT]
    assert not errors
