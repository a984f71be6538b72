"""Accuracy after matching, against every permutation that there is."""

from itertools import permutations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

import skdeepcluster.metrics
from skdeepcluster.metrics import clustering_accuracy, discovery_accuracy, match_labels

labels = st.integers(0, 3)
labelings = st.lists(st.tuples(labels, labels), min_size=1, max_size=25).map(
    lambda pairs: tuple(np.array(column) for column in zip(*pairs, strict=True))
)
seeds = st.integers(0, 2**32 - 1)

NAMES = {
    "int": np.array([7, -2, 10**12, 0]),
    "float": np.array([0.5, -1.0, 3.0, np.inf]),
    "bool": np.array([False, True, False, True]),
    "str": np.array(["b", "a", "", "ab"]),
    "object": np.array([1, "1", 2.5, "novel_0"], dtype=object),
}


def right_under_every_matching(y_true, y_pred):
    """Rows that are right, for each one-to-one renaming of 4 labels."""
    return [np.array(names)[y_pred] == y_true for names in permutations(range(4))]


@given(labelings)
def test_accuracy_is_the_best_over_all_permutations(labeling):
    best = max(right.mean() for right in right_under_every_matching(*labeling))

    assert clustering_accuracy(*labeling) == pytest.approx(best)


@given(labelings, st.sets(labels))
def test_discovery_accuracy_splits_one_best_matching(labeling, known_classes):
    y_true, y_pred = labeling
    known = np.isin(y_true, list(known_classes))
    every = right_under_every_matching(y_true, y_pred)
    n_best = max(right.sum() for right in every)

    accuracy = discovery_accuracy(y_true, y_pred, list(known_classes))

    n_known_right = round(accuracy.known * known.sum()) if known.any() else 0
    n_novel_right = round(accuracy.novel * (~known).sum()) if (~known).any() else 0
    assert accuracy.all == clustering_accuracy(y_true, y_pred)
    assert (n_known_right, n_novel_right) in {
        (right[known].sum(), right[~known].sum())
        for right in every
        if right.sum() == n_best
    }
    assert np.isnan(accuracy.known) == (not known.any())
    assert np.isnan(accuracy.novel) == known.all()


@given(labelings)
def test_match_labels_gives_the_accuracy_one_to_one(labeling):
    y_true, y_pred = labeling

    matching = match_labels(y_true, y_pred)

    assert len(set(matching.values())) == len(matching)
    for predicted, true in matching.items():
        assert np.any((y_pred == predicted) & (y_true == true))
    renamed = [matching.get(label, -1) for label in y_pred]
    assert accuracy_score(y_true, renamed) == clustering_accuracy(y_true, y_pred)


@given(labelings, seeds)
def test_neither_names_nor_order_matter(labeling, seed):
    y_true, y_pred = labeling
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y_true))
    expected = clustering_accuracy(y_true, y_pred)

    assert clustering_accuracy(y_pred, y_true) == expected
    assert clustering_accuracy(y_true[order], y_pred[order]) == expected
    assert clustering_accuracy(y_true, rng.permutation(4)[y_pred]) == expected
    assert clustering_accuracy(rng.permutation(4)[y_true], y_pred) == expected


@given(labelings, st.sampled_from(["str", "object"]), seeds)
def test_equal_matchings_are_not_decided_by_the_order_of_rows(labeling, kind, seed):
    y_true, y_pred = (NAMES[kind][y] for y in labeling)
    order = np.random.default_rng(seed).permutation(len(y_true))
    known_classes = NAMES[kind][:2]

    accuracy = discovery_accuracy(y_true, y_pred, known_classes)
    reordered = discovery_accuracy(y_true[order], y_pred[order], known_classes)

    np.testing.assert_equal(dict(accuracy), dict(reordered))


@pytest.mark.parametrize(
    ("y_pred", "expected"),
    [
        ([0, 0, 0, 0, 0, 0], 3 / 6),
        ([0, 0, 0, 1, 1, 1], 5 / 6),
        ([0, 1, 2, 3, 4, 5], 3 / 6),
        ([0, 0, 3, 1, 1, 2], 5 / 6),
        ([2, 2, 2, 0, 0, 1], 1.0),
    ],
)
def test_numbers_of_labels_may_differ(y_pred, expected):
    assert clustering_accuracy([0, 0, 0, 1, 1, 2], y_pred) == expected


def test_a_cluster_of_a_known_class_counts_for_one_class_only():
    y_true = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    y_pred = np.array([0, 0, 0, 1, 0, 1, 1, 1])

    accuracy = discovery_accuracy(y_true, y_pred, known_classes=[0, 1])

    # Cluster 1 goes to class 2, although its name is that of a known class.
    assert dict(accuracy) == {"all": 6 / 8, "known": 3 / 5, "novel": 1.0}


