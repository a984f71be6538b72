"""PBN and TabularNCD on the tables and splits of their paper.

    python benchmarks/bench_pbn.py --data DATA_FOLDER

DATA_FOLDER holds the five tables as CSV files and ``splits.json``. Every fit is
appended to ``raw/bench_pbn.jsonl`` at once and not run again.
"""

import argparse
import csv
import json
import os
import platform
import shlex
import sys
import time
import warnings
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from runner import RAW, RESULTS, format_table, versions
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import train_test_split

from skdeepcluster import PBN, TabularNCD
from skdeepcluster.metrics import clustering_accuracy

TABLES = ("pendigits", "optdigits", "mfeat_fac", "cnae9", "letter")

# Latent width, learning rate, dropout and w, as published for each table.
PBN_GIVEN = {
    "pendigits": (11, 2.840e-3, 0.02538, 0.4606),
    "optdigits": (58, 8.756e-4, 0.08648, 0.0637),
    "mfeat_fac": (123, 2.768e-4, 0.1264, 0.4283),
    "cnae9": (768, 4.836e-3, 0.01101, 0.9006),
    "letter": (13, 6.142e-3, 0.0808, 0.8605),
}
PBN_ESTIMATED = {
    "pendigits": (12, 1.077e-3, 0.01126, 0.1067),
    "optdigits": (53, 3.646e-4, 0.06607, 0.1892),
    "mfeat_fac": (172, 4.675e-3, 0.2393, 0.6703),
    "cnae9": (579, 4.40e-3, 0.08132, 0.6982),
    "letter": (22, 5.889e-4, 0.02746, 0.7224),
}
# Neighbours, latent width, learning rate, dropout, top_k in %, w1, w2.
TABULAR_NCD = {
    "pendigits": (73, 13, 4.648e-3, 0.0278, 0.4674, 0.1399, 0.6054),
    "optdigits": (2, 27, 3.927e-3, 0.0349, 0.6738, 0.9967, 0.8863),
    "mfeat_fac": (82, 167, 1.958e-3, 0.5547, 0.7160, 0.0100, 0.9934),
    "cnae9": (11, 445, 9.717e-4, 0.0708, 0.3249, 0.0948, 0.9245),
    "letter": (100, 16, 5.49e-4, 0.0453, 0.8781, 0.1103, 0.9906),
}
# ACC in %: published, and the authors' program run anew.
PUBLISHED = {
    "PBN, published settings": (82.8, 92.6, 91.7, 72.6, 62.4),
    "PBN, published settings, number estimated": (83.0, 90.5, 90.6, 50.8, 61.3),
    "TabularNCD, published settings": (57.0, 73.0, 90.2, 51.3, 62.1),
}
RERUN = {
    "PBN, published settings": (82.3, 91.8, 90.1, 73.9, 64.8),
    "TabularNCD, published settings": (56.5, 76.1, 93.1, 47.8, None),
}


def load(name, folder):
    """Train and test part of a table, and what is known of its train part.

    Returns
    -------
    X, y : ndarray
        Rows of the train part, and their classes.
    partial : ndarray
        The same classes, -1 where novel.
    X_new, y_new : ndarray
        Rows of novel classes in the test part, and their classes.
    """
    split = json.loads((folder / "splits.json").read_text())[name]
    parts = read_parts(name, folder)
    kept = np.setdiff1d(np.arange(parts[0].shape[1]), split["drop_cols"])
    X, y, X_new, y_new = parts[0][:, kept], parts[1], parts[2][:, kept], parts[3]
    if split["standardize"]:
        mean, scale = X.mean(axis=0), X.std(axis=0)
        scale[scale == 0] = 1
        X, X_new = (X - mean) / scale, (X_new - mean) / scale
    novel = np.isin(y_new, split["novel"])
    partial = np.where(np.isin(y, split["known"]), y, -1)
    return X, y, partial, X_new[novel], y_new[novel]


def read_parts(name, folder):
    """Rows and classes of the train part and of the test part."""
    if name == "letter":
        with (folder / "letter.csv").open() as file:
            lines = list(csv.reader(file))[1:]
        test = np.array([line[0] == "1" for line in lines])
        y = np.array([ord(line[1]) - ord("A") for line in lines])
        X = np.array([line[2:] for line in lines], dtype=np.float64)
        return X[~test], y[~test], X[test], y[test]
    if name in ("pendigits", "optdigits"):
        tables = [read_csv(folder / f"{name}_{part}.csv") for part in ("train", "test")]
        return [half for table in tables for half in (table[:, :-1], table[:, -1])]
    table = read_csv(folder / f"{name}.csv")
    X, X_new, y, y_new = train_test_split(
        table[:, :-1], table[:, -1], test_size=0.2, random_state=42
    )
    return X, y, X_new, y_new


def read_csv(path):
    """Numbers of a file with or without a line of names."""
    first = path.open().readline().split(",")[0]
    named = not first.replace(".", "").replace("-", "").isdigit()
    return np.loadtxt(path, delimiter=",", skiprows=int(named), ndmin=2)


def in_our_units(w, X):
    """Convert a published w to the scale that the network sees.

    The authors' reconstruction error is in the table's units, ours in units in
    which the mean variance of the columns is 1. That is the same where a table
    is standardised.
    """
    return w / (w + (1 - w) * X.var(axis=0).mean())


