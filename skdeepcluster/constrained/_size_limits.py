"""Limits of the sizes of clusters, checked: do they leave room for all rows?"""

from numbers import Integral
from typing import NamedTuple

import numpy as np

from ..exceptions import InfeasibleConstraintsError


class SizeLimits(NamedTuple):
    """How large clusters may be, and how large they had better be.

    Parameters
    ----------
    lower, upper : ndarray of shape (n_clusters,), dtype=float64
        Bounds of the weight of each cluster.
    balance : float
        Weight of the cost of sizes that differ from the targets.
    targets : ndarray of shape (n_clusters,), dtype=float64
        Weights that cost nothing.
    total : float
        Weight of all rows.
    by_slot : bool
        Whether clusters differ in what they are allowed: then they keep their
        numbers, where otherwise the largest is number 0.
    """

    lower: np.ndarray
    upper: np.ndarray
    balance: float
    targets: np.ndarray
    total: float
    by_slot: bool

    @property
    def are_none(self):
        """Whether any sizes will do."""
        free = self.lower.max() <= 0 and self.upper.min() >= self.total
        return bool(free and self.balance == 0)

    def in_unit(self, unit):
        """The same limits, where weights are divided by a unit."""
        return self._replace(
            lower=self.lower / unit,
            upper=self.upper / unit,
            targets=self.targets / unit,
            total=self.total / unit,
        )


def size_limits(n_clusters, total, whole, size_min, size_max, balance, size_prior):
    """Bring the parameters to bounds of each cluster, and check that they can hold.

    Parameters
    ----------
    n_clusters : int
        Number of clusters.
    total : float
        Weight of all rows.
    whole : bool
        Whether rows have weight 1, so that sizes are whole numbers.
    size_min, size_max, balance, size_prior
        See :class:`ConstrainedKMeans`.

    Returns
    -------
    SizeLimits
        The limits.

    Raises
    ------
    InfeasibleConstraintsError
        If the limits cross or leave too little room, or want too much.
    ValueError
        If they are not as described.
    """
    prior = _prior(size_prior, n_clusters)
    targets = prior * total
    lower = _bounds("size_min", size_min, n_clusters, total, 0.0)
    upper = _bounds("size_max", size_max, n_clusters, total, total)
    if whole:
        lower, upper = np.floor(lower + 1e-9), np.ceil(upper - 1e-9)
    limits = SizeLimits(
        np.maximum(lower, 0.0),
        upper,
        float(balance),
        targets,
        float(total),
        any(np.ndim(given) > 0 for given in (size_min, size_max, size_prior)),
    )
    _check_room(limits, size_min, size_max, "rows" if whole else "weight")
    limits = limits._replace(upper=np.minimum(upper, total))
    return _as_equal_as_possible(limits, whole) if np.isinf(balance) else limits


def _prior(size_prior, n_clusters):
    if size_prior is None:
        return np.full(n_clusters, 1.0 / n_clusters)
    prior = np.asarray(size_prior)
    if prior.dtype.kind not in "fiu" or prior.shape != (n_clusters,):
        raise ValueError(
            f"size_prior has shape {prior.shape} and dtype {prior.dtype}: give one "
            f"positive number for each of the n_clusters={n_clusters} clusters."
        )
    prior = prior.astype(np.float64)
    if not (np.isfinite(prior).all() and prior.min() > 0):
        raise ValueError("size_prior holds a number that is not positive and finite.")
    prior = prior / prior.max()
    return np.maximum(prior / prior.sum(), 1e-12)


def _bounds(name, given, n_clusters, total, default):
    """One bound for each cluster: whole numbers are weights, others are shares."""
    if given is None:
        return np.full(n_clusters, default)
    bounds = np.asarray(given)
    if bounds.ndim and bounds.shape != (n_clusters,):
        raise ValueError(
            f"{name} has shape {bounds.shape}: give one number, or one for each of "
            f"the n_clusters={n_clusters} clusters."
        )
    if isinstance(given, Integral) or bounds.dtype.kind in "iu":
        if bounds.min() < 0:
            raise ValueError(f"{name} holds {bounds.min()}, but sizes are 0 or more.")
        return np.broadcast_to(bounds, n_clusters).astype(np.float64)
    if bounds.dtype.kind != "f" or not (bounds.min() >= 0 and bounds.max() <= 1):
        raise ValueError(
            f"{name} holds {given!r}: whole numbers are sizes, and other numbers "
            "shares of all rows, which lie between 0 and 1."
        )
    return np.broadcast_to(bounds * total, n_clusters).astype(np.float64)


def _check_room(limits, size_min, size_max, unit):
    lower, upper, total, k = limits.lower, limits.upper, limits.total, len(limits.lower)
    dust = 1e-9 * total
    crossed = np.flatnonzero(lower > upper + dust)
    if crossed.size:
        j = crossed[0]
        names = [
            f"{name}[{j}]" if np.ndim(given) else name
            for name, given in (("size_min", size_min), ("size_max", size_max))
        ]
        raise InfeasibleConstraintsError(
            f"{names[0]}={lower[j]:.15g} is larger than {names[1]}={upper[j]:.15g}.",
            "limits cross",
        )
    if upper.sum() < total - dust:
        one = upper[0] if upper.min() == upper.max() else None
        needed = np.ceil(total / k) if unit == "rows" else total / k
        remedy = (
            f"raise size_max to at least {needed:.15g}"
            if one is not None
            else ("raise size_max")
        )
        if one:
            remedy += f", or n_clusters to {int(np.ceil(total / one - 1e-9))}"
        raise InfeasibleConstraintsError(
            f"The limits have room for {_much(upper.sum(), unit)}"
            f"{_each(k, 'at most', one)}, but X has {total:.15g}: {remedy}.",
            "too little room",
        )
    if lower.sum() > total + dust:
        one = lower[0] if lower.min() == lower.max() else None
        most = np.floor(total / k) if unit == "rows" else total / k
        remedy = f"size_min can be at most {most:.15g}" if one else "lower size_min"
        raise InfeasibleConstraintsError(
            f"The limits want at least {_much(lower.sum(), unit)}"
            f"{_each(k, 'at least', one)}, but X has {total:.15g}: {remedy}.",
            "too much wanted",
        )


def _much(size, unit):
    return f"{size:.15g} rows" if unit == "rows" else f"a weight of {size:.15g}"


def _each(k, bound, one):
    return "" if one is None else f" ({k} clusters of {bound} {one:.15g})"


def _as_equal_as_possible(limits, whole):
    """Bounds that leave no choice: sizes in the ratio of the targets, up to limits."""
    lower, upper, total = limits.lower, limits.upper, limits.total

    def sizes(log_factor):
        return np.clip(limits.targets * np.exp(log_factor), lower, upper)

    low, high = -60.0, 60.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sizes(middle).sum() < total else (low, middle)
    ideal = sizes(high)
    if whole:
        lower = np.maximum(lower, np.floor(ideal + 1e-7))
        upper = np.minimum(upper, np.ceil(ideal - 1e-7))
    else:
        # Weights are seldom divided evenly: rounding comes nearest to this.
        lower = upper = ideal * (total / ideal.sum())
    return limits._replace(lower=lower, upper=upper, balance=0.0)
