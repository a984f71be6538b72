"""Limits of the sizes of clusters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from weighted import coordinates

from skdeepcluster import ConstrainedKMeans
from skdeepcluster.exceptions import InfeasibleConstraintsError, SizeLimitWarning


def blobs(n=120, k=4, seed=0):
    return make_blobs(n, 3, centers=k, cluster_std=2, random_state=seed)[0]


def slots_cost(X, centers, size):
    """Least inertia for equal sizes: rows assigned to slots, `size` for each center."""
    squares = np.square(X[:, None] - centers).sum(axis=2)
    rows, slots = linear_sum_assignment(np.repeat(squares, size, axis=1))
    return np.repeat(squares, size, axis=1)[rows, slots].sum()


def test_groups_of_three():
    X = np.array([[0.0], [0.1], [0.2], [0.3], [10.0], [10.1]])
    model = ConstrainedKMeans(2, size_min=3, random_state=0).fit(X)
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, 1]
    assert model.inertia_ == pytest.approx(63.40)
    assert model.assignment_gap_ == 0
    assert model.size_prices_.min() < 0


@pytest.mark.parametrize("seed", range(5))
def test_assignment_is_the_best_for_the_centers(seed):
    X = blobs(60, seed=seed)
    model = ConstrainedKMeans(4, size_min=15, size_max=15, random_state=0).fit(X)
    assert model.sizes_.tolist() == [15] * 4
    squares = np.square(X - model.cluster_centers_[model.labels_]).sum()
    assert model.inertia_ == pytest.approx(squares)
    assert squares <= slots_cost(X, model.cluster_centers_, 15) * (1 + 1e-9)


def test_without_limits_it_is_k_means():
    X = load_iris().data
    model = ConstrainedKMeans(3, n_init=10, tol=0, random_state=0).fit(X)
    plain = KMeans(3, n_init=10, tol=0, random_state=0).fit(X)
    assert model.inertia_ == pytest.approx(plain.inertia_)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert not model.size_prices_.any()


def test_balance_leads_from_k_means_to_equal_sizes():
    X = np.vstack([blobs(90, 2), blobs(30, 1, seed=3)])
    found = [
        ConstrainedKMeans(3, balance=balance, random_state=0).fit(X)
        for balance in (0, 0.3, 3, np.inf)
    ]
    inertia = [model.inertia_ for model in found]
    unequal = [np.sum(m.sizes_ * np.log(m.sizes_ / 40)) for m in found]
    assert inertia == sorted(inertia)
    assert unequal == sorted(unequal, reverse=True)
    assert found[-1].sizes_.tolist() == [40, 40, 40]


def test_infinite_balance_keeps_to_limits_and_prior():
    X = blobs(100)
    model = ConstrainedKMeans(
        3, balance=np.inf, size_min=[50, 0, 0], size_prior=[1, 3, 1], random_state=0
    ).fit(X)
    assert model.sizes_[0] == 50
    assert model.sizes_[1] == pytest.approx(37.5, abs=0.5)


def test_limits_by_cluster_number_the_clusters():
    X = blobs(100)
    low, high = [10, 20, 60], [12, 30, 70]
    model = ConstrainedKMeans(3, size_min=low, size_max=high, random_state=0).fit(X)
    assert (model.sizes_ >= low).all()
    assert (model.sizes_ <= high).all()


def test_shares_and_whole_numbers_are_told_apart():
    X = blobs(101)
    share = ConstrainedKMeans(2, size_max=0.502, random_state=0).fit(X)
    assert share.sizes_.tolist() == [51, 50]
    everything = ConstrainedKMeans(4, size_max=1.0, random_state=0).fit(X)
    free = ConstrainedKMeans(4, random_state=0).fit(X)
    np.testing.assert_array_equal(everything.labels_, free.labels_)
    with pytest.raises(InfeasibleConstraintsError, match="room for 4 rows"):
        ConstrainedKMeans(4, size_max=1).fit(X)


@pytest.mark.parametrize("change", [1e-6, 1e8, "offset"])
def test_scale_and_offset_do_not_matter(change):
    X = np.round(blobs(), 3)
    moved = X + 1e6 if change == "offset" else X * change
    model = ConstrainedKMeans(4, size_min=25, size_max=35, random_state=0)
    np.testing.assert_array_equal(model.fit(X).labels_, model.fit(moved).labels_)


def test_row_order_does_not_matter():
    X = blobs()
    order = np.random.default_rng(0).permutation(len(X))
    model = ConstrainedKMeans(4, size_min=25, size_max=35, random_state=0)
    labels = model.fit(X).labels_
    np.testing.assert_array_equal(model.fit(X[order]).labels_, labels[order])


def test_equal_rows_are_divided():
    X = np.ones((12, 2))
    model = ConstrainedKMeans(3, size_min=4, size_max=4, random_state=0).fit(X)
    assert model.sizes_.tolist() == [4, 4, 4]
    assert model.inertia_ == 0


def test_as_many_clusters_as_rows():
    X = blobs(7)
    model = ConstrainedKMeans(7, size_max=1, random_state=0).fit(X)
    assert sorted(model.labels_) == list(range(7))
    assert ConstrainedKMeans(1, size_min=7).fit(X).sizes_.tolist() == [7]


def test_weights_keep_limits_and_know_the_gap():
    X, rng = load_digits().data[:600], np.random.default_rng(0)
    weights = rng.uniform(0.5, 2, len(X))
    model = ConstrainedKMeans(5, size_min=0.19, size_max=0.21, random_state=0)
    model.fit(X, sample_weight=weights)
    share = model.sizes_ / weights.sum()
    assert share.min() >= 0.19 - 1e-9
    assert share.max() <= 0.21 + 1e-9
    assert 0 <= model.assignment_gap_ < 0.01
    scaled = ConstrainedKMeans(5, size_min=0.19, size_max=0.21, random_state=0)
    scaled.fit(X, sample_weight=weights * 8)
    np.testing.assert_array_equal(scaled.labels_, model.labels_)


def test_rows_without_weight_count_for_no_limit():
    X = blobs(60)
    weights = np.repeat([1.0, 0.0], 30)
    model = ConstrainedKMeans(3, size_min=10, size_max=10, random_state=0)
    labels = model.fit(X, sample_weight=weights).labels_
    assert np.bincount(labels[:30]).tolist() == [10, 10, 10]
    np.testing.assert_array_equal(labels[30:], model.predict(X[30:]))


def test_weight_of_two_is_two_rows_only_without_limits():
    X = np.array([[0.0], [1.0], [10.0]])
    weights, repeated = [2.0, 1.0, 1.0], [[0.0], [0.0], [1.0], [10.0]]
    free = ConstrainedKMeans(2, random_state=0)
    inertia = free.fit(X, sample_weight=weights).inertia_
    assert free.fit(repeated).inertia_ == inertia
    equal = ConstrainedKMeans(2, size_max=2, random_state=0)
    assert equal.fit(X, sample_weight=weights).labels_.tolist() == [0, 1, 1]
    assert equal.fit(repeated).sizes_.tolist() == [2, 2]


def test_limits_that_no_whole_rows_keep():
    X, weights = np.arange(5.0)[:, None], [3.0, 3.0, 3.0, 2.0, 2.0]
    model = ConstrainedKMeans(2, size_min=0.5, size_max=0.5, random_state=0)
    with pytest.warns(SizeLimitWarning, match="outside of them by 0.5"):
        model.fit(X, sample_weight=weights)
    assert sorted(model.sizes_) == [6, 7]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"size_max": 60}, "room for 480 rows (8 clusters of at most 60), but X has "
         "500: raise size_max to at least 63, or n_clusters to 9"),
        ({"size_min": 80}, "want at least 640 rows (8 clusters of at least 80), but X "
         "has 500: size_min can be at most 62"),
        ({"size_min": 60, "size_max": 50}, "size_min=60 is larger than size_max=50"),
        ({"size_min": [0] * 7 + [60], "size_max": 50}, "size_min[7]=60 is larger"),
        ({"size_min": [600] + [0] * 7}, "size_min[0]=600 is larger than size_max=500"),
    ],
)  # fmt: skip
def test_limits_without_a_solution_say_so(limits, message):
    with pytest.raises(InfeasibleConstraintsError) as error:
        ConstrainedKMeans(8, **limits).fit(blobs(500))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "limits",
    [
        {"size_min": [1, 2]},
        {"size_max": -1},
        {"size_max": [0.5, 0.5, 2.5]},
        {"size_max": np.full(3, np.nan)},
        {"size_min": ["a", "b", "c"]},
        {"size_prior": [1, 0, 1]},
        {"size_prior": [1, 1]},
        {"balance": -1},
        {"balance": np.nan},
    ],
)
def test_bad_limits(limits):
    with pytest.raises(ValueError, match=r"size_|balance"):
        ConstrainedKMeans(3, **limits).fit(blobs(30))


def test_heavy_row_is_named():
    X, weights = blobs(10), np.ones(10)
    weights[7] = 20.5
    with pytest.raises(InfeasibleConstraintsError, match="Row 7 weighs") as error:
        ConstrainedKMeans(2, size_max=20).fit(X, sample_weight=weights)
    assert error.value.rows == [7]


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_sizes_hold_or_the_error_is_right(data):
    rows = st.lists(st.tuples(coordinates, coordinates), min_size=4, max_size=20)
    X = np.array(data.draw(rows))
    k = data.draw(st.integers(1, 4))
    low = data.draw(st.lists(st.integers(0, 6), min_size=k, max_size=k))
    high = data.draw(st.lists(st.integers(0, 12), min_size=k, max_size=k))
    feasible = sum(low) <= len(X) <= sum(high)
    feasible &= all(a <= b for a, b in zip(low, high, strict=True))
    model = ConstrainedKMeans(k, size_min=low, size_max=high, random_state=0)
    if not feasible:
        with pytest.raises(InfeasibleConstraintsError):
            model.fit(X)
        return
    sizes = np.bincount(model.fit(X).labels_, minlength=k)
    assert (sizes >= low).all()
    assert (sizes <= high).all()


def test_too_few_steps_are_said():
    with pytest.warns(ConvergenceWarning, match="max_iter=1 steps"):
        ConstrainedKMeans(4, size_min=30, tol=0, max_iter=1, random_state=0).fit(
            load_digits().data[:120]
        )
