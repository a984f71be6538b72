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
from functools import partial
from importlib import metadata
from itertools import product
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
    "fast-plscan",
    "evoc",
    "faiss-cpu",
    "fast_hdbscan",
    "genieclust",
    "stepmix",
    "kmodes",
    "skrub",
    "pandas",
    "pyarrow",
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


def read_table(name, folder=None):
    """Read a table as it is stored.

    Parameters
    ----------
    name : str
        One of `BUNDLED`, or the stem of a npz file with arrays `X` and `y`, or
        several whose names begin with y.
    folder : path-like, default=None
        Where the npz files are; the working directory if None.

    Returns
    -------
    X : ndarray of shape (n, p), dtype=float64
    references : list of ndarray of shape (n,)
        Classes; several where a table has several partitions.
    """
    import numpy as np
    from sklearn import datasets

    if name in BUNDLED:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        references = [y]
    else:
        with np.load(table_path(name, folder), allow_pickle=False) as arrays:
            X = arrays["X"]
            references = [arrays[key] for key in arrays.files if key.startswith("y")]
    return X.astype(np.float64), references


def load_table(name, folder=None):
    """Read a table and scale it as `DIVISORS` says; see `read_table`."""
    from sklearn.preprocessing import StandardScaler

    X, (y, *_) = read_table(name, folder)
    if name in DIVISORS:
        return Table(name, X / DIVISORS[name], y)
    return Table(name, StandardScaler().fit_transform(X), y)


class Results:
    """A file of JSON lines that knows what was measured.

    Parameters
    ----------
    path : path-like
        Read first, and appended to.
    names : tuple of str
        What a measurement is known by, such as its table and its seed.
    forgotten : callable, default=None
        ``forgotten(row)`` tells which rows are to be measured again.
    only_known : bool, default=False
        Measure nothing: `measure` returns None for what is not in the file.
    """

    def __init__(self, path, names, *, forgotten=None, only_known=False):
        self.path, self.names, self.only_known = Path(path), names, only_known
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.rows = {
            self.key(row): row
            for row in map(json.loads, lines)
            if forgotten is None or not forgotten(row)
        }

    def key(self, row):
        """What a row is known by."""
        return tuple(json.dumps(row.get(n), sort_keys=True) for n in self.names)

    def measure(self, function, **known_by):
        """Call a function that returns figures, unless they are known."""
        # Through JSON and back: as a row that was read from the file.
        row = json.loads(json.dumps(known_by))
        key = self.key(row)
        if key not in self.rows and not self.only_known:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row |= function()
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            self.rows[key] = row
            print(json.dumps(row)[:300], file=sys.stderr, flush=True)
        return self.rows.get(key)


def cpu_of(function, *arguments):
    """Call a function without its warnings; return its result and CPU seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        result = function(*arguments)
        return result, time.process_time() - start


def in_process(function, *arguments):
    """Call a function at the top of a module in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(function, arguments)


def rise_of(function, *arguments):
    """Call a function; return its result, CPU seconds, and memory before and at most.

    For a process of its own: see `in_process`.
    """
    base = peak_mib()
    result, cpu_s = cpu_of(function, *arguments)
    return result, {"cpu_s": cpu_s, "base_mib": base, "peak_mib": peak_mib()}


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
    names = ("table", "method", "settings", "seed", "threads")
    results = Results(
        raw,
        names,
        forgotten=lambda row: fresh or "error" in row,
        only_known=only_known,
    )
    rows = []
    for name, method, seed in product(tables, methods, seeds):
        row = results.measure(
            partial(_run_in_process, method, name, seed, folder, threads, timeout),
            table=name,
            method=method.name,
            settings=dict(method.settings),
            seed=seed,
            threads=threads,
        )
        rows += [row] if row else []
    return rows


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
    base_mib = peak_mib()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cpu, wall = time.process_time(), time.perf_counter()
        labels = np.asarray(cluster(table.X, k, seed))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    most_mib = peak_mib()
    return {
        "acc": float(clustering_accuracy(table.y, labels)),
        "nmi": float(normalized_mutual_info_score(table.y, labels)),
        "ari": float(adjusted_rand_score(table.y, labels)),
        "inertia": _inertia(table.X, labels),
        "n_clusters": len(set(np.unique(labels).tolist()) - {-1}),
        "cpu_s": cpu,
        "wall_s": wall,
        "base_mib": base_mib,
        "peak_mib": most_mib,
        "warnings": Counter(warning.category.__name__ for warning in caught),
        "versions": versions(),
    }


def _inertia(X, labels):
    """Sum of squared distances of the rows to the mean of their cluster."""
    import numpy as np

    clusters = (X[labels == label] for label in np.unique(labels))
    return float(sum(((rows - rows.mean(axis=0)) ** 2).sum() for rows in clusters))


def peak_mib():
    """Largest memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says may be the peak of the process that started this one.
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


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
    return "\n\n".join(parts)


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


def mean_of(rows, quantity, digits=3):
    """Mean of a quantity over rows, as text."""
    return f"{fmean(row[quantity] for row in rows):.{digits}f}" if rows else "-"


def page_parser(description, *, data=False, page=False):
    """Make the parser of a script that writes a page.

    Parameters
    ----------
    description : str
    data : bool, default=False
        Whether the folder of tables must be given.
    page : bool, default=False
        Whether the page can be written of what has been measured.
    """
    stem = Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--data", metavar="FOLDER", required=data, help="folder of npz tables"
    )
    parser.add_argument("--raw", type=Path, default=RAW / f"{stem}.jsonl")
    parser.add_argument("--out", type=Path, default=RESULTS / f"{stem}.md")
    if page:
        parser.add_argument("--page", action="store_true", help="measure nothing")
    return parser


def write_page(parts, out):
    """Write the parts of a page, and print them."""
    text = "\n\n".join(parts).rstrip() + "\n"
    out.write_text(text)
    print(text)


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
    parser = page_parser(title, page=True)
    names = [method.name for method in methods]
    parser.add_argument("--methods", nargs="+", choices=names, default=names)
    parser.add_argument("--tables", nargs="+", default=tables)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--timeout", type=float, help="wall seconds for one run")
    parser.add_argument("--fresh", action="store_true", help="measure all again")
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
    parts = [markdown(rows, title, baseline=baseline)]
    write_page(parts if summarise is None else [*parts, summarise(rows)], arguments.out)
