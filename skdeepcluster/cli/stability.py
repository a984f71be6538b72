"""Whether clusters are found again in halves of the rows, or samples of many."""

from typing import NamedTuple

N_HALVES = 10
# Rows that a half is drawn from: more show little more, and cost time.
MOST_ROWS = 2_000
# A cluster is found again where its rows and those of the most similar cluster of a
# half have so much in common: rows in both over rows in either.
ALIKE = 0.75


class Stability(NamedTuple):
    """How often clusters are found again.

    Attributes
    ----------
    found : dict of object to int
        In how many halves each cluster was found again.
    all_found : int
        In how many halves all of them were.
    shares : ndarray of shape (n_samples,)
        Share of the halves whose most similar cluster has the row.
    numbers : dict of int to int
        In how many halves so many clusters were found.
    halves : str
        What the halves are: of many rows, samples.
    """

    found: dict
    all_found: int
    shares: object
    numbers: dict
    halves: str


def stability(fit, rows, labels, random_state):
    """Cluster halves of the rows, and look for the clusters in each.

    Parameters
    ----------
    fit : callable
        Fits an estimator to rows, and returns it.
    rows : ndarray or DataFrame
        All rows.
    labels : ndarray of shape (n_samples,)
        Their clusters.
    random_state : int
        Decides which halves.

    Returns
    -------
    Stability
    """
    import numpy as np

    rng = np.random.default_rng(random_state)
    names = sorted(set(labels.tolist()))
    found, all_found, numbers = dict.fromkeys(names, 0), 0, {}
    shares = np.zeros(len(labels))
    n_taken = min(len(labels), MOST_ROWS) // 2
    halves = "halves of the rows"
    if len(labels) > MOST_ROWS:
        halves = f"samples of {n_taken:,} rows"
    for _ in range(N_HALVES):
        taken = np.sort(rng.choice(len(labels), n_taken, replace=False))
        half = rows.iloc[taken] if hasattr(rows, "iloc") else rows[taken]
        model = fit(half)
        others = np.asarray(model.predict(rows))
        number = len(set(np.asarray(model.labels_).tolist()))
        numbers[number] = numbers.get(number, 0) + 1
        again = 0
        for name in names:
            twin, alike = most_similar(labels == name, others)
            shares[(labels == name) & (others == twin)] += 1 / N_HALVES
            found[name] += alike >= ALIKE
            again += alike >= ALIKE
        all_found += again == len(names)
    return Stability(found, all_found, shares.round(6), numbers, halves)


def most_similar(members, others):
    """The cluster that has most in common with some rows, and how much that is."""
    import numpy as np

    names, codes = np.unique(others, return_inverse=True)
    both = np.bincount(codes[members], minlength=len(names))
    either = members.sum() + np.bincount(codes) - both
    alike = both / either
    return names[alike.argmax()], float(alike.max())


def stability_notes(found, n_clusters, asked):
    """Yield in words how often clusters were found again.

    Parameters
    ----------
    found : Stability or str
        Or why nobody looked.
    n_clusters : int
        Number of clusters.
    asked : int or None
        The number that was asked for; None where it was found.
    """
    if isinstance(found, str):
        yield f"nobody looked whether the clusters are found again: {found}"
        return
    if n_clusters > 1:
        yield (
            f"all clusters found again in {found.all_found} of {N_HALVES} "
            f"{found.halves}"
        )
    if asked is None:
        ranked = sorted(found.numbers.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{number} in {times}" for number, times in ranked)
        never = f"; {n_clusters} in none" * (n_clusters not in found.numbers)
        if found.numbers.get(n_clusters) == N_HALVES:
            named = f"{n_clusters} in all of them"
        yield f"number of clusters in {N_HALVES} {found.halves}: {named}{never}"
    doubtful = [name for name, times in found.found.items() if 2 * times < N_HALVES]
    if doubtful and n_clusters > 1:
        yield (
            f"found again in fewer than half of them: {', '.join(map(str, doubtful))}; "
            "other rows might not show these"
        )
