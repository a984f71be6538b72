"""The one place that configures skorch.

A module that is trained here has a method ``loss`` which returns the loss of
a batch: ``loss(rows, weights)``, ``loss(rows, weights, targets)`` where it has
targets, or ``loss(rows, classes)`` (and what else its dataset holds) where it
learns from labels. Rows come centred and divided by one global scale
(:class:`skdeepcluster._scaling.TableScaling` does that), weights have mean 1 over
the table.
"""

import copy
import threading
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, PrintLog
from skorch.helper import predefined_split
from skorch.utils import noop

from .._warnings import warn
from ..exceptions import FitInterruptedWarning
from .batches import Batches, Blocks, EvenBatches
from .inference import in_double
from .state import module_from, module_state, optimizer_state, restore_optimizer

# torch's generator and thread count belong to the process: one training at a
# time may have them.
_TRAINING = threading.RLock()
_OPTIMIZERS = {
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "adadelta": (torch.optim.Adadelta, {}),
}
_OPTIMIZER_NAMES = {kind: name for name, (kind, _) in _OPTIMIZERS.items()}
# Callbacks that every net has, or every net that shows its progress.
_OWN_CALLBACKS = (EpochTimer, PrintLog)
# What a state holds beside its parts.
_PLAIN_TYPES = {"lr": float | int, "batch_size": int, "device": str, "verbose": int}


class Net(NeuralNet):
    """A skorch net whose module computes its own loss.

    It differs from skorch's in the steps, since a batch holds more than rows and
    targets, and in that the mean loss of an epoch is summed where the module
    lies: a step of a small network is over before its loss could be recorded.
    """

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    @cached_property
    def inference_module_(self):
        """Copy of the module for inference, made when first asked for.

        A training drops it; so must whoever else changes the module, by
        :meth:`drop_copy`.
        """
        return in_double(self.module_)

    def drop_copy(self):
        """Forget the copy for inference, since the module has changed."""
        vars(self).pop("inference_module_", None)

    def get_all_learnable_params(self):
        """Iterate over all weights; one without use where there are none.

        A clustering layer on plain features has no weights, but optimisers
        expect some. No generator: an interrupt while one is closed would be lost.
        """
        learnable = list(super().get_all_learnable_params())
        return iter(learnable or [("none", torch.nn.Parameter(torch.zeros(1)))])

    def __getstate__(self):
        """Describe the net by plain values, arrays, classes and callbacks."""
        return {
            "module": module_state(self.module_),
            "optimizer": _OPTIMIZER_NAMES[self.optimizer],
            "memories": optimizer_state(self.optimizer_),
            "batches": self.iterator_train,
            "min_steps": getattr(self, "iterator_train__min_steps", None),
            "callbacks": [
                [name, item]
                for name, item in self.callbacks_
                if not isinstance(item, _OWN_CALLBACKS)
            ],
            "history": list(self.history),
        } | {name: getattr(self, name) for name in _PLAIN_TYPES}

    def __setstate__(self, state):
        """Make the net anew, and let it go on where the other was."""
        _check_plain(state)
        net = make_net(
            module_from(state["module"]),
            optimizer=state["optimizer"],
            lr=state["lr"],
            batch_size=state["batch_size"],
            device=state["device"] if torch.cuda.is_available() else "cpu",
            verbose=state["verbose"],
            batches=state["batches"],
        )
        if state["min_steps"] is not None:
            net.iterator_train__min_steps = state["min_steps"]
        restore_optimizer(net.optimizer_, state["memories"])
        net.history.extend(state["history"])
        # As they are: to initialise them would reset what they recorded.
        net.callbacks_[1:1] = [(name, item) for name, item in state["callbacks"]]
        vars(self).update(vars(net))

    def train_step_single(self, batch, **fit_params):
        """Compute the loss that the module returns for a batch, and its gradient."""
        loss = self.module_.loss(*batch)
        # A clustering layer on plain features follows the rows by itself.
        if loss.requires_grad:
            loss.backward()
        return {"loss": loss.detach(), "y_pred": None}

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch, and nothing more."""
        with torch.inference_mode():
            return {"loss": self.module_.loss(*batch), "y_pred": None}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run all batches of an epoch and record their mean loss."""
        if iterator is None:
            return
        self._set_training(training)

        def steps():
            for batch in iterator:
                self.notify("on_batch_begin", batch=batch, training=training)
                step = step_fn(batch)
                self.notify("on_batch_end", batch=batch, training=training, **step)
                yield batch, step

        self.history.record(f"{prefix}_loss", _mean_loss(steps()))

    def mean_loss(self, dataset):
        """Compute the mean loss of a row, without training."""
        self._set_training(False)
        blocks = self.get_iterator(dataset, training=False)
        return _mean_loss((block, self.validation_step(block)) for block in blocks)


