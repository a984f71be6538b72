"""How networks are run: the same bits in any company, seeds, interrupts."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback
from skorch.callbacks import EarlyStopping as SkorchEarlyStopping
from torch.utils.data import TensorDataset

from skdeepcluster._rows import in_chunks
from skdeepcluster.nn.batches import (
    MIN_STEPS,
    Batches,
    EvenBatches,
    MixedBatches,
    split_rows,
)
from skdeepcluster.nn.inference import map_rows, run_rows
from skdeepcluster.nn.modules import AutoencoderModule, Reconstruction, mlp, user_module
from skdeepcluster.nn.training import (
    WarmCosine,
    make_net,
    pick_device,
    reproducible,
    train,
)


@pytest.mark.parametrize("seed", range(60))
def test_rows_have_the_same_bits_in_any_company(seed):
    """Random networks of awkward widths; rows alone, shuffled and in slices."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 130, size=rng.integers(3, 6)).tolist()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = mlp(sizes, batch_norm=bool(seed % 2)).double().eval()
    X = rng.normal(size=(700, sizes[0]))

    def embed(rows):
        return in_chunks(lambda chunk: run_rows(network, chunk), rows)

    whole = embed(X)
    shuffled = rng.permutation(len(X))
    assert_array_equal(embed(X[shuffled]), whole[shuffled])
    assert_array_equal(embed(X[3:]), whole[3:])
    for row in (0, 255, 511, 512, 699):
        assert_array_equal(embed(X[row : row + 1])[0], whole[row])


@pytest.mark.parametrize(
    ("n_rows", "batch_size"), [(7, 2), (5, 1), (300, 256), (5000, 256), (257, 256)]
)
def test_batches_are_even_and_enough(n_rows, batch_size):
    rows = torch.arange(float(n_rows))
    with reproducible(0):
        batches = Batches(TensorDataset(rows), batch_size)
        drawn = [batch for (batch,) in batches]
    assert len(drawn) == len(batches) >= MIN_STEPS
    sizes = [len(batch) for batch in drawn]
    assert max(sizes) - min(sizes) <= 1
    assert 2 <= min(sizes) <= max(sizes) <= max(1.5 * batch_size, 3)
    one_pass = torch.cat(drawn[: batches.n_batches])
    assert_array_equal(np.sort(one_pass), rows)


def even_batches(classes, batch_size, **sizes):
    rows = torch.arange(float(len(classes)))
    with reproducible(0):
        batches = EvenBatches(TensorDataset(rows, classes), batch_size, **sizes)
        return batches, list(batches)


def test_even_batches_are_half_of_labeled_rows():
    classes = torch.full((5000,), -1)
    classes[:50] = torch.arange(50) % 3
    batches, drawn = even_batches(classes, 256)
    assert len(drawn) == len(batches) == MIN_STEPS
    for rows, kinds in drawn:
        assert torch.equal(kinds, classes[rows.long()])
        assert len(rows) == 256
    labeled = torch.cat([kinds for _, kinds in drawn]) >= 0
    assert abs(labeled.float().mean() - 0.5) < 0.04
    assert len(torch.cat([rows for rows, _ in drawn]).unique()) > 1000


@pytest.mark.parametrize("classes", [[-1] * 7, [2] * 7, [0]])
def test_even_batches_of_one_kind(classes):
    _, drawn = even_batches(torch.tensor(classes), 3)
    assert [len(rows) for rows, _ in drawn] == [min(3, max(2, len(classes)))] * (
        -(-len(classes) // 3)
    )


def test_lone_row_is_a_batch_of_two():
    batches = list(Batches(TensorDataset(torch.ones(1, 3)), 256))
    assert [batch.shape for (batch,) in batches] == [(2, 3)] * MIN_STEPS


class TestMixedBatches:
    table = torch.arange(10.0)[:, None] ** 2
    own = torch.arange(10)[:, None]

    def mix(self, neighbors):
        dataset = TensorDataset(self.table, self.own + 1, 1 - self.table, neighbors)
        with reproducible(0):
            return list(MixedBatches(dataset, 5, min_steps=40))

    def test_targets_go_with_the_rows(self):
        neighbors = torch.cat([self.own, (self.own + 1).clamp(max=9)], dim=1)
        batches = self.mix(neighbors)
        assert len(batches) == 40
        for rows, weights, targets in batches:
            # Weights tell which rows they were.
            start, stop = ((weights - 1 + d).clamp(max=9) ** 2 for d in (0, 1))
            assert_allclose(targets, 1 - rows, atol=1e-4)
            way = (rows - start) / (stop - start).clamp(min=1)
            assert way.min() >= -0.5
            assert way.max() <= 1.0
        moved = torch.cat([rows - (weights - 1) ** 2 for rows, weights, _ in batches])
        # One in four goes nowhere: to itself, and no step.
        assert 20 < (moved == 0).sum() < 90
        assert len(moved.unique()) > 80

    def test_a_row_without_neighbours_stays(self):
        for rows, weights, targets in self.mix(self.own):
            assert torch.equal(rows, (weights - 1.0) ** 2)
            assert torch.equal(targets, 1 - rows)


def test_reproducible_leaves_torch_as_it_was():
    state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    draws = []
    for _ in range(2):
        with reproducible(5):
            assert torch.get_num_threads() == 1
            draws.append(torch.rand(3))
    assert torch.equal(*draws)
    with pytest.raises(RuntimeError, match="inside"), reproducible(5):
        raise RuntimeError("inside")
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == n_threads


def test_missing_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == "cpu"
    with pytest.raises(ValueError, match="device='cuda' was asked for"):
        pick_device("cuda")


def some_net(callbacks=None, lr=1e-3):
    with reproducible(0):
        module = Reconstruction(AutoencoderModule(6, (8,), 2))
        return make_net(
            module,
            optimizer="adamw",
            lr=lr,
            batch_size=32,
            device="cpu",
            callbacks=callbacks,
        )


def some_rows(n_rows=200):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 6)), np.ones(n_rows)


