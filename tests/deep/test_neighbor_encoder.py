"""NeighborEncoder: neighbours stay neighbours, for rows old and new."""

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    adjusted_rand_score,
    pairwise_distances,
    silhouette_score,
)
from sklearn.neighbors import KNeighborsTransformer
from skorch.callbacks import Callback

from skdeepcluster import NeighborEncoder
from skdeepcluster.deep import _neighbor_training, neighbor_encoder
from skdeepcluster.deep.neighbor_encoder import classes_of_groups
from skdeepcluster.neighbors import _neighbor_layout
from skdeepcluster.neighbors._neighbor_layout import start_layout
from skdeepcluster.neighbors._neighbor_space import NeighborSpace

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

X, y = load_iris(return_X_y=True)


def encoder(n_components=2, **params):
    settings = {"random_state": 0, "layout_epochs": 30, "max_steps": 60}
    return NeighborEncoder(n_components, **(settings | params))


def nearest(rows, k):
    distances = pairwise_distances(rows)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :k]


def test_k_means_finds_what_is_long():
    rng, kind = np.random.default_rng(0), np.arange(600) % 3
    bars = rng.normal(size=(600, 2)) * [6, 1]
    bars[:, 1] += 8 * kind
    bars = np.column_stack([bars @ [[1, 1], [-1, 1]], rng.normal(size=600)])
    model = NeighborEncoder(random_state=0).fit(bars[:300])
    behind = KMeans(3, n_init=5, random_state=0).fit(model.transform(bars[:300]))
    plain = KMeans(3, n_init=5, random_state=0).fit(bars[:300])
    assert adjusted_rand_score(kind[:300], plain.labels_) < 0.6
    assert adjusted_rand_score(kind[:300], behind.labels_) > 0.8
    new_labels = behind.predict(model.transform(bars[300:]))
    assert adjusted_rand_score(kind[300:], new_labels) > 0.8


def test_neighbours_are_kept_better_than_by_principal_components():
    digits = load_digits().data[:500]
    model = NeighborEncoder(random_state=0).fit(digits)
    assert model.score(digits) > 0.4
    rng = np.random.default_rng(0)
    linear = start_layout(model._space.transform(digits), 2, rng)
    space = model._space.transform(digits)
    kept = [
        len(set(a) & set(b)) / 15
        for a, b in zip(nearest(space, 15), nearest(linear, 15), strict=True)
    ]
    assert model.score(digits) > np.mean(kept) + 0.1


def test_score_is_the_share_of_neighbours_kept():
    model = encoder(n_neighbors=5).fit(X)
    rows = np.unique(X, axis=0)
    pairs = zip(
        nearest(model._space.transform(rows), 5),
        nearest(model.transform(rows), 5),
        strict=True,
    )
    expected = np.mean([len(set(a) & set(b)) / 5 for a, b in pairs])
    # Iris has ties, which are broken by chance.
    assert_allclose(model.score(rows), expected, atol=0.02)
    assert model.score(rows[:1]) == 1.0
    assert model.score(rows[:6]) == 1.0


def test_fit_transform_is_the_same_map():
    assert_array_equal(encoder().fit_transform(X), encoder().fit(X).transform(X))


@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_width(n_components):
    model = encoder(n_components).fit(X)
    assert model.transform(X).shape == (150, n_components)
    names = [f"neighborencoder{i}" for i in range(n_components)]
    assert list(model.get_feature_names_out()) == names


def test_start_is_principal_components():
    Z, rng = X - X.mean(axis=0), np.random.default_rng(0)
    start = start_layout(Z, 2, rng)
    axes = np.linalg.svd(Z)[2][:2].T
    expected = Z @ (axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]]))
    expected *= 3 / expected[:, 0].std()
    assert_allclose(start, expected, atol=0.05)
    assert start.std(axis=0)[0] == pytest.approx(3, abs=0.01)


PROGRAM = """
import numpy as np
from skdeepcluster import NeighborEncoder
rng = np.random.default_rng(0)
# Many ties, and principal components.
for X in ((rng.random((600, 20)) < 0.3).astype(float), rng.normal(size=(600, 70))):
    model = NeighborEncoder(random_state=0, layout_epochs=20, max_steps=40).fit(X)
    print(model.transform(X).tobytes().hex())
    print(model.transform(X[:50] + 0.3).tobytes().hex())
"""


def test_bits_do_not_depend_on_the_threads_of_the_neighbour_search():
    answers = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            check=True,
            text=True,
            env=os.environ | dict.fromkeys(THREADS, n_threads),
        ).stdout
        for n_threads in ("1", "3")
    ]
    assert answers[0] == answers[1]


