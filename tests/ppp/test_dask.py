"""The recipe for tables on several machines, with Dask."""

import os

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster
from mixed_tables import frame
from numpy.testing import assert_array_equal

from skdeepcluster import TableEncoder
from skdeepcluster.ppp import PPP
from skdeepcluster.streaming import merge_all


@pytest.fixture
def client():
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


# Dask closes its event loop with a coroutine of its own still waiting.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_summaries_of_chunks_merge_on_two_workers(client):
    rng = np.random.default_rng(0)
    corners = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    X = corners[np.arange(2000) % 4] + rng.standard_normal((2000, 2))
    chunks = np.array_split(X, 8)

    seen = [dask.delayed(PPP().partial_fit)(chunk) for chunk in chunks]
    model = merge_all(dask.compute(*seen)).frozen()
    labels = np.concatenate(
        dask.compute(*[dask.delayed(model.predict)(chunk) for chunk in chunks])
    )

    whole = PPP().fit(X)
    assert whole.n_clusters_ == 4
    assert_array_equal(labels, whole.labels_)
    # A tree of merges on the workers, of parts in another order, is the same.
    halves = [dask.delayed(merge_all)(seen[k::2]) for k in (1, 0)]
    (merged,) = dask.compute(dask.delayed(merge_all)(halves))
    assert_array_equal(merged.predict(X), labels)
    assert_array_equal(merged.cluster_centers_, whole.cluster_centers_)
    assert len(client.scheduler_info()["workers"]) == 2


def summary_of_a_mortal(table, path):
    """Summaries of some rows, by a worker that dies the first time that it is asked."""
    if not path.exists():
        path.touch()
        os._exit(1)
    return TableEncoder().partial_fit(table)


# Dask closes its event loop with a coroutine of its own still waiting.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_worker_that_dies_changes_nothing(client, tmp_path):
    table, _ = frame(0, n=400)
    chunks = [table[k::4] for k in range(4)]
    futures = [
        client.submit(summary_of_a_mortal, chunk, tmp_path / "died", pure=False)
        for chunk in chunks
    ]
    encoder = merge_all(client.gather(futures))
    assert (tmp_path / "died").exists()
    expected = TableEncoder().partial_fit(table).transform(table)
    assert_array_equal(encoder.transform(table), expected)
