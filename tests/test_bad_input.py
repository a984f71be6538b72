"""Whatever comes in: a right answer, or an error that names the cause.

Arrays, frames, weights, labels, parameters and files are generated. Every case
ends with finite answers of the right shape, or with a ValueError or TypeError
raised at the door, the estimator as it was before. The night's run::

    BAD_INPUT_TABLE=cases.md pytest tests/test_bad_input.py --hypothesis-profile=long

What it found is in benchmarks/results/bad_input.md.
"""

import os
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager
from functools import cache
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from estimators import Rotation, classifiers, estimators
from forgery import forge, members
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import has_fit_parameter
from test_common import assert_same, results, seeded, table

from skdeepcluster import load, save
from skdeepcluster.cli import main

# The default profile of hypothesis has 100 cases.
IS_LONG = settings.default.max_examples > 100
CASES = Counter()


def cases(n_normal, n_long):
    """Settings of a test: how many cases by day, and by night."""
    return settings(
        max_examples=n_long if IS_LONG else n_normal,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module", autouse=True)
def table_of_cases():
    """Write down how many cases there were, where a night's run asks for it."""
    CASES.clear()
    yield
    if path := os.environ.get("BAD_INPUT_TABLE"):
        Path(path).write_text(layout_of(CASES))


def layout_of(counts):
    """The table of the cases: estimators down, kinds of input across."""
    names = sorted({name for name, _ in counts})
    kinds = sorted({kind for _, kind in counts})
    lines = [["", *kinds, "all"], ["---"] * (len(kinds) + 2)]
    for name in names:
        row = [counts[name, kind] for kind in kinds]
        lines.append([name, *row, sum(row)])
    lines.append(
        ["all", *[sum(column) for column in zip(*rows_of(lines), strict=True)]]
    )
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def rows_of(lines):
    return [line[1:] for line in lines[2:]]


def quick(estimator):
    """Copy an estimator; make its networks and searches small."""
    estimator = seeded(estimator, 2)
    small = {
        "max_epochs": 2,
        "pretrain_epochs": 1,
        "hidden_layer_sizes": (4,),
        "n_init": 1,
        "n_iter_no_change": None,
    }
    known = estimator.get_params()
    return estimator.set_params(**{k: v for k, v in small.items() if k in known})


# Where an error may be raised: in our own checks and in those of the libraries
# that convert tables, but not in the depths of what computes.
DEPTHS = ("/numba/", "/torch/", "/skorch/", "/cvxpy/", "/scipy/linalg/", "/kernels/")


def check_error(error):
    """It is raised at the door, and says something."""
    assert not isinstance(error, np.linalg.LinAlgError)
    place = traceback.extract_tb(error.__traceback__)[-1].filename
    assert not any(depth in place for depth in DEPTHS), place
    assert len(str(error).split()) >= 3, error


@contextmanager
def right_answer_or_clear_error(estimator=None):
    """Pass errors that name their cause; the estimator must not have changed."""
    before = dict(vars(estimator)) if estimator is not None else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        # scikit-learn's, of what it goes on with.
        warnings.filterwarnings("ignore", message="X does not have valid feature")
        warnings.filterwarnings("ignore", message="X has feature names")
        # Ours, of a number that may stand for a gap.
        warnings.filterwarnings("ignore", message="Column .* unlike all its other")
        try:
            yield
        except (ValueError, TypeError) as error:
            check_error(error)
            after = {} if estimator is None else vars(estimator)
            assert after.keys() == before.keys()
            assert all(after[name] is value for name, value in before.items())


def check_answers(estimator, X):
    """What a fitted estimator says is finite and legal."""
    n_rows = X.shape[0] if sparse.issparse(X) else len(X)
    for method, values in results(estimator, X).items():
        assert len(values) == n_rows
        if method == "predict":
            assert values.shape == (n_rows,)
        if values.dtype.kind == "f":
            assert np.isfinite(values).all(), method
        if method == "predict_proba":
            assert values.min() >= 0
            np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-4)
    if hasattr(estimator, "labels_"):
        assert estimator.labels_.shape == (n_rows,)
    if hasattr(estimator, "cluster_centers_"):
        assert np.isfinite(estimator.cluster_centers_).all()


# Arrays ----------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-320, 1e-308, 1e-150, 1e6, 1e15, 1e150, 1e300]
SPECIAL += [1.7e308, -1.7e308]
NOT_FINITE = [np.nan, np.inf, -np.inf]
SHAPES = npst.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
ANY_SHAPE = npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
FLOATS = st.sampled_from([np.float64, np.float32])


