from ._local import local_cluster as local_cluster
from .category_grouper import CategoryGrouper as CategoryGrouper
from .graph_clusterer import GraphClusterer as GraphClusterer
