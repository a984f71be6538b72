"""What can be saved, what is refused, and what a file may not do."""

import functools
import json
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from estimators import Rotation
from forgery import forge, forge_tree, forge_value, members, npy
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import Birch, KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA, KernelPCA
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import Bunch
from skorch.callbacks import Callback, EarlyStopping
from test_common import table

import skdeepcluster
from skdeepcluster import PPP, TELL, AutoEncoder, load, save
from skdeepcluster.persistence._allowed import is_allowed


class Holder(BaseEstimator):
    """Holds one thing."""

    def __init__(self, thing=None):
        self.thing = thing


def doubled(X):
    return 2 * X


class Doubling(TransformerMixin, BaseEstimator):
    """A transformer of somebody's own."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return doubled(X)


class Counter(Callback):
    """A callback of somebody's own."""

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs_ = getattr(self, "n_epochs_", 0) + 1


def mixed_frame():
    frame = pd.DataFrame(table(), columns=list("abcd"))
    frame["kind"] = np.where(np.arange(60) % 3, "x", "y")
    frame.loc[7, "kind"], frame.loc[4, "a"] = None, np.nan
    return frame


def there_and_back(model, path, trusted=()):
    """Save, load and save again; the two files are the same."""
    save(model, path, trusted=trusted)
    again = load(path, trusted=trusted)
    content = path.read_bytes()
    save(again, path, trusted=trusted)
    assert path.read_bytes() == content
    return again


def said(model, X):
    method = model.predict if hasattr(model, "predict") else model.transform
    values = method(X)
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


def same_everywhere(value):
    """Name a case without addresses, which differ from process to process."""
    return re.sub(r" at 0x\w+", "", repr(value))


FRAME_MODELS = [
    make_pipeline(
        ColumnTransformer(
            [
                ("n", make_pipeline(SimpleImputer(), RobustScaler()), list("abcd")),
                ("c", OneHotEncoder(min_frequency=2, sparse_output=False), ["kind"]),
            ]
        ),
        AutoEncoder(2, hidden_layer_sizes=(4,), max_epochs=3, n_iter_no_change=None),
        TELL(3, random_state=0),
    ),
    ColumnTransformer(
        [
            ("n", KNNImputer(), make_column_selector(dtype_include=float)),
            (
                "o",
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"), OrdinalEncoder()
                ),
                ["kind"],
            ),
        ]
    ).set_output(transform="pandas"),
    ColumnTransformer(
        [("c", OneHotEncoder(), ["kind"]), ("drop", "drop", ["a"])],
        remainder=StandardScaler(),
    ),
]
NUMBER_MODELS = [
    make_pipeline(StandardScaler(), PPP(encoder=PCA(2))),
    make_pipeline(FunctionTransformer(np.log1p), MinMaxScaler()),
    FeatureUnion([("p", PCA(2)), ("v", VarianceThreshold())]),
    KernelPCA(2, kernel="rbf"),
    PowerTransformer(),
    QuantileTransformer(n_quantiles=20),
    KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
    KMeans(3, n_init=1, random_state=np.random.RandomState(3)),
    GaussianMixture(2, random_state=0),
]


@pytest.mark.parametrize("model", FRAME_MODELS, ids=same_everywhere)
def test_models_of_frames(model, tmp_path):
    frame = mixed_frame()
    model.fit(frame)
    again = there_and_back(model, tmp_path / "a")
    np.testing.assert_array_equal(said(model, frame), said(again, frame))
    with pytest.raises(ValueError, match=r"columns are missing|missing: \{'kind'\}"):
        said(again, frame.drop(columns="kind"))


@pytest.mark.parametrize("model", NUMBER_MODELS, ids=same_everywhere)
def test_models_of_numbers(model, tmp_path):
    X = np.abs(table())
    model.fit(X)
    again = there_and_back(model, tmp_path / "a")
    np.testing.assert_array_equal(said(model, X), said(again, X), strict=True)


def test_routed_metadata_comes_back(tmp_path):
    with config_context(enable_metadata_routing=True):
        model = TELL(3).set_fit_request(sample_weight=True)
    again = there_and_back(model, tmp_path / "a")
    assert again.get_metadata_routing().fit.requests == {"sample_weight": True}


