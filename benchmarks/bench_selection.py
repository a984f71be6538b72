"""How well scores without labels choose: regret on labelled tables.

Run ``python benchmarks/bench_selection.py --data FOLDER``. On every table the same
candidates are fitted, six kinds of clusterers with eight settings each and PPP, and
every score judges each. The result of a table is appended to a file of JSON lines
at once; what that file holds is not measured again, so an interrupted run goes on
where it stopped. ``--page`` measures nothing and writes the page anew.
"""

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from bench_ppp import judge, load_table, table_names  # noqa: E402
from runner import RAW, RESULTS, command, format_table, versions  # noqa: E402

MAX_AXES = 20
NUMBERS = (2, 3, 4, 5, 7, 10, 14, 20)
SIZES = (5, 8, 12, 18, 27, 40, 60, 90)
SCORES = (
    "silhouette",
    "calinski_harabasz",
    "davies_bouldin",
    "dbcv",
    "stability",
    "prediction_strength",
)
# Rank averages of several scores; the last is the consensus of the package.
CONSENSUS = {
    "silhouette + calinski_harabasz": ("silhouette", "calinski_harabasz"),
    "silhouette + stability": ("silhouette", "stability"),
    "silhouette + dbcv": ("silhouette", "dbcv"),
    "dbcv + stability": ("dbcv", "stability"),
    "silhouette + dbcv + stability": ("silhouette", "dbcv", "stability"),
}
FAMILIES = ("KMeans", "mixture, full", "mixture, diag", "Ward", "average", "HDBSCAN")


def candidates():
    """Name of a kind, its setting, and the estimator."""
    from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
    from sklearn.mixture import GaussianMixture

    from skdeepcluster import PPP

    for k in NUMBERS:
        yield "KMeans", k, KMeans(k, n_init=3, random_state=0)
        for shape in ("full", "diag"):
            mixture = GaussianMixture(
                k, covariance_type=shape, reg_covar=1e-4, max_iter=50, random_state=0
            )
            yield f"mixture, {shape}", k, mixture
        yield "Ward", k, AgglomerativeClustering(k)
        yield "average", k, AgglomerativeClustering(k, linkage="average")
    for size in SIZES:
        yield "HDBSCAN", size, HDBSCAN(min_cluster_size=size, copy=True)
    yield "PPP", None, PPP()


def measure(name, folder, n_rows, n_resamples):
    """Fit and score every candidate on one table."""
    from sklearn.decomposition import PCA

    from skdeepcluster.model_selection import get_scorer

    X, references = load_table(name, folder, n_rows)
    if X.shape[1] > MAX_AXES:
        X = PCA(MAX_AXES, svd_solver="full").fit_transform(X)
    scorers = {key: get_scorer(key, n_resamples=n_resamples) for key in SCORES}
    found, seconds = [], dict.fromkeys((*SCORES, "fit"), 0.0)
    for family, setting, estimator in candidates():
        start = time.process_time()
        estimator.fit(X)
        seconds["fit"] += time.process_time() - start
        labels = estimator.predict(X) if "mix" in family else estimator.labels_
        row = {"family": family, "setting": setting, **judge(labels, references)}
        for key, scorer in scorers.items():
            start = time.process_time()
            row[key] = scorer(estimator, X)
            seconds[key] += time.process_time() - start
        row["bic"] = get_scorer("bic")(estimator, X) if "mix" in family else None
        found.append(row)
    return {
        "table": name,
        "rows": n_rows,
        "resamples": n_resamples,
        "shape": X.shape,
        "seconds": seconds,
        "candidates": found,
        "versions": versions(),
    }


# ------------------------------------------------------------------------ the page


def ranks(values):
    """Ranks from 0 (worst); equal values share theirs."""
    from scipy.stats import rankdata

    return rankdata(values) - 1


def judgements(rows):
    """Every score of some candidates of one table, higher is better."""
    found = {key: np.array([row[key] for row in rows]) for key in SCORES}
    for name, parts in CONSENSUS.items():
        found[name] = sum(ranks(found[part]) for part in parts)
    mixtures = [row["bic"] for row in rows]
    if any(value is not None for value in mixtures):
        found["bic"] = np.array([-np.inf if v is None else v for v in mixtures])
    return found


