from . import base as base
from . import constrained as constrained
from . import datasets as datasets
from . import deep as deep
from . import discovery as discovery
from . import exceptions as exceptions
from . import graph as graph
from . import inspection as inspection
from . import kernels as kernels
from . import metrics as metrics
from . import mixture as mixture
from . import model_selection as model_selection
from . import nn as nn
from . import persistence as persistence
from . import ppp as ppp
from . import sdp as sdp
from . import streaming as streaming
from . import tables as tables
from .constrained import ConstrainedKMeans as ConstrainedKMeans
from .deep import (
    TELL as TELL,
)
from .deep import (
    AutoEncoder as AutoEncoder,
)
from .deep import (
    NeighborEncoder as NeighborEncoder,
)
from .discovery import (
    GPC as GPC,
)
from .discovery import (
    PBN as PBN,
)
from .discovery import (
    NCDKMeans as NCDKMeans,
)
from .discovery import (
    NCDSpectralClustering as NCDSpectralClustering,
)
from .discovery import (
    SemiSupervisedGaussianMixture as SemiSupervisedGaussianMixture,
)
from .discovery import (
    SemiSupervisedKMeans as SemiSupervisedKMeans,
)
from .discovery import (
    TabularNCD as TabularNCD,
)
from .discovery import (
    TransductiveClassifier as TransductiveClassifier,
)
from .graph import CategoryGrouper as CategoryGrouper
from .graph import GraphClusterer as GraphClusterer
from .mixture import MixedMixture as MixedMixture
from .model_selection import (
    AutoCluster as AutoCluster,
)
from .model_selection import (
    ClusterSampler as ClusterSampler,
)
from .model_selection import (
    HiddenClassSearchCV as HiddenClassSearchCV,
)
from .model_selection import (
    VotingClusterer as VotingClusterer,
)
from .persistence import load as load
from .persistence import save as save
from .ppp import PPP as PPP
from .sdp import ILASDP as ILASDP
from .sdp import SDPKMeans as SDPKMeans
from .streaming import RowSummary as RowSummary
from .tables import TableEncoder as TableEncoder

__version__: str
