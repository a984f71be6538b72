"""What must hold for every estimator that is fitted with partial labels.

An estimator joins by being public and a ``DiscoveryEstimator``.
"""

import pickle

import numpy as np
import pytest
from estimators import discoverers
from extras import pd, pl
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

pytestmark = [
    pytest.mark.parametrize("estimator", discoverers(), ids=repr),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

TRUTH = np.repeat([0, 1, 2, 3], [20, 18, 24, 16])
# Classes 0 and 1 are known, and a few of their rows are labeled.
PARTIAL = np.where((TRUTH < 2) & (np.arange(len(TRUTH)) % 4 < 3), TRUTH, -1)
# All rows of the known classes are labeled: what NCD asks for.
DISJOINT = np.where(TRUTH < 2, TRUTH, -1)


def table(dtype=np.float64):
    """Four groups, far apart, in three columns."""
    centers = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9.0]])
    X, _ = make_blobs(
        np.bincount(TRUTH),
        centers=centers,
        cluster_std=0.5,
        random_state=np.random.RandomState(0),
        shuffle=False,
    )
    return X.astype(dtype)


def seeded(estimator, n_novel=2):
    estimator = clone(estimator).set_params(n_novel=n_novel)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    return estimator


def said(fitted, X):
    """Everything that a fitted estimator says."""
    answers = {
        "labels_": fitted.labels_,
        "classes_": fitted.classes_,
        "known_classes_": fitted.known_classes_,
        "novel_classes_": fitted.novel_classes_,
        "predict": fitted.predict(X),
        "is_novel": fitted.is_novel(X),
    }
    if hasattr(fitted, "predict_proba"):
        answers["predict_proba"] = fitted.predict_proba(X)
    return answers


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name, values in left.items():
        np.testing.assert_array_equal(values, right[name], err_msg=name)


def assert_refused(fitted, X, y, message):
    """An error leaves a fitted estimator as it was."""
    before, answers = dict(vars(fitted)), said(fitted, table())
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, y)
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[key] is value for key, value in before.items())
    assert_same(answers, said(fitted, table()))


def test_finds_the_novel_classes(estimator):
    fitted = seeded(estimator).fit(table(), DISJOINT)
    novel = TRUTH > 1
    assert adjusted_rand_score(TRUTH[novel], fitted.labels_[novel]) == 1
    assert fitted.n_novel_ == 2


@pytest.mark.parametrize("y", [PARTIAL, DISJOINT], ids=["partial", "disjoint"])
def test_known_rows_keep_their_class(estimator, y):
    fitted = seeded(estimator).fit(table(), y)
    labeled = y >= 0
    np.testing.assert_array_equal(fitted.labels_[labeled], y[labeled])
    assert set(fitted.labels_) <= set(fitted.classes_)
    assert fitted.labels_.dtype == np.int64


def test_novel_integers_count_on_and_the_largest_comes_first(estimator):
    y = np.where(DISJOINT == 1, 7, DISJOINT)
    fitted = seeded(estimator).fit(table(), y)
    np.testing.assert_array_equal(fitted.known_classes_, [0, 7])
    np.testing.assert_array_equal(fitted.classes_, [0, 7, 8, 9])
    np.testing.assert_array_equal(fitted.novel_classes_, [8, 9])
    assert (fitted.labels_ == 8).sum() == 24
    assert (fitted.labels_ == 9).sum() == 16


def test_novel_names_skip_those_taken(estimator):
    names = np.array(["novel_0", "b", None], dtype=object)
    fitted = seeded(estimator).fit(table(), names[DISJOINT])
    np.testing.assert_array_equal(fitted.known_classes_, ["b", "novel_0"])
    np.testing.assert_array_equal(fitted.novel_classes_, ["novel_1", "novel_2"])
    assert (fitted.labels_ == "novel_1").sum() == 24
    np.testing.assert_array_equal(fitted.labels_[DISJOINT == 0], "novel_0")