@pytest.mark.parametrize(
    "thing",
    [
        None,
        -0.0,
        float("nan"),
        float("-inf"),
        2**90,
        "\udc80 é \0",
        [1, [2.5, (3, None)]],
        {"a": {2}, 1: [4]},
        {1.5: None, float("inf"): True},
        slice(1, None),
        np.float32(0.1),
        np.datetime64("2024-01-01"),
        np.dtype("float32"),
        np.dtype(object),
        np.int8,
        np.ones(0),
        np.array(["ab", "c"]),
        np.array([1, "a", None, [2]], dtype=object),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.str_("é"),
        Bunch(a=1, b=np.arange(2)),
        functools.partial(StandardScaler, with_mean=False),
        np.random.RandomState(3).permutation(4),
        np.mean,
        skdeepcluster.metrics.clustering_accuracy,
    ],
    ids=same_everywhere,
)
def test_values_come_back(thing, tmp_path):
    again = there_and_back(Holder(thing), tmp_path / "a", [Holder]).thing
    assert type(again) is type(thing)
    assert repr(again) == repr(thing)


def test_what_was_one_thing_stays_one(tmp_path):
    values, model = np.arange(3.0), Holder({"b": [1]})
    thing = [values, values, model, {"a": model}]
    again = there_and_back(Holder(thing), tmp_path / "a", [Holder]).thing
    assert again[0] is again[1]
    assert again[2] is again[3]["a"]


def test_memory_mapped_arrays_are_saved_whole(tmp_path):
    np.save(tmp_path / "values.npy", np.arange(9.0))
    thing = np.load(tmp_path / "values.npy", mmap_mode="r")
    again = there_and_back(Holder(thing), tmp_path / "a", [Holder]).thing
    np.testing.assert_array_equal(again, np.arange(9.0))


def loop():
    items = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("thing", "where"),
    [
        (lambda X: X, r"Holder\.thing needs .*<lambda>"),
        (os.system, r"Holder\.thing needs .*system"),
        ([1, doubled], r"Holder\.thing\[1\] needs .*doubled"),
        ({"a": Doubling()}, r"Holder\.thing\['a'\] needs .*Doubling"),
        (Rotation(2), r"holds a Rotation: give the class"),
        (torch.ones(2), r"holds a Tensor"),
        (subprocess, r"cannot be saved: cannot pickle 'module'"),
        (iter([]), r"Holder\.thing needs builtins\.list_iterator"),
        (3j, r"cannot be saved: cannot pickle 'complex'"),
        (frozenset([1]), r"Holder\.thing needs builtins\.frozenset"),
        (pd.Series([1]), r"Holder\.thing needs pandas"),
        (sparse.csr_array(np.eye(3)), r"Holder\.thing needs scipy\.sparse"),
        (np.random.default_rng(0), r"Holder\.thing needs numpy\.random"),
        (np.zeros(2, dtype="f8,i4"), r"an array has dtype"),
        ({1, (2, 3)}, r"Holder\.thing holds what .* cannot keep"),
        ({True: 1}, r"Holder\.thing holds what .* cannot keep"),
        ({None: 1}, r"Holder\.thing holds what .* cannot keep"),
        ({1: 1, "1": 2}, r"Holder\.thing holds what .* cannot keep"),
        ({(1, 2): 1}, r"cannot be saved: keys must be str"),
        (Birch().fit(table()), r"Birch"),
    ],
    ids=same_everywhere,
)
def test_what_cannot_be_saved_is_named(thing, where, tmp_path):
    with pytest.raises(TypeError, match=where):
        save(Holder(thing), tmp_path / "a", trusted=[Holder])
    assert list(tmp_path.iterdir()) == []


def test_endless_values_are_refused(tmp_path):
    with pytest.raises(ValueError, match="nested too deeply, or in itself"):
        save(Holder(loop()), tmp_path / "a", trusted=[Holder])
    assert list(tmp_path.iterdir()) == []


def test_hooks_are_code(tmp_path):
    model = AutoEncoder(2, max_epochs=2, n_iter_no_change=None).fit(table())
    model.net_.module_.register_forward_hook(print)
    with pytest.raises(TypeError, match="has hooks, which are code"):
        save(model, tmp_path / "a")


def test_cache_on_the_disk_is_refused_both_ways(tmp_path):
    with pytest.raises(ValueError, match=r"set memory=None"):
        save(make_pipeline(PCA(), memory=str(tmp_path)), tmp_path / "a")
    save(make_pipeline(PCA(), memory=None), tmp_path / "a")
    schema = json.loads(members(tmp_path / "a")["schema.json"])
    schema["content"]["content"]["memory"]["content"] = '"cache"'
    forge(tmp_path / "a", schema=json.dumps(schema).encode())
    with pytest.raises(ValueError, match=r"set memory=None"):
        load(tmp_path / "a")


