"""seed_labels: from columns that stand for a class to labels of a few rows.

::

    rows U S, columns V S of a truncated singular value decomposition, to length 1
    topic   = mean of the vectors of its columns
    seeds   = rows of the largest margin between the nearest topic and the second
    seeds  -= those that lie farthest from the mean of the topic's seeds
    topic   = mean of the seeds that are left; scores are cosines to it
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.utils import Bunch, check_array
from sklearn.utils.extmath import randomized_svd

from .._labels import UNLABELED
from .._scaling import unit_length
from .._threads import one_blas_thread
from .._warnings import warn

# Seeds that are less like the others of their topic than this share are left out.
UNLIKE_SHARE = 0.05
N_ITER = 7


def seed_labels(
    X: ArrayLike,
    topics: Mapping[Any, Sequence[Any]],
    *,
    feature_names: Sequence[Any] | None = None,
    n_components: int = 20,
    share: float = 0.1,
    min_rows: int = 3,
) -> Any:
    """Label a few rows by the columns that stand for their class.

    A class is described by columns in which it is high, such as the marker genes of a
    cell type or the keywords of a subject. Rows and columns are brought into one
    space; the rows that lie clearly nearest to one class become its labels, from which
    a classifier such as :class:`~skdeepcluster.TransductiveClassifier` learns more.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Table of finite numbers: counts, expressions, measurements.
    topics : mapping of class to list of columns
        Columns of each class: names, or positions where there are no names. Names
        that no column has are passed over, with a warning.
    feature_names : sequence of length n_features, default=None
        Names of the columns; None takes those of a data frame, otherwise positions.
    n_components : int, default=20
        Dimensions of the space.
    share : float, default=0.1
        Share of the rows that are labeled, all classes together.
    min_rows : int, default=3
        Fewest rows of a class that are labeled, where so many are nearest to it.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Labels, and what they were chosen by:

        labels : ndarray of shape (n_samples,)
            Classes of the rows chosen; of all others -1 where the classes are
            integers, otherwise None.
        scores : ndarray of shape (n_samples, n_topics)
            Cosine of each row to each topic.
        topics : list
            The classes, in the order of the columns of `scores`.

    Raises
    ------
    ValueError
        If there are fewer than two topics, one of them has no column of the table, or
        two have the same columns; if the table or a parameter is not as described.

    Warns
    -----
    UserWarning
        If a name is no column of the table, or no row is nearest to a topic.

    See Also
    --------
    skdeepcluster.TransductiveClassifier : Classes of all rows from a few labels.

    Notes
    -----
    Dense columns are standardised; sparse ones are only scaled. The randomised
    singular value decomposition takes O(n_samples * n_features * n_components) time.
    Topics as vectors among those of rows and of words are those of [1]_, which learns
    them by a network and leaves outliers out by their local density.

    References
    ----------
    .. [1] T. Schopf, D. Braun and F. Matthes, "Lbl2Vec: an embedding-based approach
       for unsupervised document retrieval on predefined topics", International
       Conference on Web Information Systems and Technologies, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.discovery import seed_labels
    >>> rng = np.random.default_rng(0)
    >>> X = rng.poisson(np.kron(np.eye(2), np.full((30, 4), 3.0)) + 0.1)
    >>> seeds = seed_labels(X, {"sport": [0, 1], "politics": [4]}, n_components=2)
    >>> [int((seeds.labels == name).sum()) for name in seeds.topics]
    [3, 3]
    """
    names = _column_names(X, feature_names)
    X = check_array(X, accept_sparse="csr", dtype=np.float64)
    if len(names) != X.shape[1]:
        raise ValueError(
            f"feature_names has {len(names)} names, but X has {X.shape[1]} columns."
        )
    _check_numbers(n_components, share, min_rows)
    places = _places_of_topics(topics, names)
    rows, columns = _common_space(X, n_components)
    vectors = np.array([columns[place].mean(axis=0) for place in places.values()])
    n_rows = max(min_rows, round(share * X.shape[0] / len(places)))
    cosines = rows @ unit_length(vectors).T
    nearest, margins = _margins(cosines)
    codes = np.full(len(rows), UNLABELED)
    for number, topic in enumerate(places):
        there = np.flatnonzero(nearest == number)
        chosen = there[np.argsort(-margins[there], kind="stable")[:n_rows]]
        if not len(chosen):
            warn(f"No row is nearest to the topic {topic!r}.", UserWarning)
            continue
        chosen = _alike(rows, chosen, min_rows)
        codes[chosen] = number
        vectors[number] = rows[chosen].mean(axis=0)
    return Bunch(
        labels=_names_of_codes(list(places), codes),
        scores=rows @ unit_length(vectors).T,
        topics=list(places),
    )


def _check_numbers(n_components, share, min_rows):
    if n_components < 1 or min_rows < 1:
        raise ValueError(
            f"n_components={n_components} and min_rows={min_rows} should be at least 1."
        )
    if not 0 < share <= 1:
        raise ValueError(f"share={share} should be above 0 and at most 1.")


def _column_names(X, feature_names):
    if feature_names is not None:
        return list(feature_names)
    if hasattr(X, "columns"):
        return list(X.columns)
    return list(range(np.shape(X)[1] if np.ndim(X) == 2 else 0))


def _places_of_topics(topics, names):
    """Columns of each topic, by position."""
    if len(topics) < 2:
        raise ValueError(
            f"topics has {len(topics)} entries: give two classes or more, since a row "
            "is labeled where one is clearly nearer than the others."
        )
    place = {name: j for j, name in enumerate(names)}
    found = {}
    for topic, columns in topics.items():
        columns = [columns] if isinstance(columns, str) else list(columns)
        unknown = [name for name in columns if name not in place]
        found[topic] = sorted({place[name] for name in columns if name in place})
        if not found[topic]:
            raise ValueError(
                f"The topic {topic!r} has no column of the table: "
                f"{', '.join(map(repr, columns)) or 'it is empty'}."
            )
        if unknown:
            warn(
                f"The topic {topic!r} names what is no column of the table: "
                f"{', '.join(map(repr, unknown))}.",
                UserWarning,
            )
    groups = list(found.values())
    for topic, group in found.items():
        if groups.count(group) > 1:
            raise ValueError(f"The topic {topic!r} has the columns of another one.")
    return found


def _common_space(X, n_components):
    """Rows and columns as vectors of length 1 in one space."""
    scaled = StandardScaler(with_mean=not issparse(X)).fit_transform(X)
    if issparse(X):
        scaled = normalize(scaled)
    number = min(n_components, *X.shape)
    with one_blas_thread():
        left, values, right = randomized_svd(
            scaled, number, n_iter=N_ITER, random_state=0
        )
    return unit_length(left * values), unit_length(right.T * values)


def _margins(cosines):
    """Nearest topic of each row, and how much nearer it is than the second."""
    two = np.partition(cosines, -2, axis=1)[:, -2:]
    return cosines.argmax(axis=1), two[:, 1] - two[:, 0]


def _alike(rows, chosen, min_rows):
    """Leave out rows that are least like the others."""
    if len(chosen) <= min_rows:
        return chosen
    likeness = rows[chosen] @ unit_length(rows[chosen].mean(axis=0)[None])[0]
    return chosen[likeness >= np.quantile(likeness, UNLIKE_SHARE)]


def _names_of_codes(topics, codes):
    if all(isinstance(topic, (int, np.integer)) for topic in topics):
        return np.array([*topics, UNLABELED], dtype=np.int64)[codes]
    names = np.empty(len(topics) + 1, dtype=object)
    names[:-1] = topics
    return names[codes]
