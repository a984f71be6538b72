"""Models saved in one virtual environment and loaded in another, bit for bit.

Run from the root of the project; pip may be told where wheels are::

    for name in one other; do
        python -m venv ../$name
        ../$name/bin/pip install -c constraints.txt .
    done
    ../one/bin/python -P tests/persistence/two_environments.py save ../models
    ../other/bin/python -P tests/persistence/two_environments.py load ../models

The first line saves models and what they say of rows that they have not seen;
the second loads them, compares all answers bit for bit, saves the models again
and compares the files.
"""

import hashlib
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeepcluster
from skdeepcluster import (
    PPP,
    TELL,
    NCDSpectralClustering,
    NeighborEncoder,
    SemiSupervisedGaussianMixture,
)

METHODS = ("predict", "predict_proba", "decision_function", "transform")


def models():
    """Models of four families, alone and in pipelines."""
    return {
        "ppp": PPP(),
        "scaler-tell": make_pipeline(
            StandardScaler(),
            TELL(
                10,
                n_components=5,
                hidden_layer_sizes=(32,),
                max_epochs=20,
                random_state=0,
            ),
        ),
        "spectral": NCDSpectralClustering(4, random_state=0),
        "mixture": SemiSupervisedGaussianMixture(
            4, covariance_type="diag", n_init=1, random_state=0
        ),
        "encoder-kmeans": make_pipeline(
            NeighborEncoder(5, random_state=0),
            KMeans(10, n_init=1, random_state=0),
        ),
    }


def answers(model, X):
    """Everything that a model says of rows."""
    said = {name: getattr(model, name) for name in METHODS if hasattr(model, name)}
    return {name: np.asarray(method(X)) for name, method in said.items()}


def save(folder, X, y):
    """Fit to half of the rows, save, and write down what is said of the others."""
    folder.mkdir()
    half = len(X) // 2
    known = np.where(y < 6, y, -1)
    for name, model in models().items():
        labels = known[:half] if "n_novel" in model.get_params() else None
        model.fit(X[:half], labels)
        skdeepcluster.save(model, folder / f"{name}.model")
        np.savez(folder / f"{name}.npz", **answers(model, X[half:]))
        print("saved", name, digest((folder / f"{name}.model").read_bytes()))


def load(folder, X):
    """Load, compare bits, save again and compare the files."""
    for path in sorted(folder.glob("*.model")):
        model = skdeepcluster.load(path)
        said = answers(model, X[len(X) // 2 :])
        with np.load(path.with_suffix(".npz")) as before:
            assert set(before) == set(said)
            for name, values in said.items():
                assert values.dtype == before[name].dtype
                assert values.tobytes() == before[name].tobytes(), (path, name)
                shape = "×".join(map(str, values.shape))
                print(f"{path.stem}: {name} {shape} the same, {digest(values)}")
        skdeepcluster.save(model, path.with_suffix(".again"))
        assert path.with_suffix(".again").read_bytes() == path.read_bytes()
        print(f"{path.stem}: saved again, the same file")


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def main(what, folder):
    """Save or load."""
    warnings.simplefilter("ignore")
    print(sys.prefix, skdeepcluster.__file__)
    X, y = load_digits(return_X_y=True)
    if what == "save":
        save(Path(folder), X, y)
    else:
        load(Path(folder), X)


if __name__ == "__main__":
    main(*sys.argv[1:])
