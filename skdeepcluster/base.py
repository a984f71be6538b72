"""The frame of every estimator: validate, embed, cluster, label.

This module knows neither torch nor numba. It holds what all estimators share:
checks at the door, the optional ``encoder`` step, rows as distinct weighted
rows, one global scale for networks, a loop over chunks, and the canonical
numbering of clusters.
"""

import warnings
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    validate_data,
)

# Rows that one call of a network sees. A fixed number, so that the shape of
# the computation, and with it the rounding, never depends on the caller.
CHUNK_ROWS = 512
# Share of the range of a dtype that the entries of a table may take.
HEADROOM = 2.0**-14
# Scaled rows that lie farther away are moved here: squares stay finite.
FARTHEST = 1e100
# Weights are counts of rows, in whatever unit; far beyond this they are none.
LARGEST_WEIGHT = 1e50
# A row of less weight than this share of the largest counts as one of none.
LEAST_SHARE = 1e-12


@contextmanager
def unchanged_on_error(estimator):
    """Give an estimator its attributes back if the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_table(estimator, X, *, reset):
    """Validate a table: 2-D, finite, float32 or float64, rows contiguous."""
    with _clear_errors("X", X):
        _refuse_dates(X)
        X = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            order="C",
        )
    limit = float(np.finfo(X.dtype).max) * HEADROOM
    largest = largest_entry(X)
    if largest > limit:
        raise ValueError(
            f"X holds {largest:g} (without its sign), but differences and sums of "
            f"numbers beyond {limit:.0e} may leave the range of {X.dtype}: divide the "
            "columns that hold them."
        )
    return X


def largest_entry(X):
    """Largest absolute value in a finite table, as a float."""
    return max(float(np.max(X)), -float(np.min(X)))


def check_codes(estimator, X, n_codes):
    """Validate codes that an estimator shall turn back into rows."""
    with _clear_errors("X", X):
        codes = check_array(X, dtype=[np.float64, np.float32], order="C")
    if codes.shape[1] != n_codes:
        raise ValueError(
            f"X has {codes.shape[1]} columns, but the codes of this "
            f"{type(estimator).__name__} have {n_codes}."
        )
    return codes


@contextmanager
def _clear_errors(name, values):
    """Make errors of scikit-learn's checks clear, and silence what is no error."""
    _refuse_masked(name, values)
    try:
        # Their quick check for infinities sums all numbers.
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except OverflowError as error:
        raise ValueError(f"{name} holds a number beyond float64: {error}.") from error


def _refuse_masked(name, values):
    """Refuse masked entries: numpy would take what lies behind the mask."""
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} has masked entries: fill them (`filled`), or leave out the rows "
            "or columns that they are in."
        )


def _refuse_dates(X):
    """Refuse dates: numpy would count them in a unit that depends on the table."""
    # A Series has `dtypes` as well, but one for all its entries.
    has_columns = hasattr(X, "columns") and hasattr(X, "dtypes")
    dtypes = list(X.dtypes) if has_columns else [getattr(X, "dtype", None)]
    columns = [
        j
        for j, dtype in enumerate(dtypes)
        if getattr(dtype, "kind", "") in ("m", "M")
        or getattr(dtype, "is_temporal", bool)()
    ]
    if columns:
        where = f" in the column {X.columns[columns[0]]!r}" if has_columns else ""
        raise TypeError(
            f"X holds dates or times{where}: turn them into numbers, such as days "
            "since a first day."
        )


