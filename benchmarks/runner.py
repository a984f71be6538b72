"""Measure clustering methods on labelled tables, one process per run.

A benchmark is a list of `Method` and a list of table names::

    import runner

    def kmeans():
        from sklearn.cluster import KMeans

        return lambda X, k, seed: KMeans(k, random_state=seed).fit(X).labels_

    if __name__ == "__main__":
        runner.main([runner.Method("KMeans", kmeans)], ["iris"], "k-means")

Each (method, table, seed) runs in a fresh process, so that its CPU seconds and
its memory are its own, and a crash costs one row. Each result is appended to a
file of JSON lines at once: what is in the file is not measured again (but for
failures), so an interrupted benchmark goes on where it stopped.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import re
import resource
import shlex
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import fmean, median
from unittest import mock

BUNDLED = ("digits", "wine", "breast_cancer", "iris")
"""Tables that scikit-learn ships; every other one is FOLDER/NAME.npz."""

DIVISORS = {"digits": 16, "mnist_train5k": 255, "fashion_train10k": 255}
"""Pixels are divided by their range; every other table is standardised."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

PACKAGES = (
    "skdeepcluster",
    "scikit-learn",
    "numpy",
    "scipy",
    "numba",
    "torch",
    "skorch",
    "clustpy",
    "umap-learn",
)

PATH = re.compile(r"(/[\w.+-]+){2,}")
"""A path says nothing on another machine: error messages go without."""

GRACE_SECONDS = 5

RESULTS = Path(__file__).parent / "results"
RAW = Path(__file__).parent / "raw"


@dataclass(frozen=True)
class Method:
    """A way to get labels from a table.

    Parameters
    ----------
    name : str
        Row name.
    factory : callable
        ``factory(**settings)`` imports what the method needs and returns a
        callable ``(X, k, seed) -> labels`` (-1 is noise). Only the returned
        callable is measured. It must be importable: a function at the top of
        a module.
    settings : mapping, default={}
        Recorded with each result; a result is reused only under the same ones.
    needs_k : bool, default=True
        Whether the method is told the number of classes; `k` is None otherwise.
    """

    name: str
    factory: Callable
    settings: Mapping = field(default_factory=dict)
    needs_k: bool = True


@dataclass(frozen=True)
class Table:
    """Scaled rows `X`, float64 of shape (n, p), with their classes `y`, (n,)."""

    name: str
    X: object
    y: object


def table_path(name, folder):
    """Path of a table that scikit-learn does not ship."""
    return Path(folder or ".") / f"{name}.npz"


def load_table(name, folder=None):
    """Load a table and scale it as `DIVISORS` says.

    Parameters
    ----------
    name : str
        One of `BUNDLED`, or the stem of a npz file with arrays `X` and `y`.
    folder : path-like, default=None
        Where the npz files are; the working directory if None.

    Returns
    -------
    table : Table
    """
    import numpy as np
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    if name in BUNDLED:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    else:
        with np.load(table_path(name, folder), allow_pickle=False) as arrays:
            X, y = arrays["X"], arrays["y"]
    X = X.astype(np.float64)
    if name in DIVISORS:
        return Table(name, X / DIVISORS[name], y)
    return Table(name, StandardScaler().fit_transform(X), y)


def run(
    methods,
    tables,
    seeds,
    *,
    raw,
    folder=None,
    threads=1,
    timeout=None,
    fresh=False,
    only_known=False,
):
    """Measure what the raw file does not hold yet.

    Parameters
    ----------
    methods : list of Method
    tables : list of str
    seeds : list of int
    raw : path-like
        File of JSON lines, read first and appended to.
    folder : path-like, default=None
        See `load_table`.
    threads : int, default=1
        Threads of each run.
    timeout : float, default=None
        Wall seconds after which a run is ended and counts as failed.
    fresh : bool, default=False
        Measure everything again; of equal runs, the last row of `raw` counts.
    only_known : bool, default=False
        Measure nothing: leave out what `raw` does not hold.

    Returns
    -------
    rows : list of dict
        One per (table, method, seed), in this order.
    """
    raw = Path(raw)
    raw.parent.mkdir(parents=True, exist_ok=True)
    lines = raw.read_text().splitlines() if raw.exists() else []
    measured = () if fresh else map(json.loads, lines)
    known = {_key(row): row for row in measured if "error" not in row}
    rows = []
    for name in tables:
        for method in methods:
            for seed in seeds:
                row = {
                    "table": name,
                    "method": method.name,
                    "settings": dict(method.settings),
                    "seed": seed,
                    "threads": threads,
                }
                # Through JSON and back: as a row that was read from the file.
                row = json.loads(json.dumps(row))
                if _key(row) not in known:
                    if only_known:
                        continue
                    row |= _run_in_process(method, name, seed, folder, threads, timeout)
                    with raw.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    known[_key(row)] = row
                    print(_progress(row), file=sys.stderr, flush=True)
                rows.append(known[_key(row)])
    return rows


