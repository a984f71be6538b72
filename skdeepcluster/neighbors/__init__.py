"""Nearest rows: the space they are looked for in, their graph and its layout.

What :class:`~skdeepcluster.NeighborEncoder` learns from, and
:class:`~skdeepcluster.AutoCluster` lets vote; without torch.
"""
