"""NeighborEncoder against UMAP and plain features, in front of any clusterer.

Run ``python benchmarks/bench_encoder.py --data FOLDER``; umap-learn must be
installed. Every result is appended to a file of JSON lines at once; what that
file holds is not measured again, so an interrupted run goes on where it
stopped. ``--fresh PART ...`` measures parts again.
"""

import os
from functools import partial
from itertools import product
from statistics import fmean, median

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from runner import (  # noqa: E402
    Results,
    command,
    cpu_of,
    format_table,
    in_process,
    page_parser,
    read_table,
    rise_of,
    versions,
    write_page,
)

MAX_ROWS = 2000
SEEDS = (0, 1, 2)
TABLES = {
    "iris": "iris",
    "wine": "wine",
    "breast_cancer": "breast_cancer",
    "pbmc68k": "pbmc68k_reduced",
    "mfeat_factors": "mfeat_factors",
    "digits": "digits",
    "segment": "segment",
    "mnist": "mnist_train5k",
    "optdigits": "optdigits",
    "pendigits": "pendigits",
    "dry_bean": "dry_bean",
    "satimage": "satimage",
    "fashion": "fashion_train10k",
    "letter": "letter",
}
FURTHER = {
    "dermatology": "dermatology",
    "ecoli": "ecoli",
    "seeds": "seeds",
    "yeast": "yeast",
    "vehicle": "vehicle",
    "steel_faults": "steel_faults",
    "text_bbc": "text_bbc",
    "cnae9": "cnae9",
    "glass": "glass",
    "covtype": "covtype_15k",
}


def load(name, folder, max_rows):
    """Rows as they are stored, and their classes; `max_rows` drawn of more."""
    X, (y, *_) = read_table((TABLES | FURTHER)[name], folder)
    if len(X) > max_rows:
        chosen = np.random.default_rng(0).permutation(len(X))[:max_rows]
        X, y = X[chosen], y[chosen]
    return X, np.unique(y, return_inverse=True)[1]


# ------------------------------------------------------------------- embeddings


class Features:
    """The standardised features; 50 principal components of more than 60."""

    def __init__(self, seed):
        self.seed = seed

    def embed(self, X, new):
        from sklearn.decomposition import PCA
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        reduce = PCA(min(50, len(X)), random_state=self.seed)
        model = make_pipeline(
            StandardScaler(), reduce if X.shape[1] > 60 else "passthrough"
        )
        codes = model.fit_transform(X)
        return codes, model.transform(new) if len(new) else codes[:0]


class Encoder:
    """NeighborEncoder with its defaults."""

    n_components = 2

    def __init__(self, seed):
        from skdeepcluster import NeighborEncoder

        self.encoder = NeighborEncoder(self.n_components, random_state=seed)

    def embed(self, X, new):
        return self.encoder.fit_transform(X), self.encoder.transform(new)


class Encoder10(Encoder):
    """NeighborEncoder, 10 components."""

    n_components = 10


class Umap:
    """umap-learn on the encoder's scaled columns, 15 neighbours, min_dist 0."""

    n_components = 2

    def __init__(self, seed):
        import umap

        self.seed = seed
        self.make = partial(umap.UMAP, min_dist=0.0, random_state=seed)

    def embed(self, X, new):
        from skdeepcluster.neighbors._neighbor_space import NeighborSpace
        from skdeepcluster.nn.training import reproducible

        with reproducible(self.seed):
            space = NeighborSpace(X, np.ones(len(X)), "euclidean")
        model = self.make(n_components=self.n_components)
        codes = model.fit_transform(space.transform(X))
        if len(new):
            new = model.transform(space.transform(new))
        return codes.astype(np.float64), np.asarray(new, np.float64)


class Umap10(Umap):
    """The same with 10 components."""

    n_components = 10


EMBEDDINGS = {
    "features": Features,
    "NeighborEncoder": Encoder,
    "NeighborEncoder 10-d": Encoder10,
    "UMAP": Umap,
    "UMAP 10-d": Umap10,
}


def clusterers(k, seed):
    """KMeans, and Gaussian mixtures with full and with tied covariances."""
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    return {
        "KMeans": KMeans(k, n_init=10, random_state=seed),
        "full": GaussianMixture(k, n_init=3, random_state=seed),
        "tied": GaussianMixture(k, covariance_type="tied", n_init=3, random_state=seed),
    }


def measure(results, function, part, table, method, seed, rows):
    """Measure what is known by these."""
    known_by = {"table": table, "method": method, "seed": seed, "rows": rows}
    return results.measure(function, part=part, **known_by)


