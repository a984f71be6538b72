"""MixedMixture on made and real tables of numbers, categories and gaps.

Made tables: labels first, then means, noise and probabilities, then gaps, from one
generator; numbers are Gaussian around class means, categories have probabilities of
a Dirichlet distribution per class, and cells are removed at random. Real tables: CSV
files with a last column ``__class__``, at most 1,500 rows of each.

Each fit has a time limit; what did not end in time is written as such.
"""

import signal
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from mixed_peers import METHODS
from runner import (
    Results,
    command,
    cpu_of,
    format_table,
    in_process,
    page_parser,
    rise_of,
    versions,
    write_page,
)
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import MixedMixture

# What a table must reach: mean ARI, draws of ten with the right number.
MADE = {
    "balanced": ({}, 0.94, 9),
    "weak numbers": ({"sep": 0.7, "concentration": 0.25, "m": 8}, 0.96, 9),
    "categories": (
        {"m": 10, "concentration": 0.25, "p": 1, "sep": 0.0},
        0.97,
        9,
    ),
    "30 % gaps": ({"gaps": 0.3}, 0.85, 9),
    "correlated": ({"strength": 0.7}, 0.96, 9),
    "correlated, 30 % gaps": (
        {"strength": 0.7, "p": 5, "sep": 3.0, "gaps": 0.3},
        0.95,
        9,
    ),
    "6 + 6 noise columns": ({"noise": 6, "sep": 2.5, "concentration": 0.4}, 0.96, 9),
    "unequal weights": ({"halving": True, "n": 3000}, 0.92, 8),
    "10 levels": ({"levels": 10, "concentration": 0.3}, 0.97, 9),
    "26 levels": ({"levels": 26, "concentration": 0.15, "m": 4, "n": 3000}, 0.98, 9),
    "gap rates per class": ({"gap_rates": True}, 0.92, 9),
    "one class": ({"k": 1}, 1.0, 10),
    "one class, correlation .7": ({"k": 1, "correlation": 0.7}, 1.0, 10),
    "two classes": ({"k": 2}, 0.98, 9),
    "8 classes": ({"k": 8, "n": 4000, "p": 6, "m": 8}, 0.98, 8),
    "12 classes": ({"k": 12, "n": 6000, "p": 6, "m": 8}, 0.97, 8),
    "300 rows, 3 classes": (
        {"n": 300, "k": 3, "sep": 2.5, "concentration": 0.4},
        0.98,
        9,
    ),
    "300 rows, 5 classes": (
        {"n": 300, "k": 5, "sep": 2.5, "concentration": 0.3},
        0.96,
        9,
    ),
    "20,000 rows": ({"n": 20_000}, 0.94, 9),
    "two log-normal numbers": ({"lognormal": 2}, 0.93, 9),
    "t with 4 degrees of freedom": ({"df": 4, "sep": 2.5}, 0.92, 0),
}
FIRST_FOUR = ("balanced", "weak numbers", "categories", "30 % gaps")
REAL = (
    "penguins",
    "zoo",
    "soybean",
    "mushroom",
    "hepatitis",
    "abalone",
    "cars93",
    "auto_origin",
    "mpg",
    "titanic",
    "college",
)
NUMBERS_ONLY = ("auto_origin", "college")
FIRST_SEED = 100
MOST_ROWS = 1500
SIZES = (1_500, 20_000, 1_000_000)


