"""The one place that configures skorch and runs networks.

A module that is trained here has a method ``loss`` which returns the loss of
a batch: ``loss(rows, weights)``, ``loss(rows, weights, targets)`` where it has
targets, or ``loss(rows, classes)`` (and what else its dataset holds) where it
learns from labels. Rows come centred and divided by one global scale
(:class:`skdeepcluster._scaling.TableScaling` does that), weights have mean 1 over
the table.
"""

import copy
import os
import threading
import warnings
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer
from skorch.callbacks import EarlyStopping as SkorchEarlyStopping
from torch.utils.data import TensorDataset

from ..exceptions import FitInterruptedWarning

# An epoch has at least so many gradient steps: a small table is passed
# several times, so that epochs mean similar work on tables of all sizes.
MIN_STEPS = 10

# Scaled input beyond this is clipped, so that no row, however far from the
# training rows, turns into an infinity or NaN inside the network.
LARGEST_INPUT = 1e15

# torch's generator and thread count belong to the process: one training at a
# time may have them.
_TRAINING = threading.RLock()
_IMPORTED_IN = os.getpid()


class Batches:
    """Random batches of nearly equal size, cut out of tensors.

    Indexing whole tensors takes the place of the per-row collation of torch's
    ``DataLoader``, which costs more than a small network itself. No batch has
    less than two rows, on which batch normalisation would fail.

    Parameters
    ----------
    dataset : torch.utils.data.TensorDataset
        Tensors with one entry per row.
    batch_size : int
        Wanted rows per batch.
    min_steps : int, default=MIN_STEPS
        Least number of batches of an epoch.
    """

    def __init__(self, dataset, batch_size, min_steps=MIN_STEPS):
        self.tensors = dataset.tensors
        self.n_rows = len(dataset)
        most = max(1, self.n_rows // 2)
        self.n_batches = min(max(1, round(self.n_rows / int(batch_size))), most)
        self.n_steps = max(self.n_batches, min_steps)

    def __len__(self):
        return self.n_steps

    def __iter__(self):
        for step in range(self.n_steps):
            if step % self.n_batches == 0:
                # A lone row counts twice.
                order = torch.randperm(max(2, self.n_rows)) % self.n_rows
                order = order.to(self.tensors[0].device)
                batches = order.tensor_split(self.n_batches)
            rows = batches[step % self.n_batches]
            yield tuple(tensor[rows] for tensor in self.tensors)


class MixedBatches(Batches):
    """Batches of rows that were moved among their neighbours.

    Every row goes a random share of the way, up to half, to one neighbour
    drawn at random, then half of the step from a second to a third; its targets
    go with it. What is learned then also holds between and around the rows, in
    the directions in which they vary.

    Parameters
    ----------
    dataset : torch.utils.data.TensorDataset
        Rows, weights, targets, and the numbers of each row's neighbours.
    batch_size, min_steps : int
        As in :class:`Batches`.
    """

    def __iter__(self):
        all_rows, _, all_targets, _ = self.tensors
        for rows, weights, targets, neighbors in super().__iter__():
            drawn = torch.randint(neighbors.shape[1], (len(rows), 3)).to(rows.device)
            drawn = neighbors.gather(1, drawn)
            share = 0.5 * torch.rand(len(rows), 1).to(rows.device)
            yield (
                self._move(rows, all_rows[drawn], share),
                weights,
                self._move(targets, all_targets[drawn], share),
            )

    @staticmethod
    def _move(own, others, share):
        step = others[:, 1] - others[:, 2]
        return torch.lerp(own, others[:, 0], share) + 0.5 * step


class EvenBatches:
    """Random batches, about half of them labeled rows, drawn with replacement.

    Few labeled rows would else be rare in a batch. An epoch is about one pass,
    yet never more than some steps: it costs the same for every larger table.

    Parameters
    ----------
    dataset : torch.utils.data.TensorDataset
        Rows, their classes (-1 where unlabeled), and what else belongs to them.
    batch_size : int
        Wanted rows per batch; no more than there are, and at least two.
    most_steps : int, default=MIN_STEPS
        Largest number of batches of an epoch.
    """

    def __init__(self, dataset, batch_size, most_steps=MIN_STEPS):
        self.tensors = dataset.tensors
        n_rows = len(dataset)
        self.n_rows = max(2, min(int(batch_size), n_rows))
        self.n_steps = min(-(-n_rows // int(batch_size)), most_steps)
        labeled = self.tensors[1] >= 0
        groups = [torch.nonzero(kind)[:, 0] for kind in (labeled, ~labeled)]
        # Where one kind is missing, both halves are of the other.
        self.groups = [group for group in groups if len(group)]

    def __len__(self):
        return self.n_steps

    def __iter__(self):
        first, last = self.groups[0], self.groups[-1]
        for _ in range(self.n_steps):
            coin, *draws = torch.rand(3, self.n_rows, dtype=torch.float64)
            one, other = (
                group[(draw * len(group)).long().to(group.device)]
                for group, draw in zip((first, last), draws, strict=True)
            )
            rows = torch.where((coin < 0.5).to(one.device), one, other)
            yield tuple(tensor[rows] for tensor in self.tensors)


class Blocks:
    """All rows in order, in large blocks: for losses without training.

    Parameters
    ----------
    dataset : torch.utils.data.TensorDataset
        Tensors with one entry per row.
    batch_size : int
        Rows of a training step, of which a block holds many.
    """

    def __init__(self, dataset, batch_size):
        self.tensors = dataset.tensors
        self.n_rows = 16 * min(int(batch_size), len(dataset))

    def __iter__(self):
        return zip(*(tensor.split(self.n_rows) for tensor in self.tensors), strict=True)


class Net(NeuralNet):
    """A skorch net whose module computes its own loss.

    Callbacks work as in skorch. Hooks of single batches are called only where
    some callback has them: most have not, and a step of a small network is
    over before skorch has asked them all.
    """

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer())]

    def get_all_learnable_params(self):
        """Yield all weights; one that nothing uses where there are none.

        A clustering layer on plain features has no weights, but optimiser and
        callbacks expect some.
        """
        learnable = list(super().get_all_learnable_params())
        yield from learnable or [("none", torch.nn.Parameter(torch.zeros(1)))]

    def get_split_datasets(self, X, y=None, **fit_params):
        """Take the pair of datasets that :func:`train` has made."""
        return X

    def notify(self, method_name, **cb_kwargs):
        """Call a hook of all callbacks."""
        getattr(self, method_name)(self, **cb_kwargs)
        for _, callback in self.callbacks_:
            try:
                getattr(callback, method_name)(self, **cb_kwargs)
            except KeyboardInterrupt as error:
                # That is how skorch's callback stops: it is no Ctrl-C.
                if isinstance(callback, SkorchEarlyStopping):
                    raise StopTraining from error
                raise

    def watches(self, *hooks):
        """Tell whether any callback has one of these hooks."""
        return any(
            getattr(type(callback), hook) is not getattr(Callback, hook)
            for _, callback in self.callbacks_
            for hook in hooks
        )

    def train_step(self, batch, **fit_params):
        """Take one step on the loss that the module returns for a batch."""
        for name in self._optimizers:
            getattr(self, f"{name}_").zero_grad()
        loss = self.module_.loss(*batch)
        if loss.requires_grad:
            loss.backward()
            if self.watches("on_grad_computed"):
                self.notify(
                    "on_grad_computed",
                    named_parameters=list(self.get_all_learnable_params()),
                    batch=batch,
                    training=True,
                )
            for name in self._optimizers:
                getattr(self, f"{name}_").step()
        return {"loss": loss.detach(), "y_pred": None}

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch, and nothing else."""
        with torch.inference_mode():
            return {"loss": self.module_.loss(*batch), "y_pred": None}

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run all batches of an epoch and record their mean loss."""
        if iterator is not None:
            watched = self.watches("on_batch_begin", "on_batch_end")
            loss = self.mean_loss(iterator, step_fn, training, watched)
            self.history.record(f"{prefix}_loss", loss)

    def mean_loss(self, batches, step_fn, training=False, watched=False):
        """Run a step on every batch; return the mean loss of a row."""
        self._set_training(training)
        total, n_rows = 0.0, 0
        for batch in batches:
            if watched:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch)
            if watched:
                self.notify("on_batch_end", batch=batch, training=training, **step)
            total = total + step["loss"] * len(batch[0])
            n_rows += len(batch[0])
        return float(total) / n_rows


