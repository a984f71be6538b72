"""``skdeepcluster classify``: fills the empty cells of a column of known classes."""

import sys

from .classes import class_report, class_summary
from .columns import columns_writer
from .files import read
from .given_labels import rows_and_labels
from .messages import (
    CommandError,
    first_line,
    keep_quiet,
    print_lines,
    say,
    warnings_as_notes,
)
from .outputs import check_outputs, draw, model_writer, table_writer, write_outputs
from .row_map import map_points

RESULT_COLUMNS = ("found_class", "found_confidence")
REJECTED = "found_is_none"


def classifier_for(args, prepared, n_classes):
    """The classifier that the options ask for; encoded axes keep their lengths."""
    from sklearn.preprocessing import FunctionTransformer

    from .. import TransductiveClassifier

    return TransductiveClassifier(
        encoder=FunctionTransformer() if prepared.has_words_or_gaps else None,
        # Few strangers are one group more: with further ones, known rows are rejected.
        reject=n_classes + 1 if args.reject else None,
        random_state=args.random_state,
    )


def find_classes(args, prepared, y):
    """Fit the classifier, and hide labels from copies of it to see how good it is.

    Returns
    -------
    model : TransductiveClassifier
        Fitted.
    calibration : Calibration
        What the hidden labels said.
    confidence : ndarray of shape (n_samples,)
        Probability that the class of a row is right.
    """
    import numpy as np

    from .._labels import PartialLabels
    from ..discovery._calibration import calibrate

    try:
        known = PartialLabels(y, prepared.X)
        model = classifier_for(args, prepared, known.n_known)
        model.fit(prepared.X, y)
        calibration = calibrate(model, prepared.X, known.codes, seed=args.random_state)
    except ValueError as error:
        raise CommandError(first_line(error)) from error
    sure = calibration.confidence(model)
    confidence = np.where(known.labeled, 1.0, sure).round(6)
    return model, calibration, confidence


def calibration_lines(calibration):
    """Say how good the classifier was where it could be seen."""
    if calibration.n_hidden == 0:
        yield (
            "no class has a second label that could be hidden: how often the classes "
            "are right is not known, and confidence is that of other tables"
        )
        return
    yield (
        f"of {calibration.n_hidden:,} labeled rows that were hidden in turn, "
        f"{calibration.accuracy:.0%} got their class again"
    )


def classify(args):
    """Run ``skdeepcluster classify``."""
    note = keep_quiet if args.quiet else say
    check_outputs(args)
    names = (*RESULT_COLUMNS, REJECTED) if args.reject else RESULT_COLUMNS
    table = read(args, names)
    facts = []

    def remember(text):
        facts.append(text)
        note(text)

    prepared, y, labeled = rows_and_labels(args, table, remember, check_labels)
    with warnings_as_notes(remember):
        model, calibration, confidence = find_classes(args, prepared, y)
    labels = model.transduction_
    endings = list(calibration_lines(calibration))
    if args.reject:
        endings.append(
            f"{model.rejected_.sum():,} of {(~labeled).sum():,} unlabeled rows are "
            f"rejected: of {model.n_groups_} groups in the table, another one is "
            "nearer to them than their class, or as near"
        )
    head = (
        f"{len(model.classes_)} classes for {(~labeled).sum():,} unlabeled of "
        f"{len(labels):,} rows"
    )
    told = (prepared, model.classes_, labels, labeled, confidence, "confidence")

    def write_report(path):
        page = class_report(args.table.name, head, model, *told, [*endings, *facts])
        path.write_text(page, encoding="utf-8")

    results = (labels, confidence, *([model.rejected_] if args.reject else []))
    writers = {
        "out": table_writer(args, table, names, *results),
        "plot": lambda path: draw(*map_points(model, prepared, False), labels, path),
        "report": write_report,
        "columns": columns_writer(prepared),
        "save": model_writer(prepared, model, labels),
    }
    with warnings_as_notes(note):
        write_outputs(args, note, writers)
    print_lines([*class_summary(head, *told), "", *endings], sys.stdout)


def check_labels(args, labeled):
    """Refuse a column that leaves nothing to find, or nothing to learn from."""
    if labeled.all():
        raise CommandError(
            f"--label {args.label}: every row has a label; leave the cells empty where "
            "the class is to be found"
        )
    if not labeled.any():
        raise CommandError(
            f"--label {args.label}: no row has a label; fill some cells of each class, "
            "or take the command cluster"
        )