def regrets(table):
    """Per score: ARI lost over all candidates, and over settings of one kind."""
    rows = table["candidates"]
    ari = np.array([row["ari"] for row in rows])
    over_all = {
        key: ari.max() - ari[values.argmax()]
        for key, values in judgements(rows).items()
    }
    within = {key: [] for key in over_all}
    for family in FAMILIES:
        members = [row for row in rows if row["family"] == family]
        own = np.array([row["ari"] for row in members])
        for key, values in judgements(members).items():
            within[key].append(own.max() - own[values.argmax()])
    return over_all, {key: np.mean(lost) for key, lost in within.items() if lost}


def is_shape(name):
    """Whether a table is one of the battery of shapes, not a real one."""
    return name.startswith("clustbench/")


def balanced_mean(values, names):
    """Mean of the means over real tables and over shapes."""
    shape = np.array([is_shape(name) for name in names])
    groups = [values[shape == kind] for kind in (False, True)]
    return np.mean([group.mean() for group in groups if len(group)])


def interval(values, names):
    """95 % bootstrap interval of the balanced mean, tables drawn by group."""
    rng = np.random.default_rng(0)
    shape = np.array([is_shape(name) for name in names])
    groups = [np.flatnonzero(shape == kind) for kind in (False, True)]
    groups = [group for group in groups if len(group)]
    means = [
        np.mean([values[rng.choice(group, len(group))].mean() for group in groups])
        for _ in range(2000)
    ]
    return np.quantile(means, [0.025, 0.975])


def leave_one_out(lost, names):
    """Score chosen on the other tables, for each; and what it loses there."""
    keys = list(lost)
    matrix = np.array([lost[key] for key in keys])
    chosen, losses = [], []
    for left in range(len(names)):
        others = np.arange(len(names)) != left
        kept = [name for name, other in zip(names, others, strict=True) if other]
        best = np.argmin([balanced_mean(row[others], kept) for row in matrix])
        chosen.append(keys[best])
        losses.append(matrix[best, left])
    return chosen, np.array(losses)


def page(tables):
    """Lay out the results."""
    names = [table["table"] for table in tables]
    both = [regrets(table) for table in tables]
    keys = list(both[0][0])
    lost = {key: np.array([over_all[key] for over_all, _ in both]) for key in keys}
    own = {key: np.array([within[key] for _, within in both]) for key in keys}
    shape = np.array([is_shape(name) for name in names])
    seconds = {
        key: np.mean([table["seconds"].get(key, 0) for table in tables])
        for key in (*SCORES, "fit")
    }
    body = []
    for key in sorted(keys, key=lambda key: balanced_mean(lost[key], names)):
        low, high = interval(lost[key], names)
        body.append(
            [
                key,
                f"{balanced_mean(lost[key], names):.3f} ({low:.3f}-{high:.3f})",
                *(f"{lost[key][shape == kind].mean():.3f}" for kind in (False, True)),
                f"{balanced_mean(own[key], names):.3f}",
                f"{seconds[key]:.1f}" if key in seconds else "",
            ]
        )
    alone = {key: lost[key] for key in keys if key != "bic"}
    chosen, losses = leave_one_out(alone, names)
    low, high = interval(losses, names)
    counts = {key: chosen.count(key) for key in dict.fromkeys(chosen)}
    picks = ", ".join(f"{key} ({number}x)" for key, number in counts.items())
    n_rows, n_resamples = tables[0]["rows"], tables[0]["resamples"]
    parts = [
        "# Choosing without labels: regret of each score",
        f"- Command: `{command()}`\n"
        f"- Versions: {tables[0]['versions']}\n"
        f"- {np.count_nonzero(~shape)} real tables and {np.count_nonzero(shape)} of "
        f"the clustbench shapes, at most {n_rows} rows of each, standardised, of "
        f"more than {MAX_AXES} columns the first {MAX_AXES} principal axes.\n"
        f"- Candidates on each: {', '.join(FAMILIES)} with eight settings (clusters "
        f"{', '.join(map(str, NUMBERS))}; HDBSCAN with min_cluster_size "
        f"{', '.join(map(str, SIZES))}), and PPP with its defaults.\n"
        "- Regret: ARI of the best candidate less ARI of the one that the score "
        "chooses. Its mean is that of the two group means; in brackets the 95 % "
        "bootstrap interval over tables. `a + b` averages the ranks among the "
        "candidates. bic chooses among mixtures only.\n"
        "- Within one kind: the score chooses the setting of one kind of clusterer "
        "alone; mean over the kinds.\n"
        f"- CPU s: for all candidates of a table, mean; fitting them takes "
        f"{seconds['fit']:.1f}. stability and prediction_strength use "
        f"{n_resamples} halves.",
        format_table(
            ["score", "regret", "real", "shapes", "within one kind", "CPU s"], body
        ),
        "## Chosen on the other tables",
        f"Leaving out one table at a time, the score of least regret on the others "
        f"is {picks}; on the tables left out, it loses "
        f"{balanced_mean(losses, names):.3f} ({low:.3f}-{high:.3f}).",
        "## How good is what is chosen",
        ways(tables, names),
    ]
    return "\n\n".join(parts) + "\n"