def _check_plain(state):
    """Refuse a state that no net has.

    Raises
    ------
    ValueError
        If a value is of another type or not in its range.
    """
    is_right = (
        all(isinstance(state[name], kind) for name, kind in _PLAIN_TYPES.items())
        and state["batch_size"] >= 1
        and isinstance(state["min_steps"], int | None)
        and state["optimizer"] in _OPTIMIZERS
        and isinstance(state["batches"], type)
        and issubclass(state["batches"], Batches | EvenBatches)
        and all(isinstance(epoch, dict) for epoch in state["history"])
        and all(isinstance(item, Callback) for _, item in state["callbacks"])
    )
    if not is_right:
        raise ValueError("a net is not one that this package makes")


def _mean_loss(steps):
    total, n_rows = 0.0, 0
    for batch, step in steps:
        total = total + step["loss"] * len(batch[0])
        n_rows += len(batch[0])
    return float(total) / n_rows


class BestEpoch(EarlyStopping):
    """Stop when the loss no longer falls, and remember the best state.

    What counts is the loss of the rows held out, where there are any. Other
    than in skorch's own callback the state before the first epoch counts as well,
    which may be the best where the start is a good one, and so does every fall of
    the loss: those less than `tol` only do not postpone the end.

    Parameters
    ----------
    held_out : torch.utils.data.TensorDataset or None
        Rows that are not trained on.
    tol : float
        Relative fall of the loss that postpones the end.
    patience : int or None
        Epochs without such a fall after which training stops; None: never.
    """

    def __init__(self, held_out, tol, patience):
        monitor = "train_loss" if held_out is None else "valid_loss"
        super().__init__(monitor, patience=patience, threshold=tol, sink=noop)
        self.held_out = held_out

    def on_train_begin(self, net, **kwargs):
        """Start from the state as it is."""
        super().on_train_begin(net, **kwargs)
        self.loss_ = np.inf
        if self.held_out is not None:
            self.loss_ = net.mean_loss(self.held_out)
            self.dynamic_threshold_ = (1 - self.threshold) * self.loss_

    def remember(self, net):
        """Take the state as the best so far."""
        state = net.module_.state_dict()
        self.state_ = {name: value.clone() for name, value in state.items()}

    def on_epoch_end(self, net, **kwargs):
        """Compare the epoch with the best one before."""
        loss = net.history[-1, self.monitor]
        if loss < self.loss_:
            self.loss_ = loss
            self.remember(net)
        super().on_epoch_end(net, **kwargs)


class WarmCosine(Callback):
    """Raise the learning rate to its value, then lower it along half a cosine.

    Parameters
    ----------
    n_steps : int
        Gradient steps until the rate is at its lowest.
    n_warm : int, default=20
        Steps until it is at its highest.
    floor : float, default=0.02
        Lowest rate, as a share of the highest.
    """

    def __init__(self, n_steps, n_warm=20, floor=0.02):
        self.n_steps = n_steps
        self.n_warm = n_warm
        self.floor = floor

    def on_train_begin(self, net, **kwargs):
        """Count from the first step."""
        self.step_ = 0

    def on_batch_begin(self, net, training=True, **kwargs):
        """Set the rate of the step."""
        if not training:
            return
        self.step_ += 1
        progress = min(self.step_ / self.n_steps, 1.0)
        share = self.floor + (1 - self.floor) * (1 + np.cos(np.pi * progress)) / 2
        for group in net.optimizer_.param_groups:
            group["lr"] = net.lr * share * min(self.step_ / self.n_warm, 1.0)


@contextmanager
def reproducible(seed, device="cpu"):
    """Seed torch and train on one thread, leaving both as they were.

    The rounding of a sum depends on the number of threads that share it. Where
    several threads of the process train, they take turns.
    """
    devices = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with _TRAINING, torch.random.fork_rng(devices=devices):
        n_threads = torch.get_num_threads()
        torch.random.default_generator.manual_seed(seed)
        for cuda in devices:
            torch.cuda.default_generators[cuda.index or 0].manual_seed(seed)
        try:
            torch.set_num_threads(1)
            yield
        finally:
            torch.set_num_threads(n_threads)


