"""Short rules that say what the rows of a cluster have in common.

A tree decides where missing cells go, so it sees medians in their stead. What is said
of a rule is counted in the table itself, where a row whose cell is missing fulfils no
condition on that column, and with the thresholds as they are printed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.tree import DecisionTreeClassifier

from .._scaling import power_of_two
from ..metrics._matching import distinct_labels
from ._named_columns import named_table
from ._number_text import percent, three_digits


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes
    ----------
    cluster : object
        The cluster that it describes.
    conditions : str
        What a row must fulfil, joined by "and".
    n_rows : int
        Rows that fulfil it.
    coverage : float
        Share of the cluster's rows that fulfil it.
    precision : float
        Share of the rows that fulfil it that are in the cluster.
    """

    cluster: object
    conditions: str
    n_rows: int
    coverage: float
    precision: float

    def __str__(self):
        return (
            f"cluster {self.cluster}: {self.conditions}  "
            f"[{percent(self.coverage)} of the cluster, {percent(self.precision)} "
            "right]"
        )


class ClusterRules(tuple):
    """Rules, cluster by cluster, those that cover most first.

    Printed, they are lines of text; :meth:`to_frame` makes a DataFrame.
    """

    __slots__ = ()

    def __str__(self):
        return "\n".join(map(str, self))

    def to_frame(self):
        """Put the rules into a table.

        Returns
        -------
        frame : pandas.DataFrame
            One row for each rule, with the columns `cluster`, `conditions`,
            `n_rows`, `coverage` and `precision`.
        """
        import pandas as pd

        columns = list(Rule.__dataclass_fields__)
        return pd.DataFrame([asdict(rule) for rule in self], columns=columns)


def cluster_rules(
    estimator: Any,
    X: ArrayLike,
    *,
    feature_names: Sequence[str] | None = None,
    max_depth: int = 3,
    min_coverage: float = 0.05,
    one_vs_rest: bool = False,
    random_state: int | np.random.RandomState | None = 0,
) -> Any:
    """Describe each cluster by short rules on the columns of a table.

    A decision tree is fitted to the clusters that an estimator gives to the
    rows; each of its leaves is a rule for the cluster that most of its rows
    belong to. A column of zeros and ones is said as a yes or a no. Rules describe,
    they do not decide: their precision says how well.

    Parameters
    ----------
    estimator : object
        Fitted clusterer or Pipeline with `predict`.
    X : array-like of shape (n_samples, n_features)
        Rows, in the units that the rules are to use. Text and categories of
        a frame are said level by level, and dates are left out. A row whose cell is
        missing fulfils no condition on that column.
    feature_names : list of str, default=None
        Names of the columns; None takes those of a frame, or numbers them.
    max_depth : int, default=3
        Conditions of a rule at most. A tree of depth 3 has at most 8 rules;
        one for each of more clusters needs more.
    min_coverage : float, default=0.05
        Rules that cover less than this share of their cluster are left out,
        except for a cluster's best one.
    one_vs_rest : bool, default=False
        Whether each cluster gets its single best rule, from trees of up to
        `max_depth` that tell it from all others, in place of the leaves of one
        tree. Such rules may overlap.
    random_state : int, RandomState instance or None, default=0
        Decides between splits that are equally good.

    Returns
    -------
    rules : ClusterRules
        A tuple of rules with the attributes `cluster`, `conditions`, `n_rows`,
        `coverage` and `precision`; `str` makes lines of text of it, `to_frame`
        a DataFrame. A cluster that is the majority in no leaf has no rule.

    See Also
    --------
    ClusterProfileDisplay : The same question answered by a picture.
    sklearn.tree.DecisionTreeClassifier : The tree.

    Notes
    -----
    O(n_features n_samples log(n_samples) max_depth) time.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen and C. Stone (1984).
       "Classification and Regression Trees." Wadsworth.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import TELL
    >>> from skdeepcluster.inspection import cluster_rules
    >>> X = load_iris(as_frame=True).data
    >>> model = TELL(n_clusters=2, random_state=0).fit(X)
    >>> print(cluster_rules(model, X, max_depth=1))
    cluster 0: petal length (cm) > 3.4  [100% of the cluster, 100% right]
    cluster 1: petal length (cm) <= 3.4  [100% of the cluster, 100% right]
    """
    X, labels, names = named_table(X, estimator.predict(X), feature_names)
    if one_vs_rest:
        return best_rules(X, labels, names, max_depth, random_state)
    return tree_rules(X, labels, names, max_depth, min_coverage, random_state)


