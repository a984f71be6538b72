"""Models that ``--save`` writes: from a table as it was read to its clusters."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from ..tables._columns import number_columns, observed_numbers, unseen_levels
from ..tables._frames import table_cells
from .messages import CommandError, first_line, listed


class TableColumns(TransformerMixin, BaseEstimator):
    """From a table as it was read to what the clusterer takes of it.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    names : list of str
        All columns of the table at fit, in order.
    used : list of str
        Those that the model needs.
    forms : dict of str to TextForm
        How the cells of columns were read that are no plain numbers.
    centers : ndarray of shape (n_clusters, n_axes)
        Means of the encoded rows of each cluster.
    radii : ndarray of shape (n_clusters,)
        Distance of the farthest fitted row of each cluster from its mean.
    clusters : list
        Names of the clusters, in the order of `centers`.
    takes_columns : bool
        Whether the clusterer takes the columns in place of the encoded rows.
    """

    def __init__(
        self, encoder, names, used, forms, centers, radii, clusters, takes_columns
    ):
        self.encoder = encoder
        self.names = names
        self.used = used
        self.forms = forms
        self.centers = centers
        self.radii = radii
        self.clusters = clusters
        self.takes_columns = takes_columns

    def fit(self, X, y=None):
        """Do nothing: the columns were chosen before."""
        return self

    def transform(self, X):
        """Return the encoded rows, or the columns where the clusterer takes those."""
        table = self.with_all_names(X)
        return table[self.used] if self.takes_columns else self.encoder.transform(table)

    def with_all_names(self, X):
        """The columns of the fit in their order, those that lack filled with gaps."""
        missing = [name for name in self.used if name not in X]
        if missing:
            raise CommandError(
                f"the table lacks columns that the model needs: {listed(missing)}; it "
                f"has {listed(X.columns)}"
            )
        lacking = {name: None for name in self.names if name not in X}
        return X.assign(**lacking)[self.names]

    def notes(self, table):
        """Yield what is not as it was at fit, though it does no harm."""
        new = [name for name in table if name not in self.names]
        if new:
            yield f"not used, since the model does not know them: {listed(new)}"

    def __sklearn_is_fitted__(self):
        return True


def saved_model(prepared, estimator, labels, takes_columns):
    """Join what is fitted to one model, which takes the table as it is."""
    clusters = sorted(set(labels.tolist()))
    centers = np.array([prepared.X[labels == c].mean(axis=0) for c in clusters])
    radii = [
        np.linalg.norm(prepared.X[labels == c] - center, axis=1).max()
        for c, center in zip(clusters, centers, strict=True)
    ]
    columns = TableColumns(
        prepared.encoder,
        [*map(str, prepared.frame.columns)],
        [column.name for column in prepared.columns],
        prepared.forms,
        centers,
        np.array(radii),
        clusters,
        takes_columns,
    )
    return Pipeline([("columns", columns), ("clusters", estimator)])


def load_model(path):
    """Load a model that :func:`saved_model` made: its columns and its clusterer."""
    from .. import load

    if not path.exists():
        raise CommandError(f"there is no file {path}")
    try:
        model = load(path)
    except (ValueError, OSError) as error:
        raise CommandError(f"cannot read the model: {first_line(error)}") from error
    steps = list(getattr(model, "named_steps", {}).values())
    if not (len(steps) == 2 and isinstance(steps[0], TableColumns)):
        raise CommandError(
            f"{path} was not saved by this command: load it in Python, by "
            "skdeepcluster.load"
        )
    return steps


def unlike_rows(columns, frame, X, labels):
    """Find rows unlike any that was fitted.

    Parameters
    ----------
    columns : TableColumns
        Of the model.
    frame : DataFrame
        Columns of the fit.
    X : ndarray of shape (n_samples, n_axes)
        The same rows, encoded.
    labels : ndarray of shape (n_samples,)
        Their clusters.

    Returns
    -------
    unlike : ndarray of shape (n_samples,), dtype=bool
        Whether a number lies outside its fitted range, a level is new, or the row is
        farther from its cluster's mean than any fitted row.
    notes : list of str
        What of this there is.
    """
    unlike, notes, outside, unseen = np.zeros(len(frame), dtype=bool), [], [], []
    used = [column for column in columns.encoder.columns_ if column.role != "unused"]
    cells = table_cells(frame[[column.name for column in used]])
    cells = {cell.name: cell for cell in cells}
    for column in used:
        if column in number_columns(used, ranks=False):
            values = observed_numbers(cells[column.name], column)
            beyond = (values < column.low) | (values > column.high)
            if beyond.any():
                outside.append(
                    f"{column.name} ({beyond.sum():,} of {len(frame):,} rows, "
                    f"{beyond.mean():.0%}; fitted {column.low:g} to {column.high:g})"
                )
        else:
            names, beyond = unseen_levels(cells[column.name], column)
            if beyond.any():
                unseen.append(
                    f"{column.name} ({listed(names, 5)}: {beyond.sum():,} rows)"
                )
        unlike |= beyond
    if outside:
        notes.append(f"values outside the fitted range: {listed(outside)}")
    if unseen:
        notes.append(f"categories that the model has never seen: {listed(unseen)}")
    place = {cluster: j for j, cluster in enumerate(columns.clusters)}
    at = np.array([place[label] for label in labels.tolist()])
    distances = np.linalg.norm(X - columns.centers[at], axis=1)
    # One rounding may go past the farthest fitted row.
    unlike |= distances > columns.radii[at] * (1 + 1e-9)
    if unlike.any():
        notes.append(
            f"rows unlike any that was fitted: {unlike.sum():,} of {len(frame):,}; "
            "their clusters are the nearest ones, and say little"
        )
    return unlike, notes
