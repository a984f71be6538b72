"""Votes of clusterers, rows to label first, and how surely clusters are found again.

Run ``python benchmarks/bench_votes.py --data FOLDER``. What is measured is appended to
a file of JSON lines at once and is not measured again; ``--page`` writes the page
anew. imbalanced-learn and apricot-select are run beside where they are installed.
"""

import os
from functools import partial
from statistics import fmean

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from bench_auto import NULLS  # noqa: E402
from runner import (  # noqa: E402
    Results,
    command,
    cpu_of,
    format_table,
    load_table,
    page_parser,
    versions,
    write_page,
)

FIRST = (
    *("breast_cancer", "dermatology", "digits", "dry_bean", "ecoli", "iris"),
    *("mfeat_factors", "pendigits", "satimage", "seeds", "segment", "steel_faults"),
    *("vehicle", "wine", "yeast"),
)
OTHERS = (
    *("glass", "optdigits", "letter", "pbmc68k_reduced", "fashion_train10k"),
    *("mnist_train5k", "shuttle_20k", "covtype_15k", "text_bbc", "cnae9"),
)
SAMPLED = ("digits", "pendigits", "satimage", "segment", "dry_bean", "vehicle")
SAMPLED += ("mfeat_factors", "yeast")
SAMPLED_OTHERS = ("optdigits", "letter", "steel_faults", "wine", "breast_cancer")
MAX_ROWS = 1200
N_LABELED = 60
N_DRAWS = 5
ABOUT = f"""\
- Tables of at most {MAX_ROWS} rows, scaled as for all benchmarks; the number of classes
  is known to the members. One thread; the machine was shared, at a load of about 15 on
  two cores."""
HOW_CHOSEN = """\
Accuracy (ACC) after the best matching. *core*: rows on which all five members agree,
under the matching of all rows; *core, matched*: under a matching of their own. That
members see the first 20 principal axes, and that rows outside the core keep the vote's
cluster, was chosen in view of all 25 tables; the constants of the stability on tables
without groups and on blobs."""


def table_of(name, folder, seed=0):
    """At most so many rows of a table, scaled, with their classes."""
    table = load_table(name, folder)
    rows = np.arange(len(table.X))
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:MAX_ROWS])
    return table.X[rows], table.y[rows]


# ----------------------------------------------------------------------- votes


def measure_votes(name, folder, seed):
    """Accuracy of the members and of their vote, the number of classes known."""
    from skdeepcluster import VotingClusterer
    from skdeepcluster.metrics import clustering_accuracy, match_labels

    X, y = table_of(name, folder, seed)
    k = len(np.unique(y))
    model, seconds = cpu_of(VotingClusterer(n_clusters=k, random_state=seed).fit, X)
    linked = VotingClusterer(n_clusters=k, voting="coassociation", random_state=seed)
    names = match_labels(y, model.labels_)
    right = np.array([names.get(label) for label in model.labels_.tolist()]) == y
    members = {
        member: float(clustering_accuracy(y, labels))
        for (member, _), labels in zip(
            model.estimators_, member_labels(model, X), strict=True
        )
    }
    core = model.core_
    return {
        "members": members,
        "vote": float(clustering_accuracy(y, model.labels_)),
        "coassociation": float(clustering_accuracy(y, linked.fit(X).labels_)),
        "coverage": model.coverage_,
        "core": float(right[core].mean()) if core.any() else None,
        "core, matched": float(clustering_accuracy(y[core], model.labels_[core])),
        "cpu_s": seconds,
    }


def member_labels(model, X):
    """Each member's own clusters, surplus ones included."""
    from skdeepcluster.model_selection._sampled_rows import in_unit

    places = model._axes.transform(in_unit(X, model._unit))
    return model._codes(X, places)


