"""The registry of the common tests: every public estimator, none forgotten.

What is public is read off the package. Here stand only further configurations
of an estimator, beside its defaults, that the common tests shall walk.
"""

from inspect import ismodule

import numpy as np
from extras import torch
from sklearn.base import BaseEstimator
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.utils import get_tags

import skdeepcluster
from skdeepcluster import (
    ILASDP,
    PPP,
    TELL,
    AutoCluster,
    AutoEncoder,
    CategoryGrouper,
    ClusterSampler,
    ConstrainedKMeans,
    GraphClusterer,
    MixedMixture,
    NCDKMeans,
    NCDSpectralClustering,
    SDPKMeans,
    SemiSupervisedGaussianMixture,
    TransductiveClassifier,
    VotingClusterer,
)
from skdeepcluster.discovery._base import DiscoveryEstimator
from skdeepcluster.model_selection import HiddenClassSearchCV

CONFIGURATIONS = {
    "AutoCluster": [
        AutoCluster(
            [PPP(assume="gaussian"), ("density", HDBSCAN(copy=True))],
            scoring="silhouette",
            max_clusters=6,
            max_samples=50,
        )
    ],
    "CategoryGrouper": [CategoryGrouper(n_groups=3, min_frequency=3)],
    "ClusterSampler": [
        ClusterSampler(9, partition="progressive", kind="centroids"),
        ClusterSampler(9, partition="tree", kind="random", weights="likelihood"),
        ClusterSampler(9, partition=PPP(), weights="proportional"),
    ],
    "ConstrainedKMeans": [
        ConstrainedKMeans(metric="within"),
        ConstrainedKMeans(size_max=1.0, n_init=1, examples=False),
    ],
    "GraphClusterer": [
        GraphClusterer(order=4, n_neighbors=5, n_components=3),
        GraphClusterer(method="spectral"),
    ],
    "HiddenClassSearchCV": [
        HiddenClassSearchCV(
            NCDKMeans(n_init=2),
            {"selection": ["squared", "unsquared"]},
            n_hidden=1,
            n_splits=2,
        )
    ],
    "MixedMixture": [
        MixedMixture(covariance_type="blocks", gaps="informative", skew=None),
        MixedMixture(covariance_type="diag", gaps="ignore", max_samples=40, min_gain=0),
    ],
    "NCDSpectralClustering": [
        NCDSpectralClustering(affinity="mst"),
        NCDSpectralClustering(affinity="mst", self_loops=False, row_normalize=False),
        NCDSpectralClustering(max_samples=50),
    ],
    "ILASDP": [ILASDP(covariance_type="diag", n_init=2, refine=True, max_iter=20)],
    "PPP": [
        PPP(min_clusters=2, assume="gaussian"),
        PPP(assume="unimodal", max_clusters=4, feature_selection=True),
    ],
    "SDPKMeans": [SDPKMeans(solver="low_rank", balance_sizes=True)],
    "SemiSupervisedGaussianMixture": [
        SemiSupervisedGaussianMixture(covariance_type="diag", n_init=1),
        SemiSupervisedGaussianMixture(covariance_type="spherical", max_cells=20),
    ],
    "TransductiveClassifier": [
        TransductiveClassifier("prototype", alignment="transport", n_neighbors=3),
        TransductiveClassifier(smoothness=0.5, n_refits=1, n_neighbors=5),
        TransductiveClassifier(reject=4),
    ],
    "VotingClusterer": [
        VotingClusterer(
            [PPP(), ("average", AgglomerativeClustering(linkage="average"))],
            voting="coassociation",
            max_samples=50,
        ),
        VotingClusterer([KMeans(n_init=2), PPP()], n_resamples=1, min_agreement=0.7),
    ],
}


class Rotation:
    """A class of the user's that a model may hold; with torch it is a network."""


if torch is not None:

    class Rotation(torch.nn.Module):
        """The smallest network that somebody may bring."""

        def __init__(self, n_features):
            super().__init__()
            self.turn = torch.nn.Linear(n_features, n_features)

        def encode(self, rows):
            return self.turn(rows)

        def decode(self, codes):
            return codes @ self.turn.weight

    CONFIGURATIONS["AutoEncoder"] = [
        AutoEncoder(2, hidden_layer_sizes=(8,), batch_norm=True, dropout=0.1)
    ]
    CONFIGURATIONS["TELL"] = [
        TELL(
            n_components=2, hidden_layer_sizes=(8,), pretrain_epochs=20, max_epochs=20
        ),
        TELL(geometry="sphere", init="k-means++", n_init=2),
        TELL(module=Rotation, max_epochs=5, pretrain_epochs=5),
    ]

# What estimators without defaults for everything are made of.
ARGUMENTS = {"HiddenClassSearchCV": {"estimator": NCDKMeans(n_init=2)}}


def rooms():
    """The public modules of the package."""
    names = (getattr(skdeepcluster, name) for name in skdeepcluster.__all__)
    return [item for item in names if ismodule(item)]


def public_classes():
    """Every class that the package or one of its rooms offers by name."""
    homes = [skdeepcluster, *rooms()]
    names = {(home, name) for home in homes for name in getattr(home, "__all__", ())}
    found = {getattr(home, name) for home, name in names}
    return sorted(
        (item for item in found if isinstance(item, type)), key=lambda c: c.__name__
    )


def estimator_classes():
    """Every public class that is an estimator; without torch, no network is one."""
    return [item for item in public_classes() if issubclass(item, BaseEstimator)]


def estimators():
    """Every public estimator that needs no target: defaults, then configurations."""
    return [item for item in _instances() if not _needs_target(item)]


def classifiers():
    """Those that need a target, partial or whole."""
    return [item for item in _instances() if _needs_target(item)]


def fitted(estimator, X, method="fit"):
    """Fit an estimator, to rows of which a fifth has a class where it needs some."""
    y = np.arange(len(X)) % 3
    y[np.arange(len(X)) % 5 > 0] = -1
    return getattr(estimator, method)(X, *[y] * _needs_target(estimator))


def _needs_target(estimator):
    return get_tags(estimator).target_tags.required


def _instances():
    instances = []
    for kind in estimator_classes():
        plain = kind(**ARGUMENTS.get(kind.__name__, {}))
        instances += [plain, *CONFIGURATIONS.get(kind.__name__, [])]
    return instances


def clusterers():
    """Those that label rows."""
    return [item for item in estimators() if hasattr(item, "fit_predict")]


def discoverers():
    """Those that find new classes beside known ones."""
    return [item for item in estimators() if isinstance(item, DiscoveryEstimator)]


def transformers():
    """Those that embed rows."""
    return [item for item in estimators() if hasattr(item, "transform")]
