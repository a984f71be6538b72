"""TableEncoder: any table as numbers whose distances mean something, and back.

    number     -> (x - mean) / sd, of the logarithm where that is more normal
    category   -> (z_l - p_l) / sqrt(1 - sum p^2), one column for each level,
                  z the indicator of the level and p its share
    gap        -> 0, or what the axes say (see ``_gap_filling``)
    table      -> its leading principal axes, scores not rescaled

Every original column has variance 1 in total, whatever its units and number of
levels: two random rows differ by 2 in squared distance on each.
"""

from collections.abc import Sequence
from copy import copy
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
)

from .._fitted_state import check_arrays
from .._threads import one_blas_thread
from .._validation import check_codes, check_weights
from ..base import DocumentedEstimator, unchanged_on_error
from ..kernels.projection import project
from ..streaming._stream_sample import CAPACITY
from ._columns import (
    MAX_LEVELS,
    check_columns,
    numbers_and_codes,
    read_columns,
    warn_of_marks,
)
from ._design import level_norm, level_shares, make_design
from ._frames import checked_cells, frame_library, give_back_memory, make_frame
from ._gap_filling import ROWS_PER_COLUMN, WIDEST, fit_gap_axes, sorted_eigh
from ._table_sample import TableSample

LEAST_AXES = 2
# Columns that the name of an axis mentions.
COLUMNS_NAMED = 2
# Attributes that are decided on together.
DECIDED = (
    "_columns",
    "_roots",
    "_level_shares",
    "_gap_axes",
    "_axes",
    "_column_shares",
    "_n_decided",
)