@st.composite
def finite_arrays(draw):
    """Arrays that are tables, however hard."""
    dtype = draw(FLOATS)
    with np.errstate(over="ignore", under="ignore"):
        pool = np.array(SPECIAL).astype(dtype)
    pool = pool[np.isfinite(pool)].tolist()
    width = 8 * np.dtype(dtype).itemsize
    elements = st.sampled_from(pool) | st.floats(
        width=width, allow_nan=False, allow_infinity=False
    )
    if draw(st.booleans()):
        elements = st.sampled_from(draw(st.lists(elements, min_size=1, max_size=3)))
    return draw(npst.arrays(dtype, SHAPES, elements=elements, fill=st.nothing()))


@st.composite
def other_arrays(draw):
    """Arrays of every dtype and shape; few are tables."""
    dtype = draw(
        st.one_of(
            npst.scalar_dtypes(),
            npst.byte_string_dtypes(max_len=3),
            npst.unicode_string_dtypes(max_len=3),
            st.just(np.dtype(object)),
        )
    )
    shape = draw(SHAPES | ANY_SHAPE)
    if dtype.kind == "O":
        items = st.sampled_from(
            [1, 2.5, "3", "x", None, np.nan, b"4", 10**400, -(2**70), True, 3j, [1]]
        )
        return draw(npst.arrays(object, shape, elements=items))
    if dtype.kind == "U":
        # A frame cannot hold halves of characters.
        letters = st.characters(codec="utf-8", exclude_characters="\0")
        items = st.text(letters, max_size=dtype.itemsize // 4)
        return draw(npst.arrays(dtype, shape, elements=items))
    return draw(npst.arrays(dtype, shape))


LAYOUTS = ["C", "F", "strided", "reversed", "read-only", "mapped", "list", "nan"]
LAYOUTS += ["masked", "unmasked", "sparse", "frame", "swapped"]


@st.composite
def laid_out(draw, arrays):
    """Arrays, however they lie in memory and whatever they are wrapped in."""
    array = draw(arrays)
    how = draw(st.sampled_from(LAYOUTS))
    if how == "F":
        return np.asfortranarray(array)
    if how == "strided" and array.ndim:
        return np.repeat(array, 2, axis=0)[::2]
    if how == "reversed" and array.ndim:
        return array[::-1]
    if how == "read-only":
        array.flags.writeable = False
    if how == "mapped" and array.dtype.kind == "f" and array.size:
        return as_memmap(array)
    if how == "list":
        return array.tolist()
    if how == "nan" and array.dtype.kind == "f" and array.size:
        array = array.copy()
        array.flat[draw(st.integers(0, array.size - 1))] = draw(
            st.sampled_from(NOT_FINITE)
        )
    if how in ("masked", "unmasked"):
        return np.ma.masked_array(array, np.full(array.shape, how == "masked"))
    if how == "sparse" and array.ndim == 2 and array.dtype in ("f4", "f8"):
        return sparse.csr_array(array)
    # pandas refuses dates beyond its range itself.
    if how == "frame" and array.ndim == 2 and array.dtype.kind not in "mM":
        return pd.DataFrame(array)
    if how == "swapped" and array.dtype.kind in "fiu":
        return array.astype(array.dtype.newbyteorder())
    return array


@cache
def _scratch():
    import tempfile

    return tempfile.TemporaryDirectory()


def as_memmap(array):
    path = Path(_scratch().name, "mapped.npy")
    np.save(path, array)
    return np.load(path, mmap_mode="r")


EVERY = pytest.mark.parametrize("estimator", estimators(), ids=repr)


def count(estimator, what):
    CASES[type(estimator).__name__, what] += 1


@EVERY
@cases(12, 150)
@given(X=laid_out(finite_arrays()))
def test_hard_tables(estimator, X):
    count(estimator, "tables")
    model = quick(estimator)
    with right_answer_or_clear_error(model):
        model.fit(X)
        check_answers(model, X)


@EVERY
@cases(12, 150)
@given(X=laid_out(other_arrays()))
def test_any_array(estimator, X):
    count(estimator, "arrays")
    model = quick(estimator)
    with right_answer_or_clear_error(model):
        model.fit(X)
        # As it is: numpy makes words of the numbers beside a word.
        check_answers(model, X)


@cache
def fitted(estimator):
    """An estimator fitted to three groups, classes where it needs some."""
    needs_classes = get_tags(estimator).target_tags.required
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return quick(estimator).fit(table(), *[np.arange(60) % 3] * needs_classes)


METHODS = ("predict", "predict_proba", "decision_function", "transform", "score")
METHODS += ("inverse_transform", "score_samples", "explain", "is_novel")


@EVERY
@cases(12, 150)
@given(data=st.data())
def test_rows_after_fit(estimator, data):
    count(estimator, "rows after fit")
    model = fitted(estimator)
    X = data.draw(laid_out(finite_arrays() | other_arrays()))
    for method in METHODS:
        if hasattr(model, method):
            with right_answer_or_clear_error(model):
                values = np.asarray(getattr(model, method)(X))
                if values.dtype.kind == "f" and method not in ("score", "explain"):
                    assert np.isfinite(values).all(), method


@EVERY
@cases(4, 50)
@given(first=laid_out(finite_arrays()), second=laid_out(finite_arrays()))
def test_chunks_of_a_stream(estimator, first, second):
    if not hasattr(estimator, "partial_fit"):
        return
    count(estimator, "streams")
    model = quick(estimator)
    for X in (first, second):
        with right_answer_or_clear_error(model):
            model.partial_fit(X)
            check_answers(model, np.asarray(X)) if hasattr(model, "net_") else None


def in_cell(value, dtype=object):
    """Three groups, and one cell that is no number."""
    X = table().astype(dtype)
    X[7, 2] = value
    return X


def all_cells(value):
    X = np.empty((60, 4), dtype=object)
    for cell in np.ndindex(X.shape):
        X[cell] = value
    return X


NO_TABLES = {
    "complex": table().astype(complex),
    "complex64": table().astype(np.complex64) + 1j,
    "a complex cell": in_cell(1j),
    "complex frame": pd.DataFrame(table().astype(complex)),
    "a word": in_cell("x"),
    "None": in_cell(None),
    "all None": all_cells(None),
    "a list": in_cell([1, 2]),
    "lists": all_cells([1.0, 2.0]),
    "an array": in_cell(np.ones(2)),
    "a dict": in_cell({"a": 1}),
    "an object": in_cell(object()),
    "ragged": [[1.0, 2.0], [3.0]] * 30,
    "nested": [[[1.0], [2.0]]] * 60,
    "words": np.full((60, 4), "x"),
    "bytes": np.full((60, 4), b"x"),
    "records": np.zeros(60, dtype=[("a", float), ("b", float)]),
}


@pytest.mark.parametrize("kind", NO_TABLES)
@pytest.mark.parametrize("model", [*estimators(), *classifiers()], ids=repr)
def test_what_is_no_table_of_numbers_is_refused_by_every_method(model, kind):
    """But by those that take words and gaps; never are complex numbers taken."""
    X, sound = NO_TABLES[kind], fitted(model)
    fresh = quick(model)
    calls = {name: (sound, getattr(sound, name, None)) for name in METHODS}
    for name in ("fit", "partial_fit"):
        calls[name] = fresh, getattr(fresh, name, None)
    target = [np.arange(60) % 3] * get_tags(model).target_tags.required
    for name, (owner, method) in calls.items():
        if method is None:
            continue
        refused = True
        with right_answer_or_clear_error(owner):
            method(X, *target if name in ("fit", "partial_fit") else [])
            refused = False
        takes_cells = get_tags(fresh).input_tags.categorical
        takes_cells |= hasattr(sound, "table_encoder_") and name != "fit"
        assert refused or ("complex" not in kind and takes_cells), name


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", [*estimators(), *classifiers()], ids=repr)
def test_numbers_in_an_array_of_objects_are_numbers(model):
    X = table().round(3)
    sound, target = fitted(model), []
    for wrapped in (X.astype(object), X.tolist(), X.astype(object).tolist()):
        assert_same(results(sound, wrapped), results(sound, X))
    if get_tags(model).target_tags.required:
        target = [np.arange(60) % 3]
    found = quick(model).fit(X.astype(object), *target)
    assert_same(results(found, X), results(quick(model).fit(X, *target), X))


# Frames ----------------------------------------------------------------------

COLUMNS = {
    "float": lambda n: np.linspace(-1, 1, n),
    "int": lambda n: np.arange(n),
    "bool": lambda n: np.arange(n) % 2 == 0,
    "text": lambda n: [f"t{i}" for i in range(n)],
    "digits": lambda n: [str(i) for i in range(n)],
    "mixed": lambda n: ([1, "a", None] * n)[:n],
    "dates": lambda n: pd.date_range("2024-01-01", periods=n),
    "zones": lambda n: pd.date_range("2024-01-01", periods=n, tz="UTC"),
    "spans": lambda n: pd.to_timedelta(np.arange(n), unit="D"),
    "nullable": lambda n: pd.array([None, *range(n - 1)], dtype="Int64"),
    "full nullable": lambda n: pd.array(range(n), dtype="Int64"),
    "categories": lambda n: pd.Categorical(["a", "b"] * n)[:n],
    "huge": lambda n: [10**30 + i for i in range(n)],
    "empty": lambda n: [None] * n,
    "constant": lambda n: np.ones(n),
}
NAMES = st.sampled_from(["a", "b", "", " ", "a\n", "é", 0, 1, None, ("a", 1), 1.5])


@st.composite
def frames(draw):
    n_rows = draw(st.integers(0, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=4))
    if draw(st.booleans()):
        kinds = draw(st.lists(st.sampled_from(["float", "int", "bool"]), max_size=4))
    columns = [pd.Series(COLUMNS[kind](n_rows)) for kind in kinds]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=[1, 2])
    names = draw(st.lists(NAMES, min_size=len(kinds), max_size=len(kinds)))
    frame.columns = pd.Index(names, dtype=object)
    return frame


