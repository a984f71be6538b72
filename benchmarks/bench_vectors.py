"""A million vectors, other packages beside, and coarse levels.

Run ``python benchmarks/bench_vectors.py``. What is measured is appended to a file of
JSON lines at once and is not measured again; ``--page`` writes the page anew. faiss
and fast_hdbscan are run beside where they are installed; a run is ended after so many
wall seconds as ``--timeout`` says. UMAP and EVoC: see ``bench_topics.py``.
"""

import multiprocessing
import os
from functools import partial

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from bench_topics import topics, unit  # noqa: E402
from runner import (  # noqa: E402
    Results,
    command,
    format_table,
    page_parser,
    rise_of,
    versions,
    write_page,
)

# Rows, columns, metric, most CPU seconds, most GiB beyond the table.
EMBEDDED = [
    (20_000, 50, "euclidean", None, None),
    (100_000, 50, "euclidean", 15, None),
    (20_000, 384, "cosine", None, None),
    (1_000_000, 384, "cosine", 60, 2.5),
]
N_GROUPS = 20
TOPICS = (100_000, 384, 100, 1.6)
GAUSSIANS = (200_000, 20, 12)
BLOCK_ROWS = 50_000
ABOUT = """\
- One thread, CPU seconds of a process that has compiled its kernels; the machine was
  shared by several runs, which makes CPU seconds more: compare lines of one page."""


def gaussians(n, p, k, width=3.0):
    """Groups of unequal size around points at random, in single precision."""
    rng = np.random.default_rng(0)
    centers = width * rng.normal(size=(k, p)).astype(np.float32)
    y = rng.choice(k, size=n, p=rng.dirichlet(np.full(k, 2.0)))
    X = centers[y]
    for start in range(0, n, BLOCK_ROWS):
        block = X[start : start + BLOCK_ROWS]
        block += rng.standard_normal(block.shape, dtype=np.float32)
    return X, y


def themes():
    """Eight themes of 60 topics: vectors, topics, themes."""
    rng = np.random.default_rng(0)
    theme_of = np.arange(60) % 8
    centers = unit(
        unit(rng.normal(size=(8, 256)))[theme_of]
        + 0.8 * unit(rng.normal(size=(60, 256)))
    )
    y = rng.integers(60, size=10_000)
    X = centers[y] + 0.8 * rng.normal(size=(10_000, 256)) / np.sqrt(256)
    return unit(X).astype(np.float32), y, theme_of[y]


# ------------------------------------------------------------------------- ways


def embedded(n, p, metric):
    """NeighborEncoder(2) of a table, and what PPP finds behind it."""
    from sklearn.metrics import adjusted_rand_score

    from skdeepcluster import PPP, NeighborEncoder

    encoder = NeighborEncoder(2, metric=metric, random_state=0)
    compiled = gaussians(6_000, p, 3)[0]
    encoder.set_params(layout_epochs=2, max_steps=2, max_anchors=5_500).fit(compiled)
    encoder.set_params(layout_epochs=200, max_steps=1200, max_anchors=20_000)
    X, y = gaussians(n, p, N_GROUPS, 1.0)
    codes, cost = rise_of(encoder.fit_transform, X)
    labels = PPP().fit(codes).labels_
    return cost | {"ari": adjusted_rand_score(y, labels)}


def ppp(X, k):
    """PPP, the number not known."""
    from skdeepcluster import PPP

    return PPP().fit(X).labels_


def ppp_behind(X, k):
    """PPP behind NeighborEncoder(2, metric="cosine"), the number not known."""
    return _ppp(2).fit(X).labels_


def minibatch(X, k):
    """scikit-learn's MiniBatchKMeans, the number known."""
    from sklearn.cluster import MiniBatchKMeans

    return MiniBatchKMeans(k, n_init=3, random_state=0).fit(X).labels_


def faiss_kmeans(X, k):
    """faiss k-means, 25 iterations, the number known."""
    import faiss

    run = faiss.Kmeans(X.shape[1], k, niter=25, seed=1, max_points_per_centroid=10**6)
    run.train(X)
    return run.index.search(X, 1)[1][:, 0]


def fast_hdbscan(X, k):
    """fast_hdbscan, clusters of 100 rows at least."""
    from fast_hdbscan import HDBSCAN

    return HDBSCAN(min_cluster_size=100).fit_predict(X)


TABLES = {
    "topics": (topics, TOPICS, (ppp_behind, minibatch, faiss_kmeans)),
    "Gaussians": (gaussians, GAUSSIANS, (ppp, minibatch, faiss_kmeans, fast_hdbscan)),
}


