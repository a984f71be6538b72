"""From a table as it was read to rows that can be clustered, each decision said."""

from typing import NamedTuple

from .clusters import TAKE_COLUMNS
from .descriptions import MOMENTS, in_words
from .messages import CommandError, first_line, listed, warnings_as_notes

MOSTLY_EMPTY = 0.5
# What the table of columns says of each, beside its name.
COLUMN_FIELDS = ("role", "kind", "unit", "n_distinct", "share_missing", "low", "high")


class Prepared(NamedTuple):
    """A table made ready for clustering."""

    frame: object  # DataFrame: all columns, as they were read
    X: object  # ndarray of shape (n_samples, n_axes): encoded rows
    encoder: object  # fitted TableEncoder
    set_aside: dict  # name -> option that keeps the column from use
    forms: dict  # name -> how the cells of the column were read
    row_names: object  # Series of shape (n_samples,), or None
    # Of a sample: how many rows each stands for, ndarray of shape (n_samples,).
    weights: object = None

    @property
    def columns(self):
        """Decisions about the columns in use."""
        return [column for column in self.encoder.columns_ if column.role != "unused"]

    @property
    def used(self):
        """The columns in use, as they were read."""
        return self.frame[[column.name for column in self.columns]]

    @property
    def mixture_options(self):
        """What makes a MixedMixture read the columns as they were decided on."""
        ordered = self.encoder.ordinal or {}
        return {
            "categorical": [
                c.name
                for c in self.columns
                if c.role == "category" or c.name in ordered
            ],
            "numeric": [c for c in self.encoder.numeric if c not in self.set_aside],
            "skew": self.encoder.skew,
        }

    @property
    def has_words_or_gaps(self):
        """Whether more than complete numbers are to be clustered."""
        return any(c.role != "number" or c.share_missing > 0 for c in self.columns)


def check_columns(table, names, option):
    """Refuse names that the table does not have."""
    for name in names:
        if name not in table:
            raise CommandError(
                f"{option}: there is no column {name!r} among {listed(table.columns)}"
            )


def prepare_table(args, table, note, set_aside=(), weights=None):
    """Prepare a table as the options say.

    Parameters
    ----------
    args : Namespace
        With the options about columns.
    table : TableFile
        The table as it was read.
    note : callable
        Told what is done with which column.
    set_aside : iterable of tuple
        Column and option of further columns that are not to be used.
    weights : ndarray of shape (n_samples,), default=None
        Weights of the rows, where they are a sample.
    """
    frame = table.frame
    named = [(name, "--drop") for name in args.drop]
    if args.id is not None:
        named.append((args.id, "--id"))
    named += set_aside
    for name, option in named:
        check_columns(frame, [name], option)
    for option in ("numeric", "categorical", "log", "date"):
        check_columns(frame, getattr(args, option), f"--{option}")
    check_columns(frame, dict(map(order_of, args.ordinal)), "--ordinal")
    aside = dict(named)
    aside |= {
        name: "a date; --date uses it"
        for name in frame.select_dtypes("datetime")
        if name not in aside and name not in args.date
    }
    for name in table.unreadable:
        aside.setdefault(name, "its cells are lists, maps or bytes")
    encoder = column_encoder(args, list(aside), frame)
    encoder.set_params(sentinels=frame.attrs.get("marks") or None)
    row_names = None if args.id is None else frame[args.id]
    with warnings_as_notes(note):
        try:
            X = encoder.fit_transform(frame, sample_weight=weights)
        except (ValueError, TypeError) as error:
            raise CommandError(first_line(error)) from error
        prepared = Prepared(frame, X, encoder, aside, table.forms, row_names, weights)
        if not prepared.has_words_or_gaps:
            # On axes, the steps of whole numbers would look like clusters.
            encoder.set_params(reduce=None)
            X = encoder.fit_transform(frame, sample_weight=weights)
            prepared = prepared._replace(X=X)
    for text in column_notes(prepared):
        note(text)
    return prepared


def column_encoder(args, aside, frame):
    """The encoder that the options ask for."""
    from .. import TableEncoder

    weights = dict(map(weight_of, args.weights))
    check_columns(frame, weights, "--weights")
    return TableEncoder(
        numeric=args.numeric,
        categorical=args.categorical,
        ordinal=dict(map(order_of, args.ordinal)) or None,
        skew=args.log or "log",
        drop=aside,
        column_weights=weights or None,
    )


