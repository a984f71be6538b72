"""The vote of partitions against slow references, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_wine, make_blobs
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KNeighborsClassifier

from skdeepcluster import PPP, AutoCluster, load, save
from skdeepcluster.model_selection import _partition_vote, auto_cluster
from skdeepcluster.model_selection._partition_vote import (
    FAMILIES,
    N_NEIGHBORS,
    _family_weights,
    _scores,
    _shared_neighbors,
    hold_vote,
    pairwise_agreement,
)
from skdeepcluster.model_selection.auto_cluster import LITTLE_AGREEMENT

RNG = np.random.default_rng(0)
WINE, CULTIVAR = load_wine(return_X_y=True)


@pytest.fixture(scope="module")
def ballot():
    rows = np.unique(WINE, axis=0)
    return hold_vote(rows, np.ones(len(rows)), PPP().fit(rows).labels_, 0), rows


@settings(deadline=None)
@given(arrays(np.int64, (4, 30), elements=st.integers(0, 5)))
def test_agreement_is_the_adjusted_rand_index(partitions):
    partitions = np.array(
        [np.unique(labels, return_inverse=True)[1] for labels in partitions]
    )
    expected = [[adjusted_rand_score(a, b) for b in partitions] for a in partitions]
    assert_allclose(pairwise_agreement(partitions), expected, atol=1e-12)


def test_scores_are_weighted_means_over_the_others():
    families = ["communities", "communities", "shared", "ppp"]
    partitions = RNG.integers(0, 3, size=(4, 50))
    weights = _family_weights(families)
    assert_allclose(weights, [0.5, 0.5, 0.5, 1])
    found = _scores(partitions, weights)
    for i in range(4):
        others = [j for j in range(4) if j != i]
        indices = [adjusted_rand_score(partitions[i], partitions[j]) for j in others]
        assert found[i] == pytest.approx(np.average(indices, weights=weights[others]))


def test_shared_neighbors_are_counted():
    near = np.array([RNG.choice(39, 9, replace=False) for _ in range(40)])
    near += near >= np.arange(40)[:, None]
    found = _shared_neighbors(near).toarray()
    for i in range(40):
        for j in range(40):
            common = len(set(near[i]) & set(near[j]))
            share = common / (18 - common)
            kept = i != j and share >= 1 / 15
            assert found[i, j] == pytest.approx(share if kept else 0)


def test_what_is_on_the_ballot(ballot):
    found, rows = ballot
    assert found.partitions.shape == (36 + 8 + 1, len(rows))
    assert list(dict.fromkeys(found.families)) == list(FAMILIES)
    assert_array_equal(found.partitions.max(axis=1) + 1, found.n_clusters)
    assert_array_equal(found.scores == -1, found.n_clusters == 1)
    for family in ("communities", "shared", "edges"):
        numbers = found.n_clusters[found.family(family)]
        assert numbers[0] < numbers[-1]
        assert numbers[-1] >= 5


def test_new_rows_are_labelled_by_the_nearest_fitted_ones(ballot):
    found, rows = ballot
    best = int(found.scores.argmax())
    model = found.neighbor_labels(best)
    assert_array_equal(model.predict(rows), found.partitions[best])
    fresh = rows[:40] + 0.05 * rows.std(axis=0) * RNG.normal(size=(40, rows.shape[1]))
    peer = KNeighborsClassifier(N_NEIGHBORS, weights="distance")
    peer.fit(found.inputs, found.partitions[best])
    expected = peer.predict_proba(found.space.transform(fresh))
    assert_allclose(model.predict_proba(fresh), expected, atol=1e-9)
    alone = np.vstack([model.predict_proba(row[None]) for row in fresh])
    assert_array_equal(alone, model.predict_proba(fresh))


def test_images_are_grouped_better_than_by_density_alone():
    digits, digit = load_digits(return_X_y=True)
    model = AutoCluster(random_state=0).fit(digits[:500])
    assert set(model.leaderboard_["name"]) == set(FAMILIES)
    assert model.best_score_ == model.leaderboard_["agreement"].max()
    alone = PPP().fit(digits[:500])
    agreement = [
        adjusted_rand_score(digit[:500], fitted.labels_) for fitted in (model, alone)
    ]
    assert agreement[0] > agreement[1]


def test_order_units_and_copies_of_rows_change_nothing():
    model = AutoCluster(random_state=0).fit(WINE)
    assert adjusted_rand_score(CULTIVAR, model.labels_) > 0.8
    order = RNG.permutation(len(WINE))
    assert_array_equal(
        AutoCluster(random_state=0).fit(WINE[order]).labels_, model.labels_[order]
    )
    units = 2.0 ** RNG.integers(-40, 40, size=WINE.shape[1])
    other = AutoCluster(random_state=0).fit(WINE * units)
    assert adjusted_rand_score(model.labels_, other.labels_) == 1
    assert_array_equal(model.predict(WINE), model.labels_)


def one_dominates():
    """A cube of many rows, and four small groups five units from its middle."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(4, 6))
    means *= 5 / np.linalg.norm(means, axis=1, keepdims=True)
    small = np.repeat(means, 30, axis=0) + 0.5 * rng.normal(size=(120, 6))
    X = np.vstack([rng.uniform(-1.7, 1.7, (1500, 6)), small])
    return X, np.r_[np.zeros(1500, dtype=int), np.repeat(np.arange(1, 5), 30)]