def votes_page(title, rows):
    """Mean accuracies over tables, and one line a table."""
    members = list(rows[0]["members"])
    tables = list(dict.fromkeys(row["table"] for row in rows))

    def mean(kind, chosen):
        return fmean(r["members"].get(kind, r.get(kind)) for r in chosen)

    kinds = [*members, "vote", "coassociation"]
    head = ["table", *kinds, "coverage", "core", "core, matched"]
    body = []
    for table in [*tables, "mean"]:
        chosen = [row for row in rows if table in (row["table"], "mean")]
        cells = [mean(kind, chosen) for kind in kinds]
        cells += [fmean(row["coverage"] for row in chosen)]
        cells += [fmean(row[key] for row in chosen) for key in head[-2:]]
        body.append([table, *(f"{cell:.3f}" for cell in cells)])
    best = fmean(max(row["members"].values()) for row in rows)
    return (
        f"## {title}\n\n{format_table(head, body)}\n\n"
        f"The best member of each table, chosen by its labels: {best:.3f}. "
        f"CPU s a table, mean: {fmean(row['cpu_s'] for row in rows):.1f}."
    )


# ---------------------------------------------------------------- rows to label


def samplers(seed):
    """Name -> function of rows that returns the indices of those to label."""
    from skdeepcluster import ClusterSampler

    def ours(**settings):
        sampler = ClusterSampler(N_LABELED, random_state=seed, **settings)
        return lambda X: sampler.fit(X).sample_indices_

    def at_random(X):
        return np.random.default_rng(seed).choice(len(X), N_LABELED, replace=False)

    found = {
        "random": at_random,
        "medoids": ours(),
        "random rows of 15 clusters, balanced": ours(kind="random", n_clusters=15),
        "progressive": ours(partition="progressive"),
        "tree": ours(partition="tree"),
    }
    return found | peer_samplers(seed)


def peer_samplers(seed):
    """Those of imbalanced-learn and apricot, where they are installed."""
    found = {}
    try:
        from imblearn.under_sampling import ClusterCentroids
        from sklearn.cluster import KMeans
    except ImportError:
        pass
    else:

        def centroids(X):
            # It wants classes: one for all rows, and one more row of another.
            rows = np.vstack([X, X[:1]])
            y = np.append(np.zeros(len(X), dtype=int), 1)
            sampler = ClusterCentroids(
                sampling_strategy={0: N_LABELED},
                voting="hard",
                estimator=KMeans(n_init=1, random_state=seed),
            )
            chosen, labels = sampler.fit_resample(rows, y)
            equal = (X[:, np.newaxis] == chosen[labels == 0]).all(axis=2)
            return equal.argmax(axis=0)

        found["imbalanced-learn, ClusterCentroids"] = centroids
    try:
        from apricot import FacilityLocationSelection
    except ImportError:
        pass
    else:

        def facilities(X):
            model = FacilityLocationSelection(N_LABELED, random_state=seed)
            return np.asarray(model.fit(X).ranking)

        found["apricot, FacilityLocationSelection"] = facilities
    return found


