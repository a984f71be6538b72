"""Many groups in many rows: NeighborEncoder on vectors like those of texts.

Run ``python benchmarks/bench_topics.py --data FOLDER``. What is measured is appended
to a file of JSON lines at once and is not measured again; ``--page`` writes the page
anew. UMAP with HDBSCAN and EVoC are run beside where they are installed.
"""

import os
from functools import partial

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from runner import (  # noqa: E402
    Results,
    command,
    cpu_of,
    format_table,
    in_process,
    load_table,
    page_parser,
    rise_of,
    versions,
    write_page,
)

# Rows, columns, topics, and the length of the noise beside a topic's unit vector.
TOPICS = [
    (20_000, 256, 20, 1.2),
    (20_000, 256, 100, 1.2),
    (20_000, 384, 100, 1.6),
    (100_000, 384, 100, 1.6),
]
WAYS = [
    *[{"n_components": c, "placed": p} for c in (2, 10) for p in ("new", "all")],
    "UMAP + HDBSCAN",
    "EVoC",
]
# Fitting all of the larger table, to see what the choice of anchors costs.
WHOLE = {"n_components": 10, "placed": "new", "max_anchors": None}
TABLES = ("satimage", "optdigits", "mnist_train5k", "pendigits", "fashion_train10k")
FLAT = {
    "Gaussian, 6,000 x 20": lambda rng: rng.normal(size=(6000, 20)),
    "cube, 6,000 x 5": lambda rng: rng.uniform(size=(6000, 5)),
}
SEARCHED = [(20_000, 50), (100_000, 50)]
N_ASKED, N_NEIGHBORS = 500, 15
ABOUT = """\
- One thread, CPU seconds; the machine was shared. Topics are drawn on the unit sphere,
  with shares from a Dirichlet distribution with parameter 2; a row is its topic, plus
  Gaussian noise of the length given, divided by its length."""


def topics(n, p, k, noise, seed=0):
    """Unit vectors around topics, in single precision, and the topics' numbers."""
    rng = np.random.default_rng(seed)
    centers = unit(rng.normal(size=(k, p)))
    y = rng.choice(k, size=n, p=rng.dirichlet(np.full(k, 2.0)))
    X = centers[y] + noise * rng.normal(size=(n, p)) / np.sqrt(p)
    return unit(X).astype(np.float32), y


