"""Asking somebody about pairs of rows, and clustering with the answers."""

from collections.abc import Callable
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from ..exceptions import InfeasibleConstraintsError


def ask_pairs(
    estimator: Any,
    X: ArrayLike,
    answer: Callable[[int, int], bool | None],
    n_pairs: int = 100,
    *,
    batch_size: int = 10,
    must_link: ArrayLike | None = None,
    cannot_link: ArrayLike | None = None,
    skip_rows: ArrayLike | None = None,
) -> tuple[Any, NDArray[np.int64], NDArray[np.int64]]:
    """Ask about the most useful pairs of rows; refit with the answers as links.

    Parameters
    ----------
    estimator : estimator
        A :class:`~skdeepcluster.ConstrainedKMeans`. It is cloned.
    X : array-like of shape (n_samples, n_features)
        Table.
    answer : callable
        ``answer(i, j)`` says whether rows `i` and `j` belong together: True, False, or
        None for "I do not know".
    n_pairs : int, default=100
        Largest number of questions.
    batch_size : int, default=10
        Questions between one fit, or check of the answers, and the next; each question
        follows from all answers before it.
    must_link, cannot_link : array-like of shape (n_links, 2), default=None
        Pairs that are known already, such as those of a session before: all that a
        session leads to is in its pairs.
    skip_rows : array-like of shape (n_rows,), default=None
        Rows that are not asked about, such as those that were answered by None in a
        session before.

    Returns
    -------
    estimator : estimator
        Fitted with all pairs.
    must_link, cannot_link : ndarray of shape (n_links, 2), dtype=int64
        All pairs, those given first.

    Raises
    ------
    InfeasibleConstraintsError
        If the answers contradict each other, or need more clusters, where links are
        hard; the pairs so far are in its attributes `must_link` and `cannot_link`.
    ValueError
        If `n_pairs` or `batch_size` is no positive whole number.

    Notes
    -----
    It ends early where nothing more is to be gained. A row that was answered by None is
    not asked about again in this call.
    Each batch costs a fit. Where links are hard, no sizes are limited, and the
    estimator has neither an encoder nor ``metric="within"``, fits do not matter to the
    questions: the answers of a batch are checked, and only the first and the last one
    are fitted. Each question costs O(m²) time for m distinct rows, at most 2000 of
    which take part.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import ConstrainedKMeans
    >>> from skdeepcluster.metrics import link_accuracy
    >>> from skdeepcluster.model_selection import ask_pairs
    >>> X, y = load_iris(return_X_y=True)
    >>> model, must_link, cannot_link = ask_pairs(
    ...     ConstrainedKMeans(3, random_state=0), X, lambda i, j: y[i] == y[j], 20
    ... )
    >>> len(must_link) + len(cannot_link)
    20
    >>> link_accuracy(model.labels_, must_link, cannot_link)
    1.0
    """
    for name, value in (("n_pairs", n_pairs), ("batch_size", batch_size)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}={value!r} should be a whole number from 1 on.")
    links = {True: _as_list(must_link), False: _as_list(cannot_link)}
    unknown = set(() if skip_rows is None else np.asarray(skip_rows).tolist())
    n_asked, is_more = 0, True
    model = _fitted(estimator, X, links)
    questions = model._pair_questions(X)
    while n_asked < n_pairs and is_more:
        for _ in range(min(batch_size, n_pairs - n_asked)):
            pairs, _ = questions.propose(1 + len(unknown))
            new = [pair for pair in pairs.tolist() if pair[0] not in unknown]
            is_more = bool(new)
            if not is_more:
                break
            i, j = new[0]
            said = answer(i, j)
            n_asked += 1
            if said is None:
                unknown.add(i)
            else:
                links[bool(said)].append((i, j))
                questions.add(i, j, bool(said))
        if n_asked == n_pairs or not is_more:
            model = _fitted(estimator, X, links)
        elif questions.needs_fit:
            questions = _fitted(estimator, X, links)._pair_questions(X)
        else:
            with _answers_handed_back(links):
                questions.check()
    return model, _as_pairs(links[True]), _as_pairs(links[False])


def _as_list(pairs):
    return [] if pairs is None else [tuple(pair) for pair in np.asarray(pairs).tolist()]


def _as_pairs(pairs):
    return np.array(pairs, np.int64).reshape(-1, 2)


def _fitted(estimator, X, links):
    must, cannot = links[True], links[False]
    with _answers_handed_back(links):
        return clone(estimator).fit(
            X, must_link=must or None, cannot_link=cannot or None
        )


@contextmanager
def _answers_handed_back(links):
    """Hand back the answers even where they exclude each other."""
    try:
        yield
    except InfeasibleConstraintsError as error:
        error.must_link = _as_pairs(links[True])
        error.cannot_link = _as_pairs(links[False])
        raise
