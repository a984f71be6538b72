"""The promises of the project itself: laziness, contracts, documentation."""

import subprocess
import sys
from inspect import getmembers, isfunction, ismodule
from operator import itemgetter
from pathlib import Path

import pytest
from estimators import public_classes, rooms
from numpydoc.validate import validate
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeepcluster
from skdeepcluster import TELL

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


ABSENT = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "skorch", "cvxpy"):
            raise ModuleNotFoundError(f"no {name}", name=name)


sys.meta_path.insert(0, Absent())
"""
WITHOUT_TORCH = """
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


def run_without_torch(program, *args):
    """Run a program where torch, skorch and cvxpy are not installed."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ABSENT + program, *args],
        capture_output=True,
        text=True,
    )


def test_networks_name_their_extra_and_the_rest_runs_without():
    done = run_without_torch(WITHOUT_TORCH)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{name} needs torch, which is not installed: "
        'pip install "skdeepcluster[deep]".'
        for name in ("TELL", "AutoEncoder", "GPC")
    ] + ["150"]


def test_model_with_a_network_names_its_extra(tmp_path):
    path = tmp_path / "model"
    X = load_iris().data
    skdeepcluster.save(make_pipeline(StandardScaler(), TELL(3)).fit(X), path)
    program = "from skdeepcluster import load\nload(sys.argv[1])"
    assert run_without_torch(program, str(path)).stderr.splitlines()[-1] == (
        f"ValueError: {path} cannot be loaded: skdeepcluster.deep.tell.TELL needs "
        'torch, which is not installed: pip install "skdeepcluster[deep]".'
    )


@pytest.mark.parametrize(
    "args",
    [
        ("cluster", "--n-clusters", "3", "--method", "tell"),
        ("discover", "--label", "kind", "--method", "gpc"),
    ],
    ids=itemgetter(0),
)
def test_command_names_the_extra_of_a_method(args, tmp_path):
    path = tmp_path / "table.csv"
    rows = [f"{i % 7},{i % 5},{'' if i % 2 else 'known'}\n" for i in range(40)]
    path.write_text("".join(["length,width,kind\n", *rows]))
    program = "from skdeepcluster.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = run_without_torch(program, args[0], str(path), *args[1:])
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"skdeepcluster: error: {args[-1].upper()} needs torch, which is not "
        'installed: pip install "skdeepcluster[deep]".'
    )


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