@EVERY
@cases(12, 150)
@given(frame=frames())
def test_any_frame(estimator, frame):
    count(estimator, "frames")
    model = quick(estimator)
    with right_answer_or_clear_error(model):
        model.fit(frame)
        check_answers(model, frame)
        kinds = {getattr(dtype, "kind", "") for dtype in frame.dtypes}
        # Who takes categories, or has encoded the frame, takes any cell.
        takes_all = get_tags(model).input_tags.categorical
        takes_all |= hasattr(model, "table_encoder_")
        assert takes_all or not kinds & {"m", "M"}


# Weights, labels, parameters -------------------------------------------------


@EVERY
@cases(12, 150)
@given(weights=laid_out(finite_arrays() | other_arrays()), as_row=st.booleans())
def test_any_weights(estimator, weights, as_row):
    if not has_fit_parameter(estimator, "sample_weight"):
        return
    count(estimator, "weights")
    if as_row and isinstance(weights, np.ndarray) and weights.size:
        weights = np.resize(weights, 60)
    model = quick(estimator)
    with right_answer_or_clear_error(model):
        model.fit(table(), sample_weight=weights)
        check_answers(model, table())


LABELS = [-1, 0, 1, 2, -2, 2**62, -1.0, 1.0, 0.5, np.nan, np.inf, None, pd.NA, True]
LABELS += ["a", "b", "", "novel_0", b"a", ("a",), [1], pd.Timestamp("2024-01-01")]