def made_table(
    seed,
    n=1500,
    k=5,
    p=4,
    m=6,
    levels=4,
    sep=2.0,
    concentration=0.6,
    gaps=0.1,
    strength=0.0,
    correlation=0.0,
    halving=False,
    noise=0,
    df=None,
    lognormal=0,
    gap_rates=False,
):
    """Make a table of `p` numbers and `m` categories, and its classes."""
    rng = np.random.default_rng(seed)
    weights = 0.5 ** np.arange(1, k + 1) if halving else np.ones(k)
    y = rng.choice(k, n, p=weights / weights.sum())
    means = rng.normal(size=(k, p)) * sep
    noise_of = rng.normal(size=(n, p)) if df is None else rng.standard_t(df, (n, p))
    if strength:
        axes = rng.normal(size=(k, p))
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        along = np.sqrt(strength * p) * rng.normal(size=(n, 1)) * axes[y]
        noise_of = np.sqrt(1 - strength) * noise_of + along
    if correlation:
        shared = np.sqrt(correlation) * rng.normal(size=(n, 1))
        noise_of = shared + np.sqrt(1 - correlation) * noise_of
    numbers = means[y] + noise_of
    shares = rng.dirichlet(np.full(levels, concentration), size=(k, m))
    steps = np.cumsum(shares, axis=2)[y, :, :-1]
    codes = (rng.random((n, m, 1)) > steps).sum(axis=2)
    if noise:
        numbers = np.hstack([numbers, rng.normal(size=(n, noise))])
        codes = np.hstack([codes, rng.integers(levels, size=(n, noise))])
    numbers[:, :lognormal] = np.exp(numbers[:, :lognormal])
    numbers *= rng.uniform(0.1, 100, size=numbers.shape[1])
    width = numbers.shape[1] + codes.shape[1]
    rates = rng.uniform(0, 0.5, size=(k, width))[y] if gap_rates else gaps
    missing = rng.random((n, width)) < rates
    numbers[missing[:, : numbers.shape[1]]] = np.nan
    codes[missing[:, numbers.shape[1] :]] = -1
    frame = pd.DataFrame(numbers).add_prefix("x")
    names = [f"level {level}" for level in range(levels)]
    for j, column in enumerate(codes.T):
        frame[f"c{j}"] = pd.Categorical.from_codes(column, names)
    return frame, y


def real_table(folder, name):
    """Read a table and its classes."""
    path = Path(folder) / f"{name}.csv"
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    if len(frame) > MOST_ROWS:
        rows = np.random.default_rng(1).choice(len(frame), MOST_ROWS, replace=False)
        frame = frame.iloc[rows].reset_index(drop=True)
    y = frame.pop("__class__")
    return frame, y


class Late(BaseException):
    """The time is over; no method catches this."""


def _stop(number, frame):
    raise Late


def measure(run, frame, y, limit):
    """Cluster a table by ``run(frame, k)``; its figures, or that the time was over."""
    k = len(np.unique(y))
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(limit)
    try:
        labels, cpu_s = cpu_of(run, frame, k)
    except Late:
        return {"late": limit}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    finally:
        signal.alarm(0)
    return {
        "ari": adjusted_rand_score(y, labels),
        "found": len(np.unique(labels)),
        "k": k,
        "cpu_s": cpu_s,
    }


def measure_made(method, table, draw, limit):
    """Figures of one draw of a made table."""
    frame, y = made_table(FIRST_SEED + draw, **MADE[table][0])
    return measure(METHODS[method], frame, y, limit)


def measure_real(method, table, folder, limit):
    """Figures of a real table."""
    return measure(METHODS[method], *real_table(folder, table), limit)


def fit_rows(path):
    """Fit the rows of a file; for a process of its own, made warm."""
    frame = pd.read_pickle(path)
    MixedMixture().fit(frame.head(600))
    _, rise = rise_of(MixedMixture().fit, frame)
    return rise


