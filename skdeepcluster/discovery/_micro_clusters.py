"""Micro-clusters: small sets of rows that stay together, and the prior of a class.

They are called cells here, and known by their additive moments alone.
"""

from dataclasses import dataclass

import numpy as np

from .._fitted_state import check_arrays
from .._kmeans import lloyd, plusplus_centers
from .._labels import PartialLabels
from .._rows import distinct_rows
from .._warnings import warn
from ..kernels.gaussians import gaussian_factors
from ._niw import Moments, Prior, prior_of_classes
from ._split_merge import merge_path

# Weight per cell on average, and the fewest cells, of all free rows and of the
# rows of a known class.
WEIGHT_PER_CELL, FEWEST_CELLS, FEWEST_OF_CLASS = 20.0, 30, 8
# Merging n cells of p columns by their moments costs n² p³ / 12 operations.
MOST_WORK = 2e10
# Rows per cell that the first centres of cells are drawn from.
SEEDING_ROWS = 10
LLOYD_STEPS = 10
# Where no class has labels: as if there were so many, of the same volume.
CLASSES_WITHOUT_LABELS = 10
# Share of the mean variance that the variance within a class has at least.
LEAST_VARIANCE = 1e-3
# Kinds of covariances that are matrices.
FULL = ("full", "tied")
# Up to so many columns covariances are taken as they were asked for.
FEW_COLUMNS = 32
# Matrices of more than the first number of columns need so many rows a column, and
# those of more than the last take minutes to merge.
MATRIX_COLUMNS, ROWS_PER_COLUMN, MOST_MATRIX_COLUMNS = 50, 10, 128


@dataclass(frozen=True)
class Cells:
    """Moments of cells, and the known class of each.

    Parameters
    ----------
    moments : Moments
        Moments of the cells.
    codes : ndarray of shape (n_cells,), dtype=int64
        Known class, -1 where a cell has none.
    """

    moments: Moments
    codes: np.ndarray

    def _check_state(self):
        check_arrays(
            "Cells", sizes=(self.moments.sizes, "f", "k"), codes=(self.codes, "i", "k")
        )

    @classmethod
    def of_rows(cls, rows, weights, codes, pooled, n_most, seed):
        """Divide rows into cells, those of each known class by themselves.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            Distinct rows.
        weights : ndarray of shape (n_samples,)
            Their weights.
        codes : ndarray of shape (n_samples,), dtype=int64
            Known classes, -1 where a row has none.
        pooled : ndarray
            Covariance, or variances, within a class.
        n_most : int
            Most free cells; known classes share twice as many.
        seed : int or list of int
            Draws the first centres, for every class the same way.
        """
        full = pooled.ndim == 2
        flat = whitened(rows, pooled)
        cells = cls(Moments.empty(0, rows.shape[1], full), codes[:0])
        for code in np.unique(codes):
            members = codes == code
            weight = weights[members].sum()
            most = _share(n_most, code, codes)
            least = FEWEST_CELLS if code < 0 else FEWEST_OF_CLASS
            number = np.clip(weight / WEIGHT_PER_CELL, least, most)
            labels = divide(flat[members], weights[members], int(number), seed)
            n_cells = int(labels.max()) + 1
            moments = Moments.of_rows(
                rows[members], weights[members], labels, n_cells, full
            )
            cells = cells.joined(cls(moments, np.full(n_cells, code)))
        return cells

    def joined(self, other):
        """These cells and then those."""
        return Cells(
            self.moments.joined(other.moments),
            np.concatenate([self.codes, other.codes]),
        )

    def reduced(self, prior, alpha, n_most):
        """Merge cells where there are more than twice as many as may be made."""
        parts = Cells(self.moments[:0], self.codes[:0])
        for code in np.unique(self.codes):
            moments = self.moments[self.codes == code]
            most = _share(n_most, code, self.codes)
            if len(moments) > 2 * most:
                path = merge_path(moments, prior, alpha, 0, most)
                moments = moments.grouped(path.groups(len(path.pairs)), most)
            parts = parts.joined(Cells(moments, np.full(len(moments), code)))
        return parts

    def classes(self, n_known):
        """Moments of the known classes."""
        known = self.codes >= 0
        return self.moments[known].grouped(self.codes[known], n_known)