WAYS = {
    "PPP": (("PPP",), "silhouette"),
    "KMeans, silhouette": (("KMeans",), "silhouette"),
    "mixture, full, bic": (("mixture, full",), "bic"),
    "HDBSCAN, 5": (("HDBSCAN",), None),
    "all, silhouette": ((*FAMILIES, "PPP"), "silhouette"),
    "all, silhouette + dbcv + stability": (
        (*FAMILIES, "PPP"),
        "silhouette + dbcv + stability",
    ),
}


def ways(tables, names):
    """ARI and mean rank of ways to cluster a table whose number is not known."""
    from scipy.stats import rankdata

    reached = {way: [] for way in WAYS}
    for table in tables:
        for way, (families, key) in WAYS.items():
            rows = [r for r in table["candidates"] if r["family"] in families]
            place = 0 if key is None else judgements(rows)[key].argmax()
            reached[way].append(rows[place]["ari"])
    matrix = np.array(list(reached.values()))
    order = rankdata(-matrix, axis=0)
    shape = np.array([is_shape(name) for name in names])
    body = [
        [
            way,
            f"{balanced_mean(matrix[i], names):.3f}",
            *(f"{matrix[i][shape == kind].mean():.3f}" for kind in (False, True)),
            f"{balanced_mean(order[i], names):.2f}",
        ]
        for i, way in enumerate(WAYS)
    ]
    return format_table(["way", "mean ARI", "real", "shapes", "mean rank"], body)


def main():
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", required=True)
    parser.add_argument("--tables", nargs="+", help="some of the tables")
    parser.add_argument("--rows", type=int, default=1500, help="of a table, at most")
    parser.add_argument("--resamples", type=int, default=10)
    parser.add_argument("--page", action="store_true", help="measure nothing")
    parser.add_argument("--raw", type=Path, default=RAW / "bench_selection.jsonl")
    parser.add_argument("--out", type=Path, default=RESULTS / "bench_selection.md")
    arguments = parser.parse_args()
    real, shapes = table_names(arguments.data)
    asked = arguments.tables or [*real, *shapes]
    size = arguments.rows, arguments.resamples
    lines = arguments.raw.read_text().splitlines() if arguments.raw.exists() else []
    known = {
        table["table"]: table
        for table in map(json.loads, lines)
        if (table["rows"], table["resamples"]) == size
    }
    arguments.raw.parent.mkdir(parents=True, exist_ok=True)
    for name in asked:
        if name in known or arguments.page:
            continue
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known[name] = measure(name, arguments.data, *size)
        with arguments.raw.open("a") as file:
            file.write(json.dumps(known[name]) + "\n")
        seconds = time.process_time() - start
        print(f"{name}: {seconds:.1f} CPU s", file=sys.stderr, flush=True)
    text = page([known[name] for name in asked if name in known])
    arguments.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
