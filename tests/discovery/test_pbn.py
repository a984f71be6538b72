"""PBN: its loss, its heads, and what it finds."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skdeepcluster import PBN
from skdeepcluster.discovery.pbn import PBNModule
from skdeepcluster.metrics import clustering_accuracy
from skdeepcluster.nn.modules import AutoencoderModule


def module(w, *, n_known=3, reduction="sum", n_features=6):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = AutoencoderModule(
            n_features, (8, 7), 4, batch_norm="after", shortcut=False
        )
        return PBNModule(network, 4, n_known, w, reduction)


def batch(classes, n_features=6):
    rows = np.random.default_rng(0).normal(size=(len(classes), n_features))
    return torch.from_numpy(rows).float(), torch.tensor(classes)


CLASSES = [0, 2, -1, 1, -1, 0, -1, 2]


def gradients(part):
    return [weight.grad for weight in part.parameters()]


@pytest.mark.parametrize(
    ("w", "idle"), [(1.0, "decoder"), (0.0, "head")], ids=["w=1", "w=0"]
)
def test_no_weight_no_gradient(w, idle):
    net = module(w)
    net.loss(*batch(CLASSES)).backward()
    parts = {"decoder": net.autoencoder.decoder, "head": net.head}
    for name, part in parts.items():
        moved = any(gradient.abs().max() > 0 for gradient in gradients(part))
        assert moved == (name != idle), name
    assert any(gradient.abs().max() > 0 for gradient in gradients(net.autoencoder))


def test_batch_without_labeled_rows_only_restores():
    rows, classes = batch([-1] * 8)
    net = module(0.3)
    loss = net.loss(rows, classes)
    _, restored, _ = net(rows)
    assert_allclose(
        loss.item(), 0.7 * (rows - restored).square().sum(dim=1).mean().item()
    )
    loss.backward()
    assert all(gradient.isfinite().all() for gradient in gradients(net))


def test_loss_is_the_weighted_sum_of_the_papers_terms():
    rows, classes = batch(CLASSES)
    net = module(0.3)
    logits, restored, codes = net(rows)
    assert_allclose(codes.norm(dim=1).tolist(), 1, rtol=1e-6)
    log_shares = logits.log_softmax(dim=1)
    known = [i for i, label in enumerate(CLASSES) if label >= 0]
    surprise = -np.mean([log_shares[i, CLASSES[i]].item() for i in known])
    error = (rows - restored).square().sum(dim=1).mean().item()
    assert_allclose(net.loss(rows, classes).item(), 0.3 * surprise + 0.7 * error, 1e-6)


def test_sum_is_columns_times_mean():
    rows, classes = batch([-1] * 8)
    losses = [module(0, reduction=how).loss(rows, classes) for how in ("sum", "mean")]
    assert_allclose(losses[0].item(), 6 * losses[1].item(), rtol=1e-6)


@pytest.fixture(scope="module")
def digits():
    """Digits with five known and five novel classes; a test part of novel ones."""
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X[:, X.std(axis=0) > 0])
    train = np.arange(len(y)) % 4 > 0
    known = np.isin(y, [1, 2, 7, 8, 9])
    partial = np.where(known, y, -1)[train]
    return X[train], partial, y[train], X[~train & ~known], y[~train & ~known]


@pytest.fixture(scope="module")
def fitted(digits):
    return PBN(5, max_epochs=60, random_state=0).fit(*digits[:2])


def test_finds_novel_digits_among_new_rows(digits, fitted):
    *_, X_new, y_new = digits
    assert clustering_accuracy(y_new, fitted.predict(X_new)) > 0.7
    assert fitted.is_novel(X_new).all()


def test_head_knows_the_known_classes(digits, fitted):
    X, partial, _, _, _ = digits
    labeled = partial >= 0
    assert np.mean(fitted.predict_known_classes(X[labeled]) == partial[labeled]) > 0.95
    shares = fitted.predict_known_proba(X)
    assert shares.shape == (len(X), 5)
    assert_allclose(shares.sum(axis=1), 1)
    assert_array_equal(
        fitted.known_classes_[shares.argmax(axis=1)], fitted.predict_known_classes(X)
    )


def test_latents_have_length_1_and_come_back_as_rows(digits, fitted):
    X = digits[0]
    latents = fitted.transform(X)
    assert_allclose(np.linalg.norm(latents, axis=1), 1, rtol=1e-6)
    restored = fitted.inverse_transform(latents)
    assert restored.shape == X.shape
    error = np.square(X - restored).mean() / np.square(X - X.mean(axis=0)).mean()
    assert error < 0.7
    with pytest.raises(ValueError, match="X has 3 columns"):
        fitted.inverse_transform(latents[:, :3])


def test_centers_are_mean_latents(digits, fitted):
    X = digits[0]
    latents = fitted.transform(X)
    means = [latents[fitted.labels_ == k].mean(axis=0) for k in fitted.classes_]
    assert_allclose(fitted.latent_centers_, means, atol=1e-6)
    assert fitted.cluster_centers_.shape == (10, X.shape[1])


def test_recluster_does_not_train(fitted, digits):
    X, other = digits[0], fitted.recluster(3)
    assert other.net_ is fitted.net_
    assert (fitted.n_novel_, other.n_novel_) == (5, 3)
    assert_array_equal(other.transform(X), fitted.transform(X))
    assert_array_equal(other.recluster(5).labels_, fitted.labels_)


def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)) + np.repeat(6 * np.eye(3), 20, axis=0)
    return X, np.repeat([4, -1, -1], 20)


def test_head_without_known_classes_is_an_error():
    X, _ = table()
    model = PBN(2, max_epochs=2, random_state=0).fit(X)
    for method in (model.predict_known_classes, model.predict_known_proba):
        with pytest.raises(ValueError, match="No class is known"):
            method(X)


def test_known_space_answers_with_the_head_where_nothing_is_novel():
    X, _ = table()
    with pytest.warns(UserWarning, match="no unlabeled row"):
        model = PBN(random_state=0).fit(X, np.repeat([3, 5, 9], 20))
    assert_array_equal(model.predict(X), model.predict_known_classes(X))
    assert_array_equal(model.predict_proba(X), model.predict_known_proba(X))


def test_classes_in_a_tiny_share_of_the_batches():
    """Most batches have no labeled row; training stays finite."""
    X, _ = table()
    y = np.full(60, -1)
    y[0] = 0
    model = PBN(2, batch_size=4, max_epochs=3, random_state=0).fit(X, y)
    assert all(np.isfinite(epoch["train_loss"]) for epoch in model.history_)


class OwnNetwork(torch.nn.Module):
    """Nothing but a plane and the way back."""

    def __init__(self, n_features):
        super().__init__()
        self.down = torch.nn.Linear(n_features, 2)
        self.up = torch.nn.Linear(2, n_features)

    def encode(self, rows):
        return self.down(rows)

    def decode(self, codes):
        return self.up(codes)


def test_own_network_is_copied_and_trained():
    X, y = table()
    own = OwnNetwork(3)
    before = own.down.weight.detach().clone()
    model = PBN(2, module=own, max_epochs=20, random_state=0).fit(X, y)
    assert model.transform(X).shape == (60, 2)
    assert torch.equal(own.down.weight, before)
    assert not torch.equal(model.net_.module_.autoencoder.down.weight, before)
    built = PBN(2, module=OwnNetwork, max_epochs=2, random_state=0).fit(X, y)
    assert list(built.get_feature_names_out()) == ["pbn0", "pbn1"]


class Losses(Callback):
    def on_train_begin(self, net, **kwargs):
        self.losses_ = []

    def on_epoch_end(self, net, **kwargs):
        self.losses_.append(net.history[-1, "train_loss"])


def test_history_and_callbacks():
    X, y = table()
    callback = Losses()
    model = PBN(2, max_epochs=7, callbacks=[callback], random_state=0).fit(X, y)
    assert model.n_iter_ == len(model.history_) == 7
    recorded = next(
        item for _, item in model.net_.callbacks_ if isinstance(item, Losses)
    )
    assert recorded.losses_ == [epoch["train_loss"] for epoch in model.history_]
    assert not hasattr(callback, "losses_")


@pytest.mark.parametrize("hidden_layer_sizes", [(0,), (3.5,), "wide"])
def test_bad_hidden_sizes(hidden_layer_sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        PBN(2, hidden_layer_sizes=hidden_layer_sizes).fit(*table())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_diverged_training_says_so():
    with pytest.raises(ValueError, match="not finite: lower learning_rate_init"):
        PBN(2, learning_rate_init=1e30, max_epochs=5, random_state=0).fit(*table())
