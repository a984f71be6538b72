"""The evidence bound against closed forms, quadrature and enumeration."""

from itertools import product

import numpy as np
import pytest
from mixed_tables import mixed_table, rows_of
from scipy.special import gammaln
from scipy.stats import dirichlet, gamma, multivariate_normal, multivariate_t, norm

from skdeepcluster.mixture._components import merge_down
from skdeepcluster.mixture._evidence_bound import Mixture, one_component, raise_bound
from skdeepcluster.mixture._gaps import column_evidence
from skdeepcluster.mixture._statistics import (
    KAPPA,
    Arranged,
    BlockParameters,
    Blocks,
    Parameters,
    Prior,
    Rows,
    Statistics,
)


def start(blocks, gaps=0.2, n_components=4):
    """Rows, prior and the statistics of a random start."""
    rows = rows_of(*mixed_table(0, gaps=gaps)[:2])
    blocks = Blocks.of([list(block) for block in blocks])
    prior = Prior.of_rows(rows, [4] * 4, np.zeros(3), blocks)
    arranged = Arranged.of(rows, blocks)
    _, completion = one_component(arranged, prior)
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(n_components), len(rows.numbers))
    statistics, _ = Statistics.of_rows(
        arranged, shares, completion.repeated(n_components)
    )
    return arranged, prior, statistics


@pytest.mark.parametrize("blocks", [((0,), (1,), (2,)), ((0, 2), (1,)), ((0, 1, 2),)])
def test_bound_never_falls(blocks):
    arranged, prior, statistics = start(blocks)
    mixture = raise_bound(arranged, prior, statistics, 60, 0.0)
    assert len(mixture.bounds) > 5
    assert np.diff(mixture.bounds).min() >= -1e-9 * abs(mixture.bounds[-1])


def test_bound_never_falls_after_a_merge():
    arranged, prior, statistics = start(((0, 1, 2),))
    mixture = raise_bound(arranged, prior, statistics, 60, 1e-6)
    levels = merge_down(arranged, mixture, 0.0)
    assert [level.mixture.n_components for level in levels][-1] == 1
    for level in levels[1:]:
        bounds = level.mixture.bounds
        assert np.diff(bounds).min() >= -1e-9 * abs(bounds[-1])


def log_evidence_of_levels(levels, alphas):
    """Product of the posterior predictive probabilities of Polya's urn."""
    counts, total = alphas.copy(), 0.0
    for level in levels:
        total += np.log(counts[level] / counts.sum())
        counts[level] += 1
    return total


def log_evidence_of_numbers(X, spread):
    """Product of the posterior predictive densities, multivariate t."""
    q = X.shape[1]
    kappa, dof, mean = KAPPA, q + 2.0, np.zeros(q)
    scale = np.eye(q) * spread
    total = 0.0
    for row in X:
        freedom = dof - q + 1
        shape = scale * (kappa + 1) / (kappa * freedom)
        total += multivariate_t.logpdf(row, mean, shape, freedom)
        away = row - mean
        scale = scale + kappa / (kappa + 1) * np.outer(away, away)
        mean = (kappa * mean + row) / (kappa + 1)
        kappa, dof = kappa + 1, dof + 1
    return total


def test_bound_of_a_partition_is_its_evidence():
    rows = rows_of(*mixed_table(3, gaps=0.0)[:2])
    blocks = Blocks.of([[0, 2], [1]])
    resolution = np.array([0.1, 1.0, 3.0])
    prior = Prior.of_rows(rows, [4] * 4, resolution, blocks)
    arranged = Arranged.of(rows, blocks)
    labels = np.random.default_rng(0).integers(3, size=len(rows.numbers))
    shares = np.eye(3)[labels]
    _, completion = one_component(arranged, prior)
    statistics, entropy = Statistics.of_rows(arranged, shares, completion.repeated(3))
    found = Mixture(prior, statistics, shares, entropy).bound
    sizes = np.bincount(labels)
    # Dirichlet(1, 1, 1) on the weights, and the order of the components.
    expected = gammaln(3) - gammaln(3 + sizes.sum()) + gammaln(1 + sizes).sum()
    expected += np.log(6)
    for c in range(3):
        of_class = labels == c
        for j in range(4):
            alphas = prior.alphas[4 * j : 4 * j + 4]
            levels = rows.levels[of_class, j] - 4 * j
            expected += log_evidence_of_levels(levels, alphas)
        for block in ([0, 2], [1]):
            floor = (len(block) + 2) * resolution[block] ** 2 / 12
            spread = np.maximum(10 ** (-2 / 3), floor)
            X = rows.numbers[of_class][:, block]
            expected += log_evidence_of_numbers(X, spread)
    assert found == pytest.approx(expected, rel=1e-12)


def test_evidence_of_a_number_by_quadrature():
    X = np.array([0.3, -0.2, 0.9])
    rows = Rows(X[:, None], np.zeros((3, 0), np.int32), np.ones(3), np.full(3, -1))
    blocks = Blocks.of([[0]])
    prior = Prior.of_rows(rows, [], np.zeros(1), blocks)
    mixture, _ = one_component(Arranged.of(rows, blocks), prior)
    statistics = mixture.statistics
    found = prior.single_log_marginals(
        statistics.observed, statistics.sums, statistics.squares
    )[0, 0]

    # The trapezoidal rule converges fast: the integrand vanishes at both ends.
    logs, step = np.linspace(-20, 8, 400, retstep=True)
    value = 0.0
    for precision in np.exp(logs):
        width = (precision * (KAPPA + 3)) ** -0.5
        means = X.sum() / (KAPPA + 3) + width * np.linspace(-9, 9, 200)
        density = norm.pdf(X[:, np.newaxis], means, precision**-0.5).prod(axis=0)
        density *= norm.pdf(means, 0, (KAPPA * precision) ** -0.5)
        density *= gamma.pdf(precision, 1.5, scale=2 / prior.spread) * precision
        value += step * np.trapezoid(density, means)
    assert found == pytest.approx(np.log(value), rel=1e-8)