def encodings(y):
    """Write integer labels in every way that is legal."""
    missing = y == -1
    floats = np.where(missing, np.nan, y)
    objects = np.where(missing, None, y)
    yield "list", y.tolist()
    yield "int8", y.astype(np.int8)
    yield "floats with -1", y.astype(np.float32)
    yield "floats with NaN", floats
    yield "objects", objects
    yield "bools", np.where(missing, None, y.astype(bool))
    yield "masked", np.ma.MaskedArray(y, mask=missing)
    yield "series", pd.Series(y, index=np.arange(len(y))[::-1])
    yield "nullable", pd.Series(floats).astype("Int64")
    yield "categorical of integers", pd.Series(objects, dtype="category")
    yield "polars", pl.Series(objects.tolist())


def test_every_encoding_of_integers_is_the_same(estimator):
    X = table()
    plain = said(seeded(estimator).fit(X, PARTIAL), X)
    for name, y in encodings(PARTIAL):
        found = said(seeded(estimator).fit(X, y), X)
        for key, values in plain.items():
            np.testing.assert_array_equal(values, found[key], err_msg=f"{name}: {key}")


@pytest.mark.parametrize(
    "write",
    [
        lambda y: y,
        lambda y: y.tolist(),
        lambda y: np.where(y == None, np.nan, y),  # noqa: E711
        lambda y: pd.Series(y),
        lambda y: pd.Series(y, dtype="string"),
        lambda y: pd.Series(y, dtype="category"),
        lambda y: pl.Series(y.tolist()),
    ],
    ids=["objects", "list", "NaN", "pandas", "string", "category", "polars"],
)
def test_names_change_nothing_but_names(estimator, write):
    X = table()
    plain = seeded(estimator).fit(X, PARTIAL)
    # In reverse order, so that the codes of the classes change places.
    names = np.array(["zebra", "ant", None], dtype=object)
    fitted = seeded(estimator).fit(X, write(names[PARTIAL]))
    new_names = {0: "zebra", 1: "ant", 2: "novel_0", 3: "novel_1"}
    for rename in ("labels_", "predict"):
        np.testing.assert_array_equal(
            [new_names[label] for label in said(plain, X)[rename]],
            said(fitted, X)[rename],
        )
    if hasattr(plain, "predict_proba"):
        np.testing.assert_allclose(
            plain.predict_proba(X), fitted.predict_proba(X)[:, [1, 0, 2, 3]], atol=1e-6
        )


def test_other_floats_are_names(estimator):
    floats = np.array([0.5, 1.0, np.nan])
    fitted = seeded(estimator).fit(table(), floats[DISJOINT])
    assert fitted.labels_[0] == 0.5
    assert set(fitted.labels_[DISJOINT == -1]) == {"novel_0", "novel_1"}


def test_labels_that_are_hardly_meant_are_said(estimator):
    X = table()
    y = np.where(DISJOINT == -1, "-1", np.array(["ant", "bee"])[DISJOINT])
    y = y.astype(object)
    y[-1:] = "nan"
    y[0] = None
    with pytest.warns(UserWarning, match="the string '-1', 'nan', which was taken"):
        fitted = seeded(estimator, "auto").fit(X, y)
    np.testing.assert_array_equal(fitted.known_classes_, ["-1", "ant", "bee", "nan"])
    numbers = np.where(DISJOINT == -1, np.nan, np.arange(len(X)) + 0.5)
    with pytest.warns(UserWarning, match="38 different numbers that are not whole"):
        seeded(estimator).fit(X, numbers)


def test_the_number_minus_one_among_strings_is_unlabeled(estimator):
    X = table()
    names = np.array(["zebra", "ant", -1], dtype=object)
    fitted = seeded(estimator).fit(X, names[PARTIAL])
    names[2] = None
    assert_same(said(seeded(estimator).fit(X, names[PARTIAL]), X), said(fitted, X))


@pytest.mark.parametrize(
    "y",
    [None, np.full(len(TRUTH), -1), np.full(len(TRUTH), None)],
    ids=["None", "-1", "missing"],
)
def test_nothing_labeled(estimator, y):
    X = table()
    fitted = seeded(estimator, n_novel=4).fit(X, y)
    assert fitted.known_classes_.shape == (0,)
    np.testing.assert_array_equal(fitted.novel_classes_, [0, 1, 2, 3])
    assert fitted.labels_.dtype == np.int64
    assert adjusted_rand_score(TRUTH, fitted.labels_) == 1
    assert fitted.is_novel(X).all()


