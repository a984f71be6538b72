"""Fitted arrays that do not fit together are refused when a model is loaded."""

import json

import numpy as np
import pytest
from forgery import forge, members, npy
from sklearn.decomposition import PCA
from test_common import seeded, table

from skdeepcluster import (
    PPP,
    MixedMixture,
    NCDKMeans,
    NCDSpectralClustering,
    SDPKMeans,
    SemiSupervisedGaussianMixture,
    TableEncoder,
    load,
    save,
)
from skdeepcluster._fitted_state import check_arrays, check_indices
from skdeepcluster.persistence._schema import walk
from skdeepcluster.streaming import RowSummary

MODELS = [
    PPP(),
    RowSummary(),
    TableEncoder(reduce=2),
    NCDKMeans(),
    NCDSpectralClustering(),
    SemiSupervisedGaussianMixture(),
    MixedMixture(),
]


def array_of(path, ending):
    """Name of the member with the array at a path of the tree."""
    schema = json.loads(members(path)["schema.json"])
    found = {where: node["file"] for node, where in walk(schema, "") if "file" in node}
    return next(file for where, file in found.items() if where.endswith(ending))


def test_groups_out_of_range_are_refused(tmp_path):
    """They made a kernel write outside its array."""
    path = tmp_path / "a"
    model = PPP().fit(table())
    save(model, path)
    groups = model._density.groups
    name = array_of(path, f"._density[{model._density._fields.index('groups')}]")
    for wrong in (2**40, -1, len(model._density.centers)):
        array = groups.copy()
        array[0] = wrong
        forge(path, **{f"array{name.removesuffix('.npy')}": npy(array)})
        with pytest.raises(ValueError, match="groups of GroupDensity is out of range"):
            load(path)


def use(model):
    """Let a model see further rows, in every way that it offers."""
    for method in ("predict", "transform", "partial_fit"):
        if hasattr(model, method):
            getattr(model, method)(table(seed=5))
    if hasattr(model, "rows_"):
        model.merge(model)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("cut", ["columns", "rows", "dtype", "dimension"])
def test_any_one_array_cut_is_refused_or_harmless(model, cut, tmp_path):
    """A kernel that met arrays of other shapes would read beyond one of them."""
    path = tmp_path / "a"
    model = seeded(model).fit(table())
    save(model, path)
    contents = members(path)
    n_refused = 0
    for name, content in contents.items():
        if not name.endswith(".npy"):
            continue
        save(model, path)
        (path.with_suffix(".npy")).write_bytes(content)
        array = np.load(path.with_suffix(".npy"))
        if array.ndim == 0:
            continue
        if cut == "columns":
            array = array[..., :1]
        elif cut == "rows":
            array = array[:1]
        elif cut == "dtype":
            array = array.astype("U9")
        else:
            array = array[..., None]
        forge(path, **{f"array{name.removesuffix('.npy')}": npy(array)})
        try:
            use(load(path))
        except (ValueError, TypeError, IndexError, AttributeError):
            n_refused += 1
    assert n_refused


def test_encoder_of_another_width_is_noticed(tmp_path):
    """The encoder is another estimator: only its rows show what it became."""
    model = SDPKMeans(3, encoder=PCA(3), random_state=0).fit(table())
    model.encoder_.components_ = model.encoder_.components_[:2]
    model.encoder_.n_components_ = 2
    save(model, tmp_path / "a")
    with pytest.raises(ValueError, match="Rows of 2 and 3 columns"):
        load(tmp_path / "a").predict(table())


def test_letters_are_lengths():
    sizes, means = np.ones(3), np.zeros((3, 2))
    assert check_arrays("x", a=(sizes, "f", "k"), b=(means, "f", "kp")) == {
        "k": 3,
        "p": 2,
    }
    for wrong in (
        (sizes, "i", "k"),
        (sizes, "f", "kp"),
        ([1.0, 1.0, 1.0], "f", "k"),
        (np.ones(2), "f", "k"),
    ):
        with pytest.raises(ValueError, match="a of x is no array that was fitted"):
            check_arrays("x", b=(means, "f", "kp"), a=wrong)


@pytest.mark.parametrize("indices", [[3], [-1], [0.0]])
def test_indices_are_in_range(indices):
    check_indices("x", 3, a=np.array([0, 2]), b=np.zeros(0, int))
    with pytest.raises(ValueError, match="a of x"):
        check_indices("x", 3, a=np.array(indices))
