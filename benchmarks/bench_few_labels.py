"""Few labels a class: accuracy on the rows without one, unknown classes, keywords.

Tables are npz files of at most `MOST_ROWS` rows, standardised for every method but
ours, which scales the columns itself. The first draws of labels are of one generator:
`n_labels` rows of each class, all if it has no more. Accuracy is of the other rows.
"""

from functools import partial
from itertools import product
from statistics import fmean

import numpy as np
from runner import (
    Results,
    command,
    cpu_of,
    format_table,
    in_process,
    mean_of,
    page_parser,
    read_table,
    rise_of,
    versions,
    write_page,
)
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, silhouette_score
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skdeepcluster import PPP, TransductiveClassifier
from skdeepcluster.discovery import seed_labels

TABLES = (
    "pendigits",
    "optdigits",
    "satimage",
    "segment",
    "yeast",
    "vehicle",
    "glass",
    "ecoli",
    "dermatology",
    "dry_bean",
    "steel_faults",
    "seeds",
    "mfeat_factors",
    "mnist_train5k",
)
N_LABELS = (1, 5, 10)
MOST_ROWS = 1000
MOST_DRAWS = 5
# Unknown classes: 60 % of the classes have ten labels each, 600 rows.
OPEN_TABLES = ("pendigits", "optdigits", "satimage", "segment")
OPEN_ROWS, OPEN_LABELS, KNOWN_SHARE = 600, 10, 0.6
# Normalised entropy of the paper's rule of inference.
ENTROPY = 0.55
KEYWORDS = {
    "T cell": ["CD3D", "CD3E", "IL7R", "CD27", "LDHB", "CD3G"],
    "monocyte": ["LYZ", "S100A8", "S100A9", "FCN1", "FCGR3A"],
    "B cell": ["CD79A", "CD79B", "MS4A1"],
    "NK cell": ["GNLY", "NKG7", "KLRB1", "GZMB", "PRF1"],
    "dendritic": ["FCER1A", "CST3", "CLEC10A", "HLA-DQA1"],
}
# Class of each of the table's ten, whose five kinds of T cells are one; the 13 cells
# named after CD34 have no column of that name, and are left out.
CELLS = dict(enumerate(["T cell"] * 5 + ["monocyte", "B cell", None, "NK cell"]))
CELLS[9] = "dendritic"


def logistic(X, y):
    """Logistic regression of the labeled rows."""
    labeled = y >= 0
    model = LogisticRegression(max_iter=1000)
    return model.fit(X[labeled], y[labeled]).predict(X)


def spreading(X, y):
    """scikit-learn's label spreading over ten neighbours."""
    model = LabelSpreading(kernel="knn", n_neighbors=10, max_iter=1000)
    return model.fit(X, y).transduction_


def self_training(X, y):
    """Logistic regression that learns from what it is sure of."""
    base = LogisticRegression(max_iter=1000)
    return SelfTrainingClassifier(base).fit(X, y).predict(X)


def ours(X, y, **options):
    """TransductiveClassifier."""
    return TransductiveClassifier(**options).fit(X, y).transduction_


METHODS = {
    "TransductiveClassifier": ours,
    "smoothness=0": partial(ours, smoothness=0),
    "unary='prototype'": partial(ours, unary="prototype"),
    "n_refits=1": partial(ours, n_refits=1),
    "logistic regression": logistic,
    "LabelSpreading": spreading,
    "SelfTrainingClassifier": self_training,
}


def table_of(name, folder, n_rows):
    """At most so many rows of a table, standardised, and classes from 0 on."""
    X, (y, *_) = read_table(name, folder)
    if len(X) > n_rows:
        rows = np.random.default_rng(0).choice(len(X), n_rows, replace=False)
        X, y = X[rows], y[rows]
    return StandardScaler().fit_transform(X), np.unique(y, return_inverse=True)[1]


def draw_labels(y, n_labels, draw, classes=None):
    """Labels of a few rows of each class, -1 for all others."""
    rng = np.random.default_rng(draw)
    partial_y = np.full(len(y), -1)
    for name in np.unique(y) if classes is None else classes:
        rows = rng.permutation(np.flatnonzero(y == name))[:n_labels]
        partial_y[rows] = name
    return partial_y


