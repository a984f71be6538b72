"""AutoEncoder: restores what it embeds, and keeps its word on the way."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, EarlyStopping, LRScheduler

from skdeepcluster import AutoEncoder

X = load_digits().data[:600] / 16


def autoencoder(n_components=5, **params):
    settings = {"hidden_layer_sizes": (32,), "max_epochs": 20, "n_iter_no_change": None}
    return AutoEncoder(n_components, random_state=0, **(settings | params))


def explained(restored):
    return 1 - np.square(X - restored).sum() / np.square(X - X.mean(axis=0)).sum()


def test_is_better_than_principal_components():
    model = autoencoder(max_epochs=60, n_iter_no_change=None).fit(X)
    pca = PCA(5).fit(X)
    linear = explained(pca.inverse_transform(pca.transform(X)))
    assert model.score(X) > linear + 0.05
    restored = model.inverse_transform(model.transform(X))
    assert_allclose(model.score(X), explained(restored), rtol=1e-6)


def test_held_out_rows_end_the_training():
    # Pure noise: nothing beyond the linear start holds for other rows.
    noise = np.random.default_rng(0).normal(size=(200, 30))
    model = autoencoder(max_epochs=200, n_iter_no_change=5).fit(noise)
    assert model.n_iter_ < 200
    assert model.n_iter_ == len(model.history_)
    assert {"epoch", "train_loss", "valid_loss", "dur"} <= model.history_[-1].keys()
    assert model.converged_


def test_budget_is_said():
    with pytest.warns(ConvergenceWarning, match="after max_epochs=6 epochs"):
        model = autoencoder(max_epochs=6, n_iter_no_change=5).fit(X)
    assert not model.converged_


def test_weights_are_counts():
    weights = np.arange(len(X)) % 3
    model = autoencoder(max_epochs=2).fit(X, sample_weight=weights)
    repeated = autoencoder(max_epochs=2).fit(np.repeat(X, weights, axis=0))
    assert_array_equal(model.transform(X), repeated.transform(X))


def test_partial_fit_goes_on_from_fit():
    model = autoencoder(max_epochs=1).fit(X)
    before, codes = model.score(X), model.transform(X)
    for chunk in [X[::2], X[1::2]] * 10:
        model.partial_fit(chunk)
    assert model.score(X) > before
    assert model.n_iter_ == 21
    assert not np.array_equal(model.transform(X), codes)


def test_partial_fit_from_nothing_is_repeatable():
    first, second = autoencoder(), autoencoder()
    for chunk in np.array_split(X, 3):
        first.partial_fit(chunk)
        second.partial_fit(chunk)
    assert_array_equal(first.transform(X), second.transform(X))


class Fail(Callback):
    """Break off in the middle of the second call."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise RuntimeError("broken callback")


def test_partial_fit_that_fails_leaves_the_estimator_as_it_was():
    model = autoencoder(callbacks=[Fail()]).partial_fit(X)
    before, codes = dict(vars(model)), model.transform(X)
    with pytest.raises(RuntimeError, match="broken callback"):
        model.partial_fit(X)
    assert vars(model) == before
    assert_array_equal(model.transform(X), codes)
    assert len(model.net_.history) == 1


class Interrupt(Callback):
    """Press Ctrl-C in the middle of the fourth epoch."""

    def on_batch_begin(self, net, **kwargs):
        if len(net.history) == 4:
            raise KeyboardInterrupt


def test_interrupted_fit_keeps_the_best_epoch():
    with pytest.warns(ConvergenceWarning, match="interrupted after 3 epochs"):
        model = autoencoder(callbacks=[Interrupt()]).fit(X)
    assert model.n_iter_ == 3
    assert_array_equal(
        model.transform(X), autoencoder(max_epochs=3).fit(X).transform(X)
    )


def test_fit_does_not_touch_the_users_callbacks():
    stop = EarlyStopping(monitor="train_loss", patience=3)
    before = dict(vars(stop))
    autoencoder(callbacks=[stop]).fit(X)
    assert vars(stop) == before


def test_learning_rate_schedule():
    schedule = LRScheduler("StepLR", step_size=1, gamma=0.5)
    model = autoencoder(callbacks=[schedule], max_epochs=3).fit(X)
    rate = model.net_.optimizer_.param_groups[0]["lr"]
    assert_allclose(rate, 1e-3 / 8)


def test_users_own_module():
    class Linear(torch.nn.Module):
        def __init__(self, n_features):
            super().__init__()
            self.inward = torch.nn.Linear(n_features, 3)
            self.outward = torch.nn.Linear(3, n_features)

        def encode(self, rows):
            return self.inward(rows)

        def decode(self, codes):
            return self.outward(codes)

    model = autoencoder(module=Linear).fit(X)
    assert model.transform(X).shape == (len(X), 3)
    assert list(model.get_feature_names_out()) == [f"autoencoder{i}" for i in range(3)]


def test_codes_of_the_wrong_width_are_refused():
    with pytest.raises(ValueError, match="X has 4 columns, but the codes"):
        autoencoder(max_epochs=1).fit(X).inverse_transform(np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter"),
        ({"hidden_layer_sizes": "wide"}, "'hidden_layer_sizes' parameter"),
        ({"hidden_layer_sizes": (16, 0)}, "hidden_layer_sizes"),
        ({"learning_rate_init": -1.0}, "'learning_rate_init' parameter"),
        ({"validation_fraction": 1.0}, "'validation_fraction' parameter"),
        ({"device": "tpu"}, "'device' parameter"),
    ],
)
def test_bad_parameter_is_named(params, message):
    with pytest.raises(ValueError, match=message):
        autoencoder(**params).fit(X)


def test_a_chunk_beyond_float32_leaves_the_network():
    model = AutoEncoder(random_state=0).partial_fit(np.arange(8.0).reshape(4, 2))
    before = model.transform([[1.0, 2.0]])
    with pytest.warns(ConvergenceWarning, match="infinite"):
        model.partial_fit([[1e150, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(model.transform([[1.0, 2.0]]), before)