class TableEncoder(TransformerMixin, DocumentedEstimator):
    r"""Encode a table of numbers, categories and gaps as a matrix for clustering.

    Numbers are standardised, skewed ones after a logarithm; of a category each
    level becomes a column, all scaled together. Every column of the table then
    has variance 1, be it a number or a category of 30 levels, so that none
    dominates the distances by its units or its number of levels. Gaps are filled
    from the leading axes of the table, which the result is projected on.

    Estimators that scale their input undo this: say ``PPP(scale=False)`` or
    ``AutoCluster(scale=False)``, and put no ``StandardScaler`` behind the encoder.

    Parameters
    ----------
    reduce : {"axes", None} or int, default="axes"
        Principal axes that the rows are projected on: those of more variance
        than the average, at least two; None for the encoded columns
        themselves; an integer for so many.
    gaps : {"axes", "mean"}, default="axes"
        What stands for a gap: what the leading axes make of the row's other
        cells, or the mean of the column. Tables of fewer than five rows for each
        encoded column, or of more than 60 of these, take the mean in either case.
    skew : {"log", None} or list of names, default="log"
        Whether numbers are logged where this makes them more nearly normal;
        names of the columns that are, and no others.
    max_levels : int, default=30
        Levels of a category past the so many most frequent are taken together.
    numeric : list of names, default=None
        Columns that are numbers, though they look like codes or identifiers. Names
        are positions where the table is an array.
    categorical : list of names, default=None
        Columns that are categories, though they hold numbers, or have an order.
    ordinal : list of names or dict of name to levels, default=None
        Categories with an order, which are encoded as the rank; levels are listed
        from low to high. Ordered categories of pandas and polars need not be named.
    drop : list of names, default=None
        Columns to leave out.
    column_weights : dict of name to float or array-like, default=None
        How often a column counts in squared distances, by name or one for each
        column; None means 1 for each.
    sentinels : list of float or dict of name to list, default=None
        Numbers that stand for a gap, such as -999; in all columns, or by column.

    Attributes
    ----------
    columns_ : list of Column
        What was decided about each column: `name`, `role` ("number",
        "category", "rank" or "unused"), `unused` (why), `levels`, `unit`,
        `share_missing`, `low` and `high` among other things.
    unused_columns_ : dict of name to str
        Columns that are not used, and why.
    axes_ : ndarray of shape (n_encoded, n_axes)
        Principal axes in columns; None with ``reduce=None``.
    column_shares_ : ndarray of shape (n_axes, n_features)
        Share of each original column in each column of the result: squared
        loadings summed over levels.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns; only where the table had names that are all strings.

    Raises
    ------
    ValueError
        If a number is infinite, no column can be used, or an option names a
        column that is not there.
    TypeError
        If a column holds lists, dicts, bytes or complex numbers.

    Warns
    -----
    UserWarning
        If a column seems to mark its gaps by a number such as -999.

    See Also
    --------
    PPP : Finds the number of clusters of a table of numbers.

    Notes
    -----
    Ctrl-C leaves the encoder as it was before the call, with the chunks that
    :meth:`partial_fit` had taken up.

    A table in parts is decided on by a sample of at most 100,000 distinct rows, a
    function of the rows alone: see :class:`~skdeepcluster.RowSummary`.

    Time is O(n w^2 + w^3) for n rows and w encoded columns.

    References
    ----------
    .. [1] B. Escofier, "Traitement simultané de variables qualitatives et
       quantitatives en analyse factorielle", Cahiers de l'analyse des données 4,
       1979.
    .. [2] J. Josse, F. Husson, "missMDA: a package for handling missing values in
       multivariate data analysis", Journal of Statistical Software 70, 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeepcluster import TableEncoder
    >>> table = pd.DataFrame(
    ...     {"age": [31, 28, None, 62, 59, 65], "job": list("aaabbb")}
    ... )
    >>> encoder = TableEncoder(reduce=None).fit(table)
    >>> encoder.get_feature_names_out()
    array(['age', 'job = a', 'job = b'], dtype=object)
    >>> encoder.transform(table).round(1)[:2]
    array([[-1.1,  0.7, -0.7],
           [-1.3,  0.7, -0.7]])
    """

    _parameter_constraints = {
        "reduce": [
            StrOptions({"axes"}),
            None,
            Interval(Integral, 1, None, closed="left"),
        ],
        "gaps": [StrOptions({"axes", "mean"})],
        "skew": [StrOptions({"log"}), None, "array-like"],
        "max_levels": [Interval(Integral, 2, None, closed="left")],
        "numeric": [None, "array-like"],
        "categorical": [None, "array-like"],
        "ordinal": [None, dict, "array-like"],
        "drop": [None, "array-like"],
        "column_weights": [None, dict, "array-like"],
        "sentinels": [None, dict, "array-like"],
    }

    def __init__(
        self,
        *,
        reduce: Literal["axes"] | int | None = "axes",
        gaps: Literal["axes", "mean"] = "axes",
        skew: Literal["log"] | Sequence[Any] | None = "log",
        max_levels: int = MAX_LEVELS,
        numeric: Sequence[Any] | None = None,
        categorical: Sequence[Any] | None = None,
        ordinal: Sequence[Any] | None = None,
        drop: Sequence[Any] | None = None,
        column_weights: ArrayLike | None = None,
        sentinels: Sequence[float] | None = None,
    ) -> None:
        self.reduce = reduce
        self.gaps = gaps
        self.skew = skew
        self.max_levels = max_levels
        self.numeric = numeric
        self.categorical = categorical
        self.ordinal = ordinal
        self.drop = drop
        self.column_weights = column_weights
        self.sentinels = sentinels

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Decide what the columns are, and find the axes.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table of numbers, text, categories, dates and gaps.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 2 is the same as two
            equal rows. None means 1 for all.

        Returns
        -------
        self : object
            Fitted encoder.
        """
        with unchanged_on_error(self):
            self._forget_parts()
            self._fit_weighted(X, sample_weight)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Any:
        """Fit, and encode the fitted rows.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table of numbers, text, categories, dates and gaps.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. None means 1 for all.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_axes)
            The encoded rows, bit for bit those of ``fit(X).transform(X)``.
        """
        with unchanged_on_error(self):
            give_back_memory()
            self._forget_parts()
            design = self._fit_weighted(X, sample_weight)
            # Rows of no weight are encoded, and decide nothing.
            return self.transform(X) if design is None else self._project(design, X)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike | None = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take up a chunk of rows; columns are decided on when rows are encoded.

        A bounded sample of all chunks is kept, and what the columns are is decided
        from it. What is found does not depend on how the rows were cut into chunks,
        nor on their order. The rows that :meth:`fit` saw before are forgotten.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features), \
                default=None
            Rows of the table. None takes up nothing and decides on what came
            before, as whoever asks first does: :meth:`transform`, or an attribute
            such as ``columns_``.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. None means 1 for all.

        Returns
        -------
        self : object
            The encoder.
        """
        if X is None:
            check_is_fitted(self)
            self._settled()
            return self
        first = not hasattr(self, "_sample")
        columns = vars(self).get("_columns", ()) if first else ()
        with unchanged_on_error(self):
            if first:
                self._library = frame_library(X)
            # Those of fit, whose rows are forgotten, or of the first chunk.
            names = [column.name for column in columns] or None
            names = names if first else self._sample.names
            cells = checked_cells(self, X, names, unread=self.drop or ())
            check_columns(cells, columns)
            weights = check_weights(sample_weight, X)
            sample = TableSample(CAPACITY) if first else self._sample.copy()
            self._exchange_sample(sample.add(cells, weights))
        return self

    def merge(self, other: Any) -> Self:
        """Take up what another encoder saw of the same table.

        Parameters
        ----------
        other : TableEncoder
            One that :meth:`partial_fit` was called on; it is not changed.

        Returns
        -------
        self : object
            The encoder; columns are decided on when rows are encoded.

        Raises
        ------
        ValueError
            If the tables have different columns, or one of the two was made by
            :meth:`fit`, which keeps no sample of its rows.
        """
        for encoder in (self, other):
            check_is_fitted(encoder)
            if not hasattr(encoder, "_sample"):
                raise ValueError(
                    "fit keeps no sample of its rows: make both encoders by "
                    "partial_fit."
                )
        with unchanged_on_error(self):
            self._exchange_sample(self._sample.copy().merge(other._sample))
        return self

    def _forget_parts(self):
        for name in ("_sample", "_n_taken", "_n_decided"):
            vars(self).pop(name, None)

    def _exchange_sample(self, sample):
        vars(self).update(_sample=sample, _n_taken=vars(self).get("_n_taken", 0) + 1)

    def _settled(self):
        """Copy the encoder, its columns decided on by all rows that it took up.

        No other thread changes the copy. What is decided is set here at once: an
        interrupt leaves what was there, and where rows came meanwhile, whoever asks
        next decides again.
        """
        aside = copy(self)
        parts = vars(aside)
        if parts.get("_n_taken") != parts.get("_n_decided"):
            cells, weights, _ = aside._sample.table()
            aside._fit_cells(cells, weights)
            aside._n_decided = aside._n_taken
            vars(self).update({name: parts[name] for name in DECIDED})
        return aside

    def _decided(self, name):
        """What was decided; absent, as before a fit, where that cannot be."""
        check_is_fitted(self)
        try:
            return vars(self._settled())[name]
        except ValueError as error:
            raise AttributeError(str(error)) from error

    @property
    def columns_(self):
        """What was decided about each column."""
        return self._decided("_columns")

    @property
    def unused_columns_(self):
        """Columns that are not used, and why."""
        return {c.name: c.unused for c in self.columns_ if c.unused}

    @property
    def axes_(self):
        """Principal axes in columns; None without."""
        return self._decided("_axes")

    @property
    def column_shares_(self):
        """Share of each original column in each column of the result."""
        return self._decided("_column_shares")

    def _fit_weighted(self, X, sample_weight):
        """Fit the rows that have weight; return their design if all have."""
        if sample_weight is None:
            return self._fit_cells(self._check(X, reset=True), None)
        cells = self._check(X, reset=True)
        weights = check_weights(sample_weight, X)
        weighted = weights > 0
        if weighted.all():
            return self._fit_cells(cells, weights)
        cells = [cell._replace(values=cell.values[weighted]) for cell in cells]
        self._fit_cells(cells, weights[weighted])
        return None

    def _fit_cells(self, cells, weights):
        """Decide what the columns are, and find the axes."""
        options = self._reading_options()
        self._columns = read_columns(cells, weights=weights, **options)
        if all(column.unused for column in self._columns):
            reasons = [f"{c.name!r} ({c.unused})" for c in self._columns]
            raise ValueError(
                "No column of X can be used, with "
                f"{len(cells[0].values)} sample(s): {', '.join(reasons)}."
            )
        warn_of_marks(cells, self._columns)
        self._roots = self._weight_roots()
        if weights is None:
            weights = np.ones(len(cells[0].values))
        numbers, codes = numbers_and_codes(cells, self._columns)
        del cells
        self._level_shares = level_shares(codes, self._columns, weights)
        design = make_design(numbers, codes, list(self._blocks()), self._level_shares)
        with one_blas_thread():
            self._find_axes(design, weights)
        self._column_shares = self._find_column_shares()
        return design

    def transform(self, X: ArrayLike) -> Any:
        """Encode rows.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table with the columns seen in fit. A level that was not there then
            counts as a gap.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_axes)
            The encoded rows, each depending on its own cells alone.
        """
        check_is_fitted(self)
        return self._settled()._encode(X)

    def _encode(self, X):
        """Encode rows by what is decided."""
        cells = self._check(X, reset=False)
        check_columns(cells, self._columns)
        numbers, codes = numbers_and_codes(cells, self._columns)
        blocks = list(self._blocks())
        return self._project(make_design(numbers, codes, blocks, self._level_shares), X)

    def inverse_transform(self, X: ArrayLike) -> Any:
        """Turn encoded rows back into a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_axes)
            Encoded rows.

        Returns
        -------
        table : DataFrame, pyarrow.Table or ndarray of shape (n_samples, n_features)
            Table of the kind seen in fit, in its units: the nearest level of each
            category, numbers without fractions rounded, gaps in columns that are not
            used. Without axes this is the table that was encoded, but for
            rounding; with axes it is its projection on them.
        """
        check_is_fitted(self)
        return self._settled()._decode(X)

    def _decode(self, X):
        """Turn encoded rows back by what is decided."""
        Z = check_codes(self, X, len(self._column_shares))
        encoded = Z if self._axes is None else Z @ self._axes.T
        columns = {column.name: None for column in self._columns}
        for column, start, stop, root in self._blocks():
            block = encoded[:, start:stop] / root
            if column.role == "category":
                shares = self._level_shares[column.name]
                block = block * level_norm(shares) + shares
                scores = block.argmax(axis=1)
            else:
                scores = column.in_units(block[:, 0])
            columns[column.name] = column.original(scores)
        return make_frame(self._library, columns, len(Z), Z.dtype)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Any:
        """Return the names of the columns of the result.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns seen in fit; None takes those that they had.

        Returns
        -------
        names : ndarray of shape (n_axes,), dtype=object
            "age" and "job = clerk", or "axis1 (age, job)" with the two columns
            that the axis says most of.
        """
        check_is_fitted(self)
        given = _check_feature_names_in(self, input_features)
        return self._settled()._names_out(given)

    def _names_out(self, given):
        """Names of the columns of the result, by those of the columns seen."""
        names = [
            f"{given[j]} = {level}" if column.role == "category" else given[j]
            for j, column in enumerate(self._columns)
            if column.role != "unused"
            for level in (column.levels if column.role == "category" else (None,))
        ]
        if self._axes is not None:
            names = []
            for number, shares in enumerate(self._column_shares, start=1):
                most = np.argsort(-shares, kind="stable")[:COLUMNS_NAMED]
                named = ", ".join(given[j] for j in most if shares[j] > 0)
                names.append(f"axis{number} ({named})")
        return np.array(names, dtype=object)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_sample") or hasattr(self, "_columns")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check(self, X, *, reset):
        """Take the table apart; columns of an array take the names of the fit."""
        if reset:
            self._library = frame_library(X)
            return checked_cells(self, X, unread=self.drop or ())
        names = [column.name for column in self._columns]
        unused = {column.name for column in self._columns if column.unused}
        return checked_cells(self, X, names, unread=unused)

    def _reading_options(self):
        lists = ("numeric", "categorical", "ordinal", "drop")
        options = {name: getattr(self, name) or () for name in lists}
        return options | {
            name: getattr(self, name) for name in ("sentinels", "skew", "max_levels")
        }

    def _weight_roots(self):
        """Square roots of the columns' weights."""
        weights = self.column_weights
        if weights is None:
            return np.ones(len(self._columns))
        names = [column.name for column in self._columns]
        if isinstance(weights, dict):
            unknown = [name for name in weights if name not in names]
            if unknown:
                raise ValueError(f"column_weights: there is no column {unknown[0]!r}.")
            weights = [weights.get(name, 1.0) for name in names]
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape != (len(names),):
            raise ValueError(
                f"column_weights has the shape {weights.shape}, and X {len(names)} "
                "columns."
            )
        if not np.all(np.isfinite(weights) & (weights > 0)):
            raise ValueError(
                "column_weights must be positive numbers: a column of no weight goes "
                "into drop."
            )
        return np.sqrt(weights)

    def _check_state(self):
        super()._check_state()
        if not hasattr(self, "_columns"):
            return
        *_, (_, _, width, _) = self._blocks()
        for axes in (self._axes, self._gap_axes and self._gap_axes.axes):
            if axes is not None:
                check_arrays("TableEncoder", axes=(axes, "f", "pk"))
                if len(axes) != width:
                    raise ValueError("axes of TableEncoder are of other columns")

    def _blocks(self):
        """Used columns: the first and last of the encoded columns, and the root."""
        start = 0
        for column, root in zip(self._columns, self._roots, strict=True):
            if column.role == "unused":
                continue
            stop = start + (len(column.levels) if column.role == "category" else 1)
            yield column, start, stop, root
            start = stop

    def _find_axes(self, design, weights):
        """Find the axes that gaps are filled from, and those of the result."""
        # Sums over rows in one order do not depend on the order given.
        order = design.order()
        complete = design.seen.all(axis=1)[order]
        n_rows, n_encoded = weights.sum(), len(design.owner)
        self._gap_axes = None
        if self.gaps == "axes" and n_encoded <= min(WIDEST, n_rows // ROWS_PER_COLUMN):
            some = design.take(order[~complete])
            rows, observed = some.along(), some.seen[:, some.owner]
            heights = weights[order[~complete]]
            outer, total = design.moments(order[complete], weights)
            self._gap_axes = fit_gap_axes(outer, rows, ~observed, heights, n_rows)
            if self._gap_axes is not None:
                rows = self._gap_axes.fill(rows, observed)
            rows_by_weight = heights[:, np.newaxis] * rows
            outer = outer + rows.T @ rows_by_weight
            total = total + rows_by_weight.sum(axis=0)
        else:
            outer, total = design.moments(order, weights)
        mean = total / n_rows
        self._axes = self._leading_axes(outer / n_rows - np.outer(mean, mean))

    def _leading_axes(self, covariance):
        """Leading principal axes; None for no projection."""
        if self.reduce is None:
            return None
        values, vectors = sorted_eigh(covariance)
        if self.reduce == "axes":
            positive = values[values > 0]
            n_axes = max(int(np.sum(positive > positive.mean())), LEAST_AXES)
            n_axes = min(n_axes, len(positive))
        else:
            n_axes = self.reduce
            if n_axes > len(values):
                raise ValueError(
                    f"reduce={n_axes} asks for more axes than there are: X with "
                    f"n_features={len(self._columns)} has {len(values)} encoded "
                    "columns."
                )
        axes = vectors[:, :n_axes]
        largest = np.abs(axes).argmax(axis=0)
        return np.ascontiguousarray(axes * np.sign(axes[largest, np.arange(n_axes)]))

    def _find_column_shares(self):
        loadings = np.eye(self._width) if self._axes is None else self._axes.T
        shares = np.zeros((len(loadings), len(self._columns)))
        place = {column.name: j for j, column in enumerate(self._columns)}
        for column, start, stop, _ in self._blocks():
            squares = np.square(loadings[:, start:stop]).sum(axis=1)
            shares[:, place[column.name]] = squares
        return shares

    @property
    def _width(self):
        return max(stop for _, _, stop, _ in self._blocks())

    def _project(self, design, X):
        """Encode rows, fill their gaps, and project them on the axes."""
        Z = design.along(self._axes)
        gappy = self._gap_axes is not None
        some = np.flatnonzero(~design.seen.all(axis=1)) if gappy else design.owner[:0]
        if some.size:
            part = design.take(some)
            rows = self._gap_axes.fill(part.along(), part.seen[:, part.owner])
            Z[some] = rows if self._axes is None else project(rows, self._axes)
        is_single = getattr(X, "dtype", None) == np.float32
        return Z.astype(np.float32) if is_single else Z
