from .ilasdp import ILASDP as ILASDP
from .sdp_kmeans import SDPKMeans as SDPKMeans
