"""One HTML file that says what was found; it opens without a network."""

import base64
import io
import platform
import sys

from .. import __version__
from .._printing import escape, shortened
from ..inspection._number_text import percent
from .clusters import headline, plural
from .columns import unused_columns
from .comparing import MOST_DRAWN as MOST_VALUES
from .comparing import draw_counts
from .descriptions import (
    in_words,
    profile_table,
    readable,
    spread_in_words,
    typical_rows,
)
from .mixtures import EVIDENCE, coarser_levels
from .row_map import (
    MOST_DRAWN,
    cells_in_words,
    map_points,
    row_map,
    row_names,
    row_tips,
)
from .rule_lists import COVERAGE, DEPTH, PRECISION, cluster_rules, rule_matrix
from .stability import often

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
figure { margin: 1rem 0; }
figure, .scroll { overflow-x: auto; }
img, svg { max-width: 100%; background: white; border-radius: 6px; }
svg { font: 13px system-ui, sans-serif; }
svg circle, svg polygon { fill-opacity: .7; }
svg circle:hover, svg polygon:hover { stroke: black; stroke-width: 2; }
svg .name { font-weight: bold; paint-order: stroke; stroke: white; stroke-width: 4px; }
img.wide { max-width: none; }
figcaption { font-size: .9rem; opacity: .8; }
.scroll td:nth-child(2) { white-space: nowrap; }
pre { background: var(--soft); padding: .8rem; border-radius: 6px; overflow-x: auto; }
"""

# Inches across the text. A wider picture is not shrunk, but can be moved.
PAGE_WIDTH = 10
COLUMNS_DRAWN = 12
# Most numbers of clusters that are told, the fewest among them.
LEVELS_TOLD = 12
AVERAGES = ("mean", "median", "standard_deviation")


def page(title, sections):
    """Put titled sections, each a piece of HTML, into one document."""
    body = "\n".join(f"<h2>{escape(name)}</h2>\n{html}" for name, html in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def bullets(lines):
    """Write lines as a list."""
    return "<ul>" + "".join(f"<li>{escape(str(line))}</li>" for line in lines) + "</ul>"


def cluster_table(clusters):
    """Write the table of the clusters, numbers to the right."""
    names = ("cluster", "rows", "share", "found again")
    head = "".join(f'<th class="number">{name}</th>' for name in names)
    lines = [f"<tr>{head}<th>what sets it apart</th></tr>"]
    for cluster, n_rows, share, found_again, remarks in clusters:
        numbers = (cluster, f"{n_rows:,}", f"{share:.1%}", often(found_again))
        cells = "".join(
            f'<td class="number">{escape(str(number))}</td>' for number in numbers
        )
        said = "<br>".join(map(escape, remarks))
        lines.append(f"<tr>{cells}<td>{said}</td></tr>")
    return f"<table>{''.join(lines)}</table>"


def figure(draw, caption, size=(6.4, 4.8)):
    """Draw a picture into the page.

    Parameters
    ----------
    draw : callable
        Draws on the axes that it is given.
    caption : str
        What is to be seen.
    size : tuple of 2 float, default=(6.4, 4.8)
        Width and height in inches.
    """
    from matplotlib.figure import Figure

    # A figure without pyplot needs no screen.
    canvas = Figure(figsize=size, layout="constrained")
    draw(canvas.subplots())
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=130)
    image = base64.b64encode(buffer.getvalue()).decode()
    wide = f' class="wide" width="{96 * size[0]:.0f}"' * (size[0] > PAGE_WIDTH)
    return (
        f'<figure><img{wide} src="data:image/png;base64,{image}" '
        f'alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def versions():
    """Name what the result was made with."""
    import numpy
    import sklearn

    made_with = {
        "skdeepcluster": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": numpy.__version__,
        "Python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
    }
    return [f"{name} {version}" for name, version in made_with.items()]


def rule_section(matrix, names, labels):
    """Write the rules, and which clusters have none."""
    rules, missing = cluster_rules(matrix, names, labels)
    without = ""
    if missing and len(set(labels.tolist())) > 1:
        named = ", ".join(map(str, missing))
        without = (
            f"<p>No rule of up to {DEPTH} conditions was found that covers "
            f"{COVERAGE:.0%} of the rows and is right in {PRECISION:.0%} for: "
            f"{named}.</p>"
        )
    return (
        "<p>Each describes rows of one cluster. In brackets how many rows it holds "
        "for, how much of the cluster it covers, and how often it is right; a row "
        "whose cell is missing fulfils no condition on it.</p>"
        f"{bullets(rules)}{without}"
    )


def html_table(head, rows):
    """Write a table of texts."""
    lines = [
        "<tr>" + "".join(f"<th>{escape(str(cell))}</th>" for cell in head) + "</tr>"
    ]
    for row in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def profile_section(prepared, labels):
    """Write the averages of every column in every cluster."""
    import pandas as pd

    profile = profile_table(prepared, labels)
    clusters = profile["cluster"].unique()
    clusters = ["all", *(c for c in clusters if c != "all")]
    columns = {column.name: column for column in prepared.columns}
    lines = []
    for name, part in profile.groupby("column", sort=False):
        column, first = columns[name], True
        figures = [("share", percent)]
        if column.role == "number":
            figures = [(figure, None) for figure in AVERAGES]
        for level, of_level in part.groupby("level", dropna=False, sort=False):
            cells = of_level.set_index("cluster").loc[clusters]
            for figure, write in figures:
                write = write or figure_writer(column, figure)
                what = figure if column.role == "number" else f"= {shortened(level)}"
                said = ["" if pd.isna(v) else write(v) for v in cells[figure]]
                lines.append((shortened(name) if first else "", what, *said))
                first = False
        if column.share_missing > 0:
            said = [f"{n:,}" for n in cells["cells"]]
            lines.append(("", "cells that are there", *said))
    head = ("column", "", "all rows", *(f"cluster {c}" for c in clusters[1:]))
    return (
        "<p>Of the cells that are there. Of a category, the share of them that hold "
        "each level.</p>" + html_table(head, lines)
    )


def figure_writer(column, figure):
    """Return what writes a mean, a median or a standard deviation of a column."""
    write = spread_in_words if figure == "standard_deviation" else in_words
    return lambda value: write(column, value)


def typical_section(prepared, labels):
    """Write the rows that are typical of each cluster."""
    columns = prepared.columns
    lines = []
    for cluster in sorted(set(labels.tolist())):
        rows = typical_rows(prepared, labels == cluster)
        cells = [cells_in_words(c, prepared.frame.iloc[rows]) for c in columns]
        for name, *words in zip(row_names(prepared, rows), *cells, strict=True):
            lines.append((str(cluster), *map(shortened, (name, *words))))
    head = ("cluster", "row", *(column.name for column in columns))
    return (
        "<p>The rows nearest to the mean of their cluster, each column counting "
        "alike.</p>" + html_table(head, lines)
    )


def column_section(prepared):
    """Write what was decided about every column."""
    unused = unused_columns(prepared)
    rows = [
        (
            shortened(column.name),
            f"not used: {unused[column.name]}"
            if column.name in unused
            else column.role,
            column.unit,
            "logarithm" if column.log_shift is not None else "",
            f"{column.share_missing:.1%}",
            " | ".join(map(shortened, column.levels)),
        )
        for column in prepared.encoder.columns_
    ]
    return html_table(("column", "taken as", "unit", "", "missing", "levels"), rows)


def draw_profile(matrix, names, labels, noun, ax):
    """Draw means of observed cells, coloured by their distance from all rows."""
    from ..inspection import ClusterProfileDisplay

    ClusterProfileDisplay.from_predictions(
        matrix, labels, feature_names=names, max_features=COLUMNS_DRAWN, ax=ax
    )
    ax.set_xlabel(f"{noun} (rows)")


def map_section(estimator, prepared, labels, takes_columns, noun):
    """Draw the rows as they were clustered, each to be pointed at."""
    points, axis_labels = map_points(estimator, prepared, takes_columns)
    said = f"The rows, coloured by {noun}; point at one to see what it is."
    if takes_columns:
        said += (
            f" The {plural(noun)} were found in the columns themselves, so they may "
            "overlap on this map, which shows two axes of them."
        )
    if len(points) > MOST_DRAWN:
        said += f" {MOST_DRAWN:,} of {len(points):,} rows are drawn, taken at random."
    drawn = row_map(
        *(points, labels, axis_labels),
        lambda rows: row_tips(prepared, labels, rows, noun),
    )
    return f"<figure>{drawn}<figcaption>{escape(said)}</figcaption></figure>"


def draw_levels(estimator, ax):
    """Draw what a MixedMixture makes of every number of clusters."""
    from ..inspection import SelectionDisplay

    SelectionDisplay.from_estimator(estimator, ax=ax)
    ax.set(xlabel="number of clusters", ylabel="evidence, nats (higher is better)")


def mixture_sections(estimator):
    """Yield what a MixedMixture says of columns and other numbers of clusters."""
    from ..inspection import TreeDisplay

    if not (hasattr(estimator, "column_evidence_") and estimator.n_clusters_ > 1):
        return
    ranked = sorted(estimator.column_evidence_.items(), key=lambda item: -item[1])
    telling = set(estimator.informative_gaps_)
    rows = [
        (str(name), readable(nats), "tell clusters apart" if name in telling else "")
        for name, nats in ranked
    ]
    head, said = ("column", "evidence (nats)", "gaps"), ""
    if telling:
        said = (
            " Gaps tell clusters apart where it is said so, and count as unknown "
            "everywhere else."
        )
    else:
        head, rows = head[:2], [row[:2] for row in rows]
    parts = [
        f"<p>{EVIDENCE} Of a column below 0 the clusters say nothing.{said}</p>",
        html_table(head, rows),
        figure(
            lambda ax: draw_levels(estimator, ax),
            "Evidence, less what each cluster must earn, by number of clusters.",
        ),
        figure(
            lambda ax: TreeDisplay.from_estimator(estimator, ax=ax),
            "How components were merged; the height is how much evidence a merge "
            "costs, in nats. Solid merges led to the clusters, dashed ones lead to "
            "fewer.",
        ),
    ]
    levels = coarser_levels(estimator)[-LEVELS_TOLD:]
    if levels:
        parts.append(
            "<p>Fewer clusters, from fine to coarse: how much evidence that costs, in "
            "nats, and which of the clusters above make up each.</p>"
            + html_table(
                ("clusters", "evidence lost (nats)", "made of"),
                [(str(k), readable(lost), said) for k, lost, said in levels],
            )
        )
    yield "Columns, gaps and levels", "\n".join(parts)


def pictures_of(estimator, prepared, labels, takes_columns, noun="cluster"):
    """Draw the rows, and the means of their columns in each cluster."""
    matrix, names = rule_matrix(prepared)
    two_levels = {f"{c.name} = {c.levels[1]}" for c in prepared.columns if is_pair(c)}
    told = [j for j, name in enumerate(names) if name not in two_levels]
    n_clusters = len(set(labels.tolist()))
    return [
        map_section(estimator, prepared, labels, takes_columns, noun),
        figure(
            lambda ax: draw_profile(
                matrix[:, told], [names[j] for j in told], labels, noun, ax
            ),
            f"Mean of each column in each {noun}, of the cells that are there, "
            "coloured by its distance from the mean of all rows. Of a category, the "
            "share of rows.",
            (
                max(6.4, 2.4 + 0.75 * n_clusters),
                1.4 + 0.34 * min(len(told), COLUMNS_DRAWN),
            ),
        ),
    ]


def closing_sections(estimator, prepared, facts):
    """What every report ends with: how it was made, and of what."""
    return [
        ("How it was made", bullets(facts)),
        ("Every column", column_section(prepared)),
        ("Method and its parameters", f"<pre>{escape(repr(estimator))}</pre>"),
        ("Versions", bullets(versions())),
    ]


def cluster_report(
    title, estimator, prepared, labels, clusters, facts, takes_columns, comparison
):
    """Write the report of a clustering.

    Parameters
    ----------
    title : str
        Title of the page.
    estimator : object
        Fitted on the prepared rows.
    prepared : Prepared
        The rows.
    labels : ndarray of shape (n_samples,)
        Cluster of each row.
    clusters : list of Described
        The clusters in words.
    facts : list of str
        What was done with which column, and what else is to be known.
    takes_columns : bool
        Whether the columns themselves were clustered, not the encoded rows.
    comparison : Comparison or None
        With a column that was not used.

    Returns
    -------
    str
        An HTML document.
    """
    from ..inspection import SilhouetteDisplay

    X, n_clusters = prepared.X, len(clusters)
    matrix, names = rule_matrix(prepared)
    pictures = pictures_of(estimator, prepared, labels, takes_columns)
    if 2 <= n_clusters < min(len(X), 30) and not takes_columns:
        pictures.append(
            figure(
                lambda ax: SilhouetteDisplay.from_predictions(X, labels, ax=ax),
                "Silhouettes: rows far below the dashed line lie between clusters.",
            )
        )
    sections = [
        (headline(clusters), cluster_table(clusters)),
        ("Pictures", "\n".join(pictures)),
        *mixture_sections(estimator),
        *compare_sections(comparison),
        ("Rules", rule_section(matrix, names, labels)),
        ("Typical rows", typical_section(prepared, labels)),
        ("Every column in every cluster", profile_section(prepared, labels)),
        *closing_sections(estimator, prepared, facts),
    ]
    return page(title, sections)


def is_pair(column):
    """Whether one of a category's levels says all about the other."""
    return column.role != "number" and len(column.levels) == 2


def compare_sections(comparison):
    """Yield the section about a column that was not used."""
    if comparison is None or comparison.counts is None:
        return
    counts = comparison.counts
    drawn = figure(
        lambda ax: draw_counts(comparison, ax),
        f"Share of each cluster's rows that have which value of {comparison.name}.",
        (
            max(6.4, 2.4 + 0.6 * len(counts)),
            1.4 + 0.3 * min(counts.shape[1], MOST_VALUES),
        ),
    )
    rows = [
        (f"cluster {cluster}", *(f"{n:,}" for n in line))
        for cluster, line in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    said = f"<p>{escape(comparison.lines[0])}</p>"
    table = html_table(("rows", *counts.columns), rows)
    yield f"Compared with {comparison.name}", f"{said}{drawn}{table}"
