"""Partial labels, under the name that this room knows them by."""

from .._labels import UNLABELED, PartialLabels

__all__ = ["UNLABELED", "PartialLabels"]