class StopTraining(Exception):
    """Raised by a callback when further epochs are not worth their time."""


class EarlyStopping(Callback):
    """Stop when the loss no longer falls, and go back to the best epoch.

    What counts is the loss of the rows held out, where there are any. Other
    than skorch's callback of this name it also counts the state before the
    first epoch, which may be the best where the start is a good one.

    Parameters
    ----------
    tol : float
        Relative fall of the loss that counts as one.
    patience : int or None
        Epochs without such a fall after which training stops; None: never.
    """

    def __init__(self, tol, patience):
        self.tol = tol
        self.patience = patience

    def on_train_begin(self, net, X=None, **kwargs):
        """Start from the state as it is."""
        self.held_out_ = X[1] is not None
        self.loss_ = np.inf
        if self.held_out_:
            blocks = net.get_iterator(X[1], training=False)
            self.loss_ = net.mean_loss(blocks, net.validation_step)
        self.mark_, self.misses_ = self.loss_, 0
        self.remember(net)

    def remember(self, net):
        """Take the state as the best so far."""
        state = net.module_.state_dict()
        self.state_ = {name: value.clone() for name, value in state.items()}

    def on_epoch_end(self, net, **kwargs):
        """Compare the epoch with the best one before."""
        loss = net.history[-1, "valid_loss" if self.held_out_ else "train_loss"]
        if loss < self.loss_:
            self.loss_ = loss
            self.remember(net)
        if loss < (1 - self.tol) * self.mark_:
            self.mark_, self.misses_ = loss, 0
        else:
            self.misses_ += 1
        if self.misses_ == self.patience:
            raise StopTraining

    def restore(self, net):
        """Set the module to its best state."""
        net.module_.load_state_dict(self.state_)


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


