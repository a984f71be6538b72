"""Networks for tables: multilayer perceptron and autoencoder."""

import copy
from itertools import pairwise
from numbers import Integral

import torch
from torch import nn

from .inference import in_double


def mlp(sizes, *, batch_norm=False, dropout=0.0):
    """Stack linear layers with ReLU between them and none after the last.

    Parameters
    ----------
    sizes : sequence of int
        Widths of input, hidden layers and output.
    batch_norm : bool or "after", default=False
        Whether every hidden layer normalises its batch before the ReLU, or
        after it.
    dropout : float, default=0.0
        Share of hidden units that a training step leaves out.

    Returns
    -------
    torch.nn.Sequential
        The network.
    """
    layers = []
    for n_in, n_out in pairwise(sizes[:-1]):
        layers.append(nn.Linear(n_in, n_out))
        layers.append(nn.ReLU())
        if batch_norm:
            position = len(layers) if batch_norm == "after" else -1
            layers.insert(position, nn.BatchNorm1d(n_out))
        if dropout:
            layers.append(nn.Dropout(dropout))
    layers.append(nn.Linear(sizes[-2], sizes[-1]))
    return nn.Sequential(*layers)


def check_hidden_layer_sizes(hidden_layer_sizes):
    """Refuse widths of hidden layers that are not positive integers."""
    sound = (
        isinstance(n, Integral) and not isinstance(n, bool) for n in hidden_layer_sizes
    )
    if not all(sound) or any(n < 1 for n in hidden_layer_sizes):
        raise ValueError(
            f"hidden_layer_sizes must be positive integers, got {hidden_layer_sizes!r}."
        )


def principal_axes(rows, n_axes):
    """Directions in which centred rows vary most.

    Parameters
    ----------
    rows : torch.Tensor of shape (n_samples, n_features)
        Centred rows.
    n_axes : int
        Number of directions, no more than rows or columns.

    Returns
    -------
    torch.Tensor of shape (n_features, n_axes)
        Orthonormal columns.
    """
    # A few axes more than are wanted make the randomised algorithm exact
    # enough; its cost is linear in rows and columns.
    _, _, axes = torch.svd_lowrank(rows, q=min(n_axes + 10, *rows.shape), niter=4)
    return axes[:, :n_axes]


def reconstruction_error(rows, restored, weights):
    """Weighted mean over rows of the mean squared error of a row."""
    return (weights * (rows - restored).square().mean(dim=1)).mean()


class AutoencoderModule(nn.Module):
    """Autoencoder of two perceptrons, each with a linear shortcut.

    With :meth:`start_linear` the shortcuts begin as principal component analysis
    and the perceptrons at zero: training improves a good linear code. A table of
    few rows has too few gradient steps to find one from random weights.

    Parameters
    ----------
    n_features : int
        Columns of the table.
    hidden_layer_sizes : sequence of int
        Widths of the encoder's hidden layers; the decoder mirrors them.
    n_components : int
        Width of the code.
    batch_norm : bool or "after", default=False
        Whether hidden layers normalise their batch, before the ReLU or after it.
    dropout : float, default=0.0
        Share of hidden units that a training step leaves out.
    shortcut : bool, default=True
        Whether perceptrons have linear shortcuts.
    """

    def __init__(
        self,
        n_features,
        hidden_layer_sizes,
        n_components,
        *,
        batch_norm=False,
        dropout=0.0,
        shortcut=True,
    ):
        super().__init__()
        check_hidden_layer_sizes(hidden_layer_sizes)
        # True is an integer, but not to torch.
        n_components = int(n_components)
        sizes = [n_features, *hidden_layer_sizes, n_components]
        options = {"batch_norm": batch_norm, "dropout": dropout}
        self.encoder = mlp(sizes, **options)
        self.decoder = mlp(sizes[::-1], **options)
        self.shortcut_in = self.shortcut_out = None
        if shortcut:
            self.shortcut_in = nn.Linear(n_features, n_components, bias=False)
            self.shortcut_out = nn.Linear(n_components, n_features, bias=False)

    def encode(self, rows):
        """Map rows to codes."""
        codes = self.encoder(rows)
        return codes if self.shortcut_in is None else codes + self.shortcut_in(rows)

    def decode(self, codes):
        """Map codes back to rows."""
        rows = self.decoder(codes)
        return rows if self.shortcut_out is None else rows + self.shortcut_out(codes)

    def forward(self, rows):
        """Restore rows from their codes."""
        return self.decode(self.encode(rows))

    @torch.no_grad()
    def start_linear(self, rows, weights, *, spherical=False):
        """Begin as principal component analysis of centred rows.

        Parameters
        ----------
        rows : torch.Tensor of shape (n_samples, n_features), dtype float64
            Centred rows.
        weights : torch.Tensor of shape (n_samples,), dtype float64
            Their weights.
        spherical : bool, default=False
            Whether codes will be brought to length 1 before they are decoded;
            the linear decoder is then the best for such codes.
        """
        n_components = self.shortcut_in.out_features
        rank = min(n_components, *rows.shape)
        axes = principal_axes(rows * weights.sqrt()[:, None], rank)
        codes = torch.zeros(len(rows), n_components, dtype=rows.dtype)
        codes[:, :rank] = rows @ axes
        if spherical:
            codes = nn.functional.normalize(codes)
        weighted = codes * weights[:, None]
        decoder = torch.linalg.pinv(weighted.T @ codes, hermitian=True)
        decoder = decoder @ (weighted.T @ rows)
        self.shortcut_in.weight.zero_()
        self.shortcut_in.weight[:rank] = axes.T.to(torch.float32)
        self.shortcut_out.weight.copy_(decoder.T)
        for last in (self.encoder[-1], self.decoder[-1]):
            last.weight.zero_()
            last.bias.zero_()