def _key(row):
    return tuple(
        json.dumps(row[name], sort_keys=True)
        for name in ("table", "method", "settings", "seed", "threads")
    )


def _progress(row):
    outcome = row["error"] if "error" in row else f"ACC {row['acc']:.3f}"
    cpu = "" if "error" in row else f", {row['cpu_s']:.2f} CPU s"
    return f"{row['table']}, {row['method']}, seed {row['seed']}: {outcome}{cpu}"


def _run_in_process(method, name, seed, folder, threads, timeout):
    # "spawn": a forked process would share the memory of this one, and thread
    # pools do not survive a fork.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_send_result, args=(sender, method, name, seed, folder)
    )
    limits = dict.fromkeys(THREAD_VARIABLES, str(threads))
    with mock.patch.dict(os.environ, limits):
        process.start()
    sender.close()
    try:
        if not receiver.poll(timeout):
            process.kill()
            return {"error": f"stopped after {timeout:g} s"}
        return receiver.recv()
    except EOFError:
        process.join()
        return {"error": f"the process ended with exit code {process.exitcode}"}
    except KeyboardInterrupt:
        process.kill()
        raise
    finally:
        # A pool of worker processes that a method left would keep it alive.
        process.join(GRACE_SECONDS)
        process.kill()
        process.join()


def _send_result(sender, method, name, seed, folder):
    try:
        # The standard output is for the page.
        with contextlib.redirect_stdout(sys.stderr):
            result = measure(method, load_table(name, folder), seed)
    except Exception as error:
        # What a peer raises is a result, not a failure of the benchmark.
        message = PATH.sub("PATH", " ".join(str(error).split()))
        result = {"error": f"{type(error).__name__}: {message[:200]}"}
    sender.send(result)


def measure(method, table, seed):
    """Run a method once in this process.

    Returns
    -------
    result : dict
        `acc`, `nmi`, `ari`, `inertia` (of the labels, about their means),
        `n_clusters` (noise not counted), `cpu_s` (all threads; not the
        processes that a method starts), `wall_s`, `base_mib` (peak memory when
        the imports are done and the table is loaded), `peak_mib`, `warnings`
        (count per category), `versions`.
    """
    import numpy as np
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    from skdeepcluster.metrics import clustering_accuracy

    cluster = method.factory(**method.settings)
    k = len(np.unique(table.y)) if method.needs_k else None
    base_mib = _peak_mib()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cpu, wall = time.process_time(), time.perf_counter()
        labels = np.asarray(cluster(table.X, k, seed))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak_mib = _peak_mib()
    return {
        "acc": float(clustering_accuracy(table.y, labels)),
        "nmi": float(normalized_mutual_info_score(table.y, labels)),
        "ari": float(adjusted_rand_score(table.y, labels)),
        "inertia": _inertia(table.X, labels),
        "n_clusters": len(set(np.unique(labels).tolist()) - {-1}),
        "cpu_s": cpu,
        "wall_s": wall,
        "base_mib": base_mib,
        "peak_mib": peak_mib,
        "warnings": Counter(warning.category.__name__ for warning in caught),
        "versions": versions(),
    }


def _inertia(X, labels):
    """Sum of squared distances of the rows to the mean of their cluster."""
    import numpy as np

    clusters = (X[labels == label] for label in np.unique(labels))
    return float(sum(((rows - rows.mean(axis=0)) ** 2).sum() for rows in clusters))