def measure(method, table, n_labels, draw, folder):
    """Accuracy of one method on the rows without a label."""
    X, y = table_of(table, folder, MOST_ROWS)
    partial_y = draw_labels(y, n_labels, draw)
    found, seconds = cpu_of(METHODS[method], X, partial_y)
    free = partial_y < 0
    return {"accuracy": accuracy_score(y[free], found[free]), "cpu_s": seconds}


def n_by_silhouette(X, n_classes):
    """Groups of k-means with the best silhouette among multiples of the classes."""
    numbers = {max(2, round(n_classes * c)) for c in (0.25, 0.5, 1, 2, 3)}
    scores = {
        k: silhouette_score(X, KMeans(k, n_init=3, random_state=0).fit_predict(X))
        for k in sorted(numbers)
    }
    return max(scores, key=scores.get)


def measure_open(table, draw, folder):
    """Harmonic mean of right known and rejected unknown rows, by several rules."""
    X, y = table_of(table, folder, OPEN_ROWS)
    classes = np.unique(y)
    rng = np.random.default_rng(draw)
    n_known = round(KNOWN_SHARE * len(classes))
    known = np.sort(rng.choice(classes, n_known, replace=False))
    partial_y = draw_labels(y, OPEN_LABELS, draw, known)
    free = partial_y < 0
    strange = free & ~np.isin(y, known)

    def harmonic(found, rejected):
        right = ((found == y) & ~rejected)[free & ~strange].mean()
        recall = rejected[strange].mean()
        return 2 * right * recall / (right + recall) if right + recall else 0.0

    rules = {}
    numbers = {
        "reject=PPP()": PPP(),
        "reject='one_vs_all'": "one_vs_all",
        "the true number": len(classes),
        "number by the silhouette": n_by_silhouette(X, n_known),
    }
    for name, reject in numbers.items():
        model = TransductiveClassifier(reject=reject, random_state=0).fit(X, partial_y)
        rules[name] = harmonic(model.transduction_, model.rejected_)
    p = LogisticRegression(max_iter=1000).fit(X[~free], y[~free]).predict_proba(X)
    entropy = -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1) / np.log(n_known)
    found = known[p.argmax(axis=1)]
    rules[f"entropy above {ENTROPY}"] = harmonic(found, entropy > ENTROPY)
    least = np.quantile(entropy[free], 1 - strange.sum() / free.sum())
    rules["entropy, true share"] = harmonic(found, entropy > least)
    return {"rules": rules}


def measure_keywords(folder):
    """Accuracy from marker genes alone on blood cells."""
    with np.load(f"{folder}/pbmc68k_reduced.npz", allow_pickle=False) as arrays:
        X, kinds = arrays["X"].astype(float), arrays["y"]
        names = arrays["feature_names"].tolist()
    y = np.array([CELLS[kind] for kind in kinds.tolist()], dtype=object)
    there = np.array([name is not None for name in y])
    X, y = X[there], y[there]
    seeds = seed_labels(X, KEYWORDS, feature_names=names)
    labeled = np.array([label is not None for label in seeds.labels])
    topics = np.array(seeds.topics, dtype=object)
    scaled = StandardScaler().fit_transform(X)
    place = {name: j for j, name in enumerate(names)}
    means = np.column_stack(
        [
            scaled[:, [place[g] for g in genes]].mean(axis=1)
            for genes in KEYWORDS.values()
        ]
    )
    model = TransductiveClassifier().fit(X, seeds.labels)
    found = {
        "mean of the markers": topics[means.argmax(axis=1)],
        "seed_labels, nearest topic": topics[seeds.scores.argmax(axis=1)],
        "seed_labels, then TransductiveClassifier": model.transduction_,
    }
    y = y.astype(str)
    return {
        "n_seeds": int(labeled.sum()),
        "right": float((seeds.labels[labeled] == y[labeled]).mean()),
        "accuracy": {
            name: [
                accuracy_score(y, labels.astype(str)),
                balanced_accuracy_score(y, labels.astype(str)),
            ]
            for name, labels in found.items()
        },
    }


