"""The commands ``cluster`` and ``predict``."""

import sys
import warnings

from .clusters import (
    FIND_NUMBER,
    METHODS,
    SLOW,
    TAKE_COLUMNS,
    choice_notes,
    default_method,
    method_note,
    number_by_size,
    one_cluster_notes,
    summary,
    vote_notes,
)
from .columns import (
    Prepared,
    check_weights,
    columns_writer,
    missing_notes,
    prepare_table,
)
from .comparing import compared
from .constraints import (
    are_given,
    check_constraints,
    constrained_options,
    read_links,
    row_labels,
    said_of,
)
from .descriptions import answer_notes, described, profile_writer
from .edges import check_edges, read_edges
from .files import PREDICT_COLUMNS, RESULT_COLUMNS, VOTE_COLUMNS, read
from .messages import (
    CommandError,
    first_line,
    keep_quiet,
    once,
    print_lines,
    say,
    warnings_as_notes,
)
from .mixtures import mixture_notes
from .out_of_core import cluster_parts, label_names, predict_parts
from .outputs import check_outputs, draw, model_writer, table_writer, write_outputs
from .report import cluster_report
from .row_map import map_points
from .source_files import source_of
from .stability import stabilities, stability_notes


def check_method(args, prepared):
    """Settle the method, and refuse one that lacks its number of clusters."""
    if args.edges is not None:
        args.method = "graph"
    if are_given(args):
        args.method = "constrained"
    if args.method is None:
        args.method = default_method(args.n_clusters, prepared.has_words_or_gaps)
        if args.min_clusters is not None and args.n_clusters is None:
            args.method = "ppp"
    finds_number = args.method in (*FIND_NUMBER, "graph")
    if args.n_clusters is None and not finds_number:
        raise CommandError(
            f"--method {args.method} needs --n-clusters K; "
            f"{' or '.join(FIND_NUMBER)} finds the number itself"
        )
    check_weights(args)
    if args.min_clusters is not None and args.method not in ("ppp", "auto"):
        raise CommandError(
            f"--min-clusters is for --method ppp and auto, not for {args.method}"
        )


def built(args, prepared):
    """Build the estimator that was asked for."""
    estimator = METHODS[args.method](args.n_clusters, args.random_state)
    if args.min_clusters is not None and args.n_clusters is None:
        estimator.set_params(min_clusters=args.min_clusters)
    if args.method in TAKE_COLUMNS:
        estimator.set_params(**prepared.mixture_options)
    if args.method == "constrained":
        estimator.set_params(**constrained_options(args))
    return estimator


def cluster_rows(args, prepared, rows, told):
    """Fit the method that was asked for, and see whether its clusters are stable.

    Parameters
    ----------
    args : Namespace
        Options.
    prepared : Prepared
        The table.
    rows : ndarray or DataFrame
        What the method takes of it.
    told : dict
        Further arguments of ``fit``: edges or links.

    Returns
    -------
    estimator : object
        Fitted.
    found : Bunch or str
        Why there is none where it would take too long, or the rows are too few.
    """
    from ..model_selection import cluster_stability

    try:
        estimator = built(args, prepared).fit(rows, **told)
    except (ValueError, ImportError) as error:
        text = first_line(error)
        if are_given(args):
            text = said_of(error, row_labels(args, prepared))
        raise CommandError(text) from error
    if args.method == "kmeans":
        number_by_size(estimator)
    n_clusters = len(set(estimator.labels_.tolist()))
    if args.edges is not None:
        return estimator, "half of the rows have only a quarter of the edges"
    if are_given(args):
        return estimator, "bounds of sizes and links are about all rows"
    if args.method in SLOW:
        return estimator, f"it takes too long by --method {args.method}"
    if len(rows) // 2 < max(2, n_clusters):
        return estimator, "half of the rows are too few"
    with warnings.catch_warnings():
        # That a half has fewer clusters is counted, and no news.
        warnings.simplefilter("ignore")
        try:
            found = cluster_stability(estimator, rows, random_state=args.random_state)
        except ValueError as error:
            found = f"half of the rows cannot be clustered: {first_line(error)}"
    return estimator, found


