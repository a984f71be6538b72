"""Groups of levels: oracles, rare and unknown levels, and what may come in."""

from itertools import permutations

import numpy as np
import pytest
from extras import pd, pl
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import CategoryGrouper, load, save
from skdeepcluster.datasets import make_category_pairs
from skdeepcluster.graph.category_grouper import MOST_COLUMNS, cooccurrence_graph

RNG = np.random.default_rng(0)


def pairs_of(matrix, repeats=3):
    """Rows of two levels, as often as a matrix of counts says."""
    rows = [
        [f"a{i}", f"b{j}"]
        for i, row in enumerate(matrix)
        for j in range(len(row))
        if row[j]
    ]
    return np.array(rows * repeats, dtype=object)


BLOCKS = pairs_of([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])


def test_modularity_of_a_small_matrix_is_barbers():
    X = pairs_of([[1, 1, 0], [1, 1, 0], [0, 0, 1]], repeats=5)
    model = CategoryGrouper(random_state=0).fit(X)
    assert model.modularity_ == pytest.approx(0.32)
    assert_array_equal(model.transform([["a0", "b1"], ["a2", "b2"]]), [[0, 0], [1, 1]])


def test_two_blocks_are_two_groups():
    model = CategoryGrouper(random_state=0).fit(BLOCKS)
    assert model.modularity_ == pytest.approx(0.5)
    assert model.n_groups_ == 2
    for levels, groups in zip(model.categories_, model.groups_, strict=True):
        found = dict(zip(levels, groups, strict=True))
        side = levels[0][0]
        assert found[f"{side}0"] == found[f"{side}1"] != found[f"{side}2"]
        assert found[f"{side}2"] == found[f"{side}3"]


def test_hidden_groups_are_found():
    table = make_category_pairs(8000, n_levels=(400, 150), random_state=0)
    model = CategoryGrouper(random_state=0).fit(table.data)
    codes = model.transform(table.data)
    for j in range(2):
        truth = table.groups[j][table.data[:, j]]
        assert adjusted_rand_score(truth, codes[:, j]) > 0.8


def test_order_of_rows_and_their_number_change_nothing():
    table = make_category_pairs(4000, n_levels=(200, 90), random_state=0)
    model = CategoryGrouper(random_state=0, min_frequency=1)
    codes = model.fit_transform(table.data)
    order = np.random.default_rng(0).permutation(4000)
    assert_array_equal(model.fit_transform(table.data[order]), codes[order])
    doubled = model.fit(np.vstack([table.data, table.data]))
    big = doubled.transform(table.data)
    assert adjusted_rand_score(codes[:, 0], big[:, 0]) == 1


def test_names_of_levels_change_nothing():
    renamed = BLOCKS.copy()
    renamed[:, 0] = [f"z{9 - int(name[1])}" for name in BLOCKS[:, 0]]
    first, second = (CategoryGrouper().fit_transform(X) for X in (BLOCKS, renamed))
    assert adjusted_rand_score(first[:, 0], second[:, 0]) == 1
    assert adjusted_rand_score(first[:, 1], second[:, 1]) == 1


@pytest.mark.parametrize("n_groups", [2, 4, 8, 16])
def test_number_of_groups_can_be_asked_for(n_groups):
    table = make_category_pairs(8000, n_levels=(400, 150), random_state=0)
    model = CategoryGrouper(n_groups=n_groups, random_state=0).fit(table.data)
    counts = np.bincount(model.transform(table.data).ravel())
    n_found = np.sum(counts[: model.n_groups_] >= 0.01 * counts.sum())
    # Not every number is there at some resolution.
    assert abs(n_found - n_groups) <= (2 if n_groups == 16 else 0)
    assert (model.resolution_ == 1.0) == (n_groups == 8)


@pytest.mark.parametrize("rare", ["unknown", "hash", "own"])
def test_rare_and_unknown_levels(rare):
    X = np.vstack([BLOCKS, [["a9", "b9"], ["a0", "b8"]]])
    model = CategoryGrouper(rare=rare, hash_size=4, random_state=0).fit(X)
    codes = model.transform(
        [["a9", "b8"], ["new", "b0"], [None, "b0"], ["other", "b9"]]
    )
    known = model.transform([["a0", "b0"]])[0, 1]
    assert_array_equal(codes[1:3, 1], known)
    if rare == "own":
        # a9 and b9 have only each other.
        assert codes[0, 0] == codes[3, 1] == 2
        assert codes[0, 1] == known
        assert_array_equal(codes[1:, 0], model.n_groups_)
        return
    assert model.n_groups_ == 2
    last = 2 if rare == "unknown" else 5
    assert np.all((codes[:, 0] >= 2) & (codes[:, 0] <= last))
    assert codes[2, 0] == 2
    again = model.transform([["new", "b0"], ["a9", "b1"]])
    assert_array_equal(again[:, 0], codes[[1, 0], 0])


