"""EmbeddingDisplay: what is on the axes, not how its pixels look."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP, inspection
from skdeepcluster.inspection import EmbeddingDisplay


class SignClusterer(ClusterMixin, BaseEstimator):
    """Clusters by the sign of the first column; may hold a fitted encoder."""

    def __init__(self, encoder_=None):
        self.encoder_ = encoder_

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return (np.asarray(X)[:, 0] > 0).astype(int)


@pytest.fixture
def iris():
    X = load_iris().data
    return X - X.mean(axis=0)


def offsets_of(display):
    return np.concatenate([np.asarray(s.get_offsets()) for s in display.scatters_])


def test_points_are_the_rows_by_cluster(iris):
    labels = KMeans(3, n_init=1, random_state=0).fit_predict(iris)
    display = EmbeddingDisplay.from_predictions(iris[:, :2], labels)
    assert len(display.scatters_) == 3
    for cluster, scatter in enumerate(display.scatters_):
        assert_array_equal(scatter.get_offsets(), iris[labels == cluster, :2])
    assert display.figure_ is display.ax_.figure


def test_more_columns_are_reduced_by_pca(iris):
    display = EmbeddingDisplay.from_predictions(iris, np.zeros(len(iris), dtype=int))
    pca = PCA(n_components=2).fit(iris)
    assert_allclose(display.embedding, pca.transform(iris))
    share = pca.explained_variance_ratio_
    assert (
        display.ax_.get_xlabel()
        == f"principal component 1 ({share[0]:.0%} of the variance)"
    )
    assert (
        display.ax_.get_ylabel()
        == f"principal component 2 ({share[1]:.0%} of the variance)"
    )


@pytest.mark.parametrize("scale", [2.0**660, 2.0**-660])
def test_pca_of_numbers_whose_squares_leave_the_range(iris, scale):
    labels = np.zeros(len(iris), dtype=int)
    expected = EmbeddingDisplay.from_predictions(iris, labels)
    display = EmbeddingDisplay.from_predictions(iris * scale, labels)
    assert_array_equal(display.embedding / scale, expected.embedding)
    assert display.axis_labels == expected.axis_labels


def test_two_columns_keep_their_names():
    X = pd.DataFrame({"length": [0.0, 1.0, 2.0], "width": [1.0, 0.0, 5.0]})
    display = EmbeddingDisplay.from_predictions(X, ["a", "b", "b"])
    assert display.ax_.get_xlabel() == "length"
    assert display.ax_.get_ylabel() == "width"
    display = EmbeddingDisplay.from_predictions(X.to_numpy(), ["a", "b", "b"])
    assert display.ax_.get_xlabel() == "dimension 1"


def test_one_column_is_drawn_against_the_share_below():
    display = EmbeddingDisplay.from_predictions([[3.0], [1.0], [2.0], [9.0]], [0] * 4)
    assert_array_equal(display.embedding[:, 0], [3, 1, 2, 9])
    assert_allclose(display.embedding[:, 1], [0.5, 0, 0.25, 0.75])
    assert display.ax_.get_ylabel() == "share of rows below"


def test_legend_tells_names_and_sizes():
    X, _ = make_blobs(1500, 2, centers=2, random_state=0)
    labels = np.array(["known"] * 1200 + ["novel_0"] * 300)
    display = EmbeddingDisplay.from_predictions(X, labels)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["known (1,200)", "novel_0 (300)"]
    written = {text.get_text(): text for text in display.ax_.texts}
    x, y = np.median(X[1200:], axis=0)
    assert written["novel_0"].xy[0] == x
    # Beside the other name, not on it.
    assert abs(written["novel_0"].xy[1] - y) < 0.05 * np.ptp(X[:, 1])
    assert written["novel_0"].xy[1] != y


def test_far_rows_do_not_shrink_the_picture():
    X = np.random.default_rng(0).normal(size=(400, 2))
    X[:3] = 1e6
    display = EmbeddingDisplay.from_predictions(X, np.zeros(400, dtype=int))
    assert_array_equal(display.embedding, X)
    assert display.ax_.get_xlim()[1] < 10
    assert display.ax_.get_xlabel().endswith(
        "3 rows lie farther out, drawn at the edge"
    )
    (scatter,) = display.scatters_
    assert len(scatter.get_offsets()) == 400


def test_labels_of_mixed_types():
    labels = np.array([10, "novel", 10, "10", None, "novel"], dtype=object)
    X = np.random.default_rng(0).normal(size=(6, 2))
    display = EmbeddingDisplay.from_predictions(X, labels)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["None (1)", "10 (2)", "10 (1)", "novel (2)"]
    drawn = [np.asarray(scatter.get_offsets()) for scatter in display.scatters_]
    for rows, points in zip([[4], [0, 2], [3], [1, 5]], drawn, strict=True):
        assert_array_equal(points, X[rows])


def test_novel_classes_have_a_rim_and_say_so(iris):
    labels = np.repeat([0, 1, 2], 50)
    model = SignClusterer().fit(iris)
    model.predict = lambda X: labels
    model.novel_classes_ = np.array([2])
    display = EmbeddingDisplay.from_estimator(make_pipeline(model), iris)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["0 (50)", "1 (50)", "2 (new, 50)"]
    rims = [scatter.get_linewidths()[0] for scatter in display.scatters_]
    assert rims == [0, 0, 0.6]


def test_colours_differ_then_markers():
    labels = np.arange(18)
    X = np.random.default_rng(0).normal(size=(18, 2))
    display = EmbeddingDisplay.from_predictions(X, labels)
    looks = {
        (mpl.colors.to_hex(s.get_facecolor()[0]), len(s.get_paths()[0].vertices))
        for s in display.scatters_
    }
    assert len(display.scatters_) == len(looks) == 18
    assert len({colour for colour, _ in looks}) == 9


def test_small_clusters_past_the_eighteenth_are_drawn_together():
    sizes = np.arange(25, 0, -1)[::-1]  # cluster 24 is the largest
    labels = np.repeat(np.arange(25), sizes)
    X = np.random.default_rng(0).normal(size=(len(labels), 2))
    display = EmbeddingDisplay.from_predictions(X, labels)
    assert len(display.scatters_) == 19
    n_rest = sizes[:7].sum()
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts[0] == "7 (8)"
    assert texts[-1] == f"7 more ({n_rest})"
    assert len(display.scatters_[-1].get_offsets()) == n_rest
    assert len(offsets_of(display)) == len(labels)


@pytest.mark.parametrize(("n_rows", "rasterized"), [(1999, False), (2000, True)])
def test_many_points_are_rasterised(n_rows, rasterized):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    display = EmbeddingDisplay.from_predictions(X, np.arange(n_rows) % 2)
    assert [s.get_rasterized() for s in display.scatters_] == [rasterized] * 2


class SignEmbedding(SignClusterer):
    """Embeds rows as well."""

    def transform(self, X):
        return np.asarray(X)[:, 2:] ** 2


def test_transform_of_the_estimator_is_drawn(iris):
    display = EmbeddingDisplay.from_estimator(SignEmbedding().fit(iris), iris)
    assert_allclose(display.embedding, iris[:, 2:] ** 2)


def test_distances_to_centers_are_no_embedding(iris):
    model = KMeans(2, n_init=1, random_state=0).fit(iris[:, 2:])
    display = EmbeddingDisplay.from_estimator(model, iris[:, 2:])
    assert_allclose(display.embedding, iris[:, 2:])
    assert_array_equal(display.labels, model.labels_)


def test_encoder_is_drawn_where_the_estimator_has_no_transform(iris):
    encoder = PCA(n_components=2).fit(iris)
    model = SignClusterer(encoder).fit(iris)
    display = EmbeddingDisplay.from_estimator(model, iris)
    assert_allclose(display.embedding, encoder.transform(iris))


def test_encoder_of_a_frame_is_drawn_without_a_warning(iris):
    frame = pd.DataFrame(iris, columns=list("abcd"))
    model = PPP(encoder=PCA(n_components=2)).fit(frame)
    display = EmbeddingDisplay.from_estimator(model, frame)
    assert_allclose(display.embedding, model.encoder_.transform(iris))


def test_global_output_of_transformers_does_not_matter(iris):
    labels = iris[:, 0] > 0
    expected = EmbeddingDisplay.from_predictions(iris, labels)
    with config_context(transform_output="pandas"):
        display = EmbeddingDisplay.from_predictions(iris, labels)
    assert_array_equal(display.embedding, expected.embedding)


def test_input_is_drawn_where_there_is_no_embedding(iris):
    display = EmbeddingDisplay.from_estimator(SignClusterer().fit(iris), iris[:, :2])
    assert_array_equal(display.embedding, iris[:, :2])


def test_pipeline_shows_its_last_step(iris):
    pipeline = make_pipeline(StandardScaler(), SignClusterer())
    pipeline.fit(iris[:, :2])
    display = EmbeddingDisplay.from_estimator(pipeline, iris[:, :2])
    assert_allclose(display.embedding, StandardScaler().fit_transform(iris[:, :2]))
    assert_array_equal(display.labels, iris[:, 0] > 0)


def test_draws_on_given_axes(iris):
    labels = np.zeros(len(iris), dtype=int)
    figure = mpl.figure.Figure()
    ax = figure.subplots()
    display = EmbeddingDisplay.from_predictions(iris, labels, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == []
    assert display.plot() is display
    assert display.ax_ is not ax


def test_leaves_matplotlib_as_it_was(iris):
    before = dict(mpl.rcParams)
    EmbeddingDisplay.from_predictions(iris, np.zeros(len(iris), dtype=int))
    assert dict(mpl.rcParams) == before


def test_rows_without_variance():
    display = EmbeddingDisplay.from_predictions(np.ones((4, 3)), [0, 0, 1, 1])
    assert_array_equal(display.embedding, np.zeros((4, 2)))
    assert "(0% of the variance)" in display.ax_.get_xlabel()


def test_bad_input(iris):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EmbeddingDisplay.from_predictions(iris, [0, 1])
    with pytest.raises(ValueError, match="minimum of 2"):
        EmbeddingDisplay.from_predictions(iris[:1], [0])
    with pytest.raises(ValueError, match="NaN"):
        EmbeddingDisplay.from_predictions([[0.0, np.nan], [1.0, 1.0]], [0, 1])


def test_unknown_name():
    with pytest.raises(AttributeError, match="NoSuchDisplay"):
        _ = inspection.NoSuchDisplay
    assert "EmbeddingDisplay" in dir(inspection)
