"""The clustering layer of TELL, and the start of its centres."""

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import normalize

from .._kmeans import kmeans, plusplus_centers
from ..nn.inference import threads_of_a_fork
from ..nn.modules import reconstruction_error

# Length of a centre's step on the sphere, a tenth of its own.
SPHERE_STEP = 0.1
# Starts by k-means++ of which the best goes on, as in scikit-learn's KMeans.
_N_STARTS = 10
# Passes of k-means over all rows that compare the starts.
_START_ITER = 10


class TELLModule(nn.Module):
    """The clustering layer, on an optional autoencoder.

    The squared distance of a code to a centre is affine in the code once the
    code's own square is split off, so the nearest centre is the largest output
    of a linear layer with weights ``2 · centers`` and biases ``-|centers|²``.

    Parameters
    ----------
    autoencoder : torch.nn.Module or None
        Network with methods ``encode`` and ``decode``; None clusters the rows.
    n_clusters : int
        Number of centres.
    n_components : int
        Width of a code.
    spherical : bool
        Whether codes and centres live on the unit sphere.
    """

    def __init__(self, autoencoder, n_clusters, n_components, spherical):
        super().__init__()
        self.autoencoder = autoencoder
        self.spherical = spherical
        # Like the running statistics of batch normalisation the centres are
        # moved by the rows that pass, not by the optimiser.
        self.register_buffer("centers", torch.zeros(n_clusters, n_components))
        self.register_buffer("members", torch.zeros(n_clusters))
        self.stage = "reconstruct"
        # Share of the way that a centre goes, and weight of the clustering loss.
        self.rate, self.pull = None, 0.0

    def encode(self, rows):
        """Map scaled rows to codes."""
        codes = rows if self.autoencoder is None else self.autoencoder.encode(rows)
        return normalize(codes) if self.spherical else codes

    def decode(self, codes):
        """Map codes back to scaled rows."""
        return codes if self.autoencoder is None else self.autoencoder.decode(codes)

    def logits(self, codes):
        """Evaluate the layer: squared code norms minus squared distances."""
        return 2 * codes @ self.centers.T - self.centers.square().sum(dim=1)

    def forward(self, rows):
        """Evaluate encoder and layer."""
        return self.logits(self.encode(rows))

    def nearest_distances(self, codes):
        """Squared distance of every code to its nearest centre, and which it is."""
        largest, winners = self.logits(codes).max(dim=1)
        return codes.square().sum(dim=1) - largest, winners

    def loss(self, rows, weights):
        """Loss of a batch; while training, the centres may follow it.

        Stages: "reconstruct" trains the autoencoder alone, "centers" does so
        and moves the centres, "encoder" pulls codes to the fixed centres,
        "layer" has no network and moves the centres.
        """
        codes, loss = self.encode(rows), 0.0
        if self.stage != "layer":
            loss = reconstruction_error(rows, self.decode(codes), weights)
        if self.stage == "reconstruct":
            return loss
        if self.stage == "centers":
            codes = codes.detach()
        distances, winners = self.nearest_distances(codes)
        if self.training and self.stage != "encoder":
            self.move_centers(codes, weights, winners, self.rate)
        spread = (weights * distances).mean()
        return spread if self.stage == "layer" else loss + self.pull * spread

    @torch.no_grad()
    def move_centers(self, codes, weights, winners, rate=None):
        """Move every centre towards the codes nearest to it.

        On the sphere a centre takes a step of fixed length in the direction of
        the sum of its codes and is set back to length 1 (the gradient step of
        the paper, with its gradient normalised). Otherwise it goes the share `rate`
        of the way to their mean; without a rate, the share that makes it the
        running mean of all codes that it ever won.
        """
        # A product of matrices is deterministic on a GPU too.
        shares = codes.new_zeros(len(codes), len(self.centers))
        shares.scatter_(1, winners[:, None], weights[:, None])
        sums, counts = shares.T @ codes, shares.sum(dim=0)
        self.members += counts
        if self.spherical:
            moved = normalize(self.centers + SPHERE_STEP * normalize(sums))
        else:
            share = (counts / self.members)[:, None] if rate is None else rate
            moved = self.centers + share * (sums / counts[:, None] - self.centers)
        self.centers.copy_(torch.where(counts[:, None] > 0, moved, self.centers))

    @torch.no_grad()
    def revive(self, rows):
        """Move centres without members onto the rows farthest from any centre.

        Returns
        -------
        int
            Number of centres that were moved.
        """
        dead = torch.nonzero(self.members == 0)[:, 0]
        if len(dead):
            codes = self.encode(rows)
            for center in dead:
                distances, _ = self.nearest_distances(codes)
                self.centers[center] = codes[distances.argmax()]
        self.members.zero_()
        return len(dead)

    @threads_of_a_fork()
    def integrate_gradients(self, chunk, n_steps):
        """Integrate the margin's gradient from the rival's centre to the row.

        Parameters
        ----------
        chunk : ndarray of shape (n_rows, n_features + 2)
            Scaled rows; then the numbers of the row's cluster and of its rival.
        n_steps : int
            Steps of the midpoint rule.

        Returns
        -------
        ndarray of shape (n_rows, n_features), dtype=float32
            Shares of the features in the margin.
        """
        rows = torch.from_numpy(chunk[:, :-2])
        winners, rivals = torch.from_numpy(chunk[:, -2:].astype(np.int64)).T
        start = self.decode(self.centers[rivals]).detach()
        total = torch.zeros_like(rows)
        for step in range(n_steps):
            point = start + (step + 0.5) / n_steps * (rows - start)
            logits = self(point.requires_grad_())
            margin = logits.gather(1, winners[:, None])
            margin = margin - logits.gather(1, rivals[:, None])
            total += torch.autograd.grad(margin.sum(), point)[0]
        return ((rows - start) * total / n_steps).numpy().astype(np.float32)


