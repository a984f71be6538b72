from .autoencoder import AutoEncoder as AutoEncoder
from .neighbor_encoder import NeighborEncoder as NeighborEncoder
from .tell import TELL as TELL
