"""What the columns of a table are: numbers, categories, or of no use.

Decisions are taken once, by :func:`read_columns`, and written into
:class:`Column`; :func:`numbers_and_codes` follows them for the rows of any table
and decides nothing.

    cells   = table_cells(X)                      # any frame or array
    columns = read_columns(cells, categorical=["zip"])
    check_columns(cells, columns)                 # rows that came after fit
    numbers, codes = numbers_and_codes(cells, columns)

``numbers`` has one column for each of :func:`number_columns`: logarithms where the
column is logged, standardised, NaN for a gap. ``codes`` has one for each of
:func:`category_columns`: index into ``levels``, -1 for a gap or an unknown level.
"""

import re
from typing import NamedTuple

import numpy as np

from .._scaling import FARTHEST, power_of_two
from .._warnings import warn
from ._frames import NUMBER_KINDS, Cells, number_text
from ._text_forms import find_form, parse_texts

RARE_LEVELS = "(rare levels)"
# Gain in log likelihood per row at which a column is logged.
LEAST_GAIN = 0.1
# What lies below this share of the smallest fitted number is logged as that.
LEAST_OF_LOG = 1e-3
# Up to so many distinct numbers are a scale with steps.
FEW_STEPS = 20
# Fewer rows than these may all differ by chance.
LEAST_COUNTED = 10
MAX_LEVELS = 30
# Numbers that often stand for a gap; they do where one in a hundred rows holds
# them, twice at least, so many interquartile ranges from every other number.
MARKS = (-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0)
LEAST_MARKED, LEAST_REPEATED, MARK_DISTANCE = 0.01, 2, 5.0
# Among numbers that are all positive or 0, negative ones of nines need not be far, and
# the larger not be repeated.
LARGEST_ALONE, SURELY_ALONE = -99.0, -999.0
# Whole numbers under such names count or name things, and measure nothing.
ID_NAME = re.compile(
    r"(^|[\W_])(id|ids|uuid|guid|no|nr|number|num|key|index|idx|row)$|[a-z]I[Dd]$",
    re.IGNORECASE,
)
CODE_NAME = re.compile(
    r"(^|[\W_])(zip|zipcode|postcode|postal|plz|store|shop|branch|month|weekday|"
    r"code|region|ward|tract|fips|sku|dept|department)(_?(id|no|nr|code|number))?$",
    re.IGNORECASE,
)
UNNAMED = re.compile(r"^(Unnamed: \d+|index|level_\d+|rownames|)$")


class Column(NamedTuple):
    """What was decided about one column of a table.

    Attributes
    ----------
    name : object
        Label in the frame, position in an array.
    kind : str
        What the cells are: "number", "whole", "boolean", "date", "duration",
        "time", "text" or "ordered".
    role : {"number", "category", "rank", "unused"}
        What the column is used as; "rank" is a category with an order.
    unused : str or None
        Why it is not used.
    unit : str
        Unit of the numbers, such as "kg"; empty where none was seen.
    levels : tuple of str
        Levels of a category: as declared, otherwise the most frequent first.
    rare : tuple of str
        Levels that are taken together as ``"(rare levels)"``, which is then the
        last of `levels`.
    share_missing : float
        Share of the rows with a gap.
    n_distinct : int
        Number of different values or levels.
    low, high : float
        Smallest and largest number at fit; ranks of a category with an order.
    log_shift : float or None
        The logarithm of the number plus this is taken; None for none.
    mean, scale : float
        Mean and standard deviation, after the logarithm.
    resolution : float
        Half the step between neighbouring numbers counts as rounding: the step
        in units of `scale`.
    sentinels : tuple of float
        Numbers that stand for a gap.
    form : TextForm or None
        How cells of text are read as numbers or dates; None where they are not.
    note : str
        What else should be known about the decision.
    """

    name: object
    kind: str
    role: str
    unused: str | None = None
    unit: str = ""
    levels: tuple = ()
    rare: tuple = ()
    share_missing: float = 0.0
    n_distinct: int = 0
    low: float = 0.0
    high: float = 0.0
    log_shift: float | None = None
    mean: float = 0.0
    scale: float = 1.0
    resolution: float = 0.0
    sentinels: tuple = ()
    form: object = None
    note: str = ""

    def standardized(self, values):
        """Turn numbers in units of the table into logged, standardised ones."""
        if self.log_shift is not None:
            # What lies below the fitted range has no logarithm, but an order.
            least = LEAST_OF_LOG * (self.low + self.log_shift)
            values = np.log(np.maximum(values + self.log_shift, least))
        with np.errstate(over="ignore"):
            return np.clip((values - self.mean) / self.scale, -FARTHEST, FARTHEST)

    def in_units(self, scores):
        """Turn standardised numbers back into units of the table."""
        values = np.asarray(scores) * self.scale + self.mean
        return values if self.log_shift is None else np.exp(values) - self.log_shift

    def original(self, scores):
        """Cells of the table: from numbers, ranks, or indices of levels."""
        if self.role == "number":
            return number_cells(self.kind, scores)
        places = np.rint(scores).astype(np.int64)
        levels = np.array(self.levels, dtype=object)
        names = levels[np.clip(places, 0, len(levels) - 1)]
        if self.kind not in NUMBER_KINDS:
            return names
        known = names != RARE_LEVELS
        if self.kind == "boolean":
            return names == "True"
        values = np.full(len(names), np.nan)
        values[known] = [level_value(name) for name in names[known]]
        return number_cells(self.kind, values)