@EVERY
@cases(12, 150)
@given(data=st.data())
def test_any_labels(estimator, data):
    if "n_novel" not in estimator.get_params():
        return
    count(estimator, "labels")
    few = data.draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=4))
    n_rows = data.draw(st.sampled_from([24, 24, 24, 24, 0, 1, 23, 25]))
    y = [few[i % len(few)] for i in range(n_rows)]
    wrap = data.draw(st.sampled_from(["list", "array", "object", "series", "column"]))
    model = quick(estimator)
    with right_answer_or_clear_error(model):
        if wrap == "array":
            y = np.array(y)
        if wrap in ("object", "column"):
            y = np.fromiter(y, dtype=object, count=len(y))
            y = y[:, np.newaxis] if wrap == "column" else y
        if wrap == "series":
            y = pd.Series(y)
        model.fit(table(24), y)
        assert model.labels_.shape == (24,)


# No large integers: what they ask for may be right and take forever.
VALUES = [None, True, False, -1, 0, 1, 2, 3, -0.5, 0.5, 1.0, 1e-308, 1e308, np.nan]
VALUES += [np.inf, -np.inf, "", "x", "auto", b"x", (), (0,), (2, -1), (2, "a"), [], {}]
VALUES += [np.float32(0.5), np.int8(3), np.array(2), np.array([1, 2]), np.str_("auto")]
VALUES += [object(), object, print, lambda *args: None, 10**30, -(10**30), 3j]
SLOW = {"max_epochs", "pretrain_epochs", "n_init", "max_iter", "n_components"}