def measure_size(n):
    """CPU seconds and memory of a fit of many rows."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.pickle"
        made_table(FIRST_SEED, n=n)[0].to_pickle(path)
        return in_process(fit_rows, path)


def compile_seconds():
    """CPU seconds that the kernels take to compile: a first fit less a second."""
    frame, _ = made_table(FIRST_SEED, n=600)
    first = cpu_of(MixedMixture().fit, frame)[1]
    return {"cpu_s": first - cpu_of(MixedMixture().fit, frame)[1]}


def cell(rows):
    """Mean ARI of some runs, and how often the number was right."""
    done = [row for row in rows if "ari" in row]
    if not done:
        return "late" if any("late" in row for row in rows) else "failed"
    mean = fmean(row["ari"] for row in done)
    right = sum(row["found"] == row["k"] for row in done)
    text = f"{mean:.3f} ({right}/{len(done)})"
    return text if len(done) == len(rows) else f"{text}, {len(rows) - len(done)} late"


def page_of_made(rows, methods):
    """Table of the made tables."""
    body = []
    for table, (_, least, right) in MADE.items():
        cells = []
        for method in methods:
            runs = [r for r in rows if (r.get("made"), r["method"]) == (table, method)]
            cells.append(cell(runs) if runs else "")
        body.append([table, f"{least} ({right})", *cells])
    return format_table(["table", "must reach", *methods], body)


def page_of_real(rows, methods):
    """Table of the real tables, and the means."""
    found = {(r["real"], r["method"]): r for r in rows if "real" in r}
    body = []
    for table in REAL:
        cells = []
        for method in methods:
            row = found.get((table, method), {})
            text = f"{row['ari']:.2f} ({row['found']})" if "ari" in row else "late"
            cells.append(text if row else "")
        body.append([table, *cells])
    with_categories = [table for table in REAL if table not in NUMBERS_ONLY]
    for name, tables in (
        ("mean of 11", REAL),
        ("mean of the 9 with categories", with_categories),
    ):
        cells = []
        for method in methods:
            values = [found.get((table, method), {}).get("ari") for table in tables]
            whole = None not in values
            cells.append(f"{fmean(values):.3f}" if whole else "")
        body.append([name, *cells])
    rule = {table: "TableEncoder + PPP" for table in NUMBERS_ONLY}
    by_rule = [
        found.get((table, rule.get(table, "MixedMixture")), {}) for table in REAL
    ]
    if all("ari" in row for row in by_rule):
        mean = fmean(row["ari"] for row in by_rule)
        row = ["mean of 11, PPP where only numbers are", f"{mean:.3f}"]
        body.append([*row, *[""] * (len(methods) - 1)])
    return format_table(["table", *methods], body)


def page(rows):
    """The whole page."""
    methods = [m for m in METHODS if any(row.get("method") == m for row in rows)]
    clustered = [row for row in rows if "method" in row]
    sizes = [
        [
            f"{row['size']:,}",
            f"{row['cpu_s']:.1f}",
            f"{row['peak_mib'] - row['base_mib']:.0f}",
        ]
        for row in rows
        if row.get("size")
    ]
    parts = [
        "# Tables of numbers, categories and gaps",
        f"- Command: `{command()}`\n- Versions: {versions()}\n"
        "- Each cell: mean ARI, in brackets in how many draws the number of clusters "
        "was right. Methods that are told take the number of classes. StepMix starts "
        "three times; by BIC it tries 1 to 8 classes. A fit may take the time of "
        "`--limit`, in seconds.",
        "## Made tables",
        page_of_made(clustered, methods),
        "## Real tables",
        "ARI, in brackets the number of clusters. A class that people gave need not "
        "be a cluster. auto_origin and college hold numbers only.",
        page_of_real(clustered, methods),
        "## Time and memory of MixedMixture",
        format_table(["rows x 10 columns", "CPU s", "MiB more than the table"], sizes),
    ]
    compiled = [row["cpu_s"] for row in rows if row.get("compile")]
    if compiled:
        parts.append(f"Kernels compile in {compiled[0]:.1f} CPU s, once.")
    seconds = []
    for method in methods:
        done = [r["cpu_s"] for r in clustered if r["method"] == method and "ari" in r]
        done = [f"{np.median(done):.2f}", f"{max(done):.1f}"] if done else ["", ""]
        seconds.append([method, *done])
    parts.append(format_table(["method", "median CPU s of all", "most"], seconds))
    return parts


def main():
    """Measure, and write the page."""
    parser = page_parser(__doc__, data=True, page=True)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--peer-draws", type=int, default=3)
    parser.add_argument("--limit", type=int, default=60)
    arguments = parser.parse_args()
    results = Results(
        arguments.raw,
        ("method", "made", "real", "draw", "size", "compile"),
        only_known=arguments.page,
    )
    results.measure(compile_seconds, compile=True)
    for n in SIZES:
        results.measure(partial(measure_size, n), size=n)
    for method, table in product(arguments.methods, REAL):
        run = partial(measure_real, method, table, arguments.data, arguments.limit)
        results.measure(run, method=method, real=table)
    for method, table in product(arguments.methods, MADE):
        ours = method in ("MixedMixture", "TableEncoder + PPP")
        if not ours and table not in FIRST_FOUR:
            continue
        for draw in range(arguments.draws if ours else arguments.peer_draws):
            run = partial(measure_made, method, table, draw, arguments.limit)
            results.measure(run, method=method, made=table, draw=draw)
    write_page(page(list(results.rows.values())), arguments.out)


if __name__ == "__main__":
    main()
