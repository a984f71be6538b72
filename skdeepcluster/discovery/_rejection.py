"""Rows that are of none of the known classes, class by class against the rest.

For each class, the rows that are most probably of it are its positives, and the
other rows are cut into as many negatives as there are groups in the table. A row is of
the class only where the mean direction of the positives is nearer to it, by the cosine
and times how sure the positives are, than those of all negatives [1].

[1] S. Qu et al., "Upcycling models under domain and category shift", Conference on
    Computer Vision and Pattern Recognition, 2023.
"""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from .._fitted_state import check_arrays
from .._kmeans import kmeans
from .._rows import distinct_rows
from .._scaling import unit_length
from .._threads import one_blas_thread
from ..kernels.projection import project
from .semi_supervised_kmeans import n_novel_by_accuracy

# What a class of which no row is sure keeps of its similarity.
LEAST_PRIOR = 0.75
N_STARTS = 3


class OneVersusAll(NamedTuple):
    """Directions of every class and of what it is told from.

    Parameters
    ----------
    positives : ndarray of shape (n_columns, n_classes)
        Directions of the classes, times how sure they are.
    negatives : tuple of ndarray of shape (n_columns, n_groups)
        Directions of the other rows, for each class.
    """

    positives: np.ndarray
    negatives: tuple

    def _check_state(self):
        lengths = check_arrays("OneVersusAll", positives=(self.positives, "f", "pk"))
        for directions in self.negatives:
            check_arrays(
                "OneVersusAll",
                positives=(self.positives, "f", "pk"),
                negatives=(directions, "f", "pg"),
            )
        if len(self.negatives) != lengths["k"]:
            raise ValueError("negatives of OneVersusAll are of other classes")

    def rejects(self, rows, classes):
        """Say of every row whether it is not of the class that it was given."""
        rows = unit_length(rows)
        own = project(rows, self.positives)
        rejected = np.zeros(len(rows), dtype=bool)
        for c, directions in enumerate(self.negatives):
            there = classes == c
            nearest = project(rows[there], directions).max(axis=1, initial=-np.inf)
            rejected[there] = own[there, c] <= nearest
        return rejected


def fit_one_versus_all(rows, distributions, n_groups, seed):
    """Find the directions that tell each class from all other rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns), dtype=float64
        Centred rows.
    distributions : ndarray of shape (n_samples, n_classes)
        Probability of each class at each row.
    n_groups : int
        Number of groups in the table, more than classes.
    seed : int
        Seed of k-means.

    Returns
    -------
    OneVersusAll
        The directions.
    """
    rows = unit_length(rows)
    n_rows = max(1, round(len(rows) / n_groups))
    positives, negatives = [], []
    for c, sure in enumerate(distributions.T):
        order = np.argsort(-sure, kind="stable")
        prior = LEAST_PRIOR + (1 - LEAST_PRIOR) * sure[order[:n_rows]].mean()
        positives.append(prior * unit_length(rows[order[:n_rows]].mean(axis=0)[None]))
        others, weights = distinct_rows(rows[order[n_rows:]])
        centers = np.empty((0, rows.shape[1]))
        if len(others):
            rng = np.random.default_rng([seed, c])
            number = min(n_groups, len(others))
            with one_blas_thread():
                run = kmeans(others, weights, number, rng, n_init=N_STARTS)
            centers = unit_length(run.centers)
        negatives.append(np.ascontiguousarray(centers.T))
    return OneVersusAll(
        np.ascontiguousarray(np.concatenate(positives).T), tuple(negatives)
    )


def count_groups(reject, rows, known, seed):
    """Number of groups among all rows, one more than the known classes at least.

    Parameters
    ----------
    reject : {"one_vs_all"}, int or clusterer
        What says the number: the rule of semi-supervised k-means, the number
        itself, or a clusterer that finds it.
    rows : ndarray of shape (n_samples, n_columns), dtype=float64
        Rows.
    known : PartialLabels
        Their classes.
    seed : int
        Seed of the rule.
    """
    if reject == "one_vs_all":
        rng = np.random.default_rng(seed)
        number = known.n_known + n_novel_by_accuracy(rows, None, known, rng)
    elif isinstance(reject, (int, np.integer)):
        number = int(reject)
    else:
        number = len(np.unique(clone(reject).fit(rows).labels_))
    return max(number, known.n_known + 1)
