"""Short rules for clusters, of the cells that are there."""

from .._printing import shortened
from ..inspection._number_text import percent
from .descriptions import as_numbers, as_words

DEPTH = 3
# A rule is worth writing from this precision and coverage.
PRECISION, COVERAGE = 0.8, 0.5

# What the numbers of dates and times are, where they are not written as such.
SECONDS = {
    "date": " (seconds since 1970)",
    "time": " (seconds)",
    "duration": " (seconds)",
}


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
            names.append(shortened(column.name) + SECONDS.get(column.kind, ""))
            continue
        seen, words = cells.notna().to_numpy(), as_words(column, cells)
        levels = [level for level in column.levels if level not in column.rare]
        for level in levels:
            flag = (words == level).to_numpy(dtype=np.float64)
            if flag[seen].any():
                parts.append(np.where(seen, flag, np.nan))
                names.append(f"{shortened(column.name)} = {shortened(level)}")
    return np.column_stack(parts), names


def cluster_rules(matrix, names, labels):
    """The best short rule of each cluster, where there is one.

    Returns
    -------
    rules : list of str
        In the order of the clusters.
    without : list
        Clusters that no rule describes.
    """
    from ..inspection.rules import best_rules

    rules = best_rules(
        *(matrix, labels, names, DEPTH), precision=PRECISION, coverage=COVERAGE
    )
    without = sorted(set(labels.tolist()) - {rule.cluster for rule in rules})
    return list(map(in_words, rules)), without


def in_words(rule):
    """Write a rule, and what it is worth."""
    return (
        f"cluster {rule.cluster}: {rule.conditions}  [{rule.n_rows:,} rows; "
        f"{percent(rule.coverage)} of the cluster, {percent(rule.precision)} right]"
    )
