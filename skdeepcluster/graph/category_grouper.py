"""CategoryGrouper: groups of the levels of categories, by what they occur with.

::

    vertices = the levels of all columns
    weight of an edge = number of rows in which its two levels stand together
        (divided by the number of pairs of columns)
    groups = communities of that graph                            (kernels.graph)
    levels that are rare, and those of small groups, get codes of their own kind
"""

import zlib
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, diags_array
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from .._fitted_state import check_indices
from .._validation import draw_seed
from ..base import DocumentedEstimator, unchanged_on_error
from ..kernels.graph import by_size, communities, modularity
from ..tables._columns import (
    Column,
    categorical_column,
    check_columns,
    known_names,
    number_levels,
    observed_codes,
)
from ..tables._frames import NUMBER_KINDS, checked_cells
from ._adjacency import arrays_of

# A community of fewer rows is no group, and one of a smaller share of the rows
# does not count where a number of groups is wanted.
LEAST_ROWS = 5
LEAST_SHARE = 0.01
# Halvings of the interval that holds the resolution for a number of groups.
_BISECTIONS = 20
_LARGEST_RESOLUTION = 64.0
# Levels of all pairs of columns are counted.
MOST_COLUMNS = 1000


class LevelGroups(NamedTuple):
    """Communities of levels.

    Parameters
    ----------
    labels : ndarray of shape (n_vertices,), dtype int64
        Community of each level, 0 the one of most rows.
    modularity : float
        Their modularity.
    resolution : float
        At which they were found.
    """

    labels: np.ndarray
    modularity: float
    resolution: float


