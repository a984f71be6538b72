"""TransductiveClassifier: a few labels, all rows at once."""

import pickle

import numpy as np
import pytest
import sklearn
from extras import pd
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid, NearestNeighbors

from skdeepcluster import PPP, TransductiveClassifier, load, save
from skdeepcluster.discovery._prototypes import Prototypes, transported


def blobs(n_labels=5, seed=0, centers=3, **options):
    """Rows, classes, and labels of a few rows of each class."""
    X, y = make_blobs(300, centers=centers, random_state=seed, **options)
    return X, y, few_labels(y, n_labels)


def few_labels(y, n_labels):
    """Labels of the first rows of each class, -1 for all others."""
    partial = np.full(len(y), -1)
    for name in np.unique(y):
        rows = np.flatnonzero(y == name)[:n_labels]
        partial[rows] = name
    return partial


@pytest.mark.parametrize("unary", ["logistic", "prototype", KNeighborsClassifier(1)])
def test_classes_of_few_labels_are_found(unary):
    X, y, partial = blobs(centers=[[0, 0], [7, 0], [0, 7]])
    model = TransductiveClassifier(unary).fit(X, partial)
    nearest = NearestCentroid().fit(X[partial >= 0], y[partial >= 0])
    right = (model.transduction_ == y).mean()
    assert right >= (nearest.predict(X) == y).mean()
    assert right > 0.99
    assert (model.predict(X) == y).mean() > 0.99
    assert model.converged_
    assert not model.rejected_.any()


def test_labels_stay_and_energy_never_rises():
    X, _, partial = blobs(3, cluster_std=4.0)
    wrong = partial.copy()
    wrong[np.flatnonzero(partial == 0)[0]] = 2
    model = TransductiveClassifier(smoothness=4.0, tol=0, max_iter=50).fit(X, wrong)
    labeled = wrong >= 0
    np.testing.assert_array_equal(model.transduction_[labeled], wrong[labeled])
    assert len(model.energy_) == model.n_iter_ + 1
    assert np.all(np.diff(model.energy_) <= 1e-9 * abs(model.energy_[-1]))
    assert model.converged_
    with pytest.warns(ConvergenceWarning, match="max_iter=2 before"):
        assert not TransductiveClassifier(max_iter=2).fit(X, wrong).converged_


def test_without_neighbours_it_is_the_classifier():
    X, _, partial = blobs(4, cluster_std=4.0)
    model = TransductiveClassifier(smoothness=0).fit(X, partial)
    alone = model.unary_.predict_proba(model._space.transform(X))
    free = partial < 0
    np.testing.assert_allclose(model.label_distributions_[free], alone[free], atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X), alone, atol=1e-5)


def test_new_rows_are_pulled_towards_their_neighbours():
    X, _, partial = blobs(4, cluster_std=4.0)
    model = TransductiveClassifier(smoothness=3).fit(X, partial)
    new = X[::7] + 0.1
    alone = model.unary_.predict_proba(model._space.transform(new))
    search = NearestNeighbors(n_neighbors=10).fit(model._space.transform(X))
    near = search.kneighbors(model._space.transform(new), return_distance=False)
    pull = alone + model.label_distributions_[near].mean(axis=1)
    expected = alone * np.exp(3 * pull)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(new), expected, atol=1e-5)


def test_names_and_order_of_the_classes_do_not_matter():
    X, _, partial = blobs(2, cluster_std=4.0)
    plain = TransductiveClassifier().fit(X, partial)
    turned = np.where(partial < 0, -1, 2 - partial)
    other = TransductiveClassifier().fit(X, turned)
    np.testing.assert_allclose(
        plain.label_distributions_, other.label_distributions_[:, ::-1], atol=1e-3
    )
    names = np.array(["c", "a", "b", None], dtype=object)[partial]
    words = TransductiveClassifier().fit(X, names)
    assert words.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(
        plain.label_distributions_[:, [1, 2, 0]],
        words.label_distributions_,
        atol=1e-3,
    )


def test_units_of_columns_do_not_matter():
    X, _, partial = blobs(2)
    plain = TransductiveClassifier().fit(X, partial)
    scaled = TransductiveClassifier().fit(X * [1024.0, 1 / 64], partial)
    np.testing.assert_array_equal(plain.transduction_, scaled.transduction_)


def test_graph_in_place_of_neighbours():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = np.repeat([0, 1], 20)
    edges = np.zeros((40, 40))
    edges[:20, :20] = edges[20:, 20:] = 1
    partial = few_labels(y, 8)
    model = TransductiveClassifier(smoothness=20.0)
    model.fit(X, partial, graph=csr_array(edges))
    np.testing.assert_array_equal(model.transduction_, y)
    with pytest.raises(ValueError, match=r"graph has the shape \(3, 3\)"):
        model.fit(X, partial, graph=csr_array(np.eye(3)))
    np.testing.assert_array_equal(model.transduction_, y)  # as it was
    with sklearn.config_context(enable_metadata_routing=True):
        routed = TransductiveClassifier().set_fit_request(graph=True)
        assert routed.get_metadata_routing().fit.requests == {"graph": True}


