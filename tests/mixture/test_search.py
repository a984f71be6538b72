"""What the evidence chooses: components, blocks, gaps."""

import numpy as np
import pytest
from mixed_tables import mixed_table, rows_of
from sklearn.metrics import adjusted_rand_score

from skdeepcluster.mixture._search import Settings, fit_mixed_mixture


def fit(rows, n_levels=4, gap_columns=(), **settings):
    n_categories = rows.levels.shape[1]
    resolution = np.zeros(rows.numbers.shape[1])
    return fit_mixed_mixture(
        rows, [n_levels] * n_categories, resolution, gap_columns, Settings(**settings)
    )


@pytest.mark.parametrize("seed", range(3))
def test_number_of_components_is_found(seed):
    numbers, codes, y = mixed_table(seed, n=500)
    found = fit(rows_of(numbers, codes)).mixture
    assert found.n_components == 3
    assert adjusted_rand_score(y, found.shares.argmax(axis=1)) > 0.9


def correlated(seed, n, blocks, k=1):
    """Gaussians with correlated blocks of columns, and their classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    parts = []
    for size in blocks:
        factor = rng.normal(size=(k, size, size))
        rows = np.einsum("nij,nj->ni", factor[y], rng.normal(size=(n, size)))
        parts.append(rows + 3 * rng.normal(size=(k, size))[y])
    return np.hstack(parts), y


def test_correlation_is_no_reason_for_components():
    rng = np.random.default_rng(0)
    covariance = np.full((3, 3), 0.7) + 0.3 * np.eye(3)
    X = rng.multivariate_normal(np.zeros(3), covariance, 800)
    rows = rows_of(X, np.zeros((800, 0), int))
    assert fit(rows).mixture.n_components == 1
    assert fit(rows, covariance_type="diag").mixture.n_components > 1


def test_blocks_are_recovered():
    X, _ = correlated(1, 1200, [3, 3, 2], k=3)
    turned = [0, 3, 6, 1, 4, 7, 2, 5]
    rows = rows_of(X[:, turned], np.zeros((1200, 0), int))
    found = fit(rows).mixture
    assert found.prior.blocks.lists() == [[0, 3, 6], [1, 4, 7], [2, 5]]
    assert found.n_components == 3
    full = fit(rows, covariance_type="full").mixture
    assert full.prior.blocks.lists() == [list(range(8))]
    assert found.bound > full.bound
    asked = fit(rows, covariance_type="blocks").mixture
    assert asked.prior.blocks.lists() == found.prior.blocks.lists()


def gappy(seed, rates):
    numbers, codes, y = mixed_table(seed, n=900, gaps=0.0)
    rng = np.random.default_rng(seed)
    missing = rng.random((900, 7)) < rates[y]
    numbers[missing[:, :3]], codes[missing[:, 3:]] = np.nan, -1
    return numbers, codes, y


@pytest.mark.parametrize("seed", range(10))
def test_gaps_at_random_are_not_informative(seed):
    rates = np.random.default_rng(seed).uniform(0, 0.4, 7)
    numbers, codes, _ = gappy(seed, np.tile(rates, (3, 1)))
    assert fit(rows_of(numbers, codes), gap_columns=range(7)).informative == ()


def test_gaps_of_a_class_are_informative():
    rates = np.random.default_rng(3).uniform(0, 0.6, (3, 7))
    numbers, codes, y = gappy(0, rates)
    rows = rows_of(numbers, codes)
    with_gaps = fit(rows, gap_columns=range(7))
    assert len(with_gaps.informative) >= 6
    without = fit(rows)
    assert without.informative == ()
    agreement = [
        adjusted_rand_score(y, item.mixture.shares.argmax(axis=1))
        for item in (without, with_gaps)
    ]
    assert agreement[1] > agreement[0]


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_number_of_components_that_is_asked_for(k):
    rows = rows_of(*mixed_table(0, n=500)[:2])
    assert fit(rows, n_components=k).mixture.n_components == k


def test_components_without_rows_are_dropped():
    rows = rows_of(*mixed_table(0, n=500)[:2])
    found = fit(rows, n_components=40).mixture
    assert 3 <= found.n_components < 40
    assert found.statistics.sizes.min() >= 1


def test_known_rows_stay_and_known_components_are_apart():
    numbers, codes, y = mixed_table(1, n=500)
    # Half of class 2 is said to be two classes.
    known = np.full(500, -1)
    known[np.flatnonzero(y == 2)[:20]] = 0
    known[np.flatnonzero(y == 2)[20:40]] = 1
    found = fit(rows_of(numbers, codes, known=known))
    labels = found.mixture.shares.argmax(axis=1)
    np.testing.assert_array_equal(labels[known >= 0], known[known >= 0])
    assert all(level.mixture.n_components >= 2 for level in found.levels)
    assert found.mixture.n_components >= 4


def test_weight_of_two_is_two_rows():
    numbers, codes, _ = mixed_table(2, n=300)
    rows = rows_of(numbers, codes)
    weights = 1.0 + np.arange(300) % 3
    once = fit(rows._replace(weights=weights))
    order = np.repeat(np.arange(300), weights.astype(int))
    twice = fit(rows.part(order))
    assert once.mixture.bound == pytest.approx(twice.mixture.bound, rel=1e-9)
    np.testing.assert_array_equal(
        once.mixture.shares.argmax(axis=1)[order], twice.mixture.shares.argmax(axis=1)
    )