def pick_device(device):
    """Resolve ``"auto"``, and refuse a device that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "device='cuda' was asked for, but torch finds no GPU: use device='cpu' "
            "or 'auto'."
        )
    return device


def make_net(
    module,
    *,
    optimizer,
    lr,
    batch_size,
    device,
    callbacks=None,
    verbose=0,
    batches=Batches,
):
    """Wrap a module into an initialised skorch net.

    Parameters
    ----------
    module : torch.nn.Module
        Network with a method ``loss``, as this module's docstring says.
    optimizer : {"adamw", "adadelta"}
        Optimiser of the module's weights.
    lr : float
        Learning rate.
    batch_size : int
        Rows of a batch.
    device : {"cpu", "cuda"}
        Where to train.
    callbacks : list of skorch callbacks, default=None
        The user's callbacks.
    verbose : int, default=0
        Whether to print the loss of every epoch.
    batches : type, default=Batches
        What cuts a dataset into batches.

    Returns
    -------
    Net
        The net.
    """
    optimizer_class, options = _OPTIMIZERS[optimizer]
    for callback in callbacks or []:
        kind = callback if isinstance(callback, type) else type(callback)
        if not issubclass(kind, Callback):
            raise ValueError(f"callbacks must be skorch callbacks, got {callback!r}.")
    net = Net(
        module,
        criterion=torch.nn.Identity,
        optimizer=optimizer_class,
        lr=lr,
        batch_size=batch_size,
        iterator_train=batches,
        iterator_valid=Blocks,
        train_split=None,
        device=device,
        # Copies: fitting must not change what the user gave.
        callbacks=[*copy.deepcopy(callbacks or []), *([PrintLog()] if verbose else [])],
        verbose=int(verbose),
        **{f"optimizer__{key}": value for key, value in options.items()},
    )
    return net.initialize()


def train(net, datasets, *, max_epochs, tol=0.0, patience=None, callbacks=()):
    """Train a net until its loss settles, the budget or the user ends it.

    Parameters
    ----------
    net : Net
        Initialised net; its module is trained in place.
    datasets : tuple of two datasets
        Made by :func:`~skdeepcluster.nn.batches.split_rows` or
        :func:`~skdeepcluster.nn.batches.labeled_rows`. The loss of the rows
        held out, if any, says when to stop, and which epoch was the best.
    max_epochs : int
        Largest number of epochs.
    tol : float, default=0.0
        Relative fall of the loss that counts as one.
    patience : int, default=None
        Epochs without such a fall that end the training; None: none do.
    callbacks : sequence of skorch callbacks, default=()
        Callbacks of this training alone.

    Returns
    -------
    {"stopped", "budget", "interrupted"}
        Why the training ended.
    """
    dataset, held_out = datasets
    best = BestEpoch(held_out, tol, patience)
    best.remember(net)
    outcome = _fit_loop(net, dataset, held_out, max_epochs, [*callbacks, best])
    net.drop_copy()
    if net.history and "train_loss" not in net.history[-1]:
        net.history.pop()
    diverged = bool(net.history) and not np.isfinite(net.history[-1, "train_loss"])
    if outcome == "interrupted" or diverged or held_out is not None:
        net.module_.load_state_dict(best.state_)
    kept = "the state of the best epoch is kept."
    if outcome == "interrupted":
        n_epochs = len(net.history)
        warn(
            f"Training was interrupted after {n_epochs} epochs; {kept}",
            FitInterruptedWarning,
        )
    elif diverged:
        warn(
            "The loss became infinite or not a number: lower learning_rate_init; "
            f"{kept}"
        )
    return outcome


def _fit_loop(net, dataset, held_out, max_epochs, callbacks):
    """Run skorch's loop with the callbacks of one training; say why it ended."""
    permanent, net.max_epochs = net.callbacks_, max_epochs
    net.callbacks_ = permanent + [(type(item).__name__, item) for item in callbacks]
    if held_out is not None:
        net.train_split = predefined_split(held_out)
    try:
        net.notify("on_train_begin", X=dataset, y=None)
        net.fit_loop(dataset)
        return "budget"
    except KeyboardInterrupt:
        # skorch's callback stops a training as Ctrl-C does.
        stopping = [
            item for _, item in net.callbacks_ if isinstance(item, EarlyStopping)
        ]
        has_stopped = any(item.misses_ == item.patience for item in stopping)
        return "stopped" if has_stopped else "interrupted"
    finally:
        net.notify("on_train_end", X=dataset, y=None)
        net.callbacks_, net.train_split = permanent, None


def history_of(net):
    """List the epochs of a net as plain dicts."""
    return [
        {key: value for key, value in epoch.items() if key != "batches"}
        for epoch in net.history
    ]


def warn_of_budget(max_epochs, name="max_epochs"):
    """Warn that training ended before the loss had settled."""
    warn(
        f"The loss was still falling after {name}={max_epochs} epochs: raise {name} "
        "for a better fit, or tol to accept an earlier end; n_iter_no_change=None "
        "runs all epochs without this warning."
    )
