"""GPC: its start, its densities, its rounds."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import GPC
from skdeepcluster.discovery._prototype_network import (
    directions,
)
from skdeepcluster.discovery.gpc import class_densities, find_prototypes, whitening
from skdeepcluster.metrics import discovery_accuracy


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_densities():
    # Pairs of points at these distances from their means: logs are all the same.
    away = np.array([0.1, 0.2, 0.3, 0.4])
    rows = np.repeat(5 * np.eye(4), 2, axis=0)
    rows[::2, 0] += away
    rows[1::2, 0] -= away
    means, densities = class_densities(rows, np.repeat(np.arange(4), 2), 0.1)
    assert_allclose(means, 5 * np.eye(4))
    limited = np.clip(away, 0.13, 0.37)
    assert_allclose(densities, 0.1 * limited / limited.mean())


def test_densities_of_lone_and_equal_rows():
    rows = np.array([[0.0], [1], [1], [3], [3.5]])
    _, densities = class_densities(rows, np.array([0, 1, 1, 2, 2]), 0.1)
    assert densities[0] == densities.max()
    assert np.all(densities > 0)
    assert_allclose(densities.mean(), 0.1, rtol=1e-2)
    assert_array_equal(class_densities(rows[1:3], np.array([0, 0]), 0.1)[1], [0.1])


def classes_in_a_plane(n_features=3):
    rng = np.random.default_rng(0)
    inner = rng.normal(size=(300, n_features)) * np.arange(1, n_features + 1)
    inner[:, 1] += inner[:, 0]
    codes = np.repeat([0, 1, -1], 100)
    rows = inner + 20 * codes[:, None]
    return rows - rows.mean(axis=0), codes


def test_whitening_gives_known_classes_one_covariance():
    rows, codes = classes_in_a_plane()
    weight, spread = whitening(rows, codes, 3)
    turned = rows @ weight.T
    assert_allclose(np.mean(turned**2), 1)
    within = sum(np.cov(turned[codes == c].T) for c in (0, 1)) / 2
    size = np.trace(within) / 3
    assert_allclose(within / size, np.eye(3), atol=0.05)
    # The spread is what the whitening takes away.
    assert_allclose(weight @ spread, np.eye(3) * (weight @ spread)[0, 0], atol=1e-9)
    within = sum(np.cov(rows[codes == c].T) for c in (0, 1)) / 2
    assert_allclose(spread @ spread.T, within, rtol=0.1, atol=0.2)


def test_whitening_of_many_columns_looks_at_principal_axes():
    rows, codes = classes_in_a_plane(40)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weight, spread = whitening(rows, codes, 5)
    assert weight.shape == (5, 40)
    assert spread.shape == (40, 5)
    # The rows of the map lie in a space where rows vary most.
    axes = np.linalg.svd(weight, full_matrices=False)[2]
    best = np.linalg.svd(rows, full_matrices=False)[1][:5]
    assert np.sum((rows @ axes.T) ** 2) > 0.99 * np.sum(best**2)


@pytest.mark.parametrize(("n_features", "n_components"), [(32, 32), (33, 20)])
def test_latents_of_many_columns_are_fewer(n_features, n_components):
    rows, codes = classes_in_a_plane(n_features)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module, width = GPC()._make_module(rows, codes)
        assert width == n_components
        latents = module.encoder(torch.from_numpy(rows[:2]).float())
    assert latents.shape == (2, n_components)


@pytest.mark.parametrize("n_features", [3, 40])
def test_prototypes_point_to_the_classes(n_features):
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, -1], 40)
    latents = rng.normal(size=(120, n_features)) + 20 * np.eye(n_features)[codes]
    found = find_prototypes(latents, codes, 1, None, temperature=0.1, seed=0)
    assert_array_equal(found.codes, np.repeat([0, 1, 2], 40))
    assert_allclose(np.linalg.norm(found.points, axis=1), 1, rtol=1e-5)
    towards = directions(torch.from_numpy(latents)).numpy() @ found.points.T
    assert_array_equal(towards.argmax(axis=1), found.codes)


def test_whitening_without_labels_scales_columns():
    rows, codes = classes_in_a_plane()
    weight, _ = whitening(rows, np.full_like(codes, -1), 3)
    turned = rows @ weight.T
    assert_allclose(turned.std(axis=0), 1)
    assert_array_equal(weight != 0, np.eye(3, dtype=bool))


def digits():
    X, digits = load_digits(return_X_y=True)
    X, digits = X[:600] / 16, digits[:600]
    labeled = (digits % 2 == 0) & (np.arange(600) % 2 == 0)
    return X, digits, np.where(labeled, digits, -1)


@pytest.fixture(scope="module")
def fitted():
    X, _, y = digits()
    return GPC(5, random_state=0).fit(X, y)


def test_sorts_digits(fitted):
    X, truth, y = digits()
    free = y < 0
    found = discovery_accuracy(truth[free], fitted.labels_[free], fitted.known_classes_)
    assert found.all > 0.8
    assert fitted.transform(X).shape == (600, 20)
    assert fitted.prototypes_.shape == (10, 21)
    assert_allclose(np.linalg.norm(fitted.prototypes_, axis=1), 1, rtol=1e-6)


def test_history_tells_of_rounds(fitted):
    assert [epoch["round"] for epoch in fitted.history_] == np.repeat(
        range(4), 10
    ).tolist()
    assert {epoch["n_classes"] for epoch in fitted.history_} == {10}
    assert fitted.n_iter_ == 40
    losses = [epoch["train_loss"] for epoch in fitted.history_]
    assert losses[-1] < losses[0]


def test_probabilities_are_a_softmax_of_cosines(fitted):
    X, _, y = digits()
    latents = fitted.transform(X)
    points = directions(torch.from_numpy(latents)).numpy()
    logits = (points @ fitted.prototypes_.T - 1) / fitted.densities_
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    assert_allclose(fitted.predict_proba(X), shares, atol=1e-4)
    free = y < 0
    assert_array_equal(fitted.predict(X)[free], fitted.labels_[free])


def blobs():
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(5), 30)
    X = rng.normal(size=(150, 4)) + 9 * np.eye(5, 4)[classes]
    y = np.where((classes < 3) & (np.arange(150) % 2 == 0), classes, -1)
    return X, classes, y


class Named(torch.nn.Module):
    """Somebody's network."""

    def __init__(self, n_features):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, 6)

    def forward(self, rows):
        return self.layer(rows)


