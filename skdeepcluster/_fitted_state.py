"""Fitted arrays held against each other, when they come from a file.

Kernels index by fitted arrays without looking at their bounds. Whoever hands
such arrays to a kernel has a method ``_check_state``, which
:func:`skdeepcluster.load` calls; it says the shapes by letters.
"""

import numpy as np


def check_arrays(owner, **parts):
    """Refuse arrays whose types and shapes do not fit together.

    Parameters
    ----------
    owner : str
        What they belong to.
    **parts : tuple of (array, str, str)
        Each array, the kinds of dtype that it may have, and a letter for each of
        its axes: axes of one letter are equally long.

    Returns
    -------
    dict of str to int
        The length for each letter.

    Raises
    ------
    ValueError
        If one is no such array.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster._fitted_state import check_arrays
    >>> means, sizes = np.zeros((3, 2)), np.ones(3)
    >>> check_arrays("mixture", means=(means, "f", "kp"), sizes=(sizes, "f", "k"))
    {'k': 3, 'p': 2}
    """
    lengths = {}
    for name, (array, kinds, axes) in parts.items():
        is_right = (
            isinstance(array, np.ndarray)
            and array.dtype.kind in kinds
            and array.ndim == len(axes)
            and all(
                lengths.setdefault(axis, n) == n
                for axis, n in zip(axes, array.shape, strict=True)
            )
        )
        if not is_right:
            raise ValueError(f"{name} of {owner} is no array that was fitted")
    return lengths


def check_indices(owner, n, **parts):
    """Refuse arrays of integers that are not all in ``0..n - 1``.

    Raises
    ------
    ValueError
        If one is no such array.
    """
    for name, indices in parts.items():
        check_arrays(owner, **{name: (indices, "iu", "nmo"[: np.ndim(indices)])})
        if indices.size and not (indices.min() >= 0 and indices.max() < n):
            raise ValueError(f"{name} of {owner} is out of range")
