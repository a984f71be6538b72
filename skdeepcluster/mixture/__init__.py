"""Mixtures of numbers, categories and gaps in one likelihood."""
