"""Which pairs are asked for, and what the answers do."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine, make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdeepcluster import ConstrainedKMeans
from skdeepcluster.exceptions import InfeasibleConstraintsError
from skdeepcluster.kernels.cover import cover_gains
from skdeepcluster.metrics import link_accuracy
from skdeepcluster.model_selection import ask_pairs

X, Y = load_iris(return_X_y=True)


def truth(i, j):
    return Y[i] == Y[j]


def test_gains_against_the_definition():
    rng = np.random.default_rng(0)
    rows, told = rng.normal(size=(30, 2)), [3, 17]
    squares = np.square(rows[:, None] - rows).sum(axis=2)
    nearest, weights = squares[told].min(axis=0), rng.random(30)
    slow = [np.sum(weights * np.maximum(nearest - squares[c], 0)) for c in range(30)]
    np.testing.assert_allclose(cover_gains(squares, nearest, weights), slow)


def test_first_question_is_about_the_medoid():
    model = ConstrainedKMeans(3, random_state=0).fit(X)
    (_, medoid), *_ = model.query_pairs(X, 1)
    away = np.square(X[:, None] - X).sum(axis=(1, 2))
    assert away[medoid] == pytest.approx(away.min())


def test_pairs_come_once_and_gains_fall():
    model = ConstrainedKMeans(3, random_state=0).fit(X)
    pairs, gains = model.query_pairs(X, 60, return_gain=True)
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == len(pairs)
    assert len(set(pairs[:, 0])) == len(pairs)
    assert gains.min() > 0
    # Doubt is computed anew: the gain may rise, but not the distances that it sums.
    assert gains[-1] < gains[0]
    np.testing.assert_array_equal(model.query_pairs(X, 10), pairs[:10])


def test_nothing_known_or_implied_is_asked_again():
    asked = set()

    def answer(i, j):
        pair = tuple(sorted((i, j)))
        assert pair not in asked
        asked.add(pair)
        return truth(i, j)

    model, must, cannot = ask_pairs(
        ConstrainedKMeans(3, random_state=0), X, answer, 120
    )
    assert len(must) + len(cannot) == len(asked)
    assert link_accuracy(model.labels_, must, cannot) == 1.0
    assert link_accuracy(Y, must, cannot) == 1.0
    # Rows that were accepted once are not asked about as new ones again.
    accepted = [pair[0] for pair in must.tolist()]
    assert len(set(accepted)) == len(accepted)


def test_refused_rows_are_asked_about_the_next_group():
    model = ConstrainedKMeans(3, random_state=0)
    # 0 and 50 are of different kinds, and so is 100 of that of 50.
    model.fit(X, cannot_link=[(0, 50), (50, 100)])
    assert {100, 0} in [set(pair) for pair in model.query_pairs(X, 3).tolist()]


def test_answers_go_on_where_they_ended():
    model = ConstrainedKMeans(3, random_state=0)
    whole, must, cannot = ask_pairs(model, X, truth, 40)
    _, first, second = ask_pairs(model, X, truth, 20)
    again, more, others = ask_pairs(
        model, X, truth, 20, must_link=first, cannot_link=second
    )
    np.testing.assert_array_equal(more, must)
    np.testing.assert_array_equal(others, cannot)
    np.testing.assert_array_equal(again.labels_, whole.labels_)


def test_rows_that_nobody_knows_are_left_alone():
    asked = []

    def answer(i, j):
        asked.append(i)
        return None if i % 3 == 0 else truth(i, j)

    _, must, cannot = ask_pairs(ConstrainedKMeans(3, random_state=0), X, answer, 40)
    unknown = [i for i in asked if i % 3 == 0]
    assert unknown
    assert len(set(unknown)) == len(unknown)
    assert len(must) + len(cannot) == len(asked) - len(unknown)
    # Those of a session before are left alone from the start, and count for nothing.
    before, asked = set(unknown), []
    ask_pairs(
        ConstrainedKMeans(3, random_state=0), X, answer, 10, skip_rows=sorted(before)
    )
    assert len(asked) == 10
    assert not before & set(asked)


def test_twenty_far_groups_are_all_found():
    rows, y = make_blobs(
        400, 10, centers=20, cluster_std=0.5, center_box=(-60, 60), random_state=0
    )
    model, must, cannot = ask_pairs(
        ConstrainedKMeans(20, random_state=0), rows, lambda i, j: y[i] == y[j], 210
    )
    assert len(must) + len(cannot) <= 210
    assert adjusted_rand_score(y, model.labels_) == 1.0


def test_right_answers_make_examples():
    model, *_ = ask_pairs(ConstrainedKMeans(3, random_state=0), X, truth, 100)
    assert adjusted_rand_score(Y, model.labels_) >= 0.95
    assert len(model.examples_) > 50
    np.testing.assert_array_equal(model.labels_[model.examples_], model.example_labels_)
    # A prototype that is nearest to its own row gives that its label.
    assert np.mean(model.predict(X) == model.labels_) > 0.9


def test_random_pairs_make_none():
    pairs = np.random.default_rng(0).integers(0, 150, (40, 2))
    same = Y[pairs[:, 0]] == Y[pairs[:, 1]]
    model = ConstrainedKMeans(3, random_state=0)
    model.fit(
        X,
        must_link=pairs[same],
        cannot_link=pairs[~same & (pairs[:, 0] != pairs[:, 1])],
    )
    assert len(model.examples_) == 0


def test_some_wrong_answers_do_little_harm_to_soft_links():
    Z, found = StandardScaler().fit_transform(X), []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        model = ConstrainedKMeans(3, link_strength=10, random_state=0)
        with pytest.warns(UserWarning, match="not kept"):
            model, *_ = ask_pairs(
                model, Z, lambda i, j, rng=rng: truth(i, j) ^ (rng.random() < 0.05), 100
            )
        found.append(adjusted_rand_score(Y, model.labels_))
    assert np.mean(found) >= 0.8


def test_one_example_of_each_cluster_is_its_center():
    Z, y = load_wine(return_X_y=True)
    Z = StandardScaler().fit_transform(Z)
    partial = np.full(len(y), -1)
    partial[[0, 70, 150]] = [0, 1, 2]
    told = ConstrainedKMeans(3, random_state=0).fit(Z, partial)
    plain = ConstrainedKMeans(3, random_state=0, examples=False).fit(Z, partial)
    np.testing.assert_array_equal(told.labels_, plain.labels_)
    assert sorted(told.examples_) == [0, 70, 150]


def test_examples_keep_limits():
    model, must, cannot = ask_pairs(
        ConstrainedKMeans(3, size_min=48, size_max=52, random_state=0), X, truth, 60
    )
    assert len(model.examples_)
    assert model.sizes_.min() >= 48
    assert model.sizes_.max() <= 52
    assert link_accuracy(model.labels_, must, cannot) == 1.0


def test_answers_survive_a_contradiction():
    rng = np.random.default_rng(1)
    with pytest.raises(InfeasibleConstraintsError, match="link_strength=3") as error:
        ask_pairs(
            ConstrainedKMeans(2, random_state=0), X, lambda i, j: rng.random() < 0.3
        )
    assert len(error.value.cannot_link)


@pytest.mark.parametrize("seed", range(2))
def test_fits_in_between_would_change_nothing(seed):
    rng = np.random.default_rng(seed)
    wrong = rng.random((len(X), len(X))) < 0.03 * seed

    def asked(**parameters):
        model = ConstrainedKMeans(3, random_state=0, **parameters)
        try:
            model, *pairs = ask_pairs(model, X, lambda i, j: truth(i, j) ^ wrong[i, j])
        except InfeasibleConstraintsError as error:
            return str(error), error.must_link.tolist(), error.cannot_link.tolist()
        return model.labels_.tolist(), *(part.tolist() for part in pairs)

    # With an encoder, even one that changes nothing, every batch is fitted.
    assert asked() == asked(encoder=FunctionTransformer())


@pytest.mark.parametrize(
    "bad", [{"n_pairs": 0}, {"n_pairs": 2.0}, {"batch_size": 0}, {"batch_size": True}]
)
def test_bad_numbers_of_pairs(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        ask_pairs(ConstrainedKMeans(3), X, truth, **bad)
    with pytest.raises(ValueError, match="n_pairs"):
        ConstrainedKMeans(3).fit(X).query_pairs(X, 0)


def test_other_rows_have_no_pairs():
    with pytest.raises(
        ValueError, match="X has 100 rows, but the table of fit had 150"
    ):
        ConstrainedKMeans(3).fit(X).query_pairs(X[:100])


def test_many_rows_are_drawn_from():
    rows, y = make_blobs(5000, 4, centers=5, random_state=0)
    model, *_ = ask_pairs(
        ConstrainedKMeans(5, random_state=0), rows, lambda i, j: y[i] == y[j], 15
    )
    assert model.labels_.shape == (5000,)
