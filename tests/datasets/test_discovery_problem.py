"""Classes are hidden as asked, and the truth stays what it was."""

import numpy as np
import pytest
from extras import pd
from hypothesis import given
from hypothesis import strategies as st

from skdeepcluster._labels import PartialLabels
from skdeepcluster.datasets import make_discovery_problem

Y = np.repeat([0, 1, 2, 5], [4, 1, 6, 3])
X = np.arange(len(Y), dtype=float)[:, np.newaxis]


def test_known_classes_keep_all_labels():
    problem = make_discovery_problem(X, Y, known=[0, 5])
    np.testing.assert_array_equal(problem.target, np.where(Y % 5, -1, Y))
    np.testing.assert_array_equal(problem.truth, Y)
    np.testing.assert_array_equal(problem.known_classes, [0, 5])
    np.testing.assert_array_equal(problem.novel_classes, [1, 2])
    assert problem.data is X


@given(
    known=st.integers(0, 4),
    fraction=st.floats(0.01, 1),
    seed=st.integers(0, 2**31),
)
def test_what_is_labeled(known, fraction, seed):
    problem = make_discovery_problem(
        X, Y, known=known, labeled_fraction=fraction, random_state=seed
    )
    assert len(problem.known_classes) == known
    labeled = problem.target != -1
    np.testing.assert_array_equal(problem.target[labeled], Y[labeled])
    for name in problem.known_classes:
        n_rows = np.count_nonzero(np.equal(Y, name))
        n_labeled = np.count_nonzero(np.equal(problem.target, name))
        assert n_labeled == max(1, round(fraction * n_rows))
    assert not np.isin(Y[labeled], problem.novel_classes).any()


def test_half_of_the_classes_are_known_by_default():
    assert len(make_discovery_problem(X, Y, random_state=0).known_classes) == 2


def test_the_seed_decides():
    first, second, other = (
        make_discovery_problem(X, Y, labeled_fraction=0.5, random_state=seed).target
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_names_are_hidden_by_none():
    names = np.array(list("abcdef"))[Y]
    X_out, target = make_discovery_problem(X, names, known=["a"], return_X_y=True)
    assert X_out is X
    np.testing.assert_array_equal(target, np.where(Y == 0, "a", None))
    known = PartialLabels(target, X)
    np.testing.assert_array_equal(known.classes, ["a"])


def test_frames():
    frame = pd.DataFrame(X, columns=["a"])
    problem = make_discovery_problem(frame, pd.Series(Y), known=1, random_state=0)
    assert problem.data is frame


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"known": [0, 3]}, "known holds 3, which is no class of y: 0, 1, 2, 5"),
        ({"known": 5}, "known=5 is more than the 4 classes"),
        ({"known": 1.5}, "'known' parameter"),
        ({"labeled_fraction": 0.0}, "'labeled_fraction' parameter"),
        ({"y": np.where(Y == 1, -1, Y)}, "1 rows of y have no class"),
        ({"y": Y[1:]}, "inconsistent numbers of samples"),
    ],
    ids=str,
)
def test_bad_problems(params, message):
    with pytest.raises(ValueError, match=message):
        make_discovery_problem(**({"X": X, "y": Y} | params))