def state_of(net):
    return torch.cat([value.flatten() for value in net.module_.state_dict().values()])


def test_step_is_that_of_the_bare_loop():
    """Every step: loss, gradient, AdamW. Nothing more, nothing less."""
    X, weights = some_rows()
    net, twin = some_net(), some_net().module_
    with reproducible(1):
        dataset, _ = split_rows(X, weights, 0.0, "cpu")
        train(net, (dataset, None), max_epochs=3)
    with reproducible(1):
        optimizer = torch.optim.AdamW(twin.parameters(), lr=1e-3, fused=True)
        for _ in range(3):
            for rows, shares in Batches(dataset, 32):
                optimizer.zero_grad()
                twin.loss(rows, shares).backward()
                optimizer.step()
    for trained, expected in zip(
        net.module_.parameters(), twin.parameters(), strict=True
    ):
        assert torch.equal(trained, expected)


def test_weights_have_mean_one_and_count():
    X, _ = some_rows(4)
    dataset, held_out = split_rows(X, np.array([1.0, 1, 1, 5]), 0.0, "cpu")
    assert held_out is None
    rows, shares = dataset.tensors
    assert_allclose(shares, [0.5, 0.5, 0.5, 2.5])
    assert rows.dtype == shares.dtype == torch.float32


def test_held_out_rows_are_not_trained_on():
    X, weights = some_rows()
    with reproducible(0):
        kept, held_out = split_rows(X, weights, 0.1, "cpu")
    assert (len(kept), len(held_out)) == (180, 20)
    together = torch.cat([kept.tensors[0], held_out.tensors[0]]).numpy()
    assert_array_equal(np.sort(together, axis=0), np.sort(X.astype(np.float32), axis=0))


def test_further_columns_go_with_the_rows():
    X, weights = some_rows()
    numbers = np.arange(len(X))
    kept, held_out = split_rows(X, weights, 0.1, "cpu", X[:, :2], numbers)
    for rows, _, targets, places in (kept.tensors, held_out.tensors):
        assert targets.dtype == torch.float32
        assert places.dtype == torch.int64
        assert torch.equal(rows[:, :2], targets)
        assert_array_equal(rows, X[places].astype(np.float32))


