"""How well scores without labels choose, and AutoCluster against other ways.

Run ``python benchmarks/bench_selection.py --data FOLDER``; umap-learn must be
installed. On every table the same candidates are fitted, six kinds of clusterers
with eight settings each and PPP, and every score judges each. Then AutoCluster,
its candidates one by one, and other ways to cluster a table whose number of groups
is not known. The results of a table are appended to a file of JSON lines at once;
what that file holds is not measured again, so an interrupted run goes on where it
stopped. ``--page`` measures nothing and writes the page anew.
"""

import os
from functools import partial
from itertools import combinations, product

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from bench_ppp import (  # noqa: E402
    bic_full,
    hdbscan_share,
    judge,
    load_table,
    table_names,
)
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


# ---------------------------------------------------------------- AutoCluster, ways

# Kinds of clusterers that AutoCluster could try.
POOL = ("ppp", "mixture", "kmeans", "hdbscan", "neighbors")
HALVES = 5
DOUBTFUL = 0.5
SCANNED = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20)
AUTO, CHOSEN = "AutoCluster", "AutoCluster, defaults chosen on the other tables"
# Name of a way to cluster a table -> where its result stands.
WAYS = {
    AUTO: "auto",
    "PPP": "ppp",
    "mixture by BIC": "mixture",
    "KMeans by silhouette": "kmeans",
    "HDBSCAN": "hdbscan",
    "UMAP, HDBSCAN": "umap, hdbscan",
    "UMAP, mixture by BIC": "umap, mixture",
    "NeighborEncoder 10-d, PPP": "neighbors",
}


