"""The commands ``cluster`` and ``predict``."""

from .clusters import (
    FIND_NUMBER,
    METHODS,
    choice_notes,
    confidences,
    default_method,
    described,
    fit_clusters,
    summary,
)
from .columns import Prepared, missing_notes, prepare_table, prepared_names
from .files import RESULT_COLUMNS, read_table
from .messages import CommandError, first_line, keep_quiet, say, warnings_as_notes
from .outputs import check_outputs, draw, model_writer, table_writer, write_outputs
from .report import cluster_report


def check_method(args):
    """Settle the method, and refuse one that lacks its number of clusters."""
    if args.method is None:
        args.method = default_method(args.n_clusters)
    if args.n_clusters is None and args.method not in FIND_NUMBER:
        raise CommandError(
            f"--method {args.method} needs --n-clusters K; "
            f"{' or '.join(FIND_NUMBER)} finds the number itself"
        )


def cluster_rows(args, X):
    """Fit the method that was asked for; see `fit_clusters`."""
    build = METHODS[args.method]
    try:
        return fit_clusters(build, X, args.n_clusters, args.random_state)
    except ValueError as error:
        raise CommandError(first_line(error)) from error


def cluster(args):
    """Run ``skdeepcluster cluster``."""
    note = keep_quiet if args.quiet else say
    check_method(args)
    check_outputs(args)
    table = read_table(args.table)
    if args.n_clusters is not None and args.n_clusters > len(table):
        raise CommandError(
            f"--n-clusters {args.n_clusters}: the table has only {len(table):,} rows"
        )
    facts = []

    def remember(text):
        facts.append(text)
        note(text)

    prepared = prepare_table(args, table, remember)
    with warnings_as_notes(remember):
        estimator, labels, confidence = cluster_rows(args, prepared.X)
    for text in choice_notes(estimator):
        remember(text)
    clusters = described(prepared, labels, confidence)

    def write_report(path):
        page = cluster_report(args.table.name, estimator, prepared, clusters, facts)
        path.write_text(page, encoding="utf-8")

    writers = {
        "out": table_writer(args, table, RESULT_COLUMNS, labels, confidence),
        "plot": lambda path: draw(estimator, prepared.X, path),
        "report": write_report,
        "save": model_writer(prepared, estimator),
    }
    with warnings_as_notes(note):
        write_outputs(args, note, writers)
    print(summary(clusters))


def predict(args):
    """Run ``skdeepcluster predict``."""
    from .discovering import RESULT_COLUMNS as DISCOVERY_COLUMNS
    from .models import load_model, unseen_levels

    note = keep_quiet if args.quiet else say
    check_outputs(args)
    columns, preparation, estimator = load_model(args.model)
    discovers = hasattr(estimator, "is_novel")
    new_columns = DISCOVERY_COLUMNS if discovers else RESULT_COLUMNS
    table = read_table(args.table, new_columns)
    features = columns.transform(table)
    for text in (
        *columns.notes(table),
        *unseen_levels(features, columns, preparation),
        *missing_notes(features),
    ):
        note(text)
    with warnings_as_notes(note):
        X = preparation.transform(features)
        labels = estimator.predict(X)
        confidence = confidences(estimator, X)
        is_novel = [estimator.is_novel(X)] if discovers else []
        results = (labels, *is_novel, confidence)
        writers = {"out": table_writer(args, table, new_columns, *results)}
        write_outputs(args, note, writers)
    names = prepared_names(preparation, columns)
    prepared = Prepared(features, X, names, columns, preparation, None)
    found = described(prepared, labels, confidence)
    if discovers:
        print(summary(found, "class", estimator.novel_classes_.tolist()))
    else:
        print(summary(found))