def number_cells(kind, values):
    """Numbers as cells of a kind: dates as such, whole numbers without fractions."""
    values = np.asarray(values, dtype=np.float64)
    if kind in ("date", "duration"):
        unit = "M8[ns]" if kind == "date" else "m8[ns]"
        return (np.rint(values * 1e6) * 1e3).astype(np.int64).view(unit)
    return np.rint(values) if kind in ("whole", "boolean") else values


def number_columns(columns, ranks=True):
    """Columns that are used as numbers, ranks among them or not."""
    roles = ("number", "rank") if ranks else ("number",)
    return [column for column in columns if column.role in roles]


def category_columns(columns, ranks=False):
    """Columns that are used as categories, those with an order among them or not."""
    roles = ("category", "rank") if ranks else ("category",)
    return [column for column in columns if column.role in roles]


def read_columns(
    cells,
    *,
    numeric=(),
    categorical=(),
    ordinal=(),
    drop=(),
    sentinels=None,
    skew="log",
    max_levels=MAX_LEVELS,
    weights=None,
):
    """Decide what each column of a table is.

    Parameters
    ----------
    cells : list of Cells
        The table, see :func:`table_cells`.
    numeric, categorical, ordinal, drop : collections of names, default=()
        Columns that are numbers, categories, categories with an order, or left
        out, whatever they look like. `ordinal` may map a name to its levels in
        order; without, numbers are in their own order, and text as declared.
    sentinels : list of float or dict of name to list, default=None
        Numbers that stand for a gap: in all columns of numbers, or by column.
    skew : {"log", None} or collection of names, default="log"
        Whether skewed columns are logged; names of those that are, come what may.
    max_levels : int, default=30
        Levels past the so many most frequent are taken together.
    weights : ndarray of shape (n_samples,), default=None
        Positive weights of the rows; None means 1 for all.

    Returns
    -------
    list of Column
        One for each column, in their order.

    Raises
    ------
    ValueError
        If an option names a column that is not there, or one that cannot be what
        it asks for.

    Notes
    -----
    Columns of no use are those that are constant or empty, text of which half
    the cells differ, and whole numbers that count or name the rows. Time is
    O(n log n) for each column of n rows.
    """
    names = [column.name for column in cells]
    options = Options(
        frozenset(known_names(numeric, names, "numeric")),
        frozenset(known_names(categorical, names, "categorical")),
        orders_by_name(ordinal, names),
        frozenset(known_names(drop, names, "drop")),
        sentinels_by_name(sentinels, names),
        skew if skew is None or isinstance(skew, str) else frozenset(skew),
        max_levels,
        weights,
    )
    if not (skew is None or isinstance(skew, str)):
        known_names(skew, names, "skew")
    return [read_column(column, options) for column in cells]


class Options(NamedTuple):
    """The options of :func:`read_columns`, by name of the column."""

    numeric: frozenset
    categorical: frozenset
    ordinal: dict  # name -> levels in order, or None
    drop: frozenset
    sentinels: dict  # name -> tuple of numbers
    skew: object
    max_levels: int
    weights: object

    def counts(self, codes, n_codes):
        """Weight of the rows with each code; those below 0 have none."""
        seen = codes >= 0
        weights = None if self.weights is None else self.weights[seen]
        return np.bincount(codes[seen], weights, n_codes)