def scan(estimator, parameter, scoring):
    """Choose the number of clusters of one kind of clusterer by a score."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    from skdeepcluster.model_selection import WholeData, get_unsupervised_scorer
    from skdeepcluster.model_selection._table_axes import TableAxes

    step = type(estimator).__name__.lower()
    return GridSearchCV(
        make_pipeline(TableAxes(), estimator),
        {f"{step}__{parameter}": SCANNED},
        cv=WholeData(),
        scoring=get_unsupervised_scorer(scoring),
    )


def pool(n_rows):
    """List the candidates of AutoCluster, of few columns and of many, and scans."""
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    from skdeepcluster.model_selection._candidates import default_candidates

    few, many = (dict(default_candidates((n_rows, p), 2, None)) for p in (2, 100))
    return {
        **few,
        **many,
        "mixture": scan(GaussianMixture(reg_covar=1e-4), "n_components", "bic"),
        "kmeans": scan(KMeans(n_init=3), "n_clusters", "silhouette"),
    }


def measure_candidate(estimator, X, references, scorers):
    """Fit, judge and score one candidate."""
    from skdeepcluster.model_selection._candidates import fit_candidate, seeded
    from skdeepcluster.model_selection._fitted import labels_of

    def fit():
        model, error = fit_candidate(seeded(estimator, 0), X)
        if error:
            raise RuntimeError(error)
        return model, labels_of(model, X)

    (model, labels), seconds = cpu_of(fit)
    row = judge(labels, references) | {"seconds": seconds}
    row["noise"] = float(np.mean(labels < 0))
    return row | {key: scorer(model, X) for key, scorer in scorers.items()}


def umap_ways(X):
    """UMAP in two dimensions, 15 neighbours, min_dist 0, and clusterers behind it."""
    import umap
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    reduce = PCA(50, svd_solver="full") if X.shape[1] > 50 else "passthrough"
    mapper = umap.UMAP(min_dist=0.0, random_state=0, n_jobs=1)
    codes, mapped = cpu_of(make_pipeline(reduce, mapper).fit_transform, X)
    for way, cluster in (("hdbscan", hdbscan_share), ("mixture", bic_full)):
        labels, seconds = cpu_of(cluster, codes.astype(np.float64))
        yield f"umap, {way}", labels, mapped + seconds


def measure_ways(name, folder, n_rows, _):
    """Fit what AutoCluster could try, and its rivals, on one table."""
    from skdeepcluster.model_selection import get_unsupervised_scorer
    from skdeepcluster.model_selection._table_axes import TableAxes

    X, references = load_table(name, folder, n_rows)
    axes = TableAxes().fit(X)
    scorers = {
        key: get_unsupervised_scorer(key, space=axes, n_resamples=HALVES)
        for key in SCORES
    }
    found = {
        key: measure_candidate(estimator, X, references, scorers)
        for key, estimator in pool(len(X)).items()
    }
    for key, labels, seconds in umap_ways(X):
        found[key] = judge(labels, references) | {"seconds": seconds}
    return {"shape": X.shape, "ways": found}


def measure_auto(name, folder, n_rows, _):
    """Fit AutoCluster on one table."""
    from skdeepcluster import AutoCluster

    X, references = load_table(name, folder, n_rows)
    model, seconds = cpu_of(AutoCluster(random_state=0).fit, X)
    found = judge(model.labels_, references)
    found |= {"best": model.best_name_, "seconds": seconds}
    return {"auto": found, "stability": model.best_score_}


# Tables of 600 rows that have no groups: name -> rows, from a generator.
NULLS = {
    "Gaussian, 2 columns": lambda rng: rng.normal(size=(600, 2)),
    "Gaussian, 20 columns": lambda rng: rng.normal(size=(600, 20)),
    "Gaussian, 10 correlated columns": lambda rng: (
        rng.normal(size=(600, 10)) @ rng.normal(size=(10, 10))
    ),
    "uniform, 2 columns": lambda rng: rng.uniform(size=(600, 2)),
    "uniform, 5 columns": lambda rng: rng.uniform(size=(600, 5)),
    "Student's t, 5 columns": lambda rng: rng.standard_t(3, size=(600, 5)),
    "log-normal, 8 columns": lambda rng: np.exp(rng.normal(size=(600, 8))),
}


def measure_nulls(name, *_):
    """Fit AutoCluster on five draws of a table without groups."""
    from skdeepcluster import AutoCluster

    models = [
        AutoCluster(random_state=0).fit(NULLS[name](np.random.default_rng(seed)))
        for seed in range(5)
    ]
    return {
        "stability": [model.best_score_ for model in models],
        "n_found": [model.n_clusters_ for model in models],
    }


# Tables of 10,000 rows and more, and how many of them AutoCluster fits.
LARGE = (
    "covtype_15k",
    "dry_bean",
    "fashion_train10k",
    "letter",
    "pendigits",
    "shuttle_20k",
)
LIMITS = (2500, 5000, 20_000)


def measure_limits(name, folder, *_):
    """Fit AutoCluster on all rows of a large table, and on fewer."""
    from skdeepcluster import AutoCluster

    X, references = load_table(name, folder, None)
    found = []
    for limit in LIMITS:
        model = AutoCluster(max_samples=limit, random_state=0)
        _, seconds = cpu_of(model.fit, X)
        found.append(judge(model.labels_, references) | {"seconds": seconds})
    return {"shape": X.shape, "limits": found}


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


RULES = {
    "never": lambda n_columns: False,
    "few columns": lambda n_columns: n_columns <= 3,
    "many columns": lambda n_columns: n_columns > 3,
    "always": lambda n_columns: True,
}
# What the defaults of AutoCluster are chosen among: when each kind is tried, and
# the scores whose ranks are averaged. PPP is always tried.
CHOICES = [
    dict(zip(POOL, ("always", *rules), strict=True)) | {"scores": scores}
    for *rules, scores in product(
        ("never", "always"),
        ("never", "always"),
        ("few columns", "never", "always"),
        ("many columns", "never", "always"),
        [parts for size in (1, 2, 3) for parts in combinations(SCORES, size)],
    )
]


def choose(table, choice):
    """ARI of the candidate that these candidates and scores lead to."""
    n_columns = table["shape"][1]
    rows = [table["ways"][key] for key in POOL if RULES[choice[key]](n_columns)]
    rows = [row for row in rows if row["n_found"] > 1] or rows
    total = sum(ranks(np.array([row[key] for row in rows])) for key in choice["scores"])
    return rows[total.argmax()]["ari"]


def mean_ranks(reached, ways):
    """Rank of each of some ways on every table, 1 is best; ARI equal to .001 tie."""
    from scipy.stats import rankdata

    values = np.round([reached[way] for way in ways], 3)
    return dict(zip(ways, rankdata(-values, axis=0), strict=True))


def ways_page(tables):
    """Lay out ways to cluster a table whose number of groups is not known."""
    names = [table["table"] for table in tables]
    shape = np.array([is_shape(name) for name in names])
    reached, seconds = {}, {}
    for way, key in WAYS.items():
        rows = [table["ways"][key] for table in tables]
        reached[way] = np.array([row["ari"] for row in rows])
        seconds[way] = np.mean([row["seconds"] for row in rows])
    lost = {
        place: 1 - np.array([choose(table, choice) for table in tables])
        for place, choice in enumerate(CHOICES)
    }
    picks, losses = leave_one_out(lost, names)
    reached[CHOSEN] = 1 - losses
    rivals = [way for way in WAYS if WAYS[way] not in ("auto", "neighbors")]
    place = mean_ranks(reached, [AUTO, *rivals])
    other = mean_ranks(reached, [CHOSEN, *rivals])
    body = []
    for way, values in reached.items():
        low, high = interval(values, names)
        columns = [
            f"{balanced_mean(found[way], names):.2f}" if way in found else ""
            for found in (place, other)
        ]
        body.append(
            [
                way,
                f"{balanced_mean(values, names):.3f} ({low:.3f}-{high:.3f})",
                *(f"{values[shape == kind].mean():.3f}" for kind in (False, True)),
                *columns,
                f"{seconds[way]:.1f}" if way in seconds else "",
            ]
        )
    header = ["way", "mean ARI", "real", "shapes"]
    header += ["mean rank", "mean rank, chosen elsewhere", "CPU s"]
    return "\n\n".join(
        [
            "## The number of clusters not known",
            f"The same tables, at most {tables[0]['rows']} rows, standardised; UMAP "
            "(umap-learn, two dimensions, 15 neighbours, min_dist 0) on 50 principal "
            "components of more columns; HDBSCAN with clusters of at least 2 % of the "
            "rows; the BIC and the silhouette choose up to 20 clusters. Ranks, 1 is "
            "the best, are among AutoCluster and its six rivals; PPP behind the "
            "encoder, one of its candidates, stands last for comparison. Means are "
            "those of the two group means.",
            format_table(header, body),
            picked(tables, picks),
            each_table(tables, reached),
        ]
    )


def doubts_page(autos, nulls):
    """Lay out how stable AutoCluster's best is where there are groups, and none."""
    doubtful = [row["auto"]["ari"] for row in autos if row["stability"] < DOUBTFUL]
    others = [row["auto"]["ari"] for row in autos if row["stability"] >= DOUBTFUL]
    body = [
        [
            row["table"],
            " ".join(f"{value:.2f}" for value in row["stability"]),
            "/".join(map(str, row["n_found"])),
        ]
        for row in nulls
    ]
    return (
        "## Tables without groups\n\n"
        f"AutoCluster warns where the stability of its best is below {DOUBTFUL}: on "
        f"{len(doubtful)} of the {len(autos)} labelled tables (median ARI "
        f"{np.median(doubtful):.2f}; of the others {np.median(others):.2f}), and on "
        "tables of 600 rows that have no groups, five draws:\n\n"
        + format_table(["table", "stability", "clusters"], body)
    )


