"""Far more columns than rows: time, memory and groups of every public estimator.

Three groups of 20 rows in 20,000 columns; in each column their means and the rows
about these are standard normal. One process per estimator, default parameters, 3
clusters where a number is asked. Discovery knows the rows of one group, and is asked
for the two others; classifiers know half of each. Run from the root of the project::

    python benchmarks/bench_wide.py
"""

import argparse
import multiprocessing
import platform
import sys
from pathlib import Path

from runner import cpu_of
from sklearn.metrics import adjusted_rand_score

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SECONDS = 300


def measure(model, shape, connection):
    """Fit an estimator and use it; send its row of the table."""
    from memory import peak_mib
    from wide import finds_new, groups, target

    X, truth = groups(*shape)
    y = target(model, truth)
    # Compiled before the clock runs.
    cpu_of(model.fit, X[:, :30], *y)
    before = peak_mib()
    row = [f"{cpu_of(model.fit, X, *y)[1]:.1f}"]
    new, classes = groups(30, shape[1], seed=1)
    scores = ["", ""]
    if hasattr(model, "predict"):
        for place, (rows, known) in enumerate(((X, truth), (new, classes))):
            asked = known >= finds_new(model)
            found = model.predict(rows[asked])
            scores[place] = f"{adjusted_rand_score(known[asked], found):.2f}"
    connection.send([*row, f"{peak_mib() - before:.0f}", *scores])


def measured(model, shape):
    """A row of the table, measured in a process of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=measure, args=(model, shape, theirs))
    child.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(SECONDS) else [f"> {SECONDS}", "", "", ""]
    except EOFError:
        return ["refused", "", "", ""]
    finally:
        child.kill()
        child.join()


def main():
    """Measure every estimator, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--columns", type=int, default=20_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    from wide import defaults

    lines = [
        "# Far more columns than rows",
        "",
        f"`bench_wide.py --rows {args.rows} --columns {args.columns}`, Python "
        f"{platform.python_version()}. Three groups of normal rows about normal means, "
        f"in a table of {args.rows * args.columns * 8 / 2**20:.0f} MiB. Seconds are "
        "those of the processor in `fit`; memory is by how much the process grew in "
        "`fit` and `predict`. Agreement with the groups is the adjusted Rand index, "
        "of the rows of `fit` and of 30 new ones.",
        "",
        "| estimator | fit, s | added, MiB | rows of fit | new rows |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for model in defaults():
        if args.only in type(model).__name__:
            row = [f"`{model!r}`", *measured(model, (args.rows, args.columns))]
            lines.append(f"| {' | '.join(row)} |")
            print(lines[-1], flush=True)
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
