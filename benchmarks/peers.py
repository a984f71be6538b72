"""ClustPy's deep methods with the network and the steps of a benchmark.

ClustPy declares torchvision, which the methods here never call: its names occur
only in annotations and as a base class of the convolutional networks. Empty
classes stand in for those names while ClustPy is imported, and are taken away
again, so that nothing else in the process believes in a torchvision.
"""

import contextlib
import importlib.util
import math
import os
import sys
import types


@contextlib.contextmanager
def torchvision_names():
    """Let ``import torchvision`` succeed inside the block."""
    if importlib.util.find_spec("torchvision") is not None:
        yield
        return
    api = types.ModuleType("torchvision.models._api")
    api.Weights = type("Weights", (), {})
    api.WeightsEnum = type("WeightsEnum", (), {})
    stand_ins = {
        "torchvision": types.ModuleType("torchvision"),
        "torchvision.models": types.ModuleType("torchvision.models"),
        "torchvision.models._api": api,
    }
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]


def clustpy(
    method,
    hidden_layer_sizes,
    n_components,
    batch_size,
    min_steps,
    pretrain_epochs,
    clustering_epochs,
):
    """Make a callable of a deep clustering method of ClustPy.

    Parameters
    ----------
    method : {"DKM", "DCN", "DEC", "IDEC"}
        Name in `clustpy.deep`; its other arguments stay at their defaults.
    hidden_layer_sizes : list of int
        Widths of the encoder's hidden layers; the decoder mirrors them.
    n_components, batch_size : int
    min_steps : int
        Gradient steps that count as an epoch where a pass over the table has
        fewer.
    pretrain_epochs, clustering_epochs : int
        Such epochs; rounded up to whole passes.

    Returns
    -------
    cluster : callable
        ``(X, k, seed) -> labels``
    """
    os.environ.setdefault("TQDM_DISABLE", "1")
    with torchvision_names():
        from clustpy import deep
        from clustpy.deep.neural_networks import FeedforwardAutoencoder
    from torch.nn import ReLU

    def cluster(X, k, seed):
        n_samples, n_features = X.shape
        passes = max(1, min_steps / math.ceil(n_samples / batch_size))
        layers = [n_features, *hidden_layer_sizes, n_components]
        estimator = getattr(deep, method)(
            k,
            batch_size=batch_size,
            pretrain_epochs=math.ceil(pretrain_epochs * passes),
            clustering_epochs=math.ceil(clustering_epochs * passes),
            neural_network=(
                FeedforwardAutoencoder,
                {"layers": layers, "activation_fn": ReLU, "random_state": seed},
            ),
            embedding_size=n_components,
            device="cpu",
            random_state=seed,
        )
        return estimator.fit(X).labels_

    return cluster
