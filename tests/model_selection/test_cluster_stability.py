"""How surely each cluster is found again."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP, AutoCluster, MixedMixture
from skdeepcluster.model_selection import cluster_stability
from skdeepcluster.model_selection._cluster_stability import (
    _skewed,
    _tables_without_groups,
    most_similar,
)


@pytest.fixture(scope="module")
def blobs():
    centers = [[0, 0, 0], [15, 0, 0], [0, 15, 0]]
    return make_blobs([80, 60, 40], centers=centers, random_state=0)[0]


def test_jaccard_by_hand():
    labels = np.array([0, 0, 0, 1, 1, -1])
    others = np.array([2, 2, 0, 0, 0, 2])
    jaccard, twins = most_similar(labels, others)
    # Two of {0, 1, 2} and {0, 1, 5}: 2 of 4; {3, 4} and {2, 3, 4}: 2 of 3.
    np.testing.assert_allclose(jaccard, [2 / 4, 2 / 3])
    assert twins.tolist() == [2, 0]
    nothing = most_similar(labels, np.full(6, -1))[0]
    assert nothing.tolist() == [0, 0]


@pytest.mark.parametrize(
    "model",
    [
        KMeans(3, n_init=5, random_state=0),
        PPP(),
        AgglomerativeClustering(3),
        make_pipeline(StandardScaler(), KMeans(3, n_init=5, random_state=0)),
        DBSCAN(3.0),
    ],
    ids=str,
)
def test_separate_groups_are_found_again(blobs, model):
    found = cluster_stability(model.fit(blobs), blobs)
    assert (found.stability > 0.95).all()
    assert (found.low <= found.stability).all()
    assert (found.stability <= found.high).all()
    assert found.jaccard.shape == (6, 3)
    assert found.row_stability.min() > 0.8
    assert (found.n_found == 3).all()


def test_split_of_a_group_is_not_found_again(blobs):
    model = KMeans(4, n_init=10, random_state=0).fit(blobs)
    found = cluster_stability(model, blobs)
    # Two of the four share a group of the table.
    assert np.sort(found.stability)[:2].max() < 0.6


def test_few_rows_say_nothing(blobs):
    X = np.vstack([blobs, np.full((3, 3), 200.0) + np.eye(3)])
    found = cluster_stability(KMeans(4, n_init=10, random_state=0).fit(X), X)
    assert np.isnan(found.stability).sum() == 1
    assert np.nanmin(found.stability) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_no_groups(seed):
    rng = np.random.default_rng(seed)
    tables = [
        rng.normal(size=(300, 2)) * [5, 1],
        rng.uniform(size=(300, 2)) * [3, 1],
        np.exp(rng.normal(size=(300, 5))),
    ]
    for X in tables:
        model = KMeans(2, n_init=5, random_state=0).fit(X)
        found = cluster_stability(model, X)
        # Cut across its length, a table is cut alike again and again: by chance.
        assert found.stability.max() < 0.6
        assert (found.chance <= 1).all()


def test_one_cluster_says_nothing():
    X = np.random.default_rng(0).normal(size=(100, 3))
    with pytest.warns(ConvergenceWarning, match="No evidence of more than one"):
        model = PPP().fit(X)
    found = cluster_stability(model, X)
    assert np.isnan(found.stability).all()
    assert found.row_stability.tolist() == [1] * 100


def test_same_seed_same_figures(blobs):
    model = KMeans(4, n_init=2, random_state=0).fit(blobs)
    first, second, third = (
        cluster_stability(model, blobs, random_state=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.jaccard, second.jaccard)
    np.testing.assert_array_equal(first.stability, second.stability)
    assert (first.jaccard != third.jaccard).any()


def test_units_do_not_matter(blobs):
    model = KMeans(4, n_init=2, random_state=0)
    first, second = (
        cluster_stability(clone.fit(rows), rows)
        for clone, rows in ((model, blobs), (model, blobs * 2.0**40))
    )
    np.testing.assert_allclose(first.stability, second.stability)


def test_many_rows_are_drawn(blobs):
    X = np.repeat(blobs, 3, axis=0) + np.random.default_rng(0).normal(size=(540, 3))
    found = cluster_stability(
        KMeans(3, n_init=3, random_state=0).fit(X), X, max_samples=100
    )
    assert len(found.row_stability) == 540
    assert (found.stability > 0.95).all()


def test_search_repeats_its_winner(blobs):
    model = AutoCluster(
        [KMeans(3, n_init=3), AgglomerativeClustering(2)], random_state=0
    ).fit(blobs)
    found = cluster_stability(model, blobs)
    assert (found.stability > 0.95).all()
    assert len(found.stability) == model.n_clusters_


def test_frame_of_words_and_gaps():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1], 100)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(200) < 0.1, np.nan, group * 9.0)
            + rng.normal(size=200),
            "kind": np.where(group, "x", "y"),
            "other": np.where(rng.random(200) < 0.9, group, 1 - group).astype(str),
        }
    )
    model = MixedMixture().fit(frame)
    found = cluster_stability(model, frame)
    assert model.n_clusters_ == 2
    assert (found.stability > 0.95).all()


def test_reference_has_the_spread_and_the_correlations():
    rng = np.random.default_rng(0)
    rows = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=2000)
    rows[:, 1] = np.exp(rows[:, 1])
    drawn = _skewed(rows, rng)
    assert np.corrcoef(drawn[:, 0], np.log(drawn[:, 1]))[0, 1] == pytest.approx(
        0.8, abs=0.1
    )
    for share in (0.05, 0.5, 0.95):
        there, here = (np.quantile(table, share, axis=0) for table in (rows, drawn))
        np.testing.assert_allclose(there, here, atol=0.25)
    frame = pd.DataFrame(rows, columns=["a", "b"])
    for table in _tables_without_groups(frame, rng):
        assert list(table.columns) == ["a", "b"]
        assert table.shape == frame.shape


def test_clear_errors(blobs):
    model = KMeans(2).fit(blobs)
    with pytest.raises(ValueError, match="nothing to draw"):
        cluster_stability(model, blobs, n_halves=0, n_bootstraps=0)
    with pytest.raises(ValueError, match="3 rows are too few"):
        cluster_stability(model, blobs[:3])