def draw_seed(random_state):
    """Turn any ``random_state`` into one integer seed.

    ``None`` draws from the operating system, so that nobody's global
    generator moves.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(np.iinfo(np.int32).max))
    check_random_state(random_state)
    return int(random_state)


def lexicographic_order(X):
    """Sort rows by their first column, ties by the second, and so on.

    Only rows that are still tied are looked at again, so a table of distinct
    numbers costs one sort of its first column.

    Returns
    -------
    order : ndarray of shape (n_samples,)
        The permutation that sorts the rows.
    is_first : ndarray of shape (n_samples,), dtype=bool
        Whether a row, in sorted order, differs from the row before it.
    """
    order = np.argsort(X[:, 0], kind="stable")
    is_first = np.ones(len(X), dtype=bool)
    is_first[1:] = X[order[1:], 0] != X[order[:-1], 0]
    first, last = 1, 2
    while first < X.shape[1]:
        places, runs = _tied(is_first)
        if places.size == 0:
            break
        # Of the columns to come, most say nothing of the few rows left.
        ahead = X[order[places], first:last]
        differs = (ahead[1:] != ahead[:-1])[runs[1:] == runs[:-1]].any(axis=0)
        for column in X.T[first + np.flatnonzero(differs)]:
            places, runs = _tied(is_first)
            rows = order[places]
            values = column[rows]
            sorting = np.lexsort((values, runs))
            order[places], values = rows[sorting], values[sorting]
            # Where a run begins, the row was a first one before.
            is_first[places[1:]] |= values[1:] != values[:-1]
        first, last = last, last + min(last, 64)
    return order, is_first


def _tied(is_first):
    """Find rows that equal a neighbour: their places, and the run of each."""
    tied = ~is_first
    tied[:-1] |= ~is_first[1:]
    places = np.flatnonzero(tied)
    return places, np.cumsum(is_first[places])


def distinct_rows(X, sample_weight=None):
    """Reduce a table to its distinct rows of positive weight.

    The rows come in lexicographic order and equal rows are merged, their
    weights added. What is computed from them depends neither on the order of
    the rows nor on whether a weight of 2 is written as two rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    sample_weight : ndarray of shape (n_samples,), default=None
        Non-negative weights; None means 1 for every row.

    Returns
    -------
    rows : ndarray of shape (n_distinct, n_features)
        Distinct rows, C-contiguous, in the dtype of `X`.
    weights : ndarray of shape (n_distinct,), dtype=float64
        Total weight of each.
    """
    if sample_weight is None:
        sample_weight = np.ones(len(X))
    elif not np.all(sample_weight > 0):
        X, sample_weight = X[sample_weight > 0], sample_weight[sample_weight > 0]
    order, is_first = lexicographic_order(X)
    starts = np.flatnonzero(is_first)
    # Equal rows are ordered by their weights, so that the rounding of the sum
    # does not depend on the order of the rows either.
    order = order[np.lexsort((sample_weight[order], np.cumsum(is_first)))]
    weights = np.add.reduceat(sample_weight[order], starts)
    return np.ascontiguousarray(X[order[starts]]), weights


class GlobalScaling:
    """Centring by column and division by one number for the whole table.

    Networks and iterative methods see ``(X - mean) / scale``, computed in
    float64: an offset of 1e6 loses no digits, and one learning rate fits all
    units. Distances keep their proportions, since the scale is one number.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Finite table.
    weights : ndarray of shape (n_samples,), default=None
        Weights of the rows.
    """

    def __init__(self, X, weights=None):
        # A power of two near the largest entry keeps squares in range and
        # changes no digit.
        self.unit = 2.0 ** np.clip(np.frexp(largest_entry(X))[1], -1000, 1000)
        shrunk = np.multiply(X, 1.0 / self.unit, dtype=np.float64)
        self.mean = np.average(shrunk, axis=0, weights=weights)
        shrunk -= self.mean
        shrunk *= shrunk
        self.variance = np.average(shrunk, axis=0, weights=weights)
        self.scale = float(np.sqrt(self.variance.mean())) or 1.0

    def apply(self, X):
        """Scale rows; the result is float64, and its squares are finite."""
        with np.errstate(over="ignore"):
            scaled = np.multiply(X, 1.0 / self.unit, dtype=np.float64)
            scaled -= self.mean
            scaled /= self.scale
        # Rows that came after fit may lie anywhere.
        return np.clip(scaled, -FARTHEST, FARTHEST, out=scaled)

    def undo(self, scaled, dtype=np.float64):
        """Give scaled rows their centre and units back.

        What a network makes of its codes may lie beyond the largest number of
        the dtype, which it then becomes.
        """
        rows = np.asarray(scaled, np.float64) * self.scale + self.mean
        largest = float(np.finfo(dtype).max)
        limit = largest / max(self.unit, 1.0)
        # One rounding may go past the limit again.
        rows = np.clip(np.clip(rows, -limit, limit) * self.unit, -largest, largest)
        return rows.astype(dtype, copy=False)


def in_chunks(function, X, n_rows=CHUNK_ROWS):
    """Apply a row-wise function to chunks of always the same shape.

    The last chunk is filled up with zero rows, whose results are dropped.

    Parameters
    ----------
    function : callable
        Maps an array of shape (n_rows, n_features) to one of n_rows rows.
    X : ndarray of shape (n_samples, n_features)
        At least one row.
    n_rows : int, default=CHUNK_ROWS
        Rows of a chunk.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        The results of all rows.
    """
    n_samples = len(X)
    result = None
    for start in range(0, n_samples, n_rows):
        chunk = X[start : start + n_rows]
        stop = start + len(chunk)
        if len(chunk) < n_rows:
            filled = np.zeros((n_rows, X.shape[1]), dtype=X.dtype)
            filled[: len(chunk)] = chunk
            chunk = filled
        values = function(chunk)
        if result is None:
            result = np.empty((n_samples, *values.shape[1:]), dtype=values.dtype)
        result[start:stop] = values[: stop - start]
    return result


def canonical_order(sizes, centers):
    """Order clusters: the largest first, ties by the centres' coordinates."""
    keys = [*np.asarray(centers, np.float64).T[::-1], -np.asarray(sizes, np.float64)]
    return np.lexsort(keys)


