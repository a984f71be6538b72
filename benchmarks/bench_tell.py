"""TELL against k-means and ClustPy's deep k-means relatives.

Run ``python benchmarks/bench_tell.py --data FOLDER``; see README.md here.
"""

from statistics import fmean, median

import runner
from runner import Method

TABLES = ["digits", "pendigits", "mnist_train5k", "dry_bean", "pbmc68k_reduced"]

# What TELL's autoencoder is and does by default, or less where it stops early:
# the peers get the same.
NETWORK = {"hidden_layer_sizes": [256, 128], "n_components": 10, "batch_size": 256}
BUDGET = {"min_steps": 10, "pretrain_epochs": 100, "clustering_epochs": 50}


def kmeans():
    """KMeans(n_init=10) of scikit-learn."""
    from sklearn.cluster import KMeans

    def cluster(X, k, seed):
        return KMeans(k, n_init=10, random_state=seed).fit(X).labels_

    return _warm(cluster)


def tell():
    """Make TELL's clustering layer alone, on the features as they are."""
    from skdeepcluster import TELL

    def cluster(X, k, seed):
        return TELL(k, random_state=seed).fit(X).labels_

    return _warm(cluster)


def tell_autoencoder():
    """TELL on an autoencoder."""
    from skdeepcluster import TELL

    def cluster(X, k, seed):
        return TELL(k, n_components=10, random_state=seed).fit(X).labels_

    return cluster


def clustpy(**settings):
    """Make a method of ClustPy."""
    import peers

    return peers.clustpy(**settings)


def _warm(cluster):
    # In tenths of a second, what a first call imports and loads would count.
    import numpy as np

    cluster(np.arange(8.0).reshape(4, 2), 2, 0)
    return cluster


METHODS = [
    Method("KMeans", kmeans),
    Method("TELL", tell),
    Method("TELL + autoencoder", tell_autoencoder),
    *(
        Method(f"ClustPy {name}", clustpy, {"method": name} | NETWORK | BUDGET)
        for name in ("DKM", "DCN", "DEC")
    ),
]


def layer_against_kmeans(rows):
    """Lay out inertia and CPU seconds of TELL's layer over those of KMeans."""
    body = []
    for table in dict.fromkeys(row["table"] for row in rows):
        layer, reference = (
            [
                row
                for row in rows
                if (row["table"], row["method"]) == (table, name) and "acc" in row
            ]
            for name in ("TELL", "KMeans")
        )
        if layer and reference:
            body.append([table, *_excess_inertia(layer, reference)])
    if not body:
        return ""
    columns = ["table", "excess inertia %, mean (min to max)", "CPU s", "ratio"]
    title = "## TELL's layer alone against KMeans(n_init=10)"
    return f"{title}\n\n{runner.format_table(columns, body)}"


def _excess_inertia(layer, reference):
    mean = fmean(row["inertia"] for row in reference)
    excess = [100 * (row["inertia"] / mean - 1) for row in layer]
    cpu, reference_cpu = (
        median(row["cpu_s"] for row in rows) for rows in (layer, reference)
    )
    return [
        f"{fmean(excess):+.2f} ({min(excess):+.2f} to {max(excess):+.2f})",
        f"{cpu:.2f} / {reference_cpu:.2f}",
        f"{cpu / reference_cpu:.1f}",
    ]


if __name__ == "__main__":
    runner.main(
        METHODS,
        TABLES,
        "TELL against k-means and ClustPy",
        summarise=layer_against_kmeans,
    )