def pbn(settings):
    def make(name, X, k, seed):
        latent_dim, lr, dropout, w = settings[name]
        return PBN(
            k,
            latent_dim=latent_dim,
            hidden_sizes=(3 * X.shape[1] // 4, X.shape[1] // 2),
            lr=lr,
            dropout=dropout,
            w=in_our_units(w, X),
            max_epochs=200,
            batch_size=512,
            random_state=seed,
        )

    return make


def tabular_ncd(name, X, k, seed):
    n_neighbors, latent_dim, lr, dropout, top_k, w1, w2 = TABULAR_NCD[name]
    return TabularNCD(
        k,
        n_neighbors=n_neighbors,
        latent_dim=latent_dim,
        hidden_sizes=(3 * X.shape[1] // 4, X.shape[1] // 2),
        lr=lr,
        dropout=dropout,
        top_k=top_k / 100,
        w1=w1,
        w2=w2,
        max_epochs=200,
        batch_size=512,
        random_state=seed,
    )


METHODS = {
    "PBN, published settings": (pbn(PBN_GIVEN), True),
    "PBN, published settings, number estimated": (pbn(PBN_ESTIMATED), False),
    "PBN, defaults": (lambda name, X, k, seed: PBN(k, random_state=seed), True),
    "PBN, defaults, number estimated": (
        lambda name, X, k, seed: PBN(random_state=seed),
        False,
    ),
    "TabularNCD, published settings": (tabular_ncd, True),
    "TabularNCD, defaults": (
        lambda name, X, k, seed: TabularNCD(k, random_state=seed),
        True,
    ),
}


def measure(method, name, seed, folder):
    """Fit once; score new rows, and the paper's clustering of these rows alone."""
    make, given = METHODS[method]
    X, _, partial, X_new, y_new = load(name, folder)
    model = make(name, X, len(np.unique(y_new)) if given else "auto", seed)
    cpu = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, partial)
    cpu = time.process_time() - cpu
    found = {"new rows": model.predict(X_new)}
    if isinstance(model, PBN):
        again = KMeans(model.n_novel_, n_init=10, random_state=seed)
        found["refit"] = again.fit_predict(model.transform(X_new))
    scores = {"acc": clustering_accuracy, "nmi": normalized_mutual_info_score}
    scores["ari"] = adjusted_rand_score
    row = {"method": method, "table": name, "seed": seed, "cpu_s": cpu}
    row["n_novel"] = int(model.n_novel_)
    known = partial[partial >= 0]
    row["known_acc"] = float(np.mean(model.predict_known(X[partial >= 0]) == known))
    for way, labels in found.items():
        row[way] = {key: float(score(y_new, labels)) for key, score in scores.items()}
    return row


def percent(values):
    """Mean and standard deviation of shares, in %."""
    spread = stdev(values) if len(values) > 1 else 0
    return f"{100 * fmean(values):.1f}±{100 * spread:.1f}"


def page(rows):
    """Lay out all rows as a Markdown page."""
    parts = [
        "# PBN and TabularNCD on the tables of their paper",
        f"- Command: `python benchmarks/{shlex.join([Path(sys.argv[0]).name])} "
        "--data DATA_FOLDER`\n"
        f"- Machine: {os.cpu_count()} cores, {platform.machine()}, "
        f"{platform.system()}; 1 thread\n- Versions: {versions()}",
    ]
    for score in ("acc", "nmi", "ari"):
        parts.append(f"## {score.upper()} in %, rows of novel classes in the test part")
        parts.append(
            format_table(["method", *TABLES, "mean"], score_lines(rows, score))
        )
    parts.append("## Number of classes found, CPU seconds of a fit")
    parts.append(format_table(["method", *TABLES, "runs"], cost_lines(rows)))
    return "\n\n".join(parts) + "\n"


def score_lines(rows, score):
    """One line for each method and way to label the new rows."""
    for method in METHODS:
        if score == "acc":
            for source, figures in (("published", PUBLISHED), ("rerun", RERUN)):
                if method in figures:
                    yield reference_line(f"{method} ({source})", figures[method])
        for way in ("new rows", "refit"):
            cells = [
                [row[way][score] for row in of(rows, method, name) if way in row]
                for name in TABLES
            ]
            if any(cells):
                texts = [percent(cell) if cell else "" for cell in cells]
                mean = f"{100 * fmean(map(fmean, cells)):.1f}" if all(cells) else ""
                yield [f"{method}: {way}", *texts, mean]


def reference_line(name, figures):
    mean = "" if None in figures else f"{fmean(figures):.1f}"
    return [name, *("" if f is None else f"{f:.1f}" for f in figures), mean]


def cost_lines(rows):
    for method in METHODS:
        runs = [of(rows, method, name) for name in TABLES]
        if any(runs):
            texts = [
                f"{'/'.join(str(row['n_novel']) for row in cell)}; "
                f"{fmean(row['cpu_s'] for row in cell):.0f} s"
                if cell
                else ""
                for cell in runs
            ]
            yield [method, *texts, "/".join(str(len(cell)) for cell in runs)]


def of(rows, method, name):
    return [row for row in rows if (row["method"], row["table"]) == (method, name)]


def main():
    """Measure what has not been measured, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(10))
    parser.add_argument("--raw", type=Path, default=RAW / "bench_pbn.jsonl")
    parser.add_argument("--out", type=Path, default=RESULTS / "bench_pbn.md")
    arguments = parser.parse_args()
    arguments.raw.parent.mkdir(exist_ok=True)
    lines = arguments.raw.read_text().splitlines() if arguments.raw.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {(row["method"], row["table"], row["seed"]) for row in rows}
    for seed in arguments.seeds:
        for method in arguments.methods:
            for name in arguments.tables:
                if (method, name, seed) not in done:
                    row = measure(method, name, seed, arguments.data)
                    rows.append(row)
                    with arguments.raw.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    print(method, name, seed, row["new rows"]["acc"], file=sys.stderr)
    arguments.out.write_text(page(rows))
    print(page(rows))


if __name__ == "__main__":
    main()
