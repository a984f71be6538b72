"""Checks at the door of every estimator, with errors that say what to do."""

from contextlib import contextmanager

import numpy as np
from sklearn import config_context, get_config
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_array,
    validate_data,
)

# Share of the range of a dtype that the entries of a table may take.
HEADROOM = 2.0**-14
# Weights are counts of rows, in whatever unit; far beyond this they are none.
LARGEST_WEIGHT = 1e50
# A row of less weight than this share of the largest counts as one of none.
LEAST_SHARE = 1e-12


def check_table(estimator, X, *, reset):
    """Validate a table: 2-D, finite, float32 or float64, rows contiguous.

    Where scikit-learn is configured with ``assume_finite=True``, an array that
    has this form already is taken as it is: AutoCluster checks its rows once.
    """
    if get_config()["assume_finite"] and _has_form_of_table(X):
        _check_feature_names(estimator, X, reset=reset)
        _check_n_features(estimator, X, reset=reset)
        return X
    X = _stacked(collected(X))
    # Compiled loops compute with NumPy's arrays, whatever namespace came in.
    with config_context(array_api_dispatch=False), _clear_errors("X", X):
        _refuse_dates(X)
        with _bad_cells_named(X, estimator):
            X = validate_data(
                estimator,
                X,
                reset=reset,
                dtype=np.float32 if _is_single(X) else [np.float64, np.float32],
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


def collected(X):
    """Collect the rows of a lazy frame of polars; anything else comes back as it is."""
    is_lazy = hasattr(X, "collect_schema") and hasattr(X, "collect")
    return X.collect() if is_lazy else X


def _stacked(X):
    """Stack a column of vectors into a table; anything else comes back as it is.

    Vectors of language models stand in data frames as one column, whose cells are
    lists or arrays.
    """
    dtype = getattr(X, "dtype", None)
    holds_objects = str(dtype).startswith(("object", "List", "Array"))
    if not holds_objects or hasattr(X, "columns") or len(X.shape) != 1 or not len(X):
        return X
    vectors = [np.asarray(cell) for cell in X]
    shapes = [vector.shape for vector in vectors]
    if len(shapes[0]) != 1:
        return X
    odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is not None:
        raise ValueError(
            f"Row {odd} of X is no vector of {shapes[0][0]} numbers, as row 0 is: "
            "leave it out, or correct it."
        )
    return np.stack(vectors)


def _is_single(X):
    """Whether single precision holds all numbers of a table, by its types.

    scikit-learn would widen half precision and short integers, in which vectors of
    language models are kept, to eight times their size. Of frames it looks at the
    dtypes of pandas' only, not of polars' and Arrow's.
    """
    if not hasattr(X, "columns"):
        return str(getattr(X, "dtype", "")) in ("float16", "int8", "uint8")
    types = getattr(getattr(X, "schema", None), "types", getattr(X, "dtypes", []))
    return {str(dtype) for dtype in types} in ({"float"}, {"Float32"})


def _has_form_of_table(X):
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.size > 0
        and X.dtype in (np.float64, np.float32)
        and X.flags.c_contiguous
    )


def largest_entry(X):
    """Largest absolute value in a finite table, as a float."""
    return max(float(np.max(X)), -float(np.min(X)))


def check_codes(estimator, X, n_codes):
    """Validate codes that an estimator is to turn back into rows."""
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
    refuse_masked(name, values)
    try:
        # Their quick check for infinities sums all numbers.
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except OverflowError as error:
        raise ValueError(f"{name} holds a number beyond float64: {error}.") from error


@contextmanager
def _bad_cells_named(X, estimator):
    """Say in errors where the first cell is that is no finite number."""
    try:
        yield
    except (ValueError, TypeError) as error:
        is_about_names = str(error).startswith("The feature names")
        bad = None if is_about_names else _first_bad_cell(X)
        if bad is None:
            raise
        name, row, value = bad
        remedy = (
            "TableEncoder takes text, dates and gaps, so write "
            f"make_pipeline(TableEncoder(), {_written_unscaled(estimator)})"
        )
        if isinstance(value, float) and np.isinf(value):
            remedy = "correct it, or make it a gap for TableEncoder"
        elif np.ndim(value) == 1:
            remedy = f"give that column alone, as X[{name!r}]"
        kind = ValueError if isinstance(error, ValueError) else TypeError
        said = str(error).strip().splitlines()[0].rstrip(".:")
        raise kind(
            f"Column {name!r} of X holds {_shown(value)} in row {row}: "
            f"{remedy} ({said})."
        ) from error


def _written_unscaled(estimator):
    """How an estimator is written behind TableEncoder, whose axes are scaled."""
    scale = "scale=False" if "scale" in estimator.get_params(deep=False) else ""
    return f"{type(estimator).__name__}({scale})"


def _first_bad_cell(X):
    """Column, row and value of the first cell that is no finite number, or None."""
    if hasattr(X, "tocsr") or np.ndim(X) != 2:
        return None
    has_columns = hasattr(X, "columns")
    rows = X if has_columns or hasattr(X, "dtype") else np.asarray(X, dtype=object)
    for j, name in enumerate(X.columns if has_columns else range(rows.shape[1])):
        column = rows.iloc[:, j] if hasattr(rows, "iloc") else rows[:, j]
        for i, value in enumerate(np.asarray(column).tolist()):
            if not _is_finite_number(value):
                return name, i, value
    return None


def _shown(value):
    return "a vector" if np.ndim(value) == 1 else repr(value)


def _is_finite_number(value):
    try:
        return bool(np.isfinite(float(value)))
    except (ValueError, TypeError, OverflowError):
        return False


def refuse_masked(name, values):
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

    ``None`` draws from the operating system and leaves numpy's global random
    state as it is.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0] >> 1)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(np.iinfo(np.int32).max))
    check_random_state(random_state)
    return int(random_state)


def check_weights(sample_weight, X):
    """Validate weights of rows: None stays None, dust becomes zero."""
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
