"""Clusters of real tables: this package's ways beside those of others.

Every table is prepared by TableEncoder, by skrub's TableVectorizer with gaps filled
and columns standardised, or plainly: medians for gaps in numbers, the most frequent
level for those in words, one column per level, numbers standardised. The number of
clusters is found, unless "told" is said.
"""

from functools import partial
from itertools import product
from statistics import fmean

import numpy as np
from bench_mixed import NUMBERS_ONLY, REAL, measure, real_table
from mixed_peers import encoder_and_ppp, mixed_mixture, mixed_mixture_told
from runner import format_table
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeepcluster import PPP, AutoCluster, TableEncoder

# Further tables with classes, of which none is known to be recoverable.
OTHERS = ("german", "contraceptive", "car", "adult", "attrition", "wage", "hr")
MOST_CLUSTERS = 20


def plain(frame):
    """Fill gaps, one column per level, numbers standardised."""
    is_number = [kind.kind in "fiu" for kind in frame.dtypes]
    numbers = frame.columns[is_number]
    words = frame.columns.difference(numbers, sort=False)
    levels = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), levels), words),
    ).fit_transform(frame)


def by_skrub(frame):
    """As skrub proposes: its vectors, gaps filled, columns standardised."""
    from skrub import TableVectorizer

    vectors = TableVectorizer().fit_transform(frame)
    return make_pipeline(SimpleImputer(), StandardScaler()).fit_transform(vectors)


def encoded(frame):
    """The axes of TableEncoder."""
    return TableEncoder().fit_transform(frame)


def kmeans_told(X, k):
    """K-means with the number of classes."""
    return KMeans(k, n_init=10, random_state=0).fit_predict(X)


def kmeans_by_silhouette(X, k):
    """K-means with the number from 2 to 20 of the largest silhouette."""
    found = [kmeans_told(X, number) for number in range(2, MOST_CLUSTERS + 1)]
    return max(found, key=lambda labels: silhouette_score(X, labels))


def mixture_by_bic(X, k):
    """Gaussians with the number from 1 to 20 and the covariances of the least BIC."""
    fitted = [
        GaussianMixture(number, covariance_type=kind, reg_covar=1e-3, random_state=0)
        for kind, number in product(("full", "diag"), range(1, MOST_CLUSTERS + 1))
    ]
    best = min((model.fit(X) for model in fitted), key=lambda model: model.bic(X))
    return best.predict(X)


def umap_and_hdbscan(X, k):
    """HDBSCAN with its defaults on five coordinates of UMAP."""
    from umap import UMAP

    Z = UMAP(n_components=5, n_neighbors=15, min_dist=0.0, random_state=0)
    return HDBSCAN(min_cluster_size=15, copy=True).fit_predict(Z.fit_transform(X))


def auto(X, k):
    """The vote, on the axes as they are."""
    return AutoCluster(scale=False, random_state=0).fit(X).labels_


def auto_rescaled(X, k):
    """The vote, each axis divided by its standard deviation."""
    return AutoCluster(random_state=0).fit(X).labels_


def after(prepare, cluster, frame, k):
    """Prepare a table, and cluster it."""
    return cluster(np.asarray(prepare(frame)), k)


def command_default(frame, k):
    """What the command takes: PPP for numbers without gaps, the mixture otherwise."""
    encoder = TableEncoder(reduce=None)
    X = encoder.fit_transform(frame)
    used = [column for column in encoder.columns_ if column.role != "unused"]
    if all(c.role == "number" and c.share_missing == 0 for c in used):
        return PPP(scale=False).fit(X).labels_
    return mixed_mixture(frame, k)


METHODS = {
    "the command's default": command_default,
    "MixedMixture": mixed_mixture,
    "TableEncoder + PPP": encoder_and_ppp,
    "TableEncoder + AutoCluster": partial(after, encoded, auto),
    "the same, axes rescaled": partial(after, encoded, auto_rescaled),
} | {
    f"{name} + {way}": partial(after, prepare, cluster)
    for name, prepare in (
        ("skrub", by_skrub),
        ("one-hot", plain),
        ("TableEncoder", encoded),
    )
    for way, cluster in (
        ("k-means by silhouette", kmeans_by_silhouette),
        ("mixture by BIC", mixture_by_bic),
        ("UMAP + HDBSCAN", umap_and_hdbscan),
    )
}
TOLD = {
    "MixedMixture, told": mixed_mixture_told,
    "skrub + k-means, told": partial(after, by_skrub, kmeans_told),
    "one-hot + k-means, told": partial(after, plain, kmeans_told),
    "TableEncoder + k-means, told": partial(after, encoded, kmeans_told),
}


def measure_table(method, table, folder, limit):
    """Figures of a method on a table."""
    run = (METHODS | TOLD)[method]
    return measure(run, *real_table(folder, table), limit)


def mean_row(name, found, tables):
    """Mean ARI over tables, and how often a method came to an end."""
    cells = [name]
    for wanted in (
        tables,
        [table for table in tables if table not in NUMBERS_ONLY],
    ):
        values = [found.get((name, table), {}).get("ari", 0.0) for table in wanted]
        cells.append(f"{fmean(values):.3f}")
    return cells


def pages_of_accuracy(results, folder, limit):
    """Measure all methods on all tables; return the parts of a page."""
    tables = [*REAL, *OTHERS]
    found = {}
    for method, table in product(METHODS | TOLD, tables):
        run = partial(measure_table, method, table, folder, limit)
        found[method, table] = results.measure(run, method=method, table=table) or {}
    ranked = []
    for method in METHODS | TOLD:
        late = sum("late" in found[method, table] for table in tables)
        failed = sum("error" in found[method, table] for table in tables)
        done = [found[method, t]["cpu_s"] for t in tables if "ari" in found[method, t]]
        every = fmean(found[method, table].get("ari", 0.0) for table in tables)
        cells = mean_row(method, found, REAL)
        seconds = f"{np.median(done):.1f}" if done else ""
        ranked.append([*cells, f"{every:.3f}", seconds, str(late), str(failed)])
    head = ["method", "mean of 11", "mean of the 9 with categories"]
    head += [f"mean of all {len(tables)}", "median CPU s", "late", "failed"]
    rows = []
    for table in tables:
        cells = [
            f"{found[m, table]['ari']:.2f} ({found[m, table]['found']})"
            if "ari" in found[m, table]
            else "-"
            for m in METHODS
        ]
        rows.append([table, *cells])
    return [
        __doc__.strip().split("\n\n")[1],
        f"At most 1,500 rows of each table, {limit} s for each fit; what did not come "
        "to an end counts as 0. Rows that HDBSCAN calls noise are one cluster more. "
        "The last seven tables have classes that no method is known to find.",
        format_table(head, ranked),
        "ARI, in brackets the number of clusters:",
        format_table(["table", *METHODS], rows),
    ]
