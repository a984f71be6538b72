"""The methods behind ``--method``, and the summary of what they found."""

from .._printing import shortened
from .messages import listed
from .stability import often

# From about so many rows a cluster, PPP can tell clusters from chance.
ROWS_PER_CLUSTER = 70


def _kmeans(n_clusters, random_state):
    from sklearn.cluster import KMeans

    return KMeans(n_clusters, n_init=10, random_state=random_state)


def _sdp(n_clusters, random_state):
    from .. import SDPKMeans

    return SDPKMeans(n_clusters, random_state=random_state)


def _tell(n_clusters, random_state):
    from .. import TELL

    return TELL(n_clusters, random_state=random_state)


def _tell_autoencoder(n_clusters, random_state):
    from .. import TELL

    return TELL(n_clusters, n_components=10, random_state=random_state)


def _ppp(n_clusters, random_state):
    from .. import PPP

    # The encoder has scaled the columns; to do so again would undo it.
    if n_clusters is None:
        return PPP(scale=False)
    return PPP(min_clusters=n_clusters, max_clusters=n_clusters, scale=False)


def _mixed(n_clusters, random_state):
    from .. import MixedMixture

    return MixedMixture("auto" if n_clusters is None else n_clusters)


def _auto(n_clusters, random_state):
    from .. import AutoCluster

    bounds = {"min_clusters": n_clusters, "max_clusters": n_clusters}
    return AutoCluster(
        scale=False, random_state=random_state, **(bounds if n_clusters else {})
    )


def _graph(n_clusters, random_state):
    from .. import GraphClusterer

    number = "auto" if n_clusters is None else n_clusters
    return GraphClusterer(number, random_state=random_state)


def _constrained(n_clusters, random_state):
    from .. import ConstrainedKMeans

    return ConstrainedKMeans(n_clusters, random_state=random_state)


def _vote(n_clusters, random_state):
    from .. import VotingClusterer

    return VotingClusterer(n_clusters=n_clusters, random_state=random_state)


# Name of a method -> function (n_clusters, random_state) that builds it.
METHODS = {
    "kmeans": _kmeans,
    "sdp": _sdp,
    "tell": _tell,
    "tell-autoencoder": _tell_autoencoder,
    "ppp": _ppp,
    "mixed": _mixed,
    "auto": _auto,
    "graph": _graph,
    "vote": _vote,
    "constrained": _constrained,
}
# Methods that find the number of clusters themselves.
FIND_NUMBER = ("ppp", "mixed", "auto", "vote")
# Methods that follow from other options.
BY_OPTIONS = ("graph", "constrained")
# Methods that take the columns themselves in place of the encoded rows.
TAKE_COLUMNS = ("mixed",)
# Methods whose fits take too long to be repeated on samples of the rows.
SLOW = ("tell-autoencoder", "auto", "sdp", "vote")


def default_method(n_clusters, has_words_or_gaps):
    """Name the method for a table; `n_clusters` is None where it is to be found.

    PPP merges what it finds no evidence for, and can only be made to keep a given
    number: who knows the number of a table of numbers is better served by k-means.
    """
    if has_words_or_gaps:
        return "mixed"
    return "ppp" if n_clusters is None else "kmeans"


def method_note(method, has_words_or_gaps, methods=METHODS):
    """Say which method was taken where none was asked for, and why."""
    what = (
        "are categories or missing cells" if has_words_or_gaps else "are only numbers"
    )
    others = listed(name for name in methods if name not in (method, *BY_OPTIONS))
    return f"method: {method}, since there {what}; --method takes another: {others}"


def number_by_size(kmeans, weights=None):
    """Number the clusters of scikit-learn's KMeans as this package does."""
    import numpy as np

    from .._rows import canonical_order

    sizes = np.bincount(kmeans.labels_, weights, kmeans.n_clusters)
    order = canonical_order(sizes, kmeans.cluster_centers_)
    kmeans.cluster_centers_ = np.ascontiguousarray(kmeans.cluster_centers_[order])
    kmeans.labels_ = np.argsort(order)[kmeans.labels_].astype(kmeans.labels_.dtype)


def choice_notes(estimator):
    """Yield a line that says what AutoCluster tried and chose."""
    if not hasattr(estimator, "leaderboard_"):
        return
    tried = [
        f"{entry.name} ({entry.error})"
        if entry.error
        else f"{entry.name} ({entry.n_clusters} clusters, {entry.score:.2f})"
        for entry in estimator.leaderboard_.itertuples(index=False)
    ]
    score = estimator.scoring
    if score == "auto":
        score = "agreement" if hasattr(estimator, "levels_") else "stability"
    yield (f"chosen by {score}: {estimator.best_name_}; tried: {listed(tried)}")


def vote_notes(estimator):
    """Yield on how many rows the members of a vote agree."""
    if hasattr(estimator, "coverage_"):
        names = listed(name for name, _ in estimator.estimators_)
        yield (
            f"all of {names} agree on {estimator.coverage_:.0%} of the rows; --out "
            "says in cluster_agreement how many do on each"
        )


def one_cluster_notes(n_clusters, n_rows, asked):
    """Yield why there is but one cluster, and what could be tried."""
    if n_clusters > 1 or asked is not None:
        return
    if n_rows < 2 * ROWS_PER_CLUSTER:
        why = (
            f"{n_rows} rows are few: from about {ROWS_PER_CLUSTER} rows a cluster, "
            "clusters can be told from chance"
        )
    else:
        why = "the rows show no evidence of more than one cluster"
    yield (
        f"one cluster: {why}; --min-clusters 2 or --n-clusters K splits them anyway, "
        "--drop leaves out columns that only add noise"
    )


def headline(clusters, noun="cluster"):
    """Say how many clusters and rows there are."""
    n_rows = sum(cluster.n_rows for cluster in clusters)
    named = plural(noun) if len(clusters) > 1 else noun
    return f"{len(clusters)} {named} of {n_rows:,} row{'s' * (n_rows > 1)}"


def plural(noun):
    """The plural of "cluster" or "class"."""
    return noun + ("es" if noun.endswith("s") else "s")


def summary(clusters, noun="cluster", novel=(), notes=()):
    """Write the table of the clusters, line by line.

    Parameters
    ----------
    clusters : list of Described
        The clusters in words.
    noun : str, default="cluster"
        What they are called.
    novel : collection, default=()
        Clusters to mark as new.
    notes : iterable of str, default=()
        Lines to end with, such as those about stability.
    """
    names = [
        f"{shortened(entry[0])}{' (new)' * (entry[0] in novel)}" for entry in clusters
    ]
    width = max(7, *map(len, names))
    measured = any(entry.found_again is not None for entry in clusters)
    column = f"{'found again':>18}" * measured
    lines = [
        headline(clusters, noun),
        "",
        f"{noun:>{width}}      rows   share{column}  what sets it apart",
    ]
    for name, (_, n_rows, share, again, remarks) in zip(names, clusters, strict=True):
        cell = f"{often(again):>18}" * measured
        lines.append(f"{name:>{width}}{n_rows:>10,}{share:>8.1%}{cell}  {remarks[0]}")
        indent = width + 20 + len(column)
        lines += [f"{'':{indent}}{remark}" for remark in remarks[1:]]
    return [*lines, *[""] * bool(notes), *notes]