def test_ppp_wins_where_it_sees_one_cluster_dominate(recwarn):
    X, groups = one_dominates()
    model = AutoCluster(random_state=0).fit(X)
    board = model.leaderboard_
    assert model.best_name_ == board["name"][0] == "ppp"
    assert model.best_score_ < min(board["score"].max(), LITTLE_AGREEMENT)
    # That partitions disagree is no sign of a table without groups here.
    assert not recwarn
    assert_array_equal(model.labels_, PPP().fit_predict(X))
    assert adjusted_rand_score(groups, model.labels_) > 0.95


@pytest.mark.parametrize(
    ("sizes", "seen"),
    [((41, 30, 29), True), ((40, 30, 30), False), ((80, 20), False), ((100,), False)],
)
def test_what_dominates(ballot, sizes, seen):
    labels = np.arange(len(sizes))
    changed = ballot[0]._replace(families=["edges", "ppp"], partitions=[None, labels])
    rows = np.zeros((len(sizes), 200))
    assert_array_equal(changed.preferred(rows, np.array(sizes)), [False, seen])
    assert not changed.preferred(np.zeros((len(sizes), 201)), np.array(sizes)).any()


def test_the_elected_is_sound_then_preferred_then_of_the_largest_score(ballot):
    changed = ballot[0]._replace(scores=np.array([0.3, 0.5, 0.5, 0.9]))
    none, all_of_them = np.zeros(4, dtype=bool), np.ones(4, dtype=bool)
    assert changed.elected(all_of_them, none) == 3
    assert changed.elected(np.array([True, True, True, False]), none) == 1
    assert changed.elected(all_of_them, np.array([True, False, False, False])) == 0


def test_what_dominates_must_keep_the_bounds():
    X, _ = one_dominates()
    n_found = PPP().fit(X).n_clusters_
    model = AutoCluster(random_state=0, max_clusters=n_found - 1).fit(X)
    assert model.n_clusters_ < n_found


