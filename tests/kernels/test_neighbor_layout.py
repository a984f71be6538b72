"""Weights of a neighbour graph, and points moved along it or put into it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from skdeepcluster.kernels.neighbor_layout import (
    move_points,
    neighbor_weights,
    place_points,
)

distance_tables = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=20),
    # No smaller ones: in another unit they would lose digits.
    elements=st.just(0.0) | st.floats(1e-200, 1e3),
).map(lambda distances: np.sort(distances, axis=1))


class TestNeighborWeights:
    @pytest.mark.parametrize("n_neighbors", [2, 5, 15, 40])
    def test_each_row_has_the_wanted_sum(self, n_neighbors):
        rng = np.random.default_rng(n_neighbors)
        distances = np.sort(rng.gamma(5.0, size=(30, n_neighbors)), axis=1)
        weights = neighbor_weights(distances)
        assert_allclose(weights.sum(axis=1), np.log2(n_neighbors + 1), rtol=1e-6)
        scales = (distances[:, 0] - distances[:, -1]) / np.log(weights[:, -1])
        expected = np.exp((distances[:, :1] - distances) / scales[:, np.newaxis])
        assert_allclose(weights, expected, rtol=1e-9)

    @given(distance_tables)
    def test_the_nearest_weighs_most(self, distances):
        weights = neighbor_weights(distances)
        assert_array_equal(weights[:, 0], 1.0)
        assert np.all(np.diff(weights, axis=1) <= 0)
        assert np.all(weights >= 0)

    @settings(max_examples=30)
    @given(distance_tables, st.sampled_from([2.0**-30, 2.0**30]))
    def test_the_unit_does_not_matter(self, distances, unit):
        assert_array_equal(
            neighbor_weights(distances * unit), neighbor_weights(distances)
        )

    def test_equal_distances_weigh_the_same(self):
        for distance in (0.0, 2.5):
            weights = neighbor_weights(np.full((1, 15), distance))
            assert_array_equal(weights, np.ones((1, 15)))


def pull(squared):
    return 3 / (0.001 + squared**0.25 + 2 * squared)


def slow_move(points, heads, tails, weights, phases, rate, n_negatives, state):
    """The same, as one would write it down."""
    mask, points, phases, state = 2**64 - 1, points.copy(), phases.copy(), int(state[0])
    for e, (i, j) in enumerate(zip(heads, tails, strict=True)):
        phases[e] += weights[e]
        if phases[e] < 1:
            continue
        phases[e] -= 1
        gap = points[i] - points[j]
        step = rate * np.clip(pull(gap @ gap) * gap, -4, 4)
        points[i], points[j] = points[i] - step, points[j] + step
        for _ in range(n_negatives):
            state ^= (state << 13) & mask
            state ^= state >> 7
            state ^= (state << 17) & mask
            gap = points[i] - points[((state >> 32) * len(points)) >> 32]
            squared = gap @ gap
            force = 1.5 * gap / ((0.001 + squared) * (1 + 2 * squared**0.75))
            points[i] = points[i] + rate * np.clip(force, -4, 4)
    return points, phases, state


class TestMovePoints:
    @pytest.mark.parametrize("z", [0.5, 1.5, 4.0])
    def test_attraction_is_the_gradient_of_its_loss(self, z):
        loss = [np.log1p(2 * (z + step) ** 1.5) for step in (1e-6, -1e-6)]
        slope = (loss[0] - loss[1]) / 2e-6
        points, edge = np.array([[z], [0.0]]), np.zeros(1, np.int32)
        state = np.ones(1, np.uint64)
        move_points(points, edge, edge + 1, np.ones(1), np.zeros(1), 0.1, 0, state)
        # The softening takes a little.
        assert_allclose(points[:, 0], [z - 0.1 * slope, 0.1 * slope], rtol=2e-3)

    @pytest.mark.parametrize("z", [0.8, 1.5, 4.0])
    def test_repulsion_is_the_gradient_of_its_loss(self, z):
        loss = [-np.log(1 - 1 / (1 + 2 * (z + step) ** 1.5)) for step in (1e-6, -1e-6)]
        slope = (loss[0] - loss[1]) / 2e-6
        edge, moves = np.zeros(1, np.int32), []
        for state in np.random.default_rng(0).integers(2**63, size=(20, 1)):
            points, state = np.array([[z], [0.0]]), state.astype(np.uint64)
            move_points(points, edge, edge, np.ones(1), np.zeros(1), 0.1, 1, state)
            moves.append(points[0, 0] - z)
        # It draws itself, or the other point.
        assert min(moves) == 0
        assert_allclose(max(moves), -0.1 * slope, rtol=2e-3)

    @pytest.mark.parametrize("n_components", [1, 2, 5])
    def test_agrees_with_the_plain_loop(self, n_components):
        rng = np.random.default_rng(0)
        points = rng.normal(size=(12, n_components))
        heads, tails = rng.integers(0, 12, size=(2, 60)).astype(np.int32)
        weights, phases = rng.random((2, 60))
        state = np.array([88172645463325252], np.uint64)
        expected = points, phases, int(state[0])
        for rate in (1.0, 0.3):
            before = *expected[:2], np.array([expected[2]], np.uint64)
            expected = slow_move(
                before[0], heads, tails, weights, before[1], rate, 3, before[2]
            )
            move_points(points, heads, tails, weights, phases, rate, 3, state)
        assert_allclose(points, expected[0], rtol=1e-9, atol=1e-12)
        assert_array_equal(phases, expected[1])
        assert state[0] == expected[2]

    def test_an_edge_acts_as_often_as_it_weighs(self):
        moves = 0
        phases, state = np.array([0.1]), np.ones(1, np.uint64)
        edge = np.zeros(1, np.int32)
        for _ in range(1000):
            points = np.array([[0.0], [1.0]])
            move_points(points, edge, edge + 1, np.full(1, 0.37), phases, 1, 0, state)
            moves += points[0, 0] != 0
        assert moves == 370

    def test_points_that_coincide_stay_finite(self):
        points = np.zeros((3, 2))
        heads, tails = np.array([0, 1], np.int32), np.array([1, 2], np.int32)
        state = np.ones(1, np.uint64)
        move_points(points, heads, tails, np.ones(2), np.zeros(2), 1.0, 5, state)
        assert np.isfinite(points).all()

    def test_cliques_come_apart(self):
        rng = np.random.default_rng(0)
        group = np.repeat([0, 1], 20)
        heads, tails = np.nonzero(np.equal.outer(group, group))
        points, state = rng.normal(size=(40, 2)), np.ones(1, np.uint64)
        phases = rng.random(len(heads))
        for epoch in range(100):
            move_points(
                points,
                heads.astype(np.int32),
                tails.astype(np.int32),
                np.full(len(heads), 0.3),
                phases,
                1 - epoch / 100,
                5,
                state,
            )
        centers = np.array([points[group == g].mean(axis=0) for g in (0, 1)])
        spread = max(points[group == g].std(axis=0).max() for g in (0, 1))
        assert np.linalg.norm(centers[0] - centers[1]) > 4 * spread


def slow_place(start, x, rows, neighbors, points):
    """The same, as one would write it down."""
    distances = np.linalg.norm(x - rows[neighbors], axis=1)
    shares = distances / distances.max()
    weights = np.append((1 - shares**2) / np.maximum(shares, 1e-9), 0.1)
    ends = np.vstack([points[neighbors], start])
    placed = start
    for _ in range(20):
        pulls = weights * pull(np.square(placed - ends).sum(axis=1))
        placed = pulls @ ends / pulls.sum()
    return placed


class TestPlacePoints:
    rng = np.random.default_rng(0)
    rows, points = rng.normal(size=(30, 4)), 5 * rng.normal(size=(30, 2))
    X, starts = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))
    neighbors = rng.permuted(np.tile(np.arange(30), (12, 1)), axis=1)[:, :6]

    def test_agrees_with_the_plain_loop(self):
        expected = [
            slow_place(start, x, self.rows, near, self.points)
            for start, x, near in zip(self.starts, self.X, self.neighbors, strict=True)
        ]
        placed = place_points(
            self.starts, self.X, self.rows, self.neighbors, self.points
        )
        assert_allclose(placed, expected, rtol=1e-9)

    def test_each_row_by_itself(self):
        together = place_points(
            self.starts, self.X, self.rows, self.neighbors, self.points
        )
        alone = [
            place_points(
                *(a[i : i + 1] for a in (self.starts, self.X)),
                self.rows,
                self.neighbors[i : i + 1],
                self.points,
            )[0]
            for i in range(12)
        ]
        assert_array_equal(together, alone)

    @pytest.mark.parametrize("step", [0.0, 1e-12, 1e-6])
    def test_close_rows_have_close_points(self, step):
        neighbors = np.array(
            [
                np.argsort(np.square(self.rows - row).sum(axis=1))[:6]
                for row in self.rows
            ]
        )
        placed = place_points(
            self.points, self.rows + step, self.rows, neighbors, self.points
        )
        assert_allclose(placed, self.points, atol=20 * step + 1e-6)

    def test_most_neighbours_win_over_the_middle(self):
        rows = np.array([[1.0], [-1.0], [1.1], [4.0]])
        points = np.array([[0.0, 0.0], [0.1, 0.0], [20.0, 0.0], [50.0, 0.0]])
        near = np.arange(4)[np.newaxis]
        placed = place_points(
            np.array([[3.0, 0.0]]), np.zeros((1, 1)), rows, near, points
        )
        assert np.linalg.norm(placed) < 1.0

    def test_equally_far_rows_leave_the_start(self):
        rows, points = np.eye(4), np.arange(8.0).reshape(4, 2)
        start, near = np.array([[7.0, -7.0]]), np.arange(4)[np.newaxis]
        placed = place_points(start, np.zeros((1, 4)), rows, near, points)
        assert_allclose(placed, start)
        # Also where they are not far at all.
        placed = place_points(start, rows[:1], rows[[0, 0, 0, 0]], near, points)
        assert_allclose(placed, start)
