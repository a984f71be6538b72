"""TabularNCD: its pairs, its companions, its heads."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster import TabularNCD
from skdeepcluster.discovery.tabular_ncd import (
    TabularNCDModule,
    draw_companions,
    pair_loss,
    pair_targets,
)
from skdeepcluster.nn.modules import AutoencoderModule


def codes(n_rows, n_columns=4, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n_rows, n_columns))).float()


@pytest.mark.parametrize(("n_rows", "n_positive"), [(9, 1), (9, 3), (2, 1), (4, 20)])
def test_pair_targets_mark_the_most_similar(n_rows, n_positive):
    rows = codes(n_rows)
    targets = pair_targets(rows, n_positive).numpy()
    directions = torch.nn.functional.normalize(rows).numpy()
    similarities = directions @ directions.T
    np.fill_diagonal(similarities, -np.inf)
    n_marked = min(n_positive, n_rows - 1)
    assert_array_equal(targets.sum(axis=1), n_marked)
    assert_array_equal(np.diag(targets), 0)
    for row, marked in zip(similarities, targets, strict=True):
        assert set(np.flatnonzero(marked)) == set(np.argsort(-row)[:n_marked])


def test_pair_loss_is_zero_for_pairs_that_agree():
    labels = torch.tensor([0, 0, 1, 1, 1])
    assignments = torch.eye(3)[labels]
    together = (labels[:, None] == labels).float().fill_diagonal_(0)
    assert pair_loss(assignments, together) == 0
    assert pair_loss(assignments, 1 - together) > 10


def test_pair_loss_is_cross_entropy_over_pairs():
    shares = codes(6, 3).softmax(dim=1)
    targets = pair_targets(codes(6), 2)
    terms = []
    for i in range(6):
        for j in range(i):
            agree = float(shares[i] @ shares[j])
            together = max(targets[i, j], targets[j, i])
            terms.append(-np.log(agree if together else 1 - agree))
    assert_allclose(pair_loss(shares, targets).item(), np.mean(terms), rtol=1e-5)


def test_companions_lie_between_rows_of_one_kind():
    # Each kind has a line of its own: points between stay on it.
    along = torch.rand(40, 1, generator=torch.Generator().manual_seed(0)) + 1
    classes = torch.tensor([0, 1, -1, -1] * 10)
    rows = torch.eye(3)[classes] * along
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        companions = draw_companions(rows, classes, 5)
    other = torch.ones(40, 3).scatter_(1, classes[:, None] % 3, 0)
    assert torch.all(companions * other == 0)
    assert (companions != rows).any(dim=1).float().mean() > 0.9
    assert companions.max() <= rows.max()


def test_companion_of_the_nearest():
    rows = torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        moves = draw_companions(rows, torch.full((4,), -1), 1) - rows
    ways = torch.stack([rows[1] - rows[0], rows[0] - rows[1]])
    for move, way in zip(moves[:2], ways, strict=True):
        share = (move @ way / (way @ way)).item()
        assert 0 <= share <= 1
        assert_allclose(move.numpy(), share * way.numpy(), atol=1e-6)


def test_row_alone_of_its_kind_is_its_own_companion():
    rows, classes = codes(3), torch.tensor([0, -1, -1])
    with torch.random.fork_rng(devices=[]):
        assert torch.equal(draw_companions(rows, classes, 5)[0], rows[0])


@pytest.mark.parametrize("classes", [[-1] * 8, [0] * 8, [0] * 7 + [-1]])
def test_loss_is_finite_without_known_or_without_novel_rows(classes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = AutoencoderModule(4, (8, 8), 3, batch_norm="after", shortcut=False)
        net = TabularNCDModule(network, 3, 2, 2, 3, 0.1, 0.8, 0.8)
        loss = net.loss(codes(8), torch.tensor(classes))
    loss.backward()
    used = [weight.grad for weight in net.parameters() if weight.grad is not None]
    assert all(gradient.isfinite().all() for gradient in used)
    assert torch.isfinite(loss)


def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3)) + np.repeat(8 * np.eye(4, 3), 20, axis=0)
    return X, np.repeat([4, 7, -1, -1], 20)


def test_heads():
    X, y = table()
    model = TabularNCD(2, random_state=0).fit(X, y)
    assert_array_equal(model.predict_known_classes(X[:40]), y[:40])
    assert_allclose(model.predict_known_proba(X).sum(axis=1), 1)
    assert_array_equal(model.predict(X[40:]), model.labels_[40:])
    assert_array_equal(np.unique(model.labels_), [4, 7, 8, 9])
    everything = TabularNCD(2, predict_known=True, random_state=0).fit(X, y)
    assert_array_equal(everything.predict(X), model.labels_)


def test_recluster_trains_a_head_of_the_other_width():
    X, y = table()
    model = TabularNCD(2, random_state=0).fit(X, np.where(y == 4, 4, -1))
    other = model.recluster(3)
    assert other.net_.module_.clusters.out_features == 3
    assert model.net_.module_.clusters.out_features == 2
    assert_array_equal(np.unique(other.labels_), [4, 5, 6, 7])