def known_names(asked, names, option):
    """Names of columns that an option lists, refused where there is none."""
    asked = [asked] if isinstance(asked, str) else list(asked)
    for name in asked:
        if name not in names:
            raise ValueError(
                f"{option}: there is no column {name!r} among "
                f"{', '.join(map(str, names))}."
            )
    return asked


def orders_by_name(ordinal, names):
    """Map columns with an order to their levels, None where these are not given."""
    known_names(ordinal, names, "ordinal")
    if isinstance(ordinal, dict):
        return {name: tuple(map(str, levels)) for name, levels in ordinal.items()}
    return dict.fromkeys([ordinal] if isinstance(ordinal, str) else ordinal)


def sentinels_by_name(sentinels, names):
    """Map columns to the numbers that stand for a gap in them."""
    if sentinels is None:
        return {}
    if isinstance(sentinels, dict):
        known_names(sentinels, names, "sentinels")
        return {name: tuple(map(float, marks)) for name, marks in sentinels.items()}
    return dict.fromkeys(names, tuple(map(float, sentinels)))


def read_column(cells, options):
    """Decide what one column is."""
    name, form = cells.name, None
    if cells.kind == "text" and not (
        name in options.categorical or name in options.ordinal
    ):
        counts = np.bincount(
            cells.values[cells.values >= 0], minlength=len(cells.levels)
        )
        form = find_form(cells.levels, counts)
        cells = parsed(cells, form)
    cells, marks = without_sentinels(cells, options.sentinels.get(name, ()))
    column = Column(
        name,
        cells.kind,
        "unused",
        share_missing=share_missing(cells, options.weights),
        sentinels=marks,
        form=form,
        unit=cells.unit if form is None else form.unit,
        note="" if form is None else form.note,
    )
    if name in options.drop:
        return column._replace(unused="dropped")
    if cells.kind in NUMBER_KINDS:
        return read_numbers(column, cells.values, options)
    if name in options.numeric:
        raise ValueError(
            f"numeric: column {name!r} holds text, such as {cells.levels[0]!r}."
        )
    return read_levels(column, cells, options)


def share_missing(cells, weights):
    """Share of the rows, by weight, in which a column has a gap."""
    if not len(cells.values):
        return 0.0
    return float(np.average(cells.missing, weights=weights))


def parsed(cells, form):
    """Make numbers of text by a form; words stay as they are."""
    if form is None or cells.kind != "text":
        return cells
    # The last one is what -1, a gap, points at.
    values = np.append(parse_texts(cells.levels, form)[0], np.nan)[cells.values]
    kind = form.kind
    if kind == "number" and not np.any(values % 1 > 0):
        kind = "whole"
    return Cells(cells.name, kind, values, unit=form.unit)


def without_sentinels(cells, marks):
    """Make gaps of the numbers that stand for one."""
    if not marks or cells.kind not in ("number", "whole"):
        return cells, ()
    values = cells.values.copy()
    values[np.isin(values, marks)] = np.nan
    return cells._replace(values=values), tuple(marks)


def read_numbers(column, values, options):
    """Decide what a column of numbers is."""
    name = column.name
    distinct, counts = distinct_numbers(values, options.weights)
    column = column._replace(n_distinct=len(distinct))
    if len(distinct) < 2:
        return column._replace(unused="constant" if len(distinct) else "empty")
    asked = name in options.numeric or name in options.categorical
    if name in options.ordinal:
        levels = number_levels(column.kind, distinct)
        return ranked(column, options.ordinal[name] or levels, levels, counts)
    if not asked:
        in_order = options.weights is None
        reason = why_no_quantity(column, values, distinct, counts, in_order)
        if reason is not None:
            return column._replace(unused=reason)
    is_code = column.kind == "whole" and CODE_NAME.search(str(name))
    if name not in options.numeric and (
        name in options.categorical or len(distinct) == 2 or is_code
    ):
        note = "a code, taken as a category" if is_code and not asked else column.note
        levels = number_levels(column.kind, distinct)
        return categorical_column(
            column._replace(note=note), levels, counts, options.max_levels
        )
    column = column._replace(
        role="number", low=float(distinct[0]), high=float(distinct[-1])
    )
    shift = chosen_log(column, distinct, counts, options.skew)
    return scaled_column(column._replace(log_shift=shift), distinct, counts)