class Progress(Callback):
    """One progress bar over all epochs, with the current loss.

    skorch's own bar starts anew for every epoch, which is a flood where epochs
    are short.
    """

    bar_ = None

    def on_epoch_end(self, net, **kwargs):
        """Move the bar by one epoch."""
        from tqdm.auto import tqdm

        if self.bar_ is None:
            self.bar_ = tqdm(total=net.max_epochs, desc="epochs")
        self.bar_.set_postfix(loss=f"{net.history[-1, 'train_loss']:.4g}")
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        """Close the bar."""
        if self.bar_ is not None:
            self.bar_.close()
            self.bar_ = None


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


def user_module(module, n_features, *, decodes=True):
    """Return a user's network, ready to be trained, without touching theirs.

    Parameters
    ----------
    module : torch.nn.Module or callable
        A network with methods ``encode`` and ``decode``, which is copied, or a
        callable that builds one from the number of features.
    n_features : int
        Columns of the table.
    decodes : bool, default=True
        Whether it must have these two methods. Else the network itself maps
        rows to codes.

    Returns
    -------
    torch.nn.Module
        The network, in float32.

    Raises
    ------
    ValueError
        If it does not encode (and decode) rows of the table.
    """
    if isinstance(module, torch.nn.Module):
        network = copy.deepcopy(module)
    else:
        network = module(n_features)
    if not isinstance(network, torch.nn.Module):
        raise ValueError(
            "module must be a torch.nn.Module or build one from the number of "
            f"features, got {type(network).__name__}."
        )
    if decodes and not (hasattr(network, "encode") and hasattr(network, "decode")):
        raise ValueError(
            "module must have the methods encode(rows) and decode(codes); "
            f"{type(network).__name__} has not."
        )
    _try_module(network.float(), n_features, decodes)
    return network