def test_everything_labeled(estimator):
    X = table()
    with pytest.warns(UserWarning, match="no unlabeled row: all 78 rows .* 4 known"):
        fitted = seeded(estimator, n_novel="auto").fit(X, TRUTH)
    assert fitted.n_novel_ == 0
    assert len(fitted.novel_classes_) == 0
    assert fitted.n_iter_ >= 1
    np.testing.assert_array_equal(fitted.labels_, TRUTH)
    np.testing.assert_array_equal(fitted.predict(X), TRUTH)
    assert not fitted.is_novel(X).any()


def test_auto_is_the_default_and_finds_the_number(estimator):
    assert estimator.get_params()["n_novel"] == "auto"
    fitted = seeded(estimator, n_novel="auto").fit(table(), DISJOINT)
    assert fitted.n_novel_ == 2


def test_too_many_novel_classes(estimator):
    X, n_unlabeled = table(), int((DISJOINT == -1).sum())
    fitted = seeded(estimator).fit(X, DISJOINT)
    message = f"n_novel={n_unlabeled + 1} is larger than .* n_samples={n_unlabeled}"
    with pytest.raises(ValueError, match=message):
        seeded(estimator, n_unlabeled + 1).fit(X, DISJOINT)
    assert_refused(fitted, X, TRUTH, "larger than the number of unlabeled rows")


def test_one_known_class(estimator):
    y = np.where(TRUTH == 0, 0, -1)
    fitted = seeded(estimator, n_novel=3).fit(table(), y)
    np.testing.assert_array_equal(fitted.known_classes_, [0])
    assert adjusted_rand_score(TRUTH, fitted.labels_) == 1


def test_a_class_with_one_row(estimator):
    y = DISJOINT.copy()
    y[1:20] = -1
    y[0] = 0
    fitted = seeded(estimator, n_novel=3).fit(table(), y)
    assert fitted.labels_[0] == 0
    np.testing.assert_array_equal(fitted.labels_[y == 1], 1)


def test_one_unlabeled_row(estimator):
    y = TRUTH.copy()
    y[-1] = -1
    for n_novel in (1, "auto"):
        fitted = seeded(estimator, n_novel).fit(table(), y)
        np.testing.assert_array_equal(fitted.labels_[:-1], TRUTH[:-1])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.where(TRUTH == 3, -2, TRUTH), "label -2, below -1"),
        (PARTIAL[:-1], "inconsistent numbers of samples"),
        (np.where(TRUTH == 3, np.inf, TRUTH), "infinity"),
        (np.where(TRUTH == 3, "a", TRUTH.astype(object)), "types int, str"),
        (np.stack([PARTIAL, PARTIAL], axis=1), "shape"),
        (7, "shape"),
    ],
    ids=["below -1", "too short", "infinity", "mixed", "2-D", "number"],
)
def test_bad_labels_leave_the_estimator_as_it_was(estimator, y, message):
    fitted = seeded(estimator).fit(table(), PARTIAL)
    assert_refused(fitted, table(), y, message)


def test_table_is_looked_at_before_the_labels(estimator):
    fitted = seeded(estimator).fit(table(), PARTIAL)
    assert_refused(fitted, np.full((3, 3), np.nan), [-2, 0, "a"], "NaN")


def test_probabilities_have_the_columns_of_all_classes(estimator):
    if not hasattr(estimator, "predict_proba"):
        return
    X = table()
    fitted = seeded(estimator).fit(X, DISJOINT)
    probabilities = fitted.predict_proba(X)
    names = fitted.classes_
    np.testing.assert_array_equal(
        names, np.concatenate([fitted.known_classes_, fitted.novel_classes_])
    )
    assert probabilities.shape == (len(X), len(names))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities.min() >= 0
    np.testing.assert_array_equal(
        names[probabilities.argmax(axis=1)], fitted.predict(X)
    )


def test_is_novel_says_what_predict_says(estimator):
    X = table()
    fitted = seeded(estimator).fit(X, DISJOINT)
    novel = fitted.is_novel(X)
    assert novel.dtype == bool
    np.testing.assert_array_equal(
        novel, np.isin(fitted.predict(X), fitted.novel_classes_)
    )
    assert novel[TRUTH > 1].all()


