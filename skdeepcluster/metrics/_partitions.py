"""Agreement of several partitions of the same rows: aligned, voted, rated.

::

    reference = the partition of the largest mean adjusted Rand index with the others
    rename every partition's clusters by the best one-to-one matching to the reference
    repeat, at most 10 times:
        consensus = the cluster that most partitions vote for, row by row
        rename every partition's clusters by the best matching to the consensus
        until nothing changes; the summed agreement never falls
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import Bunch

from .._validation import draw_seed
from ..kernels.pairs import pair_agreement
from ._matching import _best_matching, _unique

NOISE = -1
MAX_ROUNDS = 10
# Pairs of more rows say little more, and their number grows with the square.
MAX_RATED_ROWS = 5_000


class Votes(NamedTuple):
    """A consensus of partitions.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,), dtype=int64
        Cluster with the largest weight of votes, the lowest of equals; -1 for a row
        that has none.
    agreement : ndarray of shape (n_samples,)
        Share of the weight of all partitions that votes for it.
    """

    labels: np.ndarray
    agreement: np.ndarray


def align_labels(
    partitions: ArrayLike,
    *,
    reference: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Any:
    """Rename the clusters of several partitions such that the most rows agree.

    Without a reference the partitions are aligned to what they agree on: first to
    the one that is most like the others, by the mean adjusted Rand index, then to
    their vote, until nothing changes.

    Parameters
    ----------
    partitions : array-like of shape (n_partitions, n_samples)
        Labels of the same rows: numbers, strings, booleans, or objects of mixed
        types. An integer below 0 is noise, and abstains.
    reference : array-like of shape (n_samples,), default=None
        Labels to align with; None for the vote of the partitions.
    weights : array-like of shape (n_partitions,), default=None
        How much each partition's vote counts; None for 1 each.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        The partitions under common names:

        aligned : ndarray of shape (n_partitions, n_samples), dtype=int64
            Clusters, numbered as in `labels`; -1 for noise, and for a cluster
            that no cluster is left for, or none that shares a row with it.
        labels : ndarray of shape (n_samples,), dtype=int64
            The vote: the cluster with the largest weight, the lowest number of
            equals; -1 where none votes.
        agreement : ndarray of shape (n_samples,)
            Share of all weight that votes for it.
        names : list
            Label of the reference for each number, or of the partition that was
            most like the others.

    Raises
    ------
    ValueError
        If there is no partition or no row, labels are missing, lengths differ, or
        the weights are not one positive number for each partition.

    See Also
    --------
    match_labels : The matching of two partitions.
    rater_agreement : Agreement without any names.

    Notes
    -----
    A matching of `k` clusters takes O(k^3) time, and the tables of counts
    O(n_samples * n_partitions) for each of at most 10 rounds. Between equally good
    references the first is taken.

    References
    ----------
    .. [1] H. W. Kuhn (1955). "The Hungarian method for the assignment problem."
       Naval Research Logistics Quarterly 2.
    .. [2] A. Strehl and J. Ghosh (2002). "Cluster ensembles: a knowledge reuse
       framework for combining multiple partitions." Journal of Machine Learning
       Research 3.

    Examples
    --------
    >>> from skdeepcluster.metrics import align_labels
    >>> found = align_labels([[0, 0, 1, 1], ["b", "b", "a", "a"], [1, 1, 1, 0]])
    >>> found.aligned.tolist()
    [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    >>> found.agreement.round(2).tolist()
    [1.0, 1.0, 0.67, 1.0]
    """
    named = [
        _clusters(labels, f"partitions[{i}]") for i, labels in enumerate(partitions)
    ]
    if not named:
        raise ValueError("partitions is empty: give at least one.")
    codes = [codes for _, codes in named]
    weights = check_vote_weights(weights, len(codes))
    if reference is not None:
        names, target = _clusters(reference, "reference")
        _check_lengths([target, *codes])
    else:
        _check_lengths(codes)
        center = most_central(codes)
        names = named[center][0]
        target = consensus(codes, codes[center], weights)
    aligned = _align_all(codes, target)
    votes = vote(aligned, weights, len(names))
    return Bunch(aligned=aligned, names=names, **votes._asdict())


def check_vote_weights(weights, n_partitions):
    """Return one positive weight for each partition."""
    if weights is None:
        return np.ones(n_partitions)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_partitions,):
        raise ValueError(
            f"weights has shape {weights.shape}, but there are {n_partitions} "
            "partitions: give one weight for each."
        )
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("weights must be positive and finite: leave a partition out.")
    return weights


def most_central(partitions):
    """Index of the partition of the largest mean adjusted Rand index with all.

    One that is nothing but noise has no clusters to name others after: it is last.
    """
    alone = [noise_alone(codes) for codes in partitions]
    likeness = np.eye(len(alone))
    for i in range(len(alone)):
        for j in range(i):
            likeness[i, j] = adjusted_rand_score(alone[i], alone[j])
            likeness[j, i] = likeness[i, j]
    has_clusters = [codes.max(initial=NOISE) >= 0 for codes in partitions]
    return int(np.where(has_clusters, likeness.mean(axis=1), -np.inf).argmax())


def cluster_names(codes, target, n_target):
    """Name the clusters of a partition after those of another.

    Parameters
    ----------
    codes, target : ndarray of shape (n_samples,)
        Clusters, numbered from 0; -1 is noise.
    n_target : int
        Number of clusters of the target.

    Returns
    -------
    ndarray of shape (n_clusters + 1,), dtype=int64
        For each cluster the one that it is matched to, or -1; the last entry is that
        of noise.
    """
    names = np.full(codes.max(initial=NOISE) + 2, NOISE)
    both = (codes >= 0) & (target >= 0)
    table = np.zeros((n_target, len(names) - 1), dtype=np.int64)
    np.add.at(table, (target[both], codes[both]), 1)
    for cluster, name in zip(*_best_matching(table)[::-1], strict=True):
        names[cluster] = name if table[name, cluster] else NOISE
    return names


def vote(aligned, weights, n_clusters):
    """Let aligned partitions vote on each row.

    Parameters
    ----------
    aligned : ndarray of shape (n_partitions, n_samples)
        Clusters under common names; -1 abstains.
    weights : ndarray of shape (n_partitions,)
        Weight of each vote.
    n_clusters : int
        Number of names.

    Returns
    -------
    Votes
    """
    rows = np.arange(aligned.shape[1])
    votes, total = np.zeros((len(rows), max(1, n_clusters) + 1)), 0.0
    for labels, weight in zip(aligned, weights.tolist(), strict=True):
        # Abstentions lie in the last column, which nobody counts.
        votes[rows, labels] += weight
        # One by one, as the votes are: unanimity is 1 exactly.
        total += weight
    labels = votes[:, :-1].argmax(axis=1)
    most = votes[rows, labels]
    labels[most == 0] = NOISE
    return Votes(labels, most / total)


def _align_all(partitions, target):
    n_target = target.max(initial=NOISE) + 1
    return np.array(
        [cluster_names(codes, target, n_target)[codes] for codes in partitions]
    )


def consensus(partitions, reference, weights):
    """Labels that partitions vote for, once these are aligned to what they vote for.

    Parameters
    ----------
    partitions : list of ndarray of shape (n_samples,)
        Clusters of each, numbered from 0; -1 abstains.
    reference : ndarray of shape (n_samples,)
        The partition to align with first.
    weights : ndarray of shape (n_partitions,)
        Weight of each vote.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=int64
        In the numbers of the reference; -1 where none votes.
    """
    n_clusters, target = reference.max(initial=NOISE) + 1, reference
    for _ in range(MAX_ROUNDS):
        before = target
        target = vote(_align_all(partitions, before), weights, n_clusters).labels
        if np.array_equal(target, before):
            break
    return target


def _clusters(labels, name):
    """Names of the clusters, and their number for each row; integers < 0 are noise."""
    names, codes = _unique(labels, name)
    n_noise = sum(isinstance(label, int) and label < 0 for label in names)
    if n_noise and all(isinstance(label, int) for label in names):
        return names[n_noise:], np.maximum(codes - n_noise, NOISE)
    return names, codes


def _check_lengths(partitions):
    lengths = [len(codes) for codes in partitions]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"All partitions must be of the same rows, got {lengths} rows."
        )
    if lengths[0] == 0:
        raise ValueError("The partitions are empty: there is nothing to compare.")


def noise_alone(labels):
    """Make every noise row a cluster of its own."""
    labels = labels.copy()
    noise = labels == NOISE
    labels[noise] = labels.max(initial=NOISE) + 1 + np.arange(np.count_nonzero(noise))
    return labels


def rater_agreement(
    labels: ArrayLike,
    raters: ArrayLike,
    *,
    max_samples: int = MAX_RATED_ROWS,
    random_state: int | np.random.RandomState | None = 0,
) -> Any:
    """Agreement of a partition with a group of raters, corrected for chance.

    Each pair of rows is a question, "one cluster or two?", that the partition and
    every rater answer, so that no names need to be aligned. The coefficient is that
    for one rater against a group [1]_, on pairs. Where raters contradict each other
    nobody can agree with all: 1 is as much as a partition could at the very most.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        The partition to be judged, of any types of labels. An integer below 0 is
        noise: the row is in no pair.
    raters : array-like of shape (n_raters, n_samples)
        Partitions of the same rows by the raters. A row that is noise to a rater is
        in none of that rater's pairs.
    max_samples : int, default=5000
        Of more rows so many are drawn at random.
    random_state : int, RandomState or None, default=0
        Decides which rows are drawn.

    Returns
    -------
    float
        1 if the partition answers every pair as most raters do, 0 if it agrees no
        more than chance does. With a single rater it is the adjusted Rand index.

    Raises
    ------
    ValueError
        If there is no rater or no row, labels are missing, or lengths differ.

    See Also
    --------
    sklearn.metrics.adjusted_rand_score : Agreement of two partitions.
    align_labels : The raters' clusters under common names.

    Notes
    -----
    With x = 1 where the partition joins a pair, and p the share of raters that do:
    the observed agreement is the mean of x p + (1 - x)(1 - p), the expected one the
    same of both means, and the largest the mean of max(p, 1 - p). O(n_samples^2 *
    n_raters) time.

    References
    ----------
    .. [1] S. Vanbelle and A. Albert (2009). "Agreement between an isolated rater and
       a group of raters." Statistica Neerlandica 63(1).

    Examples
    --------
    >>> from skdeepcluster.metrics import rater_agreement
    >>> raters = [[0, 0, 1, 1, 1, 2], [0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1]]
    >>> round(rater_agreement([0, 0, 0, 1, 1, 2], raters), 3)
    0.817
    """
    codes = [_clusters(labels, "labels")[1]]
    codes += [_clusters(one, f"raters[{i}]")[1] for i, one in enumerate(raters)]
    if len(codes) == 1:
        raise ValueError("raters is empty: give at least one partition.")
    _check_lengths(codes)
    table = np.ascontiguousarray(np.array(codes, dtype=np.int64).T)
    if len(table) > max_samples:
        rng = np.random.default_rng(draw_seed(random_state))
        table = table[np.sort(rng.choice(len(table), max_samples, replace=False))]
    n_pairs, joined, shares, observed, largest = pair_agreement(table)
    if n_pairs == 0:
        return 1.0
    x, p = joined / n_pairs, shares / n_pairs
    expected = x * p + (1 - x) * (1 - p)
    observed, largest = observed / n_pairs, largest / n_pairs
    if largest - expected < 1e-12:
        return float(largest - observed < 1e-12)
    return float((observed - expected) / (largest - expected))
