"""Solvers of the relaxations: arrays in, solution, history and proof out.

Each module is imported where it is used, so that only ``reference`` loads cvxpy.
"""
