"""Tables that go wrong: an answer, or an error that names the column."""

import datetime

import numpy as np
import pandas as pd
import pytest
from mixed_tables import frame
from sklearn.exceptions import ConvergenceWarning

from skdeepcluster import MixedMixture

calm = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_nothing_but_gaps_is_refused():
    with pytest.raises(ValueError, match=r"No column of X can be used: 'a' \(empty\)"):
        MixedMixture().fit(pd.DataFrame({"a": [np.nan] * 9, "b": [None] * 9}))


def test_nothing_but_names_is_refused():
    names = pd.DataFrame({"name": [f"person {i}" for i in range(40)]})
    with pytest.raises(ValueError, match=r"'name' .*different values"):
        MixedMixture().fit(names)


@calm
@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"a": [1.5], "b": ["x"]}),
        pd.DataFrame({"a": [3, 1, 2]}),
        pd.DataFrame({"a": [1.5] * 20, "b": ["x"] * 20}),
        pd.DataFrame({"b": ["x", None] * 20, "c": ["", "y"] * 20}),
        np.array([["", "naïve", "青い", "\ud800"] * 10], dtype=object).T,
    ],
    ids=[
        "one row",
        "three whole numbers",
        "equal rows",
        "one level",
        "empty text and unicode",
    ],
)
def test_poor_tables_are_clustered(X):
    model = MixedMixture().fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert np.isfinite(model.score_samples(X)).all()
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_more_components_than_rows_are_refused():
    X, _ = frame(0)
    with pytest.raises(ValueError, match=r"n_samples=5 .* n_components=6"):
        MixedMixture(6).fit(X[:5])


def test_components_that_no_row_needs_are_said():
    X, _ = frame(0)
    with pytest.warns(ConvergenceWarning, match=r"Only \d+ of the 60 clusters"):
        model = MixedMixture(60).fit(X)
    assert model.n_clusters_ == len(np.unique(model.labels_)) < 60


def test_many_levels_are_taken_together():
    X, _ = frame(0, n=600)
    rng = np.random.default_rng(0)
    X["many"] = rng.choice([f"level {i}" for i in range(100_000)], 600)
    X["some"] = rng.choice([f"level {i}" for i in range(50)], 600)
    model = MixedMixture().fit(X)
    assert "100" not in model.unused_columns_["many"]
    assert len(model.category_probabilities_["some"]) == 31
    assert model.n_clusters_ == 3


def test_ties_of_rows_and_huge_weights():
    X, _ = frame(0)
    plain = MixedMixture().fit(X)
    huge = MixedMixture().fit(X, sample_weight=np.full(len(X), 1e9))
    # More evidence: never fewer clusters.
    assert huge.n_clusters_ >= plain.n_clusters_
    none = np.where(np.arange(len(X)) < 200, 0.0, 1.0)
    half = MixedMixture().fit(X, sample_weight=none)
    np.testing.assert_array_equal(
        half.predict_proba(X), MixedMixture().fit(X[200:]).predict_proba(X)
    )
    with pytest.raises(ValueError, match="Sample weights"):
        MixedMixture().fit(X, sample_weight=np.zeros(len(X)))


@pytest.mark.parametrize(
    ("column", "error", "said"),
    [
        ([np.inf] + [1.0] * 399, ValueError, "'new' of X holds an infinite number"),
        ([[1, 2]] * 400, TypeError, "'new' of X holds values of type list"),
        ([{"a": 1}] * 400, TypeError, "'new' of X holds values of type dict"),
        ([b"x"] * 400, TypeError, "'new' of X holds values of type bytes"),
        ([1j] * 400, TypeError, "'new' of X holds values"),
    ],
    ids=["inf", "lists", "dicts", "bytes", "complex"],
)
def test_cells_that_are_no_cells(column, error, said):
    X, _ = frame(0)
    fitted = MixedMixture().fit(X)
    before = dict(vars(fitted))
    with pytest.raises(error, match=said):
        fitted.fit(X.assign(new=pd.Series(column, dtype=object)))
    assert vars(fitted) == before


def test_duplicate_names_are_refused():
    X, _ = frame(0)
    X.columns = ["x0", "x1", "x1", "c0", "c1", "c2", "c3"]
    with pytest.raises(ValueError, match="x1"):
        MixedMixture().fit(X)


def test_dates_are_numbers():
    X, y = frame(0, k=2)
    first = datetime.datetime(2020, 1, 1)
    days = np.random.default_rng(0).normal(np.where(y == 0, 0, 200), 20)
    X["day"] = [first + datetime.timedelta(days=float(d)) for d in days]
    model = MixedMixture(random_state=0).fit(X)
    assert model.column_evidence_["day"] > 50
    drawn, _ = model.sample(20)
    assert drawn["day"].dt.year.isin([2019, 2020]).all()


def test_dtypes_that_changed_since_fit():
    X, _ = frame(0)
    model = MixedMixture().fit(X)
    with pytest.raises(ValueError, match=r"Column 'x1' .* held numbers at fit"):
        model.predict(X.assign(x1="a"))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.drop(columns="x1"))
    # Numbers where words were are levels never seen, which are gaps.
    np.testing.assert_array_equal(
        model.predict_proba(X.assign(c0=1.0)), model.predict_proba(X.assign(c0=None))
    )
    objects = X.astype(object)
    np.testing.assert_array_equal(model.predict(objects), model.labels_)


def test_sentinels_and_codes_are_what_the_user_says():
    X, _ = frame(0)
    marked = X.assign(x0=X["x0"].fillna(-999))
    with pytest.warns(UserWarning, match="'x0' holds -999, unlike all"):
        MixedMixture().fit(marked)
    model = MixedMixture(sentinels={"x0": [-999]}).fit(marked)
    np.testing.assert_array_equal(model.labels_, MixedMixture().fit(X).labels_)
    codes = X.assign(c0=X["c0"].map({"red": 1, "green": 2, "blue": 3, "white": 7}))
    model = MixedMixture(categorical=["c0"]).fit(codes)
    np.testing.assert_array_equal(model.labels_, MixedMixture().fit(X).labels_)
    with pytest.raises(ValueError, match="categorical: there is no column 'zip'"):
        MixedMixture(categorical=["zip"]).fit(X)


@pytest.mark.parametrize("kind", ["full", "auto"])
def test_many_patterns_of_gaps_are_no_endless_work(kind, monkeypatch):
    monkeypatch.setattr("skdeepcluster.mixture.mixed_mixture.MOST_WORK", 200 * 6**3)
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 300)
    X = 5.0 * y[:, np.newaxis] + rng.normal(size=(600, 6))
    X[:, 1] = X[:, 0] + 0.3 * rng.normal(size=600)
    X[:400, 5] = np.nan
    calm = MixedMixture(covariance_type=kind).fit(X)
    assert calm.n_clusters_ == 2
    # Each pattern is one of 63, of a table of which one row in ten was sampled.
    X[rng.random(X.shape) < 0.4] = np.nan
    with pytest.warns(ConvergenceWarning, match="different patterns of gaps"):
        model = MixedMixture(covariance_type=kind, max_samples=60).fit(X)
    assert model.covariance_type_ != "full"
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    singles = MixedMixture(covariance_type="diag", max_samples=60)
    singles.fit(X)  # no warning: nothing was left out
