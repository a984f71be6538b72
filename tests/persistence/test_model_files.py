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
from forgery import forge_tree
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import Birch, KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA, IncrementalPCA, KernelPCA
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
from skdeepcluster.persistence._container import read_container, write_container


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
    IncrementalPCA(2),
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
        {(1, "a"): {2, 3}, None: frozenset([4])},
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
        sparse.csr_array(np.eye(3)),
        Bunch(a=1, b=np.arange(2)),
        torch.ones(2, 3),
        torch.nn.Parameter(torch.ones(2), requires_grad=False),
        functools.partial(StandardScaler, with_mean=False),
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
    values, module = np.arange(3.0), torch.nn.Linear(2, 2)
    thing = [values, values, module, {"a": module}]
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


def hooked():
    module = torch.nn.Linear(1, 1)
    module.register_forward_hook(print)
    return module


@pytest.mark.parametrize(
    ("thing", "where"),
    [
        (lambda X: X, r"Holder\.thing needs the function .*<lambda>"),
        ([1, doubled], r"Holder\.thing\[1\] needs the function .*doubled"),
        ({"a": Doubling()}, r"Holder\.thing\['a'\] needs the class .*Doubling"),
        (Rotation(2), r"Holder\.thing needs the class estimators\.Rotation"),
        (Birch().fit(table()), r"Holder\.thing\.root_ needs the class"),
        (os.system, r"Holder\.thing needs the function .*system"),
        (subprocess, r"Holder\.thing is a builtins\.module"),
        (iter([]), r"Holder\.thing is a builtins\.list_iterator"),
        (3j, r"Holder\.thing is a builtins\.complex"),
        (pd.Series([1]), r"Holder\.thing needs the class pandas"),
        (np.zeros(2, dtype="f8,i4"), r"Holder\.thing has dtype"),
        (torch.ones(1, dtype=torch.bfloat16), r"Holder\.thing is a tensor"),
        (loop(), r"Holder\.thing\[0\] refers to itself"),
        (hooked(), r"Holder\.thing has hooks"),
    ],
)
def test_what_cannot_be_saved_is_named(thing, where, tmp_path):
    with pytest.raises(TypeError, match=where):
        save(Holder(thing), tmp_path / "a", trusted=[Holder])
    assert list(tmp_path.iterdir()) == []


def test_cache_on_the_disk_is_refused_both_ways(tmp_path):
    with pytest.raises(ValueError, match=r"set memory=None"):
        save(make_pipeline(PCA(), memory=str(tmp_path)), tmp_path / "a")
    save(make_pipeline(PCA(), memory=None), tmp_path / "a")
    forge_tree(tmp_path / "a", '"memory":null', '"memory":"cache"')
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
    with pytest.raises(TypeError, match=r"Pipeline\.steps\[0\]\[1\] needs the class"):
        save(model, path)
    again = there_and_back(model, path, trusted)
    np.testing.assert_array_equal(model.predict(table()), again.predict(table()))
    callbacks = dict(again[-1].net_.callbacks_)
    assert callbacks["Counter"].n_epochs_ == 2
    with pytest.raises(ValueError, match=r"needs 'Doubling' .* name it in trusted="):
        load(path)
    with pytest.raises(ValueError, match=r"no class that can stand here"):
        load(path, trusted=[Doubling, functools.wraps(Rotation)(doubled), Counter])


@pytest.mark.parametrize("trusted", [["Rotation"], [Rotation(2)], [3]])
def test_trusted_is_a_list_of_classes(trusted, tmp_path):
    if isinstance(trusted[0], torch.nn.Module):
        trusted = [trusted[0].state_dict()]
    with pytest.raises(TypeError, match="trusted must hold classes"):
        save(TELL(), tmp_path / "a", trusted=trusted)


def test_trusted_names_are_unique(tmp_path):
    other = type("Rotation", (), {})
    with pytest.raises(ValueError, match="two things called 'Rotation'"):
        save(TELL(), tmp_path / "a", trusted=[Rotation, other])


