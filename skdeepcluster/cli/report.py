"""One HTML file that says what was found; it opens without a network."""

import base64
import io
import platform
import sys
import warnings
from html import escape

from .. import __version__
from .clusters import headline, often
from .columns import unused_columns
from .descriptions import profile_table, readable
from .rules import COVERAGE, DEPTH, PRECISION, cluster_rules, rule_matrix

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; }
figure, .scroll { overflow-x: auto; }
img { max-width: 100%; background: white; border-radius: 6px; }
img.wide { max-width: none; }
figcaption { font-size: .9rem; opacity: .8; }
pre { background: var(--soft); padding: .8rem; border-radius: 6px; overflow-x: auto; }
"""

# Inches across the text. A wider picture is not shrunk, but can be moved.
PAGE_WIDTH = 10
COLUMNS_DRAWN = 12


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


def rule_section(prepared, labels):
    """Write the rules, and which clusters have none."""
    rules, missing = cluster_rules(prepared, labels)
    without = ""
    if missing and len(set(labels.tolist())) > 1:
        named = ", ".join(map(str, missing))
        without = (
            f"<p>No rule of up to {DEPTH} conditions covers {COVERAGE:.0%} of the rows "
            f"and is right in {PRECISION:.0%} for: {named}.</p>"
        )
    return (
        "<p>Each describes rows of one cluster. In brackets how many rows it holds "
        "for, how much of the cluster it covers, and how often it is right; a row "
        "whose cell is missing fulfils no condition on it.</p>"
        f"{bullets(rules)}{without}"
    )


def html_table(head, rows):
    """Write a table; what is no text stands to the right."""
    lines = [
        "<tr>" + "".join(f"<th>{escape(str(cell))}</th>" for cell in head) + "</tr>"
    ]
    for row in rows:
        cells = "".join(
            f"<td>{escape(cell)}</td>"
            if isinstance(cell, str)
            else f'<td class="number">{readable(cell) if cell == cell else ""}</td>'
            for cell in row
        )
        lines.append(f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def profile_section(prepared, labels):
    """Write the averages of every column in every cluster."""
    profile = profile_table(prepared, labels).fillna({"level": ""})
    profile["level"] = profile["level"].astype(str)
    profile[["column", "cluster"]] = profile[["column", "cluster"]].astype(str)
    return (
        "<p>Of the cells that are there; how many is said under <i>cells</i>.</p>"
        + html_table(profile.columns, profile.itertuples(index=False))
    )


def column_section(prepared):
    """Write what was decided about every column."""
    unused = unused_columns(prepared)
    rows = [
        (
            str(column.name),
            f"not used: {unused[column.name]}"
            if column.name in unused
            else column.role,
            column.unit,
            "logarithm" if column.log_shift is not None else "",
            f"{column.share_missing:.1%}",
            " | ".join(column.levels),
        )
        for column in prepared.encoder.columns_
    ]
    return html_table(("column", "taken as", "unit", "", "missing", "levels"), rows)


def draw_profile(prepared, labels, ax):
    """Draw means of observed cells, coloured by their distance from all rows."""
    import numpy as np

    from ..inspection import ClusterProfileDisplay

    matrix, names = rule_matrix(prepared)
    clusters = sorted(set(labels.tolist()))
    with warnings.catch_warnings():
        # A column may be all gaps in a cluster.
        warnings.simplefilter("ignore", RuntimeWarning)
        means = np.array([np.nanmean(matrix[labels == c], axis=0) for c in clusters])
    overall, spread = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0)
    deviations = (means - overall) / np.where(spread > 0, spread, 1)
    sizes = np.array([(labels == c).sum() for c in clusters])
    telling = sizes @ np.square(np.nan_to_num(deviations))
    shown = np.argsort(-telling, kind="stable")[:COLUMNS_DRAWN]
    seen = (~np.isnan(matrix)).sum(axis=0)
    ClusterProfileDisplay(
        means=means[:, shown],
        deviations=deviations[:, shown],
        clusters=clusters,
        sizes=sizes,
        feature_names=[
            names[j] + f" ({seen[j]:,} cells)" * bool(seen[j] < len(matrix))
            for j in shown
        ],
    ).plot(ax=ax)


def cluster_report(title, estimator, prepared, labels, clusters, facts):
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

    Returns
    -------
    str
        An HTML document.
    """
    from ..inspection import EmbeddingDisplay, SilhouetteDisplay

    X, n_clusters = prepared.X, len(clusters)
    n_drawn = min(len(rule_matrix(prepared)[1]), COLUMNS_DRAWN)
    pictures = [
        figure(
            lambda ax: EmbeddingDisplay.from_predictions(X, labels, ax=ax),
            "The rows, coloured by cluster.",
        ),
        figure(
            lambda ax: draw_profile(prepared, labels, ax),
            "Mean of each column in each cluster, of the cells that are there, "
            "coloured by its distance from the mean of all rows. Of a category, the "
            "share of rows.",
            (max(6.4, 2.4 + 0.75 * n_clusters), 1.4 + 0.34 * n_drawn),
        ),
    ]
    if 2 <= n_clusters < min(len(X), 30):
        pictures.append(
            figure(
                lambda ax: SilhouetteDisplay.from_predictions(X, labels, ax=ax),
                "Silhouettes: rows far below the dashed line lie between clusters.",
            )
        )
    sections = [
        (headline(clusters), cluster_table(clusters)),
        ("Pictures", "\n".join(pictures)),
        ("Rules", rule_section(prepared, labels)),
        ("Every column in every cluster", profile_section(prepared, labels)),
        ("How it was made", bullets(facts)),
        ("Every column", column_section(prepared)),
        ("Method and its parameters", f"<pre>{escape(repr(estimator))}</pre>"),
        ("Versions", bullets(versions())),
    ]
    return page(title, sections)
