"""Scores of edge lengths: worked examples, invariances, degenerate tables."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.cluster.hierarchy import linkage
from sklearn.datasets import make_blobs

from skdeepcluster.metrics import class_separability
from skdeepcluster.metrics._separability import _KINDS


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([8, 2, 1, 1, 1], (1.0490909, 0.2676605, 0.675, 0.875)),
        ([1, 1, 1, 1, 1], (0, 0, 0, 0)),
        ([5, 0, 0], (2**0.5, 1, 2 / 3, 1)),
        ([0, 0, 0], (0, 0, 0, 0)),
    ],
)
def test_worked_examples(lengths, expected):
    lengths = np.array(lengths, dtype=float)
    found = [_KINDS[kind](lengths) for kind in ("variation", "entropy")]
    found += [_KINDS[kind](lengths) for kind in ("mean", "median")]
    assert_allclose(found, expected, atol=1e-7)


def groups(std=1.0, n_samples=120):
    return make_blobs(n_samples, 6, centers=4, cluster_std=std, random_state=0)[0]


def test_lengths_are_the_heights_of_single_linkage():
    X = groups() - groups().mean(axis=0)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    found = class_separability(groups(), n_null=0).lengths
    assert_allclose(found[::-1], linkage(X, "single")[:, 2], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", list(_KINDS))
def test_rotation_offset_scale_and_row_order_do_not_matter(kind):
    X = groups()
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]

    def score(rows):
        return class_separability(rows, kind=kind, n_null=0).score

    for other in (X @ rotation + 50, X * 2.0**400, X * 1e-150, rng.permutation(X)):
        assert score(other) == pytest.approx(score(X), rel=1e-6)


@pytest.mark.parametrize("kind", list(_KINDS))
def test_tighter_groups_score_higher(kind):
    scores = [
        class_separability(groups(std), kind=kind, random_state=0)
        for std in (8.0, 2.0, 0.5)
    ]
    assert scores[0].score < scores[1].score < scores[2].score
    assert abs(scores[0].z) < 3 < scores[2].z


def test_same_seed_same_draws_and_a_standard_error():
    X = groups(n_samples=400)
    found = [
        class_separability(X, max_samples=100, random_state=seed) for seed in (0, 0, 1)
    ]
    assert found[0].score == found[1].score != found[2].score
    assert found[0].z == found[1].z
    assert found[0].standard_error > 0
    assert len(found[0].lengths) == 99
    assert class_separability(X, max_samples=400, n_null=0).standard_error == 0


def test_degenerate_tables_have_no_structure():
    same = class_separability(np.full((10, 3), 1e300))
    assert (same.score, same.z) == (0, 0)
    # Shuffling a single column changes nothing.
    assert class_separability(np.arange(9.0).reshape(-1, 1)).z == 0
    assert np.isnan(class_separability(groups(), n_null=0).z)


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match="kind='best' is not one of variation"):
        class_separability(groups(), kind="best")
    with pytest.raises(ValueError, match="minimum of 3 is required"):
        class_separability(groups()[:2])