def distinct_numbers(values, weights):
    """Different numbers, sorted, and the weight of the rows that hold each."""
    seen = ~np.isnan(values)
    if weights is None:  # a sort of the numbers alone is many times as fast
        return np.unique(values[seen], return_counts=True)
    distinct, codes = np.unique(values[seen], return_inverse=True)
    return distinct, np.bincount(codes, weights[seen], len(distinct))


def number_levels(kind, distinct):
    """Write distinct numbers as levels."""
    return tuple(level_text(kind, value) for value in distinct.tolist())


def level_text(kind, value):
    """Write a number that is a level: dates and times as people do."""
    if kind == "boolean":
        return str(bool(value))
    if kind in ("date", "time", "duration") and value == int(value):
        if kind == "date":
            return str(np.datetime64(int(value), "s")).removesuffix("T00:00:00")
        sign, seconds = "-" * (value < 0), abs(int(value))
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return number_text(value)


def level_value(text):
    """Read back what :func:`level_text` wrote of a number, a date or a time."""
    if ":" in text and "-" not in text[1:]:
        hours, minutes, seconds = text.lstrip("-").split(":")
        total = 3600.0 * int(hours) + 60 * int(minutes) + int(seconds)
        return -total if text.startswith("-") else total
    if "-" in text[1:] and "e" not in text:
        return float(np.datetime64(text, "s").astype(np.int64))
    return float(text)


def why_no_quantity(column, values, distinct, counts, in_order):
    """Say why numbers cannot tell clusters apart, or return None.

    Whole numbers that all differ count the rows where they fill a range, in
    whatever order, and name them where the column is named so.
    """
    # A row of weight 2 is two rows.
    differ = len(distinct) == len(values) and counts.max() < 2
    if column.kind != "whole" or not differ or len(values) < 3:
        return None
    steps = np.diff(distinct)
    if len(values) >= LEAST_COUNTED and (steps == 1).all():
        return "counts the rows"
    # Rows with weights come sorted.
    if in_order and (np.diff(values) == 1).all():
        return "counts the rows"
    if UNNAMED.search(str(column.name)):
        return "an index without a name"
    if ID_NAME.search(str(column.name)):
        return "identifies the rows"
    return None


def chosen_log(column, distinct, counts, skew):
    """Shift of the logarithm where it makes the numbers more nearly normal.

    The gain is the difference of the two Gaussian log likelihoods per row, the
    Jacobian of the logarithm included.
    """
    if skew is None or column.kind not in ("number", "whole"):
        return None
    forced = not isinstance(skew, str)
    if forced and column.name not in skew:
        return None
    if distinct[0] < 0:
        if forced:
            raise ValueError(
                f"skew: column {column.name!r} holds {distinct[0]:g}, and negative "
                "numbers have no logarithm."
            )
        return None
    shift = 0.0
    if distinct[0] == 0:
        shift = 0.5 * weighted_median(distinct[1:], counts[1:])
    if forced:
        return shift
    logs = np.log(distinct + shift)
    _, spread = mean_and_spread(distinct, counts)
    _, spread_of_logs = mean_and_spread(logs, counts)
    if spread_of_logs == 0 or spread == 0:
        return None
    gain = np.log(spread) - np.log(spread_of_logs) - np.average(logs, weights=counts)
    return shift if gain > LEAST_GAIN else None