def test_levels_from_coarse_to_fine(tmp_path):
    model = AutoCluster(random_state=0).fit(WINE)
    numbers = [level["n_clusters"] for level in model.levels_]
    assert numbers == sorted(set(numbers))
    assert max(level["score"] for level in model.levels_) == model.best_score_
    for level in model.levels_:
        labels = model.labels_at(level["n_clusters"])
        assert len(np.unique(labels)) == level["n_clusters"]
        sizes = np.bincount(labels)
        assert (np.diff(sizes) <= 0).all()
    assert_array_equal(model.labels_at(model.n_clusters_), model.labels_)
    for number in (0, 999):
        with pytest.raises(ValueError, match=f"should be between 1 and {numbers[-1]}"):
            model.labels_at(number)
    save(model, tmp_path / "voted.model")
    again = load(tmp_path / "voted.model")
    assert_array_equal(again.predict(WINE), model.labels_)
    assert_array_equal(again.labels_at(numbers[0]), model.labels_at(numbers[0]))


def test_numbers_without_a_partition_join_clusters_of_the_next():
    model = AutoCluster(random_state=0).fit(WINE)
    numbers = [level["n_clusters"] for level in model.levels_]
    missing = {*range(1, numbers[-1])} - {*numbers}
    assert min(missing) < model.n_clusters_ < max(missing)
    for number in missing:
        labels = model.labels_at(number)
        own = number < model.n_clusters_
        finer = (
            model.labels_
            if own
            else model.labels_at(min(n for n in numbers if n > number))
        )
        assert labels.max() + 1 == number
        pairs = np.unique(np.stack([finer, labels]), axis=1)
        assert pairs.shape[1] == finer.max() + 1


def test_no_levels_without_a_vote():
    blobs, _ = make_blobs(150, 2, centers=4, cluster_std=0.5, random_state=3)
    model = AutoCluster(random_state=0).fit(blobs)
    assert not hasattr(model, "labels_at")
    assert not hasattr(model, "levels_")


def test_more_rows_than_take_part():
    rows = np.repeat(WINE, 2, axis=0) + RNG.normal(0, 1e-3, (2 * len(WINE), 13))
    model = AutoCluster(random_state=0, max_samples=200).fit(rows)
    assert adjusted_rand_score(np.repeat(CULTIVAR, 2), model.labels_) > 0.7
    assert_array_equal(model.predict(rows), model.labels_)
    assert len(model.labels_at(model.levels_[0]["n_clusters"])) == len(rows)


def test_many_clusters_bring_more_rows_to_the_vote(monkeypatch):
    X, groups = make_blobs(900, 5, centers=6, cluster_std=0.5, random_state=0)
    monkeypatch.setattr(auto_cluster, "SOME_ROWS", 200)
    monkeypatch.setattr(auto_cluster, "MANY_ROWS", 600)

    def n_voted(**parameters):
        model = AutoCluster(random_state=0, **parameters).fit(X)
        assert adjusted_rand_score(groups, model.labels_) == 1
        assert_array_equal(model.predict(X), model.labels_)
        return len(model.best_estimator_.inputs)

    assert n_voted() == 600
    assert n_voted(max_samples=200) == 200
    monkeypatch.setattr(auto_cluster, "FEW_ROWS_EACH", 200 // 6)
    assert n_voted() == 200


def test_few_rows_are_laid_out_for_all(monkeypatch):
    X, groups = make_blobs(700, 5, centers=4, cluster_std=0.5, random_state=0)
    monkeypatch.setattr(_partition_vote, "MAX_DENSITY_ROWS", 300)
    fitted = []
    fit = _partition_vote.HDBSCAN.fit
    monkeypatch.setattr(
        _partition_vote.HDBSCAN,
        "fit",
        lambda self, layout: fitted.append(len(layout)) or fit(self, layout),
    )
    ballot = hold_vote(X, np.ones(len(X)), groups, 0)
    assert fitted == [300] * len(ballot.family("density"))
    for index in ballot.family("density"):
        assert adjusted_rand_score(groups, ballot.partitions[index]) == 1


def test_bounds_rank_partitions_outside_behind_the_others():
    model = AutoCluster(random_state=0, min_clusters=5, max_clusters=6).fit(WINE)
    assert model.n_clusters_ in (5, 6)
    inside = model.leaderboard_["n_clusters"].between(5, 6)
    assert inside.is_monotonic_decreasing
