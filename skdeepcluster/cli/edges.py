"""Edges between the rows of a table, from a file of their own."""

import argparse

from .files import read
from .messages import CommandError


def check_edges(args):
    """Refuse options about edges that do not go together."""
    if args.edges is None:
        if args.edge_columns is not None:
            raise CommandError("--edge-columns needs --edges FILE")
        if args.method == "graph":
            raise CommandError("--method graph needs --edges FILE and --id COL")
        return
    if args.id is None:
        raise CommandError("--edges needs --id COL, the column that edges name rows by")
    if args.method not in (None, "graph"):
        raise CommandError(f"--edges is for --method graph, not for {args.method}")
    if args.edge_columns is not None and len(args.edge_columns) not in (2, 3):
        raise CommandError("--edge-columns takes two columns, or three with a weight")


def read_edges(args, names, note):
    """Read the edges between rows.

    Parameters
    ----------
    args : Namespace
        With the options about edges and files.
    names : Series
        Name of each row.
    note : callable
        Told what was left out.

    Returns
    -------
    csr_array of shape (n_samples, n_samples)
        Symmetric weights; those of an edge that is there more than once are added.
    """
    import numpy as np

    frame = read(edge_file(args), ()).frame
    columns = args.edge_columns or [*frame.columns[:2]]
    for name in columns:
        if name not in frame:
            raise CommandError(
                f"--edge-columns: there is no column {name!r} in {args.edges}"
            )
    if len(columns) < 2:
        raise CommandError(f"{args.edges} has fewer than two columns")
    weights = weights_of(frame, columns[2:])
    places = row_numbers(names)
    ends = [frame[name].map(places).to_numpy(float) for name in columns[:2]]
    known = ~np.isnan(ends[0]) & ~np.isnan(ends[1])
    if not known.any():
        raise CommandError(
            f"no edge of {args.edges} joins two rows: its columns {columns[0]!r} and "
            f"{columns[1]!r} must hold values of {args.id!r}"
        )
    graph = joined(
        *(end[known].astype(int) for end in ends), weights[known], len(names)
    )
    left_out = np.count_nonzero(~known)
    alone = np.count_nonzero(np.diff(graph.indptr) == 0)
    note(
        f"edges: {graph.nnz // 2:,} pairs of rows are linked, in either direction"
        f"{f'; {left_out:,} edges name rows that are not there' * bool(left_out)}"
        f"{f'; {alone:,} rows have no edge' * bool(alone)}"
    )
    return graph


def edge_file(args):
    """The options under which the file of edges is read."""
    plain = {"numeric": (), "categorical": (), "date": ()}
    return argparse.Namespace(**{**vars(args), **plain, "table": args.edges})


def weights_of(frame, column):
    """Weights of the edges: 1 where no column says them."""
    import numpy as np

    if not column:
        return np.ones(len(frame))
    values = frame[column[0]]
    if values.dtype.kind not in "iuf":
        raise CommandError(f"the weights {column[0]!r} of the edges are no numbers")
    weights = values.to_numpy(np.float64)
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        raise CommandError(
            f"the weight {column[0]!r} of edge {int(bad.argmax())} is missing or "
            "negative"
        )
    return weights


def row_numbers(names):
    """Map the name of each row to its number; each name is there once."""
    twice = names[names.duplicated()]
    if len(twice):
        raise CommandError(f"--id {names.name}: {twice.iloc[0]!r} names two rows")
    return dict(zip(names, range(len(names)), strict=True))


def joined(heads, tails, weights, n_rows):
    """Add up the weights between two rows, in either direction; no row with itself."""
    from scipy.sparse import coo_array, csr_array

    others = heads != tails
    entries = weights[others], (heads[others], tails[others])
    graph = coo_array(entries, shape=(n_rows, n_rows)).tocsr()
    graph = csr_array(graph + graph.T)
    graph.eliminate_zeros()
    return graph
