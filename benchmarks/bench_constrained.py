"""K-means under constraints: exact sizes, links between rows, questions worth asking.

Run ``python benchmarks/bench_constrained.py --data FOLDER``. What is measured is
appended to a file of JSON lines at once and is not measured again; ``--page`` writes
the page anew. k-means-constrained and active-semi-supervised-clustering are run beside
where they are installed.
"""

import os
from functools import partial
from statistics import fmean

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
from sklearn.datasets import make_blobs  # noqa: E402
from sklearn.metrics import adjusted_rand_score  # noqa: E402

EASY, HARDER = ("iris", "seeds", "wine"), ("ecoli", "pendigits", "segment", "vehicle")
TABLES = (
    *("breast_cancer", "dermatology", "digits", "dry_bean", "ecoli", "iris"),
    *("mfeat_factors", "pendigits", "satimage", "seeds", "segment", "steel_faults"),
    *("vehicle", "wine", "yeast"),
)
MAX_ROWS, SHARE_WRONG = 1200, 0.05
ASKED = (50, 100, 200)
# Table, its number of clusters, and by how much sizes may differ from equal ones.
SIZED = [
    ("digits", 10, 0.0),
    ("digits", 10, 0.2),
    ("pendigits", 10, 0.0),
    ("pendigits", 10, 0.2),
    ("dry_bean", 20, 0.2),
    *((f"blobs {n:,}", 20, 0.2) for n in (1_000, 3_000, 10_000, 30_000, 100_000)),
]
# Shares of the named rows in groups from which on these stand as examples.
THRESHOLDS = (0.0, 0.25, 0.5, 0.75, 2.0)


def blobs(n, seed=0):
    """Twenty overlapping groups of different sizes."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, rng.dirichlet(np.full(20, 4.0)))
    return make_blobs(counts, 16, cluster_std=4.0, random_state=seed)


def rows_of(name, folder, most=None):
    """Rows and classes of a table, of many rows some."""
    if name.startswith("blobs"):
        return blobs(int(name.split()[1].replace(",", "")))
    table = load_table(name, folder)
    X, y = table.X, np.unique(table.y, return_inverse=True)[1]
    if most is not None and len(X) > most:
        chosen = np.sort(np.random.default_rng(0).choice(len(X), most, replace=False))
        X, y = X[chosen], np.unique(y[chosen], return_inverse=True)[1]
    return X, y


def bounds_of(n, k, slack):
    """Smallest and largest size: equal ones, give or take a share."""
    low, high = int(np.floor(n / k * (1 - slack))), int(np.ceil(n / k * (1 + slack)))
    return low, high


def inertia_of(X, labels):
    """Squared distances to the means of the clusters."""
    means = np.array([X[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    return float(np.square(X - means[labels]).sum())


def assigner_of(X, k, low, high, pairs=(None, None), weights=None):
    """Items and assigner of a problem, as `ConstrainedKMeans` makes them."""
    from skdeepcluster._row_links import checked_links
    from skdeepcluster.constrained._assignment import Assigner
    from skdeepcluster.constrained._items import items_of
    from skdeepcluster.constrained._size_limits import size_limits

    own = np.ones(len(X)) if weights is None else weights
    links = checked_links(*pairs, np.full(len(X), -1), None)
    items = items_of(X, own, links, k, hard=True, merge=False)
    whole = weights is None
    limits = size_limits(k, own.sum(), whole, low, high, 0.0, None)
    return items, Assigner(items, limits, np.inf, whole)


def own_run(X, start, low, high):
    """Lloyd's algorithm under bounds from one start."""
    from skdeepcluster.constrained._constrained_lloyd import Options, iterate

    items, assign = assigner_of(X, len(start), low, high)
    run = iterate(assign, start, Options(len(start), np.inf, 1, 100, 1e-4))
    return run.labels[items.numbers]


def peer_run(X, start, low, high):
    """The same by k-means-constrained."""
    from k_means_constrained import KMeansConstrained

    model = KMeansConstrained(
        len(start), size_min=low, size_max=high, init=start, n_init=1, max_iter=100
    )
    return model.fit_predict(X)


