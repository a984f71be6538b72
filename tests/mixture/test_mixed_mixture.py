"""MixedMixture on tables: what it promises beyond the common tests."""

import numpy as np
import pytest
from extras import pd, pl
from mixed_tables import WORDS, frame, frame_of, mixed_table
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import MixedMixture


def assert_same_fit(left, right, rel=1e-9):
    np.testing.assert_array_equal(left.labels_, right.labels_)
    assert left.lower_bound_ == pytest.approx(right.lower_bound_, rel=rel)


def test_groups_of_a_mixed_frame_are_found():
    X, y = frame()
    model = MixedMixture().fit(X)
    assert model.n_clusters_ == 3
    assert adjusted_rand_score(y, model.labels_) > 0.9
    assert np.all(np.diff(model.lower_bounds_) >= -1e-9 * abs(model.lower_bound_))
    np.testing.assert_allclose(
        model.weights_, np.bincount(model.labels_) / 400, atol=0.02
    )
    for column in ("x0", "x1", "x2"):
        means = X[column].groupby(model.labels_).mean()
        np.testing.assert_allclose(model.means_[column], means, atol=0.3)
    chances = pd.crosstab(model.labels_, X["c0"], normalize="index")
    for level, chance in model.category_probabilities_["c0"].items():
        np.testing.assert_allclose(chance, chances[level], atol=0.05)


def test_frames_of_every_library_and_arrays_give_the_same():
    X, _ = frame()
    plain = MixedMixture().fit(X)
    polars = MixedMixture().fit(pl.from_pandas(X))
    array = MixedMixture().fit(X.to_numpy(dtype=object))
    for other in (polars, array):
        assert_same_fit(plain, other, rel=0)
    assert list(array.means_) == [0, 1, 2]


def test_row_order_units_names_and_order_of_columns_do_not_matter():
    X, _ = frame(1)
    plain = MixedMixture().fit(X)
    shuffled = np.random.default_rng(0).permutation(len(X))
    other = MixedMixture().fit(X.iloc[shuffled])
    np.testing.assert_array_equal(plain.labels_[shuffled], other.labels_)
    assert plain.lower_bound_ == other.lower_bound_
    assert_same_fit(plain, MixedMixture().fit(X.assign(x1=X["x1"] * 1000)))
    assert_same_fit(plain, MixedMixture().fit(X[X.columns[::-1]]))
    names = {"red": "rot", "green": "grün", "blue": "", "white": "青"}
    assert_same_fit(plain, MixedMixture().fit(X.replace(names)))


def test_columns_without_information_do_not_matter():
    X, _ = frame(2)
    plain = MixedMixture().fit(X)
    more = X.assign(
        gaps=np.nan, nothing=None, one="same", seven=7.0, number=np.arange(len(X)) + 5
    )
    model = MixedMixture().fit(more)
    assert_same_fit(plain, model)
    assert set(model.unused_columns_) == set(more) - set(X)


def test_weight_of_two_is_two_rows():
    X, _ = frame(3)
    weights = np.arange(len(X)) % 3
    once = MixedMixture().fit(X, sample_weight=weights)
    rows = np.repeat(np.arange(len(X)), weights)
    twice = MixedMixture().fit(X.iloc[rows])
    np.testing.assert_array_equal(once.labels_[rows], twice.labels_)
    assert once.lower_bound_ == twice.lower_bound_


def test_gaps_and_unknown_levels():
    X, _ = frame()
    model = MixedMixture().fit(X)
    nothing = pd.DataFrame([{name: None for name in X}]).astype({"x0": float})
    np.testing.assert_allclose(model.predict_proba(nothing)[0], model.weights_)
    assert model.score_samples(nothing)[0] == pytest.approx(0, abs=1e-12)
    row, gap = X.dropna().head(1).copy(), X.dropna().head(1).copy()
    row["c0"], gap["c0"] = "never seen", None
    np.testing.assert_array_equal(model.predict_proba(row), model.predict_proba(gap))


