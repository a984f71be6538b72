"""Warnings of this package."""

from sklearn.exceptions import ConvergenceWarning


class FitInterruptedWarning(ConvergenceWarning):
    """Ctrl-C ended the work early; what was found until then is kept.

    Searches turn it into an error, so that Ctrl-C during a candidate ends the
    search and not that candidate alone.

    Examples
    --------
    >>> from sklearn.exceptions import ConvergenceWarning
    >>> from skdeepcluster.exceptions import FitInterruptedWarning
    >>> issubclass(FitInterruptedWarning, ConvergenceWarning)
    True
    """


class InfeasibleConstraintsError(ValueError):
    """No partition keeps all limits of sizes and all links.

    Parameters
    ----------
    message : str
        What excludes what, and what to do.
    kind : str
        "limits cross", "too little room", "too much wanted", "contradiction", "self",
        "heavy", "too many apart", "odd cycle", "not colorable" or "limits and links".
    rows : sequence of int
        Rows that it is about.
    pairs : sequence of (int, int)
        Links that it is about, as pairs of rows.

    Examples
    --------
    >>> from skdeepcluster import ConstrainedKMeans
    >>> from skdeepcluster.exceptions import InfeasibleConstraintsError
    >>> X = [[0.0], [1.0], [2.0], [3.0], [4.0]]
    >>> try:
    ...     ConstrainedKMeans(2, size_max=2).fit(X)
    ... except InfeasibleConstraintsError as error:
    ...     print(error.kind)
    too little room
    """

    def __init__(self, message, kind="", rows=(), pairs=()):
        super().__init__(message)
        self.kind = kind
        self.rows = [int(row) for row in rows]
        self.pairs = [(int(i), int(j)) for i, j in pairs]


class LinkWarning(UserWarning):
    """Some links between rows were ignored or not kept.

    Examples
    --------
    >>> from skdeepcluster.exceptions import LinkWarning
    >>> issubclass(LinkWarning, UserWarning)
    True
    """


class SizeLimitWarning(UserWarning):
    """A cluster is larger or smaller than allowed, since rows have weights.

    Whether rows of given weights can be shared among clusters of bounded size is bin
    packing, which no fast method decides.

    Examples
    --------
    >>> from skdeepcluster.exceptions import SizeLimitWarning
    >>> issubclass(SizeLimitWarning, UserWarning)
    True
    """
