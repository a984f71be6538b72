"""The methods behind ``--method``, and the summary of what they found."""

from typing import NamedTuple

from .messages import listed

# In standard deviations: a column that differs by less is not worth naming.
NOTABLE_DIFFERENCE = 0.5
FEATURES_SHOWN = 3
TYPICAL_ROWS = 3


def _tell(n_clusters, random_state):
    from .. import TELL

    return TELL(n_clusters, random_state=random_state)


def _tell_autoencoder(n_clusters, random_state):
    from .. import TELL

    return TELL(n_clusters, n_components=10, random_state=random_state)


def _ppp(n_clusters, random_state):
    from .. import PPP

    if n_clusters is None:
        return PPP()
    return PPP(min_clusters=n_clusters, max_clusters=n_clusters)


def _auto(n_clusters, random_state):
    from .. import AutoCluster

    bounds = {"min_clusters": n_clusters, "max_clusters": n_clusters}
    return AutoCluster(random_state=random_state, **(bounds if n_clusters else {}))


# Name of a method -> function (n_clusters, random_state) that builds it.
METHODS = {
    "tell": _tell,
    "tell-autoencoder": _tell_autoencoder,
    "ppp": _ppp,
    "auto": _auto,
}
# Methods that find the number of clusters themselves.
FIND_NUMBER = ("ppp", "auto")


def default_method(n_clusters):
    """Name the method for a number of clusters; None is a number to be found.

    PPP merges what it finds no evidence for, and can only be made to keep a
    given number. Who knows the number is better served by k-means.
    """
    return "ppp" if n_clusters is None else "tell"


def fit_clusters(build, X, n_clusters, random_state):
    """Cluster the rows.

    Returns
    -------
    estimator : object
        Fitted.
    labels : ndarray of shape (n_samples,)
        Cluster of each row.
    confidence : ndarray of shape (n_samples,)
        Probability that the estimator gives to this cluster; NaN where it gives
        none.
    """
    estimator = build(n_clusters, random_state).fit(X)
    return estimator, estimator.labels_, confidences(estimator, X)


def confidences(estimator, X):
    """Probability of each row's cluster; NaN where the estimator gives none."""
    import numpy as np

    if not hasattr(estimator, "predict_proba"):
        return np.full(len(X), np.nan)
    return estimator.predict_proba(X).max(axis=1).round(6)


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
    yield (
        f"chosen by {estimator.scoring}: {estimator.best_name_}; tried: {listed(tried)}"
    )


def readable(number):
    """Write a number with four digits, without powers of ten where it can be."""
    return f"{number:,.0f}" if 1e3 <= abs(number) < 1e15 else f"{number:.4g}"


def distinctions(prepared, members):
    """Yield where some rows differ most from the whole table.

    Columns are compared by the difference of their means in standard
    deviations; of a category only levels that are more frequent here count.
    """
    import numpy as np

    features, X, names = prepared[:3]
    overall, here, spread = X.mean(axis=0), X[members].mean(axis=0), X.std(axis=0)
    strength = (here - overall) / np.where(spread > 0, spread, 1)
    is_number = np.arange(len(names)) < features.select_dtypes("number").shape[1]
    strength[is_number] = np.abs(strength[is_number])
    for j in np.argsort(-strength, kind="stable")[:FEATURES_SHOWN]:
        if strength[j] < NOTABLE_DIFFERENCE:
            return
        if is_number[j]:
            values = features[names[j]]
            inside, outside = readable(values[members].mean()), readable(values.mean())
            yield f"{names[j]}: mean {inside} vs {outside} overall"
        else:
            yield f"{names[j]}: {here[j]:.0%} vs {overall[j]:.0%} overall"


def typical_rows(prepared, members):
    """Name the rows nearest to the mean of some rows."""
    import numpy as np

    X = prepared.X
    distances = np.square(X[members] - X[members].mean(axis=0)).sum(axis=1)
    nearest = np.argsort(distances, kind="stable")[:TYPICAL_ROWS]
    return "typical: " + listed(prepared.row_names[members].iloc[nearest].map(str))


class Described(NamedTuple):
    """One cluster in words."""

    cluster: int
    n_rows: int
    share: float
    confidence: float  # mean over its rows
    remarks: list  # what sets it apart


def described(prepared, labels, confidence):
    """Describe the clusters.

    Parameters
    ----------
    prepared : Prepared
        The rows.
    labels, confidence : ndarray of shape (n_samples,)
        Cluster of each row, and how sure the estimator is of it.

    Returns
    -------
    list of Described
        One for each cluster.
    """
    clusters = []
    for cluster in sorted(set(labels.tolist())):
        members = labels == cluster
        clusters.append(
            Described(
                cluster,
                int(members.sum()),
                float(members.mean()),
                float(confidence[members].mean()),
                remarks_on(prepared, members),
            )
        )
    return clusters


def remarks_on(prepared, members):
    """Say what sets some of the rows apart, and which are typical of them."""
    remarks = list(distinctions(prepared, members))
    remarks = remarks or ["close to the average in every column"]
    if prepared.row_names is not None:
        remarks.append(typical_rows(prepared, members))
    return remarks


def headline(clusters, noun="cluster"):
    """Say how many clusters and rows there are."""
    n_rows = sum(cluster.n_rows for cluster in clusters)
    ending = "es" if noun.endswith("s") else "s"
    plural = ending * (len(clusters) > 1)
    return f"{len(clusters)} {noun}{plural} of {n_rows:,} row{'s' * (n_rows > 1)}"


def certainty(confidence):
    """Write a confidence; - where the estimator has none."""
    return f"{confidence:.2f}" if confidence == confidence else "-"


def summary(clusters, noun="cluster", novel=()):
    """Write the table of the clusters.

    Parameters
    ----------
    clusters : list of Described
        The clusters in words.
    noun : str, default="cluster"
        What they are called.
    novel : collection, default=()
        Clusters to mark as new.
    """
    names = [f"{entry[0]}{' (new)' * (entry[0] in novel)}" for entry in clusters]
    width = max(7, *map(len, names))
    lines = [
        headline(clusters, noun),
        "",
        f"{noun:>{width}}      rows   share  confidence  what sets it apart",
    ]
    for name, (_, n_rows, share, confidence, remarks) in zip(
        names, clusters, strict=True
    ):
        sure = certainty(confidence)
        lines.append(
            f"{name:>{width}}{n_rows:>10,}{share:>8.1%}{sure:>12}  {remarks[0]}"
        )
        lines += [f"{'':{width + 32}}{remark}" for remark in remarks[1:]]
    return "\n".join(lines)
