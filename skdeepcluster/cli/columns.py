"""From the columns of any table to an array that can be clustered."""

import re
from typing import NamedTuple

from .messages import CommandError, listed

# A level held by fewer than one row in a hundred, or past the twentieth, is
# noise to a distance: such levels are taken together.
MIN_LEVEL_SHARE = 0.01
MAX_LEVELS = 20
MISSING_LEVEL = "(missing)"
RARE_LEVELS = "(rare levels)"
NUMERIC_KINDS = {"integer", "floating", "mixed-integer-float", "decimal"}
CATEGORICAL_KINDS = {"string", "boolean", "categorical", "mixed", "mixed-integer"}
DATE_FORMATS = ("ISO8601", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y")
DATES_LOOKED_AT = 1_000
# A text of this share of numbers, of as many different cells at least, was most
# likely meant to be numbers.
ALMOST_NUMBERS, CELLS_OF_NUMBERS = 0.5, 10
# What people put between, before and behind the digits of a number.
AROUND_DIGITS = r"[,'\s$%\u00a3\u20ac]"
# Squares of larger numbers, summed over a table, leave the range of float64.
LARGEST_NUMBER = 1e150


class Roles(NamedTuple):
    """What the columns of a table are used for."""

    numeric: list
    categorical: list
    unused: dict  # name -> why


def check_columns(table, names, option):
    """Refuse names that the table does not have."""
    for name in names:
        if name not in table:
            raise CommandError(
                f"{option}: there is no column {name!r} among {listed(table.columns)}"
            )


def as_numbers(column):
    """Turn a column of numbers into float64, missing values into NaN."""
    import pandas as pd

    try:
        values = column.to_numpy(dtype="float64", na_value=float("nan"))
    except OverflowError as error:
        raise CommandError(
            f"column {column.name!r} holds an integer of more than 300 digits: "
            "correct it, or leave the column out by --drop"
        ) from error
    return pd.Series(values, index=column.index)


def as_levels(column):
    """Turn a column into strings, missing values into NaN."""
    levels = column.astype(object).map(str, na_action="ignore")
    return levels.astype(object).where(column.notna(), float("nan"))


def are_dates(levels):
    """Whether strings are dates, in one of the usual forms."""
    import pandas as pd

    # Digits alone may be a year, but just as well a postcode.
    levels = levels[:DATES_LOOKED_AT]
    return not levels[0].isalnum() and any(
        pd.to_datetime(levels, format=form, errors="coerce", utc=True).notna().all()
        for form in DATE_FORMATS
    )


def why_no_number(column, kind):
    """Say why numbers cannot tell groups apart, or return None."""
    values = as_numbers(column).dropna()
    n_distinct = values.nunique()
    if n_distinct < 2:
        return "constant" if n_distinct else "empty"
    if kind != "integer" or n_distinct < len(column):
        return None
    if (values.diff()[1:] == 1).all():
        return "counts the rows"
    is_id = re.search(r"(^|[\W_])[Ii][Dd]$|[a-z]I[Dd]$", column.name)
    return "identifies the rows" if is_id else None


def why_no_category(column, kind):
    """Say why anything but numbers cannot tell groups apart, or return None."""
    if kind == "empty":
        return "empty"
    if kind not in CATEGORICAL_KINDS:
        return "dates" if kind.startswith("date") else f"{kind} values"
    frequencies = as_levels(column).value_counts()
    n_levels = len(frequencies)
    if n_levels < 2:
        return "constant" if n_levels else "empty"
    if are_dates(frequencies.index):
        return "dates"
    all_rare = frequencies.iloc[0] < MIN_LEVEL_SHARE * len(column)
    if all_rare or n_levels > frequencies.sum() / 2:
        return f"text, {n_levels:,} different values"
    return None


def assign_roles(table, set_aside):
    """Decide what each column is used for.

    Parameters
    ----------
    table : DataFrame
        The table as it was read.
    set_aside : dict
        Columns that are not to be used, name -> why.
    """
    from pandas.api.types import infer_dtype

    roles = Roles([], [], dict(set_aside))
    for name in table.columns.drop(list(set_aside)):
        kind = infer_dtype(table[name], skipna=True)
        if kind in NUMERIC_KINDS:
            members, reason = roles.numeric, why_no_number(table[name], kind)
        else:
            members, reason = roles.categorical, why_no_category(table[name], kind)
        if reason is None:
            members.append(name)
        else:
            roles.unused[name] = reason
    return roles


def as_features(table, roles):
    """Return the columns in use, as float64 numbers and as strings."""
    import pandas as pd

    features = pd.DataFrame(
        {name: as_numbers(table[name]) for name in roles.numeric}
        | {name: as_levels(table[name]) for name in roles.categorical},
        index=table.index,
    )
    for name in roles.numeric:
        too_large = features[name].abs().to_numpy() > LARGEST_NUMBER
        if too_large.any():
            row = too_large.argmax()
            raise CommandError(
                f"column {name!r} holds {features[name].iloc[row]:g} in row {row + 1}: "
                "correct it, or leave the column out by --drop"
            )
    return features


def column_preparation(roles):
    """Build the transformer from `as_features` to an array for clustering."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=MISSING_LEVEL),
        OneHotEncoder(
            min_frequency=MIN_LEVEL_SHARE,
            max_categories=MAX_LEVELS,
            handle_unknown="infrequent_if_exist",
            sparse_output=False,
        ),
    )
    return ColumnTransformer(
        [
            ("numbers", numbers, roles.numeric),
            ("categories", categories, roles.categorical),
        ]
    )


def prepared_names(preparation, roles):
    """Name what a fitted preparation makes: numbers, then "column = level"."""
    names = list(roles.numeric)
    if roles.categorical:
        encoder = preparation.named_transformers_["categories"][-1]
        for column, levels, rare in zip(
            roles.categorical,
            encoder.categories_,
            encoder.infrequent_categories_,
            strict=True,
        ):
            rare = [] if rare is None else list(rare)
            kept = [level for level in levels if level not in rare]
            kept += [RARE_LEVELS] if rare else []
            names += [f"{column} = {level}" for level in kept]
    return names


def prepare(features, roles):
    """Fit the preparation of the columns.

    Returns
    -------
    X : ndarray of shape (n_samples, n_prepared), dtype=float64
        The numbers, then one column per level.
    preparation : ColumnTransformer
        Fitted.
    """
    import numpy as np

    if features.columns.empty:
        unused = listed(f"{name} ({why})" for name, why in roles.unused.items())
        raise CommandError(f"no column can be used: {unused}")
    preparation = column_preparation(roles)
    X = preparation.fit_transform(features)
    return np.ascontiguousarray(X), preparation


class Prepared(NamedTuple):
    """A table made ready for clustering."""

    features: object  # DataFrame: the columns in use, in their own units
    X: object  # ndarray of shape (n_samples, n_prepared): the same, prepared
    names: list  # of the columns of X
    roles: Roles
    preparation: object  # fitted ColumnTransformer
    row_names: object  # Series of shape (n_samples,), or None


def prepare_table(args, table, note, set_aside=()):
    """Prepare a table as the options say.

    Parameters
    ----------
    args : Namespace
        With `drop` and `id`.
    table : DataFrame
        The table as it was read.
    note : callable
        Told what is done with which column.
    set_aside : iterable of tuple
        Column and option of further columns that are not to be used.
    """
    named = [(name, "--drop") for name in args.drop]
    if args.id is not None:
        named.append((args.id, "--id"))
    named += set_aside
    for name, option in named:
        check_columns(table, [name], option)
    row_names = None if args.id is None else table[args.id]
    roles = assign_roles(table, dict(named))
    features = as_features(table, roles)
    X, preparation = prepare(features, roles)
    names = prepared_names(preparation, roles)
    for text in column_notes(features, roles, names):
        note(text)
    for text in almost_numbers(table, roles):
        note(text)
    return Prepared(features, X, names, roles, preparation, row_names)


def column_notes(features, roles, names):
    """Yield one line for each kind of decision taken about the columns."""
    if roles.numeric:
        yield f"numbers, scaled: {listed(roles.numeric)}"
    if roles.categorical:
        n_levels = features[roles.categorical].nunique()
        merged = {
            name: ", rare ones together" * (f"{name} = {RARE_LEVELS}" in names)
            for name in roles.categorical
        }
        named = listed(
            f"{name} ({n} levels{merged[name]})" for name, n in n_levels.items()
        )
        yield f"categories, one column per level: {named}"
    if roles.unused:
        named = listed(f"{name} ({why})" for name, why in roles.unused.items())
        yield f"not used: {named}"
    yield from missing_notes(features)


def almost_numbers(table, roles):
    """Yield a line if columns that are taken as text hold numbers for the most part."""
    import pandas as pd

    found = []
    texts = [name for name, why in roles.unused.items() if why.startswith("text")]
    for name in [*roles.categorical, *texts]:
        cells = pd.Series(as_levels(table[name]).dropna().unique(), dtype=object)
        bare = cells.str.replace(AROUND_DIGITS, "", regex=True)
        are_numbers = pd.to_numeric(bare, errors="coerce").notna()
        if len(cells) < CELLS_OF_NUMBERS or are_numbers.mean() < ALMOST_NUMBERS:
            continue
        plain = pd.to_numeric(cells, errors="coerce").notna()
        # Digits that are all plain are codes, kept as text on purpose.
        if not plain.all():
            found.append(f"{name} (such as {cells[~plain].iloc[0]!r})")
    if found:
        yield (
            f"numbers for the most part, but taken as text: {listed(found)}; write "
            "them as plain numbers, or leave the cells empty"
        )


def missing_notes(features):
    """Yield a line if there are missing values."""
    n_missing = features.isna().sum()
    if n_missing.any():
        named = listed(f"{name} ({n:,})" for name, n in n_missing.items() if n)
        yield (
            f"missing values: {named}; numbers get the median, categories a level "
            f'"{MISSING_LEVEL}"'
        )