@pytest.mark.parametrize("pred_kind", NAMES)
@pytest.mark.parametrize("true_kind", NAMES)
@pytest.mark.parametrize(
    "container", [np.asarray, list, pd.Series, pd.Categorical, pl.Series]
)
def test_labels_of_every_type(container, true_kind, pred_kind):
    codes = np.array([0, 0, 0, 1, 1, 2, 3, 3])
    pred_codes = np.array([0, 0, 1, 1, 1, 2, 2, 3])
    true_names, pred_names = NAMES[true_kind], NAMES[pred_kind]
    if container is pl.Series and "object" in (true_kind, pred_kind):
        container = pd.Series  # polars has no columns of mixed types
    y_true, y_pred = container(true_names[codes]), container(pred_names[pred_codes])
    # Two codes of a bool are the same label.
    true_numbers = codes % 2 if true_kind == "bool" else codes
    pred_numbers = pred_codes % 2 if pred_kind == "bool" else pred_codes

    accuracy = discovery_accuracy(y_true, y_pred, container(true_names[:1]))
    matching = match_labels(y_true, y_pred)

    expected = discovery_accuracy(true_numbers, pred_numbers, [0])
    assert accuracy.all == clustering_accuracy(y_true, y_pred) == expected.all
    assert accuracy.known == expected.known
    assert set(matching) <= set(pred_names.tolist())
    assert set(matching.values()) <= set(true_names.tolist())


def test_a_list_keeps_the_types_of_its_labels():
    assert match_labels([1, "1", 1], ["a", "b", "a"]) == {"a": 1, "b": "1"}
    assert clustering_accuracy([1, "1"], [0, 0]) == 0.5


@pytest.mark.parametrize("dtype", ["M8[D]", "M8[us]", "M8[ns]", "m8[D]", "m8[ns]"])
def test_times_are_labels(dtype):
    first, second = np.array([1, 2]).astype(dtype)
    y = np.array([first, first, second])

    matching = match_labels(y, y[[0, 2, 2]])

    assert matching == {first: first, second: second}
    assert {label.dtype for label in matching} == {np.dtype(dtype)}
    assert match_labels(pd.Series(y), [0, 0, 1]) == {0: first, 1: second}
    assert discovery_accuracy(y, y[[0, 2, 2]], y[:1]).known == 0.5
    with pytest.raises(ValueError, match="y_pred has missing values"):
        match_labels([0, 1], np.array([1, "NaT"], dtype))


def test_known_classes_that_do_not_occur_and_none_at_all():
    accuracy = discovery_accuracy(["a", "b"], [0, 1], known_classes=["c", 3])
    assert np.isnan(accuracy.known)
    assert accuracy.novel == 1

    accuracy = discovery_accuracy(["a", "b"], [0, 1], known_classes=[])
    assert np.isnan(accuracy.known)
    assert accuracy.all == accuracy.novel == 1


@pytest.mark.parametrize("metric", [clustering_accuracy, match_labels])
@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([0, 1, 1], [0, 1], "y_true and y_pred must have the same length, got 3 and 2"),
        ([[0], [1]], [0, 1], r"y_true must be 1-dimensional, got shape \(2, 1\)"),
        ([0, 1], 0, r"y_pred must be 1-dimensional, got shape \(\)"),
        ([], [], "y_true and y_pred are empty"),
        ([0.0, np.nan], [0, 1], "y_true has missing values"),
        ([0, 1], ["a", None], "y_pred has missing values"),
        ([0, 1], ["a", np.nan], "y_pred has missing values"),
        ([0, 1], pd.Series([1, pd.NA], dtype="Int64"), "y_pred has missing values"),
        ([0, 1], pd.Series(["a", None]), "y_pred has missing values"),
    ],
)
def test_bad_labels_are_named(metric, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_pred)


def test_bad_known_classes_are_named():
    with pytest.raises(ValueError, match="known_classes must be 1-dimensional"):
        discovery_accuracy([0, 1], [0, 1], known_classes=0)


def test_the_room_lists_what_it_offers():
    assert set(skdeepcluster.metrics.__all__) <= set(dir(skdeepcluster.metrics))
    for name in skdeepcluster.metrics.__all__:
        assert callable(getattr(skdeepcluster.metrics, name))
    with pytest.raises(AttributeError, match="no attribute 'accuracy'"):
        skdeepcluster.metrics.accuracy  # noqa: B018
