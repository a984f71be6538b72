from .discovery_problem import make_discovery_problem as make_discovery_problem
from .penguins import load_penguins as load_penguins
