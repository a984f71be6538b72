"""Clusters against a column that was not used to find them."""

from typing import NamedTuple

from .._printing import shortened
from .descriptions import FEW_VALUES, as_numbers, as_words, readable
from .messages import CommandError

# Up to so many values are printed as a table, and drawn.
MOST_PRINTED, MOST_DRAWN = 12, 30


class Comparison(NamedTuple):
    """Clusters against a column."""

    name: str
    counts: object  # DataFrame: rows of each cluster with each value
    lines: list  # what to print


def compared(prepared, labels, name):
    """Compare the clusters with a column that was not used.

    Parameters
    ----------
    prepared : Prepared
        The rows.
    labels : ndarray of shape (n_samples,)
        Cluster of each row.
    name : str
        The column.

    Returns
    -------
    Comparison
    """
    import pandas as pd
    from sklearn.metrics import adjusted_rand_score

    (column,) = (c for c in prepared.encoder.columns_ if c.name == name)
    cells = prepared.frame[name]
    seen = cells.notna().to_numpy()
    if not seen.any():
        raise CommandError(f"--compare {name}: the column is empty")
    cells, labels = cells[seen], labels[seen]
    where = f" in the {seen.sum():,} rows that have one" * bool(not seen.all())
    if cells.dtype.kind in "fi" and cells.nunique() > FEW_VALUES:
        values = as_numbers(cells)
        medians = pd.Series(values).groupby(labels).median()
        named = ", ".join(f"{readable(m)} in {c}" for c, m in medians.items())
        line = f"compared with {name}{where}: median {named}"
        return Comparison(name, None, [line])
    words = as_words(column, cells).to_numpy()
    counts = pd.crosstab(pd.Series(labels, name="cluster"), pd.Series(words, name=name))
    counts = counts[sorted(counts, key=in_order)].rename(columns=shortened)
    line = (
        f"compared with {name}{where}: adjusted Rand index "
        f"{adjusted_rand_score(words, labels):.2f} (1: the same groups, 0: chance)"
    )
    return Comparison(name, counts, [line, *count_lines(counts)])


def in_order(word):
    """Sort numbers by their size, before words."""
    try:
        return (0, float(word), word)
    except ValueError:
        return (1, 0.0, word)


def count_lines(counts):
    """Yield how many rows of each cluster have which value."""
    if counts.shape[1] <= MOST_PRINTED:
        yield from counts.to_string().split("\n")
        return
    for cluster, line in counts.iterrows():
        line = line[line > 0].sort_values(ascending=False, kind="stable")
        named = ", ".join(f"{shortened(value)} ({n:,})" for value, n in line.items())
        yield f"cluster {cluster}: {named}"


def draw_counts(comparison, ax):
    """Draw the share of each cluster's rows that have which value."""
    import numpy as np

    from ..inspection._drawing import plain, text_color
    from ..inspection._number_text import percent

    counts = comparison.counts
    common = counts.sum().sort_values(ascending=False, kind="stable").index
    counts = counts[[c for c in counts if c in set(common[:MOST_DRAWN])]]
    shares = (counts.T / comparison.counts.sum(axis=1)).to_numpy()
    image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), share in np.ndenumerate(shares):
        ax.text(
            *(j, i, percent(share)),
            color=text_color(image.cmap(image.norm(share))),
            ha="center",
            va="center",
            fontsize="small",
        )
    ax.set_xticks(range(len(counts)), counts.index)
    ax.set_yticks(range(counts.shape[1]), [*map(plain, counts.columns)])
    ax.set(xlabel="cluster", ylabel=plain(comparison.name))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
