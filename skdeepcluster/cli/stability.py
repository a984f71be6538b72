"""What is said of how surely clusters are found again."""

# A cluster of less is not surely there.
DOUBTFUL = 0.5


def often(stability):
    """Write how surely a cluster is found again, and the bounds of the samples.

    Parameters
    ----------
    stability : tuple of 3 float, or None
        The stability, and the least and the largest of one sample; None where nobody
        looked, NaN where there is nothing to tell.
    """
    if stability is None or stability[0] != stability[0]:
        return "-"
    return "{:.2f} ({:.2f}-{:.2f})".format(*stability)


def stabilities(found, labels):
    """Stability and its bounds of every cluster, by its name.

    Parameters
    ----------
    found : Bunch
        By :func:`~skdeepcluster.model_selection.cluster_stability`.
    labels : ndarray of shape (n_samples,)
        The clusters.
    """
    triples = zip(found.stability, found.low, found.high, strict=True)
    return dict(zip(sorted(set(labels.tolist())), triples, strict=True))


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
            "found again: 1 is always, 0 no more than in tables without groups; in "
            f"brackets the worst and the best of {n_samples} samples of the rows"
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
    doubtful = [
        str(name)
        for name, (value, *_) in stabilities(found, labels).items()
        if value < DOUBTFUL
    ]
    if doubtful:
        yield (
            f"hardly found again: {', '.join(doubtful)}; other rows might not show "
            "these"
        )