def test_evidence_of_levels_by_enumeration():
    prior = Prior(
        np.array([0.7, 1.3]), np.zeros(1, np.intp), 1.0, np.empty(0), Blocks.of([])
    )
    # The probabilities of all 2^4 sequences of two levels sum to 1.
    total = 0.0
    for sequence in product(range(2), repeat=4):
        counts = np.bincount(sequence, minlength=2)[np.newaxis].astype(float)
        total += np.exp(prior.category_log_marginals(counts)[0, 0])
    assert total == pytest.approx(1.0, rel=1e-12)
    # And one of them is the mean of a product over the prior.
    draws = dirichlet([0.7, 1.3]).rvs(200_000, random_state=0)
    mean = (draws[:, 0] ** 3 * draws[:, 1]).mean()
    found = np.exp(prior.category_log_marginals(np.array([[3.0, 1.0]]))[0, 0])
    assert found == pytest.approx(mean, rel=0.01)


def block_with_gaps():
    """Two Gaussians of three columns, and a row for each pattern of gaps."""
    rng = np.random.default_rng(5)
    factor = rng.normal(size=(2, 3, 3))
    covariances = factor @ factor.transpose(0, 2, 1) + 0.1 * np.eye(3)
    means = rng.normal(size=(2, 3))
    X = rng.normal(size=(8, 3))
    for row, observed in enumerate(product([True, False], repeat=3)):
        X[row, ~np.array(observed)] = np.nan
    rows = Rows(X, np.zeros((8, 0), np.int32), np.ones(8), np.full(8, -1))
    arranged = Arranged.of(rows, Blocks.of([[0, 1, 2]]))
    constants = -0.5 * (3 * np.log(2 * np.pi) + np.log(np.linalg.det(covariances)))
    block = BlockParameters(constants, means, covariances)
    parameters = Parameters(np.zeros(2), *[np.zeros((0, 2))] * 4, (block,))
    return X, arranged, parameters, block


def test_density_of_what_was_observed_is_the_marginal():
    X, arranged, parameters, block = block_with_gaps()
    found = parameters.log_densities(arranged)
    for row, observed in enumerate(~np.isnan(X)):
        for c in range(2):
            expected = 0.0
            if observed.any():
                expected = multivariate_normal.logpdf(
                    X[row, observed],
                    block.means[c, observed],
                    block.covariances[c][observed][:, observed],
                )
            assert found[row, c] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("row", range(7))
def test_completion_is_the_regression(row):
    X, arranged, parameters, block = block_with_gaps()
    observed, gap = ~np.isnan(X[row]), np.isnan(X[row])
    shares = np.zeros((8, 2))
    shares[row] = 0.25, 0.75
    statistics, entropy = Statistics.of_rows(arranged, shares, parameters)
    weights, sums, squares = statistics.larger[0]
    np.testing.assert_allclose(weights, shares[row])
    expected_entropy = 0.0
    for c, share in enumerate(shares[row]):
        covariance, mean = block.covariances[c], block.means[c]
        known = covariance[observed][:, observed]
        slope = covariance[gap][:, observed] @ np.linalg.inv(known)
        filled = X[row].copy()
        filled[gap] = mean[gap] + slope @ (X[row] - mean)[observed]
        left = covariance[gap][:, gap] - slope @ covariance[observed][:, gap]
        second = np.outer(filled, filled)
        second[np.ix_(gap, gap)] += left
        np.testing.assert_allclose(sums[c], share * filled)
        np.testing.assert_allclose(np.tril(squares[c]), share * np.tril(second))
        if gap.any():
            expected_entropy += share * multivariate_normal(cov=left).entropy()
    assert entropy == pytest.approx(expected_entropy, rel=1e-10)


def test_row_of_gaps_adds_nothing():
    _, arranged, parameters, _ = block_with_gaps()
    shares = np.zeros((8, 2))
    shares[7] = 1.0, 0.0
    statistics, entropy = Statistics.of_rows(arranged, shares, parameters)
    assert entropy == 0.0
    assert statistics.sizes[0] == 1.0
    assert not any(part.any() for part in statistics.larger[0])


def test_one_component_has_the_evidence_of_the_table():
    rows = rows_of(*mixed_table(4, gaps=0.1)[:2])
    blocks = Blocks.of([[0], [1], [2]])
    prior = Prior.of_rows(rows, [4] * 4, np.zeros(3), blocks)
    mixture, _ = one_component(Arranged.of(rows, blocks), prior)
    expected = 0.0
    for j in range(3):
        column = rows.numbers[:, j]
        X = column[~np.isnan(column), np.newaxis]
        expected += log_evidence_of_numbers(X, 10 ** (-2 / 3))
    for j in range(4):
        levels = rows.levels[:, j]
        levels = levels[levels >= 0] - 4 * j
        expected += log_evidence_of_levels(levels, prior.alphas[4 * j : 4 * j + 4])
    assert mixture.bound == pytest.approx(expected, rel=1e-11)


def test_components_explain_nothing_of_noise():
    numbers, codes, y = mixed_table(2, n=600, gaps=0.0)
    rng = np.random.default_rng(0)
    numbers[:, 0], codes[:, 0] = rng.normal(size=600), rng.integers(4, size=600)
    rows = rows_of(numbers, codes)
    found = column_evidence(rows, [4] * 4, np.zeros(3), np.eye(3)[y])
    assert (found[[0, 3]] < 0).all()
    assert (np.delete(found, [0, 3]) > 10).all()