def weight_of(text):
    """Read COLUMN=WEIGHT."""
    name, found, weight = text.rpartition("=")
    try:
        if found and float(weight) > 0:
            return name, float(weight)
    except ValueError:
        pass
    raise CommandError(f"--weights {text}: say COLUMN=WEIGHT, with a positive number")


def check_weights(args):
    """Refuse weights of columns where the method has no use for them."""
    if args.weights and args.method in TAKE_COLUMNS:
        raise CommandError(
            f"--weights says how much columns count in distances, and --method "
            f"{args.method} has none: name another method, or --drop columns"
        )


def order_of(text):
    """Read COLUMN=LOW,MIDDLE,HIGH; without levels, numbers have their own order."""
    name, found, levels = text.partition("=")
    return name, levels.split(",") if found else None


def unused_columns(prepared):
    """Columns that are not used, and why."""
    unused = dict(prepared.set_aside)
    for name, why in prepared.encoder.unused_columns_.items():
        unused.setdefault(name, why)
    return unused


def described_name(column):
    """Name of a column with its unit."""
    return f"{column.name} ({column.unit})" if column.unit else str(column.name)


def column_notes(prepared):
    """Yield one line for each kind of decision taken about the columns."""
    columns = prepared.columns
    numbers = [column for column in columns if column.role == "number"]
    if numbers:
        yield f"numbers, scaled: {listed(map(described_name, numbers))}"
    logged = [column.name for column in numbers if column.log_shift is not None]
    if logged:
        why = "since they are skewed" if prepared.encoder.skew == "log" else "as asked"
        yield f"logarithms taken, {why}: {listed(logged)}"
    words = [column for column in columns if column.role == "category"]
    if words:
        named = listed(
            f"{column.name} ({column.n_distinct} levels"
            f"{', rare ones together' * bool(column.rare)})"
            for column in words
        )
        yield f"categories, each of the weight of one number: {named}"
    ordered = [column.name for column in columns if column.role == "rank"]
    if ordered:
        yield f"categories with an order: {listed(ordered)}"
    codes = [column.name for column in columns if "code" in column.note]
    if codes:
        yield (
            f"whole numbers that look like codes, taken as categories: {listed(codes)}"
            "; --numeric makes quantities of them"
        )
    unused = unused_columns(prepared)
    if unused:
        yield f"not used: {listed(f'{n} ({why})' for n, why in unused.items())}"
    yield from missing_notes(prepared)


def missing_notes(prepared):
    """Yield lines about missing cells."""
    if prepared.weights is not None:
        shares = {c.name: c.share_missing for c in prepared.columns}
        named = listed(f"{name} ({s:.1%})" for name, s in shares.items() if s)
        if named:
            yield f"missing values: {named}"
        return
    missing = {
        c.name: int(prepared.frame[c.name].isna().sum()) for c in prepared.columns
    }
    if any(missing.values()):
        named = listed(f"{name} ({n:,})" for name, n in missing.items() if n)
        yield (f"missing values: {named}; every figure is of the cells that are there")
    n_rows = len(prepared.frame)
    empty = {n: m / n_rows for n, m in missing.items() if m > MOSTLY_EMPTY * n_rows}
    if empty:
        named = listed(f"{name} ({share:.0%})" for name, share in empty.items())
        yield f"mostly empty, so they count little: {named}; --drop leaves them out"


def is_known(column, field):
    """Whether anybody looked: not for the range of words, nor into dropped columns."""
    if field in ("low", "high"):
        return column.role in ("number", "rank")
    return field != "n_distinct" or column.unused != "dropped"


def written(column, field):
    """What the table of columns says; the range of dates and times as such."""
    value = getattr(column, field)
    is_range = field in ("low", "high") and column.role == "number"
    return in_words(column, value) if is_range and column.kind in MOMENTS else value


def columns_writer(prepared):
    """Return what writes the table of all columns and what was decided about each."""

    def write(path):
        import pandas as pd

        unused = unused_columns(prepared)
        rows = [
            {"column": column.name}
            | {
                field: written(column, field)
                for field in COLUMN_FIELDS
                if is_known(column, field)
            }
            | {
                "logged": column.log_shift is not None,
                "levels": " | ".join(column.levels),
                "why_unused": unused.get(column.name, ""),
                "note": column.note,
            }
            for column in prepared.encoder.columns_
        ]
        pd.DataFrame(rows).to_csv(path, index=False)

    return write
