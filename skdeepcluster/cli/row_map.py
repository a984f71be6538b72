"""A map of the rows in which each can be pointed at: one SVG picture, no network."""

from .._printing import escape, shortened
from .descriptions import as_numbers, as_words, in_words

WIDTH, HEIGHT, MARGIN, LEGEND = 760, 520, 46, 170
# More points are neither told apart nor pointed at.
MOST_DRAWN = 1_500
COLUMNS_TOLD = 12


def row_map(points, labels, axis_labels, tips):
    """Draw rows, each of which says what it is when it is pointed at.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        Places of the rows.
    labels : ndarray of shape (n_samples,)
        Cluster of each.
    axis_labels : sequence of 2 str
        What the axes are.
    tips : callable
        Says what rows are, by their positions.

    Returns
    -------
    str
        An SVG element.
    """
    import numpy as np

    from ..inspection._drawing import (
        COLORS,
        OTHERS_COLOR,
        largest_first,
        names_apart,
        view_limits,
    )

    clusters, codes = np.unique(labels, return_inverse=True)
    limits = [view_limits(values) for values in points.T]
    places = np.clip(points, *np.transpose(limits))
    n_beyond = int((places != points).any(axis=1).sum())
    x, y = (
        start + (values - low) / ((high - low) or 1.0) * length
        for values, (low, high), start, length in zip(
            places.T,
            limits,
            (MARGIN, HEIGHT - MARGIN),
            (WIDTH - LEGEND - 2 * MARGIN, 2 * MARGIN - HEIGHT),
            strict=True,
        )
    )
    shown, others = largest_first(codes)
    drawn = np.arange(len(points))
    if len(points) > MOST_DRAWN:
        rng = np.random.default_rng(0)
        drawn = np.sort(rng.choice(len(points), MOST_DRAWN, replace=False))
    looks = {
        code: (COLORS[i % len(COLORS)], i >= len(COLORS))
        for i, code in enumerate(shown.tolist())
    }
    marks = [
        mark(x[row], y[row], *looks.get(codes[row], (OTHERS_COLOR, False)), tip)
        for row, tip in zip(drawn, tips(drawn), strict=True)
    ]
    middles = [(np.median(x[codes == c]), np.median(y[codes == c])) for c in shown]
    names = [
        text(*place, clusters[code], "middle", ' class="name"')
        for code, place in zip(shown, names_apart(middles, 26, 17), strict=True)
    ]
    sizes = np.bincount(codes)
    legend = [
        mark(WIDTH - LEGEND + 8, 40 + 20 * i, *looks[code])
        + text(
            *(WIDTH - LEGEND + 20, 45 + 20 * i),
            f"{clusters[code]} ({sizes[code]:,} rows)",
            "start",
        )
        for i, code in enumerate(shown.tolist())
    ]
    if others.any():
        said = f"{len(clusters) - len(shown)} more ({others.sum():,} rows)"
        at = 40 + 20 * len(shown)
        legend.append(mark(WIDTH - LEGEND + 8, at, OTHERS_COLOR, False))
        legend.append(text(WIDTH - LEGEND + 20, at + 5, said, "start"))
    across, up = axis_labels
    across += f"; {n_beyond:,} rows lie farther out, at the edge" * bool(n_beyond)
    middle = (WIDTH - LEGEND) / 2
    axes = [
        text(middle, HEIGHT - 14, across, "middle"),
        f'<g transform="rotate(-90 16 {HEIGHT / 2})">'
        f"{text(16, HEIGHT / 2, up, 'middle')}</g>",
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img">{"".join([*axes, *marks, *names, *legend])}</svg>'
    )


def map_points(estimator, prepared, takes_columns):
    """Places of the rows as they were clustered, and what the two axes are."""
    import pandas as pd

    from ..inspection._drawing import representation
    from ..inspection.embedding_display import two_dimensions

    names = prepared.encoder.get_feature_names_out()
    rows = pd.DataFrame(prepared.X, columns=names)
    if prepared.encoder.axes_ is not None:
        rows = rows.iloc[:, :2]
    if not takes_columns:
        seen = representation(estimator, prepared.X)
        rows = rows if seen is prepared.X else seen
    return two_dimensions(rows)


def mark(x, y, color, is_triangle, tip=""):
    """One point: a disc or a triangle."""
    title = f"<title>{escape(tip)}</title>" if tip else ""
    if is_triangle:
        corners = f"{x:.0f},{y - 5:.0f} {x - 5:.0f},{y + 4:.0f} {x + 5:.0f},{y + 4:.0f}"
        return f'<polygon points="{corners}" fill="{color}">{title}</polygon>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}">{title}</circle>'


def text(x, y, said, anchor, more=""):
    """Some words."""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{more}>'
        f"{escape(str(said))}</text>"
    )


def row_tips(prepared, labels, rows, noun="cluster"):
    """Say of rows which they are, their clusters, and their cells."""
    columns = prepared.columns[:COLUMNS_TOLD]
    n_left = len(prepared.columns) - len(columns)
    ends = [f"… and {n_left} more columns"] * bool(n_left)
    names = row_names(prepared, rows)
    cells = [cells_in_words(column, prepared.frame.iloc[rows]) for column in columns]
    return [
        "\n".join(
            [
                f"{name}: {noun} {label}",
                *(
                    f"{shortened(c.name)}: {w}"
                    for c, w in zip(columns, words, strict=True)
                ),
                *ends,
            ]
        )
        for name, label, *words in zip(names, labels[rows], *cells, strict=True)
    ]


def row_names(prepared, rows):
    """Name rows by their number, and by the column that --id names."""
    names = [f"row {row + 1}" for row in rows]
    if prepared.row_names is None:
        return names
    given = prepared.row_names.iloc[rows]
    return [f"{name}, {shortened(own)}" for name, own in zip(names, given, strict=True)]


def cells_in_words(column, frame):
    """Cells of a column as they are said; gaps are "missing"."""
    cells = frame[column.name]
    if column.role == "number":
        return [
            "missing" if value != value else in_words(column, value)
            for value in as_numbers(cells)
        ]
    seen = cells.notna()
    words = as_words(column, cells).where(seen, "missing")
    return [*map(shortened, words)]