@pytest.mark.parametrize("estimator", [TELL, "TELL", {"a": 1}, np.ones(2)])
def test_only_estimators_are_saved(estimator, tmp_path):
    with pytest.raises(TypeError, match="must be an estimator object"):
        save(estimator, tmp_path / "a")


def test_class_of_the_user(tmp_path):
    model = make_pipeline(Doubling(), TELL(2, module=Rotation, max_epochs=2))
    model[-1].set_params(callbacks=[Counter(), EarlyStopping()], random_state=0)
    model.set_params(tell__n_iter_no_change=None, tell__pretrain_epochs=0)
    model.fit(table())
    path, trusted = tmp_path / "a", [Doubling, Rotation, Counter]
    with pytest.raises(TypeError, match=r"Pipeline\.steps\[0\]\[1\] needs .*Doubling"):
        save(model, path)
    again = there_and_back(model, path, trusted)
    np.testing.assert_array_equal(model.predict(table()), again.predict(table()))
    callbacks = dict(again[-1].net_.callbacks_)
    assert callbacks["Counter"].n_epochs_ == 2
    with pytest.raises(ValueError, match=r"needs \S*Doubling.* name it in trusted="):
        load(path)


@pytest.mark.parametrize("trusted", [["Rotation"], [Rotation(2)], [3]])
def test_trusted_is_a_list_of_classes(trusted, tmp_path):
    if isinstance(trusted[0], torch.nn.Module):
        trusted = [trusted[0].state_dict()]
    with pytest.raises(TypeError, match="trusted must hold classes"):
        save(TELL(), tmp_path / "a", trusted=trusted)


def test_what_is_trusted_is_defined_in_a_module(tmp_path):
    with pytest.raises(TypeError, match="must be defined in a module"):
        save(TELL(), tmp_path / "a", trusted=[type("Rotation", (), {})])


def test_pickle_that_runs_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    content = pickle.dumps(Attack())
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match="it is not a model file"):
        load(tmp_path / "a")
    save(Holder(np.zeros(1)), tmp_path / "a", trusted=[Holder])
    array = npy(np.array([Attack()]), allow_pickle=True)
    for change in (content, array):
        forge(tmp_path / "a", array0=change)
        with pytest.raises(ValueError, match=r"magic|dtype object"):
            load(tmp_path / "a", trusted=[Holder])
    assert not (tmp_path / "run").exists()
    pickle.loads(content)
    assert (tmp_path / "run").exists()