def picked(tables, picks):
    """Say what was chosen, on the other tables and by AutoCluster."""
    wins = [table["ways"]["auto"]["best"] for table in tables]
    counts = ", ".join(f"{key} {wins.count(key)}" for key in dict.fromkeys(wins))
    lines = [
        f"AutoCluster's winners: {counts}.",
        f"*Chosen on the other tables*: of {len(CHOICES)} choices of candidates and "
        f"scores (each kind of {', '.join(POOL)} never, always, or in tables of at "
        "most or of more than three columns; PPP always; ranks of one, two or three "
        "scores averaged), the one with the best mean ARI on the other tables is",
    ]
    for pick in dict.fromkeys(picks):
        choice = CHOICES[pick]
        tried = [
            key if choice[key] == "always" else f"{key} ({choice[key]})"
            for key in POOL
            if choice[key] != "never"
        ]
        lines.append(
            f"- {', '.join(tried)}, by {' + '.join(choice['scores'])}: "
            f"{picks.count(pick)} times"
        )
    return "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:])


def each_table(tables, reached):
    """Lay out ARI and number of clusters on every table."""
    body = []
    for table, *values in zip(tables, *(reached[way] for way in WAYS), strict=True):
        rows = [table["ways"][key] for key in WAYS.values()]
        cells = [
            f"{ari:.2f} ({row['n_found']})"
            for ari, row in zip(values, rows, strict=True)
        ]
        name = table["table"].removeprefix("clustbench/")
        body.append([name, str(rows[0]["n_true"]), rows[0]["best"], *cells])
    header = ["table", "classes", "AutoCluster took", *WAYS]
    return "ARI, and the number found:\n\n" + format_table(header, body)


