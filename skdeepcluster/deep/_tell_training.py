"""How a TELL is trained, from scaled rows to numbered clusters.

::

    for each of n_init trainings:
        network = principal components and perceptrons beside them, or the user's
        train the network to restore the rows          for up to pretrain_epochs
        centers = start among the codes
        for up to max_epochs epochs:                       (sections 3.2 and 3.3)
            even: restore the rows; the centers follow the codes
            odd: restore the rows; the codes are pulled towards the centers
        centers = k-means of all codes, from where the centers are
    keep the training of least mean squared distance to the centers
    number the clusters that hold rows, the largest first
"""

from typing import NamedTuple

import numpy as np
import torch

from .._kmeans import lloyd
from .._rows import canonical_order
from ..kernels.kmeans import nearest_centers
from ..nn.batches import split_rows
from ..nn.inference import LARGEST_INPUT, check_finite_codes, map_rows
from ..nn.modules import code_width
from ..nn.training import Net, make_net, reproducible, train
from ._tell_layer import Stages, TELLModule, mean_distance, start_centers

# Passes of k-means over all rows that end the training.
_POLISH_ITER = 50


class TELLSettings(NamedTuple):
    """Parameters of TELL that its training depends on; see there."""

    n_clusters: int
    spherical: bool
    init: str
    n_init: int
    clustering_weight: float
    pretrain_epochs: int
    max_epochs: int
    validation_fraction: float
    tol: float
    n_iter_no_change: int | None


class FittedTELL(NamedTuple):
    """A trained network with its clusters.

    Parameters
    ----------
    net : Net
        Its module is a :class:`~skdeepcluster.deep._tell_layer.TELLModule` that
        knows the centers.
    codes : ndarray of shape (n_samples, n_components)
        Codes of the rows.
    centers : ndarray of shape (n_clusters, n_components)
        Centers that hold rows, in canonical order.
    sizes : ndarray of shape (n_clusters,)
        Weights of the clusters.
    spread : float
        Mean squared distance of the codes to their centers.
    n_revived : int
        How often a center without rows was moved.
    outcomes : dict
        Why each stage ended, by the name of the parameter that limits it.
    """

    net: Net
    codes: np.ndarray
    centers: np.ndarray
    sizes: np.ndarray
    spread: float
    n_revived: int
    outcomes: dict


def fit_tell(scaled, weights, dtype, settings, make_autoencoder, net_parameters, seed):
    """Train a TELL.

    Parameters
    ----------
    scaled : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct rows, scaled.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    dtype : dtype
        Precision of the codes.
    settings : TELLSettings
        How to train.
    make_autoencoder : callable
        Builds the network from scaled rows and weights; None where there is none.
    net_parameters : dict
        Further parameters of :func:`~skdeepcluster.nn.training.make_net`.
    seed : int
        Seed of the first training; the others count on from there.

    Returns
    -------
    FittedTELL
        The best of the trainings.
    """
    best = None
    for start in range(settings.n_init):
        fitted = _train_once(
            scaled,
            weights,
            dtype,
            settings,
            make_autoencoder,
            net_parameters,
            seed + start,
        )
        if best is None or fitted.spread < best.spread:
            best = fitted
        if "interrupted" in fitted.outcomes.values():
            break
    order = canonical_order(best.sizes, best.centers)
    order = order[best.sizes[order] > 0]
    best = best._replace(centers=best.centers[order], sizes=best.sizes[order])
    set_centers(best.net, best.centers)
    return best


def _train_once(
    scaled, weights, dtype, settings, make_autoencoder, net_parameters, seed
):
    rng, outcomes = np.random.default_rng(seed), {}
    device = net_parameters["device"]
    stopping = {"tol": settings.tol, "patience": settings.n_iter_no_change}
    stages = Stages(settings.max_epochs)
    with reproducible(seed, device):
        autoencoder = make_autoencoder(scaled, weights)
        net = _make_net(autoencoder, scaled, settings, net_parameters)
        held_out = 0.0 if autoencoder is None else settings.validation_fraction
        datasets = split_rows(scaled, weights, held_out, device)
        if autoencoder is not None and settings.pretrain_epochs:
            outcomes["pretrain_epochs"] = train(
                net, datasets, max_epochs=settings.pretrain_epochs, **stopping
            )
        codes = encode(net.inference_module_, scaled, dtype)
        _start_centers(net, codes, scaled, weights, settings, rng)
        if "interrupted" not in outcomes.values():
            outcomes["max_epochs"] = train(
                net,
                datasets,
                max_epochs=settings.max_epochs,
                callbacks=[stages],
                **stopping,
            )
    net.optimizer_.state.clear()
    codes = encode(net.inference_module_, scaled, dtype)
    run = lloyd(
        codes,
        weights,
        net.module_.centers.cpu().numpy().astype(dtype),
        max_iter=_POLISH_ITER,
        tol=0.0,
        spherical=settings.spherical,
    )
    return FittedTELL(
        net,
        codes,
        run.centers,
        np.bincount(run.labels, weights, len(run.centers)),
        mean_distance(run.squared_distances, weights),
        stages.n_revived_,
        outcomes,
    )


def _make_net(autoencoder, scaled, settings, net_parameters):
    width = scaled.shape[1]
    if autoencoder is not None:
        width = code_width(autoencoder, width)
    module = TELLModule(autoencoder, settings.n_clusters, width, settings.spherical)
    return make_net(module, **net_parameters)


def _start_centers(net, codes, scaled, weights, settings, rng):
    """Start the centers, and fix the weight of the clustering loss."""
    module = net.module_
    start = start_centers(
        codes, weights, settings.n_clusters, settings.init, settings.spherical, rng
    )
    module.centers.copy_(torch.from_numpy(start))
    if module.autoencoder is not None:
        everything, _ = split_rows(scaled, weights, 0.0, net.device)
        error = net.mean_loss(everything)
        spread = mean_distance(nearest_centers(codes, start)[1], weights)
        module.pull = settings.clustering_weight * error / max(spread, 1e-12)


def encode(module, scaled, dtype):
    """Codes of scaled rows; `module` is in float64, for inference."""
    if module.autoencoder is None and not module.spherical:
        return np.clip(scaled, -LARGEST_INPUT, LARGEST_INPUT).astype(dtype)
    return check_finite_codes(map_rows(module.encode, scaled).astype(dtype))


def decode(module, codes):
    """Scaled rows of codes; `module` is in float64, for inference."""
    return codes if module.autoencoder is None else map_rows(module.decode, codes)


def set_centers(net, centers):
    """Tell a net its centers."""
    module = net.module_
    module.centers = torch.from_numpy(centers).to(module.centers)
    module.members = torch.zeros(len(centers)).to(module.centers)
    net.drop_copy()
