"""The network of GPC: views of rows, latents, prototypes and contrastive losses."""

import copy

import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax, normalize

from .._labels import UNLABELED
from ..nn.modules import check_hidden_layer_sizes, mlp

# Widths of the layers behind the latents that the contrastive losses see.
HEAD_SIZES = (128, 128, 64)
# Length of the constant behind a latent, against that of a typical latent.
HEIGHT = 0.5


class BentCode(nn.Module):
    """A linear map, and a perceptron on top of it which begins at zero.

    Parameters
    ----------
    weight : torch.Tensor of shape (n_outputs, n_features)
        The linear map at the start.
    hidden_layer_sizes : sequence of int or None
        Widths of the perceptron's hidden layers; None leaves the perceptron out.
    n_components : int
        Width of the result; columns beyond the linear map's begin at zero.
    """

    def __init__(self, weight, hidden_layer_sizes, n_components):
        super().__init__()
        n_outputs, n_features = weight.shape
        # True is an integer, but not to torch.
        n_components = int(n_components)
        self.linear = nn.Linear(n_features, n_components, bias=False)
        nn.init.zeros_(self.linear.weight)
        with torch.no_grad():
            self.linear.weight[:n_outputs] = weight
        self.bend = None
        if hidden_layer_sizes is not None:
            check_hidden_layer_sizes(hidden_layer_sizes)
            self.bend = mlp([n_components, *hidden_layer_sizes, n_components])
            nn.init.zeros_(self.bend[-1].weight)
            nn.init.zeros_(self.bend[-1].bias)

    def forward(self, rows):
        """Map rows."""
        codes = self.linear(rows)
        return codes if self.bend is None else codes + self.bend(codes)


class Centered(nn.Module):
    """A network of any kind, whose latents are moved and scaled.

    Parameters
    ----------
    network : torch.nn.Module
        Maps rows to latents.
    rows : torch.Tensor of shape (n_samples, n_features)
        Rows whose latents then have mean 0, and a mean square of 1.
    """

    def __init__(self, network, rows):
        super().__init__()
        self.network = network
        with torch.no_grad():
            codes = copy.deepcopy(network).eval()(rows)
        center = codes.mean(dim=0)
        size = (codes - center).square().mean().sqrt()
        self.register_buffer("center", center)
        self.register_buffer("size", torch.where(size > 0, size, 1.0))

    def forward(self, rows):
        """Map rows."""
        return (self.network(rows) - self.center) / self.size


class GaussianNoise(nn.Module):
    """Views of rows: noise with the covariance that rows have within a class.

    Parameters
    ----------
    spread : torch.Tensor of shape (n_features, n_directions)
        Noise of one standard deviation in each direction.
    """

    def __init__(self, spread):
        super().__init__()
        self.register_buffer("spread", spread)

    def forward(self, rows, generator):
        """Draw a view of every row."""
        shape = len(rows), self.spread.shape[1]
        noise = torch.randn(shape, generator=generator, device=rows.device)
        return rows + noise @ self.spread.T


class Corruption(nn.Module):
    """Views of rows: some entries come from other rows of the batch.

    Parameters
    ----------
    share : float
        Probability of each entry to be replaced.
    """

    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, rows, generator):
        """Draw a view of every row."""
        options = {"generator": generator, "device": rows.device}
        others = torch.randint(len(rows), rows.shape, **options)
        replaced = torch.rand(rows.shape, **options) < self.share
        return torch.where(replaced, rows.gather(0, others), rows)