def compared(table, way):
    """Agreement with the groups, how many are found, cost."""
    from sklearn.metrics import adjusted_rand_score

    make, shape, _ = TABLES[table]
    X, y = make(*shape)
    way(X[:5_000], 5)
    labels, cost = rise_of(way, X, shape[2])
    labels = np.asarray(labels)
    found = len(np.unique(labels[labels >= 0]))
    return cost | {"ari": adjusted_rand_score(y, labels), "found": found}


def _ppp(n_components):
    from skdeepcluster import PPP, NeighborEncoder

    if n_components is None:
        return PPP()
    encoder = NeighborEncoder(n_components, metric="cosine", random_state=0)
    return PPP(encoder=encoder)


def _auto():
    from skdeepcluster import AutoCluster

    return AutoCluster(random_state=0)


LEVELS = {
    "PPP in the columns": lambda: _ppp(None),
    'PPP behind NeighborEncoder(2, metric="cosine")': lambda: _ppp(2),
    'PPP behind NeighborEncoder(10, metric="cosine")': lambda: _ppp(10),
    "AutoCluster": _auto,
}


def leveled(name):
    """Agreement of the clusters with topics, and of the level of 8 with themes."""
    from sklearn.metrics import adjusted_rand_score

    X, fine, coarse = themes()
    model, cost = rise_of(LEVELS[name]().fit, X)
    return cost | {
        "found": int(model.n_clusters_),
        "fine": adjusted_rand_score(fine, model.labels_),
        "coarse": adjusted_rand_score(coarse, model.labels_at(8)),
    }


# ------------------------------------------------------------------------- page


def apart(function, timeout, *arguments):
    """Call in a process of its own that is ended in time; say what failed."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        try:
            return pool.apply_async(function, arguments).get(timeout)
        except multiprocessing.TimeoutError:
            return {"failed": f"ended after {timeout} wall s"}
        except ImportError:
            return {"failed": "not installed"}


def cells_of(row, *names):
    """Figures of a row, or what failed."""
    if row is None or "failed" in row:
        said = row["failed"] if row else "not measured yet"
        return [said, *["-"] * (len(names) + 1)]
    figures = [row[name] for name in names]
    figures = [str(f) if isinstance(f, int) else f"{f:.3f}" for f in figures]
    rise = row["peak_mib"] - row["base_mib"]
    return [*figures, f"{row['cpu_s']:.1f}", f"{rise:.0f}"]


def main():
    """Measure what is missing, and write the page."""
    parser = page_parser(__doc__.splitlines()[0], page=True)
    parser.add_argument("--timeout", type=float, default=900, help="wall seconds")
    arguments = parser.parse_args()
    results = Results(arguments.raw, ("part", "way"), only_known=arguments.page)

    def measured(part, way, function, *values):
        run = partial(apart, function, arguments.timeout, *values)
        return results.measure(run, part=part, way=way)

    first = []
    for n, p, metric, most_s, most_gib in EMBEDDED:
        name = f"{n:,} x {p}, {metric}"
        row = measured("embedded", name, embedded, n, p, metric)
        bars = [
            f"{most_s or '-'}",
            "-" if most_gib is None else f"{1024 * most_gib:.0f}",
        ]
        first.append([name, *cells_of(row, "ari"), *bars])
    second = []
    for table, (_, shape, ways) in TABLES.items():
        name = "{:,} x {}, {} {}".format(*shape[:3], table)
        for way in ways:
            row = measured(table, way.__name__, compared, table, way)
            second.append(
                [name, way.__doc__.rstrip("."), *cells_of(row, "ari", "found")]
            )
    third = [
        [
            name,
            *cells_of(
                measured("levels", name, leveled, name), "found", "fine", "coarse"
            ),
        ]
        for name in LEVELS
    ]
    cost = ["CPU s", "MiB"]
    write_page(
        [
            f"# {__doc__.splitlines()[0]}",
            f"- Command: `{command()}`\n- Versions: {versions()}\n{ABOUT}\n"
            "- MiB: the rise of the peak above the table.",
            "## NeighborEncoder(2), all rows embedded\n\n"
            f"{N_GROUPS} Gaussian groups in single precision. ARI of PPP on the codes; "
            "the seconds are the encoder's. Bars are of a machine on which 20,000 x 50 "
            "took 9.6 s and 20,000 x 384 10.5 s.",
            format_table(["table", "ARI", *cost, "bar, s", "bar, MiB"], first),
            "## Other packages beside",
            format_table(["table", "way", "ARI", "found", *cost], second),
            "## Levels: eight themes of 60 topics, 10,000 x 256\n\n"
            "`labels_at(8)` of what was fitted; the bar is 0.95.",
            format_table(
                ["way", "found", "ARI to topics", "ARI to themes", *cost], third
            ),
        ],
        arguments.out,
    )


if __name__ == "__main__":
    main()
