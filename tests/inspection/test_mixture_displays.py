"""Pictures of a MixedMixture."""

import pytest
from mixed_tables import frame

from skdeepcluster import MixedMixture
from skdeepcluster.inspection import SelectionDisplay, TreeDisplay


@pytest.fixture(scope="module")
def model():
    return MixedMixture().fit(frame(0)[0])


def test_path_is_drawn_against_the_number_of_clusters(model):
    display = SelectionDisplay.from_estimator(model)
    assert display.ax_.get_xlabel() == "n_clusters"
    assert display.ax_.get_ylabel().startswith("objective (nats)")
    ((k, objective),) = display.best_.get_offsets().tolist()
    assert k == model.n_clusters_
    assert objective == max(step["objective"] for step in model.path_)
    bound = SelectionDisplay.from_estimator(model, score_name="lower_bound")
    assert bound.scores.tolist() == [step["lower_bound"] for step in model.path_]


def test_path_has_one_parameter_and_two_scores(model):
    with pytest.raises(ValueError, match="no parameter 'alpha'"):
        SelectionDisplay.from_estimator(model, param_name="alpha")
    with pytest.raises(ValueError, match="no score 'bic'"):
        SelectionDisplay.from_estimator(model, score_name="bic")


def test_merges_are_drawn_as_a_tree_of_components(model):
    display = TreeDisplay.from_estimator(model)
    assert len(display.lines_) == len(model.merges_)
    assert display.ax_.get_xlabel() == "component"
    solid = [line.get_linestyle() == "-" for line in display.lines_]
    assert sum(solid) == model.path_[0]["n_clusters"] - model.n_clusters_
    boxes = TreeDisplay.from_estimator(model, kind="treemap")
    assert len(boxes.boxes_) == model.n_clusters_
