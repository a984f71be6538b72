"""Where several clusterers agree."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import VotingClusterer
from skdeepcluster.inspection import AgreementDisplay, AgreementMatrixDisplay


@pytest.fixture(scope="module")
def vote(iris):
    return VotingClusterer(n_clusters=3, random_state=0).fit(iris)


class TestAgreement:
    def test_rows_are_coloured_by_agreement(self, iris, vote):
        display = AgreementDisplay.from_estimator(vote, iris)
        assert_allclose(display.scatter_.get_array(), np.sort(vote.agreement_))
        share = f"{np.mean(vote.agreement_ == 1):.0%}"
        assert display.ax_.get_title() == f"all agree on {share} of 150 rows"
        assert sorted(text.get_text() for text in display.ax_.texts) == ["0", "1", "2"]

    def test_rows_without_a_cluster_have_no_name(self, blobs):
        labels = np.where(blobs[:, 0] > 4, 0, -1)
        display = AgreementDisplay.from_predictions(blobs, labels, np.ones(len(blobs)))
        assert [text.get_text() for text in display.ax_.texts] == ["0"]
        nothing = AgreementDisplay.from_predictions(blobs, labels * 0 - 1, labels * 0)
        assert not nothing.ax_.texts

    def test_lengths_must_agree(self, blobs):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            AgreementDisplay.from_predictions(blobs, [0, 1], [1, 1])


class TestAgreementMatrix:
    def test_entries_are_adjusted_rand_indices(self, vote, tick_texts):
        display = AgreementMatrixDisplay.from_estimator(vote)
        names = [*dict(vote.estimators_), "vote"]
        assert tick_texts(display.ax_.yaxis) == names
        assert_allclose(np.diag(display.agreements), 1)
        assert_allclose(display.agreements, display.agreements.T)
        first = adjusted_rand_score(vote.aligned_labels_[:, 0], vote.labels_)
        assert (vote.aligned_labels_ >= 0).all()
        assert display.agreements[0, -1] == pytest.approx(first)
        assert len(display.ax_.texts) == 36

    def test_noise_is_a_row_alone(self):
        partitions = [[0, 0, -1, -1], [0, 0, 1, 2]]
        display = AgreementMatrixDisplay.from_predictions(partitions, ["a", "b"])
        assert display.agreements[0, 1] == 1

    def test_clear_errors(self):
        with pytest.raises(ValueError, match="2 partitions and 1 names"):
            AgreementMatrixDisplay.from_predictions([[0, 1], [0, 1]], ["a"])
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            AgreementMatrixDisplay.from_predictions([[0, 1], [0]], ["a", "b"])
