"""From any labeled table to a problem of class discovery, with its truth."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

from .._labels import UNLABELED, PartialLabels
from .._validation import draw_seed


@validate_params(
    {
        "X": ["array-like"],
        "y": ["array-like"],
        "known": [Interval(Integral, 0, None, closed="left"), "array-like", None],
        "labeled_fraction": [Interval(Real, 0, 1, closed="right")],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_discovery_problem(
    X: ArrayLike,
    y: Any,
    *,
    known: ArrayLike | None = None,
    labeled_fraction: float = 1.0,
    random_state: int | np.random.RandomState | None = None,
    return_X_y: bool = False,
) -> Any:
    """Hide classes of a labeled table, as if nobody had named them yet.

    With ``labeled_fraction=1`` all rows of the known classes keep their labels,
    so every unlabeled row is of a novel class: novel class discovery. With less,
    some unlabeled rows are of known classes: generalized category discovery.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Table; it is handed back as it is.
    y : array-like of shape (n_samples,)
        Class of every row: integers from 0 or anything else that may be a known
        class; none missing.
    known : int or array-like, default=None
        The known classes; an integer draws as many at random, None half of them
        (rounded down).
    labeled_fraction : float, default=1.0
        Share of the rows of each known class that keep their labels, drawn at
        random; at least one of each.
    random_state : int, RandomState instance or None, default=None
        Seed of the draws.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    problem : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : array-like of shape (n_samples, n_features)
            `X`.
        target : ndarray of shape (n_samples,)
            Partial labels for ``fit(X, y)``: where classes are integers,
            unlabeled rows have -1, else None.
        truth : ndarray of shape (n_samples,)
            All classes, for scoring only.
        known_classes : ndarray
            Classes that have labeled rows, sorted.
        novel_classes : ndarray
            The others, sorted.

    (data, target) : tuple if `return_X_y` is True
        The table and the partial labels.

    Raises
    ------
    ValueError
        If labels are missing, or known classes are not among them.

    See Also
    --------
    skdeepcluster.metrics.discovery_accuracy : Score against the truth.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster.datasets import make_discovery_problem
    >>> X, y = load_iris(return_X_y=True)
    >>> problem = make_discovery_problem(X, y, known=[0, 1], labeled_fraction=0.5,
    ...                                  random_state=0)
    >>> problem.novel_classes
    array([2])
    >>> [int((problem.target == name).sum()) for name in (-1, 0, 1, 2)]
    [100, 25, 25, 0]
    """
    labels = PartialLabels(y, X)
    if labels.n_unlabeled:
        raise ValueError(
            f"{labels.n_unlabeled} rows of y have no class (-1 or missing): leave them "
            "out, or give them one."
        )
    rng = np.random.default_rng(draw_seed(random_state))
    is_known = _known_classes(labels, known, rng)
    labeled = np.zeros(len(labels.codes), dtype=bool)
    for code in np.flatnonzero(is_known):
        rows = rng.permutation(np.flatnonzero(labels.codes == code))
        labeled[rows[: max(1, round(labeled_fraction * len(rows)))]] = True
    truth = labels.classes[labels.codes]
    if truth.dtype.kind == "i":
        target = np.where(labeled, truth, UNLABELED)
    else:
        target = np.where(labeled, truth.astype(object), None)
    if return_X_y:
        return X, target
    return Bunch(
        data=X,
        target=target,
        truth=truth,
        known_classes=labels.classes[is_known],
        novel_classes=labels.classes[~is_known],
    )


def _known_classes(labels, known, rng):
    """Whether each class is a known one."""
    n_classes = labels.n_known
    if known is None:
        known = n_classes // 2
    if isinstance(known, Integral):
        if known > n_classes:
            raise ValueError(
                f"known={known} is more than the {n_classes} classes of y."
            )
        drawn = rng.choice(n_classes, known, replace=False)
        return np.isin(np.arange(n_classes), drawn)
    names = np.asarray(known).ravel().tolist()
    strangers = [name for name in names if name not in set(labels.classes.tolist())]
    if strangers:
        raise ValueError(
            f"known holds {strangers[0]!r}, which is no class of y: "
            f"{', '.join(map(str, labels.classes[:12]))}."
        )
    return np.isin(labels.classes.astype(object), np.array(names, dtype=object))
