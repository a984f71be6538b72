"""``skdeepcluster sample``: the rows of a table to look at first."""

import sys

from .columns import columns_writer, prepare_table
from .files import read, result_table, table_format, write_table
from .messages import (
    CommandError,
    first_line,
    keep_quiet,
    print_lines,
    say,
    warnings_as_notes,
)
from .outputs import check_outputs, write_outputs

RESULT_COLUMNS = ("sample_row", "sample_stands_for")


def sample(args):
    """Run ``skdeepcluster sample``."""
    from .. import ClusterSampler

    note = keep_quiet if args.quiet else say
    check_outputs(args)
    table = read(args, RESULT_COLUMNS)
    for text in table.notes:
        note(text)
    prepared = prepare_table(args, table, note)
    sampler = ClusterSampler(args.n, random_state=args.random_state)
    with warnings_as_notes(note):
        try:
            sampler.fit(prepared.X)
        except ValueError as error:
            raise CommandError(first_line(error)) from error
    chosen = sampler.sample_indices_

    def write(path):
        none = [None] * len(RESULT_COLUMNS)
        rows = result_table(table, args.out, RESULT_COLUMNS, none).iloc[chosen]
        columns = (chosen + 1, sampler.sample_sizes_.round().astype(int))
        rows = rows.assign(**dict(zip(RESULT_COLUMNS, columns, strict=True)))
        write_table(rows, path, table_format(args.out))

    write_outputs(args, note, {"out": write, "columns": columns_writer(prepared)})
    print_lines(summary(sampler, len(prepared.X)), sys.stdout)


def summary(sampler, n_rows):
    """Say how many rows were chosen, and of what, line by line."""
    chosen, sizes = len(sampler.sample_indices_), sampler.sample_sizes_
    lines = [f"{chosen:,} of {n_rows:,} rows, from {sampler.n_clusters_:,} clusters"]
    if chosen < min(sampler.n_samples, n_rows):
        lines.append("equal rows are chosen once: there are no more distinct ones")
    lines.append(f"each stands for {sizes.min():.0f} to {sizes.max():.0f} rows")
    return lines