def measure_samplers(name, folder, seed):
    """Accuracy of a forest of trees on the rows that were not chosen."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.metrics import balanced_accuracy_score

    X, y = table_of(name, folder, seed)
    found = {}
    for way, choose in samplers(seed).items():
        chosen, seconds = cpu_of(choose, X)
        rest = np.setdiff1d(np.arange(len(X)), chosen)
        model = ExtraTreesClassifier(200, random_state=seed).fit(X[chosen], y[chosen])
        said = model.predict(X[rest])
        recall, _ = cpu_of(balanced_accuracy_score, y[rest], said)
        found[way] = {
            "accuracy": float(np.mean(said == y[rest])),
            "recall": float(recall),
            "classes": len(np.unique(y[chosen])) / len(np.unique(y)),
            "cpu_s": seconds,
        }
    return found


def measure_speed(*_):
    """CPU seconds for 500 of 100,000 rows of 16 columns, compiled beforehand."""
    from skdeepcluster import ClusterSampler

    rng = np.random.default_rng(0)
    centers = 4 * rng.normal(size=(20, 16))
    X = np.repeat(centers, 5000, axis=0) + rng.normal(size=(100_000, 16))
    ClusterSampler(10, random_state=0).fit(X[:500])
    return {"cpu_s": cpu_of(ClusterSampler(500, random_state=0).fit, X)[1]}


def samplers_page(title, rows):
    """Means over tables and draws of rows, and the difference to random rows."""
    ways = [way for way in rows[0] if isinstance(rows[0][way], dict)]
    tables = sorted({row["table"] for row in rows})
    body = []
    for way in ways:
        chosen = [row[way] for row in rows if way in row]
        accuracy, recall, classes = (
            fmean(entry[key] for entry in chosen)
            for key in ("accuracy", "recall", "classes")
        )
        gains = [
            fmean(
                row[way]["accuracy"] - row["random"]["accuracy"]
                for row in rows
                if row["table"] == table
            )
            for table in tables
        ]
        body.append(
            [
                way,
                *(f"{value:.3f}" for value in (accuracy, recall, classes)),
                f"{sum(gain > 0 for gain in gains)} of {len(tables)}",
                f"{fmean(entry['cpu_s'] for entry in chosen):.2f}",
            ]
        )
    head = ["rows chosen by", "accuracy", "mean recall", "share of the classes seen"]
    head += ["tables better than random", "CPU s"]
    return f"## {title}\n\n{format_table(head, body)}"


# ------------------------------------------------------------------- stability


FLAT = {
    "Gaussian, 2 columns": lambda rng: rng.normal(size=(600, 2)),
    "uniform, 2 columns": lambda rng: rng.uniform(size=(600, 2)),
}
"""Few columns, in which clusterers cut alike most often."""


def stability_models():
    """Name -> clusterer, whose clusters are looked for again."""
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    from skdeepcluster import PPP

    return {
        **{f"KMeans, {k}": KMeans(k, n_init=10, random_state=0) for k in (2, 3, 5)},
        "GaussianMixture, 3": GaussianMixture(3, n_init=3, random_state=0),
        "PPP": PPP(),
        "PPP, min_clusters=2": PPP(min_clusters=2),
    }


def measure_nulls(name, *_):
    """Largest stability of a cluster, on five draws of a table without groups."""
    from skdeepcluster.model_selection import cluster_stability

    found = {}
    for way, model in stability_models().items():
        most = []
        for seed in range(N_DRAWS):
            X = (NULLS | FLAT)[name](np.random.default_rng(seed))
            scores = cluster_stability(model.fit(X), X).stability
            most.append(float(np.nanmax(np.append(scores, 0))))
        found[way] = most
    return found


def measure_blobs(n_rows, *_):
    """Least stability of a cluster: blobs of which centres are 10 sd apart at least."""
    from sklearn.cluster import KMeans
    from sklearn.datasets import make_blobs

    from skdeepcluster.model_selection import cluster_stability

    least = []
    for k in (2, 3, 5, 8):
        for seed in range(N_DRAWS):
            centers = np.random.default_rng(seed).normal(size=(k, 4))
            apart = np.linalg.norm(centers[:, np.newaxis] - centers, axis=2)
            centers *= 10 / apart[apart > 0].min()
            X, _ = make_blobs(n_rows, centers=centers, random_state=seed)
            model = KMeans(k, n_init=10, random_state=0).fit(X)
            least.append(float(cluster_stability(model, X).stability.min()))
    return {"least": least}


def measure_cost(name, folder):
    """CPU seconds of a fit, and of looking for its clusters again."""
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    from skdeepcluster import PPP
    from skdeepcluster.model_selection import cluster_stability

    X, y = table_of(name, folder)
    k, found = len(np.unique(y)), {}
    ways = {
        "KMeans": KMeans(k, n_init=10, random_state=0),
        "GaussianMixture": GaussianMixture(k, reg_covar=1e-3, random_state=0),
        "PPP": PPP(),
    }
    for way, model in ways.items():
        cpu_of(model.fit, X)
        _, fit_s = cpu_of(model.fit, X)
        scores, stability_s = cpu_of(cluster_stability, model, X)
        known = scores.stability[~np.isnan(scores.stability)]
        found[way] = {
            "fit_s": fit_s,
            "stability_s": stability_s,
            "stability": known.tolist(),
        }
    return found


def stability_page(nulls, blobs, costs):
    """Stabilities where there are no groups, and where they are far apart; cost."""
    ways = list(stability_models())
    body = [[row["table"], *(f"{max(row[way]):.2f}" for way in ways)] for row in nulls]
    parts = [
        "## Tables without groups: the largest stability of any cluster\n\n"
        f"600 rows, {N_DRAWS} draws of each; 0.00 also where one cluster is found.\n\n"
        + format_table(["table", *ways], body)
    ]
    body = [
        [f"{row['table']:,}", f"{min(row['least']):.2f}", f"{fmean(row['least']):.3f}"]
        for row in blobs
    ]
    parts.append(
        "## Blobs far apart: the least stability of any cluster\n\n"
        "Centres at least 10 standard deviations apart in four columns; 2, 3, 5 and 8 "
        f"blobs, {N_DRAWS} draws of each, k-means with their number.\n\n"
        + format_table(["rows", "least", "mean of the least"], body)
    )
    body = []
    for way in ("KMeans", "GaussianMixture", "PPP"):
        done = [row[way] for row in costs]
        ratios = [entry["stability_s"] / entry["fit_s"] for entry in done]
        total = sum(e["stability_s"] for e in done) / sum(e["fit_s"] for e in done)
        found = [value for entry in done for value in entry["stability"]]
        cells = [f"{total:.1f}", f"{np.median(ratios):.1f}", f"{max(ratios):.1f}"]
        spread = ", ".join(f"{q:.2f}" for q in np.quantile(found, [0.25, 0.5, 0.75]))
        body.append([way, *cells, spread])
    head = ["method", "CPU s over those of a fit, all tables", "median", "largest"]
    head += ["quartiles of the stabilities"]
    parts.append(
        f"## What it costs: {len(costs)} labelled tables\n\n" + format_table(head, body)
    )
    return "\n\n".join(parts)


def main():
    """Measure what is missing, and write the page."""
    parser = page_parser(__doc__.splitlines()[0], data=True, page=True)
    parser.add_argument("--seeds", type=int, default=3, help="of the votes")
    arguments = parser.parse_args()
    results = Results(
        arguments.raw, ("part", "table", "seed"), only_known=arguments.page
    )
    folder = arguments.data

    def every(part, function, tables, seeds=1):
        rows = [
            results.measure(
                partial(function, table, folder, *([seed] if seeds > 1 else [])),
                part=part,
                table=table,
                seed=seed,
            )
            for table in tables
            for seed in range(seeds)
        ]
        return [row for row in rows if row]

    seconds = every("speed", measure_speed, ["100,000 rows"])[0]["cpu_s"]
    write_page(
        [
            f"# {__doc__.splitlines()[0]}",
            f"- Command: `{command()}`\n- Versions: {versions()}\n{ABOUT}",
            HOW_CHOSEN,
            votes_page(
                "Votes: 15 tables",
                every("votes", measure_votes, FIRST, arguments.seeds),
            ),
            votes_page(
                "Votes: ten further tables",
                every("votes", measure_votes, OTHERS, arguments.seeds),
            ),
            f"# {N_LABELED} rows to label\n\nExtra-trees are fitted to the labels of "
            f"the rows that are chosen, and asked about all others; {N_DRAWS} draws.",
            samplers_page(
                "Eight tables", every("samplers", measure_samplers, SAMPLED, N_DRAWS)
            ),
            samplers_page(
                "Five further tables",
                every("samplers", measure_samplers, SAMPLED_OTHERS, N_DRAWS),
            ),
            f"500 of 100,000 rows of 16 columns: {seconds:.2f} CPU s.",
            "# Are the clusters found again?",
            stability_page(
                every("nulls", measure_nulls, [*FLAT, *NULLS]),
                every("blobs", measure_blobs, [100, 200, 600, 3000]),
                every("cost", measure_cost, FIRST),
            ),
        ],
        arguments.out,
    )


if __name__ == "__main__":
    main()