class TestHardTables:
    def test_parts_that_are_not_connected(self):
        parts, part = make_blobs(90, 3, centers=3, cluster_std=0.01, random_state=0)
        Z = encoder(n_neighbors=5).fit_transform(parts)
        found = KMeans(3, n_init=5, random_state=0).fit_predict(Z)
        assert adjusted_rand_score(part, found) == 1.0

    @pytest.mark.parametrize("n_rows", [1, 2, 3, 15, 16])
    def test_few_rows(self, n_rows):
        codes = encoder().fit_transform(X[::9][:n_rows])
        assert codes.shape == (n_rows, 2)
        assert np.isfinite(codes).all()

    def test_copies_of_a_row_are_one_neighbour(self):
        many = np.vstack([X, np.repeat(X[:1], 100, axis=0)])
        model = encoder().fit(many)
        once = encoder().fit(X)
        # The copies weigh when the network is trained, and move the means.
        assert abs(model.score(X) - once.score(X)) < 0.15
        assert len(np.unique(model.transform(many), axis=0)) == len(
            np.unique(X, axis=0)
        )

    def test_constant_columns_change_nothing(self):
        wide = np.column_stack([X, np.full(len(X), 3.0)])
        assert_array_equal(encoder().fit_transform(wide), encoder().fit_transform(X))

    def test_more_columns_than_rows(self):
        wide = np.random.default_rng(0).normal(size=(20, 100))
        assert np.isfinite(encoder(30).fit_transform(wide)).all()


class TestKnownClasses:
    blobs, kind = make_blobs(300, 4, centers=3, cluster_std=3.0, random_state=3)

    def test_classes_come_apart(self):
        y = np.where(np.arange(300) % 2, self.kind, -1)
        plain = encoder(layout_epochs=200, max_steps=200).fit(self.blobs)
        told = encoder(layout_epochs=200, max_steps=200).fit(self.blobs, y)
        before, after = (
            silhouette_score(model.transform(self.blobs), self.kind)
            for model in (plain, told)
        )
        assert after > before + 0.05

    def test_a_class_for_every_row(self):
        codes = encoder().fit_transform(self.blobs, np.arange(300))
        assert np.isfinite(codes).all()

    def test_no_label_is_no_y(self):
        codes = encoder().fit_transform(self.blobs)
        for y in (np.full(300, -1), [None] * 300, np.full(300, np.nan)):
            assert_array_equal(encoder().fit_transform(self.blobs, y), codes)

    def test_names_do_not_matter(self):
        codes = encoder().fit_transform(self.blobs, self.kind)
        names = np.array(["c", "a", "b"])[self.kind]
        assert_array_equal(encoder().fit_transform(self.blobs, names), codes)

    def test_row_order_does_not_matter(self):
        y = np.where(np.arange(300) % 3, self.kind, -1)
        order = np.random.default_rng(0).permutation(300)
        assert_array_equal(
            encoder().fit(self.blobs, y).transform(self.blobs),
            encoder().fit(self.blobs[order], y[order]).transform(self.blobs),
        )

    def test_equal_rows_share_their_class(self):
        codes = np.array([0, 0, -1, 1, 0, -1, 2, -1])
        assert_array_equal(classes_of_groups(codes, [0, 2, 4, 7]), [0, 1, -1, -1])

    def test_bad_labels_are_refused(self):
        with pytest.raises(ValueError, match="-1 marks an unlabeled row"):
            encoder().fit(self.blobs, np.full(300, -2))
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            encoder().fit(self.blobs, self.kind[:-1])


@pytest.mark.parametrize("given", [False, True])
def test_fit_transform_is_fit_then_transform(given):
    rows, params = np.repeat(X, 2, axis=0)[::-1], {}
    if given:
        params["neighbors"] = KNeighborsTransformer(n_neighbors=20).fit_transform(rows)
    codes = encoder().fit_transform(rows, **params)
    assert_array_equal(codes, encoder().fit(rows, **params).transform(rows))
    narrow = rows.astype(np.float32)
    assert encoder().fit_transform(narrow).dtype == np.float32


def test_fit_transform_embeds_once(monkeypatch):
    calls = Counter()

    def count(home, name):
        function = getattr(home, name)

        def counted(*arguments, **parameters):
            calls[name] += 1
            return function(*arguments, **parameters)

        monkeypatch.setattr(home, name, counted)

    count(neighbor_encoder, "check_table")
    count(NeighborSpace, "transform")
    count(_neighbor_training, "map_rows")
    # One chunk of rows, so that calls are passes.
    encoder().fit_transform(X)
    assert calls == {"check_table": 1, "transform": 1, "map_rows": 1}


class TestGivenGraph:
    graph = KNeighborsTransformer(n_neighbors=20).fit_transform(X)

    def test_is_used(self):
        codes = encoder().fit(X, neighbors=self.graph).transform(X)
        assert not np.array_equal(codes, encoder().fit_transform(X))
        # Neighbours by the first column alone.
        column = KNeighborsTransformer(n_neighbors=15).fit_transform(X[:, 1:2])
        other = encoder().fit(X, neighbors=column).transform(X)
        nearby = nearest(X[:, 1:2], 15)
        kept = [
            np.mean(
                [
                    len(set(a) & set(b))
                    for a, b in zip(nearest(Z, 15), nearby, strict=True)
                ]
            )
            for Z in (other, codes)
        ]
        assert kept[0] > kept[1]

    def test_row_order_does_not_matter(self):
        rows = X + 1e-6 * np.random.default_rng(0).normal(size=X.shape)
        order = np.random.default_rng(1).permutation(len(X))
        shuffled = self.graph[order][:, order]
        assert_array_equal(
            encoder().fit(rows, neighbors=self.graph).transform(rows),
            encoder().fit(rows[order], neighbors=shuffled).transform(rows),
        )

    def test_bad_graph_is_refused(self):
        with pytest.raises(ValueError, match=r"of shape \(150, 150\)"):
            encoder().fit(X, neighbors=self.graph[:50])
        with pytest.raises(ValueError, match="n_neighbors=21"):
            encoder(n_neighbors=21).fit(X, neighbors=self.graph)


