"""Estimators of the room: their defaults are the documented ones, and allowed."""

import ast

import pytest
from numpydoc.docscrape import ClassDoc

from skdeepcluster import (
    GPC,
    PBN,
    NCDKMeans,
    NCDSpectralClustering,
    SemiSupervisedGaussianMixture,
    SemiSupervisedKMeans,
    TabularNCD,
    TransductiveClassifier,
)

ESTIMATORS = [
    GPC,
    PBN,
    NCDKMeans,
    NCDSpectralClustering,
    SemiSupervisedGaussianMixture,
    SemiSupervisedKMeans,
    TabularNCD,
    TransductiveClassifier,
]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_defaults_are_the_documented_ones(kind):
    documented = {}
    for parameter in ClassDoc(kind)["Parameters"]:
        _, _, default = parameter.type.rpartition("default=")
        documented[parameter.name] = ast.literal_eval(default)
    assert kind().get_params() == documented


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_defaults_are_allowed(kind):
    kind()._validate_params()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (TabularNCD, ["top_k", "supervised_weight", "pair_weight"]),
        (PBN, ["supervised_weight"]),
        (GPC, ["supervised_weight"]),
    ],
)
def test_a_share_is_at_most_all(kind, names):
    for name in names:
        for allowed in (0, 1):
            kind(**{name: allowed})._validate_params()
        for refused in (-0.01, 1.01):
            with pytest.raises(ValueError, match=f"'{name}' parameter"):
                kind(**{name: refused}).fit([[0.0], [1.0]], [0, -1])
