"""Accuracy of labels whose names mean nothing, after the best matching."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.utils import Bunch


def clustering_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """Share of rows that are right after the best one-to-one matching.

    Predicted labels are matched to true labels such that the most rows agree.
    With more predicted than true labels the surplus ones are wrong everywhere,
    and with fewer the true labels left over are.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels: numbers, strings, booleans, or objects of mixed types.
    y_pred : array-like of shape (n_samples,)
        Predicted labels, of any of these types; only equality matters.

    Returns
    -------
    float
        Between 0 and 1, and 1 only where both are the same partition.

    See Also
    --------
    discovery_accuracy : The same, split by known and novel classes.
    match_labels : The matching itself.

    Notes
    -----
    O(n_samples log n_samples) time for the table of counts, which holds
    n_true * n_pred numbers, and O(max(n_true, n_pred)^3) for the matching.

    References
    ----------
    .. [1] H. W. Kuhn (1955). "The Hungarian method for the assignment problem."
       Naval Research Logistics Quarterly 2.
    .. [2] Y. Yang, D. Xu, F. Nie, S. Yan and Y. Zhuang (2010). "Image clustering
       using local discriminant models and global integration." IEEE Transactions
       on Image Processing 19(10).

    Examples
    --------
    >>> from skdeepcluster.metrics import clustering_accuracy
    >>> clustering_accuracy(["a", "a", "b", "b"], [1, 1, 0, 0])
    1.0
    >>> clustering_accuracy([0, 0, 1, 1], [0, 0, 1, 2])
    0.75
    """
    table, _, _ = _contingency(y_true, y_pred)
    return float(table[_best_matching(table)].sum() / table.sum())


def discovery_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, known_classes: ArrayLike
) -> Any:
    """Accuracy over all rows, over known classes and over novel ones.

    There is one matching, over all rows: a predicted label counts for one true
    class only, and the name of a known class gives no privilege.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True classes: numbers, strings, booleans, or objects of mixed types.
    y_pred : array-like of shape (n_samples,)
        Predicted classes or clusters, of any of these types.
    known_classes : array-like of shape (n_known_classes,)
        Classes that had labeled rows. The other classes in ``y_true`` are novel.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Shares of rows that are right after the matching:

        all : float
            Among all rows: `clustering_accuracy`.
        known : float
            Among rows of known classes; NaN where there is none.
        novel : float
            Among rows of novel classes; NaN where there is none.

    See Also
    --------
    clustering_accuracy : Accuracy over all rows.
    match_labels : The matching itself.

    Notes
    -----
    Where several matchings are best over all rows, `known` and `novel` can differ
    between them. The one that is taken does not depend on the order of the rows.

    References
    ----------
    .. [1] S. Vaze, K. Han, A. Vedaldi and A. Zisserman (2022). "Generalized
       category discovery." IEEE/CVF Conference on Computer Vision and Pattern
       Recognition.

    Examples
    --------
    >>> from skdeepcluster.metrics import discovery_accuracy
    >>> y_true = ["cat", "cat", "dog", "dog", "owl", "owl"]
    >>> y_pred = ["cat", "cat", "dog", "cat", "novel_0", "novel_0"]
    >>> accuracy = discovery_accuracy(y_true, y_pred, known_classes=["cat", "dog"])
    >>> accuracy.known
    0.75
    >>> accuracy.novel
    1.0
    """
    table, classes, _ = _contingency(y_true, y_pred)
    known = set(_unique(known_classes, "known_classes")[0])
    is_known = np.array([label in known for label in classes])
    matching = _best_matching(table)
    n_right = np.bincount(matching[0], weights=table[matching], minlength=len(classes))
    n_rows = table.sum(axis=1)

    def accuracy(group):
        total = n_rows[group].sum()
        return float(n_right[group].sum() / total) if total else float("nan")

    return Bunch(
        all=accuracy(slice(None)), known=accuracy(is_known), novel=accuracy(~is_known)
    )


def match_labels(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """Match predicted labels to true ones such that the most rows agree.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels: numbers, strings, booleans, or objects of mixed types.
    y_pred : array-like of shape (n_samples,)
        Predicted labels, of any of these types.

    Returns
    -------
    dict
        True label of each matched predicted label. A predicted label is absent
        where no true label is left for it, or none that shares a row with it.

    See Also
    --------
    clustering_accuracy : Share of rows that are right after this matching.

    Examples
    --------
    >>> from skdeepcluster.metrics import match_labels
    >>> match_labels(["a", "a", "b", "b", "b"], [1, 1, 0, 0, 2])
    {0: 'b', 1: 'a'}
    """
    table, true_labels, pred_labels = _contingency(y_true, y_pred)
    pairs = sorted(zip(*_best_matching(table), strict=True), key=lambda pair: pair[1])
    return {pred_labels[j]: true_labels[i] for i, j in pairs if table[i, j]}


def _best_matching(table):
    """Pairs of rows and columns with the largest sum of entries."""
    return linear_sum_assignment(table, maximize=True)


def _contingency(y_true, y_pred):
    """Count the rows of each pair of labels; also the labels, as in `_unique`."""
    true_labels, true_codes = _unique(y_true, "y_true")
    pred_labels, pred_codes = _unique(y_pred, "y_pred")
    if len(true_codes) != len(pred_codes):
        raise ValueError(
            "y_true and y_pred must have the same length, got "
            f"{len(true_codes)} and {len(pred_codes)}."
        )
    if not true_labels:
        raise ValueError("y_true and y_pred are empty: there is nothing to score.")
    shape = len(true_labels), len(pred_labels)
    pairs = np.ravel_multi_index((true_codes, pred_codes), shape)
    table = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)
    return table, true_labels, pred_labels


def distinct_labels(labels):
    """List the distinct labels in an order that the rows do not decide.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Labels of any types, also mixed.

    Returns
    -------
    distinct : list
        The labels, as Python scalars.
    codes : ndarray of shape (n_samples,), dtype=int64
        Index of each row's label in that list.
    """
    array = _label_array(labels)
    if array.dtype == object:
        # Mixed types have no order of their own: each type has its own.
        distinct = sorted(set(array), key=lambda label: (str(type(label)), str(label)))
        numbers = {label: number for number, label in enumerate(distinct)}
        return distinct, np.array([numbers[label] for label in array], dtype=np.intp)
    distinct, codes = np.unique(array, return_inverse=True)
    # The Python object of a nanosecond would be an integer.
    is_time = array.dtype.kind in "mM"
    return list(distinct) if is_time else distinct.tolist(), codes


def _label_array(labels):
    array = np.asarray(labels)
    # Perhaps [1, "a"], which numpy turns into strings.
    return np.asarray(labels, dtype=object) if array.dtype.kind == "U" else array


def _unique(labels, name):
    """Distinct labels as in `distinct_labels`, of one dimension, none missing."""
    array = _label_array(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} must be 1-dimensional, got shape {array.shape}.")
    distinct, codes = distinct_labels(array)
    if any(_is_missing(label) for label in distinct):
        raise ValueError(f"{name} has missing values: leave those rows out.")
    return distinct, codes


def _is_missing(label):
    """Tell None, NaN, NaT and pandas.NA, of which none equals itself, or is None."""
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas.NA does not say whether it equals itself
        return True
