"""The labels that a command starts from: of a column, or of columns named in a file."""

import json

from .columns import check_columns, prepare_table
from .messages import CommandError, first_line, listed, warnings_as_notes
from .written_labels import partial_labels


def rows_and_labels(args, table, remember, check):
    """Prepare the columns, and read the labels or choose some by ``--seeds``.

    Parameters
    ----------
    args : Namespace
        With `label` or `seeds`, and the options about columns.
    table : TableFile
        The table as it was read.
    remember : callable
        Told what is done.
    check : callable
        ``check(args, labeled)`` refuses labels that leave nothing to do.

    Returns
    -------
    prepared : Prepared
        The rows.
    y : ndarray of shape (n_samples,)
        Partial labels.
    labeled : ndarray of shape (n_samples,), dtype=bool
        Whether a row has one.
    """
    if args.label is not None:
        check_columns(table.frame, [args.label], "--label")
        y, labeled = partial_labels(table.frame[args.label], remember)
        check(args, labeled)
    for text in table.notes:
        remember(text)
    aside = [(args.label, "--label")] if args.label is not None else []
    prepared = prepare_table(args, table, remember, aside)
    if args.seeds is not None:
        y, labeled = seeded_labels(args.seeds, prepared, remember)
    return prepared, y, labeled


def seeded_labels(path, prepared, remember):
    """Label the rows that lie nearest to the columns of a class."""
    import numpy as np

    from ..discovery import seed_labels

    topics = read_topics(path)
    if prepared.has_words_or_gaps:
        raise CommandError(
            "--seeds looks for rows that are high in some columns: it needs a table of "
            "complete numbers; --drop leaves out others"
        )
    names = [str(column.name) for column in prepared.columns]
    with warnings_as_notes(remember):
        try:
            seeds = seed_labels(prepared.X, topics, feature_names=names)
        except ValueError as error:
            raise CommandError(f"--seeds {path}: {first_line(error)}") from error
    labeled = np.array([label is not None for label in seeds.labels])
    counts = [f"{topic} ({(seeds.labels == topic).sum():,})" for topic in seeds.topics]
    remember(f"rows labeled by --seeds: {listed(counts, where='--out FILE')}")
    return seeds.labels, labeled


def read_topics(path):
    """Read classes and their columns from a file of JSON."""
    if not path.exists():
        raise CommandError(f"there is no file {path}")
    try:
        topics = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CommandError(f"{path} is no JSON: {first_line(error)}") from error
    if not isinstance(topics, dict) or not all(
        isinstance(columns, list) and all(isinstance(name, str) for name in columns)
        for columns in topics.values()
    ):
        raise CommandError(
            f'{path}: write {{"CLASS": ["COLUMN", ...], ...}}, a list of columns for '
            "each class"
        )
    return topics
