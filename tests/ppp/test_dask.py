"""The recipe for tables on several machines, with Dask."""

from functools import reduce

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster
from numpy.testing import assert_array_equal

from skdeepcluster.ppp import PPP


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
    model = reduce(PPP.merge, dask.compute(*seen))
    labels = np.concatenate(
        dask.compute(*[dask.delayed(model.predict)(chunk) for chunk in chunks])
    )

    whole = PPP().fit(X)
    assert whole.n_clusters_ == 4
    assert_array_equal(labels, whole.labels_)
    assert len(client.scheduler_info()["workers"]) == 2
