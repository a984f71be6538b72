"""DBCV, against a slow reading of its definitions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs, make_moons

from skdeepcluster.metrics import _density, dbcv_score


def slow_dbcv(X, labels):
    """Definitions 1 to 8, for clusters whose trees have inner edges."""
    inside, score = {}, 0.0
    for name in set(labels.tolist()) - {-1}:
        rows = X[labels == name]
        distances = cdist(rows, rows)
        with np.errstate(divide="ignore"):
            powers = (1 / distances) ** X.shape[1]
        np.fill_diagonal(powers, 0)
        cores = (powers.sum(axis=1) / (len(rows) - 1)) ** (-1 / X.shape[1])
        reach = np.maximum(distances, np.maximum.outer(cores, cores))
        edges, connected = [], {0}
        while len(connected) < len(rows):
            pairs = [(i, j) for i in connected for j in range(len(rows))]
            pairs = [pair for pair in pairs if pair[1] not in connected]
            # Of equal edges the one between nearer rows, as the kernel does.
            edges.append(min(pairs, key=lambda pair: (reach[pair], distances[pair])))
            connected.add(edges[-1][1])
        degree = np.bincount(np.ravel(edges), minlength=len(rows))
        inner = [edge for edge in edges if min(degree[list(edge)]) > 1]
        sparseness = max(reach[edge] for edge in inner)
        inside[name] = rows[degree > 1], cores[degree > 1], sparseness, len(rows)
    for name, (rows, cores, sparseness, size) in inside.items():
        separation = min(
            np.maximum(cdist(rows, others), np.maximum.outer(cores, theirs)).min()
            for other, (others, theirs, _, _) in inside.items()
            if other != name
        )
        score += size / len(X) * (separation - sparseness) / max(separation, sparseness)
    return score


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_slow_reference(n_features):
    X, labels = make_blobs(90, n_features, centers=3, random_state=1)
    labels[::10] = -1
    assert_allclose(dbcv_score(X, labels), slow_dbcv(X, labels), rtol=1e-10)


@pytest.mark.parametrize("n_rows", [1, 7, 30, 90])
def test_rows_are_taken_in_chunks_of_any_length(n_rows, monkeypatch):
    X, labels = make_blobs(90, 2, centers=3, cluster_std=3, random_state=1)
    whole = dbcv_score(X, labels)
    monkeypatch.setattr(_density, "CHUNK_ROWS", n_rows)
    assert_allclose(dbcv_score(X, labels), whole, rtol=1e-12)


def test_moons_and_their_noise():
    X, moon = make_moons(300, noise=0.02, random_state=0)
    score = dbcv_score(X, moon)
    assert score > 0.3 > 0 > dbcv_score(X, (X[:, 0] > 0.5).astype(int))
    # Rows that are called noise take their share from the score.
    assert dbcv_score(X, np.where(np.arange(300) % 2, moon, -1)) < score
    # Many columns: distances to that power leave the range of numbers.
    wide = np.hstack([X, np.zeros((300, 2000))])
    assert -1 <= dbcv_score(wide, moon) <= 1


def test_scale_order_and_names_do_not_matter():
    X, labels = make_blobs(60, 3, random_state=0)
    score = dbcv_score(X, labels)
    order = np.random.default_rng(0).permutation(60)
    for factor in (1e-150, 2.0**900):
        assert dbcv_score(X * factor, labels) == pytest.approx(score)
    assert dbcv_score(X[order], 7 - labels[order]) == pytest.approx(score)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.zeros(20), -1),
        (np.full(20, -1), -1),
        (np.arange(20), 0),
        (np.where(np.arange(20) < 5, 0, -1), -1),
    ],
    ids=["one cluster", "noise", "singletons", "one cluster and noise"],
)
def test_degenerate_partitions(labels, expected):
    X = np.random.default_rng(0).normal(size=(20, 2))
    assert dbcv_score(X, labels.astype(int)) == expected


def test_equal_rows():
    assert dbcv_score(np.zeros((8, 2)), np.repeat([0, 1], 4)) == 0
    X = np.repeat([[0.0], [1.0]], 4, axis=0)
    assert dbcv_score(X, np.repeat([0, 1], 4)) == 1
    assert dbcv_score(X, np.tile([0, 1], 4)) == -1


def test_errors_say_what_is_wrong():
    X = np.zeros((3, 1))
    with pytest.raises(ValueError, match="labels must be integers, got float64"):
        dbcv_score(X, [0.5, 1, 2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        dbcv_score(X, [0, 1])


def test_pairs_by_hand():
    """Two rows are the inside of their cluster, and their distance its sparseness."""
    X, labels = np.array([[0.0], [1.0], [10.0], [11.0]]), [0, 0, 1, 1]
    assert dbcv_score(X, labels) == pytest.approx((9 - 1) / 9)
    # A row alone counts as nothing.
    assert dbcv_score(X[:3], labels[:3]) == pytest.approx((9 - 1) / 9 * 2 / 3)
