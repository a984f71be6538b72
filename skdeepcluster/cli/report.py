"""One HTML file that says what was found; it opens without a network."""

import base64
import io
import math
import platform
import sys
from html import escape

from .. import __version__
from .clusters import certainty, headline

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
figure { overflow-x: auto; }
img { max-width: 100%; background: white; border-radius: 6px; }
img.wide { max-width: none; }
figcaption { font-size: .9rem; opacity: .8; }
pre { background: var(--soft); padding: .8rem; border-radius: 6px; overflow-x: auto; }
"""

# Inches across the text. A wider picture is not shrunk, but can be moved.
PAGE_WIDTH = 10
# A tree of depth 3 has a rule for each of so many clusters; of more clusters only
# rules that cover this share are written.
FEW_CLUSTERS, LARGE_SHARE = 8, 0.3


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
    names = ("cluster", "rows", "share", "confidence")
    head = "".join(f'<th class="number">{name}</th>' for name in names)
    lines = [f"<tr>{head}<th>what sets it apart</th></tr>"]
    for cluster, n_rows, share, confidence, remarks in clusters:
        numbers = (cluster, f"{n_rows:,}", f"{share:.1%}", certainty(confidence))
        cells = "".join(f'<td class="number">{number}</td>' for number in numbers)
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


def in_table_units(prepared):
    """Return the prepared columns with the numbers in the units of the table."""
    numbers = prepared.features[prepared.roles.numeric]
    units = prepared.X.copy()
    units[:, : numbers.shape[1]] = numbers.fillna(numbers.median())
    return units


def rule_section(prepared, units, labels, clusters):
    """Write the rules, and which clusters have none."""
    from ..inspection.rules import rules_of_labels

    options = {}
    if len(clusters) > FEW_CLUSTERS:
        depth = 1 + math.ceil(math.log2(len(clusters)))
        options = {"max_depth": depth, "min_coverage": LARGE_SHARE}
    rules = rules_of_labels(units, labels, prepared.names, **options)
    missing = {entry.cluster for entry in clusters} - {rule.cluster for rule in rules}
    without = ""
    if missing:
        named = ", ".join(map(str, sorted(missing)))
        without = f"<p>No short rule describes: {named}.</p>"
    return (
        "<p>Each describes rows of one cluster. In brackets how much of the cluster it "
        f"covers, and how often it is right.</p>{bullets(rules)}{without}"
    )


def cluster_report(title, estimator, prepared, clusters, facts):
    """Write the report of a clustering.

    Parameters
    ----------
    title : str
        Title of the page.
    estimator : object
        Fitted on the prepared rows.
    prepared : Prepared
        The rows.
    clusters : list of Described
        The clusters in words.
    facts : list of str
        What was done with which column, and what else is to be known.

    Returns
    -------
    str
        An HTML document.
    """
    from ..inspection import ClusterProfileDisplay, EmbeddingDisplay, SilhouetteDisplay

    labels, X, names = estimator.labels_, prepared.X, prepared.names
    units = in_table_units(prepared)
    n_clusters = len(clusters)
    pictures = [
        figure(
            lambda ax: EmbeddingDisplay.from_estimator(estimator, X, ax=ax),
            "The rows, coloured by cluster.",
        ),
        figure(
            lambda ax: ClusterProfileDisplay.from_predictions(
                units, labels, feature_names=names, ax=ax
            ),
            "Mean of each column in each cluster, coloured by its distance from the "
            "mean of all rows. Of a category, the share of rows.",
            (max(6.4, 2.4 + 0.75 * n_clusters), 1.4 + 0.34 * min(len(names), 12)),
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
        ("Rules", rule_section(prepared, units, labels, clusters)),
        ("How it was made", bullets(facts)),
        ("Method and its parameters", f"<pre>{escape(repr(estimator))}</pre>"),
        ("Versions", bullets(versions())),
    ]
    return page(title, sections)