def warn_if_collapsed(n_found, n_clusters, hint):
    """Warn when fewer clusters hold rows than were asked for."""
    if n_found < n_clusters:
        warnings.warn(
            f"Only {n_found} of the {n_clusters} clusters asked for hold rows: the "
            f"others were left empty or merged. {hint}",
            ConvergenceWarning,
            stacklevel=3,
        )


def takes_partial_labels(encoder):
    """Tell whether an encoder, or the end of a pipeline, takes partial labels.

    Most transformers that use ``y`` would mistake -1 for a class: one that
    does not has an attribute ``takes_partial_labels``.
    """
    steps = getattr(encoder, "steps", None)
    return getattr(steps[-1][1] if steps else encoder, "takes_partial_labels", False)


class DeepClusterer(ClusterMixin, BaseEstimator, metaclass=ABCMeta):
    """Frame of the clusterers: validate, embed, cluster, label.

    A subclass says how to cluster the rows of a (possibly embedded) table in
    :meth:`_fit_clusters`, and how to label further rows in
    :meth:`_predict_labels`. Where it takes a parameter ``encoder``, rows pass
    through the fitted ``encoder_`` before either.
    """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Find the clusters of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, all else becomes float64.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit(X)

    def _fit(self, X, sample_weight=None):
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            weights = self._check_weights(sample_weight, X)
            if hasattr(self, "n_clusters") and len(X) < self.n_clusters:
                raise ValueError(
                    f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}: "
                    "ask for fewer clusters or give more rows."
                )
            self._fit_clusters(self._fit_encoder(X), weights)
        return self

    @staticmethod
    def _check_weights(sample_weight, X):
        if sample_weight is None:
            return None
        with _clear_errors("sample_weight", sample_weight):
            weights = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        largest = weights.max()
        if largest > LARGEST_WEIGHT or 0 < largest < 1 / LARGEST_WEIGHT:
            raise ValueError(
                f"The largest entry of sample_weight is {largest:g}, so far from 1 "
                "that sums leave the range of float64: divide sample_weight by it."
            )
        # Sums do not feel these, and differences of sums would be noise.
        return np.where(weights < LEAST_SHARE * largest, 0.0, weights)

    def _fit_encoder(self, X, y=None):
        """Fit the encoder; it sees the codes `y` only where it says it takes such."""
        if getattr(self, "encoder", None) is None:
            return X
        self.encoder_ = clone(self.encoder)
        told = takes_partial_labels(self.encoder_) and y is not None
        Z = self.encoder_.fit_transform(X, *([y] if told else []))
        return self._check_embedding(Z, X.dtype)

    def _embed(self, X):
        """Check rows that came after fit, and pass them through the encoder."""
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        if getattr(self, "encoder", None) is None:
            return X
        return self._check_embedding(self.encoder_.transform(X), X.dtype)

    @staticmethod
    def _check_embedding(Z, dtype):
        Z = np.ascontiguousarray(Z, dtype=dtype)
        if not np.all(np.isfinite(Z)):
            raise ValueError(
                "The encoder returned values that are not finite: check the "
                "encoder's parameters and the scale of its input."
            )
        return Z

    @abstractmethod
    def _fit_clusters(self, Z, sample_weight):
        """Cluster the rows of `Z`; set ``labels_`` and what else is fitted."""

    @abstractmethod
    def _predict_labels(self, Z):
        """Label the rows of `Z`."""

    def predict(self, X):
        """Give every row the cluster it belongs to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row.
        """
        return self._predict_labels(self._embed(X))


class WeightedClusterer(DeepClusterer):
    """A clusterer whose ``fit`` takes ``sample_weight``."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Find the clusters of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, all else becomes float64.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 2 is the same as two
            equal rows, a weight of 0 leaves the row out. None means 1 for all.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit(X, sample_weight)