def cooccurrence_graph(codes, starts):
    """Graph of levels, weighted by how often they stand in one row.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_columns), dtype int64
        Levels within each column; -1 for a gap.
    starts : ndarray of shape (n_columns + 1,)
        Vertex of the first level of each column, and the number of vertices.

    Returns
    -------
    csr_array of shape (n_vertices, n_vertices)
        Symmetric weights.
    """
    (n_samples, n_columns), n_vertices = codes.shape, int(starts[-1])
    rows, columns = np.nonzero(codes >= 0)
    places = rows, starts[columns] + codes[rows, columns]
    cells = csr_array((np.ones(len(rows)), places), shape=(n_samples, n_vertices))
    # Levels of one column never stand in one row, but each with itself.
    together = cells.T @ cells
    graph = csr_array(together - diags_array(together.diagonal()))
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph / max(n_columns * (n_columns - 1) // 2, 1)


def group_levels(graph, counts, resolution, n_groups, seed):
    """Group levels; raise or lower the resolution for a number of groups.

    Parameters
    ----------
    graph : csr_array of shape (n_vertices, n_vertices)
        See :func:`cooccurrence_graph`.
    counts : ndarray of shape (n_vertices,)
        Rows of each level.
    resolution : float
        Where to begin, and to stay where `n_groups` is None.
    n_groups : int or None
        Wanted number of groups of at least 1 % of the rows.
    seed : int
        Seed of the visits.

    Returns
    -------
    LevelGroups
        The groups, those of the nearest number that was found.
    """
    edges = arrays_of(graph)

    def found_at(level):
        labels = by_size(communities(*edges, level, seed=seed), counts)
        return LevelGroups(labels, modularity(*edges, labels), level)

    if n_groups is None:
        return found_at(resolution)

    def n_found(groups):
        shares = np.bincount(groups.labels, counts) / counts.sum()
        return int(np.sum(shares >= LEAST_SHARE))

    low, high = 0.0, _LARGEST_RESOLUTION
    best = found_at(resolution)
    level = resolution
    for _ in range(_BISECTIONS):
        n_now = n_found(best_now := found_at(level))
        if abs(n_now - n_groups) < abs(n_found(best) - n_groups):
            best = best_now
        if n_now == n_groups:
            break
        low, high = (level, high) if n_now < n_groups else (low, level)
        level = (low + high) / 2
    return best


class CategoryGrouper(TransformerMixin, DocumentedEstimator):
    """Group the levels of high-cardinality columns by what they occur with.

    Customers, merchants, articles, postcodes, devices: columns of thousands of
    levels, most of them rare. Levels that stand in the same rows as the same levels of
    other columns come into one group, whose number replaces them. No target is used,
    so rows without one teach as much.

    Parameters
    ----------
    columns : list of names, default=None
        Columns that are grouped and returned (positions, in an array); others are left
        out. None takes all.
    resolution : float, default=1.0
        Of the modularity: larger values give more and smaller groups.
    n_groups : int, default=None
        Number of groups of at least 1 % of the rows; the resolution is then found by
        bisection, from `resolution` on. None takes what `resolution` gives.
    min_frequency : int, default=2
        Levels of fewer rows are rare.
    rare : {"unknown", "hash", "own"}, default="unknown"
        What becomes of rare levels and of groups of fewer than 5 rows: one code for all
        of them, one of `hash_size` codes by a hash of the level, or the number of
        the small group that they are in.
    hash_size : int, default=16
        Number of codes for ``rare="hash"``.
    random_state : int, RandomState instance or None, default=None
        Seed of the order in which levels are visited.

    Attributes
    ----------
    categories_ : list of ndarray
        Levels of each grouped column, the most frequent first.
    groups_ : list of ndarray
        Code of each of these levels.
    n_groups_ : int
        Number of groups: their codes are 0 to ``n_groups_ - 1``, 0 the one of
        most rows. Levels of several columns may be in one group.
    modularity_ : float
        Modularity of the communities of all levels, at resolution 1.
    resolution_ : float
        Resolution at which they were found.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table has names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described, or more than 1,000 columns
        are asked for.

    See Also
    --------
    skdeepcluster.TableEncoder : Columns of few levels, and numbers.
    sklearn.preprocessing.TargetEncoder : Levels by their mean target.

    Notes
    -----
    O(n_samples · n_columns²) for the graph, and about
    O(n_edges log n_levels) for the communities. A gap and a level that `fit` has not
    seen get the code of rare levels: ``n_groups_``, or ``n_groups_`` plus a hash.
    The codes have no order: encode them by ``OneHotEncoder`` where a model would take
    them for numbers. A single column has nothing to occur with: its frequent levels
    stay as they are. Numbers are levels, too.

    Ctrl-C during `fit` leaves the transformer as it was.

    References
    ----------
    .. [1] S. Wu et al. (2024). "GraphHash: graph clustering enables parameter
       efficiency in recommender systems." arXiv:2412.17245. Ours is on tables, with
       Leiden's refinement and codes for what is rare.
    .. [2] V. A. Traag, L. Waltman and N. J. van Eck (2019). "From Louvain to Leiden:
       guaranteeing well-connected communities." Scientific Reports 9.

    Examples
    --------
    >>> from skdeepcluster import CategoryGrouper
    >>> X = [["Ann", "tea"], ["Bob", "bolt"], ["Cid", "tea"], ["Dee", "bolt"],
    ...      ["Ann", "jam"], ["Bob", "nut"], ["Cid", "jam"], ["Dee", "nut"]] * 2
    >>> grouper = CategoryGrouper(random_state=0).fit(X)
    >>> grouper.transform([["Ann", "jam"], ["Dee", "jam"], ["Eve", "nut"]])
    array([[0, 0],
           [1, 0],
           [2, 1]])
    """

    _parameter_constraints = {
        "columns": ["array-like", None],
        "resolution": [Interval(Real, 0, None, closed="neither")],
        "n_groups": [Interval(Integral, 1, None, closed="left"), None],
        "min_frequency": [Interval(Integral, 1, None, closed="left")],
        "rare": [StrOptions({"unknown", "hash", "own"})],
        "hash_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        columns: Sequence[Any] | None = None,
        resolution: float = 1.0,
        n_groups: int | None = None,
        min_frequency: int = 2,
        rare: Literal["unknown", "hash", "own"] = "unknown",
        hash_size: int = 16,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.columns = columns
        self.resolution = resolution
        self.n_groups = n_groups
        self.min_frequency = min_frequency
        self.rare = rare
        self.hash_size = hash_size
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the groups of levels.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Columns of text or numbers, each different value a level; gaps do not count.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            Fitted transformer.
        """
        with unchanged_on_error(self):
            cells = checked_cells(self, X)
            names = [cell.name for cell in cells]
            asked = names if self.columns is None else self.columns
            asked = known_names(np.asarray(asked, object).tolist(), names, "columns")
            if len(asked) > MOST_COLUMNS:
                raise ValueError(
                    f"Levels of all pairs of columns are compared, and {len(asked)} "
                    f"columns are too many: name at most {MOST_COLUMNS} in `columns`."
                )
            self._names = names
            self._places = np.array([names.index(name) for name in asked])
            used = [cells[place] for place in self._places]
            self._columns = [levels_of(cell) for cell in used]
            self._fit_groups(used)
        return self

    def _fit_groups(self, cells):
        codes = self._codes(cells)
        widths = [len(column.levels) for column in self._columns]
        starts = np.cumsum([0, *widths])
        numbered = np.where(codes < 0, starts[-1], codes + starts[:-1])
        counts = np.bincount(numbered.ravel(), minlength=starts[-1] + 1)[:-1]
        if not counts.sum():
            raise ValueError("X holds nothing but gaps: there is no level to group.")
        graph = cooccurrence_graph(codes, starts)
        found = group_levels(
            graph,
            counts,
            self.resolution,
            self.n_groups,
            draw_seed(self.random_state),
        )
        codes, self.n_groups_ = self._codes_of_groups(found.labels, counts)
        self.modularity_, self.resolution_ = found.modularity, found.resolution
        self.groups_ = np.split(codes, starts[1:-1])
        self.categories_ = [
            np.array(column.levels, dtype=object) for column in self._columns
        ]

    def _codes_of_groups(self, labels, counts):
        """Code of each level, and the number of groups."""
        if self.rare == "own":
            return labels, int(labels.max()) + 1
        is_rare = counts < self.min_frequency
        is_rare |= np.bincount(labels, counts)[labels] < LEAST_ROWS
        kept = labels[~is_rare]
        codes = np.full(len(labels), -1)
        if len(kept):
            codes[~is_rare] = by_size(kept, counts[~is_rare])
        n_groups = int(codes.max()) + 1
        levels = [level for column in self._columns for level in column.levels]
        for place in np.flatnonzero(is_rare):
            codes[place] = n_groups + self._bucket(levels[place])
        return codes, n_groups

    def _bucket(self, level):
        """Number of a rare or unknown level beyond the groups."""
        if self.rare != "hash":
            return 0
        return zlib.crc32(level.encode()) % self.hash_size

    def _codes(self, cells):
        """Index into the levels of each column; -1 for a gap or an unknown level."""
        return np.column_stack(
            [
                observed_codes(cell, column)
                for cell, column in zip(cells, self._columns, strict=True)
            ]
        )

    def _check_state(self):
        super()._check_state()
        if hasattr(self, "_places"):
            n_columns = self.n_features_in_
            check_indices("CategoryGrouper", n_columns, places=self._places)

    def transform(self, X: ArrayLike) -> Any:
        """Replace levels by the codes of their groups.

        Parameters
        ----------
        X : DataFrame, pyarrow.Table or array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Codes, whole numbers of dtype int64; floats where `X` is an array of them.
        """
        check_is_fitted(self)
        cells = checked_cells(self, X, self._names)
        cells = [cells[place] for place in self._places]
        check_columns(cells, self._columns)
        places = self._codes(cells)
        codes = np.empty(places.shape, np.int64)
        for j, (cell, groups) in enumerate(zip(cells, self.groups_, strict=True)):
            seen = places[:, j] >= 0
            codes[:, j] = self.n_groups_
            codes[seen, j] = groups[places[seen, j]]
            if self.rare == "hash":
                unknown = ~seen & ~cell.missing
                codes[unknown, j] += self._buckets(cell, unknown)
        dtype = getattr(X, "dtype", None)
        is_float = isinstance(dtype, np.dtype) and dtype.kind == "f"
        return codes.astype(dtype) if is_float else codes

    def _buckets(self, cell, rows):
        """Buckets of the levels in some rows."""
        values, inverse = np.unique(cell.values[rows], return_inverse=True)
        if cell.kind in NUMBER_KINDS:
            names = number_levels(cell.kind, values)
        else:
            names = [cell.levels[value] for value in values]
        return np.array([self._bucket(name) for name in names], np.int64)[inverse]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Any:
        """Give the names of the columns that come out.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of the table, where it had none.

        Returns
        -------
        ndarray of str objects
            The names.
        """
        check_is_fitted(self)
        return _check_feature_names_in(self, input_features)[self._places]


def levels_of(cell):
    """A column as a category with all of its levels, the most frequent first."""
    levels, codes = cell.levels, cell.values
    if cell.kind in NUMBER_KINDS:
        distinct, codes = np.unique(cell.values[~cell.missing], return_inverse=True)
        levels = number_levels(cell.kind, distinct)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    column = Column(cell.name, cell.kind, "category")
    return categorical_column(column, levels, counts, len(levels))
