"""Classes in words: the summary and the report of ``discover`` and ``classify``."""

from ..inspection._number_text import percent
from .clusters import shortened
from .descriptions import readable, remarks_on
from .report import closing_sections, html_table, page, pictures_of
from .rule_lists import rule_matrix

# Means are told apart from so much of the column's standard deviation on, and from so
# many standard errors.
LEAST_APART, LEAST_SURE, MOST_TOLD = 0.5, 4.0, 3


def class_lines(prepared, classes, labels, labeled, sure, known=None):
    """Yield name, whether it is new, rows, found rows, how sure, and remarks."""
    for name in classes.tolist():
        members = labels == name
        found = members & ~labeled
        is_new = known is not None and name not in known
        said = f"{sure[found].mean():.2f}" if found.any() else "-"
        remarks = remarks_on(prepared, members) if members.any() else ["no row"]
        yield name, is_new, int(members.sum()), int(found.sum()), said, remarks


def class_summary(
    head, prepared, classes, labels, labeled, sure, sure_name, known=None
):
    """Write the table of the classes, line by line.

    Parameters
    ----------
    head : str
        First line.
    prepared : Prepared
        The rows.
    classes : ndarray
        All classes.
    labels, labeled, sure : ndarray of shape (n_samples,)
        Class of each row, whether it was given, and how sure it is.
    sure_name : str
        What `sure` is called.
    known : collection, default=None
        Classes that were known, where others are new.
    """
    width = max(len("class"), *(len(shortened(name)) for name in classes.tolist()))
    new = "  new" if known is not None else ""
    lines = [
        head,
        "",
        f"{'class':>{width}}{new}      rows     found{sure_name:>12}  "
        "what sets it apart",
    ]
    told = class_lines(prepared, classes, labels, labeled, sure, known)
    for name, is_new, n_rows, n_found, said, remarks in told:
        mark = f"  {'yes' if is_new else 'no':<3}" if new else ""
        lines.append(
            f"{shortened(name):>{width}}{mark}{n_rows:>10,}{n_found:>10,}{said:>12}  "
            f"{remarks[0]}"
        )
        indent = width + len(mark) + 34
        lines += [f"{'':{indent}}{remark}" for remark in remarks[1:]]
    return lines


def differences(matrix, names, one, other):
    """Say in which columns the means of two sets of rows differ most."""
    import numpy as np

    spread = np.nanstd(matrix, axis=0)
    told = []
    for j, name in enumerate(names):
        first, second = (m[~np.isnan(m)] for m in (matrix[one, j], matrix[other, j]))
        if min(len(first), len(second)) < 2 or not spread[j] > 0:
            continue
        apart = abs(first.mean() - second.mean())
        error = np.sqrt(first.var() / len(first) + second.var() / len(second))
        if apart > LEAST_APART * spread[j] and apart > LEAST_SURE * error:
            told.append((apart / spread[j], name, first.mean(), second.mean()))
    told.sort(key=lambda item: -item[0])
    return [
        f"{name}: mean {percent(a)} against {percent(b)}"
        if " = " in name
        else f"{name}: mean {readable(a)} against {readable(b)}"
        for _, name, a, b in told[:MOST_TOLD]
    ]


def found_section(matrix, names, classes, labels, labeled):
    """Compare the rows that were found to be of a class with those labeled so."""
    rows = []
    for name in classes.tolist():
        given, found = (labels == name) & labeled, (labels == name) & ~labeled
        if given.sum() < 2 or found.sum() < 2:
            continue
        told = differences(matrix, names, found, given)
        rows.append((str(name), "; ".join(told) or "nothing that stands out"))
    if not rows:
        return "<p>No class has two labeled rows and two that were found.</p>"
    return (
        "<p>Means of the rows that were found to be of a class, against those of its "
        "labeled rows. Where much differs, the rows found may be of a class that "
        "nobody named.</p>" + html_table(("class", "found against labeled"), rows)
    )


def nearest_section(prepared, matrix, names, known, novel, labels):
    """Compare every new class with the known one whose mean is nearest."""
    import numpy as np

    means = {
        name: prepared.X[labels == name].mean(axis=0)
        for name in (*known, *novel)
        if (labels == name).any()
    }
    rows = []
    for name in novel:
        others = [other for other in known if other in means]
        if name not in means or not others:
            continue
        away = [np.linalg.norm(means[name] - means[other]) for other in others]
        nearest = others[int(np.argmin(away))]
        told = differences(matrix, names, labels == name, labels == nearest)
        said = "; ".join(told) or "nothing that stands out"
        rows.append((str(name), str(nearest), said))
    if not rows:
        return "<p>There is no new class beside a known one.</p>"
    return html_table(("new class", "nearest known class", "new against known"), rows)


def class_report(
    title,
    head,
    estimator,
    prepared,
    classes,
    labels,
    labeled,
    sure,
    sure_name,
    facts,
    known=None,
    takes_columns=False,
):
    """Write the report of a classification or a discovery.

    Parameters
    ----------
    title, head : str
        Title of the page and of its first section.
    estimator : object
        Fitted.
    prepared, classes, labels, labeled, sure, sure_name, known
        See :func:`class_summary`.
    facts : list of str
        What was done with which column, and what else is to be known.
    takes_columns : bool, default=False
        Whether the columns themselves were fitted, not the encoded rows.

    Returns
    -------
    str
        An HTML document.
    """
    matrix, names = rule_matrix(prepared)
    columns = ("class", "rows", "found", sure_name, "what sets it apart")
    rows = []
    told = class_lines(prepared, classes, labels, labeled, sure, known)
    for name, is_new, n_rows, n_found, said, remarks in told:
        shown = f"{name}{' (new)' * is_new}"
        rows.append((shown, f"{n_rows:,}", f"{n_found:,}", said, "; ".join(remarks)))
    sections = [
        (head, html_table(columns, rows)),
        (
            "Rows found, against rows labeled",
            found_section(matrix, names, classes, labels, labeled),
        ),
    ]
    if known is not None:
        novel = [name for name in classes.tolist() if name not in known]
        nearest = nearest_section(prepared, matrix, names, known, novel, labels)
        sections.append(("New classes, and the nearest known one", nearest))
    drawn = pictures_of(estimator, prepared, labels, takes_columns, "class")
    sections.append(("Pictures", "\n".join(drawn)))
    sections += closing_sections(estimator, prepared, facts)
    return page(title, sections)