def start_autoencoder(
    module,
    rows,
    weights,
    hidden_layer_sizes,
    n_components,
    *,
    spherical=False,
    **options,
):
    """Return the user's autoencoder, or one that begins as principal components.

    Parameters
    ----------
    module : torch.nn.Module, callable or None
        The user's, for :func:`user_module`.
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Centred rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    hidden_layer_sizes, n_components, **options
        Of :class:`AutoencoderModule`.
    spherical : bool, default=False
        Whether codes will be brought to length 1.

    Returns
    -------
    torch.nn.Module
        The network.
    """
    if module is not None:
        return user_module(module, rows.shape[1])
    network = AutoencoderModule(
        rows.shape[1], hidden_layer_sizes, n_components, **options
    )
    tensors = map(torch.from_numpy, (rows, weights))
    network.start_linear(*tensors, spherical=spherical)
    return network


def code_width(network, n_features):
    """Width of the codes that a network makes of rows."""
    module = in_double(network)
    encode = getattr(module, "encode", module)
    with torch.inference_mode():
        return encode(torch.zeros(1, n_features, dtype=torch.float64)).shape[1]


class Reconstruction(nn.Module):
    """Autoencoder, this module's or a user's, with the loss that trains it.

    Parameters
    ----------
    autoencoder : torch.nn.Module
        Network with methods ``encode`` and ``decode``.
    """

    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder

    def encode(self, rows):
        """Map rows to codes."""
        return self.autoencoder.encode(rows)

    def decode(self, codes):
        """Map codes back to rows."""
        return self.autoencoder.decode(codes)

    def forward(self, rows):
        """Restore rows from their codes."""
        return self.decode(self.encode(rows))

    def loss(self, rows, weights):
        """Weighted mean squared error of the restored rows."""
        return reconstruction_error(rows, self(rows), weights)


class BentMap(nn.Module):
    """Perceptron with a linear shortcut, which begins at zero.

    Parameters
    ----------
    n_features : int
        Columns of the table.
    hidden_layer_sizes : sequence of int
        Widths of the hidden layers.
    n_outputs : int
        Width of the result.
    """

    def __init__(self, n_features, hidden_layer_sizes, n_outputs):
        super().__init__()
        check_hidden_layer_sizes(hidden_layer_sizes)
        self.linear = nn.Linear(n_features, n_outputs, bias=False)
        self.bend = mlp([n_features, *hidden_layer_sizes, n_outputs])

    def forward(self, rows):
        """Map rows."""
        return self.linear(rows) + self.bend(rows)

    @torch.no_grad()
    def start_linear(self, rows, weights, targets):
        """Begin as the least-squares map of rows to targets, all in float64."""
        weighted = rows * weights[:, None]
        solution = torch.linalg.pinv(weighted.T @ rows, hermitian=True)
        self.linear.weight.copy_((solution @ (weighted.T @ targets)).T)
        self.bend[-1].weight.zero_()
        self.bend[-1].bias.zero_()


class Regression(nn.Module):
    """Network with the loss of a regression on scaled targets.

    Parameters
    ----------
    network : torch.nn.Module
        Maps rows to the scaled targets.
    scale : float
        Number that the targets were divided by.
    """

    def __init__(self, network, scale):
        super().__init__()
        self.network = network
        self.scale = scale

    def forward(self, rows):
        """Map rows to targets in their own scale."""
        return self.network(rows) * self.scale

    def loss(self, rows, weights, targets):
        """Weighted mean squared error of the scaled targets."""
        return reconstruction_error(targets, self.network(rows), weights)


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
        Whether it must have these two methods. Otherwise the network itself maps
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