def fit_large():
    """CPU seconds and memory of 100,000 rows of 50 columns in 20 classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(20, size=100_000)
    X = rng.normal(size=(20, 50))[y] + rng.normal(size=(100_000, 50))
    partial_y = draw_labels(y, 10, 0)
    # Kernels are compiled before.
    TransductiveClassifier().fit(X[:500], draw_labels(y[:500], 1, 0))
    model, figures = rise_of(TransductiveClassifier().fit, X, partial_y)
    return {"accuracy": float((model.transduction_ == y).mean()), **figures}


def page_of_accuracies(rows):
    """Mean accuracies over tables and draws, then by table with five labels."""
    methods = [m for m in METHODS if any(r.get("method") == m for r in rows)]
    columns = ["labels a class", *methods]
    body = [
        [
            str(n),
            *(
                mean_of(
                    [r for r in rows if (r.get("method"), r.get("n")) == (m, n)],
                    "accuracy",
                )
                for m in methods
            ),
        ]
        for n in N_LABELS
    ]
    by_table = []
    for table in TABLES:
        runs = [r for r in rows if r.get("table") == table and r.get("n") == 5]
        by_table.append(
            [table]
            + [
                mean_of([r for r in runs if r["method"] == m], "accuracy")
                for m in methods
            ]
        )
    seconds = [
        ["CPU s, mean"]
        + [mean_of([r for r in rows if r.get("method") == m], "cpu_s") for m in methods]
    ]
    return [
        format_table(columns, body + seconds),
        "With five labels a class:",
        format_table(["table", *methods], by_table),
    ]


def page_of_rules(rows):
    """Rejection by several rules."""
    found = [r for r in rows if "rules" in r]
    if not found:
        return ""
    names = list(found[0]["rules"])
    body = [
        [table]
        + [
            f"{fmean(r['rules'][n] for r in found if r['open'] == table):.3f}"
            for n in names
        ]
        for table in OPEN_TABLES
    ]
    means = [
        f"{fmean(float(line[j + 1]) for line in body):.3f}" for j in range(len(names))
    ]
    return format_table(["table", *names], [*body, ["mean", *means]])


def page(rows):
    """The whole page."""
    parts = [
        "# A few labels a class",
        f"- Command: `{command()}`\n- Versions: {versions()}\n"
        f"- Tables of at most {MOST_ROWS:,} rows, {MOST_DRAWS} draws of labels; "
        "accuracy on the rows without one.",
        "## Accuracy, mean over tables and draws",
        *page_of_accuracies([r for r in rows if "method" in r]),
        "## Classes that no label names",
        f"{OPEN_LABELS} labels for each of {KNOWN_SHARE:.0%} of the classes, at most "
        f"{OPEN_ROWS} rows: harmonic mean of the share of unlabeled known rows that "
        "are kept and right, and of the share of unknown rows that are rejected.",
        page_of_rules(rows),
    ]
    for row in rows:
        if row.get("keywords"):
            parts += [
                "## Keywords on blood cells",
                f"{row['n_seeds']} rows labeled, {row['right']:.1%} of them right.",
                format_table(
                    ["from the markers", "accuracy", "balanced"],
                    [
                        [name, *(f"{value:.3f}" for value in values)]
                        for name, values in row["accuracy"].items()
                    ],
                ),
            ]
        if row.get("large"):
            parts += [
                "## 100,000 rows of 50 columns, 20 classes, 10 labels each",
                f"{row['cpu_s']:.1f} CPU s, "
                f"{row['peak_mib'] - row['base_mib']:.0f} MiB more than the table, "
                f"accuracy {row['accuracy']:.3f}.",
            ]
    return parts


def main():
    """Measure, and write the page."""
    parser = page_parser(__doc__, data=True, page=True)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--draws", type=int, default=MOST_DRAWS)
    arguments = parser.parse_args()
    known_by = ("method", "table", "n", "draw", "open", "keywords", "large")
    results = Results(arguments.raw, known_by, only_known=arguments.page)
    folder = arguments.data
    results.measure(partial(measure_keywords, folder), keywords=True)
    draws = range(arguments.draws)
    for table, draw in product(OPEN_TABLES, draws):
        run = partial(measure_open, table, draw, folder)
        results.measure(run, open=table, draw=draw)
    for method, table, n, draw in product(arguments.methods, TABLES, N_LABELS, draws):
        run = partial(measure, method, table, n, draw, folder)
        results.measure(run, method=method, table=table, n=n, draw=draw)
    results.measure(partial(in_process, fit_large), large=True)
    write_page(page(list(results.rows.values())), arguments.out)


if __name__ == "__main__":
    main()
