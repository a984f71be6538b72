"""Compiled loops on plain arrays: no estimator, no validation, no hidden state.

Each module is imported where it is used, so that this package loads no numba.
"""
