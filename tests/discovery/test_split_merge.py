"""Split and merge: Hastings ratios, paths of merges, moves that only improve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import gammaln
from scipy.stats import multivariate_t

from skdeepcluster.discovery._micro_clusters import Cells
from skdeepcluster.discovery._niw import Moments, Prior
from skdeepcluster.discovery._split_merge import (
    Classes,
    classes_of_cells,
    log_merge_ratios,
    log_posterior,
    merge_path,
)
from skdeepcluster.discovery._split_threshold import (
    _accuracy_curve,
    penalty_from_hidden_classes,
)

CORNERS = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [5, 5], [6, 5], [5, 6], [6, 6.0]])
CORNER_PRIOR = Prior(np.array([3.0, 3.0]), 1.0, 4.0, np.eye(2))


def sets_of(rows, labels):
    return Moments.of_rows(rows, np.ones(len(rows)), labels, labels.max() + 1, True)


def slow_marginal(rows, prior):
    """Product of the predictive Student densities, row after row."""
    mean, kappa, dof, scale = prior.mean, prior.kappa, prior.dof, prior.scale
    total, n_features = 0.0, len(mean)
    for x in rows:
        freedom = dof - n_features + 1
        shape = scale * (kappa + 1) / (kappa * freedom)
        total += multivariate_t(mean, shape, freedom).logpdf(x)
        scale = scale + kappa / (kappa + 1) * np.outer(x - mean, x - mean)
        mean, kappa, dof = (kappa * mean + x) / (kappa + 1), kappa + 1, dof + 1
    return total


def slow_log_posterior(rows, labels, prior, alpha):
    """Log joint of a Dirichlet process mixture, up to a constant."""
    total = 0.0
    for label in np.unique(labels):
        mine = rows[labels == label]
        total += np.log(alpha) + gammaln(len(mine)) + slow_marginal(mine, prior)
    return total


@pytest.mark.parametrize(("alpha", "expected"), [(1, 0.373266018846), (10, 2.675851)])
def test_ratio_of_a_good_split(alpha, expected):
    sets = sets_of(CORNERS, np.repeat([0, 1], 4))
    marginals = CORNER_PRIOR.log_marginals(sets)
    ratios = log_merge_ratios(sets, np.array([[0, 1]]), marginals, CORNER_PRIOR, alpha)
    assert_allclose(-ratios, expected, atol=1e-6)


def test_ratio_of_a_bad_split():
    sets = sets_of(CORNERS, np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    marginals = CORNER_PRIOR.log_marginals(sets)
    ratios = log_merge_ratios(sets, np.array([[0, 1]]), marginals, CORNER_PRIOR, 1.0)
    assert_allclose(-ratios, -9.494986833693, atol=1e-10)


@settings(deadline=None, max_examples=15)
@given(st.integers(4, 20), st.integers(1, 3), st.integers(2, 4), st.integers(0, 99))
def test_ratio_is_the_change_of_the_log_posterior(n, p, k, seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, p))
    labels = np.append(np.arange(k), rng.integers(0, k, size=n - k))
    prior = Prior(np.zeros(p), 0.4, p + 2.0, np.eye(p))
    sets = sets_of(rows, labels)
    pairs = np.array([[0, 1]])

    ratio = log_merge_ratios(sets, pairs, prior.log_marginals(sets), prior, 2.0)[0]

    merged = np.where(labels == 1, 0, labels)
    before, after = (slow_log_posterior(rows, z, prior, 2.0) for z in (labels, merged))
    assert_allclose(log_posterior(sets, prior, 2.0), before, rtol=1e-9)
    assert_allclose(ratio, after - before, atol=1e-8)


def slow_path(rows, labels, prior, n_fixed):
    """Try all pairs, and merge the best, from the rows each time."""
    labels, ratios = labels.copy(), []
    while True:
        alive = np.unique(labels)
        pairs = [(a, b) for a in alive for b in alive if a < b and b >= n_fixed]
        if not pairs:
            return ratios, labels
        now = slow_log_posterior(rows, labels, prior, 1.0)
        gains = [
            slow_log_posterior(rows, np.where(labels == b, a, labels), prior, 1.0) - now
            for a, b in pairs
        ]
        a, b = pairs[int(np.argmax(gains))]
        ratios.append(max(gains))
        labels = np.where(labels == b, a, labels)


@pytest.mark.parametrize("n_fixed", [0, 2])
def test_path_is_that_of_a_slow_search(n_fixed):
    rng = np.random.default_rng(n_fixed)
    rows = rng.normal(size=(14, 2)) + 3 * rng.integers(0, 2, size=(14, 1))
    labels = np.append(np.arange(6), rng.integers(0, 6, size=8))
    prior = Prior(np.zeros(2), 0.3, 5.0, np.eye(2))
    ratios, last = slow_path(rows, labels, prior, n_fixed)

    path = merge_path(sets_of(rows, labels), prior, 1.0, n_fixed)

    assert_allclose(path.log_ratios, ratios, atol=1e-8)
    found = path.groups(len(path.pairs))[labels]
    assert_array_equal(found, np.unique(last, return_inverse=True)[1])
    assert len(np.unique(found)) == max(n_fixed, 1)


def groups_of_cells(seed=0, n_classes=4, n_cells=8, distance=6.0):
    """Cells of ten rows around some centres, with the class of each."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(n_classes), n_cells)
    centers = distance * rng.normal(size=(n_classes, 3))
    middles = centers[truth] + 0.7 * rng.normal(size=(len(truth), 3))
    labels = np.repeat(np.arange(len(truth)), 10)
    rows = middles[labels] + 0.7 * rng.normal(size=(len(labels), 3))
    prior = Prior(rows.mean(axis=0), 0.1, 9.0, 5 * np.eye(3))
    return sets_of(rows, labels), truth, prior