class Stages(Callback):
    """Alternate between moving the centres and training the encoder."""

    def __init__(self, max_epochs):
        self.max_epochs = max_epochs
        self.n_revived_ = 0

    def on_train_begin(self, net, **kwargs):
        self.first_ = len(net.history)
        net.module_.members.zero_()
        self._set_stage(net.module_, 0)

    def on_epoch_begin(self, net, **kwargs):
        self._set_stage(net.module_, len(net.history) - 1 - self.first_)

    def _set_stage(self, module, epoch):
        if module.autoencoder is None:
            module.stage = "layer"
        else:
            module.stage = "encoder" if epoch % 2 else "centers"
        if not module.spherical:
            module.rate = 0.25 * (1 + np.cos(np.pi * epoch / self.max_epochs))

    def on_epoch_end(self, net, dataset_train, **kwargs):
        module = net.module_
        net.history.record("stage", module.stage)
        if module.stage != "encoder":
            self.n_revived_ += module.revive(dataset_train.tensors[0])


def mean_distance(distances, weights):
    return float(np.average(np.asarray(distances, np.float64), weights=weights))


def start_centers(codes, weights, n_clusters, init, spherical, rng):
    """Draw centres among (or on the sphere around) the codes."""
    n_samples, n_components = codes.shape
    if init == "random" and spherical:
        directions = rng.standard_normal((n_clusters, n_components))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return directions.astype(codes.dtype)
    if init == "random":
        rows = rng.choice(n_samples, n_clusters, replace=n_samples < n_clusters)
        return codes[rows]
    if init == "k-means++":
        return plusplus_centers(codes, weights, n_clusters, rng)
    return kmeans(
        codes,
        weights,
        n_clusters,
        rng,
        n_init=_N_STARTS,
        max_iter=_START_ITER,
        tol=0.0,
        spherical=spherical,
    ).centers