class GPCModule(nn.Module):
    """An encoder, prototypes of the classes, and a head for contrastive losses.

    Parameters
    ----------
    encoder : torch.nn.Module
        Maps rows to latents.
    n_components : int
        Width of a latent.
    augment : callable
        ``augment(rows, generator)`` draws a view of every row.
    supervised_weight : float
        Weight of the labeled rows' contrastive loss, against that of all rows.
    temperatures : tuple of two floats
        Of the contrastive loss of all rows, and of labeled ones.
    labeled_share : float
        Share of labeled rows in the table; in batches it may be another.
    """

    def __init__(
        self,
        encoder,
        n_components,
        augment,
        supervised_weight,
        temperatures,
        labeled_share,
    ):
        super().__init__()
        self.encoder = encoder
        layers = []
        for width in HEAD_SIZES:
            layers += [nn.Linear(n_components, width), nn.GELU()]
            n_components = width
        self.head = nn.Sequential(*layers[:-1])
        self.augment = augment
        self.supervised_weight = supervised_weight
        self.temperatures = temperatures
        self.labeled_share = labeled_share
        self.register_buffer("prototypes", None)
        self.register_buffer("densities", None)

    def set_prototypes(self, prototypes, densities):
        """Take the classes' prototypes and how dense the classes are."""
        options = {"device": self.head[0].weight.device, "dtype": torch.float32}
        self.prototypes = torch.as_tensor(prototypes, **options)
        self.densities = torch.as_tensor(densities, **options)

    def project(self, rows):
        """Map rows to latents."""
        return self.encoder(rows)

    def loss(self, rows, classes, assigned):
        """Sum the contrastive losses of two views and the surprise at classes."""
        views = torch.cat([self._view(rows), self._view(rows)])
        codes = self.encoder(views)
        points = normalize(self.head(codes))
        similarities = points @ points.T
        similarities.fill_diagonal_(-torch.inf)
        of_all, of_labeled = self.temperatures
        loss = (1 - self.supervised_weight) * instance_loss(similarities / of_all)
        labeled = (classes != UNLABELED).repeat(2)
        if labeled.any():
            similarities = similarities[labeled][:, labeled]
            kinds = classes.repeat(2)[labeled]
            loss = loss + self.supervised_weight * class_loss(
                similarities / of_labeled, kinds
            )
        logits = prototype_logits(directions(codes), self.prototypes, self.densities)
        surprise = cross_entropy(logits, assigned.repeat(2), reduction="none")
        # Classes should be as frequent as they are in the table.
        shares = torch.where(labeled, self.labeled_share, 1 - self.labeled_share)
        return loss + (shares * surprise).sum() / shares.sum()

    def _view(self, rows):
        # The generators that training has seeded.
        generators = torch.cuda.default_generators if rows.is_cuda else None
        generator = (
            torch.default_generator
            if generators is None
            else generators[rows.device.index]
        )
        return self.augment(rows, generator)


def directions(codes):
    """Bring latents to length 1, after a constant is appended.

    A latent in the middle of all has a direction too, and lengths count.

    Parameters
    ----------
    codes : torch.Tensor of shape (n_rows, n_components)
        Latents, whose columns have a mean square of 1 at the start.

    Returns
    -------
    torch.Tensor of shape (n_rows, n_components + 1)
        Points on a half of the unit sphere.
    """
    height = HEIGHT * codes.shape[1] ** 0.5
    return normalize(torch.nn.functional.pad(codes, (0, 1), value=height))


def prototype_logits(points, prototypes, densities):
    """Cosines of directions with the prototypes, less 1, over the densities.

    Less 1, since a dense class should take the rows near to it, not those of all
    directions: it is half a squared distance, with the sign changed.
    """
    return (points @ prototypes.T - 1) / densities


def instance_loss(similarities):
    """Cross-entropy of finding the other view of each row among all views.

    Parameters
    ----------
    similarities : torch.Tensor of shape (2 * n_rows, 2 * n_rows)
        Of the first views, then of the second, over the temperature; negative
        infinity on the diagonal.

    Returns
    -------
    torch.Tensor of shape ()
        Mean over all views.
    """
    views = torch.arange(len(similarities), device=similarities.device)
    return cross_entropy(similarities, views.roll(len(views) // 2))


def class_loss(similarities, classes):
    """Cross-entropy of finding the views of a view's class among all views.

    Parameters
    ----------
    similarities : torch.Tensor of shape (n_views, n_views)
        Over the temperature; negative infinity on the diagonal.
    classes : torch.Tensor of shape (n_views,)
        Class of each view, which at least two views have.

    Returns
    -------
    torch.Tensor of shape ()
        Mean over the views, each a mean over its class's others.
    """
    same = (classes[:, None] == classes).fill_diagonal_(False)
    logs = log_softmax(similarities, dim=1).masked_fill(~same, 0.0)
    return -(logs.sum(dim=1) / same.sum(dim=1)).mean()


def checked_augmentation(augment, n_features):
    """Try a user's augmentation on two rows, and return it."""
    rows = torch.zeros(2, n_features)
    try:
        view = augment(rows, torch.default_generator)
    except Exception as error:
        raise ValueError(
            f"augmentation does not work on 2 rows of {n_features} features and a "
            f"torch.Generator: {error}"
        ) from error
    if not (isinstance(view, torch.Tensor) and view.shape == rows.shape):
        raise ValueError(
            f"augmentation must return a tensor of the shape of its rows, "
            f"{tuple(rows.shape)}, got {getattr(view, 'shape', type(view).__name__)}."
        )
    return augment
