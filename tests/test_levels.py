"""Levels: clusters joined by average linkage of their means."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from skdeepcluster._levels import joined_clusters, joining_distances

CENTERS = np.random.default_rng(0).normal(size=(9, 3))


def slow_levels(centers):
    """Groups of clusters at each number, and the distance of each merge."""
    groups = [[i] for i in range(len(centers))]
    between = cdist(centers, centers)
    found, distances = {len(groups): groups}, [0.0]
    while len(groups) > 1:
        pairs = [(a, b) for a in range(len(groups)) for b in range(a)]
        means = [between[np.ix_(groups[a], groups[b])].mean() for a, b in pairs]
        a, b = pairs[int(np.argmin(means))]
        joined = groups[a] + groups[b]
        groups = [g for i, g in enumerate(groups) if i not in (a, b)] + [joined]
        found[len(groups)] = groups
        distances.insert(0, min(means))
    return found, distances


def test_levels_are_those_of_a_slow_average_linkage():
    found, distances = slow_levels(CENTERS)
    assert_allclose(joining_distances(CENTERS), distances)
    for n_clusters, groups in found.items():
        joined = joined_clusters(CENTERS, n_clusters)
        assert len(np.unique(joined)) == n_clusters
        assert all(len(np.unique(joined[group])) == 1 for group in groups)


@pytest.mark.parametrize("n_equal", [1, 2, 4])
def test_equal_centers_are_joined_first(n_equal):
    centers = np.concatenate([np.zeros((n_equal, 2)), np.ones((1, 2))])
    joined = joined_clusters(centers, 2)
    assert len(np.unique(joined[:n_equal])) == 1


def test_one_cluster_has_one_level():
    assert_array_equal(joining_distances(CENTERS[:1]), [0])
    assert_array_equal(joined_clusters(CENTERS[:1], 1), [0])
