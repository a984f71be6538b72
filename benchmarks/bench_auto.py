"""AutoCluster against other ways to cluster a table of unknown number of groups.

Run ``python benchmarks/bench_auto.py --data FOLDER``; UMAP, PLSCAN, EVoC and Genie take
part where umap-learn, fast-plscan, evoc and genieclust are installed. Real tables and
shapes, subsets of the classes of the real tables redrawn in unequal sizes or with one
class that dominates, tables without groups, and large tables. The results of a table
are appended to a file of JSON lines at once; what that file holds is not measured
again. ``--page`` measures nothing and writes the page anew.
"""

import os
from functools import partial
from importlib.util import find_spec

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from bench_ppp import (  # noqa: E402
    bic_full,
    hdbscan_share,
    judge,
    load_table,
    ppp,
    silhouette,
    table_names,
)
from bench_selection import interval  # noqa: E402
from runner import (  # noqa: E402
    Results,
    command,
    cpu_of,
    format_table,
    page_parser,
    versions,
    write_page,
)

LARGE = (
    "covtype_15k",
    "dry_bean",
    "fashion_train10k",
    "letter",
    "pendigits",
    "shuttle_20k",
)
# Tables of 600 rows that have no groups: name -> rows, from a generator.
NULLS = {
    "Gaussian, 4 columns": lambda rng: rng.normal(size=(600, 4)),
    "Gaussian, 20 columns": lambda rng: rng.normal(size=(600, 20)),
    "Gaussian, 10 correlated": lambda rng: (
        rng.normal(size=(600, 10)) @ rng.normal(size=(10, 10))
    ),
    "uniform, 5 columns": lambda rng: rng.uniform(size=(600, 5)),
    "uniform, 20 columns": lambda rng: rng.uniform(size=(600, 20)),
    "Student's t, 5 columns": lambda rng: rng.standard_t(3, size=(600, 5)),
    "log-normal, 8 columns": lambda rng: np.exp(rng.normal(size=(600, 8))),
    "exponential, 6 columns": lambda rng: rng.standard_exponential((600, 6)),
    "Laplace, 6 columns": lambda rng: rng.laplace(size=(600, 6)),
    "gamma(2), 12 columns": lambda rng: rng.gamma(2, size=(600, 12)),
}
N_NULL_DRAWS = 10
# Rows of the class that dominates, and of the others; rows of the largest of unequal
# classes. Classes are redrawn of tables that have a class of so many rows, and at least
# three others that are large enough.
DOMINANT, SMALL, LARGEST_UNEQUAL = (330, 1000), (15, 125), 400
# Draws of each such table.
N_REDRAWS = {"unequal": 2, "dominated": 1}


def auto(X):
    """AutoCluster with its defaults."""
    from skdeepcluster import AutoCluster

    return AutoCluster(random_state=0).fit(X)


def pca(X):
    """First 20 principal axes of more columns, for methods that want few."""
    from sklearn.decomposition import PCA

    return PCA(20, svd_solver="full").fit_transform(X) if X.shape[1] > 20 else X


def umap_codes(X):
    """UMAP in two dimensions, 15 neighbours, min_dist 0."""
    import umap
    from sklearn.decomposition import PCA

    if X.shape[1] > 50:
        X = PCA(50, svd_solver="full").fit_transform(X)
    codes = umap.UMAP(min_dist=0.0, random_state=0, n_jobs=1).fit_transform(X)
    return codes.astype(np.float64)


def to_nearest(labels, X):
    """Give noise to the nearest row that is none."""
    from sklearn.neighbors import KNeighborsClassifier

    clustered = labels >= 0
    if not clustered.any():
        return np.zeros(len(X), dtype=np.int64)
    nearest = KNeighborsClassifier(1).fit(X[clustered], labels[clustered])
    return nearest.predict(X)


def umap_plscan(X):
    """PLSCAN of UMAP's codes; noise to the nearest."""
    from fast_plscan import PLSCAN

    codes = umap_codes(X)
    return to_nearest(PLSCAN().fit_predict(codes), codes)


def evoc(X):
    """EVoC with its defaults, on single precision as it wants; noise to the nearest."""
    from evoc import EVoC

    return to_nearest(EVoC(random_state=0).fit_predict(X.astype(np.float32)), X)


def genie(X, n_clusters):
    """Genie, which must be told the number of clusters."""
    from genieclust import Genie

    return Genie(n_clusters=n_clusters).fit_predict(X)


WAYS = {
    "AutoCluster": auto,
    "PPP": ppp,
    "mixture by BIC": lambda X: bic_full(pca(X)),
    "KMeans by silhouette": lambda X: silhouette(pca(X)),
    "HDBSCAN": lambda X: hdbscan_share(pca(X)),
}
if find_spec("umap"):
    WAYS["UMAP, HDBSCAN"] = lambda X: hdbscan_share(umap_codes(X))
if find_spec("umap") and find_spec("fast_plscan"):
    WAYS["UMAP, PLSCAN"] = umap_plscan
if find_spec("evoc"):
    WAYS["EVoC"] = evoc
