"""What must hold for every public estimator.

scikit-learn's own checks come first, without an expected failure, then what
this package promises beyond them.
"""

import json
import os
import pickle
import random
import subprocess
import sys
import warnings
from inspect import getdoc
from pathlib import Path

import joblib
import numba
import numpy as np
import pytest
from estimators import classifiers, clusterers, estimators, transformers
from extras import pd, pl, torch
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import has_fit_parameter

from skdeepcluster import TableEncoder

# The checks fit tables of a few distinct rows with as many clusters as the
# defaults ask for: that fewer are found, and that says so, is right.
calm = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    # They know of no partial labels either.
    "ignore:y has no unlabeled row",
    "ignore:y holds -1 and 1 only",
)


def torch_state():
    """Torch's random state and number of threads, where it is installed."""
    if torch is None:
        return None
    return torch.get_rng_state().tolist(), torch.get_num_threads()


@calm
@parametrize_with_checks([*estimators(), *classifiers()])
def test_scikit_learn_check(estimator, check):
    check(estimator)


# Checks that scikit-learn runs on its own estimators but that its generator
# does not hand out.
EVERY = [
    "check_dataframe_column_names_consistency",
    "check_param_validation",
    "check_inplace_ensure_writeable",
]
TRANSFORMER = [
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


@calm
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("estimator", [*estimators(), *classifiers()], ids=repr)
def test_scikit_learn_inner_check(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


@calm
# These fit a frame and transform an array, or the other way round.
@pytest.mark.filterwarnings("ignore:X .* feature names")
@pytest.mark.parametrize("name", TRANSFORMER)
@pytest.mark.parametrize("estimator", transformers(), ids=repr)
def test_scikit_learn_transformer_check(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


def table(n_samples=60, dtype=np.float64, seed=0):
    """Three groups in four columns."""
    X, _ = make_blobs(
        n_samples,
        4,
        centers=3,
        cluster_std=0.6,
        random_state=np.random.RandomState(seed),
    )
    return X.astype(dtype)


def is_all_gaps(X):
    """Whether a table of floats holds nothing but NaN."""
    return X.dtype.kind == "f" and X.size > 0 and bool(np.isnan(X).all())


def seeded(estimator, n_clusters=3):
    """Copy an estimator; fix its seed and a number of clusters that is there."""
    estimator = clone(estimator)
    fixed = {"random_state": 0, "n_clusters": n_clusters, "n_novel": n_clusters}
    for name, value in fixed.items():
        if name in estimator.get_params():
            estimator.set_params(**{name: value})
    return estimator


def results(estimator, X):
    """Everything that a fitted estimator says of rows."""
    methods = ("predict", "predict_proba", "decision_function", "transform")
    return {
        method: np.asarray(getattr(estimator, method)(X))
        for method in methods
        if hasattr(estimator, method)
    }


def n_found(fitted):
    """Number of clusters that an estimator found without labels."""
    return getattr(fitted, "n_clusters_", None) or fitted.n_novel_


def assert_same(left, right):
    assert left.keys() == right.keys()
    for method, values in left.items():
        np.testing.assert_array_equal(values, right[method], err_msg=method)


@calm
@pytest.mark.parametrize("estimator", estimators(), ids=repr)
class TestEveryEstimator:
    def test_same_seed_gives_same_bits(self, estimator):
        X = table()
        first, second = (seeded(estimator).fit(X) for _ in range(2))
        assert_same(results(first, X), results(second, X))

    def test_refit_forgets_the_first_fit(self, estimator):
        X = table()
        refitted = seeded(estimator).fit(table(seed=1)[:, :3]).fit(X)
        assert_same(results(refitted, X), results(seeded(estimator).fit(X), X))

    def test_global_state_is_left_alone(self, estimator):
        X = table()
        numpy_state = np.random.get_state()[1].copy()
        python_state, threads = random.getstate(), numba.get_num_threads()
        # After numba's: to ask for those starts them, which torch sees.
        networks = torch_state()
        filters = list(warnings.filters)
        unseeded = seeded(estimator)
        if "random_state" in unseeded.get_params():
            unseeded.set_params(random_state=None)
        results(unseeded.fit(X), X)
        np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
        assert random.getstate() == python_state
        assert numba.get_num_threads() == threads
        assert torch_state() == networks
        assert warnings.filters == filters

    def test_picture_links_to_the_reference(self, estimator):
        name = type(estimator).__name__
        page = f"readthedocs.io/page/generated/skdeepcluster.{name}.html"
        assert page in estimator._repr_html_()

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_dtype_comes_back(self, estimator, dtype):
        X = table(dtype=dtype)
        found = results(seeded(estimator).fit(X), X)
        for method, values in found.items():
            assert values.dtype == (np.int64 if method == "predict" else dtype), method

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_rows_of_the_other_dtype(self, estimator, dtype):
        X = table(dtype=dtype)
        other = X.astype(np.float32 if dtype == np.float64 else np.float64)
        fitted = seeded(estimator).fit(X)
        for method, values in results(fitted, other).items():
            same = results(fitted, X)[method]
            np.testing.assert_allclose(values, same, atol=1e-4, rtol=1e-4)
        if hasattr(fitted, "partial_fit"):
            assert fitted.partial_fit(other) is fitted

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_rows_do_not_depend_on_their_neighbours(self, estimator, dtype):
        X = table(dtype=dtype)
        fitted = seeded(estimator).fit(X)
        whole = results(fitted, X)
        shuffled = np.random.default_rng(0).permutation(len(X))
        assert_same(
            {method: values[shuffled] for method, values in whole.items()},
            results(fitted, X[shuffled]),
        )
        for row in range(0, len(X), 7):
            alone = results(fitted, X[row : row + 1])
            for method, values in whole.items():
                np.testing.assert_array_equal(values[row], alone[method][0])

    def test_row_order_does_not_matter(self, estimator):
        X = table()
        shuffled = np.random.default_rng(0).permutation(len(X))
        assert_same(
            results(seeded(estimator).fit(X), X),
            results(seeded(estimator).fit(X[shuffled]), X),
        )

    def test_order_of_columns_does_not_matter(self, estimator):
        X, order = table(), [2, 0, 3, 1]
        fitted = seeded(estimator).fit(X)
        if hasattr(fitted, "predict"):
            moved = seeded(estimator).fit(X[:, order]).predict(X[:, order])
            assert adjusted_rand_score(fitted.predict(X), moved) == 1

    def test_pickle_and_joblib_round_trip_in_another_process(self, estimator, tmp_path):
        X = table()
        fitted = seeded(estimator).fit(X)
        joblib.dump(fitted, tmp_path / "model.joblib")
        (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
        np.save(tmp_path / "X.npy", X)
        program = """
import joblib, numpy as np, pickle, sys
folder = sys.argv[1]
X = np.load(folder + "/X.npy")
with open(folder + "/model.pickle", "rb") as file:
    models = {"pickle": pickle.load(file)}
models["joblib"] = joblib.load(folder + "/model.joblib")
for kind, model in models.items():
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if hasattr(model, method):
            np.save(f"{folder}/{kind}-{method}.npy", getattr(model, method)(X))
"""
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            check=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        )
        for method, values in results(fitted, X).items():
            for kind in ("pickle", "joblib"):
                again = np.load(tmp_path / f"{kind}-{method}.npy")
                np.testing.assert_array_equal(values, again, err_msg=kind)

    def test_pandas_and_polars_frames(self, estimator):
        X, names = table(), list("abcd")
        plain = results(seeded(estimator).fit(X), X)
        for frame in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)):
            fitted = seeded(estimator).fit(frame)
            assert list(fitted.feature_names_in_) == names
            assert_same(plain, results(fitted, frame))

    def test_memory_layout_does_not_matter(self, estimator):
        X = table()
        plain = results(seeded(estimator).fit(X), X)
        wide = np.zeros((2 * len(X), 2 * X.shape[1]))
        wide[::2, ::2] = X
        read_only = X.copy()
        read_only.flags.writeable = False
        for other in (np.asfortranarray(X), wide[::2, ::2], read_only, X.tolist()):
            assert_same(plain, results(seeded(estimator).fit(other), other))

    def test_input_is_not_written_to(self, estimator):
        X = table()
        before = X.copy()
        results(seeded(estimator).fit(X), X)
        np.testing.assert_array_equal(X, before)

    @pytest.mark.parametrize("factor", [2.0**-60, 2.0**60, 1e-150, 1e300])
    def test_scale_of_the_table_does_not_matter(self, estimator, factor):
        X = table()
        scaled = seeded(estimator).fit(X * factor)
        plain = seeded(estimator).fit(X)
        for method, values in results(scaled, X * factor).items():
            assert np.isfinite(values).all()
            if method == "predict":
                np.testing.assert_array_equal(values, plain.predict(X))

    def test_large_offset(self, estimator):
        X = np.round(table(), 3)
        far = seeded(estimator).fit(X + 1e6)
        for method, values in results(far, X + 1e6).items():
            assert np.isfinite(values).all()
            if method == "predict":
                np.testing.assert_array_equal(
                    values, seeded(estimator).fit(X).predict(X)
                )

    @pytest.mark.parametrize(
        "X",
        [
            np.zeros((30, 3)),
            np.repeat(table(10), 4, axis=0),
            np.column_stack([table(), np.full(60, 7.0)]),
            np.vstack([table(), np.full((1, 4), 1e6)]),
            table()[:, :1],
            np.random.default_rng(0).normal(size=(6, 40)),
        ],
        ids=["one value", "duplicates", "constant column", "outlier", "p=1", "p>n"],
    )
    def test_hard_tables(self, estimator, X):
        if isinstance(estimator, TableEncoder) and not X.any():
            with pytest.raises(ValueError, match=r"No column .* 0 \(constant\)"):
                estimator.fit(X)
            return
        # A sphere has no room for three clusters of a single feature.
        for values in results(seeded(estimator).fit(X), X).values():
            assert len(values) == len(X)
            assert np.isfinite(values).all()

    def test_far_rows_get_finite_answers(self, estimator):
        fitted = seeded(estimator).fit(table())
        far = np.full((3, 4), [[1e300], [-1e300], [1e30]])
        for values in results(fitted, far).values():
            assert np.isfinite(values).all()

    def test_one_row(self, estimator):
        X = table()[:1]
        if isinstance(estimator, TableEncoder):
            with pytest.raises(ValueError, match=r"No column .* with 1 sample"):
                estimator.fit(X)
            return
        fitted = seeded(estimator, n_clusters=1).fit(X)
        for values in results(fitted, X).values():
            assert values.shape[0] == 1
            assert np.isfinite(values).all()

    @pytest.mark.parametrize(
        "bad",
        [
            np.full((20, 4), np.nan),
            np.full((20, 4), np.inf),
            np.array([["a", "b"]] * 20),
            np.zeros((20, 0)),
            np.zeros((0, 4)),
            np.zeros(20),
            np.zeros((20, 4), dtype=complex),
        ],
        ids=["nan", "inf", "text", "no columns", "no rows", "1-D", "complex"],
    )
    def test_bad_table_leaves_the_estimator_as_it_was(self, estimator, bad):
        fitted = seeded(estimator).fit(table())
        before, said = dict(vars(fitted)), results(fitted, table())
        # Where gaps are taken, a table of nothing else is refused by fit alone.
        tags = get_tags(fitted).input_tags
        methods = ("fit", "partial_fit", "predict", "transform")
        if tags.allow_nan and is_all_gaps(bad):
            methods = methods[:1]
        # Where text is taken, it is refused in columns that held numbers.
        if tags.string and bad.dtype.kind == "U":
            methods = methods[1:]
        for method in methods:
            if hasattr(fitted, method):
                with pytest.raises((ValueError, TypeError)):
                    getattr(fitted, method)(bad)
        assert vars(fitted).keys() == before.keys()
        assert all(vars(fitted)[key] is value for key, value in before.items())
        assert_same(said, results(fitted, table()))

    def test_metadata_is_numpydoc(self, estimator):
        documentation = getdoc(type(estimator))
        for section in ("Parameters", "Attributes", "Raises", "References", "Examples"):
            assert f"\n{section}\n" in documentation, section
        for name in estimator.get_params(deep=False):
            assert f"\n{name} : " in documentation, name
        fitted = seeded(estimator).fit(table())
        for name in vars(fitted):
            if name.endswith("_") and not name.startswith("_"):
                assert f"\n{name} : " in documentation, name


@calm
@pytest.mark.parametrize("estimator", clusterers(), ids=repr)
class TestEveryClusterer:
    def test_fit_predict_is_fit_and_labels(self, estimator):
        X, y = table(), np.repeat([-1, 0, 1], 20)
        np.testing.assert_array_equal(
            seeded(estimator).fit_predict(X, y), seeded(estimator).fit(X, y).labels_
        )

    def test_predict_on_training_rows_is_labels(self, estimator):
        X = table(200)
        fitted = seeded(estimator).fit(X)
        np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)

    def test_soft_assignment_agrees_with_predict(self, estimator):
        if not hasattr(estimator, "predict_proba"):
            return
        X = table()
        fitted = seeded(estimator).fit(X)
        soft = fitted.predict_proba(X)
        np.testing.assert_allclose(soft.sum(axis=1), 1)
        assert soft.min() >= 0
        np.testing.assert_array_equal(soft.argmax(axis=1), fitted.predict(X))

    def test_interrupted_fit_leaves_the_estimator_as_it_was(
        self, estimator, monkeypatch
    ):
        X, kind = table(), type(estimator)
        fitted = seeded(estimator).fit(X)
        before, said, cluster = (
            dict(vars(fitted)),
            results(fitted, X),
            kind._fit_clusters,
        )

        def interrupt_late(self, *args):
            cluster(self, *args)
            raise KeyboardInterrupt

        monkeypatch.setattr(kind, "_fit_clusters", interrupt_late)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(table(seed=1)[:, :3])
        assert vars(fitted).keys() == before.keys()
        assert all(vars(fitted)[key] is value for key, value in before.items())
        assert_same(said, results(fitted, X))

    def test_clusters_are_numbered_by_size(self, estimator):
        X = np.vstack([table(20, seed=1), table(90, seed=2) + 30])
        fitted = seeded(estimator).fit(X)
        sizes = np.bincount(fitted.labels_)
        assert np.all(np.diff(sizes) <= 0)
        assert len(sizes) == n_found(fitted)

    def test_weight_of_two_is_two_rows(self, estimator):
        if not has_fit_parameter(estimator, "sample_weight"):
            return
        X = table()
        weight = np.arange(len(X)) % 3
        once = seeded(estimator).fit(X, sample_weight=weight)
        repeated = seeded(estimator).fit(np.repeat(X, weight, axis=0))
        assert_same(results(once, X), results(repeated, X))

    def test_clear_error_for_fewer_rows_than_clusters(self, estimator):
        if "n_clusters" not in estimator.get_params():
            return
        with pytest.raises(ValueError, match=r"n_samples=2 .* n_clusters=5"):
            seeded(estimator, n_clusters=5).fit(table()[:2])

    def test_collapse_is_said(self, estimator):
        if not {"n_clusters", "n_novel"} & set(estimator.get_params()):
            return
        with pytest.warns(ConvergenceWarning, match="Only 2 of the 3 clusters"):
            fitted = seeded(estimator).fit(np.repeat(table()[:2], 9, axis=0))
        assert n_found(fitted) == 2

    def test_pipeline_with_column_transformer(self, estimator):
        frame = pd.DataFrame(table(), columns=list("abcd"))
        frame["kind"] = np.where(np.arange(60) % 2, "x", "y")
        columns = make_column_transformer(
            (StandardScaler(), list("abcd")), (OneHotEncoder(), ["kind"])
        )
        model = make_pipeline(columns, seeded(estimator))
        labels = model.fit_predict(frame)
        np.testing.assert_array_equal(labels, model.predict(frame))

    def test_grid_search_gives_the_same_for_any_n_jobs(self, estimator):
        if "n_clusters" not in estimator.get_params():
            return
        X = table()

        def separation(model, rows, y=None):
            return -float(np.var(np.bincount(model.predict(rows), minlength=5)))

        found = [
            GridSearchCV(
                seeded(estimator),
                {"n_clusters": [2, 3]},
                scoring=separation,
                cv=3,
                n_jobs=n_jobs,
            ).fit(X)
            for n_jobs in (1, 2)
        ]
        assert_same(*(results(search, X) for search in found))
        np.testing.assert_array_equal(
            *(search.cv_results_["mean_test_score"] for search in found)
        )


PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
from estimators import estimators
from test_common import results, seeded, table
from extras import torch
if torch is not None:
    torch.set_num_threads(int(sys.argv[2]))
X = table(300)
answers = [
    {method: values.tobytes().hex() for method, values in results(model, X).items()}
    for model in (seeded(estimator).fit(X) for estimator in estimators())
]
print(json.dumps(answers))
"""


def test_bits_do_not_depend_on_process_or_threads(request):
    answers = []
    for n_threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(request.path.parent), n_threads],
            capture_output=True,
            check=True,
            text=True,
            env=os.environ | {"NUMBA_NUM_THREADS": n_threads},
        )
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1]
    assert len(answers[0]) == len(estimators())


@pytest.mark.needs("pandas")
@pytest.mark.parametrize("estimator", transformers(), ids=repr)
def test_set_output(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = seeded(estimator).set_output(transform="pandas").fit(load_iris().data)
    frame = model.transform(load_iris().data)
    assert list(frame.columns) == list(model.get_feature_names_out())
    if hasattr(model, "score"):
        scored = model.score(load_iris().data)
        assert scored == model.set_output(transform="default").score(load_iris().data)
