"""Which pairs of rows to ask somebody about next.

::

    told = rows that links name, in groups
    rows that were refused by some groups, and accepted by none, come first:
        ask for their nearest told row of the next nearest group
    then, as often as wanted:
        d = squared distance of each row to the nearest told row
        a = d / squared distance to the nearest told row of another group  (doubt)
        x = row with the largest gain: sum of a (d - squared distance to x), where
            positive
        ask for x and its nearest told row, and go on as if the answer were yes

This covers the table: for fixed doubt the greedy choice has at least 1 - 1/e of the
largest gain that so many rows can have (a facility location problem) [1]_.

References
----------
.. [1] G. L. Nemhauser, L. A. Wolsey and M. L. Fisher, "An analysis of approximations
   for maximizing submodular set functions", Mathematical Programming 14, 1978.
"""

from typing import NamedTuple

import numpy as np

from .._row_links import checked_links, joined_rows, refused_pairs
from .._rows import lexicographic_order
from ..kernels.cover import cover_gains
from ..kernels.soft_assignment import pairwise_squared_distances
from ._assignment import LinkGraph
from ._items import items_of
from ._link_conflicts import check_hard_links
from ._told_examples import refused_groups

# Rows that are covered, and that are candidates; of more, as many are drawn.
MOST_ROWS = 2_000


class ToldGroups(NamedTuple):
    """What is known of the rows that links name.

    Parameters
    ----------
    groups : ndarray of shape (n_samples,), dtype=int64
        Group of each row; -1 for a row in none.
    open_rows : dict of int to set of int
        Rows that no group accepted yet, and the groups that refused them.
    """

    groups: np.ndarray
    open_rows: dict


def told_groups_of(links, labels, n_clusters, *, hard):
    """Groups of rows, from hard links by closure, from soft ones by the fit."""
    n_samples = len(labels)
    units = joined_rows(links) if hard else np.arange(n_samples)
    named = np.flatnonzero(links.named)
    if hard:
        groups = refused_groups(links, n_clusters)
        if groups.max(initial=-1) < 0 and len(named):
            # One group only: that of most rows.
            sizes = np.bincount(units[named])
            groups[units == sizes.argmax()] = 0
        done = groups >= 0
    else:
        groups = np.full(n_samples, -1)
        groups[named] = labels[named]
        done = np.zeros(n_samples, bool)
        done[links.must.ravel()] = True
        done |= links.codes >= 0
    refused = {}
    for i, j in refused_pairs(links, n_clusters).tolist():
        refused.setdefault(units[i], set()).add(groups[j])
        refused.setdefault(units[j], set()).add(groups[i])
    open_rows, seen = {}, set()
    for row in named[~done[named]].tolist():
        if units[row] not in seen:
            seen.add(units[row])
            open_rows[row] = refused.get(units[row], set())
    return ToldGroups(groups, open_rows)


