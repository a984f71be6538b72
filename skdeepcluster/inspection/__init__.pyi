from .agreement_display import AgreementDisplay as AgreementDisplay
from .agreement_display import (
    AgreementMatrixDisplay as AgreementMatrixDisplay,
)
from .discovery_display import DiscoveryDisplay as DiscoveryDisplay
from .embedding_display import EmbeddingDisplay as EmbeddingDisplay
from .explanation_display import ExplanationDisplay as ExplanationDisplay
from .graph_display import GraphDisplay as GraphDisplay
from .profile_display import ClusterProfileDisplay as ClusterProfileDisplay
from .rules import cluster_rules as cluster_rules
from .selection_display import SelectionDisplay as SelectionDisplay
from .silhouette_display import SilhouetteDisplay as SilhouetteDisplay
from .training_display import TrainingDisplay as TrainingDisplay
from .tree_display import TreeDisplay as TreeDisplay
