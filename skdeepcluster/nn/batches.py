"""Datasets of rows, and how they are cut into batches."""

import numpy as np
import torch
from torch.utils.data import TensorDataset

# An epoch has at least so many gradient steps: a small table is passed
# several times, so that epochs mean similar work on tables of all sizes.
MIN_STEPS = 10


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


class Batches:
    """Random batches of nearly equal size, cut out of tensors.

    Whole tensors are indexed: collating row by row, as torch's ``DataLoader`` does,
    costs more than a small network itself. No batch has less than two rows, since
    batch normalisation would fail.

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
    move in the same way. The network then also learns the map between and around
    the rows, in the directions in which they vary.

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

    Otherwise few labeled rows would be rare in a batch. An epoch is about one pass,
    but never more than some steps: it costs the same for every larger table.

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
