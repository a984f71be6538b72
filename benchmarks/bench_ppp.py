"""PPP against other ways to find the number of clusters.

Run ``python benchmarks/bench_ppp.py --data FOLDER``. Every result is appended to
a file of JSON lines at once; what that file holds is not measured again, so an
interrupted run goes on where it stopped. ``--fresh PART ...`` measures PPP again
in some parts.
"""

import os
from functools import partial
from pathlib import Path
from statistics import fmean

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from runner import (  # noqa: E402
    BUNDLED,
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

MAX_ROWS = 6000
MAX_AXES = 20
MAX_CLUSTERS = 20
DISTRIBUTIONS = {
    "uniform": lambda rng, shape: rng.uniform(size=shape),
    "Gaussian": lambda rng, shape: rng.standard_normal(shape),
    "exponential": lambda rng, shape: rng.standard_exponential(shape),
    "Laplace": lambda rng, shape: rng.laplace(size=shape),
    "t5": lambda rng, shape: rng.standard_t(5, shape),
    "log-normal(0.7)": lambda rng, shape: np.exp(0.7 * rng.standard_normal(shape)),
}


# --------------------------------------------------------------------- methods


def ppp(X):
    """PPP with its defaults, which takes the principal axes itself."""
    from skdeepcluster import PPP

    return PPP().fit(X).labels_


def silhouette(X):
    """KMeans with 2 to 20 clusters, 3 starts each; the best silhouette."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances, silhouette_score

    distances = pairwise_distances(X)
    best, score = None, -1.0
    for k in range(2, min(MAX_CLUSTERS, len(X) - 1) + 1):
        labels = KMeans(k, n_init=3, random_state=0).fit_predict(X)
        found = silhouette_score(distances, labels, metric="precomputed")
        if found > score:
            best, score = labels, found
    return best


def _bic_scan(X, covariance_type):
    from sklearn.mixture import GaussianMixture

    best, bic, n_worse = None, np.inf, 0
    for k in range(1, MAX_CLUSTERS + 1):
        model = GaussianMixture(
            k, covariance_type=covariance_type, max_iter=60, random_state=0
        ).fit(X)
        found = model.bic(X)
        n_worse = 0 if found < bic else n_worse + 1
        if found < bic:
            best, bic = model.predict(X), found
        if n_worse == 6:
            break
    return best


def bic_full(X):
    """GaussianMixture, full covariances, 1 to 20 components; the best BIC."""
    return _bic_scan(X, "full")


def bic_tied(X):
    """GaussianMixture, tied covariance, 1 to 20 components; the best BIC."""
    return _bic_scan(X, "tied")


def _hdbscan(X, min_cluster_size):
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit_predict(X)


def hdbscan_share(X):
    """HDBSCAN, min_cluster_size n/50."""
    return _hdbscan(X, max(5, len(X) // 50))


def hdbscan_five(X):
    """HDBSCAN, min_cluster_size 5."""
    return _hdbscan(X, 5)


def _clustpy(X, name, **parameters):
    import peers

    with peers.torchvision_names():
        from clustpy import centroid
    return getattr(centroid, name)(random_state=0, **parameters).fit(X).labels_


def x_means(X):
    """X-means of ClustPy, at most 64 clusters."""
    return _clustpy(X, "XMeans", max_n_clusters=64)


def g_means(X):
    """G-means of ClustPy, at most 64 clusters."""
    return _clustpy(X, "GMeans", max_n_clusters=64)


def dip_means(X):
    """Dip-means of ClustPy, at most 64 clusters."""
    return _clustpy(X, "DipMeans", max_n_clusters=64)


METHODS = {
    "PPP": ppp,
    "KMeans + silhouette": silhouette,
    "mixture, BIC, full": bic_full,
    "mixture, BIC, tied": bic_tied,
    "HDBSCAN n/50": hdbscan_share,
    "HDBSCAN 5": hdbscan_five,
    "X-means": x_means,
    "G-means": g_means,
    "Dip-means": dip_means,
}


# ---------------------------------------------------------------------- tables


def load_table(name, folder, max_rows=MAX_ROWS):
    """Standardised rows and reference labels.

    Noise rows (reference 0 of the clustbench tables) are left out, and of larger
    tables `max_rows` are drawn.
    """
    from sklearn.preprocessing import StandardScaler

    X, references = read_table(name, folder)
    if "/" not in name:
        references = [y + 1 for y in references]
    clean = references[0] > 0
    X, references = X[clean], [y[clean] for y in references]
    if max_rows is not None and len(X) > max_rows:
        chosen = np.random.default_rng(0).choice(len(X), max_rows, replace=False)
        chosen.sort()
        X, references = X[chosen], [y[chosen] for y in references]
    return StandardScaler().fit_transform(X), references


def input_of(method, X):
    """What a method gets: PPP the rows, the others 20 principal axes of them."""
    from sklearn.decomposition import PCA

    if method == "PPP" or X.shape[1] <= MAX_AXES:
        return X
    return PCA(MAX_AXES, svd_solver="full").fit_transform(X)


def table_names(folder):
    """Names of the development tables, and of the clustbench tables."""
    folder = Path(folder)
    real = [*BUNDLED, *sorted(file.stem for file in folder.glob("*.npz"))]
    battery = sorted(file.stem for file in (folder / "clustbench").glob("*.npz"))
    return real, [f"clustbench/{name}" for name in battery]


def judge(labels, references):
    """ARI, log2 error and nearness of the number, for the best reference."""
    from sklearn.metrics import adjusted_rand_score

    n_found = max(1, len(set(np.unique(labels).tolist()) - {-1}))
    results = []
    for y in references:
        clean = y > 0
        n_true = len(np.unique(y[clean]))
        results.append(
            {
                "ari": float(adjusted_rand_score(y[clean], labels[clean])),
                "error": abs(float(np.log2(n_found / n_true))),
                "within_one": abs(n_found - n_true) <= 1,
                "n_true": n_true,
                "n_found": n_found,
            }
        )
    return max(results, key=lambda result: result["ari"])


# ------------------------------------------------------------------ generators


def spread_centers(k, p, distance, rng):
    """Centers whose smallest distance is `distance`.

    In the plane they are thrown into the smallest square that takes them all;
    in more columns, drawn from a Gaussian and scaled.
    """
    from scipy.spatial.distance import pdist

    if p > 2:
        centers = rng.standard_normal((k, p))
        return centers * (distance / pdist(centers).min())
    side = distance / 2
    while True:
        centers = np.empty((0, p))
        for _ in range(200 * k):
            center = rng.uniform(0, side, p)
            if np.all(np.square(centers - center).sum(axis=1) >= distance**2):
                centers = np.vstack([centers, center])
            if len(centers) == k:
                return centers
        side *= 1.1


def grid_centers(k, distance):
    """The first k points of a square grid."""
    width = int(np.ceil(np.sqrt(k)))
    return distance * np.array([divmod(i, width) for i in range(k)], dtype=float)


def many_clusters(seed):
    """42 sets with 20 to 100 clusters."""
    rng = np.random.default_rng(seed)

    def around(centers, rows):
        y = np.repeat(np.arange(len(centers)), rows)
        return centers[y] + rng.standard_normal((len(y), centers.shape[1])), y

    for k in (20, 35, 50, 100):
        for rows, distance in ((50, 5), (100, 4), (150, 6)):
            name = f"k={k}, {rows} rows, {distance} sd"
            yield f"plane, {name}", *around(spread_centers(k, 2, distance, rng), rows)
            yield f"grid, {name}", *around(grid_centers(k, distance), rows)
    for p in (3, 6, 16):
        for k in (20, 50, 100):
            for rows, distance in ((60, 4), (100, 5)):
                name = f"p={p}, k={k}, {rows} rows, {distance} sd"
                yield name, *around(spread_centers(k, p, distance, rng), rows)


def overlapping(seed):
    """48 sets of 2 or 15 overlapping Gaussians."""
    rng = np.random.default_rng(seed)
    for k in (2, 15):
        for p in (2, 8, 64):
            for n in (1000, 5000):
                for distance in (2.5, 3, 3.5, 4):
                    centers = spread_centers(k, p, distance, rng)
                    y = rng.integers(k, size=n)
                    X = centers[y] + rng.standard_normal((n, p))
                    yield f"k={k}, p={p}, n={n}, {distance} sd", X, y


GENERATORS = {"many clusters": many_clusters, "overlapping": overlapping}


# ----------------------------------------------------------------------- parts


def timed(method, X, references):
    """Judge the labels of a method, and count its CPU seconds."""
    try:
        labels, seconds = cpu_of(METHODS[method], input_of(method, X))
    except Exception as error:
        # What a peer raises is a result, not the benchmark's failure.
        return {"failed": f"{type(error).__name__}: {error}"[:200]}
    return judge(np.asarray(labels), references) | {"cpu_s": seconds}


def measure(results, function, part, name, method="PPP", seed=None):
    """Measure what is known by these."""
    return results.measure(function, part=part, name=name, method=method, seed=seed)


def accuracy(results, folder, methods):
    """Every method on every table."""
    pages = []
    titles = ("Development tables", "Clustbench tables")
    for title, names in zip(titles, table_names(folder), strict=True):
        rows = {method: [] for method in methods}
        for name in names:
            X, references = load_table(name, folder)
            for method in methods:
                run = partial(timed, method, X, references)
                rows[method].append(measure(results, run, "accuracy", name, method))
        pages.append(_summary(title, rows))
        pages.append(_details(rows, names))
    return "\n\n".join(pages)


def _summary(title, rows):
    body = []
    for method, found in rows.items():
        done = [row for row in found if "ari" in row]
        if not done:
            body.append([method, f"0/{len(found)}", found[0]["failed"], *[""] * 3])
            continue
        body.append(
            [
                method,
                f"{len(done)}/{len(found)}",
                f"{fmean(row['ari'] for row in done):.3f}",
                f"{fmean(row['error'] for row in done):.3f}",
                f"{fmean(row['within_one'] for row in done):.2f}",
                f"{sum(row['cpu_s'] for row in done):.1f}",
            ]
        )
    columns = ["method", "ran", "ARI", "abs log2(k/k*)", "k within one", "CPU s"]
    return f"## {title}\n\n{format_table(columns, body)}"


def _details(rows, names):
    body = []
    for i, name in enumerate(names):
        cells = [
            f"{found[i]['n_found']} {found[i]['ari']:.2f}" if "ari" in found[i] else "-"
            for found in rows.values()
        ]
        known = [found[i]["n_true"] for found in rows.values() if "ari" in found[i]]
        body.append([name.removeprefix("clustbench/"), str(known[0]), *cells])
    return f"Found k and ARI:\n\n{format_table(['table', 'k*', *rows], body)}"


def row_order(results, folder, n_orders):
    """Labels of some row orders of every table, all its rows."""
    names = [name for group in table_names(folder) for name in group]

    def count(name):
        X, _ = load_table(name, folder, max_rows=None)
        labels, same = ppp(X), 0
        for seed in range(n_orders):
            order = np.random.default_rng(seed).permutation(len(X))
            same += bool(np.array_equal(ppp(X[order]), labels[order]))
        return {"same": same}

    rows = [
        measure(results, partial(count, name), "order", name, seed=n_orders)
        for name in names
    ]
    same = sum(row["same"] == n_orders for row in rows)
    return (
        f"## Row order\n\nLabels identical for {n_orders} random row orders on {same} "
        f"of {len(rows)} tables, all their rows."
    )


def seconds(results, folder):
    """CPU seconds of PPP and the scan by BIC on tables of 10,000 rows or more."""
    body = []
    for name in table_names(folder)[0]:
        X, references = load_table(name, folder, max_rows=None)
        if len(X) < 10_000:
            continue
        cpu = []
        for method in ("PPP", "mixture, BIC, full"):
            run = partial(timed, method, X, references)
            cpu.append(measure(results, run, "seconds", name, method)["cpu_s"])
        body.append(
            [
                name,
                f"{len(X)} x {X.shape[1]}",
                *(f"{value:.2f}" for value in cpu),
                f"{cpu[1] / cpu[0]:.0f}",
            ]
        )
    columns = ["table", "shape", "PPP, CPU s", "BIC scan, CPU s", "ratio"]
    return f"## CPU seconds at 10,000 rows and more\n\n{format_table(columns, body)}"


def generated(results, seed=1):
    """Generated sets with many, and with overlapping clusters."""
    parts = []
    for part, generate in GENERATORS.items():
        rows = [
            measure(results, partial(timed, "PPP", X, [y + 1]), part, name, seed=seed)
            for name, X, y in generate(seed)
        ]
        exact = sum(row["error"] == 0 for row in rows)
        body = [
            [
                row["name"],
                str(row["n_found"]),
                f"{row['ari']:.3f}",
                f"{row['cpu_s']:.2f}",
            ]
            for row in rows
        ]
        parts.append(
            f"## Generated: {part}\n\nExact number in {exact} of {len(rows)} sets, "
            f"mean abs log2(k/k*) {fmean(row['error'] for row in rows):.2f}, mean "
            f"ARI {fmean(row['ari'] for row in rows):.3f}.\n\n"
            + format_table(["set", "k", "ARI", "CPU s"], body)
        )
    return "\n\n".join(parts)


def split_draws(draw, n, p, n_draws):
    """Count the draws in which PPP finds more than one cluster."""
    n_split = 0
    for seed in range(n_draws):
        X = draw(np.random.default_rng([seed, n, p]), (n, p))
        n_split += bool(ppp(X).any())
    return {"n_split": n_split, "draws": n_draws}


def nulls(results, n_draws, n_most):
    """Draws of one population that are split."""
    sizes = [n for n in (100, 300, 1000, 10_000, 100_000) if n <= n_most]
    shapes = [(n, p) for n in sizes for p in (2, 5, 20, 50)]
    body = []
    for name, draw in DISTRIBUTIONS.items():
        cells = []
        for n, p in shapes:
            draws = {10_000: max(1, n_draws // 4), 100_000: 1}.get(n, n_draws)
            run = partial(split_draws, draw, n, p, draws)
            key = f"{name} {n} {p}"
            cells.append(measure(results, run, "nulls", key, seed=n_draws))
        split, total = (sum(row[key] for row in cells) for key in ("n_split", "draws"))
        by_n = [
            "/".join(str(row["n_split"]) for row in cells[i : i + 4])
            for i in range(0, len(cells), 4)
        ]
        body.append([name, *by_n, f"{split} of {total}"])
    columns = ["distribution", *(f"n={n:,}" for n in sizes), "all"]
    return (
        f"## One population: draws split\n\n{n_draws} draws ({max(1, n_draws // 4)} of "
        "10,000 rows, 1 of 100,000) for each of p = 2/5/20/50.\n\n"
        + format_table(columns, body)
    )


def fit_large(n, p=16, k=10):
    """Fit PPP to ten Gaussians; for a process of its own."""
    from skdeepcluster import PPP

    rng = np.random.default_rng(0)
    centers = 2.5 * rng.standard_normal((k, p))
    X = np.empty((n, p))
    for start in range(0, n, 100_000):
        rows = X[start : start + 100_000]
        rows[:] = centers[rng.integers(k, size=len(rows))]
        rows += rng.standard_normal(rows.shape)
    cpu_of(PPP().fit, X[:2000])
    model, figures = rise_of(PPP().fit, X)
    return figures | {"n_found": model.n_clusters_, "input_mib": X.nbytes / 2**20}


def scale(results):
    """Seconds and memory from 1e4 to 1e7 rows of 16 columns."""
    body = []
    for n in (10_000, 100_000, 1_000_000, 10_000_000):
        row = measure(results, partial(in_process, fit_large, n), "scale", str(n))
        body.append(
            [
                f"{n:.0e}",
                f"{row['n_found']:.0f}",
                f"{row['cpu_s']:.1f}",
                f"{1e6 * row['cpu_s'] / n:.1f}",
                f"{row['input_mib']:.0f}",
                f"{row['peak_mib'] - row['base_mib']:.0f}",
            ]
        )
    columns = ["rows", "k", "CPU s", "µs per row", "input MiB", "peak MiB on top"]
    return (
        "## Large tables\n\nTen Gaussians in 16 columns, float64; the peak on top of "
        f"the input and the loaded package.\n\n{format_table(columns, body)}"
    )


def stability(results, folder):
    """Agreement of 95 % subsamples with the whole table."""
    from sklearn.metrics import adjusted_rand_score

    names = ("digits", "wine", "breast_cancer", "yeast", "dermatology", "dry_bean")

    def compare(name):
        X, _ = load_table(name, folder)
        whole, numbers, agreement = ppp(X), [], []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            kept = np.sort(rng.choice(len(X), round(0.95 * len(X)), replace=False))
            labels = ppp(X[kept])
            numbers.append(int(labels.max()) + 1)
            agreement.append(float(adjusted_rand_score(whole[kept], labels)))
        return {"k": numbers, "ari": agreement, "whole": int(whole.max()) + 1}

    body = []
    for name in names:
        row = measure(results, partial(compare, name), "stability", name)
        body.append(
            [
                name,
                str(row["whole"]),
                f"{min(row['k'])}-{max(row['k'])}",
                f"{fmean(row['ari']):.2f} / {min(row['ari']):.2f}",
            ]
        )
    columns = ["table", "k", "k of subsamples", "ARI to the whole, mean / min"]
    return (
        "## 95 % subsamples\n\nEight subsamples of each table.\n\n"
        f"{format_table(columns, body)}"
    )


PARTS = {
    "accuracy": lambda a, results: accuracy(results, a.data, a.methods),
    "generated": lambda a, results: generated(results),
    "nulls": lambda a, results: nulls(results, a.draws, a.null_rows),
    "order": lambda a, results: row_order(results, a.data, a.orders),
    "seconds": lambda a, results: seconds(results, a.data),
    "stability": lambda a, results: stability(results, a.data),
    "scale": lambda a, results: scale(results),
}


def main():
    """Measure what is not known yet, and write the page."""
    parser = page_parser("PPP against its peers", data=True)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--draws", type=int, default=20, help="draws of each null")
    parser.add_argument("--null-rows", type=int, default=100_000, help="at most")
    parser.add_argument("--orders", type=int, default=20, help="orders of the rows")
    parser.add_argument("--fresh", nargs="*", default=[], metavar="PART")
    arguments = parser.parse_args()
    results = Results(
        arguments.raw,
        ("part", "name", "method", "seed"),
        forgotten=lambda row: row["part"] in arguments.fresh and row["method"] == "PPP",
    )
    ppp(np.random.default_rng(0).standard_normal((2000, 2)))
    parts = [
        "# PPP against other ways to find the number of clusters",
        f"- Command: `{command()}`\n- Versions: {versions()}\n"
        "- Every method gets the same rows, standardised, on their first 20 principal "
        f"axes; {MAX_ROWS} rows at most, one thread. The best reference counts where "
        "a table has several, and noise as one more label in ARI.\n"
        "- What was tried, and how much chance there is in these figures: "
        "[bench_ppp_tried.md](bench_ppp_tried.md).\n"
        + "\n".join(f"- {name}: {method.__doc__}" for name, method in METHODS.items()),
        *(PARTS[part](arguments, results) for part in arguments.parts),
    ]
    write_page(parts, arguments.out)


if __name__ == "__main__":
    main()
