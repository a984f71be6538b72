"""How well scores without labels choose among clusterings of a table.

Run ``python benchmarks/bench_selection.py --data FOLDER``. On every table the same
candidates are fitted, six kinds of clusterers with eight settings each and PPP, and
every score judges each. The results of a table are appended to a file of JSON lines at
once; what that file holds is not measured again, so an interrupted run goes on where it
stopped. ``--page`` measures nothing and writes the page anew.
"""

import os
from functools import partial

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from bench_ppp import judge, load_table, table_names  # noqa: E402
from runner import (  # noqa: E402
    Results,
    command,
    cpu_of,
    format_table,
    page_parser,
    versions,
    write_page,
)

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


def measure_scores(name, folder, n_rows, n_resamples):
    """Fit and score every candidate on one table."""
    from sklearn.decomposition import PCA

    from skdeepcluster.model_selection import get_unsupervised_scorer

    X, references = load_table(name, folder, n_rows)
    if X.shape[1] > MAX_AXES:
        X = PCA(MAX_AXES, svd_solver="full").fit_transform(X)
    scorers = {
        key: get_unsupervised_scorer(key, n_resamples=n_resamples) for key in SCORES
    }
    found, seconds = [], dict.fromkeys((*SCORES, "fit"), 0.0)
    for family, setting, estimator in candidates():
        seconds["fit"] += cpu_of(estimator.fit, X)[1]
        labels = estimator.predict(X) if "mix" in family else estimator.labels_
        row = {"family": family, "setting": setting, **judge(labels, references)}
        for key, scorer in scorers.items():
            row[key], cpu_s = cpu_of(scorer, estimator, X)
            seconds[key] += cpu_s
        row["bic"] = (
            get_unsupervised_scorer("bic")(estimator, X) if "mix" in family else None
        )
        found.append(row)
    return {"shape": X.shape, "seconds": seconds, "candidates": found}


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


def regret_page(tables):
    """Lay out what the scores lose."""
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
    ]
    return "\n\n".join(parts)


def measure(name, arguments):
    """Measure one table, and note the versions."""
    words = name, arguments.data, arguments.rows, arguments.resamples
    return measure_scores(*words) | {"versions": versions()}


def main():
    """Measure what is missing, and write the page."""
    parser = page_parser(__doc__.splitlines()[0], data=True, page=True)
    parser.add_argument("--tables", nargs="+", help="some of the tables")
    parser.add_argument("--rows", type=int, default=1500, help="of a table, at most")
    parser.add_argument("--resamples", type=int, default=10)
    arguments = parser.parse_args()
    real, shapes = table_names(arguments.data)
    results = Results(
        arguments.raw,
        ("part", "table", "rows", "resamples"),
        only_known=arguments.page,
    )
    found = [
        results.measure(
            partial(measure, name, arguments),
            part="scores",
            table=name,
            rows=arguments.rows,
            resamples=arguments.resamples,
        )
        for name in arguments.tables or [*real, *shapes]
    ]
    write_page([regret_page([row for row in found if row])], arguments.out)


if __name__ == "__main__":
    main()
