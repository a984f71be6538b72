"""Rules describe the clusters they are written for."""

import numpy as np
import pytest
from extras import pd
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClusterMixin

from skdeepcluster.inspection import cluster_rules
from skdeepcluster.inspection.rules import _short


class Given(ClusterMixin, BaseEstimator):
    """Answers with labels that are given."""

    def __init__(self, labels):
        self.labels = labels

    def predict(self, X):
        return self.labels


def fulfilled(conditions, frame):
    """Evaluate the words of a rule, slowly."""
    rows = np.ones(len(frame), dtype=bool)
    if conditions == "all rows":
        return rows
    for condition in conditions.split(" and "):
        words = condition.split()
        if len(words) == 5:
            low, _, name, _, high = words
            rows &= (frame[name] > float(low)) & (frame[name] <= float(high))
        else:
            name, sign, bound = words
            below = frame[name] <= float(bound)
            rows &= below if sign == "<=" else ~below
    return rows


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_clusters=st.integers(1, 6),
    max_depth=st.integers(1, 4),
)
def test_numbers_of_a_rule_are_those_of_its_rows(seed, n_clusters, max_depth):
    rng = np.random.default_rng(seed)
    # Halves: no threshold of a tree is rounded in words of three digits.
    frame = pd.DataFrame(rng.integers(-40, 40, size=(50, 3)) / 2.0, columns=list("abc"))
    labels = rng.integers(n_clusters, size=50)
    rules = cluster_rules(Given(labels), frame, max_depth=max_depth, min_coverage=0)
    assert sum(rule.n_rows for rule in rules) == 50
    for rule in rules:
        rows = fulfilled(rule.conditions, frame)
        members = labels == rule.cluster
        assert rule.n_rows == rows.sum()
        assert rule.coverage == (rows & members).sum() / members.sum()
        assert rule.precision == (rows & members).sum() / rows.sum()
        assert rule.conditions.count(" and ") < max_depth


def test_text_and_frame():
    X = pd.DataFrame({"length": [1.0, 2.0, 3.0, 10.0, 11.0, 12.0], "width": [0.0] * 6})
    rules = cluster_rules(Given(np.array(["short"] * 3 + ["long"] * 3)), X)
    assert str(rules) == (
        "cluster long: length > 6.5  [100% of the cluster, 100% right]\n"
        "cluster short: length <= 6.5  [100% of the cluster, 100% right]"
    )
    frame = rules.to_frame()
    assert frame.to_dict("list") == {
        "cluster": ["long", "short"],
        "conditions": ["length > 6.5", "length <= 6.5"],
        "n_rows": [3, 3],
        "coverage": [1.0, 1.0],
        "precision": [1.0, 1.0],
    }


def test_flags_are_said_as_yes_or_no():
    X = pd.DataFrame({"smoker": [0.0, 1.0, 1.0, 0.0]})
    rules = cluster_rules(Given(np.array([0, 1, 1, 0])), X)
    assert [rule.conditions for rule in rules] == ["not smoker", "smoker"]


def test_small_rules_are_left_out_but_never_the_best():
    X = np.arange(100.0)[:, None]
    labels = np.zeros(100, dtype=int)
    labels[[10, 11, 50]] = 1
    rules = cluster_rules(Given(labels), X, max_depth=6, min_coverage=0.5)
    assert [rule.cluster for rule in rules] == [0, 1]
    assert rules[1].coverage == pytest.approx(2 / 3)


def test_one_cluster_and_huge_numbers():
    X = np.array([[1e300], [-1e300], [2e-300]])
    (rule,) = cluster_rules(Given(np.zeros(3, dtype=int)), X)
    assert rule.conditions == "all rows"
    assert (rule.coverage, rule.precision) == (1, 1)
    low, high = cluster_rules(Given(np.array([0, 1, 1])), X)
    assert low.conditions.startswith("feature 0 > ")
    assert high.conditions.startswith("feature 0 <= ")


def test_gaps_fulfil_no_condition():
    size = np.r_[np.full(20, 1.0), np.full(20, 9.0)]
    frame = pd.DataFrame({"size": size, "kind": np.repeat(["a", "b"], 20)})
    frame.loc[[0, 1, 39], "size"] = np.nan
    labels = np.repeat([0, 1], 20)
    small, large = cluster_rules(Given(labels), frame[["size"]])
    assert (small.conditions, small.n_rows, small.precision) == ("size <= 5", 18, 1)
    assert (large.n_rows, large.coverage) == (19, 0.95)
    frame.loc[0, "kind"] = None
    one, other = cluster_rules(Given(labels), frame[["kind"]])
    assert {one.conditions, other.conditions} <= {
        *("kind = a", "kind != a", "kind = b", "kind != b")
    }
    assert (one.n_rows, other.n_rows) == (19, 20)


def test_a_threshold_has_the_digits_that_it_needs():
    X = pd.DataFrame({"year": [2007.0] * 5 + [2008.0] * 5, "b": [0.12345, 0.12346] * 5})
    first, last = cluster_rules(Given(np.repeat([0, 1], 5)), X[["year"]])
    assert (first.conditions, last.conditions) == ("year <= 2,007.5", "year > 2,007.5")
    first, _ = cluster_rules(Given(np.tile([0, 1], 5)), X[["b"]])
    assert first.conditions == "b <= 0.123455"
    assert first.precision == 1


def test_the_best_rule_of_each_cluster():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(12), 25)
    X = pd.DataFrame({"a": labels % 4 * 10.0, "b": labels // 4 * 10.0})
    X += rng.normal(size=X.shape)
    rules = cluster_rules(Given(labels), X, max_depth=4, one_vs_rest=True)
    assert [rule.cluster for rule in rules] == list(range(12))
    for rule in rules:
        assert rule.n_rows == fulfilled(rule.conditions, X).sum()
        assert rule.coverage * rule.precision > 0.95


def test_all_is_all_and_none_is_none():
    labels = np.r_[np.zeros(1000, dtype=int), 1]
    X = np.r_[np.zeros(999), 1, 1][:, None]
    (rule, *_) = cluster_rules(Given(labels), X)
    assert str(rule).endswith("[>99% of the cluster, 100% right]")


def test_a_threshold_beside_a_value_is_written_shortly():
    """The computer's float32 may put it just below a value that it must exclude."""
    values = np.array([0.1495, 0.15, 0.1505, np.nan])
    text, threshold = _short(0.1499999993, values)
    assert text in ("0.1497", "0.1498")
    assert threshold == float(text)
    assert _short(0.15, values) == ("0.15", 0.15)
    assert _short(7.0, values) == ("7", 7.0)
