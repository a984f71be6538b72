"""Short rules that say what the rows of a cluster have in common."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.tree import DecisionTreeClassifier

from .._scaling import power_of_two
from ..metrics._matching import distinct_labels
from ._drawing import three_digits
from ._named_columns import named_table


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
            f"[{self.coverage:.0%} of the cluster, {self.precision:.0%} right]"
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
        a frame are said level by level, missing numbers count as the median, and
        dates are left out.
    feature_names : list of str, default=None
        Names of the columns; None takes those of a frame, or numbers them.
    max_depth : int, default=3
        Conditions of a rule at most. A tree of depth 3 has at most 8 rules;
        one for each of more clusters needs more.
    min_coverage : float, default=0.05
        Rules that cover less than this share of their cluster are left out,
        except for a cluster's best one.
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
    return rules_of_labels(
        *named_table(X, estimator.predict(X), feature_names),
        max_depth=max_depth,
        min_coverage=min_coverage,
        random_state=random_state,
    )


def rules_of_labels(
    X, labels, names, *, max_depth=3, min_coverage=0.05, random_state=0
):
    """Describe clusters that are known; see `cluster_rules`."""
    clusters, codes = distinct_labels(labels)
    clusters = np.asarray(clusters, dtype=object)
    is_flag = np.all((X == 0) | (X == 1), axis=0)

    def conditions_of(bounds):
        return " and ".join(_said(bounds, names, is_flag)) or "all rows"

    tree = DecisionTreeClassifier(max_depth=max_depth, random_state=random_state)
    # The tree computes in float32: one scale per column keeps all in its range.
    units = power_of_two(X, axis=0)
    tree.fit(X / units, codes)
    sizes = np.bincount(codes)
    found = sorted(
        _leaves(tree.tree_, conditions_of, units),
        key=lambda leaf: (leaf[0], -leaf[2]),
    )
    rules, described = [], set()
    for code, n_rows, n_members, conditions in found:
        coverage = n_members / sizes[code]
        if coverage >= min_coverage or code not in described:
            described.add(code)
            precision = n_members / n_rows
            rules.append(
                Rule(clusters[code], conditions, n_rows, float(coverage), precision)
            )
    return ClusterRules(rules)


def _leaves(tree, conditions_of, units):
    """Yield cluster, rows, members and conditions of every leaf."""
    stack = [(0, {})]
    while stack:
        node, bounds = stack.pop()
        if tree.children_left[node] == -1:
            shares = tree.value[node, 0] / tree.value[node, 0].sum()
            n_rows = int(tree.n_node_samples[node])
            members = round(float(shares.max()) * n_rows)
            yield int(shares.argmax()), n_rows, members, conditions_of(bounds)
            continue
        j = int(tree.feature[node])
        threshold = float(tree.threshold[node] * units[j])
        low, high = bounds.get(j, (-np.inf, np.inf))
        stack.append((tree.children_right[node], bounds | {j: (threshold, high)}))
        stack.append((tree.children_left[node], bounds | {j: (low, threshold)}))


def _said(bounds, names, is_flag):
    """Yield intervals of features in words."""
    for j, (low, high) in bounds.items():
        if is_flag[j]:
            yield names[j] if low > -np.inf else f"not {names[j]}"
        elif low == -np.inf:
            yield f"{names[j]} <= {three_digits(high)}"
        elif high == np.inf:
            yield f"{names[j]} > {three_digits(low)}"
        else:
            yield f"{three_digits(low)} < {names[j]} <= {three_digits(high)}"