def test_cosine_sees_directions_only():
    rng = np.random.default_rng(0)
    angle = np.repeat([0.2, 0.8, 1.4], 40) + 0.02 * rng.normal(size=120)
    rows = np.column_stack([np.cos(angle), np.sin(angle)])
    rows *= rng.gamma(1.0, 10.0, size=(120, 1))
    kind = np.repeat([0, 1, 2], 40)
    codes = encoder(metric="cosine").fit_transform(rows)
    found = KMeans(3, n_init=5, random_state=0).fit_predict(codes)
    assert adjusted_rand_score(kind, found) == 1.0


class Image(torch.nn.Module):
    """A network that sees images in rows of 64 pixels."""

    def __init__(self, n_features):
        super().__init__()
        self.side = round(n_features**0.5)
        self.convolve = torch.nn.Conv2d(1, 4, 3, stride=2)
        self.read = torch.nn.Linear(4 * 9, 3)

    def forward(self, rows):
        images = rows.reshape(len(rows), 1, self.side, self.side)
        return self.read(torch.relu(self.convolve(images)).flatten(1))


class TestUsersModule:
    digits = load_digits().data[:300]

    def test_network_of_images(self):
        model = encoder(module=Image, max_steps=200).fit(self.digits)
        codes = model.transform(self.digits)
        assert codes.shape == (300, 3)
        assert model.history_[-1]["train_loss"] < 0.5

    def test_users_instance_is_copied(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = Image(64)
        before = module.read.weight.clone()
        encoder(module=module).fit(self.digits)
        assert torch.equal(module.read.weight, before)

    def test_outputs_must_be_a_table(self):
        with pytest.raises(ValueError, match=r"2-D tensor; 2 rows became codes .*2, 4"):
            encoder(module=torch.nn.Unflatten(1, (4, 16))).fit(self.digits)
        with pytest.raises(ValueError, match="does not work on 2 rows of 4 features"):
            encoder(module=torch.nn.Linear(5, 2)).fit(X)


class TestTraining:
    def test_steps(self):
        model = encoder(max_steps=40).fit(X)
        assert [len(epoch) > 0 for epoch in model.history_] == [True, True]
        assert model.n_iter_ == 30
        # Few rows take fewer steps: 200, and one for four rows.
        model = encoder(max_steps=600).fit(X)
        assert len(model.history_) == 12

    def test_loss_falls(self):
        model = encoder(max_steps=200).fit(X)
        losses = [epoch["train_loss"] for epoch in model.history_]
        assert losses[-1] < 0.5 * losses[0]

    def test_callbacks(self):
        class Count(Callback):
            seen_ = 0

            def on_epoch_end(self, net, **kwargs):
                self.seen_ += 1

        model = encoder(callbacks=[Count()]).fit(X)
        assert dict(model.net_.callbacks_)["Count"].seen_ == 3

    def test_progress(self, capsys):
        encoder(verbose=1).fit(X)
        shown = "".join(capsys.readouterr())
        assert "layout" in shown
        assert "train_loss" in shown

    def test_interrupted_layout_is_kept(self, monkeypatch):
        calls = []

        def press_ctrl_c(*arguments):
            calls.append(arguments)
            if len(calls) == 11:
                raise KeyboardInterrupt
            return move(*arguments)

        move = _neighbor_layout.move_points
        monkeypatch.setattr(_neighbor_layout, "move_points", press_ctrl_c)
        with pytest.warns(ConvergenceWarning, match="interrupted after 10 epochs"):
            model = encoder().fit(X)
        assert model.n_iter_ == 10
        assert np.isfinite(model.transform(X)).all()

    def test_divergence_is_said(self):
        with pytest.warns(ConvergenceWarning, match="lower learning_rate_init"):
            model = encoder(learning_rate_init=1e30).fit(X)
        assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter"),
        ({"n_neighbors": 0}, "'n_neighbors' parameter"),
        ({"metric": "manhattan"}, "'metric' parameter"),
        ({"hidden_layer_sizes": (16, 0)}, "hidden_layer_sizes"),
        ({"layout_epochs": 0}, "'layout_epochs' parameter"),
        ({"learning_rate_init": 0.0}, "'learning_rate_init' parameter"),
    ],
)
def test_bad_parameter_is_named(params, message):
    with pytest.raises(ValueError, match=message):
        encoder(**params).fit(X)
