from ._cluster_stability import cluster_stability as cluster_stability
from ._hidden_classes_split import HiddenClassesSplit as HiddenClassesSplit
from ._n_clusters import estimate_n_clusters as estimate_n_clusters
from ._pair_asking import ask_pairs as ask_pairs
from ._scorers import (
    get_unsupervised_scorer as get_unsupervised_scorer,
)
from ._scorers import (
    get_unsupervised_scorer_names as get_unsupervised_scorer_names,
)
from ._whole_data import WholeData as WholeData
from .auto_cluster import AutoCluster as AutoCluster
from .cluster_sampler import ClusterSampler as ClusterSampler
from .hidden_class_search import HiddenClassSearchCV as HiddenClassSearchCV
from .voting_clusterer import VotingClusterer as VotingClusterer
