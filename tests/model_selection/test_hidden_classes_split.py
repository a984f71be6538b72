"""Known classes that are hidden: which, and what is left of the labels."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdeepcluster.model_selection import HiddenClassesSplit

X = np.zeros((160, 1))
y = np.arange(160) % 8
y[y > 5] = -1


@pytest.mark.parametrize("n_hidden", ["auto", 1, 4])
def test_hidden_rows_lose_their_label_and_nothing_else_changes(n_hidden):
    splits = list(HiddenClassesSplit(n_hidden, random_state=0).split(X, y))
    assert len(splits) == 5
    for y_masked, rows, hidden in splits:
        assert len(hidden) == (3 if n_hidden == "auto" else n_hidden)
        assert_array_equal(rows, np.flatnonzero(np.isin(y, hidden)))
        assert_array_equal(y_masked, np.where(np.isin(y, hidden), -1, y))
    assert len({tuple(hidden) for _, _, hidden in splits}) == 5


def test_as_many_splits_as_there_are_sets_of_classes():
    split = HiddenClassesSplit(2, n_splits=50, random_state=0)
    assert split.get_n_splits(X, y) == len(list(split.split(X, y))) == 15
    assert repr(split) == "HiddenClassesSplit(2, n_splits=50)"
    # Too many sets to write down: drawn one by one, still different.
    many = np.arange(60)
    split = HiddenClassesSplit(n_splits=20, random_state=0)
    hidden = {tuple(h) for _, _, h in split.split(many.reshape(-1, 1), many)}
    assert split.get_n_splits(many.reshape(-1, 1), many) == len(hidden) == 20
    assert {len(codes) for codes in hidden} == {30}


def test_the_seed_decides():
    def hidden(seed):
        split = HiddenClassesSplit(random_state=seed)
        return [tuple(classes) for _, _, classes in split.split(X, y)]

    assert hidden(0) == hidden(0) != hidden(1)


def test_named_classes():
    names = np.array(list("abcdef"), dtype=object)
    named = np.where(y < 0, None, names[y])
    for y_masked, rows, hidden in HiddenClassesSplit(random_state=0).split(X, named):
        is_hidden = np.isin(named, hidden)
        assert_array_equal(rows, np.flatnonzero(is_hidden))
        assert_array_equal(y_masked, np.where(is_hidden, None, named))


@pytest.mark.parametrize(("n_hidden", "least"), [("auto", 4), (3, 4)])
def test_too_few_known_classes_are_an_error(n_hidden, least):
    split = HiddenClassesSplit(n_hidden)
    few = np.where(y < 3, y, -1)
    with pytest.raises(ValueError, match=f"3 known classes; .* takes {least}"):
        next(split.split(X, few))
    with pytest.raises(ValueError, match="3 known classes"):
        split.get_n_splits(X, few)