NAMES = [
    "os.system",
    "builtins.eval",
    "builtins.exec",
    "builtins.getattr",
    "builtins.object",
    "posix.system",
    "subprocess.Popen",
    "numpy.load",
    "numpy.save",
    "numpy.os.system",
    "numpy.f2py",
    "numpy.object_",
    "torch.load",
    "torch.Tensor",
    "torch.nn.torch.load",
    "torch.nn.functional.relu",
    "sklearn.datasets.fetch_openml",
    "sklearn.pipeline.clone",
    "sklearn.pipeline.os",
    "sklearn.base.BaseEstimator",
    "sklearn.svm._classes.SVC",
    "sklearn.tree._tree.Tree",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "skorch.callbacks.training.LoadInitState",
    "skorch.callbacks.training.Checkpoint",
    "skdeepcluster.__main__.main",
    "skdeepcluster.cli.main",
    "skdeepcluster.cli.commands.main",
    "skdeepcluster.persistence.load",
    "skdeepcluster.persistence._model_files.load",
    "skdeepcluster.deep.tell.np",
    "skdeepcluster.nn.training.NeuralNet",
    "skdeepcluster.nn.training.make_net",
    "skdeepcluster.nothing.Here",
    "skdeepcluster.PPP",
    "skdeepcluster..PPP",
    "antigravity.fly",
    ".",
    "a.",
    "a b.c",
]
LOADERS = [
    "ObjectNode",
    "TypeNode",
    "FunctionNode",
    "ListNode",
    "TupleNode",
    "SetNode",
    "DictNode",
    "SliceNode",
    "NdArrayNode",
    "PartialNode",
    "MethodNode",
    "OperatorFuncNode",
    "ConstructorFromReduceNode",
    "DefaultDictNode",
    "RandomStateNode",
    "RandomGeneratorNode",
    "SparseMatrixNode",
    "LossNode",
    "TreeNode",
    "CachedNode",
    "BytesNode",
    "NoNode",
    7,
    None,
    ["ObjectNode"],
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_file_may_hold(name, tmp_path):
    path, before = tmp_path / "a", set(sys.modules)
    home, _, last = name.rpartition(".")
    for model, old in (
        (make_pipeline(FunctionTransformer(np.log1p)), "log1p"),
        (make_pipeline(StandardScaler()), "StandardScaler"),
    ):
        save(model, path)
        forge_value(
            path,
            lambda node, old=old: node["__class__"] == old,
            lambda node: node.update(__module__=home, __class__=last),
        )
        with pytest.raises(ValueError, match=r"cannot be loaded"):
            load(path)
    new = set(sys.modules) - before
    assert not {item for item in new if "antigravity" in item or "__main__" in item}


@pytest.mark.parametrize("loader", LOADERS, ids=repr)
@pytest.mark.parametrize("name", ["StandardScaler", "log1p", "list", "str"])
def test_every_kind_of_node_has_its_names(name, loader, tmp_path):
    """A list is of no class that is called with its items, and so on."""
    save(make_pipeline(StandardScaler(), FunctionTransformer(np.log1p)), tmp_path / "a")
    found = []

    def change(node):
        found.append(node["__loader__"])
        node["__loader__"] = loader

    forge_value(tmp_path / "a", lambda node: node["__class__"] == name, change)
    if loader in (*found, "TypeNode"):
        # A class itself may stand where it is of no use.
        return
    with pytest.raises(ValueError, match=r"cannot be loaded: \S"):
        load(tmp_path / "a")


def test_only_our_modules_classes_restore_themselves():
    """What the list of our classes lets in does nothing when it is made."""
    import pkgutil
    from importlib import import_module

    found = set()
    for info in pkgutil.walk_packages(skdeepcluster.__path__, "skdeepcluster."):
        if "__main__" in info.name or not info.name.count("."):
            continue
        for item in vars(import_module(info.name)).values():
            if isinstance(item, type) and item.__module__ == info.name:
                name = f"{info.name}.{item.__name__}"
                if is_allowed("ObjectNode", name):
                    found |= {
                        (item.__name__, special)
                        for special in ("__new__", "__setstate__", "__del__")
                        if special in vars(item)
                    }
    assert found == {("Net", "__setstate__")}


# A value that a StandardScaler may not have, for its `with_mean`.
WRONG = [
    '{"__loader__":"JsonNode","__module__":"builtins","__class__":"str"}',
    '{"__loader__":"JsonNode","__module__":"builtins","__class__":"str","content":"[1]"}',
    '{"__loader__":"JsonNode","__module__":"builtins","__class__":"str",'
    '"content":"1","__id__":1}',
    '{"__loader__":"ListNode","__module__":"builtins","__class__":"list",'
    '"content":[],"__id__":1}',
    '{"__loader__":"ListNode","__module__":"builtins","__class__":"list",'
    '"content":[],"__id__":0}',
    '{"__loader__":"ListNode","__module__":"builtins","__class__":"list","content":[]}',
    '{"__loader__":"NdArrayNode","__module__":"numpy","__class__":"ndarray",'
    '"type":"numpy","file":"0.npy","__id__":900}',
    '{"__loader__":"NdArrayNode","__module__":"numpy","__class__":"ndarray",'
    '"type":"numpy","file":"99.npy","__id__":900}',
    '{"__loader__":"NdArrayNode","__module__":"numpy","__class__":"ndarray",'
    '"type":"numpy","file":"schema.json","__id__":900}',
    "{}",
    "true",
    "NaN",
    "9" * 9999,
    "[" * 5000 + "]" * 5000,
    '{"__loader__":"ListNode","__module__":"builtins","__class__":"list",'
    '"__id__":900,"content":[' * 5000 + "]}" * 5000,
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: value[:90])
def test_forged_values_are_refused(value, tmp_path):
    save(StandardScaler().fit(table()), tmp_path / "a")
    text = members(tmp_path / "a")["schema.json"].decode()
    start = text.index('"with_mean":') + len('"with_mean":')
    end = text.index("}", start) + 1
    forge(tmp_path / "a", schema=(text[:start] + value + text[end:]).encode())
    with pytest.raises(ValueError, match=r"a cannot be loaded: \S"):
        load(tmp_path / "a")


@pytest.mark.parametrize(
    "name", ["transform", "__class__", "no name", "_check_n_features"]
)
def test_attributes_that_hide_methods_are_refused(name, tmp_path):
    save(StandardScaler().fit(table()), tmp_path / "a")
    forge_tree(tmp_path / "a", '"var_"', f'"{name}"')
    if name == "_check_n_features" and not hasattr(StandardScaler, name):
        return
    with pytest.raises(ValueError, match=r"a cannot be loaded: \S"):
        load(tmp_path / "a")


def test_repeats_do_not_multiply(tmp_path):
    """Sixty lists of twice the list before: 2^60 items out of 12 kB."""
    node = '{"__loader__":"%sNode","__module__":"builtins","__class__":"%s","__id__":%d'
    for kind in ("List", "Tuple"):
        save(Holder([]), tmp_path / "a", trusted=[Holder])
        value = node % (kind, kind.lower(), 900) + ',"content":[]}'
        for number in range(901, 960):
            head = node % (kind, kind.lower(), number)
            again = node % (kind, kind.lower(), number - 1) + "}"
            value = f'{head},"content":[{value},{again}]}}'
        inside = node % ("Set", "set", 999) + f',"content":[{value}]}}'
        text = members(tmp_path / "a")["schema.json"].decode()
        start = text.index('"thing":') + len('"thing":')
        end = text.index("}", start) + 1
        for forged in (value, inside):
            schema = text[:start] + forged + text[end:]
            forge(tmp_path / "a", schema=schema.encode())
            with pytest.raises(ValueError, match=r"is two things|cannot keep"):
                load(tmp_path / "a", trusted=[Holder])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"skdeepcluster":"0', '"skdeepcluster":"9'),
        ('"skdeepcluster":"0', '"skdeepcluster":"x'),
        ('"versions"', '"version"'),
        ('{"format"', '["format"'),
    ],
)
def test_forged_headers_are_refused(old, new, tmp_path):
    save(StandardScaler(), tmp_path / "a")
    header = members(tmp_path / "a")["skdeepcluster.json"].decode()
    assert old in header
    forge(tmp_path / "a", header=header.replace(old, new).encode())
    with pytest.raises(ValueError, match=r"a cannot be loaded: \S"):
        load(tmp_path / "a")