@pytest.mark.parametrize("penalty", [0.0, 20.0, None])
def test_accepted_moves_never_lower_the_log_posterior(penalty):
    moved = set()
    for seed in range(6):
        cells, truth, prior = groups_of_cells(seed, distance=1.5)
        codes = np.where(truth < 2, truth, -1)
        codes[1::2] = -1
        classes = Classes(cells, codes, 2, prior, 1.0)
        path = classes.path()
        # A bad start: as many merges as leave two or six classes.
        classes.follow(path, path.n_sets - (2 if seed % 2 else 6))
        classes.refine(penalty)
        values = [entry["log_posterior"] for entry in classes.history]
        assert np.all(np.diff(values) >= -1e-9 * np.abs(values[1:]))
        expected = log_posterior(classes.moments(), prior, 1.0, penalty or 0.0)
        assert_allclose(values[-1], expected)
        labeled = codes >= 0
        assert_array_equal(classes.groups[labeled], codes[labeled])
        moved |= {entry["move"] for entry in classes.history}
    assert moved >= ({"start"} if penalty is None else {"start", "split"})


def test_known_classes_split_off_what_is_novel():
    cells, truth, prior = groups_of_cells()
    codes = np.where(truth < 2, truth, -1)
    classes = Classes(cells, codes, 2, prior, 1.0)
    classes.groups = np.where(truth < 2, truth, 0)
    classes.refine(0.0)
    for novel in (2, 3):
        assert len(np.unique(classes.groups[truth == novel])) == 1
    assert classes.n_classes == 4
    assert_array_equal(classes.groups[codes >= 0], codes[codes >= 0])


def test_two_known_classes_are_never_merged():
    cells, truth, prior = groups_of_cells(distance=0.0)
    codes = np.where(truth < 3, truth, -1)
    classes = Classes(cells, codes, 3, prior, 1.0)
    path = classes.path()
    classes.follow(path, len(path.pairs)).refine(1e6)
    assert classes.n_classes == 3


def test_the_penalty_finds_hidden_classes_again():
    cells, truth, prior = groups_of_cells(n_classes=7, distance=12)
    codes = np.where(truth < 5, truth, -1)
    division = Cells(cells, codes)
    rng = np.random.default_rng(0)
    penalty = penalty_from_hidden_classes([division], 5, prior, 1.0, rng)
    assert penalty > 0
    classes = Classes(cells, codes, 5, prior, 1.0)
    path = classes.path()
    classes.follow(path, path.n_merges_at(penalty))
    assert classes.n_classes == 7


def test_accuracies_of_hidden_classes_are_shares():
    cells, truth, prior = groups_of_cells(n_classes=5, distance=12)
    costs, accuracies = _accuracy_curve(Cells(cells, truth), 5, (0, 3), prior, 1.0)
    assert len(accuracies) == len(costs) + 1
    # Two hidden classes are eight cells each, one of which can be the class; then
    # two sets of all their cells; and at last no set but those of the three others.
    assert_allclose(accuracies[0], (3 * 8 + 2 * 1) / 40)
    assert_allclose(accuracies.max(), 1)
    assert_allclose(accuracies[-1], 3 * 8 / 40)


def test_a_start_of_another_number_is_left_out():
    cells, truth, prior = groups_of_cells(distance=12)
    division = Cells(cells, np.where(truth < 1, truth, -1))
    start = Classes(cells, truth, 4, prior, 1.0).gaussians()
    options = {"prior": prior, "alpha": 1.0, "penalty": None}
    for n_novel in (3, 5):
        found = classes_of_cells(division, 1, n_novel, start, **options)
        assert found.n_classes == 1 + n_novel
    found = classes_of_cells(division, 1, "auto", start, **options)
    assert_array_equal(found.groups, truth)


def test_the_penalty_of_two_known_classes_is_an_eighth_per_row():
    cells, truth, prior = groups_of_cells()
    division = Cells(cells, np.where(truth < 2, truth, -1))
    rng = np.random.default_rng(0)
    penalty = penalty_from_hidden_classes([division], 2, prior, 1.0, rng)
    assert_allclose(penalty, cells.sizes.sum() / 8)


def test_cells_of_a_class_merge_when_there_are_many():
    cells, truth, prior = groups_of_cells(n_cells=30)
    codes = np.where(truth < 1, truth, -1)
    reduced = Cells(cells, codes).reduced(prior, 1.0, 5)
    assert_array_equal(np.bincount(reduced.codes + 1), [30, 10])
    assert_allclose(reduced.moments.sizes.sum(), cells.sizes.sum())
    assert_allclose(reduced.moments.squares.sum(axis=0), cells.squares.sum(axis=0))