def test_score_is_a_density():
    """Over a grid of one number and all levels of a category it sums to 1."""
    numbers, codes, _ = mixed_table(4, n_numbers=1, n_categories=1)
    X = frame_of(numbers * 10, codes)
    model = MixedMixture().fit(X)
    grid = np.linspace(-150, 150, 4001)
    total = 0.0
    for word in WORDS:
        rows = pd.DataFrame({"x0": grid, "c0": word})
        total += np.trapezoid(np.exp(model.score_samples(rows)), grid)
    assert total == pytest.approx(1.0, rel=1e-6)


def test_score_of_a_logged_column_is_a_density():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": np.exp(rng.normal(rng.choice([0.0, 4.0], 500), 0.5))})
    model = MixedMixture().fit(X)
    assert model.n_clusters_ == 2
    np.testing.assert_allclose(np.sort(model.means_["x"]), [1, np.exp(4)], rtol=0.15)
    logs = np.linspace(-6, 10, 4001)
    density = np.exp(model.score_samples(pd.DataFrame({"x": np.exp(logs)})) + logs)
    assert np.trapezoid(density, logs) == pytest.approx(1.0, rel=1e-6)


def test_sample_has_the_distribution_of_the_table():
    X, _ = frame(5, n=1500, k=2)
    model = MixedMixture(random_state=0).fit(X)
    drawn, components = model.sample(20_000)
    assert list(drawn) == list(X)
    again = MixedMixture().fit(drawn)
    assert again.n_clusters_ == model.n_clusters_ == 2
    assert adjusted_rand_score(components, again.labels_) > 0.9
    size = np.bincount(components)
    for name, mean in model.means_.items():
        deviation = drawn[name].groupby(components).std() / np.sqrt(size)
        assert (np.abs(again.means_[name] - mean) < 4 * deviation + 1e-2).all()
    same, _ = MixedMixture(random_state=0).fit(X).sample(20_000)
    pd.testing.assert_frame_equal(drawn, same)


def test_impute_fills_gaps_and_nothing_else():
    X, _ = frame(6, n=600)
    holes = X.copy()
    rng = np.random.default_rng(0)
    hidden = X["x0"].notna() & (rng.random(len(X)) < 0.2)
    holes.loc[hidden, "x0"] = np.nan
    hidden_words = X["c0"].notna() & (rng.random(len(X)) < 0.2)
    holes.loc[hidden_words, "c0"] = None
    model = MixedMixture().fit(holes)
    filled = model.impute(holes)
    assert not filled.isna().any().any()
    for name in X:
        seen = holes[name].notna()
        np.testing.assert_array_equal(filled[name][seen], holes[name][seen])
    truth = X["x0"][hidden]
    error = np.mean((filled["x0"][hidden] - truth) ** 2)
    assert error < 0.7 * np.mean((holes["x0"].mean() - truth) ** 2)
    words = X["c0"][hidden_words]
    right = (filled["c0"][hidden_words] == words).mean()
    assert right > (words == holes["c0"].mode()[0]).mean()


def test_impute_uses_correlation_within_a_component():
    rng = np.random.default_rng(1)
    a = rng.normal(size=500)
    X = pd.DataFrame({"a": a, "b": a + 0.1 * rng.normal(size=500)})
    with pytest.warns(ConvergenceWarning, match="No evidence of more than one"):
        model = MixedMixture().fit(X)
    assert model.blocks_ == [["a", "b"]]
    holes = pd.DataFrame({"a": [1.5, -1.0], "b": [np.nan, np.nan]})
    np.testing.assert_allclose(model.impute(holes)["b"], [1.5, -1.0], atol=0.05)


def test_levels_of_the_path():
    X, _ = frame(7)
    model = MixedMixture().fit(X)
    numbers = [step["n_clusters"] for step in model.path_]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 1
    best = max(model.path_, key=lambda step: step["objective"])
    assert best["n_clusters"] == model.n_clusters_
    np.testing.assert_array_equal(model.labels_at(model.n_clusters_), model.labels_)
    for k in (1, 2, 3):
        assert len(np.unique(model.labels_at(k))) == k
    with pytest.raises(ValueError, match="n_clusters=99 was not on the way"):
        model.labels_at(99)
    root = model.merges_[-1]
    assert root["weight"] == pytest.approx(len(X))
    assert [merge["node"] for merge in model.merges_] == list(
        range(numbers[0], numbers[0] + len(model.merges_))
    )