def weighted_median(distinct, counts):
    """Median of sorted numbers, each as often as counted."""
    ends = np.cumsum(counts)
    low = np.searchsorted(ends, (ends[-1] - 1) // 2, side="right")
    high = np.searchsorted(ends, ends[-1] // 2, side="right")
    return float(distinct[low] / 2 + distinct[high] / 2)


def mean_and_spread(distinct, counts):
    """Mean and standard deviation, in the range of float64 for any numbers."""
    unit = float(power_of_two(distinct))
    shrunk = distinct / unit
    mean = np.average(shrunk, weights=counts)
    spread = np.sqrt(np.average(np.square(shrunk - mean), weights=counts))
    return float(mean * unit), float(spread * unit)


def scaled_column(column, distinct, counts):
    """Add mean, standard deviation and resolution."""
    values, step_unit = distinct, 1.0
    if column.log_shift is not None:
        values = np.log(distinct + column.log_shift)
        step_unit = weighted_median(distinct, counts) + column.log_shift
    mean, scale = mean_and_spread(values, counts)
    if scale == 0:
        return column._replace(role="unused", unused="constant but for rounding")
    steps = np.diff(distinct)
    step = np.median(steps) if len(distinct) <= FEW_STEPS else steps.min()
    # Divided one after the other: their product may leave the range of float64.
    resolution = float(step / step_unit / scale)
    return column._replace(mean=mean, scale=scale, resolution=resolution)


def read_levels(column, cells, options):
    """Decide what a column of text is."""
    name, n_rows = column.name, len(cells.values)
    counts = options.counts(cells.values, len(cells.levels))
    n_observed, n_levels = int(counts.sum()), int(np.count_nonzero(counts))
    column = column._replace(n_distinct=n_levels)
    if n_levels < 2:
        return column._replace(unused="constant" if n_levels else "empty")
    if name in options.ordinal or cells.kind == "ordered":
        order = options.ordinal.get(name) or cells.levels
        if name not in options.categorical:
            return ranked(column, order, cells.levels, counts)
    is_free = n_rows >= LEAST_COUNTED and 2 * n_levels > n_observed
    if name not in options.categorical and (is_free or n_levels == n_observed):
        return column._replace(unused=f"text, {n_levels:,} different values")
    return categorical_column(column, cells.levels, counts, options.max_levels)


def categorical_column(column, levels, counts, max_levels):
    """Make a category: the most frequent levels first, the rare ones together."""
    present = [level for level in range(len(levels)) if counts[level]]
    present.sort(key=lambda level: (-counts[level], levels[level]))
    names = [levels[level] for level in present]
    rare = ()
    # One level alone is no group of rare ones.
    if len(names) > max_levels + 1:
        names, rare = [*names[:max_levels], RARE_LEVELS], tuple(names[max_levels:])
    return column._replace(role="category", levels=tuple(names), rare=rare)


def ranked(column, order, levels, counts):
    """Make a category with an order; its numbers are the ranks, from 0."""
    unknown = [
        level
        for level, n in zip(levels, counts, strict=True)
        if n and level not in order
    ]
    if unknown:
        raise ValueError(
            f"ordinal: column {column.name!r} holds {unknown[0]!r}, which is not among "
            f"its levels {', '.join(order)}."
        )
    at = np.array([order.index(level) if level in order else 0 for level in levels])
    sorting = np.argsort(at, kind="stable")
    sorting = sorting[counts[sorting] > 0]
    ranks = at[sorting].astype(np.float64)
    column = column._replace(
        role="rank", levels=tuple(order), low=float(ranks[0]), high=float(ranks[-1])
    )
    return scaled_column(column, ranks, counts[sorting])


def suspected_marks(cells, column):
    """Numbers that seem to stand for a gap, since they are unlike all others."""
    if column.role != "number" or cells.kind not in ("number", "whole"):
        return ()
    values = cells.values[~np.isnan(cells.values)]
    if column.sentinels:
        values = values[~np.isin(values, column.sentinels)]
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    often = max(LEAST_REPEATED, LEAST_MARKED * len(values))
    within = [mark for mark in MARKS if low <= mark <= high]
    counts = {mark: int(np.count_nonzero(values == mark)) for mark in within}
    marks = [m for m, n in counts.items() if n >= (1 if m <= SURELY_ALONE else often)]
    others = values[~np.isin(values, marks)]
    if not marks or not others.size:
        return ()
    low, high = np.quantile(others, [0.25, 0.75])

    def is_apart(mark):
        # No other number is negative: a sign, and nines.
        if mark <= LARGEST_ALONE and others.min() >= 0:
            return True
        distance = np.abs(others - mark).min()
        return counts[mark] >= often and distance > MARK_DISTANCE * (high - low) > 0

    return tuple(mark for mark in marks if is_apart(mark))


def warn_of_marks(cells, columns):
    """Warn of numbers that seem to stand for a gap."""
    for column, cell in zip(columns, cells, strict=True):
        marks = suspected_marks(cell, column)
        if marks:
            named = ", ".join(f"{mark:g}" for mark in marks)
            warn(
                f"Column {column.name!r} holds {named}, unlike all its other "
                f"numbers: if that stands for a gap, say sentinels="
                f"{{{column.name!r}: [{named}]}}.",
                UserWarning,
            )


def check_columns(cells, columns):
    """Refuse a table whose columns are not those of the fit, by kind.

    Raises
    ------
    ValueError
        With the name of the column, and the row where there is one.
    """
    by_name = {column.name: column for column in cells}
    for column in columns:
        if column.role == "unused":
            continue
        if column.name not in by_name:
            raise ValueError(
                f"X lacks the column {column.name!r} that was there at fit."
            )
        now = by_name[column.name]
        if column.form is not None and now.kind == "text":
            check_texts(now, column)
            continue
        held_numbers = column.kind in NUMBER_KINDS
        if held_numbers and now.kind not in NUMBER_KINDS and now.levels:
            row = first_word(now)
            raise ValueError(
                f"Column {column.name!r} of X held numbers at fit and holds "
                f"{now.levels[now.values[row]]!r} in row {row} now."
            )


def check_texts(cells, column):
    """Refuse texts that are not of the form that those of the fit had."""
    odd = parse_texts(cells.levels, column.form)[1]
    rows = np.flatnonzero(np.append(odd, False)[cells.values])
    if rows.size:
        said = cells.levels[cells.values[rows[0]]]
        raise ValueError(
            f"Column {column.name!r} of X held a {column.form.kind} in each row at fit "
            f"and holds {said!r} in row {rows[0]} now."
        )


def first_word(cells):
    """Row of the first cell that is no number; of the first cell where all are."""
    words = [code for code, text in enumerate(cells.levels) if not is_number(text)]
    return int(np.argmax(np.isin(cells.values, words) if words else cells.values >= 0))


def is_number(text):
    """Whether Python reads a text as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def numbers_and_codes(cells, columns, ranks=True):
    """Standardised numbers and codes of levels, as `columns` say.

    Parameters
    ----------
    cells : list of Cells
        A table with the columns of the fit, in any order.
    columns : list of Column
        What :func:`read_columns` decided.
    ranks : bool, default=True
        Whether categories with an order come as numbers (their rank,
        standardised), otherwise as codes.

    Returns
    -------
    numbers : ndarray of shape (n_samples, n_numbers), dtype=float64
        NaN for a gap.
    codes : ndarray of shape (n_samples, n_categories), dtype=int64
        -1 for a gap or an unknown level.
    """
    by_name = {column.name: column for column in cells}
    n_rows = len(cells[0].values)
    as_numbers = number_columns(columns, ranks)
    as_codes = category_columns(columns, not ranks)
    numbers = np.empty((n_rows, len(as_numbers)))
    for j, column in enumerate(as_numbers):
        values = observed_numbers(by_name[column.name], column)
        numbers[:, j] = column.standardized(values)
    codes = np.empty((n_rows, len(as_codes)), dtype=np.int64)
    for j, column in enumerate(as_codes):
        codes[:, j] = observed_codes(by_name[column.name], column)
    return numbers, codes


def observed_numbers(cells, column):
    """Numbers of a column in its own units, ranks of a rank; NaN for a gap."""
    if column.role == "rank":
        codes = observed_codes(cells, column)
        return np.where(codes < 0, np.nan, codes)
    cells = parsed(cells, column.form)
    if cells.kind not in NUMBER_KINDS:  # nothing but gaps
        return np.full(len(cells.values), np.nan)
    return without_sentinels(cells, column.sentinels)[0].values


def observed_codes(cells, column):
    """Index into the levels of a column; -1 for a gap or an unknown level."""
    place = {level: index for index, level in enumerate(column.levels)}
    place |= dict.fromkeys(column.rare, len(column.levels) - 1)
    cells = parsed(cells, column.form)
    levels, codes = cells.levels, cells.values
    if cells.kind in NUMBER_KINDS:
        values = without_sentinels(cells, column.sentinels)[0].values
        distinct, codes = np.unique(values, return_inverse=True)
        gaps = np.isnan(distinct)
        levels = number_levels(column.kind, distinct[~gaps])
        codes = np.where(codes < len(levels), codes, -1)
    # The last one is what -1 points at.
    table = np.array([*(place.get(level, -1) for level in levels), -1])
    return table[codes]


def unseen_levels(cells, column):
    """Levels of some rows that the column did not have at fit, and their rows."""
    codes = observed_codes(cells, column)
    unknown = (codes < 0) & ~cells.missing
    if cells.kind in NUMBER_KINDS:
        unknown &= ~np.isin(cells.values, column.sentinels)
        new = np.unique(cells.values[unknown])
        names = sorted(number_levels(column.kind, new))
    else:
        names = sorted({cells.levels[code] for code in set(cells.values[unknown])})
    return names, unknown
