"""seed_labels: columns that stand for a class."""

import numpy as np
import pytest
from extras import pd
from scipy.sparse import csr_array

from skdeepcluster import TransductiveClassifier
from skdeepcluster.discovery import seed_labels


def blocks(n_rows=40, rate=3.0, noise=0.0):
    """Counts of two kinds of rows that have no column in common."""
    rng = np.random.default_rng(0)
    X = rng.poisson(np.kron(np.eye(2), np.full((n_rows, 6), rate)) + noise)
    return X.astype(float), np.repeat([0, 1], n_rows)


def test_one_word_labels_rows_of_disjoint_columns():
    X, y = blocks()
    for table in (X, csr_array(X)):
        seeds = seed_labels(table, {0: [2], 1: [9]}, share=0.5)
        labeled = seeds.labels >= 0
        assert labeled.sum() >= 36
        np.testing.assert_array_equal(seeds.labels[labeled], y[labeled])
        np.testing.assert_array_equal(seeds.scores.argmax(axis=1), y)
        assert np.all(np.abs(seeds.scores) <= 1 + 1e-12)


def test_names_of_columns_and_of_classes():
    X, y = blocks(noise=0.2)
    names = [f"word {j}" for j in range(12)]
    topics = {"sport": ["word 1", "word 2"], "politics": "word 8"}
    seeds = seed_labels(pd.DataFrame(X, columns=names), topics)
    assert seeds.topics == ["sport", "politics"]
    assert set(seeds.labels) == {"sport", "politics", None}
    again = seed_labels(X, topics, feature_names=names)
    np.testing.assert_array_equal(seeds.labels, again.labels)
    model = TransductiveClassifier().fit(X, seeds.labels)
    truth = np.array(["sport", "politics"])[y]
    assert (model.transduction_ == truth).mean() > 0.95


def test_same_seeds_again_whatever_the_units():
    X, _ = blocks(noise=0.5)
    plain = seed_labels(X, {0: [2], 1: [9]})
    np.testing.assert_array_equal(plain.scores, seed_labels(X, {0: [2], 1: [9]}).scores)
    scaled = seed_labels(X * 1024.0, {0: [2], 1: [9]})
    np.testing.assert_array_equal(plain.labels, scaled.labels)


def test_few_rows_and_columns():
    seeds = seed_labels([[1.0, 0.0], [0.0, 1.0]], {"a": [0], "b": [1]})
    assert seeds.labels.tolist() == ["a", "b"]


def test_topics_that_are_none():
    X, _ = blocks()
    with pytest.raises(ValueError, match="topic 'b' has no column of the table: 77"):
        seed_labels(X, {"a": [0], "b": [77]})
    with pytest.raises(ValueError, match=r"topic .b. has no column .* it is empty"):
        seed_labels(X, {"a": [0], "b": []})
    with pytest.raises(ValueError, match="topics has 1 entries"):
        seed_labels(X, {"a": [0]})
    with pytest.raises(ValueError, match="topic 'a' has the columns of another"):
        seed_labels(X, {"a": [0, 1], "b": [1, 0]})
    with pytest.warns(UserWarning, match=r"topic .a. names what is no column .* .x."):
        seed_labels(X, {"a": [0, "x"], "b": [7]})
    with pytest.raises(ValueError, match="feature_names has 2 names, but X has 12"):
        seed_labels(X, {"a": ["u"], "b": ["v"]}, feature_names=["u", "v"])
    with pytest.raises(ValueError, match="share=0 should be"):
        seed_labels(X, {"a": [0], "b": [7]}, share=0)
    with pytest.raises(ValueError, match="n_components=0"):
        seed_labels(X, {"a": [0], "b": [7]}, n_components=0)


def test_topic_that_no_row_is_nearest_to():
    X, _ = blocks()
    X = np.column_stack([X, np.zeros(len(X))])
    with pytest.warns(UserWarning, match="No row is nearest to the topic 'none'"):
        seeds = seed_labels(X, {"a": [0], "b": [7], "none": [12]})
    assert set(seeds.labels) == {"a", "b", None}
