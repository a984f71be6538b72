from .discovery_problem import make_discovery_problem as make_discovery_problem
from .linked_tables import make_attributed_graph as make_attributed_graph
from .linked_tables import make_category_pairs as make_category_pairs
from .penguins import load_penguins as load_penguins
