"""One training epoch of TELL's autoencoder: through the package, and without it.

Run ``python benchmarks/bench_training.py``; the bar is a ratio of 1.25 for the
epochs that train the autoencoder alone. All in one process, on one thread, with
the same network, optimiser, batches and loss.
"""

import argparse
import copy
import time

import numpy as np
import runner
import timing
import torch
from sklearn.datasets import load_digits
from skorch.callbacks import Callback
from torch.nn.functional import mse_loss, normalize

from skdeepcluster import TELL

BATCH_SIZE = 256
LEARNING_RATE = 1e-3


def rows():
    """Digits ten times over, with a little noise: 17,970 rows of 64 features."""
    X = np.tile(load_digits().data / 16, (10, 1))
    X += np.random.default_rng(0).normal(scale=0.01, size=X.shape)
    return (X - X.mean(axis=0)).astype(np.float32)


def bare_loop(X, network, epochs):
    """Train an autoencoder as one would without a library."""
    network = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)
    table = torch.from_numpy(X)
    n_batches = round(len(table) / BATCH_SIZE)

    def seconds_per_epoch():
        start = time.process_time()
        for _ in range(epochs):
            total = 0.0
            for batch in torch.randperm(len(table)).tensor_split(n_batches):
                x = table[batch]
                loss = mse_loss(network.decode(normalize(network.encode(x))), x)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item()
        return (time.process_time() - start) / epochs

    return seconds_per_epoch


class Clock(Callback):
    """Note when each epoch of each stage of a training begins."""

    def __init__(self):
        self.stages = []

    def on_train_begin(self, net, **kwargs):
        """Begin a stage."""
        self.stages.append([])

    def on_epoch_begin(self, net, **kwargs):
        """Note the CPU seconds used so far."""
        self.stages[-1].append(time.process_time())


def make_tell(hidden_layer_sizes, **parameters):
    """TELL that trains on all rows until its epochs are over."""
    return TELL(
        10,
        n_components=10,
        hidden_layer_sizes=hidden_layer_sizes,
        batch_size=BATCH_SIZE,
        learning_rate_init=LEARNING_RATE,
        n_iter_no_change=None,
        validation_fraction=0,
        random_state=0,
        **parameters,
    )


def tell(X, hidden_layer_sizes, stage, epochs):
    """Train by TELL.fit and look at one stage; its last epoch has no end."""
    parameters = {"pretrain_epochs": 1, "max_epochs": 1} | {stage: epochs + 1}

    def seconds_per_epoch():
        model = make_tell(hidden_layer_sizes, callbacks=[Clock()], **parameters).fit(X)
        clock = dict(model.net_.callbacks_)["Clock"]
        starts = max(clock.stages, key=len)
        return (starts[-1] - starts[0]) / epochs

    return seconds_per_epoch


def main():
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", nargs="+", type=int, default=[64])
    parser.add_argument("--epochs", type=int, default=6, help="of one measurement")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    X, hidden_layer_sizes, epochs = rows(), tuple(arguments.hidden), arguments.epochs
    brief = make_tell(hidden_layer_sizes, pretrain_epochs=1, max_epochs=1).fit(X)
    seconds = timing.alternate(
        {
            "bare torch loop": bare_loop(X, brief.net_.module_.autoencoder, epochs),
            "TELL, autoencoder": tell(X, hidden_layer_sizes, "pretrain_epochs", epochs),
            "TELL, with centres": tell(X, hidden_layer_sizes, "max_epochs", epochs),
        },
        arguments.repeats,
    )
    page = timing.page(
        "One training epoch",
        seconds,
        unit="CPU ms per epoch",
        notes=[
            f"17,970 x 64 rows, batches of {BATCH_SIZE}, hidden layers "
            f"{arguments.hidden} each way, code of 10, AdamW (fused), one thread; "
            f"{arguments.repeats} alternating trainings of {epochs} epochs each",
            "The bare loop reconstructs only; the epochs with centres also assign "
            "rows, and move centres or pull codes to them",
        ],
    )
    (runner.RESULTS / "bench_training.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
