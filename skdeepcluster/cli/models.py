"""Models that ``--save`` writes: from a table as it was read to its groups."""

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from .columns import NUMERIC_KINDS, Roles, as_features, as_numbers
from .messages import CommandError, first_line, listed


class TableColumns(TransformerMixin, BaseEstimator):
    """Takes from a table the columns that were in use at fit, by their names.

    Parameters
    ----------
    numeric, categorical : list of str
        Columns of numbers, and of categories.
    unused : list of str
        Columns that the table had besides.
    """

    def __init__(self, numeric, categorical, unused):
        self.numeric = numeric
        self.categorical = categorical
        self.unused = unused

    def fit(self, X, y=None):
        """Do nothing: the columns were chosen before."""
        return self

    def transform(self, X):
        """Return the columns in use, as float64 numbers and as strings."""
        self._check(X)
        codes = {
            name: whole_numbers_as_text(X[name])
            for name in self.categorical
            if kind_of(X[name]) in NUMERIC_KINDS
        }
        roles = Roles(self.numeric, self.categorical, {})
        return as_features(X.assign(**codes), roles)

    def _check(self, table):
        known = [*self.numeric, *self.categorical]
        missing = [name for name in known if name not in table]
        if missing:
            raise CommandError(
                f"the table lacks columns that the model needs: {listed(missing)}; it "
                f"has {listed(table.columns)}"
            )
        for name in known:
            if table.columns.tolist().count(name) > 1:
                raise CommandError(f"the table has more than one column {name!r}")
        for name in self.numeric:
            column = table[name]
            kind = kind_of(column)
            if kind not in NUMERIC_KINDS and kind != "empty":
                row, value = first_non_number(column)
                raise CommandError(
                    f"column {name!r} held numbers when the model was fitted and "
                    f"holds {kind} values now, {value!r} in row {row + 1}"
                )

    def notes(self, table):
        """Yield what is not as it was at fit, though it does no harm."""
        known = [*self.numeric, *self.categorical]
        new = [name for name in table if name not in {*known, *self.unused}]
        if new:
            yield f"not used, since the model does not know them: {listed(new)}"
        retyped = [
            name for name in self.categorical if kind_of(table[name]) in NUMERIC_KINDS
        ]
        if retyped:
            yield f"numbers now, text at fit, taken as text: {listed(retyped)}"

    def __sklearn_is_fitted__(self):
        return True


def kind_of(column):
    """What pandas takes a column for."""
    from pandas.api.types import infer_dtype

    return infer_dtype(column, skipna=True)


def first_non_number(column):
    """Row and value of the entry that makes a column hold more than numbers.

    One word makes text of all cells of a CSV column: numbers among them are not
    what is to be put right.
    """
    first = None
    for row, value in enumerate(column):
        if is_text_of_number(value):
            first = first or (row, value)
        elif kind_of([value]) not in {*NUMERIC_KINDS, "empty"}:
            return row, value
    return first or (0, column.iloc[0])


def is_text_of_number(value):
    """Whether a number can be read from a string."""
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def whole_numbers_as_text(column):
    """Write 1.0 as 1: a missing value had made floats of whole numbers."""
    numbers = as_numbers(column)
    texts = numbers.map("{:.15g}".format).astype(object)
    return texts.where(numbers.notna(), float("nan"))


def saved_model(roles, preparation, estimator):
    """Join what is fitted to one model, which takes the table as it is."""
    columns = TableColumns(roles.numeric, roles.categorical, list(roles.unused))
    return Pipeline(
        [("columns", columns), ("preparation", preparation), ("clusters", estimator)]
    )


def load_model(path):
    """Load a model that :func:`saved_model` made.

    Returns
    -------
    columns, preparation, estimator : objects
        Its three steps.
    """
    from .. import load

    if not path.exists():
        raise CommandError(f"there is no file {path}")
    try:
        model = load(path)
    except (ValueError, OSError) as error:
        raise CommandError(f"cannot read the model: {first_line(error)}") from error
    steps = getattr(model, "named_steps", {})
    if list(steps) != ["columns", "preparation", "clusters"]:
        raise CommandError(
            f"{path} was not saved by this command: load it in Python, by "
            "skdeepcluster.load"
        )
    return tuple(steps.values())


def unseen_levels(features, columns, preparation):
    """Yield a line if some categories were not there when the model was fitted."""
    if not columns.categorical:
        return
    encoder = preparation.named_transformers_["categories"][-1]
    unseen = []
    for name, levels in zip(columns.categorical, encoder.categories_, strict=True):
        values = features[name].dropna()
        values = values[~values.isin(levels)]
        if len(values):
            unseen.append(
                f"{name} ({listed(values.unique(), 5)}: {len(values):,} rows)"
            )
    if unseen:
        yield f"categories that the model has never seen: {listed(unseen)}"
