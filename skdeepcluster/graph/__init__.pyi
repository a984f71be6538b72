from ._local import local_cluster as local_cluster
from .graph_clusterer import GraphClusterer as GraphClusterer