def test_generator_with_a_forged_position_is_refused(tmp_path):
    save(KMeans(random_state=np.random.RandomState(3)), tmp_path / "a")
    schema = json.loads(members(tmp_path / "a")["schema.json"])
    generator = schema["content"]["content"]["random_state"]["content"]
    generator["content"]["state"]["content"]["pos"]["content"] = "2000000000"
    forge(tmp_path / "a", schema=json.dumps(schema).encode())
    with pytest.raises(ValueError, match="position that there is not"):
        load(tmp_path / "a")


def test_centers_of_other_columns_are_refused(tmp_path):
    model = KMeans(3, n_init=1, random_state=0).fit(table())
    model.cluster_centers_ = model.cluster_centers_[:, :1]
    with pytest.raises(ValueError, match="centres of other columns"):
        save(model, tmp_path / "a")


def test_other_versions(tmp_path):
    path = tmp_path / "a"
    save(PPP(), path)
    header = json.loads(members(path)["skdeepcluster.json"])
    header["versions"]["scikit-learn"] = "1.7.3"
    forge(path, header=json.dumps(header).encode())
    with pytest.warns(InconsistentVersionWarning, match=r"1\.7\.3"):
        load(path)
    header["versions"]["skdeepcluster"] = "99.1"
    forge(path, header=json.dumps(header).encode())
    with pytest.raises(ValueError, match=r"newer than this .* upgrade"):
        load(path)


def test_parameter_that_came_later_is_named(tmp_path):
    save(PPP(), tmp_path / "a")
    forge_tree(tmp_path / "a", '"max_saddle"', '"max_other"')
    with pytest.raises(ValueError, match=r"\['max_saddle'\] here.*fit it again"):
        load(tmp_path / "a")


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        save(PPP(), tmp_path / "none" / "a")


def test_process_killed_while_it_writes_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    save(PPP(max_clusters=7), path)
    content = path.read_bytes()
    program = """
import os, signal, sys
from skdeepcluster import PPP, save
from skdeepcluster.persistence import _archive, _model_files
def half(path, *content):
    write(path, *content)
    os.truncate(path, os.path.getsize(path) // 2)
    os.kill(os.getpid(), signal.SIGKILL)
write, _model_files.write_archive = _archive.write_archive, half
save(PPP(max_clusters=9), sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_bytes() == content
    assert load(path).max_clusters == 7
