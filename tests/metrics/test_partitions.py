"""Partitions under common names, their vote, and agreement with raters."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from skdeepcluster.metrics import align_labels, rater_agreement
from skdeepcluster.metrics._partitions import most_central

RATERS = [[0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1]]


def partitions(n_rows=12):
    labels = st.lists(st.integers(-1, 3), min_size=n_rows, max_size=n_rows)
    return st.lists(labels, min_size=1, max_size=4)


def test_equal_up_to_renaming_agree_everywhere():
    found = align_labels([[0, 0, 1, 2], [2, 2, 0, 1], ["c", "c", "a", "b"]])
    assert (found.agreement == 1).all()
    assert (found.aligned == found.labels).all()
    assert found.names == [0, 1, 2]


def test_three_partitions_by_hand():
    found = align_labels(
        [[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]], reference=[0, 0, 1, 1]
    )
    assert found.aligned.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1]]
    assert (found.agreement == 1).tolist() == [True, False, False, True]
    assert (found.agreement >= 2 / 3).all()


def test_surplus_clusters_and_noise_never_agree():
    found = align_labels([[0, 0, 1, 1, 1], [0, 0, 1, 1, 2], [0, -1, 1, 1, -1]])
    assert found.aligned.tolist() == [
        [0, 0, 1, 1, 1],
        [0, 0, 1, 1, -1],
        [0, -1, 1, 1, -1],
    ]
    np.testing.assert_allclose(found.agreement, [1, 2 / 3, 1, 1, 1 / 3])
    nobody = align_labels([[-1, 0], [-1, 0]])
    assert nobody.labels.tolist() == [-1, 0]
    assert nobody.agreement.tolist() == [0, 1]
    assert align_labels([[-1, -1]]).labels.tolist() == [-1, -1]


def test_weights_decide():
    two = [[0, 0, 1, 1], [0, 1, 1, 1]]
    assert align_labels(two, weights=[2, 1]).labels.tolist() == two[0]
    assert align_labels(two, weights=[1, 2]).labels.tolist() == two[1]
    # Unanimity is 1 whatever the weights round to.
    assert align_labels([[0, 1]] * 7, weights=[0.1] * 7).agreement.tolist() == [1, 1]


@given(partitions())
def test_vote_agrees_no_less_than_the_reference(given_labels):
    found = align_labels(given_labels)
    for reference in given_labels[:1]:
        once = align_labels(given_labels, reference=found.labels)
        assert once.agreement.sum() >= found.agreement.sum() - 1e-9
        assert len(reference) == len(found.labels)
    for own, aligned in zip(given_labels, found.aligned, strict=True):
        pairs = {(a, b) for a, b in zip(own, aligned, strict=True) if b >= 0}
        # A one-to-one renaming, and noise stays noise.
        assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
        assert all(a >= 0 for a, _ in pairs)


def test_rater_agreement_by_hand():
    labels = [0, 0, 0, 1, 1, 2]
    assert rater_agreement(labels, RATERS[:1]) == pytest.approx(0.318182, abs=1e-6)
    # .755556, .557037 and .8 are the observed, expected and largest agreement.
    value = (0.7555556 - 0.5570370) / (0.8 - 0.5570370)
    assert rater_agreement(labels, RATERS) == pytest.approx(value, abs=1e-6)
    assert value == pytest.approx(0.817073, abs=1e-6)


@given(partitions())
def test_rater_agreement_is_its_definition(given_labels):
    own, raters = given_labels[0], given_labels
    x, p = [], []
    for i, j in combinations(range(len(own)), 2):
        said = [r[i] == r[j] for r in raters if min(r[i], r[j]) >= 0]
        if said and min(own[i], own[j]) >= 0:
            x.append(own[i] == own[j])
            p.append(np.mean(said))
    if not x:
        assert rater_agreement(own, raters) == 1
        return
    x, p = np.array(x), np.array(p)
    observed = np.mean(x * p + (1 - x) * (1 - p))
    expected = x.mean() * p.mean() + (1 - x.mean()) * (1 - p.mean())
    largest = np.mean(np.maximum(p, 1 - p))
    if largest - expected > 1e-9:
        value = (observed - expected) / (largest - expected)
        assert rater_agreement(own, raters) == pytest.approx(value, abs=1e-9)
    clean = [[abs(label) for label in labels] for labels in (own, raters[-1])]
    assert rater_agreement(clean[0], clean[1:]) == pytest.approx(
        adjusted_rand_score(*clean), abs=1e-9
    )


def test_many_rows_are_drawn_with_a_seed():
    rng = np.random.default_rng(0)
    labels, other = rng.integers(0, 3, (2, 500))
    raters = [np.where(rng.random(500) < 0.8, labels, other)]
    first, second, third = (
        rater_agreement(labels, raters, max_samples=100, random_state=seed)
        for seed in (0, 0, 1)
    )
    assert first == second != third
    assert first == pytest.approx(rater_agreement(labels, raters), abs=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: align_labels([]), "partitions is empty"),
        (lambda: align_labels([[0, 1], [0]]), r"the same rows, got \[2, 1\]"),
        (lambda: align_labels([[]]), "nothing to compare"),
        (lambda: align_labels([[0, None]]), r"partitions\[0\] has missing"),
        (lambda: align_labels([[0, 1]], weights=[1, 2]), "one weight for each"),
        (lambda: align_labels([[0, 1]], weights=[0]), "positive and finite"),
        (lambda: rater_agreement([0, 1], []), "raters is empty"),
        (lambda: rater_agreement([0, 1], [[0, 1, 1]]), "the same rows"),
    ],
)
def test_clear_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_partition_of_noise_is_nobodys_reference():
    codes = [np.array(c) for c in ([-1, -1, -1], [0, 0, 1], [0, 1, 1])]
    assert most_central(codes[:2]) == 1
    assert most_central(codes[:1]) == 0


def test_drawn_rows_are_drawn_once():
    """All but one of the rows say nearly what all of them say."""
    rng = np.random.default_rng(0)
    labels, other = rng.integers(0, 3, (2, 300))
    raters = [np.where(rng.random(300) < 0.7, labels, other)]
    every = rater_agreement(labels, raters)
    for seed in range(4):
        drawn = rater_agreement(labels, raters, max_samples=299, random_state=seed)
        assert drawn == pytest.approx(every, abs=0.008)