def test_encoder_embeds_rows():
    X, y = load_iris(return_X_y=True)
    partial = few_labels(y, 5)
    model = TransductiveClassifier(encoder=PCA(2)).fit(X, partial)
    assert model.encoder_.n_components_ == 2
    assert (model.transduction_ == y).mean() > 0.85
    assert model.predict(X[:1]) == model.predict(X)[:1]


def test_sparse_rows_are_directions():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    X = rng.poisson(np.kron(np.eye(3), np.full((40, 10), 2.0)) + 0.05)
    model = TransductiveClassifier().fit(csr_array(X), few_labels(y, 1))
    assert (model.transduction_ == y).mean() > 0.99
    one = model.predict_proba(csr_array(X)[[7]])
    np.testing.assert_array_equal(one, model.predict_proba(csr_array(X))[[7]])
    prototypes = TransductiveClassifier("prototype", reject=4)
    prototypes.fit(csr_array(X), few_labels(y, 1))
    assert (prototypes.transduction_ == y).mean() > 0.99


def test_refits_go_on_from_what_was_found():
    X, y, partial = blobs(2, centers=[[0, 0], [7, 0], [0, 7]])
    once = TransductiveClassifier().fit(X, partial)
    again = TransductiveClassifier(n_refits=2).fit(X, partial)
    assert (again.transduction_ == y).mean() > 0.99
    assert np.abs(again.unary_.coef_ - once.unary_.coef_).max() > 0.1
    with pytest.raises(ValueError, match="KNeighborsClassifier does not"):
        TransductiveClassifier(KNeighborsClassifier(1), n_refits=1).fit(X, partial)


def test_transport_moves_means_to_rows_that_are_shifted():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    X = np.column_stack([4.0 * y, 0 * y]) + rng.normal(size=(200, 2))
    true = np.array([X[y == 0].mean(axis=0), X[y == 1].mean(axis=0)])
    shifted = Prototypes.of(true - [0.0, 1.5], X)
    moved = transported(shifted, X, np.ones(200, dtype=bool))
    before, after = (np.abs(p.means - true).max() for p in (shifted, moved))
    assert after < before / 5
    partial = few_labels(y, 3)
    model = TransductiveClassifier("prototype", alignment="transport").fit(X, partial)
    assert (model.transduction_ == y).mean() > 0.95
    with pytest.raises(ValueError, match="needs unary='prototype'"):
        TransductiveClassifier(alignment="transport").fit(X, partial)


# Rejection --------------------------------------------------------------------


