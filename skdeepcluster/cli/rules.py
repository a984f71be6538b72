"""Short rules for clusters, each judged by the cells that are there.

For each cluster a tree of depth 3 is fitted against all others. The tree sees
medians where numbers are missing, since it must decide; what is said of a rule is
counted in the raw table, where a row whose cell is missing fulfils no condition on
that column.
"""

from typing import NamedTuple

from .descriptions import as_numbers, as_words

DEPTH = 3
# A rule is worth writing from this precision and coverage.
PRECISION, COVERAGE = 0.8, 0.5


class ClusterRule(NamedTuple):
    """What most rows of a cluster have in common, and hardly any others."""

    cluster: object
    conditions: str
    n_rows: int
    coverage: float
    precision: float

    def __str__(self):
        return (
            f"cluster {self.cluster}: {self.conditions}  [{self.n_rows:,} rows; "
            f"{self.coverage:.0%} of the cluster, {self.precision:.0%} right]"
        )


def rule_matrix(prepared):
    """Columns that rules are made of: numbers, and a flag for each level.

    Returns
    -------
    matrix : ndarray of shape (n_samples, n_conditions)
        NaN where the cell is missing.
    names : list of str
        What the columns are.
    """
    import numpy as np

    parts, names = [], []
    for column in prepared.columns:
        cells = prepared.frame[column.name]
        if column.role == "number":
            parts.append(as_numbers(cells))
            names.append(str(column.name))
            continue
        seen, words = cells.notna().to_numpy(), as_words(column, cells)
        levels = [level for level in column.levels if level not in column.rare]
        for level in levels:
            flag = (words == level).to_numpy(dtype=np.float64)
            if flag[seen].any():
                parts.append(np.where(seen, flag, np.nan))
                names.append(f"{column.name} = {level}")
    return np.column_stack(parts), names


def cluster_rules(prepared, labels):
    """The best short rule of each cluster, where there is one.

    Returns
    -------
    rules : list of ClusterRule
        In the order of the clusters.
    without : list
        Clusters that no rule describes.
    """
    import numpy as np

    matrix, names = rule_matrix(prepared)
    seen = ~np.isnan(matrix)
    medians = [
        np.median(c[s]) if s.any() else 0 for c, s in zip(matrix.T, seen.T, strict=True)
    ]
    filled = np.where(seen, matrix, medians)
    rules, without = [], []
    for cluster in sorted(set(labels.tolist())):
        members = labels == cluster
        found = [
            judged(cluster, bounds, matrix, members, names)
            for bounds in tree_bounds(filled, members)
        ]
        found = [
            rule
            for rule in found
            if rule.precision >= PRECISION and rule.coverage >= COVERAGE
        ]
        if found:
            rules.append(max(found, key=lambda r: r.precision * r.coverage))
        else:
            without.append(cluster)
    return rules, without


def tree_bounds(filled, members):
    """Intervals of columns that the leaves of a tree stand for, and their joins."""
    from sklearn.tree import DecisionTreeClassifier

    from .._scaling import power_of_two
    from ..inspection.rules import _leaves

    if members.all():
        return
    units = power_of_two(filled, axis=0)
    for weight in (None, "balanced"):
        for depth in range(1, DEPTH + 1):
            tree = DecisionTreeClassifier(
                max_depth=depth, class_weight=weight, random_state=0
            )
            tree.fit(filled / units, members)
            for code, _, _, bounds in _leaves(tree.tree_, lambda found: found, units):
                if code == 1 and bounds:
                    yield bounds


def judged(cluster, bounds, matrix, members, names):
    """Count in the raw table what a rule is worth."""
    import numpy as np

    from ..inspection.rules import _said

    fulfils = np.ones(len(matrix), dtype=bool)
    printed = {}
    for j, (low, high) in bounds.items():
        # What is counted is what is printed, digits left out included.
        low, high = short(low), short(high)
        printed[j] = (low, high)
        with np.errstate(invalid="ignore"):
            fulfils &= (matrix[:, j] > low) & (matrix[:, j] <= high)
    is_flag = [" = " in name for name in names]
    both = int((fulfils & members).sum())
    n_rows = int(fulfils.sum())
    return ClusterRule(
        cluster,
        " and ".join(_said(printed, names, is_flag)),
        n_rows,
        both / int(members.sum()),
        both / n_rows if n_rows else 0.0,
    )


def short(number):
    """A threshold as it is printed."""
    import numpy as np

    from ..inspection._drawing import three_digits

    if not np.isfinite(number):
        return number
    return float(three_digits(number).replace(",", "").replace("−", "-"))