def _peak_mib():
    # The peak of a spawned process starts at that of its parent: this module
    # imports nothing large at its top, so that it is below any child's own.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def versions():
    """Name the versions in use, in one line."""
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def markdown(rows, title, *, baseline="KMeans"):
    """Lay out the rows of `run` as a Markdown page.

    Parameters
    ----------
    rows : list of dict
    title : str
    baseline : str, default="KMeans"
        Method whose median CPU seconds are 1.

    Returns
    -------
    page : str
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    tables = list(dict.fromkeys(row["table"] for row in rows))
    runs = {
        (table, method): [
            row for row in rows if (row["table"], row["method"]) == (table, method)
        ]
        for table in tables
        for method in methods
    }
    means = [[m, *(_mean_acc(runs[table, m]) for table in tables)] for m in methods]
    parts = [f"# {title}", _header(rows)]
    parts += ["## Mean ACC", format_table(["method", *tables], means)]
    for table in tables:
        reference = _median(runs.get((table, baseline), []), "cpu_s")
        body = [_method_cells(runs[table, method], reference) for method in methods]
        parts += [f"## {table}", format_table(COLUMNS, body)]
    return "\n\n".join(parts) + "\n"


COLUMNS = [
    "method",
    "runs",
    "ACC mean (min-max)",
    "NMI",
    "ARI",
    "clusters",
    "CPU s",
    "ratio",
    "wall s",
    "peak MiB (base)",
    "warnings",
]


def _header(rows):
    settings = {
        row["method"]: ", ".join(f"{k}={v}" for k, v in row["settings"].items())
        for row in rows
        if row["settings"]
    }
    threads = sorted({row["threads"] for row in rows})
    lines = [
        f"- Command: `{command()}`",
        f"- Machine: {os.cpu_count()} cores, {platform.machine()}, "
        f"{platform.system()}; {', '.join(map(str, threads))} thread(s) for each run",
        *sorted({f"- Versions: {row['versions']}" for row in rows if "acc" in row}),
        *(f"- {method}: {text}" for method, text in settings.items()),
        "- NMI and ARI are means over the seeds; CPU s, wall s and MiB are medians; "
        "ratio is CPU s over that of the baseline; clusters are the numbers found.",
    ]
    return "\n".join(lines)


def command():
    """Return the command line without the names of folders and files."""
    words = ["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]
    for option in {"--raw", "--out"} & set(words):
        at = words.index(option)
        del words[at : at + 2]
    if "--data" in words:
        words[words.index("--data") + 1] = "DATA_FOLDER"
    return shlex.join(words)


def format_table(columns, body):
    """Lay out cells (str) as a Markdown table."""
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _method_cells(runs, reference):
    done = [row for row in runs if "acc" in row]
    cells = [runs[0]["method"], f"{len(done)}/{len(runs)}"]
    if not done:
        return cells + [runs[0]["error"].replace("|", "/")] + [""] * 8
    acc = [row["acc"] for row in done]
    cpu = _median(done, "cpu_s")
    counts = sum((Counter(row["warnings"]) for row in done), Counter())
    failures = Counter(row["error"].split(":")[0] for row in runs if "error" in row)
    return [
        *cells,
        f"{fmean(acc):.3f} ({min(acc):.3f}-{max(acc):.3f})",
        f"{fmean(row['nmi'] for row in done):.3f}",
        f"{fmean(row['ari'] for row in done):.3f}",
        "/".join(str(row["n_clusters"]) for row in done),
        f"{cpu:.2f}",
        f"{cpu / reference:.1f}" if reference else "-",
        f"{_median(done, 'wall_s'):.2f}",
        f"{_median(done, 'peak_mib'):.0f} ({_median(done, 'base_mib'):.0f})",
        ", ".join(f"{name} x{n}" for name, n in (counts + failures).items()) or "-",
    ]


def _mean_acc(runs):
    acc = [row["acc"] for row in runs if "acc" in row]
    return f"{fmean(acc):.3f}" if acc else "fails"


def _median(runs, quantity):
    values = [row[quantity] for row in runs if quantity in row]
    return median(values) if values else None


def main(methods, tables, title, *, baseline="KMeans", summarise=None):
    """Run a benchmark from the command line and write its page.

    Parameters
    ----------
    methods : list of Method
    tables : list of str
        Both may be narrowed on the command line.
    title : str
    baseline : str, default="KMeans"
        See `markdown`.
    summarise : callable, default=None
        ``summarise(rows) -> str`` makes a last section of the page.
    """
    stem = Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(description=title)
    names = [method.name for method in methods]
    parser.add_argument("--data", metavar="FOLDER", help="folder of npz tables")
    parser.add_argument("--methods", nargs="+", choices=names, default=names)
    parser.add_argument("--tables", nargs="+", default=tables)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--timeout", type=float, help="wall seconds for one run")
    parser.add_argument("--fresh", action="store_true", help="measure all again")
    parser.add_argument(
        "--page", action="store_true", help="measure nothing, write the page anew"
    )
    parser.add_argument("--raw", type=Path, default=RAW / f"{stem}.jsonl")
    parser.add_argument("--out", type=Path, default=RESULTS / f"{stem}.md")
    arguments = parser.parse_args()
    for name in arguments.tables:
        if name not in BUNDLED and not table_path(name, arguments.data).is_file():
            parser.error(f"no {name}.npz: name its folder by --data")
    rows = run(
        [method for method in methods if method.name in arguments.methods],
        arguments.tables,
        arguments.seeds,
        raw=arguments.raw,
        folder=arguments.data,
        threads=arguments.threads,
        timeout=arguments.timeout,
        fresh=arguments.fresh,
        only_known=arguments.page,
    )
    page = markdown(rows, title, baseline=baseline)
    if summarise is not None:
        page = f"{page}\n{summarise(rows)}".rstrip() + "\n"
    arguments.out.write_text(page)
    print(page)
