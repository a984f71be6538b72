"""What is said of how surely clusters are found again."""

# A cluster of less is not surely there.
DOUBTFUL = 0.5
# A sample shows a cluster whose Jaccard index with one of its own is more than this:
# Hennig (2007) calls such clusters valid.
SHOWN = 0.75


def often(stability):
    """Write how surely a cluster is found again, and in how many samples.

    Parameters
    ----------
    stability : tuple of (float, int, int), or None
        The stability, and how many samples of how many show the cluster; None where
        nobody looked, NaN where there is nothing to tell.
    """
    if stability is None or stability[0] != stability[0]:
        return "-"
    return "{:.2f} ({} of {})".format(*stability)


def stabilities(found, labels):
    """Stability of every cluster and the samples that show it, by its name.

    Parameters
    ----------
    found : Bunch
        By :func:`~skdeepcluster.model_selection.cluster_stability`.
    labels : ndarray of shape (n_samples,)
        The clusters.
    """
    shown = (found.jaccard > SHOWN).sum(axis=0).tolist()
    names = sorted(set(labels.tolist()))
    n_samples = len(found.jaccard)
    return {
        name: (value, number, n_samples)
        for name, value, number in zip(names, found.stability, shown, strict=True)
    }


def stability_notes(found, labels, asked):
    """Yield in words how surely clusters are found again.

    Parameters
    ----------
    found : Bunch or str
        Or why nobody looked.
    labels : ndarray of shape (n_samples,)
        The clusters.
    asked : int or None
        The number that was asked for; None where it was found.
    """
    if isinstance(found, str):
        yield f"nobody looked whether the clusters are found again: {found}"
        return
    n_samples, n_clusters = len(found.n_found), len(found.stability)
    if n_clusters > 1:
        yield (
            "found again: 1 is always, 0 no more surely than in tables without groups; "
            f"in brackets how many of {n_samples} samples of the rows show the cluster"
            + "; - for clusters of too few rows to tell"
            * any(value != value for value in found.stability)
        )
    if asked is None:
        numbers = found.n_found.tolist()
        counts = {number: numbers.count(number) for number in numbers}
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        named = ", ".join(f"{number} in {times}" for number, times in ranked)
        never = f"; {n_clusters} in none" * (n_clusters not in counts)
        yield f"number of clusters in {n_samples} samples of the rows: {named}{never}"
    yield from doubts(stabilities(found, labels))


def doubts(by_name):
    """Yield which clusters are doubtful: few samples show them, or those of chance."""
    doubtful = {name: t for name, t in by_name.items() if t[0] < DOUBTFUL}
    seldom = [name for name, (_, shown, n) in doubtful.items() if 2 * shown <= n]
    if seldom:
        yield (
            f"hardly found again: {', '.join(map(str, seldom))}; other rows might not "
            "show these"
        )
    by_chance = [name for name in doubtful if name not in seldom]
    if by_chance:
        yield (
            "found again, but hardly more surely than in tables without groups: "
            f"{', '.join(map(str, by_chance))}; these may be slices of one group, or "
            "values of one column"
        )