def test_predict_known(estimator):
    X = table()
    if "predict_known" in estimator.get_params():
        fitted = seeded(estimator).fit(X, DISJOINT)
        assert fitted.is_novel(X).all()
        estimator = clone(estimator).set_params(predict_known=True)
    fitted = seeded(estimator).fit(X, DISJOINT)
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)


@pytest.mark.parametrize("n_novel", [1, 3, "auto"])
def test_recluster_is_a_fit_with_another_number(estimator, n_novel):
    X = table()
    again = seeded(estimator).fit(X, PARTIAL).recluster(n_novel)
    assert_same(said(again, X), said(seeded(estimator, n_novel).fit(X, PARTIAL), X))


def test_recluster_returns_another_estimator(estimator):
    X = table()
    fitted = seeded(estimator).fit(X, PARTIAL)
    attributes, before = dict(vars(fitted)), said(fitted, X)
    other = fitted.recluster(3)
    assert type(other) is type(fitted)
    assert other.get_params() == fitted.get_params() | {"n_novel": 3}
    assert vars(fitted).keys() == attributes.keys()
    assert all(vars(fitted)[key] is value for key, value in attributes.items())
    assert_same(before, said(fitted, X))
    assert_same(before, said(other.recluster(2), X))


@pytest.mark.parametrize("n_novel", [0, 1.5, "many", None, 10_000])
def test_refused_recluster_leaves_the_estimator_as_it_was(estimator, n_novel):
    X = table()
    fitted = seeded(estimator).fit(X, PARTIAL)
    before, answers = dict(vars(fitted)), said(fitted, X)
    with pytest.raises(ValueError, match="n_novel"):
        fitted.recluster(n_novel)
    assert vars(fitted).keys() == before.keys()
    assert all(vars(fitted)[key] is value for key, value in before.items())
    assert_same(answers, said(fitted, X))


def test_recluster_does_not_see_later_changes_of_the_table(estimator):
    X = table()
    fitted = seeded(estimator).fit(X, PARTIAL)
    X[:] = 0
    expected = seeded(estimator, 3).fit(table(), PARTIAL)
    np.testing.assert_array_equal(fitted.recluster(3).labels_, expected.labels_)


def test_fit_predict_takes_the_labels(estimator):
    X = table()
    np.testing.assert_array_equal(
        seeded(estimator).fit_predict(X, PARTIAL),
        seeded(estimator).fit(X, PARTIAL).labels_,
    )


def test_row_order_does_not_matter(estimator):
    X = table()
    order = np.random.default_rng(0).permutation(len(X))
    plain = seeded(estimator).fit(X, PARTIAL)
    shuffled = seeded(estimator).fit(X[order], PARTIAL[order])
    np.testing.assert_array_equal(plain.labels_[order], shuffled.labels_)
    np.testing.assert_array_equal(plain.predict(X), shuffled.predict(X))


@pytest.mark.parametrize(
    "move",
    [
        lambda X: X * 2.0**-60,
        lambda X: X * 2.0**60,
        lambda X: X * 1e-150,
        lambda X: X * 1e300,
        lambda X: X + 1e6,
    ],
    ids=["2^-60", "2^60", "1e-150", "1e300", "+1e6"],
)
def test_units_do_not_matter(estimator, move):
    # Three decimals survive the offset.
    X = table().round(3)
    plain = seeded(estimator).fit(X, PARTIAL)
    moved = seeded(estimator).fit(move(X), PARTIAL)
    np.testing.assert_array_equal(plain.labels_, moved.labels_)
    np.testing.assert_array_equal(plain.predict(X), moved.predict(move(X)))


def test_float32(estimator):
    X = table(np.float32)
    fitted = seeded(estimator).fit(X, PARTIAL)
    plain = seeded(estimator).fit(X.astype(np.float64), PARTIAL)
    np.testing.assert_array_equal(fitted.labels_, plain.labels_)
    if hasattr(fitted, "predict_proba"):
        assert fitted.predict_proba(X).dtype == np.float32


def test_pickle_with_names(estimator):
    X = table()
    names = np.array(["ant", "bee", None], dtype=object)
    fitted = seeded(estimator).fit(X, names[PARTIAL])
    again = pickle.loads(pickle.dumps(fitted))
    assert_same(said(fitted, X), said(again, X))
    np.testing.assert_array_equal(
        fitted.recluster(3).labels_, again.recluster(3).labels_
    )
