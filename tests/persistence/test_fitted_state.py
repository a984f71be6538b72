"""Fitted arrays that do not fit together are refused when a model is loaded."""

import json
from io import BytesIO

import numpy as np
import pytest
from estimators import estimator_classes, estimators
from forgery import forge, members, npy
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from test_common import seeded, table

from skdeepcluster import (
    ILASDP,
    PPP,
    ConstrainedKMeans,
    GraphClusterer,
    MixedMixture,
    NCDKMeans,
    NCDSpectralClustering,
    SDPKMeans,
    SemiSupervisedGaussianMixture,
    TableEncoder,
    TabularNCD,
    TransductiveClassifier,
    load,
    save,
)
from skdeepcluster._fitted_state import (
    PUBLISHED,
    check_arrays,
    check_indices,
    check_sparse,
)
from skdeepcluster.persistence._schema import walk
from skdeepcluster.streaming import RowSummary

MODELS = [
    PPP(),
    RowSummary(),
    TableEncoder(reduce=2),
    ConstrainedKMeans(3, metric="within"),
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


@pytest.mark.parametrize("name", ["_prototype_labels", "example_labels_", "examples_"])
def test_examples_out_of_range_are_refused(name, tmp_path):
    path = tmp_path / "a"
    y = np.full(60, -1)
    y[[0, 1, 2, 3]] = [0, 0, 1, 1]
    model = ConstrainedKMeans(3, random_state=0).fit(table(), y)
    assert len(model.examples_) == 4
    getattr(model, name)[0] = 60
    # What is loaded is checked in the same way.
    with pytest.raises(ValueError, match="ConstrainedKMeans is out of range"):
        save(model, path)


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


@pytest.mark.parametrize(
    ("model", "name"),
    [(ILASDP(2, random_state=0), "covariances_"), (TableEncoder(), "columns_")],
    ids=repr,
)
def test_attributes_that_earlier_versions_wrote_are_refused(model, name):
    """They are computed now: the model could not be used."""
    model = model.fit(table())
    vars(model)[name] = np.ones(2)
    with pytest.raises(ValueError, match=f"{name} of .* earlier version .* fit it"):
        model._check_state()


@pytest.mark.parametrize("indices", [[3], [-1], [0.0]])
def test_indices_are_in_range(indices):
    check_indices("x", 3, a=np.array([0, 2]), b=np.zeros(0, int))
    with pytest.raises(ValueError, match="a of x"):
        check_indices("x", 3, a=np.array(indices))


def first_of_each():
    """Every estimator as it comes."""
    return list({type(model): model for model in reversed(estimators())}.values())


def test_every_estimator_has_its_state_checked():
    for kind in estimator_classes():
        assert callable(getattr(kind, "_check_state", None)), kind
    for name in PUBLISHED:
        assert name.endswith("_")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("model", first_of_each(), ids=repr)
def test_published_arrays_are_of_the_table_that_was_fitted(model, tmp_path):
    """What passes after a fit does not pass when one array is turned."""
    model = seeded(model).fit(table())
    model._check_state()
    model.n_features_in_ = 0
    with pytest.raises(ValueError, match=f"n_features_in_ of {type(model).__name__}"):
        model._check_state()
    model.n_features_in_ = table().shape[1]
    for name in set(PUBLISHED) & set(vars(model)):
        value = getattr(model, name)
        setattr(model, name, value[..., None])
        with pytest.raises(ValueError, match=f"{name} of {type(model).__name__}"):
            model._check_state()
        setattr(model, name, value)


def sparse_parts():
    return csr_array(np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]))


@pytest.mark.parametrize(
    ("part", "place", "wrong", "message"),
    [
        ("indices", 0, 3, "indices of a is out of range"),
        ("indices", 1, -1, "indices of a is out of range"),
        ("indptr", 0, 1, "indptr of a is out of range"),
        ("indptr", 1, 4, "indptr of a is out of range"),
        ("indptr", -1, 2, "indptr of a is out of range"),
    ],
)
def test_parts_of_a_sparse_matrix_stay_within_it(part, place, wrong, message):
    matrix = sparse_parts()
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
    check_sparse("a", **parts)
    check_sparse("a", **parts, n_columns=3)
    with pytest.raises(ValueError, match="indices of a"):
        check_sparse("a", **parts, n_columns=2)
    parts[part] = parts[part].copy()
    parts[part][place] = wrong
    with pytest.raises(ValueError, match=message):
        check_sparse("a", **parts)


def forged_index(path, ending, wrong):
    """Put a number far out of range into an array of a model file."""
    name = array_of(path, ending)
    content = members(path)[name]
    array = np.load(BytesIO(content))
    array.reshape(-1)[-1] = wrong
    forge(path, **{f"array{name.removesuffix('.npy')}": npy(array)})


@pytest.mark.parametrize("wrong", [10**6, -2])
def test_training_of_networks_and_spectra_is_checked(wrong, tmp_path):
    """Rounds with another number of classes read the table by these numbers."""
    y = np.where(np.arange(len(table())) < 20, "known", None).astype(object)
    model = seeded(NCDSpectralClustering(), 2).fit(table(), y)
    for field in ("order", "starts", "places"):
        save(model, tmp_path / "a")
        forged_index(
            tmp_path / "a", f"_training[{model._training._fields.index(field)}]", wrong
        )
        with pytest.raises(ValueError, match=f"{field} of SpectralTraining"):
            load(tmp_path / "a")


@pytest.mark.parametrize("wrong", [10**6, -2])
@pytest.mark.parametrize("field", ["order", "classes", "outputs"])
def test_training_of_a_network_is_checked(field, wrong, tmp_path):
    y = np.where(np.arange(len(table())) < 20, "known", None).astype(object)
    model = seeded(TabularNCD(max_epochs=1), 2).fit(table(), y)
    save(model, tmp_path / "a")
    forged_index(
        tmp_path / "a", f"_training[{model._training._fields.index(field)}]", wrong
    )
    with pytest.raises(ValueError, match=f"{field} of NetworkTraining"):
        load(tmp_path / "a")


@pytest.mark.parametrize("part", ["indices", "indptr"])
def test_links_of_a_classifier_and_of_a_graph_stay_within_them(part, tmp_path):
    """scipy's products follow such numbers without looking at them."""
    y = np.where(np.arange(60) % 20, None, np.arange(60) % 3).astype(object)
    classifier = TransductiveClassifier().fit(table(), y)
    save(classifier, tmp_path / "a")
    forged_index(
        tmp_path / "a", f"_graph[{classifier._graph._fields.index(part)}]", 2**30
    )
    with pytest.raises(ValueError, match=f"{part} of SparseParts is out of range"):
        load(tmp_path / "a")
    clusterer = GraphClusterer().fit(table())
    save(clusterer, tmp_path / "a")
    forged_index(tmp_path / "a", f"_graph[{int(part == 'indices')}]", 2**30)
    with pytest.raises(ValueError, match=f"{part} of GraphClusterer is out of range"):
        load(tmp_path / "a")
