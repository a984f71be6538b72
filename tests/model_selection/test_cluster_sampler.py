"""Rows chosen from the clusters of a table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs

from skdeepcluster import PPP, ClusterSampler
from skdeepcluster.model_selection._sampling_parts import quotas

PARTITIONS = ["kmeans", "progressive", "tree", PPP()]
KINDS = ["medoids", "random", "centroids"]


@pytest.fixture(scope="module")
def groups_of_rows():
    centers = [[0, 0], [30, 0], [0, 30]]
    return make_blobs([60, 30, 10], centers=centers, random_state=0)


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [(1, (0.740741, 1.296296, 1.666667)), (5, (0.088571, 1.453717, 5.107426))],
)
def test_likelihood_weights_by_hand(groups_of_rows, gamma, expected):
    X, y = groups_of_rows
    sampler = ClusterSampler(
        12, weights="likelihood", gamma=gamma, n_clusters=3, random_state=0
    ).fit(X)
    np.testing.assert_allclose(sampler.cluster_likelihood_, [0.6, 0.3, 0.1])
    for name, weight in enumerate(expected):
        assert sampler.sample_weight_[y == name] == pytest.approx(weight, abs=1e-6)


@pytest.mark.parametrize("weights", ["balanced", "proportional", "likelihood"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("partition", PARTITIONS, ids=str)
def test_what_holds_for_every_way(groups_of_rows, partition, kind, weights):
    X, _ = groups_of_rows
    sampler = ClusterSampler(
        20, partition=partition, kind=kind, weights=weights, random_state=0
    ).fit(X)
    chosen = sampler.sample_indices_
    assert len(set(chosen.tolist())) == len(chosen) == 20
    assert sampler.sample_weight_.mean() == pytest.approx(1)
    assert sampler.sample_sizes_.sum() == pytest.approx(len(X))
    assert (
        np.bincount(sampler.labels_).tolist()
        == (sampler.cluster_likelihood_ * len(X)).round().tolist()
    )
    assert (np.diff(sampler.cluster_likelihood_) <= 0).all()
    assert (np.diff(sampler.labels_[chosen]) >= 0).all()


def test_quotas_by_hand():
    sizes = np.array([60, 30, 10])
    assert quotas(np.ones(3), sizes, 10, 1).tolist() == [4, 3, 3]
    assert quotas(sizes / 100, sizes, 10, 1).tolist() == [6, 3, 1]
    # No part gives more than it has, and the others make up for it.
    assert quotas(np.ones(3), np.array([9, 2, 1]), 9, 1).tolist() == [6, 2, 1]
    # Where there are fewer rows than parts, the largest parts have one.
    assert quotas(np.ones(3), sizes, 2, 1).tolist() == [1, 1, 0]
    assert quotas(np.array([0.99, 0.01]), sizes[:2], 5, 0).tolist() == [5, 0]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(1, 40),
    st.integers(0, 3),
)
def test_quotas_sum_up(capacities, n_samples, least):
    capacities = np.array(sorted(capacities, reverse=True))
    given_rows = quotas(capacities / capacities.sum(), capacities, n_samples, least)
    assert given_rows.sum() == min(n_samples, capacities.sum())
    assert (given_rows <= capacities).all()


def test_all_rows_once_where_there_are_no_more():
    X = load_iris().data
    for n_samples in (150, 1000):
        sampler = ClusterSampler(n_samples).fit(X)
        assert sampler.sample_indices_.tolist() == list(range(150))
        assert (sampler.sample_weight_ == 1).all()


def test_duplicates_are_chosen_once():
    X = np.repeat(load_iris().data[::15], 20, axis=0)
    for kind in KINDS:
        few, _ = ClusterSampler(50, kind=kind, random_state=0).fit_resample(X)
        assert len(few) == len(np.unique(few, axis=0)) == 10


def test_medoids_are_the_rows_nearest_the_means(groups_of_rows):
    X, y = groups_of_rows
    sampler = ClusterSampler(3, random_state=0).fit(X)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    for name, row in enumerate(sampler.sample_indices_):
        away = np.linalg.norm(Z[y == name] - Z[y == name].mean(axis=0), axis=1)
        assert row == np.flatnonzero(y == name)[away.argmin()]
    np.testing.assert_allclose(sampler.sample_sizes_, [60, 30, 10])
    centroids, _ = ClusterSampler(3, kind="centroids", random_state=0).fit_resample(X)
    means = [X[y == name].mean(axis=0) for name in range(3)]
    np.testing.assert_allclose(centroids, means)


def test_tree_leaves_partition_the_rows_and_say_how():
    X, _ = load_iris(return_X_y=True, as_frame=True)
    X.columns = list("abcd")
    sampler = ClusterSampler(40, partition="tree", random_state=0).fit(X)
    assert sampler.n_clusters_ == len(sampler.rules_) == 10
    holds = np.array([X.eval(rule).to_numpy() for rule in sampler.rules_])
    np.testing.assert_array_equal(holds.sum(axis=0), 1)
    np.testing.assert_array_equal(holds.argmax(axis=0), sampler.labels_)


def test_progressive_cuts_stop_at_rows_that_point_one_way():
    rng = np.random.default_rng(0)
    rays = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]) * 10
    X = np.repeat(rays, 25, axis=0) + rng.normal(size=(100, 2)) * 0.5
    sampler = ClusterSampler(20, partition="progressive", random_state=0).fit(X)
    assert sampler.n_clusters_ == 4


def test_every_group_is_chosen_from():
    X = load_iris().data
    groups = np.array(["many"] * 100 + ["some"] * 48 + ["few"] * 2)
    _, names = ClusterSampler(15, random_state=0).fit_resample(X, groups, groups=groups)
    counts = dict(zip(*np.unique(names, return_counts=True), strict=True))
    assert counts == {"many": 10, "some": 5, "few": 1}
    sampler = ClusterSampler(15, random_state=0).fit(X, groups=groups)
    assert all(
        len(set(groups[sampler.labels_ == c])) == 1 for c in range(sampler.n_clusters_)
    )


def test_order_of_the_rows_does_not_matter():
    X = load_iris().data
    order = np.random.default_rng(0).permutation(len(X))
    for partition in PARTITIONS:
        first, second = (
            ClusterSampler(20, partition=partition, random_state=0).fit_resample(rows)[
                0
            ]
            for rows in (X, X[order])
        )
        np.testing.assert_array_equal(first, second)


def test_types_come_back():
    X, y = load_iris(return_X_y=True, as_frame=True)
    few, species = ClusterSampler(9, random_state=0).fit_resample(X, y)
    assert isinstance(few, pd.DataFrame)
    assert few.index.equals(species.index)
    single = X.to_numpy(np.float32)
    for kind in KINDS:
        few, none = ClusterSampler(9, kind=kind, random_state=0).fit_resample(single)
        assert few.dtype == np.float32
        assert none is None


@pytest.mark.parametrize("scale", [2.0**-990, 2.0**990])
@pytest.mark.parametrize("partition", PARTITIONS, ids=str)
def test_units_do_not_matter(partition, scale):
    X = load_iris().data / 10
    first, second = (
        ClusterSampler(12, partition=partition, random_state=0).fit(rows)
        for rows in (X, X * scale)
    )
    np.testing.assert_array_equal(first.sample_indices_, second.sample_indices_)
    assert np.isfinite(second._centers).all()


def test_clear_errors():
    X = load_iris().data
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ClusterSampler().fit_resample(X, [1, 2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ClusterSampler().fit(X, groups=[1, 2])
    with pytest.raises(ValueError, match="partition could not be fitted: ValueError"):
        ClusterSampler(10, partition=KMeans(1000)).fit(X)
