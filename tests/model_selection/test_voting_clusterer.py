"""The vote of several clusterers."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP, VotingClusterer
from skdeepcluster.metrics import clustering_accuracy


class Fixed(KMeans):
    """A clusterer whose labels are known beforehand, without predict for new rows."""

    predict = property()

    def __init__(self, labels=()):
        self.labels = labels

    def fit(self, X, y=None):
        self.labels_ = np.array(self.labels)
        return self


def fixed(*partitions):
    return [(f"m{i}", Fixed(labels)) for i, labels in enumerate(partitions)]


ROWS = np.arange(4.0)[:, np.newaxis]


@pytest.fixture(scope="module")
def blobs():
    centers = [[0, 0], [8, 0], [0, 8]]
    return make_blobs([40, 30, 20], centers=centers, random_state=0)


def test_equal_up_to_renaming():
    members = fixed([0, 0, 1, 2], [2, 2, 0, 1], [1, 1, 2, 0])
    model = VotingClusterer(members).fit(ROWS)
    assert model.agreement_.tolist() == [1, 1, 1, 1]
    assert model.coverage_ == 1
    assert (model.aligned_labels_ == model.labels_[:, np.newaxis]).all()


def test_three_partitions_by_hand():
    members = fixed([0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1])
    model = VotingClusterer(members, reassign=False).fit(ROWS)
    assert model.core_.tolist() == [True, False, False, True]
    assert model.labels_.tolist() == [0, -1, -1, 1]
    assert model.coverage_ == 0.5
    np.testing.assert_allclose(model.member_agreement_, [1, 1, 0.5])
    assert VotingClusterer(members, min_agreement=2 / 3).fit(ROWS).coverage_ == 1
    # Every row has a winner, be it with two of three votes.
    assert VotingClusterer(members).fit(ROWS).labels_.tolist() == [0, 0, 1, 1]


def test_order_of_the_members_does_not_matter(blobs):
    X = load_iris().data
    members = [
        ("a", KMeans(3)),
        ("b", GaussianMixture(3)),
        ("c", AgglomerativeClustering(4)),
    ]
    first = VotingClusterer(members, n_resamples=1, random_state=0).fit(X)
    second = VotingClusterer(members[::-1], n_resamples=1, random_state=0).fit(X)
    np.testing.assert_array_equal(first.labels_, second.labels_)
    np.testing.assert_array_equal(first.agreement_, second.agreement_)


def test_separate_groups_are_the_core(blobs):
    X, y = blobs
    model = VotingClusterer(n_clusters=3, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) == 1
    assert model.coverage_ == 1
    # The number is found where none is given.
    assert VotingClusterer(random_state=0).fit(X).n_clusters_ == 3
    new, _ = make_blobs([5, 5, 5], centers=[[0, 0], [8, 0], [0, 8]], random_state=1)
    assert len(set(model.predict(new).tolist())) == 3


def test_core_is_more_often_right():
    X, y = load_iris(return_X_y=True)
    model = VotingClusterer(n_clusters=3, random_state=0).fit(X)
    core = model.core_
    assert 0.4 < model.coverage_ < 1
    whole = clustering_accuracy(y, model.labels_)
    assert clustering_accuracy(y[core], model.labels_[core]) > whole


def test_n_clusters_is_set_where_it_can_be(blobs):
    X, _ = blobs
    members = [
        ("ppp", PPP()),
        ("mixture", make_pipeline(StandardScaler(), GaussianMixture())),
        ("density", DBSCAN(2.0)),
    ]
    model = VotingClusterer(members, n_clusters=2, random_state=0).fit(X)
    fitted = dict(model.estimators_)
    assert fitted["ppp"].max_clusters == 2
    assert fitted["mixture"][-1].n_components == 2
    assert len(set(fitted["density"].labels_.tolist())) == 3
    assert members[1][1][-1].n_components == 1


def test_noise_abstains(blobs):
    X = np.vstack([blobs[0], [[100.0, 100.0]]])
    members = [("kmeans", KMeans(3, n_init=10)), ("density", DBSCAN(2.0))]
    model = VotingClusterer(members, random_state=0).fit(X)
    # The outlier is a cluster to k-means, and nothing to the other.
    assert model.agreement_[-1] <= 0.5
    assert not model.core_[-1]
    assert model.aligned_labels_[-1].tolist()[1] == -1


def test_nobody_agrees():
    with pytest.warns(ConvergenceWarning, match="no row on which 100%"):
        model = VotingClusterer(
            fixed([-1, -1, -1, -1], [0, 0, 1, 1]), reassign=False
        ).fit(ROWS)
    assert model.labels_.tolist() == [-1, -1, -1, -1]
    assert model.agreement_.tolist() == [0.5, 0.5, 0.5, 0.5]
    with pytest.warns(ConvergenceWarning, match="no row on which 100%"):
        model = VotingClusterer(fixed([-1, -1, -1, -1])).fit(ROWS)
    # Without any vote the rows are one cluster.
    assert model.labels_.tolist() == [0, 0, 0, 0]


def test_coassociation_joins_what_members_put_together():
    rows = np.arange(6.0)[:, np.newaxis]
    # Two of three members keep the first four rows together, none the halves.
    members = fixed([0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 2], [0, 0, 1, 1, 2, 3])
    model = VotingClusterer(
        members, voting="coassociation", n_clusters=2, random_state=0
    ).fit(rows)
    assert model.labels_.tolist() == [0, 0, 0, 0, 1, 1]
    # The third member's second cluster is matched to none: it agrees with nothing.
    np.testing.assert_allclose(model.agreement_, [1, 1, 2 / 3, 2 / 3, 1, 1 / 3])
    np.testing.assert_array_equal(model.predict(rows), model.labels_)


def test_weights_decide():
    members = fixed([0, 0, 1, 1], [0, 1, 1, 1])
    heavy = VotingClusterer(members, weights=[1, 3]).fit(ROWS)
    assert heavy.labels_.tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(heavy.agreement_, [1, 0.75, 1, 1])


def test_bootstraps_vote_as_well(blobs):
    X, _ = blobs
    model = VotingClusterer(n_clusters=3, n_resamples=2, random_state=0).fit(X)
    assert model.aligned_labels_.shape == (90, 15)
    names = [name for name, _ in model.estimators_]
    assert names[5:7] == ["kmeans, bootstrap 1", "tied, bootstrap 1"]
    assert model.coverage_ == 1


def test_rows_beyond_max_samples_are_labelled(blobs):
    X, y = blobs
    model = VotingClusterer(n_clusters=3, max_samples=30, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.labels_) == 1
    assert len(model.agreement_) == len(X)


def test_n_jobs_changes_nothing():
    X = load_iris().data
    one, two = (
        VotingClusterer(n_clusters=3, n_jobs=n_jobs, random_state=0).fit(X)
        for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.labels_, two.labels_)


def test_member_that_fails_is_left_out(blobs):
    X, _ = blobs
    members = [("kmeans", KMeans(3)), ("bad", GaussianMixture(1000))]
    with pytest.warns(ConvergenceWarning, match="leaves a member out: bad: ValueError"):
        model = VotingClusterer(members, random_state=0).fit(X)
    assert [name for name, _ in model.estimators_] == ["kmeans"]
    with (
        pytest.warns(ConvergenceWarning, match="leaves a member out"),
        pytest.raises(ValueError, match="No member could be fitted; the last was bad"),
    ):
        VotingClusterer(members[1:]).fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"estimators": []}, "estimators is empty"),
        ({"estimators": [3]}, "The estimator 'int' has no fit: 3"),
        ({"estimators": [KMeans(2), KMeans(3)]}, "Several estimators are called"),
        ({"weights": [1, 1]}, "2 partitions|but there are 5"),
        ({"voting": "coassociation", "max_samples": 10**6}, "should be <= 20000"),
    ],
)
def test_clear_errors(blobs, parameters, message):
    with pytest.raises(ValueError, match=message):
        VotingClusterer(**({"n_clusters": 3} | parameters)).fit(blobs[0])
