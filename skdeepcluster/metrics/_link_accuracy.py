"""How many links between rows a partition keeps."""

import numpy as np
from numpy.typing import ArrayLike

from ._matching import _unique


def link_accuracy(
    labels: ArrayLike,
    must_link: ArrayLike | None = None,
    cannot_link: ArrayLike | None = None,
) -> float:
    """Share of the links between rows that a partition keeps.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Clusters: numbers, strings, booleans, or objects of mixed types.
    must_link, cannot_link : array-like of shape (n_links, 2), default=None
        Pairs of row numbers that belong together, and apart.

    Returns
    -------
    float
        Between 0 and 1; 1 where there are no links.

    Raises
    ------
    ValueError
        If labels are missing, or a link is no pair of row numbers.

    Examples
    --------
    >>> from skdeepcluster.metrics import link_accuracy
    >>> link_accuracy(["a", "a", "b"], must_link=[(0, 1), (1, 2)])
    0.5
    >>> link_accuracy(["a", "a", "b"], cannot_link=[(0, 2)])
    1.0
    """
    codes = _unique(labels, "labels")[1]
    kept = []
    for name, given, is_apart in (
        ("must_link", must_link, False),
        ("cannot_link", cannot_link, True),
    ):
        pairs = np.asarray([] if given is None else given)
        if pairs.size == 0:
            continue
        if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
            raise ValueError(f"{name} should be pairs of row numbers: shape (n, 2).")
        if pairs.min() < 0 or pairs.max() >= len(codes):
            raise ValueError(
                f"{name} names rows {pairs.min()} to {pairs.max()}, but there are "
                f"{len(codes)} labels."
            )
        kept.append((codes[pairs[:, 0]] != codes[pairs[:, 1]]) == is_apart)
    return float(np.mean(np.concatenate(kept))) if kept else 1.0