def tree_rules(X, labels, names, max_depth, min_coverage, random_state):
    """Describe all clusters by the leaves of one tree; see `cluster_rules`."""
    clusters, codes = distinct_labels(labels)
    rules = []
    tree = DecisionTreeClassifier(max_depth=max_depth, random_state=random_state)
    for code, bounds in _leaves(tree, *_without_gaps(X), codes):
        rules.append(_judged(bounds, X, codes == code, names, clusters[code]))
    rules.sort(key=lambda rule: (clusters.index(rule.cluster), -rule.coverage))
    is_best = [
        rule.cluster not in {other.cluster for other in rules[:i]}
        for i, rule in enumerate(rules)
    ]
    return ClusterRules(
        rule
        for rule, best in zip(rules, is_best, strict=True)
        if best or rule.coverage >= min_coverage
    )


def best_rules(
    X, labels, names, max_depth=3, random_state=0, *, precision=0.0, coverage=0.0
):
    """Describe each cluster by the one rule that tells it best from all others.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows, NaN where a cell is missing.
    labels : ndarray of shape (n_samples,)
        Cluster of each.
    names : list of str
        Names of the columns.
    max_depth : int, default=3
        Conditions of a rule at most.
    random_state : int, RandomState instance or None, default=0
        Decides between splits that are equally good.
    precision, coverage : float, default=0.0
        What a rule must reach.

    Returns
    -------
    ClusterRules
        The rule of largest precision times coverage for each cluster that has one.
    """
    clusters, codes = distinct_labels(labels)
    filled, units = _without_gaps(X)
    rules = []
    for code, cluster in enumerate(clusters):
        members = codes == code
        found = [
            _judged(bounds, X, members, names, cluster)
            for weight in (None, "balanced")
            for depth in range(1, max_depth + 1)
            for is_member, bounds in _leaves(
                DecisionTreeClassifier(
                    max_depth=depth, class_weight=weight, random_state=random_state
                ),
                *(filled, units, members),
            )
            if is_member
        ]
        found = [
            rule
            for rule in found
            if rule.precision >= precision and rule.coverage >= coverage
        ]
        rules += sorted(found, key=lambda rule: -rule.precision * rule.coverage)[:1]
    return ClusterRules(rules)


def _without_gaps(X):
    """Medians in place of gaps, and one power of two for each column.

    The tree computes in float32: the powers keep all in its range.
    """
    filled = np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
    units = power_of_two(filled, axis=0)
    return filled / units, units


def _leaves(tree, filled, units, targets):
    """Yield the majority of every leaf of a tree, and the bounds of its columns."""
    tree = tree.fit(filled, targets).tree_
    stack = [(0, {})]
    while stack:
        node, bounds = stack.pop()
        if tree.children_left[node] == -1:
            yield int(tree.value[node, 0].argmax()), bounds
            continue
        j = int(tree.feature[node])
        threshold = float(tree.threshold[node] * units[j])
        low, high = bounds.get(j, (-np.inf, np.inf))
        stack.append((tree.children_right[node], bounds | {j: (threshold, high)}))
        stack.append((tree.children_left[node], bounds | {j: (low, threshold)}))


def _judged(bounds, X, members, names, cluster):
    """Count in the table what a rule is worth."""
    fulfils, conditions = np.ones(len(X), dtype=bool), []
    for j, (low, high) in bounds.items():
        values = X[:, j]
        if np.isin(values[~np.isnan(values)], (0, 1)).all():
            is_one = low > -np.inf
            fulfils &= values == is_one
            conditions.append(names[j] if is_one else _negated(names[j]))
            continue
        condition = names[j]
        if low > -np.inf:
            printed, low = _short(low, values)
            fulfils &= values > low
            condition = f"{printed} < {names[j]}"
            if high == np.inf:
                condition = f"{names[j]} > {printed}"
        if high < np.inf:
            printed, high = _short(high, values)
            fulfils &= values <= high
            condition = f"{condition} <= {printed}"
        conditions.append(condition)
    n_rows, n_both = int(fulfils.sum()), int((fulfils & members).sum())
    return Rule(
        cluster,
        " and ".join(conditions) or "all rows",
        n_rows,
        n_both / int(members.sum()),
        n_both / n_rows if n_rows else 0.0,
    )


def _negated(name):
    """Say that a flag is not set: of a level, that the column is not it."""
    return name.replace(" = ", " != ", 1) if " = " in name else f"not {name}"


def _short(threshold, values):
    """Write a threshold with the fewest digits, from three, that split alike.

    The middle between the values on either side of it splits as it does, and may
    have fewer.
    """
    is_below = values <= threshold
    left, right = values[is_below], values[values > threshold]
    ends = (left.max(), right.min()) if left.size and right.size else [threshold]
    places = (threshold, float(sum(end / len(ends) for end in ends)))
    texts = [three_digits(place) for place in places]
    texts += [f"{place:,.{n}g}" for n in range(4, 17) for place in places]
    for text in texts:
        number = float(text.replace(",", ""))
        if np.array_equal(values <= number, is_below):
            return text, number
    return repr(threshold), threshold