# What these know of a table beside its rows.
TOLD = {"Genie, told the number": genie} if find_spec("genieclust") else {}


def redrawn_tables(folder, kind):
    """Names of the tables whose classes are redrawn, with the number of the draw."""
    names = []
    for name in table_names(folder)[0]:
        counts = np.unique(load_table(name, folder, None)[1][0], return_counts=True)[1]
        others = np.count_nonzero(counts >= SMALL[0]) - 1
        if counts.max() >= DOMINANT[0] and others >= 3:
            names += [f"{name}, {draw}" for draw in range(N_REDRAWS[kind])]
    return names


def subset(X, references, kind, seed):
    """Redraw some classes in unequal sizes, or with one that dominates."""
    y = np.unique(references[0], return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    counts = np.bincount(y)
    classes = rng.permutation(np.flatnonzero(counts >= SMALL[0]))
    if kind == "unequal":
        # Three to ten classes, in sizes that grow by a constant factor.
        classes = classes[: rng.integers(3, 11)]
        shares = np.geomspace(rng.uniform(2, 20), 1, len(classes))
        scale = np.min([LARGEST_UNEQUAL / shares[0], *(counts[classes] / shares)])
        sizes = np.maximum(shares * scale, 2)
    else:
        # One class of many rows, and three to nine of few.
        first = rng.choice(np.flatnonzero(counts >= DOMINANT[0]))
        classes = [first, *classes[classes != first][: rng.integers(3, 10)]]
        small = rng.integers(SMALL[0], SMALL[1] + 1, len(classes) - 1)
        sizes = np.minimum([DOMINANT[1], *small], counts[classes])
    rows = np.concatenate(
        [
            rng.choice(np.flatnonzero(y == c), int(n), replace=False)
            for c, n in zip(classes, sizes, strict=True)
        ]
    )
    return X[rows], [y[rows] + 1]


def table_of(name, folder, n_rows, kind):
    """Standardised rows and reference labels of a table, as it is or redrawn."""
    from sklearn.preprocessing import StandardScaler

    if kind not in N_REDRAWS:
        return load_table(name, folder, n_rows)
    table, draw = name.rsplit(", ", 1)
    X, references = load_table(table, folder, None)
    X, references = subset(X, references, kind, [int(draw), len(table)])
    return StandardScaler().fit_transform(X), references


def measure_table(name, folder, n_rows, ways, kind):
    """Try some ways on one table."""
    X, references = table_of(name, folder, n_rows, kind)
    n_classes = len(np.unique(references[0]))
    found = {}
    for way in ways:
        make = partial(TOLD[way], n_clusters=n_classes) if way in TOLD else WAYS[way]
        fitted, seconds = cpu_of(make, X)
        labels = np.asarray(getattr(fitted, "labels_", fitted))
        found[way] = judge(labels, references) | {"seconds": seconds}
        found[way]["score"] = getattr(fitted, "best_score_", None)
    return {"shape": X.shape, "ways": found}


def measure_nulls(name, *_):
    """AutoCluster on draws of a table without groups."""
    draws = [NULLS[name](np.random.default_rng(seed)) for seed in range(N_NULL_DRAWS)]
    models = [auto(X) for X in draws]
    return {"score": [model.best_score_ for model in models]}


def measure_large(name, folder, *_):
    """AutoCluster on all rows of a large table."""
    X, references = load_table(name, folder, None)
    model, seconds = cpu_of(auto, X)
    found = judge(model.labels_, references)
    return {"shape": X.shape, "auto": found | {"seconds": seconds}}


def ways_page(title, tables):
    """Lay out ARI and the number found on every table, and means."""
    from scipy.stats import rankdata

    ways = [
        way for way in (*WAYS, *TOLD) if all(way in table["ways"] for table in tables)
    ]
    names = [table["table"] for table in tables]
    ari = np.array([[table["ways"][way]["ari"] for way in ways] for table in tables])
    ranks = rankdata(-np.round(ari, 3), axis=1).mean(axis=0)
    summary = []
    for j, way in enumerate(ways):
        low, high = interval(ari[:, j], names)
        seconds = [table["ways"][way]["seconds"] for table in tables]
        summary.append(
            [
                way,
                f"{ari[:, j].mean():.3f} ({low:.3f}-{high:.3f})",
                f"{ranks[j]:.2f}",
                f"{np.mean(seconds):.1f}",
            ]
        )
    body = []
    for table, values in zip(tables, ari, strict=True):
        rows = [table["ways"][way] for way in ways]
        cells = [
            f"{v:.2f} ({row['n_found']})" for v, row in zip(values, rows, strict=True)
        ]
        name = table["table"].removeprefix("clustbench/")
        body.append([name, str(rows[0]["n_true"]), *cells])
    return "\n\n".join(
        [
            f"## {title}: {len(tables)} tables",
            format_table(["way", "mean ARI", "mean rank", "CPU s"], summary),
            format_table(["table", "classes", *ways], body),
        ]
    )


def nulls_page(rows, tables):
    """Lay out the agreement where there are no groups, and where it is as low."""
    from skdeepcluster.model_selection.auto_cluster import LITTLE_AGREEMENT

    scores = np.array([row["score"] for row in rows])
    body = [
        [row["table"], f"{min(row['score']):.2f}-{max(row['score']):.2f}"]
        for row in rows
    ]
    doubted = [
        table["table"]
        for table in tables
        if table["ways"]["AutoCluster"]["score"] < LITTLE_AGREEMENT
    ]
    return "\n\n".join(
        [
            "## Tables without groups",
            f"{N_NULL_DRAWS} draws each of 600 rows: the winner's mean agreement. "
            f"AutoCluster warns below {LITTLE_AGREEMENT}: on "
            f"{np.count_nonzero(scores < LITTLE_AGREEMENT)} of these {scores.size}, "
            f"and on {len(doubted)} of {len(tables)} real tables: "
            f"{', '.join(doubted)}.",
            format_table(["table", "agreement"], body),
        ]
    )


def large_page(rows):
    """Lay out the large tables."""
    body = [
        [
            row["table"],
            f"{row['shape'][0]:,}",
            str(row["auto"]["n_true"]),
            f"{row['auto']['ari']:.2f} ({row['auto']['n_found']})",
            f"{row['auto']['seconds']:.0f}",
        ]
        for row in rows
    ]
    mean = np.mean([row["auto"]["ari"] for row in rows])
    return f"## Large tables, whole: mean ARI {mean:.2f}\n\n" + format_table(
        ["table", "rows", "classes", "AutoCluster", "CPU s"], body
    )


# Part -> what measures a table, and which, where that does not depend on the folder.
PARTS = {
    "real": (partial(measure_table, kind="whole"), ()),
    "shapes": (partial(measure_table, kind="whole"), ()),
    "unequal": (partial(measure_table, kind="unequal"), ()),
    "dominated": (partial(measure_table, kind="dominated"), ()),
    "nulls": (measure_nulls, tuple(NULLS)),
    "large": (measure_large, LARGE),
}
TITLES = {
    "real": "Real tables",
    "shapes": "Shapes in two or three columns",
    "unequal": "Classes redrawn in unequal sizes",
    "dominated": "One class dominates",
}


def main():
    """Measure what is missing, and write the page."""
    parser = page_parser(__doc__.splitlines()[0], data=True, page=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    known = [*WAYS, *TOLD]
    parser.add_argument("--ways", nargs="+", choices=known, default=known)
    parser.add_argument("--rows", type=int, default=1500, help="of a table, at most")
    arguments = parser.parse_args()
    real, shapes = table_names(arguments.data)
    groups = {"real": real, "shapes": shapes} | {
        kind: redrawn_tables(arguments.data, kind)
        for kind in N_REDRAWS
        if kind in arguments.parts
    }
    results = Results(
        arguments.raw, ("part", "table", "rows"), only_known=arguments.page
    )
    found = {}
    for part in arguments.parts:
        function, names = PARTS[part]
        rows = [
            results.measure(
                partial(function, name, arguments.data, arguments.rows, arguments.ways),
                part=part,
                table=name,
                rows=arguments.rows,
            )
            for name in groups.get(part, names)
        ]
        found[part] = [row for row in rows if row and "error" not in row]
    notes = [
        f"- Command: `{command().replace(' --page', '')}`",
        f"- Versions: {versions()}",
        f"- At most {arguments.rows} rows of real tables and shapes, standardised. "
        "Mixture, KMeans and HDBSCAN see 20 principal axes of more columns, UMAP 50; "
        "the BIC and the silhouette choose up to 20 clusters; HDBSCAN's clusters have "
        "at least 2 % of the rows. ARI, with the number found in brackets; 95 % "
        "bootstrap intervals over tables; rank 1 is the best.",
    ]
    if {"UMAP, PLSCAN", "EVoC"} & {*arguments.ways}:
        notes.append(
            "- Noise of HDBSCAN is a cluster, that of PLSCAN and EVoC goes to the "
            "nearest row."
        )
    if set(N_REDRAWS) & set(arguments.parts):
        notes.append(
            f"- Redrawn are tables with a class of {DOMINANT[0]} rows and three others "
            f"of {SMALL[0]}. Unequal sizes: two draws each of three to ten classes, "
            "whose sizes grow by a factor, two to twenty from the least to the "
            f"largest. One class dominates: {DOMINANT[0]} to {DOMINANT[1]} rows of it, "
            f"and {SMALL[0]} to {SMALL[1]} of each of three to nine others."
        )
    notes.append(
        "- The families of the vote, their weights and the threshold of doubt were "
        "chosen in view of real tables, subsets and tables without groups of these "
        "kinds, so what is said of them is optimistic; what a search among settings "
        "would be worth on tables left out is in `bench_vote_weights.md`."
    )
    sections = [
        "# AutoCluster, the number of groups unknown",
        "\n".join(notes),
        *(
            ways_page(title, found[part])
            for part, title in TITLES.items()
            if found.get(part)
        ),
    ]
    if found.get("nulls"):
        sections.append(nulls_page(found["nulls"], found.get("real", [])))
    if found.get("large"):
        sections.append(large_page(found["large"]))
    write_page(sections, arguments.out)


if __name__ == "__main__":
    main()