def _try_module(network, n_features, decodes):
    """Check what a user's network makes of two rows, in both precisions."""
    for trial in (copy.deepcopy(network).eval(), in_double(network)):
        dtype = next((weight.dtype for weight in trial.parameters()), torch.float32)
        try:
            with torch.inference_mode():
                rows = torch.zeros(2, n_features, dtype=dtype)
                codes = trial.encode(rows) if decodes else trial(rows)
                rows = trial.decode(codes) if decodes else rows
            shapes = tuple(codes.shape[:1]), len(codes.shape), tuple(rows.shape)
        except Exception as error:
            raise ValueError(
                f"module does not work on 2 rows of {n_features} features in "
                f"{dtype}: {error}"
            ) from error
        if shapes != ((2,), 2, (2, n_features)):
            raise ValueError(
                "module must encode rows to a 2-D tensor"
                + (f" and decode that to rows of {n_features} features" * decodes)
                + f"; 2 rows became codes of shape {tuple(codes.shape)}"
                + (f" and rows of shape {tuple(rows.shape)}" * decodes)
                + "."
            )


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
        Whether to show a progress bar.
    batches : type, default=Batches
        What cuts a dataset into batches.

    Returns
    -------
    Net
        The net.
    """
    kinds = {
        "adamw": (torch.optim.AdamW, {"fused": True}),
        "adadelta": (torch.optim.Adadelta, {}),
    }
    optimizer_class, options = kinds[optimizer]
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
        callbacks=[*copy.deepcopy(callbacks or []), *([Progress()] if verbose else [])],
        verbose=0,
        **{f"optimizer__{key}": value for key, value in options.items()},
    )
    return net.initialize()


def split_rows(X, weights, validation_fraction, device, *further):
    """Make a dataset of the rows to train on, and one of those held out.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Scaled rows.
    weights : ndarray of shape (n_samples,)
        Weights of the rows.
    validation_fraction : float
        Share of the rows, drawn at random, that is held out.
    device : {"cpu", "cuda"}
        Where the rows go.
    *further : ndarrays of shape (n_samples, ...)
        What else belongs to the rows: targets, numbers of other rows.

    Returns
    -------
    tuple of two torch.utils.data.TensorDataset
        The second is None where no row is held out.
    """
    tensors = [
        torch.as_tensor(_narrow(array), device=device)
        for array in (X, weights / np.mean(weights), *further)
    ]
    n_held_out = int(validation_fraction * len(X))
    if n_held_out == 0:
        return TensorDataset(*tensors), None
    order = torch.randperm(len(X)).to(device)
    held_out, kept = order[:n_held_out], order[n_held_out:]
    return (
        TensorDataset(*(tensor[kept] for tensor in tensors)),
        TensorDataset(*(tensor[held_out] for tensor in tensors)),
    )


def _narrow(array):
    """Numbers as networks take them; whole numbers stay what they are."""
    if array.dtype.kind == "i":
        return array
    # What is infinite then makes the loss infinite, which `train` notices.
    with np.errstate(over="ignore"):
        return np.asarray(array, np.float32)


def labeled_rows(X, classes, device, *further):
    """Make a dataset of rows and their classes, all of them to train on.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Scaled rows.
    classes : ndarray of shape (n_samples,), dtype=int64
        Class of each row, -1 where it has none.
    device : {"cpu", "cuda"}
        Where the rows go.
    *further : ndarrays of shape (n_samples,), dtype=int64
        What else belongs to the rows.

    Returns
    -------
    tuple of a torch.utils.data.TensorDataset and None
        As :func:`train` takes it.
    """
    tensors = [np.asarray(X, np.float32), classes, *further]
    return TensorDataset(*(torch.as_tensor(t, device=device) for t in tensors)), None


def train(net, datasets, *, max_epochs, tol=0.0, patience=None, callbacks=()):
    """Train a net until its loss settles, the budget or the user ends it.

    Parameters
    ----------
    net : Net
        Initialised net; its module is trained in place.
    datasets : tuple of two datasets
        Made by :func:`split_rows` or :func:`labeled_rows`. The loss of the rows
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
    stopping = EarlyStopping(tol, patience)
    stopping.remember(net)
    permanent, net.max_epochs = net.callbacks_, max_epochs
    net.callbacks_ = [
        *permanent,
        *((type(callback).__name__, callback) for callback in (*callbacks, stopping)),
    ]
    try:
        net.notify("on_train_begin", X=datasets, y=None)
        net.fit_loop(datasets)
        outcome = "budget"
    except StopTraining:
        outcome = "stopped"
    except KeyboardInterrupt:
        outcome = "interrupted"
    finally:
        net.notify("on_train_end", X=datasets, y=None)
        net.callbacks_ = permanent
    if net.history and "train_loss" not in net.history[-1]:
        net.history.pop()
    diverged = bool(net.history) and not np.isfinite(net.history[-1, "train_loss"])
    if outcome == "interrupted" or diverged or datasets[1] is not None:
        stopping.restore(net)
    if outcome == "interrupted":
        reason = f"Training was interrupted after {len(net.history)} epochs"
        _warn_of_state(reason, FitInterruptedWarning)
    elif diverged:
        reason = "The loss became infinite or not a number: lower learning_rate_init"
        _warn_of_state(reason, ConvergenceWarning)
    return outcome


def _warn_of_state(reason, category):
    warnings.warn(
        f"{reason}; the state of the best epoch is kept.", category, stacklevel=3
    )


def history_of(net):
    """List the epochs of a net as plain dicts."""
    return [
        {key: value for key, value in epoch.items() if key != "batches"}
        for epoch in net.history
    ]


def warn_of_budget(max_epochs, name="max_epochs"):
    """Warn that training ended before the loss had settled."""
    warnings.warn(
        f"The loss was still falling after {name}={max_epochs} epochs: raise {name} "
        "for a better fit, or tol to accept an earlier end; n_iter_no_change=None "
        "runs all epochs without this warning.",
        ConvergenceWarning,
        stacklevel=2,
    )


@contextmanager
def threads_of_a_fork():
    """Compute on one thread in a process that was forked off.

    The threads that torch had started stay behind in the parent: a child that
    hands them work waits for ever.
    """
    n_threads = torch.get_num_threads()
    if os.getpid() == _IMPORTED_IN or n_threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def in_double(module):
    """Copy a module for inference: float64, on the CPU, without dropout."""
    with threads_of_a_fork():
        return copy.deepcopy(module).to("cpu", torch.float64).eval()


def run_rows(function, chunk):
    """Run a part of a float64 module on scaled rows.

    The result is rounded to the precision of float32: the digits beyond it
    depend on where in the chunk a row stands.

    Parameters
    ----------
    function : callable
        Maps a float64 tensor of rows to a tensor of rows.
    chunk : ndarray of shape (n_rows, n_features)
        Scaled rows.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), dtype=float32
        The results.
    """
    limited = np.clip(chunk, -LARGEST_INPUT, LARGEST_INPUT).astype(np.float64)
    with torch.inference_mode(), threads_of_a_fork():
        return function(torch.from_numpy(limited)).numpy().astype(np.float32)