def test_point_mass_is_a_category_of_its_own():
    rng = np.random.default_rng(0)
    spent = np.where(rng.random(400) < 0.4, 0.0, np.exp(rng.normal(3, 0.5, 400)))
    X = pd.DataFrame({"spent": spent, "kind": np.where(spent > 0, "a", "b")})
    X.loc[:20, "kind"] = "b"
    X.loc[:40, "spent"] = np.nan
    model = MixedMixture().fit(X)
    assert model.point_masses_["spent"]["value"] == 0.0
    chance = model.point_masses_["spent"]["probability"]
    assert chance.min() < 0.05
    assert chance.max() > 0.95
    # The median of those that are not 0.
    assert model.means_["spent"].max() == pytest.approx(np.exp(3), rel=0.15)
    drawn, _ = model.sample(2000)
    assert np.mean(drawn["spent"] == 0) == pytest.approx(0.4, abs=0.08)
    filled = model.impute(X)["spent"][:41]
    assert (filled[X["kind"][:41] == "b"] == 0).all()
    assert (filled[X["kind"][:41] == "a"] > 10).all()


def test_informative_gaps_are_named():
    numbers, codes, y = mixed_table(8, n=900, gaps=0.0)
    rng = np.random.default_rng(0)
    numbers[rng.random(900) < np.array([0.5, 0.0, 0.1])[y], 0] = np.nan
    codes[rng.random(900) < 0.2, 1] = -1
    model = MixedMixture().fit(frame_of(numbers, codes))
    assert model.informative_gaps_ == ["x0"]
    chances = model.gap_probabilities_["x0"]
    assert np.sort(chances) == pytest.approx([0.0, 0.1, 0.5], abs=0.1)
    assert (
        MixedMixture(gaps="ignore").fit(frame_of(numbers, codes)).informative_gaps_
        == []
    )


def test_evidence_of_columns():
    X, _ = frame(9)
    rng = np.random.default_rng(0)
    X["noise"], X["dice"] = rng.normal(size=len(X)), rng.choice(WORDS, len(X))
    model = MixedMixture().fit(X)
    assert model.column_evidence_["noise"] < 0
    assert model.column_evidence_["dice"] < 0
    assert min(model.column_evidence_[name] for name in ("x0", "x1", "c0")) > 10


def test_known_classes_come_first_and_keep_their_rows():
    X, y = frame(0, k=4, n=800)
    partial = np.full(len(X), None, dtype=object)
    partial[np.flatnonzero(y == 2)[:30]] = "wolf"
    partial[np.flatnonzero(y == 0)[:30]] = "ant"
    model = MixedMixture().fit(X, partial)
    assert model.known_classes_.tolist() == ["ant", "wolf"]
    assert model.n_clusters_ == 4
    assert adjusted_rand_score(y, model.labels_) > 0.9
    assert (model.labels_[partial == "ant"] == 0).all()
    assert (model.labels_[partial == "wolf"] == 1).all()
    assert np.diff(np.bincount(model.labels_)[2:]) <= 0
    with pytest.raises(ValueError, match=r"n_components=1 is less than the 2 classes"):
        MixedMixture(1).fit(X, partial)


def test_classes_of_all_rows_are_not_used():
    X, y = frame(1)
    assert_same_fit(MixedMixture().fit(X), MixedMixture().fit(X, y), rel=0)


def test_sample_of_the_rows_and_steps_over_all():
    X, _ = frame(0, n=3000)
    model, whole = MixedMixture(max_samples=500).fit(X), MixedMixture().fit(X)
    assert model.n_clusters_ == whole.n_clusters_ == 3
    assert adjusted_rand_score(whole.labels_, model.labels_) > 0.97
    shuffled = np.random.default_rng(0).permutation(len(X))
    other = MixedMixture(max_samples=500).fit(X.iloc[shuffled])
    np.testing.assert_array_equal(model.labels_[shuffled], other.labels_)
    assert np.all(np.diff(model.lower_bounds_) >= -1e-9 * abs(model.lower_bound_))