def _share(n_most, code, codes):
    """Most cells of a class, or of the rows without one (code -1)."""
    if code < 0:
        return max(n_most, FEWEST_CELLS)
    return max(2 * n_most // (int(codes.max()) + 1), FEWEST_OF_CLASS)


def whitened(rows, pooled):
    """Rows in coordinates where a covariance, or variances, become 1."""
    if pooled.ndim == 1:
        return rows / np.sqrt(pooled)
    # No LAPACK or BLAS, whose rounding depends on the number of threads.
    factor = gaussian_factors(pooled[np.newaxis])[0][0]
    return np.einsum("ij,kj->ik", rows, factor)


def divide(rows, weights, n_cells, seed):
    """Divide rows into cells by k-means.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct rows, whitened.
    weights : ndarray of shape (n_samples,)
        Their weights.
    n_cells : int
        Number of cells; as many as rows where those are fewer.
    seed : int or list of int
        Draws the first centres.

    Returns
    -------
    labels : ndarray of shape (n_samples,), dtype=int64
        Cell of every row, without gaps.
    """
    if len(rows) <= n_cells:
        return np.arange(len(rows))
    rng = np.random.default_rng(seed)
    sample, sample_weights = rows, weights
    if len(rows) > SEEDING_ROWS * n_cells:
        chosen = np.sort(rng.choice(len(rows), SEEDING_ROWS * n_cells, replace=False))
        sample, sample_weights = rows[chosen], weights[chosen]
    centers = plusplus_centers(sample, sample_weights, n_cells, rng)
    labels = lloyd(rows, weights, centers, max_iter=LLOYD_STEPS, tol=0.0).labels
    return np.unique(labels, return_inverse=True)[1]


def within_class_covariance(classes, total, kind):
    """Covariance within the classes, drawn towards independent columns.

    Parameters
    ----------
    classes : Moments
        Labeled classes.
    total : Moments
        One set: all rows.
    kind : str
        What covariances may be, as in ``covariance_type``.

    Returns
    -------
    pooled : ndarray
        Matrix (n_features, n_features), or variances (n_features,), all the same
        for ``kind="spherical"``; always regular.
    labeled : bool
        Whether it comes from the classes. If no class has two different rows,
        it is the variance of all rows.
    """
    n_features = total.sums.shape[1]
    scatter = classes.scatters().sum(axis=0)
    freedom = classes.sizes.sum() - np.count_nonzero(classes.sizes)
    within = np.diagonal(scatter) if total.full else scatter
    labeled = bool(freedom > 0 and within.any())
    if labeled:
        variances = within / freedom
    else:
        spread = total.scatters()[0]
        variances = np.diagonal(spread) if total.full else spread
        variances = variances / total.sizes[0]
    variances = variances + LEAST_VARIANCE * (variances.mean() or 1.0)
    if kind == "spherical":
        variances = np.full(n_features, variances.mean())
    if not total.full:
        return variances, labeled
    if not labeled:
        return np.diag(variances), False
    # As if as many rows as there are columns had said: independent.
    return (scatter + n_features * np.diag(variances)) / (freedom + n_features), True


def supported_covariance(kind, n_columns, codes, weights):
    """Covariances that the rows can support; warn of what is doubtful.

    Parameters
    ----------
    kind : str
        What was asked for, as in ``covariance_type``.
    n_columns : int
        Columns of the table.
    codes : ndarray of shape (n_samples,), dtype=int64
        Known classes, -1 where a row has none.
    weights : ndarray of shape (n_samples,) or None
        Weights of the rows.

    Returns
    -------
    str
        The same, or "diag".
    """
    if n_columns <= FEW_COLUMNS or kind == "spherical":
        return kind
    weights = np.ones(len(codes)) if weights is None else weights
    n_rows, n_labeled = weights.sum(), weights[codes >= 0].sum()
    few = n_columns > MATRIX_COLUMNS and n_rows < ROWS_PER_COLUMN * n_columns
    if kind in FULL and (few or n_columns > MOST_MATRIX_COLUMNS):
        warn(
            f"covariance_type={kind!r} is too much for {n_columns} columns of "
            f"{n_rows:g} rows: 'diag' is used. Ask for 'diag' to accept it, or "
            "reduce the columns, as by encoder=PCA(20)."
        )
        return "diag"
    told = kind in FULL or codes.max() == 0
    if told and 0 < n_labeled < n_columns * (n_columns + 1) / 2:
        warn(
            f"What {n_labeled:g} labeled rows say of the spread of {n_columns} "
            "columns may lump other classes together. Reduce the columns, as by "
            "encoder=PCA(20), or use SemiSupervisedKMeans."
        )
    return kind


def prior_for(cells, n_known, kind):
    """Prior of a class, by empirical Bayes from the labeled classes.

    Parameters
    ----------
    cells : Cells
        Cells of all rows.
    n_known : int
        Number of known classes.
    kind : str
        What covariances may be, as in ``covariance_type``.

    Returns
    -------
    Prior
        Of the mean and the covariance of a class.

    Notes
    -----
    Without labels it is the weak prior of Fraley and Raftery, for 10 clusters: the
    scale is the variance of each column over 10^(2 / n_features), with n_features + 2
    degrees of freedom, and the mean is worth 0.01 rows.
    """
    classes = cells.classes(n_known)
    one = np.zeros(len(cells.codes), dtype=np.intp)
    total = cells.moments.grouped(one, 1)
    pooled, labeled = within_class_covariance(classes, total, kind)
    mean, shared = total.centers[0], kind == "spherical"
    if labeled:
        return prior_of_classes(classes, mean, pooled, shared)
    return weak_prior(total, pooled, kind)


def priors_for(cells, n_known, kind):
    """Priors to choose from by the posterior of the classes that they lead to.

    A single labeled class does not say how much classes differ: the prior that is
    estimated from it may call every other class impossible, and the mixture then
    lumps all of them together. The weak one is tried beside it, for matrices alone:
    independent columns are told well enough by one class, and the weak prior cuts
    classes whose columns are not independent into many.

    Parameters
    ----------
    cells, n_known, kind
        See :func:`prior_for`.

    Returns
    -------
    list of Prior
        That of :func:`prior_for`, and the weak one where one class is known and
        covariances are matrices.
    """
    found = [prior_for(cells, n_known, kind)]
    if n_known == 1 and kind in FULL:
        one = np.zeros(len(cells.codes), dtype=np.intp)
        total = cells.moments.grouped(one, 1)
        pooled, _ = within_class_covariance(total[:0], total, kind)
        found.append(weak_prior(total, pooled, kind))
    return found


def weak_prior(total, pooled, kind):
    """The prior of Fraley and Raftery: see :func:`prior_for`."""
    mean, shared = total.centers[0], kind == "spherical"
    n_features = len(mean)
    scale = pooled / CLASSES_WITHOUT_LABELS ** (2 / n_features)
    dof = n_features + 2 if total.full or shared else 3
    return Prior(mean, 0.01, dof, scale, shared)


def distinct_rows_of_classes(rows, weights, codes):
    """Distinct rows of each class, in an order that the rows decide alone."""
    table = np.column_stack([codes.astype(np.float64), rows])
    table, weights = distinct_rows(table, weights)
    codes = table[:, 0].astype(np.int64)
    return np.ascontiguousarray(table[:, 1:]), weights, codes


def n_most_cells(n_columns, covariance_type, max_cells, n_novel):
    """Number of cells whose moments can be merged in some ten seconds.

    Four at least for each novel class that was asked for.
    """
    n_most = max_cells
    if covariance_type in FULL:
        affordable = int(np.sqrt(12 * MOST_WORK / n_columns**3))
        n_most = min(n_most, max(FEWEST_CELLS, affordable))
    return n_most if n_novel == "auto" else max(n_most, 4 * n_novel)


def divide_rows(rows, weights, codes, n_known, covariance_type, n_most, seed):
    """Divide rows into cells that are small against the classes."""
    full, labeled = covariance_type in FULL, codes >= 0
    one = np.zeros(len(rows), dtype=np.intp)
    total = Moments.of_rows(rows, weights, one, 1, full)
    classes = Moments.of_rows(
        rows[labeled], weights[labeled], codes[labeled], n_known, full
    )
    pooled, _ = within_class_covariance(classes, total, covariance_type)
    return Cells.of_rows(rows, weights, codes, pooled, n_most, seed)


def join_classes(known, cells, chunk):
    """Bring cells and the labels of a chunk to the codes of the classes of both.

    Parameters
    ----------
    known : PartialLabels
        Classes so far.
    cells : Cells
        Cells so far.
    chunk : PartialLabels
        Labels of further rows.

    Returns
    -------
    known : PartialLabels
        Classes of both.
    cells : Cells
        The cells, with new codes.
    codes : ndarray of shape (n_samples,), dtype=int64
        New codes of the further rows.
    """
    names = [*known.classes.tolist(), *chunk.classes.tolist()]
    both = PartialLabels(names or None, names)
    # The last entry is for rows without a class, whose code is -1.
    new_codes = np.append(both.codes, -1)
    own = np.append(np.arange(known.n_known), -1)[cells.codes]
    others = np.append(known.n_known + np.arange(chunk.n_known), -1)[chunk.codes]
    return both, Cells(cells.moments, new_codes[own]), new_codes[others]
