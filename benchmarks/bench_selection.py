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
from itertools import combinations
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
# Rank averages of several scores.
CONSENSUS = {
    " + ".join(parts): parts
    for parts in (
        ("silhouette", "calinski_harabasz"),
        ("silhouette", "stability"),
        ("silhouette", "dbcv"),
        ("dbcv", "stability"),
        ("dbcv", "prediction_strength"),
        ("silhouette", "dbcv", "stability"),
    )
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
        f"- Command: `{command().replace(' --page', '')}`\n"
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
        "- Which kinds of clusterers are candidates, and which scores the consensus "
        "averages, was chosen on these same tables: what is said of both is "
        "optimistic.\n"
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
        "## The number of clusters not known",
        ways(tables, names),
    ]
    return "\n\n".join(parts) + "\n"


# What AutoCluster tries: kind, and the score or setting that stands for it.
ONE_OF_EACH = {
    "PPP": ("PPP", None),
    "mixture, full, bic": ("mixture, full", "bic"),
    "KMeans, silhouette": ("KMeans", "silhouette"),
    "HDBSCAN, 12": ("HDBSCAN", 12),
}
COMBINATIONS = [parts for size in (1, 2, 3) for parts in combinations(SCORES, size)]


def one_of_each(rows):
    """The candidates of AutoCluster among all of a table."""
    found = []
    for family, key in ONE_OF_EACH.values():
        own = [row for row in rows if row["family"] == family]
        if isinstance(key, int):
            own = [row for row in own if row["setting"] == key]
        place = judgements(own)[key].argmax() if isinstance(key, str) else 0
        found.append(own[place])
    return found


def ways(tables, names):
    """ARI and mean rank of ways to cluster a table whose number is not known."""
    from scipy.stats import rankdata

    few = [one_of_each(table["candidates"]) for table in tables]
    reached = {
        way: np.array([rows[place]["ari"] for rows in few])
        for place, way in enumerate(ONE_OF_EACH)
    }
    chosen = {}
    for parts in COMBINATIONS:
        places = [
            sum(ranks(np.array([row[part] for row in rows])) for part in parts).argmax()
            for rows in few
        ]
        picked = [rows[place]["ari"] for rows, place in zip(few, places, strict=True)]
        chosen[" + ".join(parts)] = np.array(picked)
    lost = {key: 1 - values for key, values in chosen.items()}
    picks, losses = leave_one_out(lost, names)
    counts = {key: picks.count(key) for key in dict.fromkeys(picks)}
    reached["the four, score chosen on the other tables"] = 1 - losses
    for key in [*SCORES, *counts]:
        reached[f"the four, {key}"] = chosen[key]
    shape = np.array([is_shape(name) for name in names])
    first = [*ONE_OF_EACH, "the four, score chosen on the other tables"]
    order = rankdata(-np.array([reached[way] for way in first]), axis=0)
    place = dict(zip(first, order, strict=True))
    body = []
    for way, values in reached.items():
        low, high = interval(values, names)
        body.append(
            [
                way,
                f"{balanced_mean(values, names):.3f} ({low:.3f}-{high:.3f})",
                *(f"{values[shape == kind].mean():.3f}" for kind in (False, True)),
                f"{balanced_mean(place[way], names):.2f}" if way in place else "",
            ]
        )
    listed = ", ".join(f"{key} ({number}x)" for key, number in counts.items())
    text = (
        "Four candidates, one of each kind, as `AutoCluster` has them; ranks of one, "
        "two or three scores, averaged, choose among them. Leaving out one table at a "
        f"time, the best of the {len(COMBINATIONS)} combinations on the others is "
        f"{listed}. Mean ranks are among the first five ways."
    )
    table = format_table(["way", "mean ARI", "real", "shapes", "mean rank"], body)
    return f"{text}\n\n{table}"


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
