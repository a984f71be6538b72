"""Several threads and processes that ask one estimator at once."""

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster
from estimators import classifiers, estimators, fitted
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from test_bad_input import quick
from test_common import results, table

from skdeepcluster import NCDKMeans
from skdeepcluster.model_selection import (
    HiddenClassSearchCV,
    WholeData,
    get_unsupervised_scorer,
)


def fitted_estimators():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", ".* of the unlabeled rows are rejected")
        every = [*estimators(), *classifiers()]
        return [fitted(quick(estimator), table()) for estimator in every]


def parts_of(X):
    return np.array_split(X, 6)


def assert_same_parts(whole, parts):
    for method, values in whole.items():
        together = np.concatenate([part[method] for part in parts])
        np.testing.assert_array_equal(values, together, err_msg=method)


def test_threads_ask_one_estimator():
    X = table(300, seed=3)
    with ThreadPoolExecutor(6) as pool:
        for model in fitted_estimators():
            before = dict(vars(model))
            parts = pool.map(results, [model] * 6, parts_of(X))
            assert_same_parts(results(model, X), list(parts))
            assert vars(model).keys() == before.keys()
            assert all(vars(model)[name] is value for name, value in before.items())


PROGRAM = """
import multiprocessing, sys, warnings
import numpy as np
if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    warnings.simplefilter("ignore")
    import torch
    torch.set_num_threads(2)
    from test_concurrency import assert_same_parts, fitted_estimators, parts_of
    from test_common import results, table
    models, X = fitted_estimators(), table(300, seed=3)
    # What uses several threads here must not hang a child that is forked off.
    (torch.ones(500, 500) @ torch.ones(500, 500)).sum()
    whole = [results(model, X) for model in models]
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        for model, before in zip(models, whole):
            jobs = [(model, part) for part in parts_of(X)]
            assert_same_parts(before, pool.starmap_async(results, jobs).get(100))
    print("same")
"""


def run_alone(program, argument):
    """Run a program whose processes must not meet those of other tests."""
    done = subprocess.run(
        [sys.executable, "-c", program, argument, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.stdout == "same\n", done.stderr


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_ask_one_estimator(start):
    run_alone(PROGRAM, start)


AXES_PROGRAM = """
import multiprocessing
import numpy as np
import torch
from skdeepcluster import NeighborEncoder
torch.set_num_threads(2)
# Of many columns, neighbours are looked for along axes, which are a product.
X = np.random.default_rng(0).normal(size=(100, 70))
model = NeighborEncoder(layout_epochs=5, max_steps=10, random_state=0).fit(X)
(torch.ones(500, 500) @ torch.ones(500, 500)).sum()
whole = model.transform(X[:30] + 0.1)
with multiprocessing.get_context("fork").Pool(1) as pool:
    part = pool.apply_async(model.transform, [X[:30] + 0.1]).get(60)
np.testing.assert_array_equal(part, whole)
print("same")
"""


def test_axes_of_many_columns_in_a_forked_process():
    run_alone(AXES_PROGRAM, "")


def ask_in_parallel(models, X):
    jobs = [(model, part) for model in models for part in parts_of(X)]
    answers = joblib.Parallel(n_jobs=2)(joblib.delayed(results)(*job) for job in jobs)
    for i, model in enumerate(models):
        assert_same_parts(results(model, X), answers[6 * i : 6 * (i + 1)])


JOBLIB_PROGRAM = """
import sys, warnings
sys.path.insert(0, sys.argv[2])
warnings.simplefilter("ignore")
import joblib
from test_concurrency import ask_in_parallel, fitted_estimators
from test_common import table
with joblib.parallel_config(backend=sys.argv[1], inner_max_num_threads=None):
    ask_in_parallel(fitted_estimators(), table(300, seed=3))
print("same")
"""


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_backends_of_joblib(backend):
    run_alone(JOBLIB_PROGRAM, backend)


# Dask closes its event loop with a coroutine of its own still waiting.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_dask_as_a_backend():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        ask_in_parallel(fitted_estimators(), table(300, seed=3))


# Dask closes its event loop with a coroutine of its own still waiting.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_searches_over_dask_find_what_they_find_alone():
    X, truth = make_blobs(120, 3, centers=6, random_state=0)
    hidden = HiddenClassSearchCV(
        NCDKMeans(2, n_init=2), {"seeding_power": [1, 2]}, n_splits=2, random_state=0
    )
    whole = GridSearchCV(
        KMeans(random_state=0),
        {"n_clusters": [3, 6]},
        cv=WholeData(),
        scoring=get_unsupervised_scorer("silhouette"),
    )
    y = np.where(truth < 4, truth, -1)
    alone = [clone(search).fit(X, y).cv_results_ for search in (hidden, whole)]
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        searches = [clone(search).set_params(n_jobs=2) for search in (hidden, whole)]
        spread = [search.fit(X, y).cv_results_ for search in searches]
    for one, other in zip(alone, spread, strict=True):
        np.testing.assert_array_equal(one["mean_test_score"], other["mean_test_score"])
