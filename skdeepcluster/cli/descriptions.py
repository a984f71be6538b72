"""What sets clusters apart, in words and numbers of the cells that are there.

Nothing here has seen an encoded or a filled-in value: means, medians and shares are
those of the observed cells, and where cells are missing their number is said.
"""

from functools import partial
from typing import NamedTuple

from .._printing import shortened
from ..inspection._number_text import percent

# In standard deviations: a column that differs by less is not worth naming.
NOTABLE_DIFFERENCE = 0.5
FEATURES_SHOWN = 3
TYPICAL_ROWS = 3
# Columns of this correlation say the same.
SAME_COLUMN = 0.95
# Difference of shares of missing cells that is worth a line.
NOTABLE_GAPS = 0.25
# Ratio of spreads, and difference of correlations, that are worth a line.
NOTABLE_SPREAD, NOTABLE_CORRELATION = 1.5, 0.4
# Skewness from which the median says more than the mean.
SKEWED = 1.0
# Share of what is to be known about the clusters that one column tells.
IS_ANSWER = 0.8
FEW_VALUES = 20
# With fewer rows for each of its values, any column seems to tell clusters apart.
ROWS_PER_VALUE = 5
# Units that stand before the number.
BEFORE = ("$", "£", "¥", "US$", "A$", "C$", "R$")

# Kinds of numbers that are written as dates or as hours, minutes and seconds.
MOMENTS = ("date", "time", "duration")


class Described(NamedTuple):
    """One cluster in words."""

    cluster: object
    n_rows: int
    share: float
    found_again: tuple | None  # stability and its bounds; None where not measured
    remarks: list  # what sets it apart


class Remark(NamedTuple):
    """One line about a cluster, and how notable it is."""

    strength: float
    text: str
    column: object


def readable(number):
    """Write a number with four digits, without powers of ten where it can be."""
    return f"{number:,.0f}" if 1e3 <= abs(number) < 1e15 else f"{number:.4g}"


def in_words(column, value):
    """Write a number of a column: dates and times as such, units behind."""
    import numpy as np

    if column.kind == "date":
        return str(np.datetime64(round(value), "s"))[:10]
    if column.kind in ("time", "duration"):
        sign, seconds = "-" * bool(value < 0), abs(round(value))
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if column.unit in BEFORE:
        return f"{'-' * bool(value < 0)}{column.unit}{readable(abs(value))}"
    space = "" if column.unit == "%" else " "
    return f"{readable(value)}{space}{column.unit}".rstrip()


def described(prepared, labels, found_again=None):
    """Describe the clusters.

    Parameters
    ----------
    prepared : Prepared
        The rows.
    labels : ndarray of shape (n_samples,)
        Cluster of each row.
    found_again : dict, default=None
        Stability of each cluster and its bounds, by `stability.stabilities`.

    Returns
    -------
    list of Described
        One for each cluster.
    """
    import numpy as np

    # Sums of numbers near the end of float64 may be infinite, and are said so.
    with np.errstate(over="ignore", invalid="ignore"):
        return [
            Described(
                cluster,
                int((labels == cluster).sum()),
                float((labels == cluster).mean()),
                None if found_again is None else found_again[cluster],
                remarks_on(prepared, labels == cluster),
            )
            for cluster in sorted(set(labels.tolist()))
        ]


def remarks_on(prepared, members):
    """Say what sets some of the rows apart, and which are typical of them."""
    remarks = notable_remarks(prepared, members)
    if not remarks and not members.all():
        logged = any(column.log_shift is not None for column in prepared.columns)
        remarks = [
            "close to the average in every column: by less than half a standard "
            "deviation" + " (after the logarithm, where one is taken)" * logged,
            *other_differences(prepared, members),
        ]
    if members.all():
        remarks = ["all rows"]
    if prepared.row_names is not None:
        names = prepared.row_names.iloc[typical_rows(prepared, members)]
        remarks.append(f"typical: {', '.join(map(str, names))}")
    return remarks


def notable_remarks(prepared, members):
    """Lines about the columns that differ most from the whole table."""
    remarks = [
        remark
        for column in prepared.columns
        for remark in column_remarks(column, prepared.frame[column.name], members)
    ]
    remarks.sort(key=lambda remark: -remark.strength)
    shown, likewise = [], {}
    numbers = {c.name: c for c in prepared.columns if c.role == "number"}
    for remark in remarks:
        if remark.strength < NOTABLE_DIFFERENCE:
            break
        twin = None
        if remark.column in numbers:
            twin = next(
                (
                    other
                    for other in shown
                    if other.column in numbers
                    and say_the_same(prepared.frame, remark.column, other.column)
                ),
                None,
            )
        if twin is not None:
            likewise.setdefault(twin.column, []).append(shortened(remark.column))
        elif len(shown) < FEATURES_SHOWN:
            shown.append(remark)
    twins = {
        column: f"; likewise {', '.join(names)}" for column, names in likewise.items()
    }
    return [remark.text + twins.get(remark.column, "") for remark in shown]