def cluster(args):
    """Run ``skdeepcluster cluster``."""
    import numpy as np

    source = source_of(args)
    if source is not None:
        cluster_parts(args, source)
        return
    note = keep_quiet if args.quiet else say
    check_outputs(args)
    check_edges(args)
    check_constraints(args)
    names = VOTE_COLUMNS if args.method == "vote" else RESULT_COLUMNS
    table = read(args, names)
    n_rows = len(table.frame)
    if args.n_clusters is not None and args.n_clusters > n_rows:
        raise CommandError(
            f"--n-clusters {args.n_clusters}: the table has only {n_rows:,} rows"
        )
    facts = []

    @once
    def remember(text):
        facts.append(text)
        note(text)

    for text in table.notes:
        remember(text)
    aside = [(args.compare, "--compare")] if args.compare is not None else []
    prepared = prepare_table(args, table, remember, aside)
    settled = args.method is not None or args.edges is not None or are_given(args)
    check_method(args, prepared)
    if not settled:
        remember(method_note(args.method, prepared.has_words_or_gaps))
    takes_columns = args.method in TAKE_COLUMNS
    told = read_links(args, prepared, remember)
    if args.edges is not None:
        told["graph"] = read_edges(args, prepared.row_names, remember)
    with warnings_as_notes(remember):
        rows = prepared.used if takes_columns else prepared.X
        estimator, found = cluster_rows(args, prepared, rows, told)
    labels = estimator.labels_
    n_clusters = len(set(labels.tolist()))
    for text in choice_notes(estimator):
        remember(text)
    comparison = None
    if args.compare is not None:
        comparison = compared(prepared, labels, args.compare)
    was_measured = not isinstance(found, str)
    clusters = described(
        prepared, labels, stabilities(found, labels) if was_measured else None
    )
    endings = [
        *stability_notes(found, labels, args.n_clusters),
        *vote_notes(estimator),
        *one_cluster_notes(n_clusters, n_rows, args.n_clusters),
        *mixture_notes(estimator),
        *answer_notes(prepared, labels),
        *(comparison.lines if comparison else ()),
    ]
    shares = found.row_stability if was_measured else np.full(n_rows, np.nan)
    agreement = [estimator.agreement_.round(6)] if args.method == "vote" else []

    def write_report(path):
        page = cluster_report(
            args.table.name,
            estimator,
            prepared,
            labels,
            clusters,
            [*endings, *facts],
            takes_columns,
            comparison,
        )
        path.write_text(page, encoding="utf-8")

    writers = {
        "out": table_writer(args, table, names, labels, shares, *agreement),
        "plot": lambda path: draw(
            *map_points(estimator, prepared, takes_columns), labels, path
        ),
        "report": write_report,
        "table_file": profile_writer(prepared, labels),
        "columns": columns_writer(prepared),
        "save": model_writer(prepared, estimator, labels, takes_columns),
    }
    with warnings_as_notes(note):
        write_outputs(args, note, writers)
    print_lines(summary(clusters, notes=endings), sys.stdout)


def predict(args):
    """Run ``skdeepcluster predict``."""
    from .models import load_model, unlike_rows

    source = source_of(args)
    if source is not None:
        predict_parts(args, source, *load_model(args.model))
        return
    note = keep_quiet if args.quiet else say
    check_outputs(args)
    columns, estimator = load_model(args.model)
    discovers, has_classes = (
        hasattr(estimator, name) for name in ("is_novel", "classes_")
    )
    new_columns = (*label_names(estimator), PREDICT_COLUMNS[-1])
    table = read(args, new_columns, columns.forms)
    for text in (*table.notes, *columns.notes(table.frame)):
        note(text)
    with warnings_as_notes(note):
        try:
            frame = columns.with_all_names(table.frame)
            X = columns.encoder.transform(frame)
            rows = frame[columns.used] if columns.takes_columns else X
        except CommandError:
            raise
        except (ValueError, TypeError) as error:
            raise CommandError(first_line(error)) from error
        labels = estimator.predict(rows)
        unlike, notes = unlike_rows(columns, frame, X, labels)
        prepared = Prepared(frame, X, columns.encoder, {}, {}, None)
        for text in (*missing_notes(prepared), *notes):
            note(text)
        is_novel = [estimator.is_novel(rows)] if discovers else []
        results = (labels, *is_novel, unlike)
        writers = {"out": table_writer(args, table, new_columns, *results)}
        write_outputs(args, note, writers)
    clusters = described(prepared, labels)
    if has_classes:
        novel = estimator.novel_classes_.tolist() if discovers else ()
        lines = summary(clusters, "class", novel, notes)
    else:
        lines = summary(clusters, notes=notes)
    print_lines(lines, sys.stdout)