def test_rate_rises_and_falls():
    rates = []

    class Record(Callback):
        def on_batch_end(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    net = some_net(callbacks=[Record()])
    dataset, _ = split_rows(*some_rows(), 0.0, "cpu")
    train(net, (dataset, None), max_epochs=6, callbacks=[WarmCosine(50, n_warm=5)])
    assert len(rates) == 60
    assert_allclose(rates[0], 1e-3 / 5, rtol=0.01)
    assert 3 <= np.argmax(rates) <= 5
    assert_allclose(max(rates), 1e-3, rtol=0.03)
    assert np.all(np.diff(rates[5:]) <= 0)
    assert_allclose(rates[49:], 2e-5)


def test_module_that_only_maps():
    network = user_module(torch.nn.Linear(6, 2), 6, decodes=False)
    assert network.weight.shape == (2, 6)
    with pytest.raises(ValueError, match=r"methods encode\(rows\) and decode"):
        user_module(torch.nn.Linear(6, 2), 6)
    with pytest.raises(ValueError, match="does not work on 2 rows of 5 features"):
        user_module(torch.nn.Linear(6, 2), 5, decodes=False)


class TestCopyForInference:
    def test_is_made_once_and_follows_training(self):
        net = some_net()
        first = net.inference_module_
        assert net.inference_module_ is first
        assert next(first.parameters()).dtype == torch.float64
        dataset, _ = split_rows(*some_rows(), 0.0, "cpu")
        train(net, (dataset, None), max_epochs=1)
        second = net.inference_module_
        assert second is not first
        for value, weight in zip(
            second.parameters(), net.module_.parameters(), strict=True
        ):
            assert torch.equal(value, weight.double())

    def test_is_not_kept_in_pickles_and_copies(self):
        net = some_net()
        size = len(pickle.dumps(net))
        module = net.inference_module_
        assert len(pickle.dumps(net)) == size
        again = pickle.loads(pickle.dumps(net))
        assert "inference_module_" not in vars(again)
        assert "inference_module_" not in vars(copy.deepcopy(net))
        assert_array_equal(
            *(
                map_rows(network, some_rows()[0])
                for network in (module, again.inference_module_)
            )
        )


def test_progress_is_printed(capsys):
    dataset, _ = split_rows(*some_rows(), 0.0, "cpu")
    for verbose, n_lines in ((0, 0), (1, 4)):
        with reproducible(0):
            net = make_net(
                Reconstruction(AutoencoderModule(6, (8,), 2)),
                optimizer="adamw",
                lr=1e-3,
                batch_size=32,
                device="cpu",
                verbose=verbose,
            )
        train(net, (dataset, None), max_epochs=2)
        shown = capsys.readouterr().out
        assert len(shown.splitlines()) == n_lines


class TestStopping:
    def run(self, max_epochs=60, callbacks=None, lr=1e-3, **options):
        net = some_net(callbacks, lr)
        with reproducible(0):
            datasets = split_rows(*some_rows(), 0.1, "cpu")
            outcome = train(net, datasets, max_epochs=max_epochs, **options)
        return net, outcome

    def test_stops_when_the_loss_no_longer_falls(self):
        net, outcome = self.run(tol=0.9, patience=3)
        assert outcome == "stopped"
        assert len(net.history) < 60

    def test_budget(self):
        net, outcome = self.run(max_epochs=4)
        assert (outcome, len(net.history)) == ("budget", 4)

    def test_best_epoch_is_restored(self):
        states = []

        class Record(Callback):
            def on_epoch_end(self, net, **kwargs):
                states.append((net.history[-1, "valid_loss"], state_of(net)))

        net, _ = self.run(20, callbacks=[Record()], lr=0.2)
        losses = [loss for loss, _ in states]
        assert np.argmin(losses) < 19
        assert torch.equal(state_of(net), states[np.argmin(losses)][1])

    def test_the_loss_held_out_is_that_of_all_these_rows_at_once(self):
        with reproducible(0):
            datasets = split_rows(*some_rows(), 0.3, "cpu")
        losses, seen = [], []

        class Record(Callback):
            def on_batch_begin(self, net, batch, training, **kwargs):
                seen.append((training, len(batch[0])))

            def on_epoch_end(self, net, **kwargs):
                with torch.inference_mode():
                    loss = float(net.module_.eval().loss(*datasets[1].tensors))
                losses.append((net.history[-1, "valid_loss"], loss))

        net = some_net([Record()])
        train(net, datasets, max_epochs=3)
        assert_allclose(*zip(*losses, strict=True), rtol=1e-6)
        assert [n for training, n in seen if not training] == [60] * 3
        sizes, step = [], net.validation_step
        net.validation_step = lambda batch: sizes.append(len(batch[0])) or step(batch)
        best = min(loss for loss, _ in losses)
        assert_allclose(net.mean_loss(datasets[1]), best, rtol=1e-6)
        assert sizes == [60]

    def test_a_start_that_is_best_is_kept(self):
        start = state_of(some_net())
        net, outcome = self.run(lr=10.0, patience=4)
        assert outcome == "stopped"
        assert torch.equal(state_of(net), start)

    def test_skorchs_early_stopping_is_no_interrupt(self):
        stop = SkorchEarlyStopping(monitor="train_loss", patience=2, threshold=0.9)
        _, outcome = self.run(callbacks=[stop])
        assert outcome == "stopped"

    def test_users_callbacks_see_epochs_and_batches(self):
        seen = {"epochs": 0, "batches": 0, "gradients": 0}

        class Count(Callback):
            def on_epoch_end(self, net, **kwargs):
                seen["epochs"] += 1

            def on_batch_end(self, net, batch, training, loss, **kwargs):
                seen["batches"] += training
                assert torch.isfinite(loss)

            def on_grad_computed(self, net, named_parameters, **kwargs):
                seen["gradients"] += all(
                    value.grad is not None for _, value in named_parameters
                )

        self.run(3, callbacks=[Count()])
        assert seen == {"epochs": 3, "batches": 30, "gradients": 30}