def say_the_same(frame, one, other):
    """Whether two columns of numbers rise and fall together."""
    import pandas as pd

    pair = pd.DataFrame([as_numbers(frame[one]), as_numbers(frame[other])]).T.dropna()
    return len(pair) > 2 and pair.corr().iloc[0, 1] > SAME_COLUMN


def column_remarks(column, cells, members):
    """Yield lines about one column, from its observed cells."""
    import numpy as np

    seen = cells.notna().to_numpy()
    yield from gap_remarks(column, seen, members)
    inside = members & seen
    if not inside.any():
        return
    counted = f" ({inside.sum():,} of {members.sum():,} cells)"
    counted *= bool(inside.sum() < members.sum())
    if column.role == "number":
        yield number_remark(column, as_numbers(cells), inside, seen, counted)
        return
    words = as_words(column, cells)
    more, less = [], []
    for level in words[seen].unique():
        is_level = (words == level).to_numpy()
        here, overall = is_level[inside].mean(), is_level[seen].mean()
        if here != overall:
            remark = Remark(
                abs(here - overall) / np.sqrt(overall * (1 - overall)),
                f"{shortened(column.name)} = {shortened(level)}: {percent(here)} vs "
                f"{percent(overall)} overall{counted}",
                (column.name, level),
            )
            (more if here > overall else less).append(remark)
    yield from more
    # That a level is rare is news where no other says it by being frequent.
    if len(more) + len(less) > 2 and max(less).strength > max(more).strength:
        yield max(less)


def number_remark(column, values, inside, seen, counted):
    """The line about a column of numbers: medians where it is skewed."""
    import numpy as np

    scores = column.standardized(values[seen])
    difference = abs(column.standardized(values[inside]).mean() - scores.mean())
    spread = scores.std()
    said = [
        f"{shortened(column.name)}: {name} {here} vs {overall} overall{counted}"
        for name, average in (("median", np.median), ("mean", np.mean))
        for here, overall in [
            (
                in_words(column, average(values[inside])),
                in_words(column, average(values[seen])),
            )
        ]
        # Medians of few different numbers may be equal.
        if name == "mean" or (here != overall and is_skewed(values[seen]))
    ]
    return Remark(difference / spread if spread > 0 else 0.0, said[0], column.name)


def is_skewed(values):
    """Whether the median says more than the mean."""
    import numpy as np

    from .._scaling import power_of_two

    values = values / power_of_two(values)
    spread = values.std()
    if spread == 0:
        return False
    return abs(np.mean(((values - values.mean()) / spread) ** 3)) > SKEWED


def gap_remarks(column, seen, members):
    """Yield a line where the cells are missing in the cluster, or only elsewhere."""
    if members.all() or seen.all():
        return
    here, elsewhere = 1 - seen[members].mean(), 1 - seen[~members].mean()
    if abs(here - elsewhere) >= NOTABLE_GAPS:
        overall = 1 - seen.mean()
        strength = abs(here - overall) / (overall * (1 - overall)) ** 0.5
        yield Remark(
            float(strength),
            f"{shortened(column.name)}: missing in {percent(here)}, elsewhere in "
            f"{percent(elsewhere)}",
            (column.name, "missing"),
        )


def as_numbers(cells):
    """Cells as numbers; times and dates in seconds, dates since 1970."""
    import numpy as np
    from pandas.api.types import is_numeric_dtype

    from ..tables._frames import table_cells

    if is_numeric_dtype(cells.dtype):
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)
    return table_cells(cells.to_frame())[0].values


def spread_in_words(column, value):
    """Write a standard deviation of a column: that of dates in days."""
    if column.kind == "date":
        return f"{readable(value / 86_400)} days"
    return in_words(column, value)


def as_words(column, cells):
    """Cells as levels are written: whole numbers without a point, times as such."""
    if column.kind in MOMENTS:
        import pandas as pd

        from ..tables._columns import level_text

        seconds = pd.Series(as_numbers(cells), index=cells.index)
        said = seconds.map(lambda v: level_text(column.kind, v), na_action="ignore")
        return said.astype(str)
    if column.kind not in ("number", "whole"):
        return cells.astype(str)
    return cells.map("{:.15g}".format, na_action="ignore").astype(str)


def deviation(values):
    """Standard deviation of the cells that are there, of whatever size; or None."""
    import numpy as np

    from .._scaling import power_of_two

    values = values[~np.isnan(values)]
    if not len(values):
        return None
    unit = power_of_two(values)
    return float((values / unit).std()) * float(unit)


