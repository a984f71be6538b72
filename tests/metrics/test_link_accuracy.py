"""Share of links that a partition keeps."""

import pytest

from skdeepcluster.metrics import link_accuracy


def test_links_are_counted():
    labels = ["a", "a", "b", "c"]
    assert link_accuracy(labels) == 1.0
    assert link_accuracy(labels, [(0, 1)], [(0, 1), (2, 3), (3, 0)]) == 0.75
    assert link_accuracy([0, 1], [(0, 1)]) == 0.0


@pytest.mark.parametrize(
    "bad", [[(0, 4)], [(-1, 0)], [(0.0, 1.0)], [1, 2], [(1, 2, 3)]]
)
def test_bad_links(bad):
    for kind in ("must_link", "cannot_link"):
        with pytest.raises(ValueError, match=kind):
            link_accuracy([0, 1, 1, 2], **{kind: bad})