def measure_sizes(way, name, k, slack, folder):
    """CPU seconds and inertia from one start."""
    X, _ = rows_of(name, folder, 3_000 if name == "dry_bean" else None)
    start = X[np.random.default_rng(0).choice(len(X), k, replace=False)]
    low, high = bounds_of(len(X), k, slack)
    run = own_run if way == "own" else peer_run
    try:
        if way == "own":
            run(X[: 4 * k], X[:k], 1, 5)
        labels, seconds = cpu_of(run, X, start, low, high)
    except ImportError:
        return {"missing": True}
    sizes = np.bincount(labels, minlength=k)
    kept = bool(sizes.min() >= low and sizes.max() <= high)
    return {"cpu_s": seconds, "inertia": inertia_of(X, labels), "kept": kept}


def measure_scale(way):
    """Whether a table in other units gets the same labels."""
    X, _ = blobs(1_000)
    start = X[np.random.default_rng(0).choice(len(X), 20, replace=False)]
    try:
        run = own_estimator if way == "own" else peer_run
        pairs = [run(X * f, start * f, 40, 60) for f in (1.0, 1e-6, 1e8)]
    except ImportError:
        return {"missing": True}
    return {"same": [float(np.mean(pairs[0] == other)) for other in pairs[1:]]}


def own_estimator(X, start, low, high):
    """The estimator itself, which scales."""
    from skdeepcluster import ConstrainedKMeans

    model = ConstrainedKMeans(len(start), size_min=low, size_max=high, random_state=0)
    return model.fit(X).labels_


def measure_large():
    """A fit of a million rows from one start."""
    X, _ = blobs(1_000_000)
    low, high = bounds_of(len(X), 20, 0.2)
    model, cost = in_process(million, X, low, high)
    return {**cost, "n_iter": model}


def million(X, low, high):
    """Fit in a process of its own."""
    from skdeepcluster import ConstrainedKMeans

    model = ConstrainedKMeans(
        20, size_min=low, size_max=high, n_init=1, max_iter=20, random_state=0
    )
    fitted, cost = rise_of(model.fit, X)
    return fitted.n_iter_, cost


def measure_weights():
    """Rows of different weights: sizes and gap."""
    from skdeepcluster import ConstrainedKMeans

    X, _ = blobs(10_000)
    weights = np.random.default_rng(0).lognormal(sigma=0.7, size=len(X))
    model = ConstrainedKMeans(
        20, size_min=0.0475, size_max=0.0525, n_init=1, random_state=0
    )
    _, seconds = cpu_of(partial(model.fit, sample_weight=weights), X)
    share = model.sizes_ / weights.sum()
    kept = bool(share.min() >= 0.0475 - 1e-9 and share.max() <= 0.0525 + 1e-9)
    return {"cpu_s": seconds, "gap": model.assignment_gap_, "kept": kept}