# --------------------------------------------------------------------- accuracy


def split_and_judge(name, method, seed, folder, max_rows):
    """Embed and cluster 70 % of the rows; judge these, and the other 30 %."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    from skdeepcluster.metrics import clustering_accuracy

    X, y = load(name, folder, max_rows)
    order = np.random.default_rng(seed + 1).permutation(len(X))
    rows, new = np.split(order, [int(0.7 * len(X))])
    embedding = EMBEDDINGS[method](seed)
    (Z, Z_new), seconds = cpu_of(embedding.embed, X[rows], X[new])
    figures = {"cpu_s": seconds}
    for partner, model in clusterers(len(np.unique(y)), seed).items():
        try:
            labels, new_labels = model.fit(Z).predict(Z), model.predict(Z_new)
        except ValueError:
            # A mixture whose covariance is singular on these features.
            continue
        figures[partner] = {
            "ari": adjusted_rand_score(y[rows], labels),
            "nmi": normalized_mutual_info_score(y[rows], labels),
            "acc": clustering_accuracy(y[rows], labels),
            "new": clustering_accuracy(y[new], new_labels),
        }
    return figures


def accuracy(results, arguments):
    """KMeans and mixtures behind every embedding, the number of classes known."""
    runs = {}
    for key in product(arguments.tables, arguments.methods, arguments.seeds):
        run = partial(split_and_judge, *key, arguments.data, arguments.rows)
        runs[key] = measure(results, run, "accuracy", *key, arguments.rows)
    parts = [
        "## Quality\n\nFitted on 70 % of the rows "
        f"({arguments.rows} at most), seeds and splits "
        f"{', '.join(map(str, arguments.seeds))}: ARI and ACC of the fitted rows, and "
        "ACC of the other 30 % (new rows). Means over tables of the means over seeds; "
        "K, F, T: KMeans, mixture with full and with tied covariances. Last: mean and "
        "standard error over the tables of the encoder's ARI less this method's, and "
        "of its ACC on new rows less this method's, both for the mean of K, F and T."
    ]
    groups = {
        "Tables of the development": TABLES,
        "Tables that no choice was made on": FURTHER,
    }
    for title, group in groups.items():
        if names := [name for name in group if name in arguments.tables]:
            parts.append(f"### {title}\n\n{_means(runs, names, arguments)}")
    parts.append(f"### Each table\n\n{_each(runs, arguments)}")
    return "\n\n".join(parts)


PARTNERS = {"K": "KMeans", "F": "full", "T": "tied"}


def _figure(runs, name, method, seeds, partner, figure):
    values = [
        run[partner][figure]
        for run in (runs[name, method, seed] for seed in seeds)
        if partner in run
    ]
    return fmean(values) if values else float("nan")


def _means(runs, names, arguments):
    figures = [("ari", "ARI"), ("acc", "ACC"), ("new", "new ACC")]
    columns = ["embedding", *(f"{t} {p}" for _, t in figures for p in PARTNERS)]
    columns += ["ARI less", "new ACC less", "CPU s"]

    def over_tables(method, partner, figure):
        return np.array(
            [
                _figure(runs, name, method, arguments.seeds, partner, figure)
                for name in names
            ]
        )

    def over_partners(method, figure):
        each = [over_tables(method, p, figure) for p in PARTNERS.values()]
        return np.nanmean(each, axis=0)

    body = []
    for method in arguments.methods:
        cells = [method]
        for figure, _ in figures:
            for partner in PARTNERS.values():
                cells.append(f"{np.nanmean(over_tables(method, partner, figure)):.3f}")
        for figure in ("ari", "new"):
            gaps = over_partners("NeighborEncoder", figure) - over_partners(
                method, figure
            )
            error = gaps.std(ddof=1) / np.sqrt(len(gaps))
            cells.append(
                ""
                if method == "NeighborEncoder"
                else f"{gaps.mean():+.3f} ± {error:.3f}"
            )
        seconds = [
            runs[name, method, seed]["cpu_s"]
            for name in names
            for seed in arguments.seeds
        ]
        body.append([*cells, f"{fmean(seconds):.2f}"])
    return format_table(columns, body)


def _each(runs, arguments):
    body = []
    for name in arguments.tables:
        cells = [name]
        for method in arguments.methods:
            for figure in ("ari", "new"):
                values = [
                    _figure(runs, name, method, arguments.seeds, partner, figure)
                    for partner in PARTNERS.values()
                ]
                cells.append(" ".join(f"{value:.2f}" for value in values))
        body.append(cells)
    columns = [
        "K F T",
        *(f"{m}, {t}" for m in arguments.methods for t in ("ARI", "new")),
    ]
    return format_table(columns, body)


# ---------------------------------------------------------------- known classes


# What each protocol compares: a name, the estimator, and its encoder.
PROTOCOLS = {
    "novel": {
        "NCDKMeans": ("NCDKMeans", None),
        "behind the encoder": ("NCDKMeans", "no labels"),
        "labels for the encoder": ("NCDKMeans", "labels"),
        "PBN": ("PBN", None),
    },
    "general": {
        "SemiSupervisedGaussianMixture": ("SemiSupervisedGaussianMixture", None),
        "behind the encoder": ("SemiSupervisedGaussianMixture", "no labels"),
        "labels for the encoder": ("SemiSupervisedGaussianMixture", "labels"),
        "GPC": ("GPC", None),
        "GPC behind the encoder": ("GPC", "no labels"),
    },
}
KNOWN_TABLES = (
    "mfeat_factors",
    "digits",
    "segment",
    "mnist",
    "pendigits",
    "dry_bean",
    "satimage",
)
# Without an encoder, tables of more columns are brought to principal axes, but not
# for GPC, which has an encoder of its own.
FEW_COLUMNS, N_AXES = 32, 20


def discover(name, protocol, method, seed, folder, max_rows):
    """ACC of the rows without a label, the number of new classes known."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    import skdeepcluster

    X, y = load(name, folder, max_rows)
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.unique(y))
    novel = classes[len(classes) // 2 :]
    labeled = ~np.isin(y, novel)
    if protocol == "general":
        labeled &= rng.random(len(y)) < 0.5
    partial_y = np.where(labeled, y, -1)
    kind, encoder = PROTOCOLS[protocol][method]
    params = {"n_novel": len(novel), "random_state": seed}
    if encoder == "labels":
        params["encoder"] = Encoder(seed).encoder
    elif encoder is not None:
        X = Encoder(seed).encoder.fit_transform(X)
    else:
        X = StandardScaler().fit_transform(X)
        if X.shape[1] > FEW_COLUMNS and kind != "GPC":
            X = PCA(N_AXES, random_state=seed).fit_transform(X)
    model = getattr(skdeepcluster, kind)(**params).fit(X, partial_y)
    judge = skdeepcluster.metrics.clustering_accuracy
    return {"acc": float(judge(y[~labeled], model.labels_[~labeled]))}


def known_classes(results, arguments):
    """What the encoder, and labels for it, do for the discovery of classes."""
    parts = [
        "## Known classes\n\nACC of the rows without a label, the number of new "
        f"classes given; {arguments.rows} rows at most, seeds "
        f"{', '.join(map(str, arguments.seeds))}, which draw the classes and rows that "
        "are known. *novel*: half of the classes are labeled in all their rows, the "
        "others are new; *general*: half of the rows of half of the classes are "
        "labeled. The encoder gets no labels, or those that the method gets. Without "
        f"encoder, more than {FEW_COLUMNS} columns are brought to {N_AXES} principal "
        "axes, except for GPC, which has an encoder of its own. The number of links of "
        "a labeled row was chosen on parts of six of the tables of the development."
    ]
    for protocol, methods in PROTOCOLS.items():
        body = []
        for name in KNOWN_TABLES:
            cells = []
            for method in methods:
                runs = []
                for seed in arguments.seeds:
                    words = method, seed, arguments.data, arguments.rows
                    run = partial(discover, name, protocol, *words)
                    part, size = f"known, {protocol}", arguments.rows
                    runs.append(measure(results, run, part, name, method, seed, size))
                cells.append(fmean(run["acc"] for run in runs))
            body.append(cells)
        means = np.mean(body, axis=0)
        table = format_table(
            ["table", *methods],
            [
                [name, *(f"{cell:.3f}" for cell in cells)]
                for name, cells in zip(
                    (*KNOWN_TABLES, "mean"), (*body, means), strict=True
                )
            ],
        )
        parts.append(f"### {protocol.capitalize()}\n\n{table}")
    return "\n\n".join(parts)


# ----------------------------------------------------------- clusterers with it


def with_encoder(name, method, seed, folder, max_rows):
    """A clusterer of the package on standardised rows, or behind the encoder."""
    from sklearn.metrics import adjusted_rand_score
    from sklearn.preprocessing import StandardScaler

    import skdeepcluster

    X, y = load(name, folder, max_rows)
    k, (clusterer, *behind) = len(np.unique(y)), method.split(" behind ")
    X = StandardScaler().fit_transform(X)
    if behind:
        X = Encoder(seed).encoder.fit_transform(X)
    model = {
        "TELL": partial(skdeepcluster.TELL, k, n_components=None, random_state=seed),
        "PPP": skdeepcluster.PPP,
        "SDPKMeans": partial(skdeepcluster.SDPKMeans, k, random_state=seed),
    }[clusterer]()
    labels = model.fit_predict(X)
    return {
        "ari": adjusted_rand_score(y, labels),
        "n_found": len(np.unique(labels)),
        "n_true": k,
    }


# Given up after more than a minute of CPU time: 26 classes.
NOT_RUN = {("letter", "SDPKMeans"), ("letter", "SDPKMeans behind it")}


def package(results, arguments):
    """Clusterers of the package with and without the encoder."""
    methods = [
        f"{clusterer}{behind}"
        for clusterer in ("TELL", "SDPKMeans", "PPP")
        for behind in ("", " behind it")
    ]
    body, scores = [], []
    for name in TABLES:
        runs = [
            {"ari": np.nan}
            if (name, method) in NOT_RUN
            else measure(
                results,
                partial(with_encoder, name, method, 0, arguments.data, arguments.rows),
                *("package", name, method, 0, arguments.rows),
            )
            for method in methods
        ]
        scores.append([run["ari"] for run in runs])
        cells = ["-" if np.isnan(x) else f"{x:.3f}" for x in scores[-1]]
        counts = "/".join(str(run["n_found"]) for run in runs[-2:])
        body.append([name, *cells, f"{counts} of {runs[0]['n_true']}"])
    means = [f"{mean:.3f}" for mean in np.nanmean(scores, axis=0)]
    body.append(["mean", *means, ""])
    return (
        "## Clusterers of the package\n\nARI with and without the encoder, "
        f"{arguments.rows} rows at most, seed 0. TELL and SDPKMeans are told the "
        "number of classes, PPP finds it (last column). "
        "SemiSupervisedGaussianMixture stands under *Known classes*. SDPKMeans was "
        "given up on letter after more than a minute; its means are of the others."
        "\n\n" + format_table(["table", *methods, "classes of PPP"], body)
    )


# ----------------------------------------------------------------------- guards


def blobs(method, distance, seed):
    """KMeans on 5 Gaussians in 20 columns whose centres lie so far apart."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(seed)
    centers = distance / np.sqrt(2) * np.eye(20)[:5]
    y = np.arange(1000) % 5
    X = centers[y] + rng.standard_normal((1000, 20))
    Z, _ = EMBEDDINGS[method](seed).embed(X, X[:0] if "UMAP" in method else X)
    labels = KMeans(5, n_init=10, random_state=seed).fit_predict(Z)
    return {"ari": adjusted_rand_score(y, labels)}


def null(method, name, seed):
    """Clusters that PPP finds behind an embedding of rows without any."""
    from skdeepcluster import PPP

    rng = np.random.default_rng(seed)
    X = {
        "one Gaussian, 20 columns": partial(rng.standard_normal, (600, 20)),
        "uniform cube, 5 columns": partial(rng.random, (600, 5)),
    }[name]()
    Z, _ = EMBEDDINGS[method](seed).embed(X, X[:0] if "UMAP" in method else X)
    return {"n_found": int(PPP().fit(Z).n_clusters_)}


def guards(results, arguments):
    """What an embedding does to round groups, and to none."""
    methods = list(EMBEDDINGS)
    body = []
    for distance in (6.0, 4.5, 3.5):
        cells = [f"{distance} standard deviations"]
        for method in methods:
            runs = []
            for seed in SEEDS:
                run, key = partial(blobs, method, distance, seed), str(distance)
                runs.append(measure(results, run, "blobs", key, method, seed, 1000))
            cells.append(f"{fmean(run['ari'] for run in runs):.3f}")
        body.append(cells)
    nulls = []
    for name in ("one Gaussian, 20 columns", "uniform cube, 5 columns"):
        cells = [name]
        for method in methods:
            runs = [
                measure(
                    results,
                    partial(null, method, name, seed),
                    *("null", name, method, seed, 600),
                )
                for seed in range(5)
            ]
            cells.append("/".join(str(run["n_found"]) for run in runs))
        nulls.append(cells)
    return (
        "## Guards\n\nARI of KMeans on five Gaussians of 200 rows in 20 columns, by "
        "the distance of their centres; mean of 3 draws.\n\n"
        f"{format_table(['distance', *methods], body)}\n\n"
        "Clusters that PPP finds where there are none (600 rows, 5 draws): a number of "
        "clusters found in an embedding needs a test in the input space.\n\n"
        f"{format_table(['distribution', *methods], nulls)}"
    )


# ------------------------------------------------------------ seconds and memory


def draw(n, p):
    """Rows of twenty Gaussians."""
    rng = np.random.default_rng(0)
    centers = 3 * rng.standard_normal((20, p))
    return centers[rng.integers(20, size=n)] + rng.standard_normal((n, p))


def embed_large(method, n, p):
    """Embed such rows; for a process of its own."""

    def embed(X):
        EMBEDDINGS[method](0).embed(X, X[:0] if "UMAP" in method else X)

    cpu_of(embed, draw(300, p))
    _, figures = rise_of(embed, draw(n, p))
    return figures | {"load": os.getloadavg()[0]}


def scale(results, arguments):
    """CPU seconds and memory of growing tables."""

    body, loads = [], []
    for n, p, repeats, methods in (
        (4_000, 50, 3, ("NeighborEncoder", "UMAP")),
        (20_000, 50, 1, ("NeighborEncoder", "UMAP")),
        (100_000, 50, 1, ("NeighborEncoder",)),
    ):
        cells, medians = [f"{n:,} × {p}"], []
        for method in ("NeighborEncoder", "UMAP"):
            if method not in methods:
                cells += ["", ""]
                continue
            runs = [
                measure(
                    results,
                    partial(in_process, embed_large, method, n, p),
                    *("scale", str(p), method, seed, n),
                )
                for seed in range(repeats)
            ]
            medians.append(median(row["cpu_s"] for row in runs))
            loads += [row["load"] for row in runs]
            peak, base = (max(row[n] for row in runs) for n in ("peak_mib", "base_mib"))
            cells += [f"{medians[-1]:.1f}", f"{peak:.0f} ({base:.0f})"]
        cells.append(f"{medians[1] / medians[0]:.1f}" if len(medians) == 2 else "")
        body.append(cells)
    columns = ["table", "encoder CPU s", "peak MiB", "UMAP CPU s", "peak MiB", "ratio"]
    return (
        "## Seconds and memory\n\nTwenty Gaussians; a small table first, so that "
        "compilation is not counted. The encoder embeds the rows once more with its "
        "network, UMAP returns its layout. Peak of the process, in brackets before the "
        "call. Load of the machine "
        f"after each run: {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} "
        "cores; CPU seconds grow with it.\n\n" + format_table(columns, body)
    )


TITLES = {
    "accuracy": "UMAP and plain features",
    "known": "known classes",
    "package": "clusterers of the package",
    "guards": "round groups and none",
    "scale": "seconds and memory",
}
PARTS = {
    "accuracy": accuracy,
    "known": known_classes,
    "package": package,
    "guards": guards,
    "scale": scale,
}
FRESH = {
    "guards": ("blobs", "null"),
    "known": tuple(f"known, {protocol}" for protocol in PROTOCOLS),
}


def main():
    """Measure what is not known yet, and write the page."""
    parser = page_parser("NeighborEncoder against UMAP", data=True)
    methods = list(EMBEDDINGS)
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    tables = [*TABLES, *FURTHER]
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--rows", type=int, default=MAX_ROWS, help="at most")
    parser.add_argument("--fresh", nargs="*", choices=PARTS, default=[])
    arguments = parser.parse_args()
    fresh = {name for part in arguments.fresh for name in FRESH.get(part, (part,))}
    results = Results(
        arguments.raw,
        ("part", "table", "method", "seed", "rows"),
        forgotten=lambda row: row["part"] in fresh,
    )
    warm = np.random.default_rng(0).standard_normal((200, 5))
    for method in arguments.methods:
        EMBEDDINGS[method](0).embed(warm, warm[:50])
    parts = [
        f"# NeighborEncoder: {', '.join(TITLES[part] for part in arguments.parts)}",
        f"- Command: `{command()}`\n- Versions: {versions()}\n- One thread.\n"
        + "\n".join(f"- {name}: {kind.__doc__}" for name, kind in EMBEDDINGS.items()),
        *(PARTS[part](results, arguments) for part in arguments.parts),
    ]
    write_page(parts, arguments.out)


if __name__ == "__main__":
    main()