def test_only_the_columns_asked_for():
    frame = pd.DataFrame(BLOCKS, columns=["left", "right"]).assign(n=1.5)
    model = CategoryGrouper(columns=["right", "left"], random_state=0).fit(frame)
    assert list(model.get_feature_names_out()) == ["right", "left"]
    both = CategoryGrouper(random_state=0).fit(frame[["left", "right"]])
    assert_array_equal(
        model.transform(frame), both.transform(frame[["left", "right"]])[:, ::-1]
    )
    with pytest.raises(ValueError, match="no column 'middle'"):
        CategoryGrouper(columns=["middle"]).fit(frame)


def test_three_columns_and_kinds_of_cells():
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 600)
    frame = pd.DataFrame(
        {
            "shop": [
                f"s{g}{i}" for g, i in zip(group, rng.integers(0, 9, 600), strict=True)
            ],
            "zip": 100 * group + rng.integers(0, 9, 600),
            "kind": pd.Categorical.from_codes(
                group * 2 + rng.integers(0, 2, 600), list("uvwxyz")
            ),
        }
    )
    model = CategoryGrouper(random_state=0).fit(frame)
    codes = np.asarray(model.transform(frame))
    for column in codes.T:
        assert adjusted_rand_score(group, column) == 1
    polars = pl.DataFrame({name: frame[name].astype(str).tolist() for name in frame})
    as_text = CategoryGrouper(random_state=0).fit_transform(polars)
    assert adjusted_rand_score(codes[:, 0], np.asarray(as_text)[:, 0]) == 1


def test_gaps_do_not_count():
    X = np.vstack([BLOCKS, [[None, "b0"], ["a0", None], [None, None]]])
    model = CategoryGrouper(random_state=0).fit(X)
    plain = CategoryGrouper(random_state=0).fit(BLOCKS)
    assert model.modularity_ == plain.modularity_
    assert_array_equal(model.transform(BLOCKS), plain.transform(BLOCKS))
    assert_array_equal(model.transform([[None, None]]), [[2, 2]])


def test_one_column_keeps_its_frequent_levels():
    X = np.repeat([["x"], ["y"], ["z"]], [9, 6, 1], axis=0)
    assert_array_equal(CategoryGrouper().fit_transform(X)[[0, 9, 15]], [[0], [1], [2]])


def test_numbers_are_levels_and_come_back_as_floats():
    X = np.array([[int(a[1]), int(b[1])] for a, b in BLOCKS])
    codes = CategoryGrouper(random_state=0).fit_transform(X)
    assert codes.dtype == np.int64
    assert_array_equal(codes, CategoryGrouper(random_state=0).fit_transform(BLOCKS))
    floats = CategoryGrouper(random_state=0).fit_transform(X.astype(np.float32))
    assert floats.dtype == np.float32
    assert_array_equal(floats, codes)


def test_words_where_numbers_were():
    model = CategoryGrouper().fit(np.arange(20).reshape(10, 2))
    with pytest.raises(ValueError, match="held numbers at fit"):
        model.transform([["x", "y"]])


def test_file(tmp_path):
    model = CategoryGrouper(rare="hash", random_state=0).fit(BLOCKS)
    save(model, tmp_path / "a.model")
    rows = [["a1", "b3"], ["new", "b0"]]
    assert_array_equal(
        load(tmp_path / "a.model").transform(rows), model.transform(rows)
    )


def test_levels_are_counted_in_pairs_of_columns():
    codes = RNG.integers(-1, 4, size=(60, 3))
    starts = np.array([0, 4, 8, 12])
    expected = np.zeros((12, 12))
    for row in codes:
        for i, j in permutations(range(3), 2):
            if min(row[i], row[j]) >= 0:
                expected[starts[i] + row[i], starts[j] + row[j]] += 1 / 3
    assert_allclose(cooccurrence_graph(codes, starts).toarray(), expected)


def test_more_columns_than_can_be_compared_are_refused():
    X = RNG.integers(2, size=(10, MOST_COLUMNS + 1))
    with pytest.raises(ValueError, match="1001 columns are too many: name at most"):
        CategoryGrouper().fit(X)
    few = CategoryGrouper(columns=[*range(5)], random_state=0).fit(X)
    assert len(few.groups_) == 5
