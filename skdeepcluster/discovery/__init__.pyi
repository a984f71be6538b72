from .gpc import GPC as GPC
from .ncd_kmeans import NCDKMeans as NCDKMeans
from .ncd_spectral import NCDSpectralClustering as NCDSpectralClustering
from .pbn import PBN as PBN
from .semi_supervised_kmeans import SemiSupervisedKMeans as SemiSupervisedKMeans
from .semi_supervised_mixture import (
    SemiSupervisedGaussianMixture as SemiSupervisedGaussianMixture,
)
from .tabular_ncd import TabularNCD as TabularNCD
from .topic_seeds import seed_labels as seed_labels
from .transductive_classifier import TransductiveClassifier as TransductiveClassifier