def test_pickle_that_runs_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    content = pickle.dumps(Attack())
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match="it is not a model file"):
        load(tmp_path / "a")
    save(Holder(np.zeros(1)), tmp_path / "a", trusted=[Holder])
    values = np.frombuffer(content, dtype=np.uint8)
    save(Holder(values), tmp_path / "a", trusted=[Holder])
    forge_tree(tmp_path / "a", '"|u1"', '"|O8"')
    with pytest.raises(ValueError, match="dtype"):
        load(tmp_path / "a", trusted=[Holder])
    assert not (tmp_path / "run").exists()
    pickle.loads(content)
    assert (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "builtins.exec",
        "builtins.getattr",
        "posix.system",
        "subprocess.Popen",
        "numpy.load",
        "numpy.save",
        "numpy.os.system",
        "numpy.f2py",
        "torch.load",
        "torch.nn.torch.load",
        "torch.nn.functional.relu",
        "sklearn.datasets.fetch_openml",
        "sklearn.pipeline.clone",
        "sklearn.pipeline.os",
        "sklearn.base.BaseEstimator",
        "skorch.callbacks.LoadInitState",
        "skorch.callbacks.Checkpoint",
        "skdeepcluster.__main__.main",
        "skdeepcluster.cli.main",
        "skdeepcluster.cli.commands.main",
        "skdeepcluster.persistence.load",
        "skdeepcluster.deep.tell.np",
        "skdeepcluster.nn.training.NeuralNet",
        "skdeepcluster.nothing.Here",
        "skdeepcluster",
        "antigravity.fly",
        "",
        ".",
        "TELL",
        "trusted:TELL",
        7,
        None,
        ["skdeepcluster.TELL"],
    ],
)
def test_names_that_no_file_may_hold(name, tmp_path):
    path = tmp_path / "a"
    save(make_pipeline(FunctionTransformer(np.log1p)), path)
    before = set(sys.modules)
    forge_tree(path, '"numpy.log1p"', json.dumps(name))
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        load(path)
    save(make_pipeline(StandardScaler()), path)
    forge_tree(path, '"sklearn.preprocessing.StandardScaler"', json.dumps(name))
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        load(path)
    new = set(sys.modules) - before
    assert not {item for item in new if "antigravity" in item or "__main__" in item}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"with_mean":true', '"transform":true'),
        ('"with_mean":true', '"__class__":true'),
        ('"with_mean":true', '"no name":true'),
        ('"with_mean":true', '"other":true'),
        ('"with_mean":true', '"with_mean":[true]'),
        ('"with_mean":true', '"with_mean":{"kind":"same","number":99}'),
        ('"with_mean":true', '"with_mean":{"kind":"same","number":-1}'),
        (
            '"with_mean":true',
            '"with_mean":{"kind":"list","items":[{"kind":"same","number":1}]}',
        ),
        ('"with_mean":true', '"with_mean":{"kind":"array","array":0}'),
        ('"with_mean":true', '"with_mean":{"kind":"array","array":99}'),
        ('"with_mean":true', '"with_mean":{"kind":"code"}'),
        ('"with_mean":true', '"with_mean":{"kind":"dtype","dtype":"f8,O"}'),
        ('"with_mean":true', '"with_mean":{}'),
        ('"with_mean":true', '"with_mean":' + "[" * 5000 + "]" * 5000),
        (
            '"with_mean":true',
            '"with_mean":' + '{"kind":"list","items":[' * 5000 + "]}" * 5000,
        ),
        ('"with_mean":true', '"with_mean":' + "9" * 9999),
        ('"with_mean":true', '"with_mean":NaN'),
        ('"skdeepcluster":"0', '"skdeepcluster":"9'),
        ('"skdeepcluster":"0', '"skdeepcluster":"x'),
        ('"versions"', '"version"'),
        ('"model":', '"model":1,"modal":'),
        ('{"versions"', '["versions"'),
    ],
)
def test_forged_trees_are_refused(old, new, tmp_path):
    save(StandardScaler().fit(table()), tmp_path / "a")
    forge_tree(tmp_path / "a", old, new)
    with pytest.raises(ValueError, match=r"a cannot be loaded: \S"):
        load(tmp_path / "a")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"compile":false', '"compile":true'),
        ('"torch.nn.Identity"', '"torch.nn.Linear"'),
        ('"kind":"net","class":"skdeepcluster.nn', '"kind":"net","class":"sklearn'),
        ('"kind":"module","class":"torch.nn.Linear"', '"kind":"module","class":"x.y"'),
        ('"parameters":{"weight"', '"parameters":{"forward"'),
        ('"own":{"in_features"', '"own":{"_parameters"'),
        ('"optimizers":{"optimizer"', '"optimizers":{"other"'),
    ],
)
def test_forged_networks_are_refused(old, new, tmp_path):
    model = AutoEncoder(2, hidden_layer_sizes=(3,), max_epochs=2, n_iter_no_change=None)
    save(model.fit(table()), tmp_path / "a")
    forge_tree(tmp_path / "a", old, new)
    with pytest.raises(ValueError, match=r"a cannot be loaded: \S"):
        load(tmp_path / "a")


def test_other_versions(tmp_path):
    path = tmp_path / "a"
    save(PPP(), path)
    header, arrays = read_container(path)
    header["versions"]["scikit-learn"] = "1.7.3"
    write_container(path, header, arrays)
    with pytest.warns(InconsistentVersionWarning, match=r"1\.7\.3"):
        load(path)
    header["versions"]["skdeepcluster"] = "99.1"
    write_container(path, header, arrays)
    with pytest.raises(ValueError, match=r"newer than this .* upgrade"):
        load(path)


def test_parameter_that_came_later_is_named(tmp_path):
    save(PPP(), tmp_path / "a")
    forge_tree(tmp_path / "a", '"max_saddle":null,', "")
    with pytest.raises(ValueError, match=r"\['max_saddle'\] here.*fit it again"):
        load(tmp_path / "a")


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        save(PPP(), tmp_path / "none" / "a")


def test_plain_methods_load_no_torch(tmp_path):
    save(make_pipeline(StandardScaler(), PPP()).fit(table()), tmp_path / "a")
    program = """
import sys, skdeepcluster
model = skdeepcluster.load(sys.argv[1])
skdeepcluster.save(model, sys.argv[1])
print("torch" in sys.modules, "matplotlib" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "False False\n"


def test_process_killed_while_it_writes_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    save(PPP(max_clusters=7), path)
    content = path.read_bytes()
    program = """
import os, signal, sys
from skdeepcluster import PPP, save
from skdeepcluster.persistence import _container, _model_files
def half(path, header, arrays):
    write(path, header, arrays)
    os.truncate(path, os.path.getsize(path) // 2)
    os.kill(os.getpid(), signal.SIGKILL)
write, _model_files.write_container = _container.write_container, half
save(PPP(max_clusters=9), sys.argv[1])
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_bytes() == content
    assert load(path).max_clusters == 7