def unit(rows):
    """Rows divided by their lengths."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def groups_of(way, X, k, metric):
    """Labels by one way, and by k-means that knows the number of groups."""
    from sklearn.cluster import HDBSCAN, KMeans

    from skdeepcluster import PPP, NeighborEncoder

    if way == "EVoC":
        from evoc import EVoC

        return EVoC(random_state=0).fit_predict(X), None
    if way == "UMAP + HDBSCAN":
        from umap import UMAP

        codes = UMAP(n_components=5, metric=metric, random_state=0).fit_transform(X)
        return HDBSCAN(min_cluster_size=15, copy=True).fit_predict(codes), None
    codes = NeighborEncoder(metric=metric, random_state=0, **way).fit_transform(X)
    known = KMeans(k, n_init=1, random_state=0).fit(codes).labels_ if k else None
    return PPP().fit(codes).labels_, known


def measure(way, X, y, metric):
    """Agreement with the groups, how many are found, seconds and memory."""
    from sklearn.metrics import adjusted_rand_score

    k = 0 if y is None else len(np.unique(y))
    try:
        (labels, known), cost = rise_of(groups_of, way, X, k, metric)
    except ImportError:
        return {"missing": True}
    row = {"found": len(set(labels[labels >= 0].tolist())), **cost}
    if y is not None:
        row["ari"] = float(adjusted_rand_score(y, labels))
        if known is not None:
            row["known"] = float(adjusted_rand_score(y, known))
    return row


def measure_topics(way, *shape):
    """One way on topics."""
    return measure(way, *topics(*shape), "cosine")


def measure_table(way, name, folder):
    """One way on a labelled table."""
    table = load_table(name, folder)
    return measure(way, table.X, table.y, "euclidean")


def measure_flat(way, name):
    """One way on rows without groups."""
    return measure(way, FLAT[name](np.random.default_rng(0)), None, "euclidean")


def measure_search(n, p):
    """Search in cells and among all pairs: seconds, and the share that is found."""
    from sklearn.neighbors import NearestNeighbors

    from skdeepcluster.neighbors._cell_search import CellIndex

    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, p))[rng.integers(100, size=n)]
    X += 0.8 * rng.normal(size=X.shape)
    CellIndex(X[:500]).nearest_others(X[:500], N_NEIGHBORS)
    (found, _), seconds = cpu_of(lambda: CellIndex(X).nearest_others(X, N_NEIGHBORS))
    asked = rng.permutation(n)[:N_ASKED]
    search = NearestNeighbors(n_neighbors=N_NEIGHBORS + 1).fit(X)
    true, exact = cpu_of(partial(search.kneighbors, X[asked], return_distance=False))
    shared = [len(set(found[i]) & set(t[1:])) for i, t in zip(asked, true, strict=True)]
    return {
        "cells_s": seconds,
        "exact_s": exact * n / N_ASKED,
        "recall": float(np.mean(shared) / N_NEIGHBORS),
    }


def name_of(way):
    """A way in words."""
    if isinstance(way, str):
        return way
    rest = "" if "max_anchors" not in way else ", all rows laid out"
    return f"{way['n_components']} components, placed={way['placed']!r}{rest}"


def cells_of(row):
    """Agreement, groups found, agreement with their number known, cost."""
    if row is None or "missing" in row:
        return ["-"] * 5
    return [
        f"{row['ari']:.3f}" if "ari" in row else "-",
        str(row["found"]),
        f"{row['known']:.3f}" if "known" in row else "-",
        f"{row['cpu_s']:.1f}",
        f"{row['peak_mib'] - row['base_mib']:.0f}",
    ]


def main():
    """Measure what is missing, and write the page."""
    parser = page_parser(__doc__.splitlines()[0], data=True, page=True)
    arguments = parser.parse_args()
    results = Results(
        arguments.raw, ("part", "table", "way"), only_known=arguments.page
    )

    def apart(function, part, table, way, *rest):
        return results.measure(
            partial(in_process, function, way, *rest), part=part, table=table, way=way
        )

    head = ["rows", "way", "ARI", "found", "k-means, number known", "CPU s", "MiB"]
    lines = []
    for shape in TOPICS:
        name = "{:,} x {}, {} topics, noise {}".format(*shape)
        ways = WAYS + [WHOLE] * (shape[0] > 20_000)
        for way in ways:
            row = apart(measure_topics, "topics", name, way, *shape)
            lines.append([name, name_of(way), *cells_of(row)])
    others = []
    for name in (*TABLES, *FLAT):
        for way in WAYS[:4]:
            if name in FLAT:
                row = apart(measure_flat, "flat", name, way, name)
            else:
                row = apart(measure_table, "tables", name, way, name, arguments.data)
            others.append([name, name_of(way), *cells_of(row)])
    searched = []
    for shape in SEARCHED:
        name = "{:,} x {}".format(*shape)
        row = results.measure(
            partial(in_process, measure_search, *shape), part="search", table=name
        )
        if row:
            searched.append(
                [name, *(f"{row[key]:.3g}" for key in ("cells_s", "exact_s", "recall"))]
            )
    write_page(
        [
            f"# {__doc__.splitlines()[0]}",
            f"- Command: `{command()}`\n- Versions: {versions()}\n{ABOUT}",
            "PPP finds the groups behind the encoder. *k-means, number known*: behind "
            "the encoder as well. MiB: the rise of the peak above the table.",
            "## Topics",
            format_table(head, lines),
            "## Tables of few groups, and none",
            format_table(head, others),
            f"## {N_NEIGHBORS} neighbours, by cells and among all pairs\n\n"
            f"100 groups in noise of full rank. All pairs: of {N_ASKED} rows, times "
            "their number; recall on these rows.",
            format_table(["rows", "cells, CPU s", "all pairs", "recall"], searched),
        ],
        arguments.out,
    )


if __name__ == "__main__":
    main()
