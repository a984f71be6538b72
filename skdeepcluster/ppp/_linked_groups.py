"""Groups that links cut and join: rows are counted, not answers.

Every row that links name votes on every group: for it where more of its accepted rows
than of its refused ones are there, against it where fewer are. What accepted rows
accept and refuse counts as well, except where answers contradict each other::

    while more than a fifth of the rows that vote on their own group are against it:
        cut it by 2-means, started from a row that most others of the group refuse,
            with those that it accepts, and from these others
    join the two groups whose rows vote most for each other, while any do; then the
        nearest two pieces of one group that no vote holds apart
    describe the pieces of each Gaussian that was cut by one Gaussian each

Pairs that were asked for lie at borders, where the same few rows occur again and
again: majorities of answers mislead there.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .._gaussians import Gaussians, log_densities
from .._kmeans import hamerly, weighted_means
from .._rows import numbered_rows
from ..kernels.gaussians import moments
from ..kernels.kmeans import nearest_centers
from ..kernels.soft_assignment import pairwise_squared_distances
from ._cell_gaussians import cell_covariances

# A group is cut where more than this share of the rows that vote is against it, and
# where its rows weigh as much as this.
MOST_AGAINST, LEAST_ROWS = 0.2, 8
LLOYD_PASSES = 30


class NamedRows(NamedTuple):
    """Rows that links name, and what is known of their pairs.

    Parameters
    ----------
    rows : ndarray of shape (n_named, n_features)
        The rows, distinct and in lexicographic order.
    units : ndarray of shape (n_named,)
        Number of the unit of each row: rows joined by acceptances that nothing
        contradicts.
    accepted, refused : csr_array of shape (n_units, n_units)
        1 where an answer joins two units, or parts them.
    """

    rows: np.ndarray
    units: np.ndarray
    accepted: csr_array
    refused: csr_array

    def votes(self, groups, n_groups):
        """Vote of every row on every group, given the group of each: -1, 0 or 1."""
        members = np.zeros((self.accepted.shape[0], n_groups))
        np.add.at(members, (self.units, groups), 1)
        net = members + self.accepted @ members - self.refused @ members
        balance = net[self.units]
        balance[np.arange(len(groups)), groups] -= 1
        return np.sign(balance)

    def sides(self, inside):
        """Some of the rows that are to be parted; None where answers cancel."""
        own = self.units[inside]
        counts = np.bincount(own, minlength=self.accepted.shape[0])
        unit = own[np.argmax((self.refused @ counts)[own])]
        stance = (self.accepted[[unit]] - self.refused[[unit]]).toarray()[0]
        stance[unit] = 1
        apart = inside[stance[own] < 0]
        return (inside[stance[own] > 0], apart) if len(apart) else None


def named_rows(rows, links):
    """Join rows by the answers that nothing contradicts.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Rows of a table.
    links : Links
        Links between them, at least one.

    Returns
    -------
    NamedRows
        Equal rows are one row, whatever links say.
    """
    named = np.flatnonzero(links.named)
    distinct, _, own = numbered_rows(rows[named])
    number = np.full(len(rows), -1)
    number[named] = own
    must, cannot = (
        pairs[pairs[:, 0] != pairs[:, 1]]
        for pairs in (number[links.must], number[links.cannot])
    )
    n_named = len(distinct)
    units = connected_components(_symmetric(must, n_named), directed=False)[1]
    inside = units[cannot[:, 0]] == units[cannot[:, 1]]
    contradicted = np.isin(units, units[cannot[inside, 0]])
    # Rows of a unit that contradicts itself have their own answers only.
    alone = units.max() + 1 + np.arange(n_named)
    units = np.unique(np.where(contradicted, alone, units), return_inverse=True)[1]
    between = units[must]
    between = between[between[:, 0] != between[:, 1]]
    n_units = int(units.max()) + 1
    return NamedRows(
        distinct,
        units,
        _symmetric(between, n_units),
        _symmetric(units[cannot], n_units),
    )


def _symmetric(pairs, n):
    """Ones at pairs, both ways."""
    ends = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    return csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))


class Pieces(NamedTuple):
    """Groups after cuts.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,), dtype=intp
        Piece of each row.
    named : ndarray of shape (n_named,), dtype=intp
        Piece of each row that links name.
    origins : list of int
        Group that each piece is of.
    is_limited : bool
        Whether a limit on the number of groups ended the cuts.
    """

    labels: np.ndarray
    named: np.ndarray
    origins: list
    is_limited: bool

    @property
    def cut_groups(self):
        """Groups of more than one piece, ascending."""
        groups, counts = np.unique(self.origins, return_counts=True)
        return groups[counts > 1]


def cut_groups(named, coordinates, groups, table, labels, n_groups, n_most=None):
    """Cut groups that the rows in them are against.

    Parameters
    ----------
    named : NamedRows
    coordinates : ndarray of shape (n_named, n_features)
        Its rows, as those of the table.
    groups : ndarray of shape (n_named,)
        Group of each of them.
    table : tuple of ndarray
        Rows of the table, (n_rows, n_features), and their weights.
    labels : ndarray of shape (n_rows,)
        Group of each row of the table.
    n_groups : int
        Number of groups.
    n_most : int, default=None
        Most groups after the cuts; None for no limit.

    Returns
    -------
    Pieces
    """
    rows, weights = table
    labels, groups = labels.astype(np.intp), groups.astype(np.intp)
    origins, whole = list(range(n_groups)), set()
    while True:
        n_against = _votes_against(named.votes(groups, len(origins)), groups)
        n_against[list(whole)] = 0
        worst = int(n_against.argmax())
        is_limited = n_most is not None and len(origins) >= n_most
        if n_against[worst] == 0 or is_limited:
            return Pieces(labels, groups, origins, bool(n_against[worst]))
        members = np.flatnonzero(labels == worst)
        inside = np.flatnonzero(groups == worst)
        centers = None
        if weights[members].sum() >= LEAST_ROWS:
            centers = _two_means(
                rows[members], weights[members], coordinates, named.sides(inside)
            )
        if centers is None:
            whole.add(worst)
            continue
        for numbers, points, part in (
            (labels, rows, members),
            (groups, coordinates, inside),
        ):
            numbers[part[nearest_centers(points[part], centers)[0] == 1]] = len(origins)
        origins.append(origins[worst])


def _votes_against(votes, groups):
    """Rows against the group that they are in; 0 where they are few."""
    own = votes[np.arange(len(groups)), groups]
    n_groups = votes.shape[1]
    n_against = np.bincount(groups[own < 0], minlength=n_groups)
    n_voting = np.bincount(groups[own != 0], minlength=n_groups)
    return np.where(n_against > MOST_AGAINST * n_voting, n_against, 0)


def _two_means(rows, weights, coordinates, sides):
    """Centres that cut rows in two; None where one would have no row."""
    if sides is None:
        return None
    starts = np.array([coordinates[side].mean(axis=0) for side in sides])
    centers, *_ = hamerly(rows, weights, starts, max_iter=LLOYD_PASSES)
    is_second = nearest_centers(rows, centers)[0] == 1
    return centers if is_second.any() and not is_second.all() else None


def join_pieces(named, pieces, table, n_least=1):
    """Join pieces whose rows vote for each other, or that nothing holds apart.

    Parameters
    ----------
    named : NamedRows
    pieces : Pieces
    table : tuple of ndarray
        Rows of the table, (n_rows, n_features), and their weights.
    n_least : int, default=1
        Fewest groups.

    Returns
    -------
    joined : ndarray of shape (n_pieces,), dtype=intp
        Group of each piece, ``0..n_groups - 1``.
    is_limited : bool
        Whether `n_least` ended it.
    """
    joined = np.arange(len(pieces.origins))
    while True:
        groups, n_groups = joined[pieces.named], int(joined.max()) + 1
        votes = np.zeros((n_groups, n_groups))
        np.add.at(votes, groups, named.votes(groups, n_groups))
        votes += votes.T
        np.fill_diagonal(votes, 0)
        pair = np.unravel_index(np.argmax(votes), votes.shape)
        if votes[pair] <= 0:
            pair = _nearest_pieces(pieces, joined, votes == 0, table)
        if pair is None or n_groups <= n_least:
            return joined, pair is not None
        joined[joined == max(pair)] = min(pair)
        joined = np.unique(joined, return_inverse=True)[1]


def _nearest_pieces(pieces, joined, is_open, table):
    """Nearest two groups that were one before, and that no vote holds apart."""
    n_groups = len(is_open)
    holds = np.zeros((n_groups, max(pieces.origins) + 1))
    holds[joined, pieces.origins] = 1
    may = is_open & (holds @ holds.T > 0)
    np.fill_diagonal(may, False)
    if not may.any():
        return None
    means, _ = weighted_means(*table, joined[pieces.labels], n_groups)
    distances = pairwise_squared_distances(means, means)
    return np.unravel_index(np.where(may, distances, np.inf).argmin(), may.shape)


def cut_gaussians(gaussians, groups, pieces, joined, rows, weights):
    """Gaussians of groups that were cut and joined.

    Parameters
    ----------
    gaussians : Gaussians
        Those before; the ones of groups that were not cut stay.
    groups : ndarray of shape (n_components,)
        Group of each before.
    pieces : Pieces
    joined : ndarray of shape (n_pieces,)
        Group of each piece.
    rows, weights : ndarray
        The table.

    Returns
    -------
    gaussians : Gaussians
    groups : ndarray of shape (n_components,), dtype=intp
    """
    if len(pieces.cut_groups) == 0:
        return gaussians, joined[groups]
    is_cut = np.isin(groups, pieces.cut_groups)
    origin = np.array(pieces.origins)[pieces.labels]
    component = np.empty(len(rows), dtype=np.intp)
    for group in pieces.cut_groups:
        own, members = np.flatnonzero(groups == group), origin == group
        logs = log_densities(gaussians[own], rows[members])
        component[members] = own[logs.argmax(axis=1)]
    part = np.flatnonzero(np.isin(origin, pieces.cut_groups))
    names, numbers = np.unique(
        np.stack([component[part], pieces.labels[part]]), axis=1, return_inverse=True
    )
    sizes, means, scatters = moments(
        np.ascontiguousarray(rows[part]),
        weights[part],
        numbers.ravel().astype(np.intp),
        names.shape[1],
    )
    shares = np.exp(gaussians.log_weights)
    pooled = np.average(gaussians.covariances, axis=0, weights=shares)
    kept = gaussians[~is_cut]
    return (
        Gaussians.of_weights(
            np.concatenate([shares[~is_cut], sizes / weights.sum()]),
            np.concatenate([kept.means, means]),
            np.concatenate(
                [kept.covariances, cell_covariances(sizes, scatters, pooled)]
            ),
        ),
        np.concatenate([joined[groups[~is_cut]], joined[names[1]]]),
    )
