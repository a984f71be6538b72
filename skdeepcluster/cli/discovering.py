"""``skdeepcluster discover``: classes for the rows that have none yet."""

import sys
import warnings
from functools import partial

from .classes import class_report, class_summary
from .clusters import TAKE_COLUMNS, method_note
from .columns import check_weights, columns_writer
from .files import read
from .given_labels import rows_and_labels
from .messages import (
    CommandError,
    first_line,
    keep_quiet,
    listed,
    print_lines,
    say,
    warnings_as_notes,
)
from .outputs import check_outputs, draw, model_writer, table_writer, write_outputs
from .row_map import map_points

# Tables of more columns are fitted by the mixture on their principal axes.
MANY_COLUMNS, N_AXES = 32, 20
RESULT_COLUMNS = ("found_class", "found_is_new", "found_posterior")


def _mixture(n_novel, random_state, X):
    from sklearn.decomposition import PCA

    from .. import SemiSupervisedGaussianMixture

    # Covariances of many columns cost much and say little.
    many = X.shape[1] > MANY_COLUMNS
    n_axes = min(N_AXES, len(X))
    encoder = PCA(n_axes, svd_solver="full") if many else None
    return SemiSupervisedGaussianMixture(
        n_novel, encoder=encoder, random_state=random_state
    )


def _mixed(n_novel, random_state, X, options):
    from ..discovery._mixed_classes import MixedClasses

    return MixedClasses(n_novel, options)


def _ncd_spectral(n_novel, random_state, X):
    from .. import NCDSpectralClustering

    return NCDSpectralClustering(n_novel, random_state=random_state)


def _ncd_kmeans(n_novel, random_state, X):
    from .. import NCDKMeans

    return NCDKMeans(n_novel, random_state=random_state)


def _gpc(n_novel, random_state, X):
    from .. import GPC

    return GPC(n_novel, random_state=random_state)


# Name of a method -> function (n_novel, random_state, X) that builds it.
METHODS = {
    "mixture": _mixture,
    "mixed": _mixed,
    "gpc": _gpc,
    "ncd-spectral": _ncd_spectral,
    "ncd-kmeans": _ncd_kmeans,
}


def find_classes(build, X, y, n_novel, random_state):
    """Fit a method to partial labels.

    Returns
    -------
    estimator : object
        Fitted.
    is_new : ndarray of shape (n_samples,), dtype=bool
        Whether the class of a row is a novel one.
    posterior : ndarray of shape (n_samples,)
        Probability that the estimator gives to the class of each row; 1 where
        the class was given.
    """
    import numpy as np

    try:
        estimator = build("auto" if n_novel is None else n_novel, random_state, X)
        estimator.fit(X, y)
    except (ValueError, ImportError) as error:
        raise CommandError(first_line(error)) from error
    places = {name: place for place, name in enumerate(estimator.classes_.tolist())}
    columns = np.array([places[name] for name in estimator.labels_.tolist()])
    is_new = columns >= len(estimator.known_classes_)
    posterior = estimator.predict_proba(X)[np.arange(len(X)), columns].round(6)
    return estimator, is_new, posterior


def headline(estimator, labeled):
    """Say how many classes are known and new."""
    n_novel, n_known = estimator.n_novel_, len(estimator.known_classes_)
    return (
        f"{n_novel} new class{'es' * (n_novel != 1)} beside {n_known} known, for "
        f"{(~labeled).sum():,} unlabeled of {len(labeled):,} rows"
    )


def discover(args):
    """Run ``skdeepcluster discover``."""
    note = keep_quiet if args.quiet else say
    check_outputs(args)
    table = read(args, RESULT_COLUMNS)
    facts = []

    def remember(text):
        facts.append(text)
        note(text)

    prepared, y, labeled = rows_and_labels(args, table, remember, check_labels)
    if args.method is None:
        args.method = "mixed" if prepared.has_words_or_gaps else "mixture"
        remember(method_note(args.method, prepared.has_words_or_gaps, METHODS))
    check_weights(args)
    takes_columns = args.method in TAKE_COLUMNS
    with warnings_as_notes(remember):
        rows = prepared.used if takes_columns else prepared.X
        build = METHODS[args.method]
        if takes_columns:
            build = partial(build, options=prepared.mixture_options)
        estimator, is_new, posterior = find_classes(
            build, rows, y, args.n_novel, args.random_state
        )
        posterior[labeled] = 1.0
        if not labeled.any():
            warnings.warn("no row has a label: all classes are new", stacklevel=1)
    labels, known = estimator.labels_, estimator.known_classes_.tolist()
    told = (prepared, estimator.classes_, labels, labeled, posterior, "posterior")

    def write_report(path):
        page = class_report(
            args.table.name,
            headline(estimator, labeled),
            estimator,
            *told,
            facts,
            known,
            takes_columns,
        )
        path.write_text(page, encoding="utf-8")

    writers = {
        "out": table_writer(args, table, RESULT_COLUMNS, labels, is_new, posterior),
        "plot": lambda path: draw(
            *map_points(estimator, prepared, takes_columns), labels, path
        ),
        "report": write_report,
        "columns": columns_writer(prepared),
        "save": model_writer(prepared, estimator, labels, takes_columns),
    }
    with warnings_as_notes(note):
        write_outputs(args, note, writers)
    head = headline(estimator, labeled)
    print_lines(class_summary(head, *told, known), sys.stdout)


def check_labels(args, labeled):
    """Refuse a column that leaves nothing to find."""
    n_unlabeled = int((~labeled).sum())
    if n_unlabeled == 0:
        raise CommandError(
            f"--label {args.label}: every row has a label; leave the cells empty "
            "where the class is to be found"
        )
    if args.n_novel is not None and args.n_novel > n_unlabeled:
        raise CommandError(
            f"--n-novel {args.n_novel}: only {n_unlabeled:,} rows have no label"
        )


def method_help():
    """Describe the methods."""
    return (
        "mixture: unlabeled rows may be of known classes too, classes are Gaussians; "
        "mixed: the same, among numbers, categories and missing cells; "
        "gpc: the same, on what a network learns; with the others all are new. "
        "ncd-spectral: a graph of neighbours, for classes "
        "of any shape; ncd-kmeans: for classes around a centre; one of "
        f"{listed(METHODS)}; default: mixed for a table with categories or missing "
        "cells, mixture otherwise"
    )
