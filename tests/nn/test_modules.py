"""Networks for tables."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skdeepcluster.nn.modules import (
    AutoencoderModule,
    BentMap,
    Regression,
    mlp,
    reconstruction_error,
)


def test_mlp_layers():
    names = [type(layer).__name__ for layer in mlp([4, 3, 2], dropout=0.5)]
    assert names == ["Linear", "ReLU", "Dropout", "Linear"]
    names = [type(layer).__name__ for layer in mlp([4, 3, 2], batch_norm=True)]
    assert names == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    layers = mlp([4, 3, 2], batch_norm="after", dropout=0.5)
    names = [type(layer).__name__ for layer in layers]
    assert names == ["Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"]


def test_reconstruction_error_weighs_rows():
    rows, restored = torch.zeros(2, 3), torch.tensor([[1.0] * 3, [2.0] * 3])
    assert reconstruction_error(rows, restored, torch.tensor([1.0, 0.5])) == 1.5


@pytest.mark.parametrize("shape", [(200, 6), (8, 30), (30, 3)])
def test_start_is_principal_component_analysis(shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape) * np.arange(1, shape[1] + 1)
    X -= X.mean(axis=0)
    module = AutoencoderModule(shape[1], (7,), 4)
    module.start_linear(torch.from_numpy(X), torch.ones(len(X), dtype=torch.float64))
    with torch.no_grad():
        restored = module.double()(torch.from_numpy(X)).numpy()
    pca = PCA(min(4, *shape)).fit(X)
    expected = pca.inverse_transform(pca.transform(X))
    error, best = (np.square(X - found).sum() for found in (restored, expected))
    assert error <= 1.001 * best + 1e-6 * np.square(X).sum()


def test_spherical_start_has_the_best_linear_decoder():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)) @ np.diag([5, 4, 3, 1, 1])
    X -= X.mean(axis=0)
    module = AutoencoderModule(5, (7,), 3)
    rows, weights = torch.from_numpy(X), torch.ones(300, dtype=torch.float64)
    module.start_linear(rows, weights, spherical=True)
    with torch.no_grad():
        module = module.double()
        codes = torch.nn.functional.normalize(module.encode(rows)).numpy()
        restored = module.decode(torch.from_numpy(codes)).numpy()
    decoder = np.linalg.lstsq(codes, X, rcond=None)[0]
    assert_allclose(restored, codes @ decoder, atol=1e-5)


def test_constant_rows_start_finite():
    module = AutoencoderModule(5, (7,), 3)
    rows = torch.zeros(10, 5, dtype=torch.float64)
    module.start_linear(rows, torch.ones(10, dtype=torch.float64), spherical=True)
    with torch.no_grad():
        assert torch.equal(module(torch.zeros(2, 5)), torch.zeros(2, 5))


def test_without_shortcut_there_are_only_perceptrons():
    module = AutoencoderModule(5, (7,), 3, shortcut=False)
    rows = torch.ones(2, 5)
    assert torch.equal(module(rows), module.decoder(module.encoder(rows)))


@pytest.mark.parametrize("shape", [(200, 6), (8, 30)])
def test_bent_map_starts_as_least_squares(shape):
    rng = np.random.default_rng(0)
    X, targets = rng.normal(size=shape), rng.normal(size=(shape[0], 2))
    weights = rng.integers(1, 4, size=shape[0])
    module = BentMap(shape[1], (7,), 2)
    tensors = map(torch.from_numpy, (X, weights.astype(float), targets))
    module.start_linear(*tensors)
    with torch.no_grad():
        found = module.double()(torch.from_numpy(X)).numpy()
    repeated = [np.repeat(array, weights, axis=0) for array in (X, targets)]
    expected = X @ np.linalg.lstsq(*repeated)[0]
    assert_allclose(found, expected, atol=1e-4)


def test_regression_gives_the_scale_back():
    module = Regression(torch.nn.Identity(), 5.0)
    rows, targets = torch.ones(2, 3), torch.tensor([[1.0] * 3, [3.0] * 3])
    assert_allclose(module(rows), 5.0)
    assert module.loss(rows, torch.tensor([1.0, 0.5]), targets) == 1.0