class PairQuestions:
    """Questions about the rows of one fit, which go on from answer to answer.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_features), dtype=float64
        Rows, in the metric of the clusters.
    links : Links
        What is known.
    labels : ndarray of shape (n_samples,)
        Clusters of the rows.
    n_clusters : int
        Number of clusters.
    hard : bool
        Whether links are certain.
    unit : float
        What gains are multiplied by.
    needs_fit : bool
        Whether a fit with more answers may lead to other questions.
    """

    def __init__(self, Z, links, labels, n_clusters, *, hard, unit, needs_fit):
        self.Z, self.links, self.labels = Z, links, labels
        self.n_clusters, self.hard, self.unit = n_clusters, hard, unit
        self.needs_fit = needs_fit
        self.rows = _drawn_rows(Z)
        drawn = np.ascontiguousarray(Z[self.rows])
        self.squares = pairwise_squared_distances(drawn, drawn)

    def add(self, i, j, together):
        """Take up an answer."""
        kind = "must" if together else "cannot"
        pairs = np.vstack([getattr(self.links, kind), [[min(i, j), max(i, j)]]])
        self.links = self.links._replace(**{kind: pairs})

    def check(self):
        """Refuse answers that no partition keeps, as a fit with hard links does."""
        links = checked_links(*self.links, None)
        check_hard_links(links, joined_rows(links), self.n_clusters)
        own, k = np.ones(len(self.Z)), self.n_clusters
        items = items_of(self.Z, own, links, k, hard=True, merge=True)
        if len(items.edges):
            LinkGraph(items, k)

    def propose(self, n_pairs):
        """Find the pairs whose answers would tell most.

        Parameters
        ----------
        n_pairs : int
            Number of pairs wanted.

        Returns
        -------
        pairs : ndarray of shape (n, 2), dtype=int64
            A row, and the told row that it is to be compared with; the most useful
            first.
        gains : ndarray of shape (n,)
            Gain of each; infinite for a row that was refused before.
        """
        told = told_groups_of(self.links, self.labels, self.n_clusters, hard=self.hard)
        pairs = _open_questions(self.Z, told)[:n_pairs]
        gains = [np.inf] * len(pairs)
        cover = _Cover(self.Z, told, self.rows, self.squares)
        while len(pairs) < n_pairs:
            found = cover.next_pair()
            if found is None:
                break
            pairs.append(found[:2])
            gains.append(found[2] * self.unit)
        return np.array(pairs, np.int64).reshape(-1, 2), np.array(gains, np.float64)


def _open_questions(Z, told):
    """Rows refused before, each with the nearest row of the next nearest group."""
    rows = np.flatnonzero(told.groups >= 0)
    pairs = []
    for row, refused in told.open_rows.items():
        others = rows[rows != row]
        others = others[~np.isin(told.groups[others], list(refused))]
        if len(refused) and len(others):
            away = np.square(Z[others] - Z[row]).sum(axis=1)
            pairs.append((row, int(others[away.argmin()])))
    return pairs


class _Cover:
    """Rows to be covered by told rows, and those that may become told."""

    def __init__(self, Z, told, rows, squares):
        self.Z, self.rows, self.squares = Z, rows, squares
        self.told = [int(row) for row in np.flatnonzero(told.groups >= 0)]
        numbers = np.unique(told.groups[self.told], return_inverse=True)[1]
        self.groups = [int(number) for number in numbers]
        self.is_free = ~np.isin(self.rows, self.told)
        self.is_free[np.isin(self.rows, list(told.open_rows))] = False
        self.weight = len(Z) / len(self.rows)
        self.nearest = np.full(
            (len(self.rows), max(self.groups, default=0) + 1), np.inf
        )
        for row, group in zip(self.told, self.groups, strict=True):
            away = np.square(Z[self.rows] - Z[row]).sum(axis=1)
            self.nearest[:, group] = np.minimum(self.nearest[:, group], away)
        if not self.told:
            medoid = int(self.squares.sum(axis=0).argmin())
            self._tell(medoid, 0)

    def _tell(self, place, group):
        self.is_free[place] = False
        self.told.append(int(self.rows[place]))
        self.groups.append(group)
        self.nearest[:, group] = np.minimum(
            self.nearest[:, group], self.squares[:, place]
        )

    def next_pair(self):
        """Row, told row and gain of the next question; None if nothing is gained."""
        first = self.nearest.min(axis=1)
        doubt = np.ones(len(first))
        if self.nearest.shape[1] > 1:
            second = np.partition(self.nearest, 1, axis=1)[:, 1]
            doubt = np.where(second > 0, first / np.where(second > 0, second, 1), 1.0)
        gains = np.where(self.is_free, cover_gains(self.squares, first, doubt), -1.0)
        place = int(gains.argmax())
        if gains[place] <= 0:
            return None
        row = int(self.rows[place])
        away = np.square(self.Z[self.told] - self.Z[row]).sum(axis=1)
        partner = int(away.argmin())
        other = self.told[partner]
        self._tell(place, self.groups[partner])
        return row, other, gains[place] * self.weight


def _drawn_rows(Z):
    """First of each equal rows; where these are many, some of them."""
    order, is_first = lexicographic_order(Z)
    rows = order[is_first]
    if len(rows) > MOST_ROWS:
        rows = np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False)
    return np.sort(rows)