def flip_nothing(rows, generator):
    return rows + 0.1 * torch.randn(rows.shape, generator=generator)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"augmentation": "scarf"},
        {"augmentation": flip_nothing},
        {"module": "linear"},
        {"module": Named, "learning_rate_init": 0.01},
        {"n_components": 3, "hidden_layer_sizes": (8,)},
        {"n_components": 7},
    ],
    ids=["default", "scarf", "views", "linear", "module", "narrow", "wide"],
)
def test_settings_find_blobs(parameters):
    X, classes, y = blobs()
    model = GPC(2, random_state=0, **parameters).fit(X, y)
    right = discovery_accuracy(classes, model.labels_, model.known_classes_).all
    # A network of unknown kind begins anywhere.
    assert right == 1 or (right > 0.8 and "module" in parameters)


def test_number_is_found():
    X, classes, y = blobs()
    model = GPC(random_state=0).fit(X, y)
    assert model.n_novel_ == 2
    assert discovery_accuracy(classes, model.labels_, model.known_classes_).all == 1


def test_later_rounds_find_no_more_classes():
    X, _, y = blobs()
    noisy = X + np.random.default_rng(1).normal(scale=2.5, size=X.shape)
    counts = [
        [epoch["n_classes"] for epoch in GPC(random_state=s).fit(noisy, y).history_]
        for s in range(4)
    ]
    assert all(max(found) == found[0] for found in counts)


def test_users_network_is_not_changed():
    X, _, y = blobs()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Named(4)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    model = GPC(2, module=network, max_iter=1, random_state=0).fit(X, y)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, before[name])
    assert not torch.equal(
        model.net_.module_.encoder.network.layer.weight, before["layer.weight"]
    )


def test_bad_augmentation_is_named():
    X, _, y = blobs()
    for broken in (lambda rows, generator: rows[:1], lambda rows: rows):
        with pytest.raises(ValueError, match="augmentation"):
            GPC(2, augmentation=broken).fit(X, y)


@pytest.mark.parametrize("name", ["temperature", "labeled_temperature"])
def test_a_temperature_may_be_any_positive_integer(name):
    X = np.random.default_rng(0).normal(size=(24, 3))
    y = np.arange(24) % 4 - 1
    labels = [
        GPC(1, max_epochs=1, max_iter=1, random_state=0, **{name: value}).fit(X, y)
        for value in (10**30, 1e30)
    ]
    np.testing.assert_array_equal(labels[0].labels_, labels[1].labels_)


def test_one_known_class_of_many_columns_suffices():
    X, truth = load_digits(return_X_y=True)
    labeled = (truth == 0) & (np.random.default_rng(0).random(len(truth)) < 0.5)
    model = GPC(random_state=0, max_iter=1, max_epochs=2)
    model.fit(X, np.where(labeled, 0, -1))
    assert adjusted_rand_score(truth, model.labels_) > 0.55


def test_a_far_row_is_named():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.where(np.arange(60) < 30, 0, -1)
    X[17, 0] *= 1e6
    with pytest.warns(ConvergenceWarning, match="Row 17 .* column 0"):
        GPC(random_state=0, max_iter=1, max_epochs=1).fit(X, y)
