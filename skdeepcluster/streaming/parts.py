"""Fitting to and labelling tables in parts, whatever makes the parts.

``fit_batches``::

    an estimator that merges: partial_fit of every part
    any other: a RowSummary of every part; fit on its rows and weights
"""

from contextlib import contextmanager
from copy import deepcopy

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from .row_summary import RowSummary


def fit_batches(estimator, batches):
    """Fit an estimator to a table that comes in parts.

    An estimator with ``partial_fit`` and ``merge``, such as
    :class:`~skdeepcluster.PPP`, takes up part after part. Any other, also of
    scikit-learn and also behind an encoder, is fitted on the rows and weights of a
    :class:`RowSummary` of all parts. What is found depends neither on the size of
    the parts nor on their order.

    Parameters
    ----------
    estimator : estimator
        What is fitted; what it was fitted to before is forgotten. It should take
        ``sample_weight``: one that does not sees every row of the summary once.
    batches : iterable of array-like of shape (n_samples, n_features)
        Parts of the table: arrays, data frames, or batches of Arrow as a pyarrow
        ``Scanner`` makes them. Parts without rows are passed over.

    Returns
    -------
    estimator : estimator
        The same object, fitted. ``labels_``, where it has them, are those of the
        summary's rows: :func:`predict_batches` labels the table.

    Raises
    ------
    ValueError
        If there are no rows, or a part is not like the first; the message has the
        number of the part, and the estimator is left as it was.

    Notes
    -----
    One pass over the parts, of which one is in memory at a time. Time is linear
    in the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster import PPP
    >>> from skdeepcluster.streaming import fit_batches, predict_batches
    >>> rng = np.random.default_rng(0)
    >>> chunks = [rng.normal(size=(200, 2)) + 9 * (k % 2) for k in range(6)]
    >>> model = fit_batches(PPP(), chunks)
    >>> [labels.tolist()[0] for labels in predict_batches(model, chunks)]
    [0, 1, 0, 1, 0, 1]
    """
    merges = hasattr(estimator, "partial_fit") and hasattr(estimator, "merge")
    # An encoder would be fitted on the first part alone.
    merges = merges and getattr(estimator, "encoder", None) is None
    model = clone(estimator)
    stream = model if merges else RowSummary()
    n_rows = 0
    for number, batch in enumerate(batches):
        table = _table_of(batch)
        n_rows += len(table)
        if len(table):
            with _numbered_errors(number):
                stream.partial_fit(table)
    if not n_rows:
        raise ValueError("No batch has a row: give at least one.")
    if not merges:
        _fit_on_summary(model, stream)
    elif hasattr(model, "predict") or hasattr(model, "transform"):
        # Without rows: all is found now, not when it is asked for.
        model.partial_fit()
    vars(estimator).clear()
    vars(estimator).update(vars(model))
    return estimator


def _fit_on_summary(model, summary):
    weights = {}
    if has_fit_parameter(model, "sample_weight"):
        weights = {"sample_weight": summary.weights_}
    model.fit(summary.rows_, **weights)
    if hasattr(summary, "feature_names_in_"):
        model.feature_names_in_ = summary.feature_names_in_


def predict_batches(estimator, batches):
    """Label a table that comes in parts.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with ``predict``.
    batches : iterable of array-like of shape (n_samples, n_features)
        Parts of the table; see :func:`fit_batches`.

    Yields
    ------
    labels : ndarray of shape (n_samples,)
        Labels of one part, as ``predict`` gives them.

    Raises
    ------
    ValueError
        If a part is not like those of fit; the message has its number.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skdeepcluster.streaming import fit_batches, predict_batches
    >>> chunks = [[[0.0], [1.0]], [[9.0]]]
    >>> model = fit_batches(KMeans(2, random_state=0), chunks)
    >>> [len(labels) for labels in predict_batches(model, chunks)]
    [2, 1]
    """
    for number, batch in enumerate(batches):
        table = _table_of(batch)
        if len(table):
            with _numbered_errors(number):
                labels = estimator.predict(table)
            yield labels
        else:
            yield np.empty(0, dtype=np.int64)


def merge_all(models):
    """Merge what was made of the parts of one table.

    Parameters
    ----------
    models : iterable of estimator
        Estimators with ``merge`` that saw different rows of one table, such as
        :class:`~skdeepcluster.PPP` or :class:`RowSummary`. None is changed, and
        the order does not matter.

    Returns
    -------
    model : estimator
        Another estimator, which saw the rows of all.

    Raises
    ------
    ValueError
        If there is no model, or two do not merge.

    Notes
    -----
    As many merges as there are models, with one copy: an iterator that makes the
    models one after the other never has more than two of them in memory.

    Examples
    --------
    >>> from skdeepcluster.streaming import RowSummary, merge_all
    >>> parts = [RowSummary().fit([[1.0], [2.0]]), RowSummary().fit([[2.0]])]
    >>> merge_all(parts).weights_.tolist()
    [1.0, 2.0]
    """
    models = iter(models)
    first = next(models, None)
    if first is None:
        raise ValueError("There is no model to merge: give at least one.")
    merged = deepcopy(first)
    for model in models:
        merged.merge(model)
    return merged


def _table_of(batch):
    """Return a batch as something that has a length and names its columns."""
    if hasattr(batch, "to_struct_array") and not hasattr(batch, "to_batches"):
        # Of Arrow's two kinds of tables, scikit-learn reads the names of the other.
        return type(batch.schema.empty_table()).from_batches([batch])
    return batch


@contextmanager
def _numbered_errors(number):
    """Say in errors which batch they are about."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise type(error)(f"Batch {number}: {error}") from error
