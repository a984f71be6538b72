"""Displays besides the embedding: what is on the axes, not how pixels look."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import silhouette_samples
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP, TELL, AutoEncoder
from skdeepcluster.inspection import (
    ClusterProfileDisplay,
    DiscoveryDisplay,
    ExplanationDisplay,
    SelectionDisplay,
    SilhouetteDisplay,
    TrainingDisplay,
    TreeDisplay,
)


@pytest.fixture(scope="module")
def iris():
    return load_iris(as_frame=True).data


@pytest.fixture(scope="module")
def model(iris):
    return make_pipeline(StandardScaler(), TELL(3, random_state=0)).fit(iris)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(600, 2, centers=[[0, 0], [9, 0], [0, 9]], random_state=0)[0]


def tick_texts(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


class TestProfile:
    def test_cells_are_means_in_input_units(self, iris, model):
        display = ClusterProfileDisplay.from_estimator(model, iris)
        labels = model.predict(iris)
        expected = iris.groupby(labels).mean()[display.feature_names]
        assert_allclose(display.means, expected)
        deviations = (expected - iris.mean()) / iris.std(ddof=0)
        assert_allclose(display.deviations, deviations[display.feature_names])
        assert_array_equal(display.image_.get_array(), display.deviations.T)
        assert_array_equal(display.sizes, np.bincount(labels))
        assert tick_texts(display.ax_.yaxis) == display.feature_names
        assert len(display.ax_.texts) == 12

    def test_most_telling_features_are_shown(self, iris):
        labels = (iris["petal width (cm)"] > 1).to_numpy()
        noise = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 9)))
        X = pd.concat([noise.add_prefix("noise"), iris], axis=1)
        display = ClusterProfileDisplay.from_predictions(X, labels, max_features=3)
        assert set(display.feature_names) == {
            "petal width (cm)",
            "petal length (cm)",
            "sepal length (cm)",
        }

    def test_constant_and_huge_columns(self):
        X = np.column_stack([np.full(6, 1e200), np.arange(6) * 1e200])
        display = ClusterProfileDisplay.from_predictions(X, [0, 0, 0, 1, 1, 1])
        assert display.feature_names == ["feature 1", "feature 0"]
        assert_allclose(display.deviations[:, 1], 0)
        assert_allclose(display.means[:, 0], [1e200, 4e200])

    def test_wrong_number_of_names(self, iris):
        with pytest.raises(ValueError, match="3 names for the 4 columns"):
            ClusterProfileDisplay.from_predictions(
                iris, np.zeros(150), feature_names=["a", "b", "c"]
            )


class TestSilhouette:
    def test_blades_are_the_sorted_silhouettes(self, blobs):
        model = KMeans(3, n_init=1, random_state=0).fit(blobs)
        display = SilhouetteDisplay.from_predictions(blobs, model.labels_)
        expected = silhouette_samples(blobs, model.labels_)
        assert_allclose(display.silhouettes, expected)
        assert len(display.blades_) == 3
        assert_allclose(display.line_.get_xdata(), [expected.mean()] * 2)
        for cluster, blade in enumerate(display.blades_):
            reach = blade.get_paths()[0].vertices[:, 0].max()
            assert reach == pytest.approx(expected[model.labels_ == cluster].max())

    def test_distances_are_those_of_the_last_step(self, iris, model):
        display = SilhouetteDisplay.from_estimator(model, iris)
        scaled = StandardScaler().fit_transform(iris)
        expected = silhouette_samples(scaled, model[-1].labels_)
        assert_allclose(display.silhouettes, expected)

    def test_many_rows_are_sampled(self, blobs):
        labels = (blobs[:, 0] > 4).astype(int)
        first, second = (
            SilhouetteDisplay.from_predictions(blobs, labels, max_samples=100)
            for _ in range(2)
        )
        assert len(first.silhouettes) == 100
        assert_array_equal(first.silhouettes, second.silhouettes)

    @pytest.mark.parametrize("labels", [np.zeros(5), np.arange(5)])
    def test_nothing_to_compare(self, labels, blobs):
        with pytest.raises(ValueError, match="give 2 to n_samples - 1 clusters"):
            SilhouetteDisplay.from_predictions(blobs[:5], labels)


class TestSelection:
    def test_scores_of_a_search(self, blobs):
        grid = {"n_clusters": [2, 3, 5], "init": ["random", "k-means++"]}
        search = GridSearchCV(KMeans(n_init=1, random_state=0), grid, cv=2).fit(blobs)
        display = SelectionDisplay.from_estimator(search)
        assert display.ax_.get_xlabel() == "n_clusters"
        scores = search.cv_results_["mean_test_score"]
        assert_allclose(display.points_.get_offsets()[:, 1], scores)
        values = np.array(search.cv_results_["param_n_clusters"], dtype=float)
        best = [scores[values == k].max() for k in (2, 3, 5)]
        assert_array_equal(display.line_.get_xdata(), [2, 3, 5])
        assert_array_equal(display.line_.get_ydata(), best)
        x, y = display.best_.get_offsets()[0]
        assert (x, y) == (search.best_params_["n_clusters"], scores.max())

    def test_values_without_an_order(self):
        values = ["full", None, "full", (1, 2)]
        display = SelectionDisplay.from_predictions(values, [1, 3, 2, np.nan])
        assert tick_texts(display.ax_.xaxis) == ["full", "None", "(1, 2)"]
        assert_array_equal(display.line_.get_ydata(), [2, 3])
        assert display.line_.get_linestyle() == "None"
        assert_array_equal(display.best_.get_offsets(), [[1, 3]])

    def test_bad_input(self, blobs):
        search = GridSearchCV(KMeans(n_init=1), {"n_clusters": [2, 3]}, cv=2).fit(blobs)
        with pytest.raises(ValueError, match="no parameter 'k'"):
            SelectionDisplay.from_estimator(search, param_name="k")
        with pytest.raises(ValueError, match=r"score_name is one of \['score'\]"):
            SelectionDisplay.from_estimator(search, score_name="ari")
        with pytest.raises(ValueError, match="2 values have 1 scores"):
            SelectionDisplay.from_predictions([1, 2], [0.5])
        with pytest.raises(ValueError, match="finite score"):
            SelectionDisplay.from_predictions([1, 2], [np.nan, -np.inf])


class TestTraining:
    def test_losses_of_one_stage(self, iris):
        encoder = AutoEncoder(2, random_state=0, max_epochs=30).fit(iris)
        display = TrainingDisplay.from_estimator(make_pipeline(encoder))
        train, valid = display.lines_
        history = encoder.history_
        assert_array_equal(train.get_ydata(), [e["train_loss"] for e in history])
        assert_array_equal(valid.get_ydata(), [e["valid_loss"] for e in history])
        best = min(range(len(history)), key=lambda i: history[i]["valid_loss"])
        expected = [[best + 1, history[best]["valid_loss"]]]
        assert_allclose(display.stops_[0].get_offsets(), expected)

    def test_stages_have_panels(self):
        history = [
            {"train_loss": 3.0, "valid_loss": 4.0},
            {"train_loss": 2.0, "valid_loss": 3.5},
            {"train_loss": 1.0, "stage": "centers"},
            {"train_loss": 0.9, "valid_loss": 1.5, "stage": "encoder"},
            {"train_loss": 0.8, "stage": "centers"},
        ]
        display = TrainingDisplay(history=history).plot()
        titles = [ax.get_title() for ax in display.axes_]
        assert titles == ["pretraining", "centers", "encoder"]
        centers = display.axes_[1].lines[0]
        assert_array_equal(centers.get_xdata(), [3, 5])
        with pytest.raises(ValueError, match="1 panels for 3 stages"):
            display.plot(mpl.figure.Figure().subplots())

    def test_nothing_was_trained(self, blobs):
        with pytest.raises(ValueError, match="PPP has no training to draw"):
            TrainingDisplay.from_estimator(PPP().fit(blobs))


class TestTree:
    history = [
        {"left": 0, "right": 1, "node": 4, "separation": 0.2, "z": -1.0, "kept": True},
        {"left": 3, "right": 4, "node": 5, "separation": 0.1, "z": 4.2, "kept": False},
    ]

    def test_brackets_join_what_was_merged(self):
        display = TreeDisplay(history=self.history, sizes=np.array([5, 3])).plot()
        kept, undone = display.lines_
        assert kept.get_linestyle() == "-"
        assert undone.get_linestyle() == "--"
        # A shallower valley that was met later does not lie lower.
        assert_array_equal(kept.get_ydata(), [0, 0.2, 0.2, 0])
        assert_array_equal(undone.get_ydata(), [0, 0.2, 0.2, 0.2])
        assert [text.get_text() for text in display.ax_.texts] == ["z = 4.2"]
        # Cell 2 was never merged, and is there all the same.
        assert sorted(tick_texts(display.ax_.xaxis)) == ["0", "1", "2", "3"]
        left, right = undone.get_xdata()[0], undone.get_xdata()[-1]
        assert right == np.mean(kept.get_xdata())
        assert abs(left - right) == 1.5

    def test_every_merge_of_a_fit(self, blobs):
        model = PPP().fit(blobs)
        display = TreeDisplay.from_estimator(model)
        assert len(display.lines_) == len(model.merges_)
        drawn = {"-": True, "--": False}
        assert [drawn[line.get_linestyle()] for line in display.lines_] == [
            merge["kept"] for merge in model.merges_
        ]

    def test_boxes_are_as_large_as_the_clusters(self):
        sizes = np.array([50, 30, 15, 4, 1])
        display = TreeDisplay(history=[], sizes=sizes).plot(kind="treemap")
        areas = [box.get_width() * box.get_height() for box in display.boxes_]
        assert_allclose(areas, sizes / 100)
        corners = {tuple(np.round(box.get_xy(), 9)) for box in display.boxes_}
        assert len(corners) == 5

    def test_bad_input(self):
        display = TreeDisplay(history=[], sizes=np.array([3]))
        with pytest.raises(ValueError, match="no merge to draw"):
            display.plot()
        with pytest.raises(ValueError, match="kind must be"):
            display.plot(kind="pie")

    def test_estimators_without_a_tree(self, blobs):
        with pytest.raises(ValueError, match="TELL has no tree to draw"):
            TreeDisplay.from_estimator(TELL(2, random_state=0).fit(blobs))
        with pytest.raises(ValueError, match="KMeans has no tree to draw"):
            TreeDisplay.from_estimator(KMeans(2, n_init=1).fit(blobs))
        with pytest.raises(NotFittedError):
            TreeDisplay.from_estimator(PPP())


class TestDiscovery:
    def test_cells_count_common_rows(self):
        y_true = np.repeat([3, 1, 7, 9], [10, 20, 30, 5])
        y_pred = np.repeat([3, 1, 11, 10, 1], [10, 20, 25, 5, 5])
        display = DiscoveryDisplay.from_predictions(
            y_true, y_pred, known_classes=[1, 3]
        )
        assert display.true_classes == [1, 3, 7, 9]
        assert display.found_classes[:2] == [1, 3]
        assert display.n_known == (2, 2)
        for i, true in enumerate(display.true_classes):
            for j, found in enumerate(display.found_classes):
                common = np.sum((y_true == true) & (y_pred == found))
                assert display.counts[i, j] == common
        shares = np.asarray(display.image_.get_array())
        assert_allclose(shares.sum(axis=1), 1)

    def test_novel_columns_follow_their_rows(self):
        y_true = ["a", "a", "b", "b", "c", "c"]
        y_pred = ["a", "a", "novel_1", "novel_1", "novel_0", "novel_0"]
        display = DiscoveryDisplay.from_predictions(y_true, y_pred, known_classes=["a"])
        assert display.found_classes == ["a", "novel_1", "novel_0"]
        assert_array_equal(display.counts, 2 * np.eye(3))


class TestExplanation:
    def test_estimator_that_explains_nothing(self, blobs):
        pipeline = make_pipeline(StandardScaler(), PPP()).fit(blobs)
        with pytest.raises(ValueError, match="PPP has no method explain, as TELL has"):
            ExplanationDisplay.from_estimator(pipeline, blobs[:1])

    def test_bars_are_the_shares(self, iris, model):
        rows = iris[model.predict(iris) == 1]
        display = ExplanationDisplay.from_estimator(model, rows)
        scaled = StandardScaler().fit(iris).transform(rows)
        shares = model[-1].explain(scaled).mean(axis=0)
        expected = dict(zip(iris.columns, shares, strict=True))
        widths = [bar.get_width() for bar in display.bars_]
        assert_allclose(widths, [expected[name] for name in display.feature_names])
        assert list(np.abs(widths)) == sorted(np.abs(widths), reverse=True)

    def test_rows_of_several_clusters(self, iris, model):
        with pytest.raises(ValueError, match="rows of 3 clusters"):
            ExplanationDisplay.from_estimator(model, iris)


def test_given_axes_are_used_and_settings_left_alone(iris, model, blobs):
    before = dict(mpl.rcParams)
    labels = model.predict(iris)
    for draw in (
        lambda ax: ClusterProfileDisplay.from_predictions(iris, labels, ax=ax),
        lambda ax: SilhouetteDisplay.from_predictions(iris, labels, ax=ax),
        lambda ax: SelectionDisplay.from_predictions([1, 2], [0.1, 0.2], ax=ax),
        lambda ax: DiscoveryDisplay.from_predictions(labels, labels, ax=ax),
        lambda ax: ExplanationDisplay.from_estimator(model, iris[:1], ax=ax),
        lambda ax: TreeDisplay.from_estimator(
            make_pipeline(PPP()).fit(blobs), kind="treemap", ax=ax
        ),
    ):
        ax = mpl.figure.Figure().subplots()
        display = draw(ax)
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
    assert dict(mpl.rcParams) == before