def circle(seed):
    """Two classes at 0 and 90 degrees, and strangers at 225."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], 50)
    angles = np.deg2rad(np.array([0, 90, 225])[y] + rng.normal(0, 5, 150))
    return np.column_stack([np.cos(angles), np.sin(angles)]), y


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("reject", [3, "one_vs_all", PPP()])
def test_strangers_are_rejected(seed, reject):
    X, y = circle(seed)
    partial = few_labels(y, 5)
    partial[y == 2] = -1
    model = TransductiveClassifier(reject=reject, random_state=0).fit(X, partial)
    np.testing.assert_array_equal(model.rejected_, y == 2)
    np.testing.assert_array_equal(model.transduction_[y < 2], y[y < 2])
    assert model.n_groups_ >= 3
    np.testing.assert_array_equal(model.is_rejected(X)[y == 2], True)
    assert model.is_rejected(X)[y < 2].mean() < 0.05


def test_too_many_groups_are_said():
    X, _, partial = blobs(5, cluster_std=3.0)
    with pytest.warns(UserWarning, match=r"of the unlabeled rows are rejected, by 60"):
        TransductiveClassifier(reject=60, random_state=0).fit(X, partial)


# Labels that are few, strange or contradictory -----------------------------------


def test_no_label_is_refused():
    X, _, partial = blobs()
    with pytest.raises(ValueError, match="y has no labeled row"):
        TransductiveClassifier().fit(X, np.full(len(X), -1))
    with pytest.raises(ValueError, match="requires y to be passed"):
        TransductiveClassifier().fit(X, None)
    with pytest.raises(ValueError, match="Unknown label type"):
        TransductiveClassifier().fit(X, np.where(partial < 0, np.nan, 0.5))


def test_all_labels_are_a_classifier():
    X, y = load_iris(return_X_y=True)
    model = TransductiveClassifier().fit(X, y)
    np.testing.assert_array_equal(model.transduction_, y)
    assert model.score(X, y) > 0.93


def test_one_class_is_that_class():
    X, _, partial = blobs()
    model = TransductiveClassifier().fit(X, np.where(partial == 2, 2, -1))
    assert set(model.transduction_) == {2}
    np.testing.assert_array_equal(model.predict_proba(X), 1)


def test_signs_are_two_classes_and_that_is_said():
    X, y, _ = blobs(centers=[[0, 0], [9, 0]])
    signs = np.where(y == 0, -1, 1)
    with pytest.warns(UserWarning, match="-1 and 1 only, and both were taken as"):
        model = TransductiveClassifier().fit(X, signs)
    np.testing.assert_array_equal(model.classes_, [-1, 1])
    np.testing.assert_array_equal(model.predict(X), signs)
    marked = TransductiveClassifier().fit(X, np.where(y == 0, np.nan, 1.0))
    assert marked.classes_.tolist() == [1]


def test_equal_rows_of_different_classes_keep_their_labels():
    X = np.zeros((20, 2))
    y = np.r_[0, 1, np.full(18, -1)]
    model = TransductiveClassifier().fit(X, y)
    np.testing.assert_array_equal(model.transduction_[:2], [0, 1])
    np.testing.assert_allclose(model.label_distributions_[2:], 0.5, atol=0.05)


def test_poor_tables():
    X, y, partial = blobs(centers=[[0, 0], [9, 0]])
    constant = np.column_stack([X, np.full(len(X), 7.0)])
    model = TransductiveClassifier().fit(constant, partial)
    np.testing.assert_array_equal(model.transduction_, y)
    few = TransductiveClassifier().fit([[0.0], [5.0], [1.0]], [0, 1, -1])
    assert few.transduction_.tolist() == [0, 1, 0]
    one = TransductiveClassifier().fit([[0.0]], ["a"])
    assert one.transduction_.tolist() == ["a"]


def test_marks_among_words():
    X, y, _ = blobs(centers=[[0, 0], [9, 0]])
    names = np.array(["a", "b"], dtype=object)[y]
    for mark in (None, np.nan, -1, pd.NA):
        partial = names.copy()
        partial[20:] = mark
        model = TransductiveClassifier().fit(X, partial)
        assert (model.transduction_ == names).all()
    with pytest.warns(UserWarning, match="'-1', which was taken as the name of"):
        TransductiveClassifier().fit(X, np.where(np.arange(300) < 9, names, "-1"))


def test_column_of_labels_is_said():
    X, _, partial = blobs()
    with pytest.warns(DataConversionWarning):
        model = TransductiveClassifier().fit(X, partial[:, np.newaxis])
    assert model.transduction_.shape == (300,)


def test_same_bits_in_any_company_and_again():
    X, _, partial = blobs(3, cluster_std=3.0)
    options = {"reject": 4, "random_state": 0}
    model = TransductiveClassifier(**options).fit(X, partial)
    again = TransductiveClassifier(n_jobs=2, **options).fit(X, partial)
    np.testing.assert_array_equal(
        model.label_distributions_, again.label_distributions_
    )
    np.testing.assert_array_equal(model.rejected_, again.rejected_)
    whole = model.predict_proba(X)
    parts = np.vstack([model.predict_proba(X[:1]), model.predict_proba(X[1:])])
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_array_equal(model.is_rejected(X)[:5], model.is_rejected(X[:5]))


def test_unsupervised_embedding_and_few_labels_beat_labels_alone():
    """Axes learned from all rows, a classifier from four labels."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=1000)
    hidden = np.column_stack([6.0 * y - 3, rng.normal(size=1000)])
    X = hidden @ rng.normal(size=(2, 50)) + rng.normal(size=(1000, 50))
    partial = few_labels(y, 2)
    alone = LogisticRegression().fit(X[partial >= 0], y[partial >= 0]).score(X, y)
    model = TransductiveClassifier(encoder=PCA(2), smoothness=0).fit(X, partial)
    assert (model.transduction_ == y).mean() >= alone


@pytest.mark.filterwarnings("ignore:.* of the unlabeled rows are rejected")
@pytest.mark.parametrize("reject", [None, 4])
def test_saved_models_say_the_same(reject, tmp_path):
    X, _, partial = blobs(3, cluster_std=3.0)
    for rows in (X, X.astype(np.float32), csr_array(np.abs(X))):
        model = TransductiveClassifier(reject=reject, random_state=0).fit(rows, partial)
        assert model.predict_proba(rows).dtype == rows.dtype
        save(model, tmp_path / "model.skdc")
        for copy in (load(tmp_path / "model.skdc"), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(
                copy.predict_proba(rows), model.predict_proba(rows)
            )
            np.testing.assert_array_equal(
                copy.is_rejected(rows), model.is_rejected(rows)
            )


def test_another_fit_forgets_the_first():
    X, _, partial = blobs(3, cluster_std=3.0)
    model = TransductiveClassifier().fit(X[:100, :1], partial[:100])
    again = model.fit(X, partial).predict_proba(X)
    plain = TransductiveClassifier().fit(X, partial)
    np.testing.assert_array_equal(again, plain.predict_proba(X))


def test_large_tables_look_in_cells(monkeypatch):
    X, y = make_blobs(3000, 4, centers=4, random_state=0)
    partial = few_labels(y, 3)
    exact = TransductiveClassifier().fit(X, partial)
    name = "skdeepcluster.neighbors._cell_search.MOST_EXACT"
    monkeypatch.setattr(name, 2000)
    cells = TransductiveClassifier().fit(X, partial)
    assert (cells.transduction_ == exact.transduction_).mean() > 0.99
    assert abs(cells.graph_ - exact.graph_).sum() < 0.2 * exact.graph_.sum()
