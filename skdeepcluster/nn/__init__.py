"""Torch building blocks, and the one place where skorch is configured."""