@EVERY
@cases(25, 200)
@given(data=st.data())
def test_any_parameter(estimator, data):
    count(estimator, "parameters")
    model = quick(estimator)
    name = data.draw(st.sampled_from(sorted(model.get_params(deep=False))))
    value = data.draw(st.sampled_from(VALUES))
    if type(value) is int and value > 10 and (name in SLOW or name.startswith("n_")):
        value = 0
    model.set_params(**{name: value})
    with right_answer_or_clear_error(model):
        model.fit(table(24))
        check_answers(model, table(24))


def takes_one(constraint):
    is_count = isinstance(constraint, Interval) and constraint.type is Integral
    return is_count and 1 in constraint


@EVERY
def test_true_counts_as_one(estimator):
    """As in scikit-learn; but neither numpy nor torch takes a bool for a number."""
    X = table(24)
    for name, allowed in type(estimator)._parameter_constraints.items():
        if isinstance(allowed, list) and any(map(takes_one, allowed)):
            said = []
            for value in (1, True):
                model = quick(estimator).set_params(**{name: value})
                with right_answer_or_clear_error(model):
                    said.append(results(model.fit(X), X))
            if said:
                assert_same(*said)


# Files -----------------------------------------------------------------------


@cache
def saved(estimator):
    path = Path(_scratch().name, "saved.model")
    save(fitted(estimator), path, trusted=[Rotation])
    return path.read_bytes()


def loaded_or_refused(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load(path, trusted=[Rotation])
    except ValueError as error:
        if f"{path.name} cannot be loaded: " in str(error):
            return None
        raise


@EVERY
@cases(12, 150)
@given(data=st.data())
def test_damaged_files(estimator, data):
    """What is damaged is refused, or as it was: some bits mean nothing."""
    count(estimator, "damaged files")
    content = bytearray(saved(estimator))
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content = content[:place]
    path = Path(_scratch().name, "damaged.model")
    path.write_bytes(content)
    model = loaded_or_refused(path)
    if model is not None:
        save(model, path, trusted=[Rotation])
        assert path.read_bytes() == saved(estimator)


@EVERY
@cases(12, 150)
@given(data=st.data())
def test_forged_files(estimator, data):
    """The checksums are right, the content is not."""
    count(estimator, "forged files")
    path = Path(_scratch().name, "forged.model")
    path.write_bytes(saved(estimator))
    tree = members(path)["schema.json"]
    place = data.draw(st.integers(0, len(tree) - 1))
    length = data.draw(st.integers(0, 12))
    new = data.draw(
        st.sampled_from([b"", b"0", b"-1", b"1e9", b"{}", b"[]", b"null", b'"x"', b","])
        | st.binary(max_size=3)
    )
    forge(path, schema=tree[:place] + new + tree[place + length :])
    model = loaded_or_refused(path)
    if model is not None:
        clone(model)


def run_command(content, *options):
    """Cluster a CSV file of these bytes; status 0, or 2 and one line."""
    path = Path(_scratch().name, "table.csv")
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        status = main(["cluster", str(path), "--n-clusters", "1", *options])
    return status


CELLS = [b"1", b"2.5", b"", b"NA", b"x", b'"a,b"', b'"a\nb"', b'"', b"\xe9", b"\x00"]
CELLS += [b"1e999", b"9" * 400, b"2024-01-01", b"TRUE", b" 1", "é".encode(), b"-"]


@cases(40, 1200)
@given(
    rows=st.lists(st.lists(st.sampled_from(CELLS), max_size=4), min_size=0, max_size=6),
    start=st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"a,b\n", b"a,a,\n"]),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    method=st.sampled_from(["tell", "ppp"]),
)
def test_any_csv_file(rows, start, end, method, capsys):
    CASES["command line", "CSV files"] += 1
    content = start + end.join(b",".join(row) for row in rows) + end
    status = run_command(content, "--method", method)
    out, err = capsys.readouterr()
    assert status in (0, 2)
    if status == 2:
        assert out == ""
        assert err.splitlines()[-1].startswith("skdeepcluster: error: ")
    else:
        assert " cluster" in out


@cases(10, 300)
@given(content=st.binary(max_size=200))
def test_any_bytes_as_a_table(content, capsys):
    CASES["command line", "bytes"] += 1
    assert run_command(content) in (0, 2)
    capsys.readouterr()


def test_very_wide_csv_file(capsys):
    n_columns = 100_000 if IS_LONG else 2_000
    head = ",".join(f"c{j}" for j in range(n_columns))
    rows = [",".join(str(i * j % 7) for j in range(n_columns)) for i in range(4)]
    content = "\n".join([head, *rows]).encode()
    assert run_command(content, "--method", "ppp") == 0
    assert "1 cluster of 4 rows" in capsys.readouterr().out
