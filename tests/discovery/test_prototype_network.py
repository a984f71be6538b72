"""The network of GPC: its losses, its views, how it begins."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.discovery._prototype_network import (
    BentCode,
    Corruption,
    GaussianNoise,
    GPCModule,
    class_loss,
    directions,
    instance_loss,
    prototype_logits,
)

# Four rows in two views, and four prototypes, whose losses are known to 9 digits.
VIEWS = torch.from_numpy(
    np.sin(1 + 3 * np.arange(8)[:, None] + np.arange(3)).astype(np.float64)
)

PROTOTYPES = torch.from_numpy(np.sin(1 + np.arange(4)[:, None] ** 2 + 2 * np.arange(3)))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def similarities(rows, temperature):
    products = rows @ rows.T / temperature
    return products.fill_diagonal_(-torch.inf)


@pytest.mark.parametrize(
    ("temperature", "expected"), [(1.0, 1.329419646010), (0.1, 1.653968215278)]
)
def test_instance_loss(temperature, expected):
    rows = torch.nn.functional.normalize(VIEWS)
    assert_allclose(
        instance_loss(similarities(rows, temperature)).item(), expected, rtol=1e-9
    )


def test_class_loss():
    rows = torch.nn.functional.normalize(VIEWS)
    kinds = torch.tensor([0, 0, 1, 1]).repeat(2)
    loss = class_loss(similarities(rows, 0.07), kinds)
    assert_allclose(loss.item(), 18.957278358112, rtol=1e-9)


def test_prototype_logits_are_cosines_over_densities():
    rows = torch.nn.functional.normalize(VIEWS)
    prototypes = torch.nn.functional.normalize(PROTOTYPES)
    densities = torch.tensor([0.1, 0.15, 0.05, 0.1], dtype=torch.float64)
    logits = prototype_logits(rows, prototypes, densities)
    assert_allclose(logits, ((rows @ prototypes.T - 1) / densities))
    distances = torch.cdist(rows, prototypes) ** 2
    assert_allclose(logits, -distances / densities / 2, rtol=1e-9)
    # The loss with cosines alone is known.
    loss = torch.nn.functional.cross_entropy(
        (logits + 1 / densities)[4:], torch.arange(4)
    ) + torch.nn.functional.cross_entropy((logits + 1 / densities)[:4], torch.arange(4))
    assert_allclose(loss.item() / 2, 2.569184325562, rtol=1e-9)


def test_directions_have_a_pole():
    codes = torch.tensor([[0.0] * 4, [3, 0, 0, 0], [3e9, 0, 0, 0]])
    found = directions(codes)
    assert_allclose(found.norm(dim=1), 1, rtol=1e-6)
    assert_allclose(found[:, 0] / found[:, 4].clamp(1e-30), [0, 3, 3e9], rtol=1e-5)


def test_class_loss_is_a_mean_over_pairs_of_a_class():
    rows = torch.nn.functional.normalize(VIEWS[:5])
    kinds = np.array([0, 0, 1, 1, 1])
    products = (rows @ rows.T).numpy() / 0.5
    terms = []
    for i in range(5):
        total = np.log(sum(np.exp(products[i, j]) for j in range(5) if j != i))
        mates = [j for j in range(5) if j != i and kinds[i] == kinds[j]]
        terms.append(np.mean([total - products[i, j] for j in mates]))
    loss = class_loss(similarities(rows, 0.5), torch.from_numpy(kinds))
    assert_allclose(loss.item(), np.mean(terms))


def test_network_begins_as_the_linear_map():
    weight = torch.randn(2, 3, generator=generator())
    rows = torch.randn(5, 3, generator=generator(1))
    with torch.random.fork_rng(devices=[]):
        network = BentCode(weight, (8,), 4)
    codes = network(rows)
    assert_allclose(codes[:, :2].detach(), rows @ weight.T, rtol=1e-5, atol=1e-6)
    assert torch.all(codes[:, 2:] == 0)


def make_module(share, supervised_weight=0.35):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = BentCode(torch.eye(3), (8,), 3)
        module = GPCModule(
            encoder,
            3,
            lambda rows, generator: rows,
            supervised_weight,
            (0.2, 0.07),
            share,
        )
    module.set_prototypes(np.eye(2, 4), np.full(2, 0.1))
    return module


@pytest.mark.parametrize("classes", [[-1] * 6, [0] * 6, [0, 1, -1, -1, -1, -1]])
def test_loss_is_finite_with_any_labels(classes):
    rows = torch.randn(6, 3, generator=generator())
    classes = torch.tensor(classes)
    share = (classes >= 0).float().mean().item()
    loss = make_module(share).loss(rows, classes, torch.arange(6) % 2)
    loss.backward()
    assert torch.isfinite(loss)


def test_labeled_rows_count_as_often_as_they_are():
    rows = torch.randn(8, 3, generator=generator())
    classes = torch.tensor([0, 1, 0, 1, -1, -1, -1, -1])
    assigned = torch.tensor([0, 1] * 4)

    def part(share, chosen):
        module = make_module(share)
        with_both = module.loss(rows, classes, assigned)
        logits = prototype_logits(directions(rows), module.prototypes, module.densities)
        surprise = torch.nn.functional.cross_entropy(logits[chosen], assigned[chosen])
        return with_both.item(), surprise.item()

    none, labeled = part(1.0, slice(None, 4))
    # With a share of 1, what differs from a share of 0 is the labeled rows' part.
    other, unlabeled = part(0.0, slice(4, None))
    assert_allclose(none - other, labeled - unlabeled, rtol=1e-4)


def test_noise_has_the_spread():
    spread = torch.tensor([[2.0, 0], [1, 0.5], [0, 0]])
    rows = torch.full((20_000, 3), 7.0)
    noise = GaussianNoise(spread)(rows, generator()) - rows
    covariance = np.cov(noise.numpy().T)
    assert_allclose(covariance, (spread @ spread.T).numpy(), atol=0.1)
    assert torch.all(noise[:, 2] == 0)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_corruption_takes_entries_of_the_same_column(share):
    rows = torch.arange(4000.0)[:, None] + torch.tensor([0.0, 10_000])
    view = Corruption(share)(rows, generator())
    assert_array_equal(view >= 10_000, rows >= 10_000)
    assert_allclose((view != rows).float().mean(), share, atol=0.02)