def random_links(y, n, rng, share_wrong=0.0):
    """Random pairs, as must-links and cannot-links."""
    pairs = rng.integers(0, len(y), (n, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    same = (y[pairs[:, 0]] == y[pairs[:, 1]]) ^ (rng.random(len(pairs)) < share_wrong)
    return {"must_link": pairs[same], "cannot_link": pairs[~same]}


def measure_links():
    """Bounds and 500 links among 10,000 rows."""
    from skdeepcluster import ConstrainedKMeans
    from skdeepcluster.metrics import link_accuracy

    X, y = blobs(10_000)
    links = random_links(y, 500, np.random.default_rng(0))
    model = ConstrainedKMeans(
        20, size_min=400, size_max=600, examples=False, n_init=1, random_state=0
    )
    _, seconds = cpu_of(partial(model.fit, **links), X)
    return {
        "cpu_s": seconds,
        "step_s": seconds / (model.n_iter_ + 2),
        "gap": model.assignment_gap_,
        "links_kept": link_accuracy(model.labels_, **links),
        "kept": bool(model.sizes_.min() >= 400 and model.sizes_.max() <= 600),
    }


def measure_asked(name, folder, strength, share_wrong, seed):
    """Agreement after so many answers, and that of PCKMeans with the same ones."""
    from skdeepcluster import ConstrainedKMeans
    from skdeepcluster.model_selection import ask_pairs

    X, y = rows_of(name, folder, MAX_ROWS)
    k, rng = int(y.max()) + 1, np.random.default_rng(seed)
    model = ConstrainedKMeans(k, link_strength=strength, random_state=0)
    row = {"0": float(adjusted_rand_score(y, model.fit(X).labels_))}
    links = {"must_link": None, "cannot_link": None}
    before, seconds = 0, 0.0
    for n in ASKED:
        wrong = partial(lambda rng: rng.random() < share_wrong, rng)
        (fitted, *pairs), cpu = cpu_of(
            partial(ask_pairs, **links),
            model,
            X,
            lambda i, j, wrong=wrong: (y[i] == y[j]) ^ wrong(),
            n - before,
        )
        links = dict(zip(links, pairs, strict=True))
        before, seconds = n, seconds + cpu
        row[str(n)] = float(adjusted_rand_score(y, fitted.labels_))
        row[f"peer {n}"] = pck_means(X, y, k, *pairs)
    return {**row, "cpu_s": seconds, "n_examples": len(fitted.examples_)}


def pck_means(X, y, k, must, cannot):
    """PCKMeans with given pairs; None where it is not installed or finds nothing."""
    try:
        from active_semi_clustering import exceptions
        from active_semi_clustering.semi_supervised.pairwise_constraints import PCKMeans
    except ImportError:
        return None
    refused = (
        exceptions.EmptyClustersException,
        exceptions.InconsistentConstraintsException,
    )
    try:
        model = PCKMeans(n_clusters=k)
        model.fit(X, ml=[tuple(p) for p in must], cl=[tuple(p) for p in cannot])
    except refused:
        return None
    return float(adjusted_rand_score(y, model.labels_))


def measure_random(name, folder, strength, seed):
    """Agreement with 200 random pairs, some wrong; None where they are refused."""
    from skdeepcluster import ConstrainedKMeans
    from skdeepcluster.exceptions import InfeasibleConstraintsError

    X, y = rows_of(name, folder, MAX_ROWS)
    links = random_links(y, 200, np.random.default_rng(seed), SHARE_WRONG)
    model = ConstrainedKMeans(int(y.max()) + 1, link_strength=strength, random_state=0)
    try:
        labels, seconds = cpu_of(lambda: model.fit(X, **links).labels_)
    except InfeasibleConstraintsError:
        return {"ari": None}
    return {"ari": float(adjusted_rand_score(y, labels)), "cpu_s": seconds}


def measure_rule(name, folder, asked):
    """With examples and without: what is better, and the share the rule looks at."""
    from skdeepcluster import ConstrainedKMeans
    from skdeepcluster._row_links import checked_links
    from skdeepcluster.constrained import _told_examples
    from skdeepcluster.model_selection import ask_pairs

    X, y = rows_of(name, folder, MAX_ROWS)
    k = int(y.max()) + 1
    model = ConstrainedKMeans(k, random_state=0)
    links = random_links(y, 200, np.random.default_rng(0))
    if asked:
        _, *pairs = ask_pairs(model, X, lambda i, j: y[i] == y[j], 100)
        links = dict(zip(links, pairs, strict=True))
    checked = checked_links(*links.values(), np.full(len(X), -1), None)
    groups = _told_examples.refused_groups(checked, k)
    share = float(np.count_nonzero(groups >= 0) / checked.named.sum())
    row = {"share": share}
    kept = _told_examples.LEAST_SHARE
    for way, least in (("with", 0.0), ("without", 2.0)):
        _told_examples.LEAST_SHARE = least
        row[way] = float(adjusted_rand_score(y, model.fit(X, **links).labels_))
    _told_examples.LEAST_SHARE = kept
    return row


def measure_questions(n):
    """CPU seconds for 200 questions and their answers."""
    from skdeepcluster import ConstrainedKMeans
    from skdeepcluster.model_selection import ask_pairs

    X, y = blobs(n)
    model = ConstrainedKMeans(20, n_init=1, random_state=0)
    _, seconds = cpu_of(ask_pairs, model, X, lambda i, j: y[i] == y[j], 200)
    questions = model.fit(X)._pair_questions(X)
    _, alone = cpu_of(questions.propose, 200)
    return {"cpu_s": seconds, "questions_s": alone}


def measure_ppp(name, folder, asked, share_wrong, seed):
    """PPP with links: agreement, and how far the number of clusters is off."""
    from skdeepcluster import PPP, ConstrainedKMeans
    from skdeepcluster.model_selection import ask_pairs

    X, y = rows_of(name, folder, MAX_ROWS)
    k, rng = int(y.max()) + 1, np.random.default_rng(seed)
    asker = ConstrainedKMeans(k, n_init=1, random_state=0)
    if share_wrong:
        asker.set_params(link_strength=3.0)

    def answer(i, j):
        return (y[i] == y[j]) ^ (rng.random() < share_wrong)

    row, links, before = {}, {"must_link": None, "cannot_link": None}, 0
    for n in (0, *ASKED):
        if n and asked:
            _, *pairs = ask_pairs(asker, X, answer, n - before, **links)
            links = dict(zip(links, pairs, strict=True))
        elif n:
            links = random_links(y, n, np.random.default_rng(seed), share_wrong)
        before = n
        labels, row[f"cpu_s {n}"] = cpu_of(partial(PPP().fit_predict, **links), X)
        row[str(n)] = float(adjusted_rand_score(y, labels))
        row[f"off {n}"] = float(abs(np.log((labels.max() + 1) / k)))
    return row


def ratio(own, peer, key):
    if not peer or peer.get("missing") or "error" in peer:
        return "not installed" if peer and peer.get("missing") else "-"
    return f"{peer[key] / own[key]:.1f}"


def sizes_part(results, folder):
    body = []
    for name, k, slack in SIZED:
        row = [
            results.measure(
                partial(measure_sizes, way, name, k, slack, folder),
                part="sizes",
                way=way,
                table=name,
                slack=slack,
            )
            for way in ("own", "peer")
        ]
        if row[0] is None:
            continue
        own, peer = row
        cells = [f"{own['cpu_s']:.3f}", f"{own['inertia']:,.0f}"]
        if peer is None or peer.get("missing"):
            cells += ["not run", "", "", ""]
        else:
            change = own["inertia"] / peer["inertia"] - 1
            cells += [f"{peer['cpu_s']:.2f}", f"{peer['inertia']:,.0f}"]
            cells += [ratio(own, peer, "cpu_s"), f"{change:+.3%}"]
        limits = "equal" if slack == 0 else f"+-{slack:.0%}"
        body.append([f"{name}, k = {k}, {limits}", *cells])
    head = ["rows", "own: CPU s", "inertia", "k-means-constrained: CPU s", "inertia"]
    return "## Sizes, from the same start", format_table(
        [*head, "times as long", "own inertia"], body
    )


def single_part(results):
    lines = []
    for way in ("own", "peer"):
        row = results.measure(partial(measure_scale, way), part="scale", way=way)
        name = "ConstrainedKMeans" if way == "own" else "k-means-constrained"
        if row and not row.get("missing"):
            same = " and ".join(f"{share:.1%}" for share in row["same"])
            lines.append(
                f"- {name}, 1,000 rows times 1e-6 and 1e8: {same} of the rows get the "
                "same label."
            )
        elif row:
            lines.append(f"- {name} is not installed: its scales were not looked at.")
    row = results.measure(measure_large, part="large")
    if row:
        more = row["peak_mib"] - row["base_mib"]
        lines.append(
            f"- 1,000,000 x 16, k = 20, +-20 %, one start, at most 20 steps: "
            f"{row['cpu_s']:.1f} CPU s for {row['n_iter']} steps after the plain ones, "
            f"{more:,.0f} MiB above what was there before the fit."
        )
    row = results.measure(measure_weights, part="weights")
    if row:
        lines.append(
            f"- 10,000 rows of weights, k = 20, +-5 %: bounds "
            f"{'hold' if row['kept'] else 'do not hold'}, gap {row['gap']:.4%}, "
            f"{row['cpu_s']:.2f} CPU s."
        )
    row = results.measure(measure_links, part="links")
    if row:
        lines.append(
            f"- 10,000 rows, 500 right random links, k = 20, +-20 %: "
            f"{row['links_kept']:.1%} of the links are kept, bounds "
            f"{'hold' if row['kept'] else 'do not hold'}, gap {row['gap']:.4%}, "
            f"{row['cpu_s']:.2f} CPU s, about {row['step_s']:.2f} a step."
        )
    for n in (1_200, 100_000):
        row = results.measure(partial(measure_questions, n), part="questions", n=n)
        if row:
            lines.append(
                f"- 200 questions at {n:,} rows, answers checked after every 10: "
                f"{row['cpu_s']:.2f} CPU s; the questions alone, unanswered, "
                f"{row['questions_s']:.2f}."
            )
    return "## One by one", "\n".join(lines)


def asked_part(results, folder):
    body, seeds = [], (0, 1, 2)
    ways = [
        ("15 tables, right, hard", TABLES, np.inf, 0.0, (0,)),
        ("iris, seeds, wine, 5 % wrong, strength 3", EASY, 3.0, SHARE_WRONG, seeds),
        ("the same, strength 10", EASY, 10.0, SHARE_WRONG, seeds),
        ("four harder ones, 5 % wrong, strength 3", HARDER, 3.0, SHARE_WRONG, (0,)),
        ("the same, strength 10", HARDER, 10.0, SHARE_WRONG, (0,)),
    ]
    for title, tables, strength, wrong, used in ways:
        rows = [
            results.measure(
                partial(measure_asked, name, folder, strength, wrong, seed),
                part="asked",
                table=name,
                strength=str(strength),
                wrong=wrong,
                seed=seed,
            )
            for seed in used
            for name in tables
        ]
        rows = [row for row in rows if row]
        if not rows:
            continue
        cells = [f"{fmean(row[str(n)] for row in rows):.3f}" for n in (0, *ASKED)]
        for n in ASKED:
            peer = [row[f"peer {n}"] for row in rows if row[f"peer {n}"] is not None]
            cells.append(f"{fmean(peer):.3f} ({len(peer)})" if peer else "none (0)")
        body.append([title, str(len(rows)), *cells])
    head = ["tables", "runs", "0", *map(str, ASKED)]
    head += [f"PCKMeans {n} (runs)" for n in ASKED]
    return "## Asked pairs: mean adjusted Rand index", format_table(head, body)


def random_part(results, folder):
    body = []
    for strength in (3.0, 10.0, np.inf):
        rows = [
            results.measure(
                partial(measure_random, name, folder, strength, 0),
                part="random",
                table=name,
                strength=str(strength),
            )
            for name in TABLES
        ]
        found = [row["ari"] for row in rows if row and row["ari"] is not None]
        if found:
            name = "hard" if np.isinf(strength) else f"strength {strength:g}"
            body.append([name, f"{len(found)} of {len(TABLES)}", f"{fmean(found):.3f}"])
    return "## 200 random pairs, 5 % wrong", format_table(
        ["links", "tables with an answer", "mean adjusted Rand index of these"], body
    )


def rule_part(results, folder):
    rows = {}
    for name in TABLES:
        for asked in (False, True):
            row = results.measure(
                partial(measure_rule, name, folder, asked),
                part="rule",
                table=name,
                asked=asked,
            )
            if row:
                rows[name, asked] = row
    if not rows:
        return ()

    def mean(threshold, names):
        return fmean(
            row["with"] if row["share"] >= threshold else row["without"]
            for (name, _), row in rows.items()
            if name in names
        )

    names = sorted({name for name, _ in rows})
    body = [[f"{t:g}", f"{mean(t, names):.3f}"] for t in THRESHOLDS]
    chosen = [
        max(THRESHOLDS, key=lambda t: mean(t, [n for n in names if n != left]))
        for left in names
    ]
    held_out = fmean(mean(t, [n]) for t, n in zip(chosen, names, strict=True))
    counts = ", ".join(f"{t:g} ({chosen.count(t)} times)" for t in sorted(set(chosen)))
    return (
        "## From which share on rows stand as examples",
        "Mean adjusted Rand index over 200 random and 100 asked right pairs, by the "
        "least share of named rows in the largest groups; 0 is always, 2 never.",
        format_table(["least share", "mean"], body),
        f"Chosen on the other {len(names) - 1} tables: {counts}, with a mean of "
        f"{held_out:.3f} on the table left out. {_of_equal_shares(mean, names)}",
    )


def _of_equal_shares(mean, names):
    """Say which share the package takes, and what else would have done as well."""
    from skdeepcluster.constrained._told_examples import LEAST_SHARE

    own = mean(LEAST_SHARE, names)
    same = [f"{t:g}" for t in THRESHOLDS if abs(mean(t, names) - own) < 5e-4]
    if len(same) == 1:
        return f"The package takes {LEAST_SHARE:g}."
    return (
        "Of shares with equal means the least one is counted. The package takes "
        f"{LEAST_SHARE:g}, which is plain to say: these tables do not tell "
        f"{', '.join(same)} apart."
    )


def ppp_part(results, folder):
    body = []
    for title, asked, wrong, seeds in (
        ("random, right", False, 0.0, (0, 1)),
        ("random, 5 % wrong", False, SHARE_WRONG, (0, 1)),
        ("asked, right", True, 0.0, (0,)),
        ("asked, 5 % wrong", True, SHARE_WRONG, (0,)),
    ):
        rows = [
            results.measure(
                partial(measure_ppp, name, folder, asked, wrong, seed),
                part="ppp",
                table=name,
                asked=asked,
                wrong=wrong,
                seed=seed,
            )
            for seed in seeds
            for name in TABLES
        ]
        rows = [row for row in rows if row]
        if rows:
            cells = [
                f"{fmean(row[str(n)] for row in rows):.3f}, "
                f"{fmean(row[f'off {n}'] for row in rows):.2f}"
                for n in (0, *ASKED)
            ]
            body.append([title, str(len(rows)), *cells])
    return (
        "## PPP with links",
        f"Mean adjusted Rand index over {len(TABLES)} tables by the number of pairs, "
        "and the mean of |log(clusters found / classes)|: the number of clusters is "
        "not given. Questions are those of ConstrainedKMeans with the true number of "
        "clusters, with a strength of 3 where answers are wrong.",
        format_table(["pairs", "runs", "0", *map(str, ASKED)], body),
    )


def main():
    """Measure, and write the page."""
    args = page_parser(__doc__.splitlines()[0], data=True, page=True).parse_args()
    known_by = ("part", "way", "table", "slack", "strength", "wrong", "seed", "n")
    results = Results(args.raw, (*known_by, "asked"), only_known=args.page)
    parts = [
        "# K-means under constraints",
        f"Written by `{command()}` with {versions()}. One thread, CPU seconds, on a "
        "shared machine. Tables have at most 1,200 rows where links are concerned, and "
        "are standardised; the number of clusters is the true one. A gap is the "
        "relative distance of the last assignment to a lower bound of its cost. "
        "PCKMeans gets the same answers and draws without a seed; in brackets, how "
        "many of its runs gave labels.",
        *sizes_part(results, args.data),
        *single_part(results),
        *asked_part(results, args.data),
        *random_part(results, args.data),
        *rule_part(results, args.data),
        *ppp_part(results, args.data),
    ]
    write_page(parts, args.out)


if __name__ == "__main__":
    main()