def limits_page(rows):
    """Lay out what more rows do for AutoCluster."""
    body = [
        [
            row["table"],
            f"{row['shape'][0]:,}",
            str(row["limits"][0]["n_true"]),
            *(
                f"{found['ari']:.2f} ({found['n_found']}), {found['seconds']:.0f} s"
                for found in row["limits"]
            ),
        ]
        for row in rows
    ]
    means = np.mean([[f["ari"] for f in row["limits"]] for row in rows], axis=0)
    body.append(["mean ARI", "", "", *(f"{mean:.2f}" for mean in means)])
    header = ["table", "rows", "classes", *(f"up to {limit:,}" for limit in LIMITS)]
    return (
        "## Large tables\n\n"
        "AutoCluster with so many rows fitted, and all labelled: ARI, the number "
        f"found, CPU seconds.\n\n{format_table(header, body)}"
    )


# Part -> what measures a table, and its tables; None for all that are asked for.
PARTS = {
    "scores": (measure_scores, None),
    "ways": (measure_ways, None),
    "auto": (measure_auto, None),
    "nulls": (measure_nulls, NULLS),
    "limits": (measure_limits, LARGE),
}


def measure(function, name, arguments):
    """Measure one table, and note the versions."""
    words = name, arguments.data, arguments.rows, arguments.resamples
    return function(*words) | {"versions": versions()}


def main():
    """Measure what is missing, and write the page."""
    parser = page_parser(__doc__.splitlines()[0], data=True, page=True)
    parser.add_argument("--tables", nargs="+", help="some of the tables")
    parser.add_argument("--rows", type=int, default=1500, help="of a table, at most")
    parser.add_argument("--resamples", type=int, default=10)
    arguments = parser.parse_args()
    real, shapes = table_names(arguments.data)
    asked = arguments.tables or [*real, *shapes]
    results = Results(
        arguments.raw,
        ("part", "table", "rows", "resamples"),
        only_known=arguments.page,
    )
    found = {part: [] for part in PARTS}
    for part, (function, own) in PARTS.items():
        for name in own or asked:
            row = results.measure(
                partial(measure, function, name, arguments),
                part=part,
                table=name,
                rows=arguments.rows,
                resamples=arguments.resamples,
            )
            found[part] += [row] if row else []
    for row, auto in zip(found["ways"], found["auto"], strict=True):
        row["ways"]["auto"] = auto["auto"]
    sections = [
        regret_page(found["scores"]),
        ways_page(found["ways"]),
        doubts_page(found["auto"], found["nulls"]),
        limits_page(found["limits"]),
    ]
    write_page(sections, arguments.out)


if __name__ == "__main__":
    main()
