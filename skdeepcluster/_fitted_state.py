"""Fitted arrays held against each other, when they come from a file.

Kernels index by fitted arrays without looking at their bounds. Whoever hands
such arrays to a kernel has a method ``_check_state``, which
:func:`skdeepcluster.load` calls; it says the shapes by letters. What estimators
publish is checked for all of them by :func:`check_published`.
"""

from numbers import Integral

import numpy as np

ANY = "biufOSUMm"
# Published arrays: kinds of dtype, and axes. Rows of fit are n, columns of the table p,
# clusters k, latents l, dimensions of an embedding d, encoded columns e, members m,
# sampled rows s.
PUBLISHED = {
    "feature_names_in_": ("O", "p"),
    "labels_": (ANY, "n"),
    "transduction_": (ANY, "n"),
    "label_distributions_": ("f", "nc"),
    "classes_": (ANY, "c"),
    "cluster_centers_": ("f", "kx"),
    "latent_centers_": ("f", "kl"),
    "embedding_": ("f", "nd"),
    "aligned_labels_": ("iu", "nm"),
    "member_agreement_": ("f", "m"),
    "agreement_": ("f", "n"),
    "core_": ("b", "n"),
    "rejected_": ("b", "n"),
    "sample_indices_": ("iu", "s"),
    "sample_sizes_": ("iuf", "g"),
    "sample_weight_": ("iuf", "w"),
    "solved_rows_": ("iu", "r"),
    "feature_separability_": ("f", "e"),
    "separable_features_": ("b", "e"),
}
# Published counts, and the least that each can be.
COUNTS = {"n_features_in_": 1, "n_clusters_": 0, "n_iter_": 0, "n_novel_": 0}


def check_published(estimator):
    """Refuse published attributes that no fit leaves: their types and shapes.

    Raises
    ------
    ValueError
        If one is not what its name says, or two do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeepcluster import PPP
    >>> from skdeepcluster._fitted_state import check_published
    >>> model = PPP()
    >>> model.labels_ = np.zeros((2, 2))
    >>> check_published(model)
    Traceback (most recent call last):
        ...
    ValueError: labels_ of PPP is no array that was fitted by this version
    """
    owner, values = type(estimator).__name__, vars(estimator)
    for name in values:
        if isinstance(getattr(type(estimator), name, None), property):
            raise ValueError(
                f"{name} of {owner} is what an earlier version wrote: fit it again"
            )
    for name, least in COUNTS.items():
        count = values.get(name, least)
        if not (isinstance(count, Integral) and count >= least):
            raise ValueError(f"{name} of {owner} is no count")
    parts = {
        name: (values[name], *kind)
        for name, kind in PUBLISHED.items()
        if values.get(name) is not None
    }
    lengths = check_arrays(owner, **parts)
    if lengths.get("p", p := values.get("n_features_in_")) != p:
        raise ValueError(f"{owner} has arrays of other columns than n_features_in_")


def check_sparse(owner, data, indices, indptr, n_columns=None):
    """Refuse arrays that are not the parts of a compressed sparse matrix.

    Parameters
    ----------
    n_columns : int, default=None
        Number of columns; None for as many as rows.

    Raises
    ------
    ValueError
        If loops over the rows would leave one of them.
    """
    check_arrays(owner, data=(data, "biuf", "e"), indices=(indices, "i", "e"))
    check_arrays(owner, indptr=(indptr, "i", "r"))
    n_rows = len(indptr) - 1
    check_indices(owner, n_rows if n_columns is None else n_columns, indices=indices)
    ends = len(indptr) > 0 and indptr[0] == 0 and indptr[-1] == len(data)
    if not (ends and (np.diff(indptr) >= 0).all()):
        raise ValueError(f"indptr of {owner} is out of range")


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
            raise ValueError(
                f"{name} of {owner} is no array that was fitted by this version"
            )
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
