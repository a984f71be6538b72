"""How a NeighborEncoder is trained, from distinct rows to their codes.

::

    inputs = rows in the space in which neighbours are looked for
    graph = weights of each row's nearest rows                      ([1]_, 3.1)
            + links within known classes - edges between them
    layout = principal components, moved along the edges            ([1]_, 3.2)
    network = least-squares map to the layout, and a perceptron beside it;
              trained to map rows, moved among their neighbours, to the layout ([2]_)
    codes = what the network makes of the rows

References
----------
.. [1] L. McInnes, J. Healy and J. Melville, "UMAP: Uniform manifold approximation
   and projection for dimension reduction", arXiv:1802.03426, 2018.
.. [2] T. Sainburg, L. McInnes and T. Gentner, "Parametric UMAP embeddings for
   representation and semisupervised learning", Neural Computation 33, 2021.
"""

from typing import Any, NamedTuple

import numpy as np
import torch

from .._rows import in_chunks
from .._scaling import TableScaling
from ..neighbors._neighbor_graph import (
    heed_classes,
    nearest_rows,
    neighbors_of_graph,
    weighted_graph,
    within_classes,
)
from ..neighbors._neighbor_layout import lay_out
from ..neighbors._neighbor_noise import noise_shrinkage
from ..neighbors._neighbor_space import NeighborSpace
from ..nn.batches import MixedBatches, split_rows
from ..nn.inference import check_finite_codes, map_rows
from ..nn.modules import BentMap, Regression, code_width, user_module
from ..nn.training import Net, WarmCosine, make_net, reproducible, train

# Gradient steps of an epoch of the network, and least steps in all.
EPOCH_STEPS = 20
LEAST_STEPS = 200


class EncoderSettings(NamedTuple):
    """Parameters of NeighborEncoder that its training depends on; see there."""

    n_components: int
    n_neighbors: int
    metric: str
    search: str
    hidden_layer_sizes: tuple
    module: Any
    layout_epochs: int
    max_steps: int


class FittedEncoder(NamedTuple):
    """A network that maps rows to where their neighbours are.

    Parameters
    ----------
    net : Net
        Its module is a :class:`~skdeepcluster.nn.modules.Regression`.
    space : NeighborSpace
        The way from the table to the space of the neighbours.
    scaling : NeighborSpace or TableScaling
        The way from the table to the rows that the net sees.
    inputs : ndarray of shape (n_samples, n_columns), dtype=float64
        Rows in the space of the neighbours.
    codes : ndarray of shape (n_samples, n_components), dtype=float32
        What the network makes of them.
    n_iter : int
        Passes over the edges of the graph.
    """

    net: Net
    space: NeighborSpace
    scaling: NeighborSpace | TableScaling
    inputs: np.ndarray
    codes: np.ndarray
    n_iter: int


def fit_encoder(rows, weights, classes, neighbors, settings, net_parameters, seed):
    """Lay out rows by their neighbours, and teach a network the layout.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Rows in lexicographic order; distinct, unless there are `neighbors`.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    classes : ndarray of shape (n_samples,), dtype=int64
        Known class of each row, -1 where it has none.
    neighbors : sparse matrix of shape (n_samples, n_samples) or None
        Distances to nearest rows; None looks for them.
    settings : EncoderSettings
        How to train.
    net_parameters : dict
        Further parameters of :func:`~skdeepcluster.nn.training.make_net`.
    seed : int
        Seed of all draws.

    Returns
    -------
    FittedEncoder
        The trained network with the codes of the rows.
    """
    rng = np.random.default_rng(seed)
    with reproducible(seed, net_parameters["device"]):
        space = NeighborSpace(rows, weights, settings.metric)
        inputs = in_chunks(space.transform, rows)
        shrinkage = noise_shrinkage(inputs, seed) if neighbors is None else None
        if shrinkage is not None:
            space.then(shrinkage)
            inputs = in_chunks(space.transform, rows)
        near, distances = _find_neighbors(inputs, neighbors, settings, rng)
        graph = heed_classes(weighted_graph(near, distances), classes, rng)
        network, scaling, scaled = _make_network(rows, weights, space, inputs, settings)
        n_components = settings.n_components
        if settings.module is not None:
            n_components = code_width(network, rows.shape[1])
        layout, n_iter = lay_out(
            graph,
            inputs,
            n_components,
            settings.layout_epochs,
            rng,
            verbose=net_parameters["verbose"],
        )
        net = _teach(
            network,
            (scaled, weights, layout, within_classes(near, classes)),
            settings,
            net_parameters,
        )
    codes = check_finite_codes(map_rows(net.inference_module_, scaled))
    return FittedEncoder(net, space, scaling, inputs, codes, n_iter)


def n_neighbors_among(n_samples, n_neighbors):
    """Neighbours that a row can have in a table."""
    return min(n_neighbors, n_samples - 1)


def _find_neighbors(inputs, neighbors, settings, rng):
    n_neighbors = n_neighbors_among(len(inputs), settings.n_neighbors)
    if n_neighbors == 0:
        # A lone row is its own neighbour.
        return np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1))
    if neighbors is None:
        return nearest_rows(inputs, n_neighbors, rng, search=settings.search)
    return neighbors_of_graph(neighbors, len(inputs), n_neighbors)


def _make_network(rows, weights, space, inputs, settings):
    """Build the network; return it with the scaling and the rows that it sees."""
    if settings.module is None:
        sizes = inputs.shape[1], settings.hidden_layer_sizes, settings.n_components
        return BentMap(*sizes), space, inputs
    scaling = TableScaling(rows, weights)
    network = user_module(settings.module, rows.shape[1], decodes=False)
    return network, scaling, scaling.transform(rows)


def _teach(network, rows, settings, net_parameters):
    """Teach a network the layout, at the rows and between neighbours."""
    scaled, weights, layout, partners = rows
    layout = layout - np.average(layout, axis=0, weights=weights)
    variance = np.average(np.square(layout).mean(axis=1), weights=weights)
    scale = float(np.sqrt(variance)) or 1.0
    targets = layout / scale
    if settings.module is None:
        network.start_linear(*map(torch.from_numpy, (scaled, weights, targets)))
    net = make_net(
        Regression(network, scale),
        optimizer="adamw",
        batches=MixedBatches,
        **net_parameters,
    )
    n_steps = min(settings.max_steps, LEAST_STEPS + len(scaled) // 4)
    net.iterator_train__min_steps = min(EPOCH_STEPS, n_steps)
    datasets = split_rows(scaled, weights, 0.0, net.device, targets, partners)
    epoch_steps = len(net.get_iterator(datasets[0], training=True))
    train(
        net,
        datasets,
        max_epochs=-(-n_steps // epoch_steps),
        callbacks=[WarmCosine(n_steps)],
    )
    return net
