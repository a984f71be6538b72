"""Folds of known classes that are hidden, to be found again."""

from itertools import combinations
from math import comb
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .._labels import UNLABELED, PartialLabels
from .._validation import draw_seed

# Two hidden classes can be confused with each other, one cannot; and two that
# stay known tell more than one.
LEAST_KNOWN = 4


class HiddenClassesSplit:
    """Hide some known classes, so that a discovery can be checked on them.

    Each split takes the labels of a few classes away. All rows stay in training:
    the hidden ones beside those that never had a label.

    Parameters
    ----------
    n_hidden : int or "auto", default="auto"
        Classes hidden at a time. "auto" takes half of the known ones, at least
        2, and leaves 2 at least.
    n_splits : int, default=5
        Number of splits: different sets of classes, fewer where there are fewer.
    random_state : int, RandomState or None, default=None
        Decides which classes.

    See Also
    --------
    HiddenClassSearchCV : The search that uses these splits.

    References
    ----------
    .. [1] C. Troisemaine, A. Reiffers-Masson, S. Gosselin, V. Lemaire and
       S. Vaton (2024). "A practical approach to novel class discovery in tabular
       data." Data Mining and Knowledge Discovery 38, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster.model_selection import HiddenClassesSplit
    >>> y = np.array([0, 1, 2, 3, -1])
    >>> split = HiddenClassesSplit(n_splits=2, random_state=0)
    >>> for y_masked, rows, hidden in split.split(np.zeros((5, 1)), y):
    ...     print(y_masked, rows, hidden)
    [ 0 -1  2 -1 -1] [1 3] [1 3]
    [ 0 -1 -1  3 -1] [1 2] [1 2]
    """

    def __init__(
        self,
        n_hidden: Literal["auto"] | int = "auto",
        *,
        n_splits: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_hidden = n_hidden
        self.n_splits = n_splits
        self.random_state = random_state

    def __repr__(self):
        return f"HiddenClassesSplit({self.n_hidden!r}, n_splits={self.n_splits})"

    def split(self, X: ArrayLike, y: Any) -> Any:
        """Yield partial labels with some classes taken away.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table.
        y : array-like of shape (n_samples,)
            Known classes; -1 (integer classes) or a missing value where a row
            has none.

        Yields
        ------
        y_masked : ndarray of shape (n_samples,)
            `y`, the hidden classes marked like the other unlabeled rows.
        rows : ndarray of shape (n_hidden_rows,)
            Rows of the hidden classes.
        hidden : ndarray of shape (n_hidden,)
            The classes hidden.
        """
        known = PartialLabels(y, X)
        for codes in self._hidden_codes(known.n_known):
            is_hidden = np.isin(known.codes, codes)
            yield (
                _masked(known, known.labeled & ~is_hidden),
                np.flatnonzero(is_hidden),
                known.classes[codes],
            )

    def get_n_splits(self, X: ArrayLike, y: Any) -> Any:
        """Return the number of splits.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table.
        y : array-like of shape (n_samples,)
            Known classes, as in `split`.

        Returns
        -------
        n_splits : int
            As many as asked for, or as there are sets of classes.
        """
        n_known = PartialLabels(y, X).n_known
        return min(self.n_splits, comb(n_known, self._number(n_known)))

    def _number(self, n_known):
        """Number of classes to hide, of so many."""
        least = LEAST_KNOWN if self.n_hidden == "auto" else self.n_hidden + 1
        if n_known < least:
            raise ValueError(
                f"y has {n_known} known classes; to hide n_hidden={self.n_hidden!r} "
                f"of them takes {least}."
            )
        if self.n_hidden != "auto":
            return self.n_hidden
        return min(max(2, n_known // 2), n_known - 2)

    def _hidden_codes(self, n_known):
        """Draw different sets of classes."""
        number = self._number(n_known)
        rng = np.random.default_rng(draw_seed(self.random_state))
        total = comb(n_known, number)
        if total <= max(1000, 2 * self.n_splits):
            subsets = list(combinations(range(n_known), number))
            chosen = rng.choice(total, min(self.n_splits, total), replace=False)
            return [list(subsets[index]) for index in chosen]
        drawn = {}  # ordered, unlike a set
        while len(drawn) < self.n_splits:
            codes = np.sort(rng.choice(n_known, number, replace=False))
            drawn[tuple(codes.tolist())] = None
        return [list(codes) for codes in drawn]


def _masked(known, labeled):
    """Write the classes of some rows, the others as unlabeled."""
    if known.classes.dtype.kind == "i":
        y = np.full(len(labeled), UNLABELED, dtype=np.int64)
    else:
        y = np.full(len(labeled), None, dtype=object)
    y[labeled] = known.classes[known.codes[labeled]]
    return y
