"""Minimum-cost flow against linear programs and enumeration."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from skdeepcluster.kernels.transport import transport_rows


def problem(seed, weighted, whole_costs):
    """Random costs, weights, bounds that can be kept, and prices to start from."""
    rng = np.random.default_rng(seed)
    n, k = rng.integers(1, 40), rng.integers(1, 7)
    costs = rng.normal(size=(n, k)) ** 2
    if whole_costs:
        costs = rng.integers(0, 5, (n, k)).astype(float)
    weights = rng.uniform(0.5, 3, n) if weighted else np.ones(n)
    cuts = np.sort(rng.uniform(0, 1, k - 1))
    sizes = np.floor(np.diff(np.r_[0, cuts, 1]) * weights.sum())
    sizes[0] += weights.sum() - sizes.sum()
    lower = np.floor(sizes * rng.uniform(0, 1, k))
    upper = np.ceil(sizes * rng.uniform(1, 2, k))
    prices = rng.normal(size=k) * rng.integers(0, 2)
    return costs, weights, lower, upper, prices


def least_cost(costs, weights, lower, upper):
    n, k = costs.shape
    rows, columns = np.kron(np.eye(n), np.ones(k)), np.tile(np.eye(k), (1, n))
    return linprog(
        costs.ravel(),
        A_ub=np.r_[columns, -columns],
        b_ub=np.r_[upper, -lower],
        A_eq=rows,
        b_eq=weights,
    ).fun


@pytest.mark.parametrize("whole_costs", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_cost_is_that_of_the_linear_program(seed, weighted, whole_costs):
    costs, weights, lower, upper, prices = problem(seed, weighted, whole_costs)
    flow = transport_rows(costs, weights if weighted else None, lower, upper, prices)
    cost = np.sum(flow.amounts * costs)
    sizes = flow.amounts.sum(axis=0, dtype=float)
    g = flow.prices
    np.testing.assert_allclose(flow.amounts.sum(axis=1), weights)
    assert (sizes >= lower - 1e-9).all()
    assert (sizes <= upper + 1e-9).all()
    least = least_cost(costs, weights, lower, upper)
    np.testing.assert_allclose(cost, least, rtol=1e-9, atol=1e-9)
    # The prices prove it.
    dual = np.sum(weights * (costs + g).min(axis=1))
    dual -= np.where(g > 0, g * upper, g * lower).sum()
    np.testing.assert_allclose(dual, cost, rtol=1e-9, atol=1e-9)
    if not whole_costs:
        # Nothing ties: a vertex of the polytope.
        n_divided = np.count_nonzero((flow.amounts > 0).sum(axis=1) > 1)
        assert n_divided <= (len(g) - 1 if weighted else 0)


def divergence(sizes, targets):
    logs = np.log(np.where(sizes > 0, sizes / targets, 1))
    return np.sum(sizes * logs - sizes + targets)


@pytest.mark.parametrize("seed", range(30))
def test_cost_of_unequal_sizes_against_enumeration(seed):
    rng = np.random.default_rng(seed)
    n, k = rng.integers(2, 9), rng.integers(2, 4)
    costs, targets = rng.uniform(0, 1, (n, k)), rng.uniform(0.5, 3, k)
    strength = rng.uniform(0.01, 2)
    lower, upper = np.zeros(k), np.full(k, float(n))
    upper[0] = rng.integers(1, n + 1)
    prices = rng.normal(size=k) * rng.integers(0, 2)
    flow = transport_rows(
        costs, None, lower, upper, prices, strength=strength, targets=targets
    )
    found = flow.amounts.argmax(axis=1)

    def cost(labels):
        sizes = np.bincount(labels, minlength=k).astype(float)
        if sizes[0] > upper[0]:
            return np.inf
        own = costs[np.arange(n), labels].sum()
        return own + strength * divergence(sizes, targets)

    least = min(cost(np.array(labels)) for labels in product(range(k), repeat=n))
    np.testing.assert_allclose(cost(found), least, rtol=1e-9)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 10_000))
def test_warm_prices_do_not_change_the_cost(seed):
    costs, weights, lower, upper, prices = problem(seed, weighted=True, whole_costs=0)
    cold = transport_rows(costs, weights, lower, upper, 0 * prices)
    again = transport_rows(costs, weights, lower, upper, cold.prices)
    np.testing.assert_allclose(
        np.sum(again.amounts * costs), np.sum(cold.amounts * costs), rtol=1e-9
    )


def test_inputs_are_not_written_to():
    costs, weights, lower, upper, prices = problem(3, weighted=True, whole_costs=0)
    before = [part.copy() for part in (costs, weights, lower, upper, prices)]
    transport_rows(costs, weights, lower, upper, prices)
    for part, old in zip((costs, weights, lower, upper, prices), before, strict=True):
        np.testing.assert_array_equal(part, old)


@pytest.mark.parametrize("wrong", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("whole_costs", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_prices_prove_the_flow_of_many_rows(weighted, whole_costs, wrong):
    # So many that heaps leave rows out, few of which start where they are to end.
    rng = np.random.default_rng(4)
    n, k = 4_000, 5
    costs = rng.normal(size=(n, k)) ** 2 + np.arange(k)
    if whole_costs:
        costs = np.floor(3 * costs)
    weights = rng.uniform(0.5, 3, n) if weighted else np.ones(n)
    lower = np.full(k, 0.19 * weights.sum() // 1)
    upper = np.full(k, 0.21 * weights.sum() // 1)
    prices = wrong * rng.normal(size=k)
    flow = transport_rows(costs, weights if weighted else None, lower, upper, prices)
    sizes, g = flow.amounts.sum(axis=0, dtype=float), flow.prices
    np.testing.assert_allclose(flow.amounts.sum(axis=1), weights)
    assert (sizes >= lower - 1e-9).all()
    assert (sizes <= upper + 1e-9).all()
    dual = np.sum(weights * (costs + g).min(axis=1))
    dual -= np.where(g > 0, g * upper, g * lower).sum()
    np.testing.assert_allclose(dual, np.sum(flow.amounts * costs), rtol=1e-9)
