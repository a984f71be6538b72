"""Kernels of PPP against slow, obvious references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from skdeepcluster.kernels.bisection import (
    cut_in_two,
    leading_axes,
)
from skdeepcluster.kernels.gaussians import (
    cholesky,
    gaussian_factors,
    group_log_densities,
    moments,
    pool_moments,
    responsibility_moments,
)
from skdeepcluster.kernels.hashing import hash_rows, mix_bits, rank_bits
from skdeepcluster.kernels.log_concavity import (
    dent,
    dent_between_halves,
    dents_between,
    dents_within,
    discriminants,
    weighted_quantile,
)
from skdeepcluster.kernels.tubes import log_densities, merge_path, overlaps, tube_counts

# Multiples of 1/64 below 1000 make sums exact.
coordinates = st.integers(-64_000, 64_000).map(lambda i: i / 64)


@st.composite
def weighted_rows(draw, min_rows=1, max_rows=30, max_columns=3):
    n_rows = draw(st.integers(min_rows, max_rows))
    n_columns = draw(st.integers(1, max_columns))
    X = draw(arrays(np.float64, (n_rows, n_columns), elements=coordinates))
    weights = draw(arrays(np.float64, n_rows, elements=st.integers(1, 5).map(float)))
    return X, weights


def reference_moments(X, weights):
    mean = np.average(X, axis=0, weights=weights)
    centred = X - mean
    return weights.sum(), mean, (weights[:, np.newaxis] * centred).T @ centred


@pytest.fixture
def covariances(rng):
    factors = rng.standard_normal((5, 3, 6))
    return factors @ factors.transpose(0, 2, 1) / 6


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@settings(deadline=None)
@given(weighted_rows(), st.integers(0, 2**31))
def test_moments_are_weighted_sums(data, seed):
    X, weights = data
    labels = np.random.default_rng(seed).integers(0, 3, len(X))
    found = moments(X, weights, labels, 3)
    for label in range(3):
        mine = labels == label
        if mine.any():
            expected = reference_moments(X[mine], weights[mine])
        else:
            expected = 0, 0, 0
        for part, value in zip(found, expected, strict=True):
            assert_allclose(part[label], value, rtol=1e-10, atol=1e-6)


def test_leading_axes_are_eigenvectors(covariances):
    axes = leading_axes(covariances)
    for found, covariance in zip(axes, covariances, strict=True):
        vectors = np.linalg.eigh(covariance)[1]
        assert_allclose(np.abs(found @ vectors), np.eye(3)[:0:-1], atol=1e-9)
        assert np.all(found.max(axis=1) == np.abs(found).max(axis=1))


def test_no_axis_without_spread():
    assert_array_equal(leading_axes(np.diag([0.0, 4.0, 0.0])), [[0, 1, 0], [0, 0, 0]])
    assert_array_equal(leading_axes(np.full((2, 1, 1), 3.0)), np.ones((2, 1, 1)))


@settings(deadline=None)
@given(weighted_rows(min_rows=2, max_columns=1))
def test_cut_of_numbers_is_the_best_of_all_cuts(data):
    X, weights = data
    upper, gain = cut_in_two(X, weights)
    total = weights.sum()
    best = 0.0
    for threshold in X[:, 0]:
        above = X[:, 0] > threshold
        if above.any() and not above.all():
            a, b = weights[~above].sum(), weights[above].sum()
            low, high = (
                np.average(X[side, 0], weights=weights[side])
                for side in (~above, above)
            )
            best = max(best, a * b / total * (high - low) ** 2)
    assert gain == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert upper.any() == (gain > 0)


@settings(deadline=None)
@given(weighted_rows(min_rows=2))
def test_gain_of_a_cut_is_the_fall_of_the_inertia(data):
    X, weights = data
    upper, gain = cut_in_two(X, weights)

    def inertia(side):
        return (
            np.trace(reference_moments(X[side], weights[side])[2]) if side.any() else 0
        )

    fall = inertia(np.ones(len(X), bool)) - inertia(upper) - inertia(~upper)
    assert gain == pytest.approx(fall, rel=1e-6, abs=1e-3)


def test_cut_separates_two_groups(rng):
    X = rng.standard_normal((60, 4))
    X[:20] += 10
    upper, _ = cut_in_two(X, np.ones(60))
    assert_array_equal(upper, np.arange(60) < 20)


def test_weight_two_is_two_rows(rng):
    X = rng.standard_normal((30, 2))
    weights = np.where(np.arange(30) % 3, 1.0, 2.0)
    upper, gain = cut_in_two(X, weights)
    repeated = np.repeat(X, weights.astype(int), axis=0)
    upper_repeated, gain_repeated = cut_in_two(repeated, np.ones(len(repeated)))
    assert_array_equal(np.repeat(upper, weights.astype(int)), upper_repeated)
    assert gain == pytest.approx(gain_repeated)


def test_pooled_moments_are_those_of_all_rows(rng):
    X, weights = rng.standard_normal((100, 3)), rng.integers(1, 4, 100).astype(float)
    labels = rng.integers(0, 6, 100)
    parts = [
        part.reshape(3, 2, *part.shape[1:]) for part in moments(X, weights, labels, 6)
    ]
    pooled = pool_moments(*(tuple(part[:, side] for part in parts) for side in (0, 1)))
    for c in range(3):
        mine = labels // 2 == c
        expected = reference_moments(X[mine], weights[mine])
        for found, value in zip(pooled, expected, strict=True):
            assert_allclose(found[c], value, atol=1e-12)


def test_pooling_with_an_empty_set_changes_nothing(rng):
    labels = np.zeros(10, dtype=np.intp)
    full = moments(rng.standard_normal((10, 2)), np.ones(10), labels, 1)
    empty = tuple(np.zeros_like(part) for part in full)
    for pair in ((full, empty), (empty, full)):
        for found, expected in zip(pool_moments(*pair), full, strict=True):
            assert_allclose(found, expected)


def test_hash_is_splitmix64():
    # The first three outputs of the generator that starts at 0.
    outputs = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert mix_bits(np.arange(1, 4, dtype=np.uint64)).tolist() == outputs


def test_rank_bits_halve_every_stretch():
    bits = rank_bits(10_000)
    # 4.5 standard deviations of a fair coin thrown a thousand times.
    assert np.all(np.abs(bits.reshape(10, 1000).sum(axis=1) - 500) < 71)
    assert_array_equal(rank_bits(10), bits[:10])


def test_hashes_of_rows_differ_where_rows_do(rng):
    bits = rng.integers(0, 3, (500, 4)).astype(np.uint64)
    _, rows = np.unique(bits, axis=0, return_inverse=True)
    _, hashes = np.unique(hash_rows(bits), return_inverse=True)
    assert (
        len(set(zip(rows.ravel(), hashes, strict=True)))
        == rows.max() + 1
        == hashes.max() + 1
    )


@settings(deadline=None)
@given(
    st.lists(st.tuples(coordinates, st.integers(1, 4)), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.01, 0.3, 0.5, 0.75, 0.99, 1.0]),
)
def test_weighted_quantile_is_that_of_repeated_values(pairs, share):
    values, weights = (np.array(part, dtype=float) for part in zip(*pairs, strict=True))
    found = weighted_quantile(values.copy(), weights.copy(), share)
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) >= share * weights.sum()
    assert found == values[order][np.argmax(reached)]


counts = st.integers(0, 60).map(float)


@settings(deadline=None)
@given(counts, counts, counts)
def test_dent_has_the_sign_of_the_gap_and_no_side(lower, middle, upper):
    z = dent(lower, middle, upper)
    gap = lower * upper - middle**2
    assert z == pytest.approx(dent(upper, middle, lower), abs=1e-9)
    if gap == 0:
        assert abs(z) < 1e-6
    else:
        assert np.sign(z) == np.sign(gap)


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.integers(1, 60).map(float)] * 3))
def test_dent_is_a_likelihood_ratio(windows):
    lower, _middle, upper = windows

    def deviance(logs):
        means = np.array([np.exp(logs[0]), np.exp(logs.mean()), np.exp(logs[1])])
        observed = np.array(windows)
        return 2 * np.sum(means - observed + observed * np.log(observed / means))

    best = minimize(deviance, np.log([lower, upper]), tol=1e-12).fun
    assert dent(*windows) ** 2 == pytest.approx(best, rel=1e-4, abs=1e-6)


def halves_of(n):
    return np.arange(n) % 2 == 1


def test_test_of_one_population_finds_a_gap_and_nothing_else(rng):
    positions = rng.standard_normal(4000)
    weights, halves = np.ones(4000), halves_of(4000)
    z, _ = dent_between_halves(positions, weights, halves, True, 0.0, False)
    assert z < 3
    positions[:2000] += 5
    z, log_depth = dent_between_halves(positions, weights, halves, True, 2.5, False)
    assert z > 10
    assert log_depth < np.log(0.2)


def test_a_cut_elsewhere_hides_the_gap(rng):
    positions = np.r_[rng.standard_normal(2000), rng.standard_normal(2000) + 5]
    weights, halves = np.ones(4000), rng.random(4000) < 0.5
    assert dent_between_halves(positions, weights, halves, True, -40.0, False)[0] == 0


def test_heavy_tails_are_unimodal(rng):
    positions = np.exp(rng.standard_normal(20_000))
    weights, halves = np.ones(20_000), rng.random(20_000) < 0.5
    free, _ = dent_between_halves(positions, weights, halves, True, np.nan, False)
    strict, _ = dent_between_halves(positions, weights, halves, True, np.nan, True)
    assert free > 2
    assert strict <= 0


def test_equal_positions_are_one_population():
    z, log_depth = dent_between_halves(
        np.ones(10), np.ones(10), halves_of(10), True, 1.0, False
    )
    assert (z, log_depth) == (0, 0)


def test_discriminants_are_those_of_fisher(covariances, rng):
    gaps = rng.standard_normal((5, 3))
    # Of very many rows, so that the prior does not count.
    axes = discriminants(np.full((5, 2), 1e12), gaps, covariances)
    assert_allclose(axes, np.linalg.solve(covariances, gaps[..., np.newaxis])[..., 0])
    assert not discriminants(np.array([[2.0, 50.0]]), gaps[:1], covariances[:1]).any()
    assert_allclose(
        discriminants(np.full((1, 2), 9.0), gaps[:1], np.zeros((1, 3, 3))), gaps[:1]
    )


def groups_apart(rng, distance, n=300):
    X = rng.standard_normal((n, 3))
    second = np.arange(n) >= n // 2
    X[second, 1] += distance
    halves, weights = rng.random((2, n)) < 0.5, np.ones(n)
    parts = [moments(X, weights, 2 * second + split, 4) for split in halves]
    sides = [
        tuple(
            np.stack([part[k][2 * side : 2 * side + 2] for part in parts])
            for k in range(3)
        )
        for side in (0, 1)
    ]
    z, log_depths = dents_between(X, weights, halves, np.arange(n), False, *sides)
    return z.mean(), log_depths.mean()


def test_groups_far_apart_are_two_populations(rng):
    z, log_depth = groups_apart(rng, 6.0)
    assert z > 4
    assert log_depth < np.log(0.3)
    assert groups_apart(rng, 0.0)[0] < 3


def test_groups_of_few_rows_give_no_evidence(rng):
    assert groups_apart(rng, 6.0, n=8) == (0.0, 0.0)


def test_cells_of_two_populations_are_impure(rng):
    X = rng.standard_normal((600, 2))
    X[300:450] += 5
    weights, halves = np.ones(600), rng.random(600) < 0.5
    sets = np.repeat([0, 2], 300)
    parts = moments(X, weights, sets + halves, 4)
    half_moments = [part.reshape(2, 2, *part.shape[1:]) for part in parts]
    starts = np.array([0, 300, 600])
    z = dents_within(X, weights, halves, starts, False, *half_moments)
    assert z[0] < 2.5 < z[1]


def test_factors_invert_covariances(covariances):
    inverses, log_determinants = gaussian_factors(covariances)
    for covariance, inverse, log_determinant in zip(
        covariances, inverses, log_determinants, strict=False
    ):
        factor = np.zeros((3, 3))
        cholesky(covariance, factor)
        assert_allclose(factor @ factor.T, covariance, atol=1e-12)
        assert_allclose(inverse @ factor, np.eye(3), atol=1e-12)
        assert log_determinant == pytest.approx(np.linalg.slogdet(covariance)[1])


def test_overlap_is_half_of_bhattacharyya_in_shape(covariances, rng):
    centers = rng.standard_normal((5, 3))
    pairs = np.array([[0, 1], [2, 4]])
    _, log_determinants = gaussian_factors(covariances)
    found = overlaps(pairs, centers, covariances, log_determinants)
    for value, (i, j) in zip(found, pairs, strict=True):
        mean = (covariances[i] + covariances[j]) / 2
        gap = centers[i] - centers[j]
        shape = np.linalg.slogdet(mean)[1] - 0.5 * (
            np.linalg.slogdet(covariances[i])[1] + np.linalg.slogdet(covariances[j])[1]
        )
        expected = gap @ np.linalg.solve(mean, gap) / 8 + shape / 4
        assert value == pytest.approx(expected)


def slow_tube_counts(X, weights, labels, centers, sizes, pairs):
    """Leave every row out of its own center, and look at every row."""

    def place(row, i, j):
        ends = centers.copy()
        own = labels[row]
        if own in (i, j):
            rest = sizes[own] - 1
            ends[own] = centers[own] - (X[row] - centers[own]) / rest
        line = ends[j] - ends[i]
        t = (X[row] - ends[i]) @ line / (line @ line)
        off = X[row] - ends[i]
        return t, off @ off - t**2 * (line @ line)

    counts = np.zeros((len(pairs), 3))
    for e, (i, j) in enumerate(pairs):
        members = np.flatnonzero((labels == i) | (labels == j))
        off_line = np.array([place(row, i, j)[1] for row in members])
        radius = weighted_quantile(off_line.copy(), weights[members], 0.75)
        for row in range(len(X)):
            t, off = place(row, i, j)
            if off <= radius * (1 + 1e-12):
                for window, middle in enumerate((0.0, 1.0, 0.5)):
                    if abs(t - middle) < 1 / 6:
                        counts[e, window] += weights[row]
                        break
    return counts


def cells_of(rng, n=240, n_cells=6, n_features=3):
    X = rng.standard_normal((n, n_features)) * 2
    weights = rng.integers(1, 3, n).astype(float)
    labels = np.sort(
        np.argmin(np.linalg.norm(X[:, np.newaxis] - X[:n_cells], axis=2), axis=1)
    )
    order = np.argsort(
        np.argmin(np.linalg.norm(X[:, np.newaxis] - X[:n_cells], axis=2), axis=1),
        kind="stable",
    )
    X = np.ascontiguousarray(X[order])
    starts = np.searchsorted(labels, np.arange(n_cells + 1))
    sizes = np.bincount(labels, weights)
    centers = np.array(
        [
            np.average(X[labels == c], axis=0, weights=weights[labels == c])
            for c in range(n_cells)
        ]
    )
    return X, weights, labels, starts, centers, sizes


def all_pairs(n_cells):
    return np.array([(i, j) for i in range(n_cells) for j in range(i + 1, n_cells)])


def test_tubes_count_rows_of_all_cells(rng):
    X, weights, labels, starts, centers, sizes = cells_of(rng)
    pairs = all_pairs(6)
    found = tube_counts(X, weights, starts, centers, sizes, pairs)
    expected = slow_tube_counts(X, weights, labels, centers, sizes, pairs)
    assert_allclose(found, expected)
    assert found.sum() > 100


def test_log_densities_solve_the_least_squares(rng):
    pairs = all_pairs(6)[::2]
    tubes = rng.integers(0, 50, (len(pairs), 3)).astype(float)
    a, b = tubes[:, 0] + 0.5, tubes[:, 1] + 0.5
    root = np.sqrt(a * b / (a + b))
    design = np.zeros((len(pairs), 6))
    design[np.arange(len(pairs)), pairs[:, 0]] = root
    design[np.arange(len(pairs)), pairs[:, 1]] = -root
    expected = np.linalg.lstsq(design, root * np.log(a / b))[0]
    found = log_densities(pairs, tubes, 6)
    assert_allclose(found - found.mean(), expected - expected.mean(), atol=1e-8)


def slow_merge_path(
    pairs, overlap, middle, width, boundary, phi, sizes, threshold, smallest, log_saddle
):
    """Compute every separation anew before every merge."""
    n_cells = len(phi)
    groups = {c: [c] for c in range(n_cells)}
    merges, separations, saddles = [], [], []
    while True:
        values = {}
        for a in groups:
            for b in groups:
                crossing = [
                    e
                    for e, (i, j) in enumerate(pairs)
                    if (i in groups[a] and j in groups[b])
                    or (i in groups[b] and j in groups[a])
                ]
                if a < b and crossing:
                    low = min(phi[groups[a]].max(), phi[groups[b]].max())
                    expected = np.exp(low) * width[crossing].sum()
                    separation = -np.log(overlap[crossing].mean()) - np.log(
                        (middle[crossing].sum() + 0.5) / (expected + 0.5)
                    )
                    saddle = boundary[crossing].max() - low
                    key = separation
                    if saddle > log_saddle and separation >= threshold:
                        key = threshold - 1 / (1 + separation - threshold)
                    values[a, b] = (key, separation, saddle)
        below = {pair: v for pair, v in values.items() if v[0] < threshold}
        if below:
            a, b = min(below, key=lambda pair: (below[pair][0], pair))
        else:
            small = [
                g
                for g in groups
                if sizes[groups[g]].sum() < smallest and any(g in p for p in values)
            ]
            if not small:
                return np.array(merges), np.array(separations), np.array(saddles)
            g = min(small, key=lambda g: sizes[groups[g]].sum())
            a, b = min(
                (pair for pair in values if g in pair), key=lambda p: values[p][0]
            )
        merges.append(sorted((a, b), key=lambda node: min(groups[node])))
        separations.append(values[a, b][1])
        saddles.append(values[a, b][2])
        groups[n_cells + len(merges) - 1] = groups.pop(a) + groups.pop(b)


@pytest.mark.parametrize("log_saddle", [np.inf, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_merge_path_is_that_of_the_definition(seed, log_saddle):
    rng = np.random.default_rng(seed)
    n_cells = 9
    pairs = all_pairs(n_cells)
    pairs = np.ascontiguousarray(pairs[rng.random(len(pairs)) < 0.4])
    n_pairs = len(pairs)
    arguments = (
        pairs,
        np.exp(-rng.uniform(0.5, 3, n_pairs)),
        rng.integers(0, 30, n_pairs).astype(float),
        rng.uniform(1, 20, n_pairs),
        rng.uniform(-1, 1, n_pairs),
        rng.uniform(-1, 1, n_cells),
        rng.uniform(5, 50, n_cells),
        2.0,
        30.0,
        log_saddle,
    )
    merges, separations, saddles = merge_path(*arguments)
    expected_merges, expected_separations, expected_saddles = slow_merge_path(
        *arguments
    )
    assert_array_equal(merges, expected_merges)
    assert_allclose(separations, expected_separations)
    assert_allclose(saddles, expected_saddles)
    assert len(merges) > 2


def reference_logs(X, weights, means, covariances):
    return np.array(
        [
            np.log(weight) + multivariate_normal(mean, covariance).logpdf(X)
            for weight, mean, covariance in zip(
                weights, means, covariances, strict=True
            )
        ]
    ).T


def mixture_of(covariances, rng):
    means = rng.standard_normal((5, 3)) * 4
    weights = rng.dirichlet(np.ones(5))
    inverses, log_determinants = gaussian_factors(covariances)
    constants = np.log(weights) - 0.5 * (log_determinants + 3 * np.log(2 * np.pi))
    reach = 1 / np.linalg.eigvalsh(covariances)[:, -1]
    return weights, means, (means, constants, inverses, reach)


def test_densities_of_groups_are_sums_over_components(covariances, rng):
    weights, means, arguments = mixture_of(covariances, rng)
    X = rng.standard_normal((100, 3)) * 5
    groups = np.array([0, 1, 1, 0, 2])
    logs = reference_logs(X, weights, means, covariances)
    expected = np.array([logsumexp(logs[:, groups == g], axis=1) for g in range(3)]).T
    found = group_log_densities(X, *arguments, groups, 3)
    shares = np.exp(expected - expected.max(axis=1, keepdims=True))
    assert_allclose(found.max(axis=1), expected.max(axis=1))
    assert_allclose(
        np.exp(found - found.max(axis=1, keepdims=True)), shares, atol=1e-12
    )


def test_responsibilities_share_every_row(covariances, rng):
    weights, means, arguments = mixture_of(covariances, rng)
    X = rng.standard_normal((100, 3)) * 5
    row_weights = rng.integers(1, 4, 100).astype(float)
    logs = reference_logs(X, weights, means, covariances)
    shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    shares *= row_weights[:, np.newaxis]
    sizes, new_means, scatters, log_likelihood = responsibility_moments(
        X, row_weights, *arguments
    )
    assert_allclose(sizes, shares.sum(axis=0))
    assert log_likelihood == pytest.approx(row_weights @ logsumexp(logs, axis=1))
    for c in range(5):
        _, mean, scatter = reference_moments(X, shares[:, c])
        assert_allclose(new_means[c], mean, atol=1e-9)
        assert_allclose(scatters[c], scatter, atol=1e-7)
