"""Overlaps, tubes and merges across saddle points against their definitions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.kernels.gaussians import gaussian_factors
from skdeepcluster.kernels.log_concavity import weighted_quantile
from skdeepcluster.kernels.tubes import (
    center_log_densities,
    merge_across_saddles,
    overlaps,
    tube_counts,
)


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

    def position(row, i, j):
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
        off_line = np.array([position(row, i, j)[1] for row in members])
        radius = weighted_quantile(off_line.copy(), weights[members], 0.75)
        for row in range(len(X)):
            t, off = position(row, i, j)
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


def test_center_log_densities_solve_the_least_squares(rng):
    pairs = all_pairs(6)[::2]
    tubes = rng.integers(0, 50, (len(pairs), 3)).astype(float)
    a, b = tubes[:, 0] + 0.5, tubes[:, 1] + 0.5
    root = np.sqrt(a * b / (a + b))
    design = np.zeros((len(pairs), 6))
    design[np.arange(len(pairs)), pairs[:, 0]] = root
    design[np.arange(len(pairs)), pairs[:, 1]] = -root
    expected = np.linalg.lstsq(design, root * np.log(a / b))[0]
    found = center_log_densities(pairs, tubes, 6)
    assert_allclose(found - found.mean(), expected - expected.mean(), atol=1e-8)


def slow_merges(
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
def test_merging_is_that_of_the_definition(seed, log_saddle):
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
    merges, separations, saddles = merge_across_saddles(*arguments)
    expected_merges, expected_separations, expected_saddles = slow_merges(*arguments)
    assert_array_equal(merges, expected_merges)
    assert_allclose(separations, expected_separations)
    assert_allclose(saddles, expected_saddles)
    assert len(merges) > 2
