"""Generated tables whose rows, or the levels of whose columns, are linked."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

from .._validation import draw_seed

SHARE = [Interval(Real, 0, 1, closed="both")]
COUNT = [Interval(Integral, 1, None, closed="left")]


@validate_params(
    {
        "n_samples": COUNT,
        "n_clusters": COUNT,
        "n_features": COUNT,
        "p_within": SHARE,
        "p_between": SHARE,
        "column_signal": [Interval(Real, 0, None, closed="left")],
        "misleading": SHARE,
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_attributed_graph(
    n_samples: int = 600,
    *,
    n_clusters: int = 4,
    n_features: int = 10,
    p_within: float = 0.04,
    p_between: float = 0.012,
    column_signal: float = 0.4,
    misleading: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    """Generate a stochastic block model whose vertices have columns.

    Both tell of the same groups, each of them weakly by default. With `misleading`,
    part of the columns' entries come from the mean of another group.

    Parameters
    ----------
    n_samples : int, default=600
        Number of rows, which are the vertices.
    n_clusters : int, default=4
        Number of groups, equally large but for one.
    n_features : int, default=10
        Number of columns.
    p_within, p_between : float, default=0.04, 0.012
        Probability of an edge between two rows of one group, and of two groups.
    column_signal : float, default=0.4
        Standard deviation of the groups' means in a column; rows differ from the
        mean of their group by 1.
    misleading : float, default=0.0
        Share of the rows whose columns are those of another group.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    table : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            The columns.
        graph : csr_array of shape (n_samples, n_samples)
            Symmetric adjacency of ones and zeros.
        target : ndarray of shape (n_samples,)
            Group of each row.

    See Also
    --------
    skdeepcluster.GraphClusterer : Finds the groups from both.

    Examples
    --------
    >>> from skdeepcluster.datasets import make_attributed_graph
    >>> table = make_attributed_graph(100, random_state=0)
    >>> table.data.shape, table.graph.shape
    ((100, 10), (100, 100))
    """
    rng = np.random.default_rng(draw_seed(random_state))
    target = rng.permutation(np.arange(n_samples) % n_clusters)
    means = column_signal * rng.standard_normal((n_clusters, n_features))
    shown = target.copy()
    wrong = rng.random(n_samples) < misleading
    if n_clusters > 1:
        shown[wrong] += rng.integers(1, n_clusters, np.count_nonzero(wrong))
    data = means[shown % n_clusters] + rng.standard_normal((n_samples, n_features))
    members = [np.flatnonzero(target == group) for group in range(n_clusters)]
    edges = [
        _edges_within(members[i], p_within, rng)
        if i == j
        else _edges_between(members[i], members[j], p_between, rng)
        for i in range(n_clusters)
        for j in range(i + 1)
    ]
    heads, tails = np.hstack(edges)
    shape = n_samples, n_samples
    graph = coo_array((np.ones(len(heads)), (heads, tails)), shape=shape)
    return Bunch(data=data, graph=csr_array(graph + graph.T), target=target)


def _edges_within(members, probability, rng):
    """Each pair of members with a probability, independently."""
    n_pairs = len(members) * (len(members) - 1) // 2
    pairs = _draw_pairs(n_pairs, probability, rng)
    # Pair number h (h - 1) / 2 + t joins h and t < h.
    heads = ((1 + np.sqrt(1 + 8 * pairs)) // 2).astype(np.int64)
    heads -= heads * (heads - 1) // 2 > pairs
    return members[heads], members[pairs - heads * (heads - 1) // 2]


def _edges_between(first, second, probability, rng):
    """Each pair of one and the other with a probability, independently."""
    pairs = _draw_pairs(len(first) * len(second), probability, rng)
    heads, tails = np.divmod(pairs, max(len(second), 1))
    return first[heads], second[tails]


def _draw_pairs(n_pairs, probability, rng):
    n_drawn = rng.binomial(n_pairs, probability)
    return rng.choice(n_pairs, n_drawn, replace=False, shuffle=False).astype(np.int64)


@validate_params(
    {
        "n_samples": COUNT,
        "n_levels": [tuple],
        "n_groups": COUNT,
        "within": SHARE,
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_category_pairs(
    n_samples: int = 30000,
    *,
    n_levels: tuple[int, int] = (3000, 800),
    n_groups: int = 8,
    within: float = 0.7,
    random_state: int | np.random.RandomState | None = None,
) -> Any:
    """Generate a table of two columns of ids whose levels form hidden groups.

    Think of customers and merchants: a customer mostly goes to merchants of one
    group, and whether a purchase is a fraud depends on the two groups. Some levels
    are frequent and most are rare.

    Parameters
    ----------
    n_samples : int, default=30000
        Number of rows.
    n_levels : tuple of two int, default=(3000, 800)
        Number of levels of either column; not all need to occur.
    n_groups : int, default=8
        Hidden groups of the levels of each column.
    within : float, default=0.7
        Share of the rows whose second level is drawn from the group of the first;
        the others' is drawn from all.
    random_state : int, RandomState instance or None, default=None
        Seed of all draws.

    Returns
    -------
    table : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, 2), dtype int64
            The level of each column.
        target : ndarray of shape (n_samples,)
            Outcome of each row, 0 or 1; its log odds are drawn for each pair of
            groups from a normal distribution of standard deviation 1.5.
        groups : list of two ndarrays
            Group of each level of either column.

    See Also
    --------
    skdeepcluster.CategoryGrouper : Finds the groups.

    Examples
    --------
    >>> from skdeepcluster.datasets import make_category_pairs
    >>> table = make_category_pairs(1000, random_state=0)
    >>> table.data.shape, [len(groups) for groups in table.groups]
    ((1000, 2), [3000, 800])
    """
    rng = np.random.default_rng(draw_seed(random_state))
    groups = [rng.integers(0, n_groups, n) for n in n_levels]
    shares = [rng.pareto(1.5, n) + 0.1 for n in n_levels]
    first = rng.choice(n_levels[0], n_samples, p=shares[0] / shares[0].sum())
    second = rng.choice(n_levels[1], n_samples, p=shares[1] / shares[1].sum())
    own = groups[0][first]
    faithful = rng.random(n_samples) < within
    for group in range(n_groups):
        levels = np.flatnonzero(groups[1] == group)
        rows = np.flatnonzero(faithful & (own == group))
        if len(levels):
            odds = shares[1][levels] / shares[1][levels].sum()
            second[rows] = rng.choice(levels, len(rows), p=odds)
    log_odds = 1.5 * rng.standard_normal((n_groups, n_groups))
    chance = 1 / (1 + np.exp(-log_odds[own, groups[1][second]]))
    return Bunch(
        data=np.column_stack([first, second]),
        target=(rng.random(n_samples) < chance).astype(np.int64),
        groups=groups,
    )