def other_differences(prepared, members):
    """Say what differs where no average does: spreads, correlations, the most of it."""
    import numpy as np

    numbers = [column for column in prepared.columns if column.role == "number"]
    lines = []
    for column in numbers:
        values = as_numbers(prepared.frame[column.name])
        here, overall = deviation(values[members]), deviation(values)
        ratio = here / overall if overall > 0 and here is not None else 1.0
        if not 1 / NOTABLE_SPREAD < ratio < NOTABLE_SPREAD:
            lines.append(
                (
                    abs(np.log(max(ratio, 1e-9))),
                    f"{shortened(column.name)}: standard deviation "
                    f"{spread_in_words(column, here)} vs "
                    f"{spread_in_words(column, overall)} overall",
                )
            )
    if not lines and len(numbers) > 1:
        lines = correlation_lines(prepared.frame, numbers, members)
    if not lines:
        lines = [
            (remark.strength, f"most in {remark.text}")
            for column in prepared.columns
            for remark in column_remarks(column, prepared.frame[column.name], members)
        ]
        lines = sorted(lines, reverse=True)[:1]
    return [text for _, text in sorted(lines, reverse=True)[:FEATURES_SHOWN]]


def correlation_lines(frame, numbers, members):
    """Pairs of a strength and a line, for columns whose correlation differs."""
    names = [column.name for column in numbers if column.kind in ("number", "whole")]
    here = frame.loc[members, names].corr().to_numpy()
    overall = frame[names].corr().to_numpy()
    return [
        (
            abs(here[i, j] - overall[i, j]),
            f"{shortened(names[i])} and {shortened(names[j])}: correlation "
            f"{here[i, j]:.2f} vs {overall[i, j]:.2f} overall",
        )
        for i in range(len(names))
        for j in range(i)
        if abs(here[i, j] - overall[i, j]) > NOTABLE_CORRELATION
    ]


def typical_rows(prepared, members):
    """Positions of the rows nearest to the mean of some rows, encoded."""
    import numpy as np

    rows = prepared.X[members]
    distances = np.square(rows - rows.mean(axis=0)).sum(axis=1)
    nearest = np.argsort(distances, kind="stable")[:TYPICAL_ROWS]
    return np.flatnonzero(members)[nearest]


def answer_notes(prepared, labels):
    """Yield a line for each column that tells the clusters almost alone."""
    import numpy as np
    import pandas as pd

    for column in prepared.columns:
        cells = prepared.frame[column.name]
        seen = cells.notna().to_numpy()
        if not 0 < column.n_distinct <= min(FEW_VALUES, seen.sum() // ROWS_PER_VALUE):
            continue
        counts = pd.crosstab(labels[seen], as_words(column, cells[seen]))
        table = counts.to_numpy() / seen.sum()
        rows, columns = table.sum(axis=1), table.sum(axis=0)
        entropy = -np.sum(rows * np.log(rows))
        filled = table > 0
        told = np.sum(
            table[filled] * np.log(table[filled] / np.outer(rows, columns)[filled])
        )
        if entropy > 0 and told / entropy > IS_ANSWER:
            named = ", ".join(
                f"{shortened(counts.columns[line.to_numpy().argmax()])} in "
                f"{percent(line.max() / line.sum())} of cluster {cluster}"
                for cluster, line in counts.iterrows()
            )
            name = shortened(column.name)
            yield (
                f"{name} almost alone tells the clusters apart: {named}; --drop {name} "
                "clusters by the other columns"
            )


def profile_table(prepared, labels):
    """One row for each column and cluster: averages of the observed cells.

    Returns
    -------
    DataFrame
        With the columns `column`, `level` (of a category), `cluster`, `cells` (how
        many were there), `mean`, `median`, `standard_deviation` and `share`.
    """
    import numpy as np
    import pandas as pd

    clusters = [*sorted(set(labels.tolist())), "all"]
    rows = []
    for column in prepared.columns:
        cells = prepared.frame[column.name]
        seen = cells.notna().to_numpy()
        for cluster in clusters:
            inside = seen & ((labels == cluster) | (cluster == "all"))
            head = {"column": column.name, "cluster": cluster, "cells": inside.sum()}
            if column.role == "number":
                values = as_numbers(cells)[inside]
                averages = {
                    "mean": np.nan,
                    "median": np.nan,
                    "standard_deviation": np.nan,
                }
                if len(values):
                    averages = {
                        "mean": values.mean(),
                        "median": np.median(values),
                        "standard_deviation": deviation(values),
                    }
                rows.append(head | averages)
                continue
            words = as_words(column, cells)
            for level in sorted(words[seen].unique()):
                is_level = (words[inside] == level).to_numpy()
                share = is_level.mean() if len(is_level) else np.nan
                rows.append(head | {"level": level, "share": share})
    order = ["column", "level", "cluster", "cells"]
    order += ["mean", "median", "standard_deviation", "share"]
    return pd.DataFrame(rows).reindex(columns=order)


def profile_writer(prepared, labels):
    """Return what writes the averages of every column, those of dates as such."""

    def write(path):
        table = profile_table(prepared, labels).astype(object)
        for column in prepared.columns:
            if column.role != "number" or column.kind not in MOMENTS:
                continue
            mine = table["column"] == column.name
            for figure, words in (
                ("mean", in_words),
                ("median", in_words),
                ("standard_deviation", spread_in_words),
            ):
                written = table.loc[mine, figure].map(
                    partial(words, column), na_action="ignore"
                )
                table.loc[mine, figure] = written
        table.to_csv(path, index=False)

    return write
